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
states and conditions                         `window_map`, `window_curve`,
                                              `error_rate_against_reference`
cycles                                        `resistance_against_cycles`,
                                              `failures_against_cycles`, `failures_of_wafers`
wafers                                        `wafer_map`, `wafer_maps`
crossbars                                     `largest_array_map`, `size_against`, `levels_pareto`,
                                              `feasible_border`, `criterion_against_size`,
                                              `voltage_map`, `accuracy_against_resistance`
accuracy                                      `accuracy_against_time`, `points_against_time`,
                                              `accuracy_against_axis`, `accuracy_of_points`,
                                              `spikes_against_time`
reads that a network makes                    `accuracy_against_reads`, `reads_of_rows`
what costs accuracy                           `attribution_bars`, `accuracy_against_factor`,
                                              `sensitivity_matrix`, `tornado`, `correlation_bars`,
                                              `confusion_matrix`
fitted cards                                  `predictive_check`, `predictive_intervals`,
                                              `changes_on_probability_paper`,
                                              `quantiles_over_time`, `cells_over_time`
chips of a study                              `conductance_of_chips`, `states_against_time`
designs                                       `pareto`, `curves_against`, `hypervolume_growth`,
                                              `parallel_coordinates`
energy, power and area of cores               `event_energy_parts`, `energy_against_node`,
                                              `gain_against_resistance`, `gain_against_activity`,
                                              `power_against_rate`, `smallest_core`,
                                              `least_energy_core`, `area_against_classes`
memory hierarchies                            `cache_traffic`, `power_against_period`,
                                              `paying_periods`, `macro_areas`
stacked layouts                               `layout_ratios`, `memory_temperature`,
                                              `accuracy_left`, `error_rate_left`,
                                              `left_against_temperature`
learning on the chip                          `accuracy_against_writes`,
                                              `runs_until_failure`, `levelling_gain`,
                                              `accuracy_against_failed_cells`,
                                              `accuracy_against_budget`, `old_against_new`
============================================= =====================================================
"""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.report.figures.accuracy_figures import (
        accuracy_against_axis,
        accuracy_against_time,
        accuracy_of_points,
        points_against_time,
        spikes_against_time,
        states_against_time,
    )
    from reliability.report.figures.area_figures import (
        area_against_classes,
        least_energy_core,
        smallest_core,
    )
    from reliability.report.figures.check_figures import (
        cells_over_time,
        changes_on_probability_paper,
        predictive_check,
        predictive_intervals,
        quantiles_over_time,
    )
    from reliability.report.figures.conductance_figures import (
        drift,
        quantile_against_time,
        read_disturb,
        relaxation_fan,
    )
    from reliability.report.figures.crossbar_figures import (
        accuracy_against_resistance,
        criterion_against_size,
        feasible_border,
        largest_array_map,
        levels_pareto,
        size_against,
        voltage_map,
    )
    from reliability.report.figures.decision_figures import design_tornado, information_bars
    from reliability.report.figures.endurance_figures import (
        error_rate_against_stress,
        error_rate_of_points,
        failures_against_cycles,
        failures_of_wafers,
        resistance_against_cycles,
        write_curve,
    )
    from reliability.report.figures.energy_figures import (
        energy_against_node,
        event_energy_parts,
        gain_against_activity,
        gain_against_resistance,
        power_against_rate,
    )
    from reliability.report.figures.hierarchy_figures import (
        cache_traffic,
        macro_areas,
        paying_periods,
        power_against_period,
    )
    from reliability.report.figures.learning_figures import (
        accuracy_against_budget,
        accuracy_against_failed_cells,
        accuracy_against_writes,
        levelling_gain,
        old_against_new,
        runs_until_failure,
    )
    from reliability.report.figures.lifetime_figures import (
        arrhenius_plot,
        degradation_plot,
        lives_plot,
        survival,
    )
    from reliability.report.figures.noise_figures import (
        noise_trace,
        power_spectral_density,
    )
    from reliability.report.figures.pareto_figures import (
        curves_against,
        hypervolume_growth,
        parallel_coordinates,
        pareto,
    )
    from reliability.report.figures.probability_figures import (
        conductance_of_chips,
        probability_plot,
    )
    from reliability.report.figures.reads_figures import (
        accuracy_against_reads,
        reads_of_rows,
    )
    from reliability.report.figures.sensitivity_figures import (
        accuracy_against_factor,
        attribution_bars,
        confusion_matrix,
        correlation_bars,
        sensitivity_matrix,
        tornado,
    )
    from reliability.report.figures.style import (
        PALETTE,
        STYLE,
        stress_axis,
        time_axis,
    )
    from reliability.report.figures.tiers_figures import (
        accuracy_left,
        error_rate_left,
        layout_ratios,
        left_against_temperature,
        memory_temperature,
    )
    from reliability.report.figures.wafer_figures import (
        wafer_map,
        wafer_maps,
    )
    from reliability.report.figures.window_figures import (
        error_rate_against_reference,
        window_curve,
        window_map,
    )

__all__ = [
    "PALETTE",
    "STYLE",
    "accuracy_against_axis",
    "accuracy_against_budget",
    "accuracy_against_factor",
    "accuracy_against_failed_cells",
    "accuracy_against_reads",
    "accuracy_against_resistance",
    "accuracy_against_time",
    "accuracy_against_writes",
    "accuracy_left",
    "accuracy_of_points",
    "area_against_classes",
    "arrhenius_plot",
    "attribution_bars",
    "cache_traffic",
    "cells_over_time",
    "changes_on_probability_paper",
    "conductance_of_chips",
    "confusion_matrix",
    "correlation_bars",
    "criterion_against_size",
    "curves_against",
    "degradation_plot",
    "design_tornado",
    "drift",
    "energy_against_node",
    "error_rate_against_reference",
    "error_rate_against_stress",
    "error_rate_left",
    "error_rate_of_points",
    "event_energy_parts",
    "failures_against_cycles",
    "failures_of_wafers",
    "feasible_border",
    "gain_against_activity",
    "gain_against_resistance",
    "hypervolume_growth",
    "information_bars",
    "largest_array_map",
    "layout_ratios",
    "least_energy_core",
    "left_against_temperature",
    "levelling_gain",
    "levels_pareto",
    "lives_plot",
    "macro_areas",
    "memory_temperature",
    "noise_trace",
    "old_against_new",
    "parallel_coordinates",
    "pareto",
    "paying_periods",
    "points_against_time",
    "power_against_period",
    "power_against_rate",
    "power_spectral_density",
    "predictive_check",
    "predictive_intervals",
    "probability_plot",
    "quantile_against_time",
    "quantiles_over_time",
    "read_disturb",
    "reads_of_rows",
    "relaxation_fan",
    "resistance_against_cycles",
    "runs_until_failure",
    "sensitivity_matrix",
    "size_against",
    "smallest_core",
    "spikes_against_time",
    "states_against_time",
    "stress_axis",
    "survival",
    "time_axis",
    "tornado",
    "voltage_map",
    "wafer_map",
    "wafer_maps",
    "window_curve",
    "window_map",
    "write_curve",
]

__getattr__, __dir__ = first_use(__name__)
