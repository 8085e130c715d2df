"""Write NeuRRAM's ResNet-20 for CIFAR-10 as ONNX, from its published weights in an .npz file.

W. Wan et al., Nature 608, 504 (2022), doi:10.1038/s41586-022-04992-8; weights of
github.com/weierwan/Neurram_48core, which do not ship. Inputs are RGB from 0 to 1, quantised to 4
bits below 0.95; activations are clipped and have 3 bits.

    python neurram_onnx.py neurram_resnet20_noise0.20.npz neurram-resnet20.onnx --on-chip

``--on-chip`` writes the weights as they were mapped to the chip: batch normalisation folded into
the kernels, which are clipped at the 95th percentile of the magnitudes of their layer.
"""

import argparse
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx

_EPSILON = 1e-3  # of the batch normalisation


class _Network:
    """Nodes and constants, in the order in which the file numbers its layers."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        self.arrays = arrays
        self.number = 0
        self.nodes: list[Any] = []
        self.tensors: list[Any] = []

    def add(self, operator: str, *inputs: str, **attributes: Any) -> str:
        out = f"t{len(self.nodes)}"
        self.nodes.append(onnx.helper.make_node(operator, inputs, [out], **attributes))
        return out

    def constant(self, values: Any) -> str:
        name = f"c{len(self.tensors)}"
        tensor = onnx.numpy_helper.from_array(np.asarray(values, np.float32), name)
        self.tensors.append(tensor)
        return name

    def held(self, kind: str) -> Any:
        return self.arrays[f"layer_with_weights-{self.number}.{kind}"]

    def rounded(self, x: str, largest: float, codes: int) -> str:
        """Clip to 0 to the largest, and round to so many steps."""
        step = self.constant(largest / codes)
        x = self.add("Clip", x, self.constant(0), self.constant(largest))
        return self.add("Mul", self.add("Round", self.add("Div", x, step)), step)

    def activation(self, x: str) -> str:
        y = self.rounded(x, float(self.held("relux")), 7)
        self.number += 1
        return y

    def convolution(self, x: str, stride: int = 1) -> str:
        kernel = self.held("kernel").transpose(3, 2, 0, 1)
        size = kernel.shape[2]
        # "same": the odd column of padding lies behind
        pads = {(3, 1): [1, 1, 1, 1], (3, 2): [0, 0, 1, 1]}.get((size, stride), [0, 0, 0, 0])
        weights, bias = self.constant(kernel), self.constant(self.held("bias"))
        self.number += 1
        return self.add("Conv", x, weights, bias, strides=[stride, stride], pads=pads,
                        name=f"conv_{self.number - 1}")  # fmt: skip

    def normalised(self, x: str) -> str:
        kinds = ("gamma", "beta", "moving_mean", "moving_variance")
        names = [self.constant(self.held(kind)) for kind in kinds]
        self.number += 1
        return self.add("BatchNormalization", x, *names, epsilon=_EPSILON)


def resnet20(arrays: Mapping[str, Any]) -> Any:
    """Return the network as an ONNX model of images (3, 32, 32)."""
    n = _Network(arrays)
    x = n.rounded("images", 0.95, 15)
    x = n.activation(n.normalised(n.convolution(x)))
    for block in range(9):
        stride = 2 if block in (3, 6) else 1
        y = n.activation(n.normalised(n.convolution(x, stride)))
        y = n.convolution(y)
        shortcut = n.convolution(x, stride) if stride == 2 else x
        x = n.add("Add", n.normalised(y), shortcut)
        x = n.activation(x) if block < 8 else n.add("Relu", x)
    x = n.activation(n.add("Flatten", n.add("GlobalAveragePool", x)))
    scores = n.add(
        "Gemm", x, n.constant(n.held("kernel")), n.constant(n.held("bias")), name="dense"
    )
    ends = [("images", ["N", 3, 32, 32]), (scores, ["N", 10])]
    values = [onnx.helper.make_tensor_value_info(k, onnx.TensorProto.FLOAT, s) for k, s in ends]
    graph = onnx.helper.make_graph(n.nodes, "resnet20", values[:1], values[1:], n.tensors)
    opsets = [onnx.helper.make_opsetid("", 17)]
    return onnx.helper.make_model(graph, ir_version=8, opset_imports=opsets)


def on_chip(arrays: Mapping[str, Any], percentile: float = 95.0) -> dict[str, Any]:
    """Return the weights with batch normalisation folded into the kernels, and these clipped."""
    out = dict(arrays)
    for name in arrays:
        layer, _, kind = name.rpartition(".")
        if kind != "kernel":
            continue
        kernel = arrays[name]
        if kernel.shape[:2] == (3, 3):  # the convolutions of the shortcuts have none
            number = int(layer.rpartition("-")[2])
            norm = next(
                n for n in (f"layer_with_weights-{number + k}" for k in (1, 2))
                if f"{n}.gamma" in arrays
            )  # fmt: skip
            factor = arrays[f"{norm}.gamma"] / np.sqrt(arrays[f"{norm}.moving_variance"] + _EPSILON)
            kernel = kernel * factor
            bias = (arrays[f"{layer}.bias"] - arrays[f"{norm}.moving_mean"]) * factor
            out[f"{layer}.bias"] = bias + arrays[f"{norm}.beta"]
            ones, zeros = np.ones_like(factor), np.zeros_like(factor)
            out |= {f"{norm}.gamma": ones, f"{norm}.beta": zeros, f"{norm}.moving_mean": zeros}
            out[f"{norm}.moving_variance"] = ones - _EPSILON
        largest = np.percentile(abs(kernel), percentile)
        out[name] = np.clip(kernel, -largest, largest)
    return out


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Write NeuRRAM's ResNet-20 as ONNX.")
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--on-chip", action="store_true")
    args = parser.parse_args()
    with np.load(args.source) as held:
        onnx.save(resnet20(on_chip(held) if args.on_chip else dict(held)), args.target)
