"""Blind predictions of measurements that were not used for the fit.

``KINDS`` lists what can be predicted: measured cells, counts of wrong cells, wear, accuracies of
networks and matrix-vector products. `validate` makes the rows of one file.
"""

from pathlib import Path

from reliability.errors import InputError, RunError, unknown_name
from reliability.validation.array_product import ProductPrediction, predict_product
from reliability.validation.blind_prediction import (
    Absent,
    Predict,
    Prediction,
    Row,
    absent,
    read_prediction,
    read_table,
    summary,
    write_rows,
)
from reliability.validation.counted_cells import CountsPrediction, predict_counts
from reliability.validation.measured_cells import CellsPrediction, predict_cells
from reliability.validation.network_accuracy import AccuracyPrediction, predict_accuracy
from reliability.validation.worn_states import WearPrediction, predict_wear

KINDS: dict[str, tuple[type[Prediction], Predict]] = {
    "cells": (CellsPrediction, predict_cells),
    "counts": (CountsPrediction, predict_counts),
    "accuracy": (AccuracyPrediction, predict_accuracy),
    "product": (ProductPrediction, predict_product),
    "wear": (WearPrediction, predict_wear),
}


def load_prediction(path: str | Path, data: str | Path | None = None) -> Prediction:
    """Read the file of a blind prediction.

    Parameters
    ----------
    path : str or Path
    data : str or Path, optional
        Folder of its data files instead of the one that the file names.

    Raises
    ------
    InputError
        No such file, an unknown kind or key.
    """
    path = Path(path)
    table = read_table(path)
    kind = table.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        raise InputError(f"{path}: {unknown_name('kind', str(kind), KINDS)}")
    if data is not None:
        table["data"] = str(Path(data).resolve())
    return read_prediction(path, KINDS[kind][0], table)


def validate(path: str | Path, data: str | Path | None = None) -> list[Row]:
    """Make a blind prediction and compare it with what was measured (arguments as above).

    Returns
    -------
    list of Row
        One that says so where the data or the network are not on this machine.
    """
    asked, name = load_prediction(path, data), Path(path).stem
    try:
        return KINDS[asked.kind][1](asked, name)
    except (Absent, RunError) as reason:  # the others are made; this one says why it is not
        return absent(name, str(reason))


__all__ = [
    "KINDS",
    "Prediction",
    "Row",
    "load_prediction",
    "summary",
    "validate",
    "write_rows",
]
