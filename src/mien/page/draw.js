"use strict";

// What the other scripts draw with: elements, bars, boxes and timelines.

// Okabe and Ito's colours, which colour-blind people can tell apart, as in mien's annotated pictures.
const COLORS = {
  angry: "#d55e00", contempt: "#f0e442", disgust: "#009e73", fear: "#cc79a7",
  happy: "#e69f00", neutral: "#bbbbbb", sad: "#56b4e9", surprise: "#0072b2",
};

const byId = (id) => document.getElementById(id);
let colors = COLORS; // of the model's labels
const colorOf = (label) => colors[label] || "#ffffff"; // before the model is known
const count = (n, thing) => `${n} ${thing}${n === 1 ? "" : "s"}`;
const percent = (share) => `${Math.round(share * 100)} %`;
const clock = (seconds) => { // 0:05.3, 1:02:05.0
  const tenths = Math.round(seconds * 10), minutes = Math.floor(tenths / 600);
  const rest = ((tenths % 600) / 10).toFixed(1).padStart(4, "0");
  if (minutes < 60) return `${minutes}:${rest}`;
  return `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${rest}`;
};

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/** Have screen readers say a text. */
function announce(text) {
  byId("announce").textContent = text;
}

/** Show a text in an element, and have screen readers say it. */
function tell(id, text) {
  byId(id).textContent = text;
  announce(text);
}

/** The number of a face: its track, or its place where it has none, as in the downloads. */
const numberOf = (face, place) => face.track ?? place;

function faceElement(face, place) {
  const { label, confidence, uncertain, probabilities } = face.expression;
  const name = `Face ${numberOf(face, place)}`;
  const title = element("p", { class: "face-title" }, `${name}: ${label}, ${percent(confidence)} `);
  if (uncertain) title.append(element("span", { class: "tag" }, "uncertain"));
  const bars = Object.entries(probabilities).map(([name, share]) => {
    const fill = element("div", { class: "fill" });
    fill.style.width = `${share * 100}%`;
    fill.style.background = colorOf(name);
    return element("li", name === label ? { class: "best" } : {},
      element("span", {}, name),
      element("span", { class: "track", "aria-hidden": "true" }, fill),
      element("span", { class: "percent" }, percent(share)));
  });
  return element("li", {}, title, element("ul", { class: "bars", "aria-label": `Probabilities of ${name.toLowerCase()}` }, ...bars));
}

/** Colours of a model's labels: those that COLORS lacks get, in their order, the colours that are left. */
function colorsOf(labels) {
  const known = Object.keys(COLORS);
  const free = known.filter((label) => !labels.includes(label));
  const left = free.length ? free : known;
  const own = labels.filter((label) => !known.includes(label));
  return { ...COLORS, ...Object.fromEntries(own.map((label, i) => [label, COLORS[left[i % left.length]]])) };
}

/** Name the model, and the colours of its labels. */
function showModel({ name, parameters, labels }, more = "") {
  labelsOfModel = labels;
  colors = colorsOf(labels);
  byId("model").textContent = `Model: ${name}, ${parameters.toLocaleString("en")} weights.${more}`;
  byId("legend").replaceChildren(...labels.map((label) => {
    const swatch = element("span", { class: "swatch" });
    swatch.style.background = colorOf(label);
    return element("li", {}, swatch, label);
  }));
}

/** Fill a list with faces, or say that there is none. */
function showFaces(list, faces) {
  const none = element("li", { class: "quiet" }, "No face in the picture.");
  list.replaceChildren(...(faces.length ? faces.map(faceElement) : [none]));
}

const inWords = (faces) =>
  faces.length === 0 ? "no face found" : faces.map((face, place) =>
    `face ${numberOf(face, place)} ${face.expression.label}${face.expression.uncertain ? ", uncertain" : ""}`).join("; ");

/** Draw boxes, numbers and labels; `scale` is canvas px per px of the answer, `mirror` the canvas width if mirrored. */
function drawFaces(context, faces, scale, mirror = null) {
  const zoom = context.canvas.width / (context.canvas.clientWidth || context.canvas.width); // canvas px per px on the screen
  const line = 2.5 * zoom;
  const letters = 14 * zoom;
  context.font = `600 ${letters}px system-ui, sans-serif`;
  context.textBaseline = "bottom";
  context.lineJoin = "round";
  faces.forEach((face, i) => {
    const [x0, y0, x1, y1] = face.box.map((value) => value * scale);
    const left = mirror === null ? x0 : mirror - x1;
    for (const [width, color] of [[line * 2, "rgb(0 0 0 / 60%)"], [line, colorOf(face.expression.label)]]) {
      context.lineWidth = width;
      context.strokeStyle = color;
      context.strokeRect(left, y0, x1 - x0, y1 - y0);
    }
    const label = `${face.expression.label}${face.expression.uncertain ? "?" : ""}`;
    const number = numberOf(face, i);
    const text = x1 - x0 < 3 * letters ? `${number}` : `${number} ${label}`; // else neighbours would hide each other
    const height = letters * 1.35;
    const width = context.measureText(text).width + height * 0.5;
    const tagLeft = Math.max(0, Math.min(left, context.canvas.width - width));
    const bottom = y0 >= height ? y0 : Math.min(context.canvas.height, y1 + height);
    context.fillStyle = "rgb(0 0 0 / 78%)";
    context.fillRect(tagLeft, bottom - height, width, height);
    context.fillStyle = "#ffffff";
    context.fillText(text, tagLeft + height * 0.25, bottom - height * 0.12);
  });
}

const area = (face) => (face.box[2] - face.box[0]) * (face.box[3] - face.box[1]);
const largest = (faces) => faces.reduce((best, face) => (best && area(best) >= area(face) ? best : face), null);

/** Stack probabilities from `start` to `end`, seconds, and return how long each label was the most probable. */
function drawTimeline(canvas, moments, start, end) {
  const ratio = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const context = canvas.getContext("2d");
  context.clearRect(0, 0, width, height);
  const place = (time) => width * (time - start) / (end - start || 1);
  const seconds = {};
  moments.slice(0, -1).forEach(({ time, face }, i) => { // each holds until the next
    if (face === null) return;
    const until = moments[i + 1].time;
    let top = 0;
    for (const [label, share] of Object.entries(face.expression.probabilities)) {
      context.fillStyle = colorOf(label);
      context.fillRect(place(time), top * height, place(until) - place(time) + 0.5, share * height + 0.5);
      top += share;
    }
    seconds[face.expression.label] = (seconds[face.expression.label] || 0) + until - time;
  });
  const parts = Object.entries(seconds).sort((a, b) => b[1] - a[1]).map(([label, s]) => `${label} for ${s.toFixed(1)} s`);
  return parts.join(", ") || "no face yet";
}
