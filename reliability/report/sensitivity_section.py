"""What the accuracy depends on most: a tornado of the factors of a study, or of drawn cards."""

from collections.abc import Iterator

import numpy as np
import xarray as xr
from scipy import stats

from reliability.campaign.selection import at_age
from reliability.campaign.spec import Study
from reliability.campaign.summary import explained
from reliability.report import figures as draw
from reliability.report.method import acts_on_network
from reliability.report.page import Figure, Section, canvas, svg
from reliability.report.points import Results
from reliability.report.words import age_title, of_age, percent
from reliability.statistics.means import mean_interval
from reliability.technology import Technology

_SHOWN = 12  # parameters of a card


def factor_effects(study: Study, grid: xr.Dataset) -> xr.Dataset:
    """Change of the mean accuracy when one factor moves and the others stay as the card has them.

    Parameters
    ----------
    study : Study
        With a sensitivity grid.
    grid : Dataset
        ``accuracy`` (combination, chip) with the factors as coordinates of ``combination``.

    Returns
    -------
    Dataset
        ``change``, ``low`` and ``high`` over (factor, side): mean over the same chips at the level
        of a factor that gives the lowest and the highest accuracy, less that of the card, with
        its paired Student-t interval; ``level`` that gives it. Factors with the widest range last.
    """
    assert study.sensitivity is not None
    card = {f.name: _card_level(f.scale, f.levels) for f in study.sensitivity.factor}
    base = _chips(grid, card)
    rows = []
    for factor in study.sensitivity.factor:
        found = []
        for level in factor.levels:
            difference = _chips(grid, card | {factor.name: level}) - base
            found.append((*mean_interval(difference, study.confidence), level))
        found.sort()
        rows.append((factor.label, found[0], found[-1]))
    rows.sort(key=lambda row: row[2][0] - row[1][0])
    table = np.array([[low, high] for _, low, high in rows])  # (factor, side, number)
    return xr.Dataset(
        {
            name: (("factor", "side"), table[:, :, k])
            for k, name in enumerate(("change", "low", "high", "level"))
        },
        coords={"factor": [row[0] for row in rows], "side": ["lowest", "highest"]},
    )


def _card_level(scale: tuple[float, ...], levels: tuple[float, ...]) -> float:
    """The card's own level of a factor: scale 1, or the lowest of a factor that is set."""
    return 1.0 if 1.0 in scale else min(levels)


def _chips(grid: xr.Dataset, levels: dict[str, float]) -> np.ndarray:
    here = np.ones(grid.sizes["combination"], dtype=bool)
    for name, level in levels.items():
        here &= grid[name].values == level
    return grid["accuracy"].isel(combination=here).transpose("combination", "chip").values[0]


def parameter_correlations(
    study: Study, technology: Technology, draws: xr.DataArray
) -> xr.Dataset | None:
    """Rank correlation of each uncertain parameter that acts with the accuracy of drawn cards.

    Parameters
    ----------
    study : Study
    technology : Technology
        That the cards were drawn from.
    draws : DataArray (draw, chip)
        Accuracy of the chips of each drawn card.

    Returns
    -------
    Dataset or None
        ``correlation`` (Spearman), ``low``, ``high`` (Fisher's z with the variance
        1.06/(n - 3) [1]_) over ``parameter``, the strongest last; the attribute ``by_chance`` is
        the largest that one of so many parameters reaches in one study of 20 if none matters.
        None with fewer than 8 draws.

    References
    ----------
    .. [1] E. C. Fieller, H. O. Hartley, E. S. Pearson, Biometrika 44, 470 (1957),
       doi:10.1093/biomet/44.3-4.470.
    """
    accuracy = draws.mean("chip").values
    n = accuracy.size
    if n < 8 or np.ptp(accuracy) == 0:
        return None
    cards = [technology.drawn(study.seed, int(k)) for k in draws["draw"].values]
    names, found = [], []
    for name in technology:
        if not acts_on_network(name.split(".")[0], study):
            continue
        values = np.array([card[name] for card in cards])
        if np.ptp(values) > 0:
            names.append(name)
            found.append(float(stats.spearmanr(values, accuracy).statistic))
    rho = np.array(found)
    half = stats.norm.ppf(0.5 + study.confidence / 2) * np.sqrt(1.06 / (n - 3))
    centre = np.arctanh(np.clip(rho, -1 + 1e-12, 1 - 1e-12))
    order = np.argsort(np.abs(rho))[-_SHOWN:]
    # two-sided, for the largest of all parameters
    t = stats.t.ppf(1 - (1 - 0.95 ** (1 / len(names))) / 2, n - 2)
    return xr.Dataset(
        {
            "correlation": ("parameter", rho[order]),
            # a correlation of 1 is an end of its own interval
            "low": ("parameter", np.minimum(np.tanh(centre - half), rho)[order]),
            "high": ("parameter", np.maximum(np.tanh(centre + half), rho)[order]),
        },
        coords={"parameter": np.array(names)[order]},
        attrs={"by_chance": float(t / np.sqrt(n - 2 + t**2)), "parameters": len(names), "draws": n},
    )


def sensitivity_section(
    study: Study, technology: Technology, results: Results
) -> Iterator[Section]:
    """Yield what the accuracy depends on, if the study has a grid of factors or drawn cards."""
    if "accuracy" not in study.outputs or study.sweep:
        return
    figures = [*_tornado_figures(study, technology, results)]
    if study.sensitivity:
        figures += _grid_figures(study, results["sensitivity"])
    if figures:
        yield Section("sensitivity", "Sensitivity", (), figures)


def _tornado_figures(study: Study, technology: Technology, results: Results) -> Iterator[Figure]:
    if study.sensitivity:
        settings = study.sensitivity
        effects = factor_effects(study, results["sensitivity"].load())
        age = {"time": settings.time, "temperature": settings.temperature}
        with canvas(8.6, 1.6 + 0.5 * effects.sizes["factor"]) as (figure, axes):
            draw.tornado(effects, axes.flat[0])
            yield Figure(
                "tornado",
                "Tornado of the factors",
                "Each factor at its worst and its best level (numbers), the others as the card has "
                f"them, against the card: mean over the same {settings.chips} chips with its "
                f"{percent(study.confidence, 0)} interval (bars), {of_age(age)}.",
                svg(figure, "Change of the accuracy for each factor, widest range on top"),
            )
    if "draws" in results:
        end = study.stress.end
        found = parameter_correlations(
            study, technology, at_age(results["draws"]["accuracy"], end).load()
        )
        if found is None:
            return
        with canvas(8.6, 1.2 + 0.32 * found.sizes["parameter"]) as (figure, axes):
            draw.correlation_bars(found, axes.flat[0])
            yield Figure(
                "parameters-tornado",
                "Which uncertain parameter moves the answer",
                f"Spearman correlation over {found.attrs['draws']} drawn cards, {of_age(end)}; "
                f"bars are {percent(study.confidence, 0)} intervals. Beyond the dashed lines "
                f"chance alone puts one of the {found.attrs['parameters']} uncertain parameters "
                "that act in one study of 20.",
                svg(figure, "Rank correlation of the parameters with the accuracy"),
            )


def _grid_figures(study: Study, grid: xr.Dataset) -> Iterator[Figure]:
    settings = study.sensitivity
    assert settings is not None
    names = [factor.name for factor in settings.factor]
    card = {f.name: _card_level(f.scale, f.levels) for f in settings.factor}
    panels: list[tuple[str, str | None]] = [(names[0], names[1] if len(names) > 1 else None)]
    panels += [(name, None) for name in names[2:]]
    age = {"time": settings.time, "temperature": settings.temperature}
    with canvas(4.0 * len(panels), 4.0, 1, len(panels), sharey=True) as (figure, axes):
        for ax, (factor, lines) in zip(axes.flat, panels, strict=True):
            fixed = {k: v for k, v in card.items() if k not in (factor, lines)}
            draw.accuracy_against_factor(
                grid, ax, factor=factor, lines=lines, fixed=fixed, measured=settings.measured
            )
        for ax in axes.flat[1:]:
            ax.set_ylabel("")
        levels = ", ".join(f"{name} {level:g}" for name, level in card.items())
        yield Figure(
            "factors",
            "What costs accuracy",
            f"Each factor alone, the others as the card has them ({levels}). Mean and 5 to 95 % of "
            f"{settings.chips} chips on {settings.images} images. {age_title(age)}.",
            svg(figure, "Accuracy against each factor"),
        )
    half = (len(names) + 1) // 2
    if len(names) < 2:
        return
    with canvas(10.5, 6.4) as (figure, axes):
        draw.sensitivity_matrix(
            grid, explained(grid, study), axes.flat[0], rows=names[:half], columns=names[half:]
        )
        yield Figure(
            "combinations",
            f"Which combinations explain {percent(settings.measured, 0)}",
            "Mean accuracy (%) of every combination. Framed: one chip measured at "
            f"{percent(settings.measured, 0)} lies inside the {percent(study.confidence, 0)} "
            "prediction interval of a chip there (spread from chip to chip, simulation and image "
            "error included).",
            svg(figure, "Matrix of accuracy over all combinations of factors"),
        )
