"""The programming window: maps, references, error rates down to 1e-9 and beyond."""

import math

import numpy as np
import pytest
from scipy import stats

import reliability as rel
from reliability.devices.programming import set_conditions
from reliability.devices.verify import Verify
from reliability.population.programmed import DEFECTS
from reliability.population.window import programming_window, sampled_error_rate
from reliability.technology import Technology
from tests.conftest import NORMAL


@pytest.fixture(scope="module")
def tech() -> Technology:
    return rel.load_technology("oxram-130nm")


@pytest.fixture(scope="module")
def sharp(tech: Technology) -> Technology:
    """A window wide enough for error rates of 1e-9 and less."""
    return tech.with_values(
        NORMAL
        | {
            "programming.HRS.resistance": 500e3,
            "programming.HRS.sigma_cell": 0.4,
            "programming.HRS.sigma_cycle": 0.3,
        }
    )


def test_map_has_the_conditions_as_dimensions(tech: Technology) -> None:
    found = programming_window(
        tech,
        compliance_current=["50 uA", "100 uA", "200 uA"],
        reset_voltage=[2.5, 2.7],
        pulse_width=["1 us"],
    )
    assert found["window"].dims == ("compliance_current", "reset_voltage", "pulse_width")
    assert found["compliance_current"].attrs["units"] == "A"
    # every point is what the card of that point says
    for i, current in enumerate((50e-6, 100e-6, 200e-6)):
        for j, voltage in enumerate((2.5, 2.7)):
            card = set_conditions(tech, compliance_current=current, reset_voltage=voltage)
            point = found.isel(compliance_current=i, reset_voltage=j, pulse_width=0)
            ratio = card["programming.HRS.resistance"] / card["programming.LRS.resistance"]
            assert float(point["window"]) == pytest.approx(math.log10(ratio))
            alone = programming_window(card)
            assert float(point["bit_error_rate"]) == pytest.approx(float(alone["bit_error_rate"]))


def test_error_rates_are_those_of_a_population(tech: Technology) -> None:
    card = tech.with_values({f"defects.{kind}": 0.0 for kind in DEFECTS[1:]})
    reference = 4e-5
    found = programming_window(card, reference=reference)
    for state in ("LRS", "HRS"):
        shares = []
        for lot in range(12):
            pop = rel.sample_population(
                card, wafers=4, dies=100, cells=50, state=state, seed=1, lot=lot
            )
            g = pop["conductance"].values
            shares.append((g < reference).mean() if state == "LRS" else (g > reference).mean())
        # lots and wafers are few: the standard error is that between lots
        error = np.std(shares, ddof=1) / math.sqrt(len(shares))
        expected = float(found["error_rate"].sel(state=state))
        assert abs(np.mean(shares) - expected) < 4 * error + 1e-5


@pytest.mark.parametrize("state", ["LRS", "HRS"])
@pytest.mark.parametrize("reference", [1e-5, 2e-5, 3e-5, 5e-5, 8e-5])
def test_importance_sampling_agrees_down_to_1e_12(
    sharp: Technology, state: str, reference: float
) -> None:
    expected = float(programming_window(sharp, reference=reference)["error_rate"].sel(state=state))
    found, error = sampled_error_rate(sharp, state, reference, samples=200_000, seed=3)
    assert error < 0.05 * expected
    assert abs(found - expected) < 4 * error


def test_rates_of_1e_9_are_reached_and_checked(sharp: Technology) -> None:
    rates = [
        float(programming_window(sharp, reference=g)["error_rate"].sel(state="HRS"))
        for g in (3e-5, 5e-5)
    ]
    assert min(rates) < 1e-9 < max(rates)


def test_radial_part_is_a_mixture_over_the_wafer(sharp: Technology) -> None:
    """Against plain integration over sites, each a normal distribution."""
    from reliability.population.wafer import radial_positions

    card = sharp.with_values({"programming.HRS.radial": 1.0})
    sigma = math.hypot(0.05, 0.1, 0.1, 0.4, 0.3)
    shift = radial_positions(card)
    limit = -math.log(3e-5 * 500e3)
    expected = stats.norm.cdf((limit - shift) / sigma).mean()
    found = programming_window(card, reference=3e-5)["error_rate"].sel(state="HRS")
    assert float(found) == pytest.approx(expected, rel=1e-6)


def test_best_reference_beats_every_other(tech: Technology) -> None:
    best = programming_window(tech)
    g = float(best["reference"])
    for other in np.geomspace(0.3, 3, 9) * g:
        rate = float(programming_window(tech, reference=other)["bit_error_rate"])
        assert rate >= float(best["bit_error_rate"]) * (1 - 1e-9)


def test_sigmas_are_the_score_of_the_worse_state(sharp: Technology) -> None:
    found = programming_window(sharp, reference="40 uS")
    worse = float(found["error_rate"].max())
    assert stats.norm.sf(float(found["sigmas"])) == pytest.approx(worse, rel=1e-6)


def test_which_conditions_reach_a_wanted_rate(tech: Technology) -> None:
    found = programming_window(
        tech,
        compliance_current=[50e-6, 100e-6, 200e-6, 400e-6],
        reset_voltage=[2.6, 2.9],
        target_error_rate=5e-3,
    )
    assert (found["reaches"] == (found["bit_error_rate"] <= 5e-3)).all()
    assert found["reaches"].any()
    assert not found["reaches"].all()
    # more current never hurts this card
    assert (found["reaches"].astype(int).diff("compliance_current") >= 0).all()


def test_verify_costs_pulses_and_buys_errors(tech: Technology) -> None:
    natural = programming_window(tech)
    verified = programming_window(tech, verify=Verify(8e3, 60e3, attempts=30))
    assert float(verified["bit_error_rate"]) < 0.5 * float(natural["bit_error_rate"])
    assert (verified["pulses"] > 1).all()
    assert (verified["failed_to_verify"] > 0).all()


def test_relaxation_gives_errors_back(tech: Technology) -> None:
    algorithm = Verify(8e3, 60e3, attempts=30)
    at_once, later = (
        float(programming_window(tech, verify=algorithm, time=t)["bit_error_rate"])
        for t in (0.0, "1 h")
    )
    assert later > at_once


def test_a_time_of_nearly_nothing_is_no_time(tech: Technology) -> None:
    """The quadrature over relaxation and the closed form without it meet."""
    now, soon = (
        programming_window(tech, reference=3e-5, time=t)["error_rate"] for t in (0.0, 1e-12)
    )
    # with time, dies count in eight groups
    np.testing.assert_allclose(soon, now, rtol=0.01)


def test_conditions_out_of_range_are_warned_once_and_recorded(tech: Technology) -> None:
    with pytest.warns(UserWarning, match="3 V is outside") as caught:
        found = programming_window(tech, reset_voltage=[2.7, 3.0], compliance_current=[1e-4, 2e-4])
    assert len(caught) == 1
    assert len(found.attrs["warnings"]) == 1


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"reset_voltage": [2.0]}, "do not reset"),
        ({"reset_voltage": []}, "got no value"),
        ({"compliance_current": "-5 uA"}, "allowed >= 0"),
        ({"reference": "-1 uS"}, "reference"),
        ({"target_error_rate": 0.0}, "target_error_rate"),
        ({"time": "-1 h"}, "time"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*outside the valid range")
def test_what_cannot_be_is_refused(tech: Technology, kwargs: dict, words: str) -> None:
    with pytest.raises(rel.InputError, match=words):
        programming_window(tech, **kwargs)


def test_states_without_a_card_section_are_refused() -> None:
    with pytest.raises(rel.InputError, match="programming"):
        programming_window(rel.load_technology("pcm-mushroom"))
