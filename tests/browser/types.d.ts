// The types of the API for the modules of the page: those generated from the document. Read by `tsc` alone.

import type { components } from "publisher-schema";

declare global {
  type Schemas = components["schemas"];

  type Job = Schemas["Job"];
  /** The posting times, as the page sends them. */
  type Schedule = Pick<Schemas["Schedule"], "timezone" | "times" | "platforms" | "enabled" | "needs_approval">;

  /** What an event of a stage says. */
  interface Stage {
    job_id: string | null;
    filename: string;
    platform: Schemas["PlatformName"] | null;
    stage: NonNullable<Job["stage"]>;
  }
}
