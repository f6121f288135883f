// Uploads files that were dropped or chosen, three at a time, each with its progress. A name that is taken is asked about; a
// limit of the service is waited for.

import { parsed, Problem, problemOf, explain, signals, Unreachable } from "./api.js";
import { button, fill, h, icon } from "./dom.js";
import { pause } from "./events.js";
import { announce } from "./notices.js";
import { source } from "./source.js";
import { size } from "./times.js";

const AT_ONCE = 3;
const KINDS = /\.(jpe?g|png|webp)$/i;

/**
 * @typedef {object} Upload
 * @property {File} file
 * @property {HTMLElement} row
 * @property {HTMLProgressElement} bar
 * @property {HTMLElement} state
 * @property {HTMLElement} actions
 * @property {XMLHttpRequest | null} request
 * @property {boolean} isOver
 */

/** @type {Upload[]} */
const queue = [];
/** @type {Upload[]} */
const all = [];
let running = 0;

const list = h("ul", { class: "uploads" });
const heading = h("h2", { id: "uploads-title" });
const panel = h(
  "section",
  { class: "upload-panel", "aria-labelledby": "uploads-title", hidden: true },
  h("header", null, heading, h("button", {
    type: "button",
    class: "icon-button",
    "aria-label": "Close the uploads",
    onclick: () => close(),
  }, icon("close"))),
  list,
);

/** The panel that shows uploads, for the end of the page: it stays while views change. */
export function uploadPanel() {
  return panel;
}

/**
 * Uploads files.
 * @param {Iterable<File>} files
 */
export function upload(files) {
  let count = 0;
  for (const file of files) {
    queue.push(show(file));
    count += 1;
  }
  if (count === 0) return;
  panel.hidden = false;
  announce(count === 1 ? "Uploading one file." : `Uploading ${count} files.`);
  next();
}

/** Whether something is being uploaded: leaving the page would end it. */
export function isUploading() {
  return running > 0 || queue.length > 0;
}

function close() {
  for (const it of all) {
    it.isOver = true;
    it.request?.abort();
  }
  queue.length = 0;
  all.length = 0;
  list.replaceChildren();
  panel.hidden = true;
}

/** @param {File} file @returns {Upload} */
function show(file) {
  const bar = h("progress", { max: 1, value: 0, "aria-label": `Progress of ${file.name}` });
  const state = h("p", { class: "state" }, `Waiting · ${size(file.size)}`);
  const actions = h("div", { class: "row-actions" });
  const row = h("li", null, h("p", { class: "name", dir: "auto" }, file.name), actions, bar, state);
  list.append(row);
  const made = { file, row, bar, state, actions, request: null, isOver: false };
  all.push(made);
  return made;
}

function next() {
  while (running < AT_ONCE) {
    const it = queue.shift();
    if (!it) break;
    running += 1;
    void carryOut(it, false).finally(() => {
      running -= 1;
      next();
      tell();
    });
  }
  tell();
}

function tell() {
  const over = all.filter((it) => it.row.classList.contains("done")).length;
  const isEnded = !isUploading();
  heading.textContent = isEnded ? `Uploaded ${over} of ${all.length}` : `Uploading ${over + 1} of ${all.length}`;
  if (isEnded && all.length > 0) {
    announce(`Uploaded ${over} of ${all.length}.`);
    if (over > 0) void source.reload();
  }
}

/**
 * @param {Upload} it
 * @param {boolean} overwrite
 */
async function carryOut(it, overwrite) {
  if (it.isOver) return;
  if (!KINDS.test(it.file.name)) {
    end(it, "bad", "Only JPEG, PNG and WebP images can be uploaded.");
    return;
  }
  fill(it.actions, button("Cancel", null, () => {
    it.request?.abort();
    end(it, "left", "Cancelled.");
  }, { class: "button small" }));
  while (!it.isOver) {
    try {
      await send(it, overwrite);
      end(it, "done", `Uploaded · ${size(it.file.size)}`);
      return;
    } catch (error) {
      if (it.isOver) return;
      if (error instanceof Problem && error.status === 429) {
        await wait(it, error.retryAfter ?? 6);
      } else if (error instanceof Problem && error.kind === "conflict" && !overwrite) {
        ask(it);
        return;
      } else {
        fail(it, overwrite, error);
        return;
      }
    }
  }
}

/**
 * @param {Upload} it
 * @param {number} seconds
 */
async function wait(it, seconds) {
  for (let left = seconds; left > 0 && !it.isOver; left -= 1) {
    it.state.textContent = `The service asks to wait ${left} s`;
    await pause(1000);
  }
}

/**
 * @param {Upload} it
 * @param {boolean} overwrite
 * @returns {Promise<void>}
 */
function send(it, overwrite) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    it.request = request;
    request.open("POST", `/api/library/upload${overwrite ? "?overwrite=true" : ""}`);
    request.setRequestHeader("Accept", "application/json");
    request.upload.addEventListener("progress", (event) => {
      if (!event.lengthComputable) return;
      it.bar.value = event.loaded / event.total;
      const percent = Math.round((event.loaded / event.total) * 100);
      it.state.textContent = percent < 100 ? `${percent} % of ${size(it.file.size)}` : "Storing …";
    });
    request.addEventListener("load", () => {
      if (request.status >= 200 && request.status < 300) resolve();
      else {
        if (request.status === 401) signals.dispatchEvent(new Event("unauthorized"));
        const retryAfter = request.getResponseHeader("Retry-After");
        reject(problemOf(request.status, parsed(request.responseText), retryAfter));
      }
    });
    request.addEventListener("error", () => reject(new Unreachable()));
    request.addEventListener("abort", () => reject(new Unreachable()));
    const form = new FormData();
    form.append("file", it.file, it.file.name);
    request.send(form);
  });
}

/** @param {Upload} it */
function ask(it) {
  it.row.classList.add("question");
  // What waits for a decision is seen first.
  list.insertBefore(it.row, list.querySelector("li:not(.question)"));
  panel.scrollTop = 0;
  it.state.textContent = "An image of this name exists already.";
  fill(
    it.actions,
    button("Replace it", null, () => again(it, true), { class: "button small" }),
    button("Skip", null, () => end(it, "left", "Skipped."), { class: "button small" }),
  );
  announce(`${it.file.name}: an image of this name exists already.`, true);
}

/**
 * @param {Upload} it
 * @param {boolean} overwrite
 * @param {unknown} error
 */
function fail(it, overwrite, error) {
  const status = error instanceof Problem ? error.status : 0;
  const most = status === 413 ? /more than (\d+ MB)/.exec(explain(error))?.[1] : undefined;
  const reason = most ? `The file is larger than ${most}.` : explain(error);
  end(it, "bad", reason);
  // What the service does not take, it does not take the second time either.
  const mayHelp = status < 400 || status >= 500 || [401, 408, 409, 429].includes(status);
  if (mayHelp) fill(it.actions, button("Try again", null, () => again(it, overwrite), { class: "button small" }));
  announce(`${it.file.name} was not uploaded. ${reason}`, true);
}

/**
 * @param {Upload} it
 * @param {boolean} overwrite
 */
function again(it, overwrite) {
  it.row.className = "";
  it.isOver = false;
  it.bar.value = 0;
  running += 1;
  void carryOut(it, overwrite).finally(() => {
    running -= 1;
    next();
  });
}

/**
 * @param {Upload} it
 * @param {"done" | "bad" | "left"} kind
 * @param {string} text
 */
function end(it, kind, text) {
  it.isOver = true;
  it.row.className = kind;
  it.state.textContent = text;
  it.actions.replaceChildren();
  if (kind === "done") it.bar.value = 1;
}
