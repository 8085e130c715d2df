"""Random small graphs of every operator: ideal cells give what onnxruntime makes of the file."""

from pathlib import Path

import numpy as np
import pytest

import reliability as rel
from reliability.network.deep.onnx_normal import sort_nodes
from tests.network.deep.onnx_models import model, onnx

onnxruntime = pytest.importorskip("onnxruntime")
make = onnx.helper.make_node
FLOAT = onnx.TensorProto.FLOAT


class Graph:
    """Nodes and constants of a random network, whose tensor `shape` is that of one image."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list = []
        self.constants: list = []
        self.shape: tuple[int, ...] = ()
        self.at = "x"

    def constant(self, values) -> str:
        name = f"c{len(self.constants)}"
        self.constants.append(onnx.numpy_helper.from_array(np.asarray(values), name))
        return name

    def weights(self, *shape) -> str:
        return self.constant(self.rng.normal(size=shape).astype(np.float32))

    def add(self, operator, *inputs, **attributes) -> str:
        out = f"t{len(self.nodes)}"
        self.nodes.append(
            make(operator, list(inputs), [out], name=f"n{len(self.nodes)}", **attributes)
        )
        return out

    def whole(self, *values) -> str:
        return self.constant(np.array(values, np.int64))

    def size(self, low=2, high=5) -> int:
        return int(self.rng.integers(low, high))

    def reshape(self, *shape) -> None:
        self.at, self.shape = self.add("Reshape", self.at, self.whole(-1, *shape)), shape

    def as_images(self) -> None:
        """(channel, row, column)."""
        self.reshape(2, 3, int(np.prod(self.shape)) // 6)

    def as_steps(self) -> None:
        """(step, feature)."""
        self.reshape(4, int(np.prod(self.shape)) // 4)


def conv(g) -> None:
    g.as_images()
    groups, out, kernel = g.size(1, 3), 2 * g.size(1, 4), (2, g.size(1, 3))
    w = g.weights(out, 2 // groups, *kernel)
    g.at = g.add("Conv", g.at, w, g.weights(out), group=groups, pads=[1, 0, 0, 1],
                 strides=[1, g.size(1, 3)])  # fmt: skip
    close(g)


def conv_transpose(g) -> None:
    g.as_images()
    groups, each = g.size(1, 3), g.size(1, 4)
    w = g.weights(2, each, 2, 3)
    bias = [g.weights(each * groups)] if g.size(0, 2) else []
    g.at = g.add("ConvTranspose", g.at, w, *bias, group=groups, strides=[g.size(1, 3), 2],
                 pads=[0, 1, 1, 0], dilations=[1, g.size(1, 3)])  # fmt: skip
    close(g)


def gemm(g) -> None:
    g.reshape(int(np.prod(g.shape)))
    turned = g.size(0, 2)
    shape = (12, g.shape[0]) if turned else (g.shape[0], 12)
    g.at = g.add("Gemm", g.at, g.weights(*shape), g.weights(12), transB=turned, alpha=0.7, beta=1.3)
    g.shape = (12,)


def matmul(g) -> None:
    g.as_steps()
    g.at = g.add("MatMul", g.at, g.weights(g.shape[1], 6))
    g.shape = (4, 6)


def constant_first(g) -> None:
    g.as_steps()
    g.at = g.add("MatMul", g.weights(6, 4), g.at)
    g.shape = (6, g.shape[1])


def stacked(g) -> None:
    n = int(np.prod(g.shape)) // 4
    g.reshape(2, 2, n)
    g.at = g.add("MatMul", g.at, g.weights(2, n, 3))
    g.shape = (2, 2, 3)


def stacked_first(g) -> None:
    n = int(np.prod(g.shape)) // 4
    g.reshape(2, 2, n)
    g.at = g.add("MatMul", g.weights(2, 3, 2), g.at)
    g.shape = (2, 3, n)


def einsum(g) -> None:
    n = int(np.prod(g.shape)) // 4
    g.reshape(2, 2, n)
    equation, shape, out = [
        ("bhtd,hde->bhte", (2, n, 3), (2, 2, 3)),
        ("bhtd,de->bhte", (n, 3), (2, 2, 3)),
        ("bhtd,hdke->btke", (2, n, 2, 3), (2, 2, 3)),
        ("bhtd,thde->be", (2, 2, n, 12), (12,)),
        ("bhtd,ed->bhet", (3, n), (2, 3, 2)),
    ][g.size(0, 5)]
    g.at = g.add("Einsum", g.at, g.weights(*shape), equation=equation)
    g.shape = out


def recurrent(g) -> None:
    g.as_steps()
    operator = ["LSTM", "GRU", "RNN"][g.size(0, 3)]
    kind = ["forward", "reverse", "bidirectional"][g.size(0, 3)]
    d, gates, hidden = 1 + (kind == "bidirectional"), {"LSTM": 4, "GRU": 3, "RNN": 1}[operator], 3
    held = {"linear_before_reset": g.size(0, 2)} if operator == "GRU" else {}
    w = [g.weights(d, gates * hidden, g.shape[1]), g.weights(d, gates * hidden, hidden)]
    bias = [g.weights(d, 2 * gates * hidden)] if g.size(0, 2) else []
    x = g.add("Transpose", g.at, perm=[1, 0, 2])
    y = g.add(operator, x, *w, *bias, hidden_size=hidden, direction=kind, **held)
    g.at = g.add("Transpose", y, perm=[2, 0, 1, 3])  # (step, direction, batch, hidden)
    g.shape = (4, d, hidden)


def attention(g) -> None:
    g.as_steps()
    n = g.shape[1]
    q, k, v = (g.add("MatMul", g.at, g.weights(n, 3)) for _ in range(3))
    scores = g.add("MatMul", q, g.add("Transpose", k, perm=[0, 2, 1]))
    y = g.add("MatMul", g.add("Softmax", scores, axis=-1), v)
    g.at = g.add("LayerNormalization", y, g.weights(3), axis=-1)
    g.shape = (4, 3)


def integers(g) -> None:
    """Quantised to bytes, a convolution and a product of them, back to numbers."""
    g.as_images()
    scale, zero = g.constant(np.float32(0.05)), g.constant(np.uint8(g.size(100, 140)))
    q = g.add("QuantizeLinear", g.at, scale, zero)

    def signed(*shape):
        return g.constant(g.rng.integers(-100, 100, shape).astype(np.int8))

    out = g.size(1, 4)
    w_scale = g.constant(g.rng.uniform(0.01, 0.02, out).astype(np.float32))
    y_scale, y_zero = g.constant(np.float32(0.2)), g.constant(np.uint8(120))
    bias = g.constant(g.rng.integers(-500, 500, out).astype(np.int32))
    if g.size(0, 2):
        y = g.add("QLinearConv", q, scale, zero, signed(out, 2, 2, 2), w_scale,
                  g.constant(np.zeros(out, np.int8)), y_scale, y_zero, bias,
                  pads=[0, 1, 1, 0])  # fmt: skip
    else:
        w = signed(g.shape[2], 5)
        y = g.add("QLinearMatMul", q, scale, zero, w, g.constant(np.float32(0.01)),
                  g.constant(np.int8(3)), y_scale, y_zero)  # fmt: skip
    g.at = g.add("DequantizeLinear", y, y_scale, y_zero)
    close(g)


def dynamic(g) -> None:
    """Integers with the scale and zero point of each run."""
    g.as_images()
    names = [f"{g.at}:{k}" for k in ("q", "s", "z")]
    g.nodes.append(make("DynamicQuantizeLinear", [g.at], names))
    q, scale, zero = names
    if g.size(0, 2):
        w = g.constant(g.rng.integers(0, 255, (3, 2, 2, 2)).astype(np.uint8))
        y = g.add("ConvInteger", q, w, zero, g.constant(np.uint8(128)))
    else:
        w = g.constant(g.rng.integers(-100, 100, (g.shape[2], 3)).astype(np.int8))
        y = g.add("MatMulInteger", q, w, zero)
    g.at = g.add("Mul", g.add("Cast", y, to=FLOAT), scale)
    g.at = g.add("Mul", g.at, g.constant(np.float32(0.01)))
    close(g)


def close(g) -> None:
    """Take 12 numbers of the last tensor, whatever its shape, and keep them near one."""
    flat = g.add("Flatten", g.at)
    padded = g.add("Pad", flat, g.whole(0, 0, 0, 12))
    g.at = g.add("Slice", padded, g.whole(0), g.whole(12), g.whole(1))
    g.at, g.shape = g.add("Tanh", g.at), (12,)


BLOCKS = (conv, conv_transpose, gemm, matmul, constant_first, stacked, stacked_first, einsum,
          recurrent, attention, integers, dynamic)  # fmt: skip


def random_network(path: Path, seed: int) -> None:
    """One block of each seed in turn, one or two random ones behind, nodes in any order."""
    g = Graph(seed)
    x = "x"
    if seed % 3 == 2:  # tokens, behind an embedding
        g.at, g.shape = g.add("Gather", g.weights(7, 3), x), (4, 3)
        g.at, g.shape = g.add("Flatten", g.at), (12,)
    else:
        g.shape = (12,)
    for block in (BLOCKS[seed % len(BLOCKS)], *g.rng.choice(BLOCKS, g.size(0, 3))):
        block(g)
        close(g)
    g.at = g.add("Gemm", g.at, g.weights(12, 3))
    nodes = [g.nodes[k] for k in g.rng.permutation(len(g.nodes))]
    shape = ["N", 4] if seed % 3 == 2 else ["N", 12]
    made = model(nodes, g.constants, [(x, shape)], [(g.at, ["N", 3])])
    if seed % 3 == 2:
        made.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.INT64
    path.write_bytes(made.SerializeToString())


def agrees(path: Path, seed: int) -> None:
    """Evaluate with exact converters, and on small tiles with fine ones."""
    rng = np.random.default_rng(seed)
    random_network(path, seed)
    tokens = seed % 3 == 2
    x = rng.integers(0, 7, (6, 4)) if tokens else rng.normal(size=(6, 12)).astype(np.float32)
    ordered = onnx.load(path)
    sort_nodes(ordered.graph)
    quiet = onnxruntime.SessionOptions()
    quiet.log_severity_level = 3
    session = onnxruntime.InferenceSession(ordered.SerializeToString(), quiet)
    expected = session.run(None, {"x": x})[0]
    variance = max(float(expected.var()), 1e-3)
    net = rel.load_network(path)
    exact = rel.evaluate(net, data=(x, expected), metric="mse")
    rounded = "Quantize" in str(ordered)  # sums of 10^4 and more, and rounding to bytes
    assert exact["mse"].item() < (1e-6 if rounded else 1e-8) * variance
    tiles = rel.Tiling(rows=3, columns=8, dac_bits=20, adc_bits=20)
    fine = rel.evaluate(net, tiling=tiles, data=(x, expected), metric="mse")
    assert fine["mse"].item() < (0.05 if rounded else 1e-5) * variance


@pytest.mark.parametrize("seed", range(2 * len(BLOCKS)))
def test_random_graphs_agree_with_onnxruntime(tmp_path, seed) -> None:
    agrees(tmp_path / "random.onnx", seed)


@pytest.mark.slow
def test_hundreds_of_random_graphs_agree_with_onnxruntime(tmp_path) -> None:
    for seed in range(100, 500):
        agrees(tmp_path / "random.onnx", seed)
