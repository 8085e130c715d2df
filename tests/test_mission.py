"""The mission profile."""

import numpy as np
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


def test_the_cycles_of_a_mission_add_up_and_begin_a_new_count_of_time() -> None:
    bake = Segment("1 h", "125 degC")
    mission = MissionProfile([bake, Segment("2 h", "55 degC", cycles=1000), bake])
    assert mission.cycles == 1000
    assert mission.since_last_write.duration == 3 * 3600
    assert MissionProfile([bake]).since_last_write.duration == 3600
    assert "1000 cycles" in str(mission)


@pytest.mark.parametrize(
    ("cycles", "says"),
    [(-1, "allowed 0"), (0.5, "a whole number"), ("a few", "a number"), (np.nan, "finite")],
)
def test_cycles_that_cannot_be_are_refused(cycles, says) -> None:
    with pytest.raises(InputError, match=f"cycles: got .*{says}"):
        Segment("1 h", cycles=cycles)


def test_cycles_after_the_last_read_out_are_refused() -> None:
    bake, writes = Segment("500 h", "125 degC"), Segment(0, cycles=10)
    with pytest.raises(InputError, match="after the last read-out"):
        MissionProfile([bake, writes])
    assert MissionProfile([writes]).cycles == 10  # nothing before that they could erase
    with pytest.raises(InputError, match="without cycles"):
        Segment("1 h", write="verify")


# Conditions as in the summary of JESD47 by a test house (iST), beside the shipped file.
JEDEC = {
    ("NVCE", "OxRAM", 1): [(0, 25)],
    ("NVCE", "OxRAM", 2): [(0, 55)],
    ("UCHTDR", "OxRAM", 1): [(1000, 125)],
    ("UCHTDR", "PCM", 1): [(1000, 90)],
    ("PCHTDR", "OxRAM", 1): [(0, 55), (96, 100), (904, 100)],
    ("PCHTDR", "PCM", 1): [(0, 55), (96, 90), (904, 90)],
    ("PCHTDR", "CBRAM", 2): [(0, 55), (10, 125), (90, 125)],
    ("PCHTDR", "pcm", 2): [(0, 55), (10, 100), (90, 100)],
    ("LTDR", "OxRAM", 1): [(0, 25), (500, 25)],
    ("HTOL", "OxRAM", 1): [(1000, 125)],
}


@pytest.mark.parametrize(("test", "memory", "option"), JEDEC)
def test_the_jedec_sequences_have_the_conditions_of_the_standard(test, memory, option) -> None:
    profile = MissionProfile.jedec(test, memory=memory, option=option, cycles=500)
    found = [(round(s.time / 3600), round(s.temperature - 273.15)) for s in profile.segments]
    assert found == JEDEC[test, memory, option]
    cycled = test in ("NVCE", "PCHTDR", "LTDR")
    assert profile.cycles == (500 if cycled else 0)
    assert (profile.reads > 0) == (test == "LTDR")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"test": "PCHTD"}, "did you mean 'PCHTDR'"),
        ({"test": "PCHTDR", "memory": "Flash"}, "allowed: CBRAM, OxRAM"),
        ({"test": "PCHTDR", "option": 3}, "allowed 1 to 2"),
        ({"test": "PCHTDR", "option": True}, "allowed 1 to 2"),
        ({"test": "PCHTDR", "option": 1.0}, "allowed 1 to 2"),
        ({"test": "LTDR", "cycles": -5}, "cycles"),
        ({"test": "UCHTDR", "cycles": -5}, "cycles"),
        ({"test": "PCHTDR", "reads": -1}, "reads"),
    ],
)
def test_a_jedec_sequence_that_is_not_is_refused(arguments, says) -> None:
    with pytest.raises(InputError, match=says):
        MissionProfile.jedec(**arguments)


def test_counts_as_text_are_numbers_and_no_angles() -> None:
    """In units of angle "1 cycle" is 2 pi."""
    assert Segment("1 h", cycles="10000 cycles", reads="1e6 reads").cycles == 10_000
    assert Segment("1 h", reads="1 read").reads == 1
    for name, text in (("reads", "5 turns"), ("cycles", "180 deg"), ("cycles", "6 rad")):
        with pytest.raises(InputError, match=f"{name}: got '{text}', which is not in units of 1"):
            Segment("1 h", **{name: text})
