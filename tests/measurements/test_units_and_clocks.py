"""What testers write as units and times: a closed vocabulary, checked against pint and datetime."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pint import UnitRegistry

from reliability.measurements.clock import recognise_clock
from reliability.measurements.names import scaling, split_unit
from reliability.measurements.tester_units import parse_unit

PINT = UnitRegistry(cache_folder=None)


@pytest.mark.parametrize("base", ["A", "V", "ohm", "S", "s", "Hz", "F", "W", "J"])
@pytest.mark.parametrize("prefix", ["f", "p", "n", "u", "µ", "m", "", "k", "G"])
def test_prefixes_agree_with_pint(prefix: str, base: str) -> None:
    meaning = parse_unit(prefix + base)
    assert meaning is not None
    assert meaning.inside == base
    assert meaning.factor == pytest.approx(PINT.Quantity(1, prefix + base).to(base).magnitude)


@pytest.mark.parametrize(
    ("text", "inside", "factor"),
    [
        *(("a", "A", 1.0), ("ua", "A", 1e-6), ("na", "A", 1e-9), ("ma", "A", 1e-3)),
        *(("UA", "A", 1e-6), ("v", "V", 1.0), ("mv", "V", 1e-3), ("hz", "Hz", 1.0)),
        *(("OHM", "ohm", 1.0), ("KOHM", "ohm", 1e3), ("MOHM", "ohm", 1e6), ("mohm", "ohm", 1e-3)),
        *(("dB", "dB", 1.0), ("db", "dB", 1.0), ("dBm", "dBm", 1.0), ("%", "", 1e-2)),
        *(("MHZ", "Hz", 1e6), ("kΩ", "ohm", 1e3), ("w", "W", 1.0), ("PF", "F", 1e-12)),
    ],
)
def test_what_testers_write(text: str, inside: str, factor: float) -> None:
    meaning = parse_unit(text)
    assert meaning is not None
    assert (meaning.inside, meaning.factor, meaning.offset) == (inside, factor, 0.0)


@pytest.mark.parametrize("text", ["MA", "MV", "furlong", "m**(9**9**9)", "a b", "foo", "AV", "kk"])
def test_what_nobody_can_say_is_unknown(text: str) -> None:
    assert parse_unit(text) is None


def test_the_dimension_decides_between_two_meanings() -> None:
    assert parse_unit("S").inside == "S"
    assert parse_unit("S", "s").factor == 1.0
    assert parse_unit("MS", "s").factor == 1e-3
    assert parse_unit("H", "s").factor == 3600.0
    assert parse_unit("°C").offset == 273.15
    assert scaling("x", "um", "mm") == (1e-3, 0.0)


@pytest.mark.parametrize(
    ("header", "split"),
    [
        *(("Time (s)", ("Time", "s")), ("Voltage [mV]", ("Voltage", "mV")), ("t/s", ("t", "s"))),
        *(("TIME_H", ("TIME", "H")), ("i_on_A", ("i_on", "A")), ("Current, uA", ("Current", "uA"))),
        *(("T/°C", ("T", "°C")), ("LRS/HRS", ("LRS/HRS", "")), ("R_HRS", ("R_HRS", ""))),
        *(("i_max", ("i_max", "")), ("device_A", ("device_A", "")), ("AI(2)", ("AI(2)", ""))),
    ],
)
def test_units_in_headers(header: str, split: tuple[str, str]) -> None:
    assert split_unit(header) == split


@pytest.mark.parametrize(
    "form",
    [
        *("%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H.%M.%S", "%Y/%m/%d %H:%M:%S", "%Y%m%d_%H%M%S"),
        *("%d.%m.%Y %H:%M:%S", "%m/%d/%Y %I:%M:%S %p", "%d-%b-%Y %H:%M:%S", "%b %d, %Y %H:%M:%S"),
        *("%Y-%m-%d %H:%M:%S+00:00", "%Y-%m-%d %H:%M:%S.%f", "%a %b %d %Y %H:%M:%S"),
    ],
)
@given(when=st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1)))
def test_timestamps_come_back(form: str, when: datetime) -> None:
    when = when.replace(microsecond=when.microsecond if "%f" in form else 0)
    fixed = datetime(2024, 8, 25, 16, 38, 34)  # tells day from month
    texts = [moment.strftime(form) for moment in (fixed, when)]
    clock = recognise_clock(texts)
    assert clock is not None
    want = [moment.replace(tzinfo=UTC).timestamp() for moment in (fixed, when)]
    np.testing.assert_allclose(clock.seconds(texts), want, rtol=0, atol=1e-6)


def test_times_of_day_pass_midnight_and_other_texts_are_no_times() -> None:
    clock = recognise_clock(["23:59:58", "23:59:59.5", "00:00:01"])
    assert clock.seconds(["23:59:58", "x", "00:00:01", "12:00"]).tolist()[2:] == [86401.0, 129600.0]
    for texts in (["12.5", "13.5"], ["A1", "A2"], [], ["20240815"], ["3_4", "3_5"]):
        assert recognise_clock(texts) is None
    assert "day and month" in recognise_clock(["03/04/2025 10:00"]).note
