"""From measured Datasets to a card: every phenomenon that the data hold, and no other."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import chain
from typing import Literal

import xarray as xr

from reliability.characterization import (
    cycles,
    endurance,
    gate,
    level_relaxation,
    noise,
    programming,
    read_disturb,
    relaxation,
    retention,
    states_over_cycles,
    wear,
    write_methods,
)
from reliability.characterization import target as leveling
from reliability.characterization.card_values import rounded, with_defaults
from reliability.characterization.estimates import Fit, assumed
from reliability.characterization.first_read import reads_with_levels
from reliability.characterization.read_table import Reads
from reliability.errors import InputError
from reliability.technology import STATES, Parameter, Technology
from reliability.technology.card import without
from reliability.units import quantity

# What no measurement of cells says and every card needs.
_GEOMETRY = "a 200 mm wafer with 10 mm reticle fields; the data say nothing of the wafer"
_READ = "low enough not to disturb; the data say nothing of the read voltage"
_REQUIRED: dict[str, tuple[float, str]] = {
    "wafer.diameter": (0.2, _GEOMETRY),
    "wafer.edge_exclusion": (5e-3, _GEOMETRY),
    "wafer.die_width": (1e-2, _GEOMETRY),
    "wafer.die_height": (1e-2, _GEOMETRY),
    "read.voltage": (0.2, _READ),
}


def characterize(
    datasets: xr.Dataset | Sequence[xr.Dataset],
    *,
    name: str,
    title: str = "",
    memory: str = "OxRAM",
    base: Technology | None = None,
    maximum: float | str | None = None,
    level_from: Literal["first"] | None = None,
    seed: int = 0,
) -> Technology:
    """Make a technology card from measured cells.

    Parameters
    ----------
    datasets : Dataset or sequence of Dataset
        From `reliability.read_measurements`, of one technology.
    name, title, memory : str
        Of the card.
    base : Technology, optional
        Gives what the data do not hold; each such value keeps its own source and confidence.
    maximum : float or str, optional
        G_max as designed, S, of files that number their levels.
    level_from : "first", optional
        Take the state or the level of cells from their first read, where a file says neither.
    seed : int
        Of the bootstrap over cells.

    Returns
    -------
    Technology
        Every fitted value with its sigma, source and confidence ``fitted``, the correlation of what
        was fitted together, and the conditions that the data covered as valid ranges. What a card
        needs and neither the data nor the base has is ``assumed`` and says so.

    Raises
    ------
    InputError
        Nothing in the data that can be fitted, or too few cells.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> rng = np.random.default_rng(1)
    >>> g = 1e-5 * np.arange(1, 5) + rng.normal(0, 5e-7, (50, 4))
    >>> data = xr.Dataset(
    ...     {"conductance": ("cell", g.ravel())},
    ...     coords={"target": ("cell", np.tile(1e-5 * np.arange(1, 5), 50)), "time": 0.0})
    >>> card = characterize(data, name="mine")
    >>> 4e-7 < card["programming.target.error_0"] < 6e-7
    True
    """
    fits = fit_phenomena(datasets, maximum=maximum, base=base, level_from=level_from, seed=seed)
    return card_of(fits, name=name, title=title, memory=memory, base=base)


def fit_phenomena(
    datasets: xr.Dataset | Sequence[xr.Dataset],
    *,
    maximum: float | str | None = None,
    base: Technology | None = None,
    level_from: Literal["first"] | None = None,
    seed: int = 0,
    progress: Callable[[str], None] = lambda name: None,
) -> list[Fit]:
    """Fit every phenomenon that the data hold (parameters as for `characterize`).

    ``progress`` is called with the name of each fit that is done.
    """
    given = [datasets] if isinstance(datasets, xr.Dataset) else list(datasets)
    if not given:
        raise InputError("datasets: got none")
    sweeps = [gate.sweep_of(dataset) for dataset in given if gate.is_sweep(dataset)]
    writes = [dataset for dataset in given if write_methods.is_writes(dataset)]
    reads = reads_with_levels([d for d in given if not write_methods.is_writes(d)], level_from)
    noisy = [one for one in reads if noise.can_fit(one)]
    others = [one for one in reads if not noise.can_fit(one)]
    diameter = _REQUIRED["wafer.diameter"][0]
    if base is not None:
        diameter = base.get("wafer.diameter", diameter)
    edge = 1e3 * diameter / 2
    fits = []
    for fit in chain(
        _of_levels(others, maximum, base, seed),
        _of_states(others, edge, seed),
        (noise.fit_noise(one) for one in noisy),
        (gate.fit_gate(one, seed) for one in sweeps),
        (write_methods.fit_writes(one, _onset(base)) for one in writes),
    ):
        fits.append(with_defaults(fit, reads))
        progress(fit.name)
    if all(fit.name == "target_range" for fit in fits):
        found = "; ".join(one.source for one in reads)
        raise InputError(f"nothing that can be fitted in {found}")
    names = [fit.name for fit in fits]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"{name}: more than one file tells it; put them into one")
    return fits


def _onset(base: Technology | None) -> float:
    return wear.ONSET if base is None else float(base.get("wear.onset", wear.ONSET))


def _of_states(every: Sequence[Reads], edge: float, seed: int) -> Iterator[Fit]:
    """Fit what cells of two states tell; the file with most cells gives their programming."""
    reads, worn = wear.apart(every)
    able = sorted((one for one in reads if programming.can_fit(one)), key=lambda one: -one.cells)
    shapes = programming.shapes_of(able[0], seed) if able else {}
    cycled = None
    for one in reads:
        if cycles.can_fit(one):
            cycled = cycles.fit_cycles(one, seed, {s: each.deviation for s, each in shapes.items()})
            yield cycled
    if able:
        if cycled is not None and shapes:
            shapes = programming.refit(able[0], shapes, cycled, seed)
        own = cycled if cycles.can_fit(able[0]) else None
        of_states = [programming.fit_state(able[0], s, edge, shapes.get(s), own) for s in STATES]
        yield from of_states
        together = programming.fit_correlation(able[0], shapes, of_states, seed)
        if together is not None:
            yield together
    for one in reads:
        if relaxation.can_fit(one):
            yield relaxation.fit_relaxation(one, seed)
        if retention.can_fit(one):
            yield retention.fit_retention(one)
        for state in read_disturb.disturbed_states(one):
            yield read_disturb.fit_read_disturb(one, state)
        if states_over_cycles.can_fit(one):
            changed = states_over_cycles.fit_states(one)
            if changed is not None:
                yield changed
        lives = endurance.failures(one)
        if endurance.enough(lives):
            yield endurance.fit_endurance(one, lives)
    if worn and (links := wear.fit_relaxed_states(reads, worn)) is not None:
        yield links


def _of_levels(
    every: Sequence[Reads],
    maximum: float | str | None,
    base: Technology | None,
    seed: int,
) -> Iterator[Fit]:
    reads, worn = wear.apart(every)
    named = [one for one in reads if one.table["target"].notna().any()]
    baked = [
        one
        for one in reads
        if one.table["target"].isna().all() and (one.table["state"] == "").all() and one.has("time")
    ]
    if not named:
        if baked:
            raise InputError(
                f"{baked[0].source.split(' (')[0]}: says neither state nor level of its cells, and "
                "no other file does; add a column state (LRS, HRS) or target, say it for all cells "
                "as in FILE@state=LRS, take it from the first read with --level-from first "
                "(level_from), or fit it together with a file of their levels"
            )
        return
    known = _known_maximum(maximum, base)
    top = None if known is None else known.value
    found = leveling.find_levels(named, top)
    stated = [one for one in named if not one.is_from_first_read]
    fit = (
        leveling.fit_programming(stated, found, seed) if stated else leveling.range_of(named, found)
    )
    ends = {} if known is None else {"target.maximum": known}
    yield replace(fit, parameters=dict(fit.parameters) | ends)
    relaxed = [one for one in (*named, *baked) if level_relaxation.can_fit(one)]
    if relaxed:
        fresh = level_relaxation.fit_relaxation(relaxed, found, seed)
        yield fresh
        if of_levels := [one for one in worn if one.table["target"].notna().any()]:
            yield wear.fit_levels(relaxed, of_levels, fresh, found)


def _known_maximum(maximum: float | str | None, base: Technology | None) -> Parameter | None:
    """Return G_max as it is known without the files: as given, else that of the base card."""
    name = "target.maximum"
    if maximum is not None:
        top = quantity(maximum, "S", "maximum", low=1e-12)
        return assumed(name, top, "as designed; given, not measured")
    return base.parameters.get(name) if base is not None else None


def card_of(
    fits: Sequence[Fit], *, name: str, title: str = "", memory: str = "OxRAM",
    base: Technology | None = None,
) -> Technology:  # fmt: skip
    """Put fits on a card, on top of what ``base`` says (parameters as for `characterize`)."""
    fitted = {key: rounded(parameter) for fit in fits for key, parameter in fit.parameters.items()}
    models = {section: model for fit in fits for section, model in fit.models.items()}
    valid = {key: ends for fit in fits for key, ends in fit.valid.items()}
    groups = {fit.name: fit.correlation for fit in fits if fit.correlation is not None}
    groups |= {name: group for fit in fits for name, group in fit.groups.items()}
    below = base or Technology(name, title, memory, "", {})
    void = [pattern for fit in fits for pattern in fit.replaces]
    kept = {
        key: parameter
        for key, parameter in below.parameters.items()
        if not any(fnmatchcase(key, pattern) for pattern in void)
    }
    parameters = kept | fitted
    needed = {key: parameter for fit in fits for key, parameter in fit.needed.items()}
    for key, (value, why) in _REQUIRED.items():
        needed[key] = assumed(key, value, why)
    parameters = {k: p for k, p in needed.items() if k not in parameters} | parameters
    gone = set(below.parameters) - set(kept)
    old_valid = {k: v for k, v in below.valid.items() if _section(k) not in models}
    not_identifiable = [sentence for fit in fits for sentence in fit.not_identifiable]
    return Technology(
        name=name,
        title=title or f"{memory} as measured: {_listed(fits)}",
        memory=memory,
        description=_description(fits, base, not_identifiable),
        parameters=parameters,
        models={s: model for s, model in below.models.items() if s not in models} | models,
        valid=old_valid | valid,
        correlation=without(below.correlation, set(fitted) | gone) | groups,
    )


def _section(key: str) -> str:
    return key.rpartition(".")[0]


def _description(
    fits: Sequence[Fit], base: Technology | None, not_identifiable: Sequence[str]
) -> str:
    lines = [f"Fitted on measured cells: {_listed(fits)}."]
    if base is not None:
        lines.append(f"All else is that of the card {base.name}.")
    if not_identifiable:
        lines.append(f"Not identifiable from the data: {'; '.join(not_identifiable)}.")
    return " ".join(lines)


def _listed(fits: Sequence[Fit]) -> str:
    return ", ".join(fit.name.replace("_", " of ", 1).replace("_", " ") for fit in fits)
