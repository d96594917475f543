"""Steps from CUDA graphs learn what eager steps learn, and steps do nothing that a graph cannot.

Where there is no GPU a stand-in takes the graph's place: it runs the captured function again, on the same
tensors, when it is replayed.
"""

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from cgan import models
from cgan.graphs import Replayed
from train import recipes
from train.bench import learning as bench
from train.data.batches import Painted
from train.engine.bank import PRECISIONS, Bank
from train.engine.graphs import EAGER, Captured, captured_or_say_why
from train.engine.turns import descend, turns
from train.recipes._tables import use_tables

SIZE = (32, 32)


class Learner:
    """A recipe's players in their banks, and whole steps as a trainer makes them."""

    def __init__(self, name="spade", precision="fp32"):
        torch.manual_seed(0)
        self.precision = PRECISIONS[precision]
        config = models.module(name).PRESETS["tiny"]
        self.recipe = recipes.module(name).Recipe(config, recipes.module(name).PRESETS["tiny"], None)
        self.banks = {name: Bank(player, self.precision) for name, player in self.recipe.players.items()}

    def step(self, batches):
        return descend(self.recipe, batches, self.banks)

    def everything(self):
        """All that a step may change."""
        found = []
        for bank in self.banks.values():
            found += [*bank.state().values(), bank.master.data, bank.gradient, bank.effective, bank.skipped]
            found += [*bank.player.module.buffers(), *([] if bank.half is None else [bank.half])]
        return found


class Stand:
    """In a graph's place. Capturing changes nothing, as on a GPU."""

    def __init__(self, player=None, waits=()):
        self.player, self.waits, self.replayed, self.warm = player, list(waits), 0, 0

    def warm_up(self, function):
        function()
        self.warm += 1

    def rehearse(self, function):
        return function(), self.waits

    def capture(self, function):
        self.function = function
        kept = [] if self.player is None else [(x, x.clone()) for x in self.player.everything()]
        random = torch.get_rng_state()
        self.output = function()
        torch.set_rng_state(random)
        with torch.no_grad():
            for x, value in kept:
                x.copy_(value)
        return self.output

    def replay(self):
        self.replayed += 1
        self.output.copy_(self.function())


def batches_of(i, size=SIZE, count=1):
    config = models.module("spade").PRESETS["tiny"]
    return [Painted.fake(2, size, config.classes, seed=10 * i + part) for part in range(count)]


@pytest.mark.parametrize(("precision", "count"), [("fp32", 1), ("bf16", 2)])
def test_captured_steps_are_eager_steps(precision, count):
    """To the bit: weights and losses, with other batches, seeds and rates in each step."""
    eager, ours = Learner(precision=precision), Learner(precision=precision)
    stand, said = Stand(ours), []
    step = Captured(ours.step, ours.banks.values(), said.append, stand)
    for i in range(EAGER + 3):
        terms = []
        for it, make in ((eager, eager.step), (ours, step)):
            for bank in it.banks.values():
                bank.set_rate(1e-3 / (i + 1))
            torch.manual_seed(i)
            terms.append(make(batches_of(i, count=count)))
        assert terms[0].keys() == terms[1].keys()
        assert all(torch.equal(value.float(), terms[1][name]) for name, value in terms[0].items())
        for name, bank in eager.banks.items():
            assert torch.equal(bank.master, ours.banks[name].master)
            assert torch.equal(bank.effective, ours.banks[name].effective)
    assert stand.replayed == 3 and step.replays and not said
    before = [value.clone() for value in terms[1].values()]
    step(batches_of(9, count=count))
    assert all(map(torch.equal, before, terms[1].values())), "a later step leaves them alone"


def test_a_batch_of_another_shape_is_eager():
    it = Learner()
    stand = Stand(it)
    step = Captured(it.step, it.banks.values(), pytest.fail, stand)
    for i in range(EAGER + 1):
        step(batches_of(i))
    step(batches_of(5, size=(64, 64)))
    assert stand.replayed == 1
    step(batches_of(6))
    assert stand.replayed == 2


def test_a_step_that_waits_is_not_captured():
    it, said = Learner(), []
    step = Captured(it.step, it.banks.values(), said.append, Stand(it, waits=["spade.py:9", "bank.py:1"]))
    for i in range(EAGER + 2):
        step(batches_of(i))
    assert said == ["--graphs: not captured, because the step waits for the GPU in spade.py:9, bank.py:1"]
    assert not step.replays


def test_eager_where_the_capture_fails():
    class Broken(Stand):
        def capture(self, function):
            function()
            raise RuntimeError("CUDA error: operation not permitted when stream is capturing\nmore")

    it, said = Learner(precision="bf16"), []
    step = Captured(it.step, it.banks.values(), said.append, Broken(it))
    for i in range(EAGER + 2):
        assert step(batches_of(i))
    assert said == [
        "--graphs: not captured, because of RuntimeError: CUDA error: "
        "operation not permitted when stream is capturing"
    ]
    assert not any(bank.adam.param_groups[0]["capturable"] for bank in it.banks.values())


def test_no_graphs_without_a_gpu():
    it, said = Learner(), []
    step = captured_or_say_why(it.step, it.banks.values(), torch.device("cpu"), said.append)
    assert step == it.step and said == ["--graphs: no CUDA: graphs are for GPUs"]


# ---- What a graph cannot do

WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "_unique2", "unique_dim", "equal", "bincount"}


class Strict(TorchDispatchMode):
    """Refuses what would make the host wait for a GPU, or copy from the host, in a captured step."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        name = function.overloadpacket.__name__
        assert name not in WAITS, f"{name} waits for the GPU"
        assert name != "lift_fresh", "a tensor of Python numbers is copied from the host"
        if name in ("index", "index_put_"):
            kinds = {index.dtype for index in args[1] if index is not None}
            assert torch.bool not in kinds, "the host must know how many places a mask picks"
        return function(*args, **(kwargs or {}))


@pytest.mark.parametrize("name", recipes.names())
def test_steps_can_be_captured(name):
    it = Learner(name)
    use_tables(it.recipe, "off")  # as they are where graphs are
    batch = bench.fake_batch(it.recipe, models.module(name).PRESETS["tiny"], 2, SIZE, "cpu")
    it.step([batch])  # Adam makes its state
    seen = []
    with Strict():
        for turn in turns(it.recipe, [batch], it.banks):
            bank = it.banks[turn.player]
            bank.spectral.correct(bank.gradient, bank.effective)
            bank.gradient.zero_()
            bank.refresh()
            seen.append(turn.player)
    assert set(seen) == set(it.banks)


def test_what_waits_is_found():
    x = torch.arange(4.0)
    for bad in (lambda: x.sum().item(), lambda: x[x > 1], lambda: torch.tensor([1.0, 2.0]), x.nonzero):
        with Strict(), pytest.raises(AssertionError):
            bad()


# ---- Pictures


def test_replayed_functions():
    stands = []

    def new():
        stands.append(Stand())
        return stands[-1]

    calls = []

    def function(x, y):
        calls.append(x.shape)
        return x * 2 + y

    replayed = Replayed(function, new)
    for size in (3, 4, 3):
        x, y = torch.randn(size), torch.ones(1)
        first = replayed(x, y)
        again = replayed(x + 1, y)
        assert torch.equal(first, x * 2 + 1) and torch.equal(again, (x + 1) * 2 + 1)
    assert [(stand.replayed, stand.warm) for stand in stands] == [(4, 1), (2, 1)]
    for size in range(5, 9):
        replayed(torch.ones(size), torch.ones(1))
    assert len(stands) == 6, "few are kept"
    replayed(torch.ones(3), torch.ones(1))
    assert len(stands) == 7


CUDA = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here")


@CUDA
@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_a_real_graph(precision):
    """Each of ten steps from a graph loses what an eager one from the same weights and seed loses.

    The weights after ten steps are not compared: where a gradient is next to nothing, Adam makes of its
    rounding a whole step.
    """
    device = torch.device("cuda", torch.cuda.current_device())
    maker = bench.maker("spade", "tiny", SIZE, 2, device, "none")
    way, said = bench.Way("ours", precision, False), []
    eager, graph = maker(way), maker(way)
    step = Captured(graph.whole, graph.banks.values(), said.append)
    for i in range(10):
        for name, bank in eager.banks.items():
            bank.load({key: value.clone() for key, value in graph.banks[name].state().items()})
        torch.manual_seed(i)
        expected = eager.whole([graph.batch])
        torch.manual_seed(i)
        found = step([graph.batch])
        for name, value in expected.items():
            assert torch.allclose(value.float(), found[name].float(), rtol=0.02, atol=1e-3), (i, name)
        for name, bank in eager.banks.items():
            moved = (bank.master - graph.banks[name].master).abs().mean()
            assert moved < 0.2 * bank.player.rate, (i, name)
    assert not said and step.replays


@CUDA
def test_a_real_graph_of_a_function():
    x = torch.randn(8, device="cuda")
    replayed = Replayed(lambda x: x.sin() * 2)
    for i in range(3):
        assert torch.equal(replayed(x + i), (x + i).sin() * 2)
