"""What every study of this room returns: headline numbers, and checks against published chips."""

from collections.abc import Mapping, Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.technology import Technology
from reliability.technology.components import Components


def scalar(value: float, unit: str, name: str) -> xr.Variable:
    """Return one number with its unit and what figures and summaries call it.

    >>> scalar(3.6e-12, "J", "energy of an event").attrs["units"]
    'J'
    """
    return xr.Variable((), float(value), {"units": unit or "1", "long_name": name})


def cross_checks(components: Components, models: Mapping[str, tuple[str, float]]) -> xr.Dataset:
    """Compare what a study computes with what was published of chips.

    Parameters
    ----------
    components : Components
    models : mapping of str to (str, float)
        Name of a published value in the components, to what the check is called (chip and quantity)
        and what the model says of it, in the same SI unit.

    Returns
    -------
    Dataset
        ``published``, ``model``, ``ratio`` (model over published) on the dimension ``check``, with
        the coordinates ``check``, ``unit`` and ``source``.

    Examples
    --------
    >>> from reliability.technology.components import load_components
    >>> components = load_components("energy")
    >>> checks = cross_checks(components, {"published.spirit_event": ("SPIRIT, event", 1.8e-12)})
    >>> float(checks["ratio"].sel(check="SPIRIT, event").round(3))
    0.5
    """
    published = np.array([components[name] for name in models])
    model = np.array([value for _, value in models.values()], dtype=float)
    parameters = [components.parameters[name] for name in models]
    return xr.Dataset(
        {
            "published": ("check", published),
            "model": ("check", model),
            "ratio": ("check", model / published, {"units": "1"}),
        },
        {
            "check": [label for label, _ in models.values()],
            "unit": ("check", [p.unit or "1" for p in parameters]),
            "source": ("check", [p.source for p in parameters]),
        },
    )


def finish(
    data: xr.Dataset,
    technology: Technology,
    components: Components,
    seed: int,
    *,
    headline: Sequence[str],
    checks: xr.Dataset | None = None,
) -> xr.Dataset:
    """Join results and checks, and say which numbers are the answer and where they come from.

    Parameters
    ----------
    data : Dataset
    technology, components : Technology, Components
        What the results are of.
    seed : int
    headline : sequence of str
        Variables without a dimension that the summary gives with their interval.
    checks : Dataset, optional
        From `cross_checks`.
    """
    named = {name: data[name] for name in headline}
    assert all(not v.dims and {"units", "long_name"} <= set(v.attrs) for v in named.values())
    out = data if checks is None else xr.merge([data, checks], combine_attrs="drop_conflicts")
    attrs = {"technology": technology.name, "components": components.name, "seed": seed}
    return out.assign_attrs(attrs | {"headline": list(headline)})


def first_crossing(
    x: NDArray[np.float64], one: NDArray[np.float64], other: NDArray[np.float64]
) -> float:
    """Return the x up to which ``one`` is no more than ``other``; 0 if not at first, inf if always.

    On a grid in log x, interpolated in the logarithm of their ratio.

    >>> x = np.array([1.0, 10.0, 100.0])
    >>> first_crossing(x, np.array([0.1, 1.0, 10.0]), np.array([1.0, 1.0, 1.0]))
    10.0
    """
    excess = np.log(one / other)
    above = np.flatnonzero(excess > 1e-12)  # equal to rounding is equal
    if above.size == 0:
        return np.inf
    k = int(above[0])
    if k == 0:
        return 0.0
    share = -excess[k - 1] / (excess[k] - excess[k - 1])
    return float(x[k - 1] * (x[k] / x[k - 1]) ** share)
