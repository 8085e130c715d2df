"""The technology card: every number about a memory with its unit, uncertainty, source, confidence.

A card is data, a TOML file under ``data/technologies`` or anywhere else. ``VOCABULARY`` is the list
of everything that a card may say; each room reads the part it needs. A value without a source is
refused; an assumed one says so. What was estimated together keeps its correlation.
"""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.technology.card import (
        Correlation,
        Parameter,
        ParameterTable,
        Technology,
        expect_technology,
    )
    from reliability.technology.observed import (
        Observation,
        observations_of,
        read_observations,
    )
    from reliability.technology.read_card import list_technologies, load_technology, read_parameter
    from reliability.technology.vocabulary import MODELS, STATES, VOCABULARY
    from reliability.technology.write_card import to_toml, writable, write_technology

__all__ = [
    "MODELS",
    "STATES",
    "VOCABULARY",
    "Correlation",
    "Observation",
    "Parameter",
    "ParameterTable",
    "Technology",
    "expect_technology",
    "list_technologies",
    "load_technology",
    "observations_of",
    "read_observations",
    "read_parameter",
    "to_toml",
    "writable",
    "write_technology",
]

__getattr__, __dir__ = first_use(__name__)
