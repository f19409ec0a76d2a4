import { mount } from "./mount.js";
import { change, checkbox, choices, clip, element, follow, live, say, slider, write } from "./parts.js";
import { picture, step } from "./picture.js";
import { colours, grey, outlines, rgb, tint } from "./pixels.js";

function viewer(model, root, about, { values, mask }) {
  const { rows, columns, count, noun, unit } = about;
  const size = rows * columns;
  const palette = Object.fromEntries(about.labels.map(({ label, colour }) => [label, rgb(colour)]));
  const view = picture(rows, columns, about.aspect, { class: "mt-canvas", tabindex: 0, role: "slider" });
  const status = live("mt-status");
  const readout = live("mt-readout");
  const controls = panel(model, about);
  let cross = null; // where values are read: by pointer, or by keys
  let byKeys = false;

  const draw = () => {
    const index = model.get("index");
    if (about.colour) colours(values, index * size, size, view.rgba);
    else grey(values, index * size, size, model.get("level"), model.get("width"), view.rgba);
    if (mask && model.get("opacity") > 0) tint(view.rgba, mask, index * size, size, palette, model.get("opacity"));
    view.show();
    if (mask && model.get("outline")) {
      for (const [label, lines] of Object.entries(outlines(mask, index * size, columns, rows))) {
        view.lines(lines, about.labels.find((one) => one.label === Number(label)).colour, 2.5);
      }
    }
    if (cross && byKeys) view.box(cross.row, cross.column, 1);
    controls.show();
    const words = inWords(model, about);
    write(status, words);
    view.canvas.setAttribute("aria-label", `${about.alt} ${words}`);
    view.canvas.setAttribute("aria-valuemin", 1);
    view.canvas.setAttribute("aria-valuemax", count);
    view.canvas.setAttribute("aria-valuenow", index + 1);
    view.canvas.setAttribute("aria-valuetext", `${noun} ${index + 1} of ${count}`);
    read();
  };

  const read = () => {
    if (!cross) return write(readout, byKeys ? "" : "Point at the picture, or Shift + arrows, to read values.");
    const index = model.get("index");
    const at = index * size + cross.row * columns + cross.column;
    const value = about.colour ? Array.from(values.slice(3 * at, 3 * at + 3)).join(", ") : say(values[at]);
    const label = mask && mask[at] ? `, ${about.labels.find((one) => one.label === mask[at]).name}` : "";
    write(readout, `${value} ${unit}`.trim() + label + ` at ${place(about, index, cross)}`);
  };

  const go = (index) => change(model, { index: clip(Math.round(index), 0, count - 1) });
  view.canvas.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.shiftKey && event.key.startsWith("Arrow")) {
      cross = step(event.key, cross ?? { row: rows >> 1, column: columns >> 1 }, rows, columns);
      byKeys = true;
      draw();
    } else if (!command(model, about, event.key, go)) return;
    event.preventDefault();
  });
  pointing(model, about, view, go, (at) => {
    cross = at;
    if (byKeys) {
      byKeys = false;
      draw();
    } else read();
  });

  const sides = about.sides.map((side, i) =>
    element("span", { class: `mt-side mt-${["left", "right", "top", "bottom"][i]}`, "aria-hidden": "true" }, side),
  );
  root.append(
    element(
      "div",
      { class: "mt-columns" },
      element("div", { class: "mt-picture" }, element("div", { class: "mt-sided" }, view.canvas, ...sides), readout),
      element("div", { class: "mt-panel" }, status, ...controls.rows),
    ),
  );
  draw();
  return follow(model, ["index", "level", "width", "opacity", "outline"], draw);
}

// The controls beside the picture.
function panel(model, about) {
  const { limits, unit, noun, count } = about;
  const withUnit = (value) => `${say(value)} ${unit}`.trim();
  const of = (name, label, [low, high, stride], words) => {
    const one = slider({
      label,
      low,
      high,
      step: stride,
      say: words,
      change: (value) => change(model, { [name]: value }),
    });
    return { row: one.row, show: () => one.show(model.get(name)) };
  };
  const all = [];
  if (count > 1) all.push(of("index", noun, [0, count - 1, 1], (value) => `${value + 1} of ${count}`));
  if (!about.colour) {
    all.push(of("level", "level", limits.level, withUnit), of("width", "width", limits.width, withUnit));
    const start = { reset: [model.get("level"), model.get("width")] };
    const presets = choices("window", { ...about.presets, ...start }, ([level, width]) =>
      change(model, { level, width }),
    );
    const same = ([level, width]) => model.get("level") === level && model.get("width") === width;
    all.push({ row: presets.row, show: () => presets.show((window) => window !== start.reset && same(window)) });
  }
  if (about.labels.length) {
    all.push(of("opacity", "mask", [0, 1, 0.05], (value) => `${Math.round(100 * value)} %`));
    const box = checkbox("outline", (outline) => change(model, { outline }));
    const names = about.labels.map(({ name, colour }) =>
      element("span", { class: "mt-key" }, element("i", { style: `background: ${colour}` }), name),
    );
    const row = element("div", { class: "mt-keys" }, box.row, ...names);
    all.push({ row, show: () => (box.input.checked = model.get("outline")) });
  }
  const more = (unit === "HU" ? " 1 to 4: window." : "") + (about.labels.length ? " M: mask, O: outline." : "");
  const keys = `Keys on the picture: arrows, Page Up and Down, Home and End: ${noun}. Shift + arrows: read values.${more}`;
  const help = element("details", { class: "mt-help" }, element("summary", {}, "Keys and mouse"));
  help.append(`${keys} Drag up and down: ${noun}. Shift + drag: level and width.`);
  return { rows: [...all.map((one) => one.row), help], show: () => all.forEach((one) => one.show()) };
}

// Obeys a key of the picture; false where it means nothing.
function command(model, about, key, go) {
  const index = model.get("index");
  const page = Math.max(1, Math.round(about.count / 10));
  const moves = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: page, PageDown: -page };
  const presets = Object.values(about.presets);
  if (key in moves) go(index + moves[key]);
  else if (key === "Home") go(0);
  else if (key === "End") go(about.count - 1);
  else if (presets[Number(key) - 1]) change(model, { level: presets[key - 1][0], width: presets[key - 1][1] });
  else if (about.labels.length && key.toLowerCase() === "o") change(model, { outline: !model.get("outline") });
  else if (about.labels.length && key.toLowerCase() === "m")
    change(model, { opacity: model.get("opacity") > 0 ? 0 : 0.35 });
  else return false;
  return true;
}

// Pointer on the picture: read, drag to leaf, Shift + drag for the window; the wheel leafs once the picture has focus.
function pointing(model, about, view, go, point) {
  let from = null;
  view.canvas.addEventListener("pointerdown", (event) => {
    view.canvas.setPointerCapture(event.pointerId);
    const state = ["index", "level", "width"].map((name) => model.get(name));
    from = { x: event.clientX, y: event.clientY, state, window: event.shiftKey && !about.colour };
  });
  view.canvas.addEventListener("pointerup", () => (from = null));
  view.canvas.addEventListener("pointercancel", () => (from = null));
  view.canvas.addEventListener("pointerleave", () => from || point(null));
  view.canvas.addEventListener("pointermove", (event) => {
    if (from) {
      const { clientWidth, clientHeight } = view.canvas;
      const right = (event.clientX - from.x) / clientWidth;
      const up = (from.y - event.clientY) / clientHeight;
      const [index, level, width] = from.state;
      const [low, high, stride] = about.limits.width;
      const whole = (value) => Math.round(value / stride) * stride;
      if (!from.window) go(index + up * Math.max(about.count, 10));
      else
        change(model, { level: level + whole((up * high) / 2), width: clip(width + whole(right * high), low, high) });
    }
    point(view.at(event));
  });
  view.canvas.addEventListener(
    "wheel",
    (event) => {
      if (document.activeElement !== view.canvas && !view.canvas.matches(":focus")) return;
      event.preventDefault();
      go(model.get("index") - Math.sign(event.deltaY));
    },
    { passive: false },
  );
}

function inWords(model, { noun, count, unit, colour, captions }) {
  const index = model.get("index");
  const caption = captions.length ? `: ${captions[index]}` : "";
  const window = colour
    ? ""
    : ` Level ${say(model.get("level"))}, width ${say(model.get("width"))} ${unit}`.trimEnd() + ".";
  return `${noun[0].toUpperCase()}${noun.slice(1)} ${index + 1} of ${count}${caption}.${window}`;
}

// A position as the index of the caller's array, and in millimetres where they are known: R 12.0, A 3.5, S 40.0 mm.
function place(about, index, { row, column }) {
  const times = (matrix) => matrix.map((m) => m[0] * index + m[1] * row + m[2] * column + m[3]);
  const at = times(about.to_index);
  const text = about.place.replace(/\{(\d)\}/g, (_, axis) => at[axis]);
  if (!about.to_mm) return text;
  const sides = ["RL", "AP", "SI"];
  const mm = times(about.to_mm).map((value, axis) => `${sides[axis][value < 0 ? 1 : 0]} ${Math.abs(value).toFixed(1)}`);
  return `${text}, ${mm.join(", ")} mm`;
}

export default { render: mount("The images", viewer) };
