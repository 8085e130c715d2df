"""Write NeuRRAM's ResNet-20 for CIFAR-10 as ONNX, from its published weights in an .npz file.

W. Wan et al., Nature 608, 504 (2022), doi:10.1038/s41586-022-04992-8; weights of
github.com/weierwan/Neurram_48core, which do not ship. Inputs are RGB from 0 to 1, quantised to 4
bits below 0.95; activations are clipped and have 3 bits.

    python neurram_onnx.py neurram_resnet20_noise0.20.npz neurram.onnx
"""

import sys
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


if __name__ == "__main__":
    source, target = sys.argv[1:]
    with np.load(source) as held:
        onnx.save(resnet20(dict(held)), target)
