//! `/media`: images of storage that has no links of its own, for whoever has a link of this service.

use std::{ops::Range, sync::Arc};

use poem::{
    Body,
    http::HeaderValue,
    web::headers::{self, Header as _},
};
use poem_openapi::{
    OpenApi,
    param::{Header, Path},
};

use super::{
    dto::media::{ImageFile, MediaResponse},
    entity_tag::{content_tag, names_tag},
    error::ApiError,
    media_links::{MediaLinks, Subject},
    problem::ProblemKind,
    request_facts::{CallerOrigin, CurrentRequestId},
    tag::Tag,
    tenant_scope::TenantScope,
};
use crate::{
    app::tenancy::storage_call::{StorageCallError, within_limit},
    domain::image::ImageName,
    ports::OpenedImage,
};

pub(super) struct MediaApi {
    pub(super) links: Arc<MediaLinks>,
}

#[OpenApi]
impl MediaApi {
    /// Download an image by a link.
    ///
    /// For whoever has the `temp_url` of an image that is in a folder of the machine: the file, or the part of it that
    /// `Range` names. The link is valid for an hour at most, for one host. Whatever is wrong with it, the answer is that of
    /// a path that does not exist.
    #[oai(
        path = "/media/:token/:file",
        method = "get",
        operation_id = "getMedia",
        tag = "Tag::Images"
    )]
    #[expect(clippy::too_many_arguments, reason = "each is a part of the request")]
    async fn media(
        &self,
        TenantScope(tenant): TenantScope,
        CurrentRequestId(request_id): CurrentRequestId,
        origin: CallerOrigin,
        /// The signature of the link.
        token: Path<String>,
        /// The file name of the image.
        file: Path<String>,
        /// The `ETag`s of files that the caller has, or `*`.
        #[oai(name = "If-None-Match")]
        tags: Header<Option<Vec<String>>>,
        /// The part of the file to send; more than one part, and one that cannot be, is answered with the whole file.
        #[oai(name = "Range")]
        range: Header<Option<String>>,
        /// The `ETag` of the file that the part is to be of; of another file, the whole is sent.
        #[oai(name = "If-Range")]
        if_range: Header<Option<String>>,
    ) -> Result<MediaResponse, ApiError> {
        let name = ImageName::new(&file).map_err(|_| nothing())?;
        let subject = Subject::of(&tenant, &origin.host, &name);
        let rest = self.links.rest_of(&token, subject);
        let rest = rest.ok_or_else(nothing)?;
        let images = tenant.images(&request_id);
        let opened = match within_limit(images.open(&name)).await {
            Err(StorageCallError::Storage(error)) if error.is_about_the_image() => None,
            opened => opened?,
        };
        let OpenedImage {
            stored,
            format,
            content,
        } = opened.ok_or_else(nothing)?;
        let format = format.ok_or_else(nothing)?;
        let tag = content_tag(&stored.content_hash);
        let cache_control = format!("private, max-age={}", rest.as_secs());
        if names_tag(&tags.0.unwrap_or_default(), &tag) {
            return Ok(MediaResponse::Unchanged(tag, cache_control));
        }
        let is_of_this = if_range.0.is_none_or(|wanted| wanted == tag);
        let part = range.0.filter(|_| is_of_this);
        let part = part.and_then(|range| part_of(&range, stored.size));
        let range = part.clone().unwrap_or(0..stored.size);
        let length = range.end - range.start;
        let body = Body::from_bytes_stream(content.read(range));
        let file = ImageFile { name, format, body };
        Ok(match part {
            Some(part) => {
                let place = format!("bytes {}-{}/{}", part.start, part.end - 1, stored.size);
                MediaResponse::Part(file, tag, cache_control, length, place)
            }
            None => MediaResponse::Whole(file, tag, cache_control, length),
        })
    }
}

/// The answer to whatever is not there, the same as that to an unknown path.
fn nothing() -> ApiError {
    ApiError::new(ProblemKind::NotFound, ApiError::NO_PATH)
}

/// The one part that a `Range` header names, if the file has it.
fn part_of(range: &str, size: u64) -> Option<Range<u64>> {
    use std::ops::Bound;
    let value = HeaderValue::from_str(range).ok()?;
    let range = headers::Range::decode(&mut [&value].into_iter()).ok()?;
    let mut parts = range.satisfiable_ranges(size);
    let part = parts.next().filter(|_| parts.next().is_none())?;
    let start = match part.0 {
        Bound::Included(start) => start,
        Bound::Excluded(before) => before.checked_add(1)?,
        Bound::Unbounded => 0,
    };
    let end = match part.1 {
        Bound::Included(last) => last.checked_add(1)?,
        Bound::Excluded(end) => end,
        Bound::Unbounded => size,
    };
    (start < end.min(size)).then_some(start..end.min(size))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_part_that_the_file_has_is_sent_and_anything_else_is_answered_with_the_whole() {
        for (range, expected) in [
            ("bytes=0-0", Some(0..1)),
            ("bytes=2-5", Some(2..6)),
            ("bytes=2-", Some(2..10)),
            ("bytes=-3", Some(7..10)),
            ("bytes=-30", None),
            ("bytes=2-99", Some(2..10)),
            ("bytes=9-", Some(9..10)),
            ("bytes=10-", None),
            ("bytes=5-2", None),
            ("bytes=0-1,3-4", None),
            ("lines=0-1", None),
            ("bytes=a-b", None),
            ("bytes=-0", None),
            ("bytes=18446744073709551615-18446744073709551615", None),
            ("", None),
        ] {
            assert_eq!(part_of(range, 10), expected, "{range}");
        }
        assert_eq!(part_of("bytes=0-", 0), None);
    }
}
