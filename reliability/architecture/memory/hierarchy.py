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
over the number of inferences that its lines endure (`cache_life`); what its bits lose while it is
off is that of worn cells (`cache_retention`). What the host itself draws is the same in all four
and left out.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from reliability.architecture.memory.access_trace import Order, Trace, layer_trace
from reliability.architecture.memory.cache import CacheRun, empty_cache, run_cache
from reliability.architecture.memory.cache_life import inferences_until, line_failure
from reliability.architecture.memory.cache_retention import misread_cells
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
from reliability.architecture.result import cross_checks, finish
from reliability.devices.endurance import Endurance, acceleration, array_quantile
from reliability.errors import InputError, unknown_name
from reliability.mission import Segment
from reliability.network import load_network
from reliability.technology import Technology
from reliability.technology.components import Components
from reliability.units import duration, quantity

# Order of execution, DRAM chip, and bytes of SRAM (120 kbit of block RAM in the FPGA).
HOSTS: dict[str, tuple[Order, str, int]] = {
    "accelerator": ("channels", "lpddr", 16384),
    "mcu": ("pixels", "hyperram", 16384),
    "fpga": ("channels", "hyperram", 15360),
}
NAMES = {"accelerator": "accelerator", "mcu": "microcontroller", "fpga": "FPGA"}
HIERARCHIES = ("dram_on", "dram_off", "flash_only", "resistive")
SCRATCH = ("cached", "own")
LIFE_USED = (0.0, 0.1, 1.0)  # fractions of the life at which the retention is computed
_SETTLE, _PASSES = 2, 4  # inferences before the cache is steady, and those that are counted


def hierarchy(
    technology: Technology,
    components: Components,
    *,
    host: str = "mcu",
    network: str = "mobilenet-mnist",
    capacity: int = 32768,
    local_bytes: int | None = None,
    scratch: Literal["cached", "own"] = "cached",
    line_bytes: int = 32,
    weight_bits: int = 8,
    ways: int = 8,
    feature_size: float | str = 130e-9,
    temperature: float | str = 298.15,
    mission: float | str = 315576000.0,
    lost_fraction: float = 0.01,
    rest: float | str = 86400.0,
    seed: int = 0,
) -> xr.Dataset:
    """Compare a resistive cache with DRAM and flash for one host and network.

    Parameters
    ----------
    technology : Technology
        A card with two states.
    components : Components
        ``"hierarchy"``.
    host : {"accelerator", "mcu", "fpga"}
        Accelerator, microcontroller or FPGA.
    network : str
        Name of a network that ships, or an ONNX file.
    capacity : int
        Of the resistive cache, bytes.
    local_bytes : int, optional
        SRAM inside the host, instead of that of `HOSTS`.
    scratch : {"cached", "own"}
        Activations go through the caches as weights do, or stay in a part of the host's SRAM that
        is set apart for them, so that only weights reach the resistive cache.
    line_bytes, weight_bits, ways : int
        Of both cache levels.
    feature_size : float or str
        Of the areas, m.
    temperature : float or str
        Of the cells while they are written and while they rest, K.
    mission : float or str
        How long the cache has to last, s.
    lost_fraction : float
        Fraction of the lines that it writes which it may have lost by then.
    rest : float or str
        Time without power after which the retention of the cache is computed, s.
    seed : int
        Of the cells of which the retention is computed; nothing else is random.

    Returns
    -------
    Dataset
        ``energy`` of an inference with its wake-up (J), ``standby`` power (W), ``wake_time`` (s)
        and ``memory_time`` (s, waited for the second level and below), each by ``hierarchy``;
        traffic in lines; ``misread_bits`` and ``lines_lost`` (two wrong bits in a word) after a
        rest, by ``life_used`` of the lines that are written; ``endured_inferences`` and with
        perfect wear levelling ``endured_levelled``; ``pays_from``, ``lasts_from``, ``pays_until``:
        the periods (s) between which the cache takes the least power, and from which it lasts (also
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
    >>> energy = hierarchy(card, components, host="mcu", capacity=65536)["energy"]
    >>> bool(energy.sel(hierarchy="resistive") < energy.sel(hierarchy="dram_off"))
    True
    """
    if not technology.has_states:
        raise InputError(f"technology: {technology.name} has no two states, LRS and HRS")
    for name, value, allowed in (("host", host, HOSTS), ("scratch", scratch, SCRATCH)):
        if value not in allowed:
            raise unknown_name(name, str(value), allowed)
    order, dram, usual = HOSTS[host]
    lines = _lines("capacity", capacity, line_bytes)
    local = _lines("local_bytes", usual if local_bytes is None else local_bytes, line_bytes)
    size = quantity(feature_size, "m", "feature_size", low=1e-9)
    needed = quantity(mission, "s", "mission", low=0.0)
    endurance = Endurance.from_technology(technology)
    kelvin = quantity(temperature, "K", "temperature", low=1e-3, high=2000.0)
    moved = traffic(network, order, line_bytes, weight_bits, local, scratch, ways, lines)
    loaded = math.ceil(components["fpga.configuration"] / line_bytes) if host == "fpga" else 0
    levels = _Levels.of(technology, components, line_bytes)
    endured, levelled = (
        inferences_until(
            endurance, writes, lost_fraction=lost_fraction,
            changed=components["resistive.changed"],
            acceleration=float(acceleration(endurance, kelvin)),
            words=8 * line_bytes / WORD, word_cells=WORD + CHECK_BITS,
        )
        for writes in (moved.line_writes, np.full(1, moved.line_writes.mean()))
    )  # fmt: skip
    costs = _costs(levels, dram, moved, loaded)
    written = moved.line_writes[moved.line_writes > 0]
    end = endured * written.mean() * components["resistive.changed"] / 2 if written.size else 0.0
    kept = _retained(technology, end, Segment(time=rest, temperature=kelvin), line_bytes, seed)
    counts = {"endured_inferences": endured, "endured_levelled": levelled}
    counts |= moved.counts | {"touched_bytes": moved.lines * line_bytes}
    data = costs.merge(kept).assign(
        {name: ((), value, {"units": "1"}) for name, value in counts.items()}
    )
    for kind in ("sram", "resistive"):
        area = macro_area(components, kind, lines * line_bytes, size)
        data[f"area_{kind}"] = ((), area, {"units": "m^2"})
    answers = _answers(costs, needed / endured, needed / levelled)
    answers |= _lost(kept, Segment(time=rest).time)
    checks = _checks(technology, components, endurance)
    return finish(data, technology, components, seed, answers=answers, checks=checks)


def _retained(
    technology: Technology, cycles: float, rest: Segment, line_bytes: int, seed: int
) -> xr.Dataset:
    """Bits misread and lines lost after a rest, by the fraction of the life that is used."""
    used = [part * cycles for part in LIFE_USED]
    wrong = misread_cells(technology, used, rest, seed=seed)
    lost = line_failure(wrong, words=8 * line_bytes / WORD, word_cells=WORD + CHECK_BITS)
    one = {"units": "1"}
    return xr.Dataset(
        {"misread_bits": ("life_used", wrong, one), "lines_lost": ("life_used", lost, one)},
        {"life_used": ("life_used", list(LIFE_USED), one)},
    )


@dataclass(frozen=True, eq=False)
class Traffic:
    """Lines that one inference moves, once the resistive cache is steady.

    Attributes
    ----------
    accesses, fetched, written : int
        Of the host's own SRAM, empty at wake-up; lines fetched into it and written back from it.
    weight_lines, lines : int
        Of the weights, of all that is touched.
    cache_writes, cache_fetched, cache_written : float
        Of the resistive cache: lines written (fills and write-backs from above), fetched from the
        flash and written back to it.
    line_writes : ndarray, shape (lines,)
        Writes of each line of the cache.
    """

    accesses: int
    fetched: int
    written: int
    weight_lines: int
    lines: int
    cache_writes: float
    cache_fetched: float
    cache_written: float
    line_writes: NDArray[np.float64]

    @property
    def counts(self) -> dict[str, float]:
        """What results have of it."""
        return {
            "hottest_line_writes": float(self.line_writes.max()),
            "cache_reads": float(self.fetched),
            "cache_writes": self.cache_writes,
            "cache_fetched": self.cache_fetched,
            "cache_written_back": self.cache_written,
            "local_accesses": float(self.accesses),
            "local_fetched": float(self.fetched),
            "local_written_back": float(self.written),
        }


@lru_cache(maxsize=256)
def traffic(
    network: str,
    order: Order,
    line_bytes: int,
    weight_bits: int,
    local_lines: int,
    scratch: str,
    ways: int,
    cache_lines: int,
) -> Traffic:
    """Execute a network behind a volatile and a resistive cache; see `Traffic`.

    The trace of an inference goes through the host's SRAM, which starts empty and whose dirty lines
    are dropped at the end, since nothing that a later inference needs is among them. What misses
    goes through the resistive cache, which keeps its content from one inference to the next. Kept,
    because no card and no component changes it.
    """
    trace, above = _misses(network, order, line_bytes, weight_bits, local_lines, scratch, ways)
    state = empty_cache(cache_lines, ways)
    runs = []
    for _ in range(_SETTLE + _PASSES):
        runs.append(run_cache(above.line, above.kind, state))
        state = runs[-1].state
    kept = runs[_SETTLE:]
    writes = np.mean([run.writes for run in kept], axis=0)
    return Traffic(
        accesses=len(trace.line),
        fetched=above.fetched,
        written=above.written_back,
        weight_lines=trace.weight_lines,
        lines=trace.lines,
        cache_writes=float(writes.sum()),
        cache_fetched=float(np.mean([run.fetched for run in kept])),
        cache_written=float(np.mean([run.written_back for run in kept])),
        line_writes=writes,
    )


@lru_cache(maxsize=32)
def _misses(
    network: str, order: Order, line_bytes: int, weight_bits: int, local_lines: int, scratch: str,
    ways: int,
) -> tuple[Trace, CacheRun]:  # fmt: skip
    """Trace of an inference, and what of it misses the host's SRAM; the same for all capacities."""
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
    return trace, run_cache(line, kind, empty_cache(local_lines, ways))


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
    """Energy and times of an inference, by hierarchy.

    ``loaded`` lines configure the host at wake-up, from flash or from the resistive cache.
    """
    chip, store, cell = levels.dram[dram], levels.flash, levels.resistive
    start_time, start_energy = levels.start[dram]
    burst_time, burst_energy = levels.burst
    own = moved.accesses * levels.sram.read_energy
    from_flash = store.wake_energy + loaded * burst_energy
    ready = store.wake_time + loaded * burst_time
    in_dram = _moved(chip, moved.fetched, moved.written)
    in_flash = _moved(store, moved.fetched, moved.written)
    in_cache = _moved(cell, moved.fetched, moved.cache_writes)
    below = _moved(store, moved.cache_fetched, moved.cache_written)
    misses = moved.cache_fetched + moved.cache_written > 0
    # energy of an inference, wake-up time, time waited for memory, standby power
    rows = {
        "dram_on": (
            own + in_dram[0] + (from_flash if loaded else 0.0),
            max(chip.wake_time, ready if loaded else 0.0), in_dram[1],
            chip.standby + store.standby,
        ),
        "dram_off": (
            own + in_dram[0] + start_energy + from_flash
            + moved.weight_lines * (burst_energy + chip.write_energy),
            max(start_time, ready) + moved.weight_lines * burst_time, in_dram[1], store.standby,
        ),
        "flash_only": (own + in_flash[0] + from_flash, ready, in_flash[1], store.standby),
        "resistive": (
            own + cell.wake_energy + in_cache[0] + loaded * cell.read_energy + below[0]
            + (store.wake_energy if misses else 0.0),
            cell.wake_time + loaded * cell.read_time, in_cache[1] + below[1],
            cell.standby + store.standby,
        ),
    }  # fmt: skip
    units = {"energy": "J", "wake_time": "s", "memory_time": "s", "standby": "W"}
    columns = np.array([rows[name] for name in HIERARCHIES]).T
    return xr.Dataset(
        {name: ("hierarchy", values, {"units": unit})
         for (name, unit), values in zip(units.items(), columns, strict=True)},
        {"hierarchy": list(HIERARCHIES)},
    )  # fmt: skip


def _lost(kept: xr.Dataset, rest: float) -> dict[str, tuple[float, str, str]]:
    """Lines that a rest costs a fresh and a worn cache."""
    after = f"after {duration(rest)} without power"
    return {
        f"lines_lost_{name}": (float(kept["lines_lost"].sel(life_used=used)), "1",
                               f"lines lost {after}, {words}")
        for name, used, words in (("fresh", 0.0, "fresh"), ("worn", 1.0, "at the end of life"))
    }  # fmt: skip


def _moved(memory: Memory, reads: float, writes: float) -> tuple[float, float]:
    """Energy (J) and time (s) of lines read from and written to a memory."""
    return (
        reads * memory.read_energy + writes * memory.write_energy,
        reads * memory.read_time + writes * memory.write_time,
    )


def _answers(
    costs: xr.Dataset, lasts: float, lasts_levelled: float
) -> dict[str, tuple[float, str, str]]:
    """Periods between which the resistive cache takes the least power, and lasts; its savings."""
    rival = {name: costs.sel(hierarchy=name) for name in HIERARCHIES}
    energy, standby = ({name: float(one[key]) for name, one in rival.items()}
                       for key in ("energy", "standby"))  # fmt: skip
    more = energy["resistive"] - energy["dram_on"]
    less = standby["dram_on"] - standby["resistive"]
    begin = max(more / less, 0.0) if less > 0 else (0.0 if more < 0 else math.inf)
    saved = energy["dram_off"] - energy["resistive"]
    extra = standby["resistive"] - standby["dram_off"]
    end = 0.0 if saved <= 0 else (saved / extra if extra > 0 else math.inf)
    sooner = float(rival["dram_off"]["wake_time"] / rival["resistive"]["wake_time"])
    cache = "the resistive cache"
    return {
        "pays_from": (begin, "s", f"period from which {cache} takes less power than DRAM in "
                      "self-refresh"),
        "pays_until": (end, "s", f"period up to which {cache} takes less power than DRAM loaded "
                       "from flash"),
        "lasts_from": (lasts, "s", f"shortest period at which {cache} lasts the mission"),
        "lasts_from_levelled": (lasts_levelled, "s", f"shortest period at which {cache} lasts the "
                                "mission with wear levelling"),
        "energy_ratio": (energy["dram_off"] / energy["resistive"], "1",
                         f"energy of DRAM loaded from flash relative to {cache}"),
        "wake_ratio": (sooner, "1", "wake-up time from flash relative to the cache"),
    }  # fmt: skip


def fitting(data: xr.Dataset) -> int:
    """Return the index of the smallest capacity that holds all that is touched, or the last.

    Parameters
    ----------
    data : Dataset
        Of one host and network, along ``capacity``.
    """
    fits = np.flatnonzero(data["capacity"].values >= data["touched_bytes"].values)
    return int(fits[0]) if len(fits) else data.sizes["capacity"] - 1


def _checks(technology: Technology, components: Components, endurance: Endurance) -> xr.Dataset:
    """Compare the macro with those that were published."""
    cell = components["resistive.cell_area"]
    read = resistive_read_energy(technology, components)
    # 2 MB without check bits, as there
    area = macro_area(components, "resistive", 2**21, 22e-9) * WORD / (WORD + CHECK_BITS)
    byte = float(array_quantile(endurance, 0.01, cells=8)) * 2 / components["resistive.changed"]
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


def _lines(name: str, size: int, line_bytes: int) -> int:
    if isinstance(size, bool) or size != int(size) or size < line_bytes or size % line_bytes:
        raise InputError(f"{name}: got {size!r} bytes, expected a multiple of {line_bytes}")
    return int(size) // line_bytes
