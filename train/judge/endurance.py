"""Whether a long film lasts: its last second beside its first, which show the same maps.

A film goes through a clip there and back, as often as the seconds wanted ask for. An animator that feeds on
its own frames could drift into noise, or into one colour; then the last second lies farther from true frames.
And how alike a place looks when the camera has come back to it: what a model that remembers its world keeps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from cgan.tasks import Animator
from train.data.batches import Clip, FewShotClip
from train.judge import animation
from train.judge.examination import Examination
from train.judge.metrics import mean_scores
from train.judge.protocol import Section
from train.log import say

RATE = 24  # frames of a film in a second


@dataclass(frozen=True)
class Scene:
    """What is filmed: a name, the number of its frames, and each of them as a batch of one frame."""

    name: str
    length: int
    frame: Callable[[int], Clip | FewShotClip]


def endurance(task: Animator, scene: Scene, examination: Examination) -> Section:
    """The scores of a long film's first and last second, beside the true frames."""
    order = there_and_back(scene.length, round(examination.seconds * RATE))
    say(f"measuring: {len(order)} frames of {scene.name}, there and back")
    film = filmed(task, scene, order)
    first = [next(film) for _ in range(RATE)]
    last = list(film)[-RATE:]
    truth = [scene.frame(place).images.cpu() for place in sorted({*order})]
    real = examination.real(animation.pictures_of(truth))
    rows = {
        name: examination.generated(animation.pictures_of(part)).against(real)
        for name, part in (("the first second", first), ("the last second", last))
    }
    rows["the last second"] |= mean_scores("returned", returned(first, last))
    distances = [row["frechet"] for row in rows.values() if "frechet" in row]
    note = "Both show the same maps, so that a film which lasts has equal distances."
    if len(distances) == 2 and isinstance(distances[0], float) and isinstance(distances[1], float):
        note += f" The last one is {distances[1] / max(distances[0], 1e-9):.2f} times the first."
    return Section(
        f"{len(order) / RATE:.0f} seconds at {RATE} frames a second, {len(order)} frames", rows, note
    )


def returned(first: list[Tensor], last: list[Tensor]) -> Tensor:
    """L1 between frames (1, 1, 3, H, W) of the same places, in grey levels, for each pair: (N,)."""
    pairs = zip(first, last, strict=True)
    return torch.cat([animation.apart(late, early) for early, late in pairs])


def there_and_back(length: int, count: int) -> list[int]:
    """The frames of a clip in the order of a film of about `count` frames, whose last second is as its first.

    Of a clip that is longer than half the film, the beginning.
    """
    turn = max(1, min(length - 1, (count - RATE) // 2))
    rounds = max(1, round((count - RATE) / (2 * turn)))
    places = range(2 * turn * rounds + RATE)
    return [turn - abs(place % (2 * turn) - turn) for place in places]


def filmed(task: Animator, scene: Scene, order: list[int]) -> Iterator[Tensor]:
    """Frames (1, 1, 3, H, W) of a scene, one by one, on the CPU, begun as `animation.begun` does."""
    state = None
    for place in order:
        shown = scene.frame(place).to(task.runtime.device)
        with torch.no_grad(), task.runtime.autocast():
            if state is None:
                state = animation.begun(task.model, shown)
            at = animation.place_of(shown, 0) if task.needs_geometry else None
            image, state = task.model.advance(shown.labels[:, 0], state, at)
        yield image.float().cpu()[:, None]
