// The types of the API for the modules of the page: those generated from the document. Read by `tsc` alone.

import type { components } from "publisher-schema";

declare global {
  type Schemas = components["schemas"];

  /** A job, as `/api/jobs` answers it. */
  interface Job {
    id: string;
    status: string;
    filename: string | null;
    publish_at: string;
    created_at: string;
    attempts: number;
    results: Record<string, Schemas["PlatformResult"]> | null;
    stage: string | null;
    error: string | null;
    reason: string | null;
    platforms: string[] | null;
    caption: string | null;
    captions: Record<string, string> | null;
    force: boolean;
    needs_approval: boolean;
    schedule: unknown;
  }

  /** What an event of a stage says. */
  interface Stage {
    job_id: string | null;
    filename: string;
    platform: string | null;
    stage: string;
  }

  /** The posting times. */
  interface Schedule {
    timezone: string;
    times: string[];
    platforms: string[] | null;
    enabled: boolean;
    needs_approval: boolean;
  }
}
