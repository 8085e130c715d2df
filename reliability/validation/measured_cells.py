"""Measured cells: a card fitted on a part of them predicts the rest.

Times, temperatures, cycles or cells are split. The experiment of the rest is simulated on cards
drawn from the fit (`reliability.posterior_predictive`), each with as many cells read at the same
conditions, so that the interval holds the uncertainty of the fit and the scatter of the cells.
"""

import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from pydantic import Field, model_validator

from reliability.characterization import characterize, posterior_predictive
from reliability.errors import InputError, unknown_name
from reliability.measurements import read_measurements
from reliability.technology import Parameter, Technology, load_technology
from reliability.technology.vocabulary import unit_of
from reliability.units import engineering, quantity
from reliability.validation.blind_prediction import CONFIDENCE, Absent, Prediction, Row

_AXES = {"time": "s", "temperature": "K", "cycles": "", "cell": "", "experiment": ""}


class CellsPrediction(Prediction):
    """Keys of the kind ``cells``.

    ``fit`` and ``predict`` have a range ``[low, high]`` of one axis or more: ``time``,
    ``temperature``, ``cycles``, or ``cell`` and ``experiment`` by number. ``pairs`` reads a table
    of cells before and after a bake. ``assume`` has ranges of parameters that the fitted part does
    not identify, each as likely from end to end.
    """

    files: tuple[str, ...]
    fit: dict[str, tuple[float | str, float | str]]
    predict: dict[str, tuple[float | str, float | str]]
    maximum: str | None = None
    base: str | None = None
    every: int = 1
    quantities: tuple[str, ...] = ()
    draws: int = 60
    pairs: dict[str, str] = Field(default={})
    assume: dict[str, tuple[float, float]] = Field(default={})

    @model_validator(mode="after")
    def _known_axes(self) -> "CellsPrediction":
        for part in (self.fit, self.predict):
            for axis in part:
                if axis not in _AXES:
                    raise ValueError(str(unknown_name("axis", axis, _AXES)))
        return self


def predict_cells(asked: CellsPrediction, name: str) -> list[Row]:
    """Return a row for each statistic of the predicted part."""
    datasets = [d for file in asked.files for d in _read(asked, file)]
    fitted = [part for d in datasets if (part := _within(d, asked.fit)) is not None]
    rest = [part for d in datasets if (part := _within(d, asked.predict)) is not None]
    if not fitted or not rest:
        raise InputError(f"{name}: got no cells to {'predict' if fitted else 'fit'}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # ranges are left on purpose
        try:
            card = characterize(
                fitted, name=name, maximum=asked.maximum, seed=asked.seed,
                base=load_technology(asked.base) if asked.base else None,
            )  # fmt: skip
            check = posterior_predictive(
                rest,
                _assumed(card, asked.assume),
                draws=asked.draws,
                confidence=CONFIDENCE,
                seed=asked.seed,
            )
        except InputError as error:
            raise Absent(f"no model of the package takes these data: {error}") from None
    return _rows(asked, name, check)


def _assumed(card: Technology, ranges: Mapping[str, tuple[float, float]]) -> Technology:
    """Return the card with parameters of which only a range is assumed."""
    new = {
        name: Parameter(
            value=(low + high) / 2, unit=unit_of(name) or "", source="assumed: see the prediction",
            distribution="uniform" if high > low else "exact", confidence="assumed",
            interval=(low, high) if high > low else None,
        )
        for name, (low, high) in ranges.items()
    }  # fmt: skip
    return replace(card, parameters=card.parameters | new)


def _rows(asked: CellsPrediction, name: str, check: xr.Dataset) -> list[Row]:
    table = _table(check, "statistic", "")
    for axis in ("time", "temperature"):
        if axis in asked.predict:
            low, high = _ends(axis, asked.predict[axis])
            table = table[table[axis].between(low, high)]
    if asked.quantities:
        table = pd.concat([table, _table(check, "group", "group_")])
        table = table[table["quantity"].isin(asked.quantities)]
    labels = list(dict.fromkeys(table["label"]))[:: asked.every]
    table = table[table["label"].isin(labels) & np.isfinite(table["median"])]
    rows = []
    for at in table.itertuples():
        level = "level " if str(at.label).isdigit() else ""
        conditions = [str(at.quantity).replace("_", " "), f"{level}{at.label}"]
        conditions += [engineering(float(at.time), "s")] if np.isfinite(at.time) else []
        if np.isfinite(at.temperature):
            conditions.append(f"{at.temperature - 273.15:.0f} °C")
        hit = bool(at.low <= at.observed <= at.high)
        rows.append(
            Row(
                ", ".join(conditions), name, float(at.median), float(at.low), float(at.high),
                float(at.observed), hit=hit, unit=_unit(str(at.quantity), float(at.level)),
            )
        )  # fmt: skip
    return _told_apart(rows)


def _told_apart(rows: list[Row]) -> list[Row]:
    """Number the rows of one quantity and condition, of cells that were written more than once."""
    several = {name for name, many in Counter(row.name for row in rows).items() if many > 1}
    seen: Counter[str] = Counter()
    out = []
    for row in rows:
        seen[row.name] += 1
        number = f", write {seen[row.name]}" if row.name in several else ""
        out.append(replace(row, name=row.name + number))
    return out


def _table(check: xr.Dataset, dim: str, prefix: str) -> pd.DataFrame:
    part = check.drop_dims([d for d in check.dims if d != dim])
    names = {name: str(name).removeprefix(prefix) for name in (*part.data_vars, *part.coords)}
    return part.rename(names).to_dataframe().reset_index(drop=True)


def _unit(quantity: str, level: float) -> str:
    """Siemens of a level's conductances; states are on the scale of ln R."""
    of_level = quantity in ("mean", "sigma") or quantity.startswith("q")
    return "S" if np.isfinite(level) and of_level else ""


def _ends(axis: str, ends: Sequence[float | str]) -> tuple[float, float]:
    low, high = (quantity(end, _AXES[axis], axis) for end in ends)
    slack = 1e-9 * abs(high)
    return low - slack, high + slack


def _within(data: xr.Dataset, part: dict[str, Any]) -> xr.Dataset | None:
    """Return the part of a Dataset, with time 0, from which changes are counted; None: nothing."""
    for axis, ends in part.items():
        low, high = _ends(axis, ends)
        if axis == "cell":
            data = data.isel(cell=slice(max(int(low + 0.5) - 1, 0), int(high + 0.5)))
            if not data.sizes["cell"]:
                return None
            continue
        if axis not in data.coords:
            if axis == "experiment":
                return None
            continue
        values = np.atleast_1d(data[axis].values).astype(float)
        inside = (values >= low) & (values <= high)
        if not inside.any():
            return None
        if axis == "time":
            inside |= values == 0
        if axis in data.dims:
            data = data.isel({axis: np.flatnonzero(inside)})
    if "cycles" not in data.dims:
        return data
    g = data["conductance"]  # statistics over cycles need whole series
    whole = ((g > 0) & np.isfinite(g)).all([dim for dim in g.dims if dim != "cell"])
    return data.isel(cell=np.flatnonzero(whole.values))


def _read(asked: CellsPrediction, file: str) -> list[xr.Dataset]:
    path = asked.file(file)
    if not asked.pairs:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return [read_measurements(path)]
    return _pairs(asked, pd.read_csv(path, sep=None, engine="python"), str(path.name))


def _pairs(asked: CellsPrediction, table: pd.DataFrame, source: str) -> list[xr.Dataset]:
    """Read cells of numbered levels before and after a bake, one Dataset for each experiment."""
    columns = {"experiment": "experiment", "level": "level", "temperature": "temperature",
               "before": "before", "after": "after", "time": "30 min"} | asked.pairs  # fmt: skip
    for key in ("experiment", "level", "temperature", "before", "after"):
        if columns[key] not in table:
            raise InputError(f"{source}: {unknown_name('column', columns[key], table.columns)}")
    duration = quantity(columns["time"], "s", "pairs.time")
    table = table[(table[columns["before"]] > 0) & (table[columns["after"]] > 0)]
    before, after = (1 / table[columns[key]] for key in ("before", "after"))
    out = []
    for number, rows in table.groupby(columns["experiment"]):
        at = rows.index
        celsius = float(rows[columns["temperature"]].iloc[0])
        cycles = float(rows[columns["cycles"]].iloc[0]) if "cycles" in columns else 0.0
        out.append(
            xr.Dataset(
                {
                    "conductance": (
                        ("wafer", "die", "cell", "time"),
                        np.column_stack([before[at], after[at]])[None, None],
                        {"units": "S"},
                    )
                },
                coords={
                    "time": ("time", [0.0, duration], {"units": "s"}),
                    "state": ("cell", rows[columns["level"]].to_numpy()),
                    "temperature": celsius + 273.15,
                    "experiment": float(number),  # type: ignore[arg-type]
                    "cycles": cycles,
                },
                attrs={"source": f"{source}, experiment {number}", "layout": "bake"},
            )
        )
    return out
