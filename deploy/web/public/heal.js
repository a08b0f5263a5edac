/**
 * Loads the page again when a file of it is gone, because the host has a newer version by now.
 *
 * This file has the same name in every version, so an old page in a cache still finds it.
 */

const PAUSE = 10_000; // milliseconds without a second attempt, so that it never ends in a loop

async function heal() {
  if (Date.now() - history.state < PAUSE) {
    document.getElementById("status").textContent =
      "A part of this page is missing on its host. Reload it in a minute.";
    return;
  }
  history.replaceState(Date.now(), "");
  await fetch(location.href, { cache: "reload" }); // replaces the page in the HTTP cache
  location.reload();
}

addEventListener("file-missing", heal);
addEventListener(
  "error",
  ({ target }) => {
    if (target instanceof HTMLScriptElement || target instanceof HTMLLinkElement) void heal();
  },
  true,
);
