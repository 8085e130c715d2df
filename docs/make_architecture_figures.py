"""Figures of the architecture studies for the docs, from the folders of their results.

python docs/make_architecture_figures.py out/energy out/area out/streams out/hierarchy out/tiers \\
    out/learning out/incremental
"""

import json
import sys
from pathlib import Path

from reliability.campaign.spec import Study
from reliability.campaign.store import read_results
from reliability.report.outputs.architecture import architecture_figures

FIGURES = Path(__file__).parent / "figures"


def main(folders: list[str]) -> None:
    """Write each figure that a page shows as ``architecture_<id>.svg``."""
    pages = "".join(page.read_text("utf-8") for page in FIGURES.parent.glob("*.md"))
    for folder in map(Path, folders):
        study = Study(**json.loads((folder / "study.json").read_text("utf-8"))["spec"])
        for figure in architecture_figures(study, read_results(folder)["architecture"]):
            name = f"architecture_{figure.id.replace('-', '_')}.svg"
            if name not in pages:
                continue
            head, _, rest = str(figure.svg.svg).partition(">")
            # a file of its own needs the namespaces that a page does not
            if "xmlns=" not in head:
                head = head.replace("<svg", '<svg xmlns="http://www.w3.org/2000/svg"', 1)
            (FIGURES / name).write_text(f"{head}>{rest}", "utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
