"""Chips of a deep network whose graph takes their weights, beside two other ways.

The weights of a chip are inputs of one graph, bound once for the chip. The first peer feeds them to
every run of one session; the second writes them into the ONNX file and loads that. All classify the
same images with the same weights on one thread in this process. Prints the time of a chip for few
and for many images, and the ratios.

    python -m benchmarks.deep
"""

import time

import numpy as np
import onnx
import onnxruntime

import reliability as rel
from benchmarks.found import row
from reliability.network.deep.chips import chips_of, load_chip
from reliability.network.deep.graph import Stage, executed_graph
from reliability.network.deep.images import Images, at, class_scores, images_of, network_inputs
from reliability.network.deep.layer_mapping import place, read_layer
from reliability.network.deep.runtime import Session

CHIPS = 10


def main() -> None:
    """Print the comparison."""
    network, card = rel.load_network("mobilenet-mnist"), rel.load_technology("techB")
    tiling = rel.Tiling()
    placed = place(network, tiling)
    stages = tuple(Stage(p) for p in placed)
    chips = chips_of(card, placed, tiling, CHIPS, None, 1)
    graph = executed_graph(network, stages)
    session = Session(graph)
    sampled = [chips.chip(k) for k in range(CHIPS)]  # neither side pays for the cells
    held = chips._replace(chip=sampled.__getitem__)

    def ours(chip: int, x: Images) -> np.ndarray:
        loaded = load_chip(held, chip, stages)
        return class_scores(Session(graph, loaded.values), network, {}, x)

    def fed(chip: int, x: Images) -> np.ndarray:
        loaded = load_chip(held, chip, stages)
        return class_scores(session, network, loaded.values, x)

    def peer(chip: int, x: Images) -> np.ndarray:
        model = onnx.ModelProto()
        model.CopyFrom(network.model)
        tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        nodes = {node.output[0]: node for node in model.graph.node}
        for p in placed:
            node = nodes[p.layer.uses[0]]
            read = p.weights(read_layer(p, sampled[chip].conductance, card, tiling))
            tensor = tensors[node.input[1]]
            tensor.raw_data = read.T.reshape(tuple(tensor.dims)).tobytes()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        own = onnxruntime.InferenceSession(model.SerializeToString(), options)
        parts = [at(x, slice(k, k + 250)) for k in range(0, images_of(x), 250)]
        return np.concatenate([own.run(None, part)[0] for part in parts])

    images = network_inputs(network, rel.load_mnist28())
    for count in (50, 500, 2000):
        x = at(images, slice(count))
        seconds, scores = [], []
        for way in (ours, fed, peer):
            way(0, x)
            start = time.perf_counter()
            scores.append([way(chip, x) for chip in range(CHIPS)])
            seconds.append((time.perf_counter() - start) / CHIPS)
        assert all(np.allclose(scores[0], other, atol=1e-3) for other in scores[1:])
        print(
            f"{count:5d} images: {seconds[0] * 1e3:6.1f} ms a chip; weights fed to every run "
            f"{seconds[1] * 1e3:6.1f} ms, {seconds[1] / seconds[0]:.2f} times; file rewritten and "
            f"loaded for each chip {seconds[2] * 1e3:6.1f} ms, {seconds[2] / seconds[0]:.2f} times"
        )
        for peer_name, took in (
            ("fed to every run", seconds[1]),
            ("file for each chip", seconds[2]),
        ):
            row(
                f"chip of a deep network, {count} images", f"{seconds[0] * 1e3:.1f} ms",
                f"{peer_name} {took * 1e3:.1f} ms", took / seconds[0],
            )  # fmt: skip


if __name__ == "__main__":
    main()
