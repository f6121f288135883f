// What the page says beside its views: short notices with an action, words for screen readers, and dialogs.

import { button, h, icon, newId } from "./dom.js";

/** How long a notice stays, in milliseconds; it waits while it is pointed at or has the focus. */
const NOTICE_TIME = 8_000;

/** How long words for screen readers stay, in milliseconds: long enough to be heard of. */
const SAID_TIME = 2_000;

const area = h("div", { class: "notices", role: "region", "aria-label": "Notices" });
const polite = h("div", { class: "visually-hidden", role: "status" });
const urgent = h("div", { class: "visually-hidden", role: "alert" });

/** The elements of this module, for the end of the page. */
export function noticeElements() {
  return [area, polite, urgent];
}

/**
 * Says something to screen readers.
 * @param {string} text
 * @param {boolean} [isUrgent]
 */
export function announce(text, isUrgent = false) {
  const region = isUrgent ? urgent : polite;
  // The same words twice are no change, and would not be said again.
  region.textContent = region.textContent === text ? `${text}\u00a0` : text;
  const said = region.textContent;
  setTimeout(() => {
    if (region.textContent === said) region.textContent = "";
  }, SAID_TIME);
}

/** The most characters of a name in a notice. */
const LONGEST_NAME = 40;

/**
 * A name that fits into a notice: its beginning, and its end with what tells it from others.
 * @param {string} name
 */
export function shortName(name) {
  const signs = Array.from(name);
  return signs.length <= LONGEST_NAME ? name : `${signs.slice(0, 24).join("")}…${signs.slice(-14).join("")}`;
}

/**
 * @typedef {object} Notice
 * @property {string} text
 * @property {"plain" | "good" | "bad"} [kind]
 * @property {{ name: string, act: () => void }} [action]
 * @property {() => void} [ended] when it goes without its action
 * @property {boolean} [stays] until somebody closes it
 */

/**
 * Shows a notice.
 * @param {Notice} notice
 * @returns {() => void} closes it
 */
export function notify(notice) {
  let isOver = false;
  let timer = 0;
  const end = (/** @type {boolean} */ acted) => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    const hadFocus = element.contains(document.activeElement);
    element.remove();
    if (hadFocus) document.querySelector("main")?.focus();
    if (!acted) notice.ended?.();
  };
  const close = () => end(false);
  const element = h(
    "div",
    { class: `notice ${notice.kind ?? "plain"}` },
    notice.kind === "bad" ? icon("warning") : notice.kind === "good" ? icon("check") : null,
    h("p", null, notice.text),
    notice.action && button(notice.action.name, null, () => {
      end(true);
      notice.action?.act();
    }, { class: "button small" }),
    h("button", { type: "button", class: "icon-button", "aria-label": "Dismiss", onclick: close }, icon("close")),
  );
  const start = () => {
    if (notice.stays || isOver) return;
    clearTimeout(timer);
    timer = setTimeout(close, NOTICE_TIME);
  };
  const hold = () => clearTimeout(timer);
  let isHeld = false;
  // A notice that comes up under a pointer at rest is not pointed at: only a movement over it counts.
  let entered = "";
  const place = (/** @type {PointerEvent} */ { clientX, clientY }) => `${clientX} ${clientY}`;
  element.addEventListener("pointerenter", (event) => (entered = place(event)));
  element.addEventListener("pointermove", (event) => {
    if (entered !== "" && place(event) === entered) return;
    entered = "";
    hold();
    isHeld = true;
  });
  element.addEventListener("pointerleave", () => {
    if (isHeld) start();
    isHeld = false;
  });
  element.addEventListener("focusin", hold);
  element.addEventListener("focusout", start);
  area.append(element);
  const more = notice.action ? ` ${notice.action.name} is available in Notices.` : "";
  announce(`${notice.text}${more}`, notice.kind === "bad");
  start();
  return close;
}

/**
 * A dialog over the page. It closes by Escape and by its own buttons; the focus goes back to where it was.
 * @param {string} title
 * @param {(close: () => void) => (Node | null)[]} content
 * @param {{ class?: string, closed?: () => void }} [options]
 * @returns {HTMLDialogElement}
 */
export function openDialog(title, content, options = {}) {
  const before = document.activeElement;
  const id = newId("dialog");
  const dialog = h("dialog", { class: options.class ?? "dialog", "aria-labelledby": id });
  const close = () => dialog.close();
  dialog.append(
    h(
      "header",
      null,
      h("h2", { id }, title),
      h("button", { type: "button", class: "icon-button", "aria-label": "Close", onclick: close }, icon("close")),
    ),
    ...content(close).filter((it) => it !== null),
  );
  dialog.addEventListener("close", () => {
    dialog.remove();
    options.closed?.();
    if (before instanceof HTMLElement && before.isConnected) before.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  const first = dialog.querySelector("input, textarea, select");
  if (first instanceof HTMLElement) first.focus();
  return dialog;
}
