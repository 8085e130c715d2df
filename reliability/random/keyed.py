"""Keyed counter-based random streams: the same cell gets the same number, whoever asks, whenever.

A stream is addressed by (seed, phenomenon, wafer, die, chip). Seed and phenomenon make the 128-bit
key of a Philox-4x64 generator [1]_, wafer, die and chip are three words of its 256-bit counter, the
fourth word counts along the cells of the chip. Streams never overlap (2**64 blocks each), and no
stream depends on which others are drawn, so results are bit-identical whatever the chunks, the
workers or the order. Numbers of cells in float32 are needed by the billion: they come from the
same generator in words of 32 bits (`reliability.random.philox`), addressed alike.

.. [1] J. K. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC'11,
   doi:10.1145/2063384.2063405.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from reliability.errors import InputError

_PARALLEL_ABOVE = 1_000_000  # draws; below, starting threads costs more than it saves


def stream(
    seed: int, phenomenon: str, wafer: int = 0, die: int = 0, chip: int = 0
) -> np.random.Generator:
    """Return the generator of one (seed, phenomenon, wafer, die, chip).

    Parameters
    ----------
    seed : int
        Any integer; negative ones are allowed.
    phenomenon : str
        What the numbers are for, e.g. ``"programming.cell"``.
    wafer, die, chip : int
        Address, each 0 or more.

    Examples
    --------
    >>> a = stream(7, "relaxation", wafer=1, die=3).standard_normal(2)
    >>> b = stream(7, "relaxation", wafer=1, die=3).standard_normal(2)
    >>> bool((a == b).all())
    True
    """
    digest = blake2b(_name(seed, phenomenon), digest_size=16).digest()
    key = np.frombuffer(digest, dtype="<u8")
    counter = np.array([0, wafer, die, chip], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def _name(seed: int, phenomenon: str) -> bytes:
    """What the key is made of. A seed of another kind would give other numbers after ``int``."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise InputError(f"seed: got {seed!r}, expected an integer")
    return f"{seed}/{phenomenon}".encode()


def draw(
    seed: int,
    phenomenon: str,
    address: ArrayLike,
    cells: int,
    *,
    distribution: Literal["normal", "uniform"] = "normal",
    dtype: DTypeLike = np.float64,
) -> NDArray[np.floating]:
    """Draw ``cells`` standard normal or uniform numbers for each addressed chip.

    Parameters
    ----------
    seed : int
    phenomenon : str
    address : array_like of int, shape (n, 3)
        Wafer, die and chip index of each of the n chips.
    cells : int
        Numbers per chip. The first k of n numbers are the same whatever n.
    distribution : {"normal", "uniform"}
    dtype : float32 or float64

    Returns
    -------
    ndarray, shape (n, cells)

    Examples
    --------
    >>> both = draw(1, "noise", [[0, 0, 0], [0, 1, 0]], cells=4)
    >>> alone = draw(1, "noise", [[0, 1, 0]], cells=4)
    >>> bool((both[1] == alone[0]).all())
    True
    """
    rows = np.asarray(address, dtype=np.int64).reshape(-1, 3)
    out = np.empty((len(rows), cells), dtype=dtype)
    if out.dtype == np.float32:

        def fill(part: slice) -> None:
            fill_float32(out[part], seed, phenomenon, rows[part], distribution=distribution)

    else:

        def fill(part: slice) -> None:
            generator = stream(seed, phenomenon)
            state = generator.bit_generator.state
            for address, row in zip(rows[part], out[part], strict=True):
                state["state"]["counter"][1:] = address  # as a stream of its own, in less time
                generator.bit_generator.state = state
                if distribution == "normal":
                    generator.standard_normal(out=row, dtype=out.dtype)
                else:
                    generator.random(out=row, dtype=out.dtype)

    if out.size > _PARALLEL_ABOVE and len(rows) > 1:
        step = -(-len(rows) // (4 * (os.cpu_count() or 1)))
        parts = [slice(i, i + step) for i in range(0, len(rows), step)]
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(fill, parts))
    else:
        fill(slice(None))
    return out


def fill_float32(
    out: NDArray[np.float32],
    seed: int,
    phenomenon: str,
    address: NDArray[np.int64],
    *,
    first: int = 0,
    distribution: Literal["normal", "uniform"] = "normal",
) -> None:
    """Fill each row of an array with the numbers of its chip from cell ``first`` on.

    Parameters
    ----------
    out : ndarray of float32, shape (n, cells), C-contiguous
    seed, phenomenon, distribution
        As for `draw`.
    address : ndarray of int, shape (n, 3)
        Wafer, die and chip, each from 0 to 2**32 - 1.
    first : int
        A multiple of 256.

    Examples
    --------
    >>> out = np.empty((1, 44), np.float32)
    >>> fill_float32(out, 1, "noise", np.array([[0, 1, 0]]), first=256)
    >>> bool((draw(1, "noise", [[0, 1, 0]], 300, dtype=np.float32)[0, 256:] == out[0]).all())
    True
    """
    words = fill_words(out.view(np.uint32), seed, phenomenon, address, first=first)
    from reliability.random import philox

    (philox.to_normal if distribution == "normal" else philox.to_uniform)(words.reshape(-1))


def fill_words(
    out: NDArray[np.uint32], seed: int, phenomenon: str, address: NDArray[np.int64], *, first: int
) -> NDArray[np.uint32]:
    """Fill each row with random words of 32 bits and return it; as `fill_float32`.

    Examples
    --------
    >>> out = np.empty((1, 3), np.uint32)
    >>> fill_words(out, 1, "noise", np.array([[0, 1, 0]]), first=0).dtype
    dtype('uint32')
    """
    from reliability.random import philox  # compiled code, which takes time to load

    if address.size and not (address.min() >= 0 and address.max() < 2**32):
        raise InputError("address: wafer, die and chip are allowed from 0 to 4294967295")
    digest = blake2b(_name(seed, phenomenon), digest_size=8).digest()
    key = np.frombuffer(digest, dtype="<u8")[0]
    philox.fill_words(key, address.astype(np.uint32), first, out)
    return out
