"use strict";

// Photos and videos that are chosen, dropped or pasted.

const PICTURE_PX = 1280; // longer side of the photos as they are shown

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
    const limit = limits && (isVideo ? limits.video_bytes : limits.upload_bytes);
    if (limit && file.size > limit) {
      throw new Error(`${file.name}: ${(file.size / 1e6).toFixed(1)} MB; at most ${limit / 1e6} MB are accepted here.`);
    }
    if (isVideo && !window.readFilm) throw new Error(`${file.name}: this page reads photos; \`mien analyze\` reads videos.`);
    await (isVideo ? readFilm(file, card) : readPhoto(file, card));
    card.classList.add("read");
  } catch (error) {
    card.classList.add("failed");
    card.lastElementChild.textContent = error.message;
    if (card.isConnected) announce(`${file.name} failed: ${error.message}`);
  }
  updateSummary();
}

async function readPhoto(file, card) {
  const answer = await patiently(() => analyze(file, file.name));
  await showPhoto(file, card, answer);
  if (!card.isConnected) return; // cleared while it was in work
  results.push({ card, answer });
  announce(`${file.name}: ${inWords(answer.faces)}`);
}

async function showPhoto(file, card, answer) {
  const picture = await createImageBitmap(file).catch(() => null); // turned as its EXIF says; TIFF and others: null
  const list = element("ol", { class: "faces" }, ...answer.faces.map(faceElement));
  const text = answer.faces.length ? list : element("p", {}, "No face found. Faces must be at least 24 px high.");
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
