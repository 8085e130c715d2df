"""Names of a package that are imported when they are first used, so that it starts at once."""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def first_use(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Return ``__getattr__`` and ``__dir__`` of a package.

    Its names are those that its ``__init__.py`` imports under ``TYPE_CHECKING``, one list for
    readers, type checkers and the interpreter; and its modules.
    """
    module = sys.modules[package]
    tree = ast.parse(Path(str(module.__file__)).read_text("utf-8"))
    homes = {
        alias.name: str(node.module)
        for block in tree.body
        if isinstance(block, ast.If) and ast.unparse(block.test) == "TYPE_CHECKING"
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }

    def get(name: str) -> Any:
        if name in homes and homes[name] != package:
            found = getattr(import_module(homes[name]), name)
            setattr(module, name, found)
            return found
        try:
            return import_module(f"{package}.{name}")  # which sets it
        except ModuleNotFoundError as error:
            if error.name != f"{package}.{name}":
                raise
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: sorted(module.__all__)
