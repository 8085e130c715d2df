"""IR drop of tiles: the matrix that a tile multiplies by, and reads of one row at a time.

A linear array with fixed boundary conditions is a matrix: the output currents are
``voltage @ effective_conductance(g)``. It is found once per tile, and after that an image costs a
matrix product.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.crossbar.arguments import (
    SMALLEST,
    Wiring,
    cells_of_arrays,
    tolerance_in_range,
    wiring,
)
from reliability.crossbar.cell_models import CellModel, evaluated
from reliability.crossbar.elimination import transfer_matrix
from reliability.crossbar.solver import circuit_of, solve_crossbar
from reliability.errors import InputError

Array = NDArray[np.float64]
_TURNED = {"bottom": "right", "top": "left", "both": "both"}
_DRIVEN_ONE_BY_ONE = 40  # lines in use; with more, elimination is faster at every size
_TURNED_BACK = {"left": "top", "right": "bottom", "both": "both"}


def effective_conductance(
    conductance: ArrayLike,
    *,
    cell: CellModel | None = None,
    read_voltage: float = 0.1,
    used: tuple[int, int] | None = None,
    tolerance: float = 1e-11,
    workers: int | None = None,
    **crossbar: Any,
) -> Array:
    """Matrix G' with ``output_current = voltage @ G'`` for every input.

    All nodes between the terminals are eliminated, by operations that grow as the number of cells
    to the power 1.5 (`reliability.crossbar.elimination`). Where few lines are in use they are
    driven one by one instead; by reciprocity the current into bit line j from a volt on word line i
    is the current into word line i from a volt on bit line j: the side with fewer lines is driven.

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
    tolerance : float
        On the residual of lines that are driven one by one; elimination is right to rounding.
    workers : int, optional
        Threads, over arrays; default is one for each processor.
    **crossbar
        Line, source and sense resistances, ``drive`` and ``sense`` of `solve_crossbar`.

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
    g = chord(cells_of_arrays(conductance), cell, read_voltage)
    if "bit_line_voltage" in crossbar:
        raise InputError("bit_line_voltage: a biased bit line adds a constant, there is no matrix")
    m, n = g.shape[-2:]
    rows, columns = (m, n) if used is None else used
    if not (1 <= rows <= m and 1 <= columns <= n):
        raise InputError(f"used: got {used}, allowed 1 to {m} rows and 1 to {n} columns")
    tolerance_in_range(tolerance)
    own = wiring(g.shape, **crossbar)
    if min(rows, columns) > _DRIVEN_ONE_BY_ONE:
        return _eliminated(g, own, (rows, columns), workers)
    if rows <= columns:
        volts = np.broadcast_to(np.eye(m, rows), (*g.shape[:-2], m, rows))
        one = solve_crossbar(g, volts, tolerance=tolerance, workers=workers, **crossbar)
        return one["output_current"].values[..., :columns]
    turned = dict(crossbar)
    turned["drive"] = _TURNED[crossbar.get("sense", "bottom")]
    turned["sense"] = _TURNED_BACK[crossbar.get("drive", "left")]
    for along, across in (
        ("word_line_resistance", "bit_line_resistance"),
        ("source_resistance", "sense_resistance"),
    ):
        default = 1.0 if "line" in along else 0.0
        first, second = crossbar.get(along, default), crossbar.get(across, default)
        turned[along], turned[across] = _turn(second, along), _turn(first, across)
    g = np.swapaxes(g, -1, -2)
    volts = np.broadcast_to(np.eye(n, columns), (*g.shape[:-2], n, columns))
    one = solve_crossbar(g, volts, tolerance=tolerance, workers=workers, **turned)
    out = one["output_current"].values
    return np.ascontiguousarray(np.swapaxes(out, -1, -2)[..., :rows, :])


def _eliminated(g: Array, own: Wiring, used: tuple[int, int], workers: int | None) -> Array:
    """Matrices of arrays (..., m, n) with all nodes between their terminals eliminated."""
    m, n = g.shape[-2:]
    circuit = circuit_of(g, own, np.empty((0, 0, m)), np.empty((0, n)))
    words = _in_siemens(np.broadcast_to(circuit.words, (m, n + 1)))
    bits = _in_siemens(np.broadcast_to(circuit.lines, (m + 1, n)))
    leads = [_in_siemens(side) for side in circuit.ends[:4]]
    ended = (*own.driven, *own.sensed)

    def matrix(index: int) -> Array:
        cells = circuit.conductance[circuit.which[index]]
        sides = tuple(side[index] for side in leads)
        out: Array = transfer_matrix(cells, words, bits, sides, used, ended)
        return out

    count = len(circuit.which)
    threads = min(workers or os.cpu_count() or 1, count)
    if threads == 1:
        found = [matrix(index) for index in range(count)]
    else:
        with ThreadPoolExecutor(threads) as pool:
            found = list(pool.map(matrix, range(count)))
    return np.stack(found).reshape(*g.shape[:-2], *used)


def _in_siemens(resistance: Array) -> Array:
    """Conductance of segments and ends, finite also where there is no resistance."""
    return 1 / np.maximum(resistance, SMALLEST)


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
    g = cells_of_arrays(conductance)
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
