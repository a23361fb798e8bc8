"use strict";

// Okabe and Ito's colours, which colour-blind people tell apart; the same as in mien's annotated pictures.
const COLORS = {
  angry: "#d55e00", contempt: "#f0e442", disgust: "#009e73", fear: "#cc79a7",
  happy: "#e69f00", neutral: "#bbbbbb", sad: "#56b4e9", surprise: "#0072b2",
};
const HISTORY_S = 60;
const MAX_FRAMES_KEPT = 20000; // half an hour at ten a second
const FRAME_PX = 480; // longer side of the camera pictures that are sent: faces fill much of them, and it is quick
const PICTURE_PX = 1280; // longer side of the photos as they are shown

const byId = (id) => document.getElementById(id);
const colorOf = (label) => COLORS[label] || "#ffffff";
const count = (n, thing) => `${n} ${thing}${n === 1 ? "" : "s"}`;
const percent = (share) => `${Math.round(share * 100)} %`;

const results = []; // answers for photos, in the order of their cards
const films = []; // answers for the frames of videos, each with its time
const frames = []; // answers for camera pictures, each with its time
let server = { limits: null, labels: [], model: "" };

// ---------------------------------------------------------------- server

let token = sessionStorage.getItem("mien-token") || "";
if (location.hash.startsWith("#token=")) {
  useToken(decodeURIComponent(location.hash.slice(7)));
  history.replaceState(null, "", location.pathname); // keeps it out of bookmarks and screenshots
}

function useToken(given) {
  token = given.trim();
  sessionStorage.setItem("mien-token", token);
}

class Refused extends Error {
  constructor(status, message, retryAfter) {
    super(message);
    this.status = status;
    this.retryAfter = retryAfter;
  }
}

/** Ask the server; resolves to its answer, rejects with the `error` in it as message. */
async function ask(path, options = {}) {
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${token}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch {
    throw new Refused(0, "the server does not answer; is `mien serve` still running?");
  }
  if (response.ok) return response;
  const answer = await response.json().catch(() => ({}));
  if (response.status === 401) askForToken();
  const retryAfter = Number(response.headers.get("Retry-After")) || 1;
  throw new Refused(response.status, answer.error || `the server answered ${response.status}`, retryAfter);
}

function askForToken() {
  if (!byId("token-form").hidden) return;
  byId("token-form").hidden = false;
  byId("token").focus();
}

async function loadModel() {
  const answer = await (await ask("v1/model")).json();
  server = { limits: answer.limits, labels: answer.card.labels, model: answer.card.name };
  const parameters = answer.card.parameters.toLocaleString("en");
  byId("model").textContent = `Model: ${answer.card.name}, ${parameters} weights. mien ${answer.mien}.`;
  byId("legend").replaceChildren(...server.labels.map((label) => {
    const swatch = element("span", { class: "swatch" });
    swatch.style.background = colorOf(label);
    return element("li", {}, swatch, label);
  }));
}

async function analyze(body, name) {
  const form = new FormData();
  form.append("photo", body, name);
  return (await ask("v1/analyze", { method: "POST", body: form })).json();
}

/** The objects of an answer that has one on each line, as they come. */
async function* linesOf(response) {
  let text = "";
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (text + piece).split("\n");
    text = lines.pop();
    yield* lines.map((line) => JSON.parse(line));
  }
}

// ---------------------------------------------------------------- elements

function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

function announce(text) {
  byId("announce").textContent = text;
}

function faceElement(face, number) {
  const { label, confidence, uncertain, probabilities } = face.expression;
  const title = element("p", { class: "face-title" }, `Face ${number}: ${label}, ${percent(confidence)} `);
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
  return element("li", {}, title, element("ul", { class: "bars", "aria-label": `Probabilities of face ${number}` }, ...bars));
}

const inWords = (faces) =>
  faces.length === 0 ? "no face found" : faces.map((face, i) =>
    `face ${i + 1} ${face.expression.label}${face.expression.uncertain ? ", uncertain" : ""}`).join("; ");

/** Draw boxes, numbers and labels; `scale` is canvas px for a px of the answer, `mirror` the canvas width to turn at. */
function drawFaces(context, faces, scale, mirror = null) {
  const zoom = context.canvas.width / (context.canvas.clientWidth || context.canvas.width); // canvas px for one as seen
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
    const text = x1 - x0 < 3 * letters ? `${i + 1}` : `${i + 1} ${label}`; // or neighbours would hide each other
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

// ---------------------------------------------------------------- photos

let photosInHand = Promise.resolve();

function addFiles(files) {
  for (const file of files) {
    const card = element("li", { class: "card" }, element("h3", {}, file.name), element("p", { class: "quiet" }, "Waiting …"));
    byId("cards").append(card);
    photosInHand = photosInHand.then(() => readFile(file, card));
  }
  if (files.length) updateSummary();
}

async function readFile(file, card) {
  if (!card.isConnected) return; // cleared meanwhile
  card.lastElementChild.textContent = "Reading …";
  const isVideo = file.type.startsWith("video/");
  try {
    const limit = server.limits && (isVideo ? server.limits.video_bytes : server.limits.upload_bytes);
    if (limit && file.size > limit) {
      throw new Error(`${file.name}: ${(file.size / 1e6).toFixed(1)} MB; at most ${limit / 1e6} MB are accepted here.`);
    }
    await (isVideo ? readVideo(file, card) : readPhoto(file, card));
    card.classList.add("read");
  } catch (error) {
    card.classList.add("failed");
    card.lastElementChild.textContent = error.message;
    announce(`${file.name} failed: ${error.message}`);
  }
  updateSummary();
}

async function readPhoto(file, card) {
  const answer = await patiently(() => analyze(file, file.name));
  await showPhoto(file, card, answer);
  results.push({ card, answer });
  announce(`${file.name}: ${inWords(answer.faces)}`);
}

/** Read each second frame, and draw the largest face's timeline as it grows. */
async function readVideo(file, card) {
  const response = await patiently(() => ask("v1/video?every=2", { method: "POST", body: file }));
  const canvas = element("canvas", { class: "history", role: "img", "aria-label": `${file.name}: timeline of the largest face` });
  const text = element("p", { class: "quiet" });
  const legend = byId("legend").cloneNode(true);
  legend.removeAttribute("id");
  card.lastElementChild.before(canvas, legend, text);
  const moments = [];
  for await (const frame of linesOf(response)) {
    if (!card.isConnected) return; // cleared; this ends the request, too
    if (frame.error) throw new Error(frame.error.replace("<video>", file.name));
    films.push({ ...frame, source: file.name });
    moments.push({ time: frame.time_s, face: largest(frame.faces) });
    const shares = drawTimeline(canvas, moments, 0, frame.time_s);
    text.textContent = `Largest face, from the beginning to ${frame.time_s.toFixed(1)} s. Most probable: ${shares}.`;
    updateSummary();
  }
  card.lastElementChild.textContent = `All read, ${moments.length} frames; the downloads have each.`;
  announce(`${file.name}: ${text.textContent}`);
}

/** Try again while the server is busy. */
async function patiently(attempt) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (error.status !== 429 || tries === 10) throw error;
      await new Promise((done) => setTimeout(done, error.retryAfter * 1000));
    }
  }
}

async function showPhoto(file, card, answer) {
  const picture = await createImageBitmap(file).catch(() => null); // turned as its EXIF says; TIFF and others: null
  const list = element("ol", { class: "faces" }, ...answer.faces.map((face, i) => faceElement(face, i + 1)));
  const text = answer.faces.length ? list : element("p", {}, "No face found. Faces must be upright and at least 24 px high.");
  if (picture === null) {
    card.lastElementChild.replaceWith(element("p", { class: "quiet" }, "This browser cannot show this kind of file."), text);
    return;
  }
  const scale = Math.min(1, PICTURE_PX / Math.max(picture.width, picture.height));
  const still = document.createElement("canvas");
  still.width = Math.max(1, Math.round(picture.width * scale));
  still.height = Math.max(1, Math.round(picture.height * scale));
  still.getContext("2d").drawImage(picture, 0, 0, still.width, still.height);
  picture.close();
  const canvas = element("canvas", { role: "img", "aria-label": `${file.name}: ${inWords(answer.faces)}` });
  Object.assign(canvas, { width: still.width, height: still.height });
  const context = canvas.getContext("2d");
  const draw = () => {
    context.drawImage(still, 0, 0);
    drawFaces(context, answer.faces, canvas.width / answer.size[0]);
  };
  card.lastElementChild.replaceWith(element("div", { class: answer.faces.length > 2 ? "figure many" : "figure" }, canvas, text));
  new ResizeObserver(draw).observe(canvas); // draws at once, and again when a phone is turned: letters keep their size
}

function updateSummary() {
  const cards = byId("cards").children.length;
  const failed = document.querySelectorAll(".card.failed").length;
  const faces = results.reduce((sum, { answer }) => sum + answer.faces.length, 0);
  const read = document.querySelectorAll(".card.read").length;
  const parts = [`${read} of ${count(cards, "file")} read`];
  if (failed) parts.push(`${failed} failed`);
  if (results.length) parts.push(`${count(faces, "face")} in ${count(results.length, "photo")}`);
  if (films.length) parts.push(count(films.length, "video frame"));
  if (frames.length) parts.push(count(frames.length, "camera picture"));
  byId("summary").textContent = cards || frames.length ? `${parts.join("; ")}.` : "Nothing yet.";
  for (const id of ["save-json", "save-csv"]) byId(id).disabled = !everything().length;
  byId("clear").disabled = !cards && !frames.length;
}

byId("files").addEventListener("change", (event) => {
  addFiles([...event.target.files]);
  event.target.value = ""; // the same file can be chosen again
});
document.addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.classList.add("dragging");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("dragging");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("dragging");
  addFiles([...event.dataTransfer.files]);
});
document.addEventListener("paste", (event) => addFiles([...event.clipboardData.files]));
byId("clear").addEventListener("click", () => {
  results.length = films.length = frames.length = 0;
  byId("cards").replaceChildren();
  updateSummary();
  announce("Results cleared.");
  byId("results").focus();
});

// ---------------------------------------------------------------- camera

const video = byId("camera-video");
const livePicture = byId("live-picture");
let camera = null; // what belongs to the running camera

async function startCamera(deviceId) {
  if (!navigator.mediaDevices) {
    byId("camera-status").textContent =
      "Browsers open the camera on https pages and on localhost only; this page is neither.";
    return;
  }
  byId("camera-status").textContent = "Waiting for permission …";
  try {
    const wanted = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
    const stream = await navigator.mediaDevices.getUserMedia({ video: { ...wanted, width: { ideal: 1280 } }, audio: false });
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => stopCamera("The camera has gone."));
    video.srcObject = stream;
    await video.play();
    const facing = track.getSettings().facingMode;
    const mirrored = facing !== "environment";
    camera = { stream, started: performance.now(), faces: [], recent: [], mirrored, announced: "", announcedAt: 0 };
  } catch (error) {
    byId("camera-status").textContent = `The camera cannot be used: ${error.message || error.name}`;
    announce(byId("camera-status").textContent);
    return;
  }
  byId("live").hidden = false;
  byId("camera-toggle").textContent = "Stop camera";
  byId("camera-status").textContent = "Running.";
  announce("Camera started.");
  await listCameras();
  drawLive(camera);
  sendFrames(camera);
}

async function listCameras() {
  const found = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
  const current = video.srcObject.getVideoTracks()[0].getSettings().deviceId;
  byId("camera-choice").hidden = found.length < 2;
  byId("camera-select").replaceChildren(...found.map((device, i) => {
    const option = element("option", { value: device.deviceId }, device.label || `camera ${i + 1}`);
    option.selected = device.deviceId === current;
    return option;
  }));
}

function stopCamera(reason = "Stopped.") {
  if (camera === null) return;
  for (const track of camera.stream.getTracks()) track.stop();
  camera = null;
  video.srcObject = null;
  byId("camera-toggle").textContent = "Start camera";
  byId("camera-status").textContent = reason;
  byId("camera-choice").hidden = true;
  announce(`Camera: ${reason}`);
  updateSummary();
}

/** Show the picture as it comes, with the boxes of the last answer. */
function drawLive(mine) {
  if (camera !== mine) return;
  if (video.videoWidth && !document.hidden) {
    const { videoWidth: width, videoHeight: height } = video;
    if (livePicture.width !== width || livePicture.height !== height) Object.assign(livePicture, { width, height });
    const context = livePicture.getContext("2d");
    context.save();
    if (mine.mirrored) context.setTransform(-1, 0, 0, 1, width, 0);
    context.drawImage(video, 0, 0, width, height);
    context.restore();
    drawFaces(context, mine.faces, mine.faces.length ? width / mine.sentWidth : 1, mine.mirrored ? width : null);
  }
  requestAnimationFrame(() => drawLive(mine));
}

/** Send one picture after the other, never two at a time. */
async function sendFrames(mine) {
  const sent = document.createElement("canvas");
  let rate = 0;
  while (camera === mine) {
    const begun = performance.now();
    const scale = Math.min(1, FRAME_PX / Math.max(video.videoWidth, video.videoHeight));
    sent.width = Math.round(video.videoWidth * scale);
    sent.height = Math.round(video.videoHeight * scale);
    sent.getContext("2d").drawImage(video, 0, 0, sent.width, sent.height);
    const picture = await new Promise((done) => sent.toBlob(done, "image/jpeg", 0.85));
    try {
      const answer = await patiently(() => analyze(picture, "camera.jpg"));
      if (camera !== mine) return;
      const time = (begun - mine.started) / 1000;
      rate = rate ? 0.8 * rate + 200 / (performance.now() - begun) : 1000 / (performance.now() - begun);
      showFrame(mine, answer, time, rate);
    } catch (error) {
      if (camera === mine) stopCamera(error.message);
      return;
    }
    await new Promise(requestAnimationFrame); // no faster than the screen; waits while the page is hidden
  }
}

function showFrame(mine, answer, time, rate) {
  mine.faces = answer.faces;
  mine.sentWidth = answer.size[0];
  frames.push({ time_s: Math.round(time * 1000) / 1000, ...answer });
  if (frames.length > MAX_FRAMES_KEPT) frames.shift();
  byId("live-faces").replaceChildren(...answer.faces.map((face, i) => faceElement(face, i + 1)));
  if (!answer.faces.length) byId("live-faces").replaceChildren(element("li", { class: "quiet" }, "No face in the picture."));
  byId("live-rate").textContent = `${rate.toFixed(1)} pictures a second are analysed.`;
  mine.recent.push({ time, face: largest(answer.faces) });
  while (mine.recent[0].time < time - HISTORY_S) mine.recent.shift();
  const shares = drawTimeline(byId("history"), mine.recent, time - HISTORY_S, time);
  byId("history-text").textContent = `From left to right: 60 seconds ago to now. Most probable: ${shares}.`;
  const words = inWords(answer.faces);
  livePicture.setAttribute("aria-label", `Camera picture: ${words}`);
  if (words !== mine.announced && time - mine.announcedAt > 4) { // a screen reader must be able to finish
    Object.assign(mine, { announced: words, announcedAt: time });
    announce(words);
  }
  updateSummary();
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

byId("camera-toggle").addEventListener("click", () => (camera === null ? startCamera() : stopCamera()));
byId("camera-select").addEventListener("change", (event) => {
  stopCamera();
  startCamera(event.target.value);
});

// ---------------------------------------------------------------- downloads

function everything() {
  return [...results.map(({ answer }) => answer), ...films, ...frames];
}

function csvOf(answers) {
  const labels = answers.flatMap(({ faces }) => faces.slice(0, 1)).slice(0, 1)
    .flatMap((face) => Object.keys(face.expression.probabilities));
  const rows = [["source", "time_s", "face", "x0", "y0", "x1", "y1", "score", "label", "confidence", "uncertain",
    ...labels.map((label) => `p_${label}`)]];
  for (const { source, time_s: time = "", faces } of answers) {
    faces.forEach(({ box, score, expression }, i) => rows.push([source, time, i, ...box, score, expression.label,
      expression.confidence, expression.uncertain, ...labels.map((label) => expression.probabilities[label])]));
  }
  const quoted = (value) => (/[",\n\r]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : value);
  return rows.map((row) => `${row.map(quoted).join(",")}\n`).join("");
}

function download(text, type, name) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

byId("save-json").addEventListener("click", () =>
  download(`${JSON.stringify(everything(), null, 2)}\n`, "application/json", "mien.json"));
byId("save-csv").addEventListener("click", () => download(csvOf(everything()), "text/csv", "mien.csv"));

// ---------------------------------------------------------------- start

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useToken(byId("token").value);
  byId("token-form").hidden = true;
  begin();
});

function begin() {
  loadModel().catch((error) => {
    byId("model").textContent = `Model: ${error.message}`;
  });
}
begin();
