"""Read a study's TOML file and check it against all that it names, before anything runs."""

from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reliability.campaign.dotted import put
from reliability.campaign.feasibility import check_size
from reliability.campaign.spec import KEYS, Study
from reliability.campaign.sweep import count_points, sweep_points
from reliability.errors import InputError, from_validation, unknown_name
from reliability.files import read_toml
from reliability.network import DeepNetwork
from reliability.network.one_layer.events import default_data
from reliability.resources import shipped_studies

MOST_POINTS = 100_000  # of a sweep, unless the user says that so many are meant
_CHECKED = 2000  # points of a sweep that are tried before anything runs
_DEEP_IMAGES = 2000  # of MNIST at 28 x 28 that ship


def load_study(
    path: str | Path,
    overrides: dict[str, Any] | None = None,
    *,
    most_points: int = MOST_POINTS,
) -> Study:
    """Read and check a study.

    Parameters
    ----------
    path : str or Path
        TOML file, or the name of a study that ships with the suite (``"spirit"``). A technology
        that is a file is looked up beside it.
    overrides : dict, optional
        Dotted name to value, as the names of a sweep's axes, e.g. ``{"population.chips": 20}`` or
        ``{"technology.read.voltage": "0.2 V"}``; None values are ignored.
    most_points : int
        Sweeps of more points are refused.

    Raises
    ------
    InputError
        Missing file, not TOML, an unknown key, a value or unit that cannot be right; one line that
        names the key, what it got, what is allowed and the nearest valid name.

    Examples
    --------
    >>> study = load_study("spirit", {"population.chips": 20, "stress.temperatures": ["85 degC"]})
    >>> study.population.chips, study.stress.temperatures
    (20, (358.15,))
    """
    file: Path | Traversable = Path(path)
    if not file.is_file():
        shipped = shipped_studies()
        if str(path).endswith(".toml"):
            raise InputError(f"study: no file {str(path)!r}")
        if str(path) not in shipped:
            raise unknown_name("study", str(path), shipped)
        file = shipped[str(path)]
    table = read_toml(file.read_bytes(), file.name)
    for key, value in (overrides or {}).items():
        if value is not None:
            try:
                put(table, key, value)
            except InputError as error:
                raise InputError(f"{file.name}: {error}") from None
    try:
        study = Study(**table)
    except ValidationError as error:
        raise from_validation(error, file.name, KEYS) from None
    study = _with_cards_beside(study, Path(path).parent)
    try:
        check_size(study)
    except InputError as error:
        raise InputError(f"{file.name}: {error}") from None
    _check_names(study, file.name)
    _check_sweep(study, file.name, most_points)
    return study


def _with_cards_beside(study: Study, folder: Path) -> Study:
    def beside(card: Any) -> Any:
        path = folder / str(card)
        return str(path) if str(card).endswith(".toml") and path.is_file() else card

    sweep = tuple(
        axis.model_copy(update={"values": tuple(map(beside, axis.values))})
        if axis.name == "technology"
        else axis
        for axis in study.sweep
    )
    return study.model_copy(update={"technology": beside(study.technology), "sweep": sweep})


def _check_names(study: Study, where: str) -> None:
    """Refuse names that the card, the network or the other tables do not have."""
    try:
        technology = study.load_technology()
    except InputError as error:
        raise InputError(f"{where}: technology: {error}") from None
    try:
        study.load_network()
    except InputError as error:
        raise InputError(f"{where}: network.name: {error}") from None
    try:
        if study.architecture:
            study.architecture.load_components()
    except InputError as error:
        raise InputError(f"{where}: architecture: {error}") from None
    _check_images(study, where)
    if not study.sweep:  # each point is looked at by itself
        try:
            study.check_cells(technology)
        except InputError as error:
            raise InputError(f"{where}: {error}") from None
    names = set()
    for factor in study.sensitivity.factor if study.sensitivity else ():
        if factor.name in names:
            raise InputError(f"{where}: sensitivity.factor: name {factor.name!r} is there twice")
        names.add(factor.name)
        for parameter in factor.parameters:
            if parameter not in technology:
                line = unknown_name(f"parameter of {technology.name}", parameter, technology)
                raise InputError(f"{where}: sensitivity.factor.parameters: {line}")


def _check_images(study: Study, where: str) -> None:
    """Refuse more samples than there are, and what goes with networks of one layer only."""
    network = study.load_network()
    there = _DEEP_IMAGES if isinstance(network, DeepNetwork) else default_data(network).label.size
    tables: dict[str, Any] = {
        "network": study.network,
        "uncertainty": study.uncertainty,
        "sensitivity": study.sensitivity,
    }
    tables |= {"attribution": study.attribution} if "attribution" in study.outputs else {}
    for name, table in tables.items():
        if table is not None and table.images > there:
            raise InputError(f"{where}: {name}.images: got {table.images}, allowed 1 to {there} "
                             f"test images for {study.network.name}")  # fmt: skip
    if not isinstance(network, DeepNetwork):
        return
    inferences = any(study.stress.inferences)
    if study.sensitivity or inferences or study.network.read_temperature is not None:
        raise InputError(f"{where}: sensitivity, stress.inferences and network.read_temperature "
                         f"need a network of one layer, got {study.network.name}")  # fmt: skip


def _check_sweep(study: Study, where: str, most: int) -> None:
    """Refuse sweeps that are too large by mistake, and points that cannot be."""
    if not study.sweep:
        return
    try:
        count = count_points(study)
        if count > most:
            raise InputError(f"sweep: got {count:.3g} points, allowed {most:g}; --yes if meant")
        if count <= _CHECKED:
            points = [study.at(point) for point in sweep_points(study)]
            if "attribution" in study.outputs:
                _check_phenomena(points)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None


def _check_phenomena(points: list[Study]) -> None:
    """Refuse a sweep whose points do not tell the same phenomena apart."""
    first = points[0].phenomena()
    for point in points:
        if (here := point.phenomena()) != first:
            differ = ", ".join(sorted(set(here) ^ set(first)))
            raise InputError(
                f"attribution.phenomena: points of the sweep differ in {differ}; name those to "
                "tell apart"
            )
