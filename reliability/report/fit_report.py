"""The check of a fitted card as one self-contained HTML file."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Canvas
from numpy.typing import NDArray

from reliability.characterization import simulated_cells
from reliability.characterization.misfit import LevelErrors, level_errors
from reliability.report import figures as draw
from reliability.report.page import (
    Figure,
    KeyFigure,
    Report,
    Section,
    Table,
    canvas,
    numbers_of,
    svg,
)
from reliability.report.provenance import confidence_text, parameter_tables, provenance_section
from reliability.report.render import save_report
from reliability.report.words import percent
from reliability.technology import Technology
from reliability.units import duration, engineering, grouped

_KEPT = ("draws", "seed", "reliability_version")
_ROOM = 323.0  # K; hotter statistics are those of bakes
_FEW = 60  # statistics that one axis can name


def write_fit_report(
    card: Technology,
    check: xr.Dataset,
    path: str | Path,
    not_identifiable: Sequence[str] = (),
    *,
    data: Sequence[xr.Dataset] = (),
    command: str = "",
    formats: Sequence[str] = ("html",),
    template: str = "full",
    networks: Sequence[xr.Dataset] = (),
) -> Path:
    """Write what was fitted, how sure it is, and how far simulated cells are from measured ones.

    Parameters
    ----------
    card : Technology
    check : Dataset
        From `reliability.posterior_predictive`.
    path : str or Path
        HTML file to write.
    not_identifiable : sequence of str
        What the data do not identify.
    data : sequence of Dataset
        The measurements: their names and hashes are stated, their cells drawn beside simulated
        ones.
    command : str
        Command line that makes the report.
    formats : sequence of {"html", "pdf"}
    template : str
        As `reliability.report.render.save_report` takes it.
    networks : sequence of Dataset
        Of `reliability.compare_cells`: a network on the measured and on the modelled cells.

    Returns
    -------
    Path
    """
    told = check.attrs
    sure = percent(told["confidence"], 0)
    answer = (
        f"{check.sizes['statistic']} statistics of the measured cells were compared with "
        f"{told['draws']} simulations of the same experiment, each on a card drawn from the "
        f"uncertainty of the fit. {percent(told['outside'], 0)} lie outside their {sure} interval; "
        f"a right model leaves out {percent(1 - told['confidence'], 0)}."
    )
    errors = level_errors(check)
    distance = _distance(told, errors)
    fitted = [k for k, p in card.parameters.items() if p.confidence == "fitted"]
    others = [k for k in card.parameters if k not in fitted]
    sections = [
        Section("check", "Posterior predictive check", distance, figures=list(_figures(check))),
    ]
    plots = list(cell_figures(card, check, data))
    if plots:
        sections.append(Section("cells", "Measured and simulated cells", figures=plots))
    if errors:
        sections.append(_errors_section(errors, sure))
    if networks:
        sections.append(_networks_section(networks))
    if not_identifiable:
        sections.append(
            Section("not-identifiable", "Not identifiable from the data", points=not_identifiable)
        )
    sections += [
        Section("assumptions", "Parameters", (confidence_text(card),),
                tables=parameter_tables(card, names=(*fitted, *others))),
        provenance_section(
            {f"card {card.name}, SHA-256": card.fingerprint}
            | {f"data {one.attrs['source']}, SHA-256": one.attrs["source_sha256"] for one in data}
            | {key: str(told[key]) for key in _KEPT if key in told}
            | ({"command": command} if command else {})
        ),
    ]  # fmt: skip
    report = Report(
        card.title or card.name, f"How well does the card {card.name} describe the measured cells?",
        [answer, *distance, *filter(None, [card.description])], sections,
        [*_key_figures(told), KeyFigure("outside the interval", percent(told["outside"], 0),
                   f"{percent(1 - told['confidence'], 0)} expected",
                   f"of {check.sizes['statistic']} statistics"),
         KeyFigure("parameters fitted", f"{len(fitted)}", "", f"of {len(card.parameters)}")],
    )  # fmt: skip
    return save_report(report, Path(path), formats, template)


def _distance(told: Mapping[str, Any], errors: Sequence[LevelErrors]) -> list[str]:
    """Say how far simulated cells are from measured ones."""
    said = []
    if verdict := told.get("verdict", ""):
        said.append(f"The model is {told['misfit']}. {_sentence(verdict)}")
    if errors:
        said.append(_sentence(str(max(errors, key=lambda one: one.measured))))
    return said


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _errors_section(errors: Sequence[LevelErrors], sure: str) -> Section:
    """Set the fraction of cells out of their level beside that of simulated cells."""
    rows = [
        [one.condition, grouped(one.cells), percent(one.measured, 2), percent(one.modelled, 2),
         f"{percent(one.low, 2)} to {percent(one.high, 2)}", one.misfit]
        for one in errors
    ]  # fmt: skip
    text = (
        "A cell is out of its level when its read lies beyond the border to the next level: the "
        "middle between the 99 % quantile of one level as programmed and the 1 % quantile of the "
        "next, for each write of the cells. Simulated cells have the borders of the measured ones. "
        f"Modelled: on the nominal card; the {sure} interval is that of simulations on cards "
        "sampled from the uncertainty of the fit."
    )
    table = Table(
        "level-errors-table", "Level errors, measured and modelled",
        "Fraction of the cells of all levels that are read as another level.",
        ["after", "cells", "measured", "modelled", f"{sure} interval", "misfit"], rows,
    )  # fmt: skip
    return Section("level-errors", "Level errors", (text,), tables=(table,))


def _networks_section(networks: Sequence[xr.Dataset]) -> Section:
    """Set the accuracy of a network on measured cells beside that on cells of the card."""
    first = networks[0].attrs
    rows, notes = [], []
    for one in networks:
        notes += [f"{note}." for note in one.attrs["warnings"]]
        for k in range(one.sizes["condition"]):
            at = one.isel(condition=k)
            hours, kelvin = float(at["time"]), float(at["temperature"])
            off, low, high = (f"{round(100 * float(at[name]), 1) + 0.0:+.1f}".replace("-", "−")
                              for name in ("difference", "low", "high"))  # fmt: skip
            rows.append([
                one.attrs["source"],
                f"{duration(hours)} at {engineering(kelvin, 'K')}" if hours else "as programmed",
                percent(float(at["measured"])), percent(float(at["modelled"])), off,
                f"{low} to {high}",
            ])  # fmt: skip
    sure = percent(first["confidence"], 0)
    text = (
        f"The network {first['network']} classified {grouped(first['images'])} test images on "
        f"{first['chips']} chips of the measured cells, drawn with replacement with their whole "
        f"trajectories, and on {first['chips']} chips of the card's cells. The {sure} interval of "
        "the difference includes the finite number of measured cells (bootstrap) and of chips."
    )
    table = Table(
        "networks-table", "Accuracy on measured and on modelled cells",
        "Difference in percentage points, modelled less measured.",
        ["file", "condition", "measured cells", "modelled cells", "difference", f"{sure} interval"],
        rows,
    )  # fmt: skip
    return Section("networks", "Network accuracy on measured and modelled cells",
                   (text,), tables=(table,), points=list(dict.fromkeys(notes)))  # fmt: skip


def _key_figures(told: Mapping[str, Any]) -> list[KeyFigure]:
    found = []
    if "quantile_error" in told:
        of_levels = told["quantile_error"] != told["quantile_error_relative"]
        size = percent(told["quantile_error_relative"], 1)
        value = engineering(told["quantile_error"], "S", 2) if of_levels else size
        found.append(KeyFigure("5 and 95 % quantiles off by", value, size if of_levels else "",
                               "median over levels and times"))  # fmt: skip
    if "tail_error_factor" in told:
        found.append(KeyFigure("error rates of 1 % within", f"× {told['tail_error_factor']:.2g}",
                               "1 expected", "median factor, simulated to measured"))  # fmt: skip
    return found


def cell_figures(
    card: Technology, check: xr.Dataset, data: Sequence[xr.Dataset]
) -> Iterator[Figure]:
    """Yield what a reliability engineer looks at first: measured and simulated cells of levels."""
    if not data or "detail_level" not in check or not np.isfinite(check["detail_level"]).any():
        return
    cells = simulated_cells(data, card)
    if not cells:
        return
    level = np.unique(cells["level"].values[np.isfinite(cells["level"].values)])
    chosen = np.unique(
        level[np.linspace(0, len(level) - 1, min(5, len(level))).round().astype(int)]
    )
    yield from _paper(cells, chosen)
    yield from _over_time(cells, check, chosen)


def _paper(cells: xr.Dataset, chosen: NDArray[Any]) -> Iterator[Figure]:
    aged = cells["time"].values > 0
    kelvin = np.unique(cells["temperature"].values[aged])
    with canvas(4.3 * min(len(kelvin), 3), 3.7 * -(-len(kelvin) // 3), -(-len(kelvin) // 3),
                min(len(kelvin), 3)) as (figure, axes):  # fmt: skip
        for ax, one in zip(axes.flat, kelvin, strict=False):
            own = aged & (cells["temperature"].values == one)
            last = cells["time"].values[own].max()
            own &= cells["time"].values == last
            part = cells.isel(read=np.flatnonzero(own))
            draw.changes_on_probability_paper(part, ax, levels=chosen)
            ax.set_title(f"{engineering(float(last), 's')} at {one - 273.15:.0f} °C", fontsize=10)
        for ax in list(axes.flat)[len(kelvin) :]:
            ax.set_axis_off()
        title = "Changes since programming on normal probability paper"
        caption = (
            "Points: measured. Lines: the same number of cells simulated on the nominal card. One "
            "panel per temperature, the last read of each."
        )
        yield Figure("paper", title, caption, svg(figure, title))


def _over_time(cells: xr.Dataset, check: xr.Dataset, chosen: NDArray[Any]) -> Iterator[Figure]:
    cold = check["detail_temperature"].values <= _ROOM
    part = check.isel(detail=cold)
    times = np.unique(part["detail_time"].values[part["detail_time"].values > 0])
    if len(times) < 2:
        return
    shown = chosen[:: max(len(chosen) // 3, 1)][:3]
    with canvas(4.3 * len(shown), 3.7, 1, len(shown)) as (figure, axes):
        for ax, level in zip(axes.flat, shown, strict=True):
            draw.quantiles_over_time(part, ax, level=float(level))
        title = "Quantiles of the change over time"
        caption = "Points: measured. Bands: 90 % of the simulations. 1, 5, 50, 95 and 99 %."
        yield Figure("quantiles", title, caption, svg(figure, title))
    near = np.isclose(cells["level"].values, chosen[len(chosen) // 2])
    own = cells.isel(read=np.flatnonzero(near & (cells["temperature"].values <= _ROOM)))
    if not own.sizes["read"]:
        return
    with canvas(8.6, 3.7, 1, 2) as (figure, axes):
        for ax, name in zip(axes.flat, ("measured", "simulated"), strict=True):
            draw.cells_over_time(own, ax, name=name)
        low = min(ax.get_ylim()[0] for ax in axes.flat)
        high = max(ax.get_ylim()[1] for ax in axes.flat)
        for ax in axes.flat:
            ax.set_ylim(low, high)
        title = (
            f"Single cells of level {engineering(float(chosen[len(chosen) // 2]), 'S')} over time"
        )
        yield Figure("single", title, "Twelve cells each.", svg(figure, title))


def _figures(check: xr.Dataset) -> Iterator[Figure]:
    sure = percent(check.attrs["confidence"], 0)
    caption = f"Points: measured. Bands: {sure} of the simulations."

    def drawn(title: str, figure: Canvas, part: xr.Dataset) -> Figure:
        anchor = "".join(c if c.isalnum() else "-" for c in title.lower())
        alt = f"{title}: measured and simulated"
        return Figure(anchor, title, caption, svg(figure, alt), numbers_of(part.reset_coords()))

    level = np.isfinite(check["level"].values)
    baked = check["temperature"].values > _ROOM
    aged = (check["time"].values > 0) | (check["reads"].values > 0)
    for title, use in (
        ("Levels after programming", level & ~baked & aged),
        ("Levels after bakes", level & baked & aged),
        *(
            (f"States at {engineering(t, 'K')}", ~level & aged & (check["temperature"].values == t))
            for t in np.unique(check["temperature"].values[~level & aged])
        ),
    ):
        part = check.isel(statistic=use)
        known = [q for q in ("mean", "sigma", "correlation") if (part["quantity"] == q).any()]
        if not known:
            continue
        with canvas(4.3 * len(known), 3.7, 1, len(known)) as (figure, axes):
            for ax, quantity in zip(axes.flat, known, strict=True):
                draw.predictive_check(part, ax, quantity=quantity)
            yield drawn(title, figure, part)
    rest = check.isel(statistic=~level & ~aged)
    if 0 < rest.sizes["statistic"] <= _FEW:
        with canvas(7.0, 1.2 + 0.24 * rest.sizes["statistic"]) as (figure, axes):
            draw.predictive_intervals(rest, axes.flat[0])
            yield drawn("States as programmed", figure, rest)
