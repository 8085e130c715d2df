"""The same circuit for a circuit simulator: `to_spice` writes it."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from reliability.crossbar.arguments import Array, checked, ends
from reliability.crossbar.cell_models import SelectorCell
from reliability.errors import InputError

_SHORT = 1e-9  # ohm; SPICE has no resistor of zero


def to_spice(
    conductance: ArrayLike,
    voltage: ArrayLike,
    *,
    word_line_resistance: ArrayLike = 1.0,
    bit_line_resistance: ArrayLike = 1.0,
    source_resistance: ArrayLike = 0.0,
    sense_resistance: ArrayLike = 0.0,
    drive: str = "left",
    sense: str = "bottom",
    bit_line_voltage: ArrayLike = 0.0,
    cell: Any = None,
    title: str = "crossbar",
) -> str:
    """Write one crossbar and one input vector as an ngspice netlist.

    Arguments are those of `solve_crossbar` for one array. ``ngspice -b`` prints the current into
    each sense source as ``i(vbb0)``, ``i(vbt0)`` (bottom and top end of bit line 0) and so on; the
    sum over the ends of bit line j is ``output_current[j]``. Node ``w<i>_<j>`` is the word line and
    ``b<i>_<j>`` the bit line at cell (i, j).

    Returns
    -------
    str

    Raises
    ------
    InputError
        Wrong arguments, or a cell model without ``spice()``.

    Examples
    --------
    >>> print(to_spice([[1e-4]], [0.1]))
    * crossbar
    v_w0 src0 0 0.1
    r_wl0 src0 w0_0 1.0
    r_bb0 b0_0 bb0 1.0
    vbb0 bb0 0 0.0
    r_c0_0 w0_0 b0_0 10000.0
    .options reltol=1e-9 abstol=1e-18 vntol=1e-15 gmin=1e-18
    .op
    .control
    set numdgt=15
    op
    print i(vbb0)
    .endc
    .end
    """
    g = checked(conductance, "conductance", low=0.0, unit="S")
    if g.ndim != 2:
        raise InputError(f"conductance: got shape {g.shape}, expected (rows, columns)")
    m, n = g.shape
    v = checked(voltage, "voltage", unit="V")
    if v.shape != (m,):
        raise InputError(f"voltage: got shape {v.shape}, expected ({m},)")
    ends(drive, sense)
    words = np.broadcast_to(np.asarray(word_line_resistance, float), (m, n + 1))
    bits = np.broadcast_to(np.asarray(bit_line_resistance, float), (m + 1, n))
    sources = np.broadcast_to(np.asarray(source_resistance, float), (m,))
    senses = np.broadcast_to(np.asarray(sense_resistance, float), (n,))
    held = np.broadcast_to(np.asarray(bit_line_voltage, float), (n,))
    lines = [f"* {title}", *_word_lines(v, words, sources, drive)]
    of_columns, probes = _bit_lines(m, bits, senses, held, sense)
    lines += of_columns
    for i in range(m):
        for j in range(n):
            if g[i, j] > 0:
                lines += _cell_lines(cell, f"{i}_{j}", float(g[i, j]))
    lines += [
        ".options reltol=1e-9 abstol=1e-18 vntol=1e-15 gmin=1e-18",
        ".op",
        ".control",
        "set numdgt=15",
        "op",
        *probes,
        ".endc",
        ".end",
    ]
    return "\n".join(lines)


def _resistor(name: str, a: str, b: str, ohm: float) -> list[str]:
    """A line of the netlist; none for an open segment."""
    return [f"r_{name} {a} {b} {float(max(ohm, _SHORT))!r}"] if np.isfinite(ohm) else []


def _word_lines(v: Array, words: Array, sources: Array, drive: str) -> list[str]:
    m, n = len(v), words.shape[1] - 1
    lines = []
    for i in range(m):
        lines.append(f"v_w{i} src{i} 0 {float(v[i])!r}")
        if drive != "right":
            lines += _resistor(f"wl{i}", f"src{i}", f"w{i}_0", words[i, 0] + sources[i])
        if drive != "left":
            lines += _resistor(f"wr{i}", f"src{i}", f"w{i}_{n - 1}", words[i, n] + sources[i])
        for j in range(1, n):
            lines += _resistor(f"w{i}_{j}", f"w{i}_{j - 1}", f"w{i}_{j}", words[i, j])
    return lines


def _bit_lines(
    m: int, bits: Array, senses: Array, held: Array, sense: str
) -> tuple[list[str], list[str]]:
    """Bit lines with their sense sources, and the commands that print the sensed currents."""
    lines, probes = [], []
    for j in range(len(senses)):
        for end, row, lead in (("t", 0, bits[0, j]), ("b", m - 1, bits[m, j])):
            if sense in ("both", {"t": "top", "b": "bottom"}[end]):
                lines += _resistor(f"b{end}{j}", f"b{row}_{j}", f"b{end}{j}", lead + senses[j])
                lines.append(f"vb{end}{j} b{end}{j} 0 {float(held[j])!r}")
                probes.append(f"print i(vb{end}{j})")
        for i in range(1, m):
            lines += _resistor(f"b{i}_{j}", f"b{i - 1}_{j}", f"b{i}_{j}", bits[i, j])
    return lines, probes


def _cell_lines(cell: Any, at: str, g: float) -> list[str]:
    word, bit = f"w{at}", f"b{at}"
    if cell is None:
        return [f"r_c{at} {word} {bit} {1 / g!r}"]
    if isinstance(
        cell, SelectorCell
    ):  # a node between selector and cell keeps the current explicit
        start, scale = cell.saturation_current, cell.scale
        return [
            f"b_c{at} {word} s{at} i={start!r}*sinh(v({word},s{at})/{scale!r})",
            f"r_c{at} s{at} {bit} {1 / g!r}",
        ]
    if not hasattr(cell, "spice"):
        raise InputError(f"cell: {type(cell).__name__} has no spice(), which writes its current")
    current = cell.spice().format(g=repr(g), v=f"v({word},{bit})")
    return [f"b_c{at} {word} {bit} i={current}"]
