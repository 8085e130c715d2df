"""Chips of the residual network for CIFAR-10 beside aihwkit's inference tiles, and their memory.

Both programme every chip anew, quantise the inputs and the sums of tiles of 256 x 256 cells and
classify the same images in this process, on all threads or on one, what is faster. aihwkit has its
PCM noise model, no output noise and no search of ranges; the cells of our chips are those of
`pcm-mushroom`. Both are first checked to decide alike without noise and converters. Memory is the
most of the process while one side runs, above what it held before (Linux alone tells). CrossSim is
not on a package index.

    pip install -e ".[benchmarks,onnx]"
    python -m benchmarks.deep_aihwkit [COPY of CIFAR-10]
"""

import gc
import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from onnx import numpy_helper

import reliability as rel
from benchmarks.found import left_out, row
from reliability.network.deep.onnx_writer import attributes_of

CHIPS, IMAGES, SIZE, BITS = 4, 500, 256, 8


def images(copy: str | None) -> np.ndarray:
    """Test images of a copy of CIFAR-10, or random ones."""
    if copy is None:
        return np.random.default_rng(0).random((IMAGES, 3, 32, 32), dtype=np.float32)
    return rel.load_cifar10(copy)["inputs"].values[:IMAGES]


def torch_module(network: rel.DeepNetwork) -> Any:
    """The same network of torch's layers: Conv, Relu, Add, GlobalAveragePool, Flatten, Gemm."""
    import torch

    graph = network.model.graph
    held = {t.name: torch.tensor(numpy_helper.to_array(t)) for t in graph.initializer}

    class Module(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = torch.nn.ModuleDict()
            for k, node in enumerate(graph.node):
                if node.op_type not in ("Conv", "Gemm"):
                    continue
                weight, bias = (held[name] for name in node.input[1:3])
                if node.op_type == "Gemm":
                    layer: Any = torch.nn.Linear(weight.shape[1], weight.shape[0])
                else:
                    given = attributes_of(node)
                    layer = torch.nn.Conv2d(
                        weight.shape[1], weight.shape[0], tuple(weight.shape[2:]),
                        stride=tuple(given.get("strides", (1, 1))),
                        padding=tuple(given.get("pads", (0, 0, 0, 0)))[:2],
                    )  # fmt: skip
                layer.weight.data, layer.bias.data = weight.clone(), bias.clone()
                self.layers[str(k)] = layer

        def forward(self, x: Any) -> Any:
            at = {graph.input[0].name: x}
            does = {
                "Relu": torch.relu,
                "Add": torch.add,
                "GlobalAveragePool": lambda x: x.mean(dim=(2, 3), keepdim=True),
                "Flatten": lambda x: x.flatten(1),
            }
            for k, node in enumerate(graph.node):
                run = self.layers[str(k)] if str(k) in self.layers else does[node.op_type]
                own = node.input[:1] if str(k) in self.layers else node.input
                at[node.output[0]] = run(*(at[name] for name in own))
            return at[network.output_name]

    return Module().eval()


def analog(network: rel.DeepNetwork, perfect: bool) -> Any:
    """The module on aihwkit's tiles."""
    from aihwkit.inference import PCMLikeNoiseModel
    from aihwkit.nn.conversion import convert_to_analog
    from aihwkit.simulator.configs import TorchInferenceRPUConfig
    from aihwkit.simulator.parameters import BoundManagementType, NoiseManagementType

    config = TorchInferenceRPUConfig()
    config.forward.is_perfect = perfect
    config.forward.inp_res = config.forward.out_res = 2.0**-BITS
    config.forward.out_noise = 0.0
    config.forward.bound_management = BoundManagementType.NONE
    config.forward.noise_management = NoiseManagementType.ABS_MAX
    config.mapping.max_input_size = config.mapping.max_output_size = SIZE
    config.mapping.weight_scaling_omega, config.mapping.weight_scaling_columnwise = 1.0, True
    config.noise_model = PCMLikeNoiseModel(g_max=25.0)
    config.drift_compensation = None
    return convert_to_analog(torch_module(network), config).eval()


def held(name: str) -> float:
    """Resident memory of the process (VmRSS, or its most VmHWM), MiB."""
    status = Path("/proc/self/status")
    found = re.search(rf"{name}:\s+(\d+)", status.read_text()) if status.is_file() else None
    return int(found[1]) / 1024 if found else float("nan")


def measured(run: Callable[[], Any]) -> tuple[float, float]:
    """Seconds, the least of three, and MiB above what the process holds before."""
    run()
    gc.collect()
    before = held("VmRSS")
    clear = Path("/proc/self/clear_refs")
    if clear.is_file():
        clear.write_text("5")  # the peak begins anew
    times = []
    for _ in range(3):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return min(times), held("VmHWM") - before


def theirs(network: rel.DeepNetwork, x: np.ndarray) -> tuple[float, float, np.ndarray]:
    """Seconds and MiB of aihwkit, and its decisions without noise and converters."""
    import torch

    inputs = torch.from_numpy(x)
    with torch.inference_mode():
        perfect = analog(network, True)(inputs).argmax(dim=1).numpy()
        module = analog(network, False)

        def chips() -> None:
            for _ in range(CHIPS):
                module.program_analog_weights()
                for part in inputs.split(250):
                    module(part).argmax(dim=1)

        best = (np.inf, np.inf)
        for threads in {1, os.cpu_count() or 1}:
            torch.set_num_threads(threads)
            best = min(best, measured(chips))
    return *best, perfect


def main() -> None:
    """Print chips x images per second of both, and their memory."""
    network, card = rel.load_network("resnet-cifar10"), rel.load_technology("pcm-mushroom")
    tiling = rel.Tiling(rows=SIZE, columns=SIZE, dac_bits=BITS, adc_bits=BITS)
    x = images(sys.argv[1] if len(sys.argv) > 1 else None)
    data = x, np.zeros(len(x), int)
    decided = rel.evaluate(network, data=data, outputs=True)["outputs"].values[0].argmax(axis=-1)
    done = CHIPS * len(x)

    def ours(seed: int = 0) -> None:
        rel.evaluate(network, card, tiling=tiling, data=data, chips=CHIPS, seed=seed)

    seconds, memory = measured(ours)
    said = f"{done / seconds:.0f} chips × images/s, {memory:.0f} MiB"
    print(f"ours: {said}")
    what = f"resnet-cifar10, {CHIPS} chips, {BITS}-bit converters, tiles of {SIZE} × {SIZE}"
    try:
        other, peak, perfect = theirs(network, x)
        if (perfect != decided).mean() > 0.01:
            raise SystemExit("aihwkit and the evaluator disagree")
        rate = f"{done / other:.0f} chips × images/s, {peak:.0f} MiB"
        print(f"aihwkit: {rate}")
        row(what, said, f"aihwkit {rate}", other / seconds)
    except ImportError as error:
        row(what, said)
        left_out("aihwkit", error)
    left_out("CrossSim", "not on a package index")


if __name__ == "__main__":
    main()
