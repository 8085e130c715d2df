"""IR drop of tiles: the matrix that a tile multiplies by, and reads of one row at a time.

A linear array with fixed boundary conditions is a matrix: the output currents are
``voltage @ effective_conductance(g)``. It costs one solve for each of the shorter of the tile's two
sides, once per tile, and after that an image costs a matrix product.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.crossbar.arguments import checked
from reliability.crossbar.cell_models import CellModel, evaluated
from reliability.crossbar.solver import solve_crossbar
from reliability.errors import InputError

Array = NDArray[np.float64]
_TURNED = {"bottom": "right", "top": "left", "both": "both"}
_TURNED_BACK = {"left": "top", "right": "bottom", "both": "both"}


def effective_conductance(
    conductance: ArrayLike,
    *,
    cell: CellModel | None = None,
    read_voltage: float = 0.1,
    used: tuple[int, int] | None = None,
    **crossbar: Any,
) -> Array:
    """Matrix G' with ``output_current = voltage @ G'`` for every input.

    By reciprocity the current into bit line j from a volt on word line i is the current into word
    line i from a volt on bit line j: the side with fewer lines (in use) is driven.

    Parameters
    ----------
    conductance : array_like, shape (..., m, n)
        S.
    cell : callable, optional
        Model of nonlinear cells; each is replaced by its chord ``I(V) / V`` at ``read_voltage``.
    read_voltage : float
        V, for ``cell`` only.
    used : (int, int), optional
        Rows and columns, from the first on, that are driven and sensed; the others are there, at
        0 V. By default all.
    **crossbar
        Line, source and sense resistances, ``drive``, ``sense``, ``tolerance``, ``workers`` of
        `solve_crossbar`.

    Returns
    -------
    ndarray, shape (..., m, n)
        S, of those in use. Equal to ``conductance`` without line resistance.

    Examples
    --------
    >>> import numpy as np
    >>> g = effective_conductance(np.full((2, 2), 1e-4), word_line_resistance=100.0,
    ...                           bit_line_resistance=100.0)
    >>> (g * 1e6).round(2)
    array([[95.24, 94.32],
           [96.17, 95.24]])
    """
    g = chord(checked(conductance, "conductance", low=0.0, unit="S"), cell, read_voltage)
    if g.ndim < 2:
        raise InputError(f"conductance: got shape {g.shape}, expected (..., rows, columns)")
    if "bit_line_voltage" in crossbar:
        raise InputError("bit_line_voltage: a biased bit line adds a constant, there is no matrix")
    m, n = g.shape[-2:]
    rows, columns = (m, n) if used is None else used
    if not (1 <= rows <= m and 1 <= columns <= n):
        raise InputError(f"used: got {used}, allowed 1 to {m} rows and 1 to {n} columns")
    if rows <= columns:
        out = solve_crossbar(g, np.eye(m, rows), **crossbar)["output_current"].values
        return out[..., :columns]
    turned = dict(crossbar)
    turned["drive"] = _TURNED[crossbar.get("sense", "bottom")]
    turned["sense"] = _TURNED_BACK[crossbar.get("drive", "left")]
    for one, other in (
        ("word_line_resistance", "bit_line_resistance"),
        ("source_resistance", "sense_resistance"),
    ):
        default = 1.0 if "line" in one else 0.0
        first, second = crossbar.get(one, default), crossbar.get(other, default)
        turned[one], turned[other] = _turn(second, one), _turn(first, other)
    driven = np.eye(n, columns)
    out = solve_crossbar(np.swapaxes(g, -1, -2), driven, **turned)["output_current"].values
    return np.ascontiguousarray(np.swapaxes(out, -1, -2)[..., :rows, :])


def chord(conductance: Array, cell: CellModel | None, read_voltage: float) -> Array:
    """Conductance I(V) / V of each cell at the read voltage."""
    if cell is None:
        return conductance
    if read_voltage == 0:
        raise InputError("read_voltage: got 0, expected the voltage of the inputs")
    volts = np.full_like(conductance, read_voltage)
    return evaluated(cell, conductance, volts)[0] / read_voltage


def read_rows(
    conductance: ArrayLike,
    read_voltage: float,
    *,
    word_line_resistance: float = 1.0,
    bit_line_resistance: float = 1.0,
    source_resistance: float = 0.0,
    sense_resistance: float = 0.0,
    access_resistance: float = 0.0,
) -> Array:
    """Currents of a 1T1R array read one row at a time through its gates.

    The gates of the other rows are off, so a cell of the read row sees only its own access
    transistor, its row, and its bit line down to the sense input.

    Parameters
    ----------
    conductance : array_like, shape (..., m, n)
        S, of one array or of many.
    read_voltage : float
        V, on the row that is read.
    word_line_resistance, bit_line_resistance : float
        Ohm per segment, of the line that carries the current along a row and along a column.
    source_resistance, sense_resistance, access_resistance : float
        Ohm, of the driver, the sense input and the transistor of a cell.

    Returns
    -------
    ndarray, shape (..., m, n)
        Current of each cell when its row is read, A.

    Examples
    --------
    >>> import numpy as np
    >>> current = read_rows(np.full((2, 2), 1e-4), 0.1, access_resistance=2000.0)
    >>> print(f"{current[1, 0] * 1e6:.4f} uA")  # 0.1 V over 10 kΩ + 2 kΩ and the lines
    8.3313 uA
    """
    g = checked(conductance, "conductance", low=0.0, unit="S")
    if g.ndim < 2 or 0 in g.shape:
        raise InputError(f"conductance: got shape {g.shape}, expected (..., rows, columns)")
    m = g.shape[-2]
    below = np.arange(m, 0, -1)[:, None] * bit_line_resistance + sense_resistance
    path = g / (1 + g * (access_resistance + below))
    out = solve_crossbar(
        path[..., None, :],
        np.full((*g.shape[:-1], 1), read_voltage),
        word_line_resistance=word_line_resistance,
        bit_line_resistance=0.0,
        source_resistance=source_resistance,
    )
    return out["output_current"].values.reshape(g.shape)


def on_tiles_of(
    cells: Array,
    tile: tuple[int, int],
    unused: float,
    read: Callable[[Array], Array],
    group: int = 1,
) -> Array:
    """Return cells as they are read on tiles of a given size.

    Parameters
    ----------
    cells : ndarray, shape (..., rows, columns)
        S.
    tile : (rows, columns)
        Size of a tile; cells that lie on no weight have the conductance ``unused``.
    unused : float
        S.
    read : callable
        Conductances of tiles (..., row tile, column tile, rows, columns) to what is read of them,
        e.g. `effective_conductance`.
    group : int
        Columns that stay on one tile.

    Examples
    --------
    >>> on_tiles_of(np.ones((3, 5)), (2, 3), 0.0, lambda tiles: tiles * tiles.sum(axis=-2,
    ...             keepdims=True))[:, 0]
    array([2., 2., 1.])
    """
    down, across = tile
    width = across - across % group
    *lead, rows, columns = cells.shape
    high, wide = -(-rows // down), -(-columns // width)
    padded = np.full((*lead, high * down, wide * width), unused)
    padded[..., :rows, :columns] = cells
    tiles = np.full((*lead, high, wide, down, across), unused)
    tiles[..., :width] = padded.reshape(*lead, high, down, wide, width).swapaxes(-3, -2)
    seen = read(tiles)[..., :width].swapaxes(-3, -2)
    return seen.reshape(*lead, high * down, wide * width)[..., :rows, :columns]


def _turn(value: Any, name: str) -> Any:
    """Bit-line segments, counted from the top, as word-line segments and the reverse."""
    array = np.asarray(value)
    return array.T if array.ndim == 2 and "line" in name else value
