// The map of an image under a kernel, without padding, as conv2d: the kernel is not flipped.
export function convolve(image, rows, columns, kernel) {
  const k = kernel.length;
  const height = rows - k + 1;
  const width = columns - k + 1;
  const map = new Float64Array(height * width);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      let sum = 0;
      for (let i = 0; i < k; i++) {
        const row = (y + i) * columns + x;
        for (let j = 0; j < k; j++) sum += kernel[i][j] * image[row + j];
      }
      map[y * width + x] = sum;
    }
  }
  return { map, height, width };
}
