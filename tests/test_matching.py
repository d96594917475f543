"""The first guess of optical flow: what moves is found, and a flow network begins with it."""

from dataclasses import replace

import pytest
import torch
from test_keyframes import texture

from cgan.labels import onehot
from cgan.layers.flow import FlowNet
from cgan.layers.matching import matched, resized_flow
from cgan.models import fs_vid2vid, vid2vid

TINY = replace(vid2vid.PRESETS["tiny"], classes=5, match=True)
SIZE = (64, 96)


def picture(left: int, top: int) -> torch.Tensor:
    """A part of a large texture, (1, 3, *SIZE) in [-1, 1]."""
    large = torch.from_numpy(texture(SIZE[0] + 40, SIZE[1] + 40, 0)).permute(2, 0, 1)[None] / 127.5 - 1
    return large[..., top : top + SIZE[0], left : left + SIZE[1]]


def squares(right: int) -> torch.Tensor:
    """Label maps of squares that moved to the right, (1, 1, *SIZE)."""
    labels = torch.zeros(1, 1, *SIZE, dtype=torch.int64)
    for number, (top, left) in enumerate([(8, 10), (30, 40), (12, 56), (40, 8)]):
        labels[..., top : top + 16, left + right : left + right + 16] = 1 + number
    return labels


@pytest.mark.parametrize("moved", [(0, 0), (1, 0), (3, -2), (-6, 5)])
def test_what_moves_is_found(moved):
    """The camera goes so many pixels to the right and down, so that what is at x was at x + moved."""
    found = matched(picture(20 + moved[0], 20 + moved[1]), picture(20, 20))
    for part, wanted in zip(found[0, :, 8:-8, 8:-8], moved, strict=True):
        assert part.median() == pytest.approx(wanted, abs=0.15)
        assert (part - wanted).abs().mean() < 0.3


def test_sides_need_not_be_halved_evenly():
    """17 rows become 8: what moves down grows by 17 / 8 on the way back, what moves across by 2."""
    x, y = resized_flow(torch.ones(1, 2, 8, 16), torch.Size((17, 32)))[0]
    assert (x - 2).abs().max() < 1e-5 and (y - 17 / 8).abs().max() < 1e-5


def test_label_maps_alone_do():
    now, before = (onehot(squares(right), 5).float() for right in (4, 1))
    found = matched(now, before)
    inside = squares(4)[0, 0] > 0
    assert found[0, 0][inside].mean() == pytest.approx(-3, abs=0.5) and found[0, 1][inside].abs().mean() < 0.5
    assert matched(now, now).abs().max() < 1e-4
    empty = torch.zeros(2, 5, *SIZE)
    assert torch.equal(matched(empty, empty), torch.zeros(2, 2, *SIZE))  # nothing to go by


def test_a_network_begins_with_its_guess_and_learns_from_it():
    torch.manual_seed(0)
    network = FlowNet(4, 4, 2, 8, guessed=True)
    started, guess = torch.randn(2, 4, 16, 24), torch.randn(2, 2, 32, 48)
    flow, mask = network.after(started, guess=guess)
    assert torch.equal(flow, guess) and torch.equal(mask, torch.zeros(2, 1, 32, 48))
    torch.nn.init.normal_(network.correction.weight)
    other = network.after(started, guess=guess)[0]
    assert not torch.allclose(other - guess, network.after(started, guess=2 * guess)[0] - 2 * guess)


def test_a_film_follows_its_maps():
    """The second frame has the maps to go by, the third what moved between the two before as well.

    What an untrained network paints moves as it likes, so that the third is less sure.
    """
    torch.manual_seed(0)
    model = vid2vid.Model(TINY).eval()
    past = vid2vid.Past(torch.zeros(1, TINY.style))
    with torch.no_grad():
        flows = []
        for right in (0, 3, 6):
            frame, past = model.film(squares(right), past)
            flows.append(frame.flow)
    assert flows[0] is None
    for right, flow, off in ((3, flows[1], 0.7), (6, flows[2], 1.5)):
        assert flow[0, 0][squares(right)[0, 0] > 0].mean() == pytest.approx(-3, abs=off)


def test_a_subject_that_moves_is_followed():
    """From its label maps, in whatever cells the flow network sees them."""
    torch.manual_seed(0)
    for attention in (1, 2):
        model = fs_vid2vid.Model(replace(fs_vid2vid.PRESETS["tiny"], classes=5, attention=attention)).eval()
        with torch.no_grad():
            look = model.look(torch.rand(1, 1, 3, *SIZE) * 2 - 1)
            first = model(squares(0), look)
            second = model(squares(3), look, fs_vid2vid.Past(squares(0), first.pose, first.image))
        assert first.flow is None
        assert second.flow[0, 0][squares(3)[0, 0] > 0].mean() == pytest.approx(-3, abs=0.7)


def test_older_checkpoints_have_none():
    assert not fs_vid2vid.Config().match
    assert fs_vid2vid.Model(fs_vid2vid.PRESETS["paper"]).past_flow.last == "head"
    assert not vid2vid.Config().match and vid2vid.Model(vid2vid.PRESETS["paper"]).flow.last == "head"
    names = {name for name, _ in vid2vid.Model(TINY).flow.named_parameters()}
    assert {name.split(".")[0] for name in names} == {"body", "guess", "correction"}
