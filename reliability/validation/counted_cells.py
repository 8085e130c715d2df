"""Counts of wrong cells: a card conditioned on some chips predicts the counts of others.

A table has one row for each chip and condition. The card is conditioned on the counts of the
fitted rows (`reliability.condition`); each predicted row gets the distribution of its count.
"""

from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, model_validator

from reliability.conditioning import posterior
from reliability.conditioning.evidence import Evidence
from reliability.conditioning.predictions import predict_all
from reliability.errors import InputError, unknown_name
from reliability.random import stream
from reliability.technology import Observation, load_technology, observations_of
from reliability.validation.blind_prediction import Prediction, Row

_CARDS, _COUNTS = 150, 20  # draws of the card, and counts on each


class CountsPrediction(Prediction):
    """Keys of the kind ``counts``.

    ``columns`` names the columns of ``cells``, ``wrong``, ``state``, ``passes`` and ``chip``;
    ``states`` translates the entries of the state. ``fit`` and ``predict`` choose rows: a value, or
    a range ``[low, high]``, of any column.
    """

    file_name: str
    card: str = "oxram-130nm"
    columns: dict[str, str] = Field(default={})
    states: dict[str, str] = Field(default={"0": "HRS", "1": "LRS"})
    fit: dict[str, Any]
    predict: dict[str, Any]
    retries: int = 1
    transfer: float = 1.0
    fitted_transfer: float = 1.0
    total: bool = False
    """Whether the chips of a condition are predicted together."""

    @model_validator(mode="after")
    def _known_columns(self) -> "CountsPrediction":
        for key in self.columns:
            if key not in _COLUMNS:
                raise ValueError(str(unknown_name("columns", key, _COLUMNS)))
        return self


_COLUMNS = {"cells": "cells", "wrong": "wrong", "state": "written", "passes": "passes",
            "chip": "chip"}  # fmt: skip


def predict_counts(asked: CountsPrediction, name: str) -> list[Row]:
    """Return a row for the count of each predicted chip (or of all together) and condition."""
    path = asked.file(asked.file_name)
    table = pd.read_csv(path, sep=None, engine="python")
    columns = _COLUMNS | asked.columns
    for column in columns.values():
        if column not in table:
            raise InputError(f"{path.name}: {unknown_name('column', column, table.columns)}")
    fitted = _observed(asked, columns, _rows_of(table, asked.fit, path.name), asked.fitted_transfer)
    wanted = _observed(asked, columns, _rows_of(table, asked.predict, path.name), asked.transfer)
    found = posterior(load_technology(asked.card), list(fitted.values()), seed=asked.seed)
    card = found.technology
    tables = [predict_all(card.drawn(asked.seed, k), list(wanted.values())) for k in range(_CARDS)]
    predictions = np.array(tables, float)
    generator = stream(asked.seed, "validation.counts")
    out = []
    for k, (label, o) in enumerate(wanted.items()):
        e = Evidence.of(o)
        p = np.repeat(predictions[:, k], _COUNTS, axis=0)
        counts = e.sample(p[:, 0], p[:, 1], generator)
        error = float(np.sqrt(e.value))
        out.append(Row.of(label, name, counts, e.value, error=error, unit="cells"))
    return out


def _rows_of(table: pd.DataFrame, chosen: dict[str, Any], source: str) -> pd.DataFrame:
    for column, wanted in chosen.items():
        if column not in table:
            raise InputError(f"{source}: {unknown_name('column', column, table.columns)}")
        if isinstance(wanted, list):
            table = table[table[column].between(*wanted)]
        else:
            table = table[table[column] == wanted]
    if table.empty:
        raise InputError(f"{source}: got no row with {chosen}")
    return table


def _observed(
    asked: CountsPrediction, columns: dict[str, str], rows: pd.DataFrame, transfer: float
) -> dict[str, Observation]:
    """Write errors of each condition, all chips together or one by one."""
    by = [columns["state"], columns["passes"], *([] if asked.total else [columns["chip"]])]
    out = {}
    for _, group in rows.groupby(by):
        state = str(group[columns["state"]].iloc[0])
        state = asked.states.get(state, state)
        chips = int(group[columns["chip"]].nunique())
        passes = int(group[columns["passes"]].iloc[0])
        label = f"{state}, {passes} pass{'es' if passes > 1 else ''}, " + (
            f"{chips} chips" if asked.total else f"chip {group[columns['chip']].iloc[0]}"
        )
        out[label] = {
            "kind": "write_errors", "state": state, "passes": passes,
            "cells": int(group[columns["cells"]].sum()), "chips": chips,
            "wrong": int(group[columns["wrong"]].sum()), "retries": asked.retries,
            "transfer": transfer, "source": asked.source,
        }  # fmt: skip
    return dict(zip(out, observations_of(list(out.values())), strict=True))
