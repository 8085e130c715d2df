"""What a study rests on, and how command: parameters, hashes, versions, the command."""

import importlib.metadata
import json
import platform
import re
from collections.abc import Iterable, Mapping
from typing import Any

from reliability.architecture import Components
from reliability.campaign.spec import Study
from reliability.report.page import Section, Table
from reliability.technology import Technology
from reliability.technology.parameter_text import parameter_row

_PACKAGES = ("rram-reliability", "numpy", "scipy", "numba", "xarray", "zarr", "matplotlib")
_WIDTH = 88  # characters of a line of the listing
_CONFIDENCE = {
    "measured": "on this technology",
    "published": "taken from a publication",
    "fitted": "to measured cells",
    "assumed": "taken from similar devices, or chosen",
}


def confidence_text(technology: Technology | Components) -> str:
    """Say how many parameters are known how well."""
    kinds = [p.confidence for p in technology.parameters.values()]
    told = [f"{kinds.count(k)} are {k} ({why})" for k, why in _CONFIDENCE.items() if k in kinds]
    return f"Of its {len(kinds)} parameters {'; '.join(told)}."


def parameter_tables(
    technology: Technology | Components, suffix: str = "", names: Iterable[str] | None = None
) -> tuple[Table, Table]:
    """Return the table of all parameters, or of some in their order, and that of their sources."""
    rows = []
    sources: dict[str, int] = {}
    for name in sorted(technology.parameters) if names is None else names:
        row = parameter_row(name, technology.parameters[name])
        number = sources.setdefault(row["source"], len(sources) + 1)
        rows.append([name, row["value"], row["uncertainty"], row["confidence"], f"[{number}]",
                     row["note"]])  # fmt: skip
    name = (
        f"the components {technology.name}"
        if isinstance(technology, Components)
        else technology.name
    )
    return Table(
        f"parameters{suffix}", f"Parameters of {name}", "",
        ["parameter", "value", "uncertainty", "confidence", "source", "note"], rows,
    ), Table(
        f"sources{suffix}", f"Sources of {name}", "", ["number", "source"],
        [[f"[{number}]", source] for source, number in sources.items()],
    )  # fmt: skip


def provenance_section(
    told: Mapping[str, str], text: tuple[str, ...] = (), listing: str = ""
) -> Section:
    """Return the last section of every report; versions are added."""
    told = {
        key if key.startswith("SHA-256 of ") else key.replace("_", " "): value
        for key, value in told.items()
    }
    rows = [*told.items(), ("versions", versions()), ("Python", platform.python_version())]
    table = Table("provenance-table", "Provenance of the results", "", ["item", "value"],
                  [list(row) for row in rows])  # fmt: skip
    return Section("provenance", "Provenance", text, tables=(table,), listing=listing)


def versions() -> str:
    """Return the versions of this package and of those that its numbers depend on."""
    return ", ".join(f"{package} {_version(package)}" for package in _PACKAGES)


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"


def study_toml(study: Study) -> str:
    """Return a study as TOML that `load_study` reads; what has its default is left out.

    >>> print(study_toml(Study(title="t", technology="oxram-130nm", seed=3)))
    title = "t"
    technology = "oxram-130nm"
    seed = 3
    """
    table = study.model_dump(mode="json", exclude_defaults=True)
    lines: list[str] = []
    _write_table(table, "", lines)
    return "\n".join(lines)


def _write_table(table: Mapping[str, Any], name: str, lines: list[str]) -> None:
    inner = []
    for key, value in table.items():
        if value is None:
            continue
        if isinstance(value, dict) or (
            isinstance(value, list) and value and isinstance(value[0], dict)
        ):
            inner.append((key, value))
        else:
            lines.append(f"{_key(key)} = {_value(value)}")
    for key, value in inner:
        path = f"{name}.{_key(key)}" if name else _key(key)
        for each in value if isinstance(value, list) else [value]:
            lines += ["", f"[[{path}]]" if isinstance(value, list) else f"[{path}]"]
            _write_table(each, path, lines)


def _key(key: str) -> str:
    plain = key.replace("_", "").replace("-", "")
    return key if plain.isascii() and plain.isalnum() else _plain(key)


def _value(value: Any) -> str:
    """A value in lines that fit on paper, so that what is copied from a PDF is still TOML."""
    if isinstance(value, list):
        line = f"[{', '.join(map(_plain, value))}]"
        rows = "".join(f"    {_value(each)},\n" for each in value)
        return line if len(line) <= _WIDTH else f"[\n{rows}]"
    line = _plain(value)
    if not isinstance(value, str) or len(line) <= _WIDTH or value != value.strip():
        return line
    parts = [""]
    for word in re.findall(r"[^ ]+ *", line[1:-1]):  # with the spaces after it, which TOML keeps
        if parts[-1] and len(parts[-1]) + len(word) > _WIDTH:
            parts.append("")
        parts[-1] += word
    return '"""' + "".join(f"\\\n    {part}" for part in parts) + '"""'


def _plain(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_plain, value))}]"
    # JSON's texts and numbers are TOML's, but for one character
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
