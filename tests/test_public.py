"""The public surface is exactly the list in ``reliability/__init__.py``."""

import subprocess
import sys

import pytest

import reliability as rel


def test_every_public_name_resolves_and_is_documented() -> None:
    for name in rel.__all__:
        thing = getattr(rel, name)
        assert name == "__version__" or (thing.__doc__ or "").strip(), f"{name} has no docstring"


def test_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="sample_wafer"):
        rel.sample_wafer  # noqa: B018


def test_import_does_not_load_the_heavy_packages() -> None:
    code = (
        "import sys, reliability; print(*(set(sys.modules) & {'xarray','numba','pandas','pint'}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
