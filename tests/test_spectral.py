"""Spectral norm on each backend: sigma, gradients, accumulation, half precision and resuming.

Triton's kernels run on a GPU where there is one, else through Triton's interpreter in a process of its own.
"""

import copy
import importlib.util
import os
import subprocess
import sys
from importlib.metadata import version

import pytest
import torch
from conftest import PATIENCE, ROOT, environment
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from train.engine import spectral
from train.engine.bank import PRECISIONS, Bank
from train.engine.spectral import Spectral, pieces_of
from train.recipes import Player

LAYERS = {
    "conv": lambda: nn.Conv2d(3, 9, 3),
    "transposed": lambda: nn.ConvTranspose2d(7, 3, 3),
    "linear": lambda: nn.Linear(530, 5),
}
INPUTS = {"conv": (2, 3, 7, 7), "transposed": (2, 7, 5, 5), "linear": (2, 530)}
INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
CUDA = torch.cuda.is_available()
needs_triton = pytest.mark.skipif(
    not (INTERPRETED or (CUDA and importlib.util.find_spec("triton"))), reason="needs CUDA and Triton"
)


@pytest.fixture(params=["plain", pytest.param("triton", marks=needs_triton)])
def backend(request, monkeypatch) -> str:
    """Both backends, whatever the device would choose."""
    monkeypatch.setattr(spectral, "choose_backend", lambda master: request.param)
    if INTERPRETED:  # where an iteration takes a second
        monkeypatch.setattr("train.engine.bank.WARM_UP", 1)
    return request.param


@pytest.fixture
def device(backend) -> str:
    """Triton's kernels run where they can; fp32 is compared, so the CPU serves for the rest."""
    return "cuda" if backend == "triton" and not INTERPRETED else "cpu"


def bank_of(*layers: nn.Module, normalised=None, precision="fp32", device="cpu") -> Bank:
    module = nn.Sequential(*layers).to(device)
    player = Player(module, 0.1, (0.0, 0.9), list(layers) if normalised is None else normalised)
    return Bank(player, PRECISIONS[precision])


def matrix_of(weight: torch.Tensor, kind: str) -> torch.Tensor:
    """The weight as the matrix that torch normalises."""
    return (weight.transpose(0, 1) if kind == "transposed" else weight).flatten(1)


def in_torch_order(v: torch.Tensor, layer: nn.Module) -> torch.Tensor:
    """Our v, whose columns stand as the weights lie (channels last), as torch orders it."""
    if not isinstance(layer, nn.Conv2d):
        return v
    inputs, height, width = layer.weight.shape[1:]
    return v.view(height, width, inputs).permute(2, 0, 1).flatten()


@pytest.mark.parametrize("kind", LAYERS)
def test_sigma_is_that_of_a_decomposition(kind, backend, device):
    """On converged vectors, within 1e-5 of float64."""
    layer = LAYERS[kind]()
    exact = torch.linalg.svdvals(matrix_of(layer.weight.detach().double(), kind))[0].item()
    bank = bank_of(layer, device=device)
    assert bank.spectral.backend == backend
    right = torch.linalg.svd(bank.spectral.matrices[0].double(), full_matrices=False).Vh[0]
    bank.spectral.v[0].copy_(right)
    bank.refresh()
    assert bank.spectral.sigma[0].item() == pytest.approx(exact, rel=1e-5)


@pytest.mark.parametrize("kind", LAYERS)
def test_as_torch_from_the_same_vectors(kind, backend, device):
    """Sigma, Ŵ, u and v, and the gradient of W against autograd through torch's parametrization: 1e-5."""
    ours = LAYERS[kind]()
    theirs = spectral_norm(copy.deepcopy(ours)).to(device)
    bank = bank_of(ours, device=device)
    parametrization = theirs.parametrizations.weight[0]
    parametrization._u.copy_(bank.spectral.u[0])
    parametrization._v.copy_(in_torch_order(bank.spectral.v[0], ours))
    x = torch.randn(INPUTS[kind], device=device)

    bank.refresh()  # as torch does whenever the weight is read
    target = torch.randn_like(ours(x).detach())
    bank.backward((ours(x) * target).sum())
    (theirs(x) * target).sum().backward()
    theirs.eval()
    assert torch.allclose(ours.weight, theirs.weight, rtol=1e-5, atol=1e-6)
    sigma = theirs.parametrizations.weight.original.norm() / theirs.weight.norm()
    assert bank.spectral.sigma[0].item() == pytest.approx(sigma.item(), rel=1e-5)
    assert torch.allclose(bank.spectral.u[0], parametrization._u, atol=1e-5)
    assert torch.allclose(in_torch_order(bank.spectral.v[0], ours), parametrization._v, atol=1e-5)

    bank.spectral.correct(bank.gradient, bank.effective)
    gradient, expected = (
        bank.views(bank.gradient)["0.weight"],
        theirs.parametrizations.weight.original.grad,
    )
    assert expected.abs().max() > 1e-3
    assert (gradient - expected).abs().max() <= 1e-5 * expected.abs().max()
    assert torch.allclose(bank.views(bank.gradient)["0.bias"], theirs.bias.grad, rtol=1e-5, atol=1e-5)


def test_the_turns_of_many_layers(backend, device):
    """All shapes in one bank, two micro-batches: the gradients are those of torch's on the whole batch."""
    layers = [nn.Conv2d(3, 5, 3), nn.ConvTranspose2d(5, 66, 3), nn.Conv2d(66, 2, 1), nn.Conv2d(2, 1, 1)]
    theirs = nn.Sequential(*copy.deepcopy(layers)).to(device)
    bank = bank_of(*layers, normalised=layers[:3], device=device)
    for i in range(3):
        spectral_norm(theirs[i], n_power_iterations=1)
        part = theirs[i].parametrizations.weight[0]
        part._u.copy_(bank.spectral.u[i])
        part._v.copy_(in_torch_order(bank.spectral.v[i], layers[i]))
    theirs.eval()
    x = torch.randn(4, 3, 6, 6, device=device)
    for half in x.chunk(2):
        bank.backward(bank.player.module(half).square().mean() / 2)
    theirs(x).square().mean().backward()
    bank.spectral.correct(bank.gradient, bank.effective)
    views = bank.views(bank.gradient)
    for i in range(4):
        parametrized = i < 3
        expected = theirs[i].parametrizations.weight.original.grad if parametrized else theirs[i].weight.grad
        assert (views[f"{i}.weight"] - expected).abs().max() <= 1e-5 * expected.abs().max()


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision(precision, backend, device):
    """Layers get Ŵ rounded once, aligned; sigma stays fp32; a turn under autocast moves the weights."""
    conv, turned, last = nn.Conv2d(3, 5, 3), nn.ConvTranspose2d(5, 3, 3), nn.Conv2d(3, 1, 1)
    bank = bank_of(conv, turned, last, normalised=[conv, turned], precision=precision, device=device)
    dtype = PRECISIONS[precision].autocast
    for name, view in bank.views(bank.effective).items():
        leaf = dict(bank.player.module.named_parameters())[name]
        halved = name in ("0.weight", "1.weight")
        assert leaf.dtype == (dtype if halved else torch.float32)
        # the interpreter cuts bf16 instead of rounding it
        cut = 2**-7 if INTERPRETED and precision == "bf16" else 0
        assert torch.allclose(leaf.float(), view.to(leaf.dtype).float(), rtol=cut, atol=0)
        assert leaf.data_ptr() % 64 == 0 or not halved
    assert bank.spectral.sigma.dtype == bank.effective.dtype == torch.float32
    before = bank.master.detach().clone()
    with torch.autocast(device, dtype):
        loss = bank.player.module(torch.randn(2, 3, 8, 8, device=device)).float().square().mean()
    bank.backward(loss)
    bank.descend(0.01)
    assert not torch.equal(bank.master, before) and bank.master.isfinite().all()


def test_a_run_goes_on_as_if_it_had_not_stopped(backend, device):
    """Loading rebuilds Ŵ without iterating; the next turn gives the same bits."""

    def turn(bank: Bank) -> None:
        with torch.autocast(device, torch.bfloat16):
            loss = bank.player.module(x).float().square().mean()
        bank.backward(loss)
        bank.descend(0.01)

    def new() -> Bank:
        return bank_of(nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(4, 2, 3), device=device, precision="bf16")

    one, two, x = new(), new(), torch.randn(2, 3, 5, 5, device=device)
    turn(one)
    two.load({name: tensor.clone() for name, tensor in one.state().items()})
    assert torch.equal(two.effective, one.effective) and torch.equal(two.half, one.half)
    turn(one)
    turn(two)
    assert torch.equal(two.master, one.master) and torch.equal(two.half, one.half)


@needs_triton
def test_triton_is_plain(device="cuda" if CUDA and not INTERPRETED else "cpu"):
    """One network's odd shapes, with other weights before, between and after them."""
    layers = [nn.Conv2d(2, 3, 1), nn.Conv2d(3, 5, 3), nn.Linear(530, 6), nn.ConvTranspose2d(67, 3, 1)]
    layers.append(nn.Linear(4, 1030))
    starts, parameters = [0], [p.detach() for layer in layers for p in layer.parameters()]
    for parameter in parameters:
        starts.append(starts[-1] + parameter.numel())
    pieces = pieces_of({2 * i: layers[i] for i in (1, 2, 3)}, starts)
    flat = torch.cat([p.reshape(-1) for p in parameters]).to(device)
    both = [Spectral(flat, pieces, torch.Generator().manual_seed(1), kind) for kind in ("plain", "triton")]
    written = [torch.zeros_like(flat) for _ in both]
    halves = [torch.zeros(pieces[-1].half + 201, dtype=torch.float16, device=device) for _ in both]
    for iterations in (2, 0):
        for it, effective, half in zip(both, written, halves, strict=True):
            it.refresh(effective, half, iterations)
        assert torch.allclose(both[1].sigma, both[0].sigma, rtol=1e-5)
        assert torch.allclose(both[1].u_flat, both[0].u_flat, atol=1e-6)
        assert torch.allclose(both[1].v_flat, both[0].v_flat, atol=1e-6)
        assert torch.allclose(*written, rtol=1e-5)
        assert torch.allclose(*halves, rtol=2e-3)
    gradients = [torch.randn_like(flat)] * 2
    gradients = [gradient.clone() for gradient in gradients]
    for it, gradient in zip(both, gradients, strict=True):
        it.correct(gradient, written[0])
    assert torch.allclose(*gradients, rtol=1e-5, atol=1e-5)


@pytest.mark.skipif(INTERPRETED, reason="this is the process that it starts")
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="needs Triton")
@pytest.mark.slow
def test_triton_through_its_interpreter():
    """The tests above, kernels included, on the CPU."""
    if tuple(map(int, version("triton").split(".")[:2])) < (3, 8):
        pytest.skip("its interpreter cannot count to a tensor with this NumPy")
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__, "-k", "triton"]
    variables = environment() | {"TRITON_INTERPRET": "1", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(words, cwd=ROOT, env=variables, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0 and " passed" in done.stdout, done.stdout + done.stderr
