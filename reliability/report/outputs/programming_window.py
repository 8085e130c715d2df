"""The programming window: headline, maps of the bit-error rate and a table of the conditions."""

from collections.abc import Iterator
from typing import Any

import xarray as xr

from reliability.campaign.outputs.programming_window import AXES, best, rates
from reliability.campaign.spec import Study
from reliability.report import figures as draw
from reliability.report.chapter import Chapter, LimitWords
from reliability.report.comparison_words import Row
from reliability.report.figures.window_figures import CONDITION_NAMES
from reliability.report.page import Figure, KeyFigure, Section, Table, canvas, numbers_of, svg
from reliability.report.points import Finished, anchor, named_point, sentences, titled
from reliability.report.words import (
    few_draws,
    in_words,
    interval_text,
    listed,
    percent,
    rate_text,
)
from reliability.units import duration, engineering

_UNITS = {"compliance_current": "A", "reset_voltage": "V", "pulse_width": "s"}


def _sections(finished: Finished) -> Iterator[Section]:
    figures: list[Figure] = []
    tables: list[Table] = []
    for title, here in finished.points():
        found = rates(here.study, here.results)
        figures += _figures(found, title)
        tables.append(window_table(found, here.summary["window"], title))
    yield Section("window", "Programming window", (), figures, tables)


def _figures(found: xr.Dataset, title: str) -> Iterator[Figure]:
    several = [name for name in AXES if found.sizes.get(name, 1) > 1]
    if not several:
        return
    held = {name: place for name, place in best(found).items() if name not in several[:2]}
    here = found.isel(held)
    rest = "".join(f" At {CONDITION_NAMES[name]} {_value(name, float(here[name]))}."
                   for name in held)  # fmt: skip
    target = rate_text(float(found.attrs["target_error_rate"]))
    with canvas(7.6, 4.8) as (figure, axes):
        if len(several) == 1:
            draw.window_curve(here, axes.flat[0], x=several[0])
            what, how = CONDITION_NAMES[several[0]], f"Dashed: target {target}."
        else:
            draw.window_map(here, axes.flat[0], x=several[0], y=several[1])
            what = " and ".join(CONDITION_NAMES[name] for name in several[:2])
            how = (f"Colour: bit-error rate at the best read reference; thin lines: window between "
                   f"the medians in decades; thick line: target {target}.")  # fmt: skip
        yield Figure(
            anchor("window-map", title), titled(f"Bit-error rate against {what}", title),
            f"{how} Nominal card.{rest}", svg(figure, f"Bit-error rate against {what}"),
            numbers_of(here.drop_dims("state").reset_coords(drop=True)),
        )  # fmt: skip


def window_table(found: xr.Dataset, answer: dict[str, Any], title: str = "") -> Table:
    """Return every condition with its window and bit-error rate, the lowest rate first.

    Parameters
    ----------
    found : Dataset
        Of `reliability.campaign.outputs.programming_window.rates`.
    answer : dict
        What ``summary.json`` says of the window.
    title : str
        Of the point of a sweep.
    """
    axes = [name for name in AXES if name in found.dims]
    flat = found.stack(condition=axes) if axes else found.expand_dims("condition")
    order = flat["bit_error_rate"].argsort().values
    verify = "failed_to_verify" in found
    rows = []
    for k in order:
        at = flat.isel(condition=int(k))
        ends = [rate_text(float(at[f"bit_error_rate_{end}"])) for end in ("low", "high")]
        rows.append([
            *(_value(name, float(at[name])) for name in axes),
            engineering(1 / float(at["lrs"]), "ohm"), engineering(1 / float(at["hrs"]), "ohm"),
            f"{float(at['window']):.2f} decades", engineering(float(at["reference"]), "S"),
            rate_text(float(at["bit_error_rate"])),
            " to ".join(ends) if answer["draws"] else "not sampled",
            *([rate_text(float(at["failed_to_verify"].max()))] if verify else []),
            "yes" if float(at["bit_error_rate"]) <= answer["target_error_rate"] else "no",
        ])  # fmt: skip
    return Table(
        anchor("window-table", title), titled("Programming conditions", title),
        "Median resistances, window between them, read reference and bit-error rate of the nominal "
        f"card, with the {percent(answer['confidence'], 0)} interval over sampled cards. Defects "
        f"add {rate_text(answer['defect_error_rate'])}.",
        [*(CONDITION_NAMES[name] for name in axes), "LRS", "HRS", "window", "read reference",
         "bit-error rate", "interval", *(["failed to verify"] if verify else []),
         f"reaches {rate_text(answer['target_error_rate'])}"],
        rows,
    )  # fmt: skip


def _value(name: str, value: float) -> str:
    return engineering(value, _UNITS[name])


def _conditions(found: dict[str, Any]) -> str:
    said = [f"{CONDITION_NAMES[name]} {_value(name, found[name])}" for name in AXES
            if name in found]  # fmt: skip
    return " and ".join(said) or "the card's programming conditions"


def _headline(answer: dict[str, Any]) -> str:
    found, sure = answer["best"], percent(answer["confidence"], 0)
    ends = f"{rate_text(found['low'])} to {rate_text(found['high'])} at {sure} confidence; "
    reached = f"{answer['conditions_reaching_target']} of {answer['conditions']}"
    return (
        f"The lowest bit-error rate is {rate_text(found['bit_error_rate'])} "
        f"({ends if answer['draws'] else ''}window of {found['window_decades']:.2f} decades) at "
        f"{_conditions(found)}; {reached} conditions reach the target of "
        f"{rate_text(answer['target_error_rate'])}"
    )


def _statement(finished: Finished) -> Iterator[str]:
    yield from sentences(
        finished, lambda answer: _headline(answer["window"]),
        lambda answer: answer["window"]["best"]["bit_error_rate"],
    )  # fmt: skip


def _lines(answer: dict[str, Any]) -> Iterator[str]:
    line = _headline(answer["window"])
    yield line[0].lower() + line[1:]


def _key_figures(finished: Finished) -> Iterator[KeyFigure]:
    point, answer = min(finished.answers(), key=lambda e: e[1]["window"]["best"]["bit_error_rate"])
    found, of = answer["window"]["best"], answer["window"]
    ends = f"{rate_text(found['low'])} to {rate_text(found['high'])}"
    where = ", ".join(filter(None, (named_point(finished.study, point), _conditions(found))))
    interval = interval_text(ends, of["confidence"]) if of["draws"] else ""
    yield KeyFigure("lowest bit-error rate", rate_text(found["bit_error_rate"]), interval, where)
    yield KeyFigure("window between the medians", f"{found['window_decades']:.2f} decades", "",
                    f"worse state {found['sigmas']:.1f}σ from the reference")  # fmt: skip
    yield KeyFigure("conditions that reach the target",
                    f"{of['conditions_reaching_target']} of {of['conditions']}", "",
                    f"target {rate_text(of['target_error_rate'])}")  # fmt: skip


def _method(study: Study) -> Iterator[str]:
    w, verify = study.options("window"), study.programming.verify
    how = f"program and verify, up to {verify.attempts} pulses" if verify else "one pulse"
    after = f" {duration(w.time)} after programming" if w.time else " as programmed"
    reference = "a fixed read reference" if w.reference else "the best read reference"
    mapped = [
        f"{in_words(name)}s of {listed(values, _UNITS[name])}" for name, values in w.axes.items()
    ]
    yield (
        f"The programming window of technology {study.technology} was computed in closed form for "
        f"{how}{mapped and ', '}{' and '.join(mapped)}, read at {reference}{after}."
    )


def _intervals(study: Study) -> Iterator[str]:
    if study.uncertainty:
        yield (
            "The interval of a bit-error rate contains that of one more sampled card."
            + few_draws(study.uncertainty.draws, study.confidence)
        )


def _acts(phenomenon: str, study: Study) -> str:
    verify, time = study.programming.verify, study.options("window").time
    if phenomenon == "programming":
        return f"verify, up to {verify.attempts} pulses" if verify else "one pulse"
    if phenomenon == "relaxation":
        return f"for {duration(time)}" if time else "does not act: no time passes"
    return "as on the card" if phenomenon == "defects" else "does not act"


def _interval(answer: dict[str, Any], row: Row, at: dict[str, float]) -> tuple[float, float]:
    return answer["window"]["best"]["low"], answer["window"]["best"]["high"]


CHAPTER = Chapter(
    sections=_sections,
    statement=_statement,
    lines=_lines,
    key_figures=_key_figures,
    method=_method,
    intervals=_intervals,
    acts=_acts,
    interval=_interval,
    limits={"bit_error_rate": LimitWords("bit-error rate at the best condition", rate_text)},
)
