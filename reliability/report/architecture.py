"""The architecture part of a report: answer, figures, checks against chips, parameter sheet."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import xarray as xr
from matplotlib.axes import Axes

from reliability.campaign.spec import Study
from reliability.report import architecture_figures as draw
from reliability.report.page import Figure, Table, canvas, svg
from reliability.report.words import percent
from reliability.units import engineering


@dataclass(frozen=True)
class _Drawing:
    """A figure of a study: anchor, title, caption, the function that draws it, size in inches."""

    id: str
    title: str
    caption: str
    function: Callable[[xr.Dataset, Axes], None]
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
            "card and the sheet as they are; whiskers: 95 % of the cards and sheets that are "
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
            "events that a connection gets until the decision. One layer: the lead ΔS of the "
            "first output that decides, with its accuracy; ten layers: rate coding over time "
            "steps. Bands and whiskers: 95 % of the draws.",
            draw.gain_against_activity,
        ),
    ),
    "streams": (
        _Drawing(
            "power-rate",
            "Average power against the rate of events",
            "Six ways to run the same network. Bands: 95 % of the cards and sheets that are drawn, "
            "for the two ways with resistive cells.",
            draw.power_against_rate,
            (7.6, 5.2),
        ),
    ),
}


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
    assert study.architecture is not None
    data = data.load()
    for drawing in _DRAWINGS[study.architecture.study]:
        with canvas(*drawing.size) as (figure, axes):
            drawing.function(data, axes.flat[0])
            name = f"{drawing.title}{title and ': '}{title}"
            anchor = f"{drawing.id}{title and '-'}{title}".lower()
            yield Figure(
                "".join(c if c.isalnum() else "-" for c in anchor),
                name,
                drawing.caption,
                svg(figure, name),
            )


def architecture_lines(found: dict[str, Any]) -> list[str]:
    """Say each headline number with its interval.

    Parameters
    ----------
    found : dict
        The answer of `reliability.campaign.architecture.architecture_answer`.
    """
    lines = []
    for one in found["quantities"].values():
        name = one["name"][:1].upper() + one["name"][1:]
        lines.append(f"{name}: {_text(one['value'], one['unit'])}{_range(one, found)}.")
    return lines


def architecture_tables(study: Study, found: dict[str, Any], title: str = "") -> list[Table]:
    """Return the table of the checks against published chips, if there are any."""
    if "checks" not in found:
        return []
    rows = [
        (
            check["check"],
            _text(check["published"], check["unit"]),
            _text(check["model"], check["unit"]),
            "not drawn" if check["model_low"] is None else
            f"{_text(check['model_low'], check['unit'])} to "
            f"{_text(check['model_high'], check['unit'])}",
            f"{check['ratio']:.2g}",
            check["source"],
        )
        for check in found["checks"]
    ]  # fmt: skip
    return [
        Table(
            f"checks{title and '-'}{title}".replace(" ", "-"),
            f"Against published chips{title and ': '}{title}",
            "Ratio: model over measured. The interval is that of the model over its parameters.",
            ("chip and quantity", "measured", "model", "interval", "ratio", "source"),
            rows,
        )
    ]


def _range(one: dict[str, Any], found: dict[str, Any]) -> str:
    if one["low"] is None and one["high"] is None:
        return "" if found["draws"] == 0 else " (interval unbounded)"
    low, high = (_text(one[end], one["unit"]) for end in ("low", "high"))
    return f" ({low} to {high} at {percent(found['confidence'], 0)}, {found['draws']} draws)"


def _text(value: float | None, unit: str) -> str:
    return "unbounded" if value is None else engineering(value, unit)
