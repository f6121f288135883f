//! The slots of publications that requests wait for: the SQL that both databases accept. They are counted together with the
//! claims of jobs that run, while the tenant's row is taken; so the limit holds exactly, over all processes.

use std::time::Duration;

/// A slot that ended that long ago has no holder. One that has ended more recently may be renewed.
pub(in crate::adapters::ledger) const KEPT_FOR: Duration = Duration::from_hours(1);

/// How many publications of the tenant `$1` there are at the time `$2`: jobs whose claim holds, and slots.
macro_rules! running {
    () => {
        "(SELECT count(*) FROM ledger_jobs
                WHERE tenant = $1 AND status = 'running' AND due_at > $2)
            + (SELECT count(*) FROM ledger_publish_slots WHERE tenant = $1 AND ends_at > $2)"
    };
}
pub(in crate::adapters::ledger) use running;

/// Takes a slot if fewer than `$5` publications run.
pub(in crate::adapters::ledger) const TAKE: &str = concat!(
    "INSERT INTO ledger_publish_slots (tenant, token, ends_at)
    SELECT CAST($1 AS TEXT), CAST($3 AS TEXT), CAST($4 AS BIGINT) WHERE ",
    running!(),
    " < $5"
);

pub(in crate::adapters::ledger) const RENEW: &str = "INSERT INTO ledger_publish_slots
        (tenant, token, ends_at)
    VALUES ($1, $2, $3)
    ON CONFLICT (tenant, token) DO UPDATE SET ends_at = excluded.ends_at";

pub(in crate::adapters::ledger) const RELEASE: &str =
    "DELETE FROM ledger_publish_slots WHERE tenant = $1 AND token = $2";

/// Looks at the tenant's jobs now, if one of them is due.
pub(in crate::adapters::ledger) const WAKE_DUE: &str = "UPDATE ledger_job_queues SET turn_at = $2
    WHERE tenant = $1 AND turn_at > $2 AND EXISTS (SELECT 1 FROM ledger_jobs
        WHERE tenant = $1 AND status IN ('scheduled', 'running') AND due_at <= $2)";

pub(in crate::adapters::ledger) const DROP: &str = "DELETE FROM ledger_publish_slots
    WHERE (tenant, token) IN
            (SELECT tenant, token FROM ledger_publish_slots WHERE ends_at <= $1 LIMIT $2)
        AND ends_at <= $1";

/// Implements [`PublishSlots`](crate::ports::PublishSlots) for a type.
macro_rules! sql_publish_slots {
    ($ledger:ty) => {
        #[async_trait]
        impl crate::ports::PublishSlots for $ledger {
            async fn take_slot(
                &self,
                tenant: &TenantName,
                max: u32,
            ) -> Result<Option<crate::ports::PublishSlot>, LedgerError> {
                measured(&self.clock, "slot_take", async {
                    let token = Uuid::new_v4().simple().to_string();
                    let (mut write, now) = self.begin_lightly().await?;
                    sqlx::query(super::jobs::LOCK)
                        .bind(tenant.as_str())
                        .execute(&mut *write)
                        .await?;
                    let until = duration_millis(crate::ports::SLOT_TTL);
                    let taken = sqlx::query(super::jobs::slots::TAKE)
                        .bind(tenant.as_str())
                        .bind(now)
                        .bind(&token)
                        .bind(now.saturating_add(until))
                        .bind(i64::from(max))
                        .execute(&mut *write)
                        .await?;
                    write.commit().await?;
                    let tenant = tenant.clone();
                    let slot = crate::ports::PublishSlot { tenant, token };
                    Ok((taken.rows_affected() > 0).then_some(slot))
                })
                .await
            }

            async fn renew_slot(
                &self,
                slot: &crate::ports::PublishSlot,
            ) -> Result<(), LedgerError> {
                measured(&self.clock, "slot_renew", async {
                    let (mut write, now) = self.begin_lightly().await?;
                    let until = duration_millis(crate::ports::SLOT_TTL);
                    sqlx::query(super::jobs::slots::RENEW)
                        .bind(slot.tenant.as_str())
                        .bind(&slot.token)
                        .bind(now.saturating_add(until))
                        .execute(&mut *write)
                        .await?;
                    Ok(write.commit().await?)
                })
                .await
            }

            async fn release_slot(
                &self,
                slot: &crate::ports::PublishSlot,
            ) -> Result<(), LedgerError> {
                measured(&self.clock, "slot_release", async {
                    let (mut write, now) = self.begin_lightly().await?;
                    let tenant = slot.tenant.as_str();
                    sqlx::query(super::jobs::LOCK)
                        .bind(tenant)
                        .execute(&mut *write)
                        .await?;
                    sqlx::query(super::jobs::slots::RELEASE)
                        .bind(tenant)
                        .bind(&slot.token)
                        .execute(&mut *write)
                        .await?;
                    sqlx::query(super::jobs::slots::WAKE_DUE)
                        .bind(tenant)
                        .bind(now)
                        .execute(&mut *write)
                        .await?;
                    Ok(write.commit().await?)
                })
                .await
            }
        }
    };
}
pub(in crate::adapters::ledger) use sql_publish_slots;
