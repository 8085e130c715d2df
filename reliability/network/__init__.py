"""Networks on resistive memory: weights onto cells, cells into spikes or sums, then accuracy."""

from reliability.network.coding import compare_codings
from reliability.network.datasets import load_mnist
from reliability.network.evaluation import evaluate
from reliability.network.formal import Converters
from reliability.network.mapping import map_weights, read_weights, sample_chips
from reliability.network.model import Network, load_network
from reliability.network.neuron import Neuron
from reliability.network.tiles import accuracy_on_tiles, on_tiles, tile_limit
from reliability.network.yields import accuracy_yield

__all__ = [
    "Converters",
    "Network",
    "Neuron",
    "accuracy_on_tiles",
    "accuracy_yield",
    "compare_codings",
    "evaluate",
    "load_mnist",
    "load_network",
    "map_weights",
    "on_tiles",
    "read_weights",
    "sample_chips",
    "tile_limit",
]
