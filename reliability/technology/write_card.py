"""Writing a technology card as TOML, one line a parameter, in the units that engineers read.

The layout is that of the cards that ship, which general TOML writers do not make: they give every
parameter a table of many lines. Texts are quoted by `json.dumps`, whose escapes TOML shares.
"""

import json
import math
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from reliability.errors import InputError
from reliability.files import check_writable
from reliability.technology.card import Parameter, Technology, expect_technology
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
    >>> [line[:39] for line in text.splitlines() if line.startswith("reset_threshold")]
    ['reset_threshold = { value = 2.3, unit =']
    """
    head = [f"{key} = {_text(getattr(card, key))}" for key in ("name", "title", "memory")]
    head.append(f"description = {_text(card.description)}")
    names = _source_names(card.parameters.values())
    blocks = ["\n".join(head)]
    if names:
        blocks.append(_table("sources", (f"{key} = {_text(s)}" for s, key in names.items())))
    blocks += [_table(section, _section(card, section, names)) for section in _sections(card)]
    blocks += [
        _table(
            f"correlation.{_key(group)}",
            [
                "parameters = [" + ", ".join(map(_text, block.parameters)) + "]",
                "matrix = [",
                *("    [" + ", ".join(map(_number, row)) + "]," for row in block.matrix),
                "]",
            ],
        )
        for group, block in card.correlation.items()
    ]
    return "\n\n".join(blocks) + "\n"


def _table(name: str, lines: Iterable[str]) -> str:
    return "\n".join([f"[{name}]", *lines])


def _sections(card: Technology) -> list[str]:
    """Sections in the order of the card; those that only choose a model or a range come last."""
    keys = [*card.parameters, *card.valid, *(f"{section}." for section in card.models)]
    return list(dict.fromkeys(key.rpartition(".")[0] for key in keys))


def _section(card: Technology, section: str, sources: dict[str, str]) -> Iterable[str]:
    if section in card.models:
        yield f"model = {_text(card.models[section])}"
    for key, ends in card.valid.items():
        inside, _, condition = key.rpartition(".")
        if inside == section:
            yield f"valid.{condition} = [{', '.join(_condition(e, condition) for e in ends)}]"
    for key, parameter in card.parameters.items():
        inside, _, name = key.rpartition(".")
        if inside == section:
            yield f"{_key(name)} = {_parameter(parameter, sources)}"


def _parameter(p: Parameter, sources: dict[str, str]) -> str:
    unit, number = _unit(p)
    fields = {"value": number(p.value)}
    if unit:
        fields["unit"] = _text(unit)
    fields["distribution"] = _text(p.distribution)
    if p.sigma is not None:
        fields["sigma"] = number(p.sigma) if p.distribution == "normal" else _number(p.sigma)
    for name in ("interval", "valid"):
        pair = getattr(p, name)
        if pair is not None:
            fields[name] = "[" + ", ".join(map(number, pair)) + "]"
    fields["source"] = _text(sources.get(p.source, p.source))
    fields["confidence"] = _text(p.confidence)
    if p.note:
        fields["note"] = _text(p.note)
    return "{ " + ", ".join(f"{key} = {value}" for key, value in fields.items()) + " }"


def _unit(p: Parameter) -> tuple[str, Callable[[float], str]]:
    """Find a unit in which the numbers are easy to read and give back every bit."""
    numbers = [p.value, *(p.interval or ()), *(p.valid or ())]
    sigma = [p.sigma] if p.distribution == "normal" and p.sigma is not None else []
    if not (p.unit == "K" and sigma):  # a difference of temperatures has no offset
        for unit in _WRITTEN.get(p.unit, ()):
            size = 1.0 if unit == "degC" else quantity(f"1 {unit}", p.unit)
            small = p.unit != "S" and unit != "degC" and 0 < abs(p.value) < 0.9999 * size
            written = [_in_unit(x, unit, p.unit) for x in (*numbers, *sigma)]
            if not small and None not in written:
                return unit, lambda x, unit=unit: str(_in_unit(x, unit, p.unit))
    return p.unit, _number


def _in_unit(value: float, unit: str, si: str) -> str | None:
    """Return the shortest number in ``unit`` that reads back as exactly ``value``, if any."""
    offset = quantity(f"0 {unit}", si)
    scaled = (value - offset) / (quantity(f"1 {unit}", si) - offset)
    near = [scaled, math.nextafter(scaled, math.inf), math.nextafter(scaled, -math.inf)]
    for candidate in (float(f"{scaled:.{_DIGITS}g}"), float(f"{scaled:.{_DIGITS + 1}g}"), *near):
        if quantity(f"{candidate!r} {unit}", si) == value:
            return _number(candidate)
    return None


def _condition(value: float, condition: str) -> str:
    unit = CONDITIONS[condition]
    if not unit:
        return _number(value)
    for written in _WRITTEN.get(unit, ()):
        number = _in_unit(value, written, unit)
        if number is not None:
            return _text(f"{number} {written}")
    return _text(f"{_number(value)} {unit}")


def _number(value: float) -> str:
    value = float(value)
    return str(int(value)) if value == int(value) and abs(value) < 1e6 else repr(value)


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(name: str) -> str:
    return (
        name
        if name and all(c.isascii() and (c.isalnum() or c in "-_") for c in name)
        else _text(name)
    )


def _source_names(parameters: Iterable[Parameter]) -> dict[str, str]:
    """Name the sources that repeat, by what they are and their number."""
    kind: dict[str, str] = {}
    count: Counter[str] = Counter()
    for parameter in parameters:
        count[parameter.source] += 1
        kind.setdefault(parameter.source, parameter.confidence)
    out: dict[str, str] = {}
    of_kind: Counter[str] = Counter()
    for source, times in count.items():
        if times > 1:
            of_kind[kind[source]] += 1
            out[source] = f"{kind[source]}_{of_kind[kind[source]]}"
    taken = set(out.values()) & set(count)  # a source that is itself called so is written out
    return {source: key for source, key in out.items() if key not in taken}
