"""Work on many cells block by block: in the cache, on all cores, and the same in any division.

Cells of a chip are cut at fixed places, every `BLOCK` cells, and blocks can be worked on in any
order. In float32 a block enters the streams of `reliability.random.draw` at its place; in float64,
where a stream can only be read from its start, each block has streams of its own, the first that of
`draw`.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from reliability.random import fill_float32, fill_words, stream

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
        self._seed, self._block = seed, block
        self._address = np.asarray(address, np.int64).reshape(1, 3)
        self._dtype = np.dtype(dtype)
        self._drawn: dict[str, NDArray[np.floating]] = {}

    def __call__(self, phenomenon: str) -> NDArray[np.floating]:
        """Return the standard normal scores of the cells for one phenomenon, shape (cells,)."""
        if phenomenon not in self._drawn:
            self._drawn[phenomenon] = self._numbers(phenomenon, "normal", self._dtype)
        return self._drawn[phenomenon]

    def of(self, pick: slice | NDArray[Any]) -> Callable[[str], NDArray[np.floating]]:
        """Return the same scores for some of the cells."""
        return lambda phenomenon: self(phenomenon)[pick]

    def uniform(self, phenomenon: str) -> NDArray[np.float32]:
        """Return uniform numbers of the cells for one phenomenon, shape (cells,)."""
        return self._numbers(phenomenon, "uniform", np.dtype(np.float32))

    def sixteenths(self, phenomenon: str, count: int) -> list[NDArray[np.floating]]:
        """Return up to four uniform numbers of each cell, of 16 bits each, for one phenomenon.

        For what needs no finer number: two of them cost as much as one of `uniform`.
        """
        half, scale = (self._dtype.type(x) for x in (0.5, 2.0**-16))  # type: ignore[call-overload]
        out: list[NDArray[np.floating]] = []
        for k in range(-(-count // 2)):
            words = np.empty((1, self._size), np.uint32)
            name = f"{phenomenon}/{k}"
            fill_words(words, self._seed, name, self._address, first=self._block.start)
            for part in (words[0] & np.uint32(0xFFFF), words[0] >> np.uint32(16)):
                number = part.astype(self._dtype)
                number += half
                number *= scale
                out.append(number)
        return out[:count]

    @property
    def _size(self) -> int:
        return int(self._block.stop - self._block.start)

    def _numbers(
        self, phenomenon: str, distribution: Literal["normal", "uniform"], dtype: np.dtype
    ) -> NDArray[np.floating]:
        if dtype == np.float32:
            out = np.empty((1, self._size), np.float32)
            first = self._block.start
            fill_float32(
                out, self._seed, phenomenon, self._address, first=first, distribution=distribution
            )
            return out[0]
        number = self._block.start // BLOCK
        name = f"{phenomenon}/block {number}" if number else phenomenon
        generator = stream(self._seed, name, *(int(index) for index in self._address[0]))
        return generator.standard_normal(self._size, dtype)


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
