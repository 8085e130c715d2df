"""Conditioning of cards: against exact posteriors, coverage, contradictions, bad input."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from scipy.stats import beta, binom, norm, qmc

import reliability as rel
from reliability.cli import main
from reliability.conditioning import posterior, predictive
from reliability.conditioning.adaptive_sampling import sample_posterior
from reliability.conditioning.conditioned_card import at_scores
from reliability.conditioning.predictions import predict
from reliability.technology import Correlation, list_technologies, observations_of

S = {"source": "a test"}
ERRORS = {"kind": "write_errors", "state": "HRS", "cells": 262144, "wrong": 530, "passes": 1,
          "reference": "110 uS", **S}  # fmt: skip
MEDIAN = {"kind": "median", "state": "HRS", "resistance": "60 kohm", "error": 0.2, **S}
WINDOW = {"kind": "window", "decades": 1.2, "error": 0.5, **S}
FREE = ("programming.HRS.resistance", "programming.HRS.sigma_cell", "defects.stuck_lrs")


@pytest.fixture
def smaller(monkeypatch) -> None:
    """Fewer draws than a card for use is made with."""
    for name, value in {"_FIRST": 400, "_SIZE": 200, "_EFFECTIVE": 250.0,
                        "_CHECKED": 60, "_FIRST_SIMULATED": 100, "_SIZE_SIMULATED": 60,
                        "_EFFECTIVE_SIMULATED": 60.0}.items():  # fmt: skip
        monkeypatch.setattr(f"reliability.conditioning.conditioned_card.{name}", value)


@pytest.fixture(autouse=True)
def fewer(request) -> None:
    """Fewer draws in all tests that are not slow."""
    if not request.node.get_closest_marker("slow"):
        request.getfixturevalue("smaller")


@pytest.fixture(scope="module")
def card():
    """One with three uncertain parameters, and without differences between lots."""
    tech = rel.load_technology("oxram-130nm")
    fixed = {key: value for key, value in tech.items() if key not in FREE}
    still = {key: 0.0 for key in fixed if key.endswith(("_lot", "_wafer", "_die"))}
    return tech.with_values(fixed | still)


@pytest.fixture(scope="module")
def plain(card):
    """The same one with normal ln R, which is conditioned five times faster."""
    bent = ("slope_", "smallest_probability", "tail_scale", "skew", "tail")
    kept = {k: p for k, p in card.parameters.items() if not k.rpartition(".")[2].startswith(bent)}
    return replace(card, parameters=kept)


def test_sampling_finds_a_normal_posterior() -> None:
    """Five dimensions, two sharp observations of sums: the posterior of a Kalman update."""
    h = np.array([[1.0, 2.0, 0.0, 0.0, 1.0], [0.0, 1.0, -1.0, 0.5, 0.0]])
    y, error = np.array([4.0, -2.0]), 0.05
    gain = h.T @ np.linalg.inv(h @ h.T + error**2 * np.eye(2))
    found = sample_posterior(
        lambda x: -(((x @ h.T - y) / error) ** 2).sum(axis=1) / 2, 5, np.random.default_rng(3)
    )
    np.testing.assert_allclose(found.mean, gain @ y, atol=0.1)
    np.testing.assert_allclose(found.covariance, np.eye(5) - gain @ h, atol=0.1)
    assert found.effective > 400
    assert found.normal_form > 0.5
    assert found.r_hat < 1.05


def test_sampling_takes_in_what_the_directions_miss() -> None:
    """Only the first of four values is said to be informed; the likelihood informs another one."""
    y = np.array([2.0, -1.5])
    found = sample_posterior(
        lambda x: -(((x[:, [0, 2]] - y) / 0.5) ** 2).sum(axis=1) / 2, 4,
        np.random.default_rng(3), directions=np.eye(4)[:, :1],
    )  # fmt: skip
    np.testing.assert_allclose(found.mean, [1.6, 0, -1.2, 0], atol=0.06)
    np.testing.assert_allclose(np.diag(found.covariance), [0.2, 1, 0.2, 1], atol=0.06)


def test_sampling_says_where_a_normal_form_is_wrong() -> None:
    """A ring has no normal form, but draws."""
    found = sample_posterior(
        lambda x: -(((np.hypot(*x.T) - 3) / 0.02) ** 2) / 2, 2, np.random.default_rng(3)
    )
    assert found.normal_form < 0.1
    np.testing.assert_allclose(np.hypot(*found.sample.T), 3, atol=0.1)


def test_a_card_keeps_draws_where_a_normal_form_is_wrong(card) -> None:
    """Two thirds of the fraction of errors may be stuck cells or a wide distribution of the HRS."""
    errors = ERRORS | {"wrong": 180, "transfer": 1.05}
    found = posterior(card, [errors], seed=1)
    group = found.technology.correlation["observations"]
    assert found.samplings[0].normal_form < 0.5
    assert len(group.draws) == 300
    (o,) = observations_of([errors])
    each = [predict(found.technology.drawn(3, k), o).location for k in range(40)]
    normal = replace(
        found.technology,
        correlation={"normal": group.model_copy(update={"draws": ()})},
    )
    wide = [predict(normal.drawn(3, k), o).location for k in range(40)]
    assert np.log(each).std() < 0.2  # 1/sqrt(180) and the transfer: 0.09
    assert np.log(wide).std() > 2 * np.log(each).std()


def test_a_median_updates_as_a_conjugate_normal_does(card) -> None:
    found = rel.condition(card, [MEDIAN], seed=1).parameters["programming.HRS.resistance"]
    sigma = card.parameters["programming.HRS.resistance"].sigma
    precision = 1 / sigma**2 + 1 / 0.2**2
    mean = (math.log(88e3) / sigma**2 + math.log(60e3) / 0.2**2) / precision
    assert math.log(found.value) == pytest.approx(mean, abs=0.03)
    assert found.sigma == pytest.approx(precision**-0.5, rel=0.08)
    assert found.confidence == "fitted"
    assert "conditioned on median" in found.note


@pytest.mark.slow
def test_transfer_widens_the_posterior(card) -> None:
    key = "programming.HRS.resistance"
    same, other = (
        rel.condition(card, [MEDIAN | {"transfer": t}], seed=1).parameters[key].sigma
        for t in (1.0, 2.0)
    )
    assert other > 1.5 * same


@pytest.mark.slow
def test_errors_narrow_what_they_depend_on(card) -> None:
    found = posterior(card, [ERRORS | {"transfer": 1.2}], seed=1)
    (check,) = found.checks
    assert check.posterior > 0.05
    assert check.predicted[0] < 530 / 262144 < check.predicted[2]
    assert max(check.narrowed, key=check.narrowed.get) == "programming.HRS.resistance"
    group = found.technology.correlation["observations"]
    pair = [group.parameters.index(key) for key in FREE[:2]]
    assert group.matrix[pair[0]][pair[1]] > 0.3  # a larger median allows a larger spread
    used = [o.used for o in found.technology.observations]
    assert used == [False] * len(card.observations) + [True]  # those of the card were not asked for


def test_a_uniform_value_becomes_a_bounded_one(card) -> None:
    """Against the beta posterior of a fraction, which its prior of 0 to 1e-3 hardly cuts."""
    stuck = {"kind": "stuck_cells", "state": "LRS", "cells": 40_000, "wrong": 12, **S}
    found = rel.condition(card, [stuck], seed=1).parameters["defects.stuck_lrs"]
    assert found.distribution == "bounded"
    assert found.interval == (0.0, 1e-3)
    exact = beta(13, 39_989)
    for z in (-1.645, 0.0, 1.645):
        assert found.at(z) == pytest.approx(exact.ppf(norm.cdf(z)), rel=0.08)


def test_equal_seeds_give_equal_cards(card) -> None:
    first, again, other = (rel.condition(card, [MEDIAN], seed=s) for s in (1, 1, 2))
    assert first == again
    assert first != other


@pytest.mark.slow
def test_two_steps_are_as_good_as_one(card) -> None:
    """The second step starts from the correlated posterior of the first."""
    errors = {"kind": "quantile", "state": "HRS", "probability": 0.01, "resistance": "6 kohm",
              "error": 0.1, **S}  # fmt: skip
    once = rel.condition(card, [errors, MEDIAN], seed=1)
    twice = rel.condition(rel.condition(card, [errors], seed=1), [MEDIAN], seed=2)
    for key in FREE[:2]:
        a, b = once.parameters[key], twice.parameters[key]
        assert b.value == pytest.approx(a.value, rel=0.06)
        assert b.sigma == pytest.approx(a.sigma, rel=0.2)
    assert len(twice.observations) == len(card.observations) + 2


def test_a_card_brings_its_own_observations(card, tmp_path) -> None:
    cited = replace(card, observations=observations_of([MEDIAN]))
    path = rel.write_technology(cited, tmp_path / "cited.toml")
    again = rel.load_technology(path)
    assert again == cited
    narrow = rel.condition(again, seed=1)
    assert narrow.observations[0].used
    with pytest.raises(rel.InputError, match="observations: got none"):
        rel.condition(narrow)
    written = rel.load_technology(rel.write_technology(narrow, tmp_path / "narrow.toml"))
    assert written.parameters == narrow.parameters
    assert rel.Technology.from_json(narrow.to_json()) == narrow


@pytest.mark.slow
def test_a_group_of_the_prior_is_kept(card) -> None:
    block = Correlation(parameters=FREE[:2], matrix=((1.0, 0.9), (0.9, 1.0)))
    joint = replace(card, correlation={"fit": block})
    found = rel.condition(joint, [MEDIAN | {"resistance": "150 kohm", "error": 0.05}], seed=1)
    # the spread, which the median does not depend on, moves with the median
    assert found["programming.HRS.sigma_cell"] > 1.1
    assert list(found.correlation) == ["observations"]


@pytest.mark.slow
def test_simulated_observations_come_after_closed_forms(card) -> None:
    hour = MEDIAN | {"time": "1 h", "temperature": "25 degC", "resistance": "70 kohm"}
    found = posterior(card, [hour, ERRORS | {"transfer": 1.5}], seed=1)
    assert len(found.samplings) == 2
    assert [c.observation.kind for c in found.checks] == ["median", "write_errors"]
    assert 45e3 < found.technology["programming.HRS.resistance"] < 110e3


# --- contradictions and bad input


def test_an_observation_that_the_card_cannot_make_is_refused(card) -> None:
    far = MEDIAN | {"resistance": "1 Mohm", "error": 0.05}
    with pytest.raises(rel.InputError, match=r"contradicts the card.*transfer = ") as refused:
        rel.condition(card, [far], seed=1)
    needed = float(str(refused.value).split("transfer = ")[1].split()[0])
    assert rel.condition(card, [far | {"transfer": needed}], seed=1)


def test_a_card_that_cannot_be_conditioned_says_why() -> None:
    with pytest.raises(rel.InputError, match=r"got none, expected one or more$"):
        rel.condition(rel.load_technology("oxram-300mm"), [], seed=1)
    claim = {"kind": "qualification", "failed_fraction": 1e-4, "state": "LRS", **S}
    for of_states in (ERRORS, claim | {"time": 1e8, "temperature": 358.0}):
        with pytest.raises(rel.InputError, match=r"observation 1 .*: techB has levels, not LRS"):
            rel.condition(rel.load_technology("techB"), [of_states], seed=1)


def test_cards_of_levels_are_conditioned_on_what_has_no_state() -> None:
    claim = {"kind": "qualification", "failed_fraction": 1e-4, "cycles": 1e8, **S}
    card = rel.load_technology("pcm-mushroom")
    found = rel.condition(card, [claim], seed=1)
    assert found["endurance.scale"] > 1.5 * card["endurance.scale"]


def test_observations_that_contradict_each_other_are_named(card) -> None:
    pair = [MEDIAN | {"resistance": f"{r} kohm", "error": 0.05} for r in (50, 150)]
    with pytest.raises(rel.InputError, match="contradict each other") as no:
        rel.condition(card, [*pair, WINDOW], seed=1)
    assert str(no.value).count("median") == 2
    needed = float(str(no.value).split("transfer = ")[1].split()[0])
    assert rel.condition(card, [each | {"transfer": needed} for each in pair], seed=1)


def test_counts_that_no_card_can_make_together_are_named(plain) -> None:
    """Each is possible, both have nearly no likelihood anywhere."""
    pair = [ERRORS | {"wrong": wrong} for wrong in (200, 20_000)]
    with pytest.raises(rel.InputError, match="contradict each other") as no:
        rel.condition(plain, pair, seed=1)
    assert "200 of 262144" in str(no.value)
    assert "20000 of 262144" in str(no.value)
    needed = float(str(no.value).split("transfer = ")[1].split()[0])
    assert rel.condition(plain, [each | {"transfer": needed} for each in pair], seed=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "write_eror"}, "unknown kind 'write_eror'; did you mean 'write_errors'"),
        ({"wrong": 262145}, r"wrong: got 262145, allowed 0 to 262144 \(cells\)"),
        ({"wrong": 1.5}, "wrong: got 1.5, expected an integer"),
        ({"cells": 0}, "cells: got 0, allowed 1 or more"),
        ({"source": ""}, "source: missing"),
        ({"state": "SET"}, "unknown state 'SET'"),
        ({"transfer": 0.5}, "transfer: got 0.5, allowed 1 to 1000"),
        ({"pases": 1}, "unknown key 'pases'; did you mean 'passes'"),
        ({"reference": "3 V"}, "reference: got '3 V', which is not in units of S"),
        ({"kind": "no_failure", "wrong": None}, "unknown key 'wrong'"),
        (
            {"fraction": 0.1},
            "cells: got 262144 beside fraction, expected cells and wrong, or fra",
        ),
        ({"fracton": 0.1}, "unknown key 'fracton'; did you mean 'fraction'"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(card, change, message) -> None:
    with pytest.raises(rel.InputError, match=message) as refused:
        rel.condition(card, [ERRORS | change])
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"time": "1 h", "temperature": "400 degC"}, "temperature"),
        ({"reads": 1e6, "read_voltage": "1.5 V"}, "voltage"),
        ({"cycles": 1e5, "temperature": "300 degC"}, "temperature"),
        ({"cycles": 1e9}, r"cycles: got 1e\+09 cycles, allowed 0 to 1e\+06 cycles"),
    ],
)
def test_conditions_outside_a_models_range_are_refused(values, message) -> None:
    o = {"kind": "no_failure", "cells": 100, "state": "LRS", **values, **S}
    with pytest.raises(rel.InputError, match=message):
        rel.condition(rel.load_technology("oxram-130nm"), [o])


def test_other_arguments_that_cannot_be(card) -> None:
    for wrong in ("file.toml", {"kind": "median"}, 3):
        with pytest.raises(rel.InputError, match="list of observations"):
            rel.condition(card, wrong)
    with pytest.raises(rel.InputError, match="expected a Technology"):
        rel.condition("oxram-130nm", [MEDIAN])
    with pytest.raises(rel.InputError, match="no uncertain parameter"):
        rel.condition(card, [MEDIAN | {"state": "LRS", "resistance": 5500}])
    with pytest.raises(rel.InputError, match="pcm-mushroom"):
        rel.condition(rel.load_technology("pcm-mushroom"), [MEDIAN])


# --- the command


def test_the_command_writes_a_card(card, tmp_path) -> None:
    prior, seen = tmp_path / "prior.toml", tmp_path / "seen.toml"
    rel.write_technology(card, prior)
    seen.write_text(
        '[sources]\nlot7 = "our lot 7"\n[[observation]]\nkind = "median"\nstate = "HRS"\n'
        'resistance = "60 kohm"\nerror = 0.2\nsource = "lot7"\n'
    )
    out = tmp_path / "mine.toml"
    run = CliRunner().invoke(main, ["condition", str(prior), str(seen), "--out", str(out)])
    assert run.exit_code == 0, run.output
    assert "programming.HRS.resistance" in run.output
    mine = rel.load_technology(out)
    assert mine.name == "mine"
    assert mine.observations[-1].source == "our lot 7"
    run = CliRunner().invoke(
        main, ["condition", str(prior), str(seen), "--out", str(out), "--json"]
    )
    answer = json.loads(run.output)
    assert answer["observations"][0]["posterior_predictive_probability"] > 0.05
    assert answer["sampling"][0]["effective_sample_size"] > 300
    seen.write_text('[[observations]]\nkind = "median"\n')
    run = CliRunner().invoke(main, ["condition", str(prior), str(seen), "--out", str(out)])
    assert run.exit_code == 2
    assert "unknown key 'observations'; did you mean 'observation'" in run.output


# --- coverage


def coverage(card, kinds, truths, seed) -> dict[str, float]:
    """Fraction of truths drawn from the prior that the 90 % intervals of the posterior hold.

    Truths and observations are those of a scrambled Halton sequence, which fill their space more
    evenly than independent draws. The accuracy of a chip lies between the least and the largest of
    19 draws in 90 % of cases.
    """
    kinds = observations_of(kinds)
    drawn = qmc.Halton(len(FREE) + 2 * len(kinds), seed=seed).random(truths)
    z90, hits = 1.6449, dict.fromkeys((*FREE, "accuracy"), 0.0)
    for k, u in enumerate(drawn):
        truth = at_scores(card, FREE, norm.ppf(u[: len(FREE)]))
        pairs = u[len(FREE) :].reshape(-1, 2)
        seen = [simulated(truth, o, *pair) for o, pair in zip(kinds, pairs, strict=True)]
        found = rel.condition(card, seen, seed=k)
        for key in FREE:
            ends = [found.parameters[key].at(side * z90) for side in (-1, 1)]
            hits[key] += ends[0] <= truth[key] <= ends[1]
        others = [accuracy(found.drawn(k, j)) for j in range(1, 20)]
        own = accuracy(truth)  # a count of images: half of what lies on an end is inside
        hits["accuracy"] += (min(others) <= own <= max(others)) / 2
        hits["accuracy"] += (min(others) < own < max(others)) / 2
    return {key: count / truths for key, count in hits.items()}


def accuracy(card) -> float:
    """Mean accuracy of a few chips, the same ones of every card but for its parameters."""
    found = rel.evaluate("spirit", card, coding="weighted_sum", chips=2, images=200, seed=3)
    return float(found["accuracy"].mean())


def simulated(truth, o, lot, cells):
    """What is observed of a technology whose parameters are known, at two uniform numbers."""
    at = predict(truth, o).location
    if o.kind == "median":
        r = math.exp(at + o["error"] * norm.ppf(lot))
        return o.model_copy(update={"values": o.values | {"resistance": r}})
    of_lot = at * math.exp(math.log(o.transfer) * norm.ppf(lot))
    wrong = int(binom.ppf(cells, o["cells"], min(of_lot, 1.0)))
    return o.model_copy(update={"values": o.values | {"wrong": wrong}})


SEEN = [ERRORS | {"cells": 20_000, "wrong": 0, "transfer": 1.3}, MEDIAN]


@pytest.mark.slow
def test_intervals_hold_the_truth_in_a_few_cases(plain) -> None:
    found = coverage(plain, SEEN[1:], 4, seed=5)
    assert min(found.values()) >= 2 / 4  # P < 0.4 % each at 90 %


@pytest.mark.slow
def test_intervals_hold_the_truth_as_often_as_they_say(plain, smaller) -> None:
    """200 truths; standard error 1.2 %, 2.1 % if they were independent."""
    found = coverage(plain, SEEN, 200, seed=6)
    assert all(0.87 <= fraction <= 0.93 for fraction in found.values()), found


# --- the shipped cards


LEAST = 0.01  # predictive probability of an observation that a shipped card cites


def contradicted(card) -> dict[str, float]:
    """Observations that a card cites and can hardly make, with their predictive probability."""
    found = predictive(card, card.observations, draws=40)
    labels = [o.label for o in card.observations]
    return {label: p for label, p in zip(labels, found.tolist(), strict=True) if p < LEAST}


@pytest.mark.parametrize("name", list_technologies())
def test_no_shipped_card_contradicts_what_it_cites(name) -> None:
    card = rel.load_technology(name)
    assert not (contradicted(card) if card.observations else {})


def test_a_card_that_contradicts_what_it_cites_is_found() -> None:
    card = rel.load_technology("oxram-300mm")
    worn = card.with_values({"defects.stuck_lrs": 0.01, "defects.stuck_hrs": 0.01})
    assert "stuck_cells: 0 of 16384" in contradicted(worn)


@pytest.mark.parametrize("name", [n for n in list_technologies() if n.endswith("-conditioned")])
def test_a_conditioned_card_is_that_of_its_prior(name) -> None:
    """All observations of the prior are in its values, and only what they bear on has changed."""
    card = rel.load_technology(name)
    prior = rel.load_technology(name.removesuffix("-conditioned"))
    assert all(o.used for o in card.observations)
    assert [replace_used(o) for o in card.observations] == [
        replace_used(o) for o in prior.observations
    ]
    changed = {key for key, p in card.parameters.items() if p != prior.parameters[key]}
    assert 0 < len(changed) < 50
    assert changed >= set(card.correlation["observations"].parameters)


def replace_used(o):
    return o.model_copy(update={"used": True})


def test_a_card_whose_observations_are_all_used_says_so() -> None:
    with pytest.raises(rel.InputError, match=r"got none.*the 3 of cbram-conditioned are in its"):
        rel.condition(rel.load_technology("cbram-conditioned"))
