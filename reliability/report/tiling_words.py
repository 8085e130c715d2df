"""How the weights of a deep network lie in cells, in words of a report's Method."""

from collections.abc import Iterator
from typing import Any

from reliability.network.deep.converters import Adc, Dac
from reliability.network.deep.tiling import Tiling
from reliability.units import duration

_CELLS = {
    "levels": "one multi-level cell on each side of a weight",
    "bits": "binary cells, one pair for each bit of a weight",
    "pairs": "pairs of two-level cells",
}
_SINGLE = {"levels": "one multi-level cell for each weight", "bits": "one cell for each digit of a "
           "weight"}  # fmt: skip
_MAPPINGS = {
    "offset": "offset subtracted digitally",
    "reference": "mean of two reference columns of each tile subtracted",
    "dummy": "dummy column of each tile and an offset subtracted",
    "twos_complement": "two's complement, dummy column of each tile subtracted",
}
_PAIRINGS = {
    "rows": "positive and negative cells interleaved in the rows of a column",
    "separate": "positive and negative cells on separate arrays",
}
_DACS = {"binary": "binary elements", "ladder": "one ladder for the rows of a tile"}
_COMPENSATIONS = {
    "none": "no compensation",
    "drift": "drift compensation by the summed conductance of each layer",
    "drift_columns": "drift compensation by the summed conductance of each column",
    "gain": "gain calibration of each layer",
    "gain_columns": "gain calibration of each column",
    "batch_norm": "batch normalisation calibrated again on the aged chip",
}


def cells_words(tiling: Tiling) -> str:
    """Say how cells hold a weight.

    >>> cells_words(Tiling(mapping="offset"))
    'one multi-level cell for each weight (offset subtracted digitally)'
    """
    if tiling.mapping == "differential":
        return _CELLS[tiling.cells]
    return f"{_SINGLE[tiling.cells]} ({_MAPPINGS[tiling.mapping]})"


def circuit_words(tiling: Tiling) -> Iterator[str]:
    """Yield what else is special: pairs, serial inputs, converters, compensation, layers.

    >>> list(circuit_words(Tiling(adc_bits=6, adc=Adc("ramp", noise=0.5))))
    ['ramp converters with noise 0.5 steps', 'no compensation']
    """
    if tiling.pairing in _PAIRINGS:
        yield _PAIRINGS[tiling.pairing]
    if tiling.serial_inputs:
        yield "bit-serial inputs"
    if tiling.dac is not None:
        yield f"input converters ({_DACS[tiling.dac.kind]}) with {_errors(tiling.dac)}"
    if tiling.adc is not None:
        yield _adc(tiling.adc)
    every = tiling.calibration_interval
    often = "" if every is None else f" every {duration(every)}"
    yield f"{_COMPENSATIONS[tiling.compensation]}{often}"
    if tiling.layers:
        yield f"settings of their own: {'; '.join(map(_layer, tiling.layers.items()))}"


def _adc(adc: Adc) -> str:
    kind = "SAR" if adc.kind == "sar" else "ramp"
    shared = f", each for {adc.columns} columns" if adc.columns > 1 else ""
    return f"{kind} converters{shared} with {_errors(adc)}"


def _errors(converter: Dac | Adc) -> str:
    errors = [f"{name} {getattr(converter, name):g} steps"
              for name in ("offset", "mismatch", "noise") if getattr(converter, name)]  # fmt: skip
    errors += [f"gain {converter.gain:.3g}"] if converter.gain else []
    return ", ".join(errors) or "no errors"


def _layer(item: tuple[str, Any]) -> str:
    name, own = item
    return f"{name} {', '.join(f'{key} {value}' for key, value in own.items())}"
