"""Write methods: how a write reaches its state, how many pulses it takes and how often it fails.

- ``single_pulse``: one pulse, no read after it;
- ``fixed_pulses``: a fixed number of equal pulses, no read between them: the last one decides, all
  of them wear and cost energy;
- ``verify``: equal pulses, each with a read that ends the write once the cell has passed;
- any other, such as ``ispp`` (rising voltage) or ``fppv`` (fine pulses with verify), by what was
  measured of it, which a card has in ``[write.<name>]``. With w decades of cycles beyond the
  onset of the wear (`reliability.devices.wear`)

      pulses per write        N (1 + w)^a
      writes that fail        F (1 + w)^b, at most 1

The first three follow from the distribution of the states, so that only cards of two states have
them; their pulses and failures grow as the states get wider.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reliability.devices.verify import Verify
from reliability.devices.wear import Wear
from reliability.errors import InputError, unknown_name, whole_number
from reliability.technology import Technology
from reliability.units import quantity

_OF_STATES = ("single_pulse", "fixed_pulses", "verify")
_FIXED = 3  # pulses of fixed_pulses where no number is given
_ATTEMPTS = 10  # of verify on a card without its own


@dataclass(frozen=True)
class WriteMethod:
    """A write method by name.

    Parameters
    ----------
    name : str
        ``"single_pulse"``, ``"fixed_pulses"``, ``"verify"``, or a method on the card.
    attempts : int, optional
        Pulses of ``fixed_pulses``, largest number of pulses of ``verify``; by default 3, and that
        of the card's verify or 10.
    tolerance : float
        ``verify``: a cell passes at a conductance that is this part beyond the reading reference,
        0 or more.

    Raises
    ------
    InputError
        Attempts below 1, a tolerance below 0, attempts of a method that has none.

    Examples
    --------
    >>> WriteMethod("verify", attempts=5, tolerance=0.2).attempts
    5
    """

    name: str
    attempts: int | None = None
    tolerance: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str):
            raise InputError(f"write: got {self.name!r}, expected the name of a write method")
        if self.attempts is not None:
            if self.name not in ("fixed_pulses", "verify"):
                raise InputError(
                    f"attempts: {self.name} has none to choose, allowed with fixed_pulses, verify"
                )
            whole_number(self.attempts, "attempts", low=1)
        low = quantity(self.tolerance, "", "tolerance", low=0.0)
        if low and self.name != "verify":
            raise InputError(f"tolerance: got {low:g} with {self.name}, allowed with verify")

    @property
    def is_verified(self) -> bool:
        """Whether equal pulses go on until the cell passes."""
        return self.name == "verify"

    @property
    def pulses(self) -> int:
        """Number of pulses that wear with each write (``verify``: at most, 1 of a measured one)."""
        return self.attempts or (_FIXED if self.name == "fixed_pulses" else 1)


def write_methods(technology: Technology) -> list[str]:
    """Return the names of the write methods that a card has data for.

    Examples
    --------
    >>> import reliability as rel
    >>> write_methods(rel.load_technology("cbram"))
    ['single_pulse', 'fixed_pulses', 'verify']
    """
    own = sorted({key.split(".")[1] for key in technology if key.startswith("write.")})
    return [*(_OF_STATES if technology.has_states else ()), *own]


def has_measured_pulses(technology: Technology, name: str) -> bool:
    """Return whether a card has measured pulses of a method."""
    return f"write.{name}.pulses" in technology


def find_method(technology: Technology, write: str | WriteMethod | None) -> WriteMethod:
    """Return a write method of a card, by name or object; by default verify where it can.

    Raises
    ------
    InputError
        A method that the card has no data for.

    Examples
    --------
    >>> import reliability as rel
    >>> find_method(rel.load_technology("cbram"), "single_pulse").pulses
    1
    """
    known = write_methods(technology)
    if write is None:
        write = "verify" if technology.has_states else next(iter(known), "single_pulse")
        known = [*known, write]
    if isinstance(write, str):
        write = WriteMethod(write.lower() if write.lower() in known else write)
    if not isinstance(write, WriteMethod):
        raise InputError(f"write: got {write!r}, expected a name, a WriteMethod or a Verify")
    if write.name not in known:
        if not known:
            raise InputError(
                f"write: got {write.name!r}, no data for it on {technology.name}, nor for any "
                "other method; allowed: no write"
            )
        kind = f"write method, or no data for it on {technology.name}:"
        raise unknown_name(kind, write.name, known)
    if write.is_verified and write.attempts is None:
        attempts = technology.get("programming.verify.attempts", _ATTEMPTS)
        return replace(write, attempts=int(attempts))
    return write


@dataclass(frozen=True)
class MeasuredMethod:
    """What was measured of a write method.

    Parameters
    ----------
    link : Wear
        With the onset of the wear.
    mean_pulses, pulse_growth : float
        N and a.
    failed, failed_growth : float
        F and b.
    """

    link: Wear
    mean_pulses: float
    pulse_growth: float
    failed: float
    failed_growth: float

    @classmethod
    def from_technology(cls, technology: Technology, name: str) -> "MeasuredMethod":
        """Read the section ``write.<name>`` of a card; a link that it lacks is 0."""
        section = f"write.{name}"
        more = (technology.get(f"{section}.{key}", 0.0)
                for key in ("pulse_growth", "failed", "failed_growth"))  # fmt: skip
        link = Wear(technology.get("wear.onset", 1.0))
        return cls(link, technology[f"{section}.pulses"], *more)

    def pulses(self, x: ArrayLike) -> NDArray[np.floating]:
        """Return the mean pulses of a write after x equivalent cycles.

        Examples
        --------
        >>> MeasuredMethod(Wear(100.0), 10.0, 1.0, 0.02, 0.0).pulses([0.0, 900.0])
        array([10., 20.])
        """
        return self.mean_pulses * self.link.growth(self.pulse_growth, x)

    def failures(self, x: ArrayLike) -> NDArray[np.floating]:
        """Return the fraction of writes that fail after x equivalent cycles."""
        return np.minimum(self.failed * self.link.growth(self.failed_growth, x), 1.0)


def last_verify(technology: Technology, name: str, reference: float) -> Verify | None:
    """Return the verify with which a method leaves a state that can be simulated.

    Parameters
    ----------
    technology : Technology
    name : str
        Of the method.
    reference : float
        Reading reference, S, at which cells pass on a card without limits of its own.

    Raises
    ------
    InputError
        A method that the card has no data for, or of which it has no states.
    """
    method = find_method(technology, name)
    if method.name not in _OF_STATES and technology.has_states:
        raise InputError(
            f"write: the card has pulses and failures of {name!r} but not the states that it "
            f"leaves, allowed in a mission: {', '.join(_OF_STATES)}"
        )
    if not method.is_verified or not technology.has_states:
        return None
    if "programming.verify.lrs_resistance" in technology:
        return Verify.from_technology(technology)
    return Verify(1 / reference, 1 / reference, method.attempts or _ATTEMPTS)
