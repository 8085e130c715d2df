"""Converters of sums as they are: offset, gain, mismatch and noise of each one on a chip.

A transfer function is a table: the code of each thirty-second of a step from the bottom of the
lowest code to the top of the highest one. A table of unit elements without mismatch rounds halves
up; offset and gain act before it, and noise is drawn for every conversion.
"""

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.network.deep.converters import Adc
from reliability.random import draw

FINE = 32  # places of a table within one step


class Errors(NamedTuple):
    """Of the converters of a tile and slice, one for each output column.

    Attributes
    ----------
    gain, offset : ndarray of float32, shape (columns,)
        The input becomes ``gain * x + offset``, in steps.
    table : ndarray of float32, shape (converters, codes * FINE), or None
        Code of each thirty-second of a step; None where unit elements are all alike.
    """

    gain: NDArray[np.float32]
    offset: NDArray[np.float32]
    table: NDArray[np.float32] | None


def converters_of(adc: Adc, columns: int) -> int:
    """Return how many transfer functions the columns of a tile have: one of a ramp.

    >>> converters_of(Adc(columns=8), 20), converters_of(Adc("ramp"), 20)
    (3, 1)
    """
    return 1 if adc.kind == "ramp" else -(-columns // adc.columns)


def sample_errors(
    adc: Adc,
    ends: tuple[int, int],
    columns: int,
    name: str,
    address: NDArray[np.int64],
    seed: int,
) -> Errors:
    """Draw the errors of the converters of one tile and slice of a chip.

    Parameters
    ----------
    adc : Adc
    ends : (int, int)
        Lowest and highest code.
    columns : int
        Output columns.
    name : str
        Of the tile, which keys the random stream.
    address : ndarray of int, shape (3,)
        Wafer, die and chip.
    seed : int

    Examples
    --------
    >>> found = sample_errors(Adc("ramp", offset=1.0), (-7, 7), 5, "fc", np.zeros(3, int), seed=1)
    >>> found.offset.shape, found.table is None
    ((5,), True)
    """
    own = 1 if adc.kind == "ramp" else adc.columns  # output columns of one converter
    count = -(-columns // own)

    def normal(what: str, size: int) -> NDArray[np.float64]:
        return draw(seed, f"adc.{name}.{what}", address[None], size)[0].astype(float)

    of_column = np.arange(columns) // own
    gain = (1 + adc.gain * normal("gain", count)).astype(np.float32)
    offset = (adc.offset * normal("offset", count)).astype(np.float32)
    table = None
    if adc.mismatch:
        steps = ends[1] - ends[0]
        shape = (converters_of(adc, columns), _elements(adc.kind, steps))
        z = normal("mismatch", shape[0] * shape[1]).reshape(shape)
        codes = np.stack([transfer(adc.kind, steps, adc.mismatch * row) for row in z])
        table = (codes + ends[0]).astype(np.float32)
    return Errors(gain[of_column], offset[of_column], table)


def _elements(kind: str, steps: int) -> int:
    return steps if kind == "ramp" else int(steps).bit_length()


def transfer(
    kind: Literal["sar", "ramp"], steps: int, errors: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the code, from 0 to ``steps``, of each thirty-second of a step.

    Parameters
    ----------
    kind : {"sar", "ramp"}
    steps : int
        Codes less one.
    errors : ndarray
        Of a ramp that of each step, in steps; of a SAR converter that of one element of each bit,
        the lowest first: bit k is wrong by ``errors[k] * sqrt(2**k)``.

    Returns
    -------
    ndarray of int, shape ((steps + 1) * 32,)
        For inputs from -0.5 to steps + 0.5.

    Notes
    -----
    A ramp converter counts the levels that are not above the input plus half a step. A successive
    approximation keeps each bit, the highest first, whose weight with those kept so far is not
    above it. The levels are scaled so that the last one is where it should be.

    Examples
    --------
    >>> transfer("sar", 3, np.zeros(2))[[0, 31, 32, 64, 127]].tolist()
    [0, 0, 1, 2, 3]
    """
    x = (np.arange((steps + 1) * FINE) + 0.5) / FINE  # input plus half a step
    if kind == "ramp":
        level = np.cumsum(np.maximum(1 + errors, 0.0))
        level *= steps / level[-1] if level[-1] > 0 else 1.0
        return np.searchsorted(level, x, side="right")
    bit = np.arange(errors.size)
    weight = 2.0**bit + errors * np.sqrt(2.0**bit)
    full = weight[[steps >> int(k) & 1 == 1 for k in bit]].sum()
    weight *= steps / full
    code, held = np.zeros(x.size, np.int64), np.zeros(x.size)
    for k in bit[::-1]:
        fits = (held + weight[k] <= x) & (code + 2**k <= steps)
        code += fits * 2 ** int(k)
        held += fits * weight[k]
    return code
