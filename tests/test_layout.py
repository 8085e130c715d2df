"""The layout of docs/architecture.md: imports point down, file names are unique."""

import ast
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "reliability"
# DESIGN's table from the ground up; folders of one row do not import each other.
GROUND = (
    "errors",
    "units",
    "random",
    "resources",
    "files",
    "version",
    "compiled_cache",
    "first_use",
    "progress",
)
LEVELS: tuple[tuple[str, ...], ...] = (
    ("statistics",),
    ("technology", "lifetime", "mission"),
    ("devices", "measurements"),
    ("population",),
    ("crossbar", "characterization"),
    ("network",),
    ("architecture", "product", "conditioning"),
    ("campaign", "validation"),
    ("report",),
    ("cli", "commands"),
    ("__main__",),
)
# The same inside a folder that has levels of its own, from the bottom up.
INSIDE = {
    "network": (
        ("cifar10", "conductances", "results"),
        ("datasets", "metrics", "own_data"),
        ("one_layer", "deep"),
        ("loading", "noise_export"),
        ("evaluation",),
        ("analysis", "training"),
    ),
    "architecture": (("result",), ("logic",), ("memory", "learning")),
}  # fmt: skip
# The command line is one folder and the file that puts it together.
LEVEL_OF = {name: k for k, names in enumerate(LEVELS) for name in names}
ONE = {"cli": "commands"}


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


def test_every_module_has_a_level() -> None:
    found = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in FILES}
    assert found == set(LEVEL_OF) | set(GROUND)


def test_the_page_on_the_layout_names_every_folder() -> None:
    picture = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8")
    assert [name for name in (*LEVEL_OF, *GROUND) if name not in picture] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_down(path) -> None:
    here = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
    for other, *_ in imports(path):
        if other in GROUND:
            continue
        assert here not in GROUND, f"the ground imports {other}"
        same = ONE.get(other, other) == ONE.get(here, here)
        assert same or LEVEL_OF[other] < LEVEL_OF[here], f"{here} imports {other}"


@pytest.mark.parametrize("folder", INSIDE)
def test_imports_point_down_inside_a_folder(folder) -> None:
    level_of = {name: k for k, names in enumerate(INSIDE[folder]) for name in names}
    files = {
        path.relative_to(PACKAGE / folder).with_suffix("").parts: path
        for path in (PACKAGE / folder).rglob("*.py")
        if path != PACKAGE / folder / "__init__.py"
    }
    assert {parts[0] for parts in files} == set(level_of)
    for parts, path in files.items():
        inner = {other[1:] for other in imports(path) if other[0] == folder}
        assert () not in inner, f"{parts} imports the __init__ of its own folder"
        for other in inner:
            allowed = other[0] == parts[0] or level_of[other[0]] < level_of[parts[0]]
            assert allowed, f"{'.'.join(parts)} imports {'.'.join(other)}"


def test_no_modules_import_each_other() -> None:
    """Inside functions and for types neither."""
    modules = {path.relative_to(PACKAGE).with_suffix("").parts: path for path in FILES}
    fronts = {parts[:-1] for parts in modules if parts[-1] == "__init__"}
    known = {
        parts: {(*other, "__init__") if other in fronts else other for other in imports(path)}
        for parts, path in modules.items()
    }
    TopologicalSorter(known).prepare()  # raises CycleError, which names them


# Two folders in which one name means two sides of one thing: a phenomenon's physics and its fit, a
# kind of output and its section of the report.
PAIRS = ({"devices", "characterization"}, {"campaign/outputs", "report/outputs"})


def test_file_names_are_unique() -> None:
    folders: dict[str, set[str]] = {}
    for path in FILES:
        if path.name != "__init__.py":
            folder = path.relative_to(PACKAGE).parent.as_posix()
            folders.setdefault(path.name, set()).add(folder)
    twice = {}
    for name, found in folders.items():
        groups = [pair & found for pair in PAIRS if pair & found]
        alone = found - set().union(*PAIRS)
        if alone and (groups or len(alone) > 1):
            twice[name] = sorted(found)
    assert twice == {}
