"""Failing macros: cells against sampled populations, words and macros against brute force."""

import warnings

import numpy as np
import pytest

import reliability as rel
from reliability.devices import programming
from reliability.devices.endurance import Endurance, probability_failed
from reliability.devices.programming import Programming
from reliability.devices.verify import Verify
from reliability.errors import InputError
from reliability.product import failure_of_weak_cells, macro_failures
from reliability.product.cell_errors import (
    Condition,
    cell_errors,
    class_probabilities,
    class_rates,
)

CARD = rel.load_technology("oxram-130nm")
NO_DEFECTS = {f"defects.{name}": 0.0 for name in ("stuck_lrs", "stuck_hrs", "unformed")}
ONE_DIE = {
    f"programming.{state}.{name}": 0.0
    for state in ("LRS", "HRS")
    for name in ("sigma_lot", "sigma_wafer", "sigma_die", "radial")
}
# Cells that vary little, so that words fail in parts per thousand.
NARROW = CARD.with_values(
    {
        "programming.LRS.sigma_cell": 0.05,
        "programming.LRS.sigma_cycle": 0.05,
        "programming.HRS.sigma_cell": 0.25,
        "programming.HRS.sigma_cycle": 0.25,
        "relaxation.HRS.sigma": 0.2,
        "retention.sigma_asymptotic": 0.3,
    }
    | NO_DEFECTS
)
REFERENCE = 4e-5


@pytest.mark.parametrize("state", ["LRS", "HRS"])
@pytest.mark.parametrize("verify", [None, Verify(10e3, 40e3, 5)])
def test_misread_cells_are_those_of_a_sampled_population(state, verify) -> None:
    """Retention, relaxation and read disturb at once, against counted cells of one die."""
    card = CARD.with_values(NO_DEFECTS | ONE_DIE)
    profile = rel.MissionProfile.constant("1000 h", "105 degC", reads=3e5)
    found = cell_errors(card, state, Condition(profile, REFERENCE, verify, noise=False))
    cells = rel.sample_population(card, cells=150_000, state=state, verify=verify, seed=5)
    g = rel.age(cells, profile)["conductance"].values
    counted = np.mean(g < REFERENCE if state == "LRS" else g > REFERENCE)
    error = np.sqrt(counted / g.size)
    assert found.at(0.0)[0] == pytest.approx(counted, abs=4 * error + 0.005 * counted + 2e-5)


@pytest.mark.slow
def test_the_wait_of_a_verify_goes_on_in_the_relaxation_after_it() -> None:
    card = CARD.with_values(NO_DEFECTS | ONE_DIE)
    verify, profile = Verify(10e3, 60e3, 5, wait="10 s"), rel.MissionProfile.constant("1 h")
    found = cell_errors(card, "HRS", Condition(profile, 1 / 50e3, verify, noise=False))
    cells = rel.sample_population(card, cells=150_000, state="HRS", verify=verify, seed=5)
    counted = np.mean(rel.age(cells, profile)["conductance"].values > 1 / 50e3)
    assert found.at(0.0)[0] == pytest.approx(counted, rel=4 / np.sqrt(counted * 150_000))


def test_reads_with_noise_misread_as_many_cells_as_read_cells_gives() -> None:
    card = CARD.with_values(NO_DEFECTS | ONE_DIE)
    for state in ("LRS", "HRS"):
        found = cell_errors(card, state, Condition(rel.MissionProfile([]), 6e-5))
        each = class_probabilities(found.at(0.0)) @ class_rates(found.levels)
        cells = rel.sample_population(card, cells=300_000, state=state, seed=2)
        g = rel.read_cells(cells)["conductance"].values
        counted = np.mean(g < 6e-5 if state == "LRS" else g > 6e-5)
        assert each == pytest.approx(counted, rel=4 / np.sqrt(counted * 3e5) + 0.01)


def test_rates_of_fresh_cells_are_those_of_the_programmed_distribution() -> None:
    card = NARROW.with_values(ONE_DIE)
    model = Programming.from_technology(card, "HRS")
    for reference in (1.2e-5, 2e-5, 2.5e-5, 3e-5):
        condition = Condition(rel.MissionProfile([]), reference, noise=False)
        above = 1 - programming.probability_below(model, [reference])[0]
        found = cell_errors(card, "HRS", condition).at(0.0)[0]
        assert found == pytest.approx(above, rel=0.03, abs=1e-9)


def test_weak_cells_are_bounded_from_above_by_no_more_than_they_fail() -> None:
    """Words of cells that err again and again, simulated read by read."""
    random = np.random.default_rng(8)
    probability, rate = np.array([0.02, 0.01, 0.004]), np.array([0.01, 0.2, 1.0])
    bits, reads, words = 22, 30, 60_000
    u = random.random((words, bits))
    kind = np.searchsorted(np.cumsum(probability), u, side="right")
    each = np.append(rate, 0.0)[kind]
    failed = np.zeros(words, bool)
    for k in range(reads):
        failed |= (random.random((words, bits)) < each).sum(axis=1) > 1
        if k == 0:
            once = failed.mean()
    one = failure_of_weak_cells(probability, rate, 1, bits=bits, corrects=1)
    assert one == pytest.approx(once, rel=4 / np.sqrt(once * words))
    bound = failure_of_weak_cells(probability, rate, reads, bits=bits, corrects=1)
    counted, error = failed.mean(), 3 * np.sqrt(failed.mean() / words)
    assert counted - error < bound < 1.1 * counted + error


def _failing(card, profile, bits, wafers, dies, seed, chips=None, **options):
    """Counted macros with a word that has two wrong cells of 39, noise apart."""
    words = bits // 32
    state = np.random.default_rng(3).choice(["LRS", "HRS"], words * 39)
    cells = rel.sample_population(
        card, wafers=wafers, dies=dies, chips=chips, cells=words * 39, state=state, seed=seed,
        dtype=np.float32, **options,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        g = rel.age(cells, profile)["conductance"].values
    wrong = np.where(state == "LRS", g < REFERENCE, g > REFERENCE)
    return (wrong.reshape(*g.shape[:-1], words, 39).sum(axis=-1) > 1).any(axis=-1)


def test_macros_fail_as_often_as_sampled_ones() -> None:
    """The dies of the population themselves: their expected and their counted failures."""
    profile = rel.MissionProfile.constant("1 year", "85 degC")
    counted = _failing(NARROW, profile, 512, 1, 100, seed=4, chips=20).mean(axis=-1).ravel()
    found = macro_failures(
        NARROW, profile, bits=512, code=(39, 32, 1), chips=100, lots=1, draws=0, noise=False,
        reference=REFERENCE, seed=4, attribution=False,
    )  # fmt: skip
    expected = found["chip_failure_probability"].values
    assert 0.001 < expected.mean() < 0.3
    error = np.sqrt((expected * (1 - expected)).sum() / 20) / 100
    assert counted.mean() == pytest.approx(expected.mean(), abs=4 * error)
    worse = expected > np.median(expected)  # and on which dies
    apart = expected[worse].mean() - expected[~worse].mean()
    assert counted[worse].mean() - counted[~worse].mean() == pytest.approx(apart, abs=8 * error)
    assert apart > 3 * error


@pytest.mark.slow
def test_one_macro_in_ten_thousand_against_brute_force() -> None:
    profile = rel.MissionProfile.constant("1 h")
    card = NARROW.with_values(
        {
            "relaxation.HRS.sigma": 0.05,
            "relaxation.HRS.shift": 0.0,
            "programming.HRS.sigma_cell": 0.44,
        }
    )
    found = macro_failures(
        card, profile, bits=128, code=(39, 32, 1), chips=241, lots=1, draws=0, noise=False,
        reference=REFERENCE, seed=6, attribution=False,
    )  # fmt: skip
    expected = found["chip_failure_probability"].values.mean()
    assert 3e-5 < expected < 1e-3
    counted = _failing(card, profile, 128, 1, 241, seed=6, chips=1500).mean()
    assert counted == pytest.approx(expected, rel=4 / np.sqrt(expected * 241 * 1500) + 0.02)


def test_wear_closes_the_window_and_leaves_failed_cells() -> None:
    profile = rel.MissionProfile.constant("1 day")
    options = {"draws": 0, "chips": 10, "lots": 2, "noise": False, "reference": REFERENCE}
    ends = [
        macro_failures(NARROW, profile, bits=2**16, cycles=n, attribution=n == 1e6, **options)
        for n in (0, 1e4, 1e6)
    ]
    rates = [float(found["permanent_error_rate"]) for found in ends]
    assert rates[0] < rates[1] < rates[2]
    hard = probability_failed(Endurance.from_technology(NARROW), 1e6)
    assert rates[2] > hard / 4
    assert "wear" in ends[2]["phenomenon"].values
    gone = ends[2]["word_failure_without"].sel(phenomenon="wear")
    assert float(gone) == pytest.approx(float(ends[0]["word_failure"]), rel=1e-6)


def test_the_interval_holds_lots_and_parameters() -> None:
    profile = rel.MissionProfile.constant("1 day")
    found = macro_failures(
        NARROW, profile, bits=2**14, chips=5, lots=4, draws=2, reference=REFERENCE,
        attribution=False, seed=1,
    )  # fmt: skip
    value = float(found["failing_ppm"])
    assert float(found["low"]) <= value <= float(found["high"])
    assert float(found["high"]) >= float(found["lot_high"]) / 2
    assert found.attrs["words"] == 256
    uber = float(found["word_failure_per_read"]) / 64
    assert float(found["uber"]) == pytest.approx(uber)


def test_the_interval_of_lots_has_its_confidence() -> None:
    """Central half and central nine tenths of the same lots."""
    profile = rel.MissionProfile.constant("1 day")
    half, most = (
        macro_failures(NARROW, profile, bits=2**14, chips=1, lots=8, draws=0, confidence=c,
                       reference=REFERENCE, attribution=False, seed=1)
        for c in (0.5, 0.9)
    )  # fmt: skip
    ends = [float(each[f"lot_{end}"]) for each in (most, half) for end in ("low", "high")]
    assert ends[0] < ends[2] < ends[3] < ends[1]


def test_spare_words_repair_what_the_test_before_shipment_finds() -> None:
    card = NARROW.with_values({"defects.stuck_lrs": 2e-3})
    options = {"bits": 2**15, "chips": 5, "lots": 2, "draws": 0, "reference": REFERENCE,
               "noise": False, "attribution": False}  # fmt: skip
    for profile in (rel.MissionProfile([]), rel.MissionProfile.constant("1 day")):
        bare = macro_failures(card, profile, **options)
        repaired = macro_failures(card, profile, spare_words=16, **options)
        assert float(bare["rejected"]) == 0.0
        assert float(repaired["rejected"]) < 0.05
        assert float(repaired["failing_ppm"]) < float(bare["failing_ppm"])
        if not profile.segments:  # nothing fails between the test and the mission
            assert float(repaired["failing_ppm"]) < 1e-3 < float(bare["failing_ppm"])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"code": (72, 64, 2)}, "8 check bits can't correct 2 of 72 bits"),
        ({"code": (72, 60, 1)}, "60 data bits, which do not divide a macro of 1048576 bits"),
        ({"code": (72, 64)}, r"expected a Code or \(bits, data_bits, corrects\)"),
        ({"bits": 32}, "64 data bits, which do not divide a macro of 32 bits"),
        ({"chips": 0}, "chips: got 0"),
        ({"cycles": -1}, "cycles: got"),
        ({"confidence": 1.0}, "confidence: got 1.0"),
        ({"attribution": "no"}, "attribution: got 'no', expected True or False"),
        ({"code": (72, 64.5, 1)}, "data_bits: got 64.5, expected an integer"),
    ],
)
def test_macros_that_cannot_be_are_refused(options, message) -> None:
    with pytest.raises(InputError, match=message):
        macro_failures(CARD, rel.MissionProfile.constant("1 day"), **options)


def test_cards_of_levels_are_refused() -> None:
    with pytest.raises(InputError, match="has levels, expected LRS and HRS"):
        macro_failures(rel.load_technology("pcm-mushroom"), rel.MissionProfile([]))
