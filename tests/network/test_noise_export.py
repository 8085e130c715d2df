"""Cards as noise models of other simulators."""

import numpy as np
import pytest

import reliability as rel
from reliability.network.noise_export import (
    aihwkit_noise_model,
    at_time,
    crosssim_arrays,
    noise_table,
)


def test_moments_as_programmed_are_those_of_the_card() -> None:
    """Joshi's polynomial of the programming error, away from zero where nothing is cut."""
    card = rel.load_technology("pcm-joshi")
    found = noise_table(card, times=[3600.0], cells=4000)
    g = found["target"].values / 25e-6
    sigma = 1e-6 * (0.28638599 + 1.896431 * g - 1.11729375 * g**2)
    inner = g > 0.1
    assert found["deviation"].values[inner, 0] == pytest.approx(sigma[inner], rel=0.06)
    assert found["mean"].values[inner, 0] == pytest.approx(found["target"].values[inner], rel=0.01)
    assert (found["mean"][:, 1] < found["mean"][:, 0]).values[inner].all()  # drift
    middle = at_time(found, 59.0)["mean"]
    assert (middle <= found["mean"].values[:, 0] + 1e-12).all()
    with pytest.raises(rel.InputError, match="the table holds 0 to 3600 s"):
        at_time(found, 4000.0)
    with pytest.raises(rel.InputError, match="has no levels"):
        noise_table(rel.load_technology("oxram-130nm"))
    with pytest.raises(rel.InputError, match="expected rising ones above 0 s"):
        noise_table(card, times=[2.0, 1.0])


def test_cells_drawn_by_aihwkit_have_the_moments_of_the_card() -> None:
    """The real package: programmed and aged conductances of 20 000 pairs at one weight."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("aihwkit")
    torch.manual_seed(0)
    table = noise_table(rel.load_technology("pcm-joshi"), times=[3600.0, 86400.0], cells=4000)
    model = aihwkit_noise_model(table)
    target = torch.full((20_000,), 15.0)
    programmed = model.apply_programming_noise_to_conductance(target)
    handle = model.generate_drift_coefficients(target)
    aged = model.apply_drift_noise_to_conductance(programmed, handle, 3600.0)
    for found, time in ((programmed, 0.0), (aged, 3600.0)):
        at = {
            name: np.interp(15e-6, table["target"], v) for name, v in at_time(table, time).items()
        }
        assert float(found.mean()) * 1e-6 == pytest.approx(at["mean"], rel=0.005)
        assert float(found.std()) * 1e-6 == pytest.approx(at["deviation"], rel=0.03)
    r = np.corrcoef(programmed.numpy(), aged.numpy())[0, 1]
    assert r == pytest.approx(at["correlation"], abs=0.02)
    weights = torch.linspace(-1, 1, 101)
    noisy = model.apply_noise(weights, 3600.0)
    slope = float((noisy * weights).sum() / (weights**2).sum())
    assert 0.5 < slope < 1.0  # drift loses conductance


def test_arrays_for_crosssim_give_the_deviation_at_each_level_and_time() -> None:
    """By the spline that its InterpolatedDevice makes of them."""
    from scipy.interpolate import RectBivariateSpline

    table = noise_table(rel.load_technology("pcm-joshi"), cells=500, times=[60.0, 3600.0, 86400.0])
    held = crosssim_arrays(table)
    spline = RectBivariateSpline(held["targets"], held["times"], held["data_array_1"])
    at = table["deviation"].values[5, 2]
    assert spline(held["targets"][5], held["times"][2]).item() == pytest.approx(at, rel=1e-6)
    assert (held["Rmin"], held["Rmax"]) == pytest.approx((40e3, 4e6))
    with pytest.raises(rel.InputError, match="four or more of each"):
        crosssim_arrays(table.isel(time=[0, 1]))


def test_without_aihwkit_one_line_says_what_to_install(monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "aihwkit.inference", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(rel.InputError, match="pip install aihwkit"):
        aihwkit_noise_model(None)
