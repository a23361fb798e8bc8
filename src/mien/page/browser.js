"use strict";

// Reads faces in this browser, with onnxruntime-web, as `mien.faces` and `mien.recognizer` do. It replaces server.js in
// the folders that `mien web` writes.

const limits = null; // on the size of files

const LARGEST_PX = 4096; // longer side of a photo that is read; larger ones are reduced to it

const rounded = (value, digits) => Math.round(value * 10 ** digits) / 10 ** digits;
const scaledBy = (point, factor) => point.map((value) => value * factor);

const version = new URL(document.currentScript.src).search; // of all files: offline.js tells by it which it has kept
let models = null; // set by begin, at the end

async function loadModels() {
  const runtime = (ending) => new URL(`runtime/ort-wasm-simd-threaded.${ending}${version}`, location.href).href;
  ort.env.wasm.wasmPaths = { mjs: runtime("mjs"), wasm: runtime("wasm") };
  const fetched = async (path) => {
    const response = await fetch(path + version, { cache: "no-cache" }); // a host's 404 may be kept for minutes
    if (!response.ok) throw new Error(`${path}: ${response.status} ${response.statusText}`);
    return response;
  };
  const card = await (await fetched("model/card.json")).json();
  const open = async (path, options = {}) => {
    const bytes = new Uint8Array(await (await fetched(path)).arrayBuffer());
    const always = { executionProviders: ["wasm"], logSeverityLevel: 3 }; // else it warns on each run
    return ort.InferenceSession.create(bytes, { ...always, ...options });
  };
  const settings = await (await fetched("detector/settings.json")).json();
  const dequantised = { extra: { session: { disable_quant_qdq: "1" } } }; // once, not in each run
  const detector = await open("detector/yunet.onnx", dequantised); // before the other model: onnxruntime-web starts once
  return { card, settings, detector, recognizer: await open("model/model.onnx") };
}

const patiently = (attempt) => attempt(); // server.js tries again while the server is busy

/** Read a photo; the answer is that of `mien analyze --json`. */
async function analyze(body, name) {
  const tried = models;
  // after a failure, the first caller loads them again, and all others wait for that
  const { card, settings, detector, recognizer } = await tried.catch(() => (models === tried ? begin() : models));
  const { planes, size, factor } = await decode(body, name);
  const faces = await detect(detector, settings, planes);
  const crops = faces.map((face) => crop(planes, face, card.preprocess, settings.max_crop_px));
  const expressions = await recognize(recognizer, card, crops, settings.least_doubt);
  return {
    source: name, size, failed: null, model: card.name,
    faces: faces.map(({ box, score, landmarks }, i) => ({
      box: scaledBy(box, factor).map((value) => rounded(value, 2)),
      score: rounded(score, 4),
      landmarks: landmarks.map((mark) => scaledBy(mark, factor).map((value) => rounded(value, 2))),
      expression: expressions[i],
    })),
  };
}

/** A photo's planes, its size, and by what factor the planes are smaller. */
async function decode(body, name) {
  if (!body.size) throw new Error(`${name}: the file is empty.`);
  const bitmap = await createImageBitmap(body).catch(() => { // upright, as its EXIF says
    throw new Error(`${name}: damaged, too large, or in a format that this browser cannot read.`);
  });
  const size = [bitmap.width, bitmap.height];
  const factor = Math.max(1, Math.max(...size) / LARGEST_PX);
  const [width, height] = size.map((side) => Math.max(1, Math.round(side / factor)));
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#ffffff"; // what is transparent is white, as in mien
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  return { planes: planesOf(context.getImageData(0, 0, width, height)), size, factor };
}

/** The expressions of crops. */
async function recognize(session, card, crops, leastDoubt) {
  if (!crops.length) return [];
  const { crop_px: side } = card.preprocess;
  const pixels = new Uint8Array(crops.length * crops[0].length * side * side);
  crops.flat().forEach(({ data }, i) => pixels.set(data, i * side * side));
  const faces = new ort.Tensor("uint8", pixels, [crops.length, crops[0].length, side, side]);
  const { data } = (await session.run({ faces })).logits;
  const classes = card.labels.length;
  return crops.map((_, i) => expressionOf(data.slice(i * classes, (i + 1) * classes), card, leastDoubt));
}

function softmax(logits) {
  const powers = logits.map((value) => Math.exp(value - Math.max(...logits)));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Logits as an expression, calibrated as `mien.recognizer.calibrated_softmax` says. */
function expressionOf(raw, card, leastDoubt) {
  const logits = Array.from(raw);
  const doubt = Math.max(1 - Math.max(...softmax(logits)), leastDoubt);
  const temperature = card.temperature * doubt ** card.sharpening;
  const probabilities = softmax(logits.map((value) => value / temperature));
  const confidence = Math.max(...probabilities);
  return {
    label: card.labels[probabilities.indexOf(confidence)],
    confidence: rounded(confidence, 6),
    uncertain: confidence < card.uncertain_below,
    probabilities: Object.fromEntries(card.labels.map((label, i) => [label, rounded(probabilities[i], 6)])),
  };
}

byId("where").textContent = "Photos and camera pictures stay in this browser: nothing is sent.";
byId("camera-status").textContent = "A picture is read as soon as the last one is done. Sound is not used.";
byId("licences").hidden = false;
function begin() {
  models = loadModels();
  models.then(({ card }) => showModel(card)).catch((error) => tell("model", `Model: ${error.message}`));
  return models;
}
begin();
navigator.serviceWorker?.register("offline.js").catch(() => {}); // the page works without it
