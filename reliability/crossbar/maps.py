"""Maps of the largest array over levels, wires and bias schemes, and over its two sides."""

import math
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import Any

import numpy as np
import xarray as xr

from reliability.crossbar.array_size import crossbar_limit, need_states
from reliability.crossbar.cell_models import SinhCell
from reliability.errors import InputError, unknown_name
from reliability.technology import Technology, expect_technology
from reliability.version import __version__

AXES = {
    "lrs_resistance": "ohm",
    "hrs_resistance": "ohm",
    "ratio": "1",
    "variability": "1",
    "wire": "ohm",
    "nonlinearity_voltage": "V",
    "bias_scheme": "",
    "layer": "",
}
_VALUES = ("value", "value_low", "value_high")
_SIZES = ("size", "size_low", "size_high", "monte_carlo_high", "rows", "columns")


def size_map(
    technology: Technology,
    axes: Mapping[str, Sequence[Any]],
    *,
    search: Callable[..., xr.Dataset] = crossbar_limit,
    progress: Callable[[int, int], None] | None = None,
    **study: Any,
) -> xr.Dataset:
    """Find the largest array at each combination of levels, variability, wire and bias scheme.

    Parameters
    ----------
    technology : Technology
    axes : mapping of str to sequence
        Any of ``lrs_resistance`` (median, ohm), ``hrs_resistance`` (ohm) or ``ratio`` (HRS over
        LRS, above 1), ``variability`` (factor on every standard deviation of the card's states),
        ``wire`` (ohm per segment, or a node of `load_wire`), ``nonlinearity_voltage`` (V, of
        `SinhCell`; inf is a linear cell), ``bias_scheme`` and ``layer`` (of a deep network, for a
        search of its tiles). A level that is set here is exact in
        every drawn card.
    search : callable
        What finds the largest array of one card, e.g. `reliability.network.tile_limit` of one
        network.
    progress : callable, optional
        Called with (cards searched, cards to search).
    **study
        As for ``search``.

    Returns
    -------
    Dataset
        ``size``, ``size_low``, ``size_high``, ``monte_carlo_high``, ``rows``, ``columns`` with one
        dimension for each axis, and ``drawn_size`` (..., draw); ``value``, ``value_low``,
        ``value_high``: the criterion at ``size`` and the interval of its mean, NaN where no size
        works; ``segment_resistance`` (ohm along a word line); ``energy`` (J) of one read of one
        cell of an ideal array, averaged over data, ``V^2 t (density G_LRS + (1 - density) G_HRS)``
        with the card's pulse width; ``signal`` (A), the difference of LRS and HRS currents. A map
        of one point also has its trials: ``trial``, ``trial_low``, ``trial_high`` (tried).

    Raises
    ------
    InputError
        An unknown axis, one without values, a value that cannot be, or a card without LRS and HRS.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> out = size_map(tech, {"lrs_resistance": [5e3, 20e3], "ratio": [30.0]}, limit=0.3,
    ...                segment_resistance=5.0, max_size=64, uncertainty_draws=0)
    >>> out["size"].dims, bool(out["size"][1, 0] > out["size"][0, 0])
    (('lrs_resistance', 'ratio'), True)
    """
    for name, values in axes.items():
        if name not in AXES:
            raise unknown_name("axis", name, AXES)
        if len(values) == 0:
            raise InputError(f"{name}: got no value, expected one or more")
    if "hrs_resistance" in axes and "ratio" in axes:
        raise InputError("hrs_resistance, ratio: give one of them")
    shape = tuple(len(values) for values in axes.values())
    names = [*_SIZES, *_VALUES, "segment_resistance", "energy", "signal"]
    found = {name: np.full(shape, np.nan) for name in names}
    draws = int(study.setdefault("uncertainty_draws", 8))
    drawn = np.zeros((*shape, draws), dtype=np.int64)
    cards = 1 + draws
    total, attrs, last = cards * int(np.prod(shape, dtype=int)), {}, xr.Dataset()
    for count, (place, point) in enumerate(
        zip(np.ndindex(shape), product(*axes.values()), strict=True)
    ):
        card, options = _at(technology, dict(zip(axes, point, strict=True)))
        report = _part(progress, count * cards, total)
        out = search(card, **{**study, **options}, progress=report)
        for name in _SIZES:
            found[name][place] = out[name].item()
        if out["size"] > 0:
            at = out.sel(tried=out["size"])
            for name in _VALUES:
                found[name][place] = at[name].item()
        drawn[place] = out["drawn_size"].values
        found["segment_resistance"][place] = out.attrs["word_line_resistance"]
        found["energy"][place], found["signal"][place] = _price(card, study)
        attrs, last = out.attrs, out
    dims = tuple(axes)
    units = dict.fromkeys(_SIZES, "lines")
    units |= {"segment_resistance": "ohm", "energy": "J", "signal": "A"}
    for name in ("size", "rows", "columns", "monte_carlo_high"):
        found[name] = found[name].astype(int)
    variables: dict[str, Any] = {
        name: (dims, values, {"units": units.get(name, "1")}) for name, values in found.items()
    }
    variables["drawn_size"] = ((*dims, "draw"), drawn, {"units": "lines"})
    if total == cards:
        variables |= {
            new: ("tried", last[old].values, {"units": "1"})
            for new, old in zip(("trial", "trial_low", "trial_high"), _VALUES, strict=True)
        }
        variables["tried"] = ("tried", last["tried"].values, {"units": "lines"})
    kept = {k: v for k, v in attrs.items() if not k.endswith("_resistance")}
    return xr.Dataset(
        variables,
        coords={name: _coordinate(name, values) for name, values in axes.items()},
        attrs=kept | {"technology": technology.name, "technology_card": technology.to_json()},
    )


def resistance_levels(
    technology: Technology,
    lrs_resistance: Sequence[float],
    ratio: Sequence[float],
    *,
    criterion: str = "output_error",
    limit: float = 0.3,
    segment_resistance: float = 1.0,
    max_size: int = 256,
    seed: int = 0,
    **study: Any,
) -> xr.Dataset:
    """Map the size limit and the read energy over LRS resistance and HRS/LRS ratio.

    Raising the LRS resistance lowers the drop along the lines and the energy, and the signal with
    it; the ratio sets the leakage of stored zeros.

    Parameters
    ----------
    technology : Technology
    lrs_resistance : sequence of float
        Median LRS resistances, ohm.
    ratio : sequence of float
        HRS over LRS, above 1. Variability stays that of the technology.
    criterion, limit, segment_resistance, max_size, seed, **study
        As for `crossbar_limit`; ``uncertainty_draws`` is 0 unless given.

    Returns
    -------
    Dataset
        That of `size_map` with ``pareto``: no other pair has a size as large, an energy as low and
        a signal as large, one of them better.

    Raises
    ------
    InputError
        A resistance that is not positive, a ratio of 1 or less, or what `crossbar_limit` refuses.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> out = resistance_levels(tech, [5e3, 20e3], [30.0], limit=0.3, max_size=128)
    >>> bool(out["size"][1, 0] > out["size"][0, 0])  # less drop along the lines
    True
    """
    expect_technology(technology)
    if not len(lrs_resistance) or not len(ratio):
        raise InputError("lrs_resistance, ratio: got no value, expected one or more of each")
    if min(lrs_resistance) <= 0 or min(ratio) <= 1:
        raise InputError("lrs_resistance, ratio: expected positive resistances and ratios above 1")
    out = size_map(
        technology,
        {"lrs_resistance": lrs_resistance, "ratio": ratio},
        **{
            "uncertainty_draws": 0, "criterion": criterion, "limit": limit,
            "segment_resistance": segment_resistance, "max_size": max_size, "seed": seed, **study,
        },
    )  # fmt: skip
    out["pareto"] = pareto_set(out)
    return out.assign_attrs(segment_resistance=segment_resistance)


def pareto_set(sizes: xr.Dataset) -> xr.DataArray:
    """Points of a map that no other beats in size, energy and signal together.

    Examples
    --------
    >>> points = xr.Dataset({"size": ("x", [64, 32, 32]), "energy": ("x", [2.0, 1.0, 3.0]),
    ...                      "signal": ("x", [1.0, 1.0, 1.0])})
    >>> pareto_set(points).values.tolist()
    [True, True, False]
    """
    signs = {"size": 1.0, "energy": -1.0, "signal": 1.0}
    points = np.column_stack([sign * sizes[name].values.ravel() for name, sign in signs.items()])
    beaten = [
        any((other >= point).all() and (other > point).any() for other in points)
        for point in points
    ]
    return xr.DataArray(~np.array(beaten).reshape(sizes["size"].shape), dims=sizes["size"].dims)


def crossbar_border(
    technology: Technology,
    rows: Sequence[int],
    *,
    axes: Mapping[str, Sequence[Any]] | None = None,
    progress: Callable[[int, int], None] | None = None,
    **study: Any,
) -> xr.Dataset:
    """Border of the feasible arrays: the most columns for each number of rows.

    Parameters
    ----------
    technology : Technology
    rows : sequence of int
    axes : mapping, optional
        As for `size_map`, one value each.
    progress, **study
        As for `crossbar_limit`, which searches the columns.

    Returns
    -------
    Dataset
        ``columns`` (rows) with ``columns_low``, ``columns_high``; 0 where no array works,
        ``max_size`` where the limit lies beyond.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> out = crossbar_border(tech, [16, 64], limit=0.3, segment_resistance=5.0, max_size=64,
    ...                       uncertainty_draws=0)
    >>> bool(out["columns"][0] > out["columns"][1])
    True
    """
    if len(rows) == 0:
        raise InputError("rows: got no value, expected one or more")
    cards = 1 + int(study.get("uncertainty_draws", 8))
    for name, values in (axes or {}).items():
        if len(values) != 1:
            raise InputError(f"{name}: got {len(values)} values, expected one")
    card, options = _at(technology, {name: values[0] for name, values in (axes or {}).items()})
    found, attrs = [], {}
    for count, m in enumerate(rows):
        report = _part(progress, count * cards, cards * len(rows))
        out = crossbar_limit(card, **{**study, **options, "rows": int(m)}, progress=report)
        found.append([out[name].item() for name in ("size", "size_low", "size_high")])
        attrs = out.attrs
    size, low, high = np.array(found, dtype=float).T
    return xr.Dataset(
        {
            "columns": ("rows", size.astype(int), {"units": "lines"}),
            "columns_low": ("rows", low, {"units": "lines"}),
            "columns_high": ("rows", high, {"units": "lines"}),
        },
        coords={"rows": ("rows", [int(m) for m in rows], {"units": "lines"})},
        attrs=attrs
        | {
            "technology": technology.name,
            "technology_card": technology.to_json(),
            "reliability_version": __version__,
        },
    )


def sizes_by_rows(
    technology: Technology,
    axes: Mapping[str, Sequence[Any]],
    rows: Sequence[int] = (),
    *,
    progress: Callable[[int, int], None] | None = None,
    **study: Any,
) -> xr.Dataset:
    """Map of `size_map`, or border of `crossbar_border` where there are several numbers of rows.

    Parameters
    ----------
    technology : Technology
    axes : mapping of str to sequence
        As for `size_map`; one value each for a border.
    rows : sequence of int
        None: both sides are searched; one: the columns of a map; several: a border.
    progress, **study
        As for `size_map`.

    Raises
    ------
    InputError
        An axis of several values with several numbers of rows.

    Examples
    --------
    >>> import reliability as rel
    >>> found = sizes_by_rows(rel.load_technology("oxram-130nm"), {"wire": [5.0]}, [16, 64],
    ...                       max_size=32, uncertainty_draws=0)
    >>> found["columns"].dims
    ('rows',)
    """
    if len(rows) < 2:
        fixed = rows[0] if rows else None
        return size_map(technology, axes, progress=progress, rows=fixed, **study)
    several = [name for name, values in axes.items() if len(values) > 1]
    if several:
        raise InputError(f"{several[0]}: give one value when there are several numbers of rows")
    return crossbar_border(technology, rows, axes=axes, progress=progress, **study)


def _part(
    progress: Callable[[int, int], None] | None, before: int, total: int
) -> Callable[[int, int], None] | None:
    """Report the cards of one search among those of all."""
    if progress is None:
        return None
    return lambda done, _: progress(before + done, total)


def _at(technology: Technology, point: Mapping[str, Any]) -> tuple[Technology, dict[str, Any]]:
    """Card and options of `crossbar_limit` at one point of a map."""
    if {"variability", "lrs_resistance", "hrs_resistance", "ratio"} & set(point):
        need_states(technology)
    values: dict[str, float] = {}
    options: dict[str, Any] = {}
    if "variability" in point:
        values = {
            name: technology[name] * point["variability"]
            for name in technology
            if name.startswith(("programming.LRS.sigma_", "programming.HRS.sigma_"))
            and not name.endswith("exponent")
        }
    if technology.has_states:
        values |= _levels(technology, point)
    if "wire" in point:
        wire = point["wire"]
        options["node" if isinstance(wire, str) else "segment_resistance"] = wire
    options |= {name: point[name] for name in ("bias_scheme", "layer") if name in point}
    if "nonlinearity_voltage" in point:
        v0 = float(point["nonlinearity_voltage"])
        if not v0 > 0:
            raise InputError(f"nonlinearity_voltage: got {v0:g} V, allowed more than 0")
        options["cell"] = None if np.isinf(v0) else SinhCell(v0)
    return technology.with_values(values), options


def _levels(technology: Technology, point: Mapping[str, Any]) -> dict[str, float]:
    """Resistances of both states that a point sets."""
    values = {}
    lrs = float(point.get("lrs_resistance", technology["programming.LRS.resistance"]))
    hrs = float(point.get("hrs_resistance", technology["programming.HRS.resistance"]))
    if "ratio" in point:
        hrs = lrs * float(point["ratio"])
    if not 0 < lrs < hrs:
        raise InputError(
            f"lrs_resistance, hrs_resistance: got {lrs:g} and {hrs:g} ohm, expected 0 < LRS < HRS"
        )
    if "lrs_resistance" in point:
        values["programming.LRS.resistance"] = lrs
    if "hrs_resistance" in point or "ratio" in point:
        values["programming.HRS.resistance"] = hrs
    return values


def _price(card: Technology, study: Mapping[str, Any]) -> tuple[float, float]:
    """Energy (J) of one cell's read, NaN without its width, and difference of its currents, A."""
    volts = card["read.voltage"] if study.get("read_voltage") is None else study["read_voltage"]
    density = study.get("density", 0.5)
    if card.has_states:
        high, low = (1 / card[f"programming.{state}.resistance"] for state in ("LRS", "HRS"))
    else:
        high, low = card["target.maximum"], card["target.minimum"]
    width = card.get("read.pulse_width", math.nan)
    return volts**2 * width * (density * high + (1 - density) * low), volts * (high - low)


def _coordinate(name: str, values: Sequence[Any]) -> tuple[str, Any, dict[str, str]]:
    text = any(isinstance(value, str) for value in values)
    entries = [f"{v:g} ohm" if text and not isinstance(v, str) else v for v in values]
    return name, np.array(entries, dtype=object if text else float), {"units": AXES[name]}
