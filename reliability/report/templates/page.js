"use strict";
// Tables: sorted by a click on a heading, copied or saved as they stand. Without this script a page
// is whole, only its tables stay as they are.
const said = document.getElementById("said");
const cells = (row) => Array.from(row.cells);
const text = (cell) => (cell.dataset.text ?? cell.textContent).trim().replace(/\s+/g, " ");

function key(cell) {
  const value = cell.dataset.value;
  return value === undefined ? text(cell) : Number(value);
}

function sort(table, column, heading) {
  const up = heading.getAttribute("aria-sort") !== "ascending";
  for (const other of cells(heading.parentElement)) other.setAttribute("aria-sort", "none");
  heading.setAttribute("aria-sort", up ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = Array.from(body.rows, (row) => ({ row, key: key(row.cells[column]) }));
  rows.sort((a, b) => {
    const [x, y] = [typeof a.key, typeof b.key];
    if (x !== y) return x === "number" ? -1 : 1; // texts such as "none" stay last
    const order = x === "number" ? a.key - b.key
      : a.key.localeCompare(b.key, "en", { numeric: true });
    return up ? order : -order;
  });
  body.append(...rows.map((entry) => entry.row));
  said.textContent = `Sorted by ${text(heading)}, ${up ? "ascending" : "descending"}`;
}

function lines(table) {
  return Array.from(table.rows, (row) => cells(row).map(text));
}

// What a spreadsheet would compute becomes text; a number with its unit stays a number.
function plain(t) {
  const number = /^[-+]?(\d{1,3}(?:[ \u202f]\d{3})+|\d+\.?\d*|\.\d+)(e[-+]?\d+)?\s*[\p{L}%°²/ ]*$/iu;
  return /^[=+\-@\t\r\n]/.test(t) && !number.test(t) ? "'" + t : t;
}

function csv(table) {
  const quoted = (t) => (/[",\n]/.test(t) ? `"${t.replaceAll('"', '""')}"` : t);
  return lines(table).map((row) => row.map((t) => quoted(plain(t))).join(",")).join("\r\n") + "\r\n";
}

async function copy(table) {
  const tabs = lines(table).map((row) => row.map(plain).join("\t")).join("\n");
  try {
    await navigator.clipboard.writeText(tabs);
  } catch {
    const area = document.createElement("textarea");
    area.value = tabs;
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  said.textContent = "Table copied";
}

function save(table, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv(table)], { type: "text/csv" }));
  link.download = `${name}.csv`;
  link.click();
  URL.revokeObjectURL(link.href);
}

function button(label, name, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = label;
  if (name) made.setAttribute("aria-label", name);
  made.addEventListener("click", act);
  return made;
}

for (const box of document.querySelectorAll("div.table")) {
  const table = box.querySelector("table");
  const title = text(table.caption);
  for (const [column, heading] of cells(table.tHead.rows[0]).entries()) {
    const label = text(heading);
    if (!label || table.tBodies[0].rows.length < 2) continue;
    heading.setAttribute("aria-sort", "none");
    heading.dataset.label = label; // printed instead: browsers draw no button on a next page
    heading.replaceChildren(button(label, "", () => sort(table, column, heading)));
  }
  const tools = document.createElement("p");
  tools.className = "tools";
  tools.append(
    button("Copy", `Copy the table ${title}`, () => copy(table)), " ",
    button("CSV", `Save the table ${title} as CSV`, () => save(table, box.id)),
  );
  box.querySelector(".wide").after(tools);
}
