"""The trainer and CUDA graphs: with a stand-in for the graph, as there need be no GPU."""

import dataclasses

import pytest
import torch
from runs import trainer_in
from test_graphs import Learner, Stand

from train.engine.graphs import EAGER, Captured
from train.run import Run, wants_graphs


def test_steps_from_a_graph_are_eager_steps(tmp_path, painted_folder):
    """With accumulation: weights, average and losses to the bit."""
    eager, graphed = (trainer_in(tmp_path / name, painted_folder, "--accumulate", "2") for name in "ab")
    graphed.everything = lambda: Learner.everything(graphed)  # what the stand-in puts back after a capture
    stand = Stand(graphed)
    graphed.descend = Captured(graphed._descend, graphed.banks.values(), pytest.fail, stand)
    for _ in range(EAGER + 2):
        terms = eager.step(), graphed.step()
    assert stand.replayed == 2 and terms[0].keys() == terms[1].keys()
    assert all(torch.equal(value, terms[1][name]) for name, value in terms[0].items())
    assert torch.equal(eager.average.flat, graphed.average.flat)
    for name, bank in eager.banks.items():
        assert torch.equal(bank.master, graphed.banks[name].master)


def test_graphs_are_for_gpus(tmp_path, painted_folder, capfd):
    it = trainer_in(tmp_path / "run", painted_folder)
    it.run = dataclasses.replace(it.run, graphs=True)
    it.fit()
    assert "--graphs: no CUDA: graphs are for GPUs" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("words", "device", "processes", "wanted"),
    [
        ({}, "cpu", 1, False),
        ({}, "cuda", 1, True),
        ({}, "cuda", 2, False),
        ({"compile": True}, "cuda", 1, False),
        ({"graphs": False}, "cuda", 1, False),
        ({"graphs": True, "compile": True}, "cuda", 1, True),
    ],
)
def test_one_gpu_takes_graphs_unless_told_otherwise(words, device, processes, wanted):
    assert wants_graphs(Run(**words), torch.device(device), processes) is wanted
