"""Exact currents of a crossbar with resistive lines: `solve_crossbar`.

Word line i runs along row i, bit line j along column j; cell (i, j) joins them. A line is a chain
of equal segments (or given ones), one before each cell and one after the last; a driver or a sense
input sits behind its own resistance at one end or at both. The method is in
`reliability.crossbar.kernels`.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, NDArray

from reliability.crossbar import kernels
from reliability.crossbar.arguments import (
    SMALLEST,
    Array,
    Wiring,
    cells_of_arrays,
    checked,
    input_vectors,
    of_each_line,
    tolerance_in_range,
    wiring,
)
from reliability.crossbar.cell_models import CellModel, evaluated
from reliability.version import __version__

Drive = Literal["left", "right", "both"]
Sense = Literal["bottom", "top", "both"]
# An open segment over the smallest cell resistance: ties floating parts, leaks nothing.
_LOOSE = 1e14
_PARALLEL_ABOVE = 40_000  # cells; below, starting threads costs more than it saves
_KEEP = 64 * 2**20  # bytes of scratch at most
_LIMIT = 20_000  # conjugate-gradient steps of one array


class ConvergenceError(RuntimeError):
    """The currents are not known to the required tolerance; ``residual`` says how far they are."""

    def __init__(self, residual: float, tolerance: float, what: str) -> None:
        super().__init__(
            f"solve_crossbar: {what} did not converge: residual {residual:.2e}, "
            f"required {tolerance:.0e}"
        )
        self.residual = residual


def solve_crossbar(
    conductance: ArrayLike,
    voltage: ArrayLike,
    *,
    word_line_resistance: ArrayLike = 1.0,
    bit_line_resistance: ArrayLike = 1.0,
    source_resistance: ArrayLike = 0.0,
    sense_resistance: ArrayLike = 0.0,
    drive: Drive = "left",
    sense: Sense = "bottom",
    bit_line_voltage: ArrayLike = 0.0,
    cell: CellModel | None = None,
    fields: bool = False,
    tolerance: float = 1e-11,
    workers: int | None = None,
) -> xr.Dataset:
    """Solve Kirchhoff's laws at every node of one or many crossbars.

    Parameters
    ----------
    conductance : array_like or DataArray, shape (..., m, n)
        S, of each cell (at low voltage if ``cell`` is given); 0 is an open cell.
    voltage : array_like, shape (m,), (..., m), (m, k) or (..., m, k)
        V, of the word-line drivers; the leading axes are those of ``conductance``, k input vectors
        share one array. A two-dimensional voltage belongs to the arrays if it has their number of
        rows as leading axis, and is (m, k) otherwise.
    word_line_resistance, bit_line_resistance : float, or shape (m, n + 1) and (m + 1, n)
        Ohm per segment. Segment j of a word line lies before cell j, the last one behind the last
        cell, where it matters only for a line driven there; bit lines likewise from the top.
        ``inf`` in an array is an open segment.
    source_resistance : float or shape (..., m)
        Ohm, of driver and access device, at each driven end; ``inf`` lets a word line float.
    sense_resistance : float or shape (..., n)
        Ohm, of the sense input (0: virtual ground) at each sensed end; ``inf`` lets it float.
    drive : {"left", "right", "both"}
        Ends of the word lines that are driven.
    sense : {"bottom", "top", "both"}
        Ends of the bit lines that are sensed.
    bit_line_voltage : float or shape (..., n)
        V, behind the sense resistance (V/2 and V/3 schemes).
    cell : callable, optional
        Model of `reliability.crossbar.cell_models`; default is the linear ``I = G V``.
    fields : bool
        Also return the voltages of all nodes and the current of every cell.
    tolerance : float
        On the residual; outputs are then right to about this relative size.
    workers : int, optional
        Threads; default is one for each processor.

    Returns
    -------
    Dataset
        ``output_current`` (..., n) in A, leaving each bit line through its sensed ends;
        ``input_current`` (..., m), entering each word line; a dimension ``vector`` before the last
        if voltage has k vectors; with ``fields`` also ``cell_current``, ``word_line_voltage`` and
        ``bit_line_voltage`` (..., m, n). ``attrs["residual"]`` is the largest violation of
        Kirchhoff's current law (and, for nonlinear cells, of the cell model), summed over a
        column and relative to its cell currents; ``attrs["iterations"]`` the most steps needed.

    Raises
    ------
    InputError
        Complex, not finite, negative or wrongly shaped arguments.
    ConvergenceError
        The tolerance was not reached; carries the residual.

    Notes
    -----
    Valid for direct currents: no capacitance. Elimination of the word lines by a subtraction-free
    ladder recursion and conjugate gradients on the bit lines; O(m n) memory, a number of steps that
    grows as ``sqrt(R G m n)``.

    Examples
    --------
    >>> import numpy as np
    >>> g = np.full((64, 64), 5e-5)
    >>> out = solve_crossbar(g, np.full(64, 0.1), word_line_resistance=2.0, bit_line_resistance=2.0)
    >>> ideal = (0.1 * g).sum(axis=0)
    >>> np.round(1 - out["output_current"].values[[0, -1]] / ideal[[0, -1]], 3)
    array([0.124, 0.26 ])
    >>> solve_crossbar(-g, np.full(64, 0.1))
    Traceback (most recent call last):
    reliability.errors.InputError: conductance: got -5e-05 at (0, 0), allowed >= 0 S
    """
    g = cells_of_arrays(conductance)
    batch, (m, n) = g.shape[:-2], g.shape[-2:]
    v, several = input_vectors(checked(voltage, "voltage", unit="V"), batch, m)
    bits = of_each_line(bit_line_voltage, "bit_line_voltage", batch, n, -np.inf, "V")
    own = wiring(
        g.shape,
        word_line_resistance=word_line_resistance,
        bit_line_resistance=bit_line_resistance,
        source_resistance=source_resistance,
        sense_resistance=sense_resistance,
        drive=drive,
        sense=sense,
    )
    tolerance = tolerance_in_range(tolerance)

    k = v.shape[-2]
    count = int(np.prod(batch, dtype=int))
    circuit = circuit_of(g, own, v.reshape(count, k, m), bits.reshape(count, n))
    result = _Result(
        np.empty((count, k, n)),
        np.empty((count, k, m)),
        np.empty((count, k)),
        np.zeros((count, k), dtype=int),
        *(np.empty((count, k, m, n) if fields else (0, 0, 0, 0)) for _ in range(3)),
    )
    _fill(result, circuit, cell, tolerance, workers)
    worst = float(result.residual.max())
    if not worst <= tolerance:
        raise ConvergenceError(
            worst, tolerance, "linear solve" if cell is None else "Newton iteration"
        )
    return _dataset(result, conductance, batch, several, fields, tolerance)


def _fill(
    result: "_Result",
    circuit: "Circuit",
    cell: CellModel | None,
    tolerance: float,
    workers: int | None,
) -> None:
    """Solve every array and vector, on several threads where that pays."""
    count, k, n = result.out.shape
    m = result.into.shape[-1]
    threads = min(workers or os.cpu_count() or 1, count * k)
    if count * k * m * n < _PARALLEL_ABOVE:
        threads = 1
    tasks = np.indices((count, k)).reshape(2, -1).T
    parts = [part.copy() for part in np.array_split(tasks, threads)]

    def work(part: NDArray[np.int_]) -> None:
        block = _borrow(m, n)
        spare = tuple(row[: m * n].reshape(m, n) for row in block)
        if cell is None:
            kernels.solve_part(*circuit, part, tolerance, _LIMIT, spare, tuple(result))
        else:
            for index, vector in part:
                _newton(cell, circuit, index, vector, tolerance, spare, result)
        _give_back(block)

    if threads == 1:
        work(parts[0])
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, parts))


class _Result(NamedTuple):
    """Arrays that the threads fill, one entry for each (array, vector)."""

    out: Array
    into: Array
    residual: Array
    iterations: NDArray[np.int_]
    word: Array
    bit: Array
    cell: Array


class Circuit(NamedTuple):
    """All arrays as the kernels take them."""

    conductance: Array  # (arrays or 1, m, n)
    which: NDArray[np.int_]  # (arrays,), into the first axis of conductance
    words: float | Array
    lines: float | Array
    ends: tuple[Any, ...]
    word_voltage: Array
    bit_voltage: Array


def circuit_of(g: Array, own: Wiring, word_voltage: Array, bit_voltage: Array) -> Circuit:
    """The arrays (..., m, n) with what lies at the ends of their lines."""
    m, n = g.shape[-2:]
    g, words, lines = g.reshape(-1, m, n), own.words, own.lines
    # A part that floats has no voltage; leaking 1e-14 of a cell it has one, and the same currents.
    loose = _LOOSE / (float(g.max()) or 1.0)
    if not (isinstance(words, float) and isinstance(lines, float)):
        words = np.minimum(np.broadcast_to(words, (m, n + 1)), loose)
        lines = np.minimum(np.broadcast_to(lines, (m + 1, n)), loose)
    first, last = (words, words) if isinstance(words, float) else (words[:, 0], words[:, n])
    top, bottom = (lines, lines) if isinstance(lines, float) else (lines[0], lines[m])
    sources, senses = own.sources.reshape(-1, m), own.senses.reshape(-1, n)
    left, right = _leads(first, last, np.minimum(sources, loose), own.driven)
    upper, lower = _leads(top, bottom, np.minimum(senses, loose), own.sensed)
    inner = float(_inverse(lines)) if isinstance(lines, float) else _inverse(lines)
    ends = (left, right, upper, lower, inner, _inverse(upper), _inverse(lower))
    return Circuit(*_own(g), words, lines, ends, word_voltage.copy(), bit_voltage.copy())


def _newton(
    cell: CellModel,
    circuit: Circuit,
    index: int,
    vector: int,
    tolerance: float,
    spare: tuple[Array, ...],
    result: _Result,
) -> None:
    """Newton's method with halved steps; fills the entries ``[index, vector]`` of the result.

    The lines are linear, so their currents stay exact under any step: what is left is the
    difference between the current of the cell model and the line current of each cell.
    """
    g = circuit.conductance[circuit.which[index]]
    left, right, top, bottom, inner, g_top, g_bottom = circuit.ends
    own = (
        left[index],
        right[index],
        top[index],
        bottom[index],
        inner,
        g_top[index],
        g_bottom[index],
    )
    tw, tb, w, b = spare[:4]
    w.fill(0.0)
    b.fill(0.0)
    carried = u = np.zeros_like(g)
    current, slope = evaluated(cell, g, u)
    residual, unbalanced, size, spent = 1.0, 1.0, np.inf, 0
    for _ in range(100):
        before, w_old, b_old = residual, w.copy(), b.copy()
        slope, offset = np.array(slope, order="C"), np.array(current - slope * u, order="C")
        kernels.word_ladder(slope, circuit.words, own[0], own[1], tw)
        kernels.bit_ladder(slope, circuit.lines, own[2], own[3], tb)
        # No better than this step can gain: Newton at best squares the error.
        aim = min(1e-3, max(0.1 * tolerance, 1e-14, 0.01 * residual**2))
        linear, steps = kernels.solve_vector(
            slope, offset, circuit.words, circuit.lines, own, (tw, tb),
            circuit.word_voltage[index, vector], circuit.bit_voltage[index], aim, _LIMIT, w, b,
            spare[4:],
        )  # fmt: skip
        spent += steps
        target, w_new, b_new, fraction = slope * (w - b) + offset, w.copy(), b.copy(), 1.0
        while True:
            u = w - b
            current, slope = evaluated(cell, g, u)
            line = carried + fraction * (target - carried)
            error = float(np.linalg.norm(current - line))
            # Where model and lines agree, what is left of their difference is rounding: no step
            # makes it smaller, and a full one is what balances the lines.
            if error < size or _mismatch(current, line) <= 0.1 * tolerance or fraction < 1e-6:
                break
            fraction /= 2
            w[:] = w_old + fraction * (w_new - w_old)
            b[:] = b_old + fraction * (b_new - b_old)
        carried, size = line, error
        unbalanced += fraction * (linear - unbalanced)
        residual = max(_mismatch(current, carried), unbalanced)
        if residual <= tolerance or (residual <= 1e3 * tolerance and residual > 0.5 * before):
            break
    at = index, vector
    result.out[at], result.into[at] = current.sum(axis=0), current.sum(axis=1)
    result.residual[at], result.iterations[at] = residual, spent
    if result.word.size:
        result.word[at], result.bit[at], result.cell[at] = w, b, current


def _own(g: Array) -> tuple[Array, NDArray[np.int_]]:
    """Arrays that a kernel can take (writeable, contiguous) and which of them each array is."""
    if len(g) > 1 and g.strides[0] == 0:  # one array broadcast over many conditions
        return g[:1].copy(), np.zeros(len(g), dtype=np.int_)
    own = g if g.flags.writeable and g.flags.c_contiguous else g.copy()
    return own, np.arange(len(g), dtype=np.int_)


_spares: list[Array] = []  # scratch kept between calls: fresh pages cost as much as some steps


def _borrow(m: int, n: int) -> Array:
    """Seven arrays of scratch, spaced so that equal places fall on different lines of the cache."""
    shape = (7, m * n + 72)
    try:
        block = _spares.pop()
    except IndexError:
        block = np.empty((0, 0))
    return block if block.shape == shape else np.empty(shape)


def _give_back(block: Array) -> None:
    if block.nbytes <= _KEEP and len(_spares) < 4:
        _spares.append(block)


def _leads(
    first: float | Array, last: float | Array, end: Array, connected: tuple[bool, bool]
) -> tuple[Array, Array]:
    """Resistances (arrays, lines) at the near and the far end; the far one is divided by."""
    near, far = (
        segment + end if is_connected else np.full(end.shape, kernels.OPEN)
        for segment, is_connected in zip((first, last), connected, strict=True)
    )
    return near, np.maximum(far, 1 / kernels.OPEN)


def _inverse(resistance: float | Array) -> Array:
    """Conductance of a segment; 0 for none, whose voltage drop is exactly zero."""
    r = np.asarray(resistance, dtype=np.float64)
    return np.where(r > SMALLEST, 1 / np.maximum(r, SMALLEST), 0.0)


def _mismatch(current: Array, carried: Array) -> float:
    """Largest relative difference, summed over a column, of cell current and line current."""
    wrong, size = np.abs(current - carried).sum(axis=0), np.abs(current).sum(axis=0)
    floor = 1e-15 * size.max(initial=0.0)
    return float((wrong / np.maximum(size, max(floor, 1e-300))).max())


def _dataset(
    result: _Result,
    conductance: Any,
    batch: tuple[int, ...],
    several: bool,
    fields: bool,
    tolerance: float,
) -> xr.Dataset:
    coords: dict[str, Any] = {}
    if isinstance(conductance, xr.DataArray):
        names = [str(name) for name in conductance.dims[:-2]]
        coords = {
            str(name): coord
            for name, coord in conductance.coords.items()
            if set(coord.dims) <= set(names)
        }
    else:
        names = ["array"] if len(batch) == 1 else [f"array_{axis}" for axis in range(len(batch))]
    vector = ["vector"] if several else []
    lead = (*batch, result.out.shape[1]) if several else batch

    def variable(values: Array, dims: list[str], unit: str) -> Any:
        shape = (*lead, *values.shape[2:])
        return ([*names, *vector, *dims], values.reshape(shape), {"units": unit})

    data = {
        "output_current": variable(result.out, ["column"], "A"),
        "input_current": variable(result.into, ["row"], "A"),
    }
    if fields:
        data["cell_current"] = variable(result.cell, ["row", "column"], "A")
        data["word_line_voltage"] = variable(result.word, ["row", "column"], "V")
        data["bit_line_voltage"] = variable(result.bit, ["row", "column"], "V")
    attrs = {
        "residual": float(result.residual.max()),
        "iterations": int(result.iterations.max()),
        "tolerance": tolerance,
        "reliability_version": __version__,
    }
    return xr.Dataset(data, coords=coords, attrs=attrs)
