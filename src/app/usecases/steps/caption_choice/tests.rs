use async_trait::async_trait;
use tokio::time::{Instant, sleep};

use super::*;
use crate::{
    domain::{
        analysis::Analysis,
        caption::{CaptionRules, CaptionUnit, HashtagPolicy, PlatformRules, WrittenCaptions},
        caption_brief::PlatformBrief,
        caption_style::CaptionStyle,
    },
    ports::{CaptionBrief, CaptionError, VisionImage},
};

/// A model that takes its time to shorten.
struct Slow(Duration);

#[async_trait]
impl CaptionWriter for Slow {
    async fn analyze(&self, _: &VisionImage) -> Result<Analysis, CaptionError> {
        Err(CaptionError::Unusable("it was not asked for"))
    }

    async fn write(&self, _: &CaptionBrief) -> Result<WrittenCaptions, CaptionError> {
        Err(CaptionError::Unusable("it was not asked for"))
    }

    async fn condense(
        &self,
        captions: &BTreeMap<Platform, OverlongCaption>,
    ) -> Result<BTreeMap<Platform, String>, CaptionError> {
        sleep(self.0).await;
        let shorter = |platform: &Platform| (*platform, "Short.".to_owned());
        Ok(captions.keys().map(shorter).collect())
    }

    async fn check(&self) -> Result<&'static str, CaptionError> {
        Ok("it is there")
    }
}

const RULES: CaptionRules = CaptionRules {
    limit: 40,
    unit: CaptionUnit::Char,
    max_bytes: None,
    link_length: None,
    hashtags: HashtagPolicy::None,
    plain_ascii_line: false,
    words: None,
};

fn briefs() -> PlatformBriefs {
    let rules: PlatformRules = [Platform::Telegram, Platform::Email]
        .map(|it| (it, RULES))
        .into();
    let brief = |rules: CaptionRules| PlatformBrief::new(rules, CaptionStyle::default(), "", &[]);
    let briefs = rules.into_iter();
    briefs
        .map(|(platform, rules)| (platform, brief(rules)))
        .collect()
}

/// A text that is too long on Telegram, and one that fits on e-mail.
fn texts() -> BTreeMap<Platform, String> {
    BTreeMap::from([
        (
            Platform::Telegram,
            "She holds the loop. It is warm. Nobody speaks.".to_owned(),
        ),
        (Platform::Email, "It fits.".to_owned()),
    ])
}

/// What becomes of the texts with a model that takes so many seconds, and how long it took.
#[expect(
    clippy::disallowed_methods,
    reason = "the time of the runtime, which is paused"
)]
async fn condensed_in(seconds: u64) -> (BTreeMap<Platform, String>, Duration) {
    let tenant = TenantName::new("alice").unwrap();
    let (mut texts, writer) = (texts(), Slow(Duration::from_secs(seconds)));
    let begun = Instant::now();
    condense(&mut texts, &writer, &briefs(), "", &tenant).await;
    (texts, begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn a_model_has_ten_seconds_to_shorten_what_is_too_long() {
    let (shorter, took) = condensed_in(9).await;
    assert_eq!(took, Duration::from_secs(9));
    let expected = [
        (Platform::Telegram, "Short."),
        (Platform::Email, "It fits."),
    ];
    assert_eq!(
        shorter,
        expected
            .map(|(platform, text)| (platform, text.to_owned()))
            .into()
    );
    for seconds in [11, 3_600] {
        let (late, took) = condensed_in(seconds).await;
        assert_eq!((late, took), (texts(), CONDENSE_LIMIT));
    }
    let cut = RULES.fit_written(&texts()[&Platform::Telegram], "", &[]);
    assert_eq!(cut, "She holds the loop. It is warm.");
}
