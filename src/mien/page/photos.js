"use strict";

// Photos and videos that are chosen, dropped or pasted.

const VIDEO_ENDING = /\.(3gp|avi|m4v|mkv|mov|mp4|webm)$/i; // of files whose kind the browser does not know
const PICTURE_PX = 1280; // longer side of the photos as they are shown

let photosInHand = Promise.resolve();

function addFiles(files) {
  for (const file of files) {
    const card = element("li", { class: "card" }, element("h3", {}, file.name), element("p", { class: "quiet" }, "Waiting …"));
    byId("cards").append(card);
    const { signal } = untilCleared;
    photosInHand = photosInHand.then(() => readFile(file, card, signal));
  }
  if (files.length) updateSummary();
  if (files.length > 1) announce(byId("summary").textContent);
}

async function readFile(file, card, signal) {
  if (!card.isConnected) return; // cleared meanwhile
  let words = null;
  card.lastElementChild.textContent = "Reading …";
  const isVideo = file.type ? file.type.startsWith("video/") : VIDEO_ENDING.test(file.name);
  try {
    await file.slice(0, 1).arrayBuffer().catch(() => {
      throw new Error(`${file.name}: cannot be read; is it a folder, or has it changed since?`);
    });
    const limit = limits && (isVideo ? limits.video_bytes : limits.upload_bytes);
    if (limit && file.size > limit) {
      throw new Error(`${file.name}: ${(file.size / 1e6).toFixed(1)} MB; at most ${limit / 1e6} MB are accepted here.`);
    }
    if (isVideo && !window.readFilm) throw new Error(`${file.name}: this page reads photos; \`mien analyze\` reads videos.`);
    words = await (isVideo ? readFilm(file, card, signal) : readPhoto(file, card, signal));
    card.classList.add("read");
  } catch (error) {
    card.classList.add("failed");
    card.lastElementChild.textContent = error.message;
    words = `${file.name} failed: ${error.message}`;
  }
  if (!card.isConnected) return;
  updateSummary();
  announceFile(words);
}

/** Read a photo, show it, and return what to announce. */
async function readPhoto(file, card, signal) {
  const answer = await patiently(() => analyze(file, file.name, signal), signal);
  if (!card.isConnected) return null; // cleared while it was in work
  results.push({ card, answer }); // before it is shown, which may fail
  await showPhoto(file, card, answer);
  return `${file.name}: ${inWords(answer.faces)}`;
}

async function showPhoto(file, card, answer) {
  const photo = new Image(); // the browser turns it as its EXIF says, and drops its pixels when memory is scarce
  photo.src = shownUrl(file);
  const list = element("ol", { class: "faces" }, ...answer.faces.map(faceElement));
  const text = answer.faces.length ? list : element("p", {}, "No face found. Small faces are passed over: try a closer view.");
  const canvas = element("canvas", { role: "img", "aria-label": `${file.name}: ${inWords(answer.faces)}` });
  const context = await photo.decode().then(() => canvas.getContext("2d"), () => null); // TIFF and others; too many canvases
  if (context === null) {
    card.lastElementChild.replaceWith(element("p", { class: "quiet" }, "This browser cannot show this kind of file."), text);
    return;
  }
  const scale = Math.min(1, PICTURE_PX / Math.max(photo.naturalWidth, photo.naturalHeight));
  canvas.width = Math.max(1, Math.round(photo.naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(photo.naturalHeight * scale));
  const draw = () => {
    context.drawImage(photo, 0, 0, canvas.width, canvas.height);
    drawFaces(context, answer.faces, canvas.width / answer.size[0]);
  };
  card.lastElementChild.replaceWith(element("div", { class: answer.faces.length > 2 ? "figure many" : "figure" }, canvas, text));
  new ResizeObserver(draw).observe(canvas); // draws at once, and again when a phone is turned: letters keep their size
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
