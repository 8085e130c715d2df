"""Maintenance of a network of one layer on its chips: what keeps its accuracy, at which cost.

A column is one output of the network. After each interval

- ``none``       nothing is done;
- ``refresh``    every column is written again;
- ``calibrate``  every column is read row by row and its gain set in the periphery, without wear;
- ``columns``    as ``calibrate``, and columns that have drifted beyond a limit are written again
  (`reliability.product.fault_mapping.column_maintenance`);

and reads may alternate in polarity (``alternating``), which turns read disturb about. A cell that
is written again keeps what is its own and has the wear of its writes; the others stay on the path
that they began. The network is evaluated at the end of the mission, just before maintenance is due.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.devices.verify import Verify
from reliability.errors import InputError, fraction, whole_number
from reliability.mission import MissionProfile, Segment
from reliability.network import Network, evaluate, read_weights, sample_chips
from reliability.network.conductances import in_series
from reliability.population import age
from reliability.product.fault_mapping import column_maintenance
from reliability.product.maintenance import budget_exceeded_after, budget_warning, set_policy
from reliability.technology import Technology
from reliability.units import duration, quantity

Floats = NDArray[np.float64]
Kind = Literal["none", "refresh", "calibrate", "columns"]
KINDS = ("none", "refresh", "calibrate", "columns")
_MOST = 1000  # intervals of a mission


@dataclass(frozen=True)
class ColumnPolicy:
    """A maintenance policy of the columns of a network.

    Parameters
    ----------
    kind : {"none", "refresh", "calibrate", "columns"}
    interval : float or str
        s; of ``none`` nothing.
    alternating : bool
        Whether the polarity of reads alternates.
    drift_limit : float
        Relative error of a column (root mean square, after its gain) beyond which ``columns``
        writes it again.
    write_time : float or str
        Of one row, s.
    write_energy, read_energy : float or str
        Of one cell, J.

    Raises
    ------
    InputError
        An unknown kind, an interval of 0, a time or energy below 0.

    Examples
    --------
    >>> ColumnPolicy("columns", "30 days", drift_limit=0.3).interval
    2592000.0
    """

    kind: Kind
    interval: float = math.inf
    alternating: bool = False
    drift_limit: float = 0.3
    write_time: float = 1e-6
    write_energy: float = 2e-10
    read_energy: float = 1e-12

    def __init__(
        self, kind: Kind, interval: float | str = math.inf, *, alternating: bool = False,
        drift_limit: float = 0.3, write_time: float | str = 1e-6,
        write_energy: float | str = 2e-10, read_energy: float | str = 1e-12,
    ) -> None:  # fmt: skip
        set_policy(self, KINDS, kind, interval, alternating, write_time, write_energy, read_energy)
        limit = quantity(drift_limit, "", "drift_limit", low=1e-9)
        object.__setattr__(self, "drift_limit", limit)


def maintained_network(
    technology: Technology, network: Network, use: Segment, policy: ColumnPolicy, *,
    chips: int = 20, verify: Verify | None = None, endurance_budget: float = math.inf,
    seed: int = 0, **evaluation: Any,
) -> xr.Dataset:  # fmt: skip
    """Return the accuracy of a network at the end of a mission with maintenance, and its cost.

    Parameters
    ----------
    technology : Technology
        With LRS and HRS.
    network : Network
    use : Segment
        The mission at one condition; its reads are spread evenly.
    policy : ColumnPolicy
    chips : int
    verify : Verify, optional
        Program and verify of every write.
    endurance_budget : float
        Write cycles that a cell may receive.
    seed : int
    **evaluation
        Of `reliability.evaluate`: ``coding``, ``images`` and others.

    Returns
    -------
    Dataset
        ``accuracy`` of `evaluate` (chip); ``energy`` (J) of reads, calibration and writes of a
        chip, ``rewrites`` of a cell (mean), ``most_rewrites`` of a column; ``attrs["warnings"]``
        says the year in which a budget is exceeded.

    Raises
    ------
    InputError
        A card of levels, an interval shorter than a write of all rows takes, or of which the
        mission has more than 1000.
    """
    if not technology.has_states:
        raise InputError(f"technology: {technology.name} has levels, expected LRS and HRS")
    whole_number(chips, "chips", low=1)
    count = _intervals(network, use, policy)
    fresh = sample_chips(technology, network, chips=chips, verify=verify, seed=seed)
    cells = _Columns(technology, network, fresh, use, policy, count)
    done = [cells.maintain() for _ in range(1, count)]
    found = evaluate(network, cells.end(), seed=seed, **evaluation)
    of_cells = fresh.sizes["cell"]
    reads = use.reads * of_cells + sum(work for work, _ in done)
    writes = sum(work for _, work in done)
    energy = reads * policy.read_energy + writes * policy.write_energy
    most = float(cells.writes.max())
    out = found.assign(
        energy=((), energy, {"units": "J", "long_name": "energy of reads and maintenance"}),
        rewrites=((), writes / of_cells, {"units": "1", "long_name": "rewrites of a cell, mean"}),
        most_rewrites=((), most, {"units": "1", "long_name": "rewrites of a cell, most"}),
    )
    out.attrs |= {"kind": policy.kind, "interval": policy.interval,
                  "alternating": int(policy.alternating)}  # fmt: skip
    after = budget_exceeded_after(use, endurance_budget, 0.0, most)
    notes = [budget_warning(endurance_budget, after)] if after < math.inf else []
    out.attrs["warnings"] = [*out.attrs.get("warnings", []), *notes]
    out.attrs["budget_exceeded_after"] = after
    return out


def cheapest_network_policy(
    technology: Technology, network: Network, use: Segment, policies: Sequence[ColumnPolicy], *,
    least_accuracy: float, **conditions: Any,
) -> tuple[ColumnPolicy | None, list[xr.Dataset]]:  # fmt: skip
    """Return the policy of the least energy that keeps an accuracy, and the answer of each policy.

    Parameters
    ----------
    technology, network, use
        As for `maintained_network`.
    policies : sequence of ColumnPolicy
    least_accuracy : float
        Mean over chips at the end of the mission.
    **conditions
        Of `maintained_network`.

    Returns
    -------
    policy : ColumnPolicy or None
        None where none keeps the accuracy within the endurance budget.
    answers : list of Dataset
    """
    fraction(least_accuracy, "least_accuracy")
    answers = [
        maintained_network(technology, network, use, policy, **conditions) for policy in policies
    ]
    kept = [
        (float(found["energy"]), k)
        for k, found in enumerate(answers)
        if float(found["accuracy"].mean()) >= least_accuracy
        and found.attrs["budget_exceeded_after"] == math.inf
    ]
    return (policies[min(kept)[1]] if kept else None), answers


def _intervals(network: Network, use: Segment, policy: ColumnPolicy) -> int:
    if policy.kind == "none":
        return 1
    takes = network.inputs * policy.write_time
    if policy.interval < takes:
        raise InputError(
            f"interval: got {duration(policy.interval)}, but a write of all {network.inputs} rows "
            f"takes {duration(takes)}"
        )
    count = max(math.ceil(use.time / policy.interval - 1e-9), 1)
    if count > _MOST:
        raise InputError(f"interval: got {duration(policy.interval)}, of which the mission has "
                         f"{count}, allowed up to {_MOST}")  # fmt: skip
    return count


class _Columns:
    """Chips in the course of a mission: when each column was written, and its gain."""

    def __init__(
        self, technology: Technology, network: Network, fresh: xr.Dataset, use: Segment,
        policy: ColumnPolicy, count: int,
    ) -> None:  # fmt: skip
        self.technology, self.network, self.fresh = technology, network, fresh
        self.policy, self.count = policy, count
        self.use = replace(use, alternating=use.alternating or policy.alternating)
        shape = (fresh.sizes["chip"], network.outputs)
        self.now = 0
        self.written, self.writes = np.zeros(shape, int), np.zeros(shape, int)
        self.gains = np.ones(shape)

    def maintain(self) -> tuple[float, float]:
        """Pass an interval and do what the policy says; cells read and written of a chip, mean."""
        self.now += 1
        if self.policy.kind == "refresh":
            self.written[:], self.writes[:] = self.now, self.writes + 1
            return 0.0, float(self.fresh.sizes["cell"])
        held = read_weights(self._cells(), self.network, self.technology)
        per_weight = self.fresh.sizes["cell"] // self.network.weights.size
        writes = 0
        for chip, weights in enumerate(held):
            work = column_maintenance(weights, self.network.weights, cells_per_weight=per_weight,
                                      limit=self.policy.drift_limit)  # fmt: skip
            self.gains[chip] = work.gains
            if self.policy.kind == "columns":
                self.written[chip, work.rewritten] = self.now
                self.writes[chip, work.rewritten] += 1
                self.gains[chip, work.rewritten] = 1.0
                writes += work.writes
        return float(self.fresh.sizes["cell"]), writes / len(held)

    def end(self) -> xr.Dataset:
        """Chips at the end of the mission, with the gains of their columns in their cells."""
        self.now = self.count
        cells = self._cells()
        series = float(self.technology["access.series_resistance"])
        g = in_series(self._by_column(cells["conductance"].values), series)
        g = np.minimum(g * self.gains[:, None, :, None].astype(g.dtype), 0.999 / (series or 1e-9))
        g = (g / (1 - g * series)).reshape(cells["conductance"].shape)
        return cells.assign(conductance=(("chip", "cell"), g, cells["conductance"].attrs))

    def _cells(self) -> xr.Dataset:
        """Chips now: each column as old, and as often written, as it is."""
        out = self._by_column(self.fresh["conductance"].values).copy()
        old = self.now - self.written
        for intervals, writes in np.unique([old.ravel(), self.writes.ravel()], axis=1).T:
            here = (old == intervals) & (self.writes == writes)
            part = self._by_column(self._aged(int(intervals), int(writes)))
            out = np.where(here[:, None, :, None], part, out)
        flat = out.reshape(self.fresh["conductance"].shape)
        return self.fresh.assign(conductance=(("chip", "cell"), flat,
                                              self.fresh["conductance"].attrs))  # fmt: skip

    def _aged(self, intervals: int, writes: int) -> NDArray[np.floating]:
        """Conductances of all cells so many intervals after the last of so many rewrites."""
        part, use = intervals / self.count, self.use
        stored = Segment(use.time * part, use.temperature, use.reads * part, use.read_voltage,
                         use.alternating)  # fmt: skip
        before = [Segment(0.0, use.temperature, cycles=writes)] if writes else []
        return np.asarray(age(self.fresh, MissionProfile([*before, stored]))["conductance"])

    def _by_column(self, g: NDArray[np.floating]) -> NDArray[np.floating]:
        """Cells by (chip, input, output, cell of the weight)."""
        return g.reshape(len(g), self.network.inputs, self.network.outputs, -1)
