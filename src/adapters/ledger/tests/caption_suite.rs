//! Captions of attempts, and the history of those that were published, whatever database is behind the ledger.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Backstage,
    hash_suite::{all, hash},
    kept_for, lease_of,
    suite::{claim, failed, name, published, unknown},
    tenant,
};
use crate::{
    adapters::ledger::{
        captions::CaptionRecord,
        merge::{Batch, Counts},
        takeover::SentCaption,
    },
    domain::{
        caption_history::{Angle, CaptionAuthor, KeptCaption, PastCaption},
        content_hash::ContentHash,
        content_hashes::ContentHashes,
        ledger::{Lease, Settlement},
        platform::Platform::{self, Email, Telegram},
        publication::LookupKey,
        storage::HashKind,
    },
    ports::{LedgerError, RECENT_CAPTIONS, Swept},
};

pub(super) fn by_model(text: &str) -> KeptCaption {
    KeptCaption {
        sent: text.to_owned(),
        written: Some(format!("{text}, at length")),
        author: CaptionAuthor::Model,
        angle: Some(Angle::Craft),
        model: Some("gpt-4o-mini".to_owned()),
    }
}

fn by_person(text: &str) -> KeptCaption {
    KeptCaption {
        sent: text.to_owned(),
        written: None,
        author: CaptionAuthor::Person,
        angle: None,
        model: None,
    }
}

async fn intend(
    ledger: &impl Backstage,
    lease: &Lease,
    key: Option<&str>,
    captions: &[(Platform, KeptCaption)],
) {
    let captions: BTreeMap<_, _> = captions.iter().cloned().collect();
    let platforms: Vec<_> = captions.keys().copied().collect();
    let keys = key.map(|key| (Telegram, LookupKey::new(key)));
    let (image, keys) = (name("a.jpg"), keys.into_iter().collect());
    let recorded = ledger.record_intent(lease, &image, &platforms, &keys, &captions);
    recorded.await.unwrap();
}

/// One whole attempt on Telegram with this caption.
pub(super) async fn attempt(
    ledger: &impl Backstage,
    image: &str,
    (key, text): (Option<&str>, &str),
    ended: &Settlement,
) {
    let (lease, _) = claim(ledger, "alice", image).await;
    intend(ledger, &lease, key, &[(Telegram, by_model(text))]).await;
    let recorded = ledger.record_outcome(&lease, Telegram, ended).await;
    recorded.unwrap();
    ledger.release(&lease).await.unwrap();
}

async fn recent(ledger: &impl Backstage, platform: Platform) -> Vec<PastCaption> {
    let found = ledger.recent(&tenant("alice"), &[platform]).await;
    found.unwrap().remove(&platform).unwrap_or_default()
}

async fn texts(ledger: &impl Backstage) -> Vec<String> {
    let recent = recent(ledger, Telegram).await;
    recent.into_iter().map(|it| it.text).collect()
}

async fn kept(ledger: &impl Backstage, image: &str) -> BTreeMap<Platform, KeptCaption> {
    kept_by(ledger, ContentHash::of(image.as_bytes()).into()).await
}

async fn kept_by(
    ledger: &impl Backstage,
    hashes: ContentHashes,
) -> BTreeMap<Platform, KeptCaption> {
    let kept = ledger.kept(&tenant("alice"), &hashes, &Platform::ALL).await;
    kept.unwrap()
}

pub(super) async fn captions_are_kept_with_their_intent_and_history_once_they_are_published(
    ledger: &impl Backstage,
) {
    let (lease, _) = claim(ledger, "alice", "image").await;
    let both = [(Telegram, by_model("T")), (Email, by_person("E"))];
    intend(ledger, &lease, None, &both).await;
    assert_eq!(kept(ledger, "image").await, both.clone().into());
    assert_eq!(recent(ledger, Telegram).await, []);
    for (platform, outcome) in [(Telegram, published("1")), (Email, failed())] {
        let recorded = ledger.record_outcome(&lease, platform, &outcome).await;
        recorded.unwrap();
    }
    let past = PastCaption {
        text: "T".to_owned(),
        angle: Some(Angle::Craft),
    };
    assert_eq!(recent(ledger, Telegram).await, [past]);
    assert_eq!(recent(ledger, Email).await, []);
    assert_eq!(kept(ledger, "image").await, both.into());
    let hashes = ContentHash::of(b"image").into();
    let of_email = ledger.kept(&tenant("alice"), &hashes, &[Email]).await;
    assert_eq!(of_email.unwrap(), [(Email, by_person("E"))].into());
    let bob = tenant("bob");
    let of_bob = ledger.kept(&bob, &hashes, &Platform::ALL).await;
    assert_eq!(of_bob.unwrap(), [].into());
    let of_bob = ledger.recent(&bob, &Platform::ALL).await;
    assert_eq!(of_bob.unwrap(), [].into());
}

pub(super) async fn a_post_that_is_found_later_makes_its_own_caption_history(
    ledger: &impl Backstage,
) {
    let look_up = async |image: &str, of: &str, found: &Settlement| {
        let (lease, _) = claim(ledger, "alice", image).await;
        let key = LookupKey::new(of);
        let recorded = ledger.record_look_up(&lease, Telegram, &key, found).await;
        recorded.unwrap();
        ledger.release(&lease).await.unwrap();
    };
    attempt(ledger, "image", (Some("k1"), "first"), &unknown()).await;
    attempt(ledger, "image", (Some("k2"), "second"), &unknown()).await;
    look_up("image", "k2", &failed()).await;
    assert_eq!(texts(ledger).await, [""; 0]);
    look_up("image", "k1", &published("1")).await;
    assert_eq!(texts(ledger).await, ["first"]);
    look_up("image", "k2", &published("2")).await;
    assert_eq!(texts(ledger).await, ["first"], "the platform has said so");

    // The process ended before the outcome was recorded.
    let (lease, _) = claim(ledger, "alice", "cut off").await;
    intend(ledger, &lease, Some("k"), &[(Telegram, by_model("third"))]).await;
    ledger.release(&lease).await.unwrap();
    look_up("another", "k", &published("3")).await;
    assert_eq!(texts(ledger).await, ["first"], "of another image");
    look_up("cut off", "k", &published("3")).await;
    assert_eq!(texts(ledger).await, ["third", "first"]);
}

pub(super) async fn an_outcome_that_comes_after_another_attempt_has_begun_makes_history_all_the_same(
    ledger: &impl Backstage,
) {
    let (late, _) = claim(ledger, "alice", "image").await;
    intend(ledger, &late, None, &[(Telegram, by_model("late"))]).await;
    ledger.expire_leases().await;
    let (other, _) = claim(ledger, "alice", "image").await;
    intend(ledger, &other, None, &[(Telegram, by_model("other"))]).await;
    let recorded = ledger
        .record_outcome(&late, Telegram, &published("1"))
        .await;
    assert!(matches!(recorded, Err(LedgerError::LeaseLost)));
    assert_eq!(texts(ledger).await, ["late"]);
    for _ in 0..2 {
        let recorded = ledger.record_outcome(&other, Telegram, &failed()).await;
        recorded.unwrap();
    }
    assert_eq!(texts(ledger).await, ["late"]);
    assert_eq!(kept(ledger, "image").await[&Telegram], by_model("other"));
}

pub(super) async fn a_forced_second_publication_is_a_second_one_in_the_history(
    ledger: &impl Backstage,
) {
    attempt(ledger, "image", (None, "one"), &published("1")).await;
    attempt(ledger, "image", (None, "two"), &published("2")).await;
    attempt(ledger, "image", (None, "three"), &failed()).await;
    assert_eq!(texts(ledger).await, ["two", "one"]);
    assert_eq!(kept(ledger, "image").await[&Telegram], by_model("three"));
}

pub(super) async fn the_last_thirty_of_each_platform_are_recent_newest_first(
    ledger: &impl Backstage,
) {
    for number in 0..RECENT_CAPTIONS + 2 {
        let image = number.to_string();
        attempt(ledger, &image, (None, &image), &published("1")).await;
        attempt(ledger, &image, (None, "not published"), &failed()).await;
    }
    let newest = (2..RECENT_CAPTIONS + 2).rev();
    let expected: Vec<_> = newest.map(|number| number.to_string()).collect();
    assert_eq!(texts(ledger).await, expected);

    let of_another_service = |text: &str, angle: &str, sent_at| SentCaption {
        tenant: "alice".to_owned(),
        platform: "telegram".to_owned(),
        caption: text.to_owned(),
        angle: Some(angle.to_owned()),
        model: None,
        image_sha256: None,
        sent_at: Some(sent_at),
        fingerprint: text.to_owned(),
    };
    let theirs = [
        of_another_service("old", "moment", 1),
        of_another_service("new", "moment", 9_000_000_000_000_000),
        of_another_service("newest", "of later", 9_000_000_000_000_001),
    ];
    assert_eq!(ledger.add_captions(&theirs).await.unwrap(), 3);
    let recent = recent(ledger, Telegram).await;
    assert_eq!(recent.len(), RECENT_CAPTIONS);
    let first: Vec<_> = recent.iter().map(|it| (&*it.text, it.angle)).collect();
    assert_eq!(first[..2], [("newest", None), ("new", Some(Angle::Moment))]);
}

pub(super) async fn a_kept_caption_is_found_by_every_hash_of_its_image(ledger: &impl Backstage) {
    let hashes = all(HashKind::Dropbox, "image");
    let lease = Lease::for_new_holder(tenant("alice"), hashes);
    ledger.claim(&lease, &[]).await.unwrap();
    intend(ledger, &lease, None, &[(Telegram, by_model("T"))]).await;
    for kind in HashKind::ALL {
        let by_one = kept_by(ledger, hash(kind, "image").into()).await;
        assert_eq!(by_one, [(Telegram, by_model("T"))].into(), "{kind:?}");
    }
    assert_eq!(kept(ledger, "another").await, [].into());
    let sha256 = hash(HashKind::Sha256, "image");
    let query =
        format!("SELECT count(*) FROM ledger_caption_history WHERE image_sha256 = '{sha256}'");
    assert_eq!(ledger.number(&query).await, 1);
}

pub(super) async fn an_intent_that_is_not_written_keeps_no_caption(ledger: &impl Backstage) {
    let all = "SELECT count(*) FROM ledger_caption_history";
    let both = [(Telegram, by_model("T")), (Email, by_model("E"))].into();
    let (image, keys) = (name("a.jpg"), [].into());
    let (lost, _) = claim(ledger, "alice", "image").await;
    ledger.expire_leases().await;
    let (lease, _) = claim(ledger, "alice", "image").await;
    let refused = ledger.record_intent(&lost, &image, &[Telegram, Email], &keys, &both);
    assert!(matches!(refused.await, Err(LedgerError::LeaseLost)));
    assert_eq!(ledger.number(all).await, 0);
    ledger.refuse_email().await;
    let refused = ledger.record_intent(&lease, &image, &[Telegram, Email], &keys, &both);
    assert!(matches!(refused.await, Err(LedgerError::Unavailable(_))));
    assert_eq!(ledger.number(all).await, 0);
}

pub(super) async fn texts_of_captions_come_back_as_they_were_kept(ledger: &impl Backstage) {
    for odd in [
        "two\nlines\u{2028}",
        "\"quotes\" \\ \\u0041",
        "夜 🌊",
        "'; DROP TABLE ledger_caption_history; --",
        &"long ".repeat(2_000),
    ] {
        attempt(ledger, "image", (None, odd), &published("1")).await;
        assert_eq!(kept(ledger, "image").await[&Telegram], by_model(odd));
        assert_eq!(texts(ledger).await[0], odd);
    }
    attempt(ledger, "image", (None, "nul\0inside"), &published("1")).await;
    assert_eq!(
        kept(ledger, "image").await[&Telegram],
        by_model("nulinside")
    );
}

/// A caption of an attempt in another ledger.
fn record(image: &str, fingerprint: &str, unpublished: Option<&'static str>) -> CaptionRecord {
    CaptionRecord {
        tenant: "alice".to_owned(),
        fingerprint: fingerprint.to_owned(),
        platform: "telegram".to_owned(),
        caption: format!("their {image}\0"),
        written: None,
        author: Some("person".to_owned()),
        angle: None,
        image_sha256: None,
        model: None,
        sent_at: 1_000,
        content_hash: Some(ContentHash::of(image.as_bytes()).to_string()),
        lookup_key: None,
        unpublished,
    }
}

pub(super) async fn captions_of_another_ledger_are_taken_over_once_and_published_wins(
    ledger: &impl Backstage,
) {
    let (lease, _) = claim(ledger, "alice", "both").await;
    intend(ledger, &lease, None, &[(Telegram, by_model("ours"))]).await;
    let recorded = ledger.record_outcome(&lease, Telegram, &unknown()).await;
    recorded.unwrap();
    let both = format!("{} telegram", lease.holder());
    let batch = Batch {
        captions: vec![
            record("failed", "1", Some("failed")),
            record("published", "2", None),
            record("both", &both, Some("failed")),
            CaptionRecord {
                platform: "invented".to_owned(),
                ..record("published", "3", None)
            },
        ],
        ..Batch::default()
    };
    for counts in [(3, 0, 1), (0, 0, 4)] {
        let merged = ledger.merge(&batch).await.unwrap();
        let (new, raised, known) = counts;
        assert_eq!(merged.captions, Counts { new, raised, known });
        assert_eq!(texts(ledger).await, ["their published"]);
    }
    let theirs = by_person("their failed");
    assert_eq!(kept(ledger, "failed").await[&Telegram], theirs);
    let batch = Batch {
        captions: vec![record("failed", "1", None), record("both", &both, None)],
        ..Batch::default()
    };
    for raised in [2, 0] {
        let merged = ledger.merge(&batch).await.unwrap().captions;
        assert_eq!((merged.new, merged.raised), (0, raised));
    }
    assert_eq!(
        texts(ledger).await,
        ["ours", "their published", "their failed"]
    );
}

/// Version 9 knows none of the columns of attempts.
pub(super) async fn what_the_version_before_takes_over_is_history(ledger: &impl Backstage) {
    attempt(ledger, "image", (None, "ours"), &failed()).await;
    ledger
        .run(
            "INSERT INTO ledger_caption_history
                (tenant, platform, caption, angle, image_sha256, sent_at, fingerprint, model)
             VALUES ('alice', 'telegram', 'theirs', 'moment', NULL, 1, 'f', NULL)
             ON CONFLICT (tenant, fingerprint) DO NOTHING",
        )
        .await;
    assert_eq!(texts(ledger).await, ["theirs"]);
    assert_eq!(kept(ledger, "image").await[&Telegram], by_model("ours"));
}

pub(super) async fn captions_go_when_they_are_old_published_or_not(ledger: &impl Backstage) {
    for (image, outcome) in [
        ("published", published("1")),
        ("failed", failed()),
        ("unknown", unknown()),
    ] {
        attempt(ledger, image, (None, image), &outcome).await;
    }
    let lease = lease_of("alice", "cut off");
    ledger.claim(&lease, &[]).await.unwrap();
    intend(ledger, &lease, None, &[(Telegram, by_model("cut off"))]).await;
    assert_eq!(
        ledger.sweep(kept_for(None)).await.unwrap(),
        Swept::default()
    );
    // Tried again since, and so of use for as long again.
    let days = 91 * 24 * 60 * 60 * 1000_i64;
    let age = format!("UPDATE ledger_caption_history SET sent_at = sent_at - {days}");
    ledger.run(&age).await;
    attempt(ledger, "failed", (None, "failed again"), &failed()).await;
    let swept = ledger.sweep(kept_for(None)).await.unwrap();
    assert_eq!(swept.captions, 4);
    assert_eq!(texts(ledger).await, [""; 0]);
    for image in ["published", "unknown", "cut off"] {
        assert_eq!(kept(ledger, image).await, [].into(), "{image}");
    }
    let again = by_model("failed again");
    assert_eq!(kept(ledger, "failed").await, [(Telegram, again)].into());
    let mut none = kept_for(None);
    none.captions = Duration::ZERO;
    assert_eq!(ledger.sweep(none).await.unwrap().captions, 1);
}
