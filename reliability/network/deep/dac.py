"""Converters of inputs as they are: offset, gain, mismatch and noise of each row on a chip.

A row of a tile is driven by ``gain * level(code) + offset + noise``, in steps.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.network.deep.converters import Dac
from reliability.random import draw


class Drive(NamedTuple):
    """Errors of the converters of the rows of a layer.

    Attributes
    ----------
    gain, offset : ndarray of float32, shape (rows,)
        A level becomes ``gain * level + offset``, in steps.
    table : ndarray of float32, shape (rows, codes), or None
        Level of each code from 0; None where unit elements are all alike.
    """

    gain: NDArray[np.float32]
    offset: NDArray[np.float32]
    table: NDArray[np.float32] | None


def sample_drive(
    dac: Dac,
    top: int,
    tiles: tuple[slice, ...],
    name: str,
    address: NDArray[np.int64],
    seed: int,
) -> Drive:
    """Draw the errors of the converters of the rows of one layer of a chip.

    Parameters
    ----------
    dac : Dac
    top : int
        Largest code.
    tiles : tuple of slice
        Rows of each tile.
    name : str
        Of the layer, which keys the random stream.
    address : ndarray of int, shape (3,)
        Wafer, die and chip.
    seed : int

    Examples
    --------
    >>> tiles = slice(0, 2), slice(2, 3)
    >>> found = sample_drive(Dac("ladder", mismatch=0.1), 15, tiles, "fc", np.zeros(3, int), 1)
    >>> found.table.shape, bool((found.table[0] == found.table[1]).all())
    ((3, 16), True)
    """
    rows = tiles[-1].stop

    def normal(what: str, size: int) -> NDArray[np.float64]:
        return draw(seed, f"dac.{name}.{what}", address[None], size)[0].astype(float)

    gain = (1 + dac.gain * normal("gain", rows)).astype(np.float32)
    offset = (dac.offset * normal("offset", rows)).astype(np.float32)
    if not dac.mismatch:
        return Drive(gain, offset, None)
    ladder = dac.kind == "ladder"
    count, each = (len(tiles), top) if ladder else (rows, top.bit_length())
    z = dac.mismatch * normal("mismatch", count * each).reshape(count, each)
    table = levels(dac.kind, top, z)
    if ladder:
        table = np.repeat(table, [tile.stop - tile.start for tile in tiles], axis=0)
    return Drive(gain, offset, table.astype(np.float32))


def levels(
    kind: Literal["binary", "ladder"], top: int, errors: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the level of each code from 0 to ``top``, in steps.

    Parameters
    ----------
    kind : {"binary", "ladder"}
    top : int
    errors : ndarray, shape (..., elements)
        Of a ladder that of each step, in steps; of binary elements that of each bit, the lowest
        first: bit k is wrong by ``errors[k] * sqrt(2**k)``.

    Returns
    -------
    ndarray, shape (..., top + 1)
        Scaled so that the last level is ``top``.

    Examples
    --------
    >>> levels("binary", 3, np.array([1.0, 0.0])).tolist()
    [0.0, 1.5, 1.5, 3.0]
    """
    if kind == "ladder":
        step = np.cumsum(np.maximum(1 + errors, 0.0), axis=-1)
        out = np.concatenate([np.zeros((*errors.shape[:-1], 1)), step], axis=-1)
    else:
        bit = np.arange(errors.shape[-1])
        weight = 2.0**bit + errors * np.sqrt(2.0**bit)
        out = weight @ (np.arange(top + 1)[None] >> bit[:, None] & 1)
    last = out[..., -1:]
    return out * np.divide(top, last, out=np.ones_like(last), where=last > 0)
