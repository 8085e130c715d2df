"""Work on many cells block by block: in the cache, on all cores, and the same in any division.

Cells of a chip are cut at fixed places, every `BLOCK` cells, and blocks can be worked on in any
order: each enters the streams of `reliability.random.draw` at its place.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from reliability.random import fill_float32, fill_words, low_words, uniform_of

BLOCK = 65_536  # cells
_THREADS_ABOVE = 200_000  # cells; below, starting threads costs more than it saves


class Deviates:
    """Random numbers of one block of cells, by phenomenon, drawn when first asked for.

    Parameters
    ----------
    seed : int
    address : ndarray of int, shape (3,) or (4,)
        Wafer, die and chip, and the lot.
    block : slice
        Cells of the chip, from `for_blocks`.
    dtype : float32 or float64

    Examples
    --------
    >>> from reliability.random import draw
    >>> deviates = Deviates(7, (0, 1, 0), slice(0, 4), np.float64)
    >>> bool((deviates("retention") == draw(7, "retention", [[0, 1, 0]], 4)[0]).all())
    True
    """

    def __init__(
        self, seed: int, address: NDArray[np.integer], block: slice, dtype: DTypeLike
    ) -> None:
        self._seed, self._block = seed, block
        self._address = np.asarray(address, np.int64).reshape(1, -1)
        self._dtype = np.dtype(dtype)
        self._drawn: dict[str, NDArray[np.floating]] = {}

    def __call__(self, phenomenon: str) -> NDArray[np.floating]:
        """Return the standard normal deviates of the cells for one phenomenon, shape (cells,)."""
        if phenomenon not in self._drawn:
            self._drawn[phenomenon] = self._numbers(phenomenon).astype(self._dtype, copy=False)
        return self._drawn[phenomenon]

    def of(self, pick: slice | NDArray[Any]) -> Callable[[str], NDArray[np.floating]]:
        """Return the same deviates for some of the cells."""
        return lambda phenomenon: self(phenomenon)[pick]

    def uniform(self, phenomenon: str) -> NDArray[np.float32]:
        """Return uniform numbers of the cells for one phenomenon, of 24 bits, shape (cells,)."""
        return self._numbers(phenomenon, uniform=True)

    def rare(
        self, phenomenon: str, probability: float
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Return the cells whose uniform number is below a probability, and the numbers.

        The numbers have 53 bits, so that the smallest rate is met; the last of them are drawn
        where a cell comes near enough.
        """
        high = self._words(phenomenon)
        near = np.flatnonzero(high <= probability * 2.0**32)
        if not len(near):
            return near, np.empty(0)
        u = uniform_of(high[near], self._words(low_words(phenomenon))[near])
        below = u < probability
        return near[below], u[below]

    def sixteenths(self, phenomenon: str, count: int) -> list[NDArray[np.floating]]:
        """Return up to four uniform numbers of each cell, of 16 bits each, for one phenomenon.

        For what needs no finer number: two of them cost as much as one of `uniform`.
        """
        half, scale = (self._dtype.type(x) for x in (0.5, 2.0**-16))  # type: ignore[call-overload]
        out: list[NDArray[np.floating]] = []
        for k in range(-(-count // 2)):
            words = self._words(f"{phenomenon}/{k}")
            for part in (words & np.uint32(0xFFFF), words >> np.uint32(16)):
                number = part.astype(self._dtype)
                number += half
                number *= scale
                out.append(number)
        return out[:count]

    @property
    def _size(self) -> int:
        return int(self._block.stop - self._block.start)

    def _words(self, name: str) -> NDArray[np.uint32]:
        out = np.empty((1, self._size), np.uint32)
        return fill_words(out, self._seed, name, self._address, first=self._block.start)[0]

    def _numbers(self, phenomenon: str, uniform: bool = False) -> NDArray[np.float32]:
        out = np.empty((1, self._size), np.float32)
        fill_float32(
            out, self._seed, phenomenon, self._address, first=self._block.start,
            distribution="uniform" if uniform else "normal",
        )  # fmt: skip
        return out[0]


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
    with ThreadPoolExecutor(os.cpu_count()) as pool:  # each thread holds a block
        for _ in pool.map(lambda task: work(*task), tasks):
            pass
