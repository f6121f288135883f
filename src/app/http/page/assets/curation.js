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

/** What waits for the end of its time to undo. @type {Set<() => Promise<void>>} */
const waiting = new Set();

/** What is done for one image after the other: each of these does the rest at once. @type {Set<() => void>} */
const underWay = new Set();

window.addEventListener("pagehide", () => {
  for (const start of waiting) void start();
  for (const hurry of underWay) hurry();
});

/** Carries out what waits for the end of its time to undo: the session ends. */
export async function carryOutAll() {
  await Promise.all([...waiting].map((start) => start()));
}

/**
 * Does something for one image after the other, and for all that are left at once when the page is left. Its requests have to
 * outlive the page.
 * @param {string[]} names
 * @param {(name: string) => Promise<void>} act
 */
async function oneByOne(names, act) {
  const left = [...names];
  /** @type {Promise<void>[]} */
  const hurried = [];
  const hurry = () => {
    hurried.push(...left.splice(0).map(act));
  };
  underWay.add(hurry);
  try {
    for (let name = left.shift(); name !== undefined; name = left.shift()) await act(name);
    await Promise.all(hurried);
  } finally {
    underWay.delete(hurry);
  }
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
  await oneByOne(names, async (name) => {
    try {
      const path = `/api/library/objects/${encodeURIComponent(name)}/move`;
      await call("POST", path, { body: { source_folder: from, target_folder: "root" }, keepalive: true });
    } catch (error) {
      failed.push({ name, error });
    }
  });
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
  const start = async () => {
    if (!waiting.delete(start)) return;
    close();
    await carryOut(action, names, () => {});
  };
  waiting.add(start);
  const close = notify({
    text,
    ended: () => void start(),
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
 */
async function carryOut(action, names, succeeded) {
  /** @type {Failed[]} */
  const failed = [];
  let isPreview = false;
  await oneByOne(names, async (name) => {
    try {
      /** @type {Schemas["CurationResult"]} */
      const result = await call("POST", imagePath(name, action), { keepalive: true });
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
  });
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
