"""The notebooks as pages: executed when the documentation is built, so that they can't go stale.

Committed notebooks have no outputs. What a page shows, numbers and pictures, comes from its own
execution in a kernel of this environment. Files that a notebook writes lie in a temporary folder.
"""

import base64
import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).with_name("notebooks")


def on_files(files, config):
    """Add the page and the pictures of every notebook."""
    from mkdocs.structure.files import File

    paths = sorted(FOLDER.glob("*.ipynb"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        notebooks = pool.map(executed, paths, [path.stat().st_mtime_ns for path in paths])
    for path, notebook in zip(paths, notebooks, strict=True):
        text, pictures = page(path.stem, notebook["cells"])
        files.append(File.generated(config, f"notebooks/{path.stem}.md", content=text))
        for name, content in pictures.items():
            files.append(File.generated(config, f"notebooks/{name}", content=content))
    return files


@cache  # `mkdocs serve` builds again and again
def executed(path: Path, modified: int) -> dict[str, Any]:
    """Execute a notebook with the commands of this environment on the path of its kernel."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, 4)
    environment = os.environ | {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]),
        "COLUMNS": "100",
    }
    with tempfile.TemporaryDirectory() as folder:
        NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            extra_arguments=["--log-level=40"],  # errors
        ).execute(env=environment)
    return json.loads(nbformat.writes(notebook).replace(f"{folder}/", ""))


def page(name: str, cells: list[dict[str, Any]]) -> tuple[str, dict[str, bytes]]:
    """Markdown of a notebook, and its pictures by their names.

    >>> cells = [{"cell_type": "markdown", "source": "# One"},
    ...          {"cell_type": "code", "source": "!ls", "outputs": []}]
    >>> print(page("one", cells)[0])
    # One
    <BLANKLINE>
    *This page is the notebook [one.ipynb](one.ipynb), executed.*
    <BLANKLINE>
    ```sh
    ls
    ```
    """
    head = f"*This page is the notebook [{name}.ipynb]({name}.ipynb), executed.*"
    parts: list[str] = []
    pictures: dict[str, bytes] = {}
    for cell in cells:
        source = "".join(cell["source"]).strip()
        if cell["cell_type"] == "markdown":
            parts.append(source)
            continue
        parts.append(code(source))
        for kind, content in shown(cell["outputs"]):
            if kind == "image/png":
                picture = f"{name}_{len(pictures) + 1}.png"
                pictures[picture] = base64.b64decode(content)
                parts.append(f"![{_title(parts)}]({picture})")
            elif kind == "text/html":  # a table of pandas, in the style of the site
                bare = re.sub(
                    r"<style.*?</style>| (border|class|style)=\"[^\"]*\"", "", content, flags=re.S
                )
                parts.append(re.sub(r"\n\s*", "", bare))
            else:
                parts.append(f"```text\n{content.rstrip()}\n```")
    title, _, rest = parts[0].partition("\n\n")
    return "\n\n".join(part for part in (title, head, rest, *parts[1:]) if part), pictures


def code(source: str) -> str:
    """Fenced block of a cell: commands, the content of a file, or Python."""
    if source.startswith("!"):
        return "```sh\n" + "\n".join(line.lstrip("!") for line in source.splitlines()) + "\n```"
    if source.startswith("%%writefile "):
        file, _, content = source.removeprefix("%%writefile ").partition("\n")
        return f"```{Path(file).suffix[1:]}\n# {file}\n{content}\n```"
    return f"```python\n{source}\n```"


def shown(outputs: list[dict[str, Any]]) -> Iterator[tuple[str, str]]:
    """Kind and content of what a cell shows, streams joined, progress and warnings left out."""
    text = "".join("".join(one["text"]) for one in outputs if one.get("name") == "stdout")
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|^[^\n]*\r(?!\n)", "", text, flags=re.MULTILINE)
    if text.strip() and not text.startswith("Writing "):
        yield "text/plain", text.replace("\r", "")
    for one in outputs:
        data = one.get("data", {})
        for kind in ("image/png", "text/html", "text/plain"):
            if kind in data:
                yield kind, "".join(data[kind])
                break


def _title(parts: list[str]) -> str:
    """Last heading before a picture, as its alternative text."""
    lines = [line for part in parts for line in part.splitlines() if line.startswith("#")]
    return lines[-1].lstrip("# ") if lines else "picture"
