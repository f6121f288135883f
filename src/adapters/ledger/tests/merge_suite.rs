//! What other ledgers know, merged, whatever database is behind it; and what later versions leave
//! behind.

use super::{
    Backstage, kept_for, lease_of,
    request_suite::{chosen, request_of},
    suite::{attempt, claim, failed, list, name, published, unknown},
    tenant,
};
use crate::adapters::ledger::hashes;
use crate::{
    adapters::ledger::merge::{
        Batch, Counts, EntryRecord, Merged, PassedOverRecord, RequestRecord, ShownHash, Standing,
    },
    domain::{
        content_hash::ContentHash,
        idempotency::Begun,
        ledger::{EntryState, PriorState},
        platform::Platform::Telegram,
        publication::{Failure, FailureReason, PublishedPost},
    },
};

/// An entry of another ledger.
pub(super) fn record(image: &str, standing: Standing) -> EntryRecord {
    EntryRecord {
        tenant: "alice".to_owned(),
        content_hash: ContentHash::of(image.as_bytes()).to_string(),
        shown: ShownHash::default(),
        platform: "telegram".to_owned(),
        filename: format!("{image}.jpg"),
        standing,
        prior: None,
        post_id: (standing == Standing::Published).then(|| "theirs".to_owned()),
        post_url: None,
        lookup_key: None,
        prior_lookup_key: None,
        reason: (standing != Standing::Published).then(|| "rejected".to_owned()),
        error: (standing != Standing::Published).then(|| "as they say\0".to_owned()),
        started_at: 1_000,
        ended_at: Some(2_000),
    }
}

fn entries(entries: Vec<EntryRecord>) -> Batch {
    Batch {
        entries,
        ..Batch::default()
    }
}

async fn standing(ledger: &impl Backstage, image: &str) -> Option<PriorState> {
    let (lease, mut known) = claim(ledger, "alice", image).await;
    ledger.release(&lease).await.unwrap();
    known.remove(&Telegram)
}

pub(super) async fn what_is_certain_wins_whichever_side_says_it(ledger: &impl Backstage) {
    let ours = [
        ("published", Some(published("ours"))),
        ("unknown", Some(unknown())),
        ("failed", Some(failed())),
        ("nothing", None),
        // An intent of a process that is gone.
        ("intent", None),
    ];
    let theirs = [Standing::Published, Standing::Unknown, Standing::Failed];
    let image = |ours: &str, theirs: Standing| format!("{ours} {}", theirs.as_str());
    let mut records = Vec::new();
    for (name_of_ours, settlement) in &ours {
        for theirs in theirs {
            let image = image(name_of_ours, theirs);
            if let Some(settlement) = settlement {
                attempt(ledger, "alice", &image, settlement).await;
            } else if *name_of_ours == "intent" {
                let (lease, _) = claim(ledger, "alice", &image).await;
                let file = name("a.jpg");
                ledger
                    .record_intent(&lease, &file, &[Telegram], &[].into(), &[].into())
                    .await
                    .unwrap();
                ledger.release(&lease).await.unwrap();
            }
            records.push(record(&image, theirs));
        }
    }
    let batch = entries(records);
    let merged = ledger.merge(&batch).await.unwrap();
    let expected = Counts {
        new: 3,
        // Of what was unknown (or an intent): published; of what had failed: published, unknown.
        raised: 4,
        known: 8,
    };
    assert_eq!(merged.entries, expected);
    for (ours, _) in ours {
        for theirs in theirs {
            let expected = match (ours, theirs) {
                ("published", _) => PriorState::Published(PublishedPost::new("ours")),
                (_, Standing::Published) => PriorState::Published(PublishedPost::new("theirs")),
                ("unknown" | "intent", _) | (_, Standing::Unknown) => PriorState::Unknown,
                _ => PriorState::Failed,
            };
            let image = image(ours, theirs);
            assert_eq!(standing(ledger, &image).await, Some(expected), "{image}");
        }
    }
    let again = ledger.merge(&batch).await.unwrap().entries;
    assert_eq!((again.new, again.raised, again.known), (0, 0, 15));
}

pub(super) async fn an_attempt_under_way_is_left_to_its_holder(ledger: &impl Backstage) {
    for (outcome, expected) in [
        (
            published("ours"),
            PriorState::Published(PublishedPost::new("ours")),
        ),
        (
            failed(),
            PriorState::Published(PublishedPost::new("theirs")),
        ),
        (unknown(), PriorState::Unknown),
    ] {
        let image = format!("{outcome:?}");
        let (lease, _) = claim(ledger, "alice", &image).await;
        ledger
            .record_intent(&lease, &name("a.jpg"), &[Telegram], &[].into(), &[].into())
            .await
            .unwrap();
        let batch = entries(vec![
            record(&image, Standing::Failed),
            record(&image, Standing::Unknown),
            record(&image, Standing::Published),
        ]);
        let merged = ledger.merge(&batch).await.unwrap();
        assert_eq!((merged.entries.raised, merged.entries.known), (2, 1));
        let alice = tenant("alice");
        let hash = ContentHash::of(image.as_bytes());
        let mut entries = ledger
            .entries_of(&alice, std::slice::from_ref(&hash))
            .await
            .unwrap();
        let entry = entries.remove(&hash).unwrap().remove(0);
        assert_eq!(entry.state, EntryState::InProgress);
        ledger
            .record_outcome(&lease, Telegram, &outcome)
            .await
            .unwrap();
        ledger.release(&lease).await.unwrap();
        assert_eq!(standing(ledger, &image).await, Some(expected), "{image}");
    }
}

pub(super) async fn answers_of_keys_are_taken_over_where_they_are_missing(ledger: &impl Backstage) {
    // The time as the ledger has it.
    let fresh = request_of("fresh", "a.jpg");
    ledger.begin(&fresh).await.unwrap();
    let now = ledger
        .number("SELECT max(created_at) FROM ledger_requests")
        .await;
    ledger.abandon(&fresh, false).await.unwrap();
    let answered = request_of("answered", "a.jpg");
    ledger.begin(&answered).await.unwrap();
    ledger.finish(&answered, "\"ours\"").await.unwrap();
    let running = request_of("running", "a.jpg");
    ledger.begin(&running).await.unwrap();
    let (missing, chosen_only, old) = (
        request_of("missing", "a.jpg"),
        request_of("chosen", "a.jpg"),
        request_of("old", "a.jpg"),
    );
    let record = |of: &crate::domain::idempotency::KeyedRequest| RequestRecord {
        tenant: of.tenant().as_str().to_owned(),
        key_hash: of.key_hash().to_owned(),
        fingerprint: of.fingerprint().as_str().to_owned(),
        filename: None,
        content_hash: None,
        hashes: None,
        answer: Some("\"theirs\"".to_owned()),
        created_at: now,
    };
    let requests = vec![
        record(&fresh),
        record(&answered),
        record(&running),
        record(&missing),
        RequestRecord {
            filename: Some(chosen().name.as_str().to_owned()),
            hashes: Some(hashes::texts(&chosen().hashes)),
            content_hash: Some(hashes::key(&chosen().hashes)),
            answer: None,
            ..record(&chosen_only)
        },
        RequestRecord {
            created_at: now - 24 * 60 * 60 * 1000,
            ..record(&old)
        },
    ];
    let batch = Batch {
        requests,
        ..Batch::default()
    };
    let expected = Counts {
        new: 3,
        raised: 0,
        known: 3,
    };
    assert_eq!(ledger.merge(&batch).await.unwrap().requests, expected);
    assert_eq!(ledger.merge(&batch).await.unwrap().requests.new, 0);
    let theirs = Begun::Answered("\"theirs\"".to_owned());
    assert_eq!(ledger.begin(&fresh).await.unwrap(), theirs);
    assert_eq!(ledger.begin(&missing).await.unwrap(), theirs);
    let ours = Begun::Answered("\"ours\"".to_owned());
    assert_eq!(ledger.begin(&answered).await.unwrap(), ours);
    assert_eq!(ledger.begin(&running).await.unwrap(), Begun::Running);
    let resumed = Begun::Resumed(chosen());
    assert_eq!(ledger.begin(&chosen_only).await.unwrap(), resumed);
    assert_eq!(ledger.begin(&old).await.unwrap(), Begun::First);
}

pub(super) async fn images_that_were_passed_over_are_taken_over_unless_they_were_sent(
    ledger: &impl Backstage,
) {
    attempt(ledger, "alice", "sent", &published("1")).await;
    let hash = ContentHash::of(b"known");
    let broken = Failure::new(FailureReason::ImageUnsuitable, "as we say");
    let alice = tenant("alice");
    ledger
        .pass_over(&alice, &name("known.jpg"), &hash.into(), &broken)
        .await
        .unwrap();
    let record = |image: &str| PassedOverRecord {
        tenant: "alice".to_owned(),
        content_hash: ContentHash::of(image.as_bytes()).to_string(),
        shown: ShownHash::default(),
        filename: format!("{image}.jpg"),
        reason: "image_unsuitable".to_owned(),
        error: "as they say".to_owned(),
        noted_at: 1_000,
    };
    let batch = Batch {
        passed_over: vec![record("sent"), record("known"), record("new")],
        ..Batch::default()
    };
    let expected = Merged {
        passed_over: Counts {
            new: 1,
            raised: 0,
            known: 2,
        },
        ..Merged::default()
    };
    assert_eq!(ledger.merge(&batch).await.unwrap(), expected);
    let skipped: Vec<_> = list(ledger, "alice").await;
    let skipped: Vec<_> = skipped
        .iter()
        .filter(|entry| entry.state == EntryState::Skipped)
        .map(|entry| (entry.filename(), entry.error.as_deref()))
        .collect();
    assert_eq!(
        skipped,
        [
            ("known.jpg", Some("as we say")),
            ("new.jpg", Some("as they say"))
        ]
    );
}

pub(super) async fn entries_of_later_versions_are_taken_over_and_not_listed(
    ledger: &impl Backstage,
) {
    let later = EntryRecord {
        platform: "invented".to_owned(),
        reason: Some("a reason of later".to_owned()),
        ..record("image", Standing::Unknown)
    };
    let known = record("image", Standing::Failed);
    let merged = ledger.merge(&entries(vec![later, known])).await.unwrap();
    assert_eq!(merged.entries.new, 2);
    let listed = list(ledger, "alice").await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    assert_eq!(listed[0].error.as_deref(), Some("as they say"));
    let rows = "SELECT count(*) FROM ledger_entries WHERE platform = 'invented'";
    assert_eq!(ledger.number(rows).await, 1);
    assert_eq!(standing(ledger, "image").await, Some(PriorState::Failed));
}

/// Statements as a later version may run them: they expand, and its rows are there.
pub(super) const LATER: &str = "
    ALTER TABLE ledger_entries ADD COLUMN invented TEXT;
    ALTER TABLE ledger_leases ADD COLUMN invented TEXT NOT NULL DEFAULT 'x';
    ALTER TABLE ledger_requests ADD COLUMN invented INTEGER;
    ALTER TABLE ledger_passed_over ADD COLUMN invented TEXT;
    CREATE TABLE ledger_invented (tenant TEXT NOT NULL PRIMARY KEY);
    CREATE INDEX ledger_invented_index ON ledger_entries (invented);
    INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
        SELECT 999, 'invented', success, checksum, 1 FROM _sqlx_migrations WHERE version = 1;
    INSERT INTO ledger_entries (tenant, content_hash, platform, filename, state, holder, started_at)
        VALUES ('alice', 'f00d', 'invented', 'a.gif', 'published', 'later', 1);";

/// The tables change under a running service; that it starts on them is tried where ledgers are
/// opened.
pub(super) async fn the_service_goes_on_with_the_tables_of_a_later_version(
    ledger: &impl Backstage,
) {
    ledger.run(LATER).await;
    attempt(ledger, "alice", "image", &published("1")).await;
    let listed = list(ledger, "alice").await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].state, EntryState::Published);
    let keyed = request_of("alice", "a.jpg");
    assert_eq!(ledger.begin(&keyed).await.unwrap(), Begun::First);
    ledger.finish(&keyed, "{}").await.unwrap();
    ledger.probe().await.unwrap();
    ledger.sweep(kept_for(None)).await.unwrap();
    ledger
        .claim(&lease_of("alice", "other"), &[])
        .await
        .unwrap();
}
