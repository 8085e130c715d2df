"""A headless Chromium for the tests of reports: what a page does in a real browser."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
          "--disable-background-networking", "--disable-component-update", "--disable-quic",
          "--allow-file-access-from-files", "--hide-scrollbars", "--enable-logging=stderr",
          "--log-level=0", "--virtual-time-budget=20000")  # fmt: skip

# What is looked at in a window, and done there.
LOOKS = """
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
// Texts of a drawing that lie on each other by more than a tenth of the smaller.
function overlaps(svg) {
  const texts = [...svg.querySelectorAll("g")].filter((g) => /text_\\d+$/.test(g.id))
    .map((g) => [g.id, g.getBoundingClientRect()]).filter((each) => each[1].width > 0);
  return texts.flatMap(([name, a], i) => texts.slice(i + 1).filter(([, b]) => {
    const wide = Math.min(a.right, b.right) - Math.max(a.left, b.left);
    const high = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
    const least = Math.min(a.width * a.height, b.width * b.height);
    return wide > 0 && high > 0 && wide * high > 0.1 * least;
  }).map(([other]) => `${name} on ${other}`));
}
function look(w) {
  const d = w.document, root = d.documentElement;
  const wide = [...d.querySelectorAll(".key div, .verdict, pre, figcaption, h1, h2, h3, p")]
    .filter((e) => e.className !== "hidden" && e.scrollWidth > e.clientWidth + 1);
  const cut = [...d.querySelectorAll("figure .wide:not(.printed) svg, .brush svg")]
    .filter((e) => e.getBoundingClientRect().right > w.innerWidth);
  wide.push(...cut);
  return { width: w.innerWidth, page: root.scrollWidth, wide: wide.map((e) => e.outerHTML),
    overlaps: [...d.querySelectorAll("figure .wide:not(.printed) svg")].flatMap(overlaps),
    figures: [...d.querySelectorAll("figure .wide:not(.printed) svg, .brush svg")]
      .map((e) => e.getBoundingClientRect().height),
    ids: [...d.querySelectorAll("[id]")].map((e) => e.id),
    broken: [...d.querySelectorAll("a[href^='#']")].map((a) => a.hash.slice(1))
      .filter((id) => !d.getElementById(id)) };
}
const column = (table, k) => [...table.tBodies[0].rows].map((row) => row.cells[k].textContent);
async function sorts(w, id) {
  const d = w.document, table = d.querySelector(`#${id} table`), found = [];
  for (const heading of table.tHead.rows[0].cells) {
    const button = heading.querySelector("button");
    button.focus();
    const focused = d.activeElement === button;
    button.click();
    const up = [heading.getAttribute("aria-sort"), column(table, heading.cellIndex)];
    button.click();
    const down = [heading.getAttribute("aria-sort"), column(table, heading.cellIndex)];
    const said = d.getElementById("said").textContent;
    found.push({ name: heading.textContent, focused, up, down, said });
  }
  d.querySelector(`#${id} .tools button`).click();
  await sleep(200);
  return { found, copied: d.getElementById("said").textContent, csv: w.csv(table) };
}
// Limits an axis by its controls, then by a drag along it, then releases all.
async function brushes(w, id) {
  const d = w.document, box = d.querySelector(`.brush[data-of=${id}]`);
  const shown = () => [...d.querySelectorAll("#front-table tbody tr")]
    .filter((row) => !row.hidden).map((row) => row.cells[0].textContent);
  const remain = () => box.querySelector(".remain").textContent;
  const fixed = d.querySelector(`#${id} figure .wide`);
  const found = { whole: [remain(), shown()], static: w.getComputedStyle(fixed).display };
  const inputs = [...box.querySelectorAll("input")];
  found.focused = inputs.every((input) => { input.focus(); return d.activeElement === input; });
  const to = box.querySelectorAll("input[type=range]")[1];
  to.value = 1;
  to.dispatchEvent(new w.Event("input", { bubbles: true }));
  found.limited = [remain(), shown(), to.getAttribute("aria-valuetext")];
  const check = box.querySelector("input[type=checkbox]");
  check.click();
  found.unchecked = [remain(), shown()];
  box.querySelector("button").click();
  found.released = [remain(), shown(), check.checked];
  const svg = box.querySelector("svg"), at = svg.getBoundingClientRect();
  const axes = [...svg.querySelectorAll("path")].map((path) => path.getBoundingClientRect())
    .filter((r) => r.width < 3 && r.height > 100);
  const send = (name, x, y) => svg.dispatchEvent(new w.MouseEvent(name, { bubbles: true,
    clientX: x, clientY: y, button: 0, buttons: 1, view: w }));
  const [axis] = axes.sort((a, b) => a.x - b.x), x = axis.x + axis.width / 2;
  send("mousemove", x, axis.bottom - 2);
  send("mousedown", x, axis.bottom - 2);
  for (const y of [0.7, 0.55, 0.45]) send("mousemove", x, axis.top + y * axis.height);
  send("mouseup", x, axis.top + 0.45 * axis.height);
  await sleep(300);
  found.dragged = [remain(), shown()];
  return { ...found, lines: svg.querySelectorAll("path").length, wide: at.width };
}
"""
# Opens each page in a frame of each width and writes down what it finds.
_HARNESS = """<!doctype html><body><pre id="out"></pre><script>
LOOKS
const out = {};
async function open(page, width) {
  const frame = document.createElement("iframe");
  frame.style.cssText = `width:${width}px;height:900px;border:0`;
  frame.src = page;
  const loaded = new Promise((done) => (frame.onload = done));
  document.body.append(frame);
  await loaded;
  return frame.contentWindow;
}
(async () => {
  for (const page of PAGES) for (const width of [1280, 400]) {
    const w = await open(page, width);
    out[`${page} ${width}`] = look(w);
    if (width === 1280 && page in SORTED) out[`${page} sorted`] = await sorts(w, SORTED[page]);
    if (width === 1280 && page in BRUSHED) {
      out[`${page} brushed`] = await brushes(w, BRUSHED[page]);
    }
  }
  document.getElementById("out").textContent = JSON.stringify(out);
})();
</script></body>"""


def chromium() -> str:
    """Path of a Chromium; skips the test where there is none."""
    for name in NAMES:
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium here")


def visit(
    pages: dict[str, str],
    sorted_tables: dict[str, str],
    folder: Path,
    brushed: dict[str, str] | None = None,
) -> tuple[dict, list]:
    """Open pages (name to HTML) at two widths; what was found, and what the console said."""
    for name, html in pages.items():
        (folder / f"{name}.html").write_text(html, "utf-8")
    files = [f"{name}.html" for name in pages]
    tables = {f"{name}.html": anchor for name, anchor in sorted_tables.items()}
    harness = _HARNESS.replace("LOOKS", LOOKS).replace("PAGES", json.dumps(files))
    harness = harness.replace("SORTED", json.dumps(tables))
    figures = {f"{name}.html": anchor for name, anchor in (brushed or {}).items()}
    harness = harness.replace("BRUSHED", json.dumps(figures))
    (folder / "harness.html").write_text(harness, "utf-8")
    done = _run(folder, "--dump-dom", (folder / "harness.html").as_uri())
    told = re.search(r'<pre id="out">(.*?)</pre>', done.stdout, re.S)
    assert told, done.stderr[-2000:]
    text = told.group(1)
    for entity, character in (("&lt;", "<"), ("&gt;", ">"), ("&nbsp;", "\xa0"), ("&amp;", "&")):
        text = text.replace(entity, character)
    console = [line for line in done.stderr.splitlines() if "CONSOLE" in line]
    return json.loads(text), console


def print_to_pdf(html: str, folder: Path) -> Path:
    """Print a page as a reader would."""
    (folder / "page.html").write_text(html, "utf-8")
    path = folder / "printed.pdf"
    _run(
        folder, f"--print-to-pdf={path}", "--no-pdf-header-footer", (folder / "page.html").as_uri()
    )
    return path


def _run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    profile = folder / "profile"
    try:
        return subprocess.run(
            [chromium(), *_FLAGS, f"--user-data-dir={profile}", *arguments],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    finally:
        shutil.rmtree(profile, ignore_errors=True)
