"""The check of a fitted card as one self-contained HTML file."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from reliability.files import replace_text
from reliability.report import figures as draw
from reliability.report.document import parameter_row
from reliability.report.page import canvas, environment, svg
from reliability.technology import Technology
from reliability.units import engineering

_ROOM = 323.0  # K; hotter statistics are those of bakes
_FEW = 60  # statistics that one axis can name


def write_fit_report(
    card: Technology, check: xr.Dataset, path: str | Path, untold: Sequence[str] = ()
) -> Path:
    """Write what was fitted, how sure it is, and whether the card makes the data again.

    Parameters
    ----------
    card : Technology
    check : Dataset
        From `reliability.posterior_predictive`.
    path : str or Path
        HTML file to write.
    untold : sequence of str
        What the data cannot tell.

    Returns
    -------
    Path
    """
    path = Path(path)
    fitted = [k for k, p in card.parameters.items() if p.confidence == "fitted"]
    others = [k for k in card.parameters if k not in fitted]
    text = environment().get_template("fit.html").render(
        card=card,
        check=check.attrs,
        statistics=check.sizes["statistic"],
        untold=untold,
        figures=[(title, svg(figure, title)) for title, figure in _figures(check)],
        parameters=[parameter_row(k, card.parameters[k]) for k in (*fitted, *others)],
    )  # fmt: skip
    replace_text(path, text)
    return path


def _figures(check: xr.Dataset) -> Iterator[tuple[str, Figure]]:
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
            yield title, figure
    rest = check.isel(statistic=~level & ~aged)
    if 0 < rest.sizes["statistic"] <= _FEW:
        with canvas(7.0, 1.2 + 0.24 * rest.sizes["statistic"]) as (figure, axes):
            draw.predictive_intervals(rest, axes.flat[0])
            yield "States as programmed", figure
