"""The phenomena of a resistive memory cell, one module each.

Every module has the same shape: a frozen dataclass of parameters made from a technology card, pure
functions (parameters, conditions, deviates) -> array, and the closed form of the distribution.
"""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.devices import (
        conduction,
        cycles,
        drift,
        endurance,
        equivalent_time,
        first_passage,
        gate,
        noise,
        path,
        programming,
        read_disturb,
        relaxation,
        retention,
        target,
        verify,
        wear,
        write_methods,
    )

__all__ = [
    "conduction",
    "cycles",
    "drift",
    "endurance",
    "equivalent_time",
    "first_passage",
    "gate",
    "noise",
    "path",
    "programming",
    "read_disturb",
    "relaxation",
    "retention",
    "target",
    "verify",
    "wear",
    "write_methods",
]

__getattr__, __dir__ = first_use(__name__)
