"""Reading one cell among many: read margin and sneak paths under each bias scheme.

The cell at (row, column) is read by ``read_voltage`` on its word line and the sense input on its
bit line; the voltages of the other lines are the bias scheme. The margin is the gap between the
smallest current of a stored LRS and the largest of a stored HRS, over the current ``V G_LRS`` of an
LRS cell alone: above 0 one reference separates the states.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from reliability.crossbar.arguments import checked
from reliability.crossbar.cell_models import CellModel
from reliability.crossbar.solver import solve_crossbar
from reliability.errors import InputError, unknown_name

Array = NDArray[np.float64]


class BiasScheme(NamedTuple):
    """Voltage of unselected word and bit lines as a fraction of the read voltage; None floats."""

    word: float | None
    bit: float | None


BIAS_SCHEMES = {
    "grounded": BiasScheme(0.0, 0.0),
    "floating": BiasScheme(None, None),
    "V/2": BiasScheme(1 / 2, 1 / 2),
    "V/3": BiasScheme(1 / 3, 2 / 3),
}


def read_currents(
    conductance: ArrayLike,
    cells: Sequence[tuple[int, int]] | NDArray[np.integer],
    bias_scheme: str,
    read_voltage: float,
    *,
    source_resistance: float = 0.0,
    sense_resistance: float = 0.0,
    cell: CellModel | None = None,
    **crossbar: Any,
) -> Array:
    """Current into the sense input when each of the given cells is read in turn.

    Parameters
    ----------
    conductance : array_like, shape (m, n) or (k, m, n)
        S; one array, or one for each read.
    cells : sequence of (row, column), k of them
    bias_scheme : {"grounded", "floating", "V/2", "V/3"}
    read_voltage : float
        V.
    source_resistance, sense_resistance : float
        Ohm, of every driver and sense input that is connected.
    cell, **crossbar
        As for `solve_crossbar`.

    Returns
    -------
    ndarray, shape (k,)
        A.

    Examples
    --------
    >>> import numpy as np
    >>> g = np.full((64, 64), 1e-4)
    >>> g[0, 63] = 1e-6
    >>> for name in BIAS_SCHEMES:  # of one HRS cell among LRS cells
    ...     print(f"{name:9s}{read_currents(g, [(0, 63)], name, 0.2)[0] * 1e6:7.3f} uA")
    grounded   0.577 uA
    floating 551.641 uA
    V/2      554.034 uA
    V/3      426.779 uA
    """
    g = checked(conductance, "conductance", low=0.0, unit="S")
    if bias_scheme not in BIAS_SCHEMES:
        raise unknown_name("bias scheme", bias_scheme, BIAS_SCHEMES)
    chosen = np.asarray(cells)
    if chosen.ndim != 2 or chosen.shape[1:] != (2,) or chosen.dtype.kind not in "iu":
        raise InputError("cells: expected pairs (row, column)")
    if g.ndim != 2 and g.shape[:-2] != (len(chosen),):
        raise InputError(
            f"conductance: got shape {g.shape}, expected (rows, columns) or (reads, rows, columns)"
        )
    if np.any((chosen < 0) | (chosen >= g.shape[-2:])):
        raise InputError(f"cells: a pair lies outside the array of shape {g.shape[-2:]}")
    k, (m, n) = len(chosen), g.shape[-2:]
    row, column = (np.arange(k), chosen[:, 0]), (np.arange(k), chosen[:, 1])
    other = BIAS_SCHEMES[bias_scheme]
    v = np.full((k, m), (other.word or 0.0) * read_voltage)
    v[row] = read_voltage
    held = np.full((k, n), (other.bit or 0.0) * read_voltage)
    held[column] = 0.0
    source = np.full((k, m), np.inf if other.word is None else source_resistance)
    source[row] = source_resistance
    sense = np.full((k, n), np.inf if other.bit is None else sense_resistance)
    sense[column] = sense_resistance
    out = solve_crossbar(
        np.broadcast_to(g, (k, m, n)), v, source_resistance=source, sense_resistance=sense,
        bit_line_voltage=held, cell=cell, **crossbar,
    )  # fmt: skip
    return out["output_current"].values[column]


def worst_case_margin(
    lrs: float,
    hrs: float,
    shape: tuple[int, int],
    bias_scheme: str,
    read_voltage: float,
    **crossbar: Any,
) -> xr.Dataset:
    """Read margin of a uniform array over the extreme data and places.

    Parameters
    ----------
    lrs, hrs : float
        Conductances, S.
    shape : (rows, columns)
    bias_scheme, read_voltage, **crossbar
        As for `read_currents`.

    Returns
    -------
    Dataset
        ``current`` (background, place, state) in A: all other cells LRS or HRS; the read cell
        nearest to driver and sense input, or farthest; ``margin``: smallest LRS minus largest HRS
        current over ``read_voltage * lrs``.

    Examples
    --------
    >>> from reliability.crossbar import SelectorCell
    >>> def margin(bias_scheme, cell):
    ...     out = worst_case_margin(1e-4, 1e-6, (16, 16), bias_scheme, 1.0, cell=cell)
    ...     return round(float(out["margin"]), 2)
    >>> [margin(bias_scheme, None) for bias_scheme in BIAS_SCHEMES]
    [0.96, -6.14, -6.37, -3.97]
    >>> [margin(bias_scheme, SelectorCell(1e-10, 0.05)) for bias_scheme in BIAS_SCHEMES]
    [0.32, 0.32, 0.2, 0.32]
    """
    if not 0 <= hrs < lrs:
        raise InputError(f"lrs, hrs: got {lrs:g} and {hrs:g} S, expected 0 <= hrs < lrs")
    m, n = shape
    levels = {"LRS": lrs, "HRS": hrs}
    near = {"drive": 0, "sense": m - 1}
    if crossbar.get("drive") == "right":
        near["drive"] = n - 1
    if crossbar.get("sense") == "top":
        near["sense"] = 0
    places = {
        "near": (near["sense"], near["drive"]),
        "far": (m - 1 - near["sense"], n - 1 - near["drive"]),
    }
    current = np.empty((2, 2, 2))
    for a, background in enumerate(levels.values()):
        for p, place in enumerate(places.values()):
            for s, stored in enumerate(levels.values()):
                g = np.full(shape, background)
                g[place] = stored
                current[a, p, s] = read_currents(g, [place], bias_scheme, read_voltage, **crossbar)[
                    0
                ]
    margin = (current[..., 0].min() - current[..., 1].max()) / (read_voltage * lrs)
    return xr.Dataset(
        {
            "current": (("background", "place", "state"), current, {"units": "A"}),
            "margin": ((), margin, {"units": "1"}),
        },
        coords={"background": list(levels), "place": list(places), "state": list(levels)},
    )
