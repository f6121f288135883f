// The view of the queue: what waits for approval, what is scheduled and for when, what runs, what has ended; and the posting times.

import { call, explain, Problem, thumbnail } from "./api.js";
import { button, fill, h, icon, newId } from "./dom.js";
import { happenings, isLive } from "./events.js";
import { changeJob } from "./later.js";
import { announce, notify } from "./notices.js";
import { becauseOf, failedPlatforms, resultList, STAGES, statusChip, when } from "./outcomes.js";
import { jobsOf } from "./planned.js";
import { platformName } from "./platforms.js";
import { PostingTimes } from "./posting-times.js";
import { session } from "./session.js";

const OPEN = ["awaiting_approval", "scheduled", "running"];
const RETRIED = ["done", "failed"];
const POLL = 3_000;
const RECENT = 20;
/** The jobs of a group that are shown: those that come first. */
const MOST_ROWS = 200;

/** @type {Record<string, { title: string, empty: string }>} */
const GROUPS = {
  awaiting_approval: { title: "Waiting for approval", empty: "" },
  running: { title: "Publishing now", empty: "" },
  scheduled: { title: "Scheduled", empty: "Nothing is planned. Open an image and use Publish later, or set posting times." },
  ended: { title: "Recent", empty: "" },
};

/**
 * The view.
 * @returns {import("./main.js").View}
 */
export function queueView() {
  const end = new AbortController();
  const groups = h("div", { class: "groups" }, h("p", { class: "waiting" }, "Loading the queue …"));
  const times = new PostingTimes(() => void queue.load());
  const node = h(
    "section",
    { class: "queue", "aria-labelledby": "queue-title" },
    h("div", { class: "view-head" }, h("h1", { id: "queue-title", tabindex: -1 }, "Queue")),
    h("div", { class: "columns" }, groups, times.element),
  );
  const queue = new Queue(groups, end.signal);
  void queue.load();
  void times.load();
  return { node, title: "Queue", dispose: () => end.abort() };
}

class Queue {
  /** @type {Map<string, Job>} */
  #jobs = new Map();
  /** The jobs that events told of since the lists were asked for. @type {Set<string>} */
  #heard = new Set();
  #frame = 0;
  #isLoading = false;
  #isDue = false;

  /**
   * @param {HTMLElement} element
   * @param {AbortSignal} end
   */
  constructor(element, end) {
    this.element = element;
    this.end = end;
    happenings.addEventListener("job", (event) => {
      const job = /** @type {CustomEvent<Job | null>} */ (event).detail;
      if (job) this.#accept(job);
    }, { signal: end });
    happenings.addEventListener("stage", (event) => {
      const stage = /** @type {CustomEvent<Stage | null>} */ (event).detail;
      const job = stage?.job_id ? this.#jobs.get(stage.job_id) : undefined;
      if (job && stage) this.#accept({ ...job, status: "running", stage: stage.stage });
    }, { signal: end });
    happenings.addEventListener("reset", () => void this.load(), { signal: end });
    const timer = setInterval(() => {
      if (!isLive() && !document.hidden && !this.#isLoading) void this.load();
    }, POLL);
    end.addEventListener("abort", () => clearInterval(timer));
  }

  /** Reads the queue; while it is being read, once more after that. */
  async load() {
    this.#isDue = true;
    if (this.#isLoading) return;
    this.#isLoading = true;
    while (this.#isDue && !this.end.aborted) {
      this.#isDue = false;
      await this.#read();
    }
    this.#isLoading = false;
  }

  async #read() {
    this.#heard.clear();
    try {
      const open = OPEN.map((status) => jobsOf(status, this.end));
      /** @returns {Promise<Job[]>} */
      const latest = async (/** @type {Record<string, string>} */ query) =>
        (await call("GET", "/api/jobs", { query: { ...query, limit: 50 }, signal: this.end })).jobs;
      const past = [latest({ status: "cancelled" }), latest({ to: new Date().toISOString() })];
      const lists = await Promise.all([...open, ...past]);
      // What was heard meanwhile is newer than the lists.
      const heard = [...this.#jobs.values()].filter((it) => this.#heard.has(it.id));
      this.#jobs.clear();
      for (const job of [...lists.flat(), ...heard]) this.#jobs.set(job.id, job);
      this.#draw();
    } catch (error) {
      if (this.end.aborted || (this.#jobs.size > 0 && !(error instanceof Problem))) return;
      const isOff = error instanceof Problem && error.status === 404;
      fill(
        this.element,
        h(
          "div",
          { class: "state-card", role: "alert" },
          icon("queue"),
          h("h2", null, isOff ? "This service has no queue" : "The queue cannot be read"),
          h("p", null, isOff ? "Its version publishes at once only." : explain(error)),
          isOff ? null : button("Try again", "retry", () => void this.load(), { class: "button primary" }),
        ),
      );
    }
  }

  /** @param {Job} job */
  #accept(job) {
    this.#jobs.set(job.id, job);
    this.#heard.add(job.id);
    if (this.#frame) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw() {
    if (this.end.aborted) return;
    // What has the focus keeps it, although the list is drawn again.
    const used = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["focus"] : undefined;
    const jobs = [...this.#jobs.values()];
    const byTime = (/** @type {Job} */ a, /** @type {Job} */ b) => Date.parse(a.publish_at) - Date.parse(b.publish_at);
    /** @type {Record<string, Job[]>} */
    const groups = {
      awaiting_approval: jobs.filter((it) => it.status === "awaiting_approval").sort(byTime),
      running: jobs.filter((it) => it.status === "running").sort(byTime),
      scheduled: jobs.filter((it) => it.status === "scheduled").sort(byTime),
      ended: jobs.filter((it) => !OPEN.includes(it.status)).sort((a, b) => byTime(b, a)).slice(0, RECENT),
    };
    fill(this.element, Object.entries(groups).map(([name, list]) => {
      const { title, empty } = GROUPS[name] ?? { title: name, empty: "" };
      if (list.length === 0 && empty === "") return null;
      const id = newId("group");
      return h(
        "section",
        { "aria-labelledby": id },
        h("h2", { id }, title, list.length > 0 ? h("span", { class: "badge" }, list.length) : null),
        list.length === 0
          ? h("p", { class: "quiet" }, empty)
          : h("ul", { class: "jobs" }, list.slice(0, MOST_ROWS).map((job) => this.#row(job))),
        list.length > MOST_ROWS ? h("p", { class: "quiet" }, `And ${list.length - MOST_ROWS} more after these.`) : null,
      );
    }));
    if (!used) return;
    const again = [...this.element.querySelectorAll("[data-focus]")].find(
      (it) => it instanceof HTMLElement && it.dataset["focus"] === used,
    );
    if (again instanceof HTMLElement) again.focus();
  }

  /** @param {Job} job */
  #row(job) {
    const id = newId("job");
    const stage = STAGES.find(([name]) => name === job.stage)?.[1];
    const name = job.filename
      ? h("a", { id, href: `#/image/${encodeURIComponent(job.filename)}`, dir: "auto" }, job.filename)
      : h("span", { id }, "The next image");
    const platforms = (job.platforms ?? session().platforms).map(platformName).join(", ");
    const why = OPEN.includes(job.status) && job.attempts === 0 ? "" : becauseOf(job);
    const isInList = job.filename !== null && OPEN.includes(job.status);
    return h(
      "li",
      { class: "job" },
      h("span", { class: "job-picture" }, isInList ? picture(job.filename ?? "") : icon("image")),
      h(
        "div",
        { class: "job-text" },
        h("p", { class: "job-name" }, name, OPEN.includes(job.status) ? null : statusChip(job)),
        h("p", null, when(job.publish_at)),
        h("p", { class: "quiet" }, platforms, job.schedule ? " · by the posting times" : ""),
        job.status === "scheduled" && job.next_attempt_at && job.attempts > 0
          ? h("p", { class: "quiet" }, "Next attempt at ", when(job.next_attempt_at))
          : null,
        job.status === "running" && stage ? h("p", { class: "quiet" }, `${stage} …`) : null,
        why ? h("p", { class: "why", dir: "auto" }, why) : null,
        job.results && Object.keys(job.results).length > 0 ? resultList(job.results) : null,
      ),
      h("div", { class: "job-actions" }, this.#actions(job, id)),
    );
  }

  /**
   * @param {Job} job
   * @param {string} titleId
   */
  #actions(job, titleId) {
    const named = (/** @type {string} */ word, /** @type {string} */ look = "") => ({
      class: `button small ${look}`,
      "aria-describedby": titleId,
      "data-focus": `${word} ${job.id}`,
    });
    const waits = job.status === "awaiting_approval" || job.status === "scheduled";
    const isRetried = RETRIED.includes(job.status) && (job.status === "failed" || failedPlatforms(job.results).length > 0);
    return [
      job.status === "awaiting_approval"
        ? button("Approve", "check", (event) => void this.#do(event, job, "approve", "Approved."), named("approve", "primary"))
        : null,
      // One that has begun is not changed any more.
      waits && job.attempts === 0 ? button("Change", null, () => changeJob(job, (it) => this.#accept(it)), named("change")) : null,
      waits ? button("Cancel", null, (event) => void this.#do(event, job, "cancel", "Cancelled."), named("cancel")) : null,
      isRetried ? button("Retry", "retry", (event) => void this.#do(event, job, "retry", "It is tried again."), named("retry")) : null,
    ];
  }

  /**
   * @param {Event} event
   * @param {Job} job
   * @param {string} action
   * @param {string} done
   */
  async #do(event, job, action, done) {
    // A second click means the same; the row is drawn again with what comes of it.
    if (event.currentTarget instanceof HTMLButtonElement) event.currentTarget.disabled = true;
    try {
      const answer = await call("POST", `/api/jobs/${encodeURIComponent(job.id)}/${action}`);
      if (answer?.id) this.#accept(answer);
      else await this.load();
      announce(done);
    } catch (error) {
      notify({ kind: "bad", text: explain(error) });
      void this.load();
    }
  }
}

/** @param {string} filename */
function picture(filename) {
  const image = h("img", { src: thumbnail(filename, "w256h256"), alt: "", loading: "lazy", decoding: "async" });
  image.addEventListener("error", () => image.replaceWith(icon("image")));
  return image;
}
