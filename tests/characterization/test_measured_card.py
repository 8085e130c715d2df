"""From Datasets to a card: what is refused, what a base gives, units, and the measured files."""

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.characterization import card_of, fit_phenomena
from tests.characterization import simulated

CARD = "oxram-130nm"


@pytest.fixture(scope="module")
def cells() -> xr.Dataset:
    card = rel.load_technology(CARD).with_values(simulated.NO_DEFECTS)
    times = [1.0, 100.0, 1e4]
    return simulated.states(
        simulated.part(card, "relaxation"), 100, [rel.Segment(t) for t in times], "time", times
    )


@pytest.fixture(scope="module")
def card(cells: xr.Dataset) -> rel.Technology:
    return rel.characterize(cells, name="mine", base=rel.load_technology(CARD))


def test_base_gives_the_rest_with_its_own_source(card: rel.Technology) -> None:
    base = rel.load_technology(CARD)
    for key, parameter in card.parameters.items():
        if parameter.confidence == "fitted":
            assert "states.csv (100 cells" in parameter.source
            assert parameter.sigma is not None
            assert parameter.unit == base.parameters.get(key, parameter).unit
    assert card.parameters["neuron.leak"] == base.parameters["neuron.leak"]
    # a die of one wafer cannot tell what dies and wafers add
    assert (
        card.parameters["programming.LRS.sigma_die"] == base.parameters["programming.LRS.sigma_die"]
    )
    assert card.parameters["programming.LRS.resistance"].confidence == "fitted"
    # one programming a cell: sigma_cell holds the spread over cycles, the base's would count twice
    assert card["programming.LRS.sigma_cycle"] == 0


def test_without_a_base_what_is_needed_is_assumed_and_nothing_else(cells: xr.Dataset) -> None:
    card = rel.characterize(cells, name="mine")
    assert not any(key.startswith(("neuron", "cycles", "retention")) for key in card)
    for key in ("wafer.diameter", "read.voltage", "programming.HRS.sigma_wafer"):
        assert card.parameters[key].confidence == "assumed"
        assert card.parameters[key].source.startswith("assumed: ")
    grown = rel.age(
        rel.sample_population(card, cells=50, seed=1), rel.MissionProfile.constant("1 h")
    )
    assert np.isfinite(grown["conductance"]).all()


def test_a_fitted_card_survives_its_file(card: rel.Technology, tmp_path: Path) -> None:
    path = rel.write_technology(card, tmp_path / "mine.toml")
    again = rel.load_technology(path)
    assert again == card
    assert again.fingerprint == card.fingerprint
    assert again.correlation["relaxation"].parameters


def test_same_seed_same_card(cells: xr.Dataset, card: rel.Technology) -> None:
    again = rel.characterize(cells, name="mine", base=rel.load_technology(CARD))
    assert again == card


def test_unit_of_the_file_changes_nothing(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    r = {"LRS": 5e3 * np.exp(rng.normal(0, 0.1, 60)), "HRS": 9e4 * np.exp(rng.normal(0, 0.8, 60))}
    cards = []
    for unit, factor in (("ohm", 1.0), ("kohm", 1e-3)):
        lines = [f"cell,state,R [{unit}]"]
        lines += [f"{k},{s},{x * factor!r}" for s in r for k, x in enumerate(r[s].tolist())]
        path = tmp_path / "reads.csv"
        path.write_text("\n".join(lines))
        cards.append(rel.characterize(rel.read_measurements(path), name="mine"))
    for key, parameter in cards[0].parameters.items():
        assert cards[1][key] == pytest.approx(parameter.value, rel=1e-6), key


def _bare(**coordinates: object) -> xr.Dataset:
    g = np.random.default_rng(1).normal(5e-5, 1e-6, (30, 2))
    return xr.Dataset(
        {"conductance": (("cell", "time"), g)}, coords={"time": [0.0, 10.0], **coordinates},
        attrs={"source": "bare.csv"},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ([], "got none"),
        (_bare(), "says neither state nor level"),
        (_bare().rename(conductance="height"), "no conductance"),
        (_bare().where(False), "no value"),
        (_bare(state=("cell", ["on"] * 30)), "got 'ON'"),
        (_bare(target=("cell", np.linspace(1e-5, 1e-4, 30))), "no level has 20 cells"),
        (_bare(state=("cell", ["LRS"] * 30)), "nothing that can be fitted in bare.csv"),
        (_bare().rename(time="humidity"), "axis 'humidity'"),
    ],
)
def test_what_cannot_be_fitted_is_refused_in_one_line(data: object, says: str) -> None:
    with pytest.raises(rel.InputError, match=says) as caught:
        rel.characterize(data, name="mine")  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_files_of_different_kinds_make_one_card(cells: xr.Dataset) -> None:
    rng = np.random.default_rng(3)
    trace = xr.Dataset(
        {"conductance": (("cell", "time"), 1e-4 * (1 + rng.normal(0, 0.01, (4, 2000))))},
        coords={"time": np.arange(2000) * 1e-3}, attrs={"source": "noise.csv"},
    )  # fmt: skip
    card = rel.characterize([cells, trace], name="mine")
    assert card["noise.white"] == pytest.approx(0.01, rel=0.1)
    assert "relaxation.HRS.sigma" in card


def test_one_phenomenon_from_two_files_is_refused(cells: xr.Dataset) -> None:
    with pytest.raises(rel.InputError, match="relaxation: more than one file"):
        fit_phenomena([cells, cells.assign_attrs(source="other.csv")])


def test_levels_of_a_base_do_not_stay_beside_fitted_ones() -> None:
    """Thirteen knots of sigma in the base and fewer fitted ones would make a model of thirteen."""
    base = rel.load_technology("techB")
    data = simulated.levels(base, [40e-6, 80e-6, 120e-6], 40, [1.0, 100.0])
    card = card_of(fit_phenomena(data, base=base), name="mine", base=base)
    knots = [key for key in card if key.startswith("relaxation.target.read_1.sigma_")]
    assert 3 <= len(knots) < 13
    assert {card.parameters[key].confidence for key in knots} == {"fitted"}
    known = set(card.parameters)
    assert all(set(group.parameters) <= known for group in card.correlation.values())
    assert card["target.maximum"] == base["target.maximum"]


# --- measured files


@pytest.mark.slow
def test_measured_cycles_make_a_card_of_two_states(shared: Path) -> None:
    data = rel.read_measurements(shared / "measured/radar_cycling.tsv.gz")
    card = rel.characterize(data, name="radar")
    assert card.models["programming.HRS"] == "lognormal_resistance"
    assert 4e3 < card["programming.LRS.resistance"] < 6e3
    assert 6e4 < card["programming.HRS.resistance"] < 1e5
    assert 0.3 < card["cycles.LRS.slow"] < 0.69
    assert 0.2 < card["cycles.HRS.slow"] < 0.5


def test_measured_noise(shared: Path) -> None:
    data = rel.read_measurements(shared / "measured/techA_read_noise.tsv.gz", sample_rate="400 Hz")
    card, old = rel.characterize(data, name="again"), rel.load_technology("techA")
    scale = card["noise.reference_conductance"] / old["noise.reference_conductance"]
    at_reference = card["noise.flicker"] * scale ** card["noise.flicker_exponent"]
    assert at_reference == pytest.approx(old["noise.flicker"], rel=0.6)
    assert abs(simulated.distance(card.parameters["noise.flicker_exponent"], 1.0)) < 2


def test_too_few_cells_say_so(shared: Path) -> None:
    data = rel.read_measurements(shared / "measured/ni_endurance_1us.tsv.gz")
    with pytest.raises(rel.InputError, match=r"nothing that can be fitted in ni_.* \(1 cells"):
        rel.characterize(data, name="ni")
