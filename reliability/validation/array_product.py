"""Error of a matrix-vector product on an array of cells with levels, one cell for each weight.

Uniform weights w in [-1, 1] lie on conductances between the lowest and the highest level, uniform
inputs x in [-1, 1] have ``input_bits``, and the product

    y = sum_i x_i (G_i - G_mid) / (G_max - G_mid)

is compared with the one of the weights. The error is in units of the standard deviation of the
exact outputs, which have ``output_bits`` over +-3 of it.
"""

import numpy as np

from reliability.mission import MissionProfile
from reliability.population import age, read_cells, sample_population
from reliability.random import stream
from reliability.technology import load_technology
from reliability.validation.prediction import Prediction, Row


class ProductPrediction(Prediction):
    """Keys of the kind ``product``: ``measured`` has an error for each of ``times``."""

    card: str
    rows: int = 64
    columns: int = 64
    input_bits: int = 6
    output_bits: int = 8
    times: tuple[str, ...]
    measured: tuple[float, ...]
    temperature: str = "25 degC"
    draws: int = 40


def predict_product(asked: ProductPrediction, name: str) -> list[Row]:
    """Return a row for the root mean square error at each time."""
    card = load_technology(asked.card)
    generator = stream(asked.seed, "validation.product")
    low, high = card["target.minimum"], card["target.maximum"]
    out = np.empty((asked.draws, len(asked.times)))
    for k in range(asked.draws):
        weights = generator.uniform(-1, 1, (asked.rows, asked.columns))
        inputs = _rounded(generator.uniform(-1, 1, (200, asked.rows)), asked.input_bits, 1.0)
        middle, half = (high + low) / 2, (high - low) / 2
        cells = sample_population(
            card.drawn(asked.seed, k), cells=weights.size, seed=asked.seed + k,
            state=(middle + half * weights).ravel(),
        )  # fmt: skip
        exact = inputs @ weights
        for j, time in enumerate(asked.times):
            aged = age(cells, MissionProfile.constant(time, asked.temperature))
            g = read_cells(aged)["conductance"].values.reshape(weights.shape)
            error = _rounded(inputs @ ((g - middle) / half), asked.output_bits, 3 * exact.std())
            out[k, j] = np.sqrt(np.mean((error - exact) ** 2)) / exact.std()
    return [
        Row.of(f"error of a product after {time}", name, out[:, j], measured, unit="1")
        for j, (time, measured) in enumerate(zip(asked.times, asked.measured, strict=True))
    ]


def _rounded(x: np.ndarray, bits: int, end: float) -> np.ndarray:
    """Round to 2^bits - 1 steps between -end and end."""
    step = 2 * end / (2**bits - 1)
    return np.asarray(np.clip(np.round(x / step) * step, -end, end))
