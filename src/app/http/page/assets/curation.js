// Keeping, removing and deleting images, with undo. Where images can be moved back, that is done at once and undone by moving
// back. Else, and for what is deleted, it is done when the time to undo it is over, or when the page is left.

import { call, explain, imagePath, Problem } from "./api.js";
import { notify } from "./notices.js";
import { session } from "./session.js";
import { source } from "./source.js";

/** @typedef {Schemas["CurationAction"]} Action */

/** @type {Record<Action, { done: string, undone: string }>} */
const WORDS = {
  keep: { done: "Kept", undone: "could not be kept" },
  remove: { done: "Removed", undone: "could not be removed" },
  delete: { done: "Deleted", undone: "could not be deleted" },
};

/** What waits for the end of its time to undo. @type {Set<(leaving: boolean) => void>} */
const waiting = new Set();

window.addEventListener("pagehide", () => {
  for (const carryOut of waiting) carryOut(true);
});

/**
 * The actions that the tenant allows.
 * @returns {Action[]}
 */
export function allowedActions() {
  const { features } = session();
  /** @type {[Action, boolean][]} */
  const all = [
    ["keep", features.keep_enabled],
    ["remove", features.remove_enabled],
    ["delete", features.delete_enabled],
  ];
  return all.filter(([, isOn]) => isOn).map(([action]) => action);
}

/**
 * Keeps, removes or deletes images, and offers to undo it.
 * @param {Action} action
 * @param {string[]} names
 */
export function curate(action, names) {
  const putBack = new Map(names.map((name) => [name, source.take(name)]));
  const what = names.length === 1 ? names[0] : `${names.length} images`;
  const text = `${WORDS[action].done} ${what}.`;
  if (source.isLibrary && action !== "delete") atOnce(action, names, putBack, text);
  else later(action, names, putBack, text);
}

/**
 * @param {Action} action
 * @param {string[]} names
 * @param {Map<string, () => void>} putBack
 * @param {string} text
 */
function atOnce(action, names, putBack, text) {
  /** @type {Map<string, string>} */
  const moved = new Map();
  const work = carryOut(action, names, putBack, (name, result) => moved.set(name, result.destination_filename ?? name));
  notify({
    text,
    action: {
      name: "Undo",
      act: async () => {
        await work;
        /** @type {unknown[]} */
        const errors = [];
        for (const [name, place] of moved) {
          const path = `/api/library/objects/${encodeURIComponent(place)}/move`;
          try {
            await call("POST", path, { body: { source_folder: action, target_folder: "root" } });
            if (place === name) putBack.get(name)?.();
            else void source.reload();
          } catch (error) {
            errors.push(error);
          }
        }
        if (errors.length > 0) notify({ kind: "bad", text: `Not undone: ${explain(errors[0])}`, stays: true });
      },
    },
  });
}

/**
 * @param {Action} action
 * @param {string[]} names
 * @param {Map<string, () => void>} putBack
 * @param {string} text
 */
function later(action, names, putBack, text) {
  const start = (/** @type {boolean} */ leaving) => {
    if (waiting.delete(start)) void carryOut(action, names, putBack, () => {}, leaving);
  };
  waiting.add(start);
  notify({
    text,
    ended: () => start(false),
    action: {
      name: "Undo",
      act: () => {
        if (!waiting.delete(start)) return;
        for (const back of [...putBack.values()].reverse()) back();
      },
    },
  });
}

/**
 * @param {Action} action
 * @param {string[]} names
 * @param {Map<string, () => void>} putBack
 * @param {(name: string, result: Schemas["CurationResult"]) => void} succeeded
 * @param {boolean} [leaving]
 */
async function carryOut(action, names, putBack, succeeded, leaving = false) {
  /** @type {{ name: string, error: unknown }[]} */
  const failed = [];
  const one = async (/** @type {string} */ name) => {
    try {
      const result = await call("POST", imagePath(name, action), { keepalive: leaving });
      succeeded(name, result);
      for (const text of result.warnings ?? []) notify({ kind: "bad", text: `${name}: ${text}` });
    } catch (error) {
      if (error instanceof Problem && error.kind === "image-not-found") return;
      failed.push({ name, error });
      putBack.get(name)?.();
    }
  };
  if (leaving) await Promise.all(names.map(one));
  else for (const name of names) await one(name);
  const [first] = failed;
  if (!first) return;
  const what = failed.length === 1 ? first.name : `${failed.length} of ${names.length} images`;
  notify({ kind: "bad", text: `${what} ${WORDS[action].undone}. ${explain(first.error)}`, stays: true });
}
