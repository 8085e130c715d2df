"""``reliability size`` and ``reliability qualify`` as an engineer uses them."""

import json

import pytest
import xarray as xr
from click.testing import CliRunner
from scipy import stats

from reliability.cli import main

SIZE = ["size", "--limit", "40%", "--wire", "5 ohm", "--max-size", "32", "--draws", "0"]
OVEN = """temperature [degC],time [h],event,count
125,700,F,1
125,900,F,2
125,1000,S,37
150,90,F,2
150,150,F,4
150,240,F,6
150,500,S,3
"""
BAKE = """cell,temperature [degC],time [h],G [uS]
1,125,0,50
1,125,24,48
1,125,500,47
2,125,0,55
2,125,24,9
3,125,0,52
3,125,24,51
3,125,500,50
"""


@pytest.fixture
def call():
    return lambda *arguments: CliRunner().invoke(main, list(map(str, arguments)))


@pytest.fixture
def oven(tmp_path):
    path = tmp_path / "oven.csv"
    path.write_text(OVEN, "utf-8")
    return path


def test_size_prints_a_table_with_intervals(call):
    found = call(*SIZE)
    assert found.exit_code == 0, found.output
    assert "largest" in found.stdout
    assert "5 Ω" in found.stdout
    assert "100%" in found.stderr  # progress


def test_size_writes_results_report_and_json(call, tmp_path):
    out = tmp_path / "size"
    found = call(*SIZE, "--ratio", "10, 30", "--lrs", "5 kohm, 10 kohm", "--out", out, "--json")
    assert found.exit_code == 0, found.output
    events = [json.loads(line) for line in found.stdout.splitlines()]
    assert events[-1]["event"] == "done"
    assert len(events[-1]["rows"]) == 4
    data = xr.open_zarr(out / "results.zarr", consolidated=False)
    assert dict(data["size"].sizes) == {"lrs_resistance": 2, "ratio": 2, "wire": 1}
    assert json.loads((out / "size.json").read_text())["rows"] == events[-1]["rows"]
    text = (out / "report.html").read_text("utf-8")
    for part in ("size", "map", "pareto", "table", "provenance"):
        assert f'id="{part}"' in text
    assert text.count("<svg") == text.count('role="img"') == 3
    assert "http" not in text.split("</style>")[1].replace("http://www.w3.org", "")
    again = call(*SIZE, "--out", out)  # the same folder takes new results
    assert again.exit_code == 0, again.output
    one = (out / "report.html").read_text("utf-8")
    assert 'id="trials"' in one
    assert 'id="voltages"' in one


def test_size_searches_one_side_and_draws_a_border(call, tmp_path):
    found = call(*SIZE, "--rows", "8", "--json")
    row = json.loads(found.stdout.splitlines()[-1])["rows"][0]
    assert row["largest_rows"] in (0, 8)
    border = call(*SIZE, "--rows", "8, 16", "--out", tmp_path / "border")
    assert border.exit_code == 0, border.output
    assert 'id="border"' in (tmp_path / "border" / "report.html").read_text("utf-8")


def test_size_by_the_accuracy_of_a_network(call):
    found = call("size", "--criterion", "accuracy_drop", "--limit", "20%", "--wire", "50 ohm",
                 "--images", 50, "--max-size", 8, "--draws", 0, "--json")  # fmt: skip
    assert found.exit_code == 0, found.output
    told = json.loads(found.stdout.splitlines()[-1])
    assert told["criterion"] == "accuracy_drop"
    assert told["rows"][0]["size"] <= 8


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--criterion", "output_eror"], "did you mean 'output_error'"),
        (["--wire", "28nm"], "unknown node '28nm'"),
        (["--wire", "3 V"], "not in units of ohm"),
        (["--lrs", "10 kohm", "--ratio", "0.5"], "expected 0 < LRS < HRS"),
        (["--bias-scheme", "V/4"], "unknown bias scheme 'V/4'"),
        (["--rows", "8, 16", "--lrs", "5 kohm, 9 kohm"], "lrs_resistance: give one value"),
        (["--criterion", "accuracy_drop", "--bias-scheme", "V/2"], "does not go with"),
        (["--confidence", "40%"], "confidence"),
        (["--technology", "oxram"], "did you mean"),
    ],
)
def test_size_refuses_in_one_line(call, tmp_path, options, says):
    found = call(*SIZE, *options, "--out", tmp_path / "out")
    assert found.exit_code == 2, found.output
    error = [line for line in found.stderr.splitlines() if line.startswith("error")]
    assert len(error) == 1
    assert says in error[0]
    assert not (tmp_path / "out").exists()


def test_size_has_a_limit_of_its_own_for_one_criterion_only(call):
    plain = call("size", "--wire", "5 ohm", "--max-size", 8, "--draws", 0, "--json")
    told = json.loads(plain.output.splitlines()[-1])
    assert told["rows"][0]["size"] == 8  # works: the first command of a newcomer has an answer
    refused = call("size", "--criterion", "bit_error_rate")
    assert refused.exit_code == 2
    assert "limit: got none" in refused.stderr


def test_size_takes_a_network_a_card_a_wire_and_a_limit(call):
    found = call("size", "--network", "spirit", "--technology", "techB", "--wire", "30 ohm",
                 "--images", 30, "--max-size", 8, "--draws", 0, "--time", "1 h",
                 "--json")  # fmt: skip
    told = json.loads(found.stdout.splitlines()[-1])
    assert told["criterion"] == "accuracy_drop"
    assert told["limit"] == 0.01
    for options, says in (
        (
            ["--network", "spirit", "--criterion", "output_error"],
            "network: goes with",
        ),
        (["--network", "spirit", "--density", "20%"], "density: does not go with"),
        (["--network", "spirit", "--drive", "both"], "unknown condition of an array 'drive'"),
        (["--network", "spirit", "--layer", "stem"], "layer: goes with a deep network"),
        (["--network", "mobilenet-mnist", "--layer", "stemm"], "did you mean 'stem'"),
        (["--network", "mobilenet-mnist", "--reading", "rows"], "reading: goes with a network of"),
        (["--images", "50"], "images: goes with the criterion accuracy_drop"),
    ):
        refused = call("size", *options, "--draws", 0)
        assert refused.exit_code == 2
        assert says in refused.stderr


def test_size_that_does_not_converge_is_one_line_and_exit_code_1(call, monkeypatch):
    monkeypatch.setattr("reliability.crossbar.solver._LIMIT", 1)
    found = call(*SIZE)
    assert found.exit_code == 1
    assert "did not converge: residual" in found.stderr
    assert "Traceback" not in found.output


def test_results_do_not_overwrite_other_files(call, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    found = call(*SIZE, "--out", tmp_path)
    assert found.exit_code == 2
    assert "is not empty and holds no size.json" in found.stderr


def test_qualify_shows_a_claim_and_writes_a_report(call, oven, tmp_path):
    out = tmp_path / "out"
    found = call("qualify", oven, "--claim", "1 year", "--at", "55 degC", "--fraction", "1%",
                 "--quantity", "BER", "--out", out)  # fmt: skip
    assert found.exit_code == 0, found.output
    assert found.stdout.startswith(
        "DEMONSTRATED: BER ≤ 0.01 after 1 year at 55 °C (90 % confidence)"
    )
    assert "data sheet   BER ≤ " in found.stdout
    assert "FIT" in found.stdout
    told = json.loads((out / "qualification.json").read_text())
    assert told["passed"]
    assert told["margin"] > 1
    text = (out / "report.html").read_text("utf-8")
    for part in ("probability", "arrhenius", "parameters", "distributions", "assumptions"):
        assert f'id="{part}"' in text
    assert "likelihood-ratio bound" in text


def test_qualify_ends_with_1_and_says_what_it_takes(call, oven):
    found = call("qualify", oven, "--claim", "10 years", "--at", "85 degC", "--fraction", "1e-4")
    assert found.exit_code == 1, found.output
    assert found.stdout.startswith("NOT DEMONSTRATED")
    assert "needed  " in found.stdout
    long = call("qualify", oven, "--claim", "1000 years", "--at", "150 degC", "--fraction", "1e-4")
    assert "data sheet   no statement is possible: the test does not bound" in long.stdout


def test_qualify_counts_as_jesd47_does(call):
    found = call(
        "qualify", "--devices", 231, "--duration", "1000 h", "--test-at", "125 degC",
        "--claim", "1000 h", "--at", "125 degC", "--fraction", "1%",
        "--jesd47", "uncycled high-temperature data retention", "--json",
    )  # fmt: skip
    told = json.loads(found.stdout)
    assert found.exit_code == 0
    assert told["jesd47"]["sample_plan_met"]
    assert told["bound"] == pytest.approx(1 - 0.1 ** (1 / 231))
    assert told["sentence"].startswith("Cumulative failures ≤ 1 % after 1000 h at 125 °C (90 %")
    unknown = call(
        "qualify", "--devices", 231, "--duration", "1000 h", "--test-at", "125 degC",
        "--claim", "10 years", "--at", "55 degC", "--fraction", "1%",
        "--activation-energy", "0.7 eV",
    )  # fmt: skip
    assert unknown.exit_code == 2
    assert "shape: the claim is 1.13 times as long as the equivalent test" in unknown.stderr
    carried = call(
        "qualify", "--devices", 231, "--duration", "1000 h", "--test-at", "125 degC",
        "--claim", "10 years", "--at", "55 degC", "--fraction", "1%",
        "--activation-energy", "0.7 eV", "--shape", "1", "--json",
    )  # fmt: skip
    told = json.loads(carried.stdout)
    assert carried.exit_code == 1
    assert [plan["units"] for plan in told["plans"]] == [259, 130]  # as plan_test documents
    assert told["units_needed"] == 259


def test_qualify_reads_against_a_limit(call, tmp_path):
    path = tmp_path / "bake.csv"
    path.write_text(BAKE, "utf-8")
    found = call("qualify", path, "--failure", "conductance < 20 uS", "--claim", "24 h",
                 "--at", "125 degC", "--fraction", "5%", "--json")  # fmt: skip
    told = json.loads(found.stdout)
    assert found.exit_code == 1
    assert (told["test"]["units"], told["test"]["failures"]) == (3, 1)


def test_qualify_endurance_in_cycles(call, tmp_path):
    path = tmp_path / "cycles.csv"
    path.write_text("a,b\n1e6,0\n2e6,1\n" + "1e6,0\n" * 30)
    found = call("qualify", path, "--columns", "cycles, event", "--claim", "1e4 cycles",
                 "--fraction", "8%")  # fmt: skip
    assert found.exit_code == 0, found.output
    assert "after 10 000 cycles (" in found.stdout
    assert "FIT" not in found.stdout


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--claim", "10", "--at", "85 degC"], "expected a unit: years, h, cycles, reads"),
        (["--claim", "10 years"], "temperature: differs in the test"),
        (["--claim", "1e5 cycles", "--at", "85 degC"], "the test counts time"),
        (["--claim", "10 years", "--at", "85 degC, 90 degC"], "two values of temperature"),
        (["--claim", "10 years", "--at", "85"], "expected a unit: degC, K or V"),
        (["--claim", "10 years", "--at", "85 degC", "--distribution", "weibul"], "did you mean"),
        (["--claim", "10 years", "--at", "85 degC", "--jesd47", "retention"], "unknown test"),
        (["--claim", "10 years", "--at", "85 degC", "--devices", "3"], "go without a file"),
        (
            ["--claim", "10 years", "--at", "85 degC", "--assume", "shape"],
            "expected 'name = value'",
        ),
    ],
)
def test_qualify_refuses_in_one_line(call, oven, options, says):
    found = call("qualify", oven, "--fraction", "1%", *options)
    assert found.exit_code == 2, found.output
    assert len(found.stderr.strip().splitlines()) == 1
    assert says in found.stderr


def test_help_has_examples(call):
    for command in ("size", "qualify"):
        text = call(command, "--help").stdout
        assert "Examples:" in text
        assert f"reliability {command}" in text


OPENS = "cell,time [h],R (kohm)\n" + "".join(
    f"{cell},{time},{'OL' if cell == 3 and time else ('' if cell == 5 and time else 5)}\n"
    for cell in range(20)
    for time in (0, 168, 1000)
)


def test_qualify_states_how_the_files_were_read_and_what_was_lost(call, tmp_path):
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text(OPENS, "utf-8")
    words = ["qualify", f"{tmp_path / 'a.csv'}@125degC", f"{tmp_path / 'b.csv'}@150degC",
             "--failure", "resistance > 50 kohm", "--claim", "100 h", "--at", "125 degC",
             "--fraction", "50%", "--activation-energy", "1 eV", "--shape", "1"]  # fmt: skip
    found = call(*words, "--out", tmp_path / "out")
    assert found.exit_code in (0, 1), found.output
    assert "read  a.csv: column 3 'R [kohm]': resistance in kohm, by its header" in found.stderr
    lost = "1 unit lost its reads: 1 from 168 h; counted as failed"
    assert f"note: b.csv: {lost}" in found.stderr
    assert "lost its reads: 1 from" in (tmp_path / "out" / "report.html").read_text("utf-8")
    told = json.loads(call(*words, "--json").stdout)
    assert (told["test"]["units"], told["test"]["failures"]) == (40, 4)
    assert told["reading"]["units_lost"] == 2
    kept = json.loads(call(*words, "--json", "--missing", "censored").stdout)
    assert (kept["test"]["units"], kept["test"]["failures"]) == (38, 2)
    refused = call(*words, "--missing", "refuse")
    assert refused.exit_code == 2
    assert "missing: 1 unit lost its reads" in refused.stderr


def test_a_file_with_conditions_that_are_none_is_refused(call, tmp_path):
    (tmp_path / "a.csv").write_text(OPENS, "utf-8")
    for spec, says in (("hot", "got 'hot' behind @"), ("sheets=2", "did you mean 'sheet'")):
        found = call("inspect", f"{tmp_path / 'a.csv'}@{spec}")
        assert found.exit_code == 2
        assert says in found.stderr


def test_inspect_prints_celsius_hours_and_over_range(call, tmp_path):
    (tmp_path / "a.csv").write_text(OPENS, "utf-8")
    said = call("inspect", f"{tmp_path / 'a.csv'}@125degC").stdout
    assert "over-range: 2 values" in said
    assert "= 0, 168, 1000 h" in said
    assert "label temperature [K]: 1 (398.15) = 125 °C" in said
    assert "read  column 1 'cell': cell, by its header" in said


def test_qualify_takes_priors_and_predicts_the_next_lot(call, tmp_path):
    """No failure of 231: with the shape known the bound of JESD85, a gamma-Poisson next lot."""
    stated = ["qualify", "--devices", 231, "--duration", "1000 h", "--claim", "1000 h",
              "--fraction", "1%", "--next-lot", 500, "--json"]  # fmt: skip
    known = json.loads(call(*stated, "--shape", 1).output)
    assert known["bound"] == pytest.approx(1 - 0.1 ** (1 / 231), rel=1e-6)
    bound = stats.nbinom.ppf(0.9, 1, 231 / (231 + 500))  # geometric: one more than no failure
    assert known["next_lot"]["bound"] == pytest.approx(bound, abs=1)
    prior = "shape = 1 to 2.5 (lots 1 to 4)"
    wide = json.loads(call(*stated, "--prior", prior, "--out", tmp_path / "q").output)
    assert wide["bound"] == pytest.approx(known["bound"], rel=0.02)  # no extrapolation
    assert any("lots 1 to 4" in text for text in wide["assumptions"])
    assert "At most" not in (report := (tmp_path / "q" / "report.html").read_text("utf-8"))
    assert "Next lot: at most" in report
    refused = call(*stated, "--prior", "shape = 1-2")
    assert refused.exit_code == 2
    assert "expected 'name = low to high (source)'" in refused.stderr
    free = call(*stated)
    assert free.exit_code == 2
    assert "state a shape or priors" in free.stderr
