import { convolve } from "./convolve.js";
import { mount } from "./mount.js";
import { change, choices, element, follow, live, say, write } from "./parts.js";
import { picture, step } from "./picture.js";
import { grey, mapped } from "./pixels.js";

function playground(model, root, about, { image }) {
  const { rows, columns } = about;
  const original = picture(rows, columns, 1, { class: "mt-canvas", role: "img", "aria-label": about.alt });
  const status = live("mt-status");
  const readout = live("mt-readout");
  const place = element("div", { class: "mt-picture" });
  const grid = element("div", { class: "mt-kernel", role: "group", "aria-label": "kernel" });
  const bar = element("div", { class: "mt-bar", "aria-hidden": "true" });
  bar.style.background = `linear-gradient(to right, ${about.table.map((c) => `rgb(${c.join(",")})`).join(",")})`;
  const ends = [element("span"), element("span", {}, "0"), element("span")];
  const presets = choices("kernels to begin with", about.kernels, (kernel) => change(model, { kernel }));

  let shown = null; // the map's picture, made anew where the kernel's size changes
  let answer = null;
  let cross = { row: (rows >> 1) - 1, column: (columns >> 1) - 1 };

  const draw = () => {
    const kernel = model.get("kernel");
    answer = convolve(image, rows, columns, kernel);
    if (!shown || shown.size !== kernel.length) {
      shown = { size: kernel.length, ...mapCanvas(answer, moveTo) };
      place.replaceChildren(shown.canvas, bar, element("div", { class: "mt-ends" }, ...ends));
      cells(model, grid, kernel);
    }
    showCells(grid, kernel);
    const most = Math.max(...[0, 1].map((i) => Math.abs(range(answer.map)[i])));
    mapped(answer.map, most || 1, about.table, shown.rgba);
    write(ends[0], say(-most));
    write(ends[2], say(most));
    const [low, high] = range(answer.map);
    const name = Object.keys(about.kernels).find((one) => same(about.kernels[one], kernel));
    presets.show((one) => same(one, kernel));
    write(
      status,
      `Kernel${name ? `: ${name}` : " of your own"}. Its weights sum to ${say(total(kernel))}. ` +
        `The map goes from ${say(low)} to ${say(high)}.`,
    );
    drawCross();
  };

  const drawCross = () => {
    const { row, column } = cross;
    const size = model.get("kernel").length;
    shown.show();
    shown.box(row, column, 1);
    grey(image, 0, rows * columns, 0.5, 1, original.rgba);
    original.show();
    original.box(row, column, size);
    const value = say(answer.map[row * answer.width + column]);
    const where = `at row ${row}, column ${column} of the map`;
    const words = `The ${size} x ${size} pixels in the frame, times the kernel, sum to ${value} ${where}.`;
    write(readout, words);
    shown.canvas.setAttribute("aria-label", `Map of the kernel. ${words}`);
  };

  const moveTo = (to) => {
    cross = { row: Math.min(to.row, answer.height - 1), column: Math.min(to.column, answer.width - 1) };
    drawCross();
  };

  function mapCanvas({ height, width }, go) {
    const made = picture(height, width, 1, { class: "mt-canvas", tabindex: 0, role: "application" });
    cross = { row: Math.min(cross.row, height - 1), column: Math.min(cross.column, width - 1) };
    made.canvas.addEventListener("keydown", (event) => {
      const to = event.ctrlKey || event.metaKey || event.altKey ? null : step(event.key, cross, height, width);
      if (!to) return;
      event.preventDefault();
      go(to);
    });
    made.canvas.addEventListener("pointermove", (event) => go(made.at(event)));
    made.canvas.addEventListener("pointerdown", (event) => go(made.at(event)));
    return made;
  }

  root.append(
    status,
    element(
      "div",
      { class: "mt-columns mt-three" },
      element("figure", {}, element("figcaption", {}, `image, ${rows} x ${columns}`), original.canvas),
      element("figure", { class: "mt-middle" }, element("figcaption", {}, "kernel"), grid, presets.row),
      element("figure", {}, element("figcaption", {}, "map"), place),
    ),
    readout,
    element(
      "div",
      { class: "mt-help" },
      "In the kernel: Up and Down change a number, Left and Right go to the next. On the map: arrows move the frame.",
    ),
  );
  draw();
  return follow(model, ["kernel"], draw);
}

// The kernel as fields of numbers.
function cells(model, grid, kernel) {
  const k = kernel.length;
  grid.style.setProperty("--mt-size", k);
  const fields = kernel.flatMap((line, row) =>
    line.map((_, column) => {
      const label = `weight of row ${row + 1}, column ${column + 1}`;
      const field = element("input", { type: "number", step: "any", "aria-label": label });
      const set = (value) => {
        const next = model.get("kernel").map((one) => [...one]);
        next[row][column] = value;
        change(model, { kernel: next });
      };
      field.addEventListener(
        "input",
        () => field.value !== "" && Number.isFinite(field.valueAsNumber) && set(field.valueAsNumber),
      );
      field.addEventListener("blur", () => showCells(grid, model.get("kernel")));
      field.addEventListener("keydown", (event) => {
        const beside = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
        const more = { ArrowUp: 0.5, ArrowDown: -0.5 }[event.key];
        if (event.ctrlKey || event.metaKey || event.altKey || !(beside || more)) return;
        event.preventDefault();
        if (more) {
          set(Math.round((model.get("kernel")[row][column] + more) * 1e6) / 1e6);
          field.value = tidy(model.get("kernel")[row][column]);
        } else fields[row * k + column + beside]?.select();
      });
      field.addEventListener("focus", () => field.select());
      return field;
    }),
  );
  grid.replaceChildren(...fields);
}

// Leaves the field alone in which something is being written.
function showCells(grid, kernel) {
  kernel.flat().forEach((value, i) => {
    const field = grid.children[i];
    if (!field.matches(":focus")) field.value = tidy(value);
  });
}

const tidy = (value) => Number(value.toFixed(3));
const total = (kernel) => kernel.flat().reduce((sum, value) => sum + value, 0);
const same = (a, b) => a.length === b.length && a.flat().every((value, i) => Math.abs(value - b.flat()[i]) < 1e-9);

function range(map) {
  let [low, high] = [Infinity, -Infinity];
  for (const value of map) {
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

export default { render: mount("The pixels", playground) };
