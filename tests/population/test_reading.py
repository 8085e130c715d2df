"""Reads of a population: temperature and noise, against the closed forms of the devices."""

import numpy as np
import pytest

import reliability as rel
from reliability.devices import noise
from reliability.devices.conduction import Conduction, at_temperature
from reliability.population.reading import read_cells

CELLS = 40_000


def without_noise(card: rel.Technology) -> rel.Technology:
    quiet = ("noise.white", "noise.flicker", "noise.telegraph_fraction")
    return card.with_values(dict.fromkeys(quiet, 0.0))


@pytest.mark.parametrize("state", ["LRS", "HRS"])
def test_a_noiseless_read_is_the_conduction_law(state) -> None:
    card = without_noise(rel.load_technology("oxram-130nm"))
    cells = rel.sample_population(card, cells=500, state=state, seed=3)
    hot = read_cells(cells, temperature="85 degC")
    model = Conduction.from_technology(card, state)
    assert hot["conductance"].values == pytest.approx(
        at_temperature(model, cells["conductance"].values, 358.15), rel=1e-12
    )
    at_home = read_cells(cells, temperature="25 degC")
    assert at_home["conductance"].values == pytest.approx(
        cells["conductance"].values, rel=1e-12, abs=0
    )


def test_levels_of_pcm_are_read_hot_through_their_barrier() -> None:
    card = rel.load_technology("pcm-mushroom")
    cells = rel.sample_population(card, cells=20_000, state=0.5, seed=3)
    ratio = (
        read_cells(cells, temperature="85 degC")["conductance"].mean()
        / read_cells(cells, temperature="25 degC")["conductance"].mean()
    )
    barrier = card["drift.conduction_energy"] * 0.5
    expected = np.exp(-barrier / 8.617333262e-5 * (1 / 358.15 - 1 / 298.15))
    assert float(ratio) == pytest.approx(expected, rel=1e-3)  # the same noise in both reads


def test_variance_of_reads_is_that_of_the_closed_forms() -> None:
    """White and 1/f and trapped charge add in variance; every cell starts from one conductance."""
    card = rel.load_technology("oxram-130nm")
    cells = rel.sample_population(card, cells=CELLS, state="LRS", seed=5)
    g = np.full(CELLS, 1e-4)
    same = cells.copy(data={**cells.data_vars, "conductance": g.reshape(1, 1, -1)})
    x = read_cells(same, time="1 s")["conductance"].values.ravel() / 1e-4 - 1
    model = noise.Noise.from_technology(card)
    rng = np.random.default_rng(0)
    traps = noise.traps(model, np.full(400_000, 1e-4), rng.random((4, 400_000)))
    p, a = traps.filled, traps.amplitude
    variance = float(
        noise.white_sigma(model, 1e-4) ** 2 + noise.flicker_sigma(model, 1e-4, 1.0) ** 2
    )
    variance += (a**2 * p * (1 - p) / (1 - a * p) ** 2).mean()
    assert abs(x.mean()) < 4 * np.sqrt(variance / CELLS)
    kurtosis = np.mean((x - x.mean()) ** 4) / x.var() ** 2
    assert x.var() == pytest.approx(variance, rel=4 * np.sqrt((kurtosis - 1) / CELLS) + 0.01)


def test_a_read_can_be_asked_for_again_and_differs_from_the_next() -> None:
    cells = rel.sample_population(rel.load_technology("techA"), cells=300, state=50e-6, seed=5)
    first, again, other = (read_cells(cells, read=k)["conductance"].values for k in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).all()
    assert np.corrcoef(first.ravel(), other.ravel())[0, 1] > 0.5  # it is still the same cell


def test_reading_does_not_age() -> None:
    card = rel.load_technology("oxram-130nm")
    cells = rel.sample_population(card, cells=300, seed=5)
    hour = rel.MissionProfile.constant(time="1 h")
    aged, read_first = rel.age(cells, hour), rel.age(read_cells(cells), hour)
    assert (aged["conductance"] == read_first["conductance"]).all()


def test_a_read_in_place_is_the_same_read_and_spares_what_was_programmed() -> None:
    card = rel.load_technology("oxram-130nm")
    fresh = rel.sample_population(card, cells=300, seed=5)
    wanted, programmed = read_cells(fresh)["conductance"].values, fresh["programmed"].values.copy()
    assert (read_cells(fresh, overwrite=True)["conductance"].values == wanted).all()
    assert (fresh["programmed"].values == programmed).all()
    aged = rel.age(fresh, rel.MissionProfile.constant(time="1 h"))
    wanted = read_cells(aged)["conductance"].values
    read = read_cells(aged, overwrite=True)
    assert (read["conductance"].values == wanted).all()
    assert np.shares_memory(read["conductance"].values, aged["conductance"].values)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["oxram-130nm", "oxram-cmo-hfox", "pcm-mushroom", "techA"])
@pytest.mark.filterwarnings("ignore:programming.target")
def test_a_cell_of_no_conductance_reads_as_none(name, dtype) -> None:
    card = rel.load_technology(name)
    state = "LRS" if "programming.LRS.resistance" in card else card["target.maximum"]
    cells = rel.sample_population(card, cells=400, state=state, seed=5, dtype=dtype)
    whole = read_cells(cells)["conductance"].values.ravel()
    g = cells["conductance"].values.copy()
    g[..., :100] = 0
    with np.errstate(all="raise", under="ignore"):
        read = read_cells(cells.assign(conductance=(cells["conductance"].dims, g)))
    seen = read["conductance"].values.ravel()
    assert (seen[:100] == 0).all()
    assert (seen[100:] == whole[100:]).all()


def test_a_card_that_says_nothing_of_temperature_warns() -> None:
    cells = rel.sample_population(rel.load_technology("techB"), cells=10, state=50e-6, seed=5)
    with pytest.warns(UserWarning, match="techB does not say"):
        hot = read_cells(cells, temperature="85 degC")
    assert "techB does not say" in hot.attrs["warnings"][-1]
    assert (hot["conductance"] == cells["conductance"]).all()


def test_a_read_outside_the_law_of_conduction_warns() -> None:
    cells = rel.sample_population(rel.load_technology("oxram-130nm"), cells=10, state="HRS", seed=5)
    with pytest.warns(UserWarning, match="conduction: temperature -40 °C is outside the valid ra"):
        cold = read_cells(cells, temperature="-40 degC")
    assert "conduction: temperature" in cold.attrs["warnings"][-1]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"temperature": "-300 degC"}, "temperature: got '-300 degC'"),
        ({"time": "-1 s"}, "time: got '-1 s'"),
        ({"read": -1}, "read: got -1"),
        ({"read": 1.5}, "read: got 1.5"),
    ],
)
def test_impossible_reads_are_refused(settings, says) -> None:
    cells = rel.sample_population(rel.load_technology("oxram-130nm"), cells=10, seed=5)
    with pytest.raises(rel.InputError, match=says):
        read_cells(cells, **settings)
