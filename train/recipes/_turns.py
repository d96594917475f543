"""The discriminator's turn and the generator's, on the same fake and real pictures, looked at once.

A patch discriminator is given pictures (and what is known of them, beside). A projected one is given what its
frozen eyes saw of them, which the discriminator's step does not change: the features of one fake and one real
batch serve both turns, without gradients for the discriminator, with them for the generator.
"""

import torch
from torch import Tensor, nn

from train.adversaries.augmentation import Augmentation, augmented
from train.adversaries.losses import Judgement, halves
from train.adversaries.projected import Projected, Shift
from train.recipes import frozen


class Turns:
    """What a step judges, and its two judgements.

    discriminator: `Projected`, or a network that is given pictures, with the condition's channels first.
    fake: (B', 3, H, W) in [-1, 1], with its graph; real: (B, 3, H, W), B at most B'; condition: (B, c, H, W),
    of both, or None; shift: another's of the same step; None draws one where the discriminator is projected;
    augment: how strongly each fake and its real picture are changed, alike, before they are judged (0 to 1).

    `fake` and `real`, as attributes, are the pictures as they are judged, but for that change: for other
    losses of the same step.
    """

    def __init__(
        self,
        discriminator: nn.Module,
        fake: Tensor,
        real: Tensor,
        condition: Tensor | None = None,
        shift: Shift | None = None,
        augment: float = 0.0,
    ):
        self.discriminator, self.shift = discriminator, shift
        if shift is None and isinstance(discriminator, Projected):
            self.shift = Shift.drawn(real)
        self.fake, self.real = self.shifted(fake), self.shifted(real)
        condition = None if condition is None else self.shifted(condition)
        change = Augmentation.drawn(self.real, augment)
        self.seen_fake = self._look(augmented(self.fake, change), condition)
        with torch.no_grad():
            self.seen_real = self._look(augmented(self.real, change), condition)

    def shifted(self, x: Tensor) -> Tensor:
        """What is compared with these pictures (B, c, H, W), shifted as they are."""
        return x if self.shift is None else self.shift(x)

    def _look(self, image: Tensor, condition: Tensor | None) -> list[Tensor]:
        if isinstance(self.discriminator, Projected):
            return self.discriminator.look(image, condition)
        return [image if condition is None else torch.cat([condition, image], 1)]

    def discriminate(self, classes: Tensor | None = None) -> tuple[Judgement, Judgement]:
        """The discriminator's turn: judgements of the first B fake pictures and of the real ones.

        classes: int64 (B,), of either, where the discriminator asks for classes.
        """
        count = len(self.real)
        pairs = zip(self.seen_fake, self.seen_real, strict=True)
        both = [torch.cat([fake[:count].detach(), real]) for fake, real in pairs]
        known = {} if classes is None else {"classes": torch.cat([classes, classes])}
        return halves(self.discriminator(*both, **known))

    def fool(self, classes: Tensor | None = None) -> Judgement:
        """The generator's turn: a judgement of the fake pictures; the discriminator gets no gradients.

        classes: int64 (B',).
        """
        with frozen(self.discriminator):
            return self._judge(self.seen_fake, classes)

    def compare(self, classes: Tensor | None = None) -> Judgement:
        """The real pictures, judged as the discriminator is by now: without gradients, to be matched.

        classes: int64 (B,).
        """
        with frozen(self.discriminator), torch.no_grad():
            return self._judge(self.seen_real, classes)

    def _judge(self, seen: list[Tensor], classes: Tensor | None) -> Judgement:
        return self.discriminator(*seen, **({} if classes is None else {"classes": classes}))
