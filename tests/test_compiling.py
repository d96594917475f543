"""Compiled networks learn as eager ones do, and give way to them where the compiler fails."""

import pytest
import torch
from torch import nn

from train.adversaries.patch import PerDomain
from train.adversaries.projected import Projected
from train.engine import compiling
from train.engine.bank import PRECISIONS, Bank
from train.engine.compiling import compile_or_say_why, eagerly, networks
from train.recipes import Player, frozen


class Maker(nn.Module):
    """A network with a part that is called by itself."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU())
        self.last = nn.Conv2d(4, 3, 3, padding=1)
        self.register_buffer("calls", torch.zeros(()))

    def forward(self, x):
        self.calls += 1
        return self.last(x)


def players() -> tuple[Player, Player, dict[str, Bank]]:
    torch.manual_seed(0)
    maker, judge = Maker(), nn.Sequential(nn.Conv2d(3, 4, 3), nn.LeakyReLU(), nn.Conv2d(4, 1, 3))
    pair = (
        Player(maker, 1e-3, (0.0, 0.9), [maker.encoder[0]]),
        Player(judge, 1e-3, (0.0, 0.9), [judge[0]]),
    )
    return *pair, {
        name: Bank(p, PRECISIONS["bf16"]) for name, p in zip(("maker", "judge"), pair, strict=True)
    }


def step(maker: Player, judge: Player, banks: dict[str, Bank], learn: bool = True) -> None:
    """Two turns on one fake, as recipes have them."""
    x = torch.randn(2, 3, 12, 12)
    with torch.autocast("cpu", torch.bfloat16):
        fake = maker.module(maker.module.encoder(x))
        scores = judge.module(torch.cat([fake.detach(), x[..., 1:-1, 1:-1].to(fake.dtype)]))
    banks["judge"].backward(scores.float().square().mean())
    banks["judge"].descend(1e-3) if learn else banks["judge"].gradient.zero_()
    with torch.autocast("cpu", torch.bfloat16), frozen(judge.module):
        scores = judge.module(fake)
    banks["maker"].backward(-scores.float().mean())
    assert not banks["judge"].gradient.any()
    banks["maker"].descend(1e-3) if learn else banks["maker"].gradient.zero_()


@pytest.mark.parametrize("backend", ["aot_eager", pytest.param("inductor", marks=pytest.mark.slow)])
def test_compiled_networks_learn_alike(backend, monkeypatch):
    if backend == "inductor" and not torch.cuda.is_available():
        pytest.skip("needs a GPU: a CPU's compiler takes minutes")
    monkeypatch.setattr(compiling, "BACKEND", backend)
    torch._dynamo.reset()
    eager, compiled = players(), players()
    said = []
    assert compile_or_say_why(list(compiled[:2]), lambda: step(*compiled, learn=False), said.append)
    assert not said and compiled[0].module.calls == 0, "a rehearsal leaves nothing behind"
    for seed in range(2):
        for it in (eager, compiled):
            torch.manual_seed(seed)
            step(*it)
    for name, bank in compiled[2].items():
        assert torch.allclose(bank.master, eager[2][name].master, atol=1e-4)
    seen = []
    compiled[1].module[0].register_forward_hook(lambda *_: seen.append(True))
    with eagerly(), torch.autocast("cpu", torch.bfloat16):
        compiled[1].module(torch.randn(1, 3, 8, 8))
    assert seen, "layers can be watched"


def test_networks_are_what_recipes_call():
    maker = Player(Maker(), 1e-3, (0.0, 0.9))
    assert list(networks(maker)) == [maker.module, maker.module.encoder]
    a = Projected(filters=4)
    pair = PerDomain(a, Projected(filters=4, eyes=a.eyes))
    assert list(networks(Player(pair, 1e-3, (0.0, 0.9)))) == [pair, pair.a, pair.b, a.eyes]


def test_eager_where_the_compiler_fails(monkeypatch):
    def broken(self, **options):
        self._compiled_call_impl = lambda *inputs: 1 / 0

    monkeypatch.setattr(nn.Module, "compile", broken)
    it, said = players(), []
    assert not compile_or_say_why(list(it[:2]), lambda: step(*it, learn=False), said.append)
    assert said == ["--compile: not compiled, because of ZeroDivisionError: division by zero"]
    step(*it)
