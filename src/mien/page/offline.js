// A service worker: keeps the page's files, so that it works offline. VERSION and FILES are written above.

const PREFIX = `mien ${registration.scope} `; // a host may show several such pages
const NAME = PREFIX + VERSION;

self.addEventListener("install", (event) => {
  self.skipWaiting();
  const fresh = FILES.map((file) => new Request(file, { cache: "reload" })); // never files of two versions
  event.waitUntil(caches.open(NAME).then((kept) => kept.addAll(fresh)));
});

self.addEventListener("activate", (event) => {
  const outdated = async () => (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== NAME);
  event.waitUntil(outdated().then((names) => Promise.all(names.map((name) => caches.delete(name)))));
});

self.addEventListener("fetch", (event) => {
  // a host may send index.html on to the folder, and what was sent on cannot be kept
  const isPage = event.request.mode === "navigate" && new URL(event.request.url).pathname.endsWith("/index.html");
  const kept = async () => (await caches.open(NAME)).match(isPage ? "./" : event.request, { ignoreSearch: true });
  event.respondWith(kept().then((answer) => answer || fetch(event.request)));
});
