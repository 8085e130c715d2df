"""The command line as an engineer uses it."""

import json
import os
import signal
import subprocess
import sys

import click
import numpy as np
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from reliability import __version__
from reliability.cli import _message, _stopped, main


@pytest.fixture
def call():
    return lambda *arguments: CliRunner().invoke(main, list(map(str, arguments)))


def test_run_ends_with_the_report_and_again_goes_straight_to_it(call, plain, tmp_path) -> None:
    found = call("run", plain, "--out", tmp_path / "out", "--workers", 1)
    assert found.exit_code == 0, found.output
    last = found.stdout.strip().splitlines()[-1]
    assert last == f"report: {tmp_path / 'out' / 'report.html'}"
    for name in ("results.zarr", "summary.json", "report.html"):
        assert (tmp_path / "out" / name).exists()
    again = call("run", plain, "--out", tmp_path / "out", "--workers", 1, "--json")
    events = [json.loads(line) for line in again.stdout.splitlines()]
    assert [e["event"] for e in events] == ["done"]


def test_options_override_the_study(call, plain, tmp_path) -> None:
    found = call("run", plain, "--out", tmp_path / "o", "--chips", 3, "--seed", 9, "--workers", 1,
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


def test_the_misspelt_key_is_named_not_the_one_it_stands_for(call, small, tmp_path) -> None:
    spec = tmp_path / "typo.toml"
    for right, wrong in (("title", "titel"), ("technology", "tecnology"), ("seed", "Seed")):
        spec.write_text(small.read_text("utf-8").replace(f"{right} =", f"{wrong} =", 1), "utf-8")
        assert f"unknown key '{wrong}'; did you mean '{right}'?" in call("plan", spec).stderr


def test_places_that_cannot_be_written_are_refused_first(call, tmp_path, monkeypatch) -> None:
    file = tmp_path / "file"
    file.write_text("")
    found = call("size", "--out", file / "size")
    assert (found.exit_code, "is a file, expected a folder" in found.stderr) == (2, True)
    monkeypatch.setattr("os.access", lambda _, mode: mode != os.W_OK)  # as for who is not root
    for words in (["size", "--out"], ["fit", file, "--out"]):
        found = call(*words, tmp_path / "new.toml")
        assert (found.exit_code, "can't be written to" in found.stderr) == (2, True), found.output


def test_a_closed_pipe_and_a_poor_alphabet_end_nothing(repository) -> None:
    """``| head`` says nothing; a terminal without an ohm sign gets a ``?``."""
    show = f"{sys.executable} -m reliability.cli technologies show oxram-130nm"
    found = subprocess.run(
        f"{show} | head -1", shell=True, cwd=repository, capture_output=True, text=True
    )
    assert found.stdout.startswith("oxram-130nm: ")
    assert not found.stderr
    ascii = os.environ | {"PYTHONIOENCODING": "ascii"}
    poor = subprocess.run(show.split(), cwd=repository, capture_output=True, env=ascii)
    assert poor.returncode == 0, poor.stderr
    assert b"88 k?" in poor.stdout


def test_only_a_run_goes_on_after_ctrl_c() -> None:
    assert _stopped(signal.SIGINT, True) == "\nstopped; the same command goes on from here"
    assert _stopped(signal.SIGINT, False) == "\nstopped"
    assert _message(OSError(28, "No space left on device", "out/x"))[0].startswith(
        "failed: out/x: No space left on device"
    )


def test_debug_shows_the_traceback(call) -> None:
    found = call("--debug", "plan", "nowhere.toml")
    assert type(found.exception).__name__ == "InputError"


def test_plan_says_what_would_run(call, small) -> None:
    found = json.loads(call("plan", small, "--json").stdout)
    assert found["chips"] == 5
    assert "image evaluations" in call("plan", small).stdout
    of_attribution = call("plan", "attribution").stdout.split()
    assert of_attribution[of_attribution.index("chips") + 1] == "48"  # not those of [population]


def test_technologies_are_listed_and_shown_with_sources(call) -> None:
    assert "oxram-130nm" in call("technologies").stdout
    shown = call("technologies", "show", "oxram-130nm").stdout
    assert "read.voltage" in shown
    assert "100 mV" in shown
    assert "Valentian" in shown
    card = json.loads(call("technologies", "show", "oxram-130nm", "--json").stdout)
    assert all(p["source"] and p["confidence"] for p in card["parameters"].values())


def commands(group=main, before=()):
    """Every command and its words on the command line."""
    yield before, group
    for name, command in getattr(group, "commands", {}).items():
        yield from commands(command, (*before, name))


@pytest.mark.parametrize(("words", "command"), list(commands()), ids=lambda value: str(value)[:40])
def test_help_is_a_page_of_its_manual(call, words, command) -> None:
    text = call(*words, "--help").stdout
    assert "Example" in text
    assert "Exit codes:" in text
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{parameter.name} says nothing"
        else:
            assert parameter.human_readable_name in text.split("Options:")[0].split("\n", 1)[1]
    outside = [line for line in text.splitlines() if len(line) > 100]
    assert not outside


def test_version_is_message(call) -> None:
    assert __version__ in call("--version").stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [("reliability ru", "run"), ("reliability run a.toml --chi", "--chips"),
     ("reliability technologies show pcm-j", "pcm-joshi"),
     ("reliability run a.toml --technology oxram-c", "oxram-cmo-hfox")],
)  # fmt: skip
def test_the_shell_completes(words, offered) -> None:
    """As the function of the documented line calls it."""
    typed = words.split()
    completion = BashComplete(main, {}, "reliability", "_RELIABILITY_COMPLETE")
    found = completion.get_completions(typed[1:-1], typed[-1])
    assert [item.value for item in found] == [offered]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_line_for_the_shell_is_the_documented_one(shell, repository) -> None:
    line = f"_RELIABILITY_COMPLETE={shell}_source reliability"
    assert line in CliRunner().invoke(main, ["--help"]).stdout
    found = CliRunner().invoke(
        main, prog_name="reliability", env={"_RELIABILITY_COMPLETE": f"{shell}_source"}
    )
    assert f"_RELIABILITY_COMPLETE={shell}_complete" in found.stdout


def test_inspect_says_what_is_in_a_file(call, tmp_path) -> None:
    file = tmp_path / "reads.csv"
    file.write_text("cell,time [h],G [uS]\n1,0,50\n1,24,48\n2,0,55\n2,24,bad\n")
    found = call("inspect", file)
    assert found.exit_code == 0, found.output
    assert "4 rows, 1 bad" in found.stdout
    assert "bad lines: 5" in found.stdout
    assert json.loads(call("inspect", file, "--json").stdout)["bad"] == 1


@pytest.fixture
def reads(tmp_path):
    """A tester's file of both states, read three times."""
    rng = np.random.default_rng(5)
    lines = ["cell,state,time [s],G [uS]"]
    for state, g, sigma in (("LRS", 200, 0.1), ("HRS", 11, 0.7)):
        for cell in range(40):
            first, z = g * np.exp(rng.normal(0, sigma)), rng.normal()
            for k, time in enumerate((0, 10, 1000)):
                lines.append(f"{cell},{state},{time},{first * np.exp(0.1 * z * k)}")
    path = tmp_path / "reads.csv"
    path.write_text("\n".join(lines))
    return path


def test_fit_writes_a_card_that_a_study_runs_on(call, reads, plain, tmp_path) -> None:
    card = tmp_path / "mine.toml"
    found = call("fit", reads, "--out", card, "--base", "oxram-130nm", "--draws", 20)
    assert found.exit_code == 0, found.output
    assert "programming.LRS.resistance" in found.stdout
    assert "[1] fitted by reliability" in found.stdout
    assert f"card: {card}" in found.stdout
    assert "not identifiable: " in found.stdout
    assert "not fitted: retention: needs 20 cells" in found.stdout
    assert "retention is not in the data: the card has that of oxram-130nm" in found.stdout
    assert "fitted programming LRS" in found.stderr
    page = card.with_suffix(".html").read_text("utf-8")
    assert "<svg" in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    ran = call("run", plain, "--technology", card, "--out", tmp_path / "out", "--workers", 1)
    assert ran.exit_code == 0, ran.output


@pytest.mark.slow
def test_fit_prints_json(call, reads, tmp_path) -> None:
    found = call("fit", reads, "--out", tmp_path / "mine.toml", "--draws", 20, "--json")
    said = json.loads(found.stdout)
    assert said["fitted"]["programming.HRS.resistance"]["unit"] == "ohm"
    assert said["check"]["draws"] == 20
    assert said["problems"] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["fit", "nowhere.csv", "--out", "mine.toml"], "nowhere.csv"),
        (["fit", "READS", "--out", "mine.txt"], "expected a name in .toml"),
        (["fit", "READS", "--out", "mine.toml", "--base", "oxram"], "did you mean"),
        (["fit", "READS", "--out", "mine.toml", "--layout", "tdy"], "did you mean 'tidy'"),
    ],
)
def test_a_bad_fit_is_one_line_and_exit_code_2(call, reads, arguments, says) -> None:
    found = call(*[reads if argument == "READS" else argument for argument in arguments])
    assert found.exit_code == 2
    assert says in found.stderr
    assert found.stderr.count("\n") == 1


def test_ctrl_c_while_the_command_is_imported_shows_no_traceback() -> None:
    code = """
import os, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a job in the background ignores it
class Interrupts:
    def find_spec(self, name, path, target=None):
        if name == "click":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Interrupts())
from reliability.__main__ import main
main()
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert found.returncode == -signal.SIGINT
    assert (found.stdout, found.stderr) == ("", "")
