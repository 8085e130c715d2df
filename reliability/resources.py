"""Where the data that ship with the suite lie, installed or in a checkout."""

from importlib import resources
from importlib.resources.abc import Traversable


def data_folder() -> Traversable:
    """Return the folder ``data``: inside an installed package, beside it in a checkout."""
    package = resources.files("reliability")
    inside = package / "data"
    return inside if inside.is_dir() else package / ".." / "data"


def shipped_studies() -> dict[str, Traversable]:
    """Return the studies of ``analyses/`` by their names."""
    return _tables(_analyses())


def shipped_predictions() -> dict[str, Traversable]:
    """Return the blind predictions of ``analyses/validation`` by their names."""
    return _tables(_analyses() / "validation")


def _analyses() -> Traversable:
    inside = data_folder() / "analyses"
    return inside if inside.is_dir() else data_folder() / ".." / "analyses"


def _tables(folder: Traversable) -> dict[str, Traversable]:
    files = {file.name: file for file in folder.iterdir() if file.name.endswith(".toml")}
    return {name.removesuffix(".toml"): files[name] for name in sorted(files)}
