"""Batch normalisation that is calibrated again on the aged chip.

Exporters fold batch normalisation into the layer before it, so that what it would do again is done
to each channel of a layer: mean and standard deviation over calibration images become those of the
ideal network, layer after layer, as each layer then sees calibrated inputs (AdaBS, V. Joshi et al.,
Nat. Commun. 11, 2473 (2020), doi:10.1038/s41467-020-16108-9).
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from reliability.errors import InputError
from reliability.network.deep.graph import (
    LEAST,
    Norm,
    Stage,
    executed_graph,
    feeds,
    norm_names,
)
from reliability.network.deep.images import Images, at, images_of, run_batches
from reliability.network.deep.onnx import DeepNetwork
from reliability.network.deep.runtime import Session

_IMAGES = 200

Values = dict[str, NDArray[np.float32]]


class Recalibration(NamedTuple):
    """Graphs and ideal statistics with which the channels of a chip are calibrated again.

    Attributes
    ----------
    network : DeepNetwork
    stages : tuple of Stage
        Those that are calibrated.
    setting, applied : bytes
        Graph that sets the channels of a batch and says what they were; graph with fixed scales.
    wanted : dict
        Ideal mean and standard deviation of each channel, as inputs of the first graph.
    images : dict
    """

    network: DeepNetwork
    stages: tuple[Stage, ...]
    setting: bytes
    applied: bytes
    wanted: Values
    images: Images

    @classmethod
    def of(cls, network: DeepNetwork, stages: tuple[Stage, ...], tuning: Images) -> "Recalibration":
        """Measure the channels of the ideal network.

        Raises
        ------
        InputError
            One layer alone, a layer that is read more than once, fewer images than a batch.
        """
        chosen = _chosen(network, stages)
        count = network.batch or min(images_of(tuning), _IMAGES)
        if images_of(tuning) < count:
            raise InputError(
                f"calibration: got {images_of(tuning)} images, batch_norm needs a batch of {count}"
            )
        images = at(tuning, slice(count))

        def graph(norm: Norm, errors: bool = True) -> bytes:
            kept = stages if errors else tuple(s.exact() for s in stages)
            return executed_graph(network, tuple(
                replace(s, norm=norm) if s.layer.name in chosen else s for s in kept
            ))  # fmt: skip

        own = tuple(s for s in stages if s.layer.name in chosen)
        ideal = {k: v for s in stages for k, v in feeds(s.exact(), s.placed.coded).items()}
        found = _measured(network, own, graph("measured", errors=False), ideal, images)
        wanted = {name: values for s in own for name, values in
                  zip(norm_names(s), found[s.layer.name], strict=True)}  # fmt: skip
        return cls(network, own, graph("set"), graph("applied"), wanted, images)

    def values(self, chip: Mapping[str, NDArray[np.float32]]) -> Values:
        """Return shift and scale of each channel of a chip, as inputs of the graph ``applied``."""
        held = {**chip, **self.wanted}
        found = _measured(self.network, self.stages, self.setting, held, self.images)
        out: Values = {}
        for stage in self.stages:
            shift, scale = norm_names(stage)
            mean, deviation = found[stage.layer.name]
            factor = self.wanted[scale] / np.maximum(deviation, np.float32(LEAST))
            moved = self.wanted[shift] - mean * factor
            out |= {shift: moved.astype(np.float32), scale: factor.astype(np.float32)}
        return out


def _chosen(network: DeepNetwork, stages: tuple[Stage, ...]) -> set[str]:
    """Names of all layers but the last, each of which has to be read once."""
    outer = {node.output[0] for node in network.model.graph.node}
    layers = [stage.layer for stage in stages[:-1]]
    if not layers:
        raise InputError("tiling: compensation: batch_norm needs two layers or more in cells")
    for layer in layers:
        if len(layer.uses) > 1 or layer.uses[0] not in outer:
            raise InputError(
                f"tiling: compensation: batch_norm: layer {layer.name!r} is read more than once"
            )
    return {layer.name for layer in layers}


def _measured(
    network: DeepNetwork,
    stages: tuple[Stage, ...],
    graph: bytes,
    values: Mapping[str, NDArray[np.float32]],
    images: Images,
) -> dict[str, tuple[NDArray[np.float32], NDArray[np.float32]]]:
    """Mean and standard deviation of the channels of each layer over one batch."""
    session = Session(graph, values)
    size = images_of(images)
    _, *seen = next(iter(run_batches(session, network, {}, images, size))).outputs
    pairs = zip(seen[::2], seen[1::2], strict=True)
    return {s.layer.name: pair for s, pair in zip(stages, pairs, strict=True)}
