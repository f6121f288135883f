//! Uploaded images of the Mastodon stand-in: what an instance checks, and until when it shows them. Used by the
//! Mastodon stand-in.

use serde_json::{Value, json};

use super::state::{Processing, State, refusal};
use crate::{multipart, received_image::ReceivedImage, record::RecordedRequest, reply::Reply};

/// An upload.
pub(super) struct Media {
    pub(super) id: String,
    pub(super) account: String,
    pub(super) description: Option<String>,
    pub(super) image: ReceivedImage,
    /// The status that it is attached to.
    pub(super) status: Option<String>,
    processing: Processing,
}

impl Media {
    /// Whether it may be attached.
    pub(super) fn is_ready(&self) -> bool {
        self.processing == Processing::Immediate
    }

    /// The attachment as the API shows it; it has no URL until it is ready.
    pub(super) fn document(&self, base_url: &str) -> Value {
        let (id, image) = (&self.id, &self.image);
        let file = |size: &str| format!("{base_url}/system/media_attachments/files/{size}/{id}");
        let size = json!({ "width": image.width, "height": image.height,
            "size": format!("{}x{}", image.width, image.height),
            "aspect": f64::from(image.width) / f64::from(image.height.max(1)) });
        json!({
            "id": id, "type": "image",
            "url": self.is_ready().then(|| file("original")), "preview_url": file("small"),
            "remote_url": null, "preview_remote_url": null, "text_url": null,
            "meta": { "original": size }, "description": self.description, "blurhash": null,
        })
    }
}

/// `POST /api/v2/media`: checks the file by its content, and answers 200 or 202.
pub(super) fn upload(state: &mut State, request: &RecordedRequest) -> Result<Reply, Reply> {
    let account = state.authorize(request, "write:media")?.id;
    let content_type = request.header("content-type").unwrap_or_default();
    let parts = multipart::parse(content_type, &request.body).unwrap_or_default();
    let file = parts
        .iter()
        .find(|part| part.name == "file" && part.file_name.is_some());
    let file = file.ok_or_else(|| invalid("File can't be blank"))?;
    let limit = state.limit("media_attachments/image_size_limit", 16 * 1024 * 1024);
    if file.body.len() >= limit {
        let limit = limit / (1024 * 1024);
        return Err(invalid(&format!("File must be less than {limit} MB")));
    }
    let image = ReceivedImage::read(file.body.clone())
        .ok_or_else(|| refusal(422, "File type of uploaded media could not be verified"))?;
    let types = state
        .instance
        .pointer("/configuration/media_attachments/supported_mime_types");
    let is_supported = types
        .and_then(Value::as_array)
        .is_none_or(|types| types.iter().any(|it| it.as_str() == Some(&image.mime_type)));
    if !is_supported {
        return Err(invalid("File content type is invalid, File is invalid"));
    }
    let (width, height) = (image.width, image.height);
    let matrix = state.limit("media_attachments/image_matrix_limit", 33_177_600);
    if u64::from(width) * u64::from(height) > u64::try_from(matrix).unwrap_or(u64::MAX) {
        return Err(refusal(
            422,
            &format!("{width}x{height} images are not supported"),
        ));
    }
    let description = parts.iter().find(|part| part.name == "description");
    let description = description.map(|part| String::from_utf8_lossy(&part.body).into_owned());
    // Rails counts code points here, not graphemes.
    let length = description
        .as_deref()
        .map_or(0, |text| text.chars().count());
    let limit = state.limit("media_attachments/description_limit", 1500);
    if length > limit {
        return Err(invalid(&format!(
            "Description is too long (maximum is {limit} characters)"
        )));
    }
    let media = Media {
        id: state.next_id(),
        account,
        description,
        image,
        status: None,
        processing: state.processing,
    };
    let status = if media.is_ready() { 200 } else { 202 };
    let reply = Reply::json(status, &media.document(&state.base_url));
    state.media.push(media);
    Ok(reply)
}

/// `GET /api/v1/media/:id`: what is attached to a status is not found.
pub(super) fn show(state: &mut State, request: &RecordedRequest, id: &str) -> Result<Reply, Reply> {
    let account = state.authorize(request, "write:media")?.id;
    let media = state
        .media
        .iter_mut()
        .find(|media| media.id == id && media.account == account && media.status.is_none());
    let media = media.ok_or_else(|| refusal(404, "Record not found"))?;
    let status = match media.processing {
        Processing::Fails => {
            return Err(refusal(
                422,
                "Error processing thumbnail for uploaded media",
            ));
        }
        Processing::After(rest) if rest > 0 => {
            media.processing = Processing::After(rest - 1);
            206
        }
        Processing::After(_) | Processing::Immediate => {
            media.processing = Processing::Immediate;
            200
        }
    };
    Ok(Reply::json(status, &media.document(&state.base_url)))
}

/// A record that Rails finds invalid.
pub(super) fn invalid(violation: &str) -> Reply {
    refusal(422, &format!("Validation failed: {violation}"))
}
