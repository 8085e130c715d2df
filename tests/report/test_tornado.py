"""What moves the accuracy: effects of factors and of drawn parameters that are known."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure

import reliability as rel
from reliability.report.figures import correlation_bars, tornado
from reliability.report.sensitivity_section import factor_effects, parameter_correlations


@pytest.fixture
def study(small):
    return rel.load_study(small)


@pytest.fixture
def grid(study) -> xr.Dataset:
    """Half the spread is 1 point better, 1 % of stuck cells 6 points worse, both add up."""
    spread, stuck = np.meshgrid([0.5, 1.0], [0.0, 0.01], indexing="ij")
    mean = 0.8 + 0.02 * (1 - spread) - 6 * stuck
    chips = mean.ravel()[:, None] + np.array([-0.01, 0.01])  # the same two chips everywhere
    return xr.Dataset(
        {"accuracy": (("combination", "chip"), chips)},
        {"spread": ("combination", spread.ravel()), "stuck": ("combination", stuck.ravel())},
    )


def test_a_factor_moves_while_the_others_stay_as_the_card_has_them(study, grid) -> None:
    effects = factor_effects(study, grid)
    assert effects["factor"].values.tolist() == ["spread (x card)", "stuck cells"]  # widest last
    lowest, highest = (effects.sel(side=side) for side in ("lowest", "highest"))
    np.testing.assert_allclose(lowest["change"], [0, -0.06], atol=1e-12)
    np.testing.assert_allclose(highest["change"], [0.01, 0], atol=1e-12)
    assert lowest["level"].values.tolist() == [1.0, 0.01]
    np.testing.assert_allclose(effects["low"], effects["high"], atol=1e-12)  # chips are paired
    ax = Figure().subplots()
    tornado(effects, ax)
    widths = sorted(bar.get_width() for bar in ax.patches)
    np.testing.assert_allclose(widths, [-6, 0, 0, 1], atol=1e-9)  # points
    assert {text.get_text() for text in ax.texts} == {"0.5", "0.01"}  # levels that change anything


def test_the_parameter_that_decides_correlates_with_the_accuracy(study) -> None:
    card = study.load_technology()
    decides, count = "programming.HRS.resistance", 24
    values = np.array([card.drawn(study.seed, k)[decides] for k in range(count)])
    accuracy = 0.8 + 0.05 * np.tanh(np.log(values / values.mean()))  # ranks alone count
    draws = xr.DataArray(np.stack([accuracy] * 2, axis=1), dims=("draw", "chip"),
                         coords={"draw": np.arange(count)})  # fmt: skip
    found = parameter_correlations(study, card, draws)
    assert found["parameter"].values[-1] == decides
    assert float(found["correlation"][-1]) == pytest.approx(1)
    size = np.abs(found["correlation"].values)
    assert (np.diff(size) >= 0).all()
    assert size[-2] < 1
    assert (found["low"] <= found["correlation"]).all()
    assert (found["correlation"] <= found["high"]).all()
    assert 0 < found.attrs["by_chance"] < 1
    ax = Figure().subplots()
    correlation_bars(found, ax)
    assert [bar.get_width() for bar in ax.patches] == found["correlation"].values.tolist()
    assert parameter_correlations(study, card, draws[:7]) is None
    assert parameter_correlations(study, card, 0 * draws) is None  # nothing moved
