//! The statements about entries and passed-over images, for both databases: a content is told by its hashes, of which
//! each may lead to what is kept of it. Used by `statements.rs`.

/// The statements, with those of `sql_hashes` before them. `$intents` selects platform and key of the elements of the
/// JSON array `$4`.
macro_rules! sql_publications {
    (intents: $intents:literal) => {
        /// What is known of a content.
        pub(super) const KNOWN: &str = concat!(
            "SELECT platform, state, post_id, post_url, lookup_key, CAST(NULL AS TEXT) AS reason
                FROM ledger_entries WHERE tenant = $2 AND content_hash IN ",
            keys!(),
            " UNION ALL SELECT CAST(NULL AS TEXT), 'skipped', CAST(NULL AS TEXT),
                CAST(NULL AS TEXT), CAST(NULL AS TEXT), reason
                FROM ledger_passed_over WHERE tenant = $2 AND content_hash IN ",
            keys!()
        );

        /// What was known before an attempt is kept beside it, for the case that it fails. The entry keeps its
        /// key, whichever hash of the content that is of. Of two attempts in doubt, neither can be asked about any
        /// more: that one of them was not posted says nothing of the other.
        pub(super) const RECORD_INTENT: &str = concat!(
            "INSERT INTO ledger_entries AS e
                (tenant, content_hash, platform, filename, state, holder, started_at, hash_kind, hash,
                    lookup_key)
             SELECT CAST($2 AS TEXT),
                COALESCE(
                    (SELECT k.content_hash FROM ledger_entries k
                        WHERE k.tenant = $2 AND k.platform = sent.platform AND k.content_hash IN ",
            keys!(),
            " ORDER BY CASE WHEN k.content_hash = $7 THEN 0 ELSE 1 END LIMIT 1),
                    CAST($7 AS TEXT)),
                sent.platform, CAST($6 AS TEXT), 'intent', CAST($5 AS TEXT), CAST($1 AS BIGINT),
                CAST($8 AS TEXT), CAST($9 AS TEXT),
                sent.lookup_key
             FROM (",
            $intents,
            ") AS sent WHERE true
             ON CONFLICT (tenant, content_hash, platform) DO UPDATE SET
                filename = excluded.filename,
                state = 'intent',
                prior = CASE
                    WHEN e.state = 'failed' THEN NULL
                    WHEN e.state = 'published' OR e.prior = 'published' THEN 'published'
                    ELSE 'unknown'
                END,
                reason = NULL,
                error = NULL,
                holder = excluded.holder,
                started_at = excluded.started_at,
                ended_at = NULL,
                hash_kind = excluded.hash_kind,
                hash = excluded.hash,
                prior_lookup_key = CASE
                    WHEN e.state IN ('intent', 'unknown') AND e.prior IS NULL THEN e.lookup_key
                    ELSE NULL
                END,
                lookup_key = excluded.lookup_key"
        );

        /// Settles an attempt: `$6` is its state, `$7` and `$10` the post, `$8` and `$9` why there is none.
        macro_rules! settled {
            () => {
                "state = CASE
                    WHEN CAST($6 AS TEXT) = 'failed' AND prior IS NOT NULL THEN prior
                    ELSE CAST($6 AS TEXT)
                END,
                prior = CASE WHEN CAST($6 AS TEXT) = 'unknown' THEN prior ELSE NULL END,
                lookup_key = CASE
                    WHEN CAST($6 AS TEXT) = 'failed' AND prior IS NOT NULL THEN prior_lookup_key
                    ELSE lookup_key
                END,
                prior_lookup_key = CASE
                    WHEN CAST($6 AS TEXT) = 'unknown' THEN prior_lookup_key
                    ELSE NULL
                END,
                post_id = COALESCE(CAST($7 AS TEXT), post_id),
                post_url = CASE
                    WHEN CAST($7 AS TEXT) IS NULL THEN post_url
                    ELSE CAST($10 AS TEXT)
                END,
                reason = $8,
                error = $9,
                ended_at = $1"
            };
        }

        /// Only an intent is settled, so that the same write may come twice. It has to be the intent of the attempt
        /// whose outcome this is; which holder has the lease by now does not matter.
        pub(super) const RECORD_OUTCOME: &str = concat!(
            "UPDATE ledger_entries SET ",
            settled!(),
            " WHERE tenant = $2 AND platform = $4 AND holder = $5 AND state = 'intent'
                AND content_hash IN ",
            keys!()
        );

        /// Whether the last attempt on a platform is still this holder's.
        const IS_LAST_ATTEMPT: &str = concat!(
            "SELECT EXISTS (SELECT 1 FROM ledger_entries
                WHERE tenant = $2 AND platform = $4 AND holder = $5 AND content_hash IN ",
            keys!(),
            ")"
        );

        /// The last finding counts.
        const PASS_OVER: &str = "INSERT INTO ledger_passed_over
                (tenant, content_hash, filename, reason, error, noted_at, hash_kind, hash)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
            ON CONFLICT (tenant, content_hash) DO UPDATE SET
                filename = excluded.filename,
                reason = excluded.reason,
                error = excluded.error,
                noted_at = excluded.noted_at,
                hash_kind = excluded.hash_kind,
                hash = excluded.hash";

        /// An image that was passed over before all of its hashes were known is not passed over twice.
        const FORGET_OTHER_KEYS: &str = concat!(
            "DELETE FROM ledger_passed_over
                WHERE tenant = $2 AND content_hash <> $4 AND content_hash IN ",
            keys!()
        );

        /// An image that is about to be sent is passed over no longer.
        const TAKE_UP: &str = concat!(
            "DELETE FROM ledger_passed_over WHERE tenant = $2 AND content_hash IN ",
            keys!()
        );
    };
}
pub(super) use sql_publications;
