"""What a line costs in each memory of a hierarchy: energy, time, and power when nothing happens.

Off-chip memories are taken from their data sheets: energy is supply times current times the time
that a line takes. Of the resistive macro only sense amplifiers, drivers and supplies are given;
what goes through the cells comes from the technology card.
"""

from dataclasses import dataclass

from reliability.technology import Technology
from reliability.technology.components import Sheet

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


def sram(sheet: Sheet, line_bytes: int) -> Memory:
    """SRAM inside the host, which loses its content at power-off; time is the host's own.

    Examples
    --------
    >>> from reliability.architecture import load_sheet
    >>> round(sram(load_sheet("hierarchy"), 32).read_energy * 1e12)  # pJ
    40
    """
    energy = line_bytes * sheet["sram.energy"]
    return Memory(energy, energy, 0.0, 0.0, standby=0.0)


def resistive_read_energy(technology: Technology, sheet: Sheet) -> float:
    """Energy, J, of reading one bit: ``V^2 G t`` of a cell in LRS, and the sense amplifier.

    Voltage, conductance and pulse are those of the card; half of the bits are in LRS.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture import load_sheet
    >>> e = resistive_read_energy(rel.load_technology("oxram-130nm"), load_sheet("hierarchy"))
    >>> round(e * 1e12, 2)  # pJ
    1.05
    """
    voltage, pulse = technology["read.voltage"], technology["read.pulse_width"]
    cell = 0.5 * voltage**2 / technology["programming.LRS.resistance"] * pulse
    return cell + sheet["resistive.sense_energy"]


def resistive_write_energy(technology: Technology, sheet: Sheet) -> float:
    """Energy, J, of writing one bit, averaged over bits that change and bits that do not.

    A bit that changes takes half of the energy of a SET and RESET pair of the card
    (``endurance.reference_energy``) for each pulse, over the efficiency of its drivers.

    Examples
    --------
    >>> import reliability as rel
    >>> from reliability.architecture import load_sheet
    >>> e = resistive_write_energy(rel.load_technology("oxram-130nm"), load_sheet("hierarchy"))
    >>> round(e * 1e12)  # pJ
    188
    """
    pulse = 0.5 * technology["endurance.reference_energy"]
    pulses = sheet["resistive.changed"] * sheet["resistive.pulses"]
    return pulses * pulse / sheet["resistive.driver_efficiency"]


def resistive(technology: Technology, sheet: Sheet, line_bytes: int) -> Memory:
    """Resistive macro on the host's chip or stacked on it, switched off when nothing happens."""
    words = 8 * line_bytes / WORD
    bits = words * (WORD + CHECK_BITS)
    pulse = sheet["resistive.pulses"] * technology["programming.pulse_width"]
    wake = sheet["resistive.wake_time"]
    return Memory(
        read_energy=bits * resistive_read_energy(technology, sheet),
        write_energy=bits * resistive_write_energy(technology, sheet),
        read_time=words * sheet["resistive.read_time"],
        write_time=words * 2 * pulse,  # bits to SET, then bits to RESET
        standby=sheet["resistive.standby"],
        wake_time=wake,
        wake_energy=wake * sheet["resistive.wake_power"],
    )


def lpddr(sheet: Sheet, line_bytes: int) -> Memory:
    """A chip of LPDDR3 that keeps its content by self-refresh."""
    transfer = line_bytes / sheet["lpddr.rate"]
    fixed = (1 - sheet["lpddr.row_hits"]) * sheet["lpddr.row_energy"]
    fixed += 8 * line_bytes * sheet["lpddr.interface_energy"]
    time = sheet["lpddr.access_time"] + transfer
    return Memory(
        read_energy=fixed + transfer * sheet["lpddr.read_power"],
        write_energy=fixed + transfer * sheet["lpddr.write_power"],
        read_time=time,
        write_time=time,
        standby=sheet["lpddr.standby"],
        wake_time=sheet["lpddr.exit_time"],
    )


def hyperram(sheet: Sheet, line_bytes: int) -> Memory:
    """A chip of self-refreshing DRAM on a narrow bus, as small hosts have it."""
    time = sheet["hyperram.access_time"] + line_bytes / sheet["hyperram.rate"]
    supply = sheet["hyperram.supply"]
    energy = time * supply * sheet["hyperram.burst_current"] * sheet["hyperram.typical_share"]
    standby = supply * sheet["hyperram.standby_current"] * sheet["hyperram.standby_share"]
    return Memory(energy, energy, time, time, standby)


def dram_start(sheet: Sheet, kind: str) -> tuple[float, float]:
    """Time, s, and energy, J, from the supply of a DRAM chip until its first access.

    Parameters
    ----------
    sheet : Sheet
    kind : {"lpddr", "hyperram"}
    """
    time = sheet[f"{kind}.start_time"]
    if kind == "lpddr":
        return time, time * sheet["lpddr.start_power"]
    current = sheet["hyperram.start_current"] * sheet["hyperram.typical_share"]
    return time, time * sheet["hyperram.supply"] * current


def flash(sheet: Sheet, line_bytes: int) -> Memory:
    """Serial NOR flash; a write is its share of programming a page and of erasing a sector."""
    supply = sheet["flash.supply"]
    time = sheet["flash.access_time"] + line_bytes / sheet["flash.rate"]
    write = line_bytes * (sheet["flash.page_time"] / 256 + sheet["flash.sector_time"] / 4096)
    wake, power = sheet["flash.wake_time"], supply * sheet["flash.read_current"]
    return Memory(
        read_energy=time * power,
        write_energy=write * supply * sheet["flash.write_current"],
        read_time=time,
        write_time=write,
        standby=supply * sheet["flash.standby_current"],
        wake_time=wake,
        wake_energy=wake * power,
    )


def flash_burst(sheet: Sheet, line_bytes: int) -> tuple[float, float]:
    """Time, s, and energy, J, of a line of a long read, which needs no address of its own."""
    time = line_bytes / sheet["flash.rate"]
    return time, time * sheet["flash.supply"] * sheet["flash.read_current"]


def macro_area(sheet: Sheet, kind: str, capacity: float, feature_size: float) -> float:
    """Area, m^2, of a macro.

    Parameters
    ----------
    sheet : Sheet
    kind : {"sram", "resistive"}
    capacity : float
        Bytes; the resistive one also holds its check bits.
    feature_size : float
        m. Cells in squared feature sizes hold to about 22 nm; below, names of nodes are no sizes.

    Examples
    --------
    >>> from reliability.architecture import load_sheet
    >>> sheet = load_sheet("hierarchy")
    >>> sizes = [macro_area(sheet, kind, 65536, 28e-9) for kind in ("sram", "resistive")]
    >>> [round(size * 1e6, 3) for size in sizes]  # mm^2
    [0.071, 0.046]
    """
    bits = 8 * capacity
    if kind == "resistive":
        bits *= 1 + CHECK_BITS / WORD
    return bits * sheet[f"{kind}.cell_area"] * feature_size**2 / sheet[f"{kind}.efficiency"]
