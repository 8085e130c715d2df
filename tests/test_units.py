"""Quantities at the door."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reliability import units
from reliability.errors import InputError, unknown_name
from reliability.units import duration, engineering, quantity


@pytest.mark.parametrize(
    ("text", "unit", "si"),
    [
        ("85 degC", "K", 358.15),
        ("-40degC", "K", 233.15),
        ("10 years", "s", 10 * 365.25 * 86400),
        ("1 h", "s", 3600.0),
        ("50 uS", "S", 50e-6),
        ("100 uA", "A", 1e-4),
        ("4.9 kohm", "ohm", 4900.0),
        ("3.6 pJ", "J", 3.6e-12),
        ("200 mm", "m", 0.2),
        ("5 %", "", 0.05),
        (0.1, "V", 0.1),
        ("1.4 eV", "eV", 1.4),
    ],
)
def test_text_with_unit_becomes_si(text, unit, si) -> None:
    assert quantity(text, unit) == pytest.approx(si, rel=1e-12, abs=0)


@pytest.mark.parametrize(
    ("value", "unit", "says"),
    [
        ("85 degX", "K", "temperature: got '85 degX'"),
        ("ten years", "s", "expected '<number> <unit>'"),
        ("3 V", "K", "not in units of K"),
        (math.nan, "K", "finite"),
        ("1e400 K", "K", "finite"),
        ([1], "K", "expected a number"),
        (True, "K", "expected a number"),
    ],
)
def test_what_cannot_be_right_is_refused_in_one_line(value, unit, says) -> None:
    with pytest.raises(InputError) as error:
        quantity(value, unit, name="temperature")
    assert says in str(error.value)
    assert "\n" not in str(error.value)


def test_range_is_named() -> None:
    with pytest.raises(InputError, match=r"got '-300 degC', allowed >= 0.001 K"):
        quantity("-300 degC", "K", low=1e-3)


@given(st.floats(1e-14, 1e11))
def test_engineering_keeps_the_value(value) -> None:
    number, _, unit = engineering(value, "A", 12).partition(" ")
    power = {"f": -15, "p": -12, "n": -9, "µ": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9}
    assert float(number) * 10.0 ** power[unit[:-1]] == pytest.approx(value, rel=1e-9, abs=0)


@given(st.floats(0, 1e12))
def test_duration_is_never_empty(seconds) -> None:
    assert duration(seconds)


def test_factors_kept_beside_pint_are_those_of_pint() -> None:
    registry = units._registry()
    for (unit, target), factor in units._FACTORS.items():
        assert factor == pytest.approx(registry.Quantity(1.0, unit).to(target).magnitude, rel=1e-14)


def test_nearest_name_is_offered() -> None:
    assert "did you mean 'oxram-130nm'" in str(unknown_name("card", "oxram130", ["oxram-130nm"]))
    assert "did you mean" not in str(unknown_name("card", "zzz", ["oxram-130nm"]))
