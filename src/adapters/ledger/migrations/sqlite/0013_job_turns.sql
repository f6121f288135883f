-- When somebody approved the job; NULL: nobody has.
ALTER TABLE ledger_jobs ADD COLUMN approved_at INTEGER;

-- Claims, few at any time: those that have ended are claimed again before anything else.
CREATE INDEX ledger_jobs_running ON ledger_jobs (tenant, due_at, id) WHERE status = 'running';
-- Posting times that have had a job.
CREATE INDEX ledger_jobs_posted ON ledger_jobs (tenant, posting_time) WHERE posting_time IS NOT NULL;
