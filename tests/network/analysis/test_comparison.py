"""Differences on common random numbers: what two results share cancels."""

import numpy as np
import pytest
from scipy import special

import reliability as rel
from tests.network.analysis.made_results import made


@pytest.fixture(scope="module")
def net():
    return rel.load_network("spirit")


@pytest.fixture(scope="module")
def tech():
    return rel.load_technology("oxram-130nm")


def test_a_thousandth_is_visible_with_eight_chips(net, tech) -> None:
    """Resistances of the HRS 3 % lower: an effect of about 0.1 %, far below the spread of chips."""
    worse = tech.with_values(
        {"programming.HRS.resistance": 0.97 * tech["programming.HRS.resistance"]}
    )
    before, after = (rel.evaluate(net, card, chips=8, seed=3) for card in (tech, worse))
    found = rel.compare_accuracy(before, after)
    assert -0.004 < found["difference"].item() < -0.0005
    assert found["high"].item() < 0  # visible
    assert found["error_unpaired"].item() > 2 * abs(
        found["difference"].item()
    )  # unpaired it is not
    paired = np.hypot(found["error_chips"].item(), found["error_images"].item())
    assert found["error_unpaired"].item() > 15 * paired
    mean = (after["accuracy"] - before["accuracy"]).mean().item()
    assert found["difference"].item() == pytest.approx(mean)


def test_a_result_does_not_differ_from_itself(net, tech) -> None:
    result = rel.evaluate(net, tech, chips=3, images=100, seed=3)
    found = rel.compare_accuracy(result, result)
    of_none = float(special.betaincinv(1, 100, 0.975))  # exact bound of the images that may differ
    ends = found["difference"].item(), found["low"].item(), found["high"].item()
    assert ends == pytest.approx((0, -of_none, of_none))


def test_ages_are_compared_one_by_one(net, tech) -> None:
    found = rel.evaluate_inferences(net, tech, [0, 1e10], read_voltages=[0.1, 0.3],
                                    chips=3, images=100, seed=3)  # fmt: skip
    loss = rel.compare_accuracy(found.sel(inferences=0), found.sel(inferences=1e10))
    assert loss["difference"].dims == ("read_voltage",)
    assert loss["high"].sel(read_voltage=0.3) < 0
    expected = found["accuracy"].diff("inferences").mean(("chip", "inferences"))
    assert loss["difference"].values == pytest.approx(expected.values)


def test_chips_on_wafers_and_dies_are_the_chips_of_a_list(net, tech) -> None:
    states = list(rel.map_weights(net))
    grid = rel.sample_population(tech, wafers=2, dies=3, cells=11_520, state=states, seed=4,
                                 dtype=np.float32)  # fmt: skip
    a, b = (rel.evaluate(net, grid, images=100, seed=4, coding=rel.RateCoding(d)) for d in (10, 20))
    by_die = rel.compare_accuracy(a, b)
    flat = [each.stack(site=("wafer", "die")).reset_index("site") for each in (a, b)]
    flat = [each.rename(site="chip").assign_coords(chip=np.arange(6)) for each in flat]
    as_list = rel.compare_accuracy(*flat)
    for name in ("difference", "low", "high", "error_chips", "error_unpaired"):
        assert by_die[name].item() == pytest.approx(as_list[name].item())


@pytest.mark.parametrize("wafers", [1, 6])
def test_intervals_of_differences_cover(wafers) -> None:
    """Nominal 90 %, of two conditions that share what chips and images are."""
    rng = np.random.default_rng(6)
    hits, of_wafers = 0, 0.01 * (wafers > 1)  # one wafer is no sample of wafers
    for _ in range(150):
        a = made(rng, 24, 100, wafers)
        b = a.copy()
        harm = 0.02 + rng.normal(0, of_wafers, wafers)[a["wafer"].values]
        harm = harm + rng.normal(0, 0.01, 24)
        lost = rng.random(a["correct"].shape) < harm[:, None] * rng.uniform(0, 2, 100)
        b["correct"] = a["correct"] & ~lost
        found = rel.compare_accuracy(a, b, 0.9)
        truth = -0.02 * special.ndtr(1.5 / np.sqrt(2 + 0.1**2))
        hits += bool(found["low"] <= truth <= found["high"])
    assert abs(hits / 150 - 0.9) < 0.03 + 4 * np.sqrt(0.9 * 0.1 / 150)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda r: r.assign_attrs(seed=1), "got seed 1, result has 0"),
        (lambda r: r.isel(chip=slice(5)), "got other chips than result"),
        (lambda r: r.assign_coords(chip=r["chip"] + 1), "got other chips than result"),
        (lambda r: r.isel(image=slice(5)), "got other images than result"),
        (lambda r: r.drop_vars("correct"), "other: expected 'correct'"),
        (lambda r: r.expand_dims(time=[1, 2]), "got the dimensions"),
    ],
)
def test_results_that_do_not_share_are_refused(change, says) -> None:
    result = made(np.random.default_rng(1), 6, 20)
    with pytest.raises(rel.InputError, match=says):
        rel.compare_accuracy(result, change(result))
