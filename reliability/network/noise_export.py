"""A card as a noise model for other simulators: moments of cells by level and time.

`noise_table` samples the card's cells at evenly spaced levels, or in their two states, and ages
them; what follows from programming error, relaxation, drift and retention at that temperature is in
the moments. aihwkit draws each cell from them with the correlation that its programmed and its aged
conductance have; CrossSim takes the table itself; NeuroSim takes one column of it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.devices.target import Target
from reliability.errors import InputError, expect, whole_number
from reliability.mission import MissionProfile
from reliability.population.ageing import age
from reliability.population.sampling import sample_dies
from reliability.technology import Technology

_DIES = 100


def noise_table(
    technology: Technology,
    *,
    times: Sequence[float] = (1.0, 3600.0, 86400.0, 2.6e6, 3.2e7),
    temperature: float | str = 298.15,
    levels: int = 17,
    cells: int = 4000,
    seed: int = 0,
) -> xr.Dataset:
    """Return mean and standard deviation of cells, as programmed and aged.

    Parameters
    ----------
    technology : Technology
    times : sequence of float
        s since programming, rising.
    temperature : float or str
        Of storage, K or with a unit.
    levels : int
        Evenly spaced targets from the least to the largest; cells of two states have these.
    cells : int
        Of each level, on 100 dies of four wafers of one lot.
    seed : int

    Returns
    -------
    Dataset
        Over ``target`` (S; of two states the means as programmed, HRS first) and ``time`` (s, 0 as
        programmed): ``mean``, ``deviation`` (S), and ``correlation`` with the conductance as
        programmed. Conductances are those of the cells, without a select device in series.

    Raises
    ------
    InputError
        Times that do not rise.

    Examples
    --------
    >>> import reliability as rel
    >>> found = noise_table(rel.load_technology("pcm-joshi"), times=[60.0], cells=500)
    >>> bool(found["mean"].sel(time=60.0)[-1] < found["mean"].sel(time=0.0)[-1])
    True
    """
    expect(technology, Technology, "technology", "a Technology")
    listed = [float(time) for time in times]
    if not listed or listed[0] <= 0 or any(np.diff(listed) <= 0):
        raise InputError(f"times: got {list(times)}, expected rising ones above 0 s")
    states: NDArray[Any] = np.array(["HRS", "LRS"])
    if "target.maximum" in technology:
        model = Target.from_technology(technology)
        many = whole_number(levels, "levels", 2, 1000)
        states = np.linspace(model.minimum, model.maximum, many)
    count = len(states)
    each = -(-whole_number(cells, "cells", 100) // _DIES)
    programmed = sample_dies(technology, state=np.repeat(states, each), count=_DIES, seed=seed)
    profiles = [MissionProfile.constant(time, temperature) for time in listed]
    aged = [programmed, *(age(programmed, profile) for profile in profiles)]
    g = np.stack([one["conductance"].values.reshape(_DIES, count, each) for one in aged])
    g = g.astype(float).transpose(2, 0, 1, 3).reshape(count, len(aged), -1)
    off = g - g.mean(axis=-1, keepdims=True)
    sigma = off.std(axis=-1)
    both = (off * off[:, :1]).mean(axis=-1)
    size = sigma * sigma[:, :1]
    rho = np.divide(both, size, out=np.zeros_like(both), where=size > 0)
    target = g[:, 0].mean(axis=-1) if states.dtype.kind == "U" else states
    values = {"mean": (g.mean(axis=-1), "S"), "deviation": (sigma, "S"), "correlation": (rho, "1")}
    return xr.Dataset(
        {name: (("target", "time"), v, {"units": u}) for name, (v, u) in values.items()},
        coords={"target": ("target", target, {"units": "S"}),
                "time": ("time", [0.0, *listed], {"units": "s"})},
        attrs={"technology": technology.name, "temperature": str(temperature), "seed": seed,
               "cells": _DIES * each, "states": "levels" if states.dtype.kind == "f" else "two"},
    )  # fmt: skip


def at_time(table: xr.Dataset, time: float) -> dict[str, NDArray[np.float64]]:
    """Return the moments of each level at a time, linear in log(1 + time) between those there.

    Beyond the last time that of the table is refused, as nothing is known of it.

    Examples
    --------
    >>> table = xr.Dataset({"mean": (("target", "time"), np.array([[1.0, 3.0]]))},
    ...                    coords={"time": [0.0, 99.0]})
    >>> at_time(table, 9.0)["mean"]
    array([2.])
    """
    known = table["time"].values
    if not 0 <= time <= known[-1]:
        raise InputError(f"time: got {time:g} s, the table holds 0 to {known[-1]:g} s")
    x, at = np.log1p(known), np.log1p(time)
    moments = {str(name): table[name].values for name in table}
    return {name: np.array([np.interp(at, x, row) for row in v]) for name, v in moments.items()}


def neurosim_states(table: xr.Dataset, *, bits: int, time: float = 0.0) -> str:
    """Return the file ``mem_states.csv`` of DNN+NeuroSim V1.5 (option ``--mem_states_file``).

    Parameters
    ----------
    table : Dataset
        Of `noise_table`.
    bits : int
        Of a cell, its option ``--bitcell``; 1 of cells of two states.
    time : float
        s since programming; its option ``--v`` stays 0, as drift is in the numbers.

    Returns
    -------
    str
        Columns ``states``, ``mean`` and ``std`` (S) of 2^bits states, the least conductance first.

    Raises
    ------
    InputError
        More bits than a cell of two states has, a time beyond the table.

    Notes
    -----
    NeuroSim draws each cell once from the normal distribution of its state, takes off one of state
    0, and counts in steps of the difference of the means of states 0 and 1, so that means which are
    not evenly spaced (as of drifted levels) are errors of its sums. Means and deviations between
    levels are interpolated.

    Examples
    --------
    >>> import reliability as rel
    >>> table = noise_table(rel.load_technology("oxram-130nm"), times=[60.0], cells=500)
    >>> neurosim_states(table, bits=1).splitlines()[0]
    'states,mean,std'
    """
    count = 2 ** whole_number(bits, "bits", 1, 8)
    if table.attrs["states"] == "two" and count > 2:
        raise InputError(f"bits: got {bits}, a cell of two states has 1")
    found, known = at_time(table, time), table["target"].values
    at = np.linspace(known[0], known[-1], count)
    rows = zip(*(np.interp(at, known, found[name]) for name in ("mean", "deviation")), strict=True)
    lines = [f"{k},{mean:.6e},{deviation:.6e}" for k, (mean, deviation) in enumerate(rows)]
    return "\n".join(["states,mean,std", *lines, ""])


def _expect_levels(table: xr.Dataset, simulator: str) -> None:
    if table.attrs["states"] == "two":
        raise InputError(
            f"table: {table.attrs['technology']} has no levels, which {simulator} programs"
        )


def crosssim_arrays(table: xr.Dataset) -> dict[str, NDArray[np.float64] | float]:
    """Return the arguments of CrossSim's ``InterpolatedDevice``, with the resistances of its ends.

    Parameters
    ----------
    table : Dataset
        Of `noise_table`, with four times or more, which its spline needs.

    Returns
    -------
    dict
        ``targets`` (S), ``data_array_1`` (deviation) and ``data_array_2``, both (targets, times) in
        S, ``times`` (s); ``Rmin`` and ``Rmax`` (ohm) for its ``device_params``.

    Notes
    -----
    "2D drift mode" of ``simulator/devices/models/interpolated_device.py`` (sandialabs/cross-sim):
    a cell is its target plus normal noise, whose deviation is looked up at ``data_array_2`` of the
    target; a shift of the mean is not added. So that every level has its own deviation,
    ``data_array_2`` holds the targets, and drift of the mean is in ``table["mean"]`` alone. Times
    other than those of the table are interpolated by a cubic spline in time; ask for those.

    Examples
    --------
    ``InterpolatedDevice(arrays["targets"], arrays["data_array_1"], ...)``
    """
    _expect_levels(table, "CrossSim")
    if table.sizes["time"] < 4 or table.sizes["target"] < 4:
        raise InputError(
            f"table: got {table.sizes['target']} levels and {table.sizes['time']} times, CrossSim "
            "needs four or more of each"
        )
    target = table["target"].values
    if not target[0] > 0:
        raise InputError(f"table: got a least level of {target[0]:g} S, CrossSim needs one above 0")
    return {
        "targets": target,
        "data_array_1": table["deviation"].values,
        "data_array_2": np.repeat(target[:, None], table.sizes["time"], axis=1),
        "times": table["time"].values,
        "Rmin": float(1 / target[-1]),
        "Rmax": float(1 / target[0]),
    }


def aihwkit_noise_model(table: xr.Dataset) -> Any:
    """Return a noise model of aihwkit (``rpu_config.noise_model``) for pairs of cells.

    Parameters
    ----------
    table : Dataset
        Of `noise_table`.

    Returns
    -------
    aihwkit.inference.BaseNoiseModel
        With its ``SinglePairConductanceConverter`` from the least to the largest level, uS.

    Raises
    ------
    InputError
        aihwkit is not installed; when used, a time beyond the table.

    Notes
    -----
    Programming draws normal conductances with mean and deviation of the level. At time t a cell
    with the deviate z from programming has ``mean_t + sigma_t (rho z + sqrt(1 - rho^2) z')``.
    Tails that are not normal (cells of two kinds, stuck ones) are in the moments only.

    Examples
    --------
    ``rpu_config.noise_model = aihwkit_noise_model(noise_table(card, temperature="55 degC"))``
    """
    try:
        import torch
        from aihwkit.inference import BaseNoiseModel, SinglePairConductanceConverter
    except ImportError:
        raise InputError("aihwkit is not installed; pip install aihwkit") from None
    _expect_levels(table, "aihwkit")
    target = table["target"].values * 1e6

    def moments(g: Any, time: float, *names: str) -> list[Any]:
        found, level = at_time(table, time), g.detach().cpu().numpy()
        values = [np.interp(level, target, found[name]) for name in names]
        return [torch.as_tensor(v, dtype=g.dtype, device=g.device) for v in values]

    class CardNoiseModel(BaseNoiseModel):
        """Cells with the moments of a card."""

        def apply_programming_noise_to_conductance(self, g_target: Any) -> Any:
            mean, sigma = moments(g_target, 0.0, "mean", "deviation")
            return (1e6 * (mean + sigma * torch.randn_like(g_target))).clamp(min=0.0)

        def generate_drift_coefficients(self, g_target: Any) -> Any:
            return g_target  # what the moments depend on

        def apply_drift_noise_to_conductance(
            self, g_prog: Any, drift_noise_param: Any, t_inference: float
        ) -> Any:
            first, spread = moments(drift_noise_param, 0.0, "mean", "deviation")
            names = ("mean", "deviation", "correlation")
            mean, sigma, rho = moments(drift_noise_param, t_inference, *names)
            z = (g_prog * 1e-6 - first) / spread.clamp(min=1e-15)
            new = torch.randn_like(g_prog) * (1 - rho**2).clamp(min=0.0).sqrt()
            return (1e6 * (mean + sigma * (rho * z + new))).clamp(min=0.0)

    return CardNoiseModel(SinglePairConductanceConverter(g_max=target[-1], g_min=target[0]))
