"""Writing a technology card as TOML, one line a parameter, in the units that engineers read."""

import math
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tomlkit

from reliability.errors import InputError
from reliability.files import check_writable
from reliability.technology.card import Parameter, Technology, expect_technology
from reliability.technology.observed import Observation, unit_of_key
from reliability.technology.vocabulary import CONDITIONS
from reliability.units import quantity

# Units that a card may be written in, by SI unit: the first whose numbers are 1 or more.
_WRITTEN: dict[str, tuple[str, ...]] = {
    "S": ("uS", "nS"),
    "ohm": ("Mohm", "kohm", "ohm"),
    "A": ("mA", "uA", "nA"),
    "J": ("mJ", "uJ", "nJ", "pJ", "fJ"),
    "F": ("nF", "pF", "fF"),
    "m": ("mm",),
    "K": ("degC",),
}
_DIGITS = 15  # of a double that any decimal number keeps


def write_technology(card: Technology, path: str | Path) -> Path:
    """Write a card so that `load_technology` reads the same card from the file.

    Parameters
    ----------
    card : Technology
    path : str or Path
        Ends with ``.toml``. Replaced whole, or not at all.

    Returns
    -------
    Path

    Raises
    ------
    InputError
        A file that is not called ``.toml``, or a folder that is not there.
    """
    expect_technology(card)
    path = writable(path)
    temporary = path.with_name(f".{path.name}")
    temporary.write_text(to_toml(card), "utf-8")
    temporary.replace(path)
    return path


def writable(path: str | Path) -> Path:
    """Refuse a file that no card can be written to (see `write_technology`)."""
    path = Path(path)
    if path.suffix != ".toml":
        raise InputError(f"technology: got the file {str(path)!r}, expected a name in .toml")
    if not path.parent.is_dir():
        raise InputError(f"technology: no folder {str(path.parent)!r}")
    check_writable(path)
    return path


def to_toml(card: Technology) -> str:
    """Return a card as TOML.

    Examples
    --------
    >>> import reliability as rel
    >>> text = to_toml(rel.load_technology("oxram-130nm"))
    >>> [line[:37] for line in text.splitlines() if line.startswith("reset_threshold")]
    ['reset_threshold = {value = 2.3, unit ']
    """
    document = tomlkit.document()
    for key in ("name", "title", "memory", "description"):
        document.add(key, tomlkit.item(getattr(card, key)))
    names = _source_names([*card.parameters.values(), *card.observations])
    if names:
        document["sources"] = {key: source for source, key in names.items()}
    for section in _sections(card):
        table: Any = document
        for part in section.split("."):
            table = table.setdefault(part, tomlkit.table())
        _fill(table, card, section, names)
    for group, block in card.correlation.items():
        groups = document.setdefault("correlation", tomlkit.table())
        groups[group] = {"parameters": list(block.parameters), "matrix": _rows(block.matrix)}
        if block.draws:
            groups[group]["draws"] = _rows(block.draws)
    if card.observations:
        document["observation"] = [_observation(each, names) for each in card.observations]
    return tomlkit.dumps(document)


def _rows(table: tuple[tuple[float, ...], ...]) -> Any:
    """Return a table of numbers as an array with one row per line."""
    rows = tomlkit.item([[_number(x) for x in row] for row in table])
    rows.multiline(True)
    return rows


def _sections(card: Technology) -> list[str]:
    """Sections in the order of the card; those that only choose a model or a range come last."""
    keys = [*card.parameters, *card.valid, *(f"{section}." for section in card.models)]
    return list(dict.fromkeys(key.rpartition(".")[0] for key in keys))


def _fill(table: Any, card: Technology, section: str, sources: dict[str, str]) -> None:
    if section in card.models:
        table["model"] = card.models[section]
    valid = {
        key.rpartition(".")[2]: [_condition(end, key.rpartition(".")[2]) for end in ends]
        for key, ends in card.valid.items()
        if key.rpartition(".")[0] == section
    }
    if valid:
        table["valid"] = tomlkit.inline_table()
        table["valid"].update(valid)
    for key, parameter in card.parameters.items():
        inside, _, name = key.rpartition(".")
        if inside == section:
            table[name] = tomlkit.inline_table()
            table[name].update(_parameter(parameter, sources))


def _parameter(p: Parameter, sources: dict[str, str]) -> dict[str, Any]:
    unit = _unit(p)

    def number(value: float) -> float:
        return _number(value if unit == p.unit else _in_unit(value, unit, p.unit))

    fields: dict[str, Any] = {"value": number(p.value)}
    if unit:
        fields["unit"] = unit
    fields["distribution"] = p.distribution
    if p.sigma is not None:
        fields["sigma"] = number(p.sigma) if p.distribution == "normal" else _number(p.sigma)
    for name in ("interval", "valid"):
        pair = getattr(p, name)
        if pair is not None:
            fields[name] = [number(end) for end in pair]
    fields |= {"source": sources.get(p.source, p.source), "confidence": p.confidence}
    return fields | ({"note": p.note} if p.note else {})


def _unit(p: Parameter) -> str:
    """Find a unit in which the numbers are easy to read and give back every bit."""
    numbers = [p.value, *(p.interval or ()), *(p.valid or ())]
    sigma = [p.sigma] if p.distribution == "normal" and p.sigma is not None else []
    if not (p.unit == "K" and sigma):  # a difference of temperatures has no offset
        for unit in _WRITTEN.get(p.unit, ()):
            size = 1.0 if unit == "degC" else quantity(f"1 {unit}", p.unit)
            small = p.unit != "S" and unit != "degC" and 0 < abs(p.value) < 0.9999 * size
            written = [_in_unit(x, unit, p.unit) for x in (*numbers, *sigma)]
            if not small and not any(math.isnan(x) for x in written):
                return unit
    return p.unit


def _in_unit(value: float, unit: str, si: str) -> float:
    """Return the shortest number in ``unit`` that reads back as exactly ``value``, else NaN."""
    offset = quantity(f"0 {unit}", si)
    scaled = (value - offset) / (quantity(f"1 {unit}", si) - offset)
    near = [scaled, math.nextafter(scaled, math.inf), math.nextafter(scaled, -math.inf)]
    for candidate in (float(f"{scaled:.{_DIGITS}g}"), float(f"{scaled:.{_DIGITS + 1}g}"), *near):
        if quantity(f"{candidate!r} {unit}", si) == value:
            return candidate
    return math.nan


def _condition(value: float, condition: str) -> float | str:
    unit = CONDITIONS[condition]
    if not unit:
        return _number(value)
    for written in _WRITTEN.get(unit, ()):
        number = _in_unit(value, written, unit)
        if not math.isnan(number):
            return f"{_number(number)} {written}"
    return f"{_number(value)} {unit}"


def _number(value: float) -> float:
    """Return whole numbers as such, which reads better."""
    value = float(value)
    return int(value) if value == int(value) and abs(value) < 1e6 else value


def _observation(observation: Observation, sources: dict[str, str]) -> dict[str, Any]:
    values = {
        key: value if isinstance(value, (str, int)) or not unit_of_key(key)
        else f"{_number(value)} {unit_of_key(key)}"
        for key, value in observation.values.items()
    }  # fmt: skip
    source = sources.get(observation.source, observation.source)
    fields: dict[str, Any] = {"kind": observation.kind, **values, "source": source}
    if observation.transfer != 1:
        fields["transfer"] = _number(observation.transfer)
    fields |= {"note": observation.note} if observation.note else {}
    return fields | ({"used": True} if observation.used else {})


def _source_names(cited: Iterable[Parameter | Observation]) -> dict[str, str]:
    """Name the sources that repeat, by what they are and their number."""
    kind: dict[str, str] = {}
    count: Counter[str] = Counter()
    for each in cited:
        count[each.source] += 1
        kind.setdefault(each.source, each.confidence if isinstance(each, Parameter) else "observed")
    out: dict[str, str] = {}
    of_kind: Counter[str] = Counter()
    for source, times in count.items():
        if times > 1:
            of_kind[kind[source]] += 1
            out[source] = f"{kind[source]}_{of_kind[kind[source]]}"
    taken = set(out.values()) & set(count)  # a source that is itself called so is written out
    return {source: key for source, key in out.items() if key not in taken}
