"""Run the code of docs/gallery.md and write the figure above each piece of it (some minutes).

python docs/make_gallery.py
python docs/make_gallery.py --only wafers --format png --out /tmp
"""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot

PAGE = Path(__file__).parent / "gallery.md"
_PIECE = re.compile(
    r"(?:!\[[^\]]*\]\(figures/gallery/([\w-]+)\.svg\)\s+)?```python\n(.*?)```", re.S
)


def pieces(text: str) -> Iterator[tuple[str, str]]:
    """Yield the name of each figure and the code under it; code for all figures has no name."""
    for match in _PIECE.finditer(text):
        yield match.group(1) or "", match.group(2)


def draw(code: str, names: dict[str, Any], path: Path) -> None:
    """Run code that draws one figure, and write it; SVG is the same bytes for the same figure."""
    exec(compile(code, f"{PAGE.name}: {path.stem}", "exec"), names)
    metadata = {"Date": None, "Creator": None} if path.suffix == ".svg" else None
    pyplot.gcf().savefig(path, metadata=metadata, dpi=110)
    pyplot.close("all")


def main() -> None:
    """Command line entry."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", help="names of figures")
    parser.add_argument("--format", default="svg", choices=("svg", "png"))
    parser.add_argument("--out", type=Path, default=PAGE.parent / "figures" / "gallery")
    choice = parser.parse_args()
    choice.out.mkdir(parents=True, exist_ok=True)
    names: dict[str, Any] = {}
    for name, code in pieces(PAGE.read_text("utf-8")):
        if not name:
            exec(compile(code, PAGE.name, "exec"), names)
        elif choice.only is None or name in choice.only:
            path = choice.out / f"{name}.{choice.format}"
            draw(code, names, path)
            print(f"{path} {path.stat().st_size / 1e3:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
