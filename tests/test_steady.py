"""Against flicker: changes along the flow that true pictures have cost nothing; frames can keep the past."""

from dataclasses import replace

import torch

from cgan.models import vid2vid
from train import recipes
from train.data.batches import Clip
from train.recipes._video import unsteadiness

SIZE = (32, 48)
STILL = torch.zeros(1, 2, *SIZE)


def picture(seed: int) -> torch.Tensor:
    return torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_true_changes_cost_nothing():
    """Whatever a frame looks like, what counts is whether it changes as the true ones do."""
    made, true, dusk = picture(0), picture(1), 0.3
    assert unsteadiness((made - dusk, true - dusk), (made, true), STILL, None) < 1e-6
    flow = STILL.clone()
    flow[:, 0] = 3
    moved = tuple(torch.roll(one, -3, -1) for one in (made, true))  # pixel x shows what stood at x + 3
    seen = torch.ones(1, 1, *SIZE)
    seen[..., -3:] = 0
    assert unsteadiness(moved, (made, true), flow, seen) < 1e-4


def test_flicker_costs_what_it_is_where_it_is_seen():
    made, true = picture(0), picture(1)
    flicker = torch.zeros(1, 3, *SIZE)
    flicker[..., :24] = 0.2
    seen = torch.zeros(1, 1, *SIZE)
    seen[..., :24] = 1
    for visible, cost in ((None, 0.1), (seen, 0.2), (1 - seen, 0.0)):
        found = unsteadiness((made + flicker, true), (made, true), STILL, visible)
        assert torch.isclose(found, torch.tensor(cost), atol=1e-5)


def test_vid2vid_learns_by_it_from_the_second_frame_on():
    """A weight adds the term, and its gradient reaches what was made now, as the frame before is past."""
    hyper = replace(recipes.module("vid2vid").PRESETS["tiny"], weight_steady=10.0)
    config = vid2vid.PRESETS["tiny"]
    torch.manual_seed(0)
    learner = recipes.module("vid2vid").Recipe(config, hyper, None)
    turns = [
        loss for loss in learner.step(Clip.fake(1, SIZE, config.classes, 3)) if loss.player == "generator"
    ]
    assert ["steady" in loss.terms for loss in turns] == [False, True, True]
    gradient = torch.autograd.grad(turns[1].terms["steady"], learner.model.to_rgb.weight)[0]
    assert gradient.isfinite().all() and gradient.abs().max() > 0


def test_the_past_is_laid_over_a_frame_where_the_mask_trusts_it():
    """Of two models with the same weights, one blends: its second frame is a mean of two pictures."""
    config = replace(vid2vid.PRESETS["tiny"], classes=5)
    torch.manual_seed(0)
    plain, blends = (vid2vid.Model(replace(config, blend=blend)).eval() for blend in (False, True))
    blends.load_state_dict(plain.state_dict())
    labels = torch.randint(0, 5, (2, 1, 32, 48))
    past = vid2vid.Past(torch.zeros(2, config.style))
    with torch.no_grad():
        (first, later), (same, _) = (model.film(labels, past) for model in (plain, blends))
        alone, blended = plain(labels, later), blends(labels, later)
    assert torch.equal(first.image, same.image)
    assert torch.equal(blended.image, torch.lerp(alone.image, alone.warped, alone.mask))
    assert alone.mask.min() > 0 and alone.mask.max() < 1 and not torch.allclose(blended.image, alone.image)
