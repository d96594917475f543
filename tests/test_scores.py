"""The scores of patch discriminators on a CPU: moved and added taps are the convolution."""

import pytest
import torch
import torch.nn.functional as F

from train.adversaries.patch import Scores


@pytest.mark.parametrize(("kernel", "padding"), [(4, 2), (3, 1), (3, 0)])
def test_scores_are_a_convolution(kernel, padding):
    torch.manual_seed(0)
    scores = Scores(5, kernel, padding).double()
    x = torch.randn(2, 5, 7, 6, dtype=torch.float64, requires_grad=True)
    ours, theirs = scores(x), F.conv2d(x, scores.weight, scores.bias, padding=padding)
    assert ours.shape == theirs.shape and torch.allclose(ours, theirs, atol=1e-12)
    leaves = (x, scores.weight, scores.bias)
    direction = torch.randn_like(theirs)
    pairs = zip(*(torch.autograd.grad(y, leaves, direction) for y in (ours, theirs)), strict=True)
    assert all(torch.allclose(a, b, atol=1e-12) for a, b in pairs)


def test_scores_in_bf16():
    """Added up in fp32: as near as the convolution, in its type."""
    torch.manual_seed(0)
    scores, x = Scores(64, 4, 2), torch.randn(2, 64, 9, 9)
    exact = F.conv2d(x, scores.weight, scores.bias, padding=2)
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = scores(x), F.conv2d(x, scores.weight, scores.bias, padding=2)
    assert ours.dtype == theirs.dtype == torch.bfloat16
    assert (ours - exact).abs().mean() <= 1.5 * (theirs - exact).abs().mean()
