// The images of a folder, in an order, as many as are wanted at a time: by `/api/library/objects` where there is a library, else
// by the list of names, which is read whole, a thousand at a time. Kept between views, so that an image knows its neighbours.

import { call, signals } from "./api.js";
import { session } from "./session.js";

/** @typedef {{ name: string, size: number | null, modified: string | null }} Item */
/** @typedef {"root" | "archive" | "keep" | "remove"} Folder */
/** @typedef {"name" | "last_modified" | "size"} Sort */
/** @typedef {{ search: string, sort: Sort, order: "asc" | "desc", folder: Folder }} Query */

const PAGE = 200;

export class Source extends EventTarget {
  /** @type {(Item | undefined)[]} */
  #items = [];
  /** @type {Map<number, Promise<void>>} */
  #pages = new Map();
  #count = 0;
  #isWhole = false;
  #generation = 0;
  /** @type {string[]} */
  #names = [];
  /** @type {Set<string>} */
  #taken = new Set();
  #soon = 0;
  /** @type {Query} */
  query = { search: "", sort: "name", order: "asc", folder: "root" };
  /** @type {unknown} */
  error = null;
  isLoaded = false;
  isTruncated = false;

  /** Whether a library answers, and not the list of names. */
  get isLibrary() {
    return session().features.library_enabled && session().admin;
  }

  /** How many images match. */
  get count() {
    return this.#count;
  }

  /** Whether every name of the folder is known here. */
  get isWhole() {
    return this.isLibrary ? this.#items.length === this.#count && !this.#items.includes(undefined) : this.#isWhole;
  }

  /** @param {number} index @returns {Item | undefined} */
  at(index) {
    return this.#items[index];
  }

  /** The place of an image; -1 where it is not known. @param {string} name */
  indexOf(name) {
    return this.#items.findIndex((it) => it?.name === name);
  }

  /**
   * Shows another selection, or another order.
   * @param {Partial<Query>} change
   */
  async change(change) {
    const isListed = !this.isLibrary && this.#names.length > 0;
    this.query = { ...this.query, ...change };
    if (isListed) {
      this.#arrange();
      this.#changed();
    } else await this.reload();
  }

  /** Reads everything again. */
  async reload() {
    this.#generation += 1;
    const generation = this.#generation;
    this.error = null;
    try {
      if (this.isLibrary) await this.#restart(generation);
      else await this.#readNames(generation);
    } catch (error) {
      if (generation !== this.#generation) return;
      this.error = error;
      this.isLoaded = true;
      this.#changed();
    }
  }

  /**
   * Sees to it that these images are known.
   * @param {number} first
   * @param {number} end the first that is not wanted
   */
  async want(first, end) {
    if (!this.isLibrary) return;
    const wanted = [];
    for (let page = Math.floor(first / PAGE); page * PAGE < Math.min(end, this.#count); page += 1) {
      const isKnown = this.#items.slice(page * PAGE, Math.min((page + 1) * PAGE, this.#count)).every(Boolean)
        && this.#items.length > page * PAGE;
      if (!isKnown) wanted.push(this.#page(page));
    }
    await Promise.all(wanted);
  }

  /**
   * The images before and after one; `null` where there is none. Those that are being taken out are passed over.
   * @param {string} name
   * @returns {Promise<{ previous: string | null, next: string | null, place: number, count: number }>}
   */
  async neighbours(name) {
    if (!this.isLoaded) await this.reload();
    let index = this.indexOf(name);
    if (index < 0 && this.isLibrary) index = await this.#find(name);
    if (index < 0) return { previous: null, next: null, place: 0, count: this.#count };
    const previous = await this.#neighbour(index, -1);
    const next = await this.#neighbour(index, 1);
    return { previous, next, place: index + 1, count: this.#count };
  }

  /**
   * @param {number} index
   * @param {1 | -1} step
   */
  async #neighbour(index, step) {
    for (let at = index + step; at >= 0 && at < this.#count; at += step) {
      await this.want(at, at + 1);
      const item = this.at(at);
      if (!item) return null;
      if (!this.isTaken(item.name)) return item.name;
    }
    return null;
  }

  /** Whether an image is being moved or deleted. @param {string} name */
  isTaken(name) {
    return this.#taken.has(name);
  }

  /**
   * Takes an image out, since it is being moved or deleted. In a list of names it is gone at once; in a library it stays, as
   * something that is about to go, until the service lists the folder without it.
   * @param {string} name
   */
  take(name) {
    this.#taken.add(name);
    this.#takenChanged();
  }

  /** An image stays after all. @param {string} name */
  putBack(name) {
    if (!this.#taken.delete(name)) return;
    this.#takenChanged();
  }

  /** An image has gone. @param {string} name */
  gone(name) {
    this.#taken.delete(name);
    if (this.isLibrary) {
      clearTimeout(this.#soon);
      this.#soon = setTimeout(() => void this.reload(), 150);
      return;
    }
    const at = this.#names.indexOf(name);
    if (at >= 0) this.#names.splice(at, 1);
    this.#takenChanged();
  }

  #takenChanged() {
    if (!this.isLibrary) this.#arrange();
    this.#changed();
  }

  /** @param {number} generation */
  async #restart(generation) {
    const answer = await this.#fetch(0);
    if (generation !== this.#generation) return;
    this.#items = [];
    this.#pages.clear();
    this.#accept(0, answer);
  }

  /**
   * Reads a page, once: what it lacks then is not asked for again until everything is read again.
   * @param {number} page
   * @returns {Promise<void>}
   */
  #page(page) {
    const running = this.#pages.get(page);
    if (running) return running;
    const generation = this.#generation;
    const reading = this.#fetch(page * PAGE).then((answer) => {
      if (generation === this.#generation) this.#accept(page * PAGE, answer);
    }).catch((error) => {
      if (generation !== this.#generation) return;
      this.error = error;
      this.#changed();
    });
    this.#pages.set(page, reading);
    return reading;
  }

  /**
   * @param {number} offset
   * @param {string} [anchor]
   * @returns {Promise<Schemas["LibraryList"]>}
   */
  #fetch(offset, anchor) {
    const { search, sort, order, folder } = this.query;
    const prefix = folder === "root" ? "" : folder;
    const query = { prefix, q: search, sort, order, limit: PAGE, offset, anchor_key: anchor };
    return call("GET", "/api/library/objects", { query });
  }

  /**
   * @param {number} offset
   * @param {Schemas["LibraryList"]} answer
   */
  #accept(offset, answer) {
    answer.objects.forEach((it, index) => {
      this.#items[offset + index] = { name: it.key, size: it.size, modified: it.last_modified };
    });
    this.#count = answer.total_in_window;
    this.#items.length = Math.min(this.#items.length, this.#count);
    this.isTruncated = answer.truncated;
    this.isLoaded = true;
    this.error = null;
    this.#changed();
  }

  /** @param {string} name */
  async #find(name) {
    const answer = await this.#fetch(0, name);
    if (answer.anchor_offset === null) return -1;
    this.#accept(answer.anchor_offset, answer);
    return this.indexOf(name);
  }

  /** @param {number} generation */
  async #readNames(generation) {
    /** @type {string[]} */
    const names = [];
    let count = 1;
    while (names.length < count) {
      const after = names.at(-1);
      /** @type {Schemas["ImageList"]} */
      const page = await call("GET", "/api/images/list", { query: { limit: 1000, after } });
      if (generation !== this.#generation) return;
      names.push(...page.filenames);
      count = page.count;
      this.#names = names;
      this.isLoaded = true;
      this.#isWhole = names.length >= count || page.filenames.length === 0;
      this.#arrange();
      this.#changed();
      if (page.filenames.length === 0) return;
    }
  }

  #arrange() {
    const search = this.query.search.toLocaleLowerCase();
    const found = this.#names.filter((it) => !this.#taken.has(it) && it.toLocaleLowerCase().includes(search));
    if (this.query.order === "desc") found.reverse();
    this.#items = found.map((name) => ({ name, size: null, modified: null }));
    this.#count = found.length;
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

/** The source that all views share. */
export const source = new Source();

signals.addEventListener("session", () => {
  source.isLoaded = false;
});
