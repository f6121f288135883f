// Follows what happens to jobs, as it happens: one stream for the page (`/api/jobs/events`), taken up again where it ended.
// Read by `fetch`, since an `EventSource` does not say with which status it was refused.

import { parsed } from "./api.js";

/**
 * What is heard: `job` (detail: the job), `stage` (detail: the stage), `reset` (something was missed: read again), `state`.
 */
export const happenings = new EventTarget();

const FIRST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;
/** How long a hidden window keeps its stream, in milliseconds. */
const HIDDEN_TIME = 10_000;

/** @type {AbortController | null} */
let stream = null;
let lastId = "";
let live = false;

/** Whether events arrive at present; else a view that waits for something asks for it from time to time. */
export function isLive() {
  return live;
}

/** Whether the page wants events at all: it does while an admin is logged in. */
let isWanted = false;
let timer = 0;

// A browser has few connections for a site, and a hidden window needs none. What happens meanwhile
// comes when the window is seen again, from where the stream ended.
document.addEventListener("visibilitychange", () => {
  clearTimeout(timer);
  if (!document.hidden) {
    if (isWanted) listen();
  } else timer = setTimeout(hangUp, HIDDEN_TIME);
});

/** Begins to listen. */
export function listen() {
  isWanted = true;
  if (stream || document.hidden) return;
  stream = new AbortController();
  void follow(stream.signal);
}

/** Ends listening, and forgets where it ended. */
export function stopListening() {
  isWanted = false;
  hangUp();
  lastId = "";
}

function hangUp() {
  stream?.abort();
  stream = null;
  setLive(false);
}

/** @param {AbortSignal} end */
async function follow(end) {
  let wait = FIRST_WAIT;
  while (!end.aborted) {
    const began = Date.now();
    const refused = await readOnce(end);
    setLive(false);
    if (refused !== null && [401, 403, 404, 405].includes(refused)) {
      if (!end.aborted) stream = null;
      return;
    }
    wait = Date.now() - began > LONGEST_WAIT ? FIRST_WAIT : Math.min(wait * 2, LONGEST_WAIT);
    await pause(wait, end);
  }
}

/**
 * Reads the stream until it ends.
 * @param {AbortSignal} end
 * @returns {Promise<number | null>} the status of a refusal
 */
async function readOnce(end) {
  try {
    /** @type {Record<string, string>} */
    const headers = { Accept: "text/event-stream" };
    if (lastId) headers["Last-Event-ID"] = lastId;
    const response = await fetch("/api/jobs/events", { headers, signal: end, cache: "no-store" });
    if (!response.ok || !response.body) return response.status;
    setLive(true);
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return null;
      rest = take(rest + value);
    }
  } catch {
    // The connection is gone, or this page has closed it; `follow` sees which.
    return null;
  }
}

/**
 * Tells the whole events of a text.
 * @param {string} text
 * @returns {string} the beginning of the next event
 */
function take(text) {
  const blocks = text.replaceAll("\r\n", "\n").split("\n\n");
  const rest = blocks.pop() ?? "";
  for (const block of blocks) tell(block);
  return rest;
}

/** @param {string} block */
function tell(block) {
  let name = "message";
  /** @type {string[]} */
  const data = [];
  for (const line of block.split("\n")) {
    const [field = "", ...parts] = line.split(":");
    const value = parts.join(":").replace(/^ /, "");
    if (field === "event") name = value;
    else if (field === "data") data.push(value);
    else if (field === "id") lastId = value;
  }
  if (name === "job" || name === "stage" || name === "reset") {
    happenings.dispatchEvent(new CustomEvent(name, { detail: parsed(data.join("\n")) }));
  }
}

/** @param {boolean} now */
function setLive(now) {
  if (live === now) return;
  live = now;
  happenings.dispatchEvent(new Event("state"));
}

/**
 * @param {number} milliseconds
 * @param {AbortSignal} [end]
 * @returns {Promise<void>}
 */
export function pause(milliseconds, end) {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    end?.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    }, { once: true });
  });
}
