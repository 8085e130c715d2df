"""Tables of reads before and after a bake: times 0 and that of the bake."""

import numpy as np
import pytest

import reliability as rel


def written(tmp_path, text: str):
    path = tmp_path / "pairs.csv"
    path.write_text(text)
    return path


PAIRS = "cell,bake_degC,cycles_before,level,R_before [kohm],R_after [kohm]\n" + "".join(
    f"{cell},{kelvin},{cycles},{cell % 4},{5 + cell},{5.5 + cell}\n"
    for cell in range(6) for kelvin in (100, 120) for cycles in (0, 5000)
)  # fmt: skip


def test_pairs_become_two_times(tmp_path) -> None:
    data = rel.read_measurements(written(tmp_path, PAIRS), constants={"time": "30 min"})
    g = data["conductance"].transpose("wafer", "die", "cell", "temperature", "cycles", "time")
    assert g.shape == (1, 1, 6, 2, 2, 2)
    assert data["time"].values.tolist() == [0.0, 1800.0]
    assert data["temperature"].values == pytest.approx([373.15, 393.15])
    assert data["cycles"].values.tolist() == [0, 5000]
    assert 1 / g.values[0, 0, 2, 1, 1] == pytest.approx([7000, 7500])
    assert data["state"].values.tolist() == [0, 1, 2, 3, 0, 1]
    assert (data["time"].attrs["units"], g.attrs["units"]) == ("s", "S")


def test_without_the_time_the_pairs_stay_and_the_fit_says_how_to_give_it(tmp_path) -> None:
    data = rel.read_measurements(written(tmp_path, PAIRS))
    assert {"conductance_before", "conductance_after"} <= set(data)
    with pytest.raises(rel.InputError, match="need its time, as in FILE@time=30min"):
        rel.characterize(data, name="mine")


def test_bakes_of_several_times_have_their_own_reads_before(tmp_path) -> None:
    text = ("lot no,cell,bake_h,R_before [ohm],R_after [ohm]\n"
            "7,1,1,5000,5100\n7,1,10,5050,5600\n7,2,1,6000,6100\n7,2,10,6050,6600\n")  # fmt: skip
    data = rel.read_measurements(written(tmp_path, text))
    r = 1 / data["conductance"].transpose("wafer", "die", "cell", "repeat", "time").values[0, 0]
    assert data["time"].values.tolist() == [0.0, 3600.0, 36000.0]
    assert np.nan_to_num(r[0]) == pytest.approx(np.array([[5000, 5100, 0], [5050, 0, 5600]]))
    assert np.nan_to_num(r[1]) == pytest.approx(np.array([[6000, 6100, 0], [6050, 0, 6600]]))


@pytest.mark.parametrize(
    ("header", "values", "name", "expected"),
    [
        ("bake", (125, 150), "temperature", (398.15, 423.15)),
        ("bake_C", (125, 150), "temperature", (398.15, 423.15)),
        ("Bake (degC)", (125, 150), "temperature", (398.15, 423.15)),
        ("bake_min", (30, 60), "time", (1800.0, 3600.0)),
    ],
)
def test_what_the_column_bake_is(tmp_path, header, values, name, expected) -> None:
    rows = [f"{cell},{value},5000,5100" for cell in (1, 2) for value in values]
    text = f"cell,{header},R_before [ohm],R_after [ohm]\n" + "\n".join(rows) + "\n"
    data = rel.read_measurements(written(tmp_path, text))
    found = data[name].values
    assert found[found > 0] == pytest.approx(np.array(expected))


@pytest.mark.parametrize("values", [(168, 500), (168,), (1, 2)])
def test_a_bake_that_may_be_hours_or_degrees_is_refused(tmp_path, values) -> None:
    rows = [f"{cell},{value},5000,5100" for cell in (1, 2) for value in values]
    text = "cell,bake,R_before [ohm],R_after [ohm]\n" + "\n".join(rows) + "\n"
    with pytest.raises(rel.InputError, match=r"'bake' .*(may be a time|may be K)"):
        rel.read_measurements(written(tmp_path, text))


def test_a_column_repeat_is_named_where_it_is_not_used(tmp_path) -> None:
    text = "cell,repeat,R [ohm]\n1,4,5000\n1,9,5100\n2,4,6000\n2,9,6100\n"
    data = rel.read_measurements(written(tmp_path, text))
    assert data["repeat"].values.tolist() == [0, 1]
    assert any("'repeat' was left out" in line for line in data.attrs["problems"])


def test_a_bake_with_its_unit_in_the_cells_is_refused(tmp_path) -> None:
    """Left out, it would be a bake at room temperature."""
    path = tmp_path / "bake.csv"
    path.write_text("cell,R_before,R_after,bake\n1,5000,5100,120 degC\n2,6000,6100,120 degC\n")
    with pytest.raises(rel.InputError, match=r"column 4 'bake' has '120 degC'; write the unit"):
        rel.read_measurements(path, constants={"time": "30 min"})
