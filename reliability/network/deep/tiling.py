"""How the weights of a deep network lie in cells, and how their columns are driven and read."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, Self

import numpy as np

from reliability.errors import InputError, unknown_name, whole_number
from reliability.network.deep.converters import Adc, Dac, errors_of

Cells = Literal["levels", "bits", "pairs"]
MappingName = Literal["differential", "offset", "reference", "dummy", "twos_complement"]
Compensation = Literal["none", "drift", "gain", "drift_columns", "gain_columns", "batch_norm"]
_CELLS = ("levels", "bits", "pairs")
_COMPENSATIONS = ("none", "drift", "gain", "drift_columns", "gain_columns", "batch_norm")
# Columns of each tile that hold no weight: at the least conductance, and at the largest one.
_REFERENCES = {"differential": 0, "offset": 0, "reference": 2, "dummy": 1, "twos_complement": 1}
_PAIRINGS = ("columns", "rows", "separate")
_WHOLE = ("layers", "compensation", "calibration_interval")  # the same for all layers


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
    mapping : {"differential", "offset", "reference", "dummy", "twos_complement"}
        How cells of conductances above zero hold signed weights. ``differential``: a pair for each
        weight (and bit). The others have one cell: its conductance grows from the most negative
        weight to the most positive one (in bits: offset binary), and from each column's sum is
        taken ``offset``: half the sum of the inputs, digitally, and the background of the nominal
        least conductance with it; ``reference``: the mean of two columns of the tile, one at the
        least and one at the largest conductance; ``dummy``: a column at the least conductance, and
        half the sum of the inputs digitally. ``twos_complement`` (bits): one cell for each bit,
        that of the sign counts negatively; a dummy column takes the background.
    pairing : {"columns", "rows", "separate"}
        Where the cells of a pair lie, which matters to the drop along the lines: in neighbouring
        columns; in neighbouring rows of one column, driven by opposite voltages, so that their
        currents subtract on the bit line; or on two arrays.
    serial_inputs : bool
        Inputs bit by bit: each bit of the DAC's code is one pulse and one conversion, shifted and
        added digitally; a negative input's top bit counts negatively.
    dac, adc : Dac, Adc, optional
        Errors of the converters of inputs and of sums; by default none.
    compensation : {"none", "drift", "gain", "drift_columns", "gain_columns", "batch_norm"}
        Digital factor on the sums of a layer. ``drift``: the summed conductance of its cells as
        programmed over that at the time of evaluation, which undoes a drift that all of them share
        (V. Joshi et al., Nat. Commun. 11, 2473 (2020), doi:10.1038/s41467-020-16108-9). ``gain``:
        one over the slope of what its pairs read as against what they should, as known inputs
        would find it; it also undoes the mean drop along the lines. ``_columns``: a factor of
        their own for each output (and bit). ``batch_norm``: mean and standard deviation of each
        output channel of every layer but the last, over the calibration images, are set to those
        of the ideal network, layer after layer, as batch normalisation layers that are calibrated
        again on the aged chip do (AdaBS, the same reference).
    calibration_interval : float, optional
        s, between measurements of the factor of ``drift`` and ``gain``: the last before the time of
        evaluation counts. By default it is measured at that time.
    layers : mapping of str to mapping
        Settings of single layers by name, instead of those of the tiling.

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
    mapping: MappingName = "differential"
    pairing: Literal["columns", "rows", "separate"] = "columns"
    serial_inputs: bool = False
    dac: Dac | None = None
    adc: Adc | None = None
    compensation: Compensation = "none"
    calibration_interval: float | None = None
    layers: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "dac", errors_of(Dac, self.dac))
        object.__setattr__(self, "adc", errors_of(Adc, self.adc))
        if self.cells not in _CELLS:
            raise unknown_name("cells of a tiling", str(self.cells), _CELLS)
        if isinstance(self.scale, str) and self.scale not in ("channel", "layer"):
            raise unknown_name("scale of a tiling", self.scale, ("channel", "layer"))
        if self.compensation not in _COMPENSATIONS:
            raise unknown_name("compensation", str(self.compensation), _COMPENSATIONS)
        if self.mapping not in _REFERENCES:
            raise unknown_name("mapping of a tiling", str(self.mapping), _REFERENCES)
        if self.pairing not in _PAIRINGS:
            raise unknown_name("pairing of a tiling", str(self.pairing), _PAIRINGS)
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
        self._whole("columns", self.columns_of_a_weight + self.references, 1_000_000)
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
        self._check_together()
        for name in self.layers:
            self.of(name)  # refuses what a layer can't have

    def _check_together(self) -> None:
        """Refuse settings that mean nothing together."""
        single, interval = self.mapping != "differential", self.calibration_interval
        twos = self.mapping == "twos_complement" and self.cells != "bits"
        factor = self.compensation.partition("_")[0] in ("drift", "gain")
        for wrong, line in (
            (single and self.cells == "pairs", f"mapping: {self.mapping} does not go with pairs"),
            (twos, "mapping: twos_complement needs cells 'bits'"),
            (single and self.pairing != "columns", f"pairing: {self.mapping} has no pairs"),
            (self.pairing != "columns" and self.cells == "pairs",
             "pairing: pairs are read by a sense amplifier, no line resistance applies"),
            (self.pairing == "rows" and self.rows % 2, f"pairing: rows needs an even number of "
             f"rows, got {self.rows}"),
            (self.serial_inputs and self.dac_bits is None, "serial_inputs: needs dac_bits"),
            *self._wrong_converters(),
            (interval is not None and not factor, "calibration_interval: acts with the "
             f"compensation drift or gain, got {self.compensation!r}"),
            (interval is not None and not 0 < interval < np.inf,
             f"calibration_interval: got {interval!r}, allowed above 0 s"),
        ):  # fmt: skip
            if wrong:
                raise InputError(f"tiling: {line}")

    def _wrong_converters(self) -> Iterator[tuple[bool, str]]:
        for name in ("dac", "adc"):
            errors, bits = getattr(self, name), getattr(self, f"{name}_bits")
            if errors is not None:
                yield bits is None, f"{name}: needs {name}_bits"
                yield (
                    errors.mismatch > 0 and (bits or 0) > 12,
                    (f"{name}: mismatch: allowed up to 12 {name}_bits, got {bits}"),
                )
        single = self.dac is not None and self.dac.mismatch > 0 and self.serial_inputs
        yield single, "dac: mismatch: single bits of serial_inputs have none"

    def of(self, layer: str) -> Self:
        """Return the tiling of one layer, with its own settings.

        >>> Tiling(adc_bits=8, layers={"last": {"adc_bits": 10}}).of("last").adc_bits
        10
        """
        own = self.layers.get(layer, {})
        known = set(asdict(self)) - set(_WHOLE)
        for name in own:
            if name in _WHOLE:
                raise InputError(f"tiling: layers: {layer}: {name} is the same for all layers")
            if name not in known:
                raise InputError(str(unknown_name(f"setting of layer {layer!r}", name, known)))
        try:
            return replace(self, layers={}, **own)
        except InputError as error:
            raise InputError(f"tiling: layers: {layer}: {error}") from None

    def ideal(self) -> Self:
        """Return the tiling without line resistance and errors of converters, in all layers.

        >>> Tiling(bit_line_resistance=1.0).ideal() == Tiling()
        True
        """
        none: dict[str, Any] = dict.fromkeys(self.lines, 0.0) | {"dac": None, "adc": None}
        layers = {name: {key: value for key, value in own.items() if key not in none}
                  for name, own in self.layers.items()}  # fmt: skip
        return replace(self, layers=layers, **none)

    @property
    def text(self) -> str:
        """As JSON, for the attributes of results."""
        return json.dumps(asdict(self))

    def _whole(self, name: str, low: int, high: int) -> None:
        value = whole_number(getattr(self, name), f"tiling: {name}", low, high)
        object.__setattr__(self, name, value)  # frozen: a NumPy number becomes a plain one

    @property
    def slices(self) -> int:
        """Cell pairs, or single cells, of one weight."""
        if self.cells != "bits":
            return 1
        magnitude = -(-(self.weight_bits - 1) // self.bits_per_cell)
        if self.mapping == "differential":
            return magnitude
        if self.mapping == "twos_complement":
            return 1 + magnitude
        return -(-self.weight_bits // self.bits_per_cell)

    @property
    def references(self) -> int:
        """Columns of a tile that hold no weight."""
        return _REFERENCES[self.mapping]

    @property
    def columns_of_a_weight(self) -> int:
        """Columns of a tile that a weight takes."""
        beside = self.mapping == "differential" and self.pairing == "columns"
        return self.slices * (2 if beside else 1)

    @property
    def outputs_of_a_tile(self) -> int:
        """Outputs whose columns lie on one tile."""
        return (self.columns - self.references) // self.columns_of_a_weight

    @property
    def weight_rows(self) -> int:
        """Rows of weights on one tile."""
        return self.rows // 2 if self.pairing == "rows" else self.rows

    def cells_of(self, rows: int, outputs: int) -> int:
        """Return the number of cells of a layer, those of its reference columns included.

        >>> Tiling().cells_of(10, 4), Tiling(mapping="dummy", columns=3).cells_of(10, 4)
        (80, 60)
        """
        weights = self.slices * rows * outputs
        if self.mapping == "differential":
            return 2 * weights
        return weights + rows * -(-outputs // self.outputs_of_a_tile) * self.references

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
