// A grid of thumbnails that stays light: only the rows that are seen, and one screen around them, are in the document, however
// many images there are. The page scrolls, not the grid. Arrow keys go from image to image.

import { thumbnail } from "./api.js";
import { h, icon } from "./dom.js";
import { planned } from "./planned.js";
import { dayAndTime, size as sizeOf } from "./times.js";

/** @typedef {import("./source.js").Source} Source */

const GAP = 12;
const CAPTION = 34;
/** How long scrolling rests before thumbnails are fetched, in milliseconds: those that only fly by are not. */
const REST = 90;

export class Grid {
  /** The element for the view. */
  element = h("div", { class: "grid", role: "list", "aria-label": "Images" });
  /** @type {Set<string>} */
  selected = new Set();
  /** @type {Map<number, { tile: HTMLElement, name: string }>} */
  #tiles = new Map();
  #columns = 1;
  #width = 0;
  #height = 0;
  #active = 0;
  #last = 0;
  #frame = 0;
  #rest = 0;
  #end = new AbortController();

  /**
   * @param {Source} source
   * @param {{ isSelectable: boolean, hasThumbnails: () => boolean, selectionChanged: () => void }} options
   */
  constructor(source, options) {
    this.source = source;
    this.options = options;
    const { signal } = this.#end;
    const soon = () => this.#soon();
    window.addEventListener("scroll", soon, { signal, passive: true });
    source.addEventListener("change", () => this.renew(), { signal });
    planned.addEventListener("change", () => this.#markAll(), { signal });
    const sizes = new ResizeObserver(soon);
    sizes.observe(this.element);
    signal.addEventListener("abort", () => sizes.disconnect());
    this.element.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.element.addEventListener("focusin", (event) => this.#focused(event), { signal });
  }

  /** Ends listening; the grid is not shown any more. */
  dispose() {
    this.#end.abort();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#rest);
  }

  /** Draws all that is seen again: other images stand there. */
  renew() {
    for (const [index, { tile, name }] of this.#tiles) {
      const isSame = this.source.at(index)?.name === name && tile.inert === this.source.isTaken(name);
      if (!isSame) this.#drop(index);
    }
    this.#draw();
  }

  /** Selects nothing. */
  clear() {
    this.selected.clear();
    this.#selectionChanged();
  }

  /** Selects all images whose names are known. */
  selectAll() {
    for (let index = 0; index < this.source.count; index += 1) {
      const item = this.source.at(index);
      if (item && !this.source.isTaken(item.name)) this.selected.add(item.name);
    }
    this.#selectionChanged();
  }

  /**
   * Scrolls to an image.
   * @param {string} name
   */
  show(name) {
    const index = this.source.indexOf(name);
    if (index < 0) return;
    this.#active = index;
    this.#measure();
    const top = this.element.getBoundingClientRect().top + window.scrollY;
    const row = Math.floor(index / this.#columns);
    window.scrollTo(0, Math.max(0, top + row * (this.#height + GAP) - window.innerHeight / 3));
    this.#draw();
    this.#focusTile(index);
  }

  #soon() {
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #measure() {
    const width = this.element.clientWidth;
    if (width === 0) return false;
    const few = this.source.count <= 8 ? 50 : 0;
    const least = width < 520 ? 104 + few : width < 900 ? 150 + few : 190 + few;
    this.#columns = Math.max(2, Math.floor((width + GAP) / (least + GAP)));
    this.#width = (width - GAP * (this.#columns - 1)) / this.#columns;
    this.#height = this.#width + CAPTION;
    return true;
  }

  #draw() {
    const [columns, width] = [this.#columns, this.#width];
    if (!this.element.isConnected || !this.#measure()) return;
    const isMoved = columns !== this.#columns || width !== this.#width;
    const { count } = this.source;
    const rows = Math.ceil(count / this.#columns);
    const step = this.#height + GAP;
    this.element.style.height = `${Math.max(0, rows * step - GAP)}px`;
    const top = -this.element.getBoundingClientRect().top;
    const around = window.innerHeight * 0.75;
    const first = Math.max(0, Math.floor((top - around) / step)) * this.#columns;
    const end = Math.min(count, Math.ceil((top + window.innerHeight + around) / step) * this.#columns);
    for (const [index, { tile }] of this.#tiles) {
      const isSeen = index >= first && index < end;
      const isUsed = tile.contains(document.activeElement) && index < count;
      if (!isSeen && !isUsed) this.#drop(index);
    }
    this.#active = Math.min(this.#active, Math.max(0, count - 1));
    /** @type {HTMLElement | null} */
    let before = null;
    for (let index = first; index < end; index += 1) {
      const known = this.#tiles.get(index);
      const item = this.source.at(index);
      if (!item) continue;
      const tile = known?.tile ?? this.#make(index, item);
      if (!known || isMoved) this.#place(tile, index);
      // In the order of the images, which is the order in which they are read out.
      /** @type {ChildNode | null} */
      const follows = before ? before.nextSibling : this.element.firstChild;
      if (!known && follows !== tile) this.element.insertBefore(tile, follows);
      before = tile;
    }
    void this.source.want(first, end);
    this.#fetchAfterRest();
  }

  #fetchAfterRest() {
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => {
      for (const picture of this.element.querySelectorAll("img[data-wanted]")) {
        if (!(picture instanceof HTMLImageElement)) continue;
        picture.src = picture.dataset["wanted"] ?? "";
        delete picture.dataset["wanted"];
      }
    }, REST);
  }

  /** @param {number} index */
  #drop(index) {
    this.#tiles.get(index)?.tile.remove();
    this.#tiles.delete(index);
  }

  /**
   * @param {HTMLElement} tile
   * @param {number} index
   */
  #place(tile, index) {
    const [row, column] = [Math.floor(index / this.#columns), index % this.#columns];
    tile.style.width = `${this.#width}px`;
    tile.style.height = `${this.#height}px`;
    tile.style.transform = `translate(${column * (this.#width + GAP)}px, ${row * (this.#height + GAP)}px)`;
  }

  /**
   * @param {number} index
   * @param {import("./source.js").Item} item
   */
  #make(index, { name, size }) {
    const isActive = index === this.#active;
    const picture = this.options.hasThumbnails()
      ? h("img", { alt: "", decoding: "async", "data-wanted": thumbnail(name, "w256h256") })
      : null;
    const frame = h("span", { class: "frame" }, picture ?? icon("image"));
    picture?.addEventListener("load", () => frame.classList.add("shown"));
    picture?.addEventListener("error", () => {
      if (picture.src) frame.replaceChildren(icon("image"));
    });
    const text = h("span", { class: "name", dir: "auto" }, name);
    const opener = h("a", { href: `#/image/${encodeURIComponent(name)}`, tabindex: isActive ? 0 : -1 }, frame, text);
    const choice = this.options.isSelectable
      ? h("input", {
        type: "checkbox",
        class: "choice",
        "aria-label": `Select ${name}`,
        checked: this.selected.has(name),
        tabindex: isActive ? 0 : -1,
        onclick: (/** @type {MouseEvent} */ event) => this.#choose(index, event.shiftKey),
      })
      : null;
    const tile = h(
      "div",
      {
        class: this.selected.has(name) ? "tile selected" : "tile",
        role: "listitem",
        "aria-setsize": this.source.count,
        "aria-posinset": index + 1,
        "data-index": index,
        title: size === null ? name : `${name} · ${sizeOf(size)}`,
      },
      opener,
      choice,
    );
    tile.inert = this.source.isTaken(name);
    mark(tile, name);
    this.#tiles.set(index, { tile, name });
    return tile;
  }

  #markAll() {
    for (const { tile, name } of this.#tiles.values()) mark(tile, name);
  }

  /**
   * @param {number} index
   * @param {boolean} isRange
   */
  #choose(index, isRange) {
    const item = this.source.at(index);
    if (!item) return;
    const isOn = !this.selected.has(item.name);
    const [from, to] = isRange ? [Math.min(this.#last, index), Math.max(this.#last, index)] : [index, index];
    for (let at = from; at <= to; at += 1) {
      const name = this.source.at(at)?.name;
      if (name && isOn) this.selected.add(name);
      else if (name) this.selected.delete(name);
    }
    this.#last = index;
    this.#selectionChanged();
  }

  #selectionChanged() {
    for (const { tile, name } of this.#tiles.values()) {
      const isOn = this.selected.has(name);
      tile.classList.toggle("selected", isOn);
      const choice = tile.querySelector("input");
      if (choice) choice.checked = isOn;
    }
    this.options.selectionChanged();
  }

  /** @param {FocusEvent} event */
  #focused(event) {
    const tile = event.target instanceof Element ? event.target.closest("[data-index]") : null;
    if (tile instanceof HTMLElement) this.#activate(Number(tile.dataset["index"]));
  }

  /** One tile at a time is in the order of the Tab key. @param {number} index */
  #activate(index) {
    if (index === this.#active) return;
    this.#setTabs(this.#active, -1);
    this.#active = index;
    this.#setTabs(index, 0);
  }

  /**
   * @param {number} index
   * @param {number} value
   */
  #setTabs(index, value) {
    for (const element of this.#tiles.get(index)?.tile.querySelectorAll("a, input") ?? []) {
      if (element instanceof HTMLElement) element.tabIndex = value;
    }
  }

  /** @param {number} index */
  #focusTile(index) {
    const opener = this.#tiles.get(index)?.tile.querySelector("a");
    this.#activate(index);
    if (opener instanceof HTMLElement) opener.focus({ preventScroll: true });
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.metaKey) {
      if (event.key.toLowerCase() !== "a" || !this.options.isSelectable) return;
      event.preventDefault();
      this.selectAll();
      return;
    }
    if (event.altKey) return;
    const isOnOpener = event.target instanceof Element && event.target.matches("a");
    if (event.key === "Escape" && this.selected.size > 0) this.clear();
    else if (this.options.isSelectable && isOnOpener && (event.key === " " || event.key === "x")) {
      event.preventDefault();
      this.#choose(this.#active, event.shiftKey);
    } else this.#move(event);
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    const page = this.#columns * Math.max(1, Math.floor(window.innerHeight / (this.#height + GAP)) - 1);
    /** @type {Record<string, number>} */
    const steps = {
      ArrowRight: 1,
      ArrowLeft: -1,
      ArrowDown: this.#columns,
      ArrowUp: -this.#columns,
      PageDown: page,
      PageUp: -page,
      Home: -this.#active,
      End: this.source.count - 1 - this.#active,
    };
    const step = steps[event.key];
    if (step === undefined || this.source.count === 0) return;
    event.preventDefault();
    const next = Math.max(0, Math.min(this.source.count - 1, this.#active + step));
    void this.#goTo(next);
  }

  /** @param {number} index */
  async #goTo(index) {
    const top = this.element.getBoundingClientRect().top;
    const place = top + Math.floor(index / this.#columns) * (this.#height + GAP);
    const header = 72;
    if (place < header) window.scrollBy(0, place - header - GAP);
    else if (place + this.#height > window.innerHeight - GAP) {
      window.scrollBy(0, place + this.#height - window.innerHeight + GAP);
    }
    await this.source.want(index, index + 1);
    this.#draw();
    this.#focusTile(index);
  }
}

/**
 * Marks a tile whose image is planned; the words are for eyes and for a description, so that the link keeps its name.
 * @param {HTMLElement} tile
 * @param {string} name
 */
function mark(tile, name) {
  tile.querySelector(".mark-planned")?.remove();
  const job = planned.of(name);
  const link = tile.querySelector("a");
  if (!job) {
    link?.removeAttribute("aria-description");
    return;
  }
  const waits = job.status === "awaiting_approval";
  const text = waits ? `Waits for approval, ${dayAndTime(job.publish_at)}` : `Planned for ${dayAndTime(job.publish_at)}`;
  link?.setAttribute("aria-description", text);
  tile.append(h("span", { class: waits ? "mark-planned waits" : "mark-planned", title: text, "aria-hidden": "true" }, icon("queue")));
}
