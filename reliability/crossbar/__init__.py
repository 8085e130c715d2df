"""The crossbar: exact currents with resistive lines, read margins, the largest array that works."""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.crossbar.array_conditions import ArrayConditions
    from reliability.crossbar.array_size import crossbar_limit
    from reliability.crossbar.cell_models import (
        PolynomialCell,
        SelectorCell,
        SinhCell,
        TransistorCell,
        cell_model,
    )
    from reliability.crossbar.maps import (
        crossbar_border,
        pareto_set,
        resistance_levels,
        size_map,
        sizes_by_rows,
    )
    from reliability.crossbar.margins import read_currents, worst_case_margin
    from reliability.crossbar.solver import ConvergenceError, solve_crossbar
    from reliability.crossbar.spice import to_spice
    from reliability.crossbar.tiles import effective_conductance, on_tiles_of, read_rows
    from reliability.crossbar.wires import Wire, load_wire

__all__ = [
    "ArrayConditions",
    "ConvergenceError",
    "PolynomialCell",
    "SelectorCell",
    "SinhCell",
    "TransistorCell",
    "Wire",
    "cell_model",
    "crossbar_border",
    "crossbar_limit",
    "effective_conductance",
    "load_wire",
    "on_tiles_of",
    "pareto_set",
    "read_currents",
    "read_rows",
    "resistance_levels",
    "size_map",
    "sizes_by_rows",
    "solve_crossbar",
    "to_spice",
    "worst_case_margin",
]

__getattr__, __dir__ = first_use(__name__)
