"""What was observed of a technology: counts, quantiles, accuracies, each with its source.

An observation is data of a card, of a study or of a file of ``[[observation]]`` tables; what its
likelihood is under a card is the matter of `reliability.conditioning`. ``KINDS`` lists every kind
with its keys. A count of failures without a number of cells, as papers often state it, is a
``fraction`` with the ``error`` of its logarithm instead (``COUNTED``).
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from reliability.errors import InputError, fraction, unknown_name, whole_number
from reliability.files import read_toml
from reliability.technology.vocabulary import STATES
from reliability.units import duration, engineering, quantity

_STRESS = "state time temperature reads read_voltage cycles energy reference"
# Keys of each kind; those after the bar may be left out.
KINDS: dict[str, str] = {
    "write_errors": "state cells wrong | passes retries reference chips",
    "stuck_cells": "cells wrong | state cycles temperature chips",
    "failed_after_time": "state cells failed time temperature | reference chips",
    "failed_after_reads": "state cells failed reads read_voltage | temperature reference",
    "failed_after_cycles": "cells failed cycles | temperature energy chips",
    "no_failure": f"cells | {_STRESS} chips",
    "qualification": f"failed_fraction | confidence {_STRESS}",
    "quantile": "state probability resistance error | time temperature",
    "median": "state resistance error | time temperature",
    "window": "decades error | compliance_current reset_voltage pulse_width",
    "accuracy": "network accuracy | chips images coding time temperature",
}
# Kinds that count failures, with the keys of the count; ``fraction`` and ``error`` replace them.
COUNTED: dict[str, tuple[str, str]] = {
    "write_errors": ("cells", "wrong"),
    "stuck_cells": ("cells", "wrong"),
    "failed_after_time": ("cells", "failed"),
    "failed_after_reads": ("cells", "failed"),
    "failed_after_cycles": ("cells", "failed"),
}
_UNITS: dict[str, str] = {
    "reference": "S", "time": "s", "temperature": "K", "read_voltage": "V", "energy": "J",
    "resistance": "ohm", "error": "", "decades": "", "reads": "", "cycles": "",
    "compliance_current": "A", "reset_voltage": "V", "pulse_width": "s",
}  # fmt: skip
_COUNTS = {"cells": 1, "wrong": 0, "failed": 0, "passes": 1, "retries": 0, "chips": 1, "images": 1}
_FRACTIONS = ("probability", "accuracy", "confidence", "failed_fraction", "fraction")
_TEXTS = ("network", "coding")
STRESSES = ("time", "reads", "cycles")
_POSITIVE = ("error", "resistance", "temperature", "reference", "energy", "reads", "cycles",
             "compliance_current", "reset_voltage", "pulse_width")  # fmt: skip
_HIGHEST = {"decades": 9.0, "read_voltage": 10.0, "temperature": 2000.0, "transfer": 1e3}


class Observation(BaseModel):
    """One published or measured statement about a technology.

    Parameters
    ----------
    kind : str
        One of ``KINDS``.
    values : dict of str to int, float or str
        Its keys, in SI.
    source : str
        Where it is from; never empty.
    transfer : float
        Factor, 1 or more, by which what was observed may differ from the technology of the card:
        exp of one standard deviation of the logarithm of a probability, a resistance or a ratio
        (of the odds of an accuracy). 1: the same lot and maker.
    note : str
        Why that transfer, for instance.
    used : bool
        Whether the parameters of the card are conditioned on it already.

    Examples
    --------
    >>> found = read_observation({"kind": "stuck_cells", "cells": 16384, "wrong": 3, "source": "s"})
    >>> found.values, found.transfer
    ({'cells': 16384, 'wrong': 3}, 1.0)
    >>> found.label
    'stuck_cells: 3 of 16384'
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    values: dict[str, int | float | str]
    source: str
    transfer: float = 1.0
    note: str = ""
    used: bool = False

    def __getitem__(self, key: str) -> Any:
        return self.values[key]

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or ``default`` where it was left out."""
        return self.values.get(key, default)

    @property
    def label(self) -> str:
        """A name that tells it from others, as messages and reports write it."""
        v = self.values
        count = v.get("wrong", v.get("failed", 0 if self.kind == "no_failure" else None))
        parts = [str(v[key]) for key in ("state", "network") if key in v]
        if count is not None:
            parts.append(f"{count} of {v['cells']}")
        for key in ("fraction", "passes", "failed_fraction", "probability", "resistance", "decades",
                    "accuracy", "time", "reads", "cycles"):  # fmt: skip
            if key in v:
                parts.append(f"{key.replace('_', ' ')} {_text(v[key], _UNITS.get(key, ''))}")
        return f"{self.kind}: {', '.join(parts)}"


def _text(value: float | str, unit: str) -> str:
    number = float(value)
    if unit == "s":
        return duration(number)
    return engineering(number, unit) if unit else f"{number:g}"


def unit_of_key(key: str) -> str:
    """Return the SI unit of a key of an observation, empty for a number or a text."""
    return _UNITS.get(key, "")


def read_observations(path: str | Path) -> tuple[Observation, ...]:
    """Read the ``[[observation]]`` tables of a TOML file; ``[sources]`` abbreviates sources.

    Raises
    ------
    InputError
        No such file, another key than these, no observation, or one that cannot be.
    """
    file = Path(path)
    if not file.is_file():
        raise InputError(f"observations: no file {str(path)!r}")
    table = read_toml(file.read_bytes(), str(path))
    for key in table:
        if key not in ("observation", "sources"):
            raise InputError(f"{path}: {unknown_name('key', key, ('observation', 'sources'))}")
    found = observations_of(table.get("observation", []), str(path), table.get("sources", {}))
    if not found:
        raise InputError(f"{path}: got no [[observation]], expected one or more")
    return found


def observations_of(
    entries: Any, where: str = "observations", sources: Mapping[str, str] | None = None
) -> tuple[Observation, ...]:
    """Read a list of observations: mappings as TOML has them, or ready ones."""
    if isinstance(entries, (str, Mapping)) or not isinstance(entries, Iterable):
        raise InputError(f"{where}: got {entries!r}, expected a list of observations")
    return tuple(
        entry
        if isinstance(entry, Observation)
        else read_observation(entry, f"{where}: observation {k}", sources)
        for k, entry in enumerate(entries, 1)
    )


def read_observation(
    entry: Any, where: str = "observation", sources: Mapping[str, str] | None = None
) -> Observation:
    """Read one observation and refuse what cannot be.

    Raises
    ------
    InputError
        No kind or an unknown one, an unknown or missing key, no source, more failures than cells,
        a transfer below 1.
    """
    if not isinstance(entry, Mapping):
        raise InputError(f"{where}: got {entry!r}, expected a table with kind and source")
    if not isinstance(entry.get("kind"), str) or entry["kind"] not in KINDS:
        raise InputError(f"{where}: {unknown_name('kind', str(entry.get('kind')), KINDS)}")
    kind = str(entry["kind"])
    where = f"{where} ({kind})"
    needed, _, optional = (part.split() for part in KINDS[kind].partition("|"))
    if "fraction" in entry and kind in COUNTED:
        needed = _with_fraction(entry, needed, COUNTED[kind], where)
    allowed = (*needed, *optional, *_HEAD, *(["fraction"] if kind in COUNTED else []))
    for key in entry:
        if key not in allowed:
            raise InputError(f"{where}: {unknown_name('key', key, allowed)}")
    for key in needed:
        if key not in entry:
            raise InputError(f"{where}: {key}: missing, but it is required")
    source = entry.get("source")
    if not isinstance(source, str) or not source.strip():
        raise InputError(f"{where}: source: missing; say where the observation is from")
    values = {key: _value(key, entry[key], where) for key in (*needed, *optional) if key in entry}
    _check_whole(kind, values, where)
    transfer = quantity(entry.get("transfer", 1.0), "", f"{where}: transfer", low=1.0, high=1e3)
    note, used = entry.get("note", ""), entry.get("used", False)
    if not isinstance(note, str):
        raise InputError(f"{where}: note: got {note!r}, expected text")
    if not isinstance(used, bool):
        raise InputError(f"{where}: used: got {used!r}, expected true or false")
    return Observation(
        kind=kind, values=values, source=(sources or {}).get(source, source),
        transfer=transfer, note=note, used=used,
    )  # fmt: skip


def _with_fraction(
    entry: Mapping[str, Any], needed: list[str], count: tuple[str, str], where: str
) -> list[str]:
    """Return the needed keys with a fraction instead of a count, which may not be there too."""
    for key in count:
        if key in entry:
            raise InputError(
                f"{where}: {key}: got {entry[key]!r} beside fraction, expected "
                f"{' and '.join(count)}, or fraction and error"
            )
    return [key for key in needed if key not in count] + ["fraction", "error"]


_HEAD = ("kind", "source", "transfer", "note", "used")


def _value(key: str, given: Any, where: str) -> int | float | str:
    name = f"{where}: {key}"
    if key == "state":
        if given not in STATES:
            raise InputError(f"{where}: {unknown_name('state', str(given), STATES)}")
        return str(given)
    if key in _TEXTS:
        if not isinstance(given, str) or not given:
            raise InputError(f"{name}: got {given!r}, expected text")
        return given
    if key in _COUNTS:
        return whole_number(given, name, low=_COUNTS[key])
    if key in _FRACTIONS:
        return fraction(given, name)
    number = quantity(given, _UNITS[key], name, low=0.0, high=_HIGHEST.get(key, 1e30))
    if number == 0 and key in _POSITIVE:
        raise InputError(f"{name}: got {given!r}, allowed > 0 {_UNITS[key]}".rstrip())
    return number


def _check_whole(kind: str, values: dict[str, Any], where: str) -> None:
    """Refuse what single keys do not show: more failures than cells, no stress or two of them."""
    for key in ("wrong", "failed"):
        if values.get(key, 0) > values.get("cells", 0):
            raise InputError(
                f"{where}: {key}: got {values[key]}, allowed 0 to {values['cells']} (cells)"
            )
    if kind in ("no_failure", "qualification"):
        given = [key for key in STRESSES if key in values]
        if len(given) != 1:
            raise InputError(
                f"{where}: got {' and '.join(given) or 'none of them'}, expected one of "
                f"{', '.join(STRESSES)}"
            )
        needs = {"time": ("state", "temperature"), "reads": ("state", "read_voltage"), "cycles": ()}
        for key in needs[given[0]]:
            if key not in values:
                raise InputError(f"{where}: {key}: missing, but it is required with {given[0]}")
