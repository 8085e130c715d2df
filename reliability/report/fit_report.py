"""The check of a fitted card as one self-contained HTML file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure as Canvas

from reliability.report import figures as draw
from reliability.report.page import Figure, KeyFigure, Report, Section, canvas, numbers_of, svg
from reliability.report.provenance import confidence_text, parameter_tables, provenance_section
from reliability.report.render import save_report
from reliability.report.words import percent
from reliability.technology import Technology
from reliability.units import engineering

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
) -> Path:
    """Write what was fitted, how sure it is, and whether the card makes the data again.

    Parameters
    ----------
    card : Technology
    check : Dataset
        From `reliability.posterior_predictive`.
    path : str or Path
        HTML file to write.
    not_identifiable : sequence of str
        What the data cannot tell.
    data : sequence of Dataset
        The measurements, whose names and hashes are told.
    command : str
        That makes it again.
    formats : sequence of {"html", "pdf"}
    template : str
        As `reliability.report.render.save_report` takes it.

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
    fitted = [k for k, p in card.parameters.items() if p.confidence == "fitted"]
    others = [k for k in card.parameters if k not in fitted]
    sections = [
        Section("check", "Does the card make the data again?", figures=list(_figures(check))),
    ]
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
        card.title or card.name, f"Measured cells to the card {card.name}.",
        [answer, *filter(None, [card.description])], sections,
        [KeyFigure("outside the interval", percent(told["outside"], 0),
                   f"{percent(1 - told['confidence'], 0)} expected",
                   f"of {check.sizes['statistic']} statistics"),
         KeyFigure("parameters fitted", f"{len(fitted)}", "", f"of {len(card.parameters)}")],
    )  # fmt: skip
    return save_report(report, Path(path), formats, template)


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
