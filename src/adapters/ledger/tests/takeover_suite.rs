//! What is taken over from the existing service, whatever database is behind the ledger.

use super::{
    Backstage,
    hash_suite::{all, attempt, hash, prior},
    suite::{failed, list, published, unknown},
    tenant,
};
use crate::{
    adapters::ledger::takeover::SentCaption,
    domain::{
        content_hash::ContentHash,
        ledger::{EntryState, PriorState},
        platform::Platform::{self, Telegram},
        publication::PublishedPost,
        storage::HashKind,
    },
};

async fn add_posted(ledger: &impl Backstage, hashes: &[ContentHash]) -> u64 {
    ledger.add_posted(&tenant("alice"), hashes).await.unwrap()
}

fn everywhere(post: &str) -> Vec<(Platform, PriorState)> {
    let state = PriorState::Published(PublishedPost::new(post));
    Platform::ALL.map(|it| (it, state.clone())).into()
}

pub(super) async fn what_was_posted_elsewhere_is_on_every_platform_by_whichever_hash(
    ledger: &impl Backstage,
) {
    let images = HashKind::ALL.map(|kind| (kind, kind.as_str()));
    let hashes = images.map(|(kind, image)| hash(kind, image));
    assert_eq!(add_posted(ledger, &hashes).await, 3);
    assert_eq!(add_posted(ledger, &hashes).await, 0, "a second time");
    for (_, image) in images {
        for listed in HashKind::ALL {
            let known = prior(ledger, all(listed, image)).await;
            assert_eq!(Vec::from_iter(known.platforms), everywhere(""), "{image}");
        }
        // Learnt meanwhile, so that a listing knows it.
        for listed in HashKind::ALL {
            let contents = [hash(listed, image)];
            let found = ledger.entries_of(&tenant("alice"), &contents).await;
            let entries = &found.unwrap()[&contents[0]];
            let states: Vec<_> = entries.iter().map(|it| (it.platform, it.state)).collect();
            assert_eq!(states, [(None, EntryState::Published)], "{image}");
        }
    }
    let other = ledger.entries_of(&tenant("bob"), &hashes).await.unwrap();
    assert_eq!(other.len(), 0, "another tenant's");
    let listed = list(ledger, "alice").await;
    assert_eq!(listed.len(), 3);
    assert!(listed.iter().all(|it| it.filename().is_empty()));
    let mut shown: Vec<_> = listed.into_iter().map(|it| it.content_hash).collect();
    shown.sort_by_key(|hash| hash.kind().as_str());
    let mut sorted = hashes.to_vec();
    sorted.sort_by_key(|hash| hash.kind().as_str());
    assert_eq!(shown, sorted);
}

pub(super) async fn a_post_that_is_known_wins_over_one_elsewhere_and_a_doubt_does_not(
    ledger: &impl Backstage,
) {
    for (image, came_of_it, expected) in [
        ("posted", published("ours"), "ours"),
        ("unknown", unknown(), ""),
        ("failed", failed(), ""),
    ] {
        let hashes = all(HashKind::Dropbox, image);
        attempt(ledger, &hashes, Telegram, &came_of_it).await;
        assert_eq!(
            add_posted(ledger, &[hash(HashKind::Sha256, image)]).await,
            1
        );
        let known = prior(ledger, hashes).await;
        assert_eq!(
            known.platforms[&Telegram],
            PriorState::Published(PublishedPost::new(expected)),
            "{image}"
        );
        assert_eq!(known.platforms.len(), Platform::COUNT, "{image}");
        assert!(known.keys.is_empty());
    }
}

pub(super) async fn a_forced_attempt_at_what_was_posted_elsewhere_changes_nothing_if_it_fails(
    ledger: &impl Backstage,
) {
    let hashes = all(HashKind::Dropbox, "image");
    add_posted(ledger, &[hash(HashKind::Sha256, "image")]).await;
    attempt(ledger, &hashes, Telegram, &failed()).await;
    let known = prior(ledger, hashes.clone()).await;
    assert_eq!(Vec::from_iter(known.platforms), everywhere(""));
    attempt(ledger, &hashes, Telegram, &published("forced")).await;
    let known = prior(ledger, hashes).await;
    let forced = PriorState::Published(PublishedPost::new("forced"));
    assert_eq!(known.platforms[&Telegram], forced);
}

pub(super) async fn captions_are_remembered_once(ledger: &impl Backstage) {
    let caption = |text: &str, sent_at| SentCaption {
        tenant: "alice".to_owned(),
        platform: "telegram".to_owned(),
        caption: text.to_owned(),
        angle: Some("moment".to_owned()),
        model: Some("gpt-4o-mini".to_owned()),
        image_sha256: Some("ab".repeat(32)),
        sent_at,
        fingerprint: text.replace('\0', "0"),
    };
    let captions = [caption("one", Some(1_000)), caption("t\0wo", None)];
    assert_eq!(ledger.add_captions(&captions).await.unwrap(), 2);
    assert_eq!(ledger.add_captions(&captions).await.unwrap(), 0);
    let of_another = SentCaption {
        tenant: "bob".to_owned(),
        ..caption("one", Some(1_000))
    };
    assert_eq!(ledger.add_captions(&[of_another]).await.unwrap(), 1);
    for (condition, count) in [
        ("true", 3),
        ("tenant = 'alice' AND platform = 'telegram'", 2),
        ("caption = 'one' AND angle = 'moment' AND sent_at = 1000", 2),
        ("caption = 'two' AND sent_at > 1000", 1),
        (
            "written IS NULL AND author IS NULL AND model = 'gpt-4o-mini'",
            3,
        ),
    ] {
        let query = format!("SELECT COUNT(*) FROM ledger_caption_history WHERE {condition}");
        assert_eq!(ledger.number(&query).await, count, "{condition}");
    }
}
