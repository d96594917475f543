"""`python -m train evaluate CHECKPOINT --data FOLDER`: how good a checkpoint is, beside its baselines.

Painters are judged on held-back maps, label networks on held-back photographs, translators on held-back
pictures of both domains, on pairs, or on classes that training has not seen, animators on held-back clips.
What is measured, and by whose networks: `train.judge.metrics`.

Data have three parts: training (--data of a run, --against here), choosing (--validation of a run, which
picks the weights) and judging: --data here, which should be neither. Where it is, the tables say so.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from cgan.ranges import real, whole


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The flags of `python -m train evaluate`."""
    flag = parser.add_argument
    flag("checkpoint", help="folder, name or Hub id of a checkpoint")
    flag(
        "--data",
        type=Path,
        required=True,
        metavar="FOLDER",
        help="the judging part, in training's format: it has neither taught the weights nor chosen them",
    )
    flag("--against", type=Path, metavar="FOLDER", help="the training part: for real against real")
    flag(
        "--styles",
        type=Path,
        metavar="FOLDER",
        help="painters: photographs that lend their styles (default: those of --data, perhaps all alike)",
    )
    flag("--metric-weights", type=Path, metavar="FILE", help="other features of MobileNetV2, for FID-MNv2")
    flag("--perceptual-weights", type=Path, metavar="FILE", help="other features of SqueezeNet, for LPIPS")
    flag(
        "--features",
        choices=("auto", "inception", "mobilenet", "squeezenet"),
        default="auto",
        help="whose features distances are between (default: the first of these that can be had)",
    )
    flag("--segmenter", type=Path, metavar="FILE", help="lraspp_mobilenet_v3_large, for mIoU (painters)")
    flag("--pictures", type=whole(1), default=500, help="most pictures that are translated (default: 500)")
    flag(
        "--seconds",
        type=real(0, 3600),
        default=0.0,
        metavar="N",
        help="film one clip for so long, there and back, and see whether it drifts into noise (video models; "
        "default: 0, not at all; 30 is a good length)",
    )
    flag(
        "--painter",
        metavar="CHECKPOINT",
        help="paint the frames by it too, one by one, as SPADE would (vid2vid and wc_vid2vid)",
    )
    flag("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps (default: auto)")
    flag("--seed", type=whole(0), default=0, help="draws the styles (default: 0)")
    flag("--no-cache", action="store_true", help="neither read nor keep features of real pictures")
    flag("--json", type=Path, metavar="FILE", help="write the scores here too")
    flag("--samples", type=Path, metavar="FILE", help="write a sheet of 16 unpicked samples (JPEG)")
    flag("--outputs-only", action="store_true", help="no pictures of the data on the sheet")
    flag("--card", action="store_true", help="put table and sheet into the checkpoint's README.md")


def run(arguments: argparse.Namespace) -> int:
    """Evaluate a checkpoint: print tables and the same as JSON. Returns the exit code."""
    from train.judge import evaluation  # only now: it needs torch, which a wrong flag should not wait for

    return evaluation.run(arguments)
