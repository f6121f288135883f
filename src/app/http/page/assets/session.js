// Who is at the page and what the tenant allows: read when the page opens, and again after a login or a logout.

import { call, Problem } from "./api.js";
import { forgetAll, keep, kept } from "./drafts.js";
import { platformPlace } from "./platforms.js";

/**
 * @typedef {object} Session
 * @property {boolean} admin
 * @property {string | null} email
 * @property {string | null} method
 * @property {Schemas["FeatureFlags"]} features
 * @property {Schemas["PlatformName"][]} platforms those that are on, in the order of the page
 */

/** @type {Session | null} */
let current = null;

/** The session; only for views, which are shown once it is there. */
export function session() {
  if (!current) throw new Error("the session has not been read");
  return current;
}

/** Whether captions that nobody has typed are written by a model. */
export function writesCaptions() {
  return session().features.analyze_caption_enabled;
}

/** Whether the session has been read. */
export function isKnown() {
  return current !== null;
}

/**
 * Reads the session.
 * @returns {Promise<Session>}
 */
export async function readSession() {
  const [features, publishers, status] = await Promise.all([
    call("GET", "/api/config/features"),
    call("GET", "/api/config/publishers"),
    call("GET", "/api/admin/status"),
  ]);
  const names = /** @type {Schemas["PlatformName"][]} */ (Object.keys(publishers));
  const on = names.filter((name) => publishers[name] === true);
  const isKnown = current !== null;
  if (status.admin === true && isAnother(`${status.method} ${status.email ?? ""}`) && isKnown) {
    // What the last one has typed is on the page still, and what was meant waits to be sent.
    location.reload();
    return new Promise(() => {});
  }
  current = {
    admin: status.admin === true,
    email: status.email ?? null,
    method: status.method ?? null,
    features,
    platforms: on.sort((a, b) => platformPlace(a) - platformPlace(b) || a.localeCompare(b)),
  };
  return current;
}

/**
 * Whether somebody else has typed in this tab before; then that is forgotten.
 * @param {string} who
 */
function isAnother(who) {
  const before = kept("who");
  if (before !== null && before !== who) forgetAll();
  keep("who", who);
  return before !== null && before !== who;
}

/** The session is over: what was read as an admin counts no more. */
export function sessionEnded() {
  if (current) current = { ...current, admin: false, email: null, method: null };
}

/**
 * Logs in by password.
 * @param {string} password
 */
export async function logInByPassword(password) {
  await call("POST", "/api/admin/login", { body: { password }, quiet: true });
  await readSession();
}

/** Goes to the issuer, and comes back to the view that is open. */
export function logInByIssuer() {
  keep("return", location.hash);
  location.assign(`/auth/login?return_to=${encodeURIComponent("/")}`);
}

/** The view that was open before the issuer was visited; it is told once. */
export function viewBeforeLogin() {
  const hash = kept("return");
  keep("return", null);
  return typeof hash === "string" && hash.startsWith("#/") ? hash : null;
}

/** Logs out, and forgets what was typed. */
export async function logOut() {
  await call("POST", "/api/admin/logout", { quiet: true });
  forgetAll();
  await readSession();
}

/**
 * Why a login did not succeed, and what to do about it.
 * @param {unknown} error
 */
export function explainLogin(error) {
  if (error instanceof Problem && error.status === 401) return "This is not the password. Check it and try again.";
  if (error instanceof Problem && error.status === 429) {
    return `Too many wrong passwords. Wait ${error.retryAfter ?? 60} seconds, then try again.`;
  }
  return null;
}

/** What `auth_error` of the issuer's answer means. @type {Record<string, string>} */
export const LOGIN_ERRORS = {
  access_denied: "The login was cancelled, or your account is not on this site's list of people. Use another account, or ask the owner to add your email address.",
  auth_not_configured: "Login by account is not set up for this site. Use another way, or ask the operator.",
  no_email_provided: "Your account did not share its email address. Allow it at the login, then try again.",
  email_not_verified: "Your email address is not verified yet. Follow the link in your provider's mail, then log in again.",
  callback_failed: "The login did not complete, perhaps because it took too long. Start again.",
};
