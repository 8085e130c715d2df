"""Measured cells in place of a card: whole trajectories of the cells of one file, resampled.

A chip of measured cells draws, for each of its cells, one measured cell that was programmed to the
same state or level, with replacement. That cell brings its whole trajectory: its conductance at
every time, temperature and cycle that was measured, and nothing between or beyond them. Nothing is
fitted, so that a network, a window or an error rate on measured cells says what a model of the same
cells should say.

A target between two measured levels takes a cell of the lower or of the upper level, the nearer one
more often in proportion, and its deviation from that level: the distribution is interpolated, each
trajectory stays whole. The interval of an answer comes from the bootstrap
(`MeasuredCells.drawn`) of dies with all their cells, where the file has several, else of cells
[1]_.

.. [1] B. Efron, R. J. Tibshirani, *An Introduction to the Bootstrap*, Chapman & Hall (1993), ch. 8.
"""

import json
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, NamedTuple, TypeGuard

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike, DTypeLike, NDArray

from reliability.devices import target
from reliability.devices.target import Target
from reliability.devices.verify import Verify
from reliability.errors import InputError, expect, unknown_name
from reliability.mission import MissionProfile
from reliability.population.measured_file import (
    CONDITIONS,
    FEWEST,
    REPEATS,
    canonical,
    nominal,
)
from reliability.population.programmed import Programmed, State, codes, is_target, program
from reliability.random import draw, stream
from reliability.technology import STATES, Parameter, Technology
from reliability.units import engineering

Floats = NDArray[np.floating]
Array = NDArray[np.float64]
_NEAREST = 50  # cells by their first read, where a file names no level
_PREFIX = "measured_"
# What a card says beside its cells.
_AROUND = ("read.", "neuron.", "energy.")


class _Pools(NamedTuple):
    """Trajectories at one temperature, ordered by state or level."""

    entry: NDArray[np.intp]  # rows of the table of trajectories
    start: NDArray[np.intp]  # of each state or level in ``entry``
    size: NDArray[np.intp]
    target: Array  # S, of each level; NaN of a state


@dataclass(frozen=True, eq=False)
class MeasuredCells(Technology):
    """The cells of one file, in every place where a card can stand.

    A mapping like a card, with what the cells themselves say: the medians of LRS and HRS or the
    lowest and the highest level. It has no model, so that whatever needs one refuses it.

    Attributes
    ----------
    data : Dataset
        ``conductance`` (cell, state, temperature, cycles, repeat, reads, time), S, of all cells;
        ``cluster`` (cell), the die of each; ``target`` (cell), S, where the file has levels.
    notes : tuple of str
        What was left out of the file.
    base : Technology or None
        Card of what lies around the cells: neurons, energies, read voltage.

    Examples
    --------
    >>> import reliability as rel
    >>> g = np.array([[1e-4, 1e-6], [2e-4, 2e-6]] * 5)
    >>> file = xr.Dataset({"conductance": (("cell", "state"), g)},
    ...                   coords={"state": ["LRS", "HRS"]}, attrs={"source": "mine.csv"})
    >>> cells = MeasuredCells.of(file)
    >>> round(cells["programming.LRS.resistance"]), cells.has_states
    (6667, True)
    """

    data: xr.Dataset = field(default_factory=xr.Dataset)
    notes: tuple[str, ...] = ()
    base: Technology | None = None

    @classmethod
    def of(cls, dataset: xr.Dataset, base: Technology | None = None) -> "MeasuredCells":
        """Take the cells of a measured Dataset.

        Parameters
        ----------
        dataset : Dataset
            From `reliability.read_measurements`: two states, numbered levels, targets, or levels
            that it does not name (cells are then taken by their first read).
        base : Technology, optional
            Card of neurons, energies of events and read voltage.

        Raises
        ------
        InputError
            No conductance, an axis that cells cannot be resampled along, or fewer than 10 cells of
            a state or of every level.
        """
        expect(dataset, xr.Dataset, "cells", "a Dataset, as read_measurements gives it")
        name = str(dataset.attrs.get("source", "measured cells"))
        data, notes = canonical(dataset, name)
        return cls._made(data, tuple(notes), base)

    @classmethod
    def _made(
        cls, data: xr.Dataset, notes: tuple[str, ...], base: Technology | None
    ) -> "MeasuredCells":
        source = str(data.attrs["source"])
        around = {} if base is None else {
            name: p for name, p in base.parameters.items() if name.startswith(_AROUND)
        }  # fmt: skip
        around |= {
            name: Parameter(value=value, unit=unit, distribution="exact", source=source,
                            confidence="measured")
            for name, (value, unit) in nominal(data).items()
        }  # fmt: skip
        return cls(
            name=source, title=f"Measured cells of {source}",
            memory="" if base is None else base.memory,
            description=f"Cells of {source}, SHA-256 of the conductances {data.attrs['digest']}",
            parameters=around, models={"cells": "measured"}, data=data, notes=notes, base=base,
        )  # fmt: skip

    @property
    def source(self) -> dict[str, str]:
        """Name and SHA-256 of the file."""
        known = self.data.attrs
        return {"source": str(known["source"]), "source_sha256": str(known["source_sha256"])}

    @property
    def cells(self) -> int:
        """Number of measured cells."""
        return int(self.data.sizes["cell"])

    @property
    def clusters(self) -> int:
        """Number of dies that the cells come from."""
        return int(self.data["cluster"].max()) + 1

    def drawn(self, seed: int, draw: int) -> "MeasuredCells":
        """Return a bootstrap sample of the cells, and of the base's parameters their uncertainty.

        Dies are drawn with all their cells where the file has several, else cells; with
        replacement.
        """
        pick, cluster = self.picks(seed, draw)
        data = self.data.isel(cell=pick).assign_coords(cluster=("cell", cluster))
        base = None if self.base is None else self.base.drawn(seed, draw)
        # levels stay where they are: cells are resampled, not what they were aimed at
        return MeasuredCells._made(data, self.notes, base)

    def picks(self, seed: int, draw: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the cells of a bootstrap sample, and the die of each in the sample."""
        generator = stream(seed, "measured.bootstrap", draw)
        if self.clusters > 1:
            dies = [np.flatnonzero(self.data["cluster"].values == k) for k in range(self.clusters)]
            chosen = [dies[k] for k in generator.integers(0, self.clusters, self.clusters)]
            number = np.repeat(np.arange(len(chosen)), [len(die) for die in chosen])
            return np.concatenate(chosen), number
        # of each level its own cells, or a level could lose all of them
        parts = [np.flatnonzero(self._group == k) for k in range(self._group.max() + 1)]
        pick = [part[generator.integers(0, len(part), len(part))] for part in parts]
        return np.concatenate(pick), np.zeros(self.cells, np.intp)

    # --- conditions

    def place(self, profile: MissionProfile) -> dict[str, int]:
        """Return where on its axes a mission was measured.

        Raises
        ------
        InputError
            A mission with cycles or several temperatures, or a time, temperature or number of reads
            that was not measured; the line lists what was.
        """
        segments = [s for s in profile.segments if s.time > 0 or s.reads > 0]
        if profile.cycles:
            raise InputError(
                f"profile: got {profile.cycles:g} cycles, but {self.name} holds cells as they were "
                "written; choose cycles of the file with sel(cycles=)"
            )
        kelvin = sorted({s.temperature for s in segments})
        if len(kelvin) > 1:
            raise InputError(f"profile: got {len(kelvin)} temperatures in one mission, but "
                             f"{self.name} holds cells at one temperature each")  # fmt: skip
        return {
            "temperature": self._index("temperature", kelvin[0]) if kelvin else 0,
            "reads": self._index("reads", profile.reads),
            "time": self._index("time", profile.duration),
        }

    def _index(self, axis: str, value: float) -> int:
        known = self.data[axis].values
        slack = {"temperature": 0.51, "time": 0.011 * abs(value), "reads": 0.011 * abs(value)}[axis]
        off = np.abs(known - value)
        if off.min() <= slack:
            return int(off.argmin())
        show = {"temperature": lambda x: f"{x - 273.15:.4g} degC", "time": lambda x: f"{x:.6g} s",
                "reads": lambda x: f"{x:g}"}[axis]  # fmt: skip
        raise InputError(f"{axis}: got {show(value)}, but {self.name} was measured at "
                         f"{', '.join(show(x) for x in known.tolist())} only")  # fmt: skip

    @property
    def ends(self) -> list[tuple[float, float]]:
        """As programmed, and the last time (s) at each temperature (K)."""
        kelvin = self.data["temperature"].values.tolist()
        time = self.data["time"].values.tolist()
        last = [(time[-1], one) for one in kelvin] if time[-1] > 0 else []
        return [(0.0, kelvin[0]), *last] if time[0] == 0 else last

    # --- trajectories

    @cached_property
    def _group(self) -> NDArray[np.intp]:
        """Level of each cell, by number; 0 where cells hold both states or no named level."""
        if "target" not in self.data.coords:
            return np.zeros(self.cells, np.intp)
        return np.asarray(np.unique(self.data["target"].values, return_inverse=True)[1])

    @cached_property
    def _table(self) -> Array:
        """Trajectories (state, cell and what was repeated; temperature, reads, time)."""
        g = self.data["conductance"].transpose("state", "cell", *REPEATS, *CONDITIONS)
        return g.values.reshape(-1, *g.shape[-3:])

    @property
    def _repeats(self) -> int:
        return int(np.prod([self.data.sizes[axis] for axis in REPEATS]))

    def _pools(self, temperature: int, cluster: int | None = None) -> _Pools:
        """Whole trajectories at a temperature, of all cells or of those of one die."""
        key = (temperature, cluster)
        if key not in self._known:
            self._known[key] = self._find_pools(temperature, cluster)
        return self._known[key]

    @cached_property
    def _known(self) -> dict[tuple[int, int | None], _Pools]:
        return {}

    def _find_pools(self, temperature: int, cluster: int | None) -> _Pools:
        whole = np.isfinite(self._table[:, temperature]).all(axis=(1, 2))
        if cluster is not None:
            own = np.repeat(self.data["cluster"].values == cluster, self._repeats)
            whole &= np.tile(own, self.data.sizes["state"])
        entry = np.flatnonzero(whole)
        cell = entry // self._repeats % self.cells
        if self.has_states:
            label = entry // (self._repeats * self.cells)
            aims = np.full(len(STATES), np.nan)
        elif "target" in self.data.coords:
            label, aims = self._group[cell], np.unique(self.data["target"].values)
        else:  # by its own first read
            first = self._table[entry, temperature, 0, 0]
            label = np.argsort(np.argsort(first, kind="stable"), kind="stable")
            aims = np.sort(first)
        order = np.argsort(label, kind="stable")
        count = np.bincount(label, minlength=len(aims))
        use = count > 0
        start = np.concatenate([[0], np.cumsum(count)[:-1]]).astype(np.intp)
        return _Pools(entry[order], start[use], count[use], aims[use])

    @cached_property
    def by_die(self) -> bool:
        """Whether a chip takes its cells from one measured die: each has 10 or more of a kind."""
        if self.clusters < 2 or self._grouping == "first":
            return False
        most = len(self._pools(0).size)
        pools = [self._pools(0, die).size for die in range(self.clusters)]
        return all(len(count) == most and count.min() >= FEWEST * self._repeats for count in pools)

    @property
    def _grouping(self) -> str:
        if self.has_states:
            return "states"
        return "levels" if "target" in self.data.coords else "first"

    def conductance(
        self, address: NDArray[np.integer], state: NDArray[Any], seed: int, at: Mapping[str, int]
    ) -> Array:
        """Return the conductance (S) of the cells of some chips at measured conditions.

        Parameters
        ----------
        address : ndarray of int, shape (chips, 4)
            Wafer, die, chip and lot.
        state : ndarray, shape (cells,)
            Names of states, or targets (S).
        seed : int
        at : mapping
            Of `place`.

        Returns
        -------
        ndarray, shape (chips, cells)
        """
        cells = len(state)
        u = draw(seed, "measured.cell", address, cells, distribution="uniform")
        side = None
        if not self.has_states:
            side = draw(seed, "measured.level", address, cells, distribution="uniform")
        out = np.empty((len(address), cells))
        for k, where in enumerate(address.tolist()):
            die = None
            if self.by_die:
                wafer, site, chip, lot = where
                die = int(stream(seed, "measured.die", wafer, site, chip, lot).integers(
                    self.clusters))  # fmt: skip
            pools = self._pools(at["temperature"], die)
            if side is None:
                label = codes(state)
                row = pools.start[label] + _floor(u[k], pools.size[label])
                shift = np.zeros(cells)
            else:
                row, shift = self._of_targets(pools, state, u[k], side[k])
            g = self._table[pools.entry[row], at["temperature"], at["reads"], at["time"]]
            out[k] = np.maximum(g + shift, 0.0)
        return out

    def _of_targets(
        self, pools: _Pools, aim: Array, u: Array, side: Array
    ) -> tuple[NDArray[np.intp], Array]:
        """Trajectory of each cell that aims at a conductance, and how far that is from its own."""
        known = pools.target
        if self._grouping == "first":
            near = min(_NEAREST, len(known))
            start = np.clip(np.searchsorted(known, aim) - near // 2, 0, len(known) - near)
            row = start + _floor(u, np.full(len(aim), near))
            return row, aim - known[row]
        upper = np.clip(np.searchsorted(known, aim * (1 - 1e-9)), 0, len(known) - 1)
        lower = np.where(np.isclose(known[upper], aim, rtol=1e-6, atol=0.0), upper,
                         np.maximum(upper - 1, 0))  # fmt: skip
        gap = known[upper] - known[lower]
        part = np.where(gap > 0, (aim - known[lower]) / np.where(gap > 0, gap, 1.0), 0.0)
        level = np.where(side < part, upper, lower)
        return pools.start[level] + _floor(u, pools.size[level]), aim - known[level]

    def program(
        self, address: NDArray[np.integer], state: State, cells: int, *, seed: int,
        dtype: DTypeLike,
    ) -> Programmed:  # fmt: skip
        """Draw cells as they were programmed; as `reliability.population.programmed.program`."""
        if is_target(state) == self.has_states:
            holds = "LRS and HRS" if self.has_states else "levels"
            raise InputError(f"state: got {str(np.ravel(state)[0])!r}, but {self.name} has {holds}")
        if self.has_states:
            names = np.asarray(state, dtype=str)
            if names.ndim and names.shape != (cells,):
                raise InputError(f"state: got {names.size} states for {cells} cells")
            if len(unknown := np.setdiff1d(names, STATES)):
                raise unknown_name("state", str(unknown[0]), STATES)
            aim: NDArray[Any] = np.broadcast_to(names, cells)
            coordinate: dict[str, Any] = {"state": ("cell", aim)}
            notes = []
        else:
            levels = target.levels(Target.from_technology(self), state)
            if levels.ndim and levels.shape != (cells,):
                raise InputError(f"state: got {levels.size} targets for {cells} cells")
            aim = np.broadcast_to(levels, cells)
            coordinate = {"target": ("cell", aim, {"units": "S"})}
            notes = self._of_aims(aim)
        for note in notes:
            warnings.warn(note, stacklevel=4)
        at = dict.fromkeys(CONDITIONS, 0)  # the first read
        g = self.conductance(address, aim, seed, at).astype(dtype)
        both = {"conductance": g, "programmed": g.copy()}
        return Programmed(both, coordinate, [*self.notes, *notes])

    def _of_aims(self, aim: Array) -> list[str]:
        """Refuse targets beyond the levels; say which lie between them."""
        known = self._pools(0).target
        low, high = self["target.minimum"], self["target.maximum"]
        slack = 1e-6 * high
        if (wrong := aim[(aim < low - slack) | (aim > high + slack)]).size:
            listed = f"{len(known)} levels" if self._grouping == "levels" else "first reads"
            raise InputError(
                f"state: got a target of {engineering(float(wrong[0]), 'S')}, but {self.name} has "
                f"{listed} from {engineering(low, 'S')} to {engineering(high, 'S')}"
            )
        if self._grouping == "first":
            return [f"{self.name} names no level: cells were taken by their first read, among the "
                    f"{min(_NEAREST, len(known))} nearest to a target"]  # fmt: skip
        aims = np.unique(aim)
        near = np.abs(aims[:, None] - known).min(axis=1)
        between = int((near > 1e-6 * aims).sum())
        if not between:
            return []
        return [f"{between} of {len(aims)} targets lie between measured levels of {self.name} and "
                "were interpolated from the two next to each"]  # fmt: skip

    # --- closed answers

    def reads_of(
        self, state: str, at: Mapping[str, int] | None = None
    ) -> tuple[Array, Array, NDArray[np.intp]]:
        """Return all reads (S) of a state at measured conditions, the weight and the cell of each.

        Cells count alike whatever number of cycles each has.
        """
        if state not in STATES:
            raise unknown_name("state", state, STATES)
        at = self.place(MissionProfile([])) if at is None else at
        pools = self._pools(at["temperature"])
        own = slice(pools.start[STATES.index(state)], None)
        entry = pools.entry[own][: pools.size[STATES.index(state)]]
        cell = entry // self._repeats % self.cells
        weight = 1.0 / np.bincount(cell, minlength=self.cells)[cell]
        g = self._table[entry, at["temperature"], at["reads"], at["time"]]
        return g, weight / weight.sum(), cell

    def fraction_beyond(self, state: str, g: ArrayLike, *, above: bool) -> Array:
        """Return the fraction of a state's cells that conduct more (or less) than ``g`` (S)."""
        reads, weight, _ = self.reads_of(state)
        order = np.argsort(reads)
        total = np.concatenate([[0.0], np.cumsum(weight[order])])
        below = total[np.searchsorted(reads[order], g, side="right" if above else "left")]
        return np.asarray(1.0 - below if above else below)

    # --- in a population

    def embedded(self) -> xr.Dataset:
        """Return the cells as variables of a population that is drawn from them."""
        names = {name: _PREFIX + str(name) for name in {*self.data.variables, *self.data.dims}}
        return self.data.rename(names)

    @classmethod
    def in_population(cls, population: xr.Dataset) -> "MeasuredCells":
        """Return the cells that a population was drawn from."""
        own = [name for name in population.variables if str(name).startswith(_PREFIX)]
        data = population[own].reset_coords()
        data = data.drop_vars([v for v in data.variables if not str(v).startswith(_PREFIX)])
        data = data.rename({n: str(n).removeprefix(_PREFIX) for n in {*data.variables, *data.dims}})
        data = data.set_coords([name for name in data.variables if name != "conductance"])
        data = data.load()
        data.attrs = json.loads(population.attrs["measured"])
        card = Technology.from_json(population.attrs["technology_card"])
        return replace(cls._made(data, (), card), parameters=card.parameters)


def _floor(u: Array, count: NDArray[np.intp]) -> NDArray[np.intp]:
    """Return a whole number below ``count`` for each uniform number."""
    return np.minimum((u * count).astype(np.intp), count - 1)


def is_measured(value: object) -> TypeGuard[xr.Dataset]:
    """Whether a value is a Dataset of `reliability.read_measurements`, not a population."""
    return isinstance(value, xr.Dataset) and "technology_card" not in value.attrs and any(
        name in value for name in ("conductance", "conductance_before")
    ) and not {"chip", "target_error_rate"} & set(value.dims)  # fmt: skip


def technology_of(value: Any, base: Technology | None = None) -> Technology:
    """Return a card as it is, a measured Dataset as `MeasuredCells`; refuse anything else.

    Parameters
    ----------
    value : Technology or Dataset
    base : Technology, optional
        Of what lies around measured cells.

    Raises
    ------
    InputError
        Something else.
    """
    if is_measured(value):
        cells = MeasuredCells.of(value, base)
        for note in cells.notes:
            warnings.warn(note, stacklevel=3)
        return cells
    how = "a Technology, as load_technology gives it, or a Dataset of read_measurements"
    expect(value, Technology, "technology", how)
    assert isinstance(value, Technology)
    return value


def program_cells(
    technology: Technology,
    address: NDArray[np.integer],
    state: State,
    cells: int,
    *,
    verify: Verify | None,
    seed: int,
    dtype: DTypeLike,
) -> Programmed:
    """Program cells of a card, or draw measured ones; as `programmed.program`."""
    if isinstance(technology, MeasuredCells):
        if verify is not None:
            raise InputError("verify: measured cells are as they were programmed; leave it out")
        return technology.program(address, state, cells, seed=seed, dtype=dtype)
    return program(technology, address, state, cells, verify=verify, seed=seed, dtype=dtype)
