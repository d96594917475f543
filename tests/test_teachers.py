"""Frozen networks, with the bundled weights and with random ones.

With CGAN_TEACHER_WEIGHTS (a folder of the files in full precision) set, the bundled ones are held to them.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from cgan.errors import DataError
from cgan.layers.efficientnet import CHANNELS, STRIDES, SameConv
from train.teachers import networks as teachers
from train.teachers.backbone import EfficientNetLite0

FOLDER = os.environ.get("CGAN_TEACHER_WEIGHTS")
TIMM = [3.24229, 5.96111, 5.90239, 4.37489, 1.22437]  # mean sizes of its features
needs_weights = pytest.mark.skipif(not FOLDER, reason="CGAN_TEACHER_WEIGHTS names no folder of weights")


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No cache and no network."""

    def refuse(*arguments, **keywords):
        raise OSError("no network")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr("socket.getaddrinfo", refuse)


@pytest.fixture
def squeezenet_file(tmp_path):
    """A file of random weights by the right names."""
    body = teachers._body("squeezenet")
    path = tmp_path / "squeezenet.safetensors"
    save_file({f"features.{name}": tensor for name, tensor in body.state_dict().items()}, path)
    return path


def pictures(count=2, size=64):
    return torch.rand(count, 3, size, size) * 2 - 1


@pytest.mark.parametrize("kind", ["squeezenet", "vgg19"])
def test_perceptual_loss_is_zero_for_equal_pictures_and_teaches_the_fake(kind):
    loss = teachers.Perceptual(kind)
    real, fake = pictures(), pictures().requires_grad_()
    assert loss(real, real).item() == 0
    value = loss(fake, real.requires_grad_())
    value.backward()
    assert value.dtype == torch.float32 and value.item() > 0
    assert fake.grad.abs().sum() > 0 and real.grad is None
    assert not any(parameter.requires_grad for parameter in loss.parameters())


@pytest.mark.parametrize(("kind", "last", "channels"), [("squeezenet", 12, 512), ("vgg19", 29, 512)])
def test_networks_end_after_the_last_used_layer(kind, last, channels):
    loss = teachers.Perceptual(kind)
    assert len(loss.features.body) == last + 1
    features = loss.features(pictures())
    assert len(features) == 5 and features[-1].shape[1] == channels


def test_vgg_features_are_the_outputs_of_its_relus():
    body = teachers.Perceptual("vgg19").features.body
    for layer in teachers.LAYERS["vgg19"]:
        assert isinstance(body[layer], torch.nn.ReLU)
    assert list(teachers.LAYERS["vgg19"].values()) == [1 / 32, 1 / 16, 1 / 8, 1 / 4, 1]


def test_pictures_are_normalised_as_imagenet_was():
    features = teachers.Features("squeezenet", (1,))
    grey = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1).expand(1, 3, 9, 9) * 2 - 1
    bias = features.body[0].bias
    assert torch.allclose(features(grey)[0][0, :, 0, 0], bias.relu(), atol=1e-5)


def test_perceptual_loss_under_autocast_stays_float32():
    with torch.autocast("cpu", torch.bfloat16):
        assert teachers.Perceptual("squeezenet")(pictures(), pictures()).dtype == torch.float32


def test_none_is_none():
    assert teachers.perceptual("none", None) is None


def test_the_bundled_networks_need_no_network_and_no_torchvision(offline):
    """In a process of its own: another test may have imported torchvision."""
    code = """
import sys
from train.teachers import networks as teachers
from train.teachers.backbone import EfficientNetLite0
made = teachers.perceptual("auto"), teachers.perceptual("squeezenet"), teachers.lpips(), teachers.mobilenet()
EfficientNetLite0()
print([made[0].kind, made[1].kind], "torchvision" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['squeezenet', 'squeezenet'] False"


def test_a_named_network_offline_is_an_error_with_all_ways_out(offline):
    with pytest.raises(DataError) as caught:
        teachers.perceptual("vgg19", None)
    for way in ("online", "checkpoints", "--perceptual-weights", "none"):
        assert way in str(caught.value)


def test_the_download_leaves_the_socket_timeout_alone(offline):
    import socket

    before = socket.getdefaulttimeout()
    with pytest.raises(DataError):
        teachers.perceptual("vgg19")
    assert socket.getdefaulttimeout() == before


def test_weights_come_from_a_file(squeezenet_file):
    state, kind = teachers.read_state(squeezenet_file)
    loss = teachers.perceptual("auto", squeezenet_file)
    assert kind == loss.kind == "squeezenet"
    assert torch.equal(loss.features.body[0].weight, state["features.0.weight"])


def test_a_file_of_another_network_is_refused(squeezenet_file, tmp_path):
    with pytest.raises(DataError, match="holds squeezenet, not vgg19"):
        teachers.perceptual("vgg19", squeezenet_file)
    other = tmp_path / "other.safetensors"
    save_file({"features.0.weight": torch.zeros(1)}, other)
    with pytest.raises(DataError, match="neither"):
        teachers.perceptual("auto", other)
    with pytest.raises(DataError, match="not MobileNetV2's weights: features.0.0.weight is missing"):
        teachers.MobileNetFeatures(teachers.read_safetensors(other))


def test_files_that_are_no_weights_are_refused(tmp_path):
    with pytest.raises(DataError, match="there is no file"):
        teachers.read_state(tmp_path / "nowhere.safetensors")
    html = tmp_path / "page.safetensors"
    html.write_text("<!doctype html>")
    with pytest.raises(DataError, match="not a safetensors file"):
        teachers.read_state(html)


def test_lpips_is_a_distance_that_grows():
    measure = teachers.Lpips()
    image = pictures(3)
    noise = torch.randn_like(image)
    distances = [measure(image, image + amount * noise) for amount in (0, 0.05, 0.4)]
    assert distances[0].shape == (3,) and torch.equal(distances[0], torch.zeros(3))
    assert (distances[0] < distances[1]).all() and (distances[1] < distances[2]).all()


def test_lpips_uses_its_bundled_lines():
    lines = [buffer for name, buffer in teachers.Lpips().named_buffers() if "line" in name]
    assert [line.shape[1] for line in lines] == [64, 128, 256, 384, 384, 512, 512]
    assert all((line >= 0).all() for line in lines)


def test_mobilenet_gives_1280_features_of_any_size():
    network = teachers.MobileNetFeatures()
    assert network(pictures(2, 50)).shape == (2, 1280)


def test_mobilenet_pads_strides_at_the_right_and_bottom():
    conv = teachers._ConvNorm(1, 1, 3, 2).eval()
    conv[0].weight.data.fill_(1.0)
    x = torch.zeros(1, 1, 4, 4)
    x[..., 0, 0] = 1  # only the first window has it: with padding all around it would be the same
    x[..., 3, 3] = 1  # only the last window has it, and sees the zeros beyond
    assert torch.allclose(conv(x), torch.tensor([[[[1.0, 0], [0, 1.0]]]]), atol=1e-4)
    assert conv(torch.zeros(1, 1, 224, 224)).shape[-2:] == (112, 112)


def test_trained_lpips_orders_distortions():
    measure = teachers.lpips()
    smooth = torch.nn.functional.interpolate(pictures(4, 8), (64, 64), mode="bicubic").clamp(-1, 1)
    dimmed, noisy = smooth * 0.95, smooth + 0.5 * torch.randn_like(smooth)
    assert (measure(smooth, dimmed) < 0.1).all() and (
        measure(smooth, noisy) > 0.15
    ).all()  # they are about 0.3


def test_trained_mobilenet_tells_pictures_apart():
    features = teachers.mobilenet()(pictures(3))
    assert features.min() >= 0 and features.max() <= 6 and features.std(0).mean() > 0.01


@needs_weights
def test_half_precision_moves_no_measure():
    """Distances and features from the bundled files and from those in full precision."""
    smooth = torch.nn.functional.interpolate(pictures(4, 8), (64, 64), mode="bicubic").clamp(-1, 1)
    noisy = smooth + 0.3 * torch.randn_like(smooth)
    file = Path(FOLDER) / "squeezenet1_1_features.safetensors"
    for make in (lambda it: teachers.lpips(it), lambda it: teachers.perceptual("auto", it)):
        ours, theirs = make(None)(smooth, noisy), make(file)(smooth, noisy)
        assert ((ours - theirs).abs() < 2e-3 * theirs).all()
    file = Path(FOLDER) / "mobilenet_v2_features.safetensors"
    ours, theirs = teachers.mobilenet()(smooth), teachers.mobilenet(file)(smooth)
    assert (ours - theirs).abs().max() < 1e-2 and (ours - theirs).abs().mean() < 1e-3


def test_lite_features_of_odd_and_small_sizes():
    """As many features as a stride leaves, rounded up; the input is [-1, 1]; nothing learns."""
    network = EfficientNetLite0()
    for height, width in ((32, 32), (33, 71), (64, 96)):
        image = pictures(1, 96)[..., :height, :width].requires_grad_()
        features = network(image)
        shapes = [(1, c, -(-height // s), -(-width // s)) for c, s in zip(CHANNELS, STRIDES, strict=True)]
        assert [tuple(feature.shape) for feature in features] == shapes
        sum(feature.mean() for feature in features).backward()
        assert image.grad.abs().sum() > 0
    assert not any(parameter.requires_grad for parameter in network.parameters()) and not network.training


def test_lite_features_are_those_of_the_trained_network():
    """Of a horizontal ramp of colours: means found with timm's network and the same weights."""
    ramp = torch.linspace(-1, 1, 64).expand(1, 3, 64, 64) * torch.tensor([1.0, -0.5, 0.2]).view(1, 3, 1, 1)
    found = [feature.abs().mean().item() for feature in EfficientNetLite0()(ramp)]
    assert found == pytest.approx(TIMM, rel=1e-3)


def test_same_padding_is_right_and_below():
    conv = SameConv(1, 1, 3, 2)
    torch.nn.init.ones_(conv.weight), torch.nn.init.zeros_(conv.bias)
    x = torch.zeros(1, 1, 4, 4)
    x[..., 0, 0] = x[..., 3, 3] = 1
    assert conv(x)[0, 0].tolist() == [[1, 0], [0, 1]]
    assert conv(torch.ones(1, 1, 5, 5))[0, 0].tolist() == [[4, 6, 4], [6, 9, 6], [4, 6, 4]]
