"""The three parts of data: what is learnt from, what chooses the weights, what judges them in the end.

Whoever chooses the best of twenty models by some pictures has made these a part of the learning: on them the
chosen one looks better than it is. So a checkpoint remembers what chose its weights, as fingerprints of the
pictures, and `evaluate` knows them again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from torch import Tensor

from train.judge import sheet
from train.judge.cache import content_of
from train.judge.protocol import About

MOST = 256  # fingerprints that a checkpoint keeps, of pictures spread evenly
DIGITS = 8  # of each, hexadecimal: among 256 and 10,000 pictures chance makes two alike once in 1,600 times


def fingerprints(pictures: Sequence[Tensor], most: int | None = None) -> list[str]:
    """A short hash of each picture as it is stored, uint8 (N, 3, h, w); of at most so many, spread evenly.

    Pictures of one file, stored at one size, have the same; those stored at another size have others.
    """
    every = [picture for part in pictures for picture in part]
    chosen = range(len(every)) if most is None else sheet.evenly(len(every), most).tolist()
    return [hashlib.sha256(content_of(every[place])).hexdigest()[:DIGITS] for place in chosen]


def chosen_by(data: str, pictures: Sequence[Tensor]) -> About:
    """What `about` tells of the pictures that choose the weights; data: where they come from, in words."""
    count = sum(len(part) for part in pictures)
    return {"data": data, "pictures": count, "fingerprints": fingerprints(pictures, MOST)}


def remarks(about: About, judged: Sequence[Tensor], training: Sequence[Tensor] | None) -> list[str]:
    """Sentences that say where the judging pictures are no third part; none where they are.

    about: the checkpoint's; judged and training: the pictures of --data and of --against.
    """
    ours, said = fingerprints(judged), []
    chosen = about.get("chosen_by")
    known = set() if chosen is None else set(chosen["fingerprints"])
    again = sum(each in known for each in ours)
    if chosen is not None and again:
        least = "at least " if chosen["pictures"] > len(chosen["fingerprints"]) else ""
        said.append(
            f"Not a last judgement: {least}{again} of these {len(ours)} pictures chose the weights "
            f"({chosen['data']}), which therefore look better here than elsewhere."
        )
    learnt = set() if training is None else set(fingerprints(training))
    if twice := sum(each in learnt for each in ours):
        said.append(f"{twice} of these {len(ours)} pictures are among those of --against, too.")
    return said


def unknown(about: About) -> bool:
    """Whether a checkpoint does not say what chose its weights, as older ones do not."""
    return "chosen_by" not in about
