"""Reports made by hand for the tests: small, and with names that try to get out of their text."""

from dataclasses import replace

from matplotlib.patches import Rectangle

from reliability.report.page import (
    Figure,
    KeyFigure,
    Numbers,
    Report,
    Section,
    Table,
    Verdict,
    canvas,
    svg,
)

EVIL = "</title></script><script>alert('$x$')</script><img src=x onerror=alert(1)>"
TOP, BOTTOM = (255, 0, 255), (0, 255, 255)  # edges of an outlined figure


def outlined(k: int) -> Figure:
    """A figure with a stripe along its upper and one along its lower edge."""
    with canvas(7.6, 4.6) as (figure, axes):
        ax = axes.flat[0]
        ax.plot([1.0, 2.0, 3.0], [10.0 * k, 20.5, 31.0], label=f"series {k}")
        ax.set_xlabel("time (s)")
        ax.set_ylabel("conductance (µS)")
        for colour, y in ((TOP, 0.97), (BOTTOM, 0.0)):
            stripe = Rectangle((0, y), 1, 0.03, transform=figure.transFigure, zorder=10,
                               color=[c / 255 for c in colour])  # fmt: skip
            figure.add_artist(stripe)
        rows = [[f"series {k}", x, y] for x, y in ((1, 10.0 * k), (2, 20.5), (3, 31.0))]
        numbers = Numbers(["series", "time (s)", "conductance (µS)"], rows)
        return Figure(f"figure-{k}", f"Figure number {k}", "A caption.",
                      svg(figure, f"Alt {k}"), numbers)  # fmt: skip


def sample(text: str = "plain", figures: int = 2) -> Report:
    """A report with every part, and ``text`` wherever a text can be."""
    rows = [
        [f"{text} a", "4.9 kΩ", "10 years", "83.7 %", "assumed"],
        [f"{text} b", "200 Ω", "1 h", "9.1 %", "measured"],
        [f"{text} c", "1 MΩ", "3 days", "100 %", "not demonstrated"],
        [f"{text} d", "none", "0 s", "-2 %", "demonstrated"],
    ]
    table = Table("numbers", f"Numbers {text}", text,
                  ["name", "resistance", "time", "share", "confidence"], rows)  # fmt: skip
    return Report(
        f"Report {text}", text, [text],
        [
            Section("method", f"Method {text}", [text], points=[text], listing=f"a = '{text}'"),
            Section("result", "Result", figures=[outlined(k) for k in range(figures)],
                    tables=[table]),
            Section("provenance", "Provenance",
                    parts=[Section("part", f"Part {text}", [text])]),
        ],
        [KeyFigure(f"accuracy {text}", "83.7 %", "82.0 % to 85.0 %", text)],
        [Verdict(f"at least 82 % {text}", "inconclusive", text)], [text],
    )  # fmt: skip


def brushed() -> Report:
    """A report with six designs in parallel coordinates: a code, an energy and an accuracy."""
    codes, energy, accuracy = [0, 0, 1, 1, 2, 2], [0, 1, 2, 3, 4, 5], [5, 3, 4, 2, 1, 0]
    spread = [k / 5 for k in range(6)]
    numbers = {"category": False, "levels": spread, "texts": [f"{k} nJ" for k in range(6)],
               "ticks": [[0.0, "0 nJ"], [1.0, "5 nJ"]]}  # fmt: skip
    names = ["none", "secded", EVIL]
    places = [(k + 0.5) / 3 for k in range(3)]
    axes = [
        {"name": "code", "category": True, "levels": places, "texts": names,
         "ticks": [list(pair) for pair in zip(places, names, strict=True)]},
        {"name": "energy", **numbers},
        {"name": EVIL, **numbers},
    ]  # fmt: skip
    front, order = [True, False, False, True, False, False], [0, 3, 1, 2, 4, 5]
    rows = [list(row) for row in zip(codes, energy, accuracy, strict=True)]
    figure = replace(
        outlined(0), id="parallel", title="Designs",
        interactive={"axes": axes, "rows": rows, "front": front, "order": order,
                     "table": "front-table"},
    )  # fmt: skip
    table = Table("front-table", "Designs computed", "", ["design", "code"],
                  [[f"design {k}", names[codes[k]]] for k in order])  # fmt: skip
    section = Section("search", "Search", figures=[figure], tables=[table])
    return Report("Search", "", ["Best: design 0."], [section])
