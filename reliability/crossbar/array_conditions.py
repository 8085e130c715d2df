"""Conditions of a searched array: its shape, its wires and circuit, and how it is read."""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from reliability.crossbar.cell_models import CellModel
from reliability.crossbar.margins import BIAS_SCHEMES
from reliability.crossbar.wires import load_wire
from reliability.errors import InputError, expect, unknown_name, whole_number
from reliability.mission import MissionProfile
from reliability.random import stream
from reliability.technology import Technology


@dataclass(frozen=True)
class ArrayConditions:
    """Shape, wires, circuit and read conditions of an array whose size is searched.

    Parameters
    ----------
    rows, columns : int, optional
        One of them is given and the other searched; by default both are, at ``aspect``.
    aspect : float
        Columns over rows.
    node : str, optional
        Node of the wire table (`reliability.crossbar.load_wire`), where no segment resistance is
        given.
    cell_layout : {"1T1R", "passive"}
        Cell pitch at that node.
    read_voltage : float, optional
        V; by default the card's.
    density, activity : float
        Fraction of stored ones, and of rows that are driven at once.
    bias_scheme : {"grounded", "floating", "V/2", "V/3"}
        Voltage of unselected lines, for the criteria ``"read_margin"`` and ``"bit_error_rate"``.
    source_resistance, sense_resistance : float
        Ohm, of each driver and each sense input.
    drive, sense : str
        Ends of word and bit lines, as for `reliability.solve_crossbar`.
    cell : callable, optional
        Model of a nonlinear cell (`reliability.crossbar.cell_models`).
    access_resistance : float, optional
        Ohm, of the access transistor in series with each cell; by default the card's for a 1T1R
        layout without a cell model, else 0.
    gain_correction : bool
        Whether the sums of an array are multiplied by the one factor that suits them best, for the
        criteria ``"output_error"`` and ``"step_error"``.
    profile : MissionProfile, optional
        What the cells go through after programming; by default nothing.

    Raises
    ------
    InputError
        Both rows and columns, or a number out of range.

    Examples
    --------
    >>> ArrayConditions(rows=64).shape(16), ArrayConditions(aspect=2.0).shape(16)
    ((64, 16), (16, 32))
    """

    rows: int | None = None
    columns: int | None = None
    aspect: float = 1.0
    node: str | None = None
    cell_layout: str = "1T1R"
    read_voltage: float | None = None
    density: float = 0.5
    activity: float = 0.5
    bias_scheme: str = "grounded"
    source_resistance: float = 0.0
    sense_resistance: float = 0.0
    drive: str = "left"
    sense: str = "bottom"
    cell: CellModel | None = None
    access_resistance: float | None = None
    gain_correction: bool = False
    profile: MissionProfile | None = None

    def __post_init__(self) -> None:
        for name in ("rows", "columns"):
            if getattr(self, name) is not None:
                whole_number(getattr(self, name), name, low=1)
        if self.rows is not None and self.columns is not None:
            raise InputError("rows, columns: give at most one of them; the other is searched")
        if not (math.isfinite(self.aspect) and self.aspect > 0):
            raise InputError(f"aspect: got {self.aspect}, allowed more than 0")
        if self.aspect != 1.0 and (self.rows is not None or self.columns is not None):
            raise InputError("aspect: goes without rows and columns")
        for name in ("density", "activity"):
            if not 0 < getattr(self, name) <= 1:
                raise InputError(
                    f"{name}: got {getattr(self, name)}, allowed more than 0, at most 1"
                )
        if self.access_resistance is not None:
            if not 0 <= self.access_resistance < math.inf:
                raise InputError(
                    f"access_resistance: got {self.access_resistance}, allowed >= 0 ohm"
                )
            if self.cell is not None:
                raise InputError("access_resistance: goes without a cell model, which has its own")
        if self.profile is not None:
            expect(self.profile, MissionProfile, "profile", "a MissionProfile")
        if self.bias_scheme not in BIAS_SCHEMES:
            raise unknown_name("bias scheme", self.bias_scheme, BIAS_SCHEMES)

    @classmethod
    def of(cls, options: dict[str, Any], allowed: tuple[str, ...] = ()) -> "ArrayConditions":
        """Return the conditions given by keyword; an unknown one is refused by name."""
        names = allowed or tuple(field.name for field in fields(cls))
        for name in options:
            if name not in names:
                raise unknown_name("condition of an array", name, names)
        return cls(**options)

    def shape(self, n: int) -> tuple[int, int]:
        """Rows and columns of the array with n searched lines."""
        if self.rows is not None:
            return self.rows, n
        if self.columns is not None:
            return n, self.columns
        return n, max(1, round(n * self.aspect))

    @property
    def circuit(self) -> dict[str, Any]:
        """Keyword arguments of `solve_crossbar` beside the line resistances."""
        names = ("source_resistance", "sense_resistance", "drive", "sense", "cell")
        return {name: getattr(self, name) for name in names}

    def access(self, technology: Technology) -> float:
        """Return the resistance in series with each cell of a card, ohm."""
        if self.access_resistance is not None:
            return self.access_resistance
        if self.cell is not None or self.cell_layout != "1T1R":
            return 0.0
        return float(technology.get("access.series_resistance", 0.0))

    def described(self, technology: Technology) -> dict[str, Any]:
        """Return what a report says of these conditions, as attributes of a Dataset."""
        volts = technology["read.voltage"] if self.read_voltage is None else self.read_voltage
        return {
            "cell_layout": self.cell_layout, "access_ohm": self.access(technology),
            "cell_model": "linear" if self.cell is None else type(self.cell).__name__,
            "read_voltage": float(volts), "density": self.density, "activity": self.activity,
            "array_bias_scheme": self.bias_scheme, "drive": self.drive, "sense": self.sense,
            "gain_correction": int(self.gain_correction),
            "mission": "" if self.profile is None else str(self.profile),
        }  # fmt: skip

    def check(self, technology: Technology, criterion: Any) -> None:
        """Refuse a criterion that does not go with the card or with these conditions."""
        of_sums = criterion in ("output_error", "step_error")
        if self.gain_correction and not of_sums:
            raise InputError(
                f"gain_correction: goes with output_error and step_error, got {criterion}"
            )
        if self.profile is not None and criterion == "bit_error_rate":
            raise InputError("profile: goes with output_error, step_error and read_margin, got "
                             "bit_error_rate, which is of cells as programmed")  # fmt: skip
        if technology.has_states:
            return
        if isinstance(criterion, str) and not of_sums:
            raise InputError(f"criterion: {technology.name} has levels, which need output_error or "
                             f"step_error, got {criterion}")  # fmt: skip
        if self.density != 0.5:
            raise InputError(f"density: {technology.name} has levels, whose targets are uniform")

    def lines(self, segment_resistance: float | None) -> "Lines":
        """Return the lines of a given resistance, or those of the node.

        Raises
        ------
        InputError
            Both or none of them, or a negative resistance.
        """
        if (segment_resistance is None) == (self.node is None):
            raise InputError("segment_resistance, node: give one of them")
        if self.node is not None:
            wire = load_wire(self.node)
            return Lines(*wire.segment_resistance(self.cell_layout), wire.sigma_ln)
        ohm = float(segment_resistance or 0.0)
        if not 0 <= ohm < math.inf:
            raise InputError(f"segment_resistance: got {segment_resistance}, allowed >= 0 ohm")
        return Lines(ohm, ohm, 0.0)


@dataclass(frozen=True)
class Lines:
    """Resistance per cell along word and bit line (ohm), and the deviation of its logarithm."""

    word: float
    bit: float
    sigma_ln: float

    def drawn(self, seed: int, draw: int | None) -> dict[str, float]:
        """Resistances as `solve_crossbar` takes them; those of a draw vary with the wire.

        >>> Lines(2.0, 1.0, 0.0).drawn(1, 0)
        {'word_line_resistance': 2.0, 'bit_line_resistance': 1.0}
        """
        factor = 1.0
        if draw is not None:
            z = float(stream(seed, "crossbar.wire", draw).standard_normal())
            factor = float(np.exp(self.sigma_ln * z))
        return {
            "word_line_resistance": self.word * factor,
            "bit_line_resistance": self.bit * factor,
        }


Progress = Callable[[int, int], None]
