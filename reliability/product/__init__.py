"""From cells to a product: error-correcting codes, failing macros, redundancy, maintenance."""

from typing import TYPE_CHECKING

from reliability.first_use import first_use

if TYPE_CHECKING:
    from reliability.product.error_correction import (
        Code,
        bch,
        block_failure,
        failure_of_weak_cells,
        failure_over_reads,
        interleaved_failure,
        secded,
        spared_failure,
        uncorrectable_probability,
    )
    from reliability.product.fault_mapping import (
        FaultMapping,
        Placing,
        column_maintenance,
        map_around_faults,
        repaired_chips,
        stuck_reach,
    )
    from reliability.product.layer_repair import Repair, repaired_layers
    from reliability.product.macro import Macro, Setting, macro_failures
    from reliability.product.maintenance import (
        Policy,
        cheapest_policy,
        maintained_failures,
        maintenance_cost,
        mission_failures,
        time_to_limit,
    )
    from reliability.product.network_maintenance import (
        ColumnPolicy,
        cheapest_network_policy,
        maintained_network,
    )
    from reliability.product.parameter_effects import interval_drivers
    from reliability.product.redundancy import majority_error_rate, pair_misread_rate

__all__ = [
    "Code",
    "ColumnPolicy",
    "FaultMapping",
    "Macro",
    "Placing",
    "Policy",
    "Repair",
    "Setting",
    "bch",
    "block_failure",
    "cheapest_network_policy",
    "cheapest_policy",
    "column_maintenance",
    "failure_of_weak_cells",
    "failure_over_reads",
    "interleaved_failure",
    "interval_drivers",
    "macro_failures",
    "maintained_failures",
    "maintained_network",
    "maintenance_cost",
    "majority_error_rate",
    "map_around_faults",
    "mission_failures",
    "pair_misread_rate",
    "repaired_chips",
    "repaired_layers",
    "secded",
    "spared_failure",
    "stuck_reach",
    "time_to_limit",
    "uncorrectable_probability",
]

__getattr__, __dir__ = first_use(__name__)
