// What people come for, from the login to the logout.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { admin, api, button, close, PASSWORD, problem, visit } from "./browser.mjs";
import { newPicture } from "./hands.mjs";

after(close);

// A picture of one pixel, in PNG.
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPj/HwAEBgIA5agATwAAAABJRU5ErkJggg==",
  "base64",
);

test("a wrong password is refused, the right one logs in, and a logout ends it", async () => {
  const { window, leave } = await visit("alice");
  await window.getByLabel("Password").fill("wrong");
  await button(window, "Use the password").click();
  await window.getByText("This is not the password").waitFor();
  await window.getByLabel("Password").fill(PASSWORD);
  await button(window, "Use the password").click();
  await window.getByRole("heading", { name: "Library" }).waitFor();
  for (const name of ["Library", "Queue", "History"]) await window.getByRole("link", { name, exact: true }).waitFor();
  await button(window, "Log out").click();
  await window.getByLabel("Password").waitFor();
  await window.reload();
  await window.getByLabel("Password").waitFor();
  await leave();
});

test("the library is searched and sorted", async () => {
  const { window, leave } = await admin("alice");
  await window.getByRole("link", { name: "harbour-dawn.jpg", exact: true }).waitFor();
  const names = () => window.locator(".tile .name").allInnerTexts();
  const before = await names();
  await window.getByLabel("Sort").selectOption("name desc");
  assert.deepEqual(await names(), [...before].reverse());
  await window.getByLabel("Search by name").fill("LANTERN");
  await window.getByText("1 image", { exact: true }).waitFor();
  assert.deepEqual(await names(), ["paper-lantern.png"]);
  await window.getByLabel("Search by name").fill("no such image");
  await window.getByText("No image has this in its name").waitFor();
  await leave();
});

test("files are uploaded with a report for each, and a name that is taken is asked about", async () => {
  const visitor = await admin("carol");
  const { window, leave } = visitor;
  const name = "browser-upload.png";
  await window.getByRole("heading", { name: "Library" }).waitFor();
  const files = [
    { name, mimeType: "image/png", buffer: PIXEL },
    { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("no image") },
  ];
  await window.getByLabel("Images to upload").setInputFiles(files);
  await window.getByText("Only JPEG, PNG and WebP images can be uploaded.").waitFor();
  await window.locator(".uploads li.done", { hasText: name }).waitFor();
  const tooLarge = problem(413, "payload-too-large", { detail: "The file has more than 20 MB (of 1,048,576 bytes)." });
  await window.route("**/api/library/upload", (route) => route.fulfill(tooLarge), { times: 1 });
  await window.getByLabel("Images to upload").setInputFiles([{ name: "huge.png", mimeType: "image/png", buffer: PIXEL }]);
  await window.getByText("The file is larger than 20 MB.", { exact: true }).waitFor();
  // What is refused once is refused the second time as well.
  assert.equal(await button(window, "Try again").count(), 0);
  assert.equal(await window.locator(".uploads li.bad progress").first().isVisible(), false);
  await window.getByRole("link", { name, exact: true }).waitFor();
  await button(window, "Close the uploads").click();

  // The second time by dropping it.
  const data = await window.evaluateHandle(([bytes, fileName]) => {
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(bytes)], fileName, { type: "image/png" }));
    return transfer;
  }, [[...PIXEL], name]);
  for (const type of ["dragenter", "dragover", "drop"]) {
    await window.locator(".library").dispatchEvent(type, { dataTransfer: data });
  }
  await window.getByText("An image of this name exists already.").first().waitFor();
  // Where something is selected, the uploads leave its buttons free.
  await window.getByLabel(`Select ${name}`).check({ force: true });
  const [bar, panel] = [await window.locator(".selection-bar").boundingBox(), await window.locator(".upload-panel").boundingBox()];
  const isCovered = panel.x < bar.x + bar.width && bar.x < panel.x + panel.width && panel.y < bar.y + bar.height && bar.y < panel.y + panel.height;
  assert.equal(isCovered, false, "the uploads cover the selection");
  await button(window, "Clear").click();
  await button(window, "Replace it").click();
  await window.locator(".uploads li.done", { hasText: name }).waitFor();
  await api(visitor, "DELETE", `/api/library/objects/${name}`);
  await leave();
});

test("an upload that is cancelled while it has to wait is not sent", async () => {
  const { window, leave } = await admin("carol");
  await window.getByRole("heading", { name: "Library" }).waitFor();
  let sent = 0;
  await window.route("**/api/library/upload", (route) => {
    sent += 1;
    return route.fulfill(problem(429, "rate-limited", { retryAfter: 2 }));
  });
  for (const how of ["Cancel", "Close the uploads"]) {
    sent = 0;
    await window.getByLabel("Images to upload").setInputFiles([{ name: "late.png", mimeType: "image/png", buffer: PIXEL }]);
    await window.getByText("The service asks to wait", { exact: false }).waitFor();
    await button(window, how).click();
    await window.waitForTimeout(2_500);
    assert.equal(sent, 1, how);
  }
  await leave();
});

test("what is deleted is deleted to the end although the page is left meanwhile", async () => {
  const visitor = await admin("carol");
  const { window, leave } = visitor;
  const names = ["left-1.png", "left-2.png", "left-3.png"];
  // Different ones: the service does one thing at a time with the same content.
  const files = names.map((name) => ({ name, mimeType: "image/png", buffer: newPicture() }));
  await window.getByLabel("Images to upload").setInputFiles(files);
  for (const name of names) await window.locator(".uploads li.done", { hasText: name }).waitFor();
  await button(window, "Close the uploads").click();
  for (const name of names) await window.getByLabel(`Select ${name}`).check({ force: true });
  // The first request has no answer as long as the page is there.
  await window.evaluate(() => {
    const real = window.fetch;
    let held = false;
    window.fetch = (target, options) => {
      if (held || !String(target).endsWith("/delete")) return real(target, options);
      held = true;
      void real(target, options);
      return new Promise(() => {});
    };
  });
  await button(window, "Delete").click();
  await button(window, "Dismiss").click();
  await window.goto("about:blank");
  const left = async () => {
    const { filenames } = await api(visitor, "GET", "/api/images/list");
    return filenames.filter((name) => names.includes(name));
  };
  for (let tries = 0; tries < 50 && (await left()).length > 0; tries += 1) await window.waitForTimeout(100);
  assert.deepEqual(await left(), []);
  await leave();
});

test("several images are kept at once, it is undone, and one is moved back from its folder", async () => {
  const visitor = await admin("carol");
  const { window, leave } = visitor;
  const all = (await api(visitor, "GET", "/api/images/list")).filenames;
  const image = (name) => window.getByRole("link", { name, exact: true });
  for (const name of all.slice(0, 2)) await window.getByLabel(`Select ${name}`).check({ force: true });
  await window.getByText("2 selected").waitFor();
  await button(window, "Keep").click();
  await window.getByText("Kept 2 images.", { exact: true }).waitFor();
  for (const name of all.slice(0, 2)) await image(name).waitFor({ state: "detached" });
  assert.deepEqual((await api(visitor, "GET", "/api/images/list")).filenames, all.slice(2));
  await button(window, "Undo").click();
  for (const name of all) await image(name).waitFor();
  assert.deepEqual((await api(visitor, "GET", "/api/images/list")).filenames, all);

  await window.getByLabel(`Select ${all[0]}`).check({ force: true });
  await button(window, "Remove").click();
  await image(all[0]).waitFor({ state: "detached" });
  await window.getByRole("radio", { name: "Removed" }).check({ force: true });
  await window.getByLabel(`Select ${all[0]}`).check({ force: true });
  assert.equal(await button(window, "Delete").count(), 0);
  await button(window, "Move back").click();
  await window.getByText("This folder is empty").waitFor();
  await window.getByRole("radio", { name: "To publish" }).check({ force: true });
  await image(all[0]).waitFor();
  assert.deepEqual((await api(visitor, "GET", "/api/images/list")).filenames, all);
  await leave();
});

test("what is deleted goes when the time to undo is over, and not if it is undone", async () => {
  const visitor = await admin("carol");
  const { window, leave } = visitor;
  const name = "browser-delete.png";
  const image = window.getByRole("link", { name, exact: true });
  await window.getByLabel("Images to upload").setInputFiles([{ name, mimeType: "image/png", buffer: PIXEL }]);
  await image.click();
  await window.getByRole("heading", { name }).waitFor();
  let calls = 0;
  window.on("request", (request) => (calls += request.url().endsWith("/delete") ? 1 : 0));
  await button(window, "Delete").click();
  await window.getByText(`Deleted ${name}.`, { exact: true }).waitFor();
  await button(window, "Undo").click();
  await window.getByRole("link", { name: "Library", exact: true }).click();
  await image.click();
  assert.equal(calls, 0);
  await button(window, "Delete").click();
  await button(window, "Dismiss").click();
  await window.getByRole("link", { name: "Library", exact: true }).click();
  await image.waitFor({ state: "detached" });
  assert.equal(calls, 1);
  assert.equal((await api(visitor, "GET", "/api/images/list")).filenames.includes(name), false);
  await leave();
});

test("a notice under a pointer at rest goes in its time, covers no button, and stays while it is pointed at", async () => {
  for (const phone of [false, true]) {
    const { window, leave } = await admin("bob", { at: "#/image/north-ridge.jpg", phone });
    await window.route("**/delete", (route) => route.fulfill({ status: 404, contentType: "application/problem+json", body: '{"type":"/problems/image-not-found","status":404}' }));
    await button(window, "Delete").waitFor();
    await window.clock.install();
    await button(window, "Delete").click();
    const notice = window.locator(".notice");
    const { x, y, width, height } = await notice.boundingBox();
    await window.getByRole("heading", { name: "salt-flat.png" }).waitFor();
    for (const it of [button(window, "Delete"), window.getByRole("link", { name: "Open original" }), button(window, "Publish")]) {
      const box = await it.boundingBox();
      const isCovered = box.x < x + width && x < box.x + box.width && box.y < y + height && y < box.y + box.height;
      assert.equal(isCovered, false, `${it}`);
    }
    await notice.dispatchEvent("pointerenter", { clientX: 100, clientY: 30 });
    await notice.dispatchEvent("pointermove", { clientX: 100, clientY: 30 });
    await window.clock.runFor(5_000);
    await notice.dispatchEvent("pointermove", { clientX: 104, clientY: 31 });
    await window.clock.runFor(20_000);
    assert.equal(await notice.count(), 1);
    await notice.dispatchEvent("pointerleave");
    const asked = window.waitForRequest("**/delete");
    await window.clock.runFor(8_500);
    await asked;
    await notice.waitFor({ state: "detached" });
    await leave();
  }
});

test("an image is analyzed, its captions are counted as each platform counts, and typed text outlives a reload", async () => {
  const { window, leave } = await admin("erin", { at: "#/image/salt-flat.png" });
  await window.getByRole("heading", { name: "salt-flat.png" }).waitFor();
  await button(window, "Analyze").click();
  const mastodon = window.getByRole("textbox", { name: "Mastodon" });
  const bluesky = window.getByRole("textbox", { name: "Bluesky" });
  await window.getByRole("heading", { name: "Analysis" }).waitFor();
  assert.notEqual(await mastodon.inputValue(), "");
  // A family of four is one character; a link of any length is 23 on Mastodon alone.
  const text = "👩‍👩‍👧‍👦 https://example.com/a/very/long/path/that/goes/on";
  for (const box of [mastodon, bluesky]) await box.fill(text);
  const count = (box) => box.locator("xpath=ancestor::div[contains(@class,'box')][1]").locator(".count").innerText();
  assert.match(await count(mastodon), /^25 \/ /);
  assert.match(await count(bluesky), /^51 \/ 300$/);
  await bluesky.fill("word ".repeat(80));
  await window.getByText("Too long: it would be cut here.").waitFor();
  await window.reload();
  assert.equal(await bluesky.inputValue(), "word ".repeat(80));
  assert.equal(await mastodon.inputValue(), text);
  await button(window, "Preview").click();
  await window.getByText("On Bluesky").waitFor();
  const shown = await window.locator(".preview figure", { hasText: "On Bluesky" }).innerText();
  assert.match(shown, /word…/);
  await leave();
});

test("an image is published, with links to the posts, and is in the history", async () => {
  const { window, leave } = await admin("erin", { at: "#/image/tide-line.webp" });
  await window.getByRole("textbox", { name: "Mastodon" }).fill("Low water");
  await window.getByRole("textbox", { name: "Bluesky" }).fill("Low water");
  await button(window, "Publish").click();
  await window.getByText("Published.", { exact: true }).waitFor({ timeout: 30_000 });
  const link = window.getByRole("link", { name: "Open on Mastodon" }).first();
  assert.match(await link.getAttribute("href"), /^https?:\/\//);
  assert.equal(await link.getAttribute("rel"), "noopener noreferrer");
  await window.getByRole("link", { name: "History", exact: true }).click();
  await window.getByLabel("Platform", { exact: true }).selectOption("bluesky");
  await window.getByRole("rowheader", { name: "tide-line.webp" }).first().waitFor();
  for (const cell of await window.locator("td[data-label=Platform]").allInnerTexts()) assert.match(cell, /Bluesky/);
  await leave();
});

const result = (outcome, more = {}) => ({
  caption: "x", error: null, outcome, post_id: null, post_url: null, reason: null, retry_after_seconds: null,
  success: outcome === "published", ...more,
});
const answer = (results) => ({ filename: "x", results, archived: false, any_success: true, dry_run: false, warnings: [] });

test("where one platform fails, Retry is for that one alone", async () => {
  const { window, leave } = await admin("alice", { at: "#/image/harbour-dawn.jpg" });
  const sent = [];
  await window.route("**/publish", async (route) => {
    const request = route.request();
    sent.push({ key: request.headers()["idempotency-key"], body: request.postDataJSON() });
    const refused = result("failed", { reason: "rejected", error: "chat not found" });
    const results = sent.length === 1
      ? { telegram: refused, email: result("published") }
      : { telegram: result("published", { post_url: "https://t.me/alice/1" }) };
    await route.fulfill({ json: answer(results) });
  });
  await window.getByRole("textbox", { name: "Telegram" }).fill("One");
  await window.getByRole("textbox", { name: "FetLife" }).fill("Two");
  await button(window, "Publish").click();
  await window.getByText("Some platforms did not take it.").waitFor();
  await window.getByText("The platform refused the post. chat not found").waitFor();
  await button(window, "Retry").click();
  await window.getByText("Published.", { exact: true }).waitFor();
  await window.getByRole("link", { name: "Open on Telegram" }).waitFor();
  assert.deepEqual(sent[0].body, { platforms: ["telegram", "email"], captions: { telegram: "One", email: "Two" } });
  assert.deepEqual(sent[1].body, { platforms: ["telegram"], captions: { telegram: "One" } });
  assert.notEqual(sent[0].key, sent[1].key);
  await leave();
});

test("a double click is one intention, and a reload goes on with it under the same key", async () => {
  const { window, leave } = await admin("alice", { at: "#/image/harbour-dawn.jpg" });
  const keys = [];
  let isOpen = false;
  await window.route("**/publish", async (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    if (isOpen) await route.fulfill({ json: answer({ telegram: result("published"), email: result("published") }) });
    // Else the answer never comes.
  });
  await window.getByRole("textbox", { name: "Telegram" }).fill("One");
  await window.getByRole("textbox", { name: "FetLife" }).fill("Two");
  await button(window, "Publish").dblclick({ noWaitAfter: true }).catch(() => {});
  await window.getByText("Starting …").waitFor();
  assert.equal(await button(window, "Publish").isDisabled(), true);
  assert.equal(keys.length, 1);
  isOpen = true;
  await window.reload();
  await window.getByText("Published.", { exact: true }).waitFor();
  assert.equal(keys.length, 2);
  assert.equal(keys[0], keys[1]);
  assert.match(keys[0], /^[0-9a-f]{32}$/);
  await window.reload();
  await window.getByRole("textbox", { name: "Telegram" }).waitFor();
  assert.equal(keys.length, 2);
  await leave();
});

test("an unknown outcome is asked for, which sends nothing", async () => {
  const { window, leave } = await admin("alice", { at: "#/image/harbour-dawn.jpg" });
  const entry = {
    id: "7", filename: "harbour-dawn.jpg", platform: "telegram", content_hash: "0", content_hash_kind: "sha256",
    outcome: "unknown", reason: "lost_answer", error: null, post_id: null, post_url: null,
    started_at: "2026-05-04T18:30:00Z", ended_at: "2026-05-04T18:30:02Z",
  };
  await window.route("**/api/publications?*", (route) => route.fulfill({ json: { publications: [entry], next_cursor: null } }));
  await window.route("**/api/publications/7/check", (route) => route.fulfill({ json: { ...entry, outcome: "published", reason: null } }));
  await window.reload();
  await button(window, "Check").click();
  await window.getByText("Published.", { exact: true }).waitFor();
  await leave();
});

test("the second of two people sees that the image is being published", async () => {
  const first = await admin("alice", { at: "#/image/harbour-dawn.jpg" });
  const running = {
    id: "9", filename: "harbour-dawn.jpg", platform: "telegram", content_hash: "0", content_hash_kind: "sha256",
    outcome: "in_progress", reason: null, error: null, post_id: null, post_url: null,
    started_at: new Date().toISOString(), ended_at: null,
  };
  let entry = running;
  await first.window.route("**/api/publications?*", (route) => route.fulfill({ json: { publications: [entry], next_cursor: null } }));
  await first.window.reload();
  await first.window.getByText("This image is being published.").first().waitFor();
  assert.equal(await button(first.window, "Publish").isDisabled(), true);
  entry = { ...running, outcome: "failed", reason: "rejected", ended_at: new Date().toISOString() };
  await button(first.window, "Retry").waitFor();
  assert.equal(await button(first.window, "Publish").isDisabled(), false);
  // One whose end was not recorded keeps the image from nothing.
  entry = { ...running, started_at: "2026-05-04T18:30:00Z" };
  await first.window.reload();
  await first.window.getByText("In progress", { exact: true }).waitFor();
  assert.equal(await button(first.window, "Publish").isDisabled(), false);
  await first.leave();
});

test("the voice is edited, and what was typed outlives a reload", async () => {
  const visitor = await admin("bob", { at: "#/settings" });
  const { window, leave } = visitor;
  await button(window, "Add an example").click();
  await window.getByRole("textbox", { name: "Example 1" }).fill("Salt, rope, a bell somewhere.");
  await window.reload();
  assert.equal(await window.getByRole("textbox", { name: "Example 1" }).inputValue(), "Salt, rope, a bell somewhere.");
  await button(window, "Save the voice").click();
  await window.getByText("in use").or(window.getByText("Not in use")).waitFor();
  const kept = await api(visitor, "GET", "/api/config/voice-profile");
  assert.deepEqual(kept.voice_profile, ["Salt, rope, a bell somewhere."]);
  await api(visitor, "PUT", "/api/config/voice-profile", { voice_profile: null });
  await leave();
});
