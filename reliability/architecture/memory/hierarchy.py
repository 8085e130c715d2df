"""Resistive memory as a non-volatile cache between SRAM and flash: when it pays against DRAM.

A host wakes up once in a period, does one inference and powers off. What it touches is larger than
its own SRAM; what misses there goes to the second level, four of which are compared:

- ``dram_on``: a DRAM chip that keeps the network by self-refresh between inferences;
- ``dram_off``: the DRAM is switched off too, and loaded from flash at every wake-up;
- ``flash_only``: misses go to the flash, write-backs included;
- ``resistive``: a resistive macro as a write-back cache above the flash, switched off in between
  without losing its content.

Average power is ``E / T + P_standby`` with the energy E of one inference and the period T, so the
resistive cache beats ``dram_on`` from ``(E_r - E_on) / (P_on - P_r)`` on, and ``dram_off`` as long
as ``T < (E_off - E_r) / (P_r - P_off)``. It lasts the mission if the period is at least the mission
over the number of inferences that its lines endure (`cache_life`). What the host itself draws is
the same in all four and left out.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from reliability.architecture.memory.cache import empty_cache, run_cache
from reliability.architecture.memory.cache_life import inferences_until
from reliability.architecture.memory.memories import (
    CHECK_BITS,
    WORD,
    Memory,
    dram_start,
    flash,
    flash_burst,
    hyperram,
    lpddr,
    macro_area,
    resistive,
    resistive_read_energy,
    sram,
)
from reliability.architecture.memory.traces import Order, layer_trace
from reliability.architecture.result import cross_checks, finish
from reliability.devices.endurance import Endurance, acceleration, array_quantile
from reliability.errors import InputError, unknown_name
from reliability.network import load_network
from reliability.technology import Technology
from reliability.technology.components import Components
from reliability.units import quantity

# Order of execution and DRAM chip of each host.
HOSTS: dict[str, tuple[Order, str]] = {
    "accelerator": ("channels", "lpddr"),
    "mcu": ("pixels", "hyperram"),
    "fpga": ("channels", "hyperram"),
}
NAMES = {"accelerator": "accelerator", "mcu": "microcontroller", "fpga": "FPGA"}
HIERARCHIES = ("dram_on", "dram_off", "flash_only", "resistive")
SCRATCH = ("cached", "own")
_SETTLE, _PASSES = 2, 4  # inferences before the cache is steady, and those that are counted


def hierarchy(
    technology: Technology,
    components: Components,
    *,
    networks: Sequence[str] = ("mobilenet-mnist", "binary-mnist"),
    capacities: Sequence[int] = (4096, 8192, 16384, 32768, 65536, 131072, 262144, 524288),
    local_bytes: Sequence[int] = (16384, 16384, 15360),
    scratch: Literal["cached", "own"] = "cached",
    line_bytes: int = 32,
    weight_bits: int = 8,
    ways: int = 8,
    feature_size: float | str = 130e-9,
    temperature: float | str = 298.15,
    mission: float | str = 315576000.0,
    lost_fraction: float = 0.01,
    seed: int = 0,
) -> xr.Dataset:
    """Compare a resistive cache with DRAM and flash for three hosts.

    Parameters
    ----------
    technology : Technology
        A card with two states.
    components : Components
        ``"hierarchy"``.
    networks : sequence of str
        Names of networks that ship, or ONNX files.
    capacities : sequence of int
        Of the resistive cache, bytes, rising.
    local_bytes : sequence of int
        SRAM inside the accelerator, the microcontroller and the FPGA (120 kbit of block RAM).
    scratch : {"cached", "own"}
        Activations go through the caches as weights do, or stay in a part of the host's SRAM that
        is set apart for them, so that only weights reach the resistive cache.
    line_bytes, weight_bits, ways : int
        Of both cache levels.
    feature_size : float or str
        Of the areas, m.
    temperature : float or str
        Of the cells while they are written, K.
    mission : float or str
        How long the cache has to last, s.
    lost_fraction : float
        Share of the lines that it writes which it may have lost by then.
    seed : int
        Nothing is random here; kept as provenance.

    Returns
    -------
    Dataset
        ``energy`` of an inference with its wake-up (J), ``standby`` power (W), ``wake_time`` (s)
        and ``memory_time`` (s, waited for the second level and below), each by (host, network,
        capacity, hierarchy); traffic in lines; ``endured_inferences`` and with perfect wear
        levelling ``endured_levelled``; ``pays_from``, ``lasts_from``, ``pays_until``: the periods
        (s) between which the cache takes the least power, and from which it lasts (also
        ``lasts_from_levelled``); areas (m^2); cross-checks.

    Raises
    ------
    InputError
        A card without two states, an unknown network, sizes that cannot be, a host's SRAM that
        does not hold the activations that are to stay in it.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture import load_components
    >>> card, components = rel.load_technology("oxram-130nm"), load_components("hierarchy")
    >>> data = hierarchy(card, components, networks=["mobilenet-mnist"], capacities=[8192, 65536])
    >>> energy = data["energy"].sel(host="mcu", network="mobilenet-mnist", capacity=65536)
    >>> bool(energy.sel(hierarchy="resistive") < energy.sel(hierarchy="dram_off"))
    True
    """
    if not technology.has_states:
        raise InputError(f"technology: {technology.name} has no two states, LRS and HRS")
    lines = _lines("capacities", capacities, line_bytes)
    local = _lines("local_bytes", local_bytes, line_bytes)
    if scratch not in SCRATCH:
        raise unknown_name("scratch", str(scratch), SCRATCH)
    if len(local) != len(HOSTS):
        raise InputError(
            f"local_bytes: got {len(local)} sizes, expected one for each of {[*HOSTS]}"
        )
    if list(lines) != sorted(set(lines)) or not networks:
        raise InputError(f"capacities: got {list(capacities)}, expected rising values; networks: "
                         f"got {list(networks)}, expected one or more")  # fmt: skip
    size = quantity(feature_size, "m", "feature_size", low=1e-9)
    needed = quantity(mission, "s", "mission", low=0.0)
    law = Endurance.from_technology(technology)
    kelvin = quantity(temperature, "K", "temperature", low=1e-3, high=2000.0)
    wear = {
        "share": lost_fraction,
        "changed": components["resistive.changed"],
        "acceleration": float(acceleration(law, kelvin)),
        "words": 8 * line_bytes / WORD,
        "word_cells": WORD + CHECK_BITS,
    }
    levels = _Levels.of(technology, components, line_bytes)
    loaded = {"fpga": math.ceil(components["fpga.configuration"] / line_bytes)}

    def one(host: str, network: str, own: int) -> xr.Dataset:
        order, dram = HOSTS[host]
        moved = traffic(network, order, line_bytes, weight_bits, own, scratch, ways, lines)
        return xr.merge(
            [
                _costs(levels, dram, moved, loaded.get(host, 0)),
                _life(law, moved, wear, line_bytes),
            ]
        )

    data = xr.concat(
        [
            xr.concat([one(host, n, own) for n in networks], pd.Index(networks, name="network"))
            for host, own in zip(HOSTS, local, strict=True)
        ],
        pd.Index(list(HOSTS), name="host"),
    )
    capacity = np.array(lines, float) * line_bytes
    data = data.assign_coords(
        hierarchy=list(HIERARCHIES),
        capacity=("capacity", capacity, {"units": "1", "long_name": "bytes of the cache"}),
    )
    data = _borders(data, needed)
    for kind in ("sram", "resistive"):
        area = [macro_area(components, kind, c, size) for c in capacity]
        data[f"area_{kind}"] = ("capacity", area, {"units": "m^2"})
    checks = _checks(technology, components, law)
    return finish(data, technology, components, seed, answers=_headline(data), checks=checks)


@dataclass(frozen=True, eq=False)
class Traffic:
    """Lines that one inference moves, once the resistive cache is steady.

    Attributes
    ----------
    accesses, fetched, written : int
        Of the host's own SRAM, empty at wake-up; lines fetched into it and written back from it.
    weight_lines, lines : int
        Of the weights, of all that is touched.
    cache_reads, cache_writes : ndarray, shape (capacities,)
        Of the resistive cache: lines read, lines written (fills and write-backs from above).
    cache_fetched, cache_written : ndarray, shape (capacities,)
        Lines fetched from and written back to the flash.
    line_writes : tuple of ndarray
        Writes of each line of the cache, for each capacity.
    """

    accesses: int
    fetched: int
    written: int
    weight_lines: int
    lines: int
    cache_reads: NDArray[np.float64]
    cache_writes: NDArray[np.float64]
    cache_fetched: NDArray[np.float64]
    cache_written: NDArray[np.float64]
    line_writes: tuple[NDArray[np.float64], ...]


@lru_cache(maxsize=64)
def traffic(
    network: str,
    order: Order,
    line_bytes: int,
    weight_bits: int,
    local_lines: int,
    scratch: str,
    ways: int,
    cache_lines: tuple[int, ...],
) -> Traffic:
    """Execute a network behind a volatile and a resistive cache; see `Traffic`.

    The trace of an inference goes through the host's SRAM, which starts empty and whose dirty lines
    are dropped at the end, since nothing that a later inference needs is among them. What misses
    goes through the resistive cache, which keeps its content from one inference to the next.
    """
    trace = layer_trace(
        load_network(network), order=order, line_bytes=line_bytes, weight_bits=weight_bits
    )
    line, kind = trace.line, trace.kind
    if scratch == "own":
        local_lines -= trace.scratch_lines
        if local_lines < 1:
            raise InputError(
                f"local_bytes: got {(local_lines + trace.scratch_lines) * line_bytes}, expected "
                f"more than the {trace.scratch_lines * line_bytes} bytes of activations of "
                f"{network}, which scratch = 'own' keeps there"
            )
        weights = line < trace.weight_lines
        line, kind = line[weights], kind[weights]
    above = run_cache(line, kind, empty_cache(local_lines, ways))
    counts, writes = [], []
    for lines in cache_lines:
        state = empty_cache(lines, ways)
        runs = []
        for _ in range(_SETTLE + _PASSES):
            runs.append(run_cache(above.line, above.kind, state))
            state = runs[-1].state
        kept = runs[_SETTLE:]
        each = np.mean([run.writes for run in kept], axis=0)
        writes.append(each)
        fetched = np.mean([run.fetched for run in kept])
        counts.append(
            (above.fetched, each.sum(), fetched, np.mean([run.written_back for run in kept]))
        )
    reads, written, fetched, back = np.array(counts, float).T
    return Traffic(
        accesses=len(trace.line),
        fetched=above.fetched,
        written=above.written_back,
        weight_lines=trace.weight_lines,
        lines=trace.lines,
        cache_reads=reads,
        cache_writes=written,
        cache_fetched=fetched,
        cache_written=back,
        line_writes=tuple(writes),
    )


@dataclass(frozen=True)
class _Levels:
    """All memories, and what it takes to start the DRAM chips."""

    sram: Memory
    resistive: Memory
    flash: Memory
    burst: tuple[float, float]
    dram: dict[str, Memory]
    start: dict[str, tuple[float, float]]

    @staticmethod
    def of(technology: Technology, components: Components, line_bytes: int) -> "_Levels":
        return _Levels(
            sram(components, line_bytes),
            resistive(technology, components, line_bytes),
            flash(components, line_bytes),
            flash_burst(components, line_bytes),
            {"lpddr": lpddr(components, line_bytes), "hyperram": hyperram(components, line_bytes)},
            {kind: dram_start(components, kind) for kind in ("lpddr", "hyperram")},
        )


def _costs(levels: _Levels, dram: str, moved: Traffic, loaded: int) -> xr.Dataset:
    """Energy and times of an inference, by hierarchy and capacity.

    ``loaded`` lines configure the host at wake-up, from flash or from the resistive cache.
    """
    chip, store, cell = levels.dram[dram], levels.flash, levels.resistive
    start_time, start_energy = levels.start[dram]
    burst_time, burst_energy = levels.burst
    own = moved.accesses * levels.sram.read_energy
    from_flash = store.wake_energy + loaded * burst_energy
    flash_ready = store.wake_time + loaded * burst_time
    fetched, written = moved.cache_fetched, moved.cache_written

    def below(memory: Memory) -> tuple[float, float]:
        """Energy and time of what misses the host's SRAM, in one memory."""
        energy = moved.fetched * memory.read_energy + moved.written * memory.write_energy
        return energy, moved.fetched * memory.read_time + moved.written * memory.write_time

    (dram_energy, dram_time), (flash_energy, flash_time) = below(chip), below(store)
    energy = {
        "dram_on": own + dram_energy + (from_flash if loaded else 0.0),
        "dram_off": own + dram_energy + start_energy + from_flash
        + moved.weight_lines * (burst_energy + chip.write_energy),
        "flash_only": own + flash_energy + from_flash,
        "resistive": own + cell.wake_energy
        + (moved.cache_reads + loaded) * cell.read_energy
        + moved.cache_writes * cell.write_energy
        + fetched * store.read_energy + written * store.write_energy
        + np.where(fetched + written > 0, store.wake_energy, 0.0),
    }  # fmt: skip
    wake = {
        "dram_on": max(chip.wake_time, flash_ready if loaded else 0.0),
        "dram_off": max(start_time, flash_ready) + moved.weight_lines * burst_time,
        "flash_only": flash_ready,
        "resistive": cell.wake_time + loaded * cell.read_time,
    }  # fmt: skip
    waited = {
        "dram_on": dram_time,
        "dram_off": dram_time,
        "flash_only": flash_time,
        "resistive": moved.cache_reads * cell.read_time + moved.cache_writes * cell.write_time
        + fetched * store.read_time + written * store.write_time,
    }  # fmt: skip
    standby = {
        "dram_on": chip.standby + store.standby,
        "dram_off": store.standby,
        "flash_only": store.standby,
        "resistive": cell.standby + store.standby,
    }
    count = len(moved.line_writes)

    def table(values: dict[str, Any], unit: str, name: str) -> Any:
        rows = np.array([np.broadcast_to(values[h], count) for h in HIERARCHIES], float)
        return ("hierarchy", "capacity"), rows, {"units": unit, "long_name": name}

    return xr.Dataset(
        {
            "energy": table(energy, "J", "energy of an inference and its wake-up"),
            "wake_time": table(wake, "s", "from power-off to the first access"),
            "memory_time": table(waited, "s", "waited for memory in an inference"),
            "standby": table(standby, "W", "power between inferences"),
        }
    )


def _life(law: Endurance, moved: Traffic, wear: dict[str, float], line_bytes: int) -> xr.Dataset:
    """Traffic of the cache, and how many inferences its lines endure."""
    writes = moved.line_writes
    one_write = inferences_until(law, np.ones(1), **wear)
    with np.errstate(divide="ignore"):
        levelled = [one_write / w.mean() for w in writes]
    by_capacity = {
        "endured_inferences": [inferences_until(law, w, **wear) for w in writes],
        "endured_levelled": levelled,
        "hottest_line_writes": [w.max() for w in writes],
        "cache_reads": moved.cache_reads,
        "cache_writes": moved.cache_writes,
        "cache_fetched": moved.cache_fetched,
        "cache_written_back": moved.cache_written,
    }
    once = {
        "local_accesses": moved.accesses,
        "local_fetched": moved.fetched,
        "local_written_back": moved.written,
        "touched_bytes": moved.lines * line_bytes,
    }
    one = {"units": "1"}
    return xr.Dataset(
        {name: ("capacity", np.asarray(v, float), one) for name, v in by_capacity.items()}
        | {name: ((), float(v), one) for name, v in once.items()}
    )


def _borders(data: xr.Dataset, mission: float) -> xr.Dataset:
    """Add the periods between which the resistive cache takes the least power, and lasts."""
    energy, standby = data["energy"], data["standby"]
    own, own_standby = (v.sel(hierarchy="resistive", drop=True) for v in (energy, standby))
    on, on_standby = (v.sel(hierarchy="dram_on", drop=True) for v in (energy, standby))
    off, off_standby = (v.sel(hierarchy="dram_off", drop=True) for v in (energy, standby))
    begin = (own - on) / (on_standby - own_standby)
    begin = xr.where(on_standby > own_standby, begin.clip(0.0), xr.where(own < on, 0.0, np.inf))
    end = xr.where(own_standby > off_standby, (off - own) / (own_standby - off_standby), np.inf)
    found = {
        "pays_from": (begin, "period from which it takes less power than DRAM in self-refresh"),
        "pays_until": (
            end.where(off > own, 0.0), "period to which it takes less power than DRAM from flash"
        ),
        "lasts_from": (mission / data["endured_inferences"], "shortest period that it endures"),
        "lasts_from_levelled": (
            mission / data["endured_levelled"], "shortest period that it endures with wear levelled"
        ),
    }  # fmt: skip
    attrs = {"units": "s"}
    return data.assign(
        {name: v.assign_attrs(attrs | {"long_name": text}) for name, (v, text) in found.items()}
    )


def _headline(data: xr.Dataset) -> dict[str, tuple[float, str, str]]:
    """Numbers of the first network, with a cache that holds all of it (or the largest)."""
    out: dict[str, tuple[float, str, str]] = {}
    data = data.isel(network=0)
    for host in HOSTS:
        here = data.sel(host=host)
        here = here.isel(capacity=fitting(here))
        rival, own = (here.sel(hierarchy=name) for name in ("dram_off", "resistive"))
        found = {
            "pays_from": (here["pays_from"], "s", "takes less than DRAM in self-refresh from"),
            "pays_until": (here["pays_until"], "s", "takes less than DRAM from flash until"),
            "lasts_from": (here["lasts_from"], "s", "lasts the mission from"),
            "levelled": (here["lasts_from_levelled"], "s", "lasts it with wear levelled from"),
            "saving": (rival["energy"] / own["energy"], "1", "energy of DRAM from flash over it"),
            "sooner": (rival["wake_time"] / own["wake_time"], "1", "wake-up from flash over it"),
        }
        for name, (value, unit, text) in found.items():
            out[f"{name}_{host}"] = (float(value), unit, f"{NAMES[host]}: {text}")
    return out


def fitting(data: xr.Dataset) -> int:
    """Return the index of the smallest capacity that holds all that is touched, or the last.

    Parameters
    ----------
    data : Dataset
        Of one host and network.
    """
    fits = np.flatnonzero(data["capacity"].values >= float(data["touched_bytes"]))
    return int(fits[0]) if len(fits) else data.sizes["capacity"] - 1


def _checks(technology: Technology, components: Components, law: Endurance) -> xr.Dataset:
    """Compare the macro with those that were published."""
    cell = components["resistive.cell_area"]
    read = resistive_read_energy(technology, components)
    # 2 MB without check bits, as there
    area = macro_area(components, "resistive", 2**21, 22e-9) * WORD / (WORD + CHECK_BITS)
    byte = float(array_quantile(law, 0.01, cells=8)) * 2 / components["resistive.changed"]
    return cross_checks(
        components,
        {
            "published.chimera_wake": (
                "CHIMERA, wake-up of the chip",
                components["resistive.wake_time"],
            ),
            "published.fujitsu_read": ("Fujitsu 4 Mbit, read of a bit over SPI", read),
            "published.fujitsu_rewrites": (
                "Fujitsu 4 Mbit, rewrites until 1 % of bytes fail",
                byte,
            ),
            "published.nvsim_read": ("NVSim 2 MB at 22 nm, read of 64 bits", 64 * read),
            "published.nvsim_area": ("NVSim 2 MB at 22 nm, area", area),
            "published.intel_cell": ("Intel 22FFL, cell", cell * 22e-9**2),
            "published.leti_cell": ("CEA-Leti 28 nm, cell", cell * 28e-9**2),
        },
    )


def _lines(name: str, sizes: Sequence[int], line_bytes: int) -> tuple[int, ...]:
    for size in sizes:
        if isinstance(size, bool) or size != int(size) or size < line_bytes or size % line_bytes:
            raise InputError(f"{name}: got {size!r} bytes, expected a multiple of {line_bytes}")
    return tuple(int(size) // line_bytes for size in sizes)
