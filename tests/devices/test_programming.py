"""Programming of two states and of levels, verify, conditions, gate sweeps."""

import csv
import itertools
import math
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

import reliability as rel
from reliability.devices import gate, programming, target, verify
from reliability.devices.programming import Programming
from reliability.devices.relaxation import Relaxation
from reliability.devices.target import Target
from reliability.devices.verify import Verify

MODELS = ("normal_conductance", "lognormal_resistance", "loglogistic_resistance")


def model(name: str, sigma_cell: float = 0.1, sigma_cycle: float = 0.15) -> Programming:
    return Programming(name, 5e3, 0.02, 0.03, 0.03, 0.0, sigma_cell, sigma_cycle)


# --- two states


@pytest.mark.parametrize("name", MODELS)
def test_quantile_and_probability_are_inverse(name: str) -> None:
    p = np.array([1e-9, 1e-4, 0.3, 0.5, 0.9, 1 - 1e-6])
    parameters = model(name, 0.05, 0.1)  # narrow enough not to be cut at 0
    g = programming.quantile(parameters, p)
    assert (np.diff(g) > 0).all()
    np.testing.assert_allclose(programming.probability_below(parameters, g), p, rtol=1e-6)


def test_loglogistic_is_scipys() -> None:
    own = model("loglogistic_resistance", 0.5, 0.4)
    s = own.sigma * math.sqrt(3) / math.pi
    peer = stats.fisk(c=1 / s, scale=1 / 5e3)
    p = np.array([1e-6, 0.01, 0.5, 0.99])
    np.testing.assert_allclose(programming.quantile(own, p), peer.ppf(p), rtol=1e-8)
    assert programming.mean(own) == pytest.approx(peer.mean())


@pytest.mark.parametrize("name", MODELS)
def test_mean_of_many_cells_is_the_closed_form(name: str) -> None:
    parameters = model(name)
    z = np.random.default_rng(1).standard_normal(400_000)
    g = programming.conductance(parameters, parameters.sigma * z)
    assert abs(g.mean() - programming.mean(parameters)) < 4 * g.std() / math.sqrt(len(g))


@given(st.floats(1e-7, 1e-2), st.floats(-0.9, 0.9))
def test_unit_rescaling_changes_nothing(resistance_scale: float, d: float) -> None:
    """The model knows R only as a scale: G R depends on the deviation alone."""
    for name in MODELS:
        one, other = model(name), Programming(name, 5e3 * resistance_scale, 0, 0, 0, 0, 0.1, 0.15)
        one = Programming(name, 5e3, 0, 0, 0, 0, 0.1, 0.15)
        a = programming.conductance(one, np.array([d])) * one.resistance
        b = programming.conductance(other, np.array([d])) * other.resistance
        np.testing.assert_allclose(a, b, rtol=1e-12)


# --- conditions


def test_lrs_follows_the_compliance_current_and_hrs_the_reset_voltage() -> None:
    tech = rel.load_technology("oxram-130nm")
    low = programming.set_conditions(tech, compliance_current="25 uA", reset_voltage="2.9 V")
    assert low["programming.LRS.resistance"] == pytest.approx(4 * 5.5e3)
    cycle = tech["programming.LRS.sigma_cycle"]
    assert low["programming.LRS.sigma_cycle"] == pytest.approx(2 * cycle)
    assert low["programming.HRS.resistance"] == pytest.approx(88e3 * 0.6 / 0.4)
    assert low["programming.compliance_current"] == pytest.approx(25e-6)
    assert low.parameters["programming.LRS.resistance"].interval == pytest.approx((16e3, 28e3))


def test_conditions_in_two_steps_equal_one() -> None:
    tech = rel.load_technology("oxram-130nm")
    step = programming.set_conditions(
        programming.set_conditions(
            tech, compliance_current=50e-6, pulse_width=2e-6, reset_voltage="2.6 V"
        ),
        compliance_current=200e-6, reset_voltage="2.8 V",
    )  # fmt: skip
    once = programming.set_conditions(
        tech, compliance_current=200e-6, pulse_width=2e-6, reset_voltage="2.8 V"
    )
    for key in once:
        assert step[key] == pytest.approx(once[key], rel=1e-12, abs=0), key


def test_conditions_reach_all_models() -> None:
    """No state gains conductance by losing itself; wear, relaxation and energy go along."""
    tech = rel.load_technology("oxram-130nm")
    low = programming.set_conditions(tech, compliance_current="10 uA")
    lrs, hrs = (low[f"programming.{s}.resistance"] for s in ("LRS", "HRS"))
    for key in ("retention", "read_disturb.LRS", "read_disturb.HRS"):
        assert lrs < low[f"{key}.asymptotic_resistance"] < hrs
    cells = rel.sample_population(low, cells=2000, state="LRS", seed=1)
    aged = rel.age(cells, rel.MissionProfile.constant("1e6 years", "150 degC"))
    assert float(aged["conductance"].median()) < float(cells["conductance"].median())
    # a tenth of the energy, to the power of -1.5, in cycles
    assert low["endurance.scale"] / tech["endurance.scale"] == pytest.approx(10**1.5)
    assert low["endurance.reference_energy"] == pytest.approx(
        tech["endurance.reference_energy"] / 10
    )
    # LRS of 55 kohm on the line in ln R between 0.05 (5.5 kohm) and 0.28 (88 kohm)
    expected = 0.05 * (0.28 / 0.05) ** (np.log(10) / np.log(16))
    assert low["relaxation.LRS.sigma"] == pytest.approx(expected)
    assert low["energy.event"] == pytest.approx(tech["energy.event"] / np.sqrt(10))


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"compliance_current": "0 A"}, "allowed > 0 A"),
        ({"compliance_current": "-1 uA"}, "allowed >= 0"),
        ({"reset_voltage": 2.2}, "do not reset"),
        ({"pulse_width": "3 V"}, "not in units of s"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*outside the valid range")
def test_impossible_conditions_are_refused(conditions: dict, words: str) -> None:
    with pytest.raises(rel.InputError, match=words):
        programming.set_conditions(rel.load_technology("oxram-130nm"), **conditions)


def test_conditions_that_a_card_does_not_know_are_refused() -> None:
    with pytest.raises(rel.InputError, match="pcm-mushroom does not say"):
        programming.set_conditions(rel.load_technology("pcm-mushroom"), reset_voltage=2.5)


def test_conditions_out_of_range_warn_with_the_range() -> None:
    with pytest.warns(UserWarning, match="outside the valid range 10 µA to 1 mA"):
        far = programming.set_conditions(
            rel.load_technology("oxram-130nm"), compliance_current="2 mA"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # one warning, then the card works
        assert rel.Technology.from_json(far.to_json()) == far
        cells = rel.sample_population(far, cells=10)
        assert programming.set_conditions(far, pulse_width="2 us").name == far.name
    assert (rel.age(cells, rel.MissionProfile.constant("1 h"))["conductance"] > 1e-3).all()
    assert "outside the range 1e-05 to 0.001 A" in (
        far.parameters["programming.compliance_current"].note
    )


# --- levels: published errors, each from the formula as facts.csv states it, G in uS


PUBLISHED = {
    "pcm-mushroom": lambda g: 0.26348 + 1.9650 * (g / 25) - 1.1731 * (g / 25) ** 2,
    "pcm-joshi": lambda g: -0.00178767 * g**2 + 0.07585724 * g + 0.28638599,
    "oxram-milo": lambda g: max(0.0, 4.782321 - 0.009107 * g),
    "oxram-cmo-hfox": lambda g: 0.0112185391 + 0.01129027418 * g,
    "oxram-analog": lambda g: np.polyval([-16.815, 45.393, -43.853, 16.030, 0.348], g / 40),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_error_of_levels_is_the_published_one(name: str) -> None:
    card = Target.from_technology(rel.load_technology(name))
    for g in np.linspace(card.minimum, card.maximum, 7):
        assert target.sigma(card, g) == pytest.approx(
            PUBLISHED[name](g * 1e6) * 1e-6, rel=1e-6, abs=0
        )


@pytest.mark.parametrize("name", PUBLISHED)
def test_programmed_levels_have_the_published_moments(name: str) -> None:
    tech = rel.load_technology(name)
    card = Target.from_technology(tech)
    cells = 100_000
    for level in np.linspace(max(card.minimum, 0.05 * card.maximum), card.maximum, 4):
        g = rel.sample_population(tech, cells=cells, state=float(level), seed=3)["conductance"]
        mean, spread = target.moments(card, level)
        assert abs(float(g.mean()) - mean) < 4 * spread / math.sqrt(cells)
        # 4 standard errors of a standard deviation: kurtosis of a normal at most, cut at 0
        assert float(g.std(ddof=1)) == pytest.approx(float(spread), rel=4 / math.sqrt(2 * cells))


def test_moments_of_levels_by_quadrature() -> None:
    card = Target(0.0, 25e-6, (1e-6, 2e-6))
    for level in (0.0, 1e-6, 12e-6):
        s = float(target.sigma(card, level))

        def power(k: int, level: float = level, s: float = s) -> float:
            def f(z: float) -> float:
                return max(level + s * z, 0.0) ** k * stats.norm.pdf(z)

            return integrate.quad(f, -level / s, 10)[0]

        mean, spread = target.moments(card, level)
        assert float(mean) == pytest.approx(power(1), rel=1e-6)
        assert float(spread) == pytest.approx(math.sqrt(power(2) - power(1) ** 2), rel=1e-5)


@pytest.mark.parametrize(
    ("state", "siemens"),
    [(0.4, 10e-6), ("5 uS", 5e-6), (5e-6, 5e-6), ([0.0, 1.0], [0.0, 25e-6]), (1.0, 25e-6)],
)
def test_levels_in_siemens_or_fractions(state: object, siemens: object) -> None:
    card = Target.from_technology(rel.load_technology("pcm-mushroom"))
    np.testing.assert_allclose(target.levels(card, state), siemens)


@pytest.mark.parametrize("state", [-1e-6, 26e-6, 1.2, [0.2, 1.3], math.nan, "-1 uS", "5 kg"])
def test_impossible_levels_are_refused(state: object) -> None:
    with pytest.raises(rel.InputError, match="state"):
        target.levels(Target.from_technology(rel.load_technology("pcm-mushroom")), state)


def test_facts_file_agrees_with_the_cards(shared: Path) -> None:
    rows = {r["id"]: r for r in csv.DictReader((shared / "reference/facts.csv").open())}
    for key, name in (("milo-pv-sigma", "oxram-milo"), ("pcm-programming", "pcm-mushroom")):
        text = rows[key]["value"]
        card = rel.load_technology(name)
        assert f"{card['programming.target.error_0'] * 1e6:.6g}".rstrip("0")[:6] in text


# --- program and verify


def simulated(
    algorithm: Verify, state: str, parameters: Programming, relaxing: Relaxation | None, time: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Pulse by pulse, with a generator of its own; conductance at ``time`` besides."""
    rng = np.random.default_rng(5)
    n = 200_000
    fixed = rng.standard_normal(n) * math.sqrt(parameters.sigma**2 - parameters.sigma_cycle**2)
    g, later, pulses = np.zeros(n), np.zeros(n), np.zeros(n, int)
    passed = np.zeros(n, bool)
    for _ in range(algorithm.attempts):
        d = fixed + parameters.sigma_cycle * rng.standard_normal(n)
        new = (1 - d) / 5e3 if parameters.model == "normal_conductance" else np.exp(-d) / 5e3
        change = np.zeros(n)
        if relaxing:
            y = relaxing.shift + relaxing.sigma * rng.standard_normal(n)
            scale = math.log1p(relaxing.reference_time / relaxing.onset_time)
            wait, end = (
                math.log1p(min(t, relaxing.reference_time) / relaxing.onset_time) / scale
                for t in (algorithm.wait, time)
            )
            change, y_end = y * wait, y * end
        g = np.where(passed, g, new)
        later = np.where(passed, later, new * np.exp(y_end if relaxing else 0.0))
        pulses += ~passed
        read = new * np.exp(change)
        limit = 1 / (algorithm.lrs_resistance if state == "LRS" else algorithm.hrs_resistance)
        passed |= read >= limit if state == "LRS" else read <= limit
    return g, pulses, passed, later


RELAXING = Relaxation("saturating", 0.2, -0.05, 1e-3, 3600.0)


@pytest.mark.parametrize("name", MODELS[:2])
@pytest.mark.parametrize("state", ["LRS", "HRS"])
@pytest.mark.parametrize("wait", [0.0, 10.0])
def test_verify_closed_form_agrees_with_pulse_by_pulse(name: str, state: str, wait: float) -> None:
    parameters = model(name, 0.15, 0.25)
    algorithm = Verify(5.2e3, 4.8e3, attempts=4, wait=wait)
    relaxing = RELAXING if wait else None
    g, pulses, passed, later = simulated(algorithm, state, parameters, relaxing, 3600.0)
    found = verify.outcome(algorithm, state, parameters, relaxing)
    n = len(g)
    assert abs(found.pulses - pulses.mean()) < 4 * pulses.std() / math.sqrt(n)
    for expected, share in (
        (found.failed_to_verify, (~passed).mean()),
        (found.first, (pulses == 1).mean()),
    ):
        assert abs(expected - share) < 4 * math.sqrt(share * (1 - share) / n)
    references = 1 / np.array([4.2e3, 4.9e3, 5.2e3, 5.8e3])
    wrong = verify.probability_wrong(algorithm, state, parameters, references, relaxing, 0.0)
    for reference, p in zip(references, wrong, strict=True):
        share = (g < reference).mean() if state == "LRS" else (g > reference).mean()
        assert abs(p - share) < 4 * math.sqrt(max(share * (1 - share), 1 / n) / n)
    if relaxing:
        wrong = verify.probability_wrong(algorithm, state, parameters, references, relaxing, 3600.0)
        for reference, p in zip(references, wrong, strict=True):
            share = (later < reference).mean() if state == "LRS" else (later > reference).mean()
            assert abs(p - share) < 4 * math.sqrt(max(share * (1 - share), 1 / n) / n)


def test_verified_population_agrees_with_the_closed_form() -> None:
    tech = rel.load_technology("oxram-130nm").with_values(
        {f"programming.HRS.{k}": 0.0 for k in ("sigma_lot", "sigma_wafer", "sigma_die", "radial")}
        | {"defects.stuck_lrs": 0.0, "defects.stuck_hrs": 0.0, "defects.unformed": 0.0}
    )
    algorithm = Verify(10e3, 40e3, attempts=5, wait="1 s")
    cells = 200_000
    pop = rel.sample_population(tech, cells=cells, state="HRS", verify=algorithm, seed=2)
    parameters = Programming.from_technology(tech, "HRS")
    relaxing = Relaxation.from_technology(tech, "HRS")
    found = verify.outcome(algorithm, "HRS", parameters, relaxing)
    pulses = pop["pulses"].values
    assert abs(pulses.mean() - found.pulses) < 4 * pulses.std() / math.sqrt(cells)
    never = 1 - pop["passed"].values.mean()
    assert abs(never - found.failed_to_verify) < 4 * math.sqrt(never * (1 - never) / cells)
    hour = rel.age(pop, rel.MissionProfile.constant(time="1 h"))["conductance"].values
    p = verify.probability_wrong(algorithm, "HRS", parameters, [3e-5], relaxing, 3600.0)[0]
    share = (hour > 3e-5).mean()
    # one hour at 25 degC of retention moves the HRS by less than 1e-5 of its value
    assert abs(p - share) < 4 * math.sqrt(share * (1 - share) / cells) + 1e-4


def test_waiting_selects_stable_cells() -> None:
    """At the same limit, a verify that waits leaves fewer cells on the wrong side an hour later."""
    parameters = Programming("normal_conductance", 5e3, 0, 0, 0, 0, 0.05, 0.1)
    at_once, waiting = (Verify(5.2e3, 40e3, attempts=50, wait=w) for w in (0.0, 100.0))
    reference = [1 / 5.5e3]
    wrong = [
        verify.probability_wrong(a, "LRS", parameters, reference, RELAXING, 3600.0)[0]
        for a in (at_once, waiting)
    ]
    assert wrong[1] < 0.7 * wrong[0]
    effort = [verify.outcome(a, "LRS", parameters, RELAXING).pulses for a in (at_once, waiting)]
    assert effort[1] > effort[0]


def test_verify_takes_no_levels_and_no_bad_numbers() -> None:
    tech = rel.load_technology("pcm-mushroom")
    with pytest.raises(rel.InputError, match="verify"):
        rel.sample_population(tech, state=0.5, verify=Verify(1e4, 4e4, 3))
    for bad in (0, 1.5, 256, True):
        with pytest.raises(rel.InputError, match="attempts"):
            Verify(1e4, 4e4, attempts=bad)
    with pytest.raises(rel.InputError, match="wait"):
        Verify(1e4, 4e4, attempts=3, wait=-1.0)


def test_the_low_tail_keeps_its_digits() -> None:
    hrs = Programming("lognormal_resistance", 88e3, 0, 0, 0, 0, 0.0, 0.1)
    model = stats.lognorm(0.1, scale=1 / 88e3)
    for g in (1 / 30e3, 1 / 250e3):
        assert programming.probability_below(hrs, g) == pytest.approx(model.cdf(g), rel=1e-9, abs=0)


@pytest.mark.parametrize(("state", "median", "out"), [("LRS", 5e3, 12e3), ("HRS", 88e3, 36e3)])
def test_one_verified_pulse_is_a_pulse_in_the_far_tail_too(state, median, out) -> None:
    model = Programming("lognormal_resistance", median, 0, 0, 0, 0, 0.0, 0.1)
    once = Verify("10 kohm", "40 kohm", attempts=1)
    natural = stats.norm.sf(abs(math.log(median / out)) / 0.1)
    found = verify.probability_wrong(once, state, model, [1 / out])
    assert found == pytest.approx([natural], rel=1e-9, abs=0)
    twice = verify.probability_wrong(Verify("10 kohm", "40 kohm", 2), state, model, [1 / out])
    limit = 10e3 if state == "LRS" else 40e3
    fails = stats.norm.sf(abs(math.log(median / limit)) / 0.1)
    assert twice == pytest.approx([natural * fails], rel=1e-9, abs=0)


def test_cells_without_spread_are_on_one_side() -> None:
    model = Programming("normal_conductance", 5e3, 0, 0, 0, 0, 0.0, 0.0)
    assert programming.probability_below(model, [1e-4, 2e-4, 3e-4]).tolist() == [0, 0, 1]
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        mean, spread = target.moments(Target(0, 2e-4, (4e-6, -8e-6)), [2e-4])
    assert mean == pytest.approx([2e-4], rel=1e-15)
    assert spread[0] < 1e-100


def test_no_pulse_below_the_threshold_changes_anything() -> None:
    curve = gate.GateCurve("SET", 6e3, 1.9, 3e3, 600.0, -1.0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        r = gate.resistance(curve, [0.0, 1.9, 2.0, 2.4])
    assert r.tolist() == pytest.approx([6e3, 6e3, 6e3, 4.2e3])


@pytest.mark.parametrize("ratio", [0.2, 0.05, 0.02, 1e-3, 0.0])
@pytest.mark.parametrize("state", ["LRS", "HRS"])
def test_verify_of_cells_that_hardly_vary_from_cycle_to_cycle(state: str, ratio: float) -> None:
    """The closed form was 27 % off below a twentieth; here against adaptive quadrature."""
    sigma = 0.4
    model = Programming("lognormal_resistance", 2e4, 0, 0, 0, 0, sigma, ratio * sigma)
    algorithm = verify.Verify(18e3, 24e3, attempts=4)
    limit = math.log((18e3 if state == "LRS" else 24e3) / 2e4)
    side = 1.0 if state == "LRS" else -1.0

    def fails(f: float) -> float:
        gap = side * (f - limit)
        return float(gap > 0) if ratio == 0 else float(stats.norm.cdf(gap / (ratio * sigma)))

    def mean(value: Callable[[float], float]) -> float:
        ends = np.clip(limit + ratio * sigma * np.array([-40, -8, 0, 8, 40]), -9, 9)
        panels = np.unique([-9 * sigma, *ends, 9 * sigma])
        return math.fsum(
            integrate.quad(lambda f: value(f) * stats.norm.pdf(f, 0, sigma), a, b, limit=200)[0]
            for a, b in itertools.pairwise(panels)
        )

    found = verify.outcome(algorithm, state, model)
    assert found.failed_to_verify == pytest.approx(mean(lambda f: fails(f) ** 4), rel=1e-5)
    pulses = mean(lambda f: sum(fails(f) ** k for k in range(4)))
    assert found.pulses == pytest.approx(pulses, rel=1e-6)
    wrong = verify.probability_wrong(algorithm, state, model, 1 / 2e4)
    assert 0 < wrong < 1
    if ratio == 0:  # cells stay on the side where they are, whatever the pulses
        assert wrong == pytest.approx(0.5, rel=1e-6)


def test_a_verify_window_of_each_level() -> None:
    """Quantiles are those stated, no cell is beyond the limits, between levels in proportion."""
    about = {"lower": -2.0, "q05": -1.5, "q25": -0.5, "q75": 1.0, "q95": 3.0, "upper": 4.0}
    window = tuple((1e-6 * about[q], 2e-6 * about[q]) for q in target.WINDOW)
    card = Target(0.0, 2e-4, (9e-6,), (5e-5, 1e-4), window)
    z = np.random.default_rng(2).standard_normal(200_000)
    for level, scale in ((5e-5, 1e-6), (7.5e-5, 1.5e-6), (1e-4, 2e-6), (2e-4, 2e-6)):
        off = (target.conductance(card, np.array([level]), z) - level) / scale
        assert [off.min(), off.max()] == pytest.approx([-2.0, 4.0])
        for q, p in target.WINDOW.items():
            if q not in ("lower", "upper"):
                assert np.mean(off < about[q]) == pytest.approx(p, abs=0.003), (level, q)
        mean, spread = target.moments(card, [level])
        assert mean[0] == pytest.approx(level + scale * off.mean(), abs=0.02 * scale)
        assert spread[0] == pytest.approx(scale * off.std(), rel=0.01)
    twice = target.conductance(card, np.array([5e-5]), z, 2.0)
    assert twice - 5e-5 == pytest.approx(2 * (target.conductance(card, np.array([5e-5]), z) - 5e-5))
    crossed = Target(0.0, 2e-4, (9e-6,), (5e-5,), ((-1e-6,), (-2e-6,), *((0.0,),) * 4))
    assert target.conductance(crossed, np.array([5e-5]), np.sort(z)).min() == pytest.approx(4.9e-5)
