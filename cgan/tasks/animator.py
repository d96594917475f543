"""Animating: label maps one after the other become a video, of a subject that pictures show if need be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from cgan.errors import DataError
from cgan.pictures import PictureLike, as_picture, centre, fitted, to_image, to_pictures
from cgan.runtime import Runtime
from cgan.tasks.bounds import check_made, check_size, seed_of

if TYPE_CHECKING:
    from cgan.checkpoint import Checkpoint

Map = NDArray[np.uint8]
Picture = NDArray[np.uint8]


class Geometry(NamedTuple):
    """Where a frame was seen from, and how far everything is.

    depth: float (H, W) in metres along the camera's axis, 0 where unknown; pose: float (4, 4), camera to
    world, the camera's axes to the right, down and ahead; intrinsics: fx, fy, cx, cy in pixels of the map,
    the first pixel's middle at 0.5.
    """

    depth: NDArray[np.floating]
    pose: NDArray[np.floating]
    intrinsics: NDArray[np.floating]


class Animator:
    """Label maps in, frames out, one by one.

    Attributes: `palette` (the classes of the maps), `size` ((height, width) of the training frames, at which
    the model is at its best), `references` (the least and the most pictures of a subject that it takes; (0,
    0): none), `needs_geometry` (whether each map comes with a `Geometry`), `checkpoint`, `runtime`, `model`.
    """

    def __init__(self, checkpoint: Checkpoint, model: Any, runtime: Runtime):
        self.checkpoint, self.runtime = checkpoint, runtime
        self.model: Any = runtime.prepare(model)
        if runtime.device.type == "cpu" and runtime.dtype == torch.float32:
            self.model.faster()
        if checkpoint.palette is None:
            raise ValueError(f"{checkpoint.name} has no palette: its maps cannot be read")
        self.palette = checkpoint.palette
        self.references: tuple[int, int] = model.references
        self.needs_geometry: bool = model.needs_geometry
        height, width = checkpoint.about["size"]
        self.size: tuple[int, int] = (height, width)

    def animate(
        self,
        maps: Iterable[Map],
        references: Sequence[PictureLike] = (),
        reference_maps: Sequence[Map | None] = (),
        first: PictureLike | None = None,
        geometry: Iterable[Geometry] | None = None,
        seed: int = 0,
    ) -> Iterator[Picture]:
        """Make a frame of each map: uint8 (H, W) of class ids, all of one size -> pictures uint8 (H, W, 3).

        `references` are pictures (arrays, Pillow's or Paths) of the subject, of any size: their largest
        centred part of the maps' shape is used. `reference_maps`: their label maps, or None for each that has
        none. `first` is the frame before the first map's: its look is taken over (models without references
        only). What a model may choose itself is drawn by `seed`; the same call gives the same frames, on a
        CPU to the bit.

        The arguments are checked at once, each map when its frame is made. Frames are made as they are asked
        for, and all that is remembered is in the iterator: to stop, close it.
        Raises DataError for maps that are too large or have unknown ids, ValueError for what cannot be.
        """
        shown = [as_picture(picture) for picture in references]
        begun = None if first is None else as_picture(first)
        self._check_arguments(shown, reference_maps, begun, geometry)
        return self._frames(maps, shown, reference_maps, begun, geometry, seed_of(seed))

    def _frames(
        self,
        maps: Iterable[Map],
        references: Sequence[Picture],
        reference_maps: Sequence[Map | None],
        first: Picture | None,
        geometry: Iterable[Geometry] | None,
        seed: int,
    ) -> Iterator[Picture]:
        state: object = None
        size: tuple[int, int] | None = None
        places = None if geometry is None else iter(geometry)
        for labels in maps:
            self._check_map(labels, size)
            if size is None:
                size = labels.shape[0], labels.shape[1]
                padded = self._padded(labels).shape
                pictures = [self._reference(picture, padded) for picture in references]
                told = [self._reference_map(map_, padded) for map_ in reference_maps]
                beginning = None if first is None else self._reference(first, padded)
                state = self._begin(pictures, told, beginning, seed)
            place = None if places is None else self._place(next(places, None), size)
            image, state = self._advance(labels, state, place)
            check_made(image)
            yield to_pictures(image[:, :, : size[0], : size[1]])[0]

    # --- the model; never a yield inside a context

    @torch.inference_mode()
    def _begin(self, pictures: list[Tensor], told: list[Tensor], first: Tensor | None, seed: int) -> object:
        """What the model remembers before the first frame."""
        generator = torch.Generator().manual_seed(seed)  # on the CPU: the same numbers on every device
        normal = torch.randn(1, self.model.config.style, generator=generator).to(self.runtime.device)
        with self.runtime.autocast():
            return self.model.begin(
                torch.stack(pictures, 1) if pictures else None,
                torch.stack(told, 1) if told else None,
                first,
                normal,
            )

    @torch.inference_mode()
    def _advance(
        self, labels: Map, state: object, place: tuple[Tensor, Tensor, Tensor] | None
    ) -> tuple[Tensor, object]:
        """The next frame (1, 3, H, W), padded as it is made, and what is remembered then."""
        ids = torch.from_numpy(self._padded(labels).astype(np.int64))[None, None].to(self.runtime.device)
        with self.runtime.computing(ids.numel()):
            image, state = self.model.advance(ids, state, place)
        return image.float(), state

    # --- to tensors

    def _padded(self, labels: NDArray[Any]) -> NDArray[Any]:
        """(H, W) with its last row and column repeated to multiples of the model's."""
        margins = [(0, margin) for margin in self._margins(labels.shape)]
        padded: NDArray[Any] = np.pad(labels, margins, mode="edge")
        return padded

    def _margins(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """What is added below and on the right: up to a multiple of the model's, and two of them at least."""
        step = self.model.multiple
        return tuple(max(-side % step, 2 * step - side) for side in shape)

    def _reference(self, picture: Picture, size: tuple[int, int]) -> Tensor:
        """A picture of the subject at the frames' size: (1, 3, H, W)."""
        return to_image(fitted(picture, size)).to(self.runtime.device)

    def _reference_map(self, map_: Map | None, size: tuple[int, int]) -> Tensor:
        """A reference's ids (1, 1, H, W); those of what has no map are all one more than there are."""
        unknown = self.model.config.classes
        if map_ is None:
            return torch.full((1, 1, *size), unknown, device=self.runtime.device)
        box = centre(map_.shape, size)
        cut = Image.fromarray(map_).resize(size[::-1], Image.Resampling.NEAREST, box=box)
        return torch.from_numpy(np.array(cut, np.int64))[None, None].to(self.runtime.device)

    def _place(self, geometry: Geometry | None, size: tuple[int, int]) -> tuple[Tensor, Tensor, Tensor]:
        """A frame's geometry: depth (1, 1, H, W), padded; pose (1, 4, 4); intrinsics (1, 4)."""
        if geometry is None:
            raise ValueError("there are more maps than geometries: give one for each")
        depth, pose, intrinsics = (np.asarray(part, np.float32) for part in geometry)
        for name, part, shape in (
            ("depth", depth, size),
            ("pose", pose, (4, 4)),
            ("intrinsics", intrinsics, (4,)),
        ):
            if part.shape != tuple(shape) or not np.isfinite(part).all():
                raise ValueError(f"{name} must be {tuple(shape)} finite numbers, not {part.shape}")
        parts = (self._padded(depth)[None], pose, intrinsics)
        tensors = [torch.from_numpy(part)[None].to(self.runtime.device) for part in parts]
        return tensors[0], tensors[1], tensors[2]

    # --- at the boundary

    def _check_arguments(
        self,
        references: Sequence[Picture],
        reference_maps: Sequence[Map | None],
        first: Picture | None,
        geometry: Iterable[Geometry] | None,
    ) -> None:
        least, most = self.references
        if not least <= len(references) <= most:
            wanted = f"{least} to {most} reference pictures" if most else "no reference pictures"
            raise ValueError(f"this model takes {wanted}, not {len(references)}")
        if reference_maps and len(reference_maps) != len(references):
            raise ValueError(
                f"{len(references)} references and {len(reference_maps)} maps of them; give one for each, "
                "None where there is none, or none at all"
            )
        for map_ in reference_maps:
            if map_ is not None:
                self._check_map(map_, None)
        if first is not None and most:
            raise ValueError("this model begins with its references; give no first picture")
        if self.needs_geometry != (geometry is not None):
            needs = "needs a geometry for each map" if self.needs_geometry else "takes no geometry"
            raise ValueError(f"this model {needs}")

    def _check_map(self, labels: Map, size: tuple[int, ...] | None) -> None:
        if not isinstance(labels, np.ndarray):
            raise ValueError(f"a map must be a numpy array, uint8 (H, W), not a {type(labels).__name__}")
        if labels.ndim != 2 or labels.dtype != np.uint8 or not labels.size:
            raise ValueError(f"a map must be uint8 (H, W), not {labels.dtype} {labels.shape}")
        check_size(labels.shape, self._margins(labels.shape), "a map")
        if size is not None and labels.shape != size:
            raise DataError(
                f"a map is {labels.shape[1]}x{labels.shape[0]}, the first was {size[1]}x{size[0]}: all maps "
                "of a clip must be of one size"
            )
        classes = self.model.config.classes
        if labels.max() >= classes:
            bad = labels[labels >= classes]
            raise DataError(
                f"a map has id {bad[0]} ({bad.size} pixels ≥ {classes}); allowed: {self.palette.describe()}"
            )
