// Keeping, removing and deleting images, with undo. Where images can be moved back, that is done at once and undone by moving
// back. Else, and for what is deleted, it is done when the time to undo it is over, or when the page is left.

import { call, explain, imagePath, Problem } from "./api.js";
import { notify, shortName } from "./notices.js";
import { session } from "./session.js";
import { source } from "./source.js";

/** @typedef {Schemas["CurationAction"]} Action */

/** @type {Record<Action, { done: string, undone: string }>} */
const WORDS = {
  keep: { done: "Kept", undone: "could not be kept" },
  remove: { done: "Removed", undone: "could not be removed" },
  delete: { done: "Deleted", undone: "could not be deleted" },
};

/** What waits for the end of its time to undo. @type {Set<(leaving: boolean) => Promise<void>>} */
const waiting = new Set();

window.addEventListener("pagehide", () => {
  for (const start of waiting) void start(true);
});

/** Carries out what waits for the end of its time to undo: the session ends. */
export async function carryOutAll() {
  await Promise.all([...waiting].map((start) => start(false)));
}

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

/** @param {string[]} names */
function what(names) {
  return names.length === 1 ? shortName(names[0] ?? "") : `${names.length} images`;
}

/**
 * Keeps, removes or deletes images of the root folder, and offers to undo it.
 * @param {Action} action
 * @param {string[]} names
 */
export function curate(action, names) {
  for (const name of names) source.take(name);
  const text = `${WORDS[action].done} ${what(names)}.`;
  if (source.isLibrary && action !== "delete") atOnce(action, names, text);
  else later(action, names, text);
}

/**
 * Moves images of another folder back to those that are to be published.
 * @param {import("./source.js").Folder} from
 * @param {string[]} names
 */
export async function moveBack(from, names) {
  const failed = await moveAll(names, from);
  const moved = names.length - failed.length;
  if (moved > 0) notify({ kind: "good", text: moved === 1 ? "Moved one image back." : `Moved ${moved} images back.` });
  report(failed, names.length, "could not be moved");
  await source.reload();
}

/** @typedef {{ name: string, error: unknown }} Failed */

/**
 * @param {string[]} names
 * @param {import("./source.js").Folder} from
 */
async function moveAll(names, from) {
  /** @type {Failed[]} */
  const failed = [];
  for (const name of names) {
    try {
      const path = `/api/library/objects/${encodeURIComponent(name)}/move`;
      await call("POST", path, { body: { source_folder: from, target_folder: "root" } });
    } catch (error) {
      failed.push({ name, error });
    }
  }
  return failed;
}

/**
 * @param {"keep" | "remove"} action
 * @param {string[]} names
 * @param {string} text
 */
function atOnce(action, names, text) {
  /** Where each image is now. @type {string[]} */
  const moved = [];
  const work = carryOut(action, names, (name, result) => moved.push(result.destination_filename ?? name));
  const undo = async () => {
    await work;
    report(await moveAll(moved, action), names.length, "could not be moved back");
    await source.reload();
  };
  notify({ text, action: { name: "Undo", act: () => void undo() } });
}

/**
 * @param {Action} action
 * @param {string[]} names
 * @param {string} text
 */
function later(action, names, text) {
  const start = async (/** @type {boolean} */ leaving) => {
    if (!waiting.delete(start)) return;
    close();
    await carryOut(action, names, () => {}, leaving);
  };
  waiting.add(start);
  const close = notify({
    text,
    ended: () => void start(false),
    action: {
      name: "Undo",
      act: () => {
        if (!waiting.delete(start)) return;
        for (const name of names) source.putBack(name);
      },
    },
  });
}

/**
 * @param {Action} action
 * @param {string[]} names
 * @param {(name: string, result: Schemas["CurationResult"]) => void} succeeded
 * @param {boolean} [leaving]
 */
async function carryOut(action, names, succeeded, leaving = false) {
  /** @type {Failed[]} */
  const failed = [];
  let isPreview = false;
  const one = async (/** @type {string} */ name) => {
    try {
      /** @type {Schemas["CurationResult"]} */
      const result = await call("POST", imagePath(name, action), { keepalive: leaving });
      if (result.preview_only) {
        isPreview = true;
        source.putBack(name);
        return;
      }
      source.gone(name);
      succeeded(name, result);
      for (const text of result.warnings) notify({ kind: "bad", text: `${shortName(name)}: ${text}` });
    } catch (error) {
      if (error instanceof Problem && error.kind === "image-not-found") {
        source.gone(name);
        return;
      }
      failed.push({ name, error });
      source.putBack(name);
    }
  };
  if (leaving) await Promise.all(names.map(one));
  else for (const name of names) await one(name);
  if (isPreview) notify({ text: "Nothing was moved or deleted: this site only tries things out (debug)." });
  report(failed, names.length, WORDS[action].undone);
}

/**
 * Says what did not succeed.
 * @param {Failed[]} failed
 * @param {number} count of how many
 * @param {string} words
 */
function report(failed, count, words) {
  const [first] = failed;
  if (!first) return;
  const which = failed.length === 1 ? shortName(first.name) : `${failed.length} of ${count} images`;
  notify({ kind: "bad", text: `${which} ${words}. ${explain(first.error)}`, stays: true });
}
