"""What a file of somebody else must not do: reach the terminal, a spreadsheet, or a name."""

import json
import shutil
import subprocess
from dataclasses import replace

import pytest
from click.testing import CliRunner

import reliability as rel
from reliability import measurements
from reliability.cli import main
from reliability.commands.options import _without_folders
from reliability.errors import printable
from reliability.resources import data_folder

EVIL = "\\u001b]0;owned\\u0007[/b] [red] \\u001b[2Jx\\u009b31m\\u202e"


@pytest.fixture
def card(tmp_path):
    text = (data_folder() / "technologies" / "oxram-130nm.toml").read_text("utf-8")
    lines = [f'title = "{EVIL}"' if line.startswith("title =") else line
             for line in text.splitlines()]  # fmt: skip
    path = tmp_path / "evil.toml"
    path.write_text("\n".join(lines))
    return path


def test_a_card_s_texts_do_not_reach_the_terminal(card) -> None:
    assert rel.load_technology(card).title == "[/b] [red] x"
    shown = CliRunner().invoke(main, ["technologies", "show", str(card)])
    assert shown.exit_code == 0, shown.output
    assert "[/b] [red] x" in shown.output
    assert not set("\x1b\x9b\x07\u202e") & set(shown.output)


def test_errors_are_printed_without_escapes(tmp_path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(f'title = "t"\ntechnology = "{EVIL}"\n"{EVIL}" = 1\n')
    found = CliRunner().invoke(main, ["plan", str(path)])
    assert found.exit_code == 2
    assert found.stderr.strip().isprintable()


def test_a_tester_file_s_metadata_do_not_reach_the_terminal(tmp_path, monkeypatch) -> None:
    path = tmp_path / "reads.csv"
    path.write_text("cell,time [s],conductance [uS]\n1,0,50\n1,10,49\n2,0,51\n2,10,50\n")
    real = measurements.inspect
    evil = {"lot": "\x1b]0;owned\x07seven\x1b[2J"}
    monkeypatch.setattr(measurements, "inspect", lambda data: replace(real(data), metadata=evil))
    found = CliRunner().invoke(main, ["inspect", str(path)])
    assert found.exit_code == 0, found.output
    assert "meta  lot: seven" in found.output
    assert not set("\x1b\x07") & set(found.output)


@pytest.mark.parametrize(
    "command",
    [
        ["inspect", "FILE"],
        ["fit", "FILE", "--out", "FOLDER/\x1b[2Jmine.toml"],
        ["qualify", "FILE", "--failure", "conductance < 20 uS", "--claim", "1 year",
         "--fraction", "10%", "--activation-energy", "1 eV", "--at", "55 degC"],
    ],
)  # fmt: skip
def test_names_in_tables_and_of_files_do_not_reach_the_terminal(tmp_path, command) -> None:
    evil = "\x1b]0;owned\x07[/b]\x1b[2Jx\x9b31m\u202e"
    path = tmp_path / f"reads{evil.replace('/', '')}.csv"
    rows = [f"L{evil},{cell},LRS,{hours},{50 - cell / 10 - hours / 10},{evil}"
            for cell in range(30) for hours in (0, 24, 168)]  # fmt: skip
    header = f"Lot,cell,state,time [h],conductance [uS],note{evil}"
    path.write_text("\n".join([header, *rows]))
    arguments = [str(path) + "@125degC" if word == "FILE" else word.replace("FOLDER", str(tmp_path))
                 for word in command]  # fmt: skip
    found = CliRunner().invoke(main, arguments)
    assert not isinstance(found.exception, Exception), found.exception
    assert "reads" in found.output
    assert not set("\x1b\x9b\x07\u202e") & set(found.output)


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("a\rb\x08c\x00", "abc"),
        ("\x9b2Jx", "x"),
        ("25 °C\t1 µA\n", "25 °C\t1 µA\n"),
        ("\x1b", ""),
    ],
)
def test_printable(text, left) -> None:
    assert printable(text) == left


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("/home/anna/lot 7/reads.csv", "reads.csv"),
        ("--out=/home/anna/card.toml", "--out=card.toml"),
        ("C:\\Users\\anna\\reads.csv", "reads.csv"),
        ("\\\\server\\lab\\reads.csv", "reads.csv"),
        ("~/reads.csv", "reads.csv"),
        ("lots/reads.csv", "lots/reads.csv"),
        ("--temperature", "--temperature"),
        ("1/cm", "1/cm"),
    ],
)
def test_reports_name_no_folders_of_this_machine(typed, shown) -> None:
    assert _without_folders(typed) == shown


def test_cells_of_a_saved_table_are_no_formulas(repository) -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs node")
    script = (repository / "reliability" / "report" / "templates" / "page.js").read_text("utf-8")
    begin = script.index("function plain")
    function = script[begin : script.index("\n}\n", begin) + 3]
    evil = ["=1+1", "+cmd", "-2+3+cmd|' /C calc'!A0", "@SUM(A1)", "\t=1", "\r=1", "-x", "-1e5=2",
            "+1 (2)", "-A1"]  # fmt: skip
    good = [
        "-40 °C",
        "+3",
        "-1.5e-3",
        "-12 345 kΩ",
        "-12 %",
        "3 = 4",
        "a-b",
        "-2.5 µA/µm",
        "",
        "x",
    ]
    program = (
        f"{function}\nprocess.stdout.write(JSON.stringify({json.dumps(evil + good)}.map(plain)))"
    )
    run = subprocess.run([node, "-e", program], capture_output=True, text=True, check=True)
    assert json.loads(run.stdout) == [f"'{text}" for text in evil] + good
