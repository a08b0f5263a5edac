/**
 * Service worker: keeps the page's files, so that the page works without a network.
 *
 * With a network, a visit gets the newest page. Its files have the hash of their content in their
 * names, so files of two versions are never mixed.
 */

export {};

const worker = self as unknown as ServiceWorkerGlobalScope;
declare const __FILES__: string[]; // vite.config.ts fills in these two
declare const __VERSION__: string;

const files = __FILES__;

/** Of this page's caches; another page of this kind may lie in another folder of the host. */
const PREFIX = `facemask ${worker.registration.scope} `;
const NAME = PREFIX + __VERSION__;

/** Milliseconds that a visit waits for the newest page before it gets the kept page. */
const PATIENCE = 4_000;

worker.addEventListener("install", (event) => {
  void worker.skipWaiting();
  event.waitUntil(store());
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(removeOthers().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  const { request } = event;
  if (request.method !== "GET") return;
  event.respondWith(request.mode === "navigate" ? newest(request) : kept(request));
});

/** Fetch all files; past the HTTP cache those that may hold something else under the same name. */
async function store(): Promise<void> {
  const cache = await caches.open(NAME);
  const requests = ["./", ...files].map((file) => {
    const hashed = file.startsWith("assets/");
    return new Request(file, { cache: hashed ? "default" : "reload" });
  });
  await cache.addAll(requests);
}

/** Answer from the network, past the HTTP cache; without a network, from the kept files. */
async function newest(request: Request): Promise<Response> {
  try {
    const signal = AbortSignal.timeout(PATIENCE);
    const response = await fetch(request, { cache: "reload", signal });
    if (response.ok) return response;
  } catch {
    // there is no network, or it is slow
  }
  return kept(request);
}

/** Answer from the kept files, else from the network. */
async function kept(request: Request): Promise<Response> {
  const cache = await caches.open(NAME);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}

async function removeOthers(): Promise<void> {
  const own = (await caches.keys()).filter((key) => key.startsWith(PREFIX));
  await Promise.all(own.filter((key) => key !== NAME).map((key) => caches.delete(key)));
}
