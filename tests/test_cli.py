"""The command line as an engineer uses it."""

import json

import pytest
from click.testing import CliRunner

from reliability import __version__
from reliability.cli import main


@pytest.fixture
def call():
    return lambda *arguments: CliRunner().invoke(main, list(map(str, arguments)))


def test_run_prints_the_answer_and_ends_with_the_report(call, small, tmp_path) -> None:
    found = call("run", small, "--out", tmp_path / "out", "--workers", 1)
    assert found.exit_code == 0, found.output
    last = found.stdout.strip().splitlines()[-1]
    assert last == f"report: {tmp_path / 'out' / 'report.html'}"
    for name in ("results.zarr", "summary.json", "report.html"):
        assert (tmp_path / "out" / name).exists()


def test_run_again_goes_straight_to_the_report(call, small, tmp_path) -> None:
    call("run", small, "--out", tmp_path / "out", "--workers", 1)
    again = call("run", small, "--out", tmp_path / "out", "--workers", 1, "--json")
    events = [json.loads(line) for line in again.stdout.splitlines()]
    assert [e["event"] for e in events] == ["done"]


def test_options_override_the_study(call, small, tmp_path) -> None:
    found = call("run", small, "--out", tmp_path / "o", "--chips", 3, "--seed", 9, "--workers", 1,
                 "--json")  # fmt: skip
    summary = json.loads(found.stdout.splitlines()[-1])["summary"]
    assert (summary["chips"], summary["seed"]) == (3, 9)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "nowhere.toml", "--out", "OUT"], "no file 'nowhere.toml'"),
        (["run", "SMALL", "--out", "OUT", "--technology", "oxram"], "did you mean 'oxram-"),
        (["run", "SMALL", "--out", "OUT", "--chips", "0"], "population.chips"),
        (["plan", "nowhere.toml"], "no file"),
        (["technologies", "show", "oxram-13nm"], "did you mean 'oxram-130nm'"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(call, small, tmp_path, arguments, says) -> None:
    out = tmp_path / "out"
    places = {"SMALL": str(small), "OUT": str(out)}
    found = call(*[places.get(a, a) for a in arguments])
    assert found.exit_code == 2
    assert says in found.stderr
    assert len(found.stderr.strip().splitlines()) == 1
    assert not out.exists()  # nothing half-written


def test_debug_shows_the_traceback(call) -> None:
    found = call("--debug", "plan", "nowhere.toml")
    assert type(found.exception).__name__ == "InputError"


def test_plan_says_what_would_run(call, small) -> None:
    found = json.loads(call("plan", small, "--json").stdout)
    assert found["chips"] == 5
    assert "image evaluations" in call("plan", small).stdout


def test_technologies_are_listed_and_shown_with_sources(call) -> None:
    assert "oxram-130nm" in call("technologies").stdout
    shown = call("technologies", "show", "oxram-130nm").stdout
    assert "read.voltage" in shown
    assert "100 mV" in shown
    assert "Valentian" in shown
    card = json.loads(call("technologies", "show", "oxram-130nm", "--json").stdout)
    assert all(p["source"] and p["confidence"] for p in card["parameters"].values())


def test_help_has_examples_and_version_is_told(call) -> None:
    for command in ([], ["run"], ["plan"], ["technologies"], ["technologies", "show"]):
        assert "Example" in call(*command, "--help").stdout
    assert __version__ in call("--version").stdout


def test_inspect_says_what_is_in_a_file(call, tmp_path) -> None:
    file = tmp_path / "reads.csv"
    file.write_text("cell,time [h],G [uS]\n1,0,50\n1,24,48\n2,0,55\n2,24,bad\n")
    found = call("inspect", file)
    assert found.exit_code == 0, found.output
    assert "4 rows, 1 bad" in found.stdout
    assert "bad lines: 5" in found.stdout
    assert json.loads(call("inspect", file, "--json").stdout)["bad"] == 1
