"""What the accuracy depends on most: a tornado of the factors of a study, or of sampled cards."""

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr

from reliability.campaign.accuracy_interval import explained
from reliability.campaign.metric_words import metric_name
from reliability.campaign.selection import at_age
from reliability.campaign.spec import Study
from reliability.report import figures as draw
from reliability.report.figures.accuracy_figures import bands_of_chips
from reliability.report.page import Figure, canvas, numbers_of, svg
from reliability.report.points import Finished
from reliability.report.words import age_title, counted, of_age, percent
from reliability.statistics.information import correlation_by_chance, rank_correlation
from reliability.statistics.means import mean_interval
from reliability.technology import Technology

_SHOWN = 12  # parameters of a card


def factor_effects(study: Study, grid: xr.Dataset) -> xr.Dataset:
    """Change of the mean accuracy when one factor moves and the others stay nominal.

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
    study: Study,
    technology: Technology,
    draws: xr.DataArray,
    acts: Callable[[str], bool] = lambda _: True,
) -> xr.Dataset | None:
    """Rank correlation of each uncertain parameter that acts with the accuracy of drawn cards.

    Parameters
    ----------
    study : Study
    technology : Technology
        That the cards were drawn from.
    draws : DataArray (draw, chip)
        Accuracy of the chips of each sampled card.
    acts : callable, optional
        Whether the parameters of a section of the card can move the accuracy.

    Returns
    -------
    Dataset or None
        ``correlation``, ``low``, ``high`` (`rank_correlation`) over ``parameter``, the strongest
        last; the attribute ``by_chance`` is the largest that one of so many parameters reaches in
        one study of 20 if none matters. None with fewer than 8 draws.
    """
    accuracy = draws.mean("chip").values
    n = accuracy.size
    if n < 8 or np.ptp(accuracy) == 0:
        return None
    cards = [technology.drawn(study.seed, int(k)) for k in draws["draw"].values]
    names, found = [], []
    for name in technology:
        if not acts(name.split(".")[0]):
            continue
        values = np.array([card[name] for card in cards])
        if np.ptp(values) > 0:
            names.append(name)
            found.append(rank_correlation(values, accuracy, study.confidence))
    rho, low, high = np.array(found).reshape(-1, 3).T
    order = np.argsort(np.abs(rho))[-_SHOWN:]
    return xr.Dataset(
        {
            "correlation": ("parameter", rho[order]),
            "low": ("parameter", low[order]),
            "high": ("parameter", high[order]),
        },
        coords={"parameter": np.array(names)[order]},
        attrs={
            "by_chance": correlation_by_chance(n, len(names)),
            "parameters": len(names),
            "draws": n,
        },
    )


def sensitivity_figures(finished: Finished, acts: Callable[[str], bool]) -> Iterator[Figure]:
    """Yield what the accuracy depends on: factors of the study's grid, parameters of its card."""
    study, results = finished.study, finished.results
    if study.sensitivity:
        yield _tornado(study, results["sensitivity"].load())
    if "draws" in results:
        yield from _parameters(study, results["draws"]["accuracy"], acts)
    if study.sensitivity:
        yield from _grid_figures(study, results["sensitivity"])


def _tornado(study: Study, grid: xr.Dataset) -> Figure:
    settings = study.sensitivity
    assert settings is not None
    effects = factor_effects(study, grid)
    when = of_age({"time": settings.time, "temperature": settings.temperature})
    with canvas(8.6, 1.6 + 0.5 * effects.sizes["factor"]) as (figure, axes):
        draw.tornado(effects, axes.flat[0])
        return Figure(
            "tornado",
            "Tornado chart of the factors",
            "Each factor at its worst and its best level (numbers), the others nominal, compared "
            f"with the nominal card: mean over the same {counted(settings.chips, 'chip')} with "
            f"its {percent(study.confidence, 0)} interval (bars), {when}.",
            svg(figure, "Change of the accuracy for each factor, widest range on top"),
            numbers_of(effects),
        )


def _parameters(
    study: Study, accuracy: xr.DataArray, acts: Callable[[str], bool]
) -> Iterator[Figure]:
    end = study.stress.end
    draws = at_age(accuracy, end).load()
    found = parameter_correlations(study, study.load_technology(), draws, acts)
    if found is None:
        return
    with canvas(8.6, 1.2 + 0.32 * found.sizes["parameter"]) as (figure, axes):
        draw.correlation_bars(found, axes.flat[0])
        yield Figure(
            "parameters-tornado",
            "Influence of uncertain parameters",
            f"Spearman correlation of a parameter with the {metric_name(study)} over "
            f"{found.attrs['draws']} sampled cards, {of_age(end)}; bars are "
            f"{percent(study.confidence, 0)} intervals. Dashed lines: exceeded by chance by one of "
            f"the {found.attrs['parameters']} uncertain parameters in one study of 20.",
            svg(figure, f"Rank correlation of the parameters with the {metric_name(study)}"),
            numbers_of(found),
        )


def _means(study: Study, grid: xr.Dataset) -> xr.Dataset:
    """Return the mean accuracy at each combination, with the levels of its factors."""
    bands = bands_of_chips(grid["accuracy"].load())
    return bands.assign(consistent=explained(grid, study)).reset_coords()


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
            "Accuracy against each factor",
            f"Each factor alone, the others nominal ({levels}). Mean and 5 to 95 % of "
            f"{counted(settings.chips, 'chip')} on {counted(settings.images, 'image')}. "
            f"{age_title(age)}.",
            svg(figure, "Accuracy against each factor"),
            numbers_of(_means(study, grid)),
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
            f"Combinations consistent with the measured {percent(settings.measured, 0)}",
            "Mean accuracy (%) of every combination. Framed: one chip measured at "
            f"{percent(settings.measured, 0)} lies inside the {percent(study.confidence, 0)} "
            "prediction interval of a chip there (chip-to-chip variability, finite chips and "
            "finite images).",
            svg(figure, "Matrix of accuracy over all combinations of factors"),
            numbers_of(_means(study, grid)),
        )
