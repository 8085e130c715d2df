"""Reading of shipped and own TOML files: cards and component parameters are found in one way."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from reliability.errors import InputError, unknown_name
from reliability.files import read_toml as parse_toml
from reliability.resources import data_folder


def list_files(folder: str) -> list[str]:
    """Return the names of the TOML files of a folder of the shipped data.

    >>> "oxram-130nm" in list_files("technologies")
    True
    """
    found = (data_folder() / folder).iterdir()
    return sorted(f.name.removesuffix(".toml") for f in found if f.name.endswith(".toml"))


def read_toml(
    name_or_path: str | Path,
    folder: str,
    kind: str,
    merge: Callable[[dict[str, Any], dict[str, Any], str, str], dict[str, Any]],
    variants: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Read a file by its shipped name or its path, on top of its base where it names one.

    Parameters
    ----------
    name_or_path : str or Path
        A path ends with ``.toml`` or has a separator. A base beside a variant is found by its
        file name.
    folder : str
        Of the shipped data.
    kind : str
        What a message calls such a file.
    merge : callable
        ``(below, own, base, name)`` to one table: what a variant on its base is.
    variants : tuple of str
        Files that are being read already, which cannot be a base.

    Raises
    ------
    InputError
        No such file, not TOML, or a base that is none.
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or text.endswith(".toml") or "/" in text or "\\" in text:
        path = Path(name_or_path)
        if not path.is_file():
            raise InputError(f"{kind}: no file {text!r}; shipped: {', '.join(list_files(folder))}")
        content = path.read_bytes()
    elif text in list_files(folder):
        content = (data_folder() / folder / f"{text}.toml").read_bytes()
    else:
        raise unknown_name(kind, text, list_files(folder))
    table = parse_toml(content, text)
    base = table.pop("base", None)
    if base is None:
        return table
    if not isinstance(base, str) or base in (*variants, text):
        raise InputError(f"{text}: base: got {base!r}, expected the name or file of another one")
    beside = Path(text).parent / base
    own_file = text.endswith(".toml") and base.endswith(".toml") and beside.is_file()
    below = read_toml(beside if own_file else base, folder, kind, merge, (*variants, text))
    return merge(below, table, base, text)


def take_head(table: dict[str, Any], keys: tuple[str, ...], where: str) -> dict[str, str]:
    """Take the texts at the top of a file out of its table."""
    head = {key: table.pop(key, None) for key in keys}
    for key, value in head.items():
        if not isinstance(value, str) or not value:
            raise InputError(f"{where}: {key}: got {value!r}, expected text")
    return head


def merged(below: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    """Return ``below`` with the tables of ``own`` put in; a parameter is replaced whole.

    >>> merged({"a": {"b": {"value": 1}, "c": {"value": 2}}}, {"a": {"b": {"value": 3}}})
    {'a': {'b': {'value': 3}, 'c': {'value': 2}}}
    """
    out = dict(below)
    for key, entry in own.items():
        old = out.get(key)
        if isinstance(old, dict) and isinstance(entry, dict) and "value" not in entry:
            entry = merged(old, entry)
        out[key] = entry
    return out
