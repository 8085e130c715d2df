"""Imports only point down, and rooms of one floor do not know each other (docs/architecture.md)."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "reliability"
# Rooms from the ground up; the modules of one row are one room.
GROUND = ("errors", "units", "random", "normals", "philox", "resources", "files", "version")
FLOORS: tuple[tuple[tuple[str, ...], ...], ...] = (
    (("technology",), ("statistics",), ("mission",)),
    (("devices",), ("measurements",)),
    (("population", "cells", "blocks", "wafer", "reading", "cycling", "window"),
     ("characterization",)),
    (("crossbar",), ("predictive",)),
    (("network",),),
    (("architecture",), ("training",)),
    (("campaign",),),
    (("report",),),
    (("cli", "commands", "doctor"),),
)  # fmt: skip
# The same inside a room that has rooms of its own, from the bottom up.
INSIDE = {
    "network": (
        ("datasets", "conductances", "results"),
        ("one_layer", "deep"),
        ("load", "evaluation"),
        ("questions",),
    ),
}  # fmt: skip
FLOOR_OF = {name: k for k, rooms in enumerate(FLOORS) for room in rooms for name in room}
ROOM_OF = {name: room for rooms in FLOORS for room in rooms for name in room}


def imports(path: Path) -> Iterator[tuple[str, ...]]:
    """Yield the parts below ``reliability`` of every module imported, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [name if is_module(name) else node.module for name in inside]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        for name in dict.fromkeys(names):
            first, *parts = name.split(".")
            if first == "reliability" and parts:
                yield tuple(parts)


def is_module(name: str) -> bool:
    """Whether a dotted name is a file or a folder of the package."""
    path = PACKAGE.parent / name.replace(".", "/")
    return path.with_suffix(".py").is_file() or (path / "__init__.py").is_file()


FILES = sorted(p for p in PACKAGE.rglob("*.py") if p != PACKAGE / "__init__.py")


def test_every_module_has_a_floor() -> None:
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert found == set(FLOOR_OF) | set(GROUND)


def test_the_picture_has_every_room() -> None:
    picture = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8").split("```")[1]
    assert [name for name in (*FLOOR_OF, *GROUND) if name not in picture] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path) -> None:
    here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for other, *_ in imports(path):
        if other in GROUND:
            continue
        assert here not in GROUND, f"the ground knows {other}"
        allowed = ROOM_OF[other] == ROOM_OF[here] or FLOOR_OF[other] < FLOOR_OF[here]
        assert allowed, f"{here} (floor {FLOOR_OF[here]}) imports {other} ({FLOOR_OF[other]})"


@pytest.mark.parametrize("room", INSIDE)
def test_imports_point_down_inside_a_room(room) -> None:
    floor_of = {name: k for k, names in enumerate(INSIDE[room]) for name in names}
    files = {
        path.relative_to(PACKAGE / room).with_suffix("").parts: path
        for path in (PACKAGE / room).rglob("*.py")
        if path != PACKAGE / room / "__init__.py"
    }
    assert {parts[0] for parts in files} == set(floor_of)
    known = {}
    for parts, path in files.items():
        inner = {other[1:] for other in imports(path) if other[0] == room}
        assert () not in inner, f"{parts} imports its own room's front"
        for other in inner:
            allowed = other[0] == parts[0] or floor_of[other[0]] < floor_of[parts[0]]
            assert allowed, f"{'.'.join(parts)} imports {'.'.join(other)}"
        known[parts] = inner
    TopologicalSorter(known).prepare()  # raises CycleError where files import each other


def test_no_modules_import_each_other() -> None:
    """Inside functions and for types neither."""
    modules = {path.relative_to(PACKAGE).with_suffix("").parts: path for path in FILES}
    fronts = {parts[:-1] for parts in modules if parts[-1] == "__init__"}
    known = {
        parts: {(*other, "__init__") if other in fronts else other for other in imports(path)}
        for parts, path in modules.items()
    }
    TopologicalSorter(known).prepare()  # raises CycleError, which names them
