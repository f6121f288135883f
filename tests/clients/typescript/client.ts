// What another team does with types generated for TypeScript. Run by `tests/clients/run`.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import dns from "node:dns";
import process from "node:process";

import createClient from "openapi-fetch";

import type { components, paths } from "./schema.d.ts";

type Publication = components["schemas"]["Publication"];

function setting(name: string): string {
  const value = process.env[name];
  assert(value, `${name} is not set`);
  return value;
}

// `fetch` sends the host that it connects to. Names below `localhost` lead to this machine (RFC
// 6761), which not every resolver knows.
const baseUrl = new URL(setting("BASE_URL"));
const address = baseUrl.hostname;
baseUrl.hostname = setting("TENANT_HOST");
const lookup = dns.lookup;
dns.lookup = ((_: string, ...rest: [dns.LookupOptions, () => void]) =>
  lookup(address, ...rest)) as typeof dns.lookup;

const client = createClient<paths>({
  baseUrl: baseUrl.origin,
  headers: { Authorization: `Bearer ${setting("TOKEN")}` },
});
const say = (what: string) => console.log(`typescript: ${what}`);

const images = await client.GET("/api/images/list");
assert(images.data, JSON.stringify(images.error));
const image = images.data.filenames[0];
assert(image && images.data.count === images.data.filenames.length);
say(`lists ${images.data.count} images`);

const thumbnail = await client.GET("/api/images/{filename}/thumbnail", {
  params: { path: { filename: image }, query: { size: "w256h256" } },
  parseAs: "arrayBuffer",
});
assert(thumbnail.data, JSON.stringify(thumbnail.error));
assert.match(thumbnail.response.headers.get("ETag") ?? "", /-w256h256"$/);
say(`gets a thumbnail of ${(thumbnail.data as ArrayBuffer).byteLength} bytes`);

const publish = {
  params: { path: { filename: image }, header: { "Idempotency-Key": randomUUID() } },
  body: { caption: "From TypeScript" },
};
const first = await client.POST("/api/images/{filename}/publish", publish);
assert(first.data, JSON.stringify(first.error));
const telegram = first.data.results["telegram"];
assert(telegram?.outcome === "published" && telegram.post_id);
assert.equal(first.response.headers.get("Idempotency-Replayed"), null);
say(`publishes "${image}" as post ${telegram.post_id}`);

const again = await client.POST("/api/images/{filename}/publish", publish);
assert.equal(again.response.headers.get("Idempotency-Replayed"), "true");
assert.deepEqual(again.data, first.data);
say("gets the first answer again under the same key");

const missing = await client.GET("/api/images/{filename}", {
  params: { path: { filename: "no-such.jpg" } },
});
assert(missing.error);
assert.equal(missing.error.type, "/problems/image-not-found");
assert.equal(missing.error.status, 404);
say(`reads a problem: ${missing.error.type}, ${missing.error.detail}`);

const publications: Publication[] = [];
let cursor: string | null | undefined;
let pages = 0;
do {
  const query = cursor ? { limit: 1, cursor } : { limit: 1 };
  const page = await client.GET("/api/publications", { params: { query } });
  assert(page.data, JSON.stringify(page.error));
  publications.push(...page.data.publications);
  cursor = page.data.next_cursor;
  pages += 1;
} while (cursor !== null);
assert(publications.some((entry) => entry.filename === image));
say(`pages through ${publications.length} publications in ${pages} pages`);

const tomorrow = new Date(Date.now() + 24 * 60 * 60 * 1000).toISOString();
const added = await client.POST("/api/jobs", {
  body: { filename: image, publish_at: tomorrow, caption: "From TypeScript, tomorrow" },
});
assert(added.data, JSON.stringify(added.error));
const { id } = added.data;
assert.equal(added.data.status, "scheduled");
assert.equal(added.response.headers.get("Location"), `/api/jobs/${id}`);
const jobs = await client.GET("/api/jobs", { params: { query: { status: "scheduled" } } });
assert(jobs.data, JSON.stringify(jobs.error));
assert(jobs.data.jobs.some((job) => job.id === id));
const cancelled = await client.POST("/api/jobs/{id}/cancel", { params: { path: { id } } });
assert.equal(cancelled.data?.status, "cancelled");
say(`adds job ${id} for tomorrow, finds it among ${jobs.data.jobs.length}, and cancels it`);
