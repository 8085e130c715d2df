"""The mission: how long, how hot, how often read and rewritten, as a sequence of segments."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError, unknown_name
from reliability.files import read_toml
from reliability.resources import data_folder
from reliability.units import duration, engineering, quantity

# Kinds of memory, of which the standards ask phase-change memories for less heat.
MEMORIES = ("OxRAM", "CBRAM", "RRAM", "PCM")
_MOST_CYCLES = 1e15


@dataclass(frozen=True)
class Segment:
    """A stretch of constant conditions.

    Cycles come at the start of a segment: what is stored and read in it is the state that the last
    of them wrote.

    Parameters
    ----------
    time : float or str
        Duration after the cycles, s.
    temperature : float or str
        Of the cycles and of the storage after them, K.
    reads : float
        Read pulses that every cell receives in the segment, after its cycles.
    read_voltage : float or str
        Across the cell, V; positive in the direction of SET.
    alternating : bool
        Whether the polarity alternates from read to read.
    cycles : float
        SET and RESET cycles of every cell, a whole number; 0 keeps the state that the cell has.
    write : str, optional
        Method of the last write, a name that `reliability.devices.write_methods` lists for
        the card; by default the one with which the population was programmed.

    Examples
    --------
    >>> Segment(time="10 years", temperature="85 degC").temperature
    358.15
    >>> Segment(time="1 h", temperature="-300 degC")
    Traceback (most recent call last):
    reliability.errors.InputError: temperature: got '-300 degC', allowed 0.001 to 2000 K
    """

    time: float
    temperature: float = 298.15
    reads: float = 0.0
    read_voltage: float = 0.1
    alternating: bool = False
    cycles: float = 0.0
    write: str | None = None

    def __init__(
        self,
        time: float | str,
        temperature: float | str = 298.15,
        reads: float = 0.0,
        read_voltage: float | str = 0.1,
        alternating: bool = False,
        cycles: float = 0.0,
        write: str | None = None,
    ) -> None:
        put = object.__setattr__  # frozen: fields are set once, in SI
        put(self, "time", quantity(time, "s", "time", low=0.0))
        put(self, "temperature", quantity(temperature, "K", "temperature", low=1e-3, high=2000.0))
        put(self, "reads", quantity(reads, "", "reads", low=0.0))
        put(self, "read_voltage", quantity(read_voltage, "V", "read_voltage", low=-10.0, high=10.0))
        if not isinstance(alternating, bool):
            raise InputError(f"alternating: got {alternating!r}, expected true or false")
        put(self, "alternating", alternating)
        put(self, "cycles", quantity(cycles, "", "cycles", low=0.0, high=_MOST_CYCLES))
        if self.cycles != int(self.cycles):
            raise InputError(f"cycles: got {cycles!r}, expected a whole number")
        if write is not None and not isinstance(write, str):
            raise InputError(f"write: got {write!r}, expected the name of a write method")
        if write is not None and not self.cycles:
            raise InputError(f"write: got {write!r} in a segment without cycles")
        put(self, "write", write)


@dataclass(frozen=True)
class MissionProfile:
    """Segments that follow one another from the moment of programming.

    Parameters
    ----------
    segments : sequence of Segment

    Raises
    ------
    InputError
        Anything but segments, or cycles after the last storage and read, which would erase what the
        mission did before them.

    Examples
    --------
    >>> day = Segment(time="12 h", temperature="85 degC")
    >>> night = Segment(time="12 h", temperature="25 degC")
    >>> MissionProfile([day, night]).duration
    86400.0
    """

    segments: tuple[Segment, ...]

    def __init__(self, segments: Sequence[Segment]) -> None:
        listed = isinstance(segments, Sequence)
        if not listed or not all(isinstance(segment, Segment) for segment in segments):
            raise InputError(f"mission profile: got {segments!r}, expected Segment objects")
        *before, last = segments or (Segment(0.0),)
        if last.cycles and not (last.time or last.reads) and any(s.time or s.reads for s in before):
            raise InputError(
                f"mission profile: got {last.cycles:g} cycles after the last read-out, expected "
                "storage or reads after them: they rewrite what was stored before"
            )
        object.__setattr__(self, "segments", tuple(segments))

    @classmethod
    def constant(
        cls,
        time: float | str,
        temperature: float | str = 298.15,
        reads: float = 0.0,
        read_voltage: float | str = 0.1,
        alternating: bool = False,
    ) -> "MissionProfile":
        """Return a profile of one segment (units as for `Segment`)."""
        return cls([Segment(time, temperature, reads, read_voltage, alternating)])

    def until(self, time: float) -> "MissionProfile":
        """Return the part of the mission before a time (s); reads are spread evenly.

        Cycles come at the start of their segment, which is part of it.

        >>> MissionProfile.constant("10 h", reads=100.0).until(9 * 3600.0).segments[0].reads
        90.0
        """
        kept, left = [], time
        for segment in self.segments:
            if left <= 0:
                break
            part = min(1.0, left / segment.time) if segment.time else 1.0
            kept.append(replace(segment, time=segment.time * part, reads=segment.reads * part))
            left -= segment.time
        return MissionProfile(kept)

    @classmethod
    def jedec(
        cls,
        test: str,
        *,
        memory: str = "OxRAM",
        cycles: float = 10_000,
        reads: float = 1e6,
        option: int = 1,
    ) -> "MissionProfile":
        """Return the conditions of a qualification test of nonvolatile memory.

        Parameters
        ----------
        test : str
            ``"NVCE"`` (cycling), ``"UCHTDR"`` (bake of uncycled cells), ``"PCHTDR"`` (cycling at
            55 degC, then bake), ``"LTDR"`` (cycling, storage and reads at 25 degC), ``"HTOL"``,
            ``"HTSL"`` or ``"ELFR"``.
        memory : str
            One of `MEMORIES`; PCM has baking temperatures of its own.
        cycles : float
            Cycles that the product specifies; the default is assumed, the standard leaves the
            number to the product.
        reads : float
            Reads of every cell in LTDR; the default is assumed, at least those of the mission.
        option : int
            Where the standard leaves a choice, counted from 1: PCHTDR at 100 degC (1) or 125 degC
            (2), NVCE of the half of the devices at 25 degC (1) or at 55 degC (2).

        Returns
        -------
        MissionProfile
            With a segment up to each read point.

        Raises
        ------
        InputError
            An unknown test, memory or option.

        Notes
        -----
        The facts are those of ``data/standards/jedec_nvm.toml``, each with its source: public
        summaries of JESD47, JESD22-A117 and JESD22-A108. The standards decide.

        Examples
        --------
        >>> print(MissionProfile.jedec("PCHTDR"))
        10000 cycles at 55 °C + 4 days at 100 °C + 904 h at 100 °C
        >>> MissionProfile.jedec("UCHTDR", memory="PCM").temperatures.round(2)
        array([363.15])
        """
        rows = {row["name"]: row for row in jedec_requirements() if row["profile"]}
        if test not in rows:
            raise unknown_name("test", str(test), rows)
        kinds = {name.upper(): name for name in MEMORIES}
        if str(memory).upper() not in kinds:
            raise unknown_name("memory", str(memory), MEMORIES)
        row = rows[test]
        options = row["pcm"] if str(memory).upper() == "PCM" and row["pcm"] else row["profile"]
        if type(option) is not int or option not in range(1, len(options) + 1):
            raise InputError(f"option: got {option!r}, allowed 1 to {len(options)} for {test}")
        chosen = options[option - 1]
        written = chosen.get("cycling_temperature", chosen["temperature"])
        asked = Segment(0.0, written, reads, cycles=cycles)  # refuses what no test can have
        first = [replace(asked, reads=0.0)] if asked.cycles and _is_cycled(row) else []
        end, point = chosen.get("duration", 0.0), chosen.get("read_point", 0.0)
        counted = asked.reads if row.get("reads") else 0.0
        steps = [step for step in (point, end - point) if step > 0]
        stored = [Segment(t, chosen["temperature"], counted * t / end) for t in steps]
        return cls([*first, *stored])

    def __add__(self, later: "MissionProfile") -> "MissionProfile":
        return MissionProfile(self.segments + later.segments)

    @property
    def duration(self) -> float:
        """Total time, s."""
        return float(sum(segment.time for segment in self.segments))

    @property
    def reads(self) -> float:
        """Total reads of every cell."""
        return float(sum(segment.reads for segment in self.segments))

    @property
    def cycles(self) -> float:
        """Total cycles of every cell."""
        return float(sum(segment.cycles for segment in self.segments))

    @property
    def since_last_write(self) -> "MissionProfile":
        """What the cells go through after the last cycles; all where there are none."""
        rewritten = [k for k, segment in enumerate(self.segments) if segment.cycles]
        return MissionProfile(self.segments[rewritten[-1] :]) if rewritten else self

    @property
    def times(self) -> NDArray[np.float64]:
        """Duration of each segment, s."""
        return np.array([segment.time for segment in self.segments], dtype=float)

    @property
    def temperatures(self) -> NDArray[np.float64]:
        """Temperature of each segment, K."""
        return np.array([segment.temperature for segment in self.segments], dtype=float)

    def __str__(self) -> str:
        return " + ".join(map(_words, self.segments)) or "as programmed"


def _words(s: Segment) -> str:
    """Segment in words."""
    at = f" at {engineering(s.temperature, 'K')}"
    by = f" with {s.write}" if s.write else ""
    cycles = f"{s.cycles:.5g} cycles{by}" if s.cycles else ""
    if s.cycles and not (s.time or s.reads):
        return cycles + at
    reads = f", {s.reads:.3g} reads at {engineering(s.read_voltage, 'V')}" if s.reads else ""
    reads += " alternating" if s.reads and s.alternating else ""
    return f"{cycles}{', ' if cycles else ''}{duration(s.time)}{at}{reads}"


@cache
def jedec_requirements() -> tuple[dict[str, Any], ...]:
    """Return what qualification standards require, in SI, in the order of the shipped file.

    Each row has ``option`` and ``pcm`` (conditions of its bake), ``profile`` (conditions of a
    `MissionProfile.jedec`), those of AEC-Q100 ``grades`` (conditions by grade), besides the keys of
    ``data/standards/jedec_nvm.toml``.

    Examples
    --------
    >>> [row["name"] for row in jedec_requirements()][:3]
    ['NVCE', 'UCHTDR', 'PCHTDR']
    """
    content = (data_folder() / "standards" / "jedec_nvm.toml").read_bytes()
    table = read_toml(content, "jedec_nvm.toml")
    found = []
    for entry in table["requirement"]:
        row = {**entry, "source": table["sources"][entry["source"]]}
        for name in ("option", "pcm", "profile"):
            row[name] = [_in_si(option) for option in entry.get(name, [])]
        if "cycling_temperature" in row:
            row["cycling_temperature"] = quantity(row["cycling_temperature"], "K", "")
            for option in (*row["option"], *row["pcm"]):
                option.setdefault("cycling_temperature", row["cycling_temperature"])
        row["profile"] = row["profile"] or [o for o in row["option"] if "duration" in o]
        if "grades" in row:  # conditions by temperature grade of the product
            row["grades"] = {
                int(grade): [_in_si(option) for option in options]
                for grade, options in row["grades"].items()
            }
        found.append(row)
    return tuple(found)


def _is_cycled(row: dict[str, Any]) -> bool:
    return bool(row.get("cycled")) or row.get("kind") == "cycling"


def _in_si(option: dict[str, str]) -> dict[str, float]:
    units = {"temperature": "K", "at_most": "K", "duration": "s", "read_point": "s"}
    return {name: quantity(value, units[name], name) for name, value in option.items()}
