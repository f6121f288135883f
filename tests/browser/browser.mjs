// A browser on the page, and what its tests do again and again.

import assert from "node:assert/strict";
import { request } from "node:http";
import process from "node:process";

import { chromium } from "playwright-core";

const page = new URL(process.env.PAGE_URL);
export const PASSWORD = process.env.PASSWORD;
export const TOKEN = process.env.TOKEN;

/** The origin of a tenant of the sandbox. */
export function origin(tenant) {
  const url = new URL(page);
  url.hostname = `${tenant}.${page.hostname.split(".").slice(1).join(".")}`;
  return url.origin;
}

let shared = null;

/** The one browser of this process. */
async function browser() {
  shared ??= await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-background-networking",
      "--disable-component-update",
      "--host-resolver-rules=MAP *.localhost 127.0.0.1",
    ],
  });
  return shared;
}

export async function close() {
  await shared?.close();
}

/**
 * A visitor with a window of their own. `complaints` has what the browser complained of and what another host was asked for:
 * a test ends with `leave`, which wants none.
 */
export async function visit(tenant, options = {}) {
  const context = await (await browser()).newContext({
    viewport: options.phone ? { width: 390, height: 844 } : { width: 1280, height: 860 },
    hasTouch: options.phone ?? false,
    isMobile: options.phone ?? false,
    reducedMotion: "reduce",
    colorScheme: options.scheme ?? "light",
    locale: "en-GB",
    timezoneId: "Europe/Berlin",
  });
  const window = await context.newPage();
  const complaints = [];
  const home = origin(tenant);
  window.on("pageerror", (error) => complaints.push(`error: ${error.message}`));
  window.on("console", (message) => {
    // A refusal that a test provokes is in the console as well; the page says it in its own words.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) complaints.push(message.text());
  });
  window.on("request", (request) => {
    const url = new URL(request.url());
    // The identity provider, where the person has chosen to go.
    if (request.isNavigationRequest() && url.pathname === "/authorize") return;
    if (url.protocol.startsWith("http") && url.origin !== home) complaints.push(`asked ${url.origin}`);
  });
  const leave = async () => {
    await context.close();
    assert.deepEqual(complaints, []);
  };
  if (!options.later) await window.goto(`${home}/${options.at ?? ""}`);
  return { window, context, complaints, leave, home };
}

/** A visitor who is logged in. */
export async function admin(tenant, options = {}) {
  const visitor = await visit(tenant, { ...options, later: true });
  const { status, cookies } = await exchange(visitor.home, "POST", "/api/admin/login", { password: PASSWORD }, {
    Origin: visitor.home,
  });
  assert.equal(status, 200);
  await visitor.context.addCookies(cookies.map((cookie) => {
    const [name, value] = cookie.split(";")[0].split("=");
    return { name, value, url: visitor.home };
  }));
  if (options.before) await options.before(visitor.window);
  await visitor.window.goto(`${visitor.home}/${options.at ?? ""}`);
  return visitor;
}

/** The service as a program sees it. */
export async function api(visitor, method, path, data) {
  return (await exchange(visitor.home, method, path, data, { Authorization: `Bearer ${TOKEN}` })).body;
}

/** One call. By the address of this machine: not every resolver knows the names below `localhost`. */
function exchange(home, method, path, data, headers) {
  const { host, port } = new URL(home);
  const body = data === undefined ? null : Buffer.from(JSON.stringify(data));
  const all = { Host: host, ...headers, ...(body ? { "Content-Type": "application/json", "Content-Length": body.length } : {}) };
  return new Promise((resolve, reject) => {
    const call = request({ host: "127.0.0.1", port, method, path, headers: all }, async (answer) => {
      const text = (await answer.toArray()).map(String).join("");
      const isJson = /json/.test(answer.headers["content-type"] ?? "");
      resolve({
        status: answer.statusCode,
        body: isJson ? JSON.parse(text) : null,
        cookies: answer.headers["set-cookie"] ?? [],
      });
    });
    call.on("error", reject);
    call.end(body);
  });
}

/** A button by its whole name. */
export function button(window, name) {
  return window.getByRole("button", { name, exact: true });
}

/** A problem, as the service answers one. */
export function problem(status, kind, more = {}) {
  return {
    status,
    contentType: "application/problem+json",
    headers: more.retryAfter ? { "Retry-After": String(more.retryAfter) } : {},
    body: JSON.stringify({
      type: `/problems/${kind}`,
      title: kind,
      status,
      detail: more.detail ?? `It is a ${kind}.`,
      request_id: "7f9c24e8-3b1a-4a57-9d0e-2f6c1b8a5d43",
    }),
  };
}
