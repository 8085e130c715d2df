"""Read a tester's file of any known layout into the Dataset that a sampled population also is."""

import codecs
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from reliability.errors import InputError, unknown_name
from reliability.files import read_toml
from reliability.measurements import (
    arc_one,
    keithley,
    keysight,
    labview,
    research,
    stdf,
    tidy,
    trace_tables,
)
from reliability.measurements.before_after import bake_of
from reliability.measurements.frames import frame_source, is_complete, table_of_dataset
from reliability.measurements.log import Log
from reliability.measurements.names import KNOWN, unit_inside
from reliability.measurements.recognition import recognise_layout
from reliability.measurements.source import Source, open_source
from reliability.measurements.wafer_map import WaferMap, place_dies, wafer_map_from
from reliability.units import quantity
from reliability.version import __version__

LAYOUTS: dict[str, Callable[..., xr.Dataset]] = {
    "tidy": tidy.read,
    "traces": trace_tables.read,
    "labview": labview.read,
    "arc_one": arc_one.read,
    "keithley": keithley.read,
    "keysight": keysight.read,
    "stdf": stdf.read,
    "relaxation": research.read_relaxation,
    "bake": research.read_bake,
    "cycling": research.read_cycling,
    "sweep": research.read_sweep,
    "endurance": research.read_endurance,
    "noise": research.read_noise,
}


_TABLES = ("tidy", "traces", "arc_one", "relaxation", "bake", "sweep", "endurance")


def read_measurements(
    path: str | Path | pd.DataFrame | xr.Dataset | xr.DataArray,
    layout: str | None = None,
    *,
    columns: Mapping[str, Any] | Sequence[str] | str | Path | None = None,
    constants: Mapping[str, str | float] | None = None,
    wafer_map: Mapping[str, Any] | WaferMap | None = None,
    **options: Any,
) -> xr.Dataset:
    """Read a tester's file, or a table that is in memory.

    Parameters
    ----------
    path : str, Path, DataFrame, Dataset or DataArray
        A file, plain or packed with gzip, bzip2 or xz. A data frame is a table with its columns as
        headers (``"G [uS]"``). A Dataset is read by its names and ``attrs["units"]``; one that has
        the dimensions wafer, die and cell is taken as it is.
    layout : str, optional
        One of ``tidy``, ``traces``, ``keithley``, ``keysight``, ``labview``, ``arc_one``, ``stdf``,
        ``relaxation``, ``bake``, ``cycling``, ``sweep``, ``endurance``, ``noise``; found from the
        content, or from ``columns``, when not given.
    columns : mapping, sequence, str or Path, optional
        Which column is what; see the layout. A path to a ``.toml`` file gives a mapping with the
        tables ``[columns]``, ``[constants]``, ``[wafer_map]`` and any option as a key.
    constants : mapping of str to str or float, optional
        What the file does not say: ``{"temperature": "85 degC", "read_voltage": "0.2 V",
        "wafer": "W07"}``. With a read voltage, currents also give the conductance.
    wafer_map : mapping or WaferMap, optional
        Die pitch, centre, notch and directions, to place ``die_x`` and ``die_y`` in mm.
    **options
        Of the layout: ``sheet``, ``delimiter``, ``time_points``, ``sample_rate``, ``tests`` ...

    Returns
    -------
    Dataset
        Dimensions wafer, die, cell and the axes that vary; SI units (mm on the wafer) in
        ``attrs["units"]``. Attributes: ``source``, ``source_sha256``, ``layout``,
        ``layout_evidence`` (why this layout, and what each column is), ``rows_read``,
        ``rows_bad``, ``bad_lines``, ``rows_blank``, ``values_overrange``, ``problems``, and the
        provenance ``seed``, ``technology``, ``spec_hash`` (digest of how the file was read) and
        ``reliability_version``. Arrays beyond 256 MiB lie in a temporary file, not in the memory.

    Raises
    ------
    InputError
        In one line: a file that is missing, empty, cut off, damaged or of another kind; an unknown
        layout, option, column or unit; a file of which most rows are bad.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "reads.csv"
    >>> _ = path.write_text("cell,time [h],G [uS]\\n1,0,50\\n1,24,48\\n2,0,55\\n2,24,bad\\n")
    >>> data = read_measurements(path, constants={"temperature": "125 degC"})
    >>> data["conductance"].dims, int(data.attrs["rows_bad"]), data.attrs["bad_lines"]
    (('wafer', 'die', 'cell', 'time'), 1, '5')
    >>> data["time"].values.tolist(), float(data["temperature"])
    ([0.0, 86400.0], 398.15)
    """
    given = {"layout": layout, "constants": constants, "wafer_map": wafer_map, **options}
    given = {key: value for key, value in given.items() if value is not None}
    if isinstance(columns, Path) or (isinstance(columns, str) and columns.endswith(".toml")):
        given = load_mapping(columns) | given
    elif columns is not None:
        given["columns"] = columns
    if isinstance(path, (xr.Dataset, xr.DataArray)):
        if is_complete(path):
            return _finished(path, given)
        path, axes = table_of_dataset(path)
        given = {"axes": axes, "layout": "tidy", **given} if axes else given
    source = frame_source(path) if isinstance(path, pd.DataFrame) else open_source(path)
    layout, evidence = given.pop("layout", None), "the layout was given"
    if layout is None:
        layout, evidence = recognise_layout(source, given.get("columns"))
    if layout not in LAYOUTS:
        raise unknown_name("layout", layout, LAYOUTS)
    if source.frame is not None and layout not in _TABLES:
        raise InputError(f"layout: {layout} is read from a file, not from a table in memory")
    reader = LAYOUTS[layout]
    constants, wafer_map = given.pop("constants", None), given.pop("wafer_map", None)
    allowed = list(inspect.signature(reader).parameters)[2:]  # behind source and log
    for name in given:
        if name not in allowed:
            raise unknown_name(f"option of layout {layout}", name, allowed)
    log = Log(evidence=[f"layout {layout}: {evidence}"])
    try:
        dataset = reader(source, log, **given)
        dataset = _with_constants(dataset, constants or {})
        dataset = _complete(dataset, wafer_map)
    except InputError as error:
        if source.name in str(error):
            raise
        raise InputError(f"{source.name}: {error}") from None
    recipe = {"layout": layout, "constants": constants, "wafer_map": wafer_map, **given}
    log.evidence += dataset.attrs.get("layout_evidence", [])
    dataset.attrs |= _provenance(source, layout, log, recipe)
    return dataset


def _finished(data: xr.Dataset | xr.DataArray, given: dict[str, Any]) -> xr.Dataset:
    """Take a Dataset that is arranged already; add constants and a wafer map."""
    dataset = data if isinstance(data, xr.Dataset) else data.to_dataset(name=data.name or "value")
    constants, wafer_map = given.pop("constants", None), given.pop("wafer_map", None)
    for name in given:
        raise InputError(f"{name}: does not apply to a Dataset over wafer, die and cell")
    dataset = _complete(_with_constants(dataset, constants or {}), wafer_map)
    kept = {"source": "dataset", "layout": "dataset", "technology": "measured", **data.attrs}
    return dataset.assign_attrs(kept)


def load_mapping(path: str | Path) -> dict[str, Any]:
    """Read a column mapping from a TOML file: [columns], [constants], [wafer_map] and options.

    Raises
    ------
    InputError
        No such file, or not TOML (with the line).
    """
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError:
        raise InputError(f"{path}: no such file") from None
    return read_toml(content.removeprefix(codecs.BOM_UTF8), path.name)


def _with_constants(dataset: xr.Dataset, constants: Mapping[str, str | float]) -> xr.Dataset:
    """Add what the file does not say as coordinates."""
    for name, value in constants.items():
        if name not in KNOWN or KNOWN[name].role == "value":
            allowed = [key for key, known in KNOWN.items() if known.role != "value"]
            raise unknown_name("constant", name, allowed)
        known = KNOWN[name]
        unnamed = name in dataset.dims and dataset[name].values.tolist() == [0]
        if name in dataset and not unnamed:
            raise InputError(f"constants.{name}: the file gives this itself")
        if known.label:
            text = str(value)
            entry: Any = int(text) if text.lstrip("-").isdigit() else text
        else:
            entry = quantity(value, known.unit, f"constants.{name}", low=known.low)
        attrs = {"units": known.unit}
        if name in dataset.dims:
            dataset = dataset.assign_coords({name: (name, [entry], attrs)})
        elif known.role == "die" or known.role == "wafer":
            entries = np.full(dataset.sizes[known.role], entry)
            dataset = dataset.assign_coords({name: (known.role, entries, attrs)})
        else:
            dataset = dataset.assign_coords({name: ((), entry, attrs)})
    return dataset


def _complete(dataset: xr.Dataset, wafer_map: Mapping[str, Any] | WaferMap | None) -> xr.Dataset:
    """Add what follows from the rest: positions on the wafer, conductance from a current."""
    if wafer_map is not None:
        dataset = place_dies(dataset, wafer_map_from(wafer_map))
    if "x" in dataset and "y" in dataset and "radius" not in dataset:
        radius = np.hypot(dataset["x"].values, dataset["y"].values)
        dataset = dataset.assign_coords(radius=("die", radius, {"units": "mm"}))
    if "current" in dataset and "read_voltage" in dataset and "conductance" not in dataset:
        conductance = dataset["current"] / dataset["read_voltage"]
        dataset["conductance"] = conductance.transpose(*dataset["current"].dims)
        dataset["conductance"].attrs = {"units": unit_inside("conductance", "")}
    return bake_of(dataset)


def _provenance(source: Source, layout: str, log: Log, recipe: Mapping[str, Any]) -> dict[str, Any]:
    text = json.dumps(recipe, sort_keys=True, default=str)
    return {
        "source": source.name,
        "source_sha256": source.sha256,
        "layout": layout,
        "layout_evidence": log.evidence,
        "rows_read": log.rows,
        "rows_bad": log.bad,
        "bad_lines": log.bad_lines(),
        "rows_blank": log.blank,
        "values_overrange": log.overrange,
        "problems": log.messages,
        "seed": "none",
        "technology": "measured",
        "spec_hash": hashlib.sha256(text.encode()).hexdigest()[:16],
        "reliability_version": __version__,
    }
