"""Differences on common random numbers, and the spread of accuracy without that of the images."""

import numpy as np
import pytest
import xarray as xr
from scipy import special

import reliability as rel


@pytest.fixture(scope="module")
def net():
    return rel.load_network("spirit")


@pytest.fixture(scope="module")
def tech():
    return rel.load_technology("oxram-130nm")


def made(rng, chips, images, wafers=1, sigmas=(0.0, 0.1, 1.0), shift=0.0):  # type: ignore[no-untyped-def]
    """A result of chips that are right where a normal score of chip and image is positive."""
    wafer = np.arange(chips) * wafers // chips
    of_chip = rng.normal(0, sigmas[0], wafers)[wafer] + rng.normal(0, sigmas[1], chips)
    score = 1.5 + shift + of_chip[:, None] + rng.normal(0, sigmas[2], images)
    right = score + rng.normal(size=(chips, images)) > 0
    return xr.Dataset(
        {"correct": (("chip", "image"), right), "accuracy": ("chip", right.mean(axis=1))},
        coords={"chip": np.arange(chips), "wafer": ("chip", wafer), "image": np.arange(images)},
        attrs={"seed": 0, "images": images},
    )


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
    assert (found["difference"].item(), found["low"].item(), found["high"].item()) == (0, 0, 0)


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
    a, b = (rel.evaluate(net, grid, images=100, seed=4, delta_s=d) for d in (10, 20))
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


def test_spread_is_that_of_chips_not_of_images() -> None:
    """Truth from endless images: the variance of a chip's accuracy and of an image's mean."""
    rng = np.random.default_rng(7)
    sigmas = (0.0, 0.15, 1.0)
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()

    def deviation(outer, inner):  # type: ignore[no-untyped-def]
        of_outer = special.ndtr((1.5 + outer * nodes) / np.sqrt(1 + inner**2))
        return np.sqrt(weights @ (of_outer - weights @ of_outer) ** 2)

    chip, image = deviation(sigmas[1], sigmas[2]), deviation(sigmas[2], sigmas[1])
    covered, inflated = np.zeros(2), []
    for _ in range(150):
        result = made(rng, 20, 200, sigmas=sigmas)
        found = rel.accuracy_spread(result, 0.9).set_index(source="source")
        low, high = found["low"], found["high"]
        covered += [
            low.sel(source=s) <= t <= high.sel(source=s)
            for s, t in (("chip", chip), ("images", image / np.sqrt(200)))
        ]
        inflated.append(result["accuracy"].std(ddof=1).item() / chip)
    assert np.mean(inflated) > 1.2  # the plain spread of chips has the images' error in it
    assert (np.abs(covered / 150 - 0.9) < 0.03 + 4 * np.sqrt(0.9 * 0.1 / 150)).all()


def test_wafers_and_dies_are_told_apart() -> None:
    result = made(np.random.default_rng(8), 240, 400, wafers=24, sigmas=(0.3, 0.1, 1.0))
    found = rel.accuracy_spread(result)
    assert found["source"].values.tolist() == ["wafer", "chip", "images", "images_of_chip"]
    wafer, chip = (found["deviation"].sel(source=s).item() for s in ("wafer", "chip"))
    assert 1.5 < wafer / chip < 6  # drawn: 3
    grid = xr.Dataset(
        {name: v.copy() for name, v in result.items()}, attrs=result.attrs
    ).drop_vars("wafer").coarsen(chip=10).construct(chip=("die", "chip"))  # fmt: skip
    grid = grid.assign_coords(die=np.arange(24), chip=np.arange(10))
    inner = rel.accuracy_spread(grid)
    assert inner["source"].values.tolist()[:2] == ["die", "chip"]
    assert inner["deviation"].sel(source="die").item() == pytest.approx(wafer, rel=0.01)


def test_yield_takes_out_what_images_add_to_a_chip_alone() -> None:
    """Images that are hard for all chips are no spread: their part must not be taken out."""
    result = made(np.random.default_rng(9), 400, 300, sigmas=(0, 0.1, 3.0))
    known = rel.accuracy_yield(result, 0.62)
    binomial = rel.accuracy_yield(result.drop_vars("correct"), 0.62)
    assert known.attrs["image_error"] < 0.7 * binomial.attrs["image_error"]
    fraction = [d["fraction"].sel(estimate="normal_images").item() for d in (known, binomial)]
    assert fraction[0] > fraction[1]  # the binomial error takes out too much


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


def test_a_spread_needs_chips_and_one_condition() -> None:
    result = made(np.random.default_rng(1), 6, 20)
    with pytest.raises(rel.InputError, match="got 2 chips"):
        rel.accuracy_spread(result.isel(chip=slice(2)))
    with pytest.raises(rel.InputError, match="select one of them"):
        rel.accuracy_spread(result.expand_dims(time=[1, 2]))
