"""The architecture part of a report: headline, figures, answers along each axis, checks."""

import itertools
import re
import textwrap
from collections.abc import Callable, Iterator
from typing import Any

import xarray as xr

from reliability.architecture.memory.hierarchy import NAMES
from reliability.campaign.outputs.architecture import (
    components_of,
    headline_point,
    on_axes,
    short_name,
)
from reliability.campaign.quantities import unit_in
from reliability.campaign.spec import Study
from reliability.report.architecture_drawings import DRAWINGS, VARIABLES, Drawn
from reliability.report.chapter import Chapter
from reliability.report.comparison_words import Row
from reliability.report.figures.learning_figures import RULES
from reliability.report.figures.style import interval_of_draws
from reliability.report.page import (
    Drawing,
    Figure,
    KeyFigure,
    Numbers,
    Section,
    Table,
    canvas,
    numbers_of,
    svg,
)
from reliability.report.points import Finished, anchor, number_with_unit, value_text
from reliability.report.provenance import confidence_text, parameter_tables
from reliability.report.words import in_words, percent, typeset
from reliability.units import engineering

_ON_COVER = 4  # of the headline numbers
_MOST_ROWS = 40  # of a table along an axis
# Columns of the tables along an axis; the other answers are in summary.json.
_COLUMNS: dict[str, tuple[str, ...]] = {
    "incremental": ("accuracy", "accuracy_old", "accuracy_new", "writes", "runs_to_failure"),
    "learning": ("accuracy", "writes", "training_runs", "training_runs_levelled"),
    "hierarchy": ("pays_from", "pays_until", "lasts_from", "lasts_from_levelled", "energy_ratio"),
    "tiers": (
        "power_limit",
        "hottest_temperature",
        "accuracy",
        "footprint_ratio",
        "line_energy_ratio",
    ),
    "area": ("area_border", "parallel_area", "area_ratio", "energy_ratio"),
    "streams": ("analog_power", "always_on_power", "clocked_power"),
    "energy": (
        "event_energy",
        "mac_energy",
        "gain",
        "activity",
        "accuracy",
        "inference_gain",
        "break_even_resistance",
    ),
}
_AFTER_STORAGE = ("accuracy", "accuracy_after_storage_first", "accuracy_after_storage")
_WORDS = RULES | NAMES | {"tsv": "through-silicon vias", "hybrid": "copper pads",
                          "monolithic": "monolithic tiers"}  # fmt: skip
_Say = Callable[[str], str]


def _area(say: _Say) -> str:
    found = (
        f"the core with one neuron per class takes {say('parallel_area')}, {say('area_ratio')} "
        "times the area of the smaller of the two cores that multiplex in time, and "
        f"{say('energy_ratio')} times the energy of the more frugal one"
    )
    border = say("area_border")
    return found + (border and f"; it is the smallest up to {border} classes")


def _energy(say: _Say) -> str:
    return (
        f"a synaptic event takes {say('event_energy')} and a multiply-accumulate "
        f"{say('mac_energy')}; an inference takes {say('activity')} events of a connection at an "
        f"accuracy of {say('accuracy')}, and digital sums {say('inference_gain')} times the energy "
        "of its spikes"
    )


def _energy_of_resistance(say: _Say) -> str:
    return (
        f"an event costs less than a multiply-accumulate above {say('break_even_resistance')} of "
        f"LRS resistance; it takes {say('event_energy')} and a multiply-accumulate "
        f"{say('mac_energy')}"
    )


def _streams(say: _Say) -> str:
    found = (
        f"analog events that are switched off in between take {say('analog_power')} on average, "
        f"the better clocked core {say('clocked_power')}"
    )
    below = say("rate_against_clocked")
    return found + (below and f"; analog events take less below {below}")


def _hierarchy(say: _Say) -> str:
    lost = say("lines_lost_fresh")
    return (
        "the resistive cache takes less power than DRAM for periods between inferences from "
        f"{say('pays_from')} up to {say('pays_until')}, and lasts the mission for periods from "
        f"{say('lasts_from')}, with wear levelling from {say('lasts_from_levelled')}"
        + (lost and f"; of its lines {lost} are lost after a rest without power while fresh, "
           f"{say('lines_lost_worn')} at the end of life")
    )  # fmt: skip


def _incremental(say: _Say) -> str:
    return (
        f"the deployed network reaches an accuracy of {say('accuracy')} on all images with "
        f"{say('writes')} writes: {say('accuracy_new')} on the new ones, {say('accuracy_old')} on "
        f"the old ones; the errors of the cells cost {say('accuracy_lost')}" + _stored(say)
    )


def _stored(say: _Say) -> str:
    """What a chip that has learnt for a while holds after storage, beside one that has not."""
    worn, first = say("accuracy_after_storage"), say("accuracy_after_storage_first")
    before = first and f"{first} on cells without earlier runs and "
    return worn and f"; after storage accuracy is {before}{worn} on cells worn by earlier runs"


def _learning(say: _Say) -> str:
    return (
        f"{say('training_runs')} training runs pass until 1 % of the cells have failed, at an "
        f"accuracy of {say('accuracy')} and {say('writes')} writes of a cell in each run"
        + _stored(say)
    )


def _tiers(say: _Say) -> str:
    return (
        f"the hottest memory reaches {say('hottest_temperature')} and accuracy after the mission "
        f"is {say('accuracy')}; the allowed loss is reached at {say('temperature_limit')}, at a "
        f"power density of {say('power_limit')}"
    )


_SENTENCES: dict[str, Callable[[_Say], str]] = {
    "area": _area,
    "energy": _energy,
    "hierarchy": _hierarchy,
    "incremental": _incremental,
    "learning": _learning,
    "streams": _streams,
    "tiers": _tiers,
}


def _sections(finished: Finished) -> Iterator[Section]:
    """Yield figures and tables of an architecture study."""
    figures = list(architecture_figures(finished.study, finished.results["architecture"]))
    tables = list(_tables(finished.summary["architecture"]))
    yield Section("architecture", "Architecture", (), figures, tables)


def architecture_figures(study: Study, data: xr.Dataset) -> Iterator[Figure]:
    """Yield the figures of an architecture study whose axes are swept.

    Other axes of the study are held at the point of the headline; a figure is drawn for each value
    of what else is swept (cards, component parameters).

    Parameters
    ----------
    study : Study
    data : Dataset
        The group "architecture" of its results.
    """
    data = on_axes(study, data.load())
    if "point" in data.dims:
        return  # not a grid
    labels = {short_name(axis.name): axis.label or axis.name for axis in study.sweep}
    full = {short_name(axis.name): axis.name for axis in study.sweep}
    at = {short_name(name): value for name, value in headline_point(study).items()}
    own = {name for name in full if hasattr(study.options("architecture"), name)}
    each = [[(name, value) for value in data[name].values.tolist()] for name in full
            if name not in own]  # fmt: skip
    for drawing in DRAWINGS[study.options("architecture").study]:
        if not set(drawing.axes) <= set(data.dims):
            continue
        held = {name: value for name, value in at.items()
                if name in own and name not in drawing.axes}  # fmt: skip
        where = ", ".join(f"{labels[n]} = {_value_text(full[n], v)}" for n, v in held.items())
        for other in itertools.product(*each):
            title = ", ".join(_value_text(full[name], value) for name, value in other)
            name = f"{drawing.title}{title and ': '}{title}"
            caption = f"{drawing.caption}{where and f' At {where}.'}"
            here = data.sel(held | dict(other))
            yield Figure(
                anchor(drawing.id, title), name, caption, _drawn(drawing, here, name),
                _numbers(here[list(VARIABLES[drawing.id])]),
            )  # fmt: skip


def _drawn(drawing: Drawn, data: xr.Dataset, name: str) -> Drawing:
    """Draw a figure, or a panel for each of some values of an axis."""
    if drawing.panels is None:
        with canvas(*drawing.size) as (figure, axes):
            drawing.function(data, axes.flat[0])
            return svg(figure, name)
    axis, chosen = drawing.panels
    values = [value for value in data[axis].values.tolist() if value in chosen]
    values = values or data[axis].values.tolist()[: len(chosen)]
    rows = -(-len(values) // 4)
    columns = -(-len(values) // rows)
    with canvas(*drawing.size, rows, columns, sharey=True) as (figure, axes):
        for ax in axes.flat[len(values):]:  # fmt: skip
            ax.set_visible(False)
        for k, (value, ax) in enumerate(zip(values, axes.flat, strict=False)):
            drawing.function(data.sel({axis: value}), ax)
            narrow = int(8 * drawing.size[0] / columns)  # letters of a title above a panel
            ax.set_title(textwrap.fill(_value_text(axis, value), narrow), fontsize=9)
            ax.set_xlabel(textwrap.fill(ax.get_xlabel(), narrow))
            low = int(8 * drawing.size[1] / rows)
            ax.set_ylabel("" if k % columns else textwrap.fill(ax.get_ylabel(), low))
            if k + columns < len(values):
                ax.set_xlabel("")
            if ax.get_legend():
                ax.get_legend().remove()
        handles, labels = axes.flat[0].get_legend_handles_labels()
        if handles:
            figure.legend(handles, labels, loc="outside lower center", ncols=3)
        return svg(figure, name)


def _numbers(data: xr.Dataset) -> Numbers:
    """Nominal values, and the ends of the interval of the draws where there are any."""
    table = data.isel(draw=0, drop=True)
    if data.sizes["draw"] > 1:
        for name, values in data.data_vars.items():
            for end, at in zip(("low", "high"), interval_of_draws(values), strict=True):
                table[f"{name}_{end}"] = table[name].copy(data=at)
    return numbers_of(table)


def headline(found: dict[str, Any]) -> str:
    """Say the answer in one sentence.

    Parameters
    ----------
    found : dict
        Of `reliability.campaign.outputs.architecture.architecture_answer`.
    """
    intervals = itertools.count()

    def say(key: str) -> str:
        if key not in found["quantities"]:
            return ""
        one = found["quantities"][key]
        if not found["draws"] or _exact(one):
            return _value(one)
        first = f"{percent(found['confidence'], 0)} interval " if next(intervals) == 0 else ""
        return f"{_value(one)} ({first}{_ends(one)})"

    sentence = _SENTENCES[found["study"]](say)
    if "architecture.lrs_resistance" in found.get("labels", {}):
        intervals = itertools.count()
        sentence = _energy_of_resistance(say)
    where = _where(found)
    return typeset(_capital(f"{where and f'with {where}, '}{sentence}."))


def value_and_range(found: dict[str, Any], key: str) -> str:
    """Say one headline number and its interval, "" where a study has none of that name."""
    one = found["quantities"].get(key)
    if one is None:
        return ""
    return f"{_value(one)} ({_ends(one)})" if found["draws"] and not _exact(one) else _value(one)


def _exact(one: dict[str, Any]) -> bool:
    """Whether no draw changes a number."""
    return bool(one["low"] == one["high"] == one["value"])


def key_quantities(found: dict[str, Any]) -> Iterator[KeyFigure]:
    """Yield the first headline numbers for the cover."""
    for one in list(found["quantities"].values())[:_ON_COVER]:
        interval = f"{percent(found['confidence'], 0)} interval {_ends(one)}"
        interval = interval if found["draws"] and not _exact(one) else ""
        yield KeyFigure(_name(one), _value(one), interval, _where(found))


def _tables(found: dict[str, Any]) -> Iterator[Table]:
    """Yield all answers, those along each axis, and the checks against published chips."""
    sure = percent(found["confidence"], 0)
    where = _where(found)
    rows = [
        (_capital(_name(one)), _value(one),
         _ends(one) if found["draws"] and not _exact(one) else "")
        for one in found["quantities"].values()
    ]  # fmt: skip
    yield Table("answers", f"Answers{where and f' at {where}'}", _of_draws(found),
                ("quantity", "value", f"{sure} interval"), rows)  # fmt: skip
    for name, points in found.get("along", {}).items():
        yield from _along(found, name, points, "answers-by", "Answers", _COLUMNS[found["study"]])
        if _AFTER_STORAGE[-1] in found["quantities"]:
            yield from _along(
                found, name, points, "stored-by", "Accuracy after storage", _AFTER_STORAGE
            )
    if "checks" in found:
        yield _checks(found["checks"])


def _along(
    found: dict[str, Any], name: str, points: list[dict[str, Any]], place: str, title: str,
    columns: tuple[str, ...],
) -> Iterator[Table]:  # fmt: skip
    """Yield a table of some answers along an axis, unless it is long or the same in all rows."""
    keys = [key for key in columns if key in points[0]["quantities"]
            and len({value_and_range(found | point, key) for point in points}) > 1]  # fmt: skip
    if len(points) > _MOST_ROWS or not keys:
        return
    full = next(axis for axis in found["labels"] if short_name(axis) == name)
    rest = _where(found, without=full)
    yield Table(
        anchor(place, name), f"{title} by {found['labels'][full]}",
        f"{rest and f'At {rest}. '}{_of_draws(found)}",
        (found["labels"][full], *(_name(points[0]["quantities"][key]) for key in keys)),
        [(_value_text(full, point["value"]),
          *(value_and_range(found | point, key) for key in keys)) for point in points],
    )  # fmt: skip


def _of_draws(found: dict[str, Any]) -> str:
    if not found["draws"]:
        return "Nominal card and component parameters; nothing was drawn."
    return (
        f"Intervals contain {percent(found['confidence'], 0)} of {found['draws']} draws of card "
        "and component parameters."
    )


def _checks(checks: list[dict[str, Any]]) -> Table:
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
        for check in checks
    ]  # fmt: skip
    return Table(
        "checks", "Comparison with published chips",
        "Ratio: model over published value. Interval: model over its drawn parameters.",
        ("chip and quantity", "published", "model", "interval", "ratio", "source"), rows,
    )  # fmt: skip


def _checked(check: dict[str, Any], end: str) -> str:
    """A value of a check; a rise of temperature is a difference, not a temperature."""
    if check["unit"] == "K" and "rise" in check["check"]:
        return f"{check[end]:.3g} K"
    if check["check"].startswith("accuracy lost"):
        return f"{100 * check[end]:.2g} points"
    if check["check"].startswith("accuracy") and "relative" not in check["check"]:
        return percent(check[end])
    return _text(check[end], check["unit"])


def _where(found: dict[str, Any], without: str = "") -> str:
    """The point of the headline, "" without a sweep."""
    labels = found.get("labels", {})
    point = {name: v for name, v in found.get("point", {}).items() if name != without}
    return ", ".join(f"{labels[name]} = {_value_text(name, v)}" for name, v in point.items())


def _value_text(name: str, value: Any) -> str:
    text = _WORDS.get(str(value)) or value_text(name, value)
    return re.sub(r"^(\d+)nm$", r"\1 nm", text)


def _ends(one: dict[str, Any]) -> str:
    if one["low"] is None and one["high"] is None:
        return _value(one, "low")
    low, high = (_value(one, end) for end in ("low", "high"))
    return f"{low.removesuffix(' points')} to {high}"


def _name(one: dict[str, Any]) -> str:
    """What a number is, with the rules of learning in words."""
    return re.sub(r"\w+", lambda word: RULES.get(word[0], word[0]), one["name"])


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _value(one: dict[str, Any], end: str = "value") -> str:
    accuracy = one["name"].startswith(("accuracy", "lines lost"))
    if one[end] is None and (accuracy or one["name"].startswith("bit-error")):
        return "beyond the grid of temperatures"  # hotter than any cells that were aged
    if one["name"].startswith("accuracy lost"):
        return f"{100 * one[end]:.1f} points"
    return percent(one[end]) if accuracy else _text(one[end], one["unit"])


def _text(value: float | None, unit: str) -> str:
    return "unbounded" if value is None else engineering(value, unit)


def _method(study: Study) -> Iterator[str]:
    options, components = study.options("architecture"), components_of(study)
    idle = {"rate": "threshold", "first_spike": "lead"}.get(getattr(options, "coding", ""))
    held = [
        f"{in_words(name)} = {_option_text(options, name, value)}"
        for name, value in options.arguments.items()
        if name != idle and value not in (None, ())
    ]
    yield (
        f"The architecture model {options.study} was computed for technology {study.technology} "
        f"and the component parameters {components.name}, with {', '.join(held)}."
    )


_FRACTIONS = ("allowed_loss", "loss", "failed")  # of accuracy or cells


def _option_text(options: Any, name: str, value: Any) -> str:
    """An option with the unit that it has in its own study: a rate is one of events or learning."""
    if isinstance(value, tuple):
        texts = [_option_text(options, name, each) for each in value]
        return ", ".join(texts) if len(texts) < 4 else f"{texts[0]} to {texts[-1]}"
    if isinstance(value, str | bool):
        return _value_text(name, value)
    if name in _FRACTIONS:
        return f"{100 * value:g} %"
    kelvin = "K" if name.endswith("temperatures") else None
    return number_with_unit(value, unit_in(type(options), name) or kelvin)


def _intervals(study: Study) -> Iterator[str]:
    if study.uncertainty:
        yield "Intervals contain this fraction of the samples."


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
    statement=lambda finished: iter((headline(finished.summary["architecture"]),)),
    lines=lambda answer: iter((headline(answer["architecture"]),)),
    of_sweep=True,
    key_figures=lambda finished: key_quantities(finished.summary["architecture"]),
    method=_method,
    intervals=_intervals,
    sampled=lambda _: "each with component parameters sampled from their own uncertainty",
    assumptions=_assumptions,
    provenance=_provenance,
    of_cells=False,
    interval=_interval,
)
