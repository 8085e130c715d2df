"""Figures: each a pure function (data, axes) -> axes.

Data are the Datasets that the rooms return, in SI; axes read as engineers write. Without axes a
function draws on a new figure. One style sheet holds for all of them, `STYLE`, for
``matplotlib.style.use`` or ``matplotlib.rc_context``; its colours stay distinct for colour-blind
readers.

============================================= =====================================================
life tests                                    `probability_plot`, `arrhenius_plot`, `survival`
cells over time and reads                     `relaxation_fan`, `drift`, `read_disturb`,
                                              `quantile_against_time`
reads of one cell                             `noise_trace`, `power_spectral_density`
states and conditions                         `window_map`, `error_rate_against_reference`
cycles                                        `resistance_against_cycles`,
                                              `failures_against_cycles`, `failures_of_wafers`
wafers                                        `wafer_map`, `wafer_maps`
crossbars                                     `largest_array_map`, `size_against`, `levels_pareto`,
                                              `feasible_border`, `criterion_against_size`,
                                              `voltage_map`, `accuracy_against_resistance`
accuracy                                      `accuracy_against_time`, `points_against_time`,
                                              `accuracy_against_reads`, `accuracy_against_axis`,
                                              `accuracy_of_points`, `spikes_against_time`
what costs accuracy                           `attribution_bars`, `accuracy_against_factor`,
                                              `sensitivity_matrix`, `confusion_matrix`
fitted cards                                  `predictive_check`, `predictive_intervals`
chips of a study                              `conductance_of_chips`
============================================= =====================================================
"""

from reliability.report.figures.accuracy import (
    accuracy_against_axis,
    accuracy_against_reads,
    accuracy_against_time,
    accuracy_of_points,
    points_against_time,
    spikes_against_time,
    states_against_time,
)
from reliability.report.figures.conductance import (
    drift,
    quantile_against_time,
    read_disturb,
    relaxation_fan,
)
from reliability.report.figures.crossbar import (
    accuracy_against_resistance,
    criterion_against_size,
    feasible_border,
    largest_array_map,
    levels_pareto,
    size_against,
    voltage_map,
)
from reliability.report.figures.endurance import (
    failures_against_cycles,
    failures_of_wafers,
    resistance_against_cycles,
)
from reliability.report.figures.lifetime import arrhenius_plot, survival
from reliability.report.figures.noise import noise_trace, power_spectral_density
from reliability.report.figures.predictive import predictive_check, predictive_intervals
from reliability.report.figures.probability import conductance_of_chips, probability_plot
from reliability.report.figures.sensitivity import (
    accuracy_against_factor,
    attribution_bars,
    confusion_matrix,
    sensitivity_matrix,
)
from reliability.report.figures.style import PALETTE, STYLE, stress_axis, time_axis
from reliability.report.figures.wafer import wafer_map, wafer_maps
from reliability.report.figures.window import error_rate_against_reference, window_map

__all__ = [
    "PALETTE",
    "STYLE",
    "accuracy_against_axis",
    "accuracy_against_factor",
    "accuracy_against_reads",
    "accuracy_against_resistance",
    "accuracy_against_time",
    "accuracy_of_points",
    "arrhenius_plot",
    "attribution_bars",
    "conductance_of_chips",
    "confusion_matrix",
    "criterion_against_size",
    "drift",
    "error_rate_against_reference",
    "failures_against_cycles",
    "failures_of_wafers",
    "feasible_border",
    "largest_array_map",
    "levels_pareto",
    "noise_trace",
    "points_against_time",
    "power_spectral_density",
    "predictive_check",
    "predictive_intervals",
    "probability_plot",
    "quantile_against_time",
    "read_disturb",
    "relaxation_fan",
    "resistance_against_cycles",
    "sensitivity_matrix",
    "size_against",
    "spikes_against_time",
    "states_against_time",
    "stress_axis",
    "survival",
    "time_axis",
    "voltage_map",
    "wafer_map",
    "wafer_maps",
    "window_map",
]
