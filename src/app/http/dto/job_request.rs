//! Jobs, as they are asked for and changed.

use std::{collections::BTreeMap, time::SystemTime};

use poem_openapi::Object;

use super::publish::{
    PlatformName, PublishRequest, all_of, by_platform, read_caption, read_captions, read_platforms,
};
use crate::{
    app::http::json_body::Fields,
    domain::{
        image::ImageName,
        job::{self, Edit, JobOrder},
        rfc3339,
    },
};

/// A publication to carry out later. Every field may be left out.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(deny_unknown_fields)]
pub struct JobRequest {
    /// The image. Left out: the next one, by name, that the tenant has not published when the job is carried out.
    pub filename: Option<String>,
    /// When it is to be published: RFC 3339 with an offset. Left out: now. A time that has passed is for now, too, unless
    /// a job of that time would be missed.
    pub publish_at: Option<String>,
    /// The platforms to publish to; each must be on for the tenant. Left out: all that are on by then.
    #[oai(validator(min_items = 1, unique_items))]
    pub platforms: Option<Vec<PlatformName>>,
    /// The caption to publish with, fitted to each platform; no model is called. Left out: captions are written.
    #[oai(validator(min_length = 1, max_length = 10_000))]
    pub caption: Option<String>,
    /// A caption for each platform, by the platform's name. It must have exactly the platforms of this request
    /// (`platforms`, or else all that are on), both now and when the job is carried out. Each has 1 to 10,000 characters.
    /// Takes precedence over `caption`.
    #[oai(validator(min_properties = 1))]
    pub captions: Option<BTreeMap<String, String>>,
    /// Send the image also to platforms that have it, or may have it: it may appear there twice.
    #[oai(default)]
    pub force: bool,
    /// Publish without a caption when none can be written.
    #[oai(default)]
    pub allow_empty_caption: bool,
    /// Carry the job out only once somebody has approved it.
    #[oai(default)]
    pub needs_approval: bool,
}

/// A change of a job that has not begun. A field that is left out stays as it is; `null` takes back what was given, but for the
/// time.
#[derive(Debug, Clone, PartialEq, Eq, Object)]
#[oai(deny_unknown_fields)]
pub struct JobChange {
    /// When it is to be published: RFC 3339 with an offset. Every job has a time: `null` leaves it as it is.
    pub publish_at: Option<String>,
    /// The platforms to publish to; each must be on for the tenant. `null`: all that are on by then.
    #[oai(validator(min_items = 1, unique_items))]
    pub platforms: Option<Vec<PlatformName>>,
    /// The caption to publish with. `null`: captions are written.
    #[oai(validator(min_length = 1, max_length = 10_000))]
    pub caption: Option<String>,
    /// A caption for each platform, by the platform's name: exactly those that the job is for. `null`: `caption` is used,
    /// or captions are written.
    #[oai(validator(min_properties = 1))]
    pub captions: Option<BTreeMap<String, String>>,
}

impl JobRequest {
    /// Reads the order and the time out of a body's fields.
    pub fn read(fields: &mut Fields) -> (JobOrder, Option<SystemTime>) {
        let name = fields.take("filename", "must be a text", |value| {
            value.as_str().map(str::to_owned)
        });
        let order = JobOrder {
            image: name.and_then(|name| fields.image_name(&name)),
            platforms: read_platforms(fields).map(all_of),
            caption: read_caption(fields),
            captions: read_captions(fields).map(by_platform),
            force: fields.flag("force"),
            allow_empty_caption: fields.flag("allow_empty_caption"),
            needs_approval: fields.flag("needs_approval"),
        };
        (order, read_time(fields, "publish_at"))
    }
}

impl JobChange {
    /// Reads the change out of a body's fields.
    pub fn read(fields: &mut Fields) -> job::JobChange {
        job::JobChange {
            publish_at: read_time(fields, "publish_at").map_or(Edit::Keep, Edit::Set),
            platforms: edit(fields, "platforms", |fields| {
                read_platforms(fields).map(all_of)
            }),
            caption: edit(fields, "caption", read_caption),
            captions: edit(fields, "captions", |fields| {
                read_captions(fields).map(by_platform)
            }),
        }
    }
}

/// The order of a request to publish whose caller does not wait.
#[must_use]
pub fn order_of(image: Option<ImageName>, request: PublishRequest) -> JobOrder {
    let PublishRequest {
        platforms,
        caption,
        captions,
        dry_run: _, // refused before
        allow_empty_caption,
        force,
    } = request;
    JobOrder {
        image,
        platforms: platforms.map(all_of),
        caption,
        captions: captions.map(by_platform),
        force,
        allow_empty_caption,
        needs_approval: false,
    }
}

fn read_time(fields: &mut Fields, name: &str) -> Option<SystemTime> {
    fields.take(name, rfc3339::RULE, |value| {
        rfc3339::parse(value.as_str()?).ok()
    })
}

/// The edit of a field that may be left out, or be `null` to take back what was given.
fn edit<T>(
    fields: &mut Fields,
    name: &str,
    read: impl FnOnce(&mut Fields) -> Option<T>,
) -> Edit<Option<T>> {
    if fields.take_null(name) {
        return Edit::Set(None);
    }
    // What is there and cannot be read is a problem, and changes nothing.
    read(fields).map_or(Edit::Keep, |value| Edit::Set(Some(value)))
}
