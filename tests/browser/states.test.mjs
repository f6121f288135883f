// What the page says when something is not as it should be, and that nothing that was typed goes.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { admin, button, close, PASSWORD, problem, visit } from "./browser.mjs";

after(close);

const FEATURES = {
  alt_text_enabled: false, analyze_caption_enabled: true, auth_methods: ["password"], auth_mode: "password",
  auto_view_enabled: true, delete_enabled: true, keep_enabled: true, library_enabled: false, publish_enabled: true,
  remove_enabled: true, smart_hashtags_enabled: false, storage_ops_metering_enabled: false, storage_provider: "dropbox",
  voice_matching_enabled: false,
};

const typed = "Typed before it went wrong";

async function typing(tenant) {
  const visitor = await admin(tenant, { at: "#/image/north-ridge.jpg" });
  const box = visitor.window.getByRole("textbox", { name: "Telegram" });
  await box.fill(typed);
  return { ...visitor, box };
}

test("a session that is over asks for a new login over what was typed, and sends it after", async () => {
  const { window, context, leave, box } = await typing("bob");
  const keys = [];
  await window.route("**/publish", async (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    // The service refuses the first. The second would publish the image, which the tests after this one want there.
    await (keys.length === 1 ? route.continue() : route.fulfill(problem(422, "unusable-image")));
  });
  await context.clearCookies();
  await button(window, "Publish").click();
  const dialog = window.getByRole("dialog", { name: "Your session is over" });
  await window.getByText("It is sent once you are logged in again.").first().waitFor();
  await dialog.getByLabel("Password").fill(PASSWORD);
  await button(dialog, "Use the password").click();
  await dialog.waitFor({ state: "detached" });
  await button(window, "Log out").waitFor();
  await window.getByText("Nothing was published.").waitFor();
  assert.equal(await box.inputValue(), typed);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  await leave();
});

test("without a connection the page says so, keeps what was typed, and goes on by itself", async () => {
  const { window, context, leave, box } = await typing("bob");
  const keys = [];
  await window.route("**/publish", async (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    await (keys.length === 1 ? route.abort("internetdisconnected") : route.fulfill(problem(422, "unusable-image")));
  });
  // All that the view asks for is there.
  await window.locator("button:enabled", { hasText: /^Publish$/ }).waitFor();
  await context.setOffline(true);
  await window.getByText("The service cannot be reached. What you type is kept", { exact: false }).waitFor();
  await box.fill(`${typed}, and after`);
  await button(window, "Publish").click();
  await window.getByText("It is not known whether this was sent.").waitFor();
  await context.setOffline(false);
  await window.getByText("What you type is kept", { exact: false }).waitFor({ state: "detached", timeout: 15_000 });
  await window.getByText("Nothing was published.").waitFor();
  assert.equal(await box.inputValue(), `${typed}, and after`);
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  await leave();
});

test("what was meant long ago is not sent by itself", async () => {
  const { window, leave } = await admin("bob");
  let sent = 0;
  await window.route("**/publish", (route) => {
    sent += 1;
    return route.fulfill(problem(422, "unusable-image"));
  });
  await window.evaluate(() => {
    const made = { key: "0123456789abcdef", body: { platforms: ["telegram"] }, job: null, at: Date.now() - 3_600_000 };
    sessionStorage.setItem("publisher.intention.north-ridge.jpg", JSON.stringify(made));
  });
  await window.getByRole("link", { name: "north-ridge.jpg", exact: true }).click();
  await window.getByText("It is not known whether this was sent.").waitFor();
  assert.equal(sent, 0);
  await button(window, "Discard").click();
  await window.reload();
  await window.getByRole("textbox", { name: "Telegram" }).waitFor();
  assert.equal(await window.getByText("It is not known").count(), 0);
  await leave();
});

test("a site that cannot be had at present is tried again by itself", async () => {
  const { window, leave } = await admin("bob", {
    before: async (page) => {
      let refused = 0;
      await page.route("**/api/config/features", (route) => {
        refused += 1;
        return refused === 1 ? route.fulfill(problem(503, "tenant-unavailable", { retryAfter: 3 })) : route.continue();
      });
    },
  });
  await window.getByRole("heading", { name: "This site cannot be reached at present" }).waitFor();
  await button(window, "Try again").waitFor();
  await window.getByRole("heading", { name: "Library" }).waitFor({ timeout: 15_000 });
  await leave();
});

test("where the modules of the page do not arrive, as between two versions, it says so and can be loaded again", async () => {
  const { window, leave, home } = await visit("bob", { later: true });
  let isAway = true;
  await window.route("**/assets/**/*.js", (route) => isAway ? route.fulfill(problem(404, "not-found")) : route.continue());
  await window.goto(`${home}/`);
  const again = window.getByRole("link", { name: "Load it again" });
  await again.waitFor({ timeout: 15_000 });
  isAway = false;
  await again.click();
  await window.getByLabel("Password").waitFor();
  assert.equal(await again.count(), 0);
  await leave();
});

test("an address without a site says what to do", async () => {
  const { window, leave } = await visit("bob", { later: true });
  await window.route("**/api/**", (route) => route.fulfill(problem(404, "tenant-not-found")));
  await window.goto(`${new URL(process.env.PAGE_URL).origin.replace("alice", "bob")}/`);
  await window.getByRole("heading", { name: "There is no site at this address" }).waitFor();
  await leave();
});

for (const [code, words] of [
  ["access_denied", "is not on this site's list"],
  ["email_not_verified", "is not verified yet"],
  ["callback_failed", "The login did not complete"],
  ["<img src=x onerror=alert(1)>", "The login did not succeed"],
]) {
  test(`after a login that ended in ${code}, the page says what to do`, async () => {
    const { window, leave } = await visit("bob", { at: `?auth_error=${encodeURIComponent(code)}` });
    await window.getByRole("alert").getByText(words, { exact: false }).waitFor();
    assert.equal(new URL(window.url()).search, "");
    await leave();
  });
}

test("where people log in by account, the button leads to the issuer and back to the same view", async () => {
  const { window, leave, home } = await visit("bob", { later: true });
  await window.route("**/api/config/features", async (route) => {
    await route.fulfill({ json: { auto_view_enabled: false, auth_mode: "auth0", auth_methods: ["openid", "password"] } });
  });
  await window.route("**/auth/login?*", (route) => route.fulfill({ status: 303, headers: { Location: "/" } }));
  await window.goto(`${home}/#/history`);
  const asked = window.waitForRequest("**/auth/login?*");
  await button(window, "Log in").click();
  assert.equal(new URL((await asked).url()).searchParams.get("return_to"), "/");
  await window.waitForURL("**/#/history");
  await window.getByLabel("Password").fill("wrong");
  await button(window, "Use the password").click();
  await window.getByText("This is not the password").waitFor();
  // What stands in the box, which programs fill unasked, is not sent.
  const again = window.waitForRequest("**/auth/login?*");
  await button(window, "Log in").click();
  await again;
  await leave();
});

test("an image that is gone keeps its history, and a list that fails can be asked for again", async () => {
  const { window, leave } = await admin("bob", { at: "#/image/gone.jpg" });
  await window.getByText("Not in the library any more").waitFor();
  await window.getByRole("heading", { name: "Published so far" }).waitFor();
  let isAway = true;
  await window.route("**/api/images/list?*", (route) =>
    isAway ? route.fulfill(problem(502, "upstream-failed", { detail: "Storage is away." })) : route.continue());
  await window.goto(`${window.url().split("#")[0]}#/library`);
  await window.getByText("Storage is away.").waitFor();
  isAway = false;
  await button(window, "Try again").click();
  await window.getByRole("link", { name: "north-ridge.jpg", exact: true }).waitFor();
  await leave();
});

test("a platform without a caption beside others is said at its box", async () => {
  const { window, leave } = await admin("erin", { at: "#/image/salt-flat.png" });
  await window.getByRole("textbox", { name: "Mastodon" }).fill("One");
  await window.getByRole("textbox", { name: "Bluesky" }).fill("");
  await button(window, "Publish").click();
  await window.getByText("Type a caption for Bluesky as well", { exact: false }).waitFor();
  assert.equal(await window.evaluate(() => document.activeElement?.tagName), "TEXTAREA");
  await window.getByLabel("Send to Bluesky").uncheck();
  await window.getByLabel("Send to Mastodon").uncheck();
  await button(window, "Publish").click();
  await window.getByText("Choose at least one platform.").waitFor();
  await leave();
});

test("where everyone may look, a visitor sees the images and a way to log in, and nothing to publish with", async () => {
  const { window, leave, home } = await visit("bob", { later: true });
  await window.route("**/api/config/features", (route) => route.fulfill({ json: FEATURES }));
  await window.route("**/api/images/list?*", (route) => route.fulfill({ json: { filenames: ["a.jpg", "b.jpg"], count: 2 } }));
  await window.route("**/api/images/a.jpg", (route) => route.fulfill({ json: {
    filename: "a.jpg", temp_url: "/media/x/a.jpg", thumbnail_url: "/x", sha256: null, caption: null, sd_caption: null,
    metadata: null, has_sidecar: false, caption_generated: null, caption_submitted: null, platform_limits: {},
  } }));
  await window.route("**/thumbnail?*", (route) => route.fulfill({ status: 404, body: "" }));
  await window.goto(`${home}/`);
  await window.getByRole("link", { name: "a.jpg", exact: true }).click();
  await window.getByText("Log in to publish this image.").waitFor();
  for (const name of ["Publish", "Keep", "Remove", "Delete", "Analyze", "Log out"]) {
    assert.equal(await button(window, name).count(), 0, name);
  }
  assert.equal(await window.getByRole("link", { name: "Queue", exact: true }).count(), 0);
  await button(window, "Log in").click();
  await window.getByLabel("Password").fill(PASSWORD);
  await button(window, "Log in").last().click();
  await button(window, "Log out").waitFor();
  await window.getByRole("link", { name: "Queue", exact: true }).waitFor();
  await leave();
});

test("where captions are not written, one has to be typed", async () => {
  const { window, leave } = await admin("erin", {
    at: "#/image/salt-flat.png",
    before: (page) => page.route("**/api/config/features", (route) =>
      route.fulfill({ json: { ...FEATURES, analyze_caption_enabled: false } })),
  });
  let sent = 0;
  await window.route("**/publish", (route) => {
    sent += 1;
    return route.fulfill(problem(422, "unusable-image"));
  });
  for (const name of ["Mastodon", "Bluesky"]) await window.getByRole("textbox", { name }).fill("");
  await window.getByText("Captions have to be typed", { exact: false }).waitFor();
  await button(window, "Publish").click();
  await window.getByText("Type a caption: on this site none is written for you.").waitFor();
  assert.equal(sent, 0);
  await leave();
});

test("a caption that is too long is published after a question only", async () => {
  const { window, leave } = await admin("bob", { at: "#/image/north-ridge.jpg" });
  let sent = 0;
  await window.route("**/publish", (route) => {
    sent += 1;
    return route.fulfill(problem(422, "unusable-image"));
  });
  const box = window.getByRole("textbox", { name: "Telegram" });
  await box.fill("");
  assert.equal(await box.getAttribute("placeholder"), "Written for you when you publish");
  await box.fill("word ".repeat(300));
  await button(window, "Publish").click();
  const dialog = window.getByRole("dialog", { name: "Publish with the cut?" });
  await button(dialog, "Back").click();
  assert.equal(sent, 0);
  await button(window, "Publish").click();
  await button(dialog, "Publish with the cut").click();
  await window.getByText("Nothing was published.").waitFor();
  assert.equal(sent, 1);
  await leave();
});

test("after the voice is saved, what is on is read anew", async () => {
  let isOn = false;
  const { window, leave } = await admin("bob", {
    at: "#/settings",
    before: async (page) => {
      await page.route("**/api/config/features", (route) =>
        route.fulfill({ json: { ...FEATURES, voice_matching_enabled: isOn } }));
      await page.route("**/api/config/voice-profile", (route) =>
        route.fulfill({ json: { voice_profile: [], enabled: isOn, examples_used: 0 } }));
    },
  });
  const voice = window.locator(".features > div", { hasText: /^Voice/ });
  await voice.getByText("Off", { exact: true }).waitFor();
  isOn = true;
  await button(window, "Save the voice").click();
  await voice.getByText("On", { exact: true }).waitFor();
  await leave();
});
