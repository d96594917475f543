"""Spectral norm in Triton kernels, each one launch for all layers of a network (see `spectral.py`).

A turn reads gradients and weights (`dot`) and corrects the gradients (`apply`); after the optimiser's step it
multiplies (`product`, for Wv), multiplies again (`product`, for Wᵀu, where u gets its length as it is read),
and finishes (`finish`: u, v, sigma, and Ŵ in fp32 and in half precision in one pass). That moves 34 bytes a
weight: 4 for each product, 10 to finish, 16 for the gradients.

Each program looks up its tile in a table, so that matrices of all shapes share a launch. Nothing is added
atomically: a program reduces what it owns in a fixed order and notes one number, and whoever needs the total
adds up these notes, again in a fixed order. So a step gives the same bits each time.

Imported only where Triton is: on CUDA, or with TRITON_INTERPRET=1 for tests.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
import triton
import triton.language as tl
from torch import Tensor

Places = list[tuple[int, int]]  # for each matrix: where something begins, and how much there is

if TYPE_CHECKING:
    from train.engine.spectral import Piece, Spectral

EPS = tl.constexpr(1e-12)
SHORT, LONG = tl.constexpr(4), tl.constexpr(512)  # a program reduces 4 stored rows, 512 numbers at a time,
WIDE, DEEP = tl.constexpr(64), tl.constexpr(32)  # or 64 stored columns, 32 numbers at a time
TILE = tl.constexpr(4096)  # numbers of a flat tensor for each program of the other kernels
WARPS = 8  # of theirs
CHUNK = tl.constexpr(256)  # notes that are added up at a time

# A matrix lies in memory as DOWN stored rows of ACROSS numbers (see `Piece`). The fields of the tables:
# of a matrix: where it, its u, its v and its half-precision copy begin, and which notes are its own
START, ACROSS, TURNED, U, V, HALF, DOT, DOTS, U_NOTE, U_NOTES, V_NOTE, V_NOTES, FIELDS = map(
    tl.constexpr, range(13)
)
# of a program of `product`: its matrix, the first stored row or column (SIDE 1) it owns, x, y, the notes of x
P_START, P_DOWN, P_ACROSS, P_SIDE, P_FIRST, P_X, P_Y, P_NOTE, P_NOTES, P_FIELDS = map(tl.constexpr, range(10))
# of a span: what it is, whose, where, and how long
S_KIND, S_MATRIX, S_START, S_LENGTH, S_FIELDS = map(tl.constexpr, range(5))
WEIGHTS, OTHERS, LEFT, RIGHT = map(tl.constexpr, range(4))  # kinds: normalised weights, others, u, v


@triton.jit
def total(notes, first, count):
    """The sum of `count` notes from `first` on."""
    lanes = tl.arange(0, CHUNK)
    sums = tl.zeros((CHUNK,), tl.float32)
    for i in range(0, count.to(tl.int32), CHUNK):
        sums += tl.load(notes + first + i + lanes, mask=i + lanes < count, other=0.0)
    return tl.sum(sums, 0)


@triton.jit
def reduce_rows(matrix, down, across, first, x, y, scale, notes):
    """SHORT numbers of y, one for each stored row from `first` on."""
    rows = first + tl.arange(0, SHORT)
    lanes = tl.arange(0, LONG)
    sums = tl.zeros((SHORT, LONG), tl.float32)
    for i in range(0, across, LONG):
        columns = i + lanes
        inside = (rows < down)[:, None] & (columns < across)[None, :]
        piece = tl.load(matrix + rows[:, None] * across + columns[None, :], mask=inside, other=0.0)
        sums += piece * tl.load(x + columns, mask=columns < across, other=0.0)[None, :]
    result = tl.sum(sums, 1) * scale
    tl.store(y + rows, result, mask=rows < down)
    tl.store(notes + tl.program_id(0), tl.sum(result * result, 0))


@triton.jit
def reduce_columns(matrix, down, across, first, x, y, scale, notes):
    """WIDE numbers of y, one for each stored column from `first` on."""
    columns = first + tl.arange(0, WIDE)
    lanes = tl.arange(0, DEEP)
    sums = tl.zeros((DEEP, WIDE), tl.float32)
    for i in range(0, down, DEEP):
        rows = i + lanes
        inside = (rows < down)[:, None] & (columns < across)[None, :]
        piece = tl.load(matrix + rows[:, None] * across + columns[None, :], mask=inside, other=0.0)
        sums += piece * tl.load(x + rows, mask=rows < down, other=0.0)[:, None]
    result = tl.sum(sums, 0) * scale
    tl.store(y + columns, result, mask=columns < across)
    tl.store(notes + tl.program_id(0), tl.sum(result * result, 0))


@triton.jit
def product(weights, programs, x, y, x_notes, y_notes, normalise: tl.constexpr):
    """A few numbers of y = matrix · x, and the sum of their squares as a note.

    With `normalise`, x counts as divided by its length, the root of its own notes.
    """
    program = programs + tl.program_id(0) * P_FIELDS
    matrix = weights + tl.load(program + P_START)
    down = tl.load(program + P_DOWN).to(tl.int32)
    across = tl.load(program + P_ACROSS).to(tl.int32)
    first = tl.load(program + P_FIRST).to(tl.int32)
    x += tl.load(program + P_X)
    y += tl.load(program + P_Y)
    scale = 1.0
    if normalise:
        length = tl.sqrt(total(x_notes, tl.load(program + P_NOTE), tl.load(program + P_NOTES)))
        scale = 1.0 / tl.maximum(length, EPS)
    if tl.load(program + P_SIDE) == 0:
        reduce_rows(matrix, down, across, first, x, y, scale, y_notes)
    else:
        reduce_columns(matrix, down, across, first, x, y, scale, y_notes)


@triton.jit
def finish(
    weights, effective, half, u, v, sigma, spans, matrices, u_notes, v_notes,
    iterated: tl.constexpr, halved: tl.constexpr,
):  # fmt: skip
    """Write a span of Ŵ or of the other weights, or give one of u or v its length, and note sigma.

    Without `iterated`, sigma is what it was, and u and v are left alone.
    """
    span = spans + tl.program_id(0) * S_FIELDS
    kind = tl.load(span + S_KIND)
    number = tl.load(span + S_MATRIX)
    start = tl.load(span + S_START)
    lanes = tl.arange(0, TILE)
    inside = lanes < tl.load(span + S_LENGTH)
    matrix = matrices + number * FIELDS
    if kind == WEIGHTS:
        if iterated:
            length = tl.sqrt(total(v_notes, tl.load(matrix + V_NOTE), tl.load(matrix + V_NOTES)))
        else:
            length = tl.load(sigma + number)
        normalised = tl.load(weights + start + lanes, mask=inside) / length
        tl.store(effective + start + lanes, normalised, mask=inside)
        if halved:
            place = tl.load(matrix + HALF) + start - tl.load(matrix + START)
            tl.store(half + place + lanes, normalised.to(half.dtype.element_ty), mask=inside)
    elif kind == OTHERS:
        plain = tl.load(weights + start + lanes, mask=inside)
        tl.store(effective + start + lanes, plain, mask=inside)
    elif kind == LEFT:
        length = tl.sqrt(total(u_notes, tl.load(matrix + U_NOTE), tl.load(matrix + U_NOTES)))
        raw = tl.load(u + start + lanes, mask=inside)
        tl.store(u + start + lanes, raw / tl.maximum(length, EPS), mask=inside)
    else:
        length = tl.sqrt(total(v_notes, tl.load(matrix + V_NOTE), tl.load(matrix + V_NOTES)))
        raw = tl.load(v + start + lanes, mask=inside)
        tl.store(v + start + lanes, raw / tl.maximum(length, EPS), mask=inside)
        tl.store(sigma + number, length)  # all spans of a v write the same


@triton.jit
def dot(gradient, effective, spans, notes):
    """A span's part of ⟨g, Ŵ⟩, noted."""
    span = spans + tl.program_id(0) * S_FIELDS
    start = tl.load(span + S_START)
    lanes = tl.arange(0, TILE)
    inside = lanes < tl.load(span + S_LENGTH)
    g = tl.load(gradient + start + lanes, mask=inside, other=0.0)
    w = tl.load(effective + start + lanes, mask=inside, other=0.0)
    tl.store(notes + tl.program_id(0), tl.sum(g * w, 0))


@triton.jit
def apply(gradient, u, v, sigma, spans, matrices, notes):
    """(g − ⟨g, Ŵ⟩ u vᵀ) / sigma for a span, in place."""
    span = spans + tl.program_id(0) * S_FIELDS
    number = tl.load(span + S_MATRIX)
    start = tl.load(span + S_START)
    lanes = tl.arange(0, TILE)
    inside = lanes < tl.load(span + S_LENGTH)
    matrix = matrices + number * FIELDS
    along = total(notes, tl.load(matrix + DOT), tl.load(matrix + DOTS))
    across = tl.load(matrix + ACROSS).to(tl.int32)
    position = (start - tl.load(matrix + START)).to(tl.int32) + lanes
    row = position // across
    column = position - row * across
    turned = tl.load(matrix + TURNED) != 0
    left = tl.load(u + tl.load(matrix + U) + tl.where(turned, column, row), mask=inside)
    right = tl.load(v + tl.load(matrix + V) + tl.where(turned, row, column), mask=inside)
    g = tl.load(gradient + start + lanes, mask=inside)
    tl.store(gradient + start + lanes, (g - along * left * right) / tl.load(sigma + number), mask=inside)


class Kernels:
    """The launches for one `Spectral`: their tables, made once, and their notes."""

    def __init__(self, spectral: Spectral):
        self.spectral, self.device = spectral, spectral.master.device
        pieces = spectral.pieces
        owned = {name: [_owned(piece, name) for piece in pieces] for name in ("u", "v")}
        notes = {name: _ranges(map(len, firsts)) for name, firsts in owned.items()}
        places = {"u": _ranges(p.rows for p in pieces), "v": _ranges(p.columns for p in pieces)}
        self.into_u = self._programs("u", owned["u"], places["v"], places["u"], notes["v"])
        self.into_v = self._programs("v", owned["v"], places["u"], places["v"], notes["u"])

        weights = [_tiles(WEIGHTS, m, p.start, p.stop) for m, p in enumerate(pieces)]
        others = [_tiles(OTHERS, 0, start, stop) for start, stop in spectral.gaps()]
        vectors = [
            _tiles(kind, m, first, first + count)
            for kind, name in ((LEFT, "u"), (RIGHT, "v"))
            for m, (first, count) in enumerate(places[name])
        ]
        chained = [list(itertools.chain(*spans)) for spans in (weights, others, vectors)]
        self.count_weights, self.count_all = len(chained[0]), sum(map(len, chained))
        self.count_written = self.count_weights + len(chained[1])
        self.spans = self._table(list(itertools.chain(*chained)))
        columns = places["u"], places["v"], _ranges(map(len, weights)), notes["u"], notes["v"]
        self.matrices = self._table(
            [p.start, _stored(p)[1], p.transposed, u[0], v[0], p.half, *dots, *u_notes, *v_notes]
            for p, u, v, dots, u_notes, v_notes in zip(pieces, *columns, strict=True)
        )
        self.dots, self.u_notes, self.v_notes = (
            torch.zeros(count, device=self.device)
            for count in (self.count_weights, len(self.into_u), len(self.into_v))
        )

    def refresh(self, effective: Tensor, half: Tensor | None, iterations: int) -> None:
        """Three launches for an iteration: see `Spectral.refresh`."""
        it = self.spectral
        with self._on_device():
            for i in range(iterations if it.pieces else 0):
                # v has its length at first, and later only a product of it
                product[(len(self.into_u),)](
                    it.master, self.into_u, it.v_flat, it.u_flat, self.v_notes, self.u_notes, normalise=i > 0
                )
                product[(len(self.into_v),)](
                    it.master, self.into_v, it.u_flat, it.v_flat, self.u_notes, self.v_notes, normalise=True
                )
            finish[(self.count_all if iterations else self.count_written,)](
                it.master, effective, effective if half is None else half, it.u_flat, it.v_flat, it.sigma,
                self.spans, self.matrices, self.u_notes, self.v_notes,
                iterated=iterations > 0, halved=half is not None, num_warps=WARPS,
            )  # fmt: skip

    def correct(self, gradient: Tensor, effective: Tensor) -> None:
        """Two launches: see `Spectral.correct`."""
        it = self.spectral
        if not it.pieces:
            return
        with self._on_device():
            dot[(self.count_weights,)](gradient, effective, self.spans, self.dots, num_warps=WARPS)
            apply[(self.count_weights,)](
                gradient, it.u_flat, it.v_flat, it.sigma, self.spans, self.matrices, self.dots,
                num_warps=WARPS,
            )  # fmt: skip

    def _on_device(self) -> contextlib.AbstractContextManager[None]:
        """Triton launches on the current device, which need not be that of the weights."""
        return torch.cuda.device(self.device) if self.device.type == "cuda" else contextlib.nullcontext()

    def _programs(self, name: str, owned: list[range], x: Places, y: Places, x_notes: Places) -> Tensor:
        """The table of the product into `name`, from the ranges of x, y and x's notes for each matrix."""
        rows = []
        for piece, firsts, (x_at, _), (y_at, _), notes in zip(
            self.spectral.pieces, owned, x, y, x_notes, strict=True
        ):
            side = _side(piece, name)
            rows += [[piece.start, *_stored(piece), side, first, x_at, y_at, *notes] for first in firsts]
        return self._table(rows)

    def _table(self, rows: Iterable[list[int]]) -> Tensor:
        return torch.tensor([list(map(int, row)) for row in rows], dtype=torch.int64, device=self.device)


def _stored(piece: Piece) -> tuple[int, int]:
    """(stored rows, numbers in each) of a matrix."""
    return (piece.columns, piece.rows) if piece.transposed else (piece.rows, piece.columns)


def _side(piece: Piece, name: str) -> int:
    """0 where the numbers of `name`, u or v, belong to stored rows, 1 where they belong to stored columns."""
    return int(piece.transposed == (name == "u"))


def _owned(piece: Piece, name: str) -> range:
    """The first of the stored rows or columns of each program that multiplies into `name`."""
    down, across = _stored(piece)
    return range(0, across, WIDE.value) if _side(piece, name) else range(0, down, SHORT.value)


def _ranges(counts: Iterable[int]) -> list[tuple[int, int]]:
    """(first, count) of consecutive ranges."""
    counts = list(counts)
    return list(zip(itertools.accumulate(counts, initial=0), counts, strict=False))


def _tiles(kind: tl.constexpr, matrix: int, start: int, stop: int) -> list[list[int]]:
    """The spans of at most TILE numbers from `start` to `stop`."""
    size = TILE.value
    return [[kind.value, matrix, at, min(size, stop - at)] for at in range(start, stop, size)]
