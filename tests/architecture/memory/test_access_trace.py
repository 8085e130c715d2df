"""Traces of execution: every weight is read, nothing is read that was not written, sizes add up."""

import numpy as np
import pytest

import reliability as rel
from reliability.architecture.memory.access_trace import READ, WRITE_PART, WRITE_WHOLE, layer_trace

pytest.importorskip("onnx")
ORDERS = ("pixels", "channels")
NETWORKS = ("spirit", "mobilenet-mnist", "binary-mnist")


@pytest.fixture(scope="module")
def networks() -> dict:
    return {name: rel.load_network(name) for name in NETWORKS}


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_is_read_and_no_activation_before_it_is_written(networks, name, order) -> None:
    trace = layer_trace(networks[name], order=order)
    weights = trace.line < trace.weight_lines
    assert set(trace.line[weights]) == set(range(trace.weight_lines))
    assert (trace.kind[weights] == READ).all()
    assert trace.line.max() < trace.lines
    written: set[int] = set()
    for line, kind in zip(trace.line[~weights], trace.kind[~weights], strict=True):
        if kind == READ:
            assert line in written
        written.add(line)


@pytest.mark.parametrize(("bits", "size"), [(8, 32), (8, 64), (4, 32), (1, 32)])
def test_weights_take_the_room_that_their_bits_need(networks, bits, size) -> None:
    network = networks["mobilenet-mnist"]
    trace = layer_trace(network, weight_bits=bits, line_bytes=size)
    least = network.weights * bits / 8
    # biases of 4 bytes, and each layer begins on a line
    outputs = sum(layer.outputs for layer in network.layers)
    assert least <= trace.weight_lines * size <= least + 4 * outputs + len(network.layers) * size


def test_a_dense_layer_by_hand(networks) -> None:
    """144 inputs in five lines, 1440 weights in 45, ten sums in one."""
    pixels = layer_trace(networks["spirit"], order="pixels")
    assert pixels.weight_lines == 45
    image = np.arange(5) + pixels.line[0]
    sums = set(range(45, 51)) - set(image)
    assert len(sums) == 1
    # the image is written, read, all weights follow, then the sums
    expected = [*image, *image, *range(45), *sums]
    assert pixels.line.tolist() == expected
    kinds = [WRITE_WHOLE] * 5 + [READ] * 50 + [WRITE_PART]
    assert pixels.kind.tolist() == kinds
    channels = layer_trace(networks["spirit"], order="channels")
    reads_of_image = np.isin(channels.line[5:], image).sum()
    assert reads_of_image == 10 * 5  # again for each of ten outputs


def test_orders_read_again_what_the_other_holds(networks) -> None:
    """A pointwise layer of 14 x 14 pixels, 16 to 32 channels: 512 bytes of weights."""
    pixels, channels = (layer_trace(networks["mobilenet-mnist"], order=o) for o in ORDERS)
    stem, depthwise = (9 * 16 + 4 * 16 + 31) // 32, (9 * 16 + 4 * 16 + 31) // 32
    first = stem + depthwise
    # 16 lines for each of 196 pixels, or each line for the two channels whose weights lie in it
    assert np.isin(pixels.line, range(first, first + 16)).sum() == 196 * 16
    assert np.isin(channels.line, range(first, first + 16)).sum() == 32


def test_what_cannot_be_right_is_named(networks) -> None:
    spirit = networks["spirit"]
    with pytest.raises(rel.InputError, match="unknown order 'pixel'; did you mean 'pixels'"):
        layer_trace(spirit, order="pixel")  # type: ignore[arg-type]
    with pytest.raises(rel.InputError, match="line_bytes: got 0"):
        layer_trace(spirit, line_bytes=0)
    with pytest.raises(rel.InputError, match="weight_bits: got True"):
        layer_trace(spirit, weight_bits=True)


def test_a_network_of_branches(tmp_path) -> None:
    """A residual addition reads both of its inputs, which live at the same time."""
    onnx = pytest.importorskip("onnx")
    helper = onnx.helper
    kind = onnx.TensorProto.FLOAT
    weights = [onnx.numpy_helper.from_array(np.ones((8, 8, 1, 1), np.float32), f"w{k}")
               for k in range(2)]  # fmt: skip
    nodes = [
        helper.make_node("Conv", ["image", "w0"], ["a"], "first"),
        helper.make_node("Relu", ["a"], ["r"]),
        helper.make_node("Conv", ["r", "w1"], ["b"], "second"),
        helper.make_node("Add", ["b", "r"], ["sum"], "add"),
    ]
    graph = helper.make_graph(
        nodes, "residual",
        [helper.make_tensor_value_info("image", kind, ["n", 8, 4, 4])],
        [helper.make_tensor_value_info("sum", kind, ["n", 8, 4, 4])], weights,
    )  # fmt: skip
    path = tmp_path / "residual.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)]), path)
    trace = layer_trace(rel.load_network(path))
    assert trace.weight_lines == 4
    assert trace.scratch_lines == 3 * 4  # b, r and the sum: three tensors of 128 bytes at once
    assert (trace.kind == WRITE_WHOLE).sum() == 4 + 4  # the image and the sum
