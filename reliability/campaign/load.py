"""Read a study's TOML file and check it against all that it names, before anything runs."""

from importlib.resources.abc import Traversable
from itertools import islice
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from reliability.campaign.decision import uncertain_parameters
from reliability.campaign.dotted import put
from reliability.campaign.feasibility import check_size
from reliability.campaign.named_files import FILES
from reliability.campaign.outputs import OUTPUTS, kinds_of
from reliability.campaign.spec import KEYS, Study
from reliability.campaign.sweep import count_points, paired_designs, sweep_points
from reliability.campaign.tables import TilingTable, is_choice
from reliability.errors import InputError, from_validation, unknown_name
from reliability.files import read_toml
from reliability.network import DeepNetwork
from reliability.network.metrics import Metric
from reliability.resources import data_folder, shipped_studies

MOST_POINTS = 100_000  # of a sweep, unless the user says that so many are meant
# Options of a network of one layer, each with the coding with which alone it acts.
_OPTIONS: dict[str, str | None] = {
    "coding": None, "mapping": None, "neuron": None, "delta_s": "rate",
    "spike_limit": "rate",
    "first_spike": "first_spike", "desensitization": "first_spike",
}  # fmt: skip
_CHECKED = 2000  # points of a sweep that are tried before anything runs


def load_study(
    path: str | Path,
    overrides: dict[str, Any] | None = None,
    *,
    metric: Metric | None = None,
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
    metric : str or callable, optional
        Metric of a chip instead of ``network.metric``: a name, a function
        ``f(outputs, target) -> float`` of a module, or its ``module:function``. A study file
        can't name a function: whoever runs it does.
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
    folder = Path(path).parent
    return study_of(table, file.name, folder=folder, metric=metric, most_points=most_points)


def study_of(
    table: dict[str, Any],
    where: str,
    *,
    folder: Path | None = None,
    metric: Metric | None = None,
    most_points: int = MOST_POINTS,
) -> Study:
    """Check the table of a study, and return the study.

    Parameters
    ----------
    table : dict
        As TOML has it.
    where : str
        What errors call it.
    folder : Path, optional
        Where technologies that are files are looked up first.
    metric : str or callable, optional
        As of `load_study`.
    most_points : int
        Sweeps of more points are refused.

    Raises
    ------
    InputError
        As `load_study`.
    """
    try:
        written = study = Study(**table)
    except ValidationError as error:
        raise from_validation(error, where, KEYS) from None
    _refuse_functions(study, where)
    if metric is not None:
        written = study = study.with_metric(metric)
    if folder is not None:
        study = _with_files_beside(study, folder)
    try:
        _check_tables(written)
        _check_stages(written)
        study = _with_all_of_its_data(study)
        _check_points(study, most_points)
        check_size(study)
        _check_names(study)
        _check_options(study)
        _check_sweep(study)
        _check_decision(study)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    return study


def _refuse_functions(study: Study, where: str) -> None:
    """Refuse a function that a file names: it would run code of whoever wrote the file."""
    if any(axis.name == "network.metric" for axis in study.sweep):
        raise InputError(f"{where}: sweep: network.metric: expected one metric for all points")
    if ":" in (name := study.network.metric):
        raise InputError(
            f"{where}: network.metric: got {name!r}, a file can't name a function; give it by "
            f"reliability run STUDY --metric {name.partition('@')[0]}, or in Python by "
            "load_study(..., metric=function)"
        )


def _with_files_beside(study: Study, folder: Path) -> Study:
    def beside(name: Any) -> Any:
        path = folder / str(name)
        return str(path) if str(name).endswith(FILES) and path.is_file() else name

    def cells_beside(name: Any) -> Any:
        for place in (folder, Path(str(data_folder() / "measured"))):
            if name and (path := place / str(name)).is_file():
                return str(path)
        return name

    sweep = tuple(
        axis.model_copy(
            update={
                "values": tuple(map(cells_beside if axis.name == "cells" else beside, axis.values))
            }
        )
        if axis.name in ("technology", "network.name", "cells")
        else axis
        for axis in study.sweep
    )
    named = {name: beside(getattr(study.network, name)) for name in ("name", "data", "calibration")}
    for name in ("data", "calibration"):
        given = getattr(study.network, name)
        if given is not None and (folder / given).is_dir():
            named[name] = str(folder / given)
    network = study.network.model_copy(update=named)
    return study.model_copy(
        update={
            "technology": beside(study.technology),
            "cells": cells_beside(study.cells),
            "network": network,
            "sweep": sweep,
        }
    )


def _with_all_of_its_data(study: Study) -> Study:
    """Take all images of the study's own data where it names no number."""
    if study.network.data is None or "images" in study.network.model_fields_set:
        return study
    _check_network_name(study)
    try:
        data = study.load_data()
    except InputError as error:
        raise InputError(f"network.data: {error}") from None
    assert data is not None
    count = data.sizes[next(iter(data.dims))]
    images = min(count, study.network.images)
    return study.model_copy(update={"network": study.network.model_copy(update={"images": images})})


def _check_network_name(study: Study) -> None:
    try:
        study.load_network()
    except InputError as error:
        raise InputError(f"network.name: {error}") from None


def _check_names(study: Study) -> None:
    """Refuse names that the card, the network or the other tables do not have."""
    try:
        study.load_technology()
    except InputError as error:
        named = str(error).startswith(("cells: ", "observation: "))
        whose = "" if named else "technology: "
        raise InputError(f"{whose}{error}") from None
    _check_network_name(study)
    if not study.sweep:  # each point is looked at by itself
        study.check()


def _check_tables(study: Study) -> None:
    """Refuse keys of tables that act on no output of the study: they would be ignored."""
    uses = {name: {*kind.uses, *([name] if kind.table else [])} for name, kind in OUTPUTS.items()}
    acting = {table for name in study.outputs for table in uses[name]}
    swept = [axis.name for axis in study.sweep]
    for table in sorted({table for tables in uses.values() for table in tables} - acting):
        given = getattr(study, table)
        keys = [f"{table}.{key}" for key in sorted(given.model_fields_set)] if given else []
        keys += [name for name in swept if name.startswith(f"{table}.")]
        keys += [table] if table in study.model_fields_set else []
        if keys:
            able = [name for name, tables in uses.items() if table in tables]
            raise InputError(f"{keys[0]}: acts with outputs {' or '.join(able)}, got "
                             f"{', '.join(study.outputs)}")  # fmt: skip


def _check_stages(study: Study) -> None:
    """Refuse stages of a search whose outputs have no chips."""
    if study.search and study.search.stages:
        able = [name for name, kind in OUTPUTS.items() if "population" in kind.uses]
        if set(able).isdisjoint(study.outputs):
            raise InputError(f"search.stages: acts with outputs {' or '.join(able)}, got "
                             f"{', '.join(study.outputs)}")  # fmt: skip


def _check_decision(study: Study) -> None:
    """Refuse a decision on a card without uncertain parameters."""
    if study.decision and study.sweep:
        first = next(iter((paired_designs if study.search else sweep_points)(study)))
        conditions = [axis for axis in study.sweep if not is_choice(axis)]
        uncertain_parameters(study.at(first), conditions)
    elif study.decision:
        uncertain_parameters(study, ())


def _check_options(study: Study) -> None:
    """Refuse options of the evaluation that act at no point: they would be ignored."""
    swept = {axis.name for axis in study.sweep}
    deep = {isinstance(study.named_network(str(name)), DeepNetwork)
            for name in study.values_of("network.name")}  # fmt: skip
    codings, networks = study.values_of("network.coding"), study.values_of("network.name")
    of_tiles: dict[str, str | None] = dict.fromkeys(TilingTable.model_fields)
    for table, options in (("network", _OPTIONS), ("tiling", of_tiles)):
        given = {f"{table}.{key}" for key in getattr(study, table).model_fields_set} | swept
        for key, coding in options.items():
            name = f"{table}.{key}"
            if name not in given:
                continue
            if deep == {table == "network"}:
                layers = "of one layer" if table == "network" else "of many layers, from ONNX"
                raise InputError(f"{name}: acts on a network {layers}, got network.name "
                                 f"{' and '.join(map(repr, networks))}")  # fmt: skip
            if coding and coding not in codings:
                raise InputError(f"{name}: acts with network.coding {coding!r}, got "
                                 f"{' and '.join(map(repr, codings))}")  # fmt: skip


def _check_points(study: Study, most: int) -> None:
    """Refuse sweeps that are too large by mistake."""
    count = count_points(study)
    if count > most:
        raise InputError(f"sweep: got {count:.3g} points, allowed {most:g}; --yes if meant")


def _check_sweep(study: Study) -> None:
    """Refuse points that cannot be."""
    own = {name: key for kind in kinds_of(study) for name, key in kind.own_axes.items()}
    for axis in study.sweep:
        if axis.name in own:
            raise InputError(
                f"sweep: {axis.name} is an axis of an output already, by {own[axis.name]}; "
                "expected another axis, or other outputs"
            )
    if study.search and study.design.kind != "listed":
        for point in islice(paired_designs(study), _CHECKED):
            try:
                study.at(point)
            except InputError as error:
                names = " and ".join(f"{name} {value}" for name, value in point.items())
                raise InputError(f"search: a choice depends on another: with {names}: {error}"
                                 ) from None  # fmt: skip
        return
    if study.sweep and count_points(study) <= _CHECKED:
        points = [study.at(point) for point in sweep_points(study)]
        for kind in kinds_of(study):
            kind.check_sweep(points)
