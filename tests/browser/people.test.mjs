// Logging in with an account: who is not let in, what a hostile account shows, and what becomes of a view that was open.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { button, close, PASSWORD, visit } from "./browser.mjs";

after(close);

/** Chooses an account at the identity provider. */
async function choose(window, name) {
  await button(window, "Log in").click();
  await window.getByRole("link", { name }).click();
}

test("an account that is not let in is told why, and can try again", async () => {
  for (const [name, words] of [
    [/^mallory /, "not on this site's list"],
    [/^una /, "not verified yet"],
    [/^noel /, "did not share its email address"],
    ["Deny", "not on this site's list"],
  ]) {
    const { window, leave } = await visit("alice");
    await choose(window, name);
    const alert = window.getByRole("alert").filter({ hasText: words });
    await alert.waitFor();
    assert.equal(new URL(window.url()).search, "", "the reason is not kept in the address");
    await choose(window, /^alice /);
    await window.getByRole("heading", { name: "Library" }).waitFor();
    await leave();
  }
});

test("after the login the view is the one that was asked for, and settings say who it is", async () => {
  const { window, leave, home } = await visit("erin", { at: "#/settings" });
  await choose(window, /^erin /);
  await window.getByRole("heading", { name: "Settings" }).waitFor();
  await window.getByRole("main").getByText("erin@sandbox.localhost").waitFor();
  const cookies = await window.context().cookies(home);
  assert.deepEqual(cookies.map((it) => [it.name, it.httpOnly, it.sameSite]), [["pv2_admin", true, "Lax"]]);
  await button(window, "Log out").click();
  await button(window, "Log in").waitFor();
  assert.equal(await window.evaluate(async () => (await fetch("/api/publications")).status), 401);
  await leave();
});

test("a person of one site is nobody at another", async () => {
  const { window, leave } = await visit("erin");
  await choose(window, /^alice /);
  await window.getByRole("alert").filter({ hasText: "not on this site's list" }).waitFor();
  await leave();
});

test("what one person has typed, and meant, is not for the next one who logs in there", async () => {
  const { window, context, leave, home } = await visit("bob", { at: "#/image/north-ridge.jpg" });
  await choose(window, /^bob /);
  const box = () => window.getByRole("textbox", { name: "Telegram" });
  await box().fill("Bob's own words");
  await window.locator("button:enabled", { hasText: /^Publish$/ }).waitFor();
  let sent = 0;
  await window.route("**/publish", (route) => {
    sent += 1;
    return route.continue();
  });
  await context.clearCookies();
  await button(window, "Publish").click();
  await window.getByRole("dialog", { name: "Your session is over" }).waitFor();
  assert.equal(sent, 1, "refused without a session");
  await window.getByLabel("Password").fill(PASSWORD);
  await button(window, "Use the password").click();
  await window.getByRole("heading", { name: "north-ridge.jpg" }).waitFor();
  await box().waitFor();
  await window.waitForTimeout(1_000);
  assert.equal(await box().inputValue(), "");
  assert.equal(sent, 1, "nothing is sent by itself");
  const left = await window.evaluate(() => Object.entries(sessionStorage).map(String).filter((it) => it.includes("Bob's own")));
  assert.deepEqual(left, []);
  assert.equal(new URL(window.url()).origin, home);
  await leave();
});

test("no answer of a provider runs anything", async () => {
  for (const query of [
    "auth_error=<script>document.title='x'</script>",
    "auth_error=javascript:document.title='x'",
    "auth_error=__proto__",
    "auth_error=constructor",
    `auth_error=${"x".repeat(5000)}`,
    "auth_error=access_denied&auth_error=<img src=x onerror=\"document.title='x'\">",
  ]) {
    const { window, leave } = await visit("alice", { at: `?${query}` });
    await button(window, "Log in").waitFor();
    await window.locator(".login-problem").waitFor();
    assert.notEqual(await window.title(), "x");
    assert.equal(await window.locator("img[onerror], .login script").count(), 0);
    await leave();
  }
});
