"""Small ONNX networks for the tests, written with onnx alone, and a NumPy oracle of them."""

from pathlib import Path

import numpy as np
import pytest

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")


def tensor(name: str, values: np.ndarray):
    return onnx.numpy_helper.from_array(np.asarray(values, np.float32), name)


def model(nodes, constants, inputs, outputs, opset: int = 17):
    """A model with float inputs and outputs, given as (name, shape)."""
    values = [
        [onnx.helper.make_tensor_value_info(n, onnx.TensorProto.FLOAT, s) for n, s in group]
        for group in (inputs, outputs)
    ]
    graph = onnx.helper.make_graph(nodes, "small", *values, constants)
    opsets = [onnx.helper.make_opsetid("", opset)]
    return onnx.helper.make_model(graph, ir_version=8, opset_imports=opsets)


def small_weights(seed: int = 0) -> dict[str, np.ndarray]:
    """Weights of `small_network`: conv 2 -> 6, depthwise of 6, fully connected 24 -> 3."""
    rng = np.random.default_rng(seed)
    shapes = {"w1": (6, 2, 3, 3), "b1": (6,), "w2": (6, 1, 2, 2), "w3": (3, 24), "b3": (3,)}
    return {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}


def small_network(path: Path, weights: dict[str, np.ndarray] | None = None, alpha=0.5) -> Path:
    """Images (2, 6, 5): padded strided conv, relu, depthwise conv, flatten, Gemm with transB."""
    weights = small_weights() if weights is None else weights
    make = onnx.helper.make_node
    nodes = [
        make("Conv", ["x", "w1", "b1"], ["a"], name="first", strides=[2, 1], pads=[1, 1, 1, 1]),
        make("Relu", ["a"], ["b"], name="relu"),
        make("Conv", ["b", "w2"], ["c"], name="depthwise", group=6, strides=[1, 3]),
        make("Flatten", ["c"], ["d"], name="flatten"),
        make("Gemm", ["d", "w3", "b3"], ["y"], name="last", transB=1, alpha=alpha, beta=2.0),
    ]
    constants = [tensor(name, values) for name, values in weights.items()]
    made = model(nodes, constants, [("x", ["N", 2, 6, 5])], [("y", ["N", 3])])
    path.write_bytes(made.SerializeToString())
    return path


def convolve(x, w, pads, strides, groups):
    """2-D convolution by its definition, in float64: loops over outputs and kernel."""
    x = np.pad(x.astype(float), ((0, 0), (0, 0), (pads[0], pads[2]), (pads[1], pads[3])))
    out_channels, own, kh, kw = w.shape
    height = (x.shape[2] - kh) // strides[0] + 1
    width = (x.shape[3] - kw) // strides[1] + 1
    out = np.zeros((len(x), out_channels, height, width))
    for o in range(out_channels):
        first = o // (out_channels // groups) * own
        for c in range(own):
            for i in range(kh):
                for j in range(kw):
                    rows = slice(i, i + height * strides[0], strides[0])
                    columns = slice(j, j + width * strides[1], strides[1])
                    out[:, o] += w[o, c, i, j] * x[:, first + c, rows, columns]
    return out


def small_scores(x, w, alpha=0.5):
    """What `small_network` computes, by NumPy."""
    a = convolve(x, w["w1"], (1, 1, 1, 1), (2, 1), 1) + w["b1"][:, None, None]
    c = convolve(np.maximum(a, 0), w["w2"], (0, 0, 0, 0), (1, 3), 6)
    d = c.reshape(len(x), -1)
    return alpha * d @ w["w3"].T.astype(float) + 2.0 * w["b3"]
