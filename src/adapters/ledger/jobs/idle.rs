//! What is kept of tenants that have nothing left: their rows in `ledger_job_queues`, and their events.
//!
//! A tenant's row goes when the tenant has neither a job nor a schedule nor a slot, and no event that is younger than ended jobs
//! are kept. Its events go with it, and its next one has the number 1. The row is taken first, and then looked at again, by a
//! statement that sees what those have written who had it before: none of them may be left without its row.

/// The last of the next rows.
pub(in crate::adapters::ledger) const NEXT: &str = "SELECT max(tenant) FROM
    (SELECT tenant FROM ledger_job_queues WHERE tenant > $1 ORDER BY tenant LIMIT $2) AS next";

/// Whether the tenant of a row has nothing left, and no event that is younger than `$2`.
macro_rules! is_idle {
    () => {
        "schedule IS NULL
            AND NOT EXISTS (SELECT 1 FROM ledger_jobs AS job
                WHERE job.tenant = ledger_job_queues.tenant)
            AND NOT EXISTS (SELECT 1 FROM ledger_publish_slots AS slot
                WHERE slot.tenant = ledger_job_queues.tenant)
            AND COALESCE((SELECT added_at FROM ledger_job_events AS event
                WHERE event.tenant = ledger_job_queues.tenant
                ORDER BY number DESC LIMIT 1), 0) <= $2"
    };
}
pub(in crate::adapters::ledger) use is_idle;

pub(in crate::adapters::ledger) const DROP: &str = concat!(
    "DELETE FROM ledger_job_queues WHERE tenant = $1 AND ",
    is_idle!()
);

pub(in crate::adapters::ledger) const DROP_EVENTS: &str =
    "DELETE FROM ledger_job_events WHERE tenant = $1";

/// Implements the sweep of tenants for a type. `$skipped` is that of `sql_turns`.
macro_rules! sql_idle_tenants {
    ($ledger:ty, skipped: $skipped:literal) => {
        /// Takes the rows between two tenants that can go.
        pub(super) const IDLE: &str = concat!(
            "SELECT tenant FROM ledger_job_queues WHERE tenant > $1 AND tenant <= $3 AND ",
            super::jobs::idle::is_idle!(),
            " ",
            $skipped
        );

        impl $ledger {
            /// Deletes what is kept of tenants that have nothing left.
            async fn drop_idle_tenants(&self, age: std::time::Duration) -> Result<(), LedgerError> {
                let mut after = String::new();
                while let Some(last) = bounded(self.drop_next_idle_tenants(&after, age)).await? {
                    after = last;
                }
                Ok(())
            }

            /// The same for the tenants after one, as many as one statement is about; returns the last of them.
            async fn drop_next_idle_tenants(
                &self,
                after: &str,
                age: std::time::Duration,
            ) -> Result<Option<String>, LedgerError> {
                use super::jobs::idle;

                let (mut write, now) = self.begin_patiently(Durability::Volatile).await?;
                let before = now.saturating_sub(duration_millis(age));
                let last: Option<String> = sqlx::query_scalar(idle::NEXT)
                    .bind(after)
                    .bind(super::retention::ROWS)
                    .fetch_one(&mut *write)
                    .await?;
                if let Some(last) = &last {
                    let tenants: Vec<String> = sqlx::query_scalar(IDLE)
                        .bind(after)
                        .bind(before)
                        .bind(last)
                        .fetch_all(&mut *write)
                        .await?;
                    for tenant in tenants {
                        let dropped = sqlx::query(idle::DROP)
                            .bind(&tenant)
                            .bind(before)
                            .execute(&mut *write)
                            .await?;
                        if dropped.rows_affected() > 0 {
                            sqlx::query(idle::DROP_EVENTS)
                                .bind(&tenant)
                                .execute(&mut *write)
                                .await?;
                        }
                    }
                }
                write.commit().await?;
                Ok(last)
            }
        }
    };
}
pub(in crate::adapters::ledger) use sql_idle_tenants;
