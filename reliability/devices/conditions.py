"""Programming conditions in the other models: what a changed LRS or HRS does to their parameters.

`reliability.devices.programming.set_conditions` changes medians and spreads of the states; with
them go

- the end of retention and read disturb, which lies between the states and stays at its place in the
  window of ln R: R_end ~ R_LRS^(1-f) R_HRS^f, f = ln(R_end / R_LRS) / ln(R_HRS / R_LRS). No state
  gains conductance by losing itself;
- relaxation, whose spread of ln R grows from the LRS to the HRS as a power of the resistance, that
  power being the card's own: sigma ~ R^p, p = ln(sigma_HRS / sigma_LRS) / ln(R_HRS / R_LRS);
- endurance: energies of SET and RESET go as current times width, that of the RESET, half of a
  cycle's, as its voltage too: E ~ I w V^(1/2); cycles go as a power of the energy
  (`reliability.devices.endurance`). The RESET current is taken to be the compliance current, as in
  the universal switching of oxide memories [1]_;
- the energy of an event: half of what synapse and neuron dissipate goes as the read current, so
  that E ~ R_LRS^(-1/2).

Conditions that are set in two steps are those set in one.

Retention and read disturb follow the resistance of each cell (``resistance_exponent``), noise its
conductance: nothing of theirs changes. All of these are assumptions that no measurement of this
package's cards confirms.

.. [1] D. Ielmini, "Modeling the universal set/reset characteristics of bipolar RRAM by field- and
   temperature-driven filament growth", IEEE Trans. Electron Devices 58, 4309 (2011),
   doi:10.1109/TED.2011.2167513.
"""

import math
from collections.abc import Mapping

from reliability.technology import STATES, Technology


def carried(
    technology: Technology, factor: Mapping[str, float], ratio: Mapping[str, float]
) -> dict[str, float]:
    """Return what the conditions multiply the parameters of other models by.

    Parameters
    ----------
    technology : Technology
        Before the change.
    factor : mapping of str to float
        What they multiply the parameters of the states by.
    ratio : mapping of str to float
        Each condition over that of the card.

    Examples
    --------
    >>> import reliability as rel
    >>> tech = rel.load_technology("oxram-130nm")
    >>> half = carried(tech, {"programming.LRS.resistance": 2.0}, {"compliance_current": 0.5})
    >>> round(half["retention.asymptotic_resistance"], 2), half["endurance.reference_energy"]
    (1.15, 0.5)
    """
    medians = {s: technology[f"programming.{s}.resistance"] for s in STATES}
    moved = {s: factor.get(f"programming.{s}.resistance", 1.0) for s in STATES}
    window = math.log(medians["HRS"] / medians["LRS"])
    out: dict[str, float] = {}
    for key in technology:
        if key.endswith(".asymptotic_resistance") and not key.startswith("retention.target"):
            place = math.log(technology[key] / medians["LRS"]) / window
            out[key] = moved["LRS"] ** (1 - place) * moved["HRS"] ** place
    sigmas = {s: technology.get(f"relaxation.{s}.sigma", 0.0) for s in STATES}
    if all(sigmas.values()):
        power = math.log(sigmas["HRS"] / sigmas["LRS"]) / window
        for state in STATES:
            for name in ("sigma", "shift"):
                out[f"relaxation.{state}.{name}"] = moved[state] ** power
    if "endurance.reference_energy" in technology:
        dose = ratio.get("compliance_current", 1.0) * ratio.get("pulse_width", 1.0)
        energy = dose * math.sqrt(ratio.get("reset_voltage", 1.0))
        cycles = energy ** -technology["endurance.energy_exponent"]
        out["endurance.reference_energy"] = energy
        names = (*(f"endurance.{n}" for n in ("scale", "onset", "bound_cycles")), "wear.onset")
        out |= {name: cycles for name in names if name in technology}
    if "energy.event" in technology:
        event = 1 / math.sqrt(moved["LRS"])
        out["energy.event"] = event
        saved = technology["energy.event"] * (event - 1)
        out["energy.event_system"] = 1 + saved / technology["energy.event_system"]
    return out
