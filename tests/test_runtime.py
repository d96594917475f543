"""Runtime: the words for devices and precisions, and what is done to a model."""

import warnings

import pytest
import torch
from torch import nn

from cgan import runtime as runtime_module
from cgan.runtime import Runtime, allow_tf32, devices
from train.engine.bank import PRECISIONS

CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


def test_the_cpu():
    runtime = Runtime.choose("cpu")
    assert runtime == Runtime(torch.device("cpu"), torch.float32, channels_last=True)
    assert runtime.describe() == "CPU · fp32"
    assert Runtime.choose("cpu", "bf16").describe() == "CPU · bf16"


def test_auto_is_the_best_device_there_is():
    assert str(Runtime.choose().device) == devices()[0]
    assert devices()[-1] == "cpu"


@pytest.mark.parametrize(
    ("device", "precision", "words"),
    [
        ("gpu", "auto", "no device 'gpu' here; allowed: auto, .*cpu"),
        ("cuda:99", "auto", "no device 'cuda:99'"),
        ("cpu", "fp16", "no precision 'fp16' on cpu; allowed: auto, fp32, bf16"),
        ("cpu", "half", "allowed: auto, fp32, bf16"),
    ],
)
def test_unknown_words(device, precision, words):
    with pytest.raises(ValueError, match=words):
        Runtime.choose(device, precision)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is CUDA")
def test_cuda_where_there_is_none():
    with pytest.raises(ValueError, match="no device 'cuda' here; allowed: auto, "):
        Runtime.choose("cuda")


def test_prepare_and_autocast():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)).train()
    image = torch.randn(1, 3, 8, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for precision, dtype in (("fp32", torch.float32), ("bf16", torch.bfloat16)):
            runtime = Runtime.choose("cpu", precision)
            assert runtime.prepare(model) is model
            # An autocast of the caller's must not change what this runtime computes in.
            with torch.autocast("cpu", torch.bfloat16), runtime.autocast():
                assert model[0](image).dtype == dtype
    assert not model.training and not any(p.requires_grad for p in model.parameters())
    assert model[0].weight.is_contiguous(memory_format=torch.channels_last)


@pytest.fixture
def flags():
    """torch's own two, put back afterwards."""
    flags = [torch.backends.cudnn, torch.backends.cuda.matmul]
    before = [flag.allow_tf32 for flag in flags]
    yield lambda: [flag.allow_tf32 for flag in flags]
    for flag, value in zip(flags, before, strict=True):
        flag.allow_tf32 = value


def test_fp32_is_strict(flags):
    """TF32 is a choice of its own, without a warning and for every reader of these flags."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for allowed in (True, False, True):
            allow_tf32(allowed)
            assert flags() == [allowed, allowed]
            assert torch.get_float32_matmul_precision() == ("high" if allowed else "highest")
            assert (torch.backends.cudnn.conv.fp32_precision == "tf32") is allowed
    assert [name for name, precision in PRECISIONS.items() if precision.tf32] == ["tf32"]


def test_a_gpu_is_told_for_each_picture(flags, monkeypatch):
    """Models of different precision can take turns."""
    monkeypatch.setattr(torch, "autocast", lambda *arguments, **options: None)
    for name, allowed in (("tf32", True), ("fp32", False), ("tf32", True), ("fp16", False)):
        dtype = runtime_module.DTYPES[name]
        runtime = Runtime(torch.device("cuda", 0), dtype, channels_last=True, tf32=allowed)
        runtime.autocast()
        assert runtime.precision == name and flags() == [allowed, allowed]


def test_tf32_is_for_gpus():
    with pytest.raises(ValueError, match="no precision 'tf32' on cpu; allowed: auto, fp32, bf16"):
        Runtime.choose("cpu", "tf32")


@CUDA
def test_cuda_takes_fp16():
    runtime = Runtime.choose("cuda")
    assert runtime.dtype == torch.float16 and runtime.describe().endswith("· fp16")
    model = runtime.prepare(nn.Conv2d(3, 4, 3))
    with runtime.autocast():
        assert model(torch.randn(1, 3, 8, 8, device=runtime.device)).dtype == torch.float16
