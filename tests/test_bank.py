"""Banks: spectral norm as torch has it, its gradients, mixed precision, and the rules of turns."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrizations import spectral_norm

from train.engine.adam import Adam
from train.engine.bank import PRECISIONS, Bank
from train.recipes import Player, frozen

LAYERS = {
    "conv": lambda: nn.Conv2d(3, 8, 3),
    "transposed": lambda: nn.ConvTranspose2d(3, 8, 3),
    "linear": lambda: nn.Linear(6, 4),
}
INPUTS = {"conv": (2, 3, 7, 7), "transposed": (2, 3, 5, 5), "linear": (2, 6)}


def bank_of(*layers: nn.Module, normalised=None, precision="fp64", rate=0.1) -> Bank:
    module = nn.Sequential(*layers)
    player = Player(module, rate, (0.0, 0.9), list(layers) if normalised is None else normalised)
    return Bank(player, PRECISIONS[precision])


@pytest.mark.parametrize("kind", LAYERS)
def test_sigma_is_the_largest_singular_value(kind):
    layer = LAYERS[kind]().double()
    weight = layer.weight.detach().clone()
    bank = bank_of(layer)
    bank.refresh(500)
    matrix = (weight.transpose(0, 1) if kind == "transposed" else weight).flatten(1)
    expected = torch.linalg.svdvals(matrix)[0]
    assert torch.allclose(bank.spectral.sigma[0], expected, rtol=1e-5)
    assert torch.allclose(layer.weight, weight / expected, rtol=1e-5)


@pytest.mark.parametrize("kind", LAYERS)
def test_gradient_and_step_equal_torch(kind):
    """From the same u and v: the same normalised weight, gradient of W, and u after the step."""
    ours = LAYERS[kind]().double()
    theirs = spectral_norm(copy.deepcopy(ours))
    bank = bank_of(ours)
    with torch.no_grad():
        rows = len(bank.spectral.u[0])
        parametrization = theirs.parametrizations.weight[0]
        assert parametrization._u.shape == (rows,)
        parametrization._u.copy_(bank.spectral.u[0])
        # the columns are in another order here: take v from u, as both do in an iteration
        weight = theirs.parametrizations.weight.original
        matrix = (weight.transpose(0, 1) if kind == "transposed" else weight).flatten(1)
        parametrization._v.copy_(nn.functional.normalize(matrix.T @ bank.spectral.u[0], dim=0))
    theirs.eval()
    x = torch.randn(INPUTS[kind], dtype=torch.float64)
    assert torch.allclose(ours(x), theirs(x), atol=1e-10)

    bank.backward(ours(x).square().sum())
    theirs(x).square().sum().backward()
    bank.spectral.correct(bank.gradient, bank.effective)
    gradient = bank.views(bank.gradient)["0.weight"]
    expected = theirs.parametrizations.weight.original.grad
    assert expected.abs().max() > 1e-3
    assert torch.allclose(gradient, expected, atol=1e-10)

    theirs.train()
    theirs.weight  # noqa: B018  torch iterates when the weight is read
    bank.refresh()
    assert torch.allclose(bank.spectral.u[0], parametrization._u, atol=1e-10)


def test_a_turn_is_a_step_of_adam():
    plain = nn.Conv2d(3, 4, 3).double()
    ours = copy.deepcopy(plain)
    bank = bank_of(ours, normalised=[])
    adam = torch.optim.Adam(plain.parameters(), lr=0.0625, betas=(0.0, 0.9))
    for _ in range(3):
        x = torch.randn(2, 3, 6, 6, dtype=torch.float64)
        plain(x).square().mean().backward()
        bank.backward(ours(x).square().mean())
        adam.step()
        adam.zero_grad()
        bank.descend(0.0625)  # exact in binary
    assert torch.allclose(ours.weight, plain.weight, atol=1e-12)
    assert torch.allclose(ours.bias, plain.bias, atol=1e-12)


def test_a_turn_on_a_cpu_imports_no_compiler():
    """Which takes longer than torch itself; in a process of its own, as another test may have imported it."""
    code = """
import sys, torch
from torch import nn
from train.engine.bank import PRECISIONS, Bank
from train.recipes import Player
conv = nn.Conv2d(3, 4, 3)
bank = Bank(Player(conv, 0.1, (0.0, 0.9), [conv]), PRECISIONS["fp32"])
bank.backward(conv(torch.ones(1, 3, 8, 8)).sum())
bank.descend()
print({"torch._dynamo", "sympy"} & {*sys.modules}, bank.adam.state[bank.master]["step"].item())
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set() 1.0"


@pytest.mark.parametrize("scale", [1.0, 1024.0])
def test_adam_is_torchs_to_the_bit(scale):
    """Also where a scaler divides the gradients, and where it finds one that is not finite."""
    generator = torch.Generator().manual_seed(0)
    ours = nn.Parameter(torch.randn(1000, generator=generator))
    theirs = nn.Parameter(ours.detach().clone())
    rates = torch.tensor(2e-4), torch.tensor(2e-4)
    adams = (
        Adam(ours, rates[0], (0.5, 0.999)),
        torch.optim.Adam([theirs], lr=rates[1], betas=(0.5, 0.999), eps=1e-8, fused=True),
    )
    scalers = [torch.amp.GradScaler("cpu", init_scale=scale) for _ in adams]
    for turn in range(5):
        gradient = scale * torch.randn(1000, generator=generator)
        gradient[7] = torch.inf if turn == 3 else 0
        for parameter, adam, scaler, rate in zip((ours, theirs), adams, scalers, rates, strict=True):
            rate.fill_(2e-4 / (turn + 1))
            parameter.grad = gradient.clone()
            scaler.scale(torch.zeros(()))
            scaler.step(adam)
            scaler.update()
        assert torch.equal(ours, theirs)
    kept, wanted = adams[0].state[ours], adams[1].state[theirs]
    assert kept.keys() == wanted.keys() and kept["step"] == 4
    assert all(torch.equal(kept[name], wanted[name]) for name in wanted)


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_precisions(precision):
    """Normalised weights are in the step's precision, gradients add up in fp32, addresses stay."""
    conv, last = nn.Conv2d(3, 8, 3), nn.Conv2d(8, 1, 1)
    bank = bank_of(conv, last, normalised=[conv], precision=precision)
    wanted = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[precision]
    assert conv.weight.dtype == wanted and last.weight.dtype == torch.float32
    address, before = conv.weight.data_ptr(), conv.weight.detach().float().clone()
    x = torch.randn(2, 3, 8, 8)
    for _ in range(2):  # two micro-batches
        with torch.autocast("cpu", wanted, enabled=precision != "fp32"):
            loss = bank.player.module(x).float().square().mean()
        bank.backward(loss / 2)
    assert bank.gradient.dtype == torch.float32 and bank.gradient.abs().sum() > 0
    assert conv.weight.grad is None
    bank.descend(0.01)
    assert conv.weight.data_ptr() == address
    assert not torch.equal(conv.weight.float(), before)
    assert not bank.gradient.any()


def test_bad_gradients_are_skipped():
    layer = nn.Linear(3, 2)
    bank = bank_of(layer, precision="fp32", normalised=[])
    bank.backward(layer(torch.randn(1, 3)).sum() * float("inf"))
    assert bank.faults() == ["0.weight", "0.bias"]
    before = bank.master.detach().clone()
    bank.descend(0.1)
    assert torch.equal(bank.master, before) and bank.skipped == 1
    bank.backward(layer(torch.randn(1, 3)).sum())
    bank.descend(0.1)
    assert not torch.equal(bank.master, before) and bank.skipped == 0


def test_fp16_halves_its_scale_on_overflow():
    layer = nn.Linear(3, 2)
    bank = bank_of(layer, precision="fp16", normalised=[])
    bank.backward(layer(torch.randn(1, 3)).sum() * float("inf"))
    bank.descend(0.1)
    assert bank.scaler.get_scale() == 32768


def test_frozen_networks_get_no_gradient():
    judge, maker = nn.Linear(3, 1).double(), nn.Linear(2, 3).double()
    bank = bank_of(judge, normalised=[])
    with frozen(judge):
        score = judge(maker(torch.randn(4, 2, dtype=torch.float64)))
    bank.backward(score.sum())
    assert not bank.gradient.any() and maker.weight.grad.abs().sum() > 0
    assert judge.weight.requires_grad


def test_state_restores_everything():
    def turn(bank: Bank, x) -> None:
        bank.backward(bank.player.module(x).square().mean())
        bank.descend(0.01)

    one = bank_of(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3), precision="fp32")
    x = torch.randn(2, 3, 8, 8)
    turn(one, x)
    saved = {name: tensor.clone() for name, tensor in one.state().items()}
    two = bank_of(nn.Conv2d(3, 4, 3), nn.Conv2d(4, 2, 3), precision="fp32")
    two.load(saved)
    assert torch.equal(two.effective, one.effective)
    turn(one, x)
    turn(two, x)
    assert torch.equal(two.master, one.master) and torch.equal(two.effective, one.effective)
