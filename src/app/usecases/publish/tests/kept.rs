//! Captions that the ledger keeps: what is kept of each publication, and what a repeat does with it.

use super::{
    repeats::{beside, no_call, sidecar, tried},
    *,
};
use crate::{
    app::usecases::fixtures::{claimed, found},
    domain::caption_history::{Angle, CaptionAuthor, KeptCaption},
    ports::MockCaptionHistory,
};

fn kept_of(author: CaptionAuthor, sent: &str) -> KeptCaption {
    let is_model = author == CaptionAuthor::Model;
    KeptCaption {
        sent: sent.to_owned(),
        written: is_model.then(|| format!("{sent}, at length")),
        author,
        angle: None,
        model: is_model.then(|| "gpt-4o-mini".to_owned()),
    }
}

fn by_model(sent: &str) -> KeptCaption {
    kept_of(CaptionAuthor::Model, sent)
}

fn by_person(sent: &str) -> KeptCaption {
    kept_of(CaptionAuthor::Person, sent)
}

/// A history that is asked once for what is kept of `platforms`.
fn keeping(platforms: &'static [Platform], kept: &[(Platform, KeptCaption)]) -> MockCaptionHistory {
    let kept: BTreeMap<_, _> = kept.iter().cloned().collect();
    let mut history = MockCaptionHistory::new();
    history.expect_recent().returning(|_, _| Ok([].into()));
    history
        .expect_kept()
        .times(1)
        .withf(move |tenant, hashes, asked| {
            let computed = hashes_of(&jpeg());
            let all = computed.get().as_slice();
            let has_all = all.iter().all(|hash| hashes.contains(hash));
            tenant.as_str() == "alice" && has_all && asked == platforms
        })
        .returning(move |_, _, _| Ok(kept.clone()));
    history
}

async fn publish_remembering(
    history: MockCaptionHistory,
    ledger: MockLedger,
    fixture: TenantFixture,
    request: PublicationRequest,
) -> Result<PublicationReport, PublishImageError> {
    let mut work = image_work(Arc::new(ledger));
    work.captions = Arc::new(history);
    let (target, attempt) = (Target::Image(image_name()), Attempt::without_key());
    publish_image(work, MockLedgerReader::new())
        .run(fixture.build(), target, request, request_id(), attempt)
        .await
}

/// A ledger in which this image has failed, and that is told of these captions with the intent.
fn failed_and_told(captions: &[(Platform, KeptCaption)]) -> MockLedger {
    let expected: BTreeMap<_, _> = captions.iter().cloned().collect();
    let known = [(Platform::Telegram, PriorState::Failed)];
    let mut ledger = claimed(known.into());
    ledger
        .expect_record_intent()
        .times(1)
        .withf(move |_, _, _, _, captions| *captions == expected)
        .returning(|_, _, _, _, _| Ok(()));
    ledger.expect_record_outcome().returning(|_, _, _| Ok(()));
    ledger
}

fn only_telegram() -> PublicationRequest {
    PublicationRequest {
        platforms: Some(vec![Platform::Telegram]),
        ..PublicationRequest::default()
    }
}

fn telegram_publishes(fixture: &mut TenantFixture, caption: &'static str) {
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .withf(move |post, _| post.caption == caption)
        .returning(|_, _| Ok(PostId::new("1").into()));
}

/// What a run has written that sent what a model had written.
const BY_MACHINE: &str = "# caption: First\n# caption_generated: {\"telegram\":\"First\"}\n\
                          # caption_submitted: {\"telegram\":\"First\"}\n# caption_edited: false\n\
                          # alt_text: A knot in a rope\n# tags: [\"rope\"]\n";
const TELEGRAM: &[Platform] = &[Platform::Telegram];

#[tokio::test]
async fn a_repeat_sends_what_is_kept_without_any_call_with_and_without_a_sidecar() {
    let other_text = "A story of many lines.\nNo sidecar.\n";
    for there in [
        SidecarFile::Missing,
        SidecarFile::Unreadable,
        found(other_text),
        sidecar(BY_MACHINE),
        sidecar(""),
    ] {
        let has_tags = there == sidecar(BY_MACHINE);
        let (mut fixture, _) = beside(there);
        no_call(&mut fixture);
        fixture
            .telegram
            .expect_publish()
            .times(1)
            .withf(move |post, _| {
                post.caption == "Kept\n\n#tenant"
                    && post.tags.is_empty() != has_tags
                    && post.alt_text.is_some() == has_tags
            })
            .returning(|_, _| Ok(PostId::new("1").into()));
        let kept = by_model("Kept\n\n#tenant");
        let history = keeping(TELEGRAM, &[(Platform::Telegram, kept.clone())]);
        let ledger = failed_and_told(&[(Platform::Telegram, kept)]);
        let report = publish_remembering(history, ledger, fixture, only_telegram()).await;
        assert_eq!(outcomes(&report.unwrap()), ["published"]);
    }
}

#[tokio::test]
async fn a_repeat_needs_no_sidecar_that_can_be_read_or_written() {
    let mut fixture = with_image();
    no_call(&mut fixture);
    let away = || ImageStoreError::Unavailable("500".into());
    fixture
        .images
        .expect_read_sidecar()
        .returning(move |_, _| Err(away()));
    fixture.images.expect_write_sidecar().never();
    fixture
        .images
        .expect_move_to()
        .returning(|_, _, _, _| Ok(moved("a.jpg")));
    telegram_publishes(&mut fixture, "Kept\n\n#tenant");
    let history = keeping(TELEGRAM, &[(Platform::Telegram, by_model("Kept"))]);
    let ledger = tried(&[(Platform::Telegram, PriorState::Failed)]);
    let report = publish_remembering(history, ledger, fixture, only_telegram()).await;
    assert_eq!(outcomes(&report.unwrap()), ["published"]);
}

#[tokio::test]
async fn what_a_person_wrote_into_the_sidecar_wins_over_what_is_kept() {
    let generated = "# caption_generated: {\"telegram\":\"Kept\"}\n";
    let by_hand =
        format!("# caption: By hand\n{generated}# caption_submitted: {{\"telegram\":\"Kept\"}}\n");
    let flagged = format!("{by_hand}# caption_edited: true\n");
    let in_submitted = format!(
        "# caption: By hand\n{generated}# caption_submitted: {{\"telegram\":\"By hand\"}}\n\
         # caption_edited: true\n"
    );
    for (keys, kept, sent) in [
        (&by_hand, by_model("Kept"), by_person("By hand\n\n#tenant")),
        (&flagged, by_model("Kept"), by_person("By hand\n\n#tenant")),
        (
            &in_submitted,
            by_model("Kept"),
            by_person("By hand\n\n#tenant"),
        ),
        // It was edited after the request that had the other one.
        (
            &by_hand,
            by_person("Given"),
            by_person("By hand\n\n#tenant"),
        ),
        // The request came after the sidecar was written.
        (
            &in_submitted,
            by_person("Given"),
            by_person("Given\n\n#tenant"),
        ),
    ] {
        let (mut fixture, text) = beside(sidecar(keys));
        no_call(&mut fixture);
        let expected: &'static str = sent.sent.clone().leak();
        telegram_publishes(&mut fixture, expected);
        let history = keeping(TELEGRAM, &[(Platform::Telegram, kept)]);
        let ledger = failed_and_told(&[(Platform::Telegram, sent)]);
        let report = publish_remembering(history, ledger, fixture, only_telegram()).await;
        assert_eq!(outcomes(&report.unwrap()), ["published"]);
        let text = text.lock().unwrap().clone();
        assert!(text.contains("# caption: By hand\n"), "{text}");
        assert!(text.contains("# caption_edited: true\n"), "{text}");
    }
}

#[tokio::test]
async fn what_a_machine_wrote_into_the_sidecar_is_the_second_source() {
    for (kept, sent) in [
        (
            vec![(Platform::Telegram, by_model("Kept"))],
            "Kept\n\n#tenant",
        ),
        (vec![], "First\n\n#tenant"),
    ] {
        let (mut fixture, _) = beside(sidecar(BY_MACHINE));
        no_call(&mut fixture);
        telegram_publishes(&mut fixture, sent);
        let author = KeptCaption {
            written: kept.first().and_then(|it| it.1.written.clone()),
            model: kept.first().and_then(|it| it.1.model.clone()),
            ..by_model(sent)
        };
        let ledger = failed_and_told(&[(Platform::Telegram, author)]);
        let history = keeping(TELEGRAM, &kept);
        let report = publish_remembering(history, ledger, fixture, only_telegram()).await;
        assert_eq!(outcomes(&report.unwrap()), ["published"]);
    }
}

#[tokio::test]
async fn a_platform_without_a_kept_caption_gets_a_new_one_by_one_call_and_the_other_keeps_its_own()
{
    let (mut fixture, text) = beside(SidecarFile::Missing);
    let writer = &mut fixture.writer;
    writer.expect_analyze().times(1).returning(|_| Ok(seen()));
    writer
        .expect_write()
        .times(1)
        .withf(|brief| brief.platforms.keys().eq([&Platform::Email]))
        .returning(|_| Ok(written()));
    both_publish(&mut fixture);
    let kept = by_person("Given\n\n#tenant");
    let both: &[_] = &[Platform::Telegram, Platform::Email];
    let history = keeping(both, &[(Platform::Telegram, kept.clone())]);
    let new = KeptCaption {
        written: Some("For e-mail".to_owned()),
        angle: Some(Angle::Sensation),
        ..by_model("For e-mail")
    };
    let ledger = failed_and_told(&[(Platform::Telegram, kept), (Platform::Email, new)]);
    let request = PublicationRequest::default();
    let report = publish_remembering(history, ledger, fixture, request).await;
    let captions = report.unwrap().results.into_iter().map(|it| it.caption);
    assert_eq!(
        captions.collect::<Vec<_>>(),
        ["Given\n\n#tenant", "For e-mail"]
    );
    let text = text.lock().unwrap().clone();
    for line in [
        "# caption: !json \"Given\\n\\n#tenant\"\n",
        "# caption_generated: {\"email\":\"For e-mail\"}\n",
        "# caption_edited: true\n",
    ] {
        assert!(text.contains(line), "{line} is missing in {text}");
    }
}

#[tokio::test]
async fn kept_captions_are_made_to_fit_the_limits_that_hold_now() {
    let long = "word ".repeat(400);
    let (mut fixture, _) = beside(SidecarFile::Missing);
    no_call(&mut fixture);
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .withf(|post, _| post.caption.len() < 1_030 && post.caption.ends_with("…\n\n#tenant"))
        .returning(|_, _| Ok(PostId::new("1").into()));
    let history = keeping(TELEGRAM, &[(Platform::Telegram, by_model(&long))]);
    let ledger = tried(&[(Platform::Telegram, PriorState::Failed)]);
    let report = publish_remembering(history, ledger, fixture, only_telegram()).await;
    assert_eq!(outcomes(&report.unwrap()), ["published"]);
}

#[tokio::test]
async fn a_sidecar_that_was_deleted_is_written_again_with_what_is_sent() {
    for (kept, is_edited) in [
        (by_model("Kept\n\n#tenant"), false),
        (by_person("Kept\n\n#tenant"), true),
    ] {
        let (mut fixture, text) = beside(SidecarFile::Missing);
        no_call(&mut fixture);
        telegram_publishes(&mut fixture, "Kept\n\n#tenant");
        let history = keeping(TELEGRAM, &[(Platform::Telegram, kept.clone())]);
        let ledger = failed_and_told(&[(Platform::Telegram, kept)]);
        let report = publish_remembering(history, ledger, fixture, only_telegram()).await;
        assert_eq!(outcomes(&report.unwrap()), ["published"]);
        let text = text.lock().unwrap().clone();
        let caption = "{\"telegram\":\"Kept\\n\\n#tenant\"}\n";
        let generated = format!("# caption_generated: {caption}");
        assert_eq!(text.contains(&generated), !is_edited, "{text}");
        for line in [
            "# caption: !json \"Kept\\n\\n#tenant\"\n".to_owned(),
            format!("# caption_submitted: {caption}"),
            format!("# caption_edited: {is_edited}\n"),
        ] {
            assert!(text.contains(&line), "{line} is missing in {text}");
        }
    }
}

#[tokio::test]
async fn nothing_that_is_kept_is_asked_for_where_it_is_not_wanted() {
    let forced = PublicationRequest {
        force: true,
        ..only_telegram()
    };
    let given = PublicationRequest {
        caption: Some("For Telegram".to_owned()),
        ..only_telegram()
    };
    let failed = [(Platform::Telegram, PriorState::Failed)];
    for (known, request) in [
        (&failed[..], forced),
        (&failed[..], given),
        (&[], only_telegram()),
    ] {
        let (mut fixture, _) = beside(SidecarFile::Missing);
        fixture.writer.expect_analyze().returning(|_| Ok(seen()));
        fixture.writer.expect_write().returning(|_| Ok(written()));
        telegram_publishes(&mut fixture, "For Telegram\n\n#tenant");
        let mut history = MockCaptionHistory::new();
        history.expect_kept().never();
        history.expect_recent().returning(|_, _| Ok([].into()));
        let report = publish_remembering(history, tried(known), fixture, request).await;
        assert_eq!(outcomes(&report.unwrap()), ["published"]);
    }
}

#[tokio::test]
async fn what_is_sent_is_kept_with_its_author_and_an_empty_caption_is_not() {
    let given = PublicationRequest {
        caption: Some("Mine".to_owned()),
        ..only_telegram()
    };
    let empty = PublicationRequest {
        caption: Some(String::new()),
        allow_empty_caption: true,
        ..only_telegram()
    };
    let by_new_model = KeptCaption {
        written: Some("For Telegram".to_owned()),
        angle: Some(Angle::Sensation),
        ..by_model("For Telegram\n\n#tenant")
    };
    for (request, kept) in [
        (only_telegram(), by_new_model),
        (given, by_person("Mine\n\n#tenant")),
    ] {
        let (mut fixture, _) = beside(SidecarFile::Missing);
        fixture.writer.expect_analyze().returning(|_| Ok(seen()));
        fixture.writer.expect_write().returning(|_| Ok(written()));
        let sent: &'static str = kept.sent.clone().leak();
        telegram_publishes(&mut fixture, sent);
        let ledger = failed_and_told(&[(Platform::Telegram, kept)]);
        let history = crate::app::usecases::fixtures::no_captions();
        let report = publish_remembering(history, ledger, fixture, request).await;
        assert_eq!(outcomes(&report.unwrap()), ["published"]);
    }
    let (mut fixture, _) = beside(SidecarFile::Missing);
    fixture.document["content"]["hashtag_string"] = "".into();
    fixture.writer.expect_analyze().never();
    telegram_publishes(&mut fixture, "");
    let history = crate::app::usecases::fixtures::no_captions();
    let ledger = failed_and_told(&[]);
    let report = publish_remembering(history, ledger, fixture, empty).await;
    assert_eq!(outcomes(&report.unwrap()), ["published"]);
}

#[tokio::test]
async fn a_ledger_that_cannot_tell_what_is_kept_sends_nothing() {
    let mut fixture = with_image();
    no_call(&mut fixture);
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    fixture.telegram.expect_publish().never();
    let mut history = MockCaptionHistory::new();
    let away = || LedgerError::Unavailable("the disk is full".into());
    history
        .expect_kept()
        .times(1)
        .returning(move |_, _, _| Err(away()));
    let mut ledger = claimed([(Platform::Telegram, PriorState::Failed)].into());
    ledger.expect_record_intent().never();
    let refused = publish_remembering(history, ledger, fixture, only_telegram()).await;
    assert!(
        matches!(refused, Err(PublishImageError::Ledger(_))),
        "{refused:?}"
    );
}
