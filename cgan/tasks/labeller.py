"""Labelling: a photograph becomes its label map. Outside numpy, inside tensors.

A label network is a checkpoint like any other. It lies in a folder of its own, or as `labeller/` in the
folder of a painter or an animator of the same classes, and travels with it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from cgan.checkpoint import LABELLER, Checkpoint, lender_of, load_model
from cgan.errors import CheckpointError
from cgan.labels import Palette
from cgan.pictures import PictureLike, as_picture, to_image
from cgan.runtime import Runtime
from cgan.tasks.bounds import check_made, check_size
from cgan.tasks.protocols import LabellingModel

MULTIPLE = 32  # pixels: the sides of what the network looks at are multiples, as in training
LONGEST = 4  # the network looks at pictures up to so many times as long as they are wide


class Labeller:
    """Photographs in, label maps out.

    Attributes: `palette` (the classes), `size` ((height, width) of the training pictures), `checkpoint`,
    `runtime`, `model`.
    """

    def __init__(self, checkpoint: Checkpoint, model: LabellingModel, runtime: Runtime):
        self.checkpoint, self.runtime = checkpoint, runtime
        self.model = runtime.prepare(model)
        if checkpoint.palette is None:
            raise ValueError(f"{checkpoint.name} has no palette: its classes have no names")
        self.palette = checkpoint.palette
        height, width = checkpoint.about["size"]
        self.size: tuple[int, int] = (height, width)

    @torch.no_grad()
    def label(self, picture: PictureLike, size: tuple[int, int] | None = None) -> np.ndarray:
        """The class of each pixel: a picture of any size -> uint8 (H, W), or `size` = (height, width).

        The network looks at the whole picture, at about as many pixels as in training. The same call gives
        the same map. Raises DataError for maps that are too large.
        """
        picture = as_picture(picture)
        height, width = size or picture.shape[:2]
        check_size((height, width), (0, 0), "the label map")
        image = to_image(picture).to(self.runtime.device)
        image = F.interpolate(image, size=self._seen(picture.shape), mode="bilinear", antialias=True)
        with self.runtime.computing(image[0, 0].numel()):
            logits = self.model(image.clamp(-1, 1)).float()
        check_made(logits)
        # Class by class, as all at once of a large map would fill the memory.
        best = torch.full((height, width), -torch.inf, device=logits.device)
        labels = torch.zeros((height, width), dtype=torch.uint8, device=logits.device)
        for number, logit in enumerate(logits[0]):
            grown = F.interpolate(logit[None, None], size=(height, width), mode="bilinear")[0, 0]
            labels[grown > best] = number
            best = torch.maximum(best, grown)
        return labels.cpu().numpy()

    def _seen(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """At what (height, width) the network looks at a picture (H, W, 3): about the training's area."""
        area = self.size[0] * self.size[1]
        ratio = float(np.clip(shape[0] / shape[1], 1 / LONGEST, LONGEST))
        sides = (area * ratio) ** 0.5, (area / ratio) ** 0.5
        height, width = (max(1, round(side / MULTIPLE)) * MULTIPLE for side in sides)
        return height, width


def labeller_in(folder: Path) -> Path | None:
    """Where the label network of the checkpoint in `folder` lies; None where it has none.

    It lies inside, or inside the checkpoint beside it whose name stands in `labeller.txt`.
    """
    inside, lender = folder / LABELLER, lender_of(folder)
    if not inside.is_dir() and lender is not None:
        inside = folder.parent / lender / LABELLER
    return inside if inside.is_dir() else None


def needs_map(checkpoint: Checkpoint, looks: int) -> bool:
    """Whether a style picture of this checkpoint must bring its map: with `looks`, but no label network."""
    return bool(looks) and labeller_in(checkpoint.folder) is None


def labeller_of(checkpoint: Checkpoint, runtime: Runtime) -> Labeller:
    """The label network that lies in a checkpoint, ready to use.

    Raises `CheckpointError` where there is none, where it is broken, and where its classes are others.
    """
    folder = labeller_in(checkpoint.folder)
    if folder is None:
        raise CheckpointError(
            f"{checkpoint.name} has no label network; `python -m train label --data FOLDER --out "
            f"{checkpoint.folder / LABELLER}` trains one on its label maps"
        )
    told, model = load_model(folder)
    if told.model != "label":
        raise CheckpointError(f"{folder} holds a {told.model}, not a label network")
    if not same_classes(told.palette, checkpoint.palette):
        raise CheckpointError(
            f"{folder} knows other classes than {checkpoint.name}: train it on the same maps"
        )
    return Labeller(told, model, runtime)  # type: ignore[arg-type]  # the checkpoint has said what it is


def same_classes(one: Palette | None, other: Palette | None) -> bool:
    """Whether two palettes name the same classes in the same order; colours do not matter."""
    return one is not None and other is not None and one.names == other.names
