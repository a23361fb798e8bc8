// A service worker: keeps the page's files, so that it works offline. VERSION and FILES are written above.

const PREFIX = `mien ${registration.scope} `; // a host may show several such pages
const NAME = PREFIX + VERSION;
const PATIENCE_MS = 3000; // with a host that does not answer

const placeOf = (file) => new URL(file, registration.scope).href;
const PLACES = new Set(FILES.map(placeOf));

// It does not skip waiting: a page that is open keeps the files of its version until it is closed.
self.addEventListener("install", (event) => {
  const keep = async (file, kept) => {
    const loaded = file === "./" ? file : `${file}?${VERSION}`; // as the page has just loaded it: it comes once
    const answer = await fetch(loaded, { cache: "no-cache" }); // never files of two versions
    const body = await answer.blob();
    if (!answer.ok || (file === "./" && !(await body.text()).includes(VERSION))) throw new Error(`${file} is not there`);
    await kept.put(file, new Response(body, { headers: answer.headers })); // no page may be one that a host redirected to
  };
  event.waitUntil(caches.open(NAME).then((kept) => Promise.all(FILES.map((file) => keep(file, kept)))));
});

self.addEventListener("activate", (event) => {
  const outdated = async () => (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  event.waitUntil(outdated().then((names) => Promise.all(names.map((name) => caches.delete(name)))));
});

const kept = async (place) => (await caches.open(NAME)).match(place);

/** What the host has now; where it does not answer, or fails, what is kept. */
async function newest(request, place) {
  const asked = fetch(request, { cache: "no-cache" });
  const late = new Promise((done) => setTimeout(done, PATIENCE_MS));
  const answer = await Promise.race([asked, late]).catch(() => undefined);
  if (!answer || answer.status >= 500) return (await kept(place)) ?? answer ?? asked;
  if (place === placeOf("./") && [404, 410].includes(answer.status)) { // taken down
    await Promise.all([registration.unregister(), caches.delete(NAME)]);
  }
  return answer;
}

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const { origin, pathname, search } = new URL(request.url);
  const place = origin + pathname === placeOf("index.html") ? placeOf("./") : origin + pathname;
  if (!PLACES.has(place)) return; // of another page on this host
  if (request.mode === "navigate" || request.destination === "worker") { // both obey the headers they come with
    event.respondWith(newest(request, place));
  } else if (search === `?${VERSION}`) { // a page of another version gets its files from the host
    event.respondWith(kept(place).then((answer) => answer ?? fetch(request)));
  }
});
