"""`python -m train styles CHECKPOINT --data FOLDER`: give a painter ready styles, of training pictures.

All pictures of FOLDER are encoded, their styles parted into clusters (k-means), and the style next to each
cluster's mean is kept: typical ones that differ. What each paints on one and the same map is its thumbnail,
so that the pictures themselves stay where they are. The same command gives the same file.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import cgan
from cgan import styles
from cgan.enlarging import long_side, resized
from cgan.errors import DataError
from cgan.labels import Palette
from cgan.pictures import to_pictures
from cgan.ranges import whole
from cgan.tasks import Painter
from train.data.painted import PaintedData, read_painted
from train.log import say

SEED = 0  # of the clusters, and of the fine detail of thumbnails
THUMBNAIL = 96  # pixels of a thumbnail's longer side
ROUNDS = (cv2.TERM_CRITERIA_MAX_ITER + cv2.TERM_CRITERIA_EPS, 100, 1e-4)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train styles`."""
    flag = parser.add_argument
    flag("checkpoint", help="folder, name or Hub id of a painter with styles")
    flag("--data", type=Path, required=True, metavar="FOLDER", help="training pictures with their maps")
    most = styles.MOST
    flag("--count", type=whole(1, most), default=8, help=f"styles to keep, at most {most} (default: 8)")
    flag("--map", type=Path, metavar="FILE", help="the map of the thumbnails (default: the first of FOLDER)")
    flag("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")


def run(arguments: argparse.Namespace) -> int:
    """Write the styles of a checkpoint: 0. What cannot be is a ValueError or a CganError."""
    painter = cgan.load(arguments.checkpoint, arguments.device)
    if not isinstance(painter, Painter) or not painter.model.config.style:
        raise ValueError(f"{arguments.checkpoint} has no styles: only painters that have some can keep them")
    data = read_painted(arguments.data, painter.size, say)
    if data.palette.names != painter.palette.names:
        names = " and ".join(", ".join(it.names) for it in (data.palette, painter.palette))
        raise DataError(f"{arguments.data} and the checkpoint have other classes: {names}")
    if len(data) < arguments.count:
        raise DataError(f"{arguments.data} has {len(data)} pictures; {arguments.count} styles need as many")
    labels = (
        read_map(arguments.map, painter.palette)
        if arguments.map is not None
        else data.batch([0], 0, painter.size, augment=False).labels[0, 0].numpy().astype(np.uint8)
    )
    labels = resized(labels, long_side(labels.shape, max(painter.size)))
    vectors = encoded(painter, data)
    kept = vectors[typical(vectors, arguments.count)]
    pictures = [painter.paint(labels, style=vector, seed=SEED)[0] for vector in kept]
    light = np.argsort([picture.mean() for picture in pictures], kind="stable")  # from dark to light
    path = styles.write(painter.checkpoint, kept[light], [thumbnail(pictures[i]) for i in light])
    say(f"{path} has {len(kept)} styles of {len(vectors)} pictures, {path.stat().st_size / 1024:.0f} KiB")
    return 0


def read_map(path: Path, palette: Palette) -> NDArray[np.uint8]:
    """A label map: of the palette.json beside it, by the names of its classes, else of `palette`."""
    beside = path.parent / "palette.json"
    if not beside.is_file():
        return palette.ids(path)
    own = Palette.read(beside)
    labels = own.ids(path)
    if missing := {own.names[label] for label in np.unique(labels)} - {*palette.names}:
        raise DataError(f"{path} has classes that the checkpoint lacks: {', '.join(sorted(missing))}")
    places = [palette.names.index(name) if name in palette.names else 0 for name in own.names]
    return np.array(places, np.uint8)[labels]


def encoded(painter: Painter, data: PaintedData) -> NDArray[np.float32]:
    """The styles of all pictures, (N, style)."""
    found = []
    for index in range(len(data)):
        batch = data.batch([index], 0, painter.size, augment=False)
        labels = batch.labels[0, 0].cpu().numpy().astype(np.uint8)
        found.append(painter.encode(to_pictures(batch.images)[0], labels))
    return np.stack(found)


def typical(vectors: NDArray[np.float32], count: int) -> list[int]:
    """Which of the vectors (N, style) are nearest to the means of `count` clusters."""
    cv2.setRNGSeed(SEED)
    _, members, means = cv2.kmeans(vectors, count, None, ROUNDS, 10, cv2.KMEANS_PP_CENTERS)  # type: ignore
    chosen = []
    for cluster, mean in enumerate(means):
        inside = np.flatnonzero(members[:, 0] == cluster)
        chosen.append(int(inside[np.linalg.norm(vectors[inside] - mean, axis=1).argmin()]))
    return chosen


def thumbnail(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A picture, uint8 (H, W, 3), with a longer side of 96 pixels."""
    height, width = long_side(picture.shape, THUMBNAIL)
    return np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
