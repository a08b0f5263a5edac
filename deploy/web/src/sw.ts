/** Service worker: keeps the page's files, and answers from them, with or without a network. */

export {};

const worker = self as unknown as ServiceWorkerGlobalScope;
declare const __FILES__: string[]; // these two are filled in by vite.config.ts
declare const __VERSION__: string;

const files = __FILES__;
const name = `facemask ${__VERSION__}`;

worker.addEventListener("install", (event) => {
  void worker.skipWaiting();
  event.waitUntil(caches.open(name).then((cache) => cache.addAll(["./", ...files])));
});

worker.addEventListener("activate", (event) => {
  event.waitUntil(removeOthers().then(() => worker.clients.claim()));
});

worker.addEventListener("fetch", (event) => {
  if (event.request.method === "GET") event.respondWith(answer(event.request));
});

async function answer(request: Request): Promise<Response> {
  const cache = await caches.open(name);
  return (await cache.match(request, { ignoreSearch: true })) ?? fetch(request);
}

async function removeOthers(): Promise<void> {
  const scope = (key: string): boolean => key.startsWith("facemask ") && key !== name;
  await Promise.all((await caches.keys()).filter(scope).map((key) => caches.delete(key)));
}
