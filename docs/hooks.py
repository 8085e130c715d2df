"""Pages that are made from the code when the documentation is built, so that they can't go stale.

- ``phenomena.md``: the docstring of every module in ``devices/``: equations, ranges, sources;
- ``reference/``: the public names of every folder;
- ``command_line.md``: what ``--help`` prints.
"""

import inspect
import re
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

REPOSITORY = Path(__file__).resolve().parents[1]
# In the order in which they happen to a cell.
PHENOMENA = (
    "programming", "shapes", "target", "verify", "gate", "conditions", "cycles", "relaxation",
    "level_relaxation", "unstable_cells", "drift",
    "retention", "equivalent_time", "read_disturb", "endurance", "first_passage", "wear",
    "write_methods", "noise", "conduction", "path",
)  # fmt: skip
ROOMS = {
    "technology": "Technology cards and component parameters",
    "mission": "Mission profiles",
    "population": "Populations, endurance, programming windows",
    "devices": "Device models",
    "statistics": "Statistics",
    "lifetime": "Lifetime analysis",
    "measurements": "Measurements",
    "characterization": "From measured cells to a card",
    "conditioning": "Cards conditioned on observations",
    "crossbar": "Crossbars",
    "network": "Networks",
    "network.training": "Training for devices",
    "architecture": "Architecture studies",
    "product": "Error correction and spare parts",
    "campaign": "Studies",
    "report": "Reports",
    "report.figures": "Figures",
    "random": "Random numbers",
    "validation": "Blind validation",
    "errors": "Errors",
}


def on_files(files, config):
    """Add the pages to those that lie in the folder."""
    from mkdocs.structure.files import File

    for name, text in pages().items():
        files.append(File.generated(config, name, content=text))
    return files


def pages() -> dict[str, str]:
    """Name and Markdown of every page that is made."""
    sys.path.insert(0, str(REPOSITORY))
    try:
        made = {"phenomena.md": phenomena(), "command_line.md": command_line()}
        rooms = {room: title for room, title in ROOMS.items() if _exists(room)}
        made["reference/index.md"] = reference_index(rooms)
        return made | {f"reference/{room}.md": reference(room, rooms[room]) for room in rooms}
    finally:
        sys.path.remove(str(REPOSITORY))


def _exists(room: str) -> bool:
    place = REPOSITORY / "reliability" / room.replace(".", "/")
    return place.is_dir() or place.with_suffix(".py").is_file()


def phenomena() -> str:
    """What happens to a cell, from the modules that compute it."""
    parts = [
        "# Phenomena",
        "The equations of the cells with their valid ranges and sources, in the order in which "
        "they happen. Each section is the head of the module that computes it; parameters and "
        "functions are in the [reference](reference/devices.md), values in "
        "[the cards](technologies.md). Outside a valid range a result is given with a warning "
        "that names the range.",
    ]
    for name in PHENOMENA:
        module = import_module(f"reliability.devices.{name}")
        head, _, body = inspect.getdoc(module).partition("\n\n")
        title, _, rest = head.replace("\n", " ").partition(": ")
        parts += [f"## {title.rstrip('.')}", _sentence(rest), markdown(body)]
        parts.append(f"*Module* `reliability.devices.{name}`")
    return "\n\n".join(part for part in parts if part) + "\n"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def markdown(text: str) -> str:
    """Markdown of a docstring: lists of references, literals, lists that follow a paragraph.

    >>> print(markdown("As in [1]_:\\n- ``a``\\n\\n.. [1] A. Author, doi:10.1/2."))
    As in [1]:
    <BLANKLINE>
    - `a`
    <BLANKLINE>
    [1] A. Author, doi:[10.1/2](https://doi.org/10.1/2).
    """
    text = re.sub(r"\[(\d+)\]_", r"[\1]", text)
    text = re.sub(r"^\.\. \[(\d+)\] ((?:.|\n   )*)", _source, text, flags=re.MULTILINE)
    text = re.sub(r"``([^`]+)``", r"`\1`", text)
    text = re.sub(r"doi:(10\.\S+?)(?=[,.;)]*(?:\s|$))", r"doi:[\1](https://doi.org/\1)", text)
    return re.sub(r"^(?![- ]|$)(.*)\n(?=- )", r"\1\n\n", text, flags=re.MULTILINE)


def _source(match: re.Match) -> str:
    return f"[{match[1]}] {' '.join(match[2].split())}\n"


def command_line() -> str:
    """The page of every command."""
    import click

    from reliability.cli import main

    parts = ["# Command line"]

    def add(command: click.Command, words: tuple[str, ...]) -> None:
        context = click.Context(command, info_name=" ".join(words), max_content_width=100)
        parts.append(f"## {' '.join(words)}\n\n```text\n{command.get_help(context)}\n```")
        for name, inner in getattr(command, "commands", {}).items():
            add(inner, (*words, name))

    add(main, ("reliability",))
    return "\n\n".join(parts) + "\n"


def reference_index(rooms: dict[str, str]) -> str:
    """List of the public names."""
    import reliability as rel

    lines = [
        "# Reference",
        "",
        "`import reliability as rel` gives these names, and no others:",
        "",
    ]
    for name in rel.__all__:
        home = rel._HOMES.get(name, "").partition(".")[0]
        if home:
            summary = inspect.getdoc(getattr(rel, name)).partition("\n")[0]
            lines.append(f"- [`rel.{name}`](reference_{home}.md): {summary}")
    lines += ["", "Public names of each folder:", ""]
    lines += [f"- [{title}](reference_{room}.md)" for room, title in rooms.items()]
    return "\n".join(lines).replace("(reference_", "(") + "\n"


def reference(room: str, title: str) -> str:
    """Public names of a folder, for mkdocstrings to fill in."""
    module = import_module(f"reliability.{room}")
    parts = [f"# {title}", markdown(inspect.getdoc(module))]
    for name in public(room, module):
        thing = getattr(module, name)
        if isinstance(thing, ModuleType):
            parts.append(f"::: {thing.__name__}")
        else:
            home = thing.__module__ if callable(thing) else module.__name__
            parts.append(f"::: {home}.{name}")
    return "\n\n".join(parts) + "\n"


def public(room: str, module: ModuleType) -> list[str]:
    """Names of a folder that users call: its ``__all__``, or those that the package hands out."""
    import reliability as rel

    if hasattr(module, "__all__"):
        return list(module.__all__)
    return [name for name, home in rel._HOMES.items() if home == room]
