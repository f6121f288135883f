//! What a client is told of an image that has been analysed.

use std::collections::BTreeMap;

use poem_openapi::{Object, types::Example};

use crate::{app::usecases::analyze::AnalysisReport, domain::platform::Platform};

/// What an image shows, and the captions that it would be published with. Told from a caption file,
/// it holds what that says: the rest is `null` or empty.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(example)]
pub struct ImageAnalysis {
    /// The image.
    pub filename: String,
    /// What it shows.
    #[oai(nullable)]
    pub description: Option<String>,
    /// Its mood.
    #[oai(nullable)]
    pub mood: Option<String>,
    /// Words that it can be found by.
    pub tags: Vec<String>,
    /// Not for everybody's eyes.
    #[oai(nullable)]
    pub nsfw: Option<bool>,
    /// A caption to remember it by: that of the first platform.
    pub caption: String,
    /// The caption for training Stable Diffusion.
    #[oai(nullable)]
    pub sd_caption: Option<String>,
    /// For those who do not see it.
    #[oai(nullable)]
    pub alt_text: Option<String>,
    /// The caption file has been written now.
    pub sidecar_written: bool,
    /// A caption for each platform, within its limits, by the platform's name.
    pub platform_captions: BTreeMap<String, String>,
}

impl From<AnalysisReport> for ImageAnalysis {
    fn from(report: AnalysisReport) -> Self {
        let AnalysisReport {
            image,
            description,
            mood,
            tags,
            nsfw,
            caption,
            sd_caption,
            alt_text,
            sidecar_written,
            platform_captions,
        } = report;
        let named =
            |(platform, caption): (Platform, String)| (platform.as_str().to_owned(), caption);
        Self {
            filename: image.as_str().to_owned(),
            description,
            mood,
            tags,
            nsfw,
            caption,
            sd_caption,
            alt_text,
            sidecar_written,
            platform_captions: platform_captions.into_iter().map(named).collect(),
        }
    }
}

impl Example for ImageAnalysis {
    fn example() -> Self {
        let caption = "Evening light over the harbour\n\n#harbour";
        Self {
            filename: "harbour-dawn.jpg".to_owned(),
            description: Some("A harbour at dusk, boats at rest.".to_owned()),
            mood: Some("calm".to_owned()),
            tags: vec!["harbour".to_owned(), "dusk".to_owned()],
            nsfw: Some(false),
            caption: caption.to_owned(),
            sd_caption: Some("harbour, dusk, boats, warm light".to_owned()),
            alt_text: Some("Boats in a harbour at dusk".to_owned()),
            sidecar_written: true,
            platform_captions: [(Platform::Telegram.as_str().to_owned(), caption.to_owned())]
                .into(),
        }
    }
}
