import { mount } from "./mount.js";
import { change, choices, clip, element, follow, live, say, shape, slider, write } from "./parts.js";
import { picture } from "./picture.js";
import { grey } from "./pixels.js";

const [WIDE, HIGH] = [420, 230]; // of the chart, in its own units
const PLOT = { left: 40, right: 12, top: 12, bottom: 56 };

function playground(model, root, about, { values }) {
  const view = picture(about.rows, about.columns, about.aspect, { class: "mt-canvas", role: "img" });
  const chart = mapping(about);
  const status = live("mt-status");
  const withUnit = (value) => `${say(value)} HU`;
  const move = (name) => (value) => change(model, { [name]: value });
  const level = slider({ label: "level", low: -1000, high: 1000, step: 10, say: withUnit, change: move("level") });
  const width = slider({ label: "width", low: 10, high: 3000, step: 10, say: withUnit, change: move("width") });
  const presets = choices("window", about.presets, ([level, width]) => change(model, { level, width }));

  const draw = () => {
    const [middle, wide] = [model.get("level"), model.get("width")];
    grey(values, 0, values.length, middle, wide, view.rgba);
    view.show();
    chart.show(middle, wide);
    level.show(middle);
    width.show(wide);
    presets.show(([one, other]) => one === middle && other === wide);
    const words = inWords(values, middle, wide);
    write(status, words);
    view.canvas.setAttribute("aria-label", `${about.alt} ${words}`);
  };

  const sides = about.sides.map((side, i) =>
    element("span", { class: `mt-side mt-${["left", "right", "top", "bottom"][i]}`, "aria-hidden": "true" }, side),
  );
  root.append(
    element(
      "div",
      { class: "mt-columns" },
      element("div", { class: "mt-picture" }, element("div", { class: "mt-sided" }, view.canvas, ...sides)),
      element("div", { class: "mt-panel" }, presets.row, level.row, width.row, chart.drawing, status),
    ),
  );
  draw();
  return follow(model, ["level", "width"], draw);
}

function inWords(values, level, width) {
  const [low, high] = [level - width / 2, level + width / 2];
  let [black, white] = [0, 0];
  for (const value of values) {
    if (value < low) black++;
    else if (value > high) white++;
  }
  const share = (n) => `${Math.round((100 * n) / values.length)} %`;
  const between = share(values.length - black - white);
  const ends = `Black below ${say(low)} HU: ${share(black)} of the pixels. White above ${say(high)} HU: ${share(white)}.`;
  return `${ends} ${between} lie between and keep their differences.`;
}

// The histogram, and the line from HU to grey over it; under the axis the grey that each HU gets.
function mapping({ axis: [first, last, bin], counts, colours }) {
  const x = (hu) => PLOT.left + ((clip(hu, first, last) - first) / (last - first)) * (WIDE - PLOT.left - PLOT.right);
  const base = HIGH - PLOT.bottom;
  const y = (share) => base - share * (base - PLOT.top);
  const most = Math.log1p(Math.max(...counts));
  const bars = counts
    .map((n, i) =>
      n ? `M${x(first + i * bin)} ${base}V${y(Math.log1p(n) / most)}H${x(first + (i + 1) * bin)}V${base}Z` : "",
    )
    .join("");
  const id = `mt-ramp-${Math.random().toString(36).slice(2)}`;
  const stops = [
    shape("stop", { offset: 0, "stop-color": "#000" }),
    shape("stop", { offset: 1, "stop-color": "#fff" }),
  ];
  const ramp = shape("linearGradient", { id, gradientUnits: "userSpaceOnUse" }, ...stops);
  const band = shape("rect", { y: PLOT.top, height: base - PLOT.top, fill: colours[1], opacity: 0.22 });
  const line = shape("polyline", {
    fill: "none",
    stroke: "currentColor",
    "stroke-width": 5,
    "stroke-linejoin": "round",
  });
  const inner = shape("polyline", {
    fill: "none",
    stroke: colours[1],
    "stroke-width": 2.5,
    "stroke-linejoin": "round",
  });
  const text = (at, down, words, anchor = "middle") => shape("text", { x: at, y: down, "text-anchor": anchor }, words);
  const strip = { y: base + 2, height: 12, x: PLOT.left, width: WIDE - PLOT.left - PLOT.right };
  const ticks = [-1000, -500, 0, 500, 1000, 1500].map((hu) => text(x(hu), base + 28, say(hu)));
  const drawing = shape(
    "svg",
    {
      viewBox: `0 0 ${WIDE} ${HIGH}`,
      class: "mt-chart",
      role: "img",
      "aria-label": "Histogram of the slice, and the line from HU to grey value",
    },
    shape("defs", {}, ramp),
    band,
    shape("path", { d: bars, class: "mt-bars" }),
    line,
    inner,
    shape("rect", { ...strip, fill: `url(#${id})`, class: "mt-strip" }),
    ...ticks,
    text(PLOT.left - 6, y(1) + 5, "white", "end"),
    text(PLOT.left - 6, y(0), "black", "end"),
    text(x((first + last) / 2), HIGH - 8, "Hounsfield units; bars: pixels (log)"),
  );
  return {
    drawing,
    show(level, width) {
      const [low, high] = [level - width / 2, level + width / 2];
      // where the window reaches over the end of the axis, the line ends on its way
      const at = (hu) => `${x(hu)},${y(clip((clip(hu, first, last) - low) / width, 0, 1))}`;
      const points = [first, low, high, last].map(at).join(" ");
      line.setAttribute("points", points);
      inner.setAttribute("points", points);
      band.setAttribute("x", x(low));
      band.setAttribute("width", Math.max(x(high) - x(low), 1));
      const scale = (WIDE - PLOT.left - PLOT.right) / (last - first);
      ramp.setAttribute("x1", PLOT.left + (low - first) * scale);
      ramp.setAttribute("x2", PLOT.left + (high - first) * scale);
    },
  };
}

export default { render: mount("The pixels", playground) };
