"""Populations: hierarchy, keyed streams, one path, levels, defects, warnings."""

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import reliability as rel
from reliability.devices import programming
from reliability.devices.programming import Programming
from reliability.devices.verify import Verify
from reliability.mission import MissionProfile, Segment
from reliability.population import age, blocks, sample_dies, sample_population
from reliability.population.programmed import DEFECTS, codes
from reliability.population.wafer import die_sites, radial_positions
from reliability.random import draw
from reliability.technology import Technology

CARDS = rel.list_technologies()
MISSION = MissionProfile(
    [
        Segment(time="1 h"),
        Segment(time="30 days", temperature="85 degC", reads=1e8),
        Segment(time="30 days", temperature="25 degC", reads=1e6),
    ]
)


def state_of(technology: Technology) -> object:
    return 0.6 if "target.maximum" in technology else "LRS"


def values(population: xr.Dataset) -> np.ndarray:
    return population["conductance"].values


@pytest.fixture(scope="module")
def tech() -> Technology:
    return rel.load_technology("oxram-130nm")


# --- one path, whatever is computed together


@pytest.mark.filterwarnings("ignore:.*outside the valid range")
@pytest.mark.parametrize("name", CARDS)
def test_ageing_in_two_steps_equals_one(name: str) -> None:
    card = rel.load_technology(name)
    pop = sample_population(card, cells=3000, state=state_of(card), seed=4)
    one = age(pop, MISSION)
    two = age(age(pop, MissionProfile(MISSION.segments[:2])), MissionProfile(MISSION.segments[2:]))
    assert (values(one) == values(two)).all()
    assert one.attrs["mission"] == two.attrs["mission"]


@pytest.mark.parametrize("name", CARDS)
def test_no_time_and_no_reads_change_nothing(name: str) -> None:
    card = rel.load_technology(name)
    pop = sample_population(card, cells=3000, state=state_of(card), seed=4)
    assert (values(age(pop, MissionProfile.constant(time=0.0))) == values(pop)).all()
    assert (values(age(pop, MissionProfile([]))) == values(pop)).all()


@pytest.mark.filterwarnings("ignore:.*outside the valid range")
@pytest.mark.parametrize("name", ["oxram-130nm", "pcm-mushroom", "techB"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_chips_do_not_depend_on_what_is_sampled_with_them(name: str, dtype: type) -> None:
    card = rel.load_technology(name)
    state = [0.1, 0.5, 0.9] * 10 if "target.maximum" in card else ["LRS", "HRS", "LRS"] * 10
    whole = sample_dies(card, state=state, count=30, dies_per_wafer=7, seed=3, dtype=dtype)
    aged = age(whole, MISSION)
    for first, count in ((0, 1), (5, 9), (29, 1)):
        part = sample_dies(
            card, state=state, count=count, first=first, dies_per_wafer=7, seed=3, dtype=dtype
        )
        assert part["conductance"].dtype == dtype
        rows = slice(first, first + count)
        assert (values(part) == values(whole)[rows]).all()
        assert (values(age(part, MISSION)) == values(aged)[rows]).all()
    nested = sample_population(card, wafers=5, dies=7, cells=30, state=state, seed=3, dtype=dtype)
    assert (values(nested).reshape(35, 30)[:30] == values(whole)).all()
    part_of = age(whole.isel(chip=slice(11, 13)), MISSION)
    assert (values(part_of) == values(aged)[11:13]).all()


def test_blocks_and_threads_change_nothing(
    tech: Technology, monkeypatch: pytest.MonkeyPatch
) -> None:
    cells = blocks.BLOCK * 2 + 1000
    kwargs = {"cells": cells, "dies": 2, "state": "HRS", "seed": 6, "dtype": np.float32}
    many = sample_population(tech, **kwargs)
    monkeypatch.setattr(blocks, "_THREADS_ABOVE", 10**12)
    one = sample_population(tech, **kwargs)
    assert (values(one) == values(many)).all()
    assert (values(age(one, MISSION)) == values(age(many, MISSION))).all()
    # no block repeats another
    first, second = (values(one)[0, 0, k * blocks.BLOCK :][:1000] for k in (0, 1))
    assert abs(np.corrcoef(np.log(first), np.log(second))[0, 1]) < 4 / math.sqrt(1000)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_blocks_have_the_streams_of_draw(dtype: type) -> None:
    part = slice(blocks.BLOCK, blocks.BLOCK + 100)
    deviates = blocks.Deviates(5, np.array([1, 2, 3]), part, dtype)
    whole = draw(5, "retention", [[1, 2, 3]], part.stop, dtype=dtype)[0]
    assert deviates("retention").dtype == dtype
    assert (deviates("retention") == whole[part]).all()


def test_rare_events_are_decided_to_the_last_bit() -> None:
    """Rates below 2^-32 would else be met as 0 or 2^-24."""
    deviates = blocks.Deviates(5, np.array([1, 2, 3]), slice(0, 5000), np.float32)
    u = draw(5, "defects", [[1, 2, 3]], 5000, distribution="uniform")[0]
    for probability in (1e-3, 0.5, float(u[17]), float(np.nextafter(u[17], 1)), 1e-15):
        cells, numbers = deviates.rare("defects", probability)
        assert cells.tolist() == np.flatnonzero(u < probability).tolist()
        assert (numbers == u[cells]).all()


def test_cells_are_the_same_in_either_dtype_and_function(tech: Technology) -> None:
    states = ["LRS", "HRS"] * 500
    double = sample_population(tech, wafers=2, dies=3, cells=1000, state=states, seed=7)
    single = sample_dies(tech, state=states, count=6, dies_per_wafer=3, seed=7)
    assert values(double).dtype == np.float64
    assert values(single).dtype == np.float32
    np.testing.assert_allclose(values(single), values(double).reshape(6, -1), rtol=6e-8)
    hot = MissionProfile.constant(time="1 year", temperature="150 degC")
    one, other = (values(age(cells, hot)).reshape(6, -1) for cells in (single, double))
    np.testing.assert_allclose(one, other, rtol=3e-7)


@settings(max_examples=15, deadline=None)
@given(st.integers(1, 5000), st.integers(0, 10**9))
def test_more_cells_keep_the_first_ones(cells: int, seed: int) -> None:
    card = rel.load_technology("pcm-mushroom")
    few, more = (
        values(sample_population(card, cells=n, state=0.5, seed=seed)) for n in (cells, cells + 77)
    )
    np.testing.assert_allclose(more[..., :cells], few, rtol=1e-15)


def test_seeds_and_lots_differ(tech: Technology) -> None:
    base, seed, lot = (
        values(sample_population(tech, cells=100, **kw))
        for kw in ({"seed": 1}, {"seed": 2}, {"seed": 1, "lot": 1})
    )
    for other in (seed, lot):  # other cells, not the same ones times a factor
        assert np.std(np.log(other / base)) > 0.05
        assert abs(np.corrcoef(base.ravel(), other.ravel())[0, 1]) < 0.4


def test_aged_and_read_cells_keep_to_their_lot(tech: Technology) -> None:
    """A lot's cells age as themselves: the numbers of lot 0 are not looked up for lot 3."""
    card = tech.with_values({"defects.unformed": 0.0})
    lots = [
        sample_population(card, cells=4000, state="HRS", seed=1, lot=lot, first_wafer=first)
        for lot, first in ((0, 0), (3, 1))
    ]
    shift = [np.log(values(age(one, MISSION)) / values(one)).ravel() for one in lots]
    assert abs(np.corrcoef(*shift)[0, 1]) < 0.1
    joined = age(xr.concat(lots, "wafer"), MISSION)
    for one, wafer in zip(lots, values(joined), strict=True):
        assert (values(age(one, MISSION))[0] == wafer).all()


# --- hierarchy


def test_variance_components_are_those_of_the_card(tech: Technology) -> None:
    """Between wafers, between dies and within dies, on ln R of the HRS; no radial part."""
    card = tech.with_values(
        {"programming.HRS.radial": 0.0} | {f"defects.{name}": 0.0 for name in DEFECTS[1:]}
    )
    wafers, dies, cells = 60, 40, 400
    pop = sample_population(card, wafers=wafers, dies=dies, cells=cells, state="HRS", seed=8)
    log_r = -np.log(values(pop))
    model = Programming.from_technology(card, "HRS")
    within = log_r.var(axis=2, ddof=1).mean()
    die_means = log_r.mean(axis=2)
    between_dies = die_means.var(axis=1, ddof=1).mean() - within / cells
    between_wafers = die_means.mean(axis=1).var(ddof=1) - between_dies / dies
    n = wafers * dies
    expected = model.sigma_cell**2 + model.sigma_cycle**2
    assert within == pytest.approx(expected, rel=4 * math.sqrt(2 / (n * cells)))
    assert between_dies == pytest.approx(model.sigma_die**2, rel=4 * math.sqrt(2 / n) * 2)
    assert between_wafers == pytest.approx(model.sigma_wafer**2, rel=4 * math.sqrt(2 / wafers))


def test_radial_part_bends_the_wafer(tech: Technology) -> None:
    card = tech.with_values(
        {f"programming.LRS.sigma_{k}": 0.0 for k in ("lot", "wafer", "die", "cell", "cycle")}
        | {"programming.LRS.radial": 0.2}
        | {f"defects.{name}": 0.0 for name in DEFECTS[1:]}
    )
    pop = sample_population(card, dies=50, cells=1, state="LRS")
    expected = np.exp(-0.2 * radial_positions(card)[:50]) / card["programming.LRS.resistance"]
    np.testing.assert_allclose(values(pop).ravel(), expected)


def test_mature_cards_spread_less() -> None:
    old, new = (rel.load_technology(f"oxram-{n}mm") for n in (200, 300))
    for state in ("LRS", "HRS"):
        for level in ("lot", "wafer", "die"):
            key = f"programming.{state}.sigma_{level}"
            assert new[key] == pytest.approx(0.7 * old[key], rel=0.01)
    assert len(die_sites(new)) > 2 * len(die_sites(old))


@pytest.mark.parametrize("state", ["LRS", "HRS"])
def test_lots_spread_as_the_card_says(state: str) -> None:
    """Cells that differ by their lot only."""
    card = rel.load_technology("oxram-200mm")
    others = [f"programming.{state}.sigma_{name}" for name in ("wafer", "die", "cell", "cycle")]
    others += [f"programming.{state}.radial", *(f"defects.{name}" for name in DEFECTS[1:])]
    card = card.with_values(dict.fromkeys(others, 0.0))
    lots = 250
    g = [
        values(sample_population(card, cells=1, state=state, seed=1, lot=lot)).item()
        for lot in range(lots)
    ]
    model = Programming.from_technology(card, state)
    spread = programming.deviation_at(model, g).std(ddof=1)
    assert spread == pytest.approx(model.sigma_lot, rel=4 / math.sqrt(2 * lots))


# --- defects and states


def test_defects_have_their_rates_and_values(tech: Technology) -> None:
    card = tech.with_values(
        {"defects.unformed": 0.01, "defects.stuck_lrs": 0.02, "defects.stuck_hrs": 0.03}
    )
    pop = sample_population(card, cells=200_000, state="LRS", seed=3, dtype=np.float32)
    defect = pop["defect"].values.ravel()
    for kind, rate in (("unformed", 0.01), ("stuck_lrs", 0.02), ("stuck_hrs", 0.03)):
        share = (defect == DEFECTS.index(kind)).mean()
        assert abs(share - rate) < 4 * math.sqrt(rate * (1 - rate) / len(defect))
    g = values(pop).ravel()
    assert np.unique(g[defect == 1]) == pytest.approx(
        1 / card["defects.unformed_resistance"], rel=1e-6
    )
    median = np.median(g[defect == DEFECTS.index("stuck_hrs")])
    assert median < 0.2 * np.median(g[defect == 0])
    old = age(pop, MISSION)
    assert (values(old).ravel()[defect == 1] == g[defect == 1]).all()


def test_each_cell_has_its_state(tech: Technology) -> None:
    state = ["LRS", "HRS", "HRS", "LRS"] * 100
    pop = sample_population(tech, cells=400, state=state, seed=1)
    assert pop["state"].values.tolist() == state
    g = values(pop).ravel().reshape(100, 4)
    assert np.median(g[:, 0]) > 5 * np.median(g[:, 1])
    alone = values(sample_population(tech, cells=400, state="HRS", seed=1)).ravel().reshape(100, 4)
    assert (g[:, 1:3] == alone[:, 1:3]).all()


def test_scalar_state_takes_no_memory(tech: Technology) -> None:
    pop = sample_population(tech, cells=100_000, state="HRS", dtype=np.float32)
    assert pop["conductance"].values is not None
    assert codes(pop["state"].values).strides in ((0,), (1,))
    assert np.shares_memory(pop["conductance"].values, pop["programmed"].values)


@pytest.mark.parametrize(
    "state",
    [0.5, "12.5 uS", 12.5e-6, np.full(500, 0.5), [12.5e-6] * 500, ["12.5 uS"] * 500],
)
def test_one_level_said_in_several_ways(state: object) -> None:
    card = rel.load_technology("pcm-mushroom")
    pop = sample_population(card, cells=500, state=state, seed=2)
    base = sample_population(card, cells=500, state=0.5, seed=2)
    np.testing.assert_allclose(values(pop), values(base))
    np.testing.assert_allclose(pop["target"], 12.5e-6)
    assert pop["target"].attrs["units"] == "S"


def test_levels_of_a_chip_are_each_cell_s_own() -> None:
    card = rel.load_technology("oxram-analog")
    state = np.linspace(0, 1, 1000)
    pop = age(sample_population(card, cells=1000, state=state, seed=2), MissionProfile.constant(60))
    assert np.corrcoef(pop["target"], values(pop).ravel())[0, 1] > 0.95


# --- at the door


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"state": "LSR"}, "did you mean 'LRS'"),
        ({"state": ["LRS", "XRS"], "cells": 2}, "unknown state 'XRS'"),
        ({"state": ["LRS"], "cells": 2}, "1 states for 2 cells"),
        ({"cells": 0}, "cells: got 0"),
        ({"cells": True}, "cells: got True"),
        ({"wafers": 1.5}, "wafers"),
        ({"dies": 10_000}, "dies: got 10000, allowed 1 to"),
        ({"state": 0.5}, "has no levels"),
    ],
)
def test_what_cannot_be_is_refused(tech: Technology, kwargs: dict, words: str) -> None:
    with pytest.raises(rel.InputError, match=words):
        sample_population(tech, **kwargs)


def test_levels_that_cannot_be_are_refused() -> None:
    card = rel.load_technology("pcm-mushroom")
    with pytest.raises(rel.InputError, match="2 targets for 3 cells"):
        sample_population(card, cells=3, state=[0.1, 0.2])
    with pytest.raises(rel.InputError, match="state"):
        sample_population(card, cells=3, state=-0.5)
    with pytest.raises(rel.InputError, match="programming"):
        sample_population(card, cells=3, state="LRS")


def test_out_of_range_is_warned_and_recorded(tech: Technology) -> None:
    """Only of what happens to these cells: LRS, no reads."""
    pop = sample_population(tech, cells=10)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        old = age(pop, MissionProfile.constant(time="1 h", temperature="300 degC"))
    said = [note.partition(":")[0] for note in old.attrs["warnings"]]
    assert said == ["relaxation", "retention.LRS"]
    assert len(caught) == 2
    assert all("0 °C to 260 °C" in note for note in old.attrs["warnings"])
    with pytest.warns(UserWarning, match="programming.target: 20 µS is outside"):
        low = sample_population(rel.load_technology("oxram-milo"), cells=10, state="20 uS")
    assert low.attrs["warnings"]


def test_verify_goes_into_the_provenance(tech: Technology) -> None:
    pop = sample_population(tech, cells=50, state="HRS", verify=Verify(1e4, 4e4, 5, "1 s"))
    assert '"wait": 1.0' in pop.attrs["verify"]
    assert pop["pulses"].values.min() >= 1
    resistance = 1 / values(pop)[pop["passed"].values]
    assert len(resistance) > 25


def test_hotter_is_never_better_for_a_population(tech: Technology) -> None:
    pop = sample_population(tech, cells=2000, state="LRS", seed=5)
    medians = [
        float(np.median(values(age(pop, MissionProfile.constant("1 year", f"{c} degC")))))
        for c in (25, 85, 125, 150)
    ]
    assert medians == sorted(medians, reverse=True)


def test_lost_cells_end_at_different_resistances() -> None:
    """All lost: what is left is the spread of the ends that the card states."""
    tech = rel.load_technology("oxram-130nm")
    pop = rel.sample_population(tech, cells=20_000, state="LRS", seed=3)
    good = pop["defect"].values.ravel() == 0
    lost = rel.age(pop, rel.MissionProfile.constant("1e6 years", "150 degC"))
    log_r = -np.log(lost["conductance"].values.ravel()[good])
    n = good.sum()
    sigma = tech["retention.sigma_asymptotic"]
    assert abs(
        log_r.mean() - np.log(tech["retention.asymptotic_resistance"])
    ) < 4 * sigma / np.sqrt(n)
    assert abs(log_r.std() / sigma - 1) < 4 / np.sqrt(2 * n)


def test_a_cell_ends_at_its_own_resistance_whatever_brought_it_there() -> None:
    """Lost in the oven or by reads: of two cells the same one ends higher, by the same factor."""
    tech = rel.load_technology("oxram-130nm")
    pop = rel.sample_population(tech, cells=500, state="HRS", seed=3)
    good = pop["defect"].values.ravel() == 0
    oven = rel.MissionProfile.constant("1e6 years", "150 degC")
    reads = rel.MissionProfile([rel.Segment(time=0.0, reads=1e30, read_voltage=0.3)])
    ends = [1 / rel.age(pop, profile)["conductance"].values.ravel()[good].astype(float)
            for profile in (oven, reads)]  # fmt: skip
    ratio = tech["read_disturb.HRS.asymptotic_resistance"] / tech["retention.asymptotic_resistance"]
    np.testing.assert_allclose(ends[1] / ends[0], ratio, rtol=1e-3)
    assert np.ptp(np.log(ends[0])) > 3  # cells differ


def test_levels_are_disturbed_where_a_card_says_how() -> None:
    """The model of the states, with the section of the levels; without reads nothing happens."""
    card = rel.load_technology("oxram-130nm")
    levels = rel.load_technology("techB")
    disturb = {
        name.replace(".HRS.", ".target."): p
        for name, p in card.parameters.items()
        if name.startswith("read_disturb.") and ".LRS." not in name
    }
    models = levels.models | {"read_disturb.target": card.models["read_disturb.HRS"]}
    both = replace(levels, parameters=levels.parameters | disturb, models=models)
    pop = sample_population(both, cells=2000, state=10e-6, seed=4)
    still = age(pop, MissionProfile([Segment(time="1 h", reads=0, read_voltage=0.3)]))
    read = age(pop, MissionProfile([Segment(time="1 h", reads=1e12, read_voltage=0.3)]))
    assert (values(read) >= values(still)).mean() > 0.95  # HRS cells are SET by reads
    assert values(read).mean() > 1.5 * values(still).mean()


def test_reads_below_zero_are_refused() -> None:
    cells = rel.sample_population(rel.load_technology("oxram-130nm"), cells=3, state="HRS")
    cells["reads"] = ("cell", [1.0, -4.0, 2.0])
    with pytest.raises(rel.InputError, match="reads: got -4"):
        rel.age(cells, rel.MissionProfile.constant("1 h", reads=1e9))


def test_a_verify_at_no_resistance_is_refused() -> None:
    with pytest.raises(rel.InputError, match="lrs_resistance: got 0"):
        rel.Verify(0, "40 kohm", 5)


@pytest.mark.parametrize("name", ["cycles", "reads"])
def test_a_variable_of_the_cells_has_their_dimensions(name: str) -> None:
    pop = rel.sample_population(rel.load_technology("oxram-130nm"), cells=10, seed=1)
    mission = rel.MissionProfile([rel.Segment("1 h", reads=5, cycles=5)])
    with pytest.raises(rel.InputError, match=f"{name}: got dimension 'row', allowed wafer, die"):
        rel.age(pop.assign({name: ("row", np.ones(4))}), mission)
    for bad in (-1.0, np.nan, np.inf):
        with pytest.raises(rel.InputError, match=f"{name}: got {bad:g}, allowed finite numbers"):
            rel.age(pop.assign({name: ("cell", np.full(10, bad))}), mission)


def test_the_most_cycled_cell_counts_for_the_valid_range() -> None:
    pop = rel.sample_population(rel.load_technology("oxram-130nm"), cells=10, seed=1)
    hot = pop.assign(cycles=("cell", np.r_[np.ones(9), 100.0]))
    with pytest.warns(UserWarning, match="wear: cycles 100 000 is outside the valid range"):
        rel.age(hot, rel.MissionProfile([rel.Segment("1 h", cycles=1000)]))
