"""Run the examples of a page of the documentation, block by block, as a reader would.

Python blocks share their names. Of ``sh`` blocks the lines with ``reliability`` are run, ``bash``
blocks are not; ``docs/examples`` lies where they run. A block of TOML or CSV whose first line is
``# NAME`` is the content of that file. A block of text is what the block before it prints, with
``...`` for what may differ.

    python -m tests.docs.pages docs/how-to/network.md    # writes what it prints now into the page
"""

import contextlib
import doctest
import io
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from click.testing import CliRunner

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_EXAMPLES = Path(__file__).resolve().parents[2] / "docs" / "examples"
_FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def run(page: Path) -> Iterator[tuple[re.Match, str]]:
    """Run a page in this folder; yield each block of text with what was printed before it."""
    names: dict[str, object] = {}
    printed = ""
    shutil.copytree(_EXAMPLES, Path("docs", "examples"), dirs_exist_ok=True)
    for block in _BLOCK.finditer(page.read_text("utf-8")):
        language, body = block.groups()
        if language == "text":
            yield block, printed
        elif language in ("toml", "csv") and body.startswith("# "):
            name, _, content = body.partition("\n")
            Path(name[2:].strip()).write_text(content, "utf-8")
        elif language == "python":
            output = io.StringIO()
            with contextlib.redirect_stdout(output):
                exec(compile(body, str(page), "exec"), names)
            printed = output.getvalue()
        elif language == "sh":
            printed = "".join(map(_command, body.replace("\\\n", " ").splitlines()))


def _command(line: str) -> str:
    from reliability.cli import main

    words = shlex.split(line, comments=True)
    if words[:1] != ["reliability"]:
        return ""
    found = CliRunner().invoke(main, words[1:], prog_name="reliability")
    if found.exception and not isinstance(found.exception, SystemExit):
        raise found.exception
    assert found.exit_code in (0, 1), f"{line}: {found.output}"  # 1: a claim is not shown
    return found.stdout


def differences(page: Path) -> list[str]:
    """What a page says is printed and is not."""
    checker = doctest.OutputChecker()
    return [
        f"{page.name}: it prints\n{printed}\ninstead of\n{block[2]}"
        for block, printed in run(page)
        if not checker.check_output(block[2], printed, _FLAGS)
    ]


def rewrite(page: Path) -> None:
    """Put what is printed now into a page, where it differs."""
    text = page.read_text("utf-8")
    checker = doctest.OutputChecker()
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for block, printed in list(run(page))[::-1]:
            if not checker.check_output(block[2], printed, _FLAGS):
                shown = printed.replace(f"{os.path.realpath(folder)}/", "...")
                text = text[: block.start(2)] + shown + text[block.end(2) :]
    page.write_text(text, "utf-8")


if __name__ == "__main__":
    os.environ.setdefault("COLUMNS", "100")
    for argument in sys.argv[1:]:
        rewrite(Path(argument).resolve())
