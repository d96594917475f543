"""Training pictures in another light (`--relight`)."""

import torch
from runs import FLAGS

from train.__main__ import main
from train.recipes._relight import relit


def test_relight_keeps_black_order_and_the_pictures_themselves_when_off():
    torch.manual_seed(0)
    images = torch.linspace(-1, 1, 64).expand(8, 3, 64)[:, :, None].contiguous()
    assert relit(images, 0.0) is images
    changed = relit(images, 0.3)
    assert changed.shape == images.shape and changed.dtype == images.dtype
    assert (changed[..., 0] + 1).abs().max() < 0.01  # black
    assert (changed.diff(dim=-1) > 0).all() and changed.max() <= 1  # nothing is cut off
    means = changed.mean((2, 3))
    assert means.mean(1).std() > 0.05  # each has a light of its own
    assert (means - means.mean(1, keepdim=True)).abs().max() > 0.005  # and a tint
    assert (relit(images.bfloat16(), 0.3).float() - images).abs().max() > 0.05


def test_relight_is_a_function_of_the_seed():
    images = torch.rand(4, 3, 8, 8) * 2 - 1
    once, again = (torch.manual_seed(1) and relit(images, 0.5) for _ in range(2))
    assert torch.equal(once, again)


def test_relight_is_a_flag(painted_folder, tmp_path, capsys):
    words = ("spade", *FLAGS, "--images", "4", "--batch", "2", "--data", str(painted_folder))
    assert main([*words, "--relight", "0.3", "--out", str(tmp_path / "run")]) == 0
    assert main([*words, "--relight", "2", "--out", str(tmp_path / "other")]) != 0
    assert "--relight" in capsys.readouterr().err
