"""The layers and models that make videos: hyper weights, attention, flow, points, and that they learn."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from drawn import clips, few_shot_clips
from PIL import Image
from runs import FLAGS

import cgan
from cgan import models
from cgan.labels import Label, Palette
from cgan.layers.attention import ReferenceAttention
from cgan.layers.flow import FlowNet, warp
from cgan.layers.hyper import WeightGenerator, conv_each, pooled
from cgan.layers.multi import MultiBlock
from cgan.layers.points import Place, Points, grown, no_points, render
from cgan.models import fs_vid2vid, vid2vid
from cgan.tasks import Geometry
from train import launch, recipes
from train.data.batches import Clip, FewShotClip
from train.data.clips import Window
from train.data.sprites import read_sprites
from train.engine.bank import PRECISIONS, Bank
from train.engine.starting import load_start
from train.judge.animation import animated
from train.world import motion

SIZE = (32, 48)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# Layers


@pytest.mark.parametrize("kernel", [1, 3])
def test_each_sample_has_its_own_weights(kernel):
    """One call equals a loop over the samples, gradients too."""
    x, weight, bias = numbers(3, 4, 6, 5), numbers(3, 7, 4, kernel, kernel, seed=1), numbers(3, 7, seed=2)
    x.requires_grad_(), weight.requires_grad_(), bias.requires_grad_()
    at_once = conv_each(x, weight, bias)
    one_by_one = torch.cat(
        [F.conv2d(x[i : i + 1], weight[i], bias[i], padding=kernel // 2) for i in range(3)]
    )
    assert torch.allclose(at_once, one_by_one, atol=1e-5)
    ours = torch.autograd.grad(at_once.square().sum(), (x, weight, bias))
    theirs = torch.autograd.grad(one_by_one.square().sum(), (x, weight, bias))
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in zip(ours, theirs, strict=True))


def test_parts_are_pooled_over_all_references():
    parts, features = numbers(2, 3, 4, 5, 6).softmax(2), numbers(2, 3, 7, 5, 6, seed=1)
    matrix = pooled(parts, features)
    assert matrix.shape == (2, 4, 8)
    share = parts.mean((1, 3, 4))
    assert torch.allclose(matrix[..., -1], share.sqrt(), atol=1e-3)
    order = torch.tensor([2, 0, 1])
    assert torch.allclose(pooled(parts[:, order], features[:, order]), matrix, atol=1e-5)
    weights = WeightGenerator(4, 8, 6, [10, 12])(matrix)
    assert [weight.shape for weight in weights] == [(2, 10, 4, 1, 1), (2, 12, 4, 1, 1)]


@pytest.mark.parametrize("count", [1, 3, 8])
def test_attention_does_not_know_the_order_of_references(count):
    torch.manual_seed(0)
    attention = ReferenceAttention(4, 5, 6)
    queries, values = numbers(2, 4, 6, 7), numbers(2, count, 3, 6, 7)
    keys = numbers(2, count, 5, 6, 7, seed=1)
    found = attention(queries, keys, values)
    assert found.values.shape == (2, 3, 6, 7) and found.places.shape == (2, count, 2, 6, 7)
    assert torch.allclose(found.mass.sum(1), torch.ones(2, 6, 7), atol=1e-5)
    order = torch.randperm(count)
    again = attention(queries, keys[:, order], values[:, order])
    assert torch.allclose(again.values, found.values, atol=1e-5)
    assert torch.allclose(again.mass, found.mass[:, order], atol=1e-5)
    assert torch.allclose(again.places, found.places[:, order], atol=1e-4)


def test_attention_finds_what_was_moved():
    """Keys that are the queries, moved two to the right: values and places tell so."""
    attention = ReferenceAttention(16, 16, 18)
    with torch.no_grad():
        for layer in (attention.to_query, attention.to_key):
            layer.weight.copy_(torch.eye(18, 18)[:, :, None, None])
            layer.weight[16:] = 0  # where they are does not count
            layer.bias.zero_()
        attention.sharpness.fill_(5.0)
    queries = numbers(1, 16, 8, 8)
    keys = queries.roll(2, 3)[:, None]
    found = attention(queries, keys, keys)
    assert torch.allclose(found.values, queries, atol=1e-3)
    columns = found.places[0, 0, 0, :, :6] * 8 - 0.5
    assert torch.allclose(columns, torch.arange(6).float() + 2, atol=1e-2)


def test_warp_fetches_along_the_flow():
    image, flow = numbers(2, 3, 6, 8), torch.zeros(2, 2, 6, 8)
    assert torch.allclose(warp(image, flow), image, atol=1e-6)
    flow[:, 0], flow[:, 1] = 2.0, -1.0
    moved = warp(image, flow)
    assert torch.allclose(moved[:, :, 1:, :-2], image[:, :, :-1, 2:], atol=1e-5)
    assert torch.allclose(moved, motion.warp(image, flow), atol=1e-5), "the world's own convention"
    flow.fill_(0.5).requires_grad_()
    warp(image, flow).square().sum().backward()
    assert flow.grad.abs().max() > 0


def test_flow_leads_back_in_the_clips():
    """Warping the frame before along a clip's flow gives the frame: the convention of all batches."""
    clip = clips(2, SIZE).batch([0, 1], 0, SIZE, augment=False)
    for t in range(1, clip.images.shape[1]):
        moved = warp(clip.images[:, t - 1], clip.flow[:, t - 1])
        still, apart = (
            ((image - clip.images[:, t]).abs() * clip.seen[:, t - 1]).mean()
            for image in (clip.images[:, t - 1], moved)
        )
        assert apart < 0.3 * still, "up to the blur of cropping"


def test_flow_net_doubles():
    flow, mask = FlowNet(5, 4, 2, 8)(numbers(2, 5, 8, 12))
    assert flow.shape == (2, 2, 16, 24) and mask.shape == (2, 1, 16, 24)


def test_a_condition_that_is_missing_changes_nothing_else():
    torch.manual_seed(0)
    block = MultiBlock(4, 6, [3, 2])
    x, one, other = numbers(2, 4, 8, 8), numbers(2, 3, 8, 8), numbers(2, 2, 8, 8)
    assert block(x, [one, None]).shape == (2, 6, 8, 8)
    assert not torch.allclose(block(x, [one, None]), block(x, [one, other]))
    assert block.made_for == [8, 8, 8]


# Points


def place(depth: torch.Tensor, shift: float = 0.0) -> Place:
    """A camera of focal length 4, moved to the right by `shift` metres."""
    batch, (height, width) = len(depth), depth.shape[2:]
    pose = torch.eye(4).repeat(batch, 1, 1)
    pose[:, 0, 3] = shift
    return Place(depth, pose, torch.tensor([4.0, 4.0, width / 2, height / 2]).repeat(batch, 1))


@pytest.mark.parametrize("batch", [1, 2])
def test_a_frame_is_seen_again_from_its_place(batch):
    here = place(1 + numbers(batch, 1, 6, 8).abs())
    image = numbers(batch, 3, 6, 8, seed=1)
    nothing, covered = render(no_points(here), here)
    assert not nothing.any() and not covered.any()
    points = grown(no_points(here), image, covered, here, 1000)
    again, covered = render(points, here)
    assert torch.equal(again, image) and covered.all()
    assert grown(points, -image, covered, here, 1000).there.sum() == batch * 48, "the first colour stays"
    assert torch.equal(render(grown(points, -image, covered, here, 1000), here)[0], image)


def test_points_move_with_the_camera():
    """At 2 m and focal length 4, a step of 1 m to the right moves the picture by 2 pixels to the left."""
    here, there = place(torch.full((2, 1, 6, 8), 2.0)), place(torch.full((2, 1, 6, 8), 2.0), 1.0)
    image = numbers(2, 3, 6, 8)
    points = grown(no_points(here), image, torch.zeros(2, 1, 6, 8), here, 1000)
    seen, covered = render(points, there)
    assert torch.equal(seen[..., :-2], image[..., 2:])
    assert covered[..., :-2].all() and not covered[..., -2:].any()
    more = grown(points, -image, covered, there, 1000)
    assert more.there.sum() == 2 * (48 + 12), "only what was new"


def test_the_nearer_point_wins_and_of_two_the_first():
    depth = torch.zeros(1, 1, 3, 3)  # unknown: hides nothing
    here = place(depth)
    position = torch.tensor([[[0.0, 0.0, 5.0], [0.0, 0.0, 2.0], [0.0, 0.0, 2.0], [0.0, 0.0, -1.0]]])
    colour = torch.tensor([[[0.1] * 3, [0.2] * 3, [0.3] * 3, [0.4] * 3]])
    image, covered = render(Points(position, colour, torch.ones(1, 4)), here)
    assert covered.sum() == 1 and torch.allclose(image[0, :, 1, 1], torch.tensor(0.2))
    gone = Points(position, colour, torch.tensor([[1.0, 0.0, 0.0, 1.0]]))
    assert torch.allclose(render(gone, here)[0][0, :, 1, 1], torch.tensor(0.1))
    wall = Points(position, colour, torch.ones(1, 4))
    assert not render(wall, place(depth + 1.0))[1].any(), "what lies behind the frame's surface is hidden"


@pytest.mark.parametrize("batch", [1, 2])
def test_the_number_of_points_is_bounded(batch):
    points, there = None, 0.0
    for step in range(4):
        here = place(torch.full((batch, 1, 6, 8), 2.0), 4.0 * step)  # all is new each time
        points = no_points(here) if points is None else points
        image = torch.full((batch, 3, 6, 8), step / 4)
        points = grown(points, image, render(points, here)[1], here, 100)
        there = points.there.sum(1)
    assert points.position.shape[1] == 100 and (there == 100).all()
    assert points.colour.min() == 0.25 and points.colour.max() == 0.75, "the oldest are forgotten"


# Models


def test_references_come_in_any_number_and_order():
    torch.manual_seed(0)
    model = fs_vid2vid.Model(fs_vid2vid.PRESETS["tiny"])
    batch = FewShotClip.fake(2, SIZE, 8, 1, 3)
    labels = batch.labels[:, 0]
    for count in (1, 3):
        frame = model(labels, model.look(batch.references[:, :count]))
        assert frame.image.shape == (2, 3, *SIZE) and frame.past is None
    one = model(labels, model.look(batch.references, batch.reference_labels)).image
    order = torch.tensor([1, 2, 0])
    other = model(labels, model.look(batch.references[:, order], batch.reference_labels[:, order])).image
    assert torch.allclose(one, other, atol=1e-4)
    assert not torch.allclose(one, model(labels, model.look(batch.references)).image)


def test_references_reach_the_frame_by_each_way():
    torch.manual_seed(0)
    model = fs_vid2vid.Model(fs_vid2vid.PRESETS["tiny"])
    batch = FewShotClip.fake(1, SIZE, 8, 1, 1)
    look = model.look(batch.references.requires_grad_())
    frame = model(batch.labels[:, 0], look)
    for part in (frame.copied, frame.warped, look.weights[0], frame.image):
        (gradient,) = torch.autograd.grad(part.square().sum(), batch.references, retain_graph=True)
        assert gradient.isfinite().all() and gradient.abs().max() > 0


def test_smoothly_doubled_features_leave_no_seams():
    """Within an area of one class, rows change no more where coarse pixels end than elsewhere."""
    labels = torch.arange(4).repeat_interleave(64)[None, None, :, None].expand(1, 1, 256, 64)

    def seams(smooth: bool, seed: int) -> float:
        torch.manual_seed(seed)
        model = vid2vid.Model(vid2vid.Config(4, 8, 32, smooth=smooth)).eval()
        with torch.no_grad():
            image, _ = model.advance(labels, model.begin(None, None, None, torch.randn(1, 32)))
        rows = image[0, :, :, 32].diff(dim=1).abs().mean(0)
        inside = torch.arange(1, 256) % 64 > 8  # of a class, away from its edges
        at = torch.arange(1, 256) % 8 == 0
        return (rows[inside & at].mean() / rows[inside & ~at].mean()).item()

    assert all(seams(True, seed) < 0.85 * seams(False, seed) for seed in (0, 2, 3))


def test_windows_grow():
    window = Window(1, 100, 6)
    for samples, frames in ((0, 1), (99, 1), (100, 2), (250, 4), (300, 6), (10**9, 6)):
        window.advance(samples)
        assert window.frames == frames
    assert Window(3).frames == 3


VIDEO = [name for name in models.names() if models.module(name).Model.task == "animate"]


def animator(name, tmp_path):
    data = few_shot_clips(4, SIZE) if name == "fs_vid2vid" else clips(4, SIZE)
    recipe = recipes.module(name).Recipe
    model = models.module(name)
    torch.manual_seed(0)
    made = model.Model(recipe.configure(model.PRESETS["tiny"], data))
    for parameter in made.parameters():  # away from the start, where all pictures are grey
        torch.nn.init.normal_(parameter, std=0.2)
    about = {"size": list(SIZE), "data": "none", "licence": "none"}
    return cgan.load(cgan.save(tmp_path / name, made, recipe.palette(data), about), device="cpu")


def given(it, size, frames):
    random = np.random.default_rng(0)
    words = {}
    if it.references[0]:
        words["references"] = [random.integers(0, 255, (40, 30, 3), np.uint8)]
    if it.needs_geometry:
        poses = [np.eye(4) for _ in range(frames)]
        for t, pose in enumerate(poses):
            pose[0, 3] = t / 10
        intrinsics = np.array([size[1], size[1], size[1] / 2, size[0] / 2])
        words["geometry"] = [Geometry(np.full(size, 5.0), pose, intrinsics) for pose in poses]
    return words


def maps_of(size, frames):
    labels = np.zeros(size, np.uint8)
    labels[size[0] // 2 :] = 1
    return [np.roll(labels, t, 0) for t in range(frames)]


@pytest.mark.parametrize("name", VIDEO)
def test_animate(name, tmp_path):
    it = animator(name, tmp_path)
    for size in (SIZE, (21, 35), (1, 3)):
        maps, words = maps_of(size, 3), given(it, size, 3)
        one, again = (list(it.animate(iter(maps), **words)) for _ in range(2))
        assert [frame.shape for frame in one] == [(*size, 3)] * 3 and one[0].dtype == np.uint8
        assert all(np.array_equal(a, b) for a, b in zip(one, again, strict=True))
    words = given(it, SIZE, 3)
    film = it.animate(iter(maps_of(SIZE, 3)), **words)
    first = next(film)
    film.close()
    assert np.array_equal(first, next(it.animate(iter(maps_of(SIZE, 1)), **words)))
    assert list(it.animate([], **words)) == []
    if it.references[0]:
        maps = [np.ones((40, 30), np.uint8)]
        assert not np.array_equal(next(it.animate(maps_of(SIZE, 1), reference_maps=maps, **words)), first)
    else:
        picture = np.full((20, 30, 3), 200, np.uint8)
        assert not np.array_equal(next(it.animate(maps_of(SIZE, 1), first=picture, **words)), first)
        assert not np.array_equal(next(it.animate(maps_of(SIZE, 1), seed=1, **words)), first)


@pytest.mark.parametrize("name", VIDEO)
def test_animate_refuses(name, tmp_path):
    it = animator(name, tmp_path)
    words = given(it, SIZE, 9)
    with pytest.raises(cgan.DataError, match="id 200"):
        list(it.animate([np.full(SIZE, 200, np.uint8)], **words))
    with pytest.raises(cgan.DataError, match="all maps of a clip must be of one size"):
        list(it.animate([np.zeros(SIZE, np.uint8), np.zeros((8, 8), np.uint8)], **words))
    with pytest.raises(ValueError, match="uint8"):
        list(it.animate([np.zeros(SIZE)], **words))
    with pytest.raises(ValueError, match="reference pictures"):  # at once, before the first frame
        it.animate([], **words | {"references": [np.zeros((4, 4, 3), np.uint8)] * 9})
    if it.needs_geometry:
        with pytest.raises(ValueError, match="needs a geometry"):
            it.animate(maps_of(SIZE, 1))
        with pytest.raises(ValueError, match="more maps than geometries"):
            list(it.animate(maps_of(SIZE, 10), **words))
    else:
        with pytest.raises(ValueError, match="takes no geometry"):
            it.animate([], **words | {"geometry": []})


def descend(recipe, banks, batch, rate):
    """One step; the terms of its last loss."""
    terms = {}
    for loss in recipe.step(batch):
        banks[loss.player].backward(sum(loss.terms.values()))
        banks[loss.player].descend(rate)
        terms = loss.terms
    return {name: term.item() for name, term in terms.items()}


def test_two_turns_a_frame():
    recipe = recipes.module("vid2vid").Recipe
    hyper, config = recipes.module("vid2vid").PRESETS["tiny"], vid2vid.PRESETS["tiny"]
    learner = recipe(config, hyper, None)
    banks = {name: Bank(player, PRECISIONS["fp32"]) for name, player in learner.players.items()}
    turns = []
    for loss in learner.step(Clip.fake(1, SIZE, config.classes, 4)):
        turns.append(loss.player)
        banks[loss.player].backward(sum(loss.terms.values()))
        banks[loss.player].descend(1e-4)
    assert turns == ["discriminator", "generator"] * 4


@pytest.mark.parametrize(("name", "discriminator"), [("vid2vid", "patch"), ("fs_vid2vid", "projected")])
def test_the_other_discriminator_learns_and_resumes(name, discriminator, tmp_path, monkeypatch):
    """It is none of the preset's: weights move, and a run that was interrupted ends as one that was not."""
    recipe, draw = recipes.module(name).Recipe, few_shot_clips if name == "fs_vid2vid" else clips
    monkeypatch.setattr(recipe, "builtin", staticmethod(lambda *_: draw(4, (64, 64))))
    words = [
        *FLAGS,
        "--images",
        "4",
        "--batch",
        "2",
        "--validation",
        "none",
        "--discriminator",
        discriminator,
    ]

    def trainer_in(folder):
        given = launch.parse(name, [*words, "--out", str(tmp_path / folder)])
        return launch.build(name, *given, torch.device("cpu"))

    whole = trainer_in("whole")
    begun = {player: bank.master.detach().clone() for player, bank in whole.banks.items()}
    whole.step()
    parts = trainer_in("parts")
    parts.step()
    parts.save()
    resumed = trainer_in("parts")
    for trainer in (whole, resumed):
        trainer.step()
    for player, bank in whole.banks.items():
        assert torch.equal(bank.master, resumed.banks[player].master)
        assert (bank.master != begun[player]).float().mean() > 0.5


def test_a_world_consistent_model_goes_on_from_a_plain_one(tmp_path):
    """All that the two share is taken over; what guidance adds begins as drawn."""
    folder = animator("vid2vid", tmp_path).checkpoint.folder
    _, config, hyper, _ = launch.parse("wc_vid2vid", ["--preset", "tiny", "--start-from", str(folder)])
    assert config.points == models.module("wc_vid2vid").PRESETS["tiny"].points
    weights = load_start(str(folder), config, cgan.load(folder, device="cpu").palette).weights
    recipe = recipes.module("wc_vid2vid").Recipe(config, hyper, None)
    bank = Bank(recipe.players["generator"], PRECISIONS["fp32"])
    lacking = bank.start_from(weights)
    assert lacking and all("of_guide" in name or "modulations.2" in name for name in lacking)
    for name, view in bank.views(bank.master.detach()).items():
        assert name in lacking or torch.equal(view, weights[name])
    with pytest.raises(ValueError, match="is a vid2vid, not a spade"):
        launch.parse("spade", ["--preset", "tiny", "--start-from", str(folder)])


def test_few_shot_clips_are_followed():
    """After a few steps, the frame of a clip is nearer to its own reference's tint than at the start."""
    data = few_shot_clips(4, SIZE)
    module, model = recipes.module("fs_vid2vid"), models.module("fs_vid2vid")
    config = module.Recipe.configure(model.PRESETS["tiny"], data)
    recipe = module.Recipe(config, module.PRESETS["tiny"], None)
    banks = {name: Bank(player, PRECISIONS["fp32"]) for name, player in recipe.players.items()}
    batch = data.batch([0, 1, 2, 3], 0, SIZE, augment=False)
    before = (animated(recipe.model, batch) - batch.images).abs().mean()
    for _ in range(40):
        descend(recipe, banks, batch, 3e-3)
    after = (animated(recipe.model, batch) - batch.images).abs().mean()
    assert after < 0.5 * before


def sheets(folder, characters=3):
    """Characters of one colour each, with one action of two frames; the frame's number is in the maps."""
    named = enumerate((("ground", "#808080"), ("body", "#ff0000"), ("hat", "#00ff00")))
    palette = Palette(tuple(Label(number, *words) for number, words in named))
    palette.write(folder / "palette.json")
    for number in range(characters):
        place = folder / "all" / f"{number}"
        place.mkdir(parents=True)
        maps = np.zeros((4 * 32, 2 * 32), np.uint8)
        for row in range(4):
            for column in range(2):
                top, left = row * 32 + 4, column * 33 + 6
                maps[top : top + 16, left : left + 10] = 1 + number % 2
        picture = np.where(maps[..., None] > 0, np.uint8(60 * (number + 1)), np.uint8(128))
        Image.fromarray(np.repeat(picture, 3, 2)).save(place / "walk.png")
        palette.write_ids(place / "walk.labels.png", maps)
    return folder / "all"


def test_sprites(tmp_path):
    data = read_sprites(sheets(tmp_path), (32, 32), Window(2))
    assert len(data) == 3 * 4 and data.size == (32, 32) and len(data.palette) == 3
    clip = data.batch([0, 1, 5], 0, (32, 32), augment=False)
    assert clip.images.shape == (3, 2, 3, 32, 32) and clip.references.shape == (3, 1, 3, 32, 32)
    assert torch.equal(clip.images[:, 0, 0, 10, 10], torch.tensor([60, 120, 180]) / 127.5 - 1)
    assert torch.equal(clip.references[:, 0, 0, 10, 10], clip.images[:, 0, 0, 10, 10])
    drawn = data.batch([0, 1, 5, 7], 3, (32, 32))
    assert torch.equal(drawn.images, data.batch([0, 1, 5, 7], 3, (32, 32)).images)
    later = data.batch([5, 7], 3, (32, 32), row_offset=2)
    assert torch.equal(later.labels, drawn.labels[2:]) and torch.equal(later.references, drawn.references[2:])
    training, aside = data.split(0.3)
    assert len(training.names) == 2 and len(aside.names) == 1
    with pytest.raises(cgan.DataError, match="4 rows of frames"):
        read_sprites(tmp_path / "all", (24, 24), Window(2))
