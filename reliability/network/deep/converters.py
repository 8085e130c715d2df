"""Errors of the converters of a tile: what is drawn for each one of each chip."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, TypeVar

import numpy as np

from reliability.errors import InputError, unknown_name, whole_number


@dataclass(frozen=True)
class Dac:
    """Errors of the converters of inputs, one for each row of a tile, drawn for each chip.

    A step is that between two codes; of bit-serial inputs it is the whole pulse.

    Parameters
    ----------
    kind : {"binary", "ladder"}
        Binary elements, which each converter has of its own; or one ladder (or one ramp that
        pulses are timed by) of a tile, whose levels all its rows share.
    offset : float
        Standard deviation of the offset between converters, in steps. It also drives the rows
        whose input is zero.
    gain : float
        Standard deviation of the gain, relative.
    mismatch : float
        Standard deviation of one unit element, in steps: bit k of binary elements has 2^k of them,
        each step of a ladder one. The largest level is where it should be. Inputs below zero have
        the same levels with the other sign.
    noise : float
        Root mean square of each pulse, in steps.

    Examples
    --------
    >>> Dac("ladder", mismatch=0.2).kind
    'ladder'
    >>> Dac("sar")
    Traceback (most recent call last):
    reliability.errors.InputError: unknown kind of dac 'sar'; allowed: binary, ladder
    """

    kind: Literal["binary", "ladder"] = "binary"
    offset: float = 0.0
    gain: float = 0.0
    mismatch: float = 0.0
    noise: float = 0.0

    def __post_init__(self) -> None:
        _check("dac", self, ("binary", "ladder"))


@dataclass(frozen=True)
class Adc:
    """Errors of the converters of sums, drawn for each converter of each chip.

    Parameters
    ----------
    kind : {"sar", "ramp"}
        Successive approximation, where each converter has bit weights of its own; or one ramp that
        all columns of a tile are compared with, so that they share its steps.
    offset : float
        Standard deviation of the offset between converters, in steps.
    gain : float
        Standard deviation of the gain, relative.
    mismatch : float
        Standard deviation of one unit element, in steps: bit k of a SAR converter has 2^k of them,
        each step of a ramp one. It makes the differential nonlinearity; offset and gain errors
        that it would make are taken out.
    noise : float
        Root mean square of each conversion, in steps.
    columns : int
        Output columns that share one SAR converter; a ramp has one comparator for each column.

    Examples
    --------
    >>> Adc("ramp", offset=0.5).kind
    'ramp'
    >>> Adc(noise=-1)
    Traceback (most recent call last):
    reliability.errors.InputError: tiling: adc: noise: got -1, allowed 0 or more
    """

    kind: Literal["sar", "ramp"] = "sar"
    offset: float = 0.0
    gain: float = 0.0
    mismatch: float = 0.0
    noise: float = 0.0
    columns: int = 1

    def __post_init__(self) -> None:
        _check("adc", self, ("sar", "ramp"))
        whole_number(self.columns, "tiling: adc: columns", 1)
        if self.kind == "ramp" and self.columns > 1:
            raise InputError("tiling: adc: columns: a ramp has one comparator for each column")


Errors = TypeVar("Errors", Dac, Adc)


def errors_of(kind: type[Errors], given: Any) -> Errors | None:
    """Return the errors of converters from a mapping of their names, or as they are.

    >>> errors_of(Dac, {"noise": 0.5}) == errors_of(Dac, Dac(noise=0.5))
    True
    """
    if given is None or isinstance(given, kind):
        return given
    name = kind.__name__.lower()
    if not isinstance(given, Mapping):
        raise InputError(f"tiling: {name}: got {type(given).__name__}, expected a {kind.__name__}")
    known = [field.name for field in fields(kind)]
    for key in given:
        if key not in known:
            raise unknown_name(f"setting of tiling: {name}", str(key), known)
    return kind(**given)


def _check(converter: str, errors: Any, kinds: Collection[str]) -> None:
    if errors.kind not in kinds:
        raise unknown_name(f"kind of {converter}", str(errors.kind), kinds)
    for name in ("offset", "gain", "mismatch", "noise"):
        value = getattr(errors, name)
        real = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
        if not real or not 0 <= value < np.inf:
            raise InputError(f"tiling: {converter}: {name}: got {value!r}, allowed 0 or more")
