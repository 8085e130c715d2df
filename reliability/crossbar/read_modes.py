"""Other ways to read an array: row by row through gates, and inputs coded in pulse widths."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from reliability.crossbar.arguments import Array, checked
from reliability.crossbar.solver import solve_crossbar
from reliability.errors import InputError


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


def read_charge(
    conductance: ArrayLike, pulse_width: ArrayLike, read_voltage: float, **crossbar: Any
) -> Array:
    """Charge on each bit line when inputs are coded in the width of equal pulses.

    A driver holds its word line at ``read_voltage`` for its own width and at 0 V after. Between two
    ends of pulses the array is at rest, so the charge is a sum of currents times durations; for
    linear cells superposition makes that one solve.

    Parameters
    ----------
    conductance : array_like, shape (m, n)
        S.
    pulse_width : array_like, shape (m,)
        s.
    read_voltage : float
        V.
    **crossbar
        As for `solve_crossbar`; ``cell`` may be given.

    Returns
    -------
    ndarray, shape (n,)
        Charge, C.

    Examples
    --------
    >>> import numpy as np
    >>> read_charge([[1e-4], [1e-4]], [1e-9, 3e-9], 0.1, bit_line_resistance=0.0,
    ...             word_line_resistance=0.0)
    array([4.e-14])
    """
    width = checked(pulse_width, "pulse_width", low=0.0, unit="s")
    if width.ndim != 1:
        raise InputError(f"pulse_width: got shape {width.shape}, expected (rows,)")
    longest = float(width.max(initial=0.0))
    if crossbar.get("cell") is None:
        scale = longest or 1.0
        out = solve_crossbar(conductance, read_voltage * width / scale, **crossbar)
        return out["output_current"].values * scale
    ends = np.unique(width[width > 0])
    if ends.size == 0:
        return np.zeros(np.shape(conductance)[-1])
    on = (width[:, None] >= ends[None, :]) * read_voltage
    out = solve_crossbar(conductance, on, **crossbar)
    return np.diff(ends, prepend=0.0) @ out["output_current"].values
