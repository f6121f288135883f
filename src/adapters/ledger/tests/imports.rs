//! Ledgers that were set aside, taken over into others.

use std::{fs, path::Path};

use sqlx::ConnectOptions as _;
use tempfile::TempDir;

use super::{
    Backstage as _, Hands, job_suite, lease_of,
    suite::{attempt, claim, failed, name, published, unknown},
    *,
};
use crate::domain::{
    ledger::{PriorState, Settlement},
    platform::Platform::{Email, Telegram},
    publication::PublishedPost,
    voice::VoiceProfile,
};
use crate::ports::UsageSettlement;

async fn open(path: &Path) -> SqliteLedger {
    SqliteLedger::open(path, Arc::new(Hands::new()))
        .await
        .unwrap()
}

/// Into a ledger that is made if it is not there.
async fn import(target: &Path, source: &Path) -> Result<ImportSummary, ImportError> {
    if !target.exists() {
        open(target).await.pool().close().await;
    }
    import_as_it_is(target, source).await
}

async fn import_as_it_is(target: &Path, source: &Path) -> Result<ImportSummary, ImportError> {
    let settings = LedgerSettings::of_file(target);
    import_file(settings, source, Arc::new(Hands::new())).await
}

/// What a process that was killed leaves: the files as they are while it runs.
fn as_after_a_crash(path: &Path, into: &Path) {
    for suffix in ["", "-wal", "-shm"] {
        let from = format!("{}{suffix}", path.display());
        fs::copy(from, format!("{}{suffix}", into.display())).unwrap();
    }
}

#[tokio::test]
async fn what_was_posted_according_to_a_ledger_that_a_crash_left_is_known() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let before = open(&at("before.db")).await;
    attempt(&before, "alice", "posted", &published("1")).await;
    attempt(&before, "alice", "failed", &failed()).await;
    attempt(&before, "alice", "unknown", &unknown()).await;
    let lease = lease_of("alice", "cut off");
    before.claim(&lease, &[]).await.unwrap();
    let file = name("a.jpg");
    before
        .record_intent(&lease, &file, &[Telegram, Email], &[].into(), &[].into())
        .await
        .unwrap();
    as_after_a_crash(&at("before.db"), &at("aside.db"));
    before.pool().close().await;
    let files = |name: &str| {
        ["", "-wal", "-shm"].map(|suffix| fs::read(at(&format!("{name}{suffix}"))).unwrap())
    };
    let aside = files("aside.db");

    let summary = import(&at("ledger.db"), &at("aside.db")).await.unwrap();
    let told = summary.to_string();
    assert!(
        told.starts_with("publications     5 new, 0 corrected, 0 with"),
        "{told}"
    );
    assert!(summary.is_complete());
    assert_eq!(files("aside.db"), aside, "it is not changed");
    let again = import(&at("ledger.db"), &at("aside.db")).await.unwrap();
    assert!(
        again
            .to_string()
            .starts_with("publications     0 new, 0 corrected, 5 with")
    );

    let ledger = open(&at("ledger.db")).await;
    let known = async |image: &str| claim(&ledger, "alice", image).await.1;
    let posted = PriorState::Published(PublishedPost::new("1"));
    assert_eq!(known("posted").await, [(Telegram, posted)].into());
    assert_eq!(
        known("failed").await,
        [(Telegram, PriorState::Failed)].into()
    );
    assert_eq!(
        known("unknown").await,
        [(Telegram, PriorState::Unknown)].into()
    );
    let unknown = [
        (Telegram, PriorState::Unknown),
        (Email, PriorState::Unknown),
    ];
    assert_eq!(known("cut off").await, unknown.into());
    ledger.pool().close().await;
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
    let is_copy = |name: String| name.starts_with(".publisher");
    assert!(
        !left
            .into_iter()
            .any(|it| is_copy(it.unwrap().file_name().into_string().unwrap()))
    );
}

#[tokio::test]
async fn stored_voice_profiles_are_taken_over_unless_the_row_makes_no_sense() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let aside = open(&at("aside.db")).await;
    for name in ["alice", "bob", "carol"] {
        let profile = VoiceProfile::new(&[name]).unwrap();
        aside.store(&tenant(name), &profile).await.unwrap();
    }
    aside.forget(&tenant("bob")).await.unwrap();
    let damage = "UPDATE ledger_voice_profile SET examples = '[1]' WHERE tenant = 'carol'";
    aside.run(damage).await;
    aside.pool().close().await;
    drop(aside);
    let summary = import(&at("ledger.db"), &at("aside.db")).await.unwrap();
    let told = summary.to_string();
    assert!(
        told.contains("voice profiles   2 new, 0 corrected, 0 with"),
        "{told}"
    );
    assert!(!summary.is_complete());
    let ledger = open(&at("ledger.db")).await;
    for (name, expected) in [("alice", Some("alice")), ("bob", None), ("carol", None)] {
        let found = ledger.load(&tenant(name)).await.unwrap();
        assert_eq!(found.map(|it| it.as_slice().concat()).as_deref(), expected);
    }
    ledger.pool().close().await;
}

#[tokio::test]
async fn captions_and_unsent_usage_events_are_taken_over_once() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let aside = open(&at("aside.db")).await;
    let caption = async |image: &str, ended: &Settlement| {
        caption_suite::attempt(&aside, image, (None, image), ended).await;
    };
    caption("posted", &published("1")).await;
    caption("failed", &failed()).await;
    caption("damaged", &failed()).await;
    let damage = "UPDATE ledger_caption_history SET content_hash = 'x' WHERE caption = 'damaged'";
    aside.run(damage).await;
    aside.add(&usage_suite::event("sent")).await.unwrap();
    let sent = aside.claim_due(1).await.unwrap();
    let done = aside.settle(&sent[0], UsageSettlement::Done).await;
    done.unwrap();
    aside.add(&usage_suite::event("unsent")).await.unwrap();
    aside.pool().close().await;
    drop(aside);
    for (captions, usage) in [
        ("2 new, 0 corrected, 0", "1 new"),
        ("0 new, 0 corrected, 2", "0 new"),
    ] {
        let summary = import(&at("ledger.db"), &at("aside.db")).await.unwrap();
        assert!(!summary.is_complete(), "one row makes no sense");
        let told = summary.to_string();
        assert!(
            told.contains(&format!("captions         {captions}")),
            "{told}"
        );
        assert!(
            told.contains(&format!("usage events     {usage}")),
            "{told}"
        );
    }
    let ledger = open(&at("ledger.db")).await;
    let recent = ledger.recent(&tenant("alice"), &[Telegram]).await.unwrap();
    let texts: Vec<_> = recent[&Telegram].iter().map(|it| &*it.text).collect();
    assert_eq!(texts, ["posted"]);
    let hashes = ContentHash::of(b"failed").into();
    let kept = ledger.kept(&tenant("alice"), &hashes, &[Telegram]).await;
    assert_eq!(kept.unwrap()[&Telegram], caption_suite::by_model("failed"));
    let unsent = usage_suite::event("unsent");
    let query = format!(
        "SELECT count(*) FROM ledger_usage WHERE claim IS NULL AND event_key = '{}'",
        unsent.key.as_str()
    );
    assert_eq!(ledger.number(&query).await, 1);
    assert_eq!(ledger.state().await.unwrap().entries, 1);
    ledger.pool().close().await;
}

#[tokio::test]
async fn a_ledger_that_is_not_there_is_not_made() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let aside = open(&at("aside.db")).await;
    attempt(&aside, "alice", "posted", &published("1")).await;
    aside.pool().close().await;
    drop(aside);
    let refused = import_as_it_is(&at("ledger.db"), &at("aside.db")).await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, ImportError::NoTarget(_)), "{refused}");
    assert!(refused.to_string().contains("ledger.db"), "{refused}");
    assert!(!at("ledger.db").exists());
    import(&at("ledger.db"), &at("aside.db")).await.unwrap();
}

#[tokio::test]
async fn a_file_without_a_byte_is_called_empty() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("aside.db"), "").unwrap();
    let refused = import(&at("ledger.db"), &at("aside.db")).await.unwrap_err();
    let ImportError::Unusable { cause, .. } = &refused else {
        panic!("{refused}");
    };
    assert_eq!(cause.to_string(), "the file is empty");
    // With writes beside it, it is not: the database may be in them alone.
    fs::write(at("aside.db-wal"), "no log").unwrap();
    let refused = import(&at("ledger.db"), &at("aside.db")).await.unwrap_err();
    let ImportError::Unusable { cause, .. } = &refused else {
        panic!("{refused}");
    };
    assert_ne!(cause.to_string(), "the file is empty");
}

#[tokio::test]
async fn a_running_service_goes_on_while_its_ledger_is_added_to() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let aside = open(&at("aside.db")).await;
    attempt(&aside, "alice", "posted", &published("1")).await;
    let in_use = import(&at("ledger.db"), &at("aside.db")).await.unwrap_err();
    assert!(matches!(in_use, ImportError::InUse(_)), "{in_use}");
    aside.pool().close().await;
    drop(aside);

    let running = open(&at("ledger.db")).await;
    let (lease, _) = claim(&running, "alice", "under way").await;
    running
        .record_intent(&lease, &name("a.jpg"), &[Telegram], &[].into(), &[].into())
        .await
        .unwrap();
    import(&at("ledger.db"), &at("aside.db")).await.unwrap();
    running
        .record_outcome(&lease, Telegram, &published("2"))
        .await
        .unwrap();
    let posted = PriorState::Published(PublishedPost::new("1"));
    assert_eq!(
        claim(&running, "alice", "posted").await.1,
        [(Telegram, posted)].into()
    );

    let itself = import(&at("ledger.db"), &at("ledger.db"))
        .await
        .unwrap_err();
    assert!(matches!(itself, ImportError::SameFile), "{itself}");
    running
        .run("DELETE FROM _sqlx_migrations WHERE version = 5")
        .await;
    let behind = import(&at("ledger.db"), &at("aside.db")).await.unwrap_err();
    assert!(behind.to_string().contains("stop that first"), "{behind}");
    running.pool().close().await;
}

#[tokio::test]
async fn a_log_that_is_damaged_or_cut_is_told() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let before = open(&at("before.db")).await;
    for image in ["one", "two", "three"] {
        attempt(&before, "alice", image, &published("1")).await;
    }
    as_after_a_crash(&at("before.db"), &at("whole.db"));
    before.pool().close().await;
    let log = fs::read(at("whole.db-wal")).unwrap();
    let frame = 24 + 4096;
    assert_eq!((log.len() - 32) % frame, 0);

    let mut target = 0;
    let mut told = async |log: &[u8], has_index: bool| {
        target += 1;
        let aside = at(&format!("{target}.db"));
        as_after_a_crash(&at("whole.db"), &aside);
        fs::write(at(&format!("{target}.db-wal")), log).unwrap();
        if !has_index {
            fs::remove_file(at(&format!("{target}.db-shm"))).unwrap();
        }
        let summary = import(&at(&format!("into-{target}.db")), &aside)
            .await
            .unwrap();
        let is_told = summary.to_string().contains("-wal is damaged or cut");
        assert_eq!(summary.is_complete(), !is_told, "{summary}");
        is_told
    };
    assert!(!told(&log, true).await);
    assert!(!told(&log, false).await);
    assert!(told(&log[..log.len() - 1], false).await, "in a frame");
    assert!(
        told(&log[..log.len() - frame + 8], false).await,
        "in its head"
    );
    assert!(
        told(&log[..log.len() - frame], true).await,
        "between frames"
    );
    let mut damaged = log.clone();
    damaged[log.len() - frame / 2] ^= 1;
    assert!(told(&damaged, false).await);
}

#[tokio::test]
async fn ledgers_of_earlier_and_of_later_versions_are_taken_over() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let early = sqlx::sqlite::SqliteConnectOptions::new().filename(at("early.db"));
    let mut early = early.create_if_missing(true).connect().await.unwrap();
    sqlx::raw_sql(
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY, description TEXT NOT NULL,
            installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, success BOOLEAN NOT NULL,
            checksum BLOB NOT NULL, execution_time BIGINT NOT NULL)",
    )
    .execute(&mut early)
    .await
    .unwrap();
    sqlx::raw_sql(include_str!("../migrations/sqlite/0001_ledger.sql"))
        .execute(&mut early)
        .await
        .unwrap();
    let later = open(&at("later.db")).await;
    let copy_note = "INSERT INTO _sqlx_migrations SELECT * FROM later._sqlx_migrations
        WHERE version = 1";
    sqlx::query("ATTACH $1 AS later")
        .bind(at("later.db").to_str().unwrap())
        .execute(&mut early)
        .await
        .unwrap();
    sqlx::raw_sql(copy_note).execute(&mut early).await.unwrap();
    let hash = ContentHash::of(b"early");
    sqlx::query(
        "INSERT INTO ledger_entries
            (tenant, content_hash, platform, filename, state, holder, started_at)
         VALUES ('alice', $1, 'telegram', 'a.jpg', 'intent', 'h', 1)",
    )
    .bind(hash.to_string())
    .execute(&mut early)
    .await
    .unwrap();
    sqlx::Connection::close(early).await.unwrap();
    attempt(&later, "alice", "later", &published("2")).await;
    later.run(merge_suite::LATER).await;
    later.pool().close().await;
    drop(later);

    for (source, unreadable) in [("early.db", 0), ("later.db", 1)] {
        let summary = import(&at("ledger.db"), &at(source)).await.unwrap();
        // The row that makes no sense here has a name that no image can have.
        let told = summary.to_string();
        assert_eq!(summary.is_complete(), unreadable == 0, "{told}");
        assert!(told.starts_with("publications     1 new"), "{told}");
    }
    let ledger = open(&at("ledger.db")).await;
    let early = claim(&ledger, "alice", "early").await.1;
    assert_eq!(early, [(Telegram, PriorState::Unknown)].into());
    let later = claim(&ledger, "alice", "later").await.1;
    assert_eq!(
        later,
        [(Telegram, PriorState::Published(PublishedPost::new("2")))].into()
    );
    ledger.pool().close().await;
}

#[tokio::test]
async fn jobs_stay_behind_and_those_that_are_open_are_told_of() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name);
    let other = open(&at("other.db")).await;
    job_suite::add(&other, "alice").await;
    other.pool().close().await;
    drop(other);
    let summary = import(&at("ledger.db"), &at("other.db")).await.unwrap();
    let told = summary.to_string();
    let stays = "\n1 job that has not come to its end stays behind: ";
    assert!(told.contains(stays), "{told}");
    let ledger = open(&at("ledger.db")).await;
    assert!(job_suite::claim(&ledger, 10).await.is_empty());
    ledger.pool().close().await;
}
