"""The crossbar: exact currents with resistive lines, read margins, the largest array that works."""

from reliability.crossbar.array_size import crossbar_limit
from reliability.crossbar.cell_laws import (
    PolynomialCell,
    SelectorCell,
    SinhCell,
    TransistorCell,
    law_of,
)
from reliability.crossbar.inference import (
    effective_conductance,
    effective_weights,
    linearisation_error,
    tile_weights,
    untile_weights,
)
from reliability.crossbar.maps import crossbar_border, pareto_set, resistance_levels, size_map
from reliability.crossbar.margins import data_dependent_margin, read_currents, worst_case_margin
from reliability.crossbar.read_modes import read_charge, read_rows
from reliability.crossbar.solver import ConvergenceError, solve_crossbar
from reliability.crossbar.spice import to_spice
from reliability.crossbar.wires import Wire, load_wire

__all__ = [
    "ConvergenceError",
    "PolynomialCell",
    "SelectorCell",
    "SinhCell",
    "TransistorCell",
    "Wire",
    "crossbar_border",
    "crossbar_limit",
    "data_dependent_margin",
    "effective_conductance",
    "effective_weights",
    "law_of",
    "linearisation_error",
    "load_wire",
    "pareto_set",
    "read_charge",
    "read_currents",
    "read_rows",
    "resistance_levels",
    "size_map",
    "solve_crossbar",
    "tile_weights",
    "to_spice",
    "untile_weights",
    "worst_case_margin",
]
