//! Keys by which platforms are asked about lost answers, and what they say, whatever database is behind the ledger.

use super::{
    Backstage,
    hash_suite::{all, hash, prior},
    merge_suite::record,
    suite::{claim, failed, list, name, unknown},
    tenant,
};
use crate::{
    adapters::ledger::merge::{Batch, EntryRecord, Standing},
    domain::{
        content_hash::ContentHash,
        content_hashes::ContentHashes,
        ledger::{Entry, EntryState, Lease, Prior, PriorState, Settlement},
        platform::Platform::{Email, Telegram},
        publication::{Failure, FailureReason, LookupKey, PostId, PostUrl, PublishedPost},
        storage::HashKind::{Dropbox, Etag},
    },
    ports::LedgerError,
};

fn key(key: &str) -> LookupKey {
    LookupKey::new(key)
}

fn post(id: &str) -> PublishedPost {
    PublishedPost {
        id: PostId::new(id),
        url: PostUrl::parse(&format!("https://example.org/{id}")),
    }
}

fn posted(id: &str) -> Settlement {
    Settlement::Published(post(id))
}

fn not_posted() -> Settlement {
    let text = "it is not there";
    Settlement::Failed(Failure::new(FailureReason::Unavailable, text))
}

/// What is known of `image` on Telegram: the state, and the key.
fn known(prior: &Prior) -> (Option<PriorState>, Option<&str>) {
    let key = prior.keys.get(&Telegram).map(LookupKey::as_str);
    (prior.platforms.get(&Telegram).cloned(), key)
}

async fn prior_of(ledger: &impl Backstage, image: &str) -> Prior {
    prior(ledger, ContentHash::of(image.as_bytes())).await
}

async fn intend(ledger: &impl Backstage, lease: &Lease, with: Option<&str>) {
    let keys = with.map(|with| (Telegram, key(with))).into_iter().collect();
    let image = name("a.jpg");
    let recorded = ledger
        .record_intent(lease, &image, &[Telegram], &keys, &[].into())
        .await;
    recorded.unwrap();
}

/// One whole attempt on Telegram with a key.
async fn attempt(ledger: &impl Backstage, image: &str, with: Option<&str>, ended: &Settlement) {
    let (lease, _) = claim(ledger, "alice", image).await;
    intend(ledger, &lease, with).await;
    let recorded = ledger.record_outcome(&lease, Telegram, ended).await;
    recorded.unwrap();
    ledger.release(&lease).await.unwrap();
}

/// Records what Telegram says of the attempt with this key.
async fn look_up(ledger: &impl Backstage, image: &str, of: &str, found: &Settlement) -> Prior {
    let (lease, _) = claim(ledger, "alice", image).await;
    let recorded = ledger
        .record_look_up(&lease, Telegram, &key(of), found)
        .await;
    let prior = recorded.unwrap();
    ledger.release(&lease).await.unwrap();
    assert_eq!(prior, prior_of(ledger, image).await);
    prior
}

async fn first(ledger: &impl Backstage) -> Entry {
    list(ledger, "alice").await.remove(0)
}

pub(super) async fn a_post_is_known_with_its_address(ledger: &impl Backstage) {
    attempt(ledger, "image", None, &posted("1")).await;
    assert_eq!(first(ledger).await.post, Some(post("1")));
    let published = |post| (Some(PriorState::Published(post)), None);
    let prior = prior_of(ledger, "image").await;
    assert_eq!(known(&prior), published(post("1")));
    attempt(ledger, "image", None, &failed()).await;
    let prior = prior_of(ledger, "image").await;
    assert_eq!(known(&prior), published(post("1")));
    // The address is that of the last post, also where it has none.
    let bare = PublishedPost::new("2");
    let settlement = Settlement::Published(bare.clone());
    attempt(ledger, "image", None, &settlement).await;
    assert_eq!(first(ledger).await.post, Some(bare));
}

pub(super) async fn the_key_of_an_attempt_is_known_until_the_platform_has_the_image(
    ledger: &impl Backstage,
) {
    let (lease, _) = claim(ledger, "alice", "image").await;
    let keys = [(Telegram, key("k"))].into();
    let image = name("a.jpg");
    let recorded = ledger
        .record_intent(&lease, &image, &[Telegram, Email], &keys, &[].into())
        .await;
    recorded.unwrap();
    ledger.expire_leases().await;
    let prior = prior_of(ledger, "image").await;
    assert_eq!(prior.platforms[&Email], PriorState::Unknown);
    assert_eq!(prior.keys, keys, "e-mail has none");
    assert_eq!(known(&prior), (Some(PriorState::Unknown), Some("k")));
    let recorded = ledger.record_outcome(&lease, Telegram, &failed()).await;
    recorded.unwrap();
    let prior = prior_of(ledger, "image").await;
    assert_eq!(known(&prior), (Some(PriorState::Failed), Some("k")));
    attempt(ledger, "image", Some("k2"), &posted("1")).await;
    assert!(prior_of(ledger, "image").await.keys.is_empty());
}

pub(super) async fn a_lost_answer_is_replaced_by_what_the_platform_says(ledger: &impl Backstage) {
    for is_intent in [false, true] {
        let lose = async |image: &str| {
            let (lease, _) = claim(ledger, "alice", image).await;
            intend(ledger, &lease, Some("k")).await;
            if !is_intent {
                let recorded = ledger.record_outcome(&lease, Telegram, &unknown()).await;
                recorded.unwrap();
            }
            ledger.release(&lease).await.unwrap();
            let entry = first(ledger).await;
            assert_eq!(
                (entry.state, entry.key),
                (EntryState::Unknown, Some(key("k")))
            );
        };
        let image = format!("found {is_intent}");
        lose(&image).await;
        let prior = look_up(ledger, &image, "k", &posted("1")).await;
        assert_eq!(
            known(&prior),
            (Some(PriorState::Published(post("1"))), None)
        );
        let entry = first(ledger).await;
        assert_eq!(
            (entry.state, entry.post),
            (EntryState::Published, Some(post("1")))
        );
        assert_eq!((entry.error, entry.reason), (None, None));

        let image = format!("missing {is_intent}");
        lose(&image).await;
        let prior = look_up(ledger, &image, "k", &not_posted()).await;
        assert_eq!(known(&prior), (Some(PriorState::Failed), Some("k")));
        let entry = first(ledger).await;
        assert_eq!(entry.state, EntryState::Failed);
        assert_eq!(entry.reason, Some(FailureReason::Unavailable));
        assert_eq!(entry.error.as_deref(), Some("it is not there"));
        assert!(entry.ended.is_some());

        let image = format!("undetermined {is_intent}");
        lose(&image).await;
        let prior = look_up(ledger, &image, "k", &unknown()).await;
        assert_eq!(known(&prior), (Some(PriorState::Unknown), Some("k")));
        assert_eq!(first(ledger).await.error.as_deref(), Some("reset"));
    }
    assert_eq!(ledger.count_unknown().await.unwrap(), 2);
}

pub(super) async fn what_was_known_before_an_attempt_holds_if_it_was_not_posted(
    ledger: &impl Backstage,
) {
    attempt(ledger, "doubt", Some("k1"), &unknown()).await;
    attempt(ledger, "doubt", Some("k2"), &failed()).await;
    let prior = prior_of(ledger, "doubt").await;
    assert_eq!(known(&prior), (Some(PriorState::Unknown), Some("k1")));
    attempt(ledger, "doubt", Some("k3"), &unknown()).await;
    let prior = look_up(ledger, "doubt", "k3", &not_posted()).await;
    assert_eq!(known(&prior), (Some(PriorState::Unknown), Some("k1")));
    let prior = look_up(ledger, "doubt", "k1", &not_posted()).await;
    assert_eq!(known(&prior), (Some(PriorState::Failed), Some("k1")));

    for with in ["k1", "k2", "k3"] {
        attempt(ledger, "doubts", Some(with), &unknown()).await;
    }
    let prior = look_up(ledger, "doubts", "k3", &not_posted()).await;
    let why = "of the two before it, one may have been posted";
    assert_eq!(known(&prior), (Some(PriorState::Unknown), None), "{why}");

    attempt(ledger, "posted", None, &posted("1")).await;
    attempt(ledger, "posted", Some("k"), &unknown()).await;
    let prior = look_up(ledger, "posted", "k", &not_posted()).await;
    assert_eq!(
        known(&prior),
        (Some(PriorState::Published(post("1"))), None)
    );
}

pub(super) async fn an_answer_about_another_attempt_changes_nothing(ledger: &impl Backstage) {
    attempt(ledger, "image", Some("k2"), &unknown()).await;
    let prior = look_up(ledger, "image", "k1", &posted("1")).await;
    assert_eq!(known(&prior), (Some(PriorState::Unknown), Some("k2")));
    attempt(ledger, "failed", Some("k"), &failed()).await;
    let prior = look_up(ledger, "failed", "k", &posted("1")).await;
    assert_eq!(known(&prior), (Some(PriorState::Failed), Some("k")));
    let (lost, _) = claim(ledger, "alice", "image").await;
    ledger.expire_leases().await;
    claim(ledger, "alice", "image").await;
    let refused = ledger
        .record_look_up(&lost, Telegram, &key("k2"), &posted("1"))
        .await;
    assert!(
        matches!(refused, Err(LedgerError::LeaseLost)),
        "{refused:?}"
    );
}

pub(super) async fn an_attempt_under_way_under_another_hash_is_left_to_its_holder(
    ledger: &impl Backstage,
) {
    let lease = |hashes: ContentHashes| Lease::for_new_holder(tenant("alice"), hashes);
    let all = lease(all(Etag, "image"));
    ledger.claim(&all, &[]).await.unwrap();
    intend(ledger, &all, None).await;
    ledger.release(&all).await.unwrap();
    let at_work = lease(hash(Dropbox, "image").into());
    ledger.claim(&at_work, &[]).await.unwrap();
    intend(ledger, &at_work, Some("k")).await;
    let other = lease(hash(Etag, "image").into());
    ledger.claim(&other, &[]).await.unwrap();
    let recorded = ledger
        .record_look_up(&other, Telegram, &key("k"), &not_posted())
        .await;
    recorded.unwrap();
    assert_eq!(first(ledger).await.state, EntryState::InProgress);
    let recorded = ledger
        .record_outcome(&at_work, Telegram, &posted("1"))
        .await;
    recorded.unwrap();
}

pub(super) async fn an_entry_is_found_by_its_number_and_tenant(ledger: &impl Backstage) {
    attempt(ledger, "image", Some("k"), &unknown()).await;
    let broken = Failure::new(FailureReason::ImageUnsuitable, "broken");
    let hashes = ContentHash::of(b"broken").into();
    let alice = tenant("alice");
    ledger
        .pass_over(&alice, &name("b.jpg"), &hashes, &broken)
        .await
        .unwrap();
    let entries = list(ledger, "alice").await;
    assert_eq!(entries.len(), 2);
    for entry in entries {
        let id = entry.position.id;
        let found = ledger.find(&alice, id).await.unwrap();
        assert_eq!(found, Some(entry));
        assert_eq!(ledger.find(&tenant("bob"), id).await.unwrap(), None);
    }
    for id in [0, 4711, -4711, i64::MIN, i64::MAX] {
        assert_eq!(ledger.find(&alice, id).await.unwrap(), None, "{id}");
    }
}

fn batch(record: EntryRecord) -> Batch {
    Batch {
        entries: vec![record],
        ..Batch::default()
    }
}

/// An attempt in doubt of another ledger.
fn in_doubt(image: &str, key: Option<&str>) -> EntryRecord {
    EntryRecord {
        lookup_key: key.map(str::to_owned),
        ..record(image, Standing::Unknown)
    }
}

pub(super) async fn addresses_and_keys_are_merged(ledger: &impl Backstage) {
    let posted = EntryRecord {
        post_url: Some("https://example.org/theirs".to_owned()),
        ..record("posted", Standing::Published)
    };
    attempt(ledger, "posted", Some("k"), &unknown()).await;
    let expected = (Some(PriorState::Published(post("theirs"))), None);
    for _ in 0..2 {
        ledger.merge(&batch(posted.clone())).await.unwrap();
        assert_eq!(known(&prior_of(ledger, "posted").await), expected);
    }
    for (image, ours) in [("new", None), ("failed", Some(failed()))] {
        if let Some(ours) = ours {
            attempt(ledger, image, Some("ours"), &ours).await;
        }
        let theirs = EntryRecord {
            prior: Some(Standing::Unknown),
            prior_lookup_key: Some("before".to_owned()),
            ..in_doubt(image, Some("theirs"))
        };
        ledger.merge(&batch(theirs)).await.unwrap();
        for (of, then) in [("theirs", "before"), ("before", "before")] {
            let prior = look_up(ledger, image, of, &not_posted()).await;
            assert_eq!(known(&prior).1, Some(then), "{image}");
        }
        let prior = prior_of(ledger, image).await;
        assert_eq!(prior.platforms[&Telegram], PriorState::Failed);
    }
}

pub(super) async fn a_doubt_of_another_ledger_stays_when_ours_is_settled(ledger: &impl Backstage) {
    let doubtful = |key| (Some(PriorState::Unknown), key);
    for (image, theirs, then) in [
        (
            "same",
            Some("ours"),
            (Some(PriorState::Failed), Some("ours")),
        ),
        ("another", Some("theirs"), doubtful(Some("theirs"))),
        ("cannot be asked", None, doubtful(None)),
    ] {
        attempt(ledger, image, Some("ours"), &unknown()).await;
        for _ in 0..2 {
            let theirs = batch(in_doubt(image, theirs));
            ledger.merge(&theirs).await.unwrap();
        }
        let prior = look_up(ledger, image, "ours", &not_posted()).await;
        assert_eq!(known(&prior), then, "{image}");
    }
    // Three attempts in doubt: neither of the other two can be asked about.
    attempt(ledger, "three", Some("ours"), &unknown()).await;
    for theirs in ["theirs", "another's"] {
        let theirs = batch(in_doubt("three", Some(theirs)));
        ledger.merge(&theirs).await.unwrap();
    }
    let prior = look_up(ledger, "three", "ours", &not_posted()).await;
    assert_eq!(known(&prior), doubtful(None));
    // They had it before their doubt.
    attempt(ledger, "had", Some("ours"), &unknown()).await;
    let theirs = EntryRecord {
        prior: Some(Standing::Published),
        ..in_doubt("had", Some("theirs"))
    };
    ledger.merge(&batch(theirs)).await.unwrap();
    let prior = look_up(ledger, "had", "ours", &not_posted()).await;
    assert!(
        matches!(known(&prior), (Some(PriorState::Published(_)), None)),
        "{prior:?}"
    );
}

pub(super) async fn a_doubt_of_another_ledger_is_the_prior_state_of_an_attempt_under_way(
    ledger: &impl Backstage,
) {
    let (lease, _) = claim(ledger, "alice", "image").await;
    intend(ledger, &lease, Some("ours")).await;
    let theirs = batch(in_doubt("image", Some("theirs")));
    ledger.merge(&theirs).await.unwrap();
    let recorded = ledger.record_outcome(&lease, Telegram, &failed()).await;
    recorded.unwrap();
    ledger.release(&lease).await.unwrap();
    let prior = prior_of(ledger, "image").await;
    assert_eq!(known(&prior), (Some(PriorState::Unknown), Some("theirs")));
}

/// The version before writes no key, and leaves the columns of this one as they are.
pub(super) async fn the_version_before_starts_and_writes_on_these_tables(ledger: &impl Backstage) {
    let hash = ContentHash::of(b"image");
    ledger
        .run(&format!(
            "INSERT INTO ledger_entries AS e (tenant, content_hash, platform, filename, state, holder,
                started_at, hash_kind, hash)
             VALUES ('alice', '{hash}', 'telegram', 'a.jpg', 'intent', 'h', 1, 'dropbox', '{hash}')
             ON CONFLICT (tenant, content_hash, platform) DO UPDATE SET state = 'intent';
             UPDATE ledger_entries SET state = 'published', prior = NULL, post_id = COALESCE('1', post_id)
             WHERE tenant = 'alice' AND holder = 'h' AND state = 'intent'"
        ))
        .await;
    let prior = prior_of(ledger, "image").await;
    let published = PriorState::Published(PublishedPost::new("1"));
    assert_eq!(known(&prior), (Some(published), None));
    assert_eq!(first(ledger).await.platform, Some(Telegram));
}
