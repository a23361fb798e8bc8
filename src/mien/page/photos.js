"use strict";

// Photos and videos that are chosen, dropped or pasted.

const VIDEO_ENDING = /\.(3gp|avi|m4v|mkv|mov|mp4|webm)$/i; // of files whose type the browser does not know
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
    if (isVideo && !window.readVideo) throw new Error(`${file.name}: this page reads photos; \`mien analyze\` reads videos.`);
    words = await (isVideo ? readVideo(file, card, signal) : readPhoto(file, card, signal));
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
  if (!card.isConnected) return null; // cleared meanwhile
  photoAnswers.push(answer); // before it is shown, which may fail
  await showPhoto(file, card, answer, signal);
  return `${file.name}: ${inWords(answer.faces)}`;
}

/** A smaller image of a photo: with many large ones, the browser would run out of memory. */
async function reduced(file) {
  const bitmap = await createImageBitmap(file); // upright, as its EXIF says
  const scale = Math.min(1, PICTURE_PX / Math.max(bitmap.width, bitmap.height));
  const [width, height] = [bitmap.width, bitmap.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = Object.assign(document.createElement("canvas"), { width, height });
  const context = canvas.getContext("2d");
  context.fillStyle = "#ffffff"; // what is transparent is white, as in mien
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0, width, height);
  bitmap.close();
  const picture = await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
  canvas.width = canvas.height = 0; // frees its pixels now
  const image = element("img", { src: shownUrl(picture) });
  await image.decode();
  return image;
}

async function showPhoto(file, card, answer, signal) {
  const list = element("ol", { class: "faces" }, ...answer.faces.map(faceElement));
  const text = answer.faces.length ? list : element("p", {}, "No face found. Small faces may be missed; try a closer view.");
  const image = await reduced(file).catch(() => null); // TIFF and others
  if (!card.isConnected) return; // cleared meanwhile
  if (image === null) {
    card.lastElementChild.replaceWith(element("p", { class: "quiet" }, "This browser cannot show this kind of file."), text);
    return;
  }
  image.alt = `${file.name}: ${inWords(answer.faces)}`;
  const { naturalWidth: width, naturalHeight: height } = image;
  const boxes = element("canvas", { "aria-hidden": "true" });
  const photo = element("div", { class: "picture" }, image, boxes);
  card.lastElementChild.replaceWith(element("div", { class: answer.faces.length > 2 ? "figure many" : "figure" }, photo, text));
  drawWhereSeen(boxes, signal, () => {
    Object.assign(boxes, { width, height });
    const context = boxes.getContext("2d");
    context.drawImage(image, 0, 0); // so that "Save image as" saves it with its boxes
    drawFaces(context, answer.faces, width / answer.size[0]);
  });
}

/** Draw a canvas while it is in view or printed, and again when its size changes, so that text keeps its size. */
function drawWhereSeen(canvas, signal, draw) {
  let isSeen = false;
  const update = () => (isSeen ? draw() : Object.assign(canvas, { width: 0, height: 0 })); // frees its pixels
  new IntersectionObserver((changes) => {
    isSeen = changes.at(-1).isIntersecting;
    update();
  }, { rootMargin: "50%" }).observe(canvas);
  new ResizeObserver(update).observe(canvas);
  window.addEventListener("beforeprint", draw, { signal });
  window.addEventListener("afterprint", update, { signal });
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
