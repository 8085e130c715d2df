"""Every source of every card and component file can be looked up, or says that it could not be."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

DATA = Path(__file__).parents[2] / "data"
FILES = [
    *sorted((DATA / "technologies").glob("*.toml")),
    *sorted((DATA / "architecture").glob("*.toml")),
    DATA / "nodes.toml",
    DATA / "wires.toml",
]
# What needs no publication: an assumption, a definition, this package's own computation.
OWN = (
    "assumed",
    "by definition",
    "definition:",
    "fitted by reliability",
    "reliability.",
    "geometric mean of",
)
ADDRESS = re.compile(
    r"doi:10\.\d{4,}/\S|arXiv:\d{4}\.\d{4,5}|https?://|hal-\d+|cea-\d+|PMC\d+|bibcode \w+|"
    r"\b[\w-]+\.(com|org|us|net|life)\b|data sheets?\b|sha256 [0-9a-f]{64}|acemap\.info/paper/\d+|"
    r"ITRS 20\d\d"
)
YEAR = re.compile(r"\b(19|20)\d\d\b|@ [0-9a-f]{7}|github\.com|data sheets?\b|sha256|\.com\b")
TITLE = re.compile(r"'[^']+ [^']+ [^']+'|github\.com|data sheets?\b|sha256|\.com\b|ITRS 20\d\d")
OPEN = ("could not be confirmed", "not seen")


def parameters(table: dict, path: str = "") -> Iterator[tuple[str, dict]]:
    for key, value in table.items():
        if isinstance(value, dict):
            if "source" in value:
                yield f"{path}{key}", value
            else:
                yield from parameters(value, f"{path}{key}.")


def sources(file: Path) -> Iterator[tuple[str, str, str]]:
    """Name, text of the source and confidence of each parameter."""
    content = tomllib.loads(file.read_text("utf-8"))
    named = content.pop("sources", {})
    observations = (
        (f"observation {k}", o) for k, o in enumerate(content.pop("observation", []), 1)
    )
    for name, parameter in [*parameters(content), *observations]:
        source = str(parameter["source"])
        yield name, named.get(source, source), parameter.get("confidence", "")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_every_source_has_title_year_and_address(file: Path) -> None:
    for name, text, _ in sources(file):
        if text.startswith(OWN):
            continue
        unseen = any(word in text for word in OPEN)
        assert ADDRESS.search(text) or "could not be confirmed" in text, (name, text)
        assert YEAR.search(text) or unseen, (name, text)
        assert TITLE.search(text) or unseen, (name, text)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.name)
def test_what_could_not_be_confirmed_is_not_called_published(file: Path) -> None:
    for name, text, confidence in sources(file):
        if "could not be confirmed" in text:
            assert confidence == "assumed", (name, text)
