"""Spread of accuracies: of chips without images, of wafers and dies."""

import numpy as np
import pytest
import xarray as xr
from scipy import special

import reliability as rel
from tests.network.analysis.made_results import made


def test_spread_is_that_of_chips_not_of_images() -> None:
    """Truth from endless images: the variance of a chip's accuracy and of an image's mean."""
    rng = np.random.default_rng(7)
    sigmas = (0.0, 0.15, 1.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()

    def deviation(outer, inner):  # type: ignore[no-untyped-def]
        of_outer = special.ndtr((1.5 + outer * nodes) / np.sqrt(1 + inner**2))
        return np.sqrt(weights @ (of_outer - weights @ of_outer) ** 2)

    chip, image = deviation(sigmas[1], sigmas[2]), deviation(sigmas[2], sigmas[1])
    covered, inflated = np.zeros(2), []
    for _ in range(150):
        result = made(rng, 20, 200, sigmas=sigmas)
        found = rel.accuracy_variability(result, 0.9).set_index(source="source")
        low, high = found["low"], found["high"]
        covered += [
            low.sel(source=s) <= t <= high.sel(source=s)
            for s, t in (("chip", chip), ("images", image / np.sqrt(200)))
        ]
        inflated.append(result["accuracy"].std(ddof=1).item() / chip)
    assert np.mean(inflated) > 1.2  # the plain spread of chips has the images' error in it
    assert (np.abs(covered / 150 - 0.9) < 0.03 + 4 * np.sqrt(0.9 * 0.1 / 150)).all()


def test_wafers_and_dies_are_told_apart() -> None:
    result = made(np.random.default_rng(8), 240, 400, wafers=24, sigmas=(0.3, 0.1, 1.0))
    found = rel.accuracy_variability(result)
    assert found["source"].values.tolist() == ["wafer", "chip", "images", "images_of_chip"]
    wafer, chip = (found["deviation"].sel(source=s).item() for s in ("wafer", "chip"))
    assert 1.5 < wafer / chip < 6  # drawn: 3
    grid = xr.Dataset(
        {name: v.copy() for name, v in result.items()}, attrs=result.attrs
    ).drop_vars("wafer").coarsen(chip=10).construct(chip=("die", "chip"))  # fmt: skip
    grid = grid.assign_coords(die=np.arange(24), chip=np.arange(10))
    inner = rel.accuracy_variability(grid)
    assert inner["source"].values.tolist()[:2] == ["die", "chip"]
    assert inner["deviation"].sel(source="die").item() == pytest.approx(wafer, rel=0.01)


def test_a_spread_needs_chips_and_one_condition() -> None:
    result = made(np.random.default_rng(1), 6, 20)
    with pytest.raises(rel.InputError, match="got 2 chips"):
        rel.accuracy_variability(result.isel(chip=slice(2)))
    with pytest.raises(rel.InputError, match="select one of them"):
        rel.accuracy_variability(result.expand_dims(time=[1, 2]))
