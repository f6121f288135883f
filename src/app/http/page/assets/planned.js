// Which images are planned, and for when: the library marks them, and the view of an image says so.

import { call, Problem } from "./api.js";
import { happenings } from "./events.js";
import { session } from "./session.js";

const OPEN = ["scheduled", "awaiting_approval"];

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
      const of = (/** @type {string} */ status) => call("GET", "/api/jobs", { query: { status, limit: 100 } });
      const [running, ...lists] = await Promise.all([of("running"), ...OPEN.map(of)]);
      this.#jobs = new Map(lists.flatMap((list) => list.jobs).map((/** @type {Job} */ job) => [job.id, job]));
      this.dispatchEvent(new Event("change"));
      // What runs already is told as if it had been heard of just now.
      for (const detail of running.jobs) happenings.dispatchEvent(new CustomEvent("job", { detail }));
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
