// From one image to the previous and the next: by links, keys and swipes.

import { thumbnail } from "./api.js";
import { h, icon } from "./dom.js";
import { source } from "./source.js";

/** How far a finger moves for it to be a swipe, in pixels. */
const SWIPE = 60;

export class Steps {
  /** Where the image stands among the others. */
  place = h("p", { class: "quiet place" });
  #previous = stepLink("Previous image", "previous");
  #next = stepLink("Next image", "next");
  element = h("nav", { class: "steps", "aria-label": "Neighbours" }, this.#previous, this.#next);

  /** @param {string} filename */
  constructor(filename) {
    this.filename = filename;
  }

  async load() {
    try {
      const { previous, next, place, count } = await source.neighbours(this.filename);
      point(this.#previous, previous);
      point(this.#next, next);
      // The next picture is there before it is asked for.
      if (next !== null) new Image().src = thumbnail(next, "w1024h768");
      this.place.textContent = place > 0 ? `${place.toLocaleString()} of ${count.toLocaleString()}` : "";
    } catch {
      // The list says so itself where it is shown; without it there are no neighbours.
    }
  }

  /** Goes on to the next image, since this one is gone. */
  leave() {
    const to = this.#next.getAttribute("href") ?? this.#previous.getAttribute("href") ?? "#/library";
    if (location.hash === addressOf(this.filename)) location.hash = to;
  }

  /**
   * Listens to keys, and to swipes on the picture.
   * @param {HTMLElement} stage
   * @param {AbortSignal} signal
   */
  follow(stage, signal) {
    window.addEventListener("keydown", (event) => {
      if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
      if (event.target instanceof Element && event.target.closest("input, textarea, select, dialog")) return;
      if (event.key === "ArrowLeft") go(this.#previous);
      else if (event.key === "ArrowRight") go(this.#next);
      else if (event.key === "Escape") location.hash = "#/library";
    }, { signal });
    let from = { x: 0, y: 0 };
    stage.addEventListener("touchstart", (event) => {
      const touch = event.touches[0];
      if (touch) from = { x: touch.clientX, y: touch.clientY };
    }, { signal, passive: true });
    stage.addEventListener("touchend", (event) => {
      const touch = event.changedTouches[0];
      if (!touch) return;
      const [x, y] = [touch.clientX - from.x, touch.clientY - from.y];
      if (Math.abs(x) > SWIPE && Math.abs(x) > Math.abs(y) * 2) go(x > 0 ? this.#previous : this.#next);
    }, { signal, passive: true });
  }
}

/** @param {HTMLAnchorElement} link */
function go(link) {
  if (link.hasAttribute("href")) link.click();
}

/** @param {string} name */
function addressOf(name) {
  return `#/image/${encodeURIComponent(name)}`;
}

/**
 * @param {string} name
 * @param {string} iconName
 */
function stepLink(name, iconName) {
  return h("a", { class: "icon-button", "aria-label": name, "aria-disabled": "true", role: "link" }, icon(iconName));
}

/**
 * @param {HTMLAnchorElement} link
 * @param {string | null} name
 */
function point(link, name) {
  if (name === null) {
    link.removeAttribute("href");
    link.setAttribute("aria-disabled", "true");
    return;
  }
  link.href = addressOf(name);
  link.removeAttribute("aria-disabled");
}
