"""The mission: how long, how hot and how often read, as a sequence of segments."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.units import duration, engineering, quantity


@dataclass(frozen=True)
class Segment:
    """A stretch of constant conditions.

    Parameters
    ----------
    time : float or str
        Duration, s.
    temperature : float or str
        K.
    reads : float
        Read pulses that every cell receives in the segment.
    read_voltage : float or str
        Across the cell, V; positive in the direction of SET.
    alternating : bool
        Whether the polarity alternates from read to read.

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

    def __init__(
        self,
        time: float | str,
        temperature: float | str = 298.15,
        reads: float = 0.0,
        read_voltage: float | str = 0.1,
        alternating: bool = False,
    ) -> None:
        put = object.__setattr__  # frozen: fields are set once, in SI
        put(self, "time", quantity(time, "s", "time", low=0.0))
        put(self, "temperature", quantity(temperature, "K", "temperature", low=1e-3, high=2000.0))
        put(self, "reads", quantity(reads, "", "reads", low=0.0))
        put(self, "read_voltage", quantity(read_voltage, "V", "read_voltage", low=-10.0, high=10.0))
        if not isinstance(alternating, bool):
            raise InputError(f"alternating: got {alternating!r}, expected true or false")
        put(self, "alternating", alternating)


@dataclass(frozen=True)
class MissionProfile:
    """Segments that follow one another from the moment of programming.

    Parameters
    ----------
    segments : sequence of Segment

    Raises
    ------
    InputError
        Anything but segments.

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
    def times(self) -> NDArray[np.float64]:
        """Duration of each segment, s."""
        return np.array([segment.time for segment in self.segments], dtype=float)

    @property
    def temperatures(self) -> NDArray[np.float64]:
        """Temperature of each segment, K."""
        return np.array([segment.temperature for segment in self.segments], dtype=float)

    def __str__(self) -> str:
        parts = []
        for s in self.segments:
            reads = (
                f", {s.reads:.3g} reads at {engineering(s.read_voltage, 'V')}" if s.reads else ""
            )
            reads += " alternating" if s.reads and s.alternating else ""
            parts.append(f"{duration(s.time)} at {engineering(s.temperature, 'K')}{reads}")
        return " + ".join(parts) or "as programmed"
