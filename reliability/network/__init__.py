"""Networks on resistive memory: weights onto cells, cells into spikes or sums, then accuracy."""

from reliability.network.attribution import attribute_loss
from reliability.network.binary import bit_error_tolerance, pair_error_rate
from reliability.network.coding import compare_codings
from reliability.network.comparison import compare_accuracy
from reliability.network.datasets import load_mnist, load_mnist28, load_vowels
from reliability.network.deep import evaluate_deep
from reliability.network.evaluation import evaluate
from reliability.network.first_spike import FirstSpike
from reliability.network.formal import Converters
from reliability.network.inferences import evaluate_inferences
from reliability.network.line_drop import accuracy_on_tiles, on_tiles, tile_limit
from reliability.network.mapping import map_weights, read_weights, sample_chips
from reliability.network.model import Network, load_network
from reliability.network.neuron import Neuron
from reliability.network.onnx import DeepNetwork
from reliability.network.rate_coding import evaluate_spiking
from reliability.network.spread import accuracy_spread
from reliability.network.tiles import program_layers
from reliability.network.tiling import Tiling
from reliability.network.yields import accuracy_yield

__all__ = [
    "Converters",
    "DeepNetwork",
    "FirstSpike",
    "Network",
    "Neuron",
    "Tiling",
    "accuracy_on_tiles",
    "accuracy_spread",
    "accuracy_yield",
    "attribute_loss",
    "bit_error_tolerance",
    "compare_accuracy",
    "compare_codings",
    "evaluate",
    "evaluate_deep",
    "evaluate_inferences",
    "evaluate_spiking",
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
