"""The world as training data: folders, what each kind of model is shown, and the command."""

import argparse
import signal

import numpy as np
import pytest
import torch
from PIL import Image

from train.__main__ import main
from train.data.batches import Clip
from train.data.clip_reading import read_clips
from train.data.flights import clips
from train.data.painted import read_painted
from train.world import cache, classes, command, folder
from train.world import views as data
from train.world.biomes import shape_of
from train.world.flights import flight, pose_of
from train.world.styles import Style

SIZE = (64, 64)


def is_image(image: torch.Tensor, *shape: int) -> bool:
    return image.shape == shape and bool(image.isfinite().all()) and float(image.abs().max()) <= 1


def test_a_layout_is_seen_in_two_styles():
    frame = next(data.painted_frames(SIZE, first=10))
    assert is_image(frame.image, 2, 3, *SIZE) and frame.labels.shape == (2, 1, *SIZE)
    assert torch.equal(frame.labels[0], frame.labels[1]) and not torch.equal(frame.image[0], frame.image[1])


def test_unpaired_sides_are_other_places_in_another_season():
    views = [data.unpaired_view(number) for number in range(16)]
    assert sorted(side for side, _ in views) == [0] * 8 + [1] * 8
    for side, view in views:
        assert all(style.season == 2 * side for style in view.styles)  # summer and winter
    both = [{view.seed for side, view in views if side == wanted} for wanted in range(2)]
    assert both[0] == both[1] == {0, 1}
    assert len(set(views[0][1].styles)) == data.STYLES_A_VIEW
    summer, winter = (data.view_frame(data.unpaired_view(number)[1], SIZE).image for number in (80, 81))
    assert is_image(summer, 2, 3, *SIZE) and is_image(winter, 2, 3, *SIZE)
    assert winter.mean() > summer.mean()  # snow


def test_few_shot_holds_classes_out():
    learnt, aside = data.few_shot_classes(), data.few_shot_classes(held_out=True)
    assert len(learnt) + len(aside) == len(data.KINDS) and not set(learnt) & set(aside)
    assert len({name.split()[0] for name in aside}) == 6  # every biome has some
    for held_out, names in ((False, learnt), (True, aside)):
        for number in range(0, 80, 7):
            numbers, view = data.few_shot_view(number, held_out)
            assert len(set(numbers)) == len(view.styles) == data.STYLES_A_VIEW
            biome = shape_of(view.seed).biome
            for place, style in zip(numbers, view.styles, strict=True):
                _, hour, season = names[place].split()
                assert names[place].startswith(biome) and style == Style.named(hour, "clear", season)


def test_clips_carry_their_geometry():
    clip = clips(1, 3, SIZE, first=10)
    for part, pattern in zip(clip, Clip.fake(1, SIZE, frames=3), strict=True):
        assert part.shape == pattern.shape and part.dtype == pattern.dtype
    assert is_image(clip.images[0], 3, 3, *SIZE)
    assert clip.labels.shape == clip.depth.shape == clip.instances.shape == (1, 3, 1, *SIZE)
    assert clip.flow.shape == (1, 2, 2, *SIZE) and clip.seen.shape == (1, 2, 1, *SIZE)
    assert clip.pose.shape == (1, 3, 4, 4) and clip.intrinsics.shape == (1, 4)


def test_poses_and_intrinsics_lead_to_the_exact_flow():
    """A pixel lifted by its depth, moved to the last frame's camera and projected lands where flow says."""
    clip = clips(1, 2, SIZE, first=10)
    fx, fy, cx, cy = clip.intrinsics[0]
    rows, columns = torch.meshgrid(*(torch.arange(side) + 0.5 for side in SIZE), indexing="ij")
    depth = clip.depth[0, 1, 0]
    here = torch.stack([(columns - cx) / fx * depth, (rows - cy) / fy * depth, depth, depth * 0 + 1], -1)
    assert torch.linalg.det(clip.pose[0, 0, :3, :3]) > 0.99  # a rotation, no mirror
    there = here @ (torch.linalg.inv(clip.pose[0, 0].double()) @ clip.pose[0, 1].double()).float().T
    landed = torch.stack([there[..., 0] / there[..., 2] * fx + cx, there[..., 1] / there[..., 2] * fy + cy])
    near = (depth < 500) & (clip.seen[0, 0, 0] > 0)
    flow = landed - torch.stack([columns, rows])
    assert near.float().mean() > 0.1 and (flow - clip.flow[0, 0]).abs()[:, near].max() < 0.05


def test_command_checks_its_flags(tmp_path):
    def run(*words: str) -> int:
        parser = argparse.ArgumentParser()
        command.add_arguments(parser)
        return command.run(parser.parse_args(words))

    with pytest.raises(ValueError, match="either --out FOLDER or --sheet FILE"):
        run()
    with pytest.raises(ValueError, match="a size of 30 does not work"):
        run("--out", str(tmp_path / "set"), "--size", "30")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(ValueError, match="is not empty"):
        run("--out", str(tmp_path / "full"))
    assert run("--out", str(tmp_path / "set"), "--size", "32", "--images", "2", "--first", "10") == 0
    assert len(list((tmp_path / "set" / "images").iterdir())) == 2


@pytest.mark.parametrize(("flags", "part"), [([], "images"), (["--clips", "9", "--frames", "4"], "flights")])
def test_ctrl_c_finishes_what_is_begun(tmp_path, monkeypatch, capfd, flags, part):
    """And what is there can be learnt from."""
    writer = "_write_clip" if flags else "_write"
    write = getattr(folder, writer)

    def interrupted(*given):
        signal.raise_signal(signal.SIGINT)
        monkeypatch.setattr(folder, writer, write)
        write(*given)

    monkeypatch.setattr(folder, writer, interrupted)
    words = [
        "world",
        "--out",
        str(tmp_path / "set"),
        "--size",
        "32",
        "--images",
        "90",
        "--first",
        "10",
        *flags,
    ]
    assert main(words) == 130 and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    told = capfd.readouterr().err
    assert "stopping: finishing this" in told and f"{part}, all whole" in told
    read = read_clips(tmp_path / "set", (32, 32)) if flags else read_painted(tmp_path / "set", (32, 32))
    assert 1 <= len(read.names) < 90
    counts = {len(list((tmp_path / "set" / name).iterdir())) for name in ("images", "labels")}
    assert counts == {len(read.names)}


def test_folder_round_trip(tmp_path):
    counts = list(folder.write(tmp_path / "set", 3, (64, 64), first=10))
    assert counts[-1] == 3
    read = read_painted(tmp_path / "set", (64, 64))
    assert len(read) == 3 and read.instances is not None and read.palette.names == classes.palette().names
    first = next(data.painted_frames((64, 64), first=10))
    stored = np.array(Image.open(tmp_path / "set" / "labels" / "00000.png"))
    assert np.array_equal(stored, first.labels[0, 0].numpy())
    numbers = np.array(Image.open(tmp_path / "set" / "instances" / "00000.png"))
    assert np.array_equal(numbers, first.instances[0, 0].numpy())


def test_flights_are_written_as_they_were_flown(tmp_path):
    assert list(folder.write_clips(tmp_path / "set", 1, 4, (64, 64), first=10)) == [1]
    read = read_clips(tmp_path / "set", (64, 64))
    number = int(read.names[0].removeprefix("flight-"))
    flown = flight(number, 4, (64, 64))
    assert np.array_equal(read.palette.rgb, classes.palette().rgb) and read.lengths == (4,)
    batch = read.batch([0], 0, (64, 64), augment=False)
    assert (batch.labels[0] == flown.frames.labels).float().mean() > 0.95  # stored 72 wide, cut to 64
    far = (flown.frames.depth * folder.MODEL).clamp(max=folder.FARTHEST).amax()
    assert abs(float(batch.depth.max() - far)) < 0.05
    steps = (pose_of(flown.frames.camera)[1:, :3, 3] - pose_of(flown.frames.camera)[:-1, :3, 3]).norm(dim=1)
    stored = (batch.pose[0, 1:, :3, 3] - batch.pose[0, :-1, :3, 3]).norm(dim=1)
    assert torch.allclose(stored, folder.MODEL * steps, rtol=1e-3)


def test_bakes_are_kept_and_broken_ones_made_again(tmp_path, monkeypatch):
    monkeypatch.setenv("CGAN_CACHE", str(tmp_path))
    made = []

    def bake():
        made.append(1)
        return {"maps": torch.arange(6.0).half()}

    for _ in range(2):
        assert cache.baked("thing", bake)["maps"].tolist() == [0, 1, 2, 3, 4, 5]
    assert len(made) == 1
    next(cache.folder().iterdir()).write_bytes(b"torn")
    assert cache.baked("thing", bake)["maps"].dtype == torch.float32 and len(made) == 2
