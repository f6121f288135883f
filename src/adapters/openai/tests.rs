//! Tests over real sockets, against the sandbox's OpenAI.

mod checking;
mod refusals;
mod tokens;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use serde_json::json;

use super::*;
use crate::{
    adapters::{
        clock::SystemClock,
        platforms::spec,
        rate_limits::OwnRates,
        sample_tenant::{config, credential},
        upstream::RetryPolicy,
    },
    domain::{
        caption_brief::{PlatformBrief, PlatformBriefs, Sense},
        caption_style::CaptionStyle,
        image::EncodedImage,
        platform::Platform,
        tenant_config::VisionDetail,
    },
};
use publisher_sandbox::{Fault, OpenAi, Sample, Sandbox, Switches, Unsupported};

const KEY: &str = "sk-sandbox-key";

/// A writer for one tenant, with delays that a test can wait for.
struct Desk {
    sandbox: Sandbox,
    writer: Arc<dyn CaptionWriter>,
    recorded: Arc<tokens::Recorded>,
}

impl Desk {
    async fn new() -> Self {
        Self::with(&json!({}), 1_000).await
    }

    async fn with(ai: &Value, calls_per_minute: u32) -> Self {
        Self::with_timeout(ai, calls_per_minute, Duration::from_secs(20)).await
    }

    async fn with_timeout(ai: &Value, calls_per_minute: u32, timeout: Duration) -> Self {
        let sandbox = Sandbox::start_empty().await.unwrap();
        sandbox.openai.add_key(KEY);
        let mut factory = factory(&sandbox, calls_per_minute);
        factory.chat.policy = RetryPolicy {
            first_delay: Duration::from_millis(5),
            ..POLICY
        };
        factory.chat.http = http_client::build(timeout, &ExtraRoots::default()).unwrap();
        let mut block = json!({ "credentials_ref": "r" });
        for (key, value) in ai.as_object().unwrap() {
            block[key] = value.clone();
        }
        let config = config(&json!({ "ai": block }));
        let ai = config.settings().ai.as_ref().unwrap();
        let recorded = Arc::new(tokens::Recorded::default());
        let factory = factory.reporting_to(Some(Arc::clone(&recorded) as _));
        let writer = factory.open(&config, ai, credential(KEY));
        Self {
            sandbox,
            writer,
            recorded,
        }
    }

    fn switches(&self) -> &Switches {
        self.sandbox.openai.switches()
    }

    async fn analyze(&self) -> Result<Analysis, CaptionError> {
        self.writer.analyze(&image()).await
    }

    async fn write(&self) -> Result<WrittenCaptions, CaptionError> {
        let brief = CaptionBrief {
            analysis: Analysis {
                description: "A knot.".to_owned(),
                tags: vec!["rope".to_owned()],
                ..Analysis::default()
            },
            platforms: platforms(),
            ..CaptionBrief::default()
        };
        self.writer.write(&brief).await
    }

    /// The result of a caption call that meets these faults, and how often it was made.
    async fn write_through(
        &self,
        faults: &[Fault],
    ) -> (Result<WrittenCaptions, CaptionError>, usize) {
        self.switches().forget_calls();
        for fault in faults {
            self.switches().inject("caption", fault.clone());
        }
        let outcome = self.write().await;
        let calls = self.switches().calls("caption");
        self.switches().clear("caption");
        (outcome, calls)
    }
}

fn factory(sandbox: &Sandbox, calls_per_minute: u32) -> OpenAiCaptionWriterFactory {
    let settings = OpenAiSettings {
        base_url: format!("{}/v1/", sandbox.openai.server().url())
            .parse()
            .unwrap(),
        calls_per_minute: NonZeroU32::new(calls_per_minute).unwrap(),
        candidates: 3,
    };
    let clock = Arc::new(SystemClock);
    let rates = Arc::new(OwnRates::new(Arc::clone(&clock) as _));
    OpenAiCaptionWriterFactory::new(settings, &ExtraRoots::default(), clock, rates).unwrap()
}

fn image() -> VisionImage {
    let sample = Sample::png("a.png", 20, 10, 1).unwrap();
    VisionImage {
        image: EncodedImage::new(sample.bytes).unwrap(),
        detail: VisionDetail::Low,
        senses: Sense::offered("image"),
    }
}

fn platforms() -> PlatformBriefs {
    let place = |platform| {
        let rules = spec(platform).caption;
        let brief = PlatformBrief::new(rules, CaptionStyle::default(), "", &[]);
        (platform, brief)
    };
    Platform::ALL.map(place).into()
}

#[tokio::test]
async fn vision_sees_the_very_image_with_the_tenants_key_and_model() {
    let desk = Desk::new().await;
    let analysis = desk.analyze().await.unwrap();
    assert!(analysis.description.contains("20 by 10"), "{analysis:?}");
    let request = &desk.switches().requests("vision")[0];
    assert_eq!(request.bearer(), Some(KEY));
    let body = request.json().unwrap();
    assert_eq!(body["model"], "gpt-4o");
    let picture = &body["messages"][1]["content"][1]["image_url"];
    let data = picture["url"].as_str().unwrap().split_once(',').unwrap().1;
    assert_eq!(
        Bytes::from(STANDARD.decode(data).unwrap()),
        *image().image.bytes()
    );
}

#[tokio::test]
async fn one_call_writes_all_captions() {
    let desk = Desk::new().await;
    let written = desk.write().await.unwrap();
    assert_eq!(written.by_platform[&Platform::Telegram], ["A knot. #rope"]);
    assert_eq!(written.by_platform[&Platform::Email], ["A knot."]);
    assert_eq!(written.sd_caption.as_deref(), Some("rope"));
    assert_eq!(desk.switches().total_calls(), 1);
}

#[tokio::test]
async fn a_separate_sd_caption_takes_a_second_call_whose_failure_costs_nothing_else() {
    let desk = Desk::with(&json!({ "sd_caption_single_call_enabled": false }), 1_000).await;
    let written = desk.write().await.unwrap();
    assert_eq!(written.sd_caption.as_deref(), Some("rope"));
    assert_eq!(desk.switches().calls("caption"), 2);
    let refused = Fault::status(400);
    desk.switches()
        .inject_matching("caption", 1, "\\\"sd_caption\\\":true", refused);
    let written = desk.write().await.unwrap();
    assert_eq!(
        (written.sd_caption, written.by_platform.len()),
        (None, Platform::COUNT)
    );
}

#[tokio::test]
async fn a_dead_key_is_tried_once() {
    let desk = Desk::new().await;
    desk.sandbox.openai.revoke_key(KEY);
    let error = desk.write().await.unwrap_err();
    let CaptionError::Unauthorized(cause) = error else {
        panic!("{error:?}")
    };
    assert_eq!(cause.to_string(), "refused the key: invalid_api_key");
    assert_eq!(desk.switches().calls("caption"), 1);
}

#[tokio::test]
async fn a_used_up_quota_is_final() {
    let desk = Desk::new().await;
    let fault = OpenAi::insufficient_quota();
    let unpaid = json!({ "error": { "code": "billing_hard_limit_reached", "message": "" } });
    for fault in [fault, Fault::json(400, &unpaid), Fault::status(402)] {
        let (outcome, calls) = desk.write_through(&[fault]).await;
        assert!(matches!(outcome, Err(CaptionError::QuotaExhausted)));
        assert_eq!(calls, 1);
    }
}

#[tokio::test]
async fn too_many_requests_wait_as_long_as_asked_unless_that_is_too_long() {
    let desk = Desk::new().await;
    let limited = OpenAi::rate_limited;
    let (outcome, calls) = desk.write_through(&[limited(0), limited(0)]).await;
    assert!(outcome.is_ok());
    assert_eq!(calls, 3);

    let hint = Fault::status(429).with_header("x-ratelimit-reset-requests", "150ms");
    let started = SystemClock.now();
    let (outcome, calls) = desk.write_through(&[hint]).await;
    assert!(outcome.is_ok() && SystemClock.now() - started >= Duration::from_millis(150));
    assert_eq!(calls, 2);

    let (outcome, calls) = desk.write_through(&[limited(31)]).await;
    let Err(CaptionError::RateLimited { retry_after }) = outcome else {
        panic!("{outcome:?}")
    };
    assert_eq!((retry_after, calls), (Some(Duration::from_secs(31)), 1));
}

#[tokio::test]
async fn what_may_pass_is_tried_three_times() {
    let desk = Desk::new().await;
    for fault in [
        Fault::status(500),
        Fault::text(503, "busy"),
        Fault::ResetBeforeRequest,
        Fault::ResetAfterRequest,
        Fault::MalformedBody,
        Fault::TruncatedBody,
    ] {
        let (outcome, calls) = desk.write_through(&[fault.clone(), fault.clone()]).await;
        assert!(outcome.is_ok(), "{fault:?}: {outcome:?}");
        assert_eq!(calls, 3, "{fault:?}");
        let (outcome, calls) = desk.write_through(&vec![fault.clone(); 3]).await;
        assert!(
            matches!(outcome, Err(CaptionError::Unavailable(_))),
            "{fault:?}: {outcome:?}"
        );
        assert_eq!(calls, 3, "{fault:?}");
    }
}

#[tokio::test]
async fn silence_is_a_timeout_after_three_tries() {
    let desk = Desk::with_timeout(&json!({}), 1_000, Duration::from_millis(200)).await;
    let (outcome, calls) = desk.write_through(&vec![Fault::Timeout; 3]).await;
    assert!(
        matches!(outcome, Err(CaptionError::Timeout(_))),
        "{outcome:?}"
    );
    assert_eq!(calls, 3);
}

#[tokio::test]
async fn an_answer_without_captions_is_no_error() {
    let desk = Desk::new().await;
    desk.sandbox
        .openai
        .answer_captions_with(Some("Sorry, no JSON today."));
    assert_eq!(desk.write().await.unwrap(), WrittenCaptions::default());
}

#[tokio::test]
async fn an_endless_answer_is_unusable() {
    let desk = Desk::new().await;
    let endless = "x".repeat(2 * 1024 * 1024);
    desk.sandbox.openai.answer_captions_with(Some(&endless));
    let outcome = desk.write().await;
    assert!(
        matches!(outcome, Err(CaptionError::Unusable(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn calls_beyond_the_tenants_limit_are_not_made() {
    let desk = Desk::with(&json!({}), 2).await;
    desk.analyze().await.unwrap();
    desk.write().await.unwrap();
    let outcome = desk.write().await;
    assert!(
        matches!(
            outcome,
            Err(CaptionError::RateLimited {
                retry_after: Some(_)
            })
        ),
        "{outcome:?}"
    );
    assert_eq!(desk.switches().total_calls(), 2);
}
