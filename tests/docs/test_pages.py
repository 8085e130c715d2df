"""The documentation: examples print what they say, generated pages hold everything public."""

import importlib.util
import json
import re
import subprocess
import sys
import textwrap
import zlib
from pathlib import Path

import pytest

import reliability as rel
from tests.docs.pages import differences

NOTEBOOKS = ("cheapest_design", "qualification_dossier", "ten_minutes")
QUICK = ("cluster", "tester-data")
HOW_TO = (*QUICK, "measured-cells", "network", "qualification", "technology")


def script(repository: Path, name: str):
    """A script of the documentation as a module."""
    spec = importlib.util.spec_from_file_location(name, repository / "docs" / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def hooks(repository: Path):
    return script(repository, "hooks")


@pytest.fixture
def run(repository, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    return lambda page: differences(repository / "docs" / page)


@pytest.mark.slow
def test_ten_minutes_runs(repository, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    notebook = (repository / "docs" / "notebooks" / "ten_minutes.ipynb").read_text("utf-8")
    text, _ = script(repository, "run_notebooks").page("ten_minutes", json.loads(notebook)["cells"])
    Path("page.md").write_text(text, "utf-8")
    assert not differences(tmp_path / "page.md")
    assert (tmp_path / "out" / "hot" / "report.html").is_file()


def test_notebooks_are_committed_without_outputs(repository) -> None:
    found = {path.stem: path for path in (repository / "docs" / "notebooks").glob("*.ipynb")}
    assert set(found) == set(NOTEBOOKS)
    for path in found.values():
        for cell in json.loads(path.read_text("utf-8"))["cells"]:
            assert not cell.get("outputs"), path.name


@pytest.mark.parametrize(
    "page",
    [name if name in QUICK else pytest.param(name, marks=pytest.mark.slow) for name in HOW_TO],
)
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
    assert set(hooks.PHENOMENA) == modules - {"__init__", "unstable_kernel"}  # a compiled part
    text = hooks.phenomena()
    for name in hooks.PHENOMENA:
        assert f"`reliability.devices.{name}`" in text
    assert "]_" not in text
    assert "``" not in text


def test_reference_holds_every_public_name(hooks) -> None:
    made = hooks.pages()
    index = made["reference/index.md"]
    listed = re.findall(r"^- \[`rel\.(\w+)`\]", index, re.MULTILINE)
    assert sorted(listed) == sorted(set(rel.__all__) - set(rel._ROOMS) - {"__version__"})


def test_reference_has_a_page_of_every_public_folder(hooks, repository) -> None:
    package = repository / "reliability"
    folders = {
        ".".join(path.parent.relative_to(package).parts)
        for path in package.rglob("__init__.py")
        if "\n__all__ = [" in path.read_text("utf-8") and path.parent != package
    }
    assert folders
    assert folders <= set(hooks.ROOMS)
    assert set(hooks.pages()) >= {f"reference/{room}.md" for room in folders}


def test_every_equation_of_the_phenomena_is_drawn(hooks, repository) -> None:
    pytest.importorskip("latex2mathml")
    equations = script(repository, "plain_equations")
    blocks = re.findall(r"(?:^    .*\n)+", hooks.phenomena(), re.MULTILINE)
    assert len(blocks) > 20
    for block in blocks:
        drawn = equations.mathml(textwrap.dedent(block))
        assert drawn.count("<math") + drawn.count("<code>") >= len(block.splitlines())
        assert not re.search(r"<m[ino]>[^<]*[_^\\]", drawn), block


def test_an_equation_in_plain_text_becomes_mathml(repository) -> None:
    pytest.importorskip("latex2mathml")
    drawn = script(repository, "plain_equations").mathml("G(t) = G_0 (t / t_0)^-nu")
    assert "<msub><mi>G</mi><mn>0</mn></msub>" in re.sub(r"</?mrow>", "", drawn)
    assert "ν" in drawn or "&#x003BD;" in drawn


def test_command_line_page_has_every_command(hooks) -> None:
    from reliability.cli import main

    text = hooks.command_line()
    for name in main.commands:
        assert f"## reliability {name}" in text


@pytest.mark.slow
def test_the_site_builds_and_holds_everything(hooks, repository, tmp_path) -> None:
    pytest.importorskip("mkdocs")
    pytest.importorskip("mkdocstrings")
    pytest.importorskip("nbclient")
    site = tmp_path / "site"
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", str(site)]
    built = subprocess.run(command, cwd=repository, capture_output=True, text=True)
    assert built.returncode == 0, built.stdout + built.stderr

    missing = public_names(hooks) - names_in(site / "objects.inv")
    assert not missing
    for name in NOTEBOOKS:
        page = (site / "notebooks" / f"{name}.html").read_text("utf-8")
        pictures = re.findall(rf'src="({name}_\d+\.png)"', page)
        assert len(pictures) >= 2
        assert all((site / "notebooks" / picture).is_file() for picture in pictures)
    for page in site.rglob("*.html"):
        text = page.read_text("utf-8")
        assert not re.search(r'<(?:script|img|iframe)[^>]* src="?https?:', text), page.name
        assert not re.search(r'<link[^>]*rel="?stylesheet[^>]*https?:', text), page.name


def public_names(hooks) -> set[str]:
    """Public names of all folders by where they are defined."""
    names = set()
    for room in hooks.ROOMS:
        module = importlib.import_module(f"reliability.{room}")
        for name in hooks.public(room, module):
            thing = getattr(module, name)
            home = thing.__module__ if callable(thing) else module.__name__
            is_module = isinstance(thing, type(module))
            names.add(thing.__name__ if is_module else f"{home}.{name}")
    return names


def names_in(inventory: Path) -> set[str]:
    """Names that a Sphinx inventory lists: those that the reference has drawn."""
    body = inventory.read_bytes().split(b"\n", 4)[4]
    return {line.split(" ")[0] for line in zlib.decompress(body).decode().splitlines()}


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
