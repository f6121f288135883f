//! What of a sidecar is a person's, and what was sent.

use super::*;
use crate::{
    adapters::platforms::spec,
    app::usecases::fixtures::credential,
    ports::{CredentialError, MockCredentialStore},
};

#[tokio::test]
async fn what_a_person_wrote_is_not_replaced_by_what_a_machine_writes_for_the_next_publication() {
    let (calls, _) = published_among(vec![text(OURS)], vec![Ok(())], Some("By me")).await;
    let by_me = calls[0].2.clone();
    for line in [
        "# caption: !json \"By me\\n\\n#tenant\"",
        "# caption_edited: true",
    ] {
        assert!(by_me.contains(line), "{line} is missing in {by_me}");
    }
    let (calls, _) = published_among(vec![text(&by_me)], vec![Ok(())], None).await;
    let lines = |text: &str, key: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| line.starts_with(key));
        lines.map(str::to_owned).collect()
    };
    for key in [
        "# caption: ",
        "# caption_edited: ",
        "# caption_updated_at: ",
    ] {
        let kept = lines(&by_me, key);
        assert_eq!(kept.len(), 1, "{key}");
        assert_eq!(lines(&calls[0].2, key), kept);
    }
    for sent in [
        "# caption_generated: {\"email\":\"For e-mail\",\"telegram\":\"For Telegram",
        "# caption_submitted: {\"email\":\"For e-mail\",\"telegram\":\"For Telegram",
    ] {
        assert!(
            calls[0].2.contains(sent),
            "{sent} is missing in {}",
            calls[0].2
        );
    }
}

#[tokio::test]
async fn a_caption_that_differs_from_what_was_written_and_sent_is_a_persons_without_a_flag() {
    let by_hand = format!(
        "{OURS}# caption: By hand\n# caption_generated: {{\"email\":\"E\"}}\n\
         # caption_submitted: {{\"email\":\"E\"}}\n# caption_edited: false\n# alt_text: mine\n"
    );
    let (calls, _) = published_among(vec![text(&by_hand)], vec![Ok(())], None).await;
    for line in [
        "# caption: By hand\n",
        "# caption_edited: true\n",
        "# alt_text: mine\n",
        "# caption_submitted: {\"email\":\"For e-mail\"",
    ] {
        assert!(
            calls[0].2.contains(line),
            "{line} is missing in {}",
            calls[0].2
        );
    }
    let by_machine = by_hand.replace("By hand", "E");
    let (calls, _) = published_among(vec![text(&by_machine)], vec![Ok(())], None).await;
    for line in [
        "# caption: !json \"For Telegram",
        "# caption_edited: false\n",
    ] {
        assert!(
            calls[0].2.contains(line),
            "{line} is missing in {}",
            calls[0].2
        );
    }
}

#[tokio::test]
async fn only_captions_that_were_sent_count_as_submitted() {
    let mut fixture = captioned();
    fixture.store = without_mail();
    fixture
        .images
        .expect_read_sidecar()
        .returning(|_, _| Ok(SidecarFile::Missing));
    let text = Arc::new(Mutex::new(String::new()));
    let kept = Arc::clone(&text);
    fixture
        .images
        .expect_write_sidecar()
        .times(1)
        .returning(move |_, _, text, _| {
            *kept.lock().unwrap() = text_of(text);
            Ok(())
        });
    fixture
        .telegram
        .expect_publish()
        .times(1)
        .returning(|_, _| Err(PublishError::Unknown("reset".into())));
    fixture.email.expect_publish().never();
    let report = publish(fixture, PublicationRequest::default()).await;
    assert_eq!(outcomes(&report.unwrap()), ["unknown", "skipped"]);
    let text = text.lock().unwrap().clone();
    assert!(text.contains("# caption_generated: {\"email\":"), "{text}");
    assert!(
        text.contains("# caption_submitted: {\"telegram\":"),
        "{text}"
    );
}

/// A store in which the mail server's password cannot be had.
fn without_mail() -> MockCredentialStore {
    let mut store = MockCredentialStore::new();
    store
        .expect_resolve()
        .returning(|query| match query.provider {
            provider if provider == spec(Platform::Email).provider => {
                Err(CredentialError::Unavailable {
                    cause: "500".into(),
                    retry_after: None,
                })
            }
            provider => Ok(credential(provider)),
        });
    store
}
