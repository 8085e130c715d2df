"""Deep networks: the executed graph against onnxruntime and NumPy, cells, converters and tiles."""

import os

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

import reliability as rel
from reliability.network.deep.calibration import calibrated_stages
from reliability.network.deep.graph import Stage, executed_graph, feeds
from reliability.network.deep.layer_mapping import place, read_layer, row_tiles, target_states
from reliability.network.deep.runtime import Session
from tests.conftest import SMALL_STUDY
from tests.network.deep.onnx_models import (
    convolve,
    model,
    onnx,
    small_network,
    small_scores,
    small_weights,
    tensor,
)


@pytest.fixture(scope="module")
def net():
    return rel.load_network("mobilenet-mnist")


@pytest.fixture(scope="module")
def card():
    return rel.load_technology("techB")


@pytest.fixture
def small(tmp_path):
    return rel.load_network(small_network(tmp_path / "small.onnx"))


def inputs(seed: int = 1, count: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 2, 6, 5)).astype(np.float32)


def fully_connected(tmp_path, weights):
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"], name="only")
    shapes = [[(n, ["N", size])] for n, size in zip("xy", weights.shape, strict=True)]
    path = tmp_path / "fc.onnx"
    path.write_bytes(model([node], [tensor("w", weights)], *shapes).SerializeToString())
    return rel.load_network(path)


def run(network, stages, reads, x):
    session = Session(executed_graph(network, stages))
    values = {k: v for s, r in zip(stages, reads, strict=True) for k, v in feeds(s, r).items()}
    return session.run({network.input_name: x} | values)[0]


def test_ideal_evaluation_is_plain_onnxruntime_on_the_original_file(net) -> None:
    import onnxruntime

    data = rel.load_mnist28()
    original = onnxruntime.InferenceSession(net.model.SerializeToString())
    scores = original.run(None, {"image": data["inputs"].values})[0]
    ideal = rel.evaluate(net)
    assert ideal["accuracy"].item() == (scores.argmax(axis=1) == data["label"].values).mean()
    assert ideal["accuracy"].item() >= 0.98
    assert ideal["accuracy_low"].item() < ideal["accuracy"].item() < ideal["accuracy_high"].item()
    assert (ideal["weight_error"] == 0).all()
    placed = place(net, rel.Tiling())
    ours = run(net, tuple(map(Stage, placed)), [p.coded for p in placed], data["inputs"].values)
    assert ours == pytest.approx(scores, abs=1e-4)


def test_perturbed_weights_against_numpy(small) -> None:
    """Weights that cells read as, in the graph, are those weights in the definition."""
    w, x = small_weights(), inputs()
    stages = tuple(map(Stage, place(small, rel.Tiling())))
    rng = np.random.default_rng(5)
    reads, changed = [], dict(w)
    for stage, name in zip(stages, ("w1", "w2", "w3"), strict=True):
        p = stage.placed
        read = p.coded + rng.normal(0, 0.1, p.coded.shape).astype(np.float32)
        reads.append(read)
        matrix = (p.factor[0] * read[0]).T.reshape(w[name].shape)
        changed[name] = matrix / 0.5 if name == "w3" else matrix
    assert run(small, stages, [s.placed.coded for s in stages], x) == pytest.approx(
        small_scores(x, w), abs=1e-4
    )
    assert run(small, stages, reads, x) == pytest.approx(small_scores(x, changed), abs=1e-4)


@pytest.mark.parametrize("rows", [1, 3, 4, 7, 9, 17, 18, 1000])
@pytest.mark.parametrize("cells", ["levels", "bits"])
def test_tiles_without_converters_change_nothing(small, rows, cells) -> None:
    placed = place(small, rel.Tiling(cells))
    x = inputs()
    rng = np.random.default_rng(6)
    reads = [p.coded + rng.normal(0, 0.1, p.coded.shape).astype(np.float32) for p in placed]
    whole = run(small, tuple(map(Stage, placed)), reads, x)
    cut = run(small, tuple(Stage(p, row_tiles(p.layer, rows)) for p in placed), reads, x)
    assert cut == pytest.approx(whole, rel=1e-5, abs=1e-5)


def test_bound_weights_are_fed_weights(net) -> None:
    stages = tuple(map(Stage, place(net, rel.Tiling())))
    graph, x = executed_graph(net, stages), {"image": rel.load_mnist28()["inputs"].values[:20]}
    for factor in (1.0, 0.9):
        ideal = {k: v for s in stages for k, v in feeds(s, s.placed.coded).items()}
        values = {k: (factor * v).astype(np.float32) for k, v in ideal.items()}
        bound = Session(graph, values).run(x)[0]
        assert bound == pytest.approx(Session(graph).run(x | values)[0], abs=1e-4)


@given(
    seed=st.integers(0, 2**31),
    groups=st.integers(1, 3),
    inputs_each=st.integers(1, 3),
    outputs_each=st.integers(1, 3),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 3)),
    stride=st.integers(1, 2),
    rows=st.integers(1, 12),
    cells=st.sampled_from(["levels", "bits"]),
)
@settings(max_examples=30, deadline=None)
def test_any_convolution_is_its_definition_in_tiles(
    tmp_path_factory, seed, groups, inputs_each, outputs_each, kernel, stride, rows, cells
) -> None:
    rng = np.random.default_rng(seed)
    w = rng.normal(size=(groups * outputs_each, inputs_each, *kernel)).astype(np.float32)
    x = rng.normal(size=(2, groups * inputs_each, 5, 4)).astype(np.float32)
    attributes = {"group": groups, "strides": [stride, stride], "pads": [1, 0, 1, 0]}
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], name="only", **attributes)
    shapes = [[("x", ["N", *x.shape[1:]])], [("y", ["N", len(w), "H", "W"])]]
    path = tmp_path_factory.mktemp("conv") / "one.onnx"
    path.write_bytes(model([node], [tensor("w", w)], *shapes).SerializeToString())
    network = rel.load_network(path)
    p = place(network, rel.Tiling(cells, weight_bits=8, scale="layer"))[0]
    read = (p.coded + rng.normal(0, 0.1, p.coded.shape)).astype(np.float32)
    got = run(network, (Stage(p, row_tiles(p.layer, rows)),), [read], x)
    real = p.weights(read).T.reshape(w.shape)
    expected = convolve(x, real, (1, 0, 1, 0), (stride, stride), groups)
    assert got == pytest.approx(expected, abs=1e-4)


def test_converters_against_numpy(tmp_path) -> None:
    """Inputs in steps, the sums of each tile and bit in steps and clipped, then the factors."""
    rng = np.random.default_rng(7)
    w = rng.normal(size=(20, 3)).astype(np.float32)
    tiling = rel.Tiling(
        "bits", weight_bits=4, rows=8, dac_bits=3, adc_bits=4, adc_range=0.5, dac_range=0.8
    )
    fc = fully_connected(tmp_path, w)
    placed = place(fc, tiling)
    x = rng.random((9, 20)).astype(np.float32)
    stages, reads = calibrated_stages(fc, placed, {fc.input_name: x})
    got = run(fc, stages, [placed[0].coded], x)
    dac = 0.8 * x.max() / 7
    codes = np.clip(np.rint(x / dac), 0, 7)
    scale = np.abs(w).max(axis=0)
    q = np.rint(w / scale * 7)
    expected = np.zeros((9, 3))
    for bit in range(3):
        u = np.sign(q) * ((np.abs(q).astype(int) >> bit) & 1)
        tiles = [slice(0, 8), slice(8, 16), slice(16, 20)]
        largest = max(np.abs(x[:, t] @ u[t]).max() for t in tiles)
        step = 0.5 * largest / 7
        total = sum(step * np.clip(np.rint(dac * codes[:, t] @ u[t] / step), -7, 7) for t in tiles)
        expected += total * scale * 2**bit / 7
    assert got == pytest.approx(expected, abs=1e-5)
    assert reads.tolist() == [1]


def test_many_bits_converge_to_exact_converters(net) -> None:
    def accuracy_gap(bits):
        tiling = rel.Tiling(rows=64, adc_bits=bits, dac_bits=bits)
        placed = place(net, tiling)
        x = rel.load_mnist28()["inputs"].values[:50]
        stages, _ = calibrated_stages(
            net, placed,
            {net.input_name: rel.load_mnist28("calibration")["inputs"].values},
        )  # fmt: skip
        plain = run(net, tuple(map(Stage, placed)), [p.coded for p in placed], x)
        return np.abs(run(net, stages, [p.coded for p in placed], x) - plain).max()

    gaps = [accuracy_gap(bits) for bits in (6, 10, 14, 18)]
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[-1] < 0.01 * gaps[0]
    coarse = rel.evaluate(net, tiling=rel.Tiling(adc_bits=3), images=500)
    assert coarse["accuracy"] < rel.evaluate(net, images=500)["accuracy"]


def test_bits_of_ideal_cells_are_the_rounded_weights(net) -> None:
    tiling = rel.Tiling("bits", weight_bits=6)
    for p in place(net, tiling):
        assert set(np.unique(p.coded)) <= {-1, 0, 1}
        size = np.abs(p.layer.matrix).max(axis=0)
        assert np.abs(p.weights(p.coded) - p.layer.matrix).max() <= size.max() / 31 / 2 * 1.001


@pytest.mark.parametrize(("bits", "each", "slices"), [(5, 2, 2), (6, 2, 3), (7, 3, 2), (4, 4, 1)])
def test_digits_of_level_cells_are_the_rounded_weights(net, card, bits, each, slices) -> None:
    tiling = rel.Tiling("bits", weight_bits=bits, bits_per_cell=each)
    one_bit_each = place(net, rel.Tiling("bits", weight_bits=bits))
    placed = place(net, tiling)
    for p, q in zip(placed, one_bit_each, strict=True):
        assert len(p.coded) == slices
        assert set(np.unique(np.rint(p.coded * (2**each - 1)))) <= set(range(1 - 2**each, 2**each))
        assert p.weights(p.coded) == pytest.approx(q.weights(q.coded), abs=1e-6)
    exact = target_states(placed, card)
    read = read_layer(placed[3], exact, card, tiling)
    assert read == pytest.approx(placed[3].coded, abs=1e-6)
    result = rel.evaluate(net, card, tiling=tiling, chips=1, images=100)
    assert 0 < result["weight_error"].max() < 0.02


def test_perfect_two_state_cells_read_as_coded(net) -> None:
    tech = rel.load_technology("oxram-130nm")
    nothing = {
        name: 0.0
        for name in tech
        if ".sigma" in name or name.endswith(("radial", "unformed", "stuck_lrs", "stuck_hrs"))
    }
    tiling = rel.Tiling("bits", weight_bits=4)
    result = rel.evaluate(net, tech.with_values(nothing), tiling=tiling, chips=1, images=50)
    assert result["weight_error"].max() < 1e-6
    assert rel.evaluate(net, tech, tiling=tiling, chips=1, images=50)["weight_error"].min() > 0.1


def test_verify_narrows_two_state_weights(net) -> None:
    tech, tiling = rel.load_technology("oxram-130nm"), rel.Tiling("bits", weight_bits=4)
    errors = []
    for verify in (None, rel.Verify.from_technology(tech)):
        chips = rel.program_layers(tech, net, tiling, chips=1, verify=verify)
        errors.append(rel.evaluate(net, chips, images=20)["weight_error"].mean())
    assert errors[1] < 0.9 * errors[0]


def test_mean_reading_of_level_cells_is_the_target(net, card) -> None:
    """Programming errors have no mean but for the cut at zero: 4 standard errors."""
    tiling = rel.Tiling()
    placed = place(net, tiling)
    chips = rel.program_layers(card, net, tiling, chips=3, seed=2)
    errors = np.concatenate(
        [
            (read_layer(p, g, card, tiling) - p.coded).ravel()
            for g in chips["conductance"].values
            for p in placed
        ]
    )
    assert abs(errors.mean()) < 4 * errors.std() / np.sqrt(errors.size)
    # sigma of techB is 0.93 to 1.16 uS of 128 uS; below zero is cut, so less near the zero level
    assert 0.006 < errors.std() < 1.5 * 1.16 / 128


def test_a_chip_is_the_same_whoever_is_with_it_and_on_any_threads(net, card, monkeypatch) -> None:
    tiling = rel.Tiling(adc_bits=6, dac_bits=6, rows=64)
    same = {"tiling": tiling, "images": 300, "seed": 4}
    profile = rel.MissionProfile.constant("1 day", "85 degC")
    many = rel.evaluate(net, card, chips=5, profile=profile, **same)
    monkeypatch.setattr(os, "cpu_count", lambda: 1)
    few = rel.evaluate(net, card, chips=2, profile=profile, **same)
    assert few.equals(many.isel(chip=slice(2)))


def test_a_given_population_is_the_sampled_one_and_ages_in_steps(net, card) -> None:
    tiling, day = rel.Tiling(), rel.MissionProfile.constant("1 day")
    chips = rel.program_layers(card, net, tiling, chips=2, seed=3)
    sampled = rel.evaluate(net, card, chips=2, images=200, seed=3, profile=day + day)
    given = rel.evaluate(net, rel.age(chips, day), images=200, seed=3, profile=day)
    assert given.equals(sampled)
    assert given.attrs["mission"] == sampled.attrs["mission"]
    with pytest.raises(rel.InputError, match="scale: got 'layer', but the cells were programmed"):
        rel.evaluate(net, chips, tiling=rel.Tiling(scale="layer"))
    second = rel.evaluate(net, rel.age(chips, day + day).isel(chip=[1]), images=200)
    assert second["accuracy"].item() == sampled["accuracy"].values[1]


def test_resistive_lines_are_those_of_the_crossbar(tmp_path, card) -> None:
    from reliability.crossbar import effective_conductance

    rng = np.random.default_rng(8)
    w = rng.normal(size=(30, 9)).astype(np.float32)
    w[0, 0] = 4.0  # one scale for the layer
    fc = fully_connected(tmp_path, w)
    lines = {"word_line_resistance": 3.0, "bit_line_resistance": 2.0}
    tiling = rel.Tiling(scale="layer", rows=16, columns=8, **lines)
    placed = place(fc, tiling)
    read = read_layer(placed[0], target_states(placed, card), card, tiling)
    full = 128e-6
    pairs = np.zeros((32, 24))  # two by three tiles of 16 x 8, cells of zero beyond the layer
    pairs[:30, 0:18:2], pairs[:30, 1:18:2] = np.maximum(w, 0) / 4, np.maximum(-w, 0) / 4
    for top in (0, 16):
        for left in (0, 8, 16):
            at = slice(top, top + 16), slice(left, left + 8)
            pairs[at] = effective_conductance(full * pairs[at], **lines) / full
    expected = 4 * (pairs[:30, 0:18:2] - pairs[:30, 1:18:2])
    assert placed[0].weights(read) == pytest.approx(expected, abs=1e-5)
    assert np.abs(expected - w).max() > 0.01
    nearly = rel.Tiling(scale="layer", rows=16, columns=8, word_line_resistance=1e-6)
    read = read_layer(placed[0], target_states(placed, card), card, nearly)
    assert placed[0].weights(read) == pytest.approx(w, abs=1e-5)


def test_longer_lines_and_hotter_storage_cost_accuracy(net, card) -> None:
    def mean(profile=None, **tiling):
        result = rel.evaluate(
            net, card, chips=2, images=300, profile=profile, tiling=rel.Tiling(**tiling)
        )
        return float(result["accuracy"].mean())

    fresh = mean()
    assert fresh > 0.95
    assert mean(rel.MissionProfile.constant("10000 s", "200 degC")) < fresh
    lines = {"bit_line_resistance": 2.0, "word_line_resistance": 2.0, "rows": 64, "columns": 64}
    assert mean(**lines) < fresh - 0.01
    assert mean(**lines, compensation="gain") > mean(**lines)


def test_compensation_undoes_the_drift_that_cells_share(net) -> None:
    pcm = rel.load_technology("pcm-mushroom")
    year = rel.MissionProfile.constant("1 year", "25 degC")

    def mean(profile, compensation):
        tiling = rel.Tiling(compensation=compensation)
        result = rel.evaluate(net, pcm, chips=3, images=500, profile=profile, tiling=tiling)
        return float(result["accuracy"].mean())

    assert mean(None, "drift") == mean(None, "none")
    assert min(mean(year, "drift"), mean(year, "gain")) > mean(year, "none") + 0.02


def test_a_fixed_batch_of_the_file_is_kept(tmp_path, small) -> None:
    free = small
    fixed = onnx.load(small_network(tmp_path / "fixed.onnx"))
    for value in (fixed.graph.input[0], fixed.graph.output[0]):
        value.type.tensor_type.shape.dim[0].dim_value = 4
    (tmp_path / "fixed.onnx").write_bytes(fixed.SerializeToString())
    x = inputs(count=10)
    data = xr.Dataset(
        {"inputs": (("image", "c", "h", "w"), x), "label": ("image", np.arange(10) % 3)}
    )
    network = rel.load_network(tmp_path / "fixed.onnx")
    assert network.batch == 4
    got = rel.evaluate(network, data=data)
    assert (got["confusion"] == rel.evaluate(free, data=data)["confusion"]).all()
    assert got["confusion"].sum() == 10


@pytest.mark.parametrize(
    ("chosen", "says"),
    [
        ({"images": 0}, "images: got 0, allowed 1 to 2000"),
        ({"images": 2001}, "allowed 1 to 2000"),
        ({"images": 1.5}, "expected an integer"),
        ({"chips": 0}, "chips: got 0, allowed 1 or more"),
        (
            {"tiling": {"cells": "bits", "bits_per_cell": 0}},
            "tiling: bits_per_cell: got 0, allowed 1 to 8",
        ),
        ({"tiling": {"scale": 0.01}}, "layer 'stem': weights -.*allowed -0.01 to 0.01"),
        ({"tiling": {"cells": "level"}}, "did you mean 'levels'"),
        ({"tiling": {"scale": "channels"}}, "did you mean 'channel'"),
        ({"tiling": {"compensation": "gains"}}, "did you mean 'gain'"),
        (
            {"tiling": {"cells": "bits", "columns": 7}},
            "columns: got 7, allowed 8 to",
        ),
        ({"tiling": {"rows": 0}}, "tiling: rows: got 0, allowed 1"),
        ({"tiling": {"adc_bits": 1}}, "tiling: adc_bits: got 1, allowed 2 to 24"),
        ({"tiling": {"dac_range": 0}}, "tiling: dac_range: got 0, allowed above 0"),
        ({"tiling": {"scale": None}}, "tiling: scale: got None, allowed above 0"),
        ({"tiling": {"sense_resistance": -1}}, "tiling: sense_resistance: got -1"),
        ({"tiling": {"cells": "pairs", "adc_bits": 4}}, "counted; no ADC"),
    ],
)
def test_bad_settings_are_refused(net, card, chosen, says) -> None:
    def call():
        own = dict(chosen)
        if "tiling" in own:
            own["tiling"] = rel.Tiling(**own["tiling"])
        rel.evaluate(net, card, **own)

    with pytest.raises(rel.InputError, match=says) as error:
        call()
    assert "\n" not in str(error.value)


def test_numpy_numbers_are_numbers(net) -> None:
    plain = rel.Tiling("bits", rows=64, adc_bits=6, scale=40.0, adc_range=0.5)
    given = rel.Tiling(
        "bits",
        rows=np.int64(64),
        adc_bits=np.int8(6),
        scale=np.float32(40),
        adc_range=np.float64(0.5),
    )
    assert given == plain
    assert rel.evaluate(net, tiling=given, images=20).equals(
        rel.evaluate(net, tiling=plain, images=20)
    )


def test_cards_and_populations_that_do_not_fit_are_refused(net, card) -> None:
    two = rel.load_technology("oxram-130nm")
    with pytest.raises(rel.InputError, match="oxram-130nm has two states; use 'bits'"):
        rel.evaluate(net, two, tiling=rel.Tiling("levels"))
    with pytest.raises(rel.InputError, match="techB has levels; use 'levels' or 'bits'"):
        rel.program_layers(card, net, rel.Tiling("pairs"), chips=1)
    with pytest.raises(rel.InputError, match="bits_per_cell: got 2, but oxram-130nm has two"):
        rel.evaluate(net, two, tiling=rel.Tiling("bits", bits_per_cell=2))
    with pytest.raises(rel.InputError, match=r"layer 'stem': weights .* more than two values"):
        rel.evaluate(net, two, tiling=rel.Tiling("pairs"))
    with pytest.raises(rel.InputError, match="got 100 cells per chip, the network needs 35712"):
        rel.evaluate(net, rel.sample_population(card, cells=100, state=0.5))
    for wrong in ("techB", xr.Dataset({"current": ("cell", [1e-5])})):
        with pytest.raises(
            rel.InputError, match=r"cells: got (str|Dataset), expected a Technology"
        ):
            rel.evaluate(net, wrong)
    with pytest.raises(rel.InputError, match="ideal cells do not age"):
        rel.evaluate(net, profile=rel.MissionProfile.constant("1 h"))
    with pytest.raises(rel.InputError, match="lines with resistance need cells"):
        rel.evaluate(net, tiling=rel.Tiling(word_line_resistance=1.0))


def test_data_that_do_not_fit_are_refused(net) -> None:
    def data(shape=(3, 1, 28, 28), labels=(0, 1, 2), value=0.0):
        dims = ("image", *(f"d{i}" for i in range(len(shape) - 1)))
        return xr.Dataset(
            {"inputs": (dims, np.full(shape, value)), "label": ("image", np.array(labels))}
        )

    for bad, says in (
        (data((3, 12, 12)), r"got images of shape \(12, 12\), .* takes \(1, 28, 28\)"),
        (data((3, 1, 28, 27)), r"got images of shape \(1, 28, 27\)"),
        (data(value=np.nan), "not finite"),
        (data(labels=(0, 1, 10)), "label: got 10, allowed 0 to 9"),
        (data(labels=(0, 1, -1)), "label: got -1"),
        (data(labels=(0, 1, 0.5)), "label: got 0.5, the metric accuracy takes integers"),
        (data(value="x"), "inputs: got <U1, expected numbers"),
        (np.zeros((3, 1, 28, 28)), "expected 'label'"),
        (
            xr.Dataset({"pixels": ("image", [1])}),
            r"data: got pixels, network \S+ takes \S+ \(or inputs\)",
        ),
        (data()[["inputs"]], "expected 'label'"),
    ):
        with pytest.raises(rel.InputError, match=says):
            rel.evaluate(net, data=bad)
    assert rel.evaluate(net, data=data())["confusion"].sum() == 3


def test_an_output_that_is_no_class_scores_is_refused(tmp_path) -> None:
    node = onnx.helper.make_node("Conv", ["x", "w"], ["y"], name="map")
    made = model(
        [node], [tensor("w", np.ones((2, 1, 1, 1)))], [("x", ["N", 1, 3, 3])],
        [("y", ["N", 2, 3, 3])],
    )  # fmt: skip
    (tmp_path / "map.onnx").write_bytes(made.SerializeToString())
    data = xr.Dataset(
        {"inputs": (("image", "c", "h", "w"), np.ones((2, 1, 3, 3))), "label": ("image", [0, 1])}
    )
    with pytest.raises(rel.InputError, match=r"takes integers of shape \(2, 3, 3\)"):
        rel.evaluate(rel.load_network(tmp_path / "map.onnx"), data=data)


def test_reads_per_image_reach_read_disturb(net) -> None:
    """A cell of the first layer is read at 196 positions of an image, one of the last once."""
    tech, tiling = rel.load_technology("oxram-130nm"), rel.Tiling("bits", weight_bits=4)
    chips = rel.program_layers(tech, net, tiling, chips=1)
    per_image = rel.evaluate(net, tiling=tiling, images=1)["reads"]
    each = per_image.isel(layer=chips["layer_index"]).drop_vars("layer")
    assert each.sizes == {"cell": chips.sizes["cell"]}
    assert (int(each[0]), int(each[-1])) == (196, 1)
    mission = rel.MissionProfile.constant("1 h", reads=1e7)
    worn = rel.age(chips.assign(reads=each), mission)["conductance"].values[0]
    fresh = rel.age(chips, rel.MissionProfile.constant("1 h"))["conductance"].values[0]
    change = np.abs(np.log(worn / fresh))
    first, last = chips["layer_index"].values == 0, chips["layer_index"].values == 9
    assert change[first].mean() > 3 * change[last].mean() > 0


def test_a_study_refuses_what_goes_with_one_layer_only(tmp_path) -> None:
    text = SMALL_STUDY.replace("images = 40", 'name = "mobilenet-mnist"\nimages = 40')
    (tmp_path / "study.toml").write_text(text)
    with pytest.raises(rel.InputError, match=r"one layer, got mobilenet-mnist"):
        rel.load_study(tmp_path / "study.toml")
    with pytest.raises(rel.InputError, match=r"images: got 5000, allowed 1 to 2000"):
        rel.load_study(tmp_path / "study.toml", {"network.images": 5000})
