"""Imports only point down, and rooms of one floor do not know each other (docs/architecture.md)."""

import ast
from collections.abc import Iterator
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
FLOOR_OF = {name: k for k, rooms in enumerate(FLOORS) for room in rooms for name in room}
ROOM_OF = {name: room for rooms in FLOORS for room in rooms for name in room}


def imports(path: Path) -> Iterator[str]:
    """Yield the top module below ``reliability`` of every import, inside functions too."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            parts = node.module.split(".")
            if parts[0] == "reliability":
                yield from parts[1:2] or [alias.name for alias in node.names]
        elif isinstance(node, ast.Import):
            for alias in node.names:
                parts = alias.name.split(".")
                if parts[0] == "reliability":
                    yield from parts[1:2]


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
    for other in imports(path):
        if other in GROUND:
            continue
        assert here not in GROUND, f"the ground knows {other}"
        allowed = ROOM_OF[other] == ROOM_OF[here] or FLOOR_OF[other] < FLOOR_OF[here]
        assert allowed, f"{here} (floor {FLOOR_OF[here]}) imports {other} ({FLOOR_OF[other]})"
