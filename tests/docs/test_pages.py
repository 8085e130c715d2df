"""The documentation: examples print what they say, generated pages hold everything public."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

import reliability as rel
from tests.docs.pages import differences

HOW_TO = ("cluster", "measured-cells", "network", "qualification", "technology", "tester-data")


@pytest.fixture(scope="module")
def hooks(repository: Path):
    spec = importlib.util.spec_from_file_location("hooks", repository / "docs" / "hooks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def run(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return lambda page: differences(repository / "docs" / page)


def test_tutorial_prints_what_it_says(run) -> None:
    assert not run("tutorial.md")


@pytest.mark.slow
@pytest.mark.parametrize("page", HOW_TO)
def test_how_to_prints_what_it_says(run, page) -> None:
    assert not run(f"how-to/{page}.md")


def test_a_page_that_lies_is_found(run, repository, tmp_path) -> None:
    page = tmp_path / "page.md"
    page.write_text("```python\nprint(6 * 7)\n```\n\n```text\n41\n```\n")
    assert "it prints\n42" in run(page)[0]


def test_every_how_to_is_run(repository) -> None:
    found = {page.stem for page in (repository / "docs" / "how-to").glob("*.md")}
    assert found == set(HOW_TO)


def test_every_phenomenon_is_explained_with_its_sources(hooks, repository) -> None:
    modules = {path.stem for path in (repository / "reliability" / "devices").glob("*.py")}
    assert set(hooks.PHENOMENA) == modules - {"__init__"}
    text = hooks.phenomena()
    for name in hooks.PHENOMENA:
        assert f"`reliability.devices.{name}`" in text
    assert "]_" not in text
    assert "``" not in text


def test_reference_holds_every_public_name(hooks) -> None:
    made = hooks.pages()
    index = made["reference/index.md"]
    listed = re.findall(r"^- \[`rel\.(\w+)`\]", index, re.MULTILINE)
    rooms = set(rel._ROOMS)
    assert sorted(listed) == sorted(set(rel.__all__) - rooms - {"__version__"})
    assert rooms <= set(hooks.ROOMS)
    everything = "\n".join(made.values())
    for name in listed:
        home = getattr(rel, name).__module__  # the name itself, or its whole module
        assert re.search(rf"^::: {re.escape(home)}(\.{name})?$", everything, re.MULTILINE), name


def test_command_line_page_has_every_command(hooks) -> None:
    from reliability.cli import main

    text = hooks.command_line()
    for name in main.commands:
        assert f"## reliability {name}" in text


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(repository, tmp_path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(tmp_path / "site")]
    built = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr
    assert (tmp_path / "site" / "phenomena" / "index.html").is_file()


def test_citation_is_whole(repository) -> None:
    """The keys that the Citation File Format 1.2.0 requires, and the version of the package."""
    yaml = pytest.importorskip("yaml")
    told = yaml.safe_load((repository / "CITATION.cff").read_text("utf-8"))
    assert told["cff-version"] == "1.2.0"
    assert told["version"] == rel.__version__
    assert told["license"] == "MIT"
    assert told["message"]
    assert told["title"]
    assert all(author.get("name") or author.get("family-names") for author in told["authors"])
