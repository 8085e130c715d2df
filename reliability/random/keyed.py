"""Keyed counter-based random streams: the same cell gets the same number, whoever asks, whenever.

A stream is addressed by (seed, phenomenon, lot, wafer, die, chip). Seed, phenomenon and lot make
the 128-bit key of a Philox-4x64 generator [1]_, wafer, die and chip are three words of its 256-bit
counter, the fourth word counts along the cells of the chip. Streams never overlap (2**64 blocks
each), and no stream depends on which others are drawn, so results are bit-identical whatever the
chunks, the workers or the order. Numbers of cells are needed by the billion: they come from the
same generator in words of 32 bits (`reliability.random.philox`), addressed alike, whatever their
dtype.

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
    seed: int, phenomenon: str, wafer: int = 0, die: int = 0, chip: int = 0, lot: int = 0
) -> np.random.Generator:
    """Return the generator of one (seed, phenomenon, lot, wafer, die, chip).

    Parameters
    ----------
    seed : int
        Any integer; negative ones are allowed.
    phenomenon : str
        What the numbers are for, e.g. ``"programming.cell"``.
    wafer, die, chip, lot : int
        Address, each 0 or more.

    Examples
    --------
    >>> a = stream(7, "relaxation", wafer=1, die=3).standard_normal(2)
    >>> b = stream(7, "relaxation", wafer=1, die=3).standard_normal(2)
    >>> bool((a == b).all())
    True
    """
    digest = blake2b(_name(seed, phenomenon, lot), digest_size=16).digest()
    key = np.frombuffer(digest, dtype="<u8")
    counter = np.array([0, wafer, die, chip], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter))


def _name(seed: int, phenomenon: str, lot: int) -> bytes:
    """What the key is made of. A seed of another kind would give other numbers after ``int``."""
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)):
        raise InputError(f"seed: got {seed!r}, expected an integer")
    return f"{seed}/{phenomenon}{f'/lot {lot}' if lot else ''}".encode()


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
    address : array_like of int, shape (n, 3) or (n, 4)
        Wafer, die and chip index of each of the n chips, and its lot, by default 0.
    cells : int
        Numbers per chip. The first k of n numbers are the same whatever n.
    distribution : {"normal", "uniform"}
    dtype : float32 or float64
        Both give the same numbers; a uniform number of float32 is the first 24 bits of the other.

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
    rows = np.atleast_2d(np.asarray(address, dtype=np.int64))
    out = np.empty((len(rows), cells), dtype=dtype)

    def fill(part: slice) -> None:
        if out.dtype == np.float32:
            fill_float32(out[part], seed, phenomenon, rows[part], distribution=distribution)
        elif distribution == "normal":
            single = np.empty(out[part].shape, np.float32)
            fill_float32(single, seed, phenomenon, rows[part])
            out[part] = single
        else:
            words = np.empty((2, *out[part].shape), np.uint32)
            for row, name in zip(words, (phenomenon, low_words(phenomenon)), strict=True):
                fill_words(row, seed, name, rows[part], first=0)
            out[part] = uniform_of(words[0], words[1])

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
    address : ndarray of int, shape (n, 3) or (n, 4)
        Wafer, die and chip, each from 0 to 2**32 - 1, and the lot.
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
        raise InputError("address: wafer, die, chip and lot are allowed from 0 to 4294967295")
    lots = address[:, 3] if address.shape[1] > 3 else np.zeros(len(address), np.int64)
    places = address[:, :3].astype(np.uint32)
    for lot in dict.fromkeys(lots.tolist()):
        digest = blake2b(_name(seed, phenomenon, lot), digest_size=8).digest()
        key = np.frombuffer(digest, dtype="<u8")[0]
        if (lots == lot).all():
            philox.fill_words(key, places, first, out)
        else:
            rows = np.empty(((lots == lot).sum(), out.shape[1]), np.uint32)
            philox.fill_words(key, places[lots == lot], first, rows)
            out[lots == lot] = rows
    return out


def low_words(phenomenon: str) -> str:
    """Return the name of the stream that holds the last bits of a phenomenon's uniform numbers."""
    return f"{phenomenon}/low"


def uniform_of(high: NDArray[np.uint32], low: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Return the uniform number of two random words: all 53 bits, inside (0, 1).

    >>> uniform_of(np.array([2**31], np.uint32), np.array([0], np.uint32)).tolist()
    [0.5]
    """
    bits = high.astype(np.uint64) << np.uint64(32) | low.astype(np.uint64)
    whole = (bits >> np.uint64(11)).astype(np.float64)
    return np.maximum(whole, 0.5) * 2.0**-53
