// Calls the service. Answers other than success become a `Problem`; no answer at all becomes `Unreachable`. The modules that show
// the state of the connection or the session listen to `signals`.

/**
 * What happens to the connection and the session: `unauthorized`, `unreachable`, `back` (after `unreachable`), and `session` (it was
 * read).
 */
export const signals = new EventTarget();

/** An answer that is a problem (RFC 9457). */
export class Problem extends Error {
  /**
   * @param {number} status
   * @param {Partial<Schemas["Problem"]>} body
   * @param {number | null} retryAfter seconds
   */
  constructor(status, body, retryAfter) {
    super(body.detail || body.title || `The service answered ${status}.`);
    this.status = status;
    /** The last part of `type`, such as `conflict`. */
    this.kind = String(body.type ?? "").split("/").pop() ?? "";
    this.title = body.title ?? "Something went wrong";
    this.errors = body.errors ?? [];
    this.requestId = body.request_id ?? "";
    this.retryAfter = retryAfter;
  }

  /** Whether the answer may be another one after a while. */
  get isPassing() {
    return this.status === 429 || this.status === 503 || this.status === 504 || this.status === 502;
  }
}

/** No answer came: the request may or may not have arrived. */
export class Unreachable extends Error {
  constructor() {
    super("The service cannot be reached.");
  }
}

/**
 * @typedef {object} Options
 * @property {unknown} [body] sent as JSON
 * @property {Record<string, string | number | null | undefined>} [query] `null`, `undefined` and `""` are left out
 * @property {Record<string, string>} [headers]
 * @property {AbortSignal} [signal]
 * @property {boolean} [keepalive] goes on when the page is left
 * @property {boolean} [quiet] a refusal for want of a login is expected
 */

/**
 * The answer with its status and headers.
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<{ data: any, status: number, headers: Headers }>}
 */
export async function exchange(method, path, options = {}) {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(options.query ?? {})) {
    if (value !== null && value !== undefined && value !== "") query.set(name, String(value));
  }
  const target = query.size > 0 ? `${path}?${query}` : path;
  /** @type {Record<string, string>} */
  const headers = { Accept: "application/json", ...options.headers };
  if (options.body !== undefined) headers["Content-Type"] = "application/json";
  /** @type {Response} */
  let response;
  /** @type {string} */
  let text;
  try {
    response = await fetch(target, {
      method,
      headers,
      body: options.body === undefined ? null : JSON.stringify(options.body),
      signal: options.signal ?? null,
      keepalive: options.keepalive ?? false,
      credentials: "same-origin",
      cache: "no-store",
    });
    text = await response.text();
  } catch (error) {
    if (options.signal?.aborted) throw error;
    signals.dispatchEvent(new Event("unreachable"));
    throw new Unreachable();
  }
  const data = parsed(text);
  if (!response.ok) {
    const problem = problemOf(response.status, data, response.headers.get("Retry-After"));
    if (problem.status === 401 && !options.quiet) signals.dispatchEvent(new Event("unauthorized"));
    throw problem;
  }
  return { data, status: response.status, headers: response.headers };
}

/**
 * The body of the answer.
 * @param {string} method
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function call(method, path, options) {
  return (await exchange(method, path, options)).data;
}

/**
 * @param {number} status
 * @param {any} data
 * @param {string | null} retryAfter
 */
export function problemOf(status, data, retryAfter) {
  const seconds = Number.parseInt(retryAfter ?? "", 10);
  return new Problem(status, data ?? {}, Number.isFinite(seconds) ? seconds : null);
}

/** @param {string} text */
export function parsed(text) {
  if (text === "") return null;
  try {
    return JSON.parse(text);
  } catch {
    // A proxy in between has answered with a page of its own.
    return null;
  }
}

/**
 * The path of an image, or of an action on it.
 * @param {string} filename
 * @param {string} [action]
 */
export function imagePath(filename, action) {
  const path = `/api/images/${encodeURIComponent(filename)}`;
  return action ? `${path}/${action}` : path;
}

/**
 * The address of a thumbnail.
 * @param {string} filename
 * @param {Schemas["ThumbnailSize"]} size
 */
export function thumbnail(filename, size) {
  return `${imagePath(filename, "thumbnail")}?size=${size}`;
}

/**
 * What went wrong, and what to do about it, for people.
 * @param {unknown} error
 * @returns {string}
 */
export function explain(error) {
  if (error instanceof Problem) {
    // Of keys only the page knows.
    if (/idempotency.key/i.test(error.message)) return "Something else was sent in between. Try again.";
    const fields = error.errors.map((it) => `${it.field} ${it.message}`).join("; ");
    const wait = error.retryAfter ? ` Try again in ${seconds(error.retryAfter)}.` : "";
    return (fields ? `${error.title}: ${fields}.` : error.message) + wait;
  }
  if (error instanceof Unreachable) return "The service cannot be reached. Check your connection, then try again.";
  return error instanceof Error ? error.message : String(error);
}

/** @param {number} count */
function seconds(count) {
  if (count < 90) return count === 1 ? "a second" : `${count} seconds`;
  return `${Math.ceil(count / 60)} minutes`;
}
