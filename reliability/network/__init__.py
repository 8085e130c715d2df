"""Networks on resistive memory: weights onto cells, cells into spikes or sums, then accuracy.

Two kinds of networks, each with its own way into cells: `Network`, one layer of whole weights
(modules in ``one_layer``), and `DeepNetwork`, many layers from an ONNX file (``deep``). `evaluate`
takes both; what is computed from its results lies in ``analysis``.
"""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.network.analysis.cells_comparison import compare_cells
    from reliability.network.analysis.codings import compare_codings
    from reliability.network.analysis.comparison import compare_accuracy
    from reliability.network.analysis.deep_tiles import TiledDeepNetwork
    from reliability.network.analysis.inferences import evaluate_inferences
    from reliability.network.analysis.ir_drop import (
        TiledNetwork,
        accuracy_on_tiles,
        on_tiles,
        tile_limit,
    )
    from reliability.network.analysis.loss_attribution import attribute_loss
    from reliability.network.analysis.variability import accuracy_variability
    from reliability.network.analysis.yields import accuracy_yield
    from reliability.network.cifar10 import load_cifar10
    from reliability.network.datasets import load_mnist, load_mnist28, load_vowels
    from reliability.network.deep.binary import bit_error_tolerance, pair_error_rate
    from reliability.network.deep.converters import Adc, Dac
    from reliability.network.deep.deep_evaluation import evaluate_deep
    from reliability.network.deep.layer_mapping import program_layers
    from reliability.network.deep.onnx import DeepNetwork
    from reliability.network.deep.rate_coding import evaluate_spiking
    from reliability.network.deep.tiling import Tiling
    from reliability.network.evaluation import evaluate
    from reliability.network.loading import load_network
    from reliability.network.one_layer.coding import FirstSpike, RateCoding, WeightedSum
    from reliability.network.one_layer.model import Network
    from reliability.network.one_layer.neuron import Neuron
    from reliability.network.one_layer.weight_mapping import map_weights, read_weights, sample_chips
    from reliability.network.one_layer.weighted_sum import Converters

__all__ = [
    "Adc",
    "Converters",
    "Dac",
    "DeepNetwork",
    "FirstSpike",
    "Network",
    "Neuron",
    "RateCoding",
    "TiledDeepNetwork",
    "TiledNetwork",
    "Tiling",
    "WeightedSum",
    "accuracy_on_tiles",
    "accuracy_variability",
    "accuracy_yield",
    "attribute_loss",
    "bit_error_tolerance",
    "compare_accuracy",
    "compare_cells",
    "compare_codings",
    "evaluate",
    "evaluate_deep",
    "evaluate_inferences",
    "evaluate_spiking",
    "load_cifar10",
    "load_mnist",
    "load_mnist28",
    "load_network",
    "load_vowels",
    "map_weights",
    "on_tiles",
    "pair_error_rate",
    "program_layers",
    "read_weights",
    "sample_chips",
    "tile_limit",
]

__getattr__, __dir__ = first_use(__name__)
