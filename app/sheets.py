"""Sheets: frames of one size beside each other and in rows, as pixel art keeps its animations."""

import numpy as np

from cgan import DataError

MOST = 600  # frames


def cut(sheet: np.ndarray, size: tuple[int, int]) -> list[np.ndarray]:
    """The frames of `size` (H, W) of a sheet, uint8 (rows H, columns W), row by row."""
    (height, width), (high, wide) = sheet.shape, size
    if height % high or width % wide:
        raise DataError(
            f"the sheet is {width}×{height}; this model's frames are {wide}×{high}, so both sides must be "
            "multiples of theirs"
        )
    count = (height // high) * (width // wide)
    if count > MOST:
        raise DataError(f"the sheet has {count} frames; at most {MOST} are allowed")
    rows = sheet.reshape(height // high, high, width // wide, wide).swapaxes(1, 2)
    return list(np.ascontiguousarray(rows.reshape(-1, high, wide)))


def laid_out(rows: list[list[np.ndarray]]) -> np.ndarray:
    """One sheet of rows of frames, uint8 (H, W, 3); the rest has the first pixel's colour."""
    height, width = rows[0][0].shape[:2]
    longest = max(len(row) for row in rows)
    sheet = np.empty((len(rows) * height, longest * width, 3), np.uint8)
    sheet[:] = rows[0][0][0, 0]
    for place, row in enumerate(rows):
        sheet[place * height : (place + 1) * height, : len(row) * width] = np.concatenate(row, 1)
    return sheet
