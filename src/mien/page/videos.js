"use strict";

// A video: the faces in its frames as the server reads them, over the picture and as a timeline.

const FRAME_S = 0.04; // what a single frame lasts
const DRAWN_EVERY_MS = 250; // while frames come; drawing slows down as they add up

/** What a card shows of a video. */
class VideoCard {
  frames = [];
  ends = 0; // time of the last frame

  constructor(file, card) {
    this.player = element("video", { playsinline: "", preload: "auto", "aria-label": file.name });
    this.player.src = shownUrl(file);
    this.boxes = element("canvas", { "aria-hidden": "true" });
    this.faces = element("ol", { class: "faces" });
    this.play = element("button", { type: "button", disabled: "" }, "Play");
    this.slider = element("input", { type: "range", min: 0, max: 0, step: 0.1, value: 0, "aria-label": `Time in ${file.name}` });
    this.timeline = element("canvas", { class: "history", role: "img", "aria-label": `${file.name}: timeline of the largest face` });
    this.cursor = element("div", { class: "cursor" });
    this.end = element("span", {}, "0:00.0");
    this.text = element("p", { class: "quiet" });
    const picture = element("div", { class: "picture video" }, this.player, this.boxes);
    const legend = byId("legend").cloneNode(true);
    legend.removeAttribute("id");
    card.lastElementChild.before(
      element("div", { class: "figure" }, element("div", {}, picture, element("p", { class: "row" }, this.play)), this.faces),
      element("div", { class: "timeline" }, this.timeline, this.cursor), this.slider,
      element("p", { class: "axis", "aria-hidden": "true" }, element("span", {}, "0:00.0"), this.end), legend, this.text);
    this.follow(card, picture);
  }

  /** Keep picture, faces and time together. */
  follow(card, picture) {
    const step = () => {
      this.show(this.player.currentTime);
      if (!this.player.paused && card.isConnected) requestAnimationFrame(step);
    };
    this.player.addEventListener("loadedmetadata", () => { // phones load no more until Play is pressed
      this.play.disabled = false;
      this.show(this.player.currentTime); // frames may have come before
    });
    this.player.addEventListener("error", () => {
      this.play.remove();
      picture.replaceWith(element("p", { class: "quiet" }, "This browser cannot show this kind of video."));
    });
    this.player.addEventListener("play", () => { this.play.textContent = "Pause"; step(); });
    this.player.addEventListener("pause", () => { this.play.textContent = "Play"; });
    this.player.addEventListener("seeked", step);
    this.play.addEventListener("click", () => (this.player.paused ? this.player.play() : this.player.pause()));
    this.slider.addEventListener("input", () => this.goTo(Number(this.slider.value)));
    const point = (event) => this.goTo(this.ends * event.offsetX / this.timeline.clientWidth);
    this.timeline.addEventListener("pointerdown", point);
    this.timeline.addEventListener("pointermove", (event) => event.buttons && point(event));
    new ResizeObserver(() => this.draw()).observe(this.timeline);
  }

  add(frame) {
    this.frames.push(frame);
    if (this.frames.length > 1 && performance.now() < this.drawnAt + DRAWN_EVERY_MS) return;
    this.draw();
    if (this.player.paused && !this.player.currentTime) this.show(Number(this.slider.value));
  }

  draw() {
    if (!this.frames.length) return;
    const end = this.frames.at(-1).time_s;
    const moments = this.frames.map((frame) => ({ time: frame.time_s, face: largest(frame.faces) }));
    if (moments.length === 1) moments.push({ time: end + FRAME_S, face: null });
    const shares = drawTimeline(this.timeline, moments, 0, moments.at(-1).time);
    this.text.textContent = `Largest face, from the beginning to ${clock(end)}. Most probable: ${shares}.`;
    this.end.textContent = clock(end);
    this.ends = end;
    this.slider.max = Math.ceil(10 * end - 0.001) / 10; // rounded up to a step, so that the last frame can be reached
    this.drawnAt = performance.now();
  }

  goTo(time) {
    if (this.player.error === null) this.player.currentTime = time;
    this.show(time);
  }

  /** Show the faces of the last frame read at or before a time. */
  show(time) {
    const later = this.frames.findIndex((frame) => frame.time_s > time + 0.001);
    const frame = this.frames.at(later === -1 ? -1 : Math.max(0, later - 1));
    this.slider.value = time;
    this.slider.setAttribute("aria-valuetext", clock(time));
    this.cursor.style.left = `${100 * Math.min(1, time / (this.ends || 1))}%`;
    if (!frame || frame === this.shown && this.boxes.width === this.player.videoWidth) return;
    this.shown = frame;
    showFaces(this.faces, frame.faces);
    this.boxes.width = this.player.videoWidth; // which clears it, too
    this.boxes.height = this.player.videoHeight;
    if (this.boxes.width) drawFaces(this.boxes.getContext("2d"), frame.faces, this.boxes.width / frame.size[0]);
  }
}

/** Read each second frame of a video, show it, and return what to announce. */
async function readVideo(file, card, signal) {
  const response = await patiently(() => ask("v1/video?every=2", { method: "POST", body: file, signal }), signal);
  const shown = new VideoCard(file, card);
  try {
    for await (const frame of linesOf(response)) {
      if (!card.isConnected) return null; // cleared; this ends the request, too
      if (frame.error) throw new Error(frame.error.replace("<video>", file.name));
      videoFrames.push({ ...frame, source: file.name });
      shown.add(frame);
      updateSummary();
    }
  } finally {
    shown.draw();
  }
  card.lastElementChild.textContent = `Read to the end: every second frame, ${shown.frames.length} in all. The downloads contain these.`;
  return `${file.name}: ${shown.text.textContent}`;
}

byId("photos-title").textContent = "Photos and videos";
byId("files").accept += ",video/*";
document.querySelector("label[for=files]").textContent = "Choose photos or videos";
