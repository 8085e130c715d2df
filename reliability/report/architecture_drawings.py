"""Figures of each architecture study: titles, captions, and the axes that have to be swept."""

from collections.abc import Callable
from dataclasses import dataclass

import xarray as xr
from matplotlib.axes import Axes

from reliability.report import figures as draw


@dataclass(frozen=True)
class Drawn:
    """A figure of a study: anchor, title, caption, the function that draws it, the axes of a sweep
    that it needs, size in inches, and the axis of which each of some values has its own panel."""

    id: str
    title: str
    caption: str
    function: Callable[[xr.Dataset, Axes], Axes]
    axes: tuple[str, ...] = ()
    size: tuple[float, float] = (7.6, 4.6)
    panels: tuple[str, tuple[str, ...]] | None = None


DRAWINGS: dict[str, tuple[Drawn, ...]] = {
    "area": (
        Drawn(
            "smallest-core",
            "Area of the parallel core relative to the best other",
            "Core with one neuron per class against the smaller of the two that multiplex in time, "
            "all within the same deadline. Thick line: equal areas; thin lines: below them the "
            "parallel core is the smallest in that fraction of the draws. With one class the two "
            "analog cores are the same.",
            draw.smallest_core,
            ("node", "classes"),
            (7.6, 5.0),
        ),
        Drawn(
            "least-energy-core",
            "Energy of the parallel core relative to the best other",
            "Energy of an inference with the leakage until the deadline. Lines: equal energies, "
            "and fractions of the draws in which the parallel core takes the least.",
            draw.least_energy_core,
            ("node", "classes"),
            (7.6, 5.0),
        ),
        Drawn(
            "area-classes",
            "Area against the number of classes",
            "Three cores, one panel per node. Bands: 95 % of the draws.",
            draw.area_against_classes,
            ("node", "classes"),
            (9.6, 4.2),
            ("node", ("130nm", "7nm")),
        ),
    ),
    "energy": (
        Drawn(
            "event-energy",
            "Energy of a synaptic event",
            "One input event at one output, by what takes the energy from the supply. Bars: "
            "nominal card and component parameters; whiskers: 95 % of the draws.",
            draw.event_energy_parts,
        ),
        Drawn(
            "energy-node",
            "Energy of an event and of a multiply-accumulate against the CMOS node",
            "A multiply-accumulate that reads its weight from SRAM, scaled from 45 nm, and an "
            "event on the same cells with the same pulse, of which only the supply changes. "
            "Bands: 95 % of the draws.",
            draw.energy_against_node,
            ("node",),
        ),
        Drawn(
            "gain-resistance",
            "Gain of an event against the LRS resistance",
            "Energy of a multiply-accumulate relative to that of an event, for the same pulse; one "
            "panel per node. It levels off where the bias of injector and comparators costs more "
            "than the cells. Dashed: equal energies. Bands: 95 % of the draws.",
            draw.gain_against_resistance,
            ("node", "lrs_resistance"),
            (9.6, 3.6),
            ("node", ("130nm", "65nm", "32nm", "7nm")),
        ),
        *(
            Drawn(
                f"gain-{axis}",
                f"Gain of an inference against its events, {coding} coding",
                "Energy of all sums relative to the spikes of one inference, against the events "
                f"that a connection gets until {decision} decides, with the accuracy. {more}"
                "Dashed: equal energies. Bands and whiskers: 95 % of the draws.",
                draw.gain_against_activity,
                (axis,),
            )
            for axis, coding, decision, more in (
                ("lead", "rate", "the lead ΔS", "Ten layers: rate coding over time steps. "),
                ("threshold", "time", "the first output spike", ""),
            )
        ),
    ),
    "incremental": (
        Drawn(
            "accuracy-budget",
            "Accuracy against the writes of learning anew",
            "Mean of the chips; bars at the right: 95 % of the draws, each with its own chips and "
            "images. A curve is level where a rule writes no more.",
            draw.accuracy_against_budget,
            ("rule",),
            (7.6, 5.0),
        ),
        Drawn(
            "old-new",
            "Accuracy on old images against accuracy on new ones",
            "From before learning anew along the budgets of writes (dots) to the end (circle; "
            "bars: 95 % of the draws), on the cells of the card and on exact ones; one panel per "
            "rule.",
            draw.old_against_new,
            ("rule",),
            (9.6, 6.4),
            ("rule", ("fine_tuning", "replay", "new_column", "errors_only", "transfer_at_end",
                      "template")),
        ),
    ),
    "learning": (
        Drawn(
            "accuracy-writes",
            "Accuracy and writes of a training run",
            "Each rule on MNIST at 12x12 pixels, every write of every cell counted: dot at the "
            "mean of all cells, line to the 99th percentile. Vertical bars: all repeats.",
            draw.accuracy_against_writes,
            ("rule",),
            (9.6, 5.0),
        ),
        Drawn(
            "runs-failure",
            "Training runs to failure",
            "Until 1 % of the cells of a chip have failed for good, each write a full pulse or "
            "(many levels only) a weak one that moves the cell a little. Lines: 95 % of the draws.",
            draw.runs_until_failure,
            ("rule",),
            (9.0, 5.4),
        ),
        Drawn(
            "levelling",
            "Gain of wear levelling",
            "The same writes distributed over the cells of a synapse, the rows of the array or all "
            "its cells. Whiskers: 95 % of the draws; marks: the first failed cell.",
            draw.levelling_gain,
            ("rule",),
            (9.0, 6.0),
        ),
        Drawn(
            "accuracy-failed",
            "Accuracy of learning with failed cells",
            "A training run from the start on a chip on which some cells are stuck in LRS or HRS; "
            "it learns around them; those written most fail first. Bands: 95 % of the draws, which "
            "differ in the fraction stuck in LRS.",
            draw.accuracy_against_failed_cells,
            ("rule", "failed"),
            (10.5, 3.6),
            ("rule", ("backprop_every", "backprop_hybrid", "delta_two_level", "stdp")),
        ),
    ),
    "streams": (
        Drawn(
            "power-rate",
            "Average power against the event rate",
            "Six ways to run the same network. Bands: 95 % of the draws, for the two ways with "
            "resistive cells.",
            draw.power_against_rate,
            ("rate",),
            (7.6, 5.2),
        ),
    ),
    "hierarchy": (
        Drawn(
            "paying-periods",
            "Periods at which a resistive cache saves power",
            "Bars: periods between inferences at which the resistive cache takes less power than "
            "DRAM, kept in self-refresh or loaded from flash, with the smallest cache that holds "
            "the network. Arrows: periods from which it endures its writes for the mission. "
            "Whiskers: 95 % of the draws; values beyond the axis are drawn at its edge.",
            draw.paying_periods,
            ("host", "network", "capacity"),
            (7.6, 5.4),
        ),
        Drawn(
            "power-period",
            "Average power of the memories",
            "Smallest resistive cache that holds the network; one panel per host. Bands: 95 % of "
            "the draws. Left of the vertical lines the cache is worn out before the mission ends.",
            draw.power_against_period,
            ("host", "capacity"),
            (10.5, 4.6),
            ("host", ("accelerator", "mcu", "fpga")),
        ),
        Drawn(
            "cache-traffic",
            "Misses of the resistive cache",
            "Lines fetched from and written back to flash in one inference, once the cache is "
            "steady; one panel per network. Zero as soon as it holds all that the network touches.",
            draw.cache_traffic,
            ("host", "network", "capacity"),
            (9.6, 4.2),
            ("network", ("mobilenet-mnist", "binary-mnist")),
        ),
        Drawn(
            "macro-area",
            "Area of the cache",
            "A resistive macro and an SRAM of the same capacity. Bands: 95 % of the draws.",
            draw.macro_areas,
            ("capacity",),
        ),
    ),
    "tiers": (
        Drawn(
            "layout-ratios",
            "Footprint and wire energy relative to the planar layout",
            "Footprint of a tile, energy of a transition of a line between array and logic with "
            "its via, and of a wire across the chip. Whiskers: 95 % of the draws.",
            draw.layout_ratios,
            ("structure",),
        ),
        *(
            Drawn(
                name, title,
                f"{text} One panel per cooling. Bands: 95 % of the draws, of the last layout.",
                function, ("structure", "cooling", "power_density"), (9.6, 4.4),
                ("cooling", ("package", "heat_sink")),
            )
            for name, title, text, function in (
                ("memory-temperature", "Temperature of the memory",
                 "Hottest place of the memory. Dashed and grey: highest temperature at which the "
                 "loss of accuracy is allowed.", draw.memory_temperature),
                ("accuracy-left", "Accuracy after the mission",
                 "At the temperature of the hottest place of the memory; a line ends where that "
                 "leaves the grid of temperatures.", draw.accuracy_left),
                ("error-rate-left", "Bit-error rate after the mission",
                 "Two states read at the best reference, at the temperature of the hottest place.",
                 draw.error_rate_left),
            )
        ),
        Drawn(
            "left-against-temperature",
            "Accuracy and bit-error rate after the mission against temperature",
            "Accuracy of the network and bit-error rate of two states after the mission with its "
            "reads. Whiskers: 95 % of the draws.",
            draw.left_against_temperature,
        ),
    ),
}  # fmt: skip

# What each figure draws, which its table of numbers holds.
VARIABLES: dict[str, tuple[str, ...]] = {
    "smallest-core": ("area_ratio",),
    "least-energy-core": ("energy_ratio",),
    "area-classes": ("area",),
    "event-energy": ("part_energy", "event_energy"),
    "energy-node": ("mac_energy", "event_energy"),
    "gain-resistance": ("gain",),
    "gain-lead": ("activity", "accuracy", "inference_gain"),
    "gain-threshold": ("activity", "accuracy", "inference_gain"),
    "accuracy-budget": ("accuracy_of_chip", "before"),
    "old-new": ("accuracy_of_chip", "before"),
    "accuracy-writes": ("accuracy_of_run", "writes_mean", "writes_99"),
    "runs-failure": ("runs_to_failure",),
    "levelling": ("runs_to_failure", "runs_to_first_failure"),
    "accuracy-failed": ("accuracy_failed",),
    "power-rate": ("power",),
    "paying-periods": ("pays_from", "pays_until", "lasts_from", "lasts_from_levelled"),
    "power-period": ("energy", "standby", "lasts_from", "lasts_from_levelled"),
    "cache-traffic": ("cache_fetched", "cache_written_back"),
    "macro-area": ("area_sram", "area_resistive"),
    "layout-ratios": ("footprint_ratio", "line_energy_ratio", "wire_energy_ratio"),
    "memory-temperature": ("hottest_temperature", "temperature_limit"),
    "accuracy-left": ("accuracy",),
    "error-rate-left": ("bit_error_rate",),
    "left-against-temperature": ("accuracy_at", "error_rate_at"),
}
