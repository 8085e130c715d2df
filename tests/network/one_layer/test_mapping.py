"""Data set, network, mapping: what ships is what is said."""

from hashlib import sha256

import numpy as np
import pytest

import reliability as rel
from reliability.devices import programming
from reliability.devices.target import Target, moments
from reliability.network.one_layer.mapping import map_weights, read_weights, unit_conductance

MNIST12 = "fddf7a41c2cd27ad686d4a043b0e600f77de26e4a6b831331f242bccca0bb7cb"


def test_mnist12_is_what_the_script_printed() -> None:
    digest = sha256()
    for split in ("train", "test"):
        data = rel.load_mnist(split)
        digest.update(np.ascontiguousarray(data["pixels"].values).tobytes())
        digest.update(data["label"].values.tobytes())
    assert digest.hexdigest() == MNIST12


def test_mnist12_can_be_made_again(shared) -> None:
    """Area means of the original digits: the total ink is kept to rounding."""
    import gzip

    raw = gzip.decompress((shared / "datasets" / "t10k-images-idx3-ubyte.gz").read_bytes())
    original = np.frombuffer(raw, np.uint8, offset=16).reshape(10_000, 28, 28)
    small = rel.load_mnist("test")["pixels"].values
    # mean of 784 pixels equals mean of 144 area means; each of those is rounded by up to 1/2
    error = small.mean(axis=1) - original.mean(axis=(1, 2))
    assert np.abs(error).max() < 0.5
    assert np.abs(error).mean() < 0.05


def test_spirit_has_the_weights_of_the_chip() -> None:
    net = rel.load_network("spirit")
    assert net.weights.shape == (144, 10)
    assert set(np.unique(net.weights)) == set(range(-4, 5))


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


def test_unknown_network_offers_the_nearest() -> None:
    with pytest.raises(rel.InputError, match="did you mean 'spirit'"):
        rel.load_network("spirits")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = 'x'", "weights: missing"),
        ("name = 'x'\nweight_max = 4\nweights = [[1, 2], [3]]", "x.toml"),
        ("name =", "not a TOML file"),
    ],
)
def test_damaged_network_file(tmp_path, text, says) -> None:
    file = tmp_path / "x.toml"
    file.write_text(text)
    with pytest.raises(rel.InputError, match=says):
        rel.load_network(file)


def test_mnist28_is_what_the_script_printed() -> None:
    digest = sha256()
    for split in ("calibration", "test"):
        data = rel.load_mnist28(split)
        digest.update(np.rint(data["inputs"].values * 255).astype(np.uint8).tobytes())
        digest.update(data["label"].values.tobytes())
    assert digest.hexdigest() == "b12f9834c63a96d9917a672724dd06341515634aeeb066e1b0618ec55bd95a2b"
    with pytest.raises(rel.InputError, match="allowed: test, calibration"):
        rel.load_mnist28("train")
