"""What a line costs in each memory of a hierarchy: energy, time, and power when nothing happens.

Off-chip memories are taken from their data sheets: energy is supply times current times the time
that a line takes. Of the resistive macro only sense amplifiers, drivers and supplies are given;
what goes through the cells comes from the technology card.
"""

from dataclasses import dataclass

from reliability.technology import Technology
from reliability.technology.components import Components

WORD, CHECK_BITS = 64, 8  # bits that a macro reads at once, and those that correct one of them


@dataclass(frozen=True)
class Memory:
    """A memory level, for lines of one size.

    Attributes
    ----------
    read_energy, write_energy : float
        Of a line, J.
    read_time, write_time : float
        Of a line, s.
    standby : float
        Power that keeps the content while nothing happens, W; of a non-volatile one its leakage
        when switched off.
    wake_time, wake_energy : float
        From standby until the first access, s and J.
    """

    read_energy: float
    write_energy: float
    read_time: float
    write_time: float
    standby: float
    wake_time: float = 0.0
    wake_energy: float = 0.0


def sram(components: Components, line_bytes: int) -> Memory:
    """SRAM inside the host, which loses its content at power-off; time is the host's own.

    Examples
    --------
    >>> from reliability.architecture import load_components
    >>> round(sram(load_components("hierarchy"), 32).read_energy * 1e12)  # pJ
    40
    """
    energy = line_bytes * components["sram.energy"]
    return Memory(energy, energy, 0.0, 0.0, standby=0.0)


def resistive_read_energy(technology: Technology, components: Components) -> float:
    """Energy, J, of reading one bit: ``V^2 G t`` of a cell in LRS, and the sense amplifier.

    Voltage, conductance and pulse are those of the card; half of the bits are in LRS.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture import load_components
    >>> e = resistive_read_energy(rel.load_technology("oxram-130nm"), load_components("hierarchy"))
    >>> round(e * 1e12, 2)  # pJ
    1.05
    """
    voltage, pulse = technology["read.voltage"], technology["read.pulse_width"]
    cell = 0.5 * voltage**2 / technology["programming.LRS.resistance"] * pulse
    return cell + components["resistive.sense_energy"]


def resistive_write_energy(technology: Technology, components: Components) -> float:
    """Energy, J, of writing one bit, averaged over bits that change and bits that do not.

    A bit that changes takes half of the energy of a SET and RESET pair of the card
    (``endurance.reference_energy``) for each pulse, over the efficiency of its drivers.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture import load_components
    >>> e = resistive_write_energy(rel.load_technology("oxram-130nm"), load_components("hierarchy"))
    >>> round(e * 1e12)  # pJ
    188
    """
    pulse = 0.5 * technology["endurance.reference_energy"]
    pulses = components["resistive.changed"] * components["resistive.pulses"]
    return pulses * pulse / components["resistive.driver_efficiency"]


def resistive(technology: Technology, components: Components, line_bytes: int) -> Memory:
    """Resistive macro on the host's chip or stacked on it, switched off when nothing happens."""
    words = 8 * line_bytes / WORD
    bits = words * (WORD + CHECK_BITS)
    pulse = components["resistive.pulses"] * technology["programming.pulse_width"]
    wake = components["resistive.wake_time"]
    return Memory(
        read_energy=bits * resistive_read_energy(technology, components),
        write_energy=bits * resistive_write_energy(technology, components),
        read_time=words * components["resistive.read_time"],
        write_time=words * 2 * pulse,  # bits to SET, then bits to RESET
        standby=components["resistive.standby"],
        wake_time=wake,
        wake_energy=wake * components["resistive.wake_power"],
    )


def lpddr(components: Components, line_bytes: int) -> Memory:
    """A chip of LPDDR3 that keeps its content by self-refresh."""
    transfer = line_bytes / components["lpddr.rate"]
    fixed = (1 - components["lpddr.row_hits"]) * components["lpddr.row_energy"]
    fixed += 8 * line_bytes * components["lpddr.interface_energy"]
    time = components["lpddr.access_time"] + transfer
    return Memory(
        read_energy=fixed + transfer * components["lpddr.read_power"],
        write_energy=fixed + transfer * components["lpddr.write_power"],
        read_time=time,
        write_time=time,
        standby=components["lpddr.standby"],
        wake_time=components["lpddr.exit_time"],
    )


def hyperram(components: Components, line_bytes: int) -> Memory:
    """A chip of self-refreshing DRAM on a narrow bus, as small hosts have it."""
    time = components["hyperram.access_time"] + line_bytes / components["hyperram.rate"]
    supply = components["hyperram.supply"]
    energy = (
        time * supply * components["hyperram.burst_current"] * components["hyperram.typical_share"]
    )
    standby = supply * components["hyperram.standby_current"] * components["hyperram.standby_share"]
    return Memory(energy, energy, time, time, standby)


def dram_start(components: Components, kind: str) -> tuple[float, float]:
    """Time, s, and energy, J, from the supply of a DRAM chip until its first access.

    Parameters
    ----------
    components : Components
    kind : {"lpddr", "hyperram"}
    """
    time = components[f"{kind}.start_time"]
    if kind == "lpddr":
        return time, time * components["lpddr.start_power"]
    current = components["hyperram.start_current"] * components["hyperram.typical_share"]
    return time, time * components["hyperram.supply"] * current


def flash(components: Components, line_bytes: int) -> Memory:
    """Serial NOR flash; a write is its part of programming a page and of erasing a sector."""
    supply = components["flash.supply"]
    time = components["flash.access_time"] + line_bytes / components["flash.rate"]
    write = line_bytes * (
        components["flash.page_time"] / 256 + components["flash.sector_time"] / 4096
    )
    wake, power = components["flash.wake_time"], supply * components["flash.read_current"]
    return Memory(
        read_energy=time * power,
        write_energy=write * supply * components["flash.write_current"],
        read_time=time,
        write_time=write,
        standby=supply * components["flash.standby_current"],
        wake_time=wake,
        wake_energy=wake * power,
    )


def flash_burst(components: Components, line_bytes: int) -> tuple[float, float]:
    """Time, s, and energy, J, of a line of a long read, which needs no address of its own."""
    time = line_bytes / components["flash.rate"]
    return time, time * components["flash.supply"] * components["flash.read_current"]


def macro_area(components: Components, kind: str, capacity: float, feature_size: float) -> float:
    """Area, m^2, of a macro.

    Parameters
    ----------
    components : Components
    kind : {"sram", "resistive"}
    capacity : float
        Bytes; the resistive one also holds its check bits.
    feature_size : float
        m. Cells in squared feature sizes hold to about 22 nm; below, names of nodes are no sizes.

    Examples
    --------
    >>> from reliability.architecture import load_components
    >>> components = load_components("hierarchy")
    >>> sizes = [macro_area(components, kind, 65536, 28e-9) for kind in ("sram", "resistive")]
    >>> [round(size * 1e6, 3) for size in sizes]  # mm^2
    [0.071, 0.046]
    """
    bits = 8 * capacity
    if kind == "resistive":
        bits *= 1 + CHECK_BITS / WORD
    return (
        bits * components[f"{kind}.cell_area"] * feature_size**2 / components[f"{kind}.efficiency"]
    )
