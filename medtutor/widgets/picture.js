import { clip, element } from "./parts.js";

const LONGEST = 512; // the fewest drawn pixels of the longer side, so that lines are thin on small images too

// A canvas that shows rows x columns pixels enlarged without smoothing; `aspect`: height of a pixel over its width.
// Fill `rgba`, call show(), then draw lines over it in image pixels.
export function picture(rows, columns, aspect, attributes = {}) {
  const across = Math.max(1, Math.ceil(LONGEST / Math.max(columns, rows * aspect)));
  const down = Math.max(1, Math.round(across * aspect));
  const canvas = element("canvas", {
    width: columns * across,
    height: rows * down,
    style: `aspect-ratio: ${columns} / ${rows * aspect}; --mt-shape: ${columns / (rows * aspect)}`,
    ...attributes,
  });
  const small = element("canvas", { width: columns, height: rows });
  // kept in main memory: a picture this small is drawn faster there, also where there is no GPU
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const source = small.getContext("2d", { willReadFrequently: true });
  const pixels = source.createImageData(columns, rows);
  context.imageSmoothingEnabled = false;
  context.lineCap = "round";

  return {
    canvas,
    rgba: pixels.data,
    show() {
      source.putImageData(pixels, 0, 0);
      context.drawImage(small, 0, 0, canvas.width, canvas.height);
    },
    // lines [x, y, x2, y2, ...] in image pixels
    lines(list, colour, thick = 2) {
      context.beginPath();
      for (let i = 0; i < list.length; i += 4) {
        context.moveTo(list[i] * across, list[i + 1] * down);
        context.lineTo(list[i + 2] * across, list[i + 3] * down);
      }
      context.strokeStyle = colour;
      context.lineWidth = thick * (canvas.width > 700 ? 2 : 1);
      context.stroke();
    },
    // a frame of `size` pixels around what begins at (row, column); dark and light, to be seen on all
    box(row, column, size) {
      const [x, y, x2, y2] = [column, row, column + size, row + size];
      const sides = [x, y, x2, y, x2, y, x2, y2, x2, y2, x, y2, x, y2, x, y];
      this.lines(sides, "#000000", 5);
      this.lines(sides, "#ffffff", 2);
    },
    // the pixel under the pointer
    at(event) {
      const frame = canvas.getBoundingClientRect();
      return {
        row: clip(Math.floor(((event.clientY - frame.top) / frame.height) * rows), 0, rows - 1),
        column: clip(Math.floor(((event.clientX - frame.left) / frame.width) * columns), 0, columns - 1),
      };
    },
  };
}

// The pixel that an arrow key leads to, or null for another key.
export function step(key, { row, column }, rows, columns) {
  const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[key];
  return move ? { row: clip(row + move[0], 0, rows - 1), column: clip(column + move[1], 0, columns - 1) } : null;
}
