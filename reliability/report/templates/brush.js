"use strict";
// Designs in parallel coordinates (Apache ECharts): an axis is limited by a drag along it or by the
// controls below the figure, and the designs that remain stand out there and in their table.
// Without this script, and in print, the static figure is there.
function made(name, attributes, ...inner) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...inner);
  return element;
}

// Runs of kept levels as intervals of the axis, half way to the next levels.
function intervals(levels, kept) {
  if (kept.every(Boolean)) return [];
  const edge = (k) => (k === 0 ? levels[0] - 0.02
    : k === levels.length ? levels.at(-1) + 0.02 : (levels[k - 1] + levels[k]) / 2);
  const found = [];
  for (let k = 0; k < kept.length; k += 1) {
    if (!kept[k]) continue;
    const first = k;
    while (kept[k + 1]) k += 1;
    found.push([edge(first), edge(k + 1)]);
  }
  return found.length ? found : [[-1, -1]]; // nothing is kept
}

function option(data) {
  const lines = (on) => data.rows.flatMap((row, d) => (data.front[d] === on
    ? [data.axes.map((axis, a) => axis.levels[row[a]])] : []));
  const series = (name, on, style) => ({ type: "parallel", name, data: lines(on),
    inactiveOpacity: 0.03, activeOpacity: style.opacity, lineStyle: style, silent: true });
  return {
    animation: false,
    parallel: { left: 64, right: 90, top: 60, bottom: 20, parallelAxisDefault: {
      type: "value", min: -0.03, max: 1.03, nameLocation: "end", nameGap: 14, realtime: true,
      nameTextStyle: { color: "#1a1a1a", fontSize: 12, lineHeight: 14 },
      axisLine: { lineStyle: { color: "#505050" } },
      areaSelectStyle: { width: 18, color: "#00578a", opacity: 0.25, borderColor: "#00578a" } } },
    parallelAxis: data.axes.map((axis, a) => {
      const values = axis.ticks.map((tick) => tick[0]);
      const text = (at) => axis.ticks.find((tick) => Math.abs(tick[0] - at) < 1e-6)?.[1] ?? "";
      return { dim: a, id: `axis-${a}`, name: axis.name.replace(/(.{9,}?) /g, "$1\n"),
        axisTick: { customValues: values },
        axisLabel: { customValues: values, formatter: text, color: "#1a1a1a" } };
    }),
    series: [series("other designs", false, { color: "#8a8a8a", width: 1, opacity: 0.7 }),
      series("on the front", true, { color: "#0072b2", width: 2, opacity: 0.95 })],
  };
}

function controls(axis, kept, changed) {
  const legend = made("legend", {}, axis.name);
  if (axis.category) {
    const boxes = axis.texts.map((text, k) => {
      const input = made("input", { type: "checkbox" });
      input.addEventListener("change", () => { kept[k] = input.checked; changed(); });
      return { input, label: made("label", {}, input, ` ${text}`) };
    });
    const show = () => boxes.forEach(({ input }, k) => { input.checked = kept[k]; });
    return { show, fieldset: made("fieldset", {}, legend, ...boxes.map((box) => box.label)) };
  }
  const last = axis.levels.length - 1;
  const ends = ["from", "to"].map((word) => {
    const input = made("input", { type: "range", min: 0, max: last, step: 1 });
    const output = made("output", {});
    return { input, output, label: made("label", {}, `${word} `, input, " ", output) };
  });
  ends.forEach(({ input }, end) => input.addEventListener("input", () => {
    let [low, high] = ends.map((each) => Number(each.input.value));
    if (low > high) [low, high] = end ? [high, high] : [low, low];
    kept.forEach((_, k) => { kept[k] = k >= low && k <= high; });
    changed();
  }));
  const show = () => [kept.indexOf(true), kept.lastIndexOf(true)].forEach((at, end) => {
    const k = at < 0 ? (end ? last : 0) : at;
    ends[end].input.value = k;
    ends[end].input.setAttribute("aria-valuetext", axis.texts[k]);
    ends[end].output.textContent = axis.texts[k];
  });
  return { show, fieldset: made("fieldset", {}, legend, ...ends.map((each) => each.label)) };
}

function brush(box, data) {
  const fixed = document.querySelector(`#${box.dataset.of} figure .wide`);
  const rows = Array.from(document.querySelectorAll(`#${data.table} tbody tr`));
  const place = made("div", { class: "lines", role: "img", "aria-label": box.dataset.title });
  place.style.minWidth = `${6.5 * data.axes.length}rem`;
  const remain = made("p", { class: "remain", role: "status" });
  const kept = data.axes.map((axis) => axis.levels.map(() => true));
  const parts = data.axes.map((axis, a) => controls(axis, kept[a], () => changed(a)));
  const clear = made("button", { type: "button" }, "All designs");
  box.hidden = false;
  box.append(
    made("p", {}, "Drag along an axis to keep a part of it, click on the axis to release it; "
      + "the controls below do the same. Blue: on the Pareto front. The table of designs shows "
      + "those that remain."),
    made("div", { class: "wide", role: "region", "aria-label": box.dataset.title, tabindex: 0 },
      place),
    made("p", { class: "tools" }, clear), remain,
    made("div", { class: "limits" }, ...parts.map((part) => part.fieldset)),
  );
  fixed.classList.add("printed");
  const chart = echarts.init(place, null, { renderer: "svg" });
  chart.setOption(option(data));
  let own = false; // a change that the controls make

  function count() {
    const left = data.rows.map((row) => row.every((level, a) => kept[a][level]));
    rows.forEach((row, k) => { row.hidden = !left[data.order[k]]; });
    const front = left.filter((on, d) => on && data.front[d]).length;
    remain.textContent = `${left.filter(Boolean).length} of ${left.length} designs remain, `
      + `${front} of them on the front`;
    parts.forEach((part) => part.show());
  }
  function changed(a) {
    own = true;
    chart.dispatchAction({ type: "axisAreaSelect", parallelAxisId: `axis-${a}`,
      intervals: intervals(data.axes[a].levels, kept[a]) });
    own = false;
    count();
  }
  chart.on("axisareaselected", (event) => {
    const a = Number(event.parallelAxisId.slice(5));
    if (own) return;
    const inside = (at) => !event.intervals.length
      || event.intervals.some(([low, high]) => at >= low && at <= high);
    data.axes[a].levels.forEach((at, k) => { kept[a][k] = inside(at); });
    count();
  });
  clear.addEventListener("click", () => {
    kept.forEach((levels, a) => { levels.fill(true); changed(a); });
  });
  new ResizeObserver(() => chart.resize()).observe(place);
  count();
}

for (const box of document.querySelectorAll(".brush")) {
  brush(box, JSON.parse(box.querySelector("script").textContent));
}
