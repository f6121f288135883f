// Publishing one image: the request under a key that makes it safe to repeat, its stages as they happen, its outcomes, and what
// can be done about them. An intention outlives a reload: it is taken up where it was.

import { call, exchange, explain, imagePath, Problem, signals, Unreachable } from "./api.js";
import { button, fill, h } from "./dom.js";
import { carriedOutBy, intend, intention, settle } from "./drafts.js";
import { happenings, isLive, pause } from "./events.js";
import { announce } from "./notices.js";
import { becauseOf, checkUnknown, failedPlatforms, isNothing, resultList, STAGES, summary, verdict, when } from "./outcomes.js";
import { platformName } from "./platforms.js";

/** @typedef {Record<string, Schemas["PlatformResult"]>} Results */

/** How often a job is asked for where no events arrive, in milliseconds; and where they do, in case one was lost. */
const POLL = 1_500;
const SAFETY_POLL = 10_000;
/** How long an intention without an answer is sent again by itself, in milliseconds; later, people are asked. */
const MEANT_FOR = 600_000;
/** The stages after which nothing more is sent, and how long any other may take, in milliseconds. */
const LAST_STAGES = ["sidecar", "archive"];
const LONGEST_STAGE = 60_000;
const ENDED = ["done", "failed", "missed", "cancelled"];

/** The jobs that are over: stages of theirs that are told late say nothing any more. @type {Set<string>} */
const over = new Set();

happenings.addEventListener("job", (event) => {
  const job = /** @type {CustomEvent<Job | null>} */ (event).detail;
  if (!job) return;
  if (ENDED.includes(job.status)) over.add(job.id);
  else if (job.status === "scheduled") over.delete(job.id);
});

export class Publishing {
  element = h("section", { class: "publishing", "aria-label": "Publishing", hidden: true });
  /** Whether something is under way, here or elsewhere. */
  isBusy = false;
  /** Whether it is elsewhere. */
  isElsewhere = false;
  /** Until when it is taken for busy elsewhere, since a stage was heard of. */
  #until = 0;
  #end = new AbortController();
  #stage = "";
  /** The job that is followed. @type {string | null} */
  #job = null;
  /** The jobs whose outcome is shown here: events of theirs that come later are older. @type {Set<string>} */
  #shown = new Set();
  /** @type {Results} */
  #results = {};
  /** @type {Record<string, unknown>} */
  #body = {};

  /**
   * @param {string} filename
   * @param {{ changed: () => void, ended: (results: Results) => void }} options
   */
  constructor(filename, options) {
    this.filename = filename;
    this.options = options;
    const { signal } = this.#end;
    signals.addEventListener("back", () => this.resume(), { signal });
    happenings.addEventListener("stage", (event) => this.#heardStage(/** @type {CustomEvent} */ (event).detail), { signal });
    happenings.addEventListener("job", (event) => this.#heardJob(/** @type {CustomEvent} */ (event).detail), { signal });
  }

  dispose() {
    this.#end.abort();
  }

  /** Takes up what a reload or a lost connection has interrupted. */
  resume() {
    const made = intention(this.filename);
    if (!made || this.isBusy) return;
    this.#body = made.body;
    if (!made.job && Date.now() - made.at > MEANT_FOR) {
      this.#notSent(new Unreachable());
      return;
    }
    this.#begin();
    if (made.job) void this.#follow(made.job);
    else void this.#send();
  }

  /**
   * Publishes. Does nothing while a publication is under way: a second click means the same.
   * @param {Record<string, unknown>} body
   */
  start(body) {
    if (this.isBusy) return;
    intend(this.filename, body);
    this.#body = body;
    this.#begin();
    void this.#send();
  }

  /**
   * Shows what is open of earlier publications, so that it can be done again or asked for.
   * @param {Schemas["Publication"][]} entries
   */
  showEarlier(entries) {
    if (this.isBusy || !this.element.hidden) return;
    /** @type {Results} */
    const open = {};
    for (const { platform, outcome, reason, error, post_id, post_url } of entries) {
      if (platform === null || (outcome !== "failed" && outcome !== "unknown")) continue;
      open[platform] = { outcome, reason, error, post_id, post_url, caption: "", success: false, retry_after_seconds: null };
    }
    if (Object.keys(open).length === 0) return;
    this.#results = open;
    this.#showResults([]);
  }

  /** Somebody else publishes this image. */
  busyElsewhere() {
    if (this.isBusy) return;
    this.isBusy = true;
    this.isElsewhere = true;
    this.#show(
      h("p", { class: "progress-title" }, "This image is being published."),
      h("p", { class: "quiet" }, "By somebody else, or from the queue. Wait for the outcome: what you typed stays here."),
    );
    announce("This image is being published by somebody else, or from the queue.");
    this.options.changed();
  }

  /** Nothing is recorded as running any more: what was busy elsewhere is over, unless its stages say that it goes on. */
  freed() {
    if (!this.isElsewhere || Date.now() < this.#until) return;
    this.isElsewhere = false;
    this.isBusy = false;
    this.element.hidden = true;
    this.options.changed();
  }

  #begin() {
    this.isBusy = true;
    this.isElsewhere = false;
    this.#stage = "";
    this.#results = {};
    this.#showProgress();
    announce("Publishing.");
    this.options.changed();
  }

  /** Sends the intention until it is answered. The same key each time: it is carried out once. */
  async #send() {
    for (;;) {
      const made = intention(this.filename);
      if (!made || this.#end.signal.aborted) return;
      try {
        const headers = { "Idempotency-Key": made.key, Prefer: "respond-async" };
        const answer = await exchange("POST", imagePath(this.filename, "publish"), { body: made.body, headers });
        if (answer.status === 202 && answer.data?.id) {
          carriedOutBy(this.filename, made, answer.data.id);
          await this.#follow(answer.data.id);
        } else this.#over(answer.data.results ?? {}, answer.data.warnings ?? []);
        return;
      } catch (error) {
        if (error instanceof Problem && error.kind === "conflict" && error.retryAfter !== null) {
          // The same request is running still, or another one works on the image.
          await pause(Math.min(error.retryAfter, 5) * 1000, this.#end.signal);
        } else {
          this.#notSent(error);
          return;
        }
      }
    }
  }

  /** Sends again what was not answered, under its key; or what was refused, under a new one. */
  #again() {
    const made = intention(this.filename);
    if (!made) this.start(this.#body);
    else if (!this.isBusy) {
      this.#begin();
      void this.#send();
    }
  }

  /** @param {unknown} error */
  #notSent(error) {
    const isLoggedOut = error instanceof Problem && error.status === 401;
    const isOpen = error instanceof Unreachable || isLoggedOut;
    const title = isLoggedOut ? "Not sent yet." : isOpen ? "It is not known whether this was sent." : "Nothing was published.";
    const text = isLoggedOut ? "It is sent once you are logged in again." : explain(error);
    // A problem leaves the key free; without an answer, the intention stays, and is sent again under the same key.
    if (!isOpen) settle(this.filename);
    this.isBusy = false;
    this.#show(
      h("p", { class: "progress-title bad" }, title),
      h("p", null, text),
      isOpen && !isLoggedOut ? h("p", { class: "quiet" }, "Trying again is safe: it is published once.") : null,
      h(
        "div",
        { class: "row-actions" },
        button("Retry", "retry", () => this.#again(), { class: "button" }),
        isOpen ? button("Discard", null, () => {
          settle(this.filename);
          this.element.hidden = true;
        }, { class: "button" }) : null,
      ),
    );
    announce(text, true);
    this.options.changed();
  }

  /** @param {string} id */
  async #follow(id) {
    this.#job = id;
    const { signal } = this.#end;
    let waited = 0;
    while (this.#job === id && !signal.aborted) {
      if (!isLive() || waited === 0 || waited >= SAFETY_POLL) {
        waited = 0;
        try {
          this.#heardJob(await call("GET", `/api/jobs/${encodeURIComponent(id)}`, { signal }));
        } catch (error) {
          if (signal.aborted) return;
          if (error instanceof Problem && error.status === 404) {
            this.#job = null;
            this.#notSent(error);
            return;
          }
        }
      }
      await pause(POLL, signal);
      waited += POLL;
    }
  }

  /** @param {Stage | null} stage */
  #heardStage(stage) {
    if (!stage || stage.filename !== this.filename) return;
    if (stage.job_id !== null && stage.job_id !== this.#job && (over.has(stage.job_id) || this.#shown.has(stage.job_id))) return;
    const isOwn = stage.job_id !== null ? stage.job_id === this.#job : intention(this.filename) !== null;
    if (!isOwn) {
      if (intention(this.filename)) return;
      this.#until = Date.now() + (LAST_STAGES.includes(stage.stage) ? 3_000 : LONGEST_STAGE);
      this.busyElsewhere();
      return;
    }
    if (this.#stage === stage.stage) return;
    this.#stage = stage.stage;
    this.#showProgress();
    announce(STAGES.find(([name]) => name === stage.stage)?.[1] ?? stage.stage);
  }

  /** @param {Job | null} job */
  #heardJob(job) {
    if (!job || (job.id !== this.#job && (job.filename !== this.filename || this.#shown.has(job.id)))) return;
    if (job.id !== this.#job) {
      if (job.status === "running" && !intention(this.filename)) {
        this.#until = Date.now() + LONGEST_STAGE;
        this.busyElsewhere();
      } else if (ENDED.includes(job.status) && this.isBusy && !this.#job && !intention(this.filename)) {
        this.#overElsewhere(job);
      }
      return;
    }
    if (ENDED.includes(job.status)) {
      this.#job = null;
      this.#over(job.results ?? {}, [], job);
    } else if (job.stage && job.stage !== this.#stage) {
      this.#stage = job.stage;
      this.#showProgress();
    } else if (job.status === "scheduled" && job.attempts > 0) {
      this.#show(
        h("p", { class: "progress-title" }, "This is tried again by itself in a while."),
        h("p", null, becauseOf(job)),
        job.next_attempt_at ? h("p", { class: "quiet" }, "Next attempt at ", when(job.next_attempt_at)) : null,
        Object.keys(job.results ?? {}).length > 0 ? resultList(job.results ?? {}) : null,
      );
    }
  }

  /**
   * Another window's publication, or a job's, is over. One that found the image there already says nothing new where this window
   * shows how its own went.
   * @param {Job} job
   */
  #overElsewhere(job) {
    const outcomes = Object.values(job.results ?? {}).map((it) => it.outcome);
    const isNews = outcomes.length === 0 || outcomes.some((it) => it !== "already_published");
    if (isNews || Object.keys(this.#results).length === 0) {
      this.#over(job.results ?? {}, [], job);
      return;
    }
    this.#shown.add(job.id);
    this.isBusy = false;
    this.isElsewhere = false;
    this.#showResults([]);
    this.options.changed();
  }

  /**
   * @param {Results} results
   * @param {string[]} warnings
   * @param {Job} [job]
   */
  #over(results, warnings, job) {
    settle(this.filename);
    if (job) this.#shown.add(job.id);
    this.#results = results;
    this.isBusy = false;
    this.isElsewhere = false;
    const text = Object.keys(results).length > 0 ? summary(results) : becauseOf(job);
    announce(`Publishing has ended. ${text}`, failedPlatforms(results).length > 0);
    this.#showResults(warnings, job);
    this.options.ended(results);
    this.options.changed();
  }

  /**
   * @param {string[]} warnings
   * @param {Job} [job]
   */
  #showResults(warnings, job) {
    const failed = failedPlatforms(this.#results);
    const hasResults = Object.keys(this.#results).length > 0;
    const isEnded = job?.status === "failed" || job?.status === "done";
    const title = !hasResults ? "Nothing was published." : verdict(this.#results);
    this.#show(
      h("p", { class: failed.length > 0 || !hasResults ? "progress-title bad" : "progress-title" }, title),
      hasResults ? null : h("p", null, becauseOf(job)),
      resultList(this.#results, (platform) => this.#checkButton(platform)),
      warnings.map((it) => h("p", { class: "why", dir: "auto" }, it)),
      failed.length > 0 || (!hasResults && isEnded && !isNothing(job))
        ? h(
          "div",
          { class: "row-actions" },
          button("Retry", "retry", () => this.#retry(failed, job), { class: "button primary" }),
          failed.length > 0
            ? h("span", { class: "quiet" }, `Sends to ${failed.map(platformName).join(", ")} only.`)
            : null,
        )
        : null,
    );
  }

  /**
   * @param {string[]} failed
   * @param {Job} [job]
   */
  async #retry(failed, job) {
    if (this.isBusy) return;
    if (!job) {
      const captions = /** @type {Record<string, string> | undefined} */ (this.#body["captions"]);
      const known = captions && failed.every((it) => captions[it]);
      const chosen = known ? { captions: Object.fromEntries(failed.map((it) => [it, captions[it]])) } : {};
      this.start({ platforms: failed, ...chosen });
      return;
    }
    this.#begin();
    try {
      const again = await call("POST", `/api/jobs/${encodeURIComponent(job.id)}/retry`);
      await this.#follow(again?.id ?? job.id);
    } catch (error) {
      this.#notSent(error);
    }
  }

  /** @param {string} platform */
  #checkButton(platform) {
    if (this.#results[platform]?.outcome !== "unknown") return null;
    const check = button("Check", "eye", async () => {
      check.disabled = true;
      try {
        const entry = await checkUnknown(this.filename, platform);
        const before = this.#results[platform];
        if (before) this.#results[platform] = { ...before, ...entry, outcome: entry.outcome === "in_progress" ? "unknown" : entry.outcome };
        announce(summary(this.#results));
        this.#showResults([]);
      } catch (error) {
        check.disabled = false;
        check.after(h("span", { class: "field-problem", role: "alert" }, explain(error)));
      }
    }, { class: "button small", title: "Asks the platform whether the post is there. Sends nothing." });
    return check;
  }

  #showProgress() {
    const place = STAGES.findIndex(([name]) => name === this.#stage);
    const text = STAGES[place]?.[1] ?? "Starting";
    this.#show(
      h("p", { class: "progress-title" }, `${text} …`),
      h("progress", { max: STAGES.length, value: place + 1, "aria-label": "Progress of publishing" }),
      h("ol", { class: "stages", "aria-hidden": "true" }, STAGES.map((_, index) => h("li", { class: index <= place ? "past" : "" }))),
    );
  }

  /** @param {...(import("./dom.js").Child | import("./dom.js").Child[])} content */
  #show(...content) {
    this.element.hidden = false;
    fill(this.element, h("h2", null, "Publishing"), ...content);
  }
}
