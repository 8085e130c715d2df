"""IR drop inside inference: layers on tiles, and the matrix that a tile really multiplies by.

A linear array with fixed boundary conditions is a matrix: the output currents are
``voltage @ effective_conductance(g)``. It costs one solve for each of the shorter of the tile's two
sides, once per tile, and after that an image costs a matrix product.
"""

from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from reliability.crossbar.arguments import checked
from reliability.crossbar.cell_laws import Law
from reliability.crossbar.solver import solve_crossbar
from reliability.errors import InputError
from reliability.random import stream
from reliability.statistics import mean_interval

Array = NDArray[np.float64]
_TURNED = {"bottom": "right", "top": "left", "both": "both"}
_TURNED_BACK = {"left": "top", "right": "bottom", "both": "both"}


def effective_conductance(
    conductance: ArrayLike, *, cell: Law | None = None, read_voltage: float = 0.1, **crossbar: Any
) -> Array:
    """Matrix G' with ``output_current = voltage @ G'`` for every input.

    By reciprocity the current into bit line j from a volt on word line i is the current into word
    line i from a volt on bit line j: the side with fewer lines is driven.

    Parameters
    ----------
    conductance : array_like, shape (..., m, n)
        S.
    cell : callable, optional
        Law of nonlinear cells; each is replaced by its chord ``I(V) / V`` at ``read_voltage``.
        `linearisation_error` says how wrong that is.
    read_voltage : float
        V, for ``cell`` only.
    **crossbar
        Line, source and sense resistances, ``drive``, ``sense``, ``tolerance``, ``workers`` of
        `solve_crossbar`.

    Returns
    -------
    ndarray, shape (..., m, n)
        S. Equal to ``conductance`` without line resistance.

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
    if m <= n:
        return solve_crossbar(g, np.eye(m), **crossbar)["output_current"].values
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
    out = solve_crossbar(np.swapaxes(g, -1, -2), np.eye(n), **turned)["output_current"].values
    return np.ascontiguousarray(np.swapaxes(out, -1, -2))


def chord(conductance: Array, cell: Law | None, read_voltage: float) -> Array:
    """Conductance I(V) / V of each cell at the read voltage."""
    if cell is None:
        return conductance
    if read_voltage == 0:
        raise InputError("read_voltage: got 0, expected the voltage of the inputs")
    return cell(conductance, np.full_like(conductance, read_voltage))[0] / read_voltage


def linearisation_error(
    conductance: ArrayLike,
    cell: Law,
    read_voltage: float,
    *,
    vectors: int = 8,
    seed: int = 0,
    **crossbar: Any,
) -> xr.Dataset:
    """How far `effective_conductance` is from the nonlinear array, on random inputs.

    Inputs are on or off with probability one half, as spikes or one bit of a number are.

    Returns
    -------
    Dataset
        ``error`` (vector): root mean square over columns of the difference to the nonlinear
        solution, over that of the solution; ``mean``, ``low``, ``high``: mean, 95 % interval.

    Examples
    --------
    >>> import numpy as np
    >>> from reliability.crossbar import SinhCell
    >>> out = linearisation_error(np.full((16, 16), 1e-5), SinhCell(0.3), 0.1)
    >>> bool(out["high"] < 1e-3)
    True
    """
    g = checked(conductance, "conductance", low=0.0, unit="S")
    if g.ndim != 2 or vectors < 2:
        raise InputError(
            "conductance, vectors: expected one array (rows, columns), 2 or more vectors"
        )
    on = stream(seed, "crossbar.linearisation").random((g.shape[0], vectors)) < 0.5
    v = read_voltage * on
    exact = solve_crossbar(g, v, cell=cell, **crossbar)["output_current"].values
    guess = v.T @ effective_conductance(g, cell=cell, read_voltage=read_voltage, **crossbar)
    size = np.sqrt((exact**2).mean(axis=1))
    error = np.sqrt(((guess - exact) ** 2).mean(axis=1)) / np.where(size > 0, size, 1.0)
    mean, low, high = mean_interval(error)
    return xr.Dataset(
        {"error": ("vector", error), "mean": mean, "low": low, "high": high},
        attrs={"seed": seed, "units": "1"},
    )


def tile_weights(
    weights: ArrayLike, tile: tuple[int, int], g_min: float, g_max: float
) -> xr.Dataset:
    """Map a layer onto differential column pairs and cut it into tiles.

    A weight x in units of the largest magnitude becomes ``g_min + x (g_max - g_min)`` in the
    positive column and ``g_min`` in the negative one (or the other way round), columns 2j and
    2j + 1 of the layer. Cells of a tile that no weight uses stay at ``g_min``: they are there and
    leak.

    Parameters
    ----------
    weights : array_like, shape (inputs, outputs)
        Any other layer (a convolution) comes as its matrix.
    tile : (rows, columns)
        Columns must be even.
    g_min, g_max : float
        S, of weight zero and of the largest one.

    Returns
    -------
    Dataset
        ``conductance`` (row_tile, column_tile, row, column) in S; attributes ``inputs``,
        ``outputs`` and ``scale``, the weight of one siemens.

    Examples
    --------
    >>> tiles = tile_weights([[1.0, -0.5], [0.0, 0.25], [1.0, 1.0]], (2, 4), 0.0, 1e-4)
    >>> tiles["conductance"].shape
    (2, 1, 2, 4)
    >>> tiles["conductance"].values[0, 0, 0] * 1e6
    array([100.,   0.,   0.,  50.])
    """
    w = checked(weights, "weights")
    if w.ndim != 2 or 0 in w.shape:
        raise InputError(f"weights: got shape {w.shape}, expected (inputs, outputs)")
    rows, columns = tile
    if rows < 1 or columns < 2 or columns % 2:
        raise InputError(f"tile: got {tile}, expected (rows, even number of columns)")
    if not 0 <= g_min < g_max:
        raise InputError(f"g_min, g_max: got {g_min:g} and {g_max:g}, expected 0 <= g_min < g_max")
    inputs, outputs = w.shape
    largest = float(np.abs(w).max()) or 1.0
    cells = np.full((inputs, outputs, 2), g_min)
    cells[..., 0] += (g_max - g_min) / largest * np.maximum(w, 0)
    cells[..., 1] += (g_max - g_min) / largest * np.maximum(-w, 0)
    down, across = -(-inputs // rows), -(-2 * outputs // columns)
    padded = np.full((down * rows, across * columns), g_min)
    padded[:inputs, : 2 * outputs] = cells.reshape(inputs, 2 * outputs)
    g = padded.reshape(down, rows, across, columns).swapaxes(1, 2)
    return xr.Dataset(
        {"conductance": (["row_tile", "column_tile", "row", "column"], g.copy(), {"units": "S"})},
        attrs={"inputs": inputs, "outputs": outputs, "scale": largest / (g_max - g_min)},
    )


def untile_weights(tiles: xr.Dataset, conductance: ArrayLike | None = None) -> Array:
    """Weights (inputs, outputs) that tiles stand for, from their own or from given conductances.

    Parameters
    ----------
    tiles : Dataset
        Of `tile_weights`.
    conductance : array_like, shape of ``tiles["conductance"]``, optional
        E.g. the effective conductances; an aged or noisy copy.

    Examples
    --------
    >>> untile_weights(tile_weights([[1.0, -0.5], [0.0, 0.25]], (8, 4), 1e-6, 1e-4)).round(6)
    array([[ 1.  , -0.5 ],
           [ 0.  ,  0.25]])
    """
    g = np.asarray(tiles["conductance"].values if conductance is None else conductance, float)
    if g.shape != tiles["conductance"].shape:
        raise InputError(f"conductance: got shape {g.shape}, expected {tiles['conductance'].shape}")
    down, across, rows, columns = g.shape
    inputs, outputs = tiles.attrs["inputs"], tiles.attrs["outputs"]
    whole = g.swapaxes(1, 2).reshape(down * rows, across * columns)[:inputs, : 2 * outputs]
    return tiles.attrs["scale"] * (whole[:, 0::2] - whole[:, 1::2])


def effective_weights(tiles: xr.Dataset, **crossbar: Any) -> Array:
    """Weights (inputs, outputs) that the tiles multiply by, with the drop along their lines.

    Parameters
    ----------
    tiles : Dataset
        Of `tile_weights`, possibly with the conductances of a sampled or aged population.
    **crossbar
        As for `effective_conductance`.

    Examples
    --------
    >>> import numpy as np
    >>> w = np.ones((64, 32))
    >>> got = effective_weights(tile_weights(w, (64, 64), 1e-6, 5e-5), word_line_resistance=2.0,
    ...                         bit_line_resistance=2.0)
    >>> got[[0, -1], [0, -1]].round(2)  # far from the sense inputs, near them
    array([0.82, 0.9 ])
    """
    return untile_weights(tiles, effective_conductance(tiles["conductance"].values, **crossbar))


def _turn(value: Any, name: str) -> Any:
    """Bit-line segments, counted from the top, as word-line segments and the reverse."""
    array = np.asarray(value)
    return array.T if array.ndim == 2 and "line" in name else value
