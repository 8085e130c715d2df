"""Pulse histories of ArC ONE memristor testers: one row for each pulse or read of a crosspoint."""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from reliability.errors import InputError
from reliability.measurements.delimited import open_table
from reliability.measurements.log import Log
from reliability.measurements.names import scaling
from reliability.measurements.rows import Field
from reliability.measurements.source import Source

# Header in lower case without signs: name in the Dataset, unit inside, whether it is text.
_COLUMNS = {
    "wordline": ("row", "", False),
    "bitline": ("column", "", False),
    "resistance": ("resistance", "ohm", False),
    "amplitude": ("amplitude", "V", False),
    "pulsewidth": ("pulse_width", "s", False),
    "tag": ("tag", "", True),
    "readtag": ("read_tag", "", True),
    "readvoltage": ("read_voltage", "V", False),
}
_NEEDED = ("wordline", "bitline", "resistance")


def read(source: Source, log: Log) -> xr.Dataset:
    """Read the history of every crosspoint, in the order of the file.

    Parameters
    ----------
    source : Source
    log : Log

    Returns
    -------
    Dataset
        ``conductance`` after each pulse, ``amplitude`` (V), ``pulse_width`` (s) and
        ``read_voltage`` (V) over (wafer, die, cell, pulse), with the coordinates ``row`` (word
        line) and ``column`` (bit line) of each cell and the ``tag`` of each pulse.

    Raises
    ------
    InputError
        Columns that are missing, or most rows are bad.
    """
    table = open_table(source)
    places = {_word(name): position for position, name in enumerate(table.names) if name}
    for needed in _NEEDED:
        if needed not in places:
            raise InputError(f"{source.name}: no column {needed!r} of an ArC ONE history")
    fields = []
    for word, position in places.items():
        if word not in _COLUMNS:
            log.note(f"column {position + 1} {table.names[position]!r} was left out")
            continue
        name, inside, text = _COLUMNS[word]
        factor, offset = scaling(name, table.units[position], inside)
        required = word in _NEEDED[:2]
        fields.append(Field(name, position, factor, offset, text, required))
        unit = f", in {table.units[position] or inside}" if inside else ""
        log.explain(f"{name}: column {position + 1} {table.names[position]!r}{unit}")
    pieces = list(table.columns(fields, log))
    log.check(source.name, bool(pieces))
    found = {field.name: np.concatenate([p[field.name] for p in pieces]) for field in fields}
    address = np.stack([found.pop("row"), found.pop("column")], axis=1)
    cells, cell = np.unique(address, axis=0, return_inverse=True)
    cell = cell.reshape(-1)
    pulse = np.zeros(len(cell), dtype=int)
    for index in range(len(cells)):
        pulse[cell == index] = np.arange(np.sum(cell == index))
    found["conductance"] = 1.0 / found.pop("resistance")
    units = {name: inside for name, inside, _ in _COLUMNS.values()} | {"conductance": "S"}
    dims, shape = ("wafer", "die", "cell", "pulse"), (1, 1, len(cells), int(pulse.max()) + 1)
    dataset = xr.Dataset()
    for name, column in found.items():
        text = column.dtype == object
        array = np.full(shape, "" if text else np.nan, dtype=object if text else float)
        array[0, 0, cell, pulse] = column
        dataset[name] = dims, array.astype(str) if text else array, {"units": units[name]}
    counted = {"units": ""}
    texts = [name for name in ("tag", "read_tag") if name in dataset]
    return dataset.set_coords(texts).assign_coords(
        {axis: (axis, np.arange(size), counted) for axis, size in zip(dims, shape, strict=True)}
        | {"row": ("cell", cells[:, 0].astype(int), counted)}
        | {"column": ("cell", cells[:, 1].astype(int), counted)}
    )


def is_export(names: Sequence[str]) -> bool:
    """Tell from its header whether a table is one.

    >>> is_export(["Wordline", "Bitline", "Resistance", "Amplitude", "Pulse width", "Tag"])
    True
    """
    words = {_word(name) for name in names}
    return {*_NEEDED, "amplitude", "tag"} <= words


def _word(name: str) -> str:
    return "".join(char for char in name.lower() if char.isalpha())
