"""A blind prediction: its file, its rows, and the summary of many.

A file says what is fitted and what is predicted; each kind (`reliability.validation.KINDS`) reads
the keys that it needs. A row compares one predicted number with the measured one. Rows stay when
they miss.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike
from pydantic import BaseModel, ConfigDict, Field

from reliability.errors import InputError
from reliability.files import read_toml, replace_text
from reliability.resources import data_folder

CONFIDENCE = 0.9
"""Level of every predicted interval."""


class Absent(Exception):
    """What a prediction needs is not on this machine; the text says what."""


class Prediction(BaseModel):
    """What every file has; each kind adds its keys.

    Parameters
    ----------
    title : str
    kind : str
        One of `reliability.validation.KINDS`.
    fitted : str
        What the prediction rests on, in words.
    source : str
        Of the measured values.
    data : str
        Folder of the files, relative to this one.
    seed : int
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    kind_keys: ClassVar[tuple[str, ...]] = ()

    title: str
    kind: str
    fitted: str
    source: str
    data: str = "."
    seed: int = 0
    where: Path = Field(default=Path(), exclude=True)

    def file(self, name: str) -> Path:
        """Return the path of a data file, in the folder of the prediction or that of shipped cells.

        Raises
        ------
        Absent
            It is not there.
        """
        for folder in (self.where / self.data, Path(str(data_folder() / "measured"))):
            if (path := (folder / name).resolve()).is_file():
                return path
        where = "beside the prediction" if self.data == "." else f"in {self.data}"
        raise Absent(f"no file {name} {where}")


@dataclass(frozen=True)
class Row:
    """One predicted number against the measured one.

    Attributes
    ----------
    name : str
        What was predicted, unique within the file.
    prediction : str
        Name of the file.
    predicted, low, high : float or None
        Median and 90 % interval of what the measurement was predicted to show; None where it could
        not be predicted here.
    measured : float or None
    error : float or None
        Standard error of the measured value, where it is known.
    hit : bool or None
        Whether the interval holds the measured value.
    unit, note : str
    """

    name: str
    prediction: str
    predicted: float | None
    low: float | None
    high: float | None
    measured: float | None
    error: float | None = None
    hit: bool | None = None
    unit: str = ""
    note: str = ""

    @classmethod
    def of(
        cls,
        name: str,
        prediction: str,
        draws: ArrayLike,
        measured: float,
        *,
        error: float | None = None,
        unit: str = "",
    ) -> "Row":
        """Make a row of draws of what the measurement was predicted to show.

        >>> row = Row.of("median", "mine", [1.0, 2.0, 3.0], 2.5)
        >>> row.predicted, row.hit
        (2.0, True)
        """
        tail = (1 - CONFIDENCE) / 2
        low, middle, high = np.quantile(np.asarray(draws, float), [tail, 0.5, 1 - tail]).tolist()
        hit = bool(low <= measured <= high)
        return cls(name, prediction, middle, low, high, float(measured), error, hit, unit)

    @property
    def relative_error(self) -> float | None:
        """(predicted - measured) / measured."""
        if self.predicted is None or not self.measured:
            return None
        return self.predicted / self.measured - 1


def read_prediction(path: Path, model: type[Prediction], table: Mapping[str, Any]) -> Prediction:
    """Check the keys of a file against a kind's."""
    from pydantic import ValidationError

    from reliability.errors import from_validation

    try:
        return model(**table, where=path.resolve().parent)
    except ValidationError as error:
        allowed = {"": sorted(set(model.model_fields) - {"where"})}
        raise from_validation(error, str(path), allowed) from None


def read_table(path: Path) -> dict[str, Any]:
    """Read the file of a prediction.

    Raises
    ------
    InputError
        No such file, or no TOML.
    """
    if not path.is_file():
        raise InputError(f"validate: no file {str(path)!r}")
    return read_toml(path.read_bytes(), str(path))


def absent(name: str, note: str) -> list[Row]:
    """Return the row of a prediction that cannot be made here."""
    return [Row("not predicted here", name, None, None, None, None, note=note)]


def summary(rows: Sequence[Row]) -> dict[str, float | int]:
    """Return how many rows were predicted, the fraction of hits and the bias.

    ``z`` of a row is the measured value's distance from the prediction in standard deviations of
    the predicted interval; ``bias`` is the mean of its sign, 0 where predictions are as often too
    high as too low.
    """
    made = [row for row in rows if row.hit is not None]
    if not made:
        return {"rows": 0}
    signs = [np.sign((row.measured or 0.0) - (row.predicted or 0.0)) for row in made]
    return {
        "rows": len(made),
        "hits": sum(bool(row.hit) for row in made),
        "coverage": sum(bool(row.hit) for row in made) / len(made),
        "nominal_coverage": CONFIDENCE,
        "bias": float(np.mean(signs)),
    }


def write_rows(rows: Sequence[Row], path: Path) -> None:
    """Write rows as JSON, a list of tables."""
    table = [asdict(row) | {"relative_error": row.relative_error} for row in rows]
    replace_text(path, json.dumps(table, indent=1, allow_nan=False) + "\n")


Predict = Callable[[Any, str], list[Row]]
