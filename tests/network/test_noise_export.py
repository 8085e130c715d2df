"""Cards as noise models of other simulators."""

import csv
import importlib.util
import io

import numpy as np
import pytest

import reliability as rel
from reliability.devices.programming import Programming, quantile
from reliability.network.noise_export import (
    aihwkit_noise_model,
    at_time,
    crosssim_arrays,
    neurosim_states,
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
    two = noise_table(rel.load_technology("oxram-130nm"), times=[1.0], cells=100)
    for other in (aihwkit_noise_model, crosssim_arrays):
        if other is crosssim_arrays or importlib.util.find_spec("aihwkit"):
            with pytest.raises(rel.InputError, match="oxram-130nm has no levels, which"):
                other(two)
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


def by_crosssim(held, target, time, rng):
    """Cells as ``InterpolatedDevice`` of CrossSim 3.1 draws them in its 2D drift mode.

    CrossSim is not on a package index; this is the formula of
    simulator/devices/models/interpolated_device.py (`programming_error`, `drift_error`).
    """
    from scipy.interpolate import RectBivariateSpline

    least, largest = 1 / held["Rmax"], 1 / held["Rmin"]
    means, deviations = (RectBivariateSpline(held["targets"], held["times"], held[name])
                         for name in ("data_array_2", "data_array_1"))  # fmt: skip
    sigma = deviations.ev(means.ev(target, time), time) / (largest - least)
    normalised = (target - least) / (largest - least)
    drawn = np.clip(normalised + sigma * rng.normal(size=target.shape), 0, None)
    return least + (largest - least) * drawn


def test_cells_drawn_by_the_formula_of_crosssim_have_the_deviation_of_the_card() -> None:
    """At levels of the table and between; CrossSim leaves the mean of the cells at the target."""
    card = rel.load_technology("pcm-joshi")
    table = noise_table(card, cells=4000, times=[60.0, 3600.0, 86400.0])
    held, rng = crosssim_arrays(table), np.random.default_rng(0)
    for time in (0.0, 3600.0):
        for level in (8e-6, 15e-6, 20e-6):
            cells = by_crosssim(held, np.full(20_000, level), time, rng)
            expected = np.interp(level, table["target"], table["deviation"].sel(time=time))
            assert cells.mean() == pytest.approx(level, rel=0.003)
            assert cells.std() == pytest.approx(expected, rel=0.03)
    assert (held["Rmin"], held["Rmax"]) == pytest.approx((40e3, 4e6))
    with pytest.raises(rel.InputError, match="four or more of each"):
        crosssim_arrays(table.isel(time=[0, 1]))


def sums_of_neurosim(text, codes, inputs, bits, rng):
    """Sums of 2^bits states as DNN+NeuroSim V1.5 reads its file and counts (`ADC_output`).

    It is not on a package index; names are those of pytorch_quantization/cim.
    """
    header, *rows = list(csv.reader(io.StringIO(text)))
    mean, std = (np.array([float(row[header.index(name)]) for row in rows])
                 for name in ("mean", "std"))  # fmt: skip
    assert len(mean) == 2**bits
    states = rng.normal(mean[codes], std[codes])
    reference = rng.normal(mean[0], std[0], size=(len(codes), 1))
    return np.rint(inputs @ (states - reference) / (mean[1] - mean[0]))


def test_states_for_neurosim_are_read_and_counted_by_its_formula() -> None:
    """Deviation by the polynomial of Joshi; sums are off by what it makes of the cells."""
    rng = np.random.default_rng(1)
    table = noise_table(rel.load_technology("pcm-joshi"), times=[3600.0], cells=4000)
    text = neurosim_states(table, bits=2)
    states, mean, std = np.genfromtxt(text.splitlines(), delimiter=",", skip_header=1).T
    g = np.linspace(0.25, 25, 4)
    assert states.tolist() == [0, 1, 2, 3]
    assert mean[1:] == pytest.approx(1e-6 * g[1:], rel=0.01)
    sigma = 0.28638599 + 1.896431 * (g / 25) - 1.11729375 * (g / 25) ** 2
    assert std[1:] == pytest.approx(1e-6 * sigma[1:], rel=0.06)
    codes, inputs = rng.integers(0, 4, (64, 200)), (rng.random((500, 64)) < 0.5).astype(float)
    error = sums_of_neurosim(text, codes, inputs, 2, rng) - inputs @ codes
    step = mean[1] - mean[0]
    variance = 32 * ((std[codes] ** 2).mean() + std[0] ** 2) / step**2 + 1 / 12
    assert error.std() == pytest.approx(np.sqrt(variance), rel=0.12)
    later = np.genfromtxt(neurosim_states(table, bits=2, time=3600.0).splitlines(), delimiter=",",
                          skip_header=1)  # fmt: skip
    assert (later[1:, 1] < mean[1:]).all()  # drift
    card = rel.load_technology("oxram-130nm").with_values(
        {f"programming.{state}.{name}": 0.0 for state in ("HRS", "LRS")
         for name in ("sigma_lot", "sigma_wafer", "sigma_die", "radial")}
    )  # fmt: skip
    two = noise_table(card, times=[60.0], cells=4000)
    text = neurosim_states(two, bits=1)
    (_, low, _), (_, high, _) = np.genfromtxt(text.splitlines(), delimiter=",", skip_header=1)
    for found, state in ((low, "HRS"), (high, "LRS")):
        u = (np.arange(4000) + 0.5) / 4000
        of_card = quantile(Programming.from_technology(card, state), u).mean()
        assert found == pytest.approx(of_card, rel=0.05)
    with pytest.raises(rel.InputError, match="bits: got 2, a cell of two states has 1"):
        neurosim_states(two, bits=2)


def test_without_aihwkit_one_line_says_what_to_install(monkeypatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "aihwkit.inference", None)
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(rel.InputError, match="pip install aihwkit"):
        aihwkit_noise_model(None)
