"use strict";

// Finds faces with YuNet and crops them, as `mien.faces` does and with its settings.

function scaled(planes, scale) {
  const [width, height] = [planes[0].width, planes[0].height].map((side) => Math.max(1, Math.round(side * scale)));
  return planes.map((from) => {
    let made = from;
    while (made.width >= 2 * width && made.height >= 2 * height) made = halved(made);
    return stretched(made, width, height);
  });
}

const longest = ([{ width, height }]) => Math.max(width, height);

/** The faces, the highest score first: box, score and landmarks in px of the planes. */
async function detect(session, settings, planes) {
  const enough = Math.max(settings.sure_face_px / settings.min_face_px, settings.smallest_look_px / longest(planes));
  const near = scaled(planes, Math.min(enough, settings.longest_px / longest(planes)));
  const middle = scaled(near, Math.min(1, settings.one_look_px / longest(near)));
  const found = await look(session, settings, near, 0);
  if (longest(middle) < longest(near)) {
    const far = scaled(middle, settings.far_px / longest(middle));
    found.push(...await look(session, settings, far, 0));
  }
  if (!found.some(({ score }) => score > settings.sure_score)) {
    for (const quarters of [1, 2, 3]) found.push(...await look(session, settings, middle, quarters));
  }
  found.sort((a, b) => b.score - a.score);
  const kept = [];
  for (const face of found) {
    if (kept.every((better) => overlap(better.box, face.box) <= settings.same_face_iou)) kept.push(face);
  }
  const [{ width, height }] = planes;
  const inPixels = ([x, y]) => [x * width, y * height];
  return kept.map(({ box, score, landmarks }) => ({
    box: [...inPixels(box.slice(0, 2)), ...inPixels(box.slice(2))], score, landmarks: landmarks.map(inPixels),
  })).filter(({ box }) => longerSide(box) >= settings.small_box * settings.min_face_px);
}

/** The faces that YuNet finds in planes after quarter turns; in fractions of the unturned planes' sides. */
async function look(session, settings, planes, quarters) {
  const [blue, green, red] = planes.map((one) => turned(one, quarters)).reverse();
  const { width, height } = red;
  const [wide, high] = [width, height].map((side) => Math.ceil(side / settings.strides.at(-1)) * settings.strides.at(-1));
  const pixels = new Float32Array(3 * wide * high);
  [blue, green, red].forEach(({ data }, channel) => {
    for (let y = 0; y < height; y += 1) pixels.set(data.subarray(y * width, (y + 1) * width), (channel * high + y) * wide);
  });
  const outputs = await session.run({ input: new ort.Tensor("float32", pixels, [1, 3, high, wide]) });
  const least = settings.score_threshold + (quarters ? settings.turned_extra_score : 0);
  const rows = settings.strides.flatMap((stride, i) => {
    const head = [0, 3, 6, 9].map((kind) => outputs[session.outputNames[kind + i]].data);
    return cells(head, stride, wide / stride, least);
  });
  const upright = (point) => {
    let [x, y] = [point[0] / width - 0.5, point[1] / height - 0.5];
    for (let turn = 0; turn < quarters; turn += 1) [x, y] = [-y, x]; // clockwise as seen
    return [x + 0.5, y + 0.5];
  };
  return rows.map(({ corners, score, landmarks }) => {
    const [[x0, y0], [x1, y1]] = corners.map(upright);
    const box = [Math.min(x0, x1), Math.min(y0, y1), Math.max(x0, x1), Math.max(y0, y1)];
    return { box, score, landmarks: landmarks.map(upright) };
  });
}

/** The faces of one grid of YuNet, whose cells are counted row by row. */
function cells([face, object, box, marks], stride, columns, least) {
  const found = [];
  for (let cell = 0; cell < face.length; cell += 1) {
    const score = Math.sqrt(face[cell] * object[cell]);
    if (score <= least) continue;
    const [left, top] = [cell % columns, Math.floor(cell / columns)];
    const [x, y, width, height] = box.subarray(4 * cell, 4 * cell + 4);
    const [centerX, centerY] = [(left + x) * stride, (top + y) * stride];
    const [halfX, halfY] = [Math.exp(width) * stride / 2, Math.exp(height) * stride / 2];
    const landmarks = [0, 1, 2, 3, 4].map((mark) => {
      const i = 10 * cell + 2 * mark;
      return [(left + marks[i]) * stride, (top + marks[i + 1]) * stride];
    });
    found.push({ corners: [[centerX - halfX, centerY - halfY], [centerX + halfX, centerY + halfY]], score, landmarks });
  }
  return found;
}

const longerSide = ([x0, y0, x1, y1]) => Math.max(x1 - x0, y1 - y0);

function overlap(a, b) {
  const wide = Math.min(a[2], b[2]) - Math.max(a[0], b[0]);
  const high = Math.min(a[3], b[3]) - Math.max(a[1], b[1]);
  if (wide <= 0 || high <= 0) return 0;
  return wide * high / (area({ box: a }) + area({ box: b }) - wide * high);
}

/** A face's square, upright, as the recogniser takes it: planes of crop_px. */
function crop(planes, { box, landmarks }, preprocess, maxCropPx) {
  const [rightEye, leftEye, , rightMouth, leftMouth] = landmarks;
  const across = [0, 1].map((i) => leftEye[i] - rightEye[i] + leftMouth[i] - rightMouth[i]);
  const down = [0, 1].map((i) => (rightMouth[i] + leftMouth[i] - rightEye[i] - leftEye[i]) / 2);
  const roll = Math.atan2(across[1] - down[0], across[0] + down[1]);
  const side = Math.max(1, longerSide(box) * (1 + 2 * preprocess.margin_fraction));
  const center = [(box[0] + box[2]) / 2, (box[1] + box[3]) / 2];
  const piece = around(planes, center, side);
  const scale = Math.min(1, maxCropPx / side);
  const [x, y] = [(center[0] - piece.left) * scale, (center[1] - piece.top) * scale];
  const size = Math.max(1, Math.round(side * scale));
  const wanted = preprocess.color === "grey" ? [grey(piece.planes)] : piece.planes;
  return wanted.map((one) => {
    const small = scale < 1 ? shrunk(one, Math.round(one.width * scale), Math.round(one.height * scale)) : one;
    const square = cutOut(small, x, y, size, roll);
    const fit = size > preprocess.crop_px ? shrunk : stretched;
    return fit(square, preprocess.crop_px, preprocess.crop_px);
  });
}

/** The part of the planes that a turned square can reach. */
function around(planes, center, side) {
  const reach = side * Math.SQRT1_2 + 1;
  const [{ width, height }] = planes;
  const [[left, right], [top, bottom]] = [width, height].map((end, i) => {
    const first = Math.min(Math.max(Math.floor(center[i] - reach), 0), end - 1);
    return [first, Math.max(first + 1, Math.min(Math.ceil(center[i] + reach), end))];
  });
  const parts = planes.map((from) => {
    const part = plane(right - left, bottom - top);
    for (let y = top; y < bottom; y += 1) {
      part.data.set(from.data.subarray(y * width + left, y * width + right), (y - top) * part.width);
    }
    return part;
  });
  return { planes: parts, left, top };
}
