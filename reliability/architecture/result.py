"""What every study of this folder returns: headline numbers, and checks against published chips."""

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.network import DeepNetwork, Network, load_network
from reliability.technology import Technology
from reliability.technology.components import Components


def one_layer(network: str, technology: Technology | None = None) -> Network:
    """Return a network of one layer, for cells with LRS and HRS.

    Raises
    ------
    InputError
        Another network, or a card of levels.
    """
    file = Path(network)
    net = _network(network, file.stat().st_mtime_ns if file.is_file() else 0)
    if isinstance(net, Network) and (technology is None or technology.has_states):
        return net
    card = f" on {technology.name}" if technology else ""
    raise InputError(
        f"network: got {network}{card}, expected a network of one layer on cells with LRS and HRS"
    )


@lru_cache(maxsize=16)
def _network(name: str, changed: int) -> Network | DeepNetwork:
    """A network as of when its file changed; kept, because all points and draws share it."""
    return load_network(name)


def cross_checks(components: Components, models: Mapping[str, tuple[str, float]]) -> xr.Dataset:
    """Compare what a study computes with what was published of chips.

    Parameters
    ----------
    components : Components
    models : mapping of str to (str, float)
        Name of a published value in the components, to what the check is called (chip and quantity)
        and the value of the model, in the same SI unit.

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
    answers: Mapping[str, tuple[float, str, str]],
    checks: xr.Dataset | None = None,
) -> xr.Dataset:
    """Join results, answers and checks, and state what they are of.

    Parameters
    ----------
    data : Dataset
    technology, components : Technology, Components
        What the results are of.
    seed : int
    answers : mapping of str to (float, str, str)
        Headline numbers, which the summary gives with their interval: value, SI unit and name.
    checks : Dataset, optional
        From `cross_checks`.
    """
    numbers = {
        key: ((), float(value), {"units": unit, "long_name": name})
        for key, (value, unit, name) in answers.items()
    }
    out = data.assign(numbers)
    if checks is not None:
        out = out.assign_coords(checks.coords).assign(checks.data_vars)
    attrs = {"technology": technology.name, "components": components.name, "seed": seed}
    return out.assign_attrs(attrs | {"headline": list(answers)})


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
    fraction = -excess[k - 1] / (excess[k] - excess[k - 1])
    return float(x[k - 1] * (x[k] / x[k - 1]) ** fraction)


def crossing(ratio: xr.DataArray, along: str) -> xr.DataArray:
    """Return the value of an axis up to which a ratio is no more than one; see `first_crossing`."""
    x = ratio[along].values.astype(float)
    one = np.ones_like(x)
    return xr.apply_ufunc(
        lambda values: first_crossing(x, values, one), ratio, input_core_dims=[[along]],
        vectorize=True,
    )  # fmt: skip


def add_answers(data: xr.Dataset, **answers: tuple[xr.DataArray, str, str]) -> xr.Dataset:
    """Add headline numbers to the points of a sweep: each with its values, unit and name."""
    out = data.assign(
        {key: values.assign_attrs(units=unit, long_name=name)
         for key, (values, unit, name) in answers.items()}
    )  # fmt: skip
    return out.assign_attrs(headline=[*answers, *np.atleast_1d(data.attrs["headline"])])
