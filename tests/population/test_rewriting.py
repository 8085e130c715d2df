"""Populations through missions with cycles: one trajectory, rewritten and worn."""

import json
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.characterization.estimates import assumed
from reliability.devices import endurance
from reliability.errors import InputError
from reliability.mission import MissionProfile, Segment

CARDS = {"oxram-130nm": ["LRS", "HRS"] * 500, "techB": 0.5, "pcm-mushroom": 0.7}
BAKE = Segment("1 h", "85 degC")


def cells(name: str, count: int = 1000, dtype: type = np.float32, **more) -> xr.Dataset:
    state = more.pop("state", CARDS.get(name, "LRS"))
    tech = more.pop("technology", None) or rel.load_technology(name)
    return rel.sample_population(tech, cells=count, state=state, seed=5, dtype=dtype, **more)


def with_links(name: str, **values: float) -> rel.Technology:
    tech = rel.load_technology(name)
    new = {f"wear.{n}": assumed(f"wear.{n}", v, "a test") for n, v in values.items()}
    return replace(tech, parameters=tech.parameters | new)


@pytest.mark.parametrize("name", CARDS)
def test_no_cycles_change_nothing_to_the_bit(name) -> None:
    pop = cells(name)
    plain = rel.age(pop, MissionProfile([BAKE]))
    none = rel.age(pop, MissionProfile([Segment(0, "25 degC", cycles=0), BAKE]))
    assert (plain["conductance"] == none["conductance"]).all()
    assert "wear_not_modelled" not in plain.attrs


@pytest.mark.parametrize("name", CARDS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_two_steps_equal_one(name, dtype) -> None:
    pop = cells(name, dtype=dtype)
    first = MissionProfile([Segment("1 h", "85 degC", cycles=1000)])
    then = MissionProfile([Segment("2 h", "25 degC", cycles=500), BAKE])
    once, twice = rel.age(pop, first + then), rel.age(rel.age(pop, first), then)
    assert (once["conductance"] == twice["conductance"]).all()
    assert (once["programmed"] == twice["programmed"]).all()
    assert once["conductance"].dtype == dtype


def test_cells_whose_own_cycles_are_none_keep_their_state() -> None:
    pop = cells("oxram-130nm")
    own = pop.assign(cycles=("cell", np.repeat([0.0, 1.0], 500)))
    worn = rel.age(own, MissionProfile([Segment(0, cycles=10_000), BAKE]))
    fresh = rel.age(pop, MissionProfile([BAKE]))
    same = (worn["conductance"] == fresh["conductance"]).values.ravel()
    assert same[:500].all()
    assert not same[500:].any()
    with pytest.raises(InputError, match="cycles: got -1"):
        rel.age(own.assign(cycles=own["cycles"] - 1), MissionProfile([Segment("1 s", cycles=10)]))


def test_a_write_draws_its_own_part_anew_and_keeps_that_of_the_cell() -> None:
    tech = rel.load_technology("oxram-130nm")
    pop = cells("oxram-130nm", 20_000, state="LRS", dtype=np.float64)
    again = rel.age(pop, MissionProfile([Segment(0, cycles=1)]))
    before, after = (np.log(p["programmed"].values.ravel()) for p in (pop, again))
    rank = [np.argsort(np.argsort(v)) for v in (before, after)]
    cell, cycle = (tech[f"programming.LRS.sigma_{n}"] for n in ("cell", "cycle"))
    found = np.corrcoef(*rank)[0, 1]
    assert found == pytest.approx(cell**2 / (cell**2 + cycle**2), abs=0.06)
    assert np.std(after) == pytest.approx(np.std(before), rel=0.04)


def test_worn_states_have_the_spread_and_shift_of_the_endurance() -> None:
    tech = rel.load_technology("oxram-130nm")
    x = 3e5
    pop = cells("oxram-130nm", 20_000, state="HRS", dtype=np.float64)
    fresh, worn = (rel.age(pop, MissionProfile([Segment(0, cycles=n)])) for n in (1, x))
    good = (worn["defect"] == 0).values.ravel()
    log_r = [-np.log(p["programmed"].values.ravel()[good]) for p in (fresh, worn)]
    model = endurance.Endurance.from_technology(tech)
    shift = np.median(log_r[1]) - np.median(log_r[0])
    assert shift == pytest.approx(float(endurance.shift(model, 1, x)), abs=0.02)
    stuck = (worn["defect"].values > 1).mean()
    expected = float(endurance.probability_failed(model, x))
    assert stuck == pytest.approx(expected, rel=0.6)  # its die has a scale of its own


def test_links_act_on_relaxation_and_on_noise() -> None:
    tech = with_links("oxram-130nm", **{
        "onset": 100.0, "LRS.relaxation_spread": 1.0, "LRS.relaxation_shift": -0.1, "noise": 1.0,
    })  # fmt: skip
    pop = cells("", 20_000, state="LRS", technology=tech, dtype=np.float64)
    mission = [Segment("1 h", "25 degC"), Segment("1 h", "25 degC", cycles=900)]
    change = []
    for segment in mission:
        old = rel.age(pop, MissionProfile([segment]))
        change.append(np.log(old["conductance"] / old["programmed"]).values.ravel())
    assert np.std(change[1]) == pytest.approx(2 * np.std(change[0]), rel=0.03)
    moved = np.median(change[1]) - np.median(change[0])
    assert moved == pytest.approx(-0.1, abs=2e-3)
    quiet = with_links("oxram-130nm", onset=100.0, noise=0.0)
    noise = []
    for made in (quiet, with_links("oxram-130nm", onset=100.0, noise=1.0)):
        old = rel.age(cells("", technology=made), MissionProfile(mission[1:]))
        noise.append(np.log(rel.read_cells(old)["conductance"] / old["conductance"]).values)
    assert noise[1] == pytest.approx(2 * noise[0], abs=1e-5)


def test_levels_relax_and_are_written_as_their_links_say() -> None:
    spread = {f"target.relaxation_spread_{k}": 1.0 for k in range(2)}
    written = {f"target.programming_spread_{k}": 1.0 for k in range(2)}
    tech = with_links("techB", onset=100.0, **spread, **written)
    pop = cells("", 20_000, state=0.6, technology=tech, dtype=np.float64)
    old = [rel.age(pop, MissionProfile([Segment("1 h", cycles=n)])) for n in (0, 900)]
    fresh, worn = ([o["programmed"], o["conductance"] - o["programmed"]] for o in old)
    for narrow, wide in zip(fresh, worn, strict=True):
        ratio = np.subtract(*np.quantile(wide, [0.75, 0.25])) / np.subtract(
            *np.quantile(narrow, [0.75, 0.25])
        )
        assert ratio == pytest.approx(2, rel=0.06)


def test_verify_takes_more_pulses_as_the_state_gets_wider() -> None:
    verify = rel.Verify("10 kohm", "40 kohm", attempts=10)
    pop = cells("oxram-130nm", 5000, state="HRS", verify=verify)
    old = [rel.age(pop, MissionProfile([Segment(0, cycles=n)])) for n in (1, 1e6)]
    pulses = [float(o["pulses"].where(o["defect"] == 0).mean()) for o in old]
    assert pulses[1] > pulses[0] + 0.2
    with_it = rel.age(pop, MissionProfile([Segment(0, cycles=10, write="single_pulse")]))
    assert "pulses" not in with_it


def test_what_a_mission_cannot_do_is_refused_or_warned_of() -> None:
    pop = cells("oxram-130nm")
    with pytest.raises(InputError, match=r"'fppv' .*allowed"):
        rel.age(pop, MissionProfile([Segment(0, cycles=10, write="fppv")]))
    tech = replace(with_links("techB", onset=1.0), valid={"wear.cycles": (0.0, 5000.0)})
    with pytest.warns(UserWarning, match=r"wear: cycles 10 000 is outside the valid range"):
        rel.age(cells("", technology=tech, state=0.5), MissionProfile([Segment(0, cycles=10_000)]))


def test_the_mission_of_a_population_keeps_its_cycles() -> None:
    old = rel.age(cells("techB"), MissionProfile([Segment("1 h", cycles=7)]))
    assert [s["cycles"] for s in json.loads(old.attrs["mission"])] == [7.0]
    assert rel.age(old, MissionProfile([BAKE])).attrs["wear_not_modelled"]
