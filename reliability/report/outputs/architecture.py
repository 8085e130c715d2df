"""The architecture part of a report: answer, figures, checks against chips, component
parameters."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import xarray as xr
from matplotlib.axes import Axes

from reliability.architecture.memory.hierarchy import HOSTS, NAMES
from reliability.campaign.outputs.architecture import components_of
from reliability.campaign.spec import Study
from reliability.report import figures as draw
from reliability.report.chapter import Chapter
from reliability.report.comparison_words import Row
from reliability.report.figures.learning_figures import RULES
from reliability.report.page import Figure, KeyFigure, Section, Table, canvas, numbers_of, svg
from reliability.report.points import Finished, anchor
from reliability.report.provenance import confidence_text, parameter_tables
from reliability.report.words import percent
from reliability.units import engineering

_ON_COVER = 4  # of the headline numbers


@dataclass(frozen=True)
class _Drawing:
    """A figure of a study: anchor, title, caption, the function that draws it, size in inches."""

    id: str
    title: str
    caption: str
    function: Callable[[xr.Dataset, Axes], Axes]
    size: tuple[float, float] = (7.6, 4.6)


_DRAWINGS: dict[str, tuple[_Drawing, ...]] = {
    "area": (
        _Drawing(
            "smallest-core",
            "Where the parallel core is the smallest",
            "Area of the core with a neuron for each class over that of the smaller of the two "
            "that share in time, all within the same deadline. Thick line: equal areas; thin "
            "lines: below them the parallel core is the smallest in so many of the draws. With "
            "one class the two analog cores are the same.",
            draw.smallest_core,
            (7.6, 5.0),
        ),
        _Drawing(
            "least-energy-core",
            "Where the parallel core takes the least energy",
            "Energy of an inference with the leakage until the deadline: parallel over the best of "
            "the others. Lines as above.",
            draw.least_energy_core,
            (7.6, 5.0),
        ),
        _Drawing(
            "area-classes",
            "Area against the number of classes",
            "Three cores at the oldest and the newest node. Bands: 95 % of the draws.",
            draw.area_against_classes,
        ),
    ),
    "energy": (
        _Drawing(
            "event-energy",
            "Energy of a synaptic event",
            "One input event at one output, by what takes the energy from the supply. Bars: the "
            "card and the components as they are; whiskers: 95 % of the cards and components that "
            "are "
            "drawn from their uncertainty.",
            draw.event_energy_parts,
        ),
        _Drawing(
            "energy-node",
            "Sums get cheaper with every node, events hardly do",
            "A multiply-accumulate that reads its weight from SRAM, scaled from 45 nm, and an "
            "event on the same cells with the same pulse, of which only the supply changes. "
            "Bands: 95 % of the draws.",
            draw.energy_against_node,
        ),
        _Drawing(
            "gain-resistance",
            "Gain against the resistance of the cells",
            "Energy of a sum over that of an event, for the same pulse. It levels off where the "
            "bias of injector and comparators costs more than the cells. Bands: 95 % of the draws.",
            draw.gain_against_resistance,
            (7.6, 5.0),
        ),
        _Drawing(
            "gain-activity",
            "Gain of an inference against its events",
            "Energy of all sums over that of the spikes of one inference at 130 nm, against the "
            "events that a connection gets until the decision. One layer: rate coding with the "
            "lead ΔS that decides, or the first output spike with its threshold, each with the "
            "accuracy; ten layers: rate coding over time steps. Bands and whiskers: 95 % of the "
            "draws.",
            draw.gain_against_activity,
        ),
    ),
    "incremental": (
        _Drawing(
            "accuracy-budget",
            "Accuracy against the writes that it takes to learn anew",
            "Mean of the chips; bars at the right: 95 % of the cards that are drawn, each with its "
            "own chips and images. A curve is level where a rule wants no more writes.",
            draw.accuracy_against_budget,
            (7.6, 5.0),
        ),
        _Drawing(
            "old-new",
            "What is learnt and what is forgotten",
            "From what was before along the budgets of writes (dots) to the end (circle; bars: "
            "95 % of the draws), on the cells of the card and on exact ones.",
            draw.old_against_new,
            (7.6, 5.4),
        ),
    ),
    "learning": (
        _Drawing(
            "accuracy-writes",
            "Accuracy and writes of a training",
            "Each rule on MNIST at 12x12 pixels, every write of every cell counted: dot at the "
            "mean of all cells, line to the 99th percentile. Vertical bars: all repeats.",
            draw.accuracy_against_writes,
            (9.6, 5.0),
        ),
        _Drawing(
            "trainings-failure",
            "Trainings that the cells stand",
            "Until 1 % of the cells of a chip have failed for good, each write a full pulse or "
            "(many levels only) a weak one that moves the cell a little. Lines: 95 % of the cards "
            "and components that are drawn.",
            draw.trainings_until_failure,
            (9.0, 5.4),
        ),
        _Drawing(
            "levelling",
            "What wear-levelling buys",
            "The same writes shared by the cells of a synapse, by the rows of the array or by all "
            "its cells. Whiskers: 95 % of the draws; marks: the first failed cell.",
            draw.levelling_gain,
            (9.0, 6.0),
        ),
        _Drawing(
            "accuracy-failed",
            "Learning with cells that have failed",
            "A training from the start on a chip on which some cells are stuck in LRS or HRS; it "
            "learns around them. Bands: 95 % of the draws, which differ in the share stuck in LRS.",
            draw.accuracy_against_failed_cells,
        ),
    ),
    "streams": (
        _Drawing(
            "power-rate",
            "Average power against the rate of events",
            "Six ways to run the same network. Bands: 95 % of the cards and components that are "
            "drawn, "
            "for the two ways with resistive cells.",
            draw.power_against_rate,
            (7.6, 5.2),
        ),
    ),
    "hierarchy": (
        _Drawing(
            "paying-periods",
            "When a resistive cache pays",
            "Bars: periods between inferences at which the resistive cache takes less power than "
            "DRAM, be it kept in self-refresh or loaded from flash, with a cache that holds the "
            "network. Arrows: periods from which it endures its writes for the mission. Whiskers: "
            "95 % of the draws; what runs off the axis is kept at its end.",
            draw.paying_periods,
            (7.6, 5.4),
        ),
        *(
            _Drawing(
                f"power-{host}",
                f"Average power of the memories, {NAMES[host]}",
                "First network, smallest resistive cache that holds it. Lines: the card and the "
                "components as they are; bands: 95 % of the draws. Left of the vertical lines the "
                "cache "
                "is worn out before the mission ends.",
                partial(draw.power_against_period, host=host),
            )
            for host in HOSTS
        ),
        _Drawing(
            "cache-traffic",
            "What misses the resistive cache",
            "Lines fetched from and written back to flash in one inference, once the cache is "
            "steady. Zero as soon as it holds all that the network touches.",
            draw.cache_traffic,
        ),
        _Drawing(
            "macro-area",
            "Area of the cache",
            "A resistive macro and an SRAM of the same capacity. Bands: 95 % of the draws.",
            draw.macro_areas,
        ),
    ),
    "tiers": (
        _Drawing(
            "layout-ratios",
            "What stacking saves",
            "Footprint of a tile, energy of a transition of a line between array and logic with "
            "its via, and of a wire across the chip, over the planar draw. Whiskers: 95 % of the "
            "draws.",
            draw.layout_ratios,
        ),
        _Drawing(
            "memory-temperature",
            "Temperature of the memory",
            "Hottest place of the memory, in a plain package and under a heat sink. Grey: the "
            "temperature above which the heat costs more accuracy than allowed. Bands: 95 % of the "
            "draws, of the monolithic tiers.",
            draw.memory_temperature,
        ),
        _Drawing(
            "accuracy-left",
            "Accuracy after the mission",
            "At the temperature of the hottest place of the memory; a line ends where that leaves "
            "the grid of temperatures. Bands: 95 % of the draws, of the monolithic tiers.",
            draw.accuracy_left,
        ),
        _Drawing(
            "error-rate-left",
            "Bit-error rate after the mission",
            "Two states read at the best reference; lines and bands as above.",
            draw.error_rate_left,
        ),
        _Drawing(
            "left-against-temperature",
            "What is left after the mission, by temperature",
            "Accuracy of the network and bit-error rate of two states after the mission with its "
            "reads. Bands: 95 % of the draws.",
            draw.left_against_temperature,
        ),
    ),
}


def _sections(finished: Finished) -> Iterator[Section]:
    """Yield the architecture study at every point."""
    figures: list[Figure] = []
    tables: list[Table] = []
    for title, here in finished.points():
        figures += architecture_figures(here.study, here.results["architecture"], title)
        tables += _tables(here.summary["architecture"], title)
    yield Section("architecture", "Architecture", (), figures, tables)


def architecture_figures(study: Study, data: xr.Dataset, title: str = "") -> Iterator[Figure]:
    """Yield the figures of an architecture study.

    Parameters
    ----------
    study : Study
    data : Dataset
        The group "architecture" of its results, at one point of a sweep.
    title : str
        Of that point, "" without a sweep.
    """
    data = data.load()
    for drawing in _DRAWINGS[study.options("architecture").study]:
        with canvas(*drawing.size) as (figure, axes):
            drawing.function(data, axes.flat[0])
            name = f"{drawing.title}{title and ': '}{title}"
            yield Figure(
                anchor(drawing.id, title),
                name,
                drawing.caption,
                svg(figure, name),
                numbers_of(data),
            )


def _statement(finished: Finished) -> Iterator[str]:
    """Say each headline number with its interval, at every point."""
    for title, here in finished.points():
        for line in quantity_lines(here.summary["architecture"]):
            yield f"{title}{title and ': '}{line}"


def quantity_lines(found: dict[str, Any]) -> list[str]:
    """Say each headline number with its interval.

    Parameters
    ----------
    found : dict
        The answer of `reliability.campaign.outputs.architecture.architecture_answer`.
    """
    lines = []
    for one in found["quantities"].values():
        name = _name(one)
        lines.append(f"{name[:1].upper()}{name[1:]}: {_value(one)}{_range(one, found)}.")
    return lines


def value_and_range(found: dict[str, Any], key: str) -> str:
    """Say one headline number and its interval, "" where a study has none of that name."""
    if key not in found["quantities"]:
        return ""
    one = found["quantities"][key]
    low, high = (_value(one, end) for end in ("low", "high"))
    between = f" ({low} to {high})" if found["draws"] else ""
    return f"{_value(one)}{between}"


def _tables(found: dict[str, Any], title: str) -> list[Table]:
    """Return the table of the checks against published chips, if there are any."""
    if "checks" not in found:
        return []
    rows = [
        (
            check["check"],
            _checked(check, "published"),
            _checked(check, "model"),
            "not drawn" if check["model_low"] in (None, check["model_high"]) else
            f"{_checked(check, 'model_low')} to {_checked(check, 'model_high')}",
            f"{check['ratio']:.2g}",
            check["source"],
        )
        for check in found["checks"]
    ]  # fmt: skip
    return [
        Table(
            anchor("checks", title),
            f"Against published chips{title and ': '}{title}",
            "Ratio: model over measured. The interval is that of the model over its parameters.",
            ("chip and quantity", "measured", "model", "interval", "ratio", "source"),
            rows,
        )
    ]


def _checked(check: dict[str, Any], end: str) -> str:
    """A value of a check; a rise of temperature is a difference, not a temperature."""
    if check["unit"] == "K" and "rise" in check["check"]:
        return f"{check[end]:.3g} K"
    return _text(check[end], check["unit"])


def _range(one: dict[str, Any], found: dict[str, Any]) -> str:
    if one["low"] is None and one["high"] is None:
        return "" if found["draws"] == 0 else " (interval unbounded)"
    low, high = (_value(one, end) for end in ("low", "high"))
    return f" ({low} to {high} at {percent(found['confidence'], 0)}, {found['draws']} draws)"


def key_quantities(found: dict[str, Any]) -> Iterator[KeyFigure]:
    """Yield the first headline numbers for the cover."""
    for one in list(found["quantities"].values())[:_ON_COVER]:
        yield KeyFigure(_name(one), _value(one), _range(one, found).strip(" ()"))


def _name(one: dict[str, Any]) -> str:
    """What a number is, with the rules of learning in words."""
    return re.sub(r"\w+", lambda word: RULES.get(word[0], word[0]), one["name"])


def _value(one: dict[str, Any], end: str = "value") -> str:
    if one["unit"] == "1" and one["name"].startswith("accuracy") and one[end] is not None:
        return percent(one[end])
    return _text(one[end], one["unit"])


def _text(value: float | None, unit: str) -> str:
    return "unbounded" if value is None else engineering(value, unit)


def _method(study: Study) -> Iterator[str]:
    yield (
        f"The model of the study {study.options('architecture').study} was computed for the "
        "nominal card and component parameters."
    )


def _intervals(study: Study) -> Iterator[str]:
    if study.uncertainty:
        yield "The interval of an architecture's number holds this fraction of the samples."


def _key_figures(finished: Finished) -> Iterator[KeyFigure]:
    if not finished.study.sweep:
        yield from key_quantities(finished.summary["architecture"])


def _assumptions(study: Study) -> Iterator[Section]:
    components = components_of(study)
    yield Section(
        "components", components.title, (components.description, confidence_text(components)),
        tables=parameter_tables(components, "-components"),
    )  # fmt: skip


def _provenance(study: Study) -> Iterator[tuple[str, str]]:
    components = components_of(study)
    yield f"component parameters {components.name}, SHA-256", components.fingerprint


def _interval(
    answer: dict[str, Any], row: Row, at: dict[str, float]
) -> tuple[float | None, float | None]:
    found = answer["architecture"]["quantities"][row["name"]]
    return found["low"], found["high"]


CHAPTER = Chapter(
    sections=_sections,
    statement=_statement,
    lines=lambda answer: iter(quantity_lines(answer["architecture"])),
    key_figures=_key_figures,
    method=_method,
    intervals=_intervals,
    sampled=lambda _: "each with component parameters sampled from their own uncertainty",
    assumptions=_assumptions,
    provenance=_provenance,
    of_cells=False,
    interval=_interval,
)
