"""From resistive-memory wafer measurements to the accuracy a network keeps, and how sure we are.

The public surface is the list ``__all__`` below; everything else is private to its room. Names are
resolved on first use, so that ``import reliability`` stays fast.

>>> import reliability as rel
>>> rel.load_technology("oxram-130nm").memory
'OxRAM'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from reliability.compiled_cache import choose_cache_folder
from reliability.version import __version__

choose_cache_folder()

_HOMES = {
    "InputError": "errors",
    "RunError": "errors",
    "Technology": "technology",
    "Parameter": "technology",
    "load_technology": "technology",
    "list_technologies": "technology",
    "write_technology": "technology",
    "MissionProfile": "mission",
    "Segment": "mission",
    "read_measurements": "measurements",
    "condition": "conditioning",
    "characterize": "characterization",
    "posterior_predictive": "characterization",
    "sample_population": "population",
    "age": "population",
    "read_cells": "population",
    "fit_lifetime": "lifetime",
    "Verify": "devices.verify",
    "WriteMethod": "devices.write_methods",
    "set_conditions": "devices.programming",
    "programming_window": "population",
    "sampled_error_rate": "population",
    "endurance": "population",
    "sample_cycles": "population",
    "best_reference": "population",
    "solve_crossbar": "crossbar",
    "crossbar_limit": "crossbar",
    "resistance_levels": "crossbar",
    "Converters": "network",
    "Network": "network",
    "DeepNetwork": "network",
    "FirstSpike": "network",
    "RateCoding": "network",
    "WeightedSum": "network",
    "Adc": "network",
    "Dac": "network",
    "Tiling": "network",
    "Neuron": "network",
    "load_network": "network",
    "load_mnist": "network",
    "load_cifar10": "network",
    "load_mnist28": "network",
    "load_vowels": "network",
    "map_network": "architecture",
    "map_weights": "network",
    "sample_chips": "network",
    "program_layers": "network",
    "bit_error_tolerance": "network",
    "pair_error_rate": "network",
    "evaluate": "network",
    "evaluate_inferences": "network",
    "compare_accuracy": "network",
    "compare_cells": "network",
    "compare_codings": "network",
    "accuracy_variability": "network",
    "accuracy_yield": "network",
    "attribute_loss": "network",
    "evaluate_spiking": "network",
    "compare_studies": "campaign",
    "load_study": "campaign",
    "plan_study": "campaign",
    "run_study": "campaign",
    "study_status": "campaign",
    "write_report": "report",
}
_ROOMS = (
    "architecture", "campaign", "characterization", "conditioning", "crossbar", "devices",
    "lifetime", "measurements", "network", "population", "product", "report", "statistics",
    "technology",
)  # fmt: skip

__all__ = ["__version__", *_HOMES, *_ROOMS]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"reliability.{_HOMES[name]}"), name)
    if name in _ROOMS:
        return import_module(f"reliability.{name}")
    raise AttributeError(f"module 'reliability' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)


if TYPE_CHECKING:
    from reliability.architecture import map_network
    from reliability.campaign import (
        compare_studies,
        load_study,
        plan_study,
        run_study,
        study_status,
    )
    from reliability.characterization import characterize, posterior_predictive
    from reliability.conditioning import condition
    from reliability.crossbar import crossbar_limit, resistance_levels, solve_crossbar
    from reliability.devices.programming import set_conditions
    from reliability.devices.verify import Verify
    from reliability.devices.write_methods import WriteMethod
    from reliability.errors import InputError, RunError
    from reliability.lifetime import fit_lifetime
    from reliability.measurements import read_measurements
    from reliability.mission import MissionProfile, Segment
    from reliability.network import (
        Adc,
        Converters,
        Dac,
        DeepNetwork,
        FirstSpike,
        Network,
        Neuron,
        RateCoding,
        Tiling,
        WeightedSum,
        accuracy_variability,
        accuracy_yield,
        attribute_loss,
        bit_error_tolerance,
        compare_accuracy,
        compare_cells,
        compare_codings,
        evaluate,
        evaluate_inferences,
        evaluate_spiking,
        load_cifar10,
        load_mnist,
        load_mnist28,
        load_network,
        load_vowels,
        map_weights,
        pair_error_rate,
        program_layers,
        sample_chips,
    )
    from reliability.population import (
        age,
        best_reference,
        endurance,
        programming_window,
        read_cells,
        sample_cycles,
        sample_population,
        sampled_error_rate,
    )
    from reliability.report import write_report
    from reliability.technology import (
        Parameter,
        Technology,
        list_technologies,
        load_technology,
        write_technology,
    )
