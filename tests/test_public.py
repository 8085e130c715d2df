"""The public surface is exactly the list in ``reliability/__init__.py``."""

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import reliability as rel


def test_every_public_name_resolves_and_is_documented() -> None:
    for name in rel.__all__:
        thing = getattr(rel, name)
        assert name == "__version__" or (thing.__doc__ or "").strip(), f"{name} has no docstring"


def test_the_package_shows_its_public_names_and_no_others() -> None:
    assert dir(rel) == sorted(rel.__all__)
    assert len(rel.__all__) == len(set(rel.__all__))


def test_the_type_checker_sees_the_same_list() -> None:
    """The imports under ``TYPE_CHECKING`` are those that are made on first use."""
    tree = ast.parse(Path(rel.__file__).read_text("utf-8"))
    seen = {
        alias.name: node.module.removeprefix("reliability.")
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom) and node.module != "reliability"
        for alias in node.names
    }
    assert seen == rel._HOMES


@pytest.mark.parametrize("room", rel._ROOMS)
def test_a_public_room_lists_its_names_and_documents_them(room) -> None:
    module = import_module(f"reliability.{room}")
    assert (module.__doc__ or "").strip()
    names = list(module.__all__)
    assert len(names) == len(set(names))
    for name in names:
        thing = getattr(module, name)
        documented = not callable(thing) or (thing.__doc__ or "").strip()
        assert documented, f"{room}.{name} has no docstring"


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="sample_wafer"):
        rel.sample_wafer  # noqa: B018


def test_the_command_s_help_loads_none_of_what_computes() -> None:
    heavy = {"numpy", "pydantic", "scipy", "xarray", "pandas", "numba", "pint", "matplotlib"}
    code = f"import sys, reliability.cli; print(*(set(sys.modules) & {heavy}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_a_card_is_shown_without_what_simulates() -> None:
    heavy = {"xarray", "pandas", "numba", "pint", "matplotlib", "scipy.stats", "scipy.optimize"}
    code = ("import sys; from click.testing import CliRunner; from reliability.cli import main; "
            "CliRunner().invoke(main, ['technologies', 'show', 'oxram-130nm']).output or 1 / 0; "
            f"print(*(set(sys.modules) & {heavy}))")  # fmt: skip
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []


def test_import_does_not_load_the_heavy_packages() -> None:
    code = (
        "import sys, reliability; print(*(set(sys.modules) & {'xarray','numba','pandas','pint'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
