"""Links of wear against closed forms, and the write methods of a card."""

from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr, ndtri
from scipy.stats import norm

import reliability as rel
from reliability.characterization.estimates import assumed
from reliability.devices import level_relaxation, path, retention
from reliability.devices.unstable_cells import probability_below
from reliability.devices.wear import LINKS, Wear, equivalent_cycles, not_modelled
from reliability.devices.write_methods import WriteMethod, find_method, write_methods
from reliability.errors import InputError

RNG = np.random.default_rng(11)


def card(name: str, **values: float) -> rel.Technology:
    tech = rel.load_technology(name)
    known = {n: v for n, v in values.items() if n in tech}
    new = {n: assumed(n, v, "a test") for n, v in values.items() if n not in tech}
    tech = tech.with_values(known)
    return replace(tech, parameters=tech.parameters | new)


def test_equivalent_cycles_follow_arrhenius_and_add_up() -> None:
    tech = rel.load_technology("oxram-130nm")
    hot = rel.MissionProfile([rel.Segment(0, "85 degC", cycles=200)])
    both = hot + rel.MissionProfile([rel.Segment("1 h", "25 degC", cycles=50)])
    energy, boltzmann = tech["endurance.activation_energy"], 8.617333262e-5
    rate = np.exp(energy / boltzmann * (1 / 298.15 - 1 / 358.15))
    assert equivalent_cycles(tech, both) == pytest.approx(200 * rate + 50)
    assert equivalent_cycles(rel.load_technology("techB"), both) == 250


def test_more_frequent_jumps_are_a_power_of_the_stable_fraction() -> None:
    link, z = Wear(onset=100.0, relaxation_jumps=1.0), RNG.standard_normal(4000)
    unstable = 1 - np.exp(-0.05)
    moved = link.jump_deviate(z, 900.0) < ndtri(unstable)
    assert (moved >= (z < ndtri(unstable))).all()  # the cells that jump when fresh still do
    threshold = norm.ppf(1 - np.exp(-2 * 0.05))  # twice the jumps, by scipy
    assert (moved == (z < threshold)).mean() > 0.9995


def test_weak_cells_grow_in_number_by_the_factor() -> None:
    link, z = Wear(onset=1.0, weak_fraction=2.0), ndtri((np.arange(1e4) + 0.5) / 1e4)
    assert (link.weak_deviate(z, 9.0) < ndtri(0.01)).mean() == pytest.approx(0.04, abs=2e-4)


def test_a_lower_barrier_shortens_life_as_its_boltzmann_factor() -> None:
    names = {"wear.onset": 1.0, "wear.LRS.barrier": 0.05}
    bake = rel.MissionProfile.constant("1000 h", "125 degC")
    tech = card("oxram-130nm", **names, **{"relaxation.LRS.sigma": 0.0})
    after = path.state_path(tech, "LRS", bake)
    g, z = np.full(1, 2e-4), {"retention": np.zeros(1), "relaxation": np.zeros(1)}

    def deviates(name: str) -> np.ndarray:
        return z.get(name, np.zeros(1))

    worn = after(g, deviates, 1.0, 9.0)  # one decade of wear: 0.05 eV
    faster = np.exp(0.05 / 8.617333262e-5 / 398.15)
    longer = rel.MissionProfile.constant(3.6e6 * faster, "125 degC")
    fresh = path.state_path(tech, "LRS", longer)(g, deviates, 1.0, None)
    assert worn == pytest.approx(fresh, rel=1e-6)
    assert isinstance(retention.Retention.from_technology(tech, "LRS").shape, float)


def test_stretched_jumps_have_the_closed_form_of_a_stretched_model() -> None:
    model = level_relaxation.from_technology(rel.load_technology("techB"))
    n, time, hot = 200_000, [1e3], [298.15]
    z = [RNG.standard_normal(n) for _ in model.streams(time, hot)]
    g = np.full(n, 6e-5)
    moved = level_relaxation.conductance(model, g, g[:1], time, hot, z, np.full(1, 3.0))
    wide = np.array([1.0, 3.0, 1.0, 3.0, 3.0, 1.0])[:, None]
    wider = replace(
        model, conditions=tuple(replace(c, profiles=c.profiles * wide) for c in model.conditions)
    )
    for at in (4e-5, 5.5e-5, 6.2e-5):
        expected = float(probability_below(wider, 6e-5, 6e-5, time, hot, at))
        error = np.sqrt(expected * (1 - expected) / n)
        assert abs((moved < at).mean() - expected) < 5 * error + 1e-4


def test_growth_is_bounded_and_nothing_acts_without_cycles() -> None:
    link = Wear(onset=1.0)
    assert link.growth(9.0, 1e9) == pytest.approx(1e3)
    assert link.growth(5.0, 0.0) == 1
    assert link.decades(0.0) == 0
    assert ndtr(link.jump_deviate(np.zeros(1), 10.0)) == 0.5


def test_links_that_a_card_does_not_state_are_listed() -> None:
    assert not_modelled(rel.load_technology("techA")) == list(LINKS)
    assert "noise" not in not_modelled(card("oxram-130nm", **{"wear.onset": 1, "wear.noise": 0.1}))


def test_write_methods_are_those_of_the_card() -> None:
    tech = card("cbram", **{"write.ispp.pulses": 12.0})
    assert write_methods(tech)[-1] == "ispp"
    assert find_method(tech, None).is_verified
    with pytest.raises(InputError, match=r"'fppv'; .*allowed: .*ispp.*single_pulse"):
        find_method(tech, "fppv")
    with pytest.raises(InputError, match="allowed with fixed_pulses, verify"):
        WriteMethod("ispp", attempts=3)
    with pytest.raises(InputError, match="attempts"):
        WriteMethod("verify", attempts=0)
    with pytest.raises(InputError, match="tolerance"):
        WriteMethod("single_pulse", tolerance=0.1)
