// The words and the rows for outcomes: of a publication, of a job, and of an entry of the history.

import { call } from "./api.js";
import { h, icon } from "./dom.js";
import { platformName, platformPlace } from "./platforms.js";
import { dayAndTime, fromNow, timeAttributes } from "./times.js";

/** @type {Record<string, { name: string, tone: string }>} */
const OUTCOMES = {
  published: { name: "Published", tone: "good" },
  already_published: { name: "Already there", tone: "good" },
  failed: { name: "Failed", tone: "bad" },
  unknown: { name: "Unknown", tone: "warn" },
  skipped: { name: "Skipped", tone: "plain" },
  in_progress: { name: "In progress", tone: "busy" },
};

/** @type {Record<string, string>} */
const REASONS = {
  rejected: "The platform refused the post.",
  unauthorized: "The platform did not accept the login. Ask the operator to renew it.",
  rate_limited: "The platform asks to wait before the next post.",
  unavailable: "The platform, or the login for it, cannot be had at present.",
  image_unsuitable: "The platform does not take this image.",
  lost_answer: "The answer was lost: the post may be there.",
  off: "The platform is off.",
  dry_run: "Nothing was sent: this site, or this request, only tries things out.",
  storage_unavailable: "The storage of the images cannot be reached at present.",
  ai_unavailable: "The provider of captions cannot be reached at present.",
  tenant_unavailable: "The site's settings cannot be had at present.",
  ledger_unavailable: "The record of publications cannot be reached at present.",
  busy: "Something else is working on this image.",
  image_replaced: "The image was replaced meanwhile.",
  interrupted: "The attempt was interrupted.",
  publishing_off: "Publishing is off for this site.",
  no_platform: "None of the platforms is on.",
  captions_unusable: "The captions do not go with the platforms.",
  no_caption: "No caption could be written. Type one.",
  nothing_to_publish: "There was no image left to publish: all of them are published.",
  image_missing: "The image is not there any more.",
  storage_refused: "The storage did not accept the login.",
  out_of_credit: "The credit is used up.",
  platforms_failed: "No platform took the image.",
  too_late: "Its time was over before it could begin.",
  superseded: "A later posting time came first.",
  by_request: "Somebody cancelled it.",
  schedule_changed: "The posting times were changed.",
  tenant_gone: "The site is gone.",
};

/** @type {Record<string, { name: string, tone: string }>} */
const STATUSES = {
  awaiting_approval: { name: "Waiting for approval", tone: "warn" },
  scheduled: { name: "Scheduled", tone: "plain" },
  running: { name: "Publishing", tone: "busy" },
  done: { name: "Done", tone: "good" },
  failed: { name: "Failed", tone: "bad" },
  missed: { name: "Missed", tone: "bad" },
  cancelled: { name: "Cancelled", tone: "plain" },
};

/** The stages of a publication, in their order. @type {[string, string][]} */
export const STAGES = [
  ["find", "Finding the image"],
  ["claim", "Reserving the image"],
  ["wait_for_room", "Waiting for memory"],
  ["fetch", "Fetching the image"],
  ["prepare", "Making copies that fit"],
  ["vision", "Looking at the image"],
  ["captions", "Writing captions"],
  ["stage", "Preparing the posts"],
  ["send", "Sending"],
  ["sidecar", "Writing the sidecar"],
  ["archive", "Moving to the archive"],
];

/** @param {string} outcome */
export function outcomeName(outcome) {
  return OUTCOMES[outcome]?.name ?? outcome;
}

/** The outcomes that the history can be filtered by. */
export const HISTORY_OUTCOMES = ["published", "failed", "unknown", "skipped", "in_progress"];

/** What the service says of every failure on a platform, before the platform's own words. */
const SENTENCES =
  /^the platform (?:refused the post|cannot process the image|refused the credential|is limiting our requests|is not available at the moment|may or may not have taken the post)(?:: |[.\s]*$)/i;

/** The reasons of jobs for which the page has better words than the service, or the results say more. */
const IN_OWN_WORDS = ["dry_run", "nothing_to_publish", "no_caption", "image_missing", "too_late", "superseded", "by_request", "schedule_changed", "tenant_gone"];

/**
 * Why a platform does not have an image: the reason in words, and what the platform said.
 * @param {string | null | undefined} reason
 * @param {string | null | undefined} error
 */
export function because(reason, error) {
  const known = reason ? REASONS[reason] ?? reason : "";
  const said = (error ?? "").replace(known === "" ? "" : SENTENCES, "");
  return said !== "" && said !== known ? `${known} ${said}`.trim() : known;
}

/**
 * Why a job is as it is: in the service's words, where those say more than the page's.
 * @param {Job | undefined} job
 */
export function becauseOf(job) {
  if (!job?.reason) return job?.error ?? "";
  const results = Object.values(job.results ?? {});
  if (job.reason === "platforms_failed") {
    return results.some((it) => it.success) ? "Not every platform took the image." : because(job.reason, results.length > 0 ? "" : job.error);
  }
  return job.error && !IN_OWN_WORDS.includes(job.reason) ? job.error : because(job.reason, "");
}

/**
 * Whether a job has come to its end without anything to send.
 * @param {Job | undefined} job
 */
export function isNothing(job) {
  return job?.status === "done" && (job.reason === "dry_run" || job.reason === "nothing_to_publish");
}

/**
 * @param {string} name
 * @param {string} tone
 */
function chip(name, tone) {
  return h("span", { class: `chip ${tone}` }, name);
}

/** @param {string} outcome */
export function outcomeChip(outcome) {
  const { name, tone } = OUTCOMES[outcome] ?? { name: outcome, tone: "plain" };
  return chip(name, tone);
}

/** @param {Job} job */
export function statusChip(job) {
  const { status, results } = job;
  if (isNothing(job)) return chip("Nothing sent", "plain");
  if (status === "done" && failedPlatforms(results).length > 0) return chip("Done in part", "warn");
  const { name, tone } = STATUSES[status] ?? { name: status, tone: "plain" };
  return chip(name, tone);
}

/**
 * A link to a post, if the platform has an address for it.
 * @param {string | null | undefined} address
 * @param {string} platform
 */
export function postLink(address, platform) {
  if (!address) return null;
  return h(
    "a",
    { class: "post-link", href: address, target: "_blank", rel: "noopener noreferrer" },
    `Open on ${platformName(platform)}`,
    icon("external"),
  );
}

/**
 * The rows of a publication's results.
 * @param {Record<string, Schemas["PlatformResult"]>} results
 * @param {(platform: string) => Node | null} [action]
 */
export function resultList(results, action) {
  const names = Object.keys(results).sort((a, b) => platformPlace(a) - platformPlace(b));
  return h("ul", { class: "results" }, names.map((name) => {
    const result = results[name];
    if (!result) return null;
    const why = because(result.reason, result.error);
    const wait = result.retry_after_seconds ? ` It can be tried again in ${result.retry_after_seconds} s.` : "";
    return h(
      "li",
      null,
      h("div", { class: "result-head" }, h("strong", null, platformName(name)), outcomeChip(result.outcome)),
      why ? h("p", { class: "why", dir: "auto" }, why + wait) : null,
      h("div", { class: "row-actions" }, postLink(result.post_url, name), action?.(name) ?? null),
    );
  }));
}

/**
 * The platforms that do not have the image, and could get it.
 * @param {Record<string, Schemas["PlatformResult"]> | null | undefined} results
 */
export function failedPlatforms(results) {
  return Object.entries(results ?? {})
    .filter(([, it]) => it.outcome === "failed" || (it.outcome === "skipped" && it.reason !== "off" && it.reason !== "dry_run"))
    .map(([name]) => name);
}

/**
 * What came of a publication as a whole.
 * @param {Record<string, Schemas["PlatformResult"]>} results
 */
export function verdict(results) {
  const all = Object.values(results);
  const failed = failedPlatforms(results).length;
  if (failed === all.length) return "No platform took it.";
  if (failed > 0) return "Some platforms did not take it.";
  if (all.every((it) => it.reason === "dry_run")) return "Nothing was sent.";
  if (all.every((it) => it.outcome === "already_published")) return "It is there already. Nothing was sent.";
  return all.some((it) => it.outcome === "unknown") ? "It is not known everywhere whether it is there." : "Published.";
}

/**
 * What came of a publication, in a sentence.
 * @param {Record<string, Schemas["PlatformResult"]>} results
 */
export function summary(results) {
  return Object.entries(results)
    .map(([name, it]) => `${platformName(name)}: ${outcomeName(it.outcome)}`)
    .join(". ");
}

/**
 * A time with how far away it is.
 * @param {string} instant
 */
export function when(instant) {
  return h("time", timeAttributes(instant), `${dayAndTime(instant)} `, h("span", { class: "quiet" }, fromNow(instant)));
}

/**
 * Asks a platform whether it has a post whose answer was lost. Sends nothing.
 * @param {string} filename
 * @param {string} platform
 * @returns {Promise<Schemas["Publication"]>}
 */
export async function checkUnknown(filename, platform) {
  /** @type {Schemas["PublicationList"]} */
  const list = await call("GET", "/api/publications", { query: { filename, platform, outcome: "unknown", limit: 1 } });
  const entry = list.publications[0];
  if (!entry) throw new Error("The history has no such entry any more.");
  return call("POST", `/api/publications/${encodeURIComponent(entry.id)}/check`);
}
