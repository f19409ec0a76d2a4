// The pieces that all widgets are built of: elements, sliders, buttons, the frame, numbers in words.

const SVG = "http://www.w3.org/2000/svg";

export function element(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

export function shape(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") node.addEventListener(name, value);
    else if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined));
  return node;
}

// Writes only what changed, so that a screen reader does not repeat itself.
export function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// The widget's outer element, with the mark of the sample. Keys that are typed into it do not reach the notebook, where
// a letter would be a command; Tab, Escape and all with Ctrl, Alt, Meta do.
export function frame(el, about) {
  const root = element("div", { class: "mt-widget", role: "group", "aria-label": about.alt });
  root.addEventListener("keydown", (event) => {
    const command = event.ctrlKey || event.metaKey || event.altKey || (event.shiftKey && event.key === "Enter");
    if (!command && event.key !== "Tab" && event.key !== "Escape") event.stopPropagation();
  });
  if (about.sample) root.append(element("div", { class: "mt-sample" }, "OFFLINE SAMPLE, not patients"));
  el.append(root);
  return root;
}

export function live(className) {
  return element("output", { class: className, "aria-live": "polite" });
}

// A labelled slider: `say(value)` puts its value in words, `change(value)` is called while it moves.
export function slider({ label, low, high, step, say, change }) {
  const input = element("input", { type: "range", min: low, max: high, step, "aria-label": label });
  const words = element("span", { class: "mt-value" });
  input.addEventListener("input", () => change(Number(input.value)));
  return {
    input,
    row: element("label", { class: "mt-row" }, element("span", { class: "mt-name" }, label), input, words),
    show(value) {
      input.value = value;
      const text = say(value);
      write(words, text);
      input.setAttribute("aria-valuetext", text);
    },
  };
}

export function button(label, press, attributes = {}) {
  return element("button", { type: "button", class: "mt-button", click: press, ...attributes }, label);
}

// A row of buttons of which the one in force is pressed; `values`: name -> what `choose` gets.
export function choices(label, values, choose) {
  const buttons = Object.entries(values).map(([name, value]) => [name, button(name, () => choose(value))]);
  return {
    row: element("div", { class: "mt-choices", role: "group", "aria-label": label }, ...buttons.map(([, one]) => one)),
    show(isInForce) {
      for (const [name, one] of buttons) one.setAttribute("aria-pressed", String(isInForce(values[name])));
    },
  };
}

export function checkbox(label, change) {
  const input = element("input", { type: "checkbox" });
  input.addEventListener("change", () => change(input.checked));
  return { input, row: element("label", { class: "mt-check" }, input, label) };
}

// Sets state that Python sees too; the views redraw through the events of the model.
export function change(model, values) {
  for (const [name, value] of Object.entries(values)) model.set(name, value);
  model.save_changes();
}

// Calls `draw` whenever one of the names changes, in the browser or in Python. Returns a function that stops it.
export function follow(model, names, draw) {
  for (const name of names) model.on(`change:${name}`, draw);
  return () => names.forEach((name) => model.off(`change:${name}`, draw));
}

export function clip(value, low, high) {
  return Math.min(Math.max(value, low), high);
}

// A number with about four figures, without an exponent for what is common, and with a true minus.
export function say(value) {
  if (Number.isNaN(value)) return "-";
  const size = Math.abs(value);
  const digits = Number.isInteger(value) || size >= 1000 ? 0 : size >= 100 ? 1 : size >= 10 ? 2 : 3;
  const text = size >= 1e6 || (size > 0 && size < 1e-3) ? value.toExponential(2) : value.toFixed(digits);
  return text.replace("-", "\u2212");
}
