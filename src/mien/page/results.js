"use strict";

// What has been found, its summary and its downloads.

const photoAnswers = []; // in the order of their cards
const videoFrames = []; // answers with their times
const cameraFrames = []; // answers with their times

const urls = []; // of the files that are shown
let untilCleared = new AbortController(); // ends what is being sent or waits
let labelsOfModel = [];
const unannounced = []; // texts about files that are done

function shownUrl(file) {
  urls.push(URL.createObjectURL(file));
  return urls.at(-1);
}

function updateSummary() {
  const cards = byId("cards").children.length;
  const failed = document.querySelectorAll(".card.failed").length;
  const faces = photoAnswers.reduce((sum, { faces }) => sum + faces.length, 0);
  const read = document.querySelectorAll(".card.read").length;
  const parts = cards ? [`${read} of ${count(cards, "file")} read`] : [];
  if (failed) parts.push(`${failed} failed`);
  if (photoAnswers.length) parts.push(`${count(faces, "face")} in ${count(photoAnswers.length, "photo")}`);
  if (videoFrames.length) parts.push(count(videoFrames.length, "video frame"));
  if (cameraFrames.length) parts.push(count(cameraFrames.length, "camera picture"));
  byId("summary").textContent = cards || cameraFrames.length ? `${parts.join("; ")}.` : "Nothing yet.";
  for (const id of ["save-json", "save-csv"]) byId(id).disabled = !everything().length;
  byId("clear").disabled = !cards && !cameraFrames.length;
}

/** Announce a file that is done; of several, only the summary after the last: each would cut off the one before. */
function announceFile(words) {
  unannounced.push(words);
  if (document.querySelector(".card:not(.read, .failed)")) return;
  announce(unannounced.length === 1 ? words : byId("summary").textContent);
  unannounced.length = 0;
}

byId("clear").addEventListener("click", () => {
  photoAnswers.length = videoFrames.length = cameraFrames.length = unannounced.length = 0;
  untilCleared.abort();
  untilCleared = new AbortController();
  for (const url of urls.splice(0)) URL.revokeObjectURL(url);
  if (camera !== null) camera.recent.length = 0;
  byId("live").hidden = camera === null;
  byId("history-text").textContent = "Nothing yet.";
  for (const canvas of byId("cards").querySelectorAll("canvas")) canvas.width = canvas.height = 0; // frees its pixels now
  byId("cards").replaceChildren();
  updateSummary();
  announce("Results cleared.");
  byId("results").focus();
});

function everything() {
  return [...photoAnswers, ...videoFrames, ...cameraFrames];
}

/** The table that `mien analyze --csv` prints; a photo has no frame, time and track. */
function csvOf(answers) {
  const faces = answers.flatMap((answer) => answer.faces.map((face, place) => ({ answer, face, place })));
  const labels = faces.length ? Object.keys(faces[0].face.expression.probabilities) : labelsOfModel;
  const moving = answers.some((answer) => "time_s" in answer);
  const marks = ["right_eye", "left_eye", "nose", "right_mouth", "left_mouth"].flatMap((mark) => [`${mark}_x`, `${mark}_y`]);
  const header = ["source", ...(moving ? ["frame", "time_s", "track"] : []), "face", "x0", "y0", "x1", "y1", "score", ...marks,
    "label", "confidence", "uncertain", ...labels.map((label) => `p_${label}`), ...(moving ? labels.map((label) => `raw_${label}`) : [])];
  const rows = faces.map(({ answer, face, place }) => {
    const { label, confidence, uncertain, probabilities } = face.expression;
    const raw = face.raw_probabilities ?? {};
    return [answer.source, ...(moving ? [answer.frame, answer.time_s, face.track] : []), place, ...face.box, face.score,
      ...(face.landmarks ?? Array(5).fill([null, null])).flat(), label, confidence, uncertain ? "True" : "False", ...labels.map((name) => probabilities[name]),
      ...(moving ? labels.map((name) => raw[name]) : [])];
  });
  const quoted = (value) => (/[",\n\r]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value ?? "");
  return [header, ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
}

function download(text, type, name) {
  const link = element("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

byId("save-json").addEventListener("click", () =>
  download(`${JSON.stringify(everything(), null, 2)}\n`, "application/json", "mien.json"));
byId("save-csv").addEventListener("click", () => download(csvOf(everything()), "text/csv", "mien.csv"));
