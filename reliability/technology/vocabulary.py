"""Everything that a technology card may say: names, units, models, and what a value may be."""

import math
from fnmatch import fnmatchcase

from reliability.errors import InputError

STATES = ("LRS", "HRS")

# Dotted name -> SI unit. A star stands for the state (LRS, HRS). Sigmas of resistances are
# relative: the standard deviation of ln R, or of G/median(G) where the model is normal in G.
# Mismatches are standard deviations relative to the nominal; leak is the fraction of a neuron's
# charge that is lost per mean interval between input events.
VOCABULARY: dict[str, str] = {
    "wafer.diameter": "m",
    "wafer.edge_exclusion": "m",
    "wafer.die_width": "m",
    "wafer.die_height": "m",
    "programming.*.resistance": "ohm",
    "programming.*.sigma_lot": "",
    "programming.*.sigma_wafer": "",
    "programming.*.sigma_die": "",
    "programming.*.radial": "",
    "programming.*.sigma_cell": "",
    "programming.*.sigma_cycle": "",
    "programming.*.slope_low_3": "",
    "programming.*.slope_low_2": "",
    "programming.*.slope_low_1": "",
    "programming.*.slope_median": "",
    "programming.*.slope_high_1": "",
    "programming.*.slope_high_2": "",
    "programming.*.slope_high_3": "",
    "programming.*.smallest_probability": "",
    "programming.*.tail_scale": "",
    "programming.correlation_*": "",
    "programming.compliance_current": "A",
    "programming.reset_voltage": "V",
    "programming.pulse_width": "s",
    "programming.LRS.compliance_exponent": "",
    "programming.LRS.sigma_exponent": "",
    "programming.HRS.reset_threshold": "V",
    "programming.HRS.reset_exponent": "",
    "programming.*.width_exponent": "",
    "programming.verify.lrs_resistance": "ohm",
    "programming.verify.hrs_resistance": "ohm",
    "programming.verify.attempts": "",
    "programming.verify.wait": "s",
    "programming.target.error_*": "S",
    "programming.target.level_*": "S",
    "programming.target.window_*": "S",
    "target.minimum": "S",
    "target.maximum": "S",
    "defects.stuck_lrs": "",
    "defects.stuck_hrs": "",
    "defects.unformed": "",
    "defects.unformed_resistance": "ohm",
    "access.series_resistance": "ohm",
    "relaxation.*.sigma": "",
    "relaxation.*.shift": "",
    "relaxation.*.tail_down": "",
    "relaxation.*.tail_up": "",
    "relaxation.fluctuation": "",
    "relaxation.onset_time": "s",
    "relaxation.reference_time": "s",
    "relaxation.target.sigma_one_second": "S",
    "relaxation.target.sigma_per_efold": "S",
    "relaxation.target.shift_per_efold": "S",
    "relaxation.target.sigma_*": "S",
    "relaxation.target.shift_*": "S",
    "relaxation.target.onset_time": "s",
    "relaxation.target.reference_time": "s",
    "relaxation.target.reference_temperature": "K",
    "relaxation.target.attempt_time": "s",
    "relaxation.target.decades_per_step": "",
    "relaxation.target.memory": "",
    "relaxation.target.fluctuation": "",
    "relaxation.target.jump_fluctuation": "",
    "relaxation.target.*.time": "s",
    "relaxation.target.*.temperature": "K",
    "relaxation.target.*.shift_*": "S",
    "relaxation.target.*.sigma_*": "S",
    "relaxation.target.*.jumps_*": "",
    "relaxation.target.*.down_*": "S",
    "relaxation.target.*.up_*": "S",
    "relaxation.target.*.rare_*": "",
    "relaxation.target.*.error_*": "S",
    "retention.*.time_constant": "s",
    "retention.*.reference_temperature": "K",
    "retention.*.activation_energy": "eV",
    "retention.*.sigma_activation_energy": "eV",
    "retention.*.shape": "",
    "retention.*.arrhenius_weight": "",
    "retention.*.weak_fraction": "",
    "retention.*.weak_time_constant": "s",
    "retention.*.weak_activation_energy": "eV",
    "retention.*.resistance_exponent": "",
    "retention.*.reference_resistance": "ohm",
    "retention.*.asymptotic_resistance": "ohm",
    "retention.*.sigma_asymptotic": "",
    "retention.asymptotic_resistance": "ohm",
    "retention.sigma_asymptotic": "",
    "drift.reference_time": "s",
    "drift.nu_intercept": "",
    "drift.nu_slope": "",
    "drift.nu_minimum": "",
    "drift.nu_maximum": "",
    "drift.sigma_intercept": "",
    "drift.sigma_slope": "",
    "drift.sigma_minimum": "",
    "drift.sigma_maximum": "",
    "drift.reference_temperature": "K",
    "drift.attempt_time": "s",
    "drift.conduction_energy": "eV",
    "cycles.memory_medium": "",
    "cycles.memory_slow": "",
    "cycles.correlation_*": "",
    "cycles.*.medium": "",
    "cycles.*.slow": "",
    "cycles.*.sigma_spread": "",
    "cycles.*.skew": "",
    "cycles.*.tail": "",
    "endurance.scale": "",
    "endurance.bound_cycles": "",
    "endurance.bound_cells": "",
    "endurance.bound_confidence": "",
    "endurance.shape": "",
    "endurance.sigma_lot": "",
    "endurance.sigma_wafer": "",
    "endurance.sigma_die": "",
    "endurance.stuck_lrs": "",
    "endurance.activation_energy": "eV",
    "endurance.reference_temperature": "K",
    "endurance.reference_energy": "J",
    "endurance.energy_exponent": "",
    "endurance.onset": "",
    "endurance.*.window_closure": "",
    "endurance.*.spread_growth": "",
    "wear.onset": "",
    "wear.sigma_cell": "",
    "wear.noise": "",
    "wear.target.programming_spread_*": "",
    "wear.target.relaxation_spread_*": "",
    "wear.target.relaxation_shift_*": "S",
    "wear.*.relaxation_spread": "",
    "wear.*.relaxation_shift": "",
    "wear.*.relaxation_jumps": "",
    "wear.*.barrier": "eV",
    "wear.*.weak_fraction": "",
    "write.*.pulses": "",
    "write.*.pulse_growth": "",
    "write.*.failed": "",
    "write.*.failed_growth": "",
    "write.*.attempts": "",
    "write.*.energy": "J",
    "read_disturb.bound_reads": "",
    "read_disturb.bound_cells": "",
    "read_disturb.bound_confidence": "",
    "read_disturb.reference_voltage": "V",
    "read_disturb.reference_temperature": "K",
    "read_disturb.reference_width": "s",
    "read_disturb.width_exponent": "",
    "read_disturb.alternating_fraction": "",
    "read_disturb.*.reads": "",
    "read_disturb.*.sigma": "",
    "read_disturb.*.lifetime_shape": "",
    "read_disturb.*.clustering": "",
    "read_disturb.*.voltage_slope": "1/V",
    "read_disturb.*.activation_energy": "eV",
    "read_disturb.*.shape": "",
    "read_disturb.*.resistance_exponent": "",
    "read_disturb.*.reference_resistance": "ohm",
    "read_disturb.*.asymptotic_resistance": "ohm",
    "noise.reference_conductance": "S",
    "noise.white": "",
    "noise.white_exponent": "",
    "noise.flicker": "",
    "noise.flicker_exponent": "",
    "noise.flicker_limit": "",
    "noise.flicker_onset": "s",
    "noise.telegraph_fraction": "",
    "noise.telegraph_amplitude": "",
    "noise.telegraph_exponent": "",
    "noise.telegraph_spread": "",
    "noise.telegraph_shortest": "s",
    "noise.telegraph_longest": "s",
    "noise.telegraph_activation_energy": "eV",
    "noise.reference_temperature": "K",
    "conduction.nonlinearity_voltage": "V",
    "conduction.reference_temperature": "K",
    "conduction.*.activation_energy": "eV",
    "conduction.*.temperature_coefficient": "1/K",
    "read.voltage": "V",
    "read.pulse_width": "s",
    "neuron.capacitance": "F",
    "neuron.threshold_mismatch": "",
    "neuron.injector_mismatch": "",
    "neuron.leak": "",
    "energy.event": "J",
    "energy.event_system": "J",
}
# What a section may choose, and the models there are.
MODELS: dict[str, tuple[str, ...]] = {
    "programming.*": ("normal_conductance", "lognormal_resistance", "loglogistic_resistance"),
    "relaxation": ("saturating", "log_time"),
    "relaxation.target": ("unstable_cells", "random_walk", "saturating", "log_linear", "snapshots"),
    "retention.*": ("arrhenius_loss", "log_resistance_loss", "log_time_loss"),
    "endurance": ("weibull", "lognormal"),
    "read_disturb.*": ("lognormal", "clustering"),
    "noise": ("power", "logarithmic"),
    "conduction": ("sinh", "polynomial"),
}
# Names whose values may be negative.
_SIGNED = (
    "*.radial",
    "*.shift",
    "*.shift_*",
    "*.error_*",
    "programming.target.window_*",
    "*.sigma_[0-9]",
    "*.nu_*",
    "drift.sigma_*",
    "*_exponent",
    "*.skew",
    "*.correlation_*",
    "*.temperature_coefficient",
    "wear.*.programming_spread_*",
    "wear.*.relaxation_spread*",
    "wear.*.relaxation_shift*",
    "wear.*.relaxation_jumps",
    "write.*_growth",
)
CONDITIONS = {
    "temperature": "K",
    "time": "s",
    "conductance": "S",
    "reads": "",
    "voltage": "V",
    "cycles": "",
}


def unit_of(name: str) -> str | None:
    """Return the SI unit of a dotted name, or None if no card may say it.

    >>> unit_of("programming.LRS.resistance"), unit_of("programming.LRS.colour")
    ('ohm', None)
    """
    for pattern, unit in VOCABULARY.items():
        if fnmatchcase(name, pattern):
            return unit
    return None


def check_possible(name: str, value: float, where: str = "") -> None:
    """Refuse a value that is not finite, or negative where that cannot be."""
    signed = any(fnmatchcase(name, pattern) for pattern in _SIGNED)
    if not math.isfinite(value) or (value < 0 and not signed):
        unit = unit_of(name) or ""
        raise InputError(f"{where}{name}: value: got {value:g}, allowed >= 0 {unit}".rstrip())
    if value > 1 and any(fnmatchcase(name, pattern) for pattern in _FRACTIONS):
        raise InputError(f"{where}{name}: value: got {value:g}, allowed 0 to 1")
    if name in _WAFER and not _WAFER[name][0] <= value <= _WAFER[name][1]:
        low, high = _WAFER[name]
        raise InputError(f"{where}{name}: value: got {value:g}, allowed {low:g} to {high:g} m")


# Names whose values are fractions of a whole.
_FRACTIONS = ("retention.*.weak_fraction", "retention.*.arrhenius_weight", "write.*.failed")
# What a wafer and its dies can be; more dies would take all memory.
_WAFER = {
    "wafer.diameter": (1e-3, 1.0),
    "wafer.die_width": (1e-4, 1.0),
    "wafer.die_height": (1e-4, 1.0),
}


# A parameter keeps the random stream of its first name, so that a new name changes no result.
_FIRST_NAMES = {
    "asymptotic_resistance": "final_resistance",
    "sigma_asymptotic": "sigma_final",
    "window_closure": "closing",
    "spread_growth": "widening",
    "alternating_fraction": "alternating_share",
    "telegraph_fraction": "telegraph_share",
}


def first_name(name: str) -> str:
    """Return the name that a parameter's random stream is keyed by.

    >>> first_name("retention.sigma_asymptotic"), first_name("read.voltage")
    ('retention.sigma_final', 'read.voltage')
    """
    section, _, key = name.rpartition(".")
    return f"{section}.{_FIRST_NAMES.get(key, key)}"
