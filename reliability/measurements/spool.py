"""Rows that may be more than the memory holds: appended in pieces, read again in pieces."""

import tempfile
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

IN_MEMORY = 1 << 28  # bytes; beyond, rows and arrays go to the folder for temporary files


class Spool:
    """Columns of float64, in memory while they are few and on the disk when they are many.

    Parameters
    ----------
    names : sequence of str
        Name of each column.

    Examples
    --------
    >>> rows = Spool(["cell", "conductance"])
    >>> rows.append([np.array([1.0, 2.0]), np.array([3e-6, 4e-6])])
    >>> [block.shape for block in rows], rows.count
    ([(2, 2)], 2)
    """

    def __init__(self, names: Sequence[str]) -> None:
        self.names = list(names)
        self.count = 0
        self._shapes: list[tuple[int, int]] = []
        self._file = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115

    def append(self, columns: Sequence[NDArray[np.floating]]) -> None:
        """Add rows, given as one array of shape (n,) for each column."""
        block = np.stack(columns, axis=1).astype(np.float64, copy=False)
        if len(block):
            self._file.write(block.tobytes())
            self._shapes.append(block.shape)
            self.count += len(block)

    def add_column(self, name: str) -> None:
        """Add a column that is NaN in all rows so far."""
        self.names.append(name)

    def __iter__(self) -> Iterator[NDArray[np.float64]]:
        """Yield the rows in the order they came, blocks of shape (n, columns)."""
        self._file.seek(0)
        for length, width in self._shapes:
            block = np.frombuffer(self._file.read(8 * width * length)).reshape(length, width)
            more = len(self.names) - width
            yield np.pad(block, ((0, 0), (0, more)), constant_values=np.nan) if more else block
        self._file.seek(0, 2)


def filled_array(
    shape: Sequence[int], value: float = np.nan, dtype: DTypeLike = np.float64
) -> NDArray[Any]:
    """Return an array of one value; a large one lies in a temporary file that goes with it."""
    size = int(np.prod(shape, dtype=np.int64))
    if np.dtype(dtype).itemsize * size <= IN_MEMORY:
        return np.full(tuple(shape), value, dtype=dtype)
    with tempfile.TemporaryFile() as file:
        array = np.memmap(file, dtype=dtype, mode="w+", shape=tuple(shape))
    flat = array.reshape(-1)
    for start in range(0, size, 1 << 22):
        flat[start : start + (1 << 22)] = value
    return array
