"""Work on many cells block by block: in the cache, on all cores, and the same in any division.

Cells of a chip are cut at fixed places, every `BLOCK` cells. A block has streams of its own, so
that blocks can be worked on in any order; the first block of a chip has the streams that
`reliability.random.draw` gives.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from reliability.random import stream

BLOCK = 65_536  # cells
_THREADS_ABOVE = 200_000  # cells; below, starting threads costs more than it saves


class Scores:
    """Random numbers of one block of cells, by phenomenon, drawn when first asked for.

    Parameters
    ----------
    seed : int
    address : sequence of int, (3,)
        Wafer, die and chip.
    block : slice
        Cells of the chip, from `for_blocks`.
    dtype : float32 or float64

    Examples
    --------
    >>> from reliability.random import draw
    >>> scores = Scores(7, (0, 1, 0), slice(0, 4), np.float64)
    >>> bool((scores("retention") == draw(7, "retention", [[0, 1, 0]], 4)[0]).all())
    True
    """

    def __init__(
        self, seed: int, address: NDArray[np.integer], block: slice, dtype: DTypeLike
    ) -> None:
        self._seed, self._address, self._block = seed, address, block
        self._dtype = np.dtype(dtype)
        self._drawn: dict[str, NDArray[np.floating]] = {}

    def __call__(self, phenomenon: str) -> NDArray[np.floating]:
        """Return the standard normal scores of the cells for one phenomenon, shape (cells,)."""
        if phenomenon not in self._drawn:
            out = np.empty(self._block.stop - self._block.start, self._dtype)
            self._stream(phenomenon).standard_normal(out=out, dtype=out.dtype)
            self._drawn[phenomenon] = out
        return self._drawn[phenomenon]

    def of(self, pick: slice | NDArray[Any]) -> Callable[[str], NDArray[np.floating]]:
        """Return the same scores for some of the cells."""
        return lambda phenomenon: self(phenomenon)[pick]

    def uniform(self, phenomenon: str) -> NDArray[np.float32]:
        """Return uniform numbers of the cells for one phenomenon, shape (cells,)."""
        size = self._block.stop - self._block.start
        return self._stream(phenomenon).random(size, dtype=np.float32)

    def sixteenths(self, phenomenon: str, count: int) -> list[NDArray[np.floating]]:
        """Return up to four uniform numbers of each cell, of 16 bits each, for one phenomenon.

        For what needs no finer number: they cost a third of `uniform`.
        """
        size = self._block.stop - self._block.start
        bits = self._stream(phenomenon).integers(2**64, size=size, dtype=np.uint64)
        parts = (((bits >> np.uint64(16 * k)) & np.uint64(0xFFFF)) for k in range(count))
        half, scale = (self._dtype.type(x) for x in (0.5, 2.0**-16))  # type: ignore[call-overload]
        return [(part.astype(self._dtype) + half) * scale for part in parts]

    def _stream(self, phenomenon: str) -> np.random.Generator:
        number = self._block.start // BLOCK
        name = f"{phenomenon}/block {number}" if number else phenomenon
        return stream(self._seed, name, *(int(index) for index in self._address))


def for_blocks(work: Callable[[int, slice], None], chips: int, cells: int) -> None:
    """Call ``work(chip, slice of its cells)`` for all blocks of all chips, on all cores.

    Examples
    --------
    >>> seen = []
    >>> for_blocks(lambda chip, block: seen.append((chip, block.stop)), 1, 70_000)
    >>> seen
    [(0, 65536), (0, 70000)]
    """
    tasks = [
        (chip, slice(start, min(start + BLOCK, cells)))
        for chip in range(chips)
        for start in range(0, cells, BLOCK)
    ]
    if len(tasks) == 1 or chips * cells < _THREADS_ABOVE:
        for task in tasks:
            work(*task)
        return
    with ThreadPoolExecutor() as pool:
        for _ in pool.map(lambda task: work(*task), tasks):
            pass
