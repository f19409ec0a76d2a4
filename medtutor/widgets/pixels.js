// From values to pixels. The same arithmetic as windowed() in arithmetic.py; a test compares both.

// Writes `size` values from `start` as grey into `rgba`: black up to level - width / 2, white from level + width / 2.
// Uint8ClampedArray clips and rounds.
export function grey(values, start, size, level, width, rgba) {
  for (let i = 0, j = 0; i < size; i++, j += 4) {
    rgba[j] = ((values[start + i] - level) / width + 0.5) * 255;
    rgba[j + 1] = rgba[j + 2] = rgba[j];
    rgba[j + 3] = 255;
  }
}

// Writes `size` colour pixels, three values each.
export function colours(values, start, size, rgba) {
  for (let i = 3 * start, j = 0; j < 4 * size; i += 3, j += 4) {
    rgba[j] = values[i];
    rgba[j + 1] = values[i + 1];
    rgba[j + 2] = values[i + 2];
    rgba[j + 3] = 255;
  }
}

// Blends the colour of each label over the pixels; `palette`: label -> [red, green, blue].
export function tint(rgba, mask, start, size, palette, opacity) {
  for (let i = 0, j = 0; i < size; i++, j += 4) {
    const colour = palette[mask[start + i]];
    if (!colour) continue;
    for (let c = 0; c < 3; c++) rgba[j + c] = rgba[j + c] * (1 - opacity) + colour[c] * opacity;
  }
}

// Writes numbers through a table of 256 colours that runs from -limit to limit.
export function mapped(values, limit, table, rgba) {
  for (let i = 0, j = 0; i < values.length; i++, j += 4) {
    const entry = Math.min(255, Math.max(0, Math.floor(((values[i] / limit + 1) / 2) * 256)));
    const colour = table[entry];
    rgba[j] = colour[0];
    rgba[j + 1] = colour[1];
    rgba[j + 2] = colour[2];
    rgba[j + 3] = 255;
  }
}

// The edges between labels: label -> [x, y, x2, y2, ...] in pixels, each edge on the side of the label it bounds.
export function outlines(mask, start, columns, rows) {
  const edges = {};
  const add = (label, ...line) => (edges[label] ??= []).push(...line);
  const at = (row, column) =>
    row < 0 || column < 0 || row >= rows || column >= columns ? 0 : mask[start + row * columns + column];
  for (let y = 0; y < rows; y++) {
    for (let x = 0; x < columns; x++) {
      const label = mask[start + y * columns + x];
      if (!label) continue;
      if (at(y - 1, x) !== label) add(label, x, y, x + 1, y);
      if (at(y + 1, x) !== label) add(label, x, y + 1, x + 1, y + 1);
      if (at(y, x - 1) !== label) add(label, x, y, x, y + 1);
      if (at(y, x + 1) !== label) add(label, x + 1, y, x + 1, y + 1);
    }
  }
  return edges;
}

export function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}
