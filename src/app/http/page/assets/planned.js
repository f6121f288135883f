// Which images are planned, and for when: the library marks them, and the view of an image says so.

import { call, Problem } from "./api.js";
import { happenings } from "./events.js";
import { session } from "./session.js";

const OPEN = ["scheduled", "awaiting_approval"];

/** The pages of jobs of a status that are read at most: 10,000 jobs. */
const MOST_PAGES = 50;

/**
 * All jobs of a status. The service lists those first that are due last, so that the next ones are on the last page.
 * @param {string} status
 * @param {AbortSignal | null} [signal]
 */
export async function jobsOf(status, signal = null) {
  /** @type {Job[]} */
  const jobs = [];
  /** @type {string | null} */
  let cursor = null;
  let pages = 0;
  do {
    /** @type {Schemas["JobList"]} */
    const page = await call("GET", "/api/jobs", { query: { status, limit: 200, cursor }, ...(signal ? { signal } : {}) });
    jobs.push(...page.jobs);
    cursor = page.next_cursor;
    pages += 1;
  } while (cursor !== null && pages < MOST_PAGES);
  return jobs;
}

class Planned extends EventTarget {
  /** By the id of the job. @type {Map<string, Job>} */
  #jobs = new Map();
  #isOff = false;

  constructor() {
    super();
    happenings.addEventListener("job", (event) => {
      const job = /** @type {CustomEvent<Job | null>} */ (event).detail;
      if (job) this.#accept(job);
    });
    happenings.addEventListener("reset", () => void this.load());
  }

  /** Reads what is planned; without an answer nothing is marked. */
  async load() {
    if (this.#isOff || !session().admin) return;
    try {
      const [running, ...lists] = await Promise.all(["running", ...OPEN].map((status) => jobsOf(status)));
      this.#jobs = new Map(lists.flat().map((job) => [job.id, job]));
      this.dispatchEvent(new Event("change"));
      // What runs already is told as if it had been heard of just now.
      for (const detail of running ?? []) happenings.dispatchEvent(new CustomEvent("job", { detail }));
    } catch (error) {
      // The queue says what is wrong with it; here, marks are all that is missing.
      this.#isOff = error instanceof Problem && error.status === 404;
    }
  }

  /**
   * The first job of an image that has not begun.
   * @param {string} filename
   * @returns {Job | undefined}
   */
  of(filename) {
    const jobs = [...this.#jobs.values()].filter((it) => it.filename === filename);
    return jobs.sort((a, b) => Date.parse(a.publish_at) - Date.parse(b.publish_at))[0];
  }

  /** @param {Job} job */
  #accept(job) {
    const isKnown = this.#jobs.delete(job.id);
    const isOpen = OPEN.includes(job.status) && job.filename !== null;
    if (isOpen) this.#jobs.set(job.id, job);
    if (isOpen || isKnown) this.dispatchEvent(new Event("change"));
  }
}

/** What is planned, for all views. */
export const planned = new Planned();
