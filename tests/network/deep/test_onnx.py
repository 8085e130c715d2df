"""ONNX files: which layers go into cells, and files that can't be right are refused in one line."""

import contextlib
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import reliability as rel
from reliability.network.deep.runtime import Session
from tests.network.deep.onnx_models import model, onnx, small_network, small_weights, tensor


def saved(tmp_path, made):
    path = tmp_path / "net.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def refused(path, *parts, **settings):
    """Load must fail in one line that has all the parts."""
    with pytest.raises(rel.InputError) as error:
        rel.load_network(path, **settings)
    message = str(error.value)
    assert "\n" not in message
    for part in parts:
        assert part in message


def one_product(weights, operator="MatMul", **attributes):
    node = onnx.helper.make_node(operator, ["x", "w"], ["y"], name="product", **attributes)
    shape = ["N", *weights.shape[:-1]]
    return model([node], [tensor("w", weights)], [("x", shape)], [("y", ["N", "M"])])


def test_layers_are_the_matrices_of_the_file(tmp_path) -> None:
    w = small_weights()
    net = rel.load_network(small_network(tmp_path / "small.onnx", w))
    assert [layer.name for layer in net.layers] == ["first", "depthwise", "last"]
    assert [layer.matrix.shape for layer in net.layers] == [(18, 6), (4, 6), (24, 3)]
    assert [layer.groups for layer in net.layers] == [1, 6, 1]
    assert (net.layers[0].matrix[:, 2] == w["w1"][2].ravel()).all()
    assert net.layers[2].matrix == pytest.approx(0.5 * w["w3"].T)  # alpha is in the matrix
    assert (net.input_shape, net.batch, net.name) == ((2, 6, 5), None, "small")
    assert net.weights == 18 * 6 + 4 * 6 + 24 * 3


def test_shipped_network_is_what_the_docs_say() -> None:
    net = rel.load_network("mobilenet-mnist")
    assert net.weights == 17_856
    assert float(net.metadata["test_accuracy_10000"]) >= 0.98
    assert {layer.groups > 1 for layer in net.layers} == {True, False}


def test_weights_behind_a_cast_are_constants(tmp_path) -> None:
    """Binary weights are kept as int8."""
    signs = np.array([[1, -1], [-1, -1]], np.int8)
    nodes = [
        onnx.helper.make_node("Cast", ["w8"], ["w"], to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("MatMul", ["x", "w"], ["y"]),
    ]
    held = [onnx.numpy_helper.from_array(signs, "w8")]
    net = rel.load_network(
        saved(tmp_path, model(nodes, held, [("x", ["N", 2])], [("y", ["N", 2])]))
    )
    assert (net.layers[0].matrix == signs).all()
    assert net.layers[0].name == "y"  # a node without a name goes by its output


def test_weights_that_are_only_turned_or_dequantised_are_constants(tmp_path) -> None:
    q = np.array([[3, -4, 0], [7, 1, -128]], np.int8)
    make = onnx.helper.make_node
    nodes = [
        make("DequantizeLinear", ["q", "s"], ["d"]),
        make("Transpose", ["d"], ["w"], perm=[1, 0]),
        make("MatMul", ["x", "w"], ["y"], name="product"),
    ]
    held = [onnx.numpy_helper.from_array(q, "q"), tensor("s", np.array(0.25))]
    made = model(nodes, held, [("x", ["N", 3])], [("y", ["N", 2])])
    net = rel.load_network(saved(tmp_path, made))
    assert (net.layers[0].matrix == 0.25 * q.T).all()
    data = _dataset({"inputs": (("image", "c"), np.eye(3)), "label": ("image", [0, 1, 0])})
    # rows of the transposed matrix: (3, 7), (-4, 1), (0, -128) in quarters
    assert rel.evaluate(net, data=data)["confusion"].values[0].tolist() == [[1, 1], [0, 1]]


def test_old_operators_are_converted(tmp_path) -> None:
    node = onnx.helper.make_node("MatMul", ["x", "w"], ["y"], name="product")
    held = [tensor("w", np.eye(3))]
    old = model([node], held, [("x", ["N", 3])], [("y", ["N", 3])], opset=9)
    assert rel.load_network(saved(tmp_path, old)).layers[0].rows == 3


def test_an_operator_that_cells_cannot_hold_is_named_or_left_digital(tmp_path) -> None:
    w = np.ones((2, 2, 3, 3))
    nodes = [
        onnx.helper.make_node("DeformConv", ["x", "w", "o"], ["a"], name="bend"),
        onnx.helper.make_node("Flatten", ["a"], ["b"]),
        onnx.helper.make_node("MatMul", ["b", "v"], ["y"], name="end"),
    ]
    held = [tensor("w", w), tensor("o", np.zeros((1, 18, 1, 1))), tensor("v", np.ones((2, 4)))]
    made = model(nodes, held, [("x", [1, 2, 3, 3])], [("y", [1, 4])], opset=19)
    path = saved(tmp_path, made)
    refused(path, "DeformConv 'bend'", "digital")
    for left in ("bend", "DeformConv"):
        net = rel.load_network(path, digital=[left])
        assert [layer.name for layer in net.layers] == ["end"]
        assert (net.weights, net.digital_weights) == (8, 36 + 18)
        data = {"inputs": (("image", "c", "h", "w"), np.ones((2, 2, 3, 3)))}
        data |= {"label": ("image", [0, 0])}
        try:
            found = rel.evaluate(net, data=_dataset(data))
        except rel.InputError as error:
            if "NOT_IMPLEMENTED" not in str(error):
                raise
            pytest.skip("an onnxruntime without DeformConv")
        assert found["accuracy"].item() == 1.0
        assert "8 of 62 weights (12.9%) are in cells; digital: bend" in found.attrs["warnings"]
    refused(path, "unknown node or operator in digital", "'bond'", digital=["bond", "bend"])


def _dataset(variables):
    import xarray as xr

    return xr.Dataset(variables)


@pytest.mark.parametrize(
    ("weights", "operator", "attributes", "says"),
    [
        (np.full((2, 2), np.nan), "MatMul", {}, "not all finite"),
        (np.ones((2, 2)), "Conv", {}, "shape (2, 2), expected (out, in, kernel ...)"),
        (np.ones((0, 2)), "MatMul", {}, "are none"),
    ],
)
def test_weights_that_cannot_be_mapped(tmp_path, weights, operator, attributes, says) -> None:
    refused(saved(tmp_path, one_product(weights, operator, **attributes)), "'product'", says)


def test_a_network_of_products_of_activations_alone_is_refused(tmp_path) -> None:
    node = onnx.helper.make_node("MatMul", ["x", "x"], ["y"], name="square")
    made = model([node], [], [("x", [2, 2])], [("y", [2, 2])])
    refused(saved(tmp_path, made), "no layer whose weights could go into cells")


def test_operators_of_another_domain_and_inner_graphs_are_refused(tmp_path) -> None:
    made = one_product(np.eye(2))
    made.graph.node[0].domain = "com.example"
    made.opset_import.append(onnx.helper.make_opsetid("com.example", 1))
    refused(saved(tmp_path, made), "'product'", "domain 'com.example'")


def test_an_input_that_is_one_number_needs_its_value(tmp_path) -> None:
    nodes = [
        onnx.helper.make_node("Mul", ["x", "rate"], ["a"]),
        onnx.helper.make_node("MatMul", ["a", "w"], ["y"], name="end"),
    ]
    made = model(
        nodes, [tensor("w", np.eye(2))], [("x", ["N", 2]), ("rate", [])], [("y", ["N", 2])]
    )
    path = saved(tmp_path, made)
    refused(path, "input 'rate': a single float32 for all images", "fixed={'rate': ...}")
    refused(path, "fixed: got 'sr', the inputs are x, rate", fixed={"sr": 1})
    refused(path, "fixed: rate: got shape (2,)", fixed={"rate": [1, 2]})
    x = np.array([[1.0, 2.0], [3.0, 1.0]])
    net = rel.load_network(path, fixed={"rate": 3.0})
    assert rel.evaluate(net, data=(x, 3 * x), metric="mse")["mse"].item() < 1e-10
    found = rel.evaluate(path, data=({"x": x, "rate": 2.0}, 2 * x), metric="mse")
    assert found["mse"].item() < 1e-10


def test_a_network_without_matrices_is_refused(tmp_path) -> None:
    node = onnx.helper.make_node("Relu", ["x"], ["y"])
    made = model([node], [], [("x", ["N", 2])], [("y", ["N", 2])])
    refused(saved(tmp_path, made), "no layer")


def test_files_that_are_none(tmp_path) -> None:
    refused(tmp_path / "missing.onnx", "no file")
    path = tmp_path / "x.onnx"
    for content in (b"", b"hello", b"\x00" * 100, b"\xff" * 64):
        path.write_bytes(content)
        refused(path, "not an ONNX file, or cut short")


def test_a_file_cut_short_is_refused_wherever(tmp_path) -> None:
    whole = small_network(tmp_path / "small.onnx").read_bytes()
    path = tmp_path / "cut.onnx"
    for size in range(1, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(rel.InputError):
            rel.load_network(path)


def test_a_declared_size_that_the_file_does_not_hold_is_refused(tmp_path) -> None:
    for dims in ([10**6, 10**6], [3, 2], [-2, -2]):
        made = one_product(np.eye(2))
        made.graph.initializer[0].dims[:] = dims
        refused(saved(tmp_path, made), "tensor 'w'")
    typed = one_product(np.eye(2))
    held = typed.graph.initializer[0]
    held.ClearField("raw_data")
    held.float_data.extend([1.0, 0.0, 1.0])
    refused(saved(tmp_path, typed), "declares shape (2, 2), which is 4 numbers", "holds 3")


def external(weights, location, **entries):
    made = one_product(weights)
    held = made.graph.initializer[0]
    held.ClearField("raw_data")
    held.data_location = onnx.TensorProto.EXTERNAL
    for key, value in {"location": location, **entries}.items():
        held.external_data.add(key=key, value=str(value))
    return made


def test_tensors_in_another_file_of_the_folder_are_read(tmp_path) -> None:
    w = np.arange(6, dtype=np.float32).reshape(2, 3)
    (tmp_path / "w.bin").write_bytes(b"junk" + w.tobytes())
    path = saved(tmp_path, external(w, "w.bin", offset=4, length=24))
    assert (rel.load_network(path).layers[0].matrix == w).all()
    refused(saved(tmp_path, external(w, "w.bin", offset=8, length=24)), "which holds 28")
    refused(saved(tmp_path, external(w, "w.bin", offset=4, length=20)), "declares shape (2, 3)")
    refused(saved(tmp_path, external(w, "none.bin")), "no file 'none.bin'")
    refused(saved(tmp_path, external(w, "w.bin", offset="x")), "not numbers")


def test_tensors_outside_the_folder_are_refused(tmp_path) -> None:
    w = np.eye(2, dtype=np.float32)
    folder = tmp_path / "model"
    folder.mkdir()
    secret = tmp_path / "secret.bin"
    secret.write_bytes(w.tobytes())
    (folder / "link.bin").symlink_to(secret)
    for location in ("../secret.bin", str(secret), "link.bin", ""):
        refused(saved(folder, external(w, location)), "outside the folder of the model")


def test_digital_is_for_onnx() -> None:
    with pytest.raises(rel.InputError, match="digital"):
        rel.load_network("spirit", digital=["x"])
    with pytest.raises(rel.InputError, match="did you mean 'mobilenet-mnist'"):
        rel.load_network("mobilenet-mnst")


@given(at=st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_refused_or_evaluated(tmp_path_factory, at) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    content = bytearray(small_network(folder / "small.onnx").read_bytes())
    for place, byte in at:
        content[place % len(content)] = byte
    (folder / "small.onnx").write_bytes(bytes(content))
    inputs = (("image", "channel", "row", "column"), np.ones((2, 2, 6, 5)))
    data = _dataset({"inputs": inputs, "label": ("image", [0, 1])})
    with contextlib.suppress(rel.InputError):
        network = rel.load_network(folder / "small.onnx")
        rel.evaluate(network, data=data, tiling=rel.Tiling(adc_bits=8, rows=7))


def test_what_onnxruntime_cannot_do_is_one_line(tmp_path) -> None:
    """A graph that it refuses, and inputs that do not fit a graph that it takes."""
    unknown = model([onnx.helper.make_node("NoSuchNode", ["x"], ["y"])], [], [("x", [2])],
                    [("y", [2])])  # fmt: skip
    with pytest.raises(rel.InputError, match=r"^network: onnxruntime can't load it: [^\n]+$"):
        Session(unknown.SerializeToString())
    twice = model([onnx.helper.make_node("Add", ["x", "x"], ["y"])], [], [("x", [2])], [("y", [2])])
    session = Session(twice.SerializeToString())
    assert session.run({"x": np.array([1, 2], np.float32)})[0].tolist() == [2, 4]
    with pytest.raises(rel.InputError, match=r"^network: onnxruntime can't run it: [^\n]+$"):
        session.run({"x": np.ones(3, np.float32)})


def test_without_the_package_it_is_said_how_to_install_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(rel.InputError, match=r"pip install 'rram-reliability\[onnx\]'"):
        rel.load_network("mobilenet-mnist")
