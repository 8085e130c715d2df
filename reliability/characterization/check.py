"""Posterior-predictive check: does a card, drawn from its uncertainty, make the data again?

The experiment of each file is simulated on cards drawn from the fit: as many cells of every level
or state, read at the same times, temperatures and numbers of reads, with the same reads missing.
What the data show is then compared with what the simulations show [1]_.

.. [1] A. Gelman, X.-L. Meng, H. Stern, Statistica Sinica 6, 733 (1996).
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from reliability.characterization.first_read import reads_with_levels
from reliability.characterization.gate import is_sweep
from reliability.characterization.misfit import misfit
from reliability.characterization.read_table import ROOM, Reads, reads_of
from reliability.characterization.target import (
    Levels,
    aims,
    find_levels,
    level_of,
    together,
)
from reliability.characterization.wear import apart
from reliability.errors import InputError, fraction, whole_number
from reliability.mission import MissionProfile, Segment
from reliability.population import age, sample_population
from reliability.population.cycling import sample_cycles
from reliability.statistics import autocorrelation
from reliability.technology import STATES, Technology
from reliability.version import __version__

Array = NDArray[np.float64]
_FEWEST = 20  # cells that a statistic is made of
_FEWEST_DRAWS = 20
_NOMINAL = 5  # experiments on the nominal card
_CYCLES = 8  # from which on a file is one of consecutive cycles
_LAGS = (1, 10)
_QUANTILES = (0.01, 0.05, 0.5, 0.95, 0.99)
_ERROR = "level_error"
_DETAIL = ("q01", "q50", "q99", "below_q01", "above_q99")


class _Experiment(NamedTuple):
    """One file: what it shows, and how to simulate it on a card."""

    observed: pd.DataFrame
    simulate: Callable[[Technology, int], pd.DataFrame]
    table: pd.DataFrame | None = None  # of reads, where the cells are not those of cycles
    cells: Callable[[Technology, int], tuple[Array, Array]] | None = None


def posterior_predictive(
    datasets: xr.Dataset | Sequence[xr.Dataset],
    card: Technology,
    *,
    draws: int = 100,
    confidence: float = 0.9,
    seed: int = 0,
    level_from: Literal["first"] | None = None,
) -> xr.Dataset:
    """Compare measured cells with cells simulated on cards drawn from the uncertainty of ``card``.

    Parameters
    ----------
    datasets : Dataset or sequence of Dataset
        Measured cells, those that the card was fitted on or others.
    card : Technology
    draws : int
        Cards, each with an experiment of its own.
    confidence : float
        Of the predictive intervals.
    seed : int
    level_from : "first", optional
        As for `characterize`.

    Returns
    -------
    Dataset
        Dimension ``statistic``, one entry for each quantity (``mean``, ``sigma``, ``q05``, ``q95``,
        ``correlation`` of a cell's change with that at the first time, or over cycles
        ``median``, ``sigma_cell``, ``sigma_cycle``, ``autocorrelation_1`` and ``_10``) of each
        ``label`` (level in siemens, or state), ``time`` (s), ``temperature`` (K) and ``reads``.
        Variables ``observed``, ``median``, ``low``, ``high`` (predictive interval), ``nominal``
        (with the card's own values) and ``p_value`` (two-sided). Levels: change of conductance
        since programming, S; states: change of ln G; at time 0 the programmed conductance relative
        to the target, or ln G.
        ``attrs["outside"]`` is the fraction of observed values outside their interval.
        Dimension ``detail``, with the same variables and coordinates after ``detail_``: the
        quantiles ``q01`` to ``q99`` and the tails ``below_q01`` and ``above_q99``, the fraction of
        simulated cells beyond the quantile of the measured ones (0.01 if the model is right).
        Dimension ``group``, with the same after ``group_``, where levels are named: the fraction of
        cells that a bake, or time, has taken out of their level (``level_error``), over all levels.
        A border lies in the middle between the 99 % quantile of a level as it was programmed and
        the 1 % quantile of the next.
        Other ``attrs`` say how far off the model is (`reliability.characterization.misfit`).

    Raises
    ------
    InputError
        Fewer than 20 draws, or nothing in the data that the card can simulate.
    """
    whole_number(draws, "draws", low=_FEWEST_DRAWS)
    fraction(confidence, "confidence")
    given = [datasets] if isinstance(datasets, xr.Dataset) else list(datasets)
    reads = reads_with_levels(given, level_from)
    experiments = list(_experiments(reads, card))
    if not experiments:
        raise InputError(f"the card {card.name} cannot simulate any of the files")
    tables = []
    for number, experiment in enumerate(experiments):
        observed = experiment.observed
        again = np.full((draws, len(observed)), np.nan)
        for k in range(draws):
            made = experiment.simulate(card.drawn(seed, k), seed + 7919 * (number * draws + k + 1))
            again[k] = made["value"].reindex(observed.index).to_numpy()
        nominal = [
            experiment.simulate(card, seed + 7919 * number + k)["value"].reindex(observed.index)
            for k in range(_NOMINAL)
        ]
        low, middle, high = np.nanquantile(
            again, [0.5 - confidence / 2, 0.5, 0.5 + confidence / 2], axis=0
        )
        value = observed["value"].to_numpy()
        below = (np.sum(again <= value, axis=0) + 1) / (draws + 1)
        above = (np.sum(again >= value, axis=0) + 1) / (draws + 1)
        tables.append(
            observed.reset_index().assign(
                median=middle, low=low, high=high, nominal=np.mean(nominal, axis=0),
                p_value=np.minimum(2 * np.minimum(below, above), 1.0),
            )
        )  # fmt: skip
    table = pd.concat(tables, ignore_index=True)
    is_error = table["quantity"] == _ERROR
    errors, table = table[is_error], table[~is_error]
    is_detail = table["quantity"].isin(_DETAIL)
    detail = table[is_detail | table["quantity"].isin(("q05", "q95"))]
    table = table[~is_detail]
    outside = float(((table["value"] < table["low"]) | (table["value"] > table["high"])).mean())
    check = _dataset(table, card, draws, confidence, seed, outside, reads)
    for part, dim in ((detail, "detail"), (errors, "group")):
        check = check.merge(_columns(part, dim, f"{dim}_"), combine_attrs="override")
    return check.assign_attrs(misfit(check))


def _dataset(
    table: pd.DataFrame, card: Technology, draws: int, confidence: float, seed: int,
    outside: float, reads: Sequence[Reads],
) -> xr.Dataset:  # fmt: skip
    return _columns(table, "statistic", "").assign_attrs({
        "draws": draws, "confidence": confidence, "outside": outside, "seed": seed,
        "technology": card.name, "spec_hash": "", "reliability_version": __version__,
        "source": "; ".join(one.source for one in reads),
    })  # fmt: skip


def _columns(table: pd.DataFrame, dim: str, prefix: str) -> xr.Dataset:
    def column(name: str) -> tuple[str, NDArray[Any]]:
        return dim, table[name].to_numpy()

    coords = {
        "quantity": (dim, table["quantity"].to_numpy(str)),
        "label": (dim, table["label"].to_numpy(str)),
        "level": (*column("level"), {"units": "S"}),
        "time": (*column("time"), {"units": "s"}),
        "temperature": (*column("temperature"), {"units": "K"}),
        "reads": (*column("reads"), {"units": "1"}),
        "cells": (*column("cells"), {"units": "1"}),
    }
    variables = {
        "observed": column("value"),
        **{name: column(name) for name in ("median", "low", "high", "nominal", "p_value")},
    }
    return xr.Dataset(
        {prefix + name: value for name, value in variables.items()},
        coords={prefix + name: value for name, value in coords.items()},
    )


def simulated_cells(
    datasets: xr.Dataset | Sequence[xr.Dataset], card: Technology, *, seed: int = 0
) -> xr.Dataset:
    """Return the measured reads, and beside each that of a cell simulated on the nominal card.

    Parameters
    ----------
    datasets : Dataset or sequence of Dataset
    card : Technology
    seed : int

    Returns
    -------
    Dataset
        Dimension ``read``: ``measured`` and ``simulated`` (S) and the conductances
        ``measured_first`` and ``simulated_first`` (S) at the start of each run; coordinates
        ``run``, ``label``, ``level`` (S), ``time`` (s), ``temperature`` (K) and ``reads``. No
        reads where the files hold consecutive cycles.
    """
    given = [datasets] if isinstance(datasets, xr.Dataset) else list(datasets)
    reads = [reads_of(dataset) for dataset in given if not is_sweep(dataset)]
    tables = []
    for number, experiment in enumerate(_experiments(reads, card)):
        if experiment.table is None or experiment.cells is None:
            continue
        g, first = experiment.cells(card, seed + 7919 * number)
        table = experiment.table[["run", *_CONDITIONS, "conductance", "first"]]
        tables.append(
            table.assign(run=table["run"] + 10**7 * number, simulated=g, simulated_first=first)
        )
    if not tables:
        return xr.Dataset()
    table = pd.concat(tables, ignore_index=True)
    names = {"conductance": "measured", "first": "measured_first", "simulated": "simulated",
             "simulated_first": "simulated_first"}  # fmt: skip
    units = {"level": "S", "time": "s", "temperature": "K", "reads": "1", "run": "1"}
    return xr.Dataset(
        {new: ("read", table[old].to_numpy(), {"units": "S"}) for old, new in names.items()},
        coords={
            "label": ("read", table["label"].to_numpy(str)),
            **{k: ("read", table[k].to_numpy(), {"units": u}) for k, u in units.items()},
        },
    )


def _experiments(reads: Sequence[Reads], card: Technology) -> Iterator[_Experiment]:
    named = [one for one in reads if one.table["target"].notna().any()]
    has_levels = "programming.target.error_0" in card and bool(named)
    fresh = apart(named)[0] or named
    found = find_levels(fresh, card["target.maximum"]) if has_levels else None
    for one in reads:
        states = one.table["state"].isin(STATES)
        if states.any() and card.has_states:
            consecutive = one.table["cycles"].nunique() >= _CYCLES
            if consecutive and "cycles.memory_slow" in card and one.cells >= _FEWEST:
                yield _of_cycles(one)
            elif not consecutive:
                yield _of_reads(one, one.table[states].copy(), None)
        elif found is not None and not states.any():
            level = level_of(one, found)
            table = one.table.assign(level_index=level)
            yield _of_reads(one, table[(level >= 0) & table["first"].notna()].copy(), found)


def _of_reads(one: Reads, table: pd.DataFrame, levels: Levels | None) -> _Experiment:
    """Cells programmed once and read at some times, temperatures or numbers of reads."""
    table["temperature"] = table["temperature"].fillna(ROOM)
    table = table[np.isfinite(table["first"]) & (table["conductance"] > 0)]
    table["point"] = table["point"].fillna(0.0)
    table["reads"] = table["reads"].fillna(0.0)
    keys = ["temperature", "point", "reads", "read_voltage"]
    table["time"] = table.groupby(keys, dropna=False)["time"].transform("mean").fillna(0.0)
    if levels is None:
        table["label"], table["level"], table["aim"] = table["state"], np.nan, np.nan
    else:
        table["level"] = levels.target[table["level_index"].to_numpy()]
        table["label"] = table["level_index"].astype(str)
        table["aim"] = aims(table.assign(level=table["level_index"]), levels)
    timed = table["cycles"].fillna(0.0) if one.has("time") else 0.0
    table["cycles"] = timed
    cycled = table["cycles"] > 0
    after = table["cycles"].map("{:.6g}".format)
    words = (" after " + after + " cycles").where(cycled, "")
    table["label"] += words
    # Where a file does not say what its cells aim at, their level is that of their first read.
    fresh = (table["time"] <= 0) & (table["reads"] <= 0)
    if levels is not None and one.table["target"].isna().all():
        table = table[~fresh]
    runs = table.drop_duplicates("run").set_index("run")
    place = _places(runs)
    stated = one.table["target"].notna().any() and not one.is_from_first_read
    known = levels is not None and stated and len(levels.target) > 1
    statistics = _Statistics(table, _Borders(table, words) if known else None)
    observed = statistics.of(table["conductance"].to_numpy(), table["first"].to_numpy())

    def cells(card: Technology, seed: int) -> tuple[Array, Array]:
        state: Any = runs["state"] if levels is None else runs["aim"]
        g = np.empty(len(table))
        first = np.empty(len(table))
        programmed = _population(card, place, state.to_numpy(), seed)
        row_place = place.loc[table["run"]].to_numpy()
        names = ["time", "temperature", "reads", "read_voltage", "cycles"]
        groups = table.groupby(names, dropna=False)
        for key, rows in groups.indices.items():
            time, temperature, reads, volt, cycles = map(float, tuple(key))  # type: ignore[arg-type]
            written = [Segment(0.0, ROOM, cycles=cycles)] if cycles else []
            where = tuple(row_place[rows].T)
            for label, (population, mine) in programmed.items():
                chosen = mine[where]
                if not chosen.any():
                    continue
                at = tuple(axis[chosen] for axis in where)
                aged = age(population, MissionProfile(written)) if written else population
                first[rows[chosen]] = aged["conductance"].values[at]
                if time > 0 or reads > 0:
                    sign = -1.0 if label == "LRS" else 1.0
                    volts = card["read.voltage"] if np.isnan(volt) else abs(volt)
                    segment = Segment(time, temperature, reads, sign * volts)
                    aged = age(population, MissionProfile([*written, segment]))
                g[rows[chosen]] = aged["conductance"].values[at]
        return g, first

    def simulate(card: Technology, seed: int) -> pd.DataFrame:
        return statistics.of(*cells(card, seed))

    return _Experiment(observed, simulate, table, cells)


def _places(runs: pd.DataFrame) -> pd.DataFrame:
    """Wafer, die and cell of each run in a simulated population."""
    wafer, die = (pd.factorize(runs[name])[0] for name in ("wafer", "die"))
    slot = runs.groupby([wafer, die]).cumcount().to_numpy()
    return pd.DataFrame({"wafer": wafer, "die": die, "cell": slot}, index=runs.index)


def _population(
    card: Technology, place: pd.DataFrame, state: NDArray[Any], seed: int
) -> dict[str, tuple[xr.Dataset, NDArray[np.bool_]]]:
    """Populations as programmed, and which of their cells stand for a run.

    Of levels one population; of two states one of each, over all dies alike.
    """
    shape = tuple(int(n) + 1 for n in place.max())
    size: dict[str, Any] = dict(zip(("wafers", "dies", "cells"), shape, strict=True))
    out = {}
    if state.dtype.kind == "f":
        flat = np.zeros(shape)
        flat[tuple(place.to_numpy().T)] = state
        if shape[:2] == (1, 1):
            levels = sample_population(card, state=flat[0, 0], seed=seed, **size)
            return {"": (levels, np.ones(shape, bool))}
        for value in np.unique(state):
            mine = np.zeros(shape, bool)
            mine[tuple(place.to_numpy()[state == value].T)] = True
            out[f"{value}"] = (sample_population(card, state=float(value), seed=seed, **size), mine)
        return out
    for name in STATES:
        mine = np.zeros(shape, bool)
        mine[tuple(place.to_numpy()[state == name].T)] = True
        if mine.any():
            out[name] = (sample_population(card, state=name, seed=seed, **size), mine)
    return out


_KEYS = ["quantity", "label", "level", "time", "temperature", "reads"]
_CONDITIONS = ["label", "level", "time", "temperature", "reads"]


class _Statistics:
    """What is looked at, of measured or simulated conductances in the rows of one table."""

    def __init__(self, table: pd.DataFrame, borders: "_Borders | None") -> None:
        self.borders = borders
        self.aim = table["aim"].to_numpy(float)
        self.fresh = ((table["time"] <= 0) & (table["reads"] <= 0)).to_numpy()
        grouped = table.groupby(_CONDITIONS, dropna=False)
        self.group = grouped.ngroup().to_numpy()
        self.keys = table.groupby(self.group)[_CONDITIONS].first()
        self.size = np.bincount(self.group)
        self.pairs = list(self._pairs(table))
        self.tails: tuple[Array, Array] | None = None  # quantiles of the measured cells

    @staticmethod
    def _pairs(table: pd.DataFrame) -> Iterator[tuple[dict[str, Any], NDArray[Any], NDArray[Any]]]:
        """Rows of the first and of a later change of each run, for each label and temperature."""
        rows = table[["run", *_CONDITIONS]].reset_index(drop=True)
        rows = rows[(rows["time"] > 0) | (rows["reads"] > 0)]
        for key, own in rows.groupby(["label", "level", "temperature"], dropna=False):
            axis = "time" if own["time"].nunique() >= own["reads"].nunique() else "reads"
            points = np.sort(own[axis].unique())
            at = [own[own[axis] == p].reset_index().set_index("run") for p in points]
            for later in at[1:]:
                both = at[0].join(later["index"].rename("index_later"), how="inner")
                if len(both) < _FEWEST:
                    continue
                row = dict(zip(("label", "level", "temperature"), key, strict=True))
                row |= {"quantity": "correlation", "time": later["time"].iloc[0],
                        "reads": later["reads"].iloc[0], "cells": len(both)}  # fmt: skip
                yield row, both["index"].to_numpy(), both["index_later"].to_numpy()

    @np.errstate(divide="ignore", invalid="ignore")
    def of(self, g: Array, first: Array) -> pd.DataFrame:
        """Return one row a statistic, with its value and the number of cells behind it."""
        of_levels = np.isfinite(self.aim)
        change = np.where(of_levels, g - first, np.log(g) - np.log(first))
        start = np.where(of_levels, first - self.aim, np.log(g))
        y = np.where(self.fresh, start, change)
        n = self.size
        mean = np.bincount(self.group, y) / n
        off = y - mean[self.group]
        ordered = y[np.lexsort((y, self.group))]
        begin = np.cumsum(n) - n
        quantiles = {
            f"q{q * 100:02.0f}": ordered[begin + np.round(q * (n - 1)).astype(int)]
            for q in _QUANTILES
        }
        if self.tails is None:
            self.tails = quantiles["q01"], quantiles["q99"]
        low, high = (tail[self.group] for tail in self.tails)
        columns = {
            "mean": mean,
            "sigma": np.sqrt(np.bincount(self.group, off**2) / np.maximum(n - 1, 1)),
            **quantiles,
            "below_q01": np.bincount(self.group, y <= low) / n,
            "above_q99": np.bincount(self.group, y >= high) / n,
        }
        wide = self.keys.assign(**columns, cells=n)[n >= _FEWEST]
        long = wide.melt([*_CONDITIONS, "cells"], var_name="quantity")
        rows = [
            row | {"value": float(np.corrcoef(y[early], y[late])[0, 1])}
            for row, early, late in self.pairs
        ]
        if rows:
            long = pd.concat([long, pd.DataFrame(rows)[long.columns]], ignore_index=True)
        if self.borders is not None:
            long = pd.concat([long, self.borders.errors(g)[long.columns]], ignore_index=True)
        return long.set_index(_KEYS)


class _Borders:
    """Borders between neighbouring levels of each write of the cells, and who is beyond them."""

    def __init__(self, table: pd.DataFrame, words: pd.Series) -> None:
        runs = table.drop_duplicates("run")
        keys = together(table)
        self.low, self.high = np.full(len(table), -np.inf), np.full(len(table), np.inf)
        place = table.groupby(keys, dropna=False).indices
        for key, write in runs.groupby(keys, dropna=False):
            first = write.groupby("level_index")["first"]
            first = first.filter(lambda own: len(own) >= _FEWEST).groupby(write["level_index"])
            bottom, top = (first.quantile(q) for q in (0.01, 0.99))
            border = (top.to_numpy()[:-1] + bottom.to_numpy()[1:]) / 2
            rows = place[key]
            level = table["level_index"].to_numpy()[rows]
            self.low[rows] = pd.Series([-np.inf, *border], bottom.index).reindex(level)
            self.high[rows] = pd.Series([*border, np.inf], bottom.index).reindex(level)
        aged = ((table["time"] > 0) | (table["reads"] > 0)).to_numpy()
        self.use = aged & ~(np.isnan(self.low) | np.isnan(self.high))
        self.conditions = table.assign(label="all levels" + words, level=np.nan)[_CONDITIONS]

    def errors(self, g: Array) -> pd.DataFrame:
        """Return a row for each condition, with the fraction of cells out of their level."""
        rows = self.conditions.assign(value=(g < self.low) | (g > self.high))[self.use]
        grouped = rows.groupby(_CONDITIONS, dropna=False)["value"]
        found = grouped.agg(["mean", "size"]).reset_index()
        found = found.rename(columns={"mean": "value", "size": "cells"})
        return found[found["cells"] >= _FEWEST].assign(quantity=_ERROR)


def _of_cycles(one: Reads) -> _Experiment:
    """Cells that are written many times, in both states."""
    table = one.table[one.table["state"].isin(STATES) & (one.table["conductance"] > 0)]
    wide = table.assign(y=-np.log(table["conductance"])).pivot_table(
        index="cell", columns=["state", "cycles"], values="y"
    )
    wide = wide.dropna()
    observed = {state: np.asarray(wide[state], float) for state in STATES}
    cells, cycles = (int(n) for n in observed["LRS"].shape)

    def simulate(card: Technology, seed: int) -> pd.DataFrame:
        made = sample_cycles(card, cells=cells, cycles=cycles, seed=seed)["resistance"]
        log_r = {s: np.log(made.sel(state=s).transpose("cell", "cycle").values) for s in STATES}
        return _cycle_statistics(log_r)

    return _Experiment(_cycle_statistics(observed), simulate)


def _cycle_statistics(log_r: dict[str, Array]) -> pd.DataFrame:
    rows = []
    for state, y in log_r.items():
        rho = autocorrelation(y, min(max(_LAGS), y.shape[1] // 4))
        found = {
            "median": float(np.median(y)),
            "sigma_cell": float(np.median(y, axis=1).std(ddof=1)),
            "sigma_cycle": float(np.median(y.std(axis=1, ddof=1))),
            "q05": float(np.quantile(y, 0.05)),
            "q95": float(np.quantile(y, 0.95)),
            **{f"autocorrelation_{k}": float(rho[k]) for k in _LAGS if k < len(rho)},
        }
        for quantity, value in found.items():
            rows.append(
                {"quantity": quantity, "label": state, "level": np.nan, "time": 0.0,
                 "temperature": ROOM, "reads": 0.0, "cells": len(y), "value": value}
            )  # fmt: skip
    return pd.DataFrame(rows).set_index(_KEYS)
