// The page for a tenant's people: reads the session, shows the view that the address names, and says what is wrong with the
// connection. The first module that is loaded; no other imports it but for its types.

import { call, explain, Problem, signals, Unreachable } from "./api.js";
import { carryOutAll } from "./curation.js";
import { button, fill, h, icon } from "./dom.js";
import { happenings, listen, pause, stopListening } from "./events.js";
import { libraryView } from "./library.js";
import { askAgain, loginView } from "./login.js";
import { announce, noticeElements, notify, openDialog } from "./notices.js";
import { isKnown, logOut, readSession, session, sessionEnded, viewBeforeLogin } from "./session.js";
import { source } from "./source.js";
import { isDark, setTheme } from "./theme-choice.js";
import { isUploading, uploadPanel } from "./upload.js";

/**
 * A view.
 * @typedef {object} View
 * @property {HTMLElement} node
 * @property {string} title in the words of the page: nothing from outside
 * @property {() => void} dispose
 * @property {null | undefined} [focus] `null`: the view sets the focus itself
 * @property {() => void} [shown] once it is in the document
 */

const LINKS = [
  ["library", "Library"],
  ["queue", "Queue"],
  ["history", "History"],
  ["settings", "Settings"],
];
const CHECK_EVERY = 4_000;

/** The views that are not part of the shell: each comes when it is wanted, or when the browser has nothing else to do. */
const LATER = {
  image: () => import("./image.js"),
  queue: () => import("./queue.js"),
  history: () => import("./history.js"),
  settings: () => import("./settings.js"),
};

const main = h("main", { id: "main", tabindex: -1 });
const nav = h("nav", { class: "main-nav", "aria-label": "Main", hidden: true });
const account = h("div", { class: "account" });
const connection = h("div", { class: "connection", role: "alert" });

/** @type {View | null} */
let view = null;
let isFirst = true;
/** Counts the views that were wanted: only the last one is shown. */
let wanted = 0;
/** What the issuer's answer came to, until a view has said it. @type {string | null} */
let loginError = null;

/** Puts the frame of the page in place, and begins. */
function begin() {
  const skip = h("a", { class: "skip", href: "#main", onclick: (/** @type {Event} */ event) => {
    event.preventDefault();
    main.focus();
  } }, "Skip to the content");
  const brand = h("p", { class: "brand" }, h("span", { class: "mark", "aria-hidden": "true" }, icon("publish")), h("span", null, "Publisher"));
  const header = h("header", { class: "top" }, brand, h("span", { class: "host", dir: "ltr" }, location.hostname), account);
  document.body.replaceChildren();
  document.body.append(skip, header, nav, connection, main, uploadPanel(), ...noticeElements());
  const parameters = new URLSearchParams(location.search);
  loginError = parameters.get("auth_error");
  if (loginError !== null) history.replaceState(null, "", `/${location.hash}`);
  const before = viewBeforeLogin();
  if (before && location.hash.length < 3) history.replaceState(null, "", `/${before}`);
  window.addEventListener("hashchange", () => void show());
  window.addEventListener("beforeunload", (event) => {
    if (isUploading()) event.preventDefault();
  });
  window.addEventListener("keydown", (event) => {
    const isTyping = event.target instanceof Element && event.target.closest("input, textarea, select, dialog");
    if (event.key === "?" && !isTyping && isKnown() && session().admin) showKeys();
  });
  signals.addEventListener("unauthorized", () => {
    if (!isKnown()) return;
    sessionEnded();
    // The view stays, with what was typed in it.
    const ask = () => askAgain(() => afterLogin());
    fill(account, button("Log in", null, ask, { class: "button primary" }));
    ask();
  });
  signals.addEventListener("unreachable", () => void lost());
  window.addEventListener("offline", () => void lost());
  happenings.addEventListener("reset", () => announce("Some events were missed; the lists are read again."));
  void open();
}

/** Reads the session, and shows the view; or says why that is not possible, and tries again. */
async function open() {
  fill(main, h("p", { class: "waiting" }, "Loading …"));
  try {
    await readSession();
  } catch (error) {
    showFailure(error);
    return;
  }
  entered();
  void show();
}

function entered() {
  showAccount();
  signals.dispatchEvent(new Event("session"));
  if (session().admin) listen();
  else stopListening();
}

function afterLogin() {
  announce("You are logged in.");
  loginError = null;
  if (location.hash === "#/login") history.replaceState(null, "", "/#/library");
  entered();
  void show();
}

function showAccount() {
  const { admin, email, features } = session();
  const isDoor = !admin && !features.auto_view_enabled;
  nav.hidden = isDoor;
  document.body.classList.toggle("door", isDoor);
  const links = admin ? LINKS : LINKS.slice(0, 1);
  fill(nav, links.map(([name = "", title = ""]) =>
    h("a", { href: `#/${name}`, "data-view": name }, icon(name), h("span", null, title))
  ));
  const theme = h("button", {
    type: "button",
    class: "icon-button",
    "aria-label": "Switch between light and dark",
    title: "Light or dark",
    onclick: () => {
      setTheme(isDark() ? "light" : "dark");
      fill(theme, icon(isDark() ? "sun" : "moon"));
    },
  }, icon(isDark() ? "sun" : "moon"));
  fill(
    account,
    email ? h("span", { class: "email", title: email }, email) : null,
    theme,
    admin && features.auth_methods.length > 0 ? button("Log out", "logout", () => void leave()) : null,
    !admin && !isDoor ? button("Log in", null, () => (location.hash = "#/login"), { class: "button primary" }) : null,
  );
}

async function leave() {
  try {
    await carryOutAll();
    await logOut();
  } catch (error) {
    notify({ kind: "bad", text: `You are still logged in. ${explain(error)}` });
    return;
  }
  stopListening();
  entered();
  history.replaceState(null, "", "/#/library");
  void show();
  announce("You are logged out.");
}

/** Shows the view of the address. */
async function show() {
  if (!isKnown()) return;
  wanted += 1;
  const own = wanted;
  /** @type {() => View} */
  let make;
  try {
    make = await maker();
  } catch {
    make = () => unavailable();
  }
  if (own !== wanted) return;
  view?.dispose();
  view = make();
  fill(main, view.node);
  document.title = `${view.title} · Publisher`;
  const [, name = "library"] = location.hash.split("/");
  for (const link of nav.querySelectorAll("a")) {
    const isCurrent = link.dataset["view"] === (name === "image" || name === "" ? "library" : name);
    if (isCurrent) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (view.focus !== null) {
    window.scrollTo(0, 0);
    const heading = main.querySelector("h1");
    if (!isFirst && heading) heading.focus({ preventScroll: true });
  }
  if (isFirst) fetchViews();
  isFirst = false;
  view.shown?.();
}

/** @returns {Promise<() => View>} */
async function maker() {
  const { admin, features } = session();
  const [, name = "", rest = ""] = location.hash.split("/");
  if (!admin && (!features.auto_view_enabled || name === "login" || loginError !== null)) {
    return () => loginView(loginError, afterLogin);
  }
  if (name === "image" && rest) {
    const { imageView } = await LATER.image();
    return () => imageView(decoded(rest));
  }
  if (admin && name === "queue") return (await LATER.queue()).queueView;
  if (admin && name === "history") return (await LATER.history()).historyView;
  if (admin && name === "settings") return (await LATER.settings()).settingsView;
  return libraryView;
}

/** The view in place of one that did not arrive. @returns {View} */
function unavailable() {
  const node = h(
    "div",
    { class: "state-card", role: "alert" },
    icon("warning"),
    h("h1", { tabindex: -1 }, "This part of the page did not arrive"),
    h("p", null, "The service cannot be reached, or was updated meanwhile. What you typed is kept."),
    button("Load the page again", "retry", () => location.reload(), { class: "button primary" }),
  );
  return { node, title: "Not loaded", dispose: () => {} };
}

/** Fetches the other views while nothing else is done, so that they are there without a connection as well. */
function fetchViews() {
  const fetchAll = () => void Promise.allSettled(Object.values(LATER).map((load) => load()));
  if ("requestIdleCallback" in window) requestIdleCallback(fetchAll, { timeout: 3000 });
  else setTimeout(fetchAll, 1000);
}

/** @param {string} text */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    // An address that was typed by hand: no image has this name, which the view says.
    return text;
  }
}

/** @param {unknown} error */
function showFailure(error) {
  const kind = error instanceof Problem ? error.kind : "";
  const wait = error instanceof Problem ? error.retryAfter ?? 10 : 10;
  /** @type {[string, string]} */
  let [title, text] = ["The page cannot be opened", explain(error)];
  if (kind === "tenant-not-found") {
    [title, text] = ["There is no site at this address", "Check the address. If it was right yesterday, ask the operator."];
  } else if (kind === "tenant-unavailable") {
    [title, text] = ["This site cannot be reached at present", "Its settings or its storage do not answer. What you typed is kept."];
  } else if (error instanceof Unreachable) {
    [title, text] = ["You are offline", "The service cannot be reached. What you typed is kept. Check your connection."];
  }
  const again = button("Try again", "retry", () => void open(), { class: "button primary" });
  const left = h("p", { class: "quiet" });
  fill(
    main,
    h("div", { class: "state-card", role: "alert" }, icon("warning"), h("h1", { tabindex: -1 }, title), h("p", null, text), again),
    left,
  );
  document.title = "Publisher";
  if (kind !== "tenant-not-found") void countDown(left, wait);
}

/**
 * Tries again by itself, as long as the failure is shown.
 * @param {HTMLElement} left
 * @param {number} seconds
 */
async function countDown(left, seconds) {
  for (let rest = Math.max(3, seconds); rest > 0; rest -= 1) {
    left.textContent = `It is tried again in ${rest} s.`;
    await pause(1000);
    if (!left.isConnected) return;
  }
  await open();
}

/** The connection is lost: says so until it is back. */
async function lost() {
  if (connection.childElementCount > 0 || !isKnown()) return;
  fill(
    connection,
    icon("warning"),
    h("p", null, "The service cannot be reached. What you type is kept; sending waits until the connection is back."),
  );
  for (;;) {
    await pause(CHECK_EVERY);
    try {
      await call("GET", "/health/live", { quiet: true });
      break;
    } catch (error) {
      // Any answer at all is a connection.
      if (!(error instanceof Unreachable)) break;
    }
  }
  connection.replaceChildren();
  announce("The connection is back.");
  signals.dispatchEvent(new Event("back"));
  if (source.error) void source.reload();
  if (session().admin) listen();
}

function showKeys() {
  const keys = [
    ["/", "Search the library"],
    ["Arrow keys", "From image to image; in the view of one, to the previous and the next"],
    ["Enter", "Open the image"],
    ["Space or x", "Select the image; with Shift, all up to it"],
    ["Ctrl A", "Select all images"],
    ["Escape", "Back, or select nothing"],
    ["?", "These keys"],
  ];
  openDialog("Keys", () => [
    h("dl", { class: "keys" }, keys.map(([key = "", text = ""]) => h("div", null, h("dt", null, h("kbd", null, key)), h("dd", null, text)))),
  ]);
}

begin();
