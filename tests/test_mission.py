"""The mission profile."""

import pytest

from reliability.errors import InputError
from reliability.mission import MissionProfile, Segment


def test_profiles_add_in_order() -> None:
    first = MissionProfile.constant("1 h", "25 degC")
    both = first + MissionProfile([Segment("10 years", "85 degC", reads=1e9, read_voltage="0.2 V")])
    assert both.duration == pytest.approx(3600 + 315576000)
    assert both.reads == 1e9
    assert both.temperatures.tolist() == [298.15, 358.15]
    assert "1e+09 reads at 200 mV" in str(both)


@pytest.mark.parametrize(
    "arguments",
    [
        {"time": "-1 s"},
        {"time": "1 h", "temperature": "0 K"},
        {"time": "1 h", "reads": -1},
        {"time": "1 K"},
        {"time": "1 h", "read_voltage": "1 s"},
    ],
)
def test_impossible_segments_are_refused(arguments) -> None:
    with pytest.raises(InputError):
        Segment(**arguments)


def test_profile_of_something_else_is_refused() -> None:
    with pytest.raises(InputError, match="expected Segment"):
        MissionProfile([(1, 2)])  # type: ignore[list-item]
