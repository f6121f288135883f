//! Posts are staged before their intent, and published under the key of that.

use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;

use super::*;
use crate::{
    app::usecases::fixtures::claimed,
    domain::{ledger::Settlement, publication::LookupKey},
    ports::{Post, Posted},
};

fn key(key: &str) -> LookupKey {
    LookupKey::new(key)
}

/// Publishing to Telegram alone.
fn to_telegram(force: bool) -> PublicationRequest {
    PublicationRequest {
        platforms: Some(vec![Platform::Telegram]),
        force,
        ..PublicationRequest::default()
    }
}

/// A ledger in which an attempt with the key `before` has failed on Telegram.
fn having_failed() -> MockLedger {
    let prior = Prior {
        platforms: [(Platform::Telegram, PriorState::Failed)].into(),
        keys: [(Platform::Telegram, key("before"))].into(),
        passed_over: None,
    };
    let mut ledger = MockLedger::new();
    ledger
        .expect_claim()
        .returning(move |_, _| Ok(Claim::Held(prior.clone())));
    ledger.expect_release().returning(|_| Ok(()));
    ledger
}

fn expecting_intent_with(ledger: &mut MockLedger, expected: Option<&'static str>) {
    ledger
        .expect_record_intent()
        .times(1)
        .withf(move |_, _, _, keys, _| {
            keys.get(&Platform::Telegram).map(LookupKey::as_str) == expected
        })
        .returning(|_, _, _, _, _| Ok(()));
}

#[tokio::test]
async fn a_post_is_staged_before_its_intent_which_has_its_key_and_published_after_it() {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let note = |what: &'static str| {
        let steps = Arc::clone(&steps);
        move || steps.lock().unwrap().push(what)
    };
    let (staged, intended, published) = (note("staged"), note("intended"), note("published"));
    let mut fixture = lucky();
    fixture
        .telegram
        .expect_stage()
        .times(1)
        .withf(|post, earlier| post.caption.contains("For Telegram") && earlier.is_none())
        .returning(move |_, _| {
            staged();
            Ok(Some(key("k")))
        });
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .withf(|_, of| *of == Some(&key("k")))
        .returning(move |_, _| {
            published();
            Ok(PostId::new("1").into())
        });
    fixture
        .email
        .expect_publish()
        .times(1)
        .withf(|_, of| of.is_none())
        .returning(|_, _| Ok(PostId::new("2").into()));
    let mut ledger = claimed(BTreeMap::new());
    ledger
        .expect_record_intent()
        .times(1)
        .withf(|_, _, platforms, keys, _| {
            *platforms == [Platform::Telegram, Platform::Email]
                && *keys == [(Platform::Telegram, key("k"))].into()
        })
        .returning(move |_, _, _, _, _| {
            intended();
            Ok(())
        });
    ledger
        .expect_record_outcome()
        .times(2)
        .returning(|_, _, _| Ok(()));
    let report = publish_with(ledger, fixture, PublicationRequest::default()).await;
    assert_eq!(outcomes(&report.unwrap()), ["published", "published"]);
    assert_eq!(*steps.lock().unwrap(), ["staged", "intended", "published"]);
}

#[tokio::test]
async fn a_platform_whose_staging_fails_gets_nothing_and_stops_no_other() {
    let mut fixture = lucky();
    fixture
        .telegram
        .expect_stage()
        .times(1)
        .returning(|_, _| Err(PublishError::Rejected("too long".to_owned())));
    fixture.telegram.expect_publish().never();
    fixture
        .email
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("2").into()));
    let mut ledger = claimed(BTreeMap::new());
    expecting_intent_with(&mut ledger, None);
    ledger
        .expect_record_outcome()
        .times(1)
        .withf(|_, platform, settlement| {
            *platform == Platform::Telegram
                && matches!(settlement, Settlement::Failed(failure) if failure.text.contains("too long"))
        })
        .returning(|_, _, _| Ok(()));
    ledger
        .expect_record_outcome()
        .times(1)
        .withf(|_, platform, _| *platform == Platform::Email)
        .returning(|_, _, _| Ok(()));
    let report = publish_with(ledger, fixture, PublicationRequest::default()).await;
    let report = report.unwrap();
    assert_eq!(outcomes(&report), ["failed", "published"]);
    let reason = report.results[0].outcome.reason();
    assert_eq!(reason, Some(FailureReason::Rejected));
    assert!(report.results[0].caption.contains("For Telegram"));
}

#[tokio::test]
async fn the_key_of_an_attempt_that_failed_is_used_again_but_not_by_force() {
    for force in [false, true] {
        let mut fixture = lucky();
        let earlier = (!force).then(|| key("before"));
        fixture
            .telegram
            .expect_stage()
            .times(1)
            .withf(move |_, of| *of == earlier.as_ref())
            .returning(|_, of| Ok(Some(of.cloned().unwrap_or_else(|| key("new")))));
        fixture
            .telegram
            .expect_publish()
            .times(1)
            .returning(|_, _| Ok(PostId::new("1").into()));
        let mut ledger = having_failed();
        expecting_intent_with(&mut ledger, Some(if force { "new" } else { "before" }));
        ledger
            .expect_record_outcome()
            .times(1)
            .returning(|_, _, _| Ok(()));
        let report = publish_with(ledger, fixture, to_telegram(force)).await;
        assert_eq!(outcomes(&report.unwrap()), ["published"]);
    }
}

#[tokio::test]
async fn a_key_outlives_an_attempt_that_could_not_be_staged() {
    let mut fixture = captioned();
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture
        .images
        .expect_write_sidecar()
        .returning(|_, _, _, _| Ok(()));
    fixture
        .telegram
        .expect_stage()
        .times(1)
        .returning(|_, _| Err(PublishError::unavailable("reset")));
    fixture.telegram.expect_publish().never();
    let mut ledger = having_failed();
    expecting_intent_with(&mut ledger, Some("before"));
    ledger
        .expect_record_outcome()
        .times(1)
        .returning(|_, _, _| Ok(()));
    let report = publish_with(ledger, fixture, to_telegram(false)).await;
    assert_eq!(outcomes(&report.unwrap()), ["failed"]);
}

#[tokio::test]
async fn a_credential_that_is_refused_at_staging_is_resolved_once_more() {
    for (second, outcome) in [(true, "published"), (false, "failed")] {
        let mut fixture = captioned();
        fixture
            .images
            .expect_read_sidecar()
            .returning(|_, _| Ok(SidecarFile::Missing));
        fixture
            .images
            .expect_write_sidecar()
            .returning(|_, _, _, _| Ok(()));
        fixture
            .images
            .expect_move_to()
            .returning(|_, _, _, _| Ok(moved("a.jpg")));
        fixture.store = rotating_store();
        let calls = AtomicUsize::new(0);
        fixture
            .telegram
            .expect_stage()
            .times(2)
            .returning(move |_, _| {
                if second && calls.fetch_add(1, Ordering::SeqCst) == 1 {
                    return Ok(Some(key("k")));
                }
                Err(PublishError::unauthorized("401"))
            });
        fixture
            .telegram
            .expect_publish()
            .times(usize::from(second))
            .returning(|_, _| Ok(PostId::new("1").into()));
        let report = publish(fixture, to_telegram(false)).await;
        assert_eq!(outcomes(&report.unwrap()), [outcome]);
    }
}

#[tokio::test]
async fn an_image_that_is_unsuitable_at_staging_is_encoded_anew_once_and_never_after_it() {
    let unsuitable = || PublishError::ImageUnsuitable("cannot be processed".to_owned());
    for (takes, outcome) in [(true, "published"), (false, "failed")] {
        let mut fixture = captioned();
        fixture
            .images
            .expect_read_sidecar()
            .returning(|_, _| Ok(SidecarFile::Missing));
        fixture
            .images
            .expect_write_sidecar()
            .returning(|_, _, _, _| Ok(()));
        fixture
            .images
            .expect_move_to()
            .returning(|_, _, _, _| Ok(moved("a.jpg")));
        fixture
            .telegram
            .expect_stage()
            .times(2)
            .returning(move |post, _| {
                if *post.image.bytes() == jpeg() {
                    return Err(unsuitable());
                }
                Ok(Some(key("k")))
            });
        fixture
            .telegram
            .expect_publish()
            .times(1)
            .withf(|post, _| *post.image.bytes() != jpeg())
            .returning(move |_, _| {
                if takes {
                    return Ok(PostId::new("1").into());
                }
                Err(unsuitable())
            });
        let report = publish(fixture, to_telegram(false)).await;
        assert_eq!(outcomes(&report.unwrap()), [outcome]);
    }
}

/// A platform that takes a post, and never says so.
struct Hanging;

#[async_trait]
impl Publisher for Hanging {
    async fn stage<'a>(
        &self,
        _post: &Post,
        _earlier: Option<&'a LookupKey>,
    ) -> Result<Option<LookupKey>, PublishError> {
        std::future::pending().await
    }

    async fn publish<'a>(
        &self,
        _post: &Post,
        _key: Option<&'a LookupKey>,
    ) -> Result<Posted, PublishError> {
        panic!("it is not staged")
    }

    async fn check(&self) -> Result<&'static str, PublishError> {
        Ok("it hangs")
    }

    fn connecting(&self) -> Option<Arc<dyn Publisher>> {
        None
    }
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_hangs_at_staging_is_given_up_after_a_while() {
    let mut fixture = lucky();
    fixture
        .telegram
        .expect_connecting()
        .times(1)
        .returning(|| Some(Arc::new(Hanging)));
    fixture
        .email
        .expect_publish()
        .times(1)
        .returning(|_, _| Ok(PostId::new("2").into()));
    let mut ledger = empty_ledger();
    ledger.expect_renew().returning(|_| Ok(()));
    let report = publish_with(ledger, fixture, PublicationRequest::default()).await;
    let report = report.unwrap();
    assert_eq!(outcomes(&report), ["failed", "published"]);
    let reason = report.results[0].outcome.reason();
    assert_eq!(reason, Some(FailureReason::Unavailable));
}
