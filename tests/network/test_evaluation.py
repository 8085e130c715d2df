"""Accuracy of ideal and of real cells."""

import numpy as np
import pytest
import xarray as xr

import reliability as rel


@pytest.fixture(scope="module")
def net():
    return rel.load_network("spirit")


@pytest.fixture(scope="module")
def tech():
    return rel.load_technology("oxram-130nm")


def test_ideal_network_is_the_spirit_network(net) -> None:
    """88 % and 136 input spikes at delta-S = 10 (IEDM 2019, 14.3.1): at least, and within 15 %."""
    result = rel.evaluate(net, None, coding="rate", images=10_000, seed=1)
    assert result["accuracy"].item() >= 0.88
    assert result["spikes"].item() == pytest.approx(136, rel=0.15)
    low, high = result["accuracy_low"].item(), result["accuracy_high"].item()
    assert low < result["accuracy"].item() < high


def test_energy_is_events_times_outputs_times_3_6_pj(net) -> None:
    result = rel.evaluate(net, None, images=200, seed=1)
    energy = result["energy"].sel(energy_model="synapse_and_neuron").item()
    assert energy == pytest.approx(result["spikes"].item() * 10 * 3.6e-12, abs=0)
    ratio = result["energy"].sel(energy_model="system").item() / energy
    assert ratio == pytest.approx(50)


def test_accuracy_of_weighted_sums_is_plain_matrix_arithmetic(net) -> None:
    data = rel.load_mnist()
    sums = data["pixels"].values.astype(np.int64) @ net.weights.astype(np.int64)
    expected = (sums.argmax(axis=1) == data["label"].values).mean()
    assert rel.evaluate(net, None, coding="weighted_sum")["accuracy"].item() == expected
    tanh = rel.evaluate(net, coding=rel.WeightedSum(activation="tanh"))["accuracy"].item()
    assert tanh == expected  # tanh rises everywhere


def test_spiking_accuracy_tends_to_that_of_the_sums(net) -> None:
    """With a larger lead the spike counts average out: closer to the sums, for more spikes."""
    of_sums = rel.evaluate(net, None, coding="weighted_sum", images=2000)["accuracy"].item()
    gaps, spikes = [], []
    for delta_s in (2, 10, 80):
        r = rel.evaluate(net, None, coding=rel.RateCoding(delta_s, 8000), images=2000, seed=2)
        gaps.append(of_sums - r["accuracy"].item())
        spikes.append(r["spikes"].item())
    assert gaps[0] > gaps[1] > gaps[2]
    assert gaps[2] < 4 * np.sqrt(0.09 * 0.91 / 2000)
    assert spikes == sorted(spikes)


def test_counts_are_consistent(net, tech) -> None:
    r = rel.evaluate(net, tech, chips=3, images=300, seed=4)
    assert r["accuracy"].dims == ("chip",)
    assert (r["confusion"].sum(("label", "predicted")) == 300).all()
    diagonal = np.einsum("cii->c", r["confusion"].transpose("chip", "label", "predicted").values)
    assert diagonal / 300 == pytest.approx(r["accuracy"].values)
    # each input event reads the 80 cells of its row once
    assert r["reads"].sum("cell").values == pytest.approx(r["spikes"].values * 300 * 80)
    assert {"seed", "technology", "spec_hash", "reliability_version"} <= set(r.attrs)
    assert r["energy"].attrs["units"] == "J"


def test_a_chip_is_the_same_whoever_is_with_it(net, tech) -> None:
    many = rel.evaluate(net, tech, chips=30, images=200, seed=4)
    few = rel.evaluate(net, tech, chips=5, images=200, seed=4)
    for name in ("accuracy", "spikes", "reads", "confusion"):
        assert (many[name].isel(chip=slice(5)).values == few[name].values).all()


def test_population_with_leading_dimensions(net, tech) -> None:
    """The same chips as wafers and dies, and as a flat list."""
    states = list(rel.map_weights(net))
    grid = rel.sample_population(
        tech, wafers=2, dies=25, cells=11_520, state=states, seed=4, dtype=np.float32
    ).isel(die=slice(3))
    by_die = rel.evaluate(net, grid, images=200, seed=4)
    assert by_die["accuracy"].dims == ("wafer", "die")
    flat = rel.evaluate(net, tech, chips=28, images=200, seed=4)
    at = [0, 1, 2, 25, 26, 27]
    assert by_die["accuracy"].values.ravel().tolist() == flat["accuracy"].values[at].tolist()


def test_spread_mismatch_and_stuck_cells_each_cost_accuracy(net, tech) -> None:
    def mean(card=tech, neuron=None):
        r = rel.evaluate(net, card, chips=16, images=2000, seed=1, neuron=neuron)
        return float(r["accuracy"].mean())

    narrow = tech.with_values(
        {f"programming.{s}.sigma_{k}": 0.0 for s in ("LRS", "HRS") for k in ("cell", "cycle")}
    )
    assert mean(narrow) > mean() + 0.01
    assert mean(narrow) > mean(narrow, rel.Neuron(threshold_mismatch=0.2)) + 0.01
    assert mean(narrow) > mean(narrow, rel.Neuron(injector_mismatch=0.2)) + 0.01
    stuck = narrow.with_values({"defects.stuck_lrs": 0.03})
    assert mean(narrow) > mean(stuck) + 0.01


def test_leak_costs_spikes(net) -> None:
    tight = rel.evaluate(net, None, images=500, seed=1)
    leaky = rel.evaluate(net, None, images=500, seed=1, neuron=rel.Neuron(leak=0.1))
    assert leaky["spikes"].item() > tight["spikes"].item()


def test_ageing_lowers_accuracy_and_the_profile_is_kept(net, tech) -> None:
    fresh = rel.evaluate(net, tech, chips=8, images=500, seed=1)
    profile = rel.MissionProfile.constant("10 years", "105 degC")
    old = rel.evaluate(net, tech, chips=8, images=500, seed=1, profile=profile)
    assert old["accuracy"].mean() < fresh["accuracy"].mean()
    assert "378.15" in old.attrs["mission"]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"coding": "rates"}, "did you mean 'rate'"),
        ({"coding": 3}, "coding: got 3, expected 'rate', 'weighted_sum', 'first_spike'"),
        ({"coding": "spiking"}, "unknown coding 'spiking'; allowed"),
        ({"tiling": rel.Tiling()}, "tiling: does not apply to a network of one layer"),
        ({"images": 0}, "images: got 0, allowed 1 to 10000"),
        ({"images": 10_001}, "allowed 1 to 10000"),
        ({"images": 2.5}, "expected an integer"),
    ],
)
def test_bad_settings_are_refused(net, settings, says) -> None:
    with pytest.raises(rel.InputError, match=says):
        rel.evaluate(net, None, **settings)


def test_population_of_another_size_is_refused(net, tech) -> None:
    pop = rel.sample_population(tech, cells=100)
    with pytest.raises(rel.InputError, match="got 100 cells per chip, network spirit needs 11520"):
        rel.evaluate(net, pop)


@pytest.mark.parametrize("cells", ["oxram-130nm", xr.Dataset()], ids=["name", "dataset"])
def test_what_is_no_population_is_refused(net, cells) -> None:
    with pytest.raises(rel.InputError, match=r"expected a (Technology, a )?population"):
        rel.evaluate(net, cells)


def test_ideal_cells_do_not_age(net) -> None:
    with pytest.raises(rel.InputError, match="ideal cells do not age"):
        rel.evaluate(net, None, profile=rel.MissionProfile.constant("1 h"))
