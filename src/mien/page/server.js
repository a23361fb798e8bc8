"use strict";

// Asks the server of `mien serve`. In the folders of `mien web`, browser.js replaces this script.

let limits = null; // on the size of files; null until the server has answered

let token = kept() || "";
takeTokenFromAddress();

/** Use the token that a link brings; false where it brings none. */
function takeTokenFromAddress() {
  if (!location.hash.startsWith("#token=")) return false;
  const given = location.hash.slice(7);
  try {
    useToken(decodeURIComponent(given));
  } catch {
    useToken(given); // it holds a bare %
  }
  history.replaceState(null, "", location.pathname + location.search); // keeps it out of bookmarks and screenshots
  return true;
}

function useToken(given) {
  token = given.trim();
  try {
    sessionStorage.setItem("mien-token", token);
  } catch {} // this browser stores nothing for the page
}

function kept() {
  try {
    return sessionStorage.getItem("mien-token");
  } catch {
    return null;
  }
}

/** A token as a header holds it: the bytes of its UTF-8. */
function inBytes(text) {
  return String.fromCharCode(...new TextEncoder().encode(text));
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
  const headers = { ...options.headers, ...(token ? { Authorization: `Bearer ${inBytes(token)}` } : {}) };
  let response;
  try {
    response = await fetch(path, { ...options, headers });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new Refused(0, "the server does not answer; is `mien serve` still running?");
  }
  const isJson = /json/.test(response.headers.get("Content-Type")); // a proxy may answer with its sign-in page
  if (response.ok && isJson) return response;
  const answer = await response.json().catch(() => null);
  const misdirected = "something other than `mien serve` answered; reload the page.";
  const why = answer?.error || (response.ok ? misdirected : `the server answered ${response.status}`);
  if (response.status === 401) askForToken();
  const retryAfter = Number(response.headers.get("Retry-After")) || 1;
  throw new Refused(response.status, why, retryAfter);
}

function askForToken() {
  if (!byId("token-form").hidden) return;
  byId("token-form").hidden = false;
  byId("token").focus();
}

async function analyze(body, name, signal) {
  const form = new FormData();
  form.append("photo", body, name);
  const answer = await (await ask("v1/analyze", { method: "POST", body: form, signal })).json();
  return { ...answer, source: name }; // forms escape quotes in names
}

/** The objects of an answer that has one on each line, as they come. Leaving the loop ends the request. */
async function* linesOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader(); // Safari cannot iterate over streams
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const lines = (text + value).split("\n");
      text = lines.pop();
      yield* lines.map((line) => JSON.parse(line));
    }
  } catch (error) {
    throw error instanceof TypeError ? new Error("the server was lost; the frames read so far are kept.") : error;
  } finally {
    reader.cancel().catch(() => {}); // it may have ended by itself
  }
}

/** Try again while the server is busy, until `signal` aborts. */
async function patiently(attempt, signal) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (error.status !== 429 || tries === 10) throw error;
      await new Promise((done) => setTimeout(done, error.retryAfter * 1000));
      signal?.throwIfAborted();
    }
  }
}

async function loadModel() {
  const answer = await (await ask("v1/model")).json();
  limits = answer.limits;
  showModel(answer.card, ` mien ${answer.mien}.`);
}

byId("token-form").addEventListener("submit", (event) => {
  event.preventDefault();
  useToken(byId("token").value);
  begin();
});
window.addEventListener("hashchange", () => takeTokenFromAddress() && begin()); // a link opened in this tab

byId("where").textContent = "Photos, videos and camera pictures go to this server only, and are not kept.";
byId("api").hidden = false;
function begin() {
  byId("token-form").hidden = true;
  loadModel().catch((error) => tell("model", `Model: ${error.message}`));
}
begin();
