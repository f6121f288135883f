//! The analysis of an image.

use std::collections::BTreeMap;

use poem_openapi::Object;

use super::images::PlatformLimits;
use crate::{app::usecases::analyze::AnalysisReport, domain::platform::Platform};

/// What an image shows, and the captions that it would be published with. Where it comes from a sidecar,
/// fields that the file does not have are `null` or empty.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct ImageAnalysis {
    /// The image.
    pub filename: String,
    /// What it shows.
    #[oai(nullable)]
    pub description: Option<String>,
    /// Its mood.
    #[oai(nullable)]
    pub mood: Option<String>,
    /// Keywords.
    pub tags: Vec<String>,
    /// It is not safe for work.
    #[oai(nullable)]
    pub nsfw: Option<bool>,
    /// The caption of the first platform.
    pub caption: String,
    /// The caption for training Stable Diffusion.
    #[oai(nullable)]
    pub sd_caption: Option<String>,
    /// The description for people who cannot see the image.
    #[oai(nullable)]
    pub alt_text: Option<String>,
    /// This request has written the sidecar.
    pub sidecar_written: bool,
    /// A caption for each platform, within its limits, by the platform's name.
    pub platform_captions: BTreeMap<String, String>,
    /// The longest caption of each of these platforms, by its name.
    pub platform_limits: PlatformLimits,
    /// The answer is from the sidecar, and no model was called.
    pub cached: bool,
}

impl ImageAnalysis {
    /// An analysis, with the limits of the platforms.
    #[must_use]
    pub fn new(report: AnalysisReport, platform_limits: PlatformLimits) -> Self {
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
            cached,
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
            platform_limits,
            cached,
        }
    }
}
