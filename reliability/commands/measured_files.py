"""Tester files as commands take them: ``FILE`` or ``FILE@CONDITION``, each with its own conditions.

``bake.csv@150degC`` is a file of reads at 150 °C; further entries follow after commas:
``lot7.xlsx@150degC,sheet=Bake 2,state=LRS``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reliability.commands.options import say
from reliability.errors import InputError, unknown_name

if TYPE_CHECKING:
    import xarray as xr

_OPTIONS = ("sheet", "values", "delimiter", "decimal", "skip")
_CONSTANTS = (
    "temperature",
    "read_voltage",
    "time",
    "state",
    "lot",
    "wafer",
    "die",
    "cell",
    "cycles",
)


@dataclass(frozen=True)
class MeasuredFile:
    """A file and what the command line says of it.

    Parameters
    ----------
    path : Path
    constants : dict of str to str
        Conditions that the file does not state: ``temperature``, ``read_voltage``, ``state`` ...
    options : dict of str to str
        How it is read: ``sheet``, ``values``, ``decimal`` ...
    """

    path: Path
    constants: dict[str, str | float] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


def measured_file(text: str | Path) -> MeasuredFile:
    """Split ``FILE@CONDITION,...`` into the file and its conditions.

    Raises
    ------
    InputError
        An entry that is no temperature, voltage or ``key=value``, or an unknown key.

    Examples
    --------
    >>> found = measured_file("lot7.xlsx@150degC,sheet=Bake 2,state=LRS")
    >>> str(found.path), found.constants, found.options
    ('lot7.xlsx', {'temperature': '150degC', 'state': 'LRS'}, {'sheet': 'Bake 2'})
    """
    name, sign, words = str(text).rpartition("@")
    if not sign or Path(text).exists():
        return MeasuredFile(Path(text))
    found = MeasuredFile(Path(name))
    for entry in (part.strip() for part in words.split(",")):
        key, equals, value = (part.strip() for part in entry.partition("="))
        if not equals:
            found.constants[_condition(entry)] = re.sub(r"(?<=\d)\s*C$", " degC", entry)
        elif key in _OPTIONS:
            found.options[key] = int(value) if key == "skip" and value.isdigit() else value
        elif key in _CONSTANTS:
            found.constants[key] = value
        else:
            raise unknown_name("key behind @ of a file", key, (*_CONSTANTS, *_OPTIONS))
    return found


def _condition(entry: str) -> str:
    from reliability.units import quantity

    text = re.sub(r"(?<=\d)\s*C$", " degC", entry)
    for name, unit in (("temperature", "K"), ("read_voltage", "V")):
        try:
            quantity(text, unit, "")
        except InputError:
            continue
        if not re.fullmatch(r"[-+.\deE]+", text):
            return name
    raise InputError(
        f"file: got {entry!r} behind @, expected a temperature (150degC), a read voltage (0.2V) or "
        "key=value (sheet=2)"
    )


def read_files(
    files: Sequence[Path], layout: str | None, columns: str | None, **options: Any
) -> "list[xr.Dataset]":
    """Read tester files, each with its own conditions (options as for `read_measurements`)."""
    from reliability.measurements import read_measurements

    return [
        read_measurements(
            one.path, layout, columns=columns, constants=one.constants or None,
            **{**options, **one.options},
        )
        for one in map(measured_file, files)
    ]  # fmt: skip


def read_life_tests(
    files: Sequence[Path],
    test: dict[str, float],
    *,
    failure: str | None,
    **options: Any,
) -> "xr.Dataset":
    """Read life tests and put their units together.

    Parameters
    ----------
    files : sequence of Path
        ``FILE`` or ``FILE@CONDITION``.
    test : dict of str to float
        ``temperature`` (K) and ``voltage`` (V) of files that do not state them.
    failure : str, optional
        As for `reliability.read_lifetimes`, like the other options.
    """
    from reliability.measurements import join_lifetimes, read_lifetimes

    voltage = "read_voltage" if failure else "voltage"
    common = {voltage if name == "voltage" else name: value for name, value in test.items()}
    found = []
    for one in map(measured_file, files):
        own = {voltage if k == "read_voltage" else k: value for k, value in one.constants.items()}
        found.append(
            read_lifetimes(
                one.path, failure=failure, constants={**common, **own}, **options, **one.options
            )
        )
    return join_lifetimes(found)


def print_reading(data: "xr.Dataset") -> None:
    """Print to the standard error what the columns were taken for, and what was assumed."""
    for line in data.attrs.get("layout_evidence", []):
        say(f"read  {line}", err=True)
    for line in data.attrs.get("problems", []):
        if line not in data.attrs.get("layout_evidence", []):
            say(f"note: {line}", err=True)


def with_reading(summary: dict[str, Any], data: "xr.Dataset") -> dict[str, Any]:
    """Add to the summary of a qualification how the files were read, for JSON and the report."""
    notes = list(data.attrs.get("problems", []))
    return summary | {
        "assumptions": [*summary["assumptions"], *notes],
        "reading": {
            "columns": list(data.attrs.get("layout_evidence", [])),
            "notes": notes,
            **{
                key: int(data.attrs.get(key, 0))
                for key in ("units_lost", "time_zero_rejects", "units_without_test")
            },
        },
    }
