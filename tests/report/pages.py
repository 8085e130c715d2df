"""Reports made by hand for the tests: small, and with names that try to get out of their text."""

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
