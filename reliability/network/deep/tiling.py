"""How the weights of a deep network lie in cells, and how their columns are driven and read."""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from reliability.errors import InputError, unknown_name, whole_number

Cells = Literal["levels", "bits", "pairs"]
_CELLS = ("levels", "bits", "pairs")
_COMPENSATIONS = ("none", "drift", "gain")


@dataclass(frozen=True)
class Tiling:
    """How the weights of a deep network lie in cells, and how the columns are driven and read.

    Parameters
    ----------
    cells : {"levels", "bits", "pairs"}
    weight_bits : int
        Bits of a weight, its sign included, for ``bits``.
    bits_per_cell : int
        Bits of one digit of it, for ``bits``: 1 for two states, more for cells with levels.
    scale : {"channel", "layer"} or float
        What one is: the largest magnitude of the output channel, that of the layer, or a number
        for all layers, beyond which a weight is refused.
    rows, columns : int
        Of a tile. Rows beyond are another tile, whose sums are added digitally; columns matter to
        the drop along the lines only.
    dac_bits : int, optional
        Levels of an input: unsigned where the layer's inputs are never negative, else with sign.
        None: exact inputs.
    dac_range : float
        Largest input that is coded, in units of the largest one on the calibration images.
    adc_bits : int, optional
        Levels of the sum of each column pair of a tile, with sign. None: exact sums.
    adc_range : float
        Largest sum that is coded, in units of the largest one of the layer (and bit) with ideal
        weights on the calibration images; larger ones are clipped.
    word_line_resistance, bit_line_resistance : float
        Ohm per cell along the lines; 0 for ideal ones.
    source_resistance, sense_resistance : float
        Ohm, of the word-line drivers and the sense inputs.
    compensation : {"none", "drift", "gain"}
        Digital factor on the sums of a layer. ``drift``: the summed conductance of its cells as
        programmed over that at the time of evaluation, which undoes a drift that all of them share
        (V. Joshi et al., Nat. Commun. 11, 2473 (2020), doi:10.1038/s41467-020-16108-9). ``gain``:
        one over the slope of what its pairs read as against what they should, as known inputs
        would find it; it also undoes the mean drop along the lines.

    Examples
    --------
    >>> Tiling("bits", weight_bits=4, rows=128, adc_bits=8).slices
    3
    >>> Tiling("bits", adc_bits=1)
    Traceback (most recent call last):
    reliability.errors.InputError: tiling: adc_bits: got 1, allowed 2 to 24
    """

    cells: Cells = "levels"
    weight_bits: int = 5
    bits_per_cell: int = 1
    scale: Literal["channel", "layer"] | float = "channel"
    rows: int = 256
    columns: int = 256
    dac_bits: int | None = None
    dac_range: float = 1.0
    adc_bits: int | None = None
    adc_range: float = 1.0
    word_line_resistance: float = 0.0
    bit_line_resistance: float = 0.0
    source_resistance: float = 0.0
    sense_resistance: float = 0.0
    compensation: Literal["none", "drift", "gain"] = "none"

    def __post_init__(self) -> None:
        if self.cells not in _CELLS:
            raise unknown_name("cells of a tiling", str(self.cells), _CELLS)
        if isinstance(self.scale, str) and self.scale not in ("channel", "layer"):
            raise unknown_name("scale of a tiling", self.scale, ("channel", "layer"))
        if self.compensation not in _COMPENSATIONS:
            raise unknown_name("compensation", str(self.compensation), _COMPENSATIONS)
        limits = {
            "weight_bits": (2, 16),
            "bits_per_cell": (1, 8),
            "rows": (1, 1_000_000),
            "dac_bits": (1, 24),
            "adc_bits": (2, 24),
        }
        for name, (low, high) in limits.items():
            if name not in ("dac_bits", "adc_bits") or getattr(self, name) is not None:
                self._whole(name, low, high)
        self._whole("columns", 2 * self.slices, 1_000_000)
        numbers = {"dac_range": self.dac_range, "adc_range": self.adc_range}
        if not isinstance(self.scale, str):
            numbers["scale"] = self.scale
        for name, value in {**numbers, **self.lines}.items():
            real = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if not real or not 0 <= value < np.inf or (name in numbers and value == 0):
                allowed = "above 0" if name in numbers else "0 or more ohm"
                raise InputError(f"tiling: {name}: got {value!r}, allowed {allowed}")
            object.__setattr__(self, name, float(value))
        if self.cells == "pairs" and (self.adc_bits is not None or any(self.lines.values())):
            raise InputError(
                "tiling: pairs are read as bits and counted; no ADC or line resistance applies"
            )

    def _whole(self, name: str, low: int, high: int) -> None:
        value = whole_number(getattr(self, name), f"tiling: {name}", low, high)
        object.__setattr__(self, name, value)  # frozen: a NumPy number becomes a plain one

    @property
    def slices(self) -> int:
        """Cell pairs of one weight."""
        return -(-(self.weight_bits - 1) // self.bits_per_cell) if self.cells == "bits" else 1

    @property
    def lines(self) -> dict[str, Any]:
        """Resistances of lines, drivers and sense inputs, as `solve_crossbar` takes them."""
        lines = {
            "word_line_resistance": self.word_line_resistance,
            "bit_line_resistance": self.bit_line_resistance,
        }
        ends = {
            "source_resistance": self.source_resistance,
            "sense_resistance": self.sense_resistance,
        }
        return lines | ends
