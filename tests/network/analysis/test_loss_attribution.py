"""What each phenomenon costs: the combinations are the cards they stand for, and shares add up."""

import numpy as np
import pytest
import xarray as xr

import reliability as rel
from reliability.network.analysis.loss_attribution import MEASURES, attribution, chosen
from reliability.network.analysis.phenomena import PHENOMENA, phenomena_of, without

DECADE = rel.MissionProfile.constant("10 years", "105 degC")
SOME = ["device-to-device variability", "neurons", "retention"]


@pytest.fixture(scope="module")
def net():
    return rel.load_network("spirit")


@pytest.fixture(scope="module")
def tech():
    return rel.load_technology("oxram-130nm")


@pytest.fixture(scope="module")
def found(net, tech):
    return rel.attribute_loss(
        net, tech, phenomena=SOME, profile=DECADE, chips=4, images=150, seed=2
    )


def test_shares_add_up_to_the_loss(found) -> None:
    assert found["shapley"].sum().item() == pytest.approx(found["loss"].item(), abs=1e-14)
    whole = (found["accuracy_none"] - found["accuracy_all"]).item()
    assert found["loss"].item() == pytest.approx(whole, abs=1e-14)
    assert found["loss"].item() > 0.05


def test_combinations_are_the_cards_that_they_stand_for(net, tech, found) -> None:
    for number, member in enumerate(found["member"].values):
        gone = [name for name, here in zip(SOME, member, strict=True) if not here]
        card = without(tech, gone)
        direct = rel.evaluate(net, card, neuron=rel.Neuron.from_technology(card), profile=DECADE,
                              chips=4, images=150, seed=2)  # fmt: skip
        assert (found["accuracy"].values[number] == direct["accuracy"].values).all()
    ideal = rel.evaluate(net, None, images=150, seed=2)["accuracy"].item()
    assert found["accuracy_ideal"].item() == ideal


def test_one_at_a_time_and_all_but_one_are_differences_of_two(found) -> None:
    mean = found["accuracy"].mean("chip").values
    assert found["alone"].values == pytest.approx(mean[0] - mean[[1, 2, 4]])
    assert found["all_but_one"].values == pytest.approx(mean[[6, 5, 3]] - mean[7])


def test_intervals_are_of_chips_and_hold_the_mean(found) -> None:
    for name in (*MEASURES, "loss"):
        assert (found[f"{name}_low"] <= found[name]).all()
        assert (found[name] <= found[f"{name}_high"]).all()
    share = found["accuracy"].values
    loss = share[0] - share[-1]
    half = 3.182 * loss.std(ddof=1) / 2  # Student's t of four chips
    assert (found["loss_high"] - found["loss"]).item() == pytest.approx(half, rel=1e-3)


@pytest.mark.parametrize("name", rel.list_technologies())
def test_what_is_taken_out_is_gone_and_the_rest_is_as_it_was(name) -> None:
    card = rel.load_technology(name)
    for phenomenon in phenomena_of(card):
        less = without(card, [phenomenon])
        assert phenomena_of(less) == [p for p in phenomena_of(card) if p != phenomenon]
        changed = {key for key in card if key not in less or less[key] != card[key]}
        sections = {key.partition(".")[0] for key in changed}
        assert len(sections) == 1
        assert rel.Technology.from_json(less.to_json()) == less
    assert set(phenomena_of(card)) <= set(PHENOMENA)


def test_time_and_reads_decide_what_acts(tech) -> None:
    fresh = chosen(tech, None, None)
    assert fresh == ["wafer- and die-level variability", "device-to-device variability",
                     "cycle-to-cycle variability", "defects", "neurons"]  # fmt: skip
    read = rel.MissionProfile.constant("1 h", reads=10)
    assert chosen(tech, None, read)[5:] == ["relaxation", "retention", "read disturb"]
    assert chosen(tech, None, read, of_neurons=False, of_reads=True)[-1] == "read noise"


def test_coverage_of_shares_over_wafers() -> None:
    """Nominal 90 %: losses that differ between chips and wafers, and add."""
    rng = np.random.default_rng(3)
    wafer = np.repeat(np.arange(6), 5)
    own = np.array([0.01, 0.02])
    hits = np.zeros(2)
    for _ in range(100):
        cost = own + rng.normal(0, 0.004, (6, 2))[wafer] + rng.normal(0, 0.01, (30, 2))
        member = np.array([[0, 0], [1, 0], [0, 1], [1, 1]])
        table = xr.DataArray(
            0.9 - member @ cost.T, dims=("combination", "chip"), coords={"wafer": ("chip", wafer)}
        )
        result = attribution(table, ["a", "b"], 0.9)
        hits += (result["shapley_low"] <= own).values & (own <= result["shapley_high"]).values
    assert (np.abs(hits / 100 - 0.9) < 0.03 + 4 * np.sqrt(0.9 * 0.1 / 100)).all()


@pytest.mark.parametrize(
    ("phenomena", "says"),
    [
        (["relaxtion"], "unknown phenomenon 'relaxtion'; did you mean 'relaxation'"),
        (["drift"], "oxram-130nm does not have it"),
        (["neurons", "neurons"], "expected each once"),
        ([], "got 0 that act"),
    ],
)
def test_bad_phenomena_are_refused(net, tech, phenomena, says) -> None:
    with pytest.raises(rel.InputError, match=says):
        rel.attribute_loss(net, tech, phenomena=phenomena, chips=2, images=10)
