"""What the discriminators of a clip are shown: single frames with their labels, and frames in a row.

Patches are shown pictures. A projected discriminator is shown what its frozen eyes saw of them: they look at
each frame once, for both turns and for the frames in a row that it belongs to, under one shift for the clip.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from train.adversaries.augmentation import Augmentation, augmented
from train.adversaries.losses import Judgement, halves
from train.adversaries.patch import MultiScale
from train.adversaries.projected import MIXED, Projected, Shift
from train.recipes import frozen
from train.recipes.spade import discriminator_normalised

Shown = tuple[nn.Module, list[Tensor], list[Tensor]]  # a discriminator, and what it is shown: fake, real
SPAN = 3  # frames that are judged together


class Discriminators(nn.Module):
    """One for single frames with their labels, one for `SPAN` frames in a row; they learn as one player.

    shape: filters, layers and scales of patches, or filters alone of projected ones, which share their eyes.
    """

    frame: MultiScale | Projected
    motion: MultiScale | Projected

    def __init__(self, classes: int, filters: int, layers: int, scales: int, projected: bool = False):
        super().__init__()
        if projected:
            self.frame = Projected(classes, filters)
            self.motion = Projected((SPAN - 1) * MIXED, filters, eyes=self.frame.eyes)
        else:
            self.frame = MultiScale(classes + 3, filters, layers, scales)
            self.motion = MultiScale(3 * SPAN, filters, layers, scales)

    @property
    def eyes(self) -> Callable[[Tensor], list[Tensor]]:
        """What pictures (B, 3, H, W) are turned into before they are judged: maps at one or more scales."""
        return self.frame.eyes if isinstance(self.frame, Projected) else lambda image: [image]

    @property
    def shifts(self) -> bool:
        """Whether all that is judged is shifted alike, as what strided eyes see must be."""
        return isinstance(self.frame, Projected)

    def normalised(self) -> list[nn.Module]:
        """The layers to be held under spectral norm."""
        return [*discriminator_normalised(self.frame), *discriminator_normalised(self.motion)]


class Watch:
    """A clip as its discriminators see it: `look` at frame after frame, then take both turns.

    Each turn gives pairs of judgements, of single frames and, from the `SPAN`th frame on, of frames in a row.
    """

    def __init__(self, discriminators: Discriminators, like: Tensor, augment: float = 0.0):
        """like: images (B, 3, H, W) of the clip's size; augment: how strongly clips are changed (0 to 1)."""
        self.discriminators = discriminators
        self.shift = Shift.drawn(like) if discriminators.shifts else None
        self.change = Augmentation.drawn(like, augment)
        self.fakes: list[list[Tensor]] = []  # what was seen of the latest frames, the newest first
        self.reals: list[list[Tensor]] = []

    def shifted(self, x: Tensor) -> Tensor:
        """What is compared with the frames (B, c, H, W), shifted as they are."""
        return x if self.shift is None else self.shift(x)

    def look(self, fake: Tensor, real: Tensor, told: Tensor) -> tuple[Tensor, Tensor]:
        """See the next frames (B, 3, H, W), `fake` with its graph; `told` (B, classes, H, W): known of both.

        Gives both pictures as they are judged, but for the augmentation.
        """
        fake, real, self.told = (self.shifted(x) for x in (fake, real, told))
        eyes, kept = self.discriminators.eyes, slice(0, SPAN - 1)
        with torch.no_grad():
            self.reals = [eyes(augmented(real, self.change)), *self.reals[kept]]
        past = ([x.detach() for x in seen] for seen in self.fakes[kept])
        self.fakes = [eyes(augmented(fake, self.change)), *past]
        return fake, real

    def discriminate(self) -> list[tuple[Judgement, Judgement]]:
        """The discriminators' turn: (fake, real) judgements."""
        judged = []
        for network, fakes, reals in self._shown():
            both = [torch.cat([fake.detach(), real]) for fake, real in zip(fakes, reals, strict=True)]
            judged.append(halves(network(*both)))
        return judged

    def fool(self) -> list[tuple[Judgement, Judgement]]:
        """The generator's turn: (fake, real) judgements; no gradients but those of the newest frame."""
        judged = []
        with frozen(self.discriminators):
            for network, fakes, reals in self._shown():
                with torch.no_grad():
                    real = network(*reals)
                judged.append((network(*fakes), real))
        return judged

    def _shown(self) -> list[Shown]:
        """Each discriminator with what it is shown of the fake and of the real frames."""
        told = self.told
        single: list[list[Tensor]] = [[], []]
        for fake, real in zip(self.fakes[0], self.reals[0], strict=True):
            if fake.shape[-2:] != told.shape[-2:]:
                told = F.adaptive_avg_pool2d(told, (fake.shape[2], fake.shape[3]))
            for shown, seen in zip(single, (fake, real), strict=True):
                shown.append(torch.cat([seen, told.to(seen.dtype)], 1))
        networks: list[Shown] = [(self.discriminators.frame, single[0], single[1])]
        if len(self.reals) == SPAN:
            fakes, reals = (
                [torch.cat(scale, 1) for scale in zip(*seen, strict=True)]
                for seen in (self.fakes, self.reals)
            )
            networks.append((self.discriminators.motion, fakes, reals))
        return networks
