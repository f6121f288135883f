//! Publishing: request and result.

use std::collections::BTreeMap;

use poem_openapi::{Enum, Object};
use serde_json::Value;

use super::problem::FieldError;
use crate::{
    app::http::json_body::Fields,
    domain::{
        caption::is_space,
        platform::{Platform, with_platforms},
        publication::{self, Outcome, PublicationReport, PublicationRequest},
    },
};

/// The longest caption that is accepted, in characters: ten times what any platform shows.
const MAX_CAPTION: usize = 10_000;

/// Options of a request that publishes an image. Every field may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(deny_unknown_fields)]
pub struct PublishRequest {
    /// The platforms to publish to; each must be on for the tenant. Left out: all that are on.
    #[oai(validator(min_items = 1, unique_items))]
    pub platforms: Option<Vec<PlatformName>>,
    /// The caption to publish with, fitted to each platform; no model is called. The hashtags at its end follow the
    /// tenant's on Mastodon and Bluesky; on Telegram the tenant's replace them; FetLife gets none. Left out: captions
    /// are written, or, where an earlier attempt of this image failed on a platform, those of that attempt are sent.
    #[oai(validator(min_length = 1, max_length = 10_000))]
    pub caption: Option<String>,
    /// A caption for each platform, by the platform's name, fitted to it as `caption` is; no model is called. It must
    /// have exactly the platforms of this request (`platforms`, or else all that are on), also those that have the image
    /// already. Each has 1 to 10,000 characters. Takes precedence over `caption`.
    #[oai(validator(min_properties = 1))]
    pub captions: Option<BTreeMap<String, String>>,
    /// Prepare everything, report what would be sent, and write and send nothing. The models are called, at their
    /// usual cost, unless `caption` or `captions` is given.
    #[oai(default)]
    pub dry_run: bool,
    /// Publish without a caption when none can be written.
    #[oai(default)]
    pub allow_empty_caption: bool,
    /// Send the image also to platforms that have it, or may have it: it may appear there twice. Name in `platforms`
    /// those that are meant: without it, all that are on get the image.
    #[oai(default)]
    pub force: bool,
}

macro_rules! define_platform_names {
    ($($(#[doc = $doc:literal])* $(#[cfg($cfg:meta)])? $name:ident = $id:ident,)*) => {
        /// A platform.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Enum)]
        #[oai(rename_all = "snake_case")]
        pub enum PlatformName {
            $($(#[doc = $doc])* $(#[cfg($cfg)])? $name,)*
        }

        impl From<Platform> for PlatformName {
            fn from(platform: Platform) -> Self {
                match platform {
                    $($(#[cfg($cfg)])? Platform::$name => Self::$name,)*
                }
            }
        }

        impl From<PlatformName> for Platform {
            fn from(name: PlatformName) -> Self {
                match name {
                    $($(#[cfg($cfg)])? PlatformName::$name => Self::$name,)*
                }
            }
        }
    };
}
with_platforms!(define_platform_names);

/// The outcome of a publication.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct PublishResult {
    /// The image; `null` when there is none to publish: all are published, or all that are left are passed over.
    /// In the latter case `warnings` is not empty.
    #[oai(nullable)]
    pub filename: Option<String>,
    /// The outcome on each platform, by the platform's name.
    pub results: BTreeMap<String, PlatformResult>,
    /// The image was moved to the archive folder.
    pub archived: bool,
    /// At least one platform has the image.
    pub any_success: bool,
    /// Nothing was written or sent.
    pub dry_run: bool,
    /// What went wrong apart from the platforms, for people: files that were passed over because they
    /// cannot be published, the ledger, the sidecar, the archive. An image that a platform has
    /// counts as published all the same.
    pub warnings: Vec<String>,
}

/// The outcome on one platform.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
pub struct PlatformResult {
    /// The platform has the image.
    pub success: bool,
    /// The platform's id of the post; `null` also where another service posted the image, and did not say as what.
    #[oai(nullable)]
    pub post_id: Option<String>,
    /// The address of the post, for people; `null` where the platform has none that everybody can open.
    #[oai(nullable)]
    pub post_url: Option<String>,
    /// Why the platform does not have the image for certain, for people.
    #[oai(nullable)]
    pub error: Option<String>,
    /// Why the platform does not have the image for certain, for programs; `null` when it has.
    #[oai(nullable)]
    pub reason: Option<FailureReason>,
    /// The time until it can be tried again, in seconds, if the platform has named one.
    #[oai(nullable, validator(minimum(value = "0")))]
    pub retry_after_seconds: Option<u64>,
    /// The outcome, for programs.
    pub outcome: PublishOutcome,
    /// The caption that was sent, or would be sent; empty for a platform that gets nothing because
    /// it has the image, or may have it.
    pub caption: String,
}

/// The outcome on a platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum PublishOutcome {
    /// The platform has accepted it now.
    Published,
    /// The platform has not accepted it. Publishing again tries again.
    Failed,
    /// The platform had accepted it before; nothing was sent.
    AlreadyPublished,
    /// The platform may have accepted it. The next attempt asks a platform that can tell; look at the others before
    /// forcing one.
    Unknown,
    /// It was not sent: the request was a dry run, or the platform's credential is not available.
    Skipped,
}

/// Why a platform does not have an image for certain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum)]
#[oai(rename_all = "snake_case")]
pub enum FailureReason {
    /// The platform refused the post.
    Rejected,
    /// The platform refused the tenant's credential.
    Unauthorized,
    /// The platform is limiting requests.
    RateLimited,
    /// The platform, or the credential for it, is not available at the moment.
    Unavailable,
    /// The image cannot be published on this platform.
    ImageUnsuitable,
    /// The platform may have accepted it: its answer was lost.
    LostAnswer,
    /// The platform is off for the tenant.
    Off,
    /// The request was a dry run.
    DryRun,
}

same_variants!(publication::FailureReason => FailureReason:
    Rejected,
    Unauthorized,
    RateLimited,
    Unavailable,
    ImageUnsuitable,
    LostAnswer,
    Off,
    DryRun,
);

impl PublishRequest {
    /// Reads a request out of a body's fields.
    pub fn read(fields: &mut Fields) -> Self {
        Self {
            platforms: read_platforms(fields),
            caption: read_caption(fields),
            captions: read_captions(fields),
            dry_run: fields.flag("dry_run"),
            allow_empty_caption: fields.flag("allow_empty_caption"),
            force: fields.flag("force"),
        }
    }
}

pub(super) fn read_platforms(fields: &mut Fields) -> Option<Vec<PlatformName>> {
    const RULE: &str = "must be a list of names of platforms";
    let list = fields.take("platforms", RULE, |value| value.as_array().cloned())?;
    if list.is_empty() {
        fields.reject(FieldError::new("platforms", "must name a platform"));
    }
    let mut platforms = Vec::new();
    for (index, value) in list.iter().enumerate() {
        let rule = match value.as_str().and_then(Platform::from_name) {
            Some(platform) if platforms.contains(&platform.into()) => "is named twice".to_owned(),
            Some(platform) => {
                platforms.push(platform.into());
                continue;
            }
            None => {
                let names = Platform::ALL.map(Platform::as_str).join(", ");
                format!("must be one of: {names}")
            }
        };
        fields.reject(FieldError::new(format!("platforms[{index}]"), rule));
    }
    Some(platforms)
}

pub(super) fn read_caption(fields: &mut Fields) -> Option<String> {
    let caption = fields.take("caption", "must be a text", |value| {
        value.as_str().map(str::to_owned)
    })?;
    check_caption(
        fields,
        "caption",
        &caption,
        "leave it out to have one written",
    );
    Some(caption)
}

/// What to do about a platform that is to get no caption.
const NAME_FEWER: &str = "to leave this platform out, name fewer in `platforms`";

pub(super) fn read_captions(fields: &mut Fields) -> Option<BTreeMap<String, String>> {
    const RULE: &str = "must be an object of captions by names of platforms";
    let object = fields.take("captions", RULE, |value| value.as_object().cloned())?;
    if object.is_empty() {
        fields.reject(FieldError::new("captions", "must have a caption"));
    }
    let mut captions = BTreeMap::new();
    for (name, value) in object {
        let field = format!("captions.{name}");
        let Some(platform) = Platform::from_name(&name) else {
            let names = Platform::ALL.map(Platform::as_str).join(", ");
            let rule = format!("must be named as one of: {names}");
            fields.reject(FieldError::new(field, rule));
            continue;
        };
        let Value::String(caption) = value else {
            fields.reject(FieldError::new(field, "must be a text"));
            continue;
        };
        check_caption(fields, &field, &caption, NAME_FEWER);
        captions.insert(platform.as_str().to_owned(), caption);
    }
    Some(captions)
}

fn check_caption(fields: &mut Fields, name: &str, caption: &str, way_out: &str) {
    if let Err(rule) = caption_rule(caption, way_out) {
        fields.reject(FieldError::new(name, rule));
    }
}

/// Checks a caption of a caller.
///
/// # Errors
/// The rule that it breaks; of a blank one, with `way_out`: how to give none.
pub fn caption_rule(caption: &str, way_out: &str) -> Result<(), String> {
    if caption.chars().all(is_space) {
        return Err(format!("must not be blank; {way_out}"));
    }
    if caption.chars().count() > MAX_CAPTION {
        return Err(format!("must have at most {MAX_CAPTION} characters"));
    }
    Ok(())
}

/// The platforms of these names.
pub(super) fn all_of(names: Vec<PlatformName>) -> Vec<Platform> {
    names.into_iter().map(Platform::from).collect()
}

/// The captions by their platforms.
pub(super) fn by_platform(captions: BTreeMap<String, String>) -> BTreeMap<Platform, String> {
    let captions = captions.into_iter();
    captions
        .filter_map(|(name, text)| Some((Platform::from_name(&name)?, text)))
        .collect()
}

/// The results by the names of their platforms.
pub(super) fn by_name(
    results: Vec<publication::PlatformResult>,
) -> BTreeMap<String, PlatformResult> {
    let results = results.into_iter();
    results
        .map(|result| (result.platform.as_str().to_owned(), result.into()))
        .collect()
}

impl From<PublishRequest> for PublicationRequest {
    fn from(request: PublishRequest) -> Self {
        let PublishRequest {
            platforms,
            caption,
            captions,
            dry_run,
            allow_empty_caption,
            force,
        } = request;
        Self {
            platforms: platforms.map(all_of),
            caption,
            captions: captions.map(by_platform),
            dry_run,
            allow_empty_caption,
            force,
        }
    }
}

impl From<PublicationReport> for PublishResult {
    fn from(report: PublicationReport) -> Self {
        let any_success = report.any_success();
        let PublicationReport {
            image,
            results,
            dry_run,
            archived,
            warnings,
        } = report;
        Self {
            filename: image.map(|name| name.as_str().to_owned()),
            results: by_name(results),
            archived,
            any_success,
            dry_run,
            warnings,
        }
    }
}

impl From<publication::PlatformResult> for PlatformResult {
    fn from(result: publication::PlatformResult) -> Self {
        let publication::PlatformResult {
            platform: _, // the key of this result
            caption,
            outcome,
        } = result;
        let (success, reason) = (outcome.is_success(), outcome.reason());
        let text = |failure: publication::Failure| (Some(failure.text), failure.retry_after);
        let (outcome, post, (error, retry_after)) = match outcome {
            Outcome::Published(post) => (PublishOutcome::Published, Some(post), (None, None)),
            Outcome::AlreadyPublished(post) => {
                (PublishOutcome::AlreadyPublished, Some(post), (None, None))
            }
            Outcome::Failed(failure) => (PublishOutcome::Failed, None, text(failure)),
            Outcome::Unknown(error) => (PublishOutcome::Unknown, None, (Some(error), None)),
            Outcome::Skipped(failure) => (PublishOutcome::Skipped, None, text(failure)),
        };
        Self {
            success,
            post_id: post.as_ref().and_then(id_of),
            post_url: post.and_then(|post| Some(post.url?.as_str().to_owned())),
            error,
            reason: reason.map(FailureReason::from),
            // Rounded up, so that a caller does not come back too early.
            retry_after_seconds: retry_after
                .map(|wait| u64::try_from(wait.as_millis().div_ceil(1000)).unwrap_or(u64::MAX)),
            outcome,
            caption,
        }
    }
}

/// The id of a post; `None` of one that is known without.
fn id_of(post: &publication::PublishedPost) -> Option<String> {
    let id = post.id.as_str();
    (!id.is_empty()).then(|| id.to_owned())
}
