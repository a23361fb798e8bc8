"use strict";

// The camera: sends one picture after the other to `analyze`, of server.js or browser.js, and shows the answers.

const HISTORY_S = 60;
const MAX_FRAMES_KEPT = 20000; // half an hour at ten a second
const FRAME_PX = 480; // longer side of the pictures that are read; enough for faces near a camera

const REASONS = {
  NotAllowedError: "permission was refused. Allow the camera for this page in the address bar, and start again.",
  NotFoundError: "none is connected.",
  NotReadableError: "another program may be using it.",
  OverconstrainedError: "it is no longer connected. Start again to use another one.",
};

const video = byId("camera-video");
const livePicture = byId("live-picture");
let camera = null; // what belongs to the running camera
let isAsking = false; // for permission

async function startCamera() {
  if (isAsking) return; // a second press would ask again
  if (!navigator.mediaDevices) {
    tell("camera-status", "Browsers open the camera on https pages and on localhost only; this page is neither.");
    return;
  }
  byId("camera-status").textContent = "Waiting for permission …";
  isAsking = true;
  let stream = null;
  try {
    const { value: deviceId } = byId("camera-select");
    const wanted = deviceId ? { deviceId: { exact: deviceId } } : { facingMode: "user" };
    stream = await navigator.mediaDevices.getUserMedia({ video: { ...wanted, width: { ideal: 1280 } }, audio: false });
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => stopCamera("The camera was disconnected."));
    video.srcObject = stream;
    await video.play();
    if (track.readyState === "ended") throw new Error("it was disconnected.");
    const mirrored = track.getSettings().facingMode !== "environment";
    camera = { stream, started: performance.now(), faces: [], recent: [], read: 0, mirrored, announced: "", announcedAt: 0 };
  } catch (error) {
    for (const track of stream?.getTracks() ?? []) track.stop();
    byId("camera-choice").hidden = true;
    byId("camera-select").replaceChildren(); // the next start takes any camera
    tell("camera-status", `The camera cannot be used: ${REASONS[error.name] || error.message || error.name}`);
    return;
  } finally {
    isAsking = false;
  }
  byId("live").hidden = false;
  byId("camera-toggle").textContent = "Stop camera";
  byId("camera-status").textContent = "Running.";
  announce("Camera started.");
  drawLive(camera);
  sendFrames(camera);
  listCameras(camera);
}

async function listCameras(mine) {
  const found = (await navigator.mediaDevices.enumerateDevices()).filter((device) => device.kind === "videoinput");
  if (camera !== mine) return;
  const current = mine.stream.getVideoTracks()[0].getSettings().deviceId;
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
  byId("live-rate").textContent = "";
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
      const answer = await patiently(() => analyze(picture, "camera"));
      if (camera !== mine) return;
      const time = (begun - mine.started) / 1000;
      const newest = 1000 / (performance.now() - begun);
      rate = rate ? 0.8 * rate + 0.2 * newest : newest; // smoothed, so that its digits do not flicker
      showFrame(mine, answer, time, rate);
    } catch (error) {
      if (camera === mine) stopCamera(error.message);
      return;
    }
    const done = performance.now();
    await new Promise(requestAnimationFrame); // no faster than the screen; waits while the page is hidden
    if (performance.now() > done + 1000) mine.recent.push({ time: (done - mine.started) / 1000, face: null }); // unseen
  }
}

/** An answer as `mien analyze --camera` gives a frame; but the page tracks no face, and smooths nothing over time. */
function asFrame({ source, ...answer }, frame, time) {
  const faces = answer.faces.map((face) => ({ track: null, ...face, raw_probabilities: face.expression.probabilities }));
  return { source, frame, time_s: Math.round(time * 1000) / 1000, ...answer, faces };
}

function showFrame(mine, answer, time, rate) {
  mine.faces = answer.faces;
  mine.sentWidth = answer.size[0];
  cameraFrames.push(asFrame(answer, mine.read, time));
  mine.read += 1;
  if (cameraFrames.length > MAX_FRAMES_KEPT) cameraFrames.shift();
  showFaces(byId("live-faces"), answer.faces);
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

byId("camera-toggle").addEventListener("click", () => (camera === null ? startCamera() : stopCamera()));
byId("camera-select").addEventListener("change", () => {
  if (camera === null) return; // it is used at the next start
  stopCamera();
  startCamera();
});
