"""Imports point down, and `docs/architecture.md` names every room and loose module."""

import ast
from pathlib import Path

import pytest

# As in the picture of docs/architecture.md. Rooms of one floor do not know each other; loose
# modules of one floor may serve one another.
FLOORS = {
    "cli": 9, "commands": 8, "doctor": 8,
    "report": 7,
    "campaign": 6,
    "architecture": 5,
    "network": 4,
    "crossbar": 3, "predictive": 3,
    "characterization": 2, "population": 2, "reading": 2, "cells": 2, "blocks": 2, "wafer": 2,
    "cycling": 2, "window": 2,
    "measurements": 1, "devices": 1,
    "technology": 0, "statistics": 0, "mission": 0,
    "random": -1, "philox": -1, "normals": -1, "units": -1, "errors": -1, "resources": -1,
    "files": -1, "version": -1,
}  # fmt: skip


def imports(path: Path) -> set[str]:
    """Rooms and loose modules that a module imports, at its head or inside a function."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names = [node.module]
            if node.module == "reliability":
                names = [f"reliability.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        else:
            continue
        found |= {n.split(".")[1] for n in names if n.startswith("reliability.")}
    return found


def modules(package: Path) -> list[tuple[str, Path]]:
    """Room or loose module, and file."""
    return [
        (path.relative_to(package).parts[0].removesuffix(".py"), path)
        for path in sorted(package.rglob("*.py"))
        if path != package / "__init__.py" and "data" not in path.relative_to(package).parts
    ]


@pytest.fixture(scope="module")
def package(repository) -> Path:
    return repository / "reliability"


def test_imports_point_down(package) -> None:
    wrong = []
    for home, path in modules(package):
        for other in imports(path) - {home}:
            same_floor = FLOORS[other] == FLOORS[home]
            loose = not (package / home).is_dir() or not (package / other).is_dir()
            if FLOORS[other] > FLOORS[home] or (same_floor and not loose):
                wrong.append(f"{path.relative_to(package)} imports {other}")
    assert not wrong


def test_every_room_has_a_floor_and_is_in_the_picture(package, repository) -> None:
    homes = {home for home, _ in modules(package)}
    assert homes == set(FLOORS)
    picture = (repository / "docs" / "architecture.md").read_text("utf-8").split("```")[1]
    for home in homes:
        assert home in picture, home
