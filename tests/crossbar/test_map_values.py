"""Numbers of maps and margins by hand: what a wrong term, sign or index would change."""

import numpy as np
import pytest

import reliability as rel
from reliability.crossbar import (
    SinhCell,
    crossbar_border,
    resistance_levels,
    size_map,
    worst_case_margin,
)
from reliability.crossbar.array_size import crossbar_limit
from reliability.crossbar.maps import _at

IDEAL = {"word_line_resistance": 0.0, "bit_line_resistance": 0.0}


@pytest.fixture(scope="module")
def technology():
    return rel.load_technology("oxram-130nm")


def lines(conductance, crossbar):
    """A criterion that counts lines."""
    return float(sum(conductance.shape))


@pytest.mark.parametrize("density", [0.5, 0.2])
def test_energy_and_signal_of_a_read(technology, density):
    """V² t (density G_LRS + (1 - density) G_HRS), and V (G_LRS - G_HRS)."""
    out = resistance_levels(
        technology, [5e3, 2e4], [10.0, 40.0], limit=0.9, segment_resistance=1.0, max_size=4,
        read_voltage=0.3, density=density,
    )  # fmt: skip
    width = technology["read.pulse_width"]
    for lrs in (5e3, 2e4):
        for ratio in (10.0, 40.0):
            at = out.sel(lrs_resistance=lrs, ratio=ratio)
            on, off = 1 / lrs, 1 / (ratio * lrs)
            energy = 0.09 * width * (density * on + (1 - density) * off)
            assert float(at["energy"]) == pytest.approx(energy, rel=1e-12, abs=0)
            assert float(at["signal"]) == pytest.approx(0.3 * (on - off), rel=1e-12, abs=0)
    assert out.attrs["segment_resistance"] == 1.0


def test_the_card_and_the_options_of_a_point(technology):
    card, options = _at(
        technology,
        {"variability": 0.5, "lrs_resistance": 4e3, "ratio": 25.0, "wire": 3.0,
         "bias_scheme": "V/3", "nonlinearity_voltage": 0.4},
    )  # fmt: skip
    assert card["programming.LRS.resistance"] == 4e3
    assert card["programming.HRS.resistance"] == 1e5
    for name in technology:
        if name.startswith(("programming.LRS.sigma_", "programming.HRS.sigma_")):
            exponent = name.endswith("exponent")
            assert card[name] == pytest.approx(technology[name] * (1.0 if exponent else 0.5)), name
    assert options["segment_resistance"] == 3.0
    assert options["bias_scheme"] == "V/3"
    assert options["cell"] == SinhCell(0.4)
    card, options = _at(technology, {"hrs_resistance": 2e5, "nonlinearity_voltage": np.inf})
    assert card["programming.HRS.resistance"] == 2e5
    assert card["programming.LRS.resistance"] == technology["programming.LRS.resistance"]
    assert options == {"cell": None}


def test_progress_counts_every_card_once(technology):
    """One search counts its cards from 1, a map and a border those of all of them."""
    quick = {"limit": 30.0, "segment_resistance": 1.0, "max_size": 8, "uncertainty_draws": 2}
    calls = []
    add = lambda *count: calls.append(count)  # noqa: E731
    crossbar_limit(technology, lines, progress=add, **quick)
    assert calls == [(1, 3), (2, 3), (3, 3)]
    calls.clear()
    size_map(technology, {"variability": [0.5, 1.0]}, criterion=lines, progress=add, **quick)
    assert calls == [(k, 6) for k in range(1, 7)]
    calls.clear()
    crossbar_border(technology, [4, 8], criterion=lines, progress=add, **quick)
    assert calls == [(k, 6) for k in range(1, 7)]


def test_worst_case_margin_of_ideal_lines():
    """V/2: the other rows add half of their cell to the column that is read."""
    m, n, on, off, volts = 6, 9, 1e-4, 1e-6, 0.2
    out = worst_case_margin(on, off, (m, n), "V/2", volts, **IDEAL)
    assert out["current"].dims == ("background", "place", "state")
    for background, g in (("LRS", on), ("HRS", off)):
        for state, own in (("LRS", on), ("HRS", off)):
            found = out["current"].sel(background=background, state=state)
            assert found.values == pytest.approx([volts * (own + (m - 1) * g / 2)] * 2, rel=1e-9)
    least, largest = on + (m - 1) * off / 2, off + (m - 1) * on / 2
    assert float(out["margin"]) == pytest.approx((least - largest) / on, rel=1e-9)


@pytest.mark.parametrize("drive", ["left", "right"])
@pytest.mark.parametrize("sense", ["bottom", "top"])
def test_near_and_far_cells_of_long_lines(drive, sense):
    """One row or one column: the way to the read cell is the segments up to its ends."""
    on, ohm, n = 1e-4, 100.0, 5
    line = {"word_line_resistance": ohm, "bit_line_resistance": 0.0}
    row = worst_case_margin(on, 0.0, (1, n), "grounded", 0.2, drive=drive, sense=sense, **line)
    alone = row["current"].sel(background="HRS", state="LRS")
    near, far = (float(alone.sel(place=place)) for place in ("near", "far"))
    # between two cells lies one segment; the first one may lie before the nearest cell
    assert 0.2 / far - 0.2 / near == pytest.approx((n - 1) * ohm, rel=1e-9)
    line = {"word_line_resistance": 0.0, "bit_line_resistance": ohm}
    column = worst_case_margin(on, 0.0, (n, 1), "grounded", 0.2, drive=drive, sense=sense, **line)
    alone = column["current"].sel(background="HRS", state="LRS")
    near, far = (float(alone.sel(place=place)) for place in ("near", "far"))
    assert 0.2 / far - 0.2 / near == pytest.approx((n - 1) * ohm, rel=1e-9)
