"""Binary networks: bit errors of differential pairs, and the accuracy that they leave."""

import numpy as np
import pytest
from scipy import integrate, stats

import reliability as rel
from reliability.network.deep.layer_mapping import place, read_layer
from tests.conftest import NORMAL
from tests.network.deep.onnx_models import onnx  # skips without the packages

assert onnx


@pytest.fixture(scope="module")
def plain():
    return rel.load_network("binary-mnist")


@pytest.fixture(scope="module")
def aware():
    return rel.load_network("binary-mnist-aware")


@pytest.fixture(scope="module")
def tech():
    return rel.load_technology("oxram-130nm")


def test_shipped_networks_are_binary(plain, aware) -> None:
    for net in (plain, aware):
        assert net.weights == 784 * 256 + 256 * 256 + 256 * 10
        assert set(np.unique(net.layers[1].matrix)) == {-1.0, 1.0}
        assert float(net.metadata["test_accuracy_10000"]) > 0.93


def test_published_tolerance(plain, aware) -> None:
    """arXiv 1904.03652: 1e-4 as it is, 4e-2 if trained with errors; 'little' taken as 1 %."""
    rates = [0.0, 1e-4, 4e-2]
    usual = rel.bit_error_tolerance(plain, rates, draws=12)["accuracy"].values
    adapted = rel.bit_error_tolerance(aware, rates, draws=12)["accuracy"].values
    assert usual[1].mean() > usual[0].mean() - 0.002
    assert adapted[2].mean() > adapted[0].mean() - 0.01
    # better by more than three standard errors of the draws
    error = np.sqrt((usual[2].var(ddof=1) + adapted[2].var(ddof=1)) / 12)
    assert adapted[2].mean() - usual[2].mean() > 3 * error


def test_every_bit_wrong_turns_every_sum(tmp_path) -> None:
    """One layer without bias: all weights change sign, the largest sum becomes the smallest."""
    from tests.network.deep.onnx_models import model, tensor

    rng = np.random.default_rng(1)
    w = np.sign(rng.normal(size=(21, 2)))
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"], name="only")
    made = model([node], [tensor("w", w)], [("x", ["N", 21])], [("y", ["N", 2])])
    (tmp_path / "one.onnx").write_bytes(made.SerializeToString())
    net = rel.load_network(tmp_path / "one.onnx")
    import xarray as xr

    x = rng.normal(size=(40, 21)).astype(np.float32)
    label = (x @ w).argmax(axis=1)
    data = xr.Dataset({"inputs": (("image", "pixel"), x), "label": ("image", label)})
    out = rel.bit_error_tolerance(net, [0.0, 1.0], draws=2, data=data)
    assert out["accuracy"].values.tolist() == [[1.0, 1.0], [0.0, 0.0]]


def test_a_draw_does_not_depend_on_the_others(aware) -> None:
    many = rel.bit_error_tolerance(aware, [1e-3, 0.1], draws=4, images=200, seed=3)
    few = rel.bit_error_tolerance(aware, [0.1], draws=2, images=200, seed=3)
    assert (few["accuracy"].values[0] == many["accuracy"].values[1, :2]).all()


def test_pair_error_rate_against_the_integral(tech) -> None:
    """P(G_LRS < G_HRS) of two log-normal conductances, by quadrature."""
    alike = {
        f"programming.{s}.{k}": 0.0
        for s in ("LRS", "HRS")
        for k in ("sigma_lot", "sigma_wafer", "sigma_die", "radial")
    } | {f"defects.{k}": 0.0 for k in ("stuck_lrs", "stuck_hrs", "unformed")}
    card = tech.with_values(alike | NORMAL)
    sigma = {
        s: np.hypot(card[f"programming.{s}.sigma_cell"], card[f"programming.{s}.sigma_cycle"])
        for s in ("LRS", "HRS")
    }
    median = 1 / card["programming.LRS.resistance"]
    low = stats.lognorm(sigma["LRS"], scale=median)
    high = stats.lognorm(sigma["HRS"], scale=1 / card["programming.HRS.resistance"])
    exact = integrate.quad(lambda g: high.pdf(g) * low.cdf(g), 0, 5e-3, limit=400, points=[2e-4])[0]
    out = rel.pair_error_rate(card, pairs=100_000, chips=4, seed=2)
    count = 400_000
    assert abs(out["mean"].item() - exact) < 4 * np.sqrt(exact * (1 - exact) / count)


def test_interval_of_the_pair_error_rate_is_never_empty(tech) -> None:
    """No error, few chips, one chip: an exact or a hierarchical interval."""
    quiet = tech.with_values(
        {k: 0.0 for k in tech if ".sigma_" in k and k.startswith("programming.")
         and not k.endswith("exponent")}
        | {f"defects.{k}": 0.0 for k in ("stuck_lrs", "stuck_hrs", "unformed")}
    )  # fmt: skip
    one = rel.pair_error_rate(quiet, pairs=2000, chips=1)
    assert (one["mean"].item(), one["low"].item()) == (0, 0)
    assert one["high"].item() == pytest.approx(1 - 0.025 ** (1 / 2000), rel=1e-6)
    few = rel.pair_error_rate(quiet, pairs=1000, chips=3)
    assert 1e-4 < few["high"].item() < 0.01
    real = rel.pair_error_rate(tech, pairs=500, chips=1, seed=3)
    assert real["low"].item() < real["mean"].item() < real["high"].item()
    assert real["high"].item() == real["error_rate_high"].item()


@pytest.mark.slow
def test_interval_of_the_pair_error_rate_covers(tech) -> None:
    """Chips of several wafers against the mean of many chips, nominal 90 %."""
    many = rel.pair_error_rate(tech, pairs=2000, chips=3000, seed=999)["mean"].item()
    held = 0
    for seed in range(120):
        found = rel.pair_error_rate(tech, pairs=300, chips=30, seed=seed, confidence=0.9)
        held += found["low"].item() <= many <= found["high"].item()
    assert held / 120 > 0.8


def test_network_on_pairs_has_the_error_rate_of_the_pairs(plain, tech) -> None:
    tiling = rel.Tiling("pairs")
    tech = tech.with_values({"programming.HRS.resistance": 20e3})  # a window with errors
    chips = rel.program_layers(tech, plain, tiling, chips=1, seed=5)
    g = chips["conductance"].values[0]
    wrong = [(read_layer(p, g, tech, tiling) != p.coded).mean() for p in place(plain, tiling)]
    rate = rel.pair_error_rate(tech, chips=25, pairs=20_000, seed=5)["error_rate"].values
    assert rate.min() / 1.5 < wrong[0] < 1.5 * rate.max()
    accuracy = rel.evaluate(plain, chips, images=500)["accuracy"]
    assert accuracy < rel.evaluate(plain, images=500)["accuracy"]


def test_verify_and_retention_move_the_error_rate(tech) -> None:
    def rate(**settings):
        return float(rel.pair_error_rate(tech, pairs=20_000, chips=3, **settings)["mean"])

    fresh = rate()
    assert rate(verify=rel.Verify.from_technology(tech)) < fresh
    assert rate(profile=rel.MissionProfile.constant("10 years", "125 degC")) > fresh


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"rates": [0.5, 1.2]}, "expected probabilities"),
        ({"rates": []}, "expected probabilities"),
        ({"rates": [0.1], "draws": 1}, "draws: got 1, allowed 2 or more"),
    ],
)
def test_bad_settings_are_refused(aware, settings, says) -> None:
    with pytest.raises(rel.InputError, match=says):
        rel.bit_error_tolerance(aware, **settings)


def test_networks_and_cards_that_do_not_fit_are_refused() -> None:
    with pytest.raises(rel.InputError, match="more than two values"):
        rel.bit_error_tolerance(rel.load_network("mobilenet-mnist"), [0.1])
    with pytest.raises(rel.InputError, match="techB has levels, pairs need LRS and HRS"):
        rel.pair_error_rate(rel.load_technology("techB"))
    with pytest.raises(rel.InputError, match="pairs: got 0"):
        rel.pair_error_rate(rel.load_technology("oxram-130nm"), pairs=0)
