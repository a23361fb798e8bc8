"use strict";

// Planes of pixels, scaled, turned and cut out as mien does it in Python with OpenCV, to within a grey level.
// A plane is { width, height, data }, row by row, 0 to 255; pixel (x, y) covers x to x + 1 and y to y + 1.

const plane = (width, height) => ({ width, height, data: new Uint8ClampedArray(width * height) });

/** The red, green and blue planes of a picture's RGBA. */
function planesOf({ width, height, data }) {
  return [0, 1, 2].map((channel) => {
    const made = plane(width, height);
    for (let i = 0; i < made.data.length; i += 1) made.data[i] = data[4 * i + channel];
    return made;
  });
}

function grey([red, green, blue]) {
  const made = plane(red.width, red.height);
  for (let i = 0; i < made.data.length; i += 1) {
    made.data[i] = 0.299 * red.data[i] + 0.587 * green.data[i] + 0.114 * blue.data[i];
  }
  return made;
}

/** Half the width and height: means of four pixels; an odd last row or column is lost. */
function halved(from) {
  const made = plane(from.width >> 1, from.height >> 1);
  for (let y = 0; y < made.height; y += 1) {
    for (let x = 0; x < made.width; x += 1) {
      const i = 2 * y * from.width + 2 * x;
      const sum = from.data[i] + from.data[i + 1] + from.data[i + from.width] + from.data[i + from.width + 1];
      made.data[y * made.width + x] = (sum + 2) >> 2;
    }
  }
  return made;
}

/** Which two of `from` cells lie around the middle of each of `to` cells, and the share of the second. */
function neighbours(from, to) {
  return Array.from({ length: to }, (_, i) => {
    const place = Math.min(Math.max((i + 0.5) * from / to - 0.5, 0), from - 1);
    const first = Math.floor(place);
    return [first, Math.min(first + 1, from - 1), place - first];
  });
}

/** Another size, by the four pixels around each new one. */
function stretched(from, width, height) {
  if (width === from.width && height === from.height) return from;
  const made = plane(width, height);
  const across = neighbours(from.width, width);
  neighbours(from.height, height).forEach(([above, below, down], y) => {
    const [top, bottom] = [above * from.width, below * from.width];
    for (let x = 0; x < width; x += 1) {
      const [left, right, share] = across[x];
      const upper = from.data[top + left] * (1 - share) + from.data[top + right] * share;
      const lower = from.data[bottom + left] * (1 - share) + from.data[bottom + right] * share;
      made.data[y * width + x] = upper * (1 - down) + lower * down;
    }
  });
  return made;
}

/** A smaller size, each pixel the mean of what it covers. */
function shrunk(from, width, height) {
  const covered = (length, pieces) => Array.from({ length: pieces }, (_, i) => {
    const [start, end] = [i * length / pieces, (i + 1) * length / pieces];
    const cells = [];
    for (let cell = Math.floor(start); cell < Math.min(Math.ceil(end), length); cell += 1) {
      cells.push([cell, (Math.min(cell + 1, end) - Math.max(cell, start)) * pieces / length]);
    }
    return cells;
  });
  const made = plane(width, height);
  const across = covered(from.width, width);
  covered(from.height, height).forEach((rows, y) => {
    across.forEach((columns, x) => {
      let sum = 0;
      for (const [row, high] of rows) {
        for (const [column, wide] of columns) sum += from.data[row * from.width + column] * high * wide;
      }
      made.data[y * width + x] = sum;
    });
  });
  return made;
}

/** Turned against the clock by quarters. */
function turned(from, quarters) {
  let made = from;
  for (let turn = 0; turn < quarters; turn += 1) {
    const { width, height, data } = made;
    made = plane(height, width);
    for (let y = 0; y < width; y += 1) {
      for (let x = 0; x < height; x += 1) made.data[y * height + x] = data[x * width + width - 1 - y];
    }
  }
  return made;
}

/** A square of `size` px around (centerX, centerY), turned upright by `roll` radians; edge pixels go on outside. */
function cutOut(from, centerX, centerY, size, roll) {
  const made = plane(size, size);
  const [cosine, sine] = [Math.cos(roll), Math.sin(roll)];
  for (let y = 0; y < size; y += 1) {
    for (let x = 0; x < size; x += 1) {
      const [right, down] = [x + 0.5 - size / 2, y + 0.5 - size / 2];
      const column = Math.min(Math.max(centerX + cosine * right - sine * down - 0.5, 0), from.width - 1);
      const row = Math.min(Math.max(centerY + sine * right + cosine * down - 0.5, 0), from.height - 1);
      const [left, top] = [Math.floor(column), Math.floor(row)];
      const [next, below] = [Math.min(left + 1, from.width - 1), Math.min(top + 1, from.height - 1)];
      const [share, deep] = [column - left, row - top];
      const upper = from.data[top * from.width + left] * (1 - share) + from.data[top * from.width + next] * share;
      const lower = from.data[below * from.width + left] * (1 - share) + from.data[below * from.width + next] * share;
      made.data[y * size + x] = upper * (1 - deep) + lower * deep;
    }
  }
  return made;
}
