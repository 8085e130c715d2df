/* Every table can be sorted: a click on a heading sorts by that column, a second one turns it. */
(() => {
  const PREFIX = {a: -18, f: -15, p: -12, n: -9, µ: -6, u: -6, m: -3, k: 3, M: 6, G: 9, T: 12};
  const SUPER = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const UNITS = /^(?:Ω|ohm|S|A|V|W|s|J|F|Hz|m)(?:$|[²/^\s,;)])/;

  /* The value of "−1.2·10⁻³", "88 kΩ", "12 345" or "0.5 %", or NaN of a text. */
  function value(text) {
    const plain = text.trim().replace(/−/g, "-").replace(/(\d)[\u2009\u00a0, ](?=\d{3}\b)/g, "$1");
    const found = plain.match(/^[≤≥<>~±]?\s*([+-]?\d*\.?\d+(?:e[+-]?\d+)?)(.*)$/i);
    if (!found) return NaN;
    let number = parseFloat(found[1]);
    const power = found[2].match(/^\s*[·×]\s*10([⁺⁻]?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)/);
    if (power) {
      const digits = [...power[1].replace(/[⁺⁻]/, "")].map((c) => SUPER.indexOf(c)).join("");
      return number * 10 ** (power[1].startsWith("⁻") ? -digits : +digits);
    }
    const unit = found[2].trim();
    if (unit[0] in PREFIX && UNITS.test(unit.slice(1))) number *= 10 ** PREFIX[unit[0]];
    return number;
  }

  function compare(a, b) {
    const [x, y] = [value(a), value(b)];
    if (isNaN(x) !== isNaN(y)) return isNaN(x) ? 1 : -1;
    return isNaN(x) ? a.localeCompare(b) : x - y;
  }

  function sort(table, heading) {
    const up = heading.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const text = (row) => row.cells[heading.cellIndex]?.textContent ?? "";
    const rows = [...table.tBodies[0].rows].map((row) => [text(row), row]);
    rows.sort((a, b) => (up ? compare(a[0], b[0]) : compare(b[0], a[0])));
    table.tBodies[0].append(...rows.map((pair) => pair[1]));
  }

  document.addEventListener("DOMContentLoaded", () => {
    for (const table of document.querySelectorAll("article table")) {
      if (!table.tHead || table.tBodies[0]?.rows.length < 2) continue;
      for (const heading of table.tHead.rows[0].cells) {
        if (!heading.textContent.trim()) continue;
        heading.tabIndex = 0;
        heading.classList.add("sortable");
        heading.title = "Sort by this column";
        heading.addEventListener("click", () => sort(table, heading));
        heading.addEventListener("keydown", (event) => event.key === "Enter" && sort(table, heading));
      }
    }
  });
})();
