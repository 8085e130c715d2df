"""Energy of an inference, in spikes and in sums, from the current of a cell up."""

from dataclasses import dataclass

import numpy as np
import xarray as xr

from reliability.architecture.result import cross_checks, finish, scalar
from reliability.architecture.sheet import Sheet
from reliability.network import Network, load_network
from reliability.technology import Technology


@dataclass(frozen=True)
class EventEnergy:
    """Energy (J) of one input event at one output, by what takes it from the supply."""

    cells: float
    injector: float
    neuron: float

    @property
    def total(self) -> float:
        """Sum of the parts, J."""
        return self.cells + self.injector + self.neuron


def event_energy(
    technology: Technology,
    sheet: Sheet,
    *,
    lrs_cells: float,
    hrs_cells: float,
    lrs_resistance: float | None = None,
) -> EventEnergy:
    """Energy of one input event at one output.

    ``E = V_dd t (V_read (n_LRS / R_LRS + n_HRS / R_HRS) + I_injector + n I_comparator)
    + V_dd C V_threshold (n_LRS - n_HRS R_LRS / R_HRS) / n_weight``: the current of the cells is
    drawn from the supply for the whole pulse, though only ``V_read`` of it drops over a cell.

    Parameters
    ----------
    technology : Technology
        ``programming.*.resistance``, ``read.voltage``, ``read.pulse_width``.
    sheet : Sheet
        "energy".
    lrs_cells, hrs_cells : float
        Mean number of cells in each state behind one input and output.
    lrs_resistance : float, optional
        ohm, instead of the card's.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture import load_sheet
    >>> card, sheet = rel.load_technology("oxram-130nm"), load_sheet("energy")
    >>> few, many = (event_energy(card, sheet, lrs_cells=n, hrs_cells=8 - n) for n in (1, 4))
    >>> few.cells < many.cells, few.injector == many.injector
    (True, True)
    """
    supply, pulse = sheet["supply.voltage"], technology["read.pulse_width"]
    lrs = lrs_resistance or technology["programming.LRS.resistance"]
    conductance = lrs_cells / lrs + hrs_cells / technology["programming.HRS.resistance"]
    comparators = sheet["neuron.comparators"] * sheet["neuron.comparator_bias"]
    charge = sheet["neuron.capacitance"] * sheet["neuron.threshold"] * lrs_cells / 4
    return EventEnergy(
        cells=supply * pulse * technology["read.voltage"] * conductance,
        injector=supply * pulse * sheet["injector.bias"],
        neuron=supply * (pulse * comparators + charge),
    )


def energy(
    technology: Technology, sheet: Sheet, *, network: str = "spirit", seed: int = 0
) -> xr.Dataset:
    """Energy of a synaptic event of a network on one card, against the measured one.

    Parameters
    ----------
    technology : Technology
    sheet : Sheet
        "energy".
    network : str
        Of one layer.
    seed : int

    Returns
    -------
    Dataset
        ``part_energy`` (part) and ``event_energy``, J, and the checks.
    """
    net = load_network(network)
    assert isinstance(net, Network)
    lrs = float(np.abs(net.weights).mean())
    event = event_energy(technology, sheet, lrs_cells=lrs, hrs_cells=2 * net.weight_max - lrs)
    parts = vars(event)
    data = xr.Dataset(
        {
            "event_energy": scalar(event.total, "J", "energy of a synaptic event"),
            "part_energy": ("part", list(parts.values()), {"units": "J"}),
        },
        {"part": list(parts)},
    )
    checks = cross_checks(
        sheet, {"published.spirit_event": ("SPIRIT, synaptic event", event.total)}
    )
    return finish(data, technology, sheet, seed, headline=["event_energy"], checks=checks)
