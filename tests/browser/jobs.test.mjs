// The queue: publishing later, approval, posting times. Passed over where the service has no jobs.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { admin, api, button, close, problem } from "./browser.mjs";

after(close);

async function queue(t, tenant, options) {
  const visitor = await admin(tenant, options);
  const jobs = await api(visitor, "GET", "/api/jobs");
  if (jobs.jobs === undefined) {
    await visitor.leave();
    t.skip("this service has no jobs");
    return null;
  }
  for (const job of jobs.jobs) {
    if (["scheduled", "awaiting_approval"].includes(job.status)) await api(visitor, "POST", `/api/jobs/${job.id}/cancel`);
  }
  return visitor;
}

test("an image is planned, changed, approved and cancelled", async (t) => {
  const visitor = await queue(t, "bob", { at: "#/image/salt-flat.png" });
  if (!visitor) return;
  const { window, leave } = visitor;
  await window.getByRole("textbox", { name: "Telegram" }).fill("Later");
  await button(window, "Publish later").click();
  await window.getByLabel("Time", { exact: true }).fill("2027-01-15T18:30");
  await window.getByLabel("Ask for approval first").check();
  await button(window, "Schedule").click();
  await window.getByText("salt-flat.png is planned for", { exact: false }).first().waitFor();
  await button(window, "Show the queue").click();
  await window.getByRole("heading", { name: "Waiting for approval" }).waitFor();
  const [job] = (await api(visitor, "GET", "/api/jobs?status=awaiting_approval")).jobs;
  // Berlin is an hour ahead in winter.
  assert.equal(Date.parse(job.publish_at), Date.parse("2027-01-15T17:30:00Z"));
  assert.deepEqual(job.captions, { telegram: "Later" });

  await window.getByRole("link", { name: "Library", exact: true }).click();
  await window.locator(".tile", { hasText: "salt-flat.png" }).locator(".mark-planned").waitFor();
  await window.getByRole("link", { name: "salt-flat.png", exact: true }).click();
  await window.getByText("Waits for approval, for").waitFor();
  await window.getByRole("link", { name: "Queue", exact: true }).click();
  await button(window, "Change").click();
  await window.getByRole("dialog").getByRole("textbox", { name: "Telegram" }).fill("Later still");
  await button(window, "Save").last().click();
  await window.getByText("Changed.", { exact: true }).first().waitFor();
  assert.deepEqual((await api(visitor, "GET", `/api/jobs/${job.id}`)).captions, { telegram: "Later still" });

  await button(window, "Approve").click();
  await window.getByRole("heading", { name: "Scheduled" }).waitFor();
  await button(window, "Approve").waitFor({ state: "detached" });
  await button(window, "Cancel").click();
  await window.getByText("Somebody cancelled it.").first().waitFor();
  assert.equal((await api(visitor, "GET", `/api/jobs/${job.id}`)).status, "cancelled");
  await leave();
});

test("posting times are set in a time zone, and the next is in the queue", async (t) => {
  const visitor = await queue(t, "bob", { at: "#/queue" });
  if (!visitor) return;
  const { window, leave } = visitor;
  await button(window, "Add a time").click();
  await window.getByLabel("Day of time 1", { exact: true }).selectOption("Mon");
  await window.getByLabel("Time of day of time 1").fill("09:15");
  await window.getByLabel("Time zone").fill("Not/AZone");
  await window.getByRole("switch", { name: "Follow the posting times" }).check();
  await button(window, "Save").click();
  await window.getByText("timezone must be", { exact: false }).waitFor();
  await window.getByLabel("Time zone").fill("Europe/Berlin");
  await button(window, "Save").click();
  await window.getByText("The next image").first().waitFor();
  const schedule = await api(visitor, "GET", "/api/schedule");
  assert.deepEqual(schedule.times, ["Mon 09:15"]);
  assert.equal(schedule.timezone, "Europe/Berlin");
  await window.getByRole("switch", { name: "Follow the posting times" }).uncheck();
  await button(window, "Save").click();
  await window.getByText("The posting times were changed.").first().waitFor();
  await api(visitor, "PUT", "/api/schedule", { timezone: "UTC", times: [], platforms: null, enabled: false, needs_approval: false });
  await leave();
});

test("a publication shows its stages to both of two people", async (t) => {
  const visitor = await queue(t, "erin", { at: "#/image/north-ridge.jpg" });
  if (!visitor) return;
  // On a sandbox that was used before, the platforms have the image.
  const outcome = /^Published\.$|^It is there already\./;
  let listens = () => {};
  const listening = new Promise((resolve) => (listens = resolve));
  const other = await admin("erin", {
    at: "#/image/north-ridge.jpg",
    before: async (page) => page.on("response", (it) => it.url().endsWith("/api/jobs/events") && listens()),
  });
  await other.window.getByRole("textbox", { name: "Mastodon" }).waitFor();
  await listening;
  for (const name of ["Mastodon", "Bluesky"]) await visitor.window.getByRole("textbox", { name }).fill("Both");
  await button(visitor.window, "Publish").click();
  const seen = other.window.getByText("This image is being published.").or(other.window.getByText(outcome));
  await seen.first().waitFor();
  await visitor.window.getByText(outcome).first().waitFor();
  await other.window.getByText(outcome).first().waitFor();
  await other.leave();
  await visitor.leave();
});

const failed = {
  id: "9", status: "done", filename: "salt-flat.png", publish_at: "2026-05-04T18:30:00Z", created_at: "2026-05-04T18:30:00Z",
  attempts: 1, stage: null, error: null, reason: null, platforms: null, caption: null, captions: null, force: false,
  allow_empty_caption: false, needs_approval: false, schedule: false,
  results: {
    telegram: {
      caption: "x", error: "chat not found", outcome: "failed", post_id: null, post_url: null, reason: "rejected",
      retry_after_seconds: null, success: false,
    },
  },
};

test("a job that failed in part is tried again once, however often the button is clicked", async () => {
  const { window, leave } = await admin("bob", {
    at: "#/queue",
    before: async (page) => {
      await page.route("**/api/jobs?*", (route) => route.fulfill({ json: { jobs: [failed], next_cursor: null } }));
    },
  });
  let retries = 0;
  let goOn = () => {};
  const clicked = new Promise((resolve) => (goOn = resolve));
  await window.route("**/api/jobs/9/retry", async (route) => {
    retries += 1;
    await clicked;
    await route.fulfill({ json: { ...failed, status: "running", results: {} } });
  });
  await window.getByText("Done in part").waitFor();
  await window.getByText("The platform refused the post. chat not found").waitFor();
  await button(window, "Retry").dblclick({ noWaitAfter: true });
  goOn();
  await window.getByRole("heading", { name: "Publishing now" }).waitFor();
  assert.equal(retries, 1);
  await leave();
});

test("a stream of events that ends is taken up where it ended", async () => {
  const asked = [];
  let sent = () => {};
  const third = new Promise((resolve) => (sent = resolve));
  const { window, leave } = await admin("bob", {
    at: "#/queue",
    before: async (page) => {
      await page.route("**/api/jobs?*", (route) => route.fulfill({ json: { jobs: [], next_cursor: null } }));
      await page.route("**/api/jobs/events", async (route) => {
        asked.push(route.request().headers()["last-event-id"]);
        const number = asked.length;
        const job = { ...failed, id: String(number), filename: `event-${number}.jpg` };
        if (number === 3) sent();
        // A comment, an event in two pieces of data, and the beginning of one that never ends.
        const body = `: hello\r\n\r\nid: ${40 + number}\r\nevent: job\r\ndata: ${JSON.stringify(job)}\r\n\r\nid: 99\ndata: {`;
        await route.fulfill({ contentType: "text/event-stream", body });
      });
    },
  });
  await third;
  assert.deepEqual(asked.slice(0, 3), [undefined, "41", "42"]);
  await leave();
});

test("Publish later checks the time, and sends a corrected request under a key of its own", async (t) => {
  const visitor = await queue(t, "bob", { at: "#/image/salt-flat.png" });
  if (!visitor) return;
  const { window, leave } = visitor;
  const sent = [];
  await window.route("**/api/jobs", async (route) => {
    const request = route.request();
    sent.push({ key: request.headers()["idempotency-key"], at: request.postDataJSON().publish_at });
    if (sent.length === 1) await route.abort("connectionreset");
    else if (sent.length === 2) await route.fulfill(problem(422, "validation-failed"));
    else await route.fulfill({ json: { ...failed, status: "scheduled", results: {}, publish_at: sent.at(-1).at } });
  });
  await button(window, "Publish later").click();
  const dialog = window.getByRole("dialog");
  const time = dialog.getByLabel("Time", { exact: true });
  const send = button(dialog, "Schedule");
  await time.fill("2020-01-15T18:30");
  await send.click();
  await dialog.getByText("This time has passed. Choose a later one.").waitFor();
  assert.equal(sent.length, 0);
  await time.fill("2030-01-15T18:30");
  await send.click();
  await dialog.getByText("The service cannot be reached.", { exact: false }).waitFor();
  await send.click();
  await dialog.getByText("It is a validation-failed.").waitFor();
  await time.fill("2029-01-15T18:30");
  await send.click();
  await dialog.waitFor({ state: "detached" });
  // What may have arrived is sent under its key again, what was refused under another.
  assert.equal(sent[0].key, sent[1].key);
  assert.notEqual(sent[1].key, sent[2].key);
  await leave();
});

test("jobs that wait for their next attempt, or had nothing to send, say so in plain words", async () => {
  const refused = { ...failed.results.telegram, error: "the platform refused the post: chat not found" };
  const taken = { ...refused, outcome: "published", reason: null, error: null, success: true };
  const next = new Date(Date.now() + 3_600_000).toISOString();
  const jobs = [
    { ...failed, id: "1", status: "scheduled", reason: "platforms_failed", next_attempt_at: next, error: "Telegram: the platform refused the post: chat not found.", results: { telegram: refused, email: taken } },
    { ...failed, id: "2", reason: "dry_run", results: { telegram: { ...refused, outcome: "skipped", reason: "dry_run", error: null } } },
    { ...failed, id: "3", filename: null, reason: "nothing_to_publish", error: "There was no image left that was not published.", results: {} },
  ];
  const { window, leave } = await admin("bob", {
    at: "#/queue",
    before: (page) => page.route("**/api/jobs?*", (route) => route.fulfill({ json: { jobs, next_cursor: null } })),
  });
  const row = (text) => window.locator("li.job", { hasText: text });
  const waiting = row("Not every platform took the image.");
  await waiting.getByText("Next attempt at").waitFor();
  await waiting.getByText("The platform refused the post. chat not found", { exact: true }).waitFor();
  assert.equal(await button(waiting, "Change").count(), 0);
  await row("Nothing was sent:").getByText("Nothing sent", { exact: true }).waitFor();
  await row("There was no image left to publish").getByText("Nothing sent", { exact: true }).waitFor();
  assert.equal(await window.getByRole("button", { name: "Retry" }).count(), 0);
  await window.getByRole("heading", { name: "Recent" }).waitFor();
  await leave();
});

test("of many planned jobs, those that come first are shown and marked", async () => {
  const jobs = Array.from({ length: 450 }, (_, index) => ({
    id: String(index + 1), status: "scheduled", filename: index === 0 ? "north-ridge.jpg" : `image-${index}.jpg`,
    publish_at: new Date(Date.UTC(2027, 0, 1, 0, index)).toISOString(), created_at: "2026-05-04T18:30:00Z", attempts: 0,
    stage: null, error: null, reason: null, platforms: ["telegram"], caption: null, captions: null, force: false,
    allow_empty_caption: false, needs_approval: false, next_attempt_at: null, schedule: false, results: {},
  }));
  // As the service does: what is due last comes first.
  const listed = jobs.toReversed();
  const { window, leave, home } = await admin("bob", {
    at: "#/queue",
    before: (page) => page.route("**/api/jobs?*", (route) => {
      const query = new URL(route.request().url()).searchParams;
      const from = Number(query.get("cursor") ?? 0);
      const [all, to] = [query.get("status") === "scheduled" ? listed : [], from + Number(query.get("limit"))];
      return route.fulfill({ json: { jobs: all.slice(from, to), next_cursor: to < all.length ? String(to) : null } });
    }),
  });
  await window.getByRole("heading", { name: "Scheduled" }).getByText("450").waitFor();
  const rows = window.locator(".jobs > li");
  assert.equal(await rows.count(), 200);
  await rows.first().getByRole("link", { name: "north-ridge.jpg" }).waitFor();
  await window.getByText("And 250 more after these.").waitFor();
  await window.goto(`${home}/#/image/north-ridge.jpg`);
  await window.getByText("Planned for", { exact: false }).waitFor();
  await leave();
});
