// Logging in: by one's own account at the issuer, by the password, or both, as the site allows.

import { explain } from "./api.js";
import { button, h, icon, newId } from "./dom.js";
import { openDialog } from "./notices.js";
import { explainLogin, LOGIN_ERRORS, logInByIssuer, logInByPassword, session } from "./session.js";

/**
 * The ways to log in, each with its own button: programs fill the box of the password unasked, which says nothing about the way
 * that is meant.
 * @param {() => void} loggedIn
 * @param {"h2" | "h3"} level of the headings, where there is more than one way
 */
function ways(loggedIn, level) {
  const { features } = session();
  const byAccount = features.auth_methods.includes("openid") || features.auth_mode === "auth0";
  const byPassword = features.auth_methods.includes("password") || features.auth_mode === "password";
  if (!byAccount && !byPassword) {
    return [h("p", null, "No login is set up for this site. Ask its operator to configure one.")];
  }
  const form = byPassword ? passwordForm(byAccount ? "Use the password" : "Log in", !byAccount, loggedIn) : null;
  if (byAccount && form) form.prepend(h(level, null, "With the site's password"));
  return [
    byAccount ? h(
      "div",
      { class: "way" },
      form ? h(level, null, "With your account") : null,
      h("p", null, "Use the account whose email address is on this site's list."),
      button("Log in", null, logInByIssuer, { class: "button primary large" }),
    ) : null,
    byAccount && form ? h("p", { class: "or" }, "or") : null,
    form,
  ].filter((it) => it !== null);
}

/**
 * @param {string} name
 * @param {boolean} isMain
 * @param {() => void} loggedIn
 */
function passwordForm(name, isMain, loggedIn) {
  const [id, problemId] = [newId("password"), newId("problem")];
  const problem = h("p", { id: problemId, class: "field-problem", role: "alert" });
  const input = h("input", {
    id,
    type: "password",
    name: "password",
    autocomplete: "current-password",
    required: true,
    "aria-describedby": problemId,
  });
  const send = h("button", { type: "submit", class: isMain ? "button primary large" : "button large" }, name);
  const submit = async (/** @type {SubmitEvent} */ event) => {
    event.preventDefault();
    if (send.disabled) return;
    send.disabled = true;
    problem.textContent = "";
    try {
      await logInByPassword(input.value);
      input.value = "";
      loggedIn();
    } catch (error) {
      problem.textContent = explainLogin(error) ?? explain(error);
      input.select();
    }
    send.disabled = false;
  };
  // For programs that keep passwords: they ask for a name to keep it under.
  const site = h("input", { type: "text", autocomplete: "username", value: location.hostname, hidden: true });
  return h("form", { class: "way", onsubmit: submit }, site, h("label", { for: id }, "Password"), input, problem, send);
}

/**
 * The view of who is not logged in.
 * @param {string | null} errorCode what the issuer's answer came to
 * @param {() => void} loggedIn
 * @returns {import("./main.js").View}
 */
export function loginView(errorCode, loggedIn) {
  const known = errorCode !== null && Object.hasOwn(LOGIN_ERRORS, errorCode) ? LOGIN_ERRORS[errorCode] : null;
  const text = errorCode === null ? null : known ?? "The login did not succeed. Start again.";
  const node = h(
    "section",
    { class: "login", "aria-labelledby": "login-title" },
    h(
      "div",
      { class: "card" },
      h("span", { class: "mark", "aria-hidden": "true" }, icon("publish")),
      h("h1", { id: "login-title", tabindex: -1 }, "Publisher"),
      h("p", { class: "quiet", dir: "ltr" }, location.hostname),
      text ? h("p", { class: "login-problem", role: "alert" }, icon("warning"), text) : null,
      ways(loggedIn, "h2"),
    ),
  );
  return { node, title: "Log in", dispose: () => {} };
}

let isAsked = false;

/**
 * The session is over while something is open: asks for a new login over it, so that nothing that was typed goes.
 * @param {() => void} loggedIn
 */
export function askAgain(loggedIn) {
  if (isAsked) return;
  isAsked = true;
  openDialog("Your session is over", (close) => [
    h("p", null, "Log in again to go on. What you typed is still here."),
    ...ways(() => {
      close();
      loggedIn();
    }, "h3"),
  ], { closed: () => (isAsked = false) });
}
