//! What a platform says of an attempt whose answer was lost, for both databases. Used by `statements.rs`.

/// The write of a look-up, for a type, with the macros of `sql_hashes`, `sql_publications` and `sql_reader` before it.
macro_rules! sql_look_ups {
    ($ledger:ty) => {
        /// The key tells the attempt. One whose holder is at work is left to it.
        pub(super) const RECORD_LOOK_UP: &str = concat!(
            "UPDATE ledger_entries AS e SET ",
            settled!(),
            " WHERE e.tenant = $2 AND e.platform = $4 AND e.lookup_key = $5
                AND (e.state = 'unknown' OR (e.state = 'intent' AND NOT ",
            is_held!(),
            ")) AND e.content_hash IN ",
            keys!()
        );

        impl $ledger {
            async fn write_look_up(
                &self,
                lease: &Lease,
                platform: Platform,
                key: &LookupKey,
                settlement: &Settlement,
            ) -> Result<Prior, LedgerError> {
                let columns = statements::Columns::from(settlement);
                let (mut write, now) = self.begin_as_holder(lease).await?;
                let hashes = hashes::parameter(lease.hashes().as_slice());
                let recorded = sqlx::query(RECORD_LOOK_UP)
                    .bind(now)
                    .bind(lease.tenant().as_str())
                    .bind(&hashes)
                    .bind(platform.as_str())
                    .bind(statements::storable(key.as_str()))
                    .bind(columns.state)
                    .bind(columns.post_id)
                    .bind(columns.reason)
                    .bind(columns.error)
                    .bind(columns.post_url)
                    .execute(&mut *write)
                    .await?;
                if recorded.rows_affected() > 0 {
                    sqlx::query(SETTLE_LOOKED_UP)
                        .bind(0_i64)
                        .bind(lease.tenant().as_str())
                        .bind(&hashes)
                        .bind(platform.as_str())
                        .bind(statements::storable(key.as_str()))
                        .bind(super::captions::unpublished(settlement))
                        .execute(&mut *write)
                        .await?;
                }
                let rows: Vec<_> = sqlx::query_as(KNOWN)
                    .bind(now)
                    .bind(lease.tenant().as_str())
                    .bind(hashes)
                    .fetch_all(&mut *write)
                    .await?;
                write.commit().await?;
                Ok(known::prior(rows, &[platform]))
            }
        }
    };
}
pub(super) use sql_look_ups;
