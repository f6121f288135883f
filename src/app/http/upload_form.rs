//! The form of an upload: `multipart/form-data` with one part, `file`. It is not read before the handler asks for it,
//! and then goes to disk as it arrives.

mod pieces;

use std::time::Duration;

use multer::{Field, Multipart};
use poem::{Body, Request, RequestBody, Result, http::header};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    registry::{MetaMediaType, MetaRequest, Registry},
};
use tokio::time::timeout;

use self::pieces::{Allowance, PieceError, Pieces};
use super::{
    dto::{library::upload_form, problem::FieldError},
    error::ApiError,
    problem::ProblemKind,
};
use crate::{
    app::runtime::spool::{Spool, Spooled},
    domain::{
        image::{ImageFormat, ImageName},
        upload::{InvalidUploadName, name_of_upload},
    },
};

/// The path of uploads: their bodies are not read before their handler asks for them.
pub(super) const UPLOAD_PATH: &str = "/api/library/upload";
/// The media type of forms with files (RFC 7578).
const MEDIA_TYPE: &str = "multipart/form-data";
/// The longest boundary, in characters (RFC 2046, section 5.1.1).
const MAX_BOUNDARY: usize = 70;
/// How much longer a body may be than its file, in bytes (64 KiB).
const OVERHEAD: u64 = 64 * 1024;
/// The longest pause of a client.
const MAX_PAUSE: Duration = Duration::from_secs(30);
/// The lowest average rate of a client, in bytes a second (32 KiB).
const LOWEST_RATE: u64 = 32 * 1024;
/// The bytes by which the format of a file is known.
const SNIFFED: usize = 12;

/// The form, as it is being sent.
pub(super) struct UploadForm {
    content_type: Option<String>,
    length: Option<u64>,
    body: Body,
}

/// A file that has arrived as a whole.
#[derive(Debug)]
pub(super) struct ReceivedFile {
    pub(super) name: ImageName,
    pub(super) file: Spooled,
}

impl UploadForm {
    /// Receives the file, of at most so many bytes.
    ///
    /// # Errors
    /// `payload-too-large` as soon as there are more bytes; `unsupported-media-type` as soon as the file is no image,
    /// or not the one that its name says; `invalid-request`, `request-timeout`; `overloaded` where the disk takes
    /// no more.
    pub(super) async fn receive(self, max: u64) -> Result<ReceivedFile, ApiError> {
        let Self {
            content_type,
            length,
            body,
        } = self;
        let allowance = Allowance::new();
        let pieces = Pieces::new(body, allowance.clone());
        let boundary = boundary_of(content_type.as_deref())?;
        if length.is_some_and(|length| length > max.saturating_add(OVERHEAD)) {
            return Err(too_large(max));
        }
        let form = Form {
            parts: Multipart::new(pieces, boundary),
            allowance,
            max,
        };
        let longest = MAX_PAUSE + Duration::from_secs(max / LOWEST_RATE);
        timeout(longest, form.receive())
            .await
            .unwrap_or_else(|_| Err(too_slow()))
    }
}

/// A form that is being read.
struct Form {
    parts: Multipart<'static>,
    allowance: Allowance,
    max: u64,
}

impl Form {
    async fn receive(mut self) -> Result<ReceivedFile, ApiError> {
        let Some(part) = self.next_part().await? else {
            return Err(bad_file("is required"));
        };
        if part.name() != Some("file") {
            return Err(other_part());
        }
        let name = name_of_upload(part.file_name().unwrap_or_default()).map_err(bad_name)?;
        let file = self.spool(part, &name).await?;
        // This reads up to the boundary that ends the form.
        if self.next_part().await?.is_some() {
            return Err(other_part());
        }
        Ok(ReceivedFile { name, file })
    }

    async fn next_part(&mut self) -> Result<Option<Field<'static>>, ApiError> {
        let part = timeout(MAX_PAUSE, self.parts.next_field()).await;
        part.map_err(|_| too_slow())?.map_err(malformed)
    }

    /// Writes a part to disk while it arrives.
    async fn spool(&self, mut part: Field<'static>, name: &ImageName) -> Result<Spooled, ApiError> {
        let mut spool = Spool::create().await.map_err(no_disk)?;
        let mut head = Vec::with_capacity(SNIFFED);
        loop {
            let chunk = timeout(MAX_PAUSE, part.chunk()).await;
            let Some(chunk) = chunk.map_err(|_| too_slow())?.map_err(malformed)? else {
                break;
            };
            self.allowance.renew();
            if spool.length() + chunk.len() as u64 > self.max {
                return Err(too_large(self.max));
            }
            if head.len() < SNIFFED {
                head.extend(chunk.iter().take(SNIFFED - head.len()));
                if head.len() == SNIFFED {
                    check_format(&head, name)?;
                }
            }
            spool = spool.append(&chunk).await.map_err(no_disk)?;
        }
        check_format(&head, name)?;
        spool.finish().await.map_err(no_disk)
    }
}

fn boundary_of(content_type: Option<&str>) -> Result<String, ApiError> {
    let is_form = |it: &&str| {
        let essence = it.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case(MEDIA_TYPE)
    };
    let Some(content_type) = content_type.filter(is_form) else {
        let detail = "An upload must be sent as `Content-Type: multipart/form-data`.";
        return Err(ApiError::new(ProblemKind::UnsupportedMediaType, detail));
    };
    let boundary = multer::parse_boundary(content_type).ok();
    let is_good = |it: &String| (1..=MAX_BOUNDARY).contains(&it.len());
    boundary.filter(is_good).ok_or_else(|| {
        let detail = "`Content-Type` must give the form a `boundary` of 1 to 70 characters.";
        ApiError::new(ProblemKind::InvalidRequest, detail)
    })
}

/// Whether the first bytes of a file are those of the format that its name says.
fn check_format(head: &[u8], name: &ImageName) -> Result<(), ApiError> {
    let detail = match (
        ImageFormat::sniff(head),
        ImageFormat::of_ending(name.as_str()),
    ) {
        (None, _) => "The file is no JPEG, PNG or WebP image.",
        (format, of_name) if format != of_name => {
            "The file is an image of another format than the ending of its name says."
        }
        _ => return Ok(()),
    };
    Err(ApiError::new(ProblemKind::UnsupportedMediaType, detail))
}

fn bad_file(rule: &str) -> ApiError {
    ApiError::bad_fields(vec![FieldError::new("file", rule)])
}

fn other_part() -> ApiError {
    let detail = "The form must have one part, `file`, and no other.";
    ApiError::new(ProblemKind::InvalidRequest, detail)
}

fn bad_name(error: InvalidUploadName) -> ApiError {
    match error {
        InvalidUploadName::Ending => {
            let detail = "The name of the file must end in .jpg, .jpeg, .png or .webp.";
            ApiError::new(ProblemKind::UnsupportedMediaType, detail)
        }
        InvalidUploadName::Rule(rule) => bad_file(&format!("its name {rule}")),
    }
}

fn too_large(max: u64) -> ApiError {
    let mib = max / (1024 * 1024);
    let detail = format!("The file has more than {mib} MB (of 1,048,576 bytes).");
    ApiError::new(ProblemKind::PayloadTooLarge, detail)
}

fn too_slow() -> ApiError {
    let detail = "The upload paused for 30 seconds, or arrived at less than 32 KiB a second.";
    ApiError::new(ProblemKind::RequestTimeout, detail)
}

fn no_disk(error: std::io::Error) -> ApiError {
    let detail = "There is no place to keep the upload until it is stored. Nothing was stored.";
    ApiError::new(ProblemKind::Overloaded, detail).caused_by(error)
}

fn malformed(error: multer::Error) -> ApiError {
    let detail = match &error {
        multer::Error::IncompleteFieldData { .. } | multer::Error::IncompleteStream => {
            "The form ends without its final boundary. Nothing was stored."
        }
        multer::Error::StreamReadFailed(cause) => match cause.downcast_ref() {
            Some(PieceError::TooMuchAround) => "The form has more than 32 KiB beside its file.",
            _ => "The body could not be read to its end. Nothing was stored.",
        },
        _ => "The body is no form as `multipart/form-data` has it.",
    };
    ApiError::new(ProblemKind::InvalidRequest, detail).caused_by(error)
}

impl<'a> ApiExtractor<'a> for UploadForm {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];

    type ParamType = ();
    type ParamRawType = ();

    fn register(_registry: &mut Registry) {}

    fn request_meta() -> Option<MetaRequest> {
        Some(MetaRequest {
            description: None,
            content: vec![MetaMediaType {
                content_type: MEDIA_TYPE,
                schema: upload_form(),
            }],
            required: true,
        })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _options: ExtractParamOptions<Self::ParamType>,
    ) -> Result<Self> {
        let length = request.header(header::CONTENT_LENGTH);
        Ok(Self {
            content_type: request.content_type().map(str::to_owned),
            length: length.and_then(|length| length.parse().ok()),
            body: body.take()?,
        })
    }
}

#[cfg(test)]
mod tests;
