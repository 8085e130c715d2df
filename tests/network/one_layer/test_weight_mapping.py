"""Weights on cells: what is programmed, and what it reads as."""

import numpy as np
import pytest

import reliability as rel
from reliability.devices import programming
from reliability.devices.target import Target, moments
from reliability.network.one_layer.weight_mapping import map_weights, read_weights, unit_conductance


def test_mapping_counts_low_resistance_cells() -> None:
    net = rel.load_network("spirit")
    states = map_weights(net).reshape(144, 10, 2, 4)
    low = (states == "LRS").sum(axis=-1)
    assert (low[..., 0] - low[..., 1] == net.weights).all()
    assert ((low == 0).any(axis=-1)).all()  # never both sides


def test_perfect_cells_read_as_the_integers() -> None:
    """No spread, no defects: what is read is the weight itself."""
    tech = rel.load_technology("oxram-130nm")
    nothing = {
        name: 0.0
        for name in tech
        if ".sigma" in name or name.endswith(("radial", "unformed", "stuck_lrs", "stuck_hrs"))
    }
    net = rel.load_network("spirit")
    perfect = tech.with_values(nothing)
    chips = rel.sample_chips(perfect, net, chips=2, seed=1)
    assert read_weights(chips, net, perfect) == pytest.approx(
        np.broadcast_to(net.weights, (2, 144, 10)), abs=2e-6
    )


def test_mean_weight_is_the_integer_and_its_spread_follows_from_the_cells() -> None:
    """Mean and variance of read weights against the sum over independent cells."""
    tech = rel.load_technology("oxram-130nm").with_values(
        {"defects.stuck_lrs": 0.0, "defects.stuck_hrs": 0.0, "defects.unformed": 0.0}
        | {f"programming.{s}.{k}": 0.0 for s in ("LRS", "HRS")
           for k in ("sigma_lot", "sigma_wafer", "sigma_die", "radial")}
    )  # fmt: skip
    net = rel.Network("four", np.full((400, 10), 4), weight_max=4)
    chips = rel.sample_chips(tech, net, chips=4, seed=3)
    w = read_weights(chips, net, tech).ravel()
    p = (np.arange(4000) + 0.5) / 4000
    variance = 0.0
    for state in ("LRS", "HRS"):
        law = programming.Programming.from_technology(tech, state)
        g = programming.quantile(law, p)
        variance += 4 * np.var(g / (1 + g * tech["access.series_resistance"]))
    sigma = np.sqrt(variance) / unit_conductance(tech, net)
    assert abs(w.mean() - 4) < 4 * sigma / np.sqrt(w.size) + 0.01
    # the sample variance of a skewed sum: kurtosis of the log-normal part allowed for
    assert w.std() == pytest.approx(sigma, rel=0.05)


def test_all_cells_stuck_high_leaves_no_weight() -> None:
    tech = rel.load_technology("oxram-130nm").with_values(
        {"defects.unformed": 1.0, "defects.stuck_lrs": 0.0, "defects.stuck_hrs": 0.0}
    )
    net = rel.load_network("spirit")
    w = read_weights(rel.sample_chips(tech, net, chips=1, seed=1), net, tech)
    assert np.abs(w).max() < 1e-6


@pytest.mark.parametrize("mapping", ["two_level", "multi_level"])
@pytest.mark.parametrize("name", ["techB", "oxram-milo", "pcm-mushroom"])
def test_perfect_levels_read_as_the_integers(name, mapping) -> None:
    card = rel.load_technology(name)
    perfect = card.with_values({n: 0.0 for n in card if n.startswith("programming.target.error")})
    net = rel.load_network("spirit")
    chips = rel.sample_chips(perfect, net, chips=2, mapping=mapping, seed=1)
    assert chips.sizes["cell"] == net.weights.size * 2 * (4 if mapping == "two_level" else 1)
    assert read_weights(chips, net, perfect) == pytest.approx(
        np.broadcast_to(net.weights, (2, 144, 10)), abs=1e-5
    )


def test_error_of_a_multi_level_weight_follows_from_its_two_cells() -> None:
    card = rel.load_technology("techB")
    net = rel.Network("two", np.full((3000, 10), 2), weight_max=4)
    w = read_weights(rel.sample_chips(card, net, chips=1, mapping="multi_level"), net, card)
    law = Target.from_technology(card)
    pairs = [moments(law, [share * law.maximum]) for share in (0.5, 0.0)]
    unit = unit_conductance(card, net, "multi_level")
    mean = float(pairs[0][0][0] - pairs[1][0][0]) / unit
    sigma = float(np.hypot(pairs[0][1][0], pairs[1][1][0])) / unit
    assert abs(w.mean() - mean) < 4 * sigma / np.sqrt(w.size)
    assert w.std() == pytest.approx(sigma, rel=4 / np.sqrt(w.size))


def test_levels_that_a_card_lacks_are_refused() -> None:
    net = rel.load_network("spirit")
    with pytest.raises(rel.InputError, match="oxram-130nm, which has no levels"):
        rel.sample_chips(rel.load_technology("oxram-130nm"), net, chips=1, mapping="multi_level")
    with pytest.raises(rel.InputError, match="did you mean 'multi_level'"):
        rel.sample_chips(rel.load_technology("techB"), net, chips=1, mapping="multilevel")
    chips = rel.sample_chips(rel.load_technology("techB"), net, chips=1)
    with pytest.raises(rel.InputError, match=r"got 11520 cells per chip.*needs 2880"):
        rel.evaluate(net, chips.assign_attrs(mapping="multi_level"), images=10)


@pytest.mark.parametrize(
    ("weights", "says"),
    [
        (np.array([[5]]), "allowed -4 to 4"),
        (np.array([[0.5]]), "expected integers"),
        (np.array([1, 2]), "expected integers"),
    ],
)
def test_impossible_weights_are_refused(weights, says) -> None:
    with pytest.raises(rel.InputError, match=says):
        rel.Network("bad", weights, weight_max=4)
