"""The world: the same seed gives the same frames; labels, depth and flow fit the picture."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from train import world
from train.world import classes, folder, motion
from train.world import views as data
from train.world.camera import Camera, together
from train.world.styles import SEASONS, TIMES, WEATHERS, Style, look
from train.world.world import World, clip

STORED = Path(__file__).parent / "data" / "world"
SIZE = (96, 96)


@pytest.fixture(scope="module")
def land() -> World:
    """The world of seed 10: hills with forest, flowers, a path and houses."""
    return World(10)


@pytest.fixture(scope="module")
def flight(land):
    return clip(land, n=3, size=SIZE, style=Style.named("golden"))


def agreement(a: torch.Tensor, b: torch.Tensor) -> float:
    return float((a == b).float().mean())


def test_frame_has_the_promised_shapes(land):
    camera = land.cameras[:2]
    frame = land.frame(camera, [Style(), Style.named("night")], SIZE)
    assert frame.image.shape == (2, 3, *SIZE) and frame.image.dtype == torch.float32
    assert frame.image.min() >= -1 and frame.image.max() <= 1 and frame.image.isfinite().all()
    for layer in (frame.labels, frame.instances, frame.depth):
        assert layer.shape == (2, 1, *SIZE)
    assert frame.labels.dtype == frame.instances.dtype == torch.int64
    assert frame.labels.min() >= 0 and frame.labels.max() < classes.COUNT
    assert (frame.depth > 0).all() and frame.camera is camera


def test_a_batch_equals_its_frames(land):
    styles = [Style.named("dusk", "clear", "autumn"), Style.named("noon", "fog", "winter")]
    both = land.frame(land.cameras[:2], styles, SIZE)
    mixed = world.frames([land, land], [land.cameras[0], land.cameras[1]], styles, SIZE)
    for i in range(2):
        one = land.frame(land.cameras[i], styles[i], SIZE)
        for other in (both, mixed):
            assert agreement(one.labels[0], other.labels[i]) >= 0.999
            assert (one.image[0] - other.image[i]).abs().mean() < 1 / 127.5


def test_threads_do_not_change_the_frame(land):
    before = torch.get_num_threads()
    try:
        shots = []
        for threads in (1, 2):
            torch.set_num_threads(threads)
            shots.append(land.frame(land.cameras[2], Style.named("golden"), SIZE))
    finally:
        torch.set_num_threads(before)
    assert agreement(shots[0].labels, shots[1].labels) >= 0.999
    assert (shots[0].image - shots[1].image).abs().mean() <= 2 / 255  # images span 2


@pytest.mark.parametrize("seed", [7, 10])
def test_stored_frames(seed):
    """What was rendered once is rendered everywhere. After a wanted change, run it with STORE_WORLD=1."""
    frame = World(seed).frame(style=Style.named("golden", "clear", "autumn"), size=SIZE)
    if os.environ.get("STORE_WORLD"):
        folder.label_map(frame.labels[0, 0].numpy()).save(STORED / f"labels_{seed}.png", optimize=True)
        Image.fromarray(folder.pictures(frame.image)[0]).save(STORED / f"picture_{seed}.png", optimize=True)
    stored = torch.from_numpy(np.array(Image.open(STORED / f"labels_{seed}.png"))).long()
    assert agreement(frame.labels[0, 0], stored) >= 0.999
    picture = torch.from_numpy(np.array(Image.open(STORED / f"picture_{seed}.png"))).float()
    rendered = torch.from_numpy(folder.pictures(frame.image)[0]).float()
    assert (rendered - picture).abs().mean() <= 1


def test_style_changes_the_look_only(land):
    styles = [
        Style.named(time, weather, season)
        for time, weather, season in zip(TIMES[:3], WEATHERS, SEASONS, strict=True)
    ]
    frame = land.frame(land.cameras[[0, 0, 0]], styles, SIZE)
    for i in (1, 2):
        assert torch.equal(frame.labels[0], frame.labels[i]) and torch.equal(frame.depth[0], frame.depth[i])
        assert (frame.image[0] - frame.image[i]).abs().mean() > 0.1


def test_styles_are_continuous():
    azimuth = torch.zeros(1)
    for change in ((0.01, 0, 0), (0, 0.01, 0), (0, 0, 0.01)):
        for base in ((0.3, 0.4, 0.5), (4.99, 1.0, 1.0), (2.0, 0.0, 0.0)):
            near = Style(*(a + b for a, b in zip(base, change, strict=True)))
            one, other = look([Style(*base)], azimuth), look([near], azimuth)
            for name, value in vars(one).items():
                assert (value - vars(other)[name]).abs().max() < 0.15, name


def test_sizes_need_not_be_square(land):
    assert land.frame(size=(48, 80), supersampling=1).labels.shape == (1, 1, 48, 80)
    with pytest.raises(ValueError, match="frames of 50x48 cannot be drawn"):
        land.frame(size=(50, 48))


def test_unknown_style_is_named():
    with pytest.raises(ValueError, match="no style 'noone'; there are: dawn, noon"):
        Style.named("noone")


def test_no_speckle(land):
    frame = land.frame(land.cameras[:3], size=SIZE)
    assert not classes.small(frame.labels[:, 0], 4).any()


def test_small_regions_are_found_exactly():
    labels = torch.zeros(1, 12, 12, dtype=torch.long)
    labels[0, 2, 2:5] = 1  # three pixels
    labels[0, 6:9, 6:9] = 2  # nine
    mask = classes.small(labels, 5)
    assert mask.sum() == 3 and mask[0, 2, 2:5].all()
    cleaned, depth = classes.purge(labels, 5, labels.float() * 10)
    assert cleaned.unique().tolist() == [0, 2] and torch.equal(depth, cleaned.float() * 10)


def test_depth_belongs_to_the_label(flight):
    frame = flight.frames
    sky = (frame.labels == classes.SKY) | (frame.labels == classes.SUN)
    assert (frame.depth[sky] == world.SKY_DEPTH).all()
    assert (frame.depth[frame.labels == classes.CLOUD] > 1000).all()
    land_ = ~sky & (frame.labels != classes.CLOUD)
    assert frame.depth[land_].max() < 27000


def test_instances_are_houses_and_trees(land):
    frame = land.frame(land.cameras[0], size=(128, 128))
    numbers = frame.instances.unique()
    assert (numbers > 0).sum() >= 4
    house = (frame.instances > 0) & (frame.instances < 1000)
    assert (frame.labels[house] == classes.HOUSE).all() and house.any()
    assert (frame.labels[frame.instances >= 1000] == classes.FOREST).all()


def test_flow_warps_the_next_frame(flight):
    frame = flight.frames
    assert flight.flow.shape == (2, 2, *SIZE) and flight.seen.shape == (2, 1, *SIZE)
    dry = (frame.labels[:-1] != classes.WATER) & (frame.labels[:-1] != classes.RIVER)
    mask = flight.seen * dry
    warped = motion.warp(frame.image[1:], flight.flow)
    error = ((warped - frame.image[:-1]).abs() * mask).mean() / mask.mean()
    still = ((frame.image[1:] - frame.image[:-1]).abs() * mask).mean() / mask.mean()
    assert error < 0.6 * still
    labels = motion.warp(frame.labels[1:].float(), flight.flow, "nearest")
    assert ((labels == frame.labels[:-1]) * flight.seen).sum() / flight.seen.sum() > 0.97


def test_flow_there_and_back(flight):
    there_and_back = flight.flow + motion.warp(flight.back, flight.flow)
    assert (there_and_back.abs().amax(1, keepdim=True) * flight.seen).median() < 0.1


def test_visibility_of_a_wall_that_hides():
    """A near wall before a far one: a step to the right hides what was seen beside its left edge."""
    depth = torch.full((1, 1, 32, 32), 100.0)
    depth[..., 12:20] = 10.0
    camera = Camera(torch.zeros(1, 3), torch.zeros(1))
    moved = Camera(torch.tensor([[1.0, 0.0, 0.0]]), torch.zeros(1))
    moves = motion.flow(depth, camera, moved)
    assert moves[0, 0, 5, 15] == pytest.approx(-3.2, abs=1e-3)  # 32 px of focal length x 1 m / 10 m
    assert moves[0, 0, 5, 2] == pytest.approx(-0.32, abs=1e-3)
    later = torch.full((1, 1, 32, 32), 100.0)
    later[..., 9:17] = 10.0
    seen = motion.visibility(depth, later, camera, moved)[0, 0, 5]
    assert seen[4] == 1 and seen[10] == 0 and seen[15] == 1 and seen[24] == 1


def test_flight_stays_above_the_land(land):
    path = land.path(frames=24)
    height = land.land.at(path.position[None, :, 0], path.position[None, :, 2])["height"][0]
    assert len(path) == 24 and (path.position[:, 1] > height.clamp(min=0) + 3).all()
    with pytest.raises(ValueError, match="a path of as many cameras, not 2"):
        clip(land, path[:2], 5)


def test_cameras_must_fit():
    one = Camera(torch.zeros(1, 3), torch.zeros(1))
    with pytest.raises(ValueError, match="share their focal length"):
        together([one, Camera(torch.zeros(1, 3), torch.zeros(1), focal=2.0)])


def test_default_cameras_are_different_places(land):
    assert 4 <= len(world.default_cameras(10)) <= 8
    places = land.cameras.position[:, ::2]
    near = torch.cdist(places, places) + torch.eye(len(places)) * 1e6 < 1
    assert not near.any()


def test_all_classes_are_reachable():
    """Every class is to be seen from the views of two worlds."""
    found = set()
    for seed in (7, 9):
        other = World(seed)
        found |= set(other.frame(other.cameras, size=(64, 64), supersampling=1).labels.unique().tolist())
    missing = [classes.palette().names[i] for i in range(classes.COUNT) if i not in found]
    assert not missing


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_a_gpu_draws_the_same_picture():
    frames = [data.view_frame(data.view_at(3), SIZE, device) for device in ("cpu", "cuda")]
    images, labels = ([getattr(frame, part).cpu() for frame in frames] for part in ("image", "labels"))
    assert (images[0] - images[1]).abs().mean() * 127.5 <= 2
    assert (labels[0] == labels[1]).float().mean() >= 0.999
