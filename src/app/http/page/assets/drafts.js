// What a person has typed and meant, kept for this tab until it is done: a reload, a new login or a lost connection loses none
// of it. Kept in `sessionStorage`, which other tabs and later visits do not see.

/**
 * The value kept under a name.
 * @param {string} name
 * @returns {any}
 */
export function kept(name) {
  try {
    return JSON.parse(sessionStorage.getItem(`publisher.${name}`) ?? "null");
  } catch {
    return null;
  }
}

/**
 * Keeps a value under a name; `null` forgets it.
 * @param {string} name
 * @param {unknown} value
 */
export function keep(name, value) {
  try {
    if (value === null) sessionStorage.removeItem(`publisher.${name}`);
    else sessionStorage.setItem(`publisher.${name}`, JSON.stringify(value));
  } catch {
    // Storage is full or off: what was typed is on the page still, which is all that can be had then.
  }
}

/**
 * Forgets everything: what one person has typed is not for the next one who logs in.
 */
export function forgetAll() {
  for (const name of Object.keys(sessionStorage)) {
    if (name.startsWith("publisher.")) sessionStorage.removeItem(name);
  }
}

/**
 * An intention to publish: the request, with the key under which the service carries it out once, however often it arrives.
 * @typedef {object} Intention
 * @property {string} key
 * @property {Record<string, unknown>} body
 * @property {string | null} job the job that carries it out, once it is known
 * @property {number} at when it was meant, in milliseconds since 1970
 */

/**
 * The intention for an image that has not come to its end.
 * @param {string} filename
 * @returns {Intention | null}
 */
export function intention(filename) {
  return kept(`intention.${filename}`);
}

/**
 * A new intention, kept before anything is sent.
 * @param {string} filename
 * @param {Record<string, unknown>} body
 * @returns {Intention}
 */
export function intend(filename, body) {
  const made = { key: newKey(), body, job: null, at: Date.now() };
  keep(`intention.${filename}`, made);
  return made;
}

/**
 * @param {string} filename
 * @param {Intention} made
 * @param {string} job
 */
export function carriedOutBy(filename, made, job) {
  keep(`intention.${filename}`, { ...made, job });
}

/** @param {string} filename */
export function settle(filename) {
  keep(`intention.${filename}`, null);
}

/** A key that no other request has. `crypto.randomUUID` is missing where the page came without TLS. */
export function newKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
