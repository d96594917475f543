"""Clips in memory: windows that grow, and crops that flow and camera follow."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_keyframes import texture

from cgan.errors import DataError
from cgan.labels import Label, Palette
from train.data.batches import Clip, FewShotClip
from train.data.clip_reading import ReadClip, motion_of
from train.data.clips import ClipData, Window
from train.data.flights import SHOWN, FewShotFlights, Flights
from train.data.flows import folder
from train.data.stored import canvas, place
from train.world.flights import RETURNING, route
from train.world.motion import warp
from train.world.world import World

SIZE = (32, 48)
PALETTE = Palette(
    tuple(Label(id, name, f"#0000{id:02x}") for id, name in enumerate(["none", "left", "right"]))
)


def sliding(lengths=(6, 9), size=SIZE, **options) -> ClipData:
    """Clips of a texture that moves 2 pixels to the right and 1 down a frame; labels count the frames."""
    tall, wide = canvas(size)
    images, flow, labels = [], [], []
    for number, length in enumerate(lengths):
        large = texture(tall + 40, wide + 80, number)
        for frame in range(length):
            top, left = 20 - frame, 40 - 2 * frame
            images.append(large[top : top + tall, left : left + wide])
            labels.append(np.full((1, tall, wide), frame))
            flow.append(np.array([-2.0, -1.0])[:, None, None].repeat(tall, 1).repeat(wide, 2))
    return ClipData(
        torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2),
        torch.from_numpy(np.stack(labels)).byte(),
        lengths,
        tuple(f"clip {number}" for number in range(len(lengths))),
        PALETTE,
        flow=torch.from_numpy(np.stack(flow)).half(),
        seen=torch.ones(sum(lengths), 1, tall, wide, dtype=torch.uint8),
        **options,
    )


def warped_error(batch: Clip) -> float:
    """How far a frame is from the one before, warped, where that is seen."""
    height, width = batch.images.shape[-2:]
    before = warp(
        batch.images[:, :-1].reshape(-1, 3, height, width), batch.flow.reshape(-1, 2, height, width)
    )
    missed = (before.view_as(batch.images[:, 1:]) - batch.images[:, 1:]).abs() * batch.seen
    return float(missed.sum() / batch.seen.expand_as(missed).sum())


def test_batches_are_windows():
    data = sliding()
    assert len(data) == 15 and data.size == SIZE and data.bytes > 0
    batch = data.batch([0, 7, 14], 1, SIZE)
    for part, pattern in zip(batch, Clip.fake(3, SIZE, frames=4), strict=True):
        assert part is None or (part.shape == pattern.shape and part.dtype == pattern.dtype)
    steps = batch.labels[:, 1:] - batch.labels[:, :-1]
    assert (steps == 1).all()  # frames in a row, of one clip
    still = data.batch([0, 4, 6, 14], 1, SIZE, augment=False)
    assert still.labels[:, 0, 0, 0, 0].tolist() == [0, 2, 0, 5]  # as late as a window can begin


def test_flow_follows_crop_scale_and_flip():
    data = sliding((9, 9, 9))
    batch = data.batch(list(range(24)), 3, SIZE)
    assert warped_error(batch) < 0.02
    assert (batch.flow[:, :, 0] > 0).any() and (batch.flow[:, :, 0] < 0).any()  # some are flipped
    upright = data.batch([0], 3, SIZE, augment=False)
    assert torch.allclose(upright.flow.mean((0, 1, 3, 4)), torch.tensor([-2.0, -1.0]) / 1.125, atol=0.05)
    assert not upright.seen[..., :1, :].any() and upright.seen[..., 2:, 3:].all()  # it came from outside


def test_samples_depend_on_seed_and_place_alone():
    data = sliding()
    whole = data.batch([3, 9, 12, 5], 7, SIZE)
    part = data.batch([12, 5], 7, SIZE, row_offset=2)
    for a, b in zip(whole, part, strict=True):
        assert a is None or torch.equal(a[2:], b)
    assert not torch.equal(whole.images, data.batch([3, 9, 12, 5], 8, SIZE).images)


def test_windows_grow_and_short_clips_make_room():
    data = sliding((3, 12), window=Window(2, every=10, most=64))
    for seen, frames in [(0, 2), (9, 2), (10, 4), (20, 8), (30, 12), (10_000, 12), (0, 2)]:
        data.advance(seen)
        for augment in (True, False):
            batch = data.batch([0, 1, 2, 9], 1, SIZE, augment)
            assert batch.labels.shape[:2] == (4, frames)
            assert (batch.labels[:, 1:] - batch.labels[:, :-1] == 1).all()
    moved = data.to("cpu")
    data.advance(10)
    assert moved.window.frames == 4  # the trainer's data grow with those that are advanced
    assert place(data, "cpu").batch([0], 1, SIZE).labels.shape[1] == 4
    data.window.first = 1
    data.advance(0)
    batch = data.batch([0, 1], 1, SIZE)
    assert batch.labels.shape[:2] == (2, 1) and batch.flow.shape == (2, 0, 2, *SIZE)
    with pytest.raises(ValueError, match="cannot grow"):
        Window(8, most=4)


def test_single_pictures_beside_clips():
    """They have batches of their own, as often as not; a longer window never goes over their border."""
    data = sliding((1, 12, 1, 1), window=Window(3, most=3))
    shapes, shown = [], set[tuple[int, ...]]()
    for seed in range(40):
        batch = data.batch([0, 5, 13, 14], seed, SIZE)
        shapes.append(batch.labels.shape[1])
        shown.add(tuple(batch.labels[:, 0, 0, 0, 0].tolist()))
        assert (batch.labels[:, 1:] - batch.labels[:, :-1] == 1).all()
    assert set(shapes) == {1, 3} and 10 < shapes.count(1) < 30
    assert any(first[0] == first[2] == first[3] == 0 for first in shown)  # the pictures themselves
    assert data.batch([0, 5], 1, SIZE, augment=False).labels.shape[:2] == (2, 3)
    part = data.batch([13, 14], 7, SIZE, row_offset=2)  # of another process, which must go on alike
    assert part.labels.shape[1] == data.batch([0, 5], 7, SIZE).labels.shape[1]


def test_a_camera_drifts_over_single_pictures():
    """They become clips whose flow is exact; what is to be judged stays as it is."""
    data = sliding((1, 12, 1, 1), window=Window(4, most=4), drift=0.04)
    still, moved = 0, 0.0
    for seed in range(16):
        batch = data.batch([0, 5, 13, 14], seed, SIZE)
        assert batch.labels.shape[:2] == (4, 4) and batch.flow.shape == (4, 3, 2, *SIZE)
        if (batch.labels[:, 1:] == batch.labels[:, :-1]).all():  # they count the frames of the others
            still += 1
            assert (
                warped_error(batch) < 0.02 < float((batch.images[:, 1:] - batch.images[:, :-1]).abs().mean())
            )
            assert float(batch.seen.mean()) > 0.8
            moved = max(moved, float(batch.flow.abs().max()))
            part = data.batch([13, 14], seed, SIZE, row_offset=2)
            assert torch.equal(part.images, batch.images[2:]) and torch.equal(part.flow, batch.flow[2:])
    assert 3 < still < 13
    assert 0.02 * SIZE[1] < moved < 0.08 * SIZE[1]  # of the larger side, a frame
    assert data.batch([0, 5], 1, SIZE, augment=False).labels.shape[:2] == (2, 4)
    assert torch.equal(
        data.batch([0, 5], 1, SIZE, augment=False).images,
        replace(data, drift=0.0).batch([0, 5], 1, SIZE, False).images,
    )


def test_parts_for_validation():
    data = sliding((6, 9, 7, 8), window=Window(2, every=1))
    training, aside = data.split(0.25)
    assert len(training.lengths) == 3 and len(aside.lengths) == 1
    assert sorted(training.names + aside.names) == sorted(data.names)
    data.advance(1)
    assert training.window.frames == 4 and aside.window.frames == 16
    for part in (training, aside):
        number = data.names.index(part.names[0])
        assert torch.equal(
            part.images[: part.lengths[0]], data.images[data.starts[number] :][: part.lengths[0]]
        )
    training, aside = sliding((10,)).split(0.2)
    assert (training.lengths, aside.lengths) == ((8,), (2,))
    assert aside.labels[:, 0, 0, 0].tolist() == [8, 9]
    with pytest.raises(DataError, match="none can be spared"):
        sliding((5,)).split(0.2)


def test_whole_clips_for_judges():
    clip = sliding((6, 9)).clip(1, SIZE)
    assert clip.images.shape == (1, 9, 3, *SIZE)
    assert sliding().clip(0, SIZE, 2, 3).labels[0, :, 0, 0, 0].tolist() == [2, 3, 4]
    with pytest.raises(ValueError, match="none from 6"):
        sliding().clip(0, SIZE, 6)


def test_mirrors_and_vanishing_classes():
    data = sliding((8,), mirror=(0, 2, 1, *range(3, 9)), vanishing=(0, 0, 0, 0.5, 1, *[0] * 4))
    flow = data.batch([0] * 40, 1, SIZE)
    flipped = flow.flow[:, 0, 0].mean((1, 2)) > 0
    assert 5 < int(flipped.sum()) < 35
    kept = 0
    for labels, turned in zip(flow.labels, flipped.tolist(), strict=True):
        found = labels.unique().tolist()
        assert 4 not in found
        if labels[0].unique().tolist() == [1]:
            assert not turned or 1 in found  # frame 2 in a mirror
        kept += 3 in found
    assert 0 < kept < 40
    plain = data.batch([1], 1, SIZE, augment=False).labels[0, :, 0, 0, 0].tolist()
    assert plain == [1, 2, 3, 4]


def rays(batch: Clip) -> torch.Tensor:
    """What each pixel shows, in the world: (B, T, 3, H, W), from depth and camera."""
    height, width = batch.images.shape[-2:]
    fx, fy, cx, cy = batch.intrinsics.view(-1, 4, 1, 1, 1).unbind(1)
    x = (torch.arange(width) + 0.5 - cx) / fx
    y = ((torch.arange(height) + 0.5)[:, None] - cy) / fy
    x, y = torch.broadcast_tensors(x, y)
    ahead = torch.stack([x, y, torch.ones_like(x), torch.zeros_like(x)], 2)
    points = torch.einsum("btij,bojhw->btihw", batch.pose, ahead)[:, :, :3] * batch.depth
    return points + batch.pose[:, :, :3, 3, None, None]


@pytest.fixture(scope="module")
def world() -> Flights:
    return Flights(SIZE, 80, Window(2, most=4), 4, length=5, instances=True)


def test_the_world_flies(world):
    assert len(world) == 20 and world.frames.lengths == (5,) * 4 and world.size == SIZE
    batch = world.batch([0, 6, 19], 4, SIZE)
    for part, pattern in zip(batch, Clip.fake(3, SIZE, frames=2), strict=True):
        assert part.shape == pattern.shape and part.dtype == pattern.dtype
    assert warped_error(batch) < 0.12


def test_camera_and_depth_follow_crop_scale_and_flip(world):
    """Points come out at the same place of the world from the frame before, along the flow."""
    world.window.frames = 2
    batch = world.batch(list(range(20)), 5, SIZE)
    points = rays(batch)
    before = warp(points[:, 0], batch.flow[:, 0], "nearest")
    missed = (before - points[:, 1]).norm(dim=1) / batch.depth[:, 1, 0]
    near = (batch.depth[:, 1, 0] < 300) & (batch.seen[:, 0, 0] > 0)
    assert near.float().mean() > 0.1
    assert missed[near].median() < 0.04
    assert torch.allclose(torch.linalg.det(batch.pose), torch.ones(20, 2), atol=1e-4)


def test_the_pool_grows_and_goes_on_alike(world):
    state = {name: tensor.clone() for name, tensor in world.state().items()}
    world.window.every = 24
    world.advance(24)
    grown, view = world.frames.images.clone(), world.view
    assert len(grown) == 25 and world.window.frames == 4
    other = Flights(SIZE, 80, Window(2, 24, 4), 1, length=5, instances=True)
    other.load(state)
    other.advance(24)
    assert torch.equal(other.frames.images, grown) and other.view == view
    assert torch.equal(other.batch([1], 2, SIZE).flow, world.batch([1], 2, SIZE).flow)


def test_some_flights_come_back():
    camera = route(World(10).path, RETURNING - 1, 8)
    assert torch.equal(camera.position, camera.position.flip(0))
    assert not torch.equal(camera.position[0], camera.position[4])
    with pytest.raises(ValueError, match="cannot give clips of 16"):
        Flights(SIZE, window=Window(most=16), length=8)


def test_flow_of_real_clips_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("CGAN_CACHE", str(tmp_path))
    images, said = sliding((4,), (96, 96)).images.permute(0, 2, 3, 1).numpy(), []
    clips = [
        ReadClip(name, {"images": [*each]}) for name, each in (("street", images), ("yard", images[::-1]))
    ]

    def motion() -> tuple[torch.Tensor, torch.Tensor]:
        found = motion_of(clips, said.append)
        return found["flow"], found["seen"]

    flow, seen = motion()
    assert said == ["computing the optical flow of 8 frames …"]
    assert flow.dtype == torch.float16 and not flow[[0, 4]].any() and not seen[[0, 4]].any()
    assert torch.allclose(flow[1:4].float().median(3)[0].median(2)[0], torch.tensor([-2.0, -1.0]), atol=0.2)
    assert seen[1:4, :, 4:-4, 4:-4].float().mean() > 0.9
    assert torch.equal(motion()[0], flow) and len(said) == 1
    next(folder().iterdir()).write_bytes(b"torn")
    assert torch.equal(motion()[0], flow) and "is damaged" in said[1] and len(said) == 3


def test_subjects_of_the_world():
    world = FewShotFlights(SIZE, 80, Window(2, most=2), 2)
    assert world.frames.lengths == (2, SHOWN) * 2
    for augment in (True, False):
        batch = world.batch([0, 3, 9], 4, SIZE, augment=augment)
        shots = batch.references.shape[1]
        pattern = FewShotClip.fake(3, SIZE, frames=2, shots=shots)
        for part, fake in zip(batch, pattern, strict=True):
            assert part.shape == fake.shape and part.dtype == fake.dtype
    world._grow()
    assert world.frames.subjects == (0, 0, 1, 1, 2, 2)
    assert len(world) == 3 * (2 + SHOWN)
