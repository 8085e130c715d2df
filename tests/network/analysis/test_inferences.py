"""Reads that inferences make: counted, conserved, monotone, and the same route as uniform reads."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import solve_ivp

import reliability as rel
from reliability.network.analysis import inferences
from reliability.network.analysis.inferences import (
    age_by_inferences,
    per_inference,
    reads_of_inferences,
    steps,
)

IMAGES = 40


@pytest.fixture(scope="module")
def net():
    return rel.load_network("spirit")


@pytest.fixture(scope="module")
def chips(net):
    return rel.sample_chips(rel.load_technology("oxram-130nm"), net, chips=2, seed=5)


@pytest.fixture(scope="module")
def lot(net):
    """Enough chips that their mean says more than the luck of one."""
    return rel.sample_chips(rel.load_technology("oxram-130nm"), net, chips=8, seed=5)


def after(net, chips, numbers, volt=0.3):  # type: ignore[no-untyped-def]
    return rel.evaluate_inferences(
        net, chips, numbers, read_voltages=[volt], images=IMAGES, seed=5
    ).isel(read_voltage=0)


def test_reads_are_input_events_times_the_cells_of_a_row(net, chips) -> None:
    result = rel.evaluate(net, chips, images=IMAGES, seed=5)
    each = per_inference(result)
    assert each.sum("cell").values == pytest.approx(result["spikes"].values * 80)
    rows = each.values.reshape(2, 144, 80)
    assert (rows == rows[..., :1]).all()  # a row is read as a whole
    # until the chip is disturbed, n inferences read n times as often
    first = after(net, chips, [1000], volt=0.05)
    assert first["reads_so_far"].isel(inferences=0).values == pytest.approx(each.values * 1000)


def test_uniform_reads_are_the_scalar_route_bit_for_bit(chips) -> None:
    def mission(n: float) -> rel.MissionProfile:
        return rel.MissionProfile.constant("1 h", reads=n, read_voltage=0.3)

    def one_read_each(aged):  # type: ignore[no-untyped-def]
        ones = np.full(aged["conductance"].shape, 7)
        return aged.assign(reads=(aged["conductance"].dims, ones)).assign_attrs(images=7)

    numbers = [3e7, 1e9]
    for n, found in zip(numbers, age_by_inferences(chips, numbers, mission, one_read_each),
                        strict=True):  # fmt: skip
        expected = rel.age(chips, mission(n))
        assert (found["conductance"].values == expected["conductance"].values).all()
        assert found.attrs["mission"] == expected.attrs["mission"]


def test_more_inferences_never_read_less_and_disturb_more(net, lot) -> None:
    found = after(net, lot, [0, 1e3, 1e8, 1e9])
    reads = found["reads_so_far"].values
    assert (np.diff(reads, axis=0) >= -1e-15 * reads[1:]).all()  # sums of several roundings
    assert (found["reads_so_far"].isel(inferences=0) == 0).all()
    mean = found["accuracy"].mean("chip").values
    assert mean[-1] < mean[0] - 0.05
    # disturbed chips need more events to decide, so they are read faster
    assert found["spikes"].mean("chip")[-1] > 1.2 * found["spikes"].mean("chip")[0]


def test_the_way_there_does_not_matter(net, chips) -> None:
    """Asked for in one go, on the way to more, or alone: the same cells."""
    at_once = after(net, chips, [2e8])
    on_the_way = after(net, chips, [1e6, 2e8, 7e8])
    for name in ("reads_so_far", "accuracy", "spikes"):
        assert (at_once[name].values[0] == on_the_way[name].values[1]).all()
    alone = after(net, chips.isel(chip=[1]), [2e8])
    assert (alone["reads_so_far"].values[0, 0] == at_once["reads_so_far"].values[0, 1]).all()


def test_rows_that_are_read_most_are_disturbed_first(net, lot) -> None:
    """Of HRS cells, which reads of positive voltage disturb."""
    found = after(net, lot, [3e6])
    reads = found["reads_so_far"].isel(inferences=0).mean("chip").values
    per_read = (reads / 3e6)[None].repeat(8, axis=0)
    aged = rel.age(
        lot.assign(reads=(("chip", "cell"), per_read)),
        rel.MissionProfile.constant(0, reads=3e6, read_voltage=0.3),
    )
    risen = np.log(aged["conductance"] / lot["conductance"]).values
    hrs = lot["state"].values == "HRS"
    often = reads > np.quantile(reads[reads > 0], 0.8)
    seldom = (reads > 0) & (reads < np.quantile(reads[reads > 0], 0.2))
    # sixty times the reads, of which the most disturbed cells have nothing left to lose
    assert risen[:, hrs & often].mean() > 5 * risen[:, hrs & seldom].mean() > 0
    assert (risen[:, hrs & (reads == 0)] == 0).all()
    sound = lot["defect"].values == 0  # a cell may be stuck in the other state
    assert (risen[:, ~hrs][sound[:, ~hrs]] == 0).all()


def test_counting_solves_its_equation(monkeypatch) -> None:
    """Against an adaptive Runge-Kutta of the same equation; with finer steps it converges."""

    def rate(reads):  # type: ignore[no-untyped-def]
        return 1 + reads / (reads + 1e7)

    truth = solve_ivp(lambda _, r: rate(r), (0, 1e9), [0.0], rtol=1e-10, t_eval=[1e5, 1e7, 1e9])
    errors = []
    for each in (2, 4, 8):
        monkeypatch.setattr(inferences, "_STEPS", each)
        found = np.ravel(reads_of_inferences(rate, [1e5, 1e7, 1e9], (1,)))
        errors.append(np.abs(found / truth.y[0] - 1).max())
    assert errors[0] < 0.03  # as its head says, 4 % at most
    assert errors[1] < errors[0] / 2.5  # second order: a quarter, nearly
    assert errors[2] < errors[1] / 2.5


@settings(max_examples=30)
@given(
    st.lists(st.floats(0, 1e12), min_size=1, max_size=5, unique=True).map(sorted),
    st.floats(0, 500),
)
def test_a_constant_rate_is_a_product(numbers, rate) -> None:
    found = reads_of_inferences(lambda reads: np.full(reads.shape, rate), numbers, (2,))
    expected = [[n * rate] * 2 for n in numbers]
    assert np.array(found) == pytest.approx(np.array(expected), rel=1e-12)


@pytest.mark.parametrize("largest", [0, 1, 1e3, 1e3 + 1, 2.5e7, 1e10])
def test_steps_are_what_is_evaluated(largest) -> None:
    calls = []
    reads_of_inferences(lambda reads: calls.append(1) or np.ones(reads.shape), [largest])
    assert len(calls) == steps(largest)


@pytest.mark.parametrize(
    ("numbers", "settings", "says"),
    [
        ([10, 1], {}, "expected rising numbers"),
        ([], {}, "expected rising numbers"),
        ([-1], {}, "inferences: got -1, allowed 0 to 1e"),
        ([1], {"read_voltages": [0.2, 0.1]}, "read_voltages: got .* expected rising"),
        ([1], {"read_voltages": ["2 kg"]}, "not in units of V"),
        ([1], {"profile": rel.MissionProfile.constant(0, reads=10)}, "have been read"),
    ],
)
def test_bad_input_is_refused(net, chips, numbers, settings, says) -> None:
    with pytest.raises(rel.InputError, match=says):
        rel.evaluate_inferences(net, chips, numbers, images=IMAGES, **settings)
