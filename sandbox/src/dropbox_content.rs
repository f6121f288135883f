//! Dropbox's content endpoints: arguments in a header, bytes in the body. Used by the Dropbox
//! stand-in.

use std::io::Cursor;

use bytes::Bytes;
use image::{ImageFormat, ImageReader};
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    dropbox::State,
    dropbox_arguments::{Arguments, header_json, tagged_error, tree_error},
    dropbox_files::WriteMode,
    dropbox_rpc,
    record::RecordedRequest,
    reply::Reply,
};

/// The sizes of thumbnails that Dropbox knows.
const SIZES: [(&str, u32, u32); 9] = [
    ("w32h32", 32, 32),
    ("w64h64", 64, 64),
    ("w128h128", 128, 128),
    ("w256h256", 256, 256),
    ("w480h320", 480, 320),
    ("w640h480", 640, 480),
    ("w960h640", 960, 640),
    ("w1024h768", 1024, 768),
    ("w2048h1536", 2048, 1536),
];

/// Answers one call of this account. The state is not locked while an image is scaled.
pub(super) fn answer(
    state: &Mutex<State>,
    account: &str,
    request: &RecordedRequest,
) -> Result<Reply, Reply> {
    let arguments = arguments(request)?;
    match request.operation.as_str() {
        "download" => {
            let mut state = state.lock();
            let found = state.tree(account).file(arguments.path("path")?);
            let node = found.map_err(|error| tree_error(error, "path", "path"))?;
            let bytes = node.bytes().cloned().unwrap_or_default();
            Ok(Reply::new(200, "application/octet-stream", bytes)
                .with_header("dropbox-api-result", header_json(&node.metadata(false))))
        }
        "upload" => upload(&mut state.lock(), account, &arguments, request),
        _ => thumbnail(state, account, &arguments),
    }
}

/// The file behind a temporary link.
pub(super) fn linked_file(state: &mut State, request: &RecordedRequest) -> Reply {
    let token = request.path().strip_prefix(dropbox_rpc::LINKS);
    let target = token.and_then(|token| state.links.get(token)).cloned();
    let file = target.and_then(|(account, id)| {
        let node = state.tree(&account).file(&id).ok()?;
        Some((node.bytes()?.clone(), content_type(node.name())))
    });
    match file {
        Some((bytes, content_type)) => Reply::new(200, content_type, bytes),
        None => Reply::text(410, "this link is gone"),
    }
}

fn arguments(request: &RecordedRequest) -> Result<Arguments, Reply> {
    let function = format!("files/{}", request.operation);
    let refuse = |what: &str| {
        Reply::text(
            400,
            format!("Error in call to API function \"{function}\": {what}"),
        )
    };
    let header = request.header("dropbox-api-arg").ok_or_else(|| {
        refuse("Must provide HTTP header \"Dropbox-API-Arg\" or URL parameter \"arg\".")
    })?;
    if !header.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(refuse(
            "HTTP header \"Dropbox-API-Arg\": not printable ASCII",
        ));
    }
    let content_type = request.header("content-type").unwrap_or_default();
    let upload = request.operation == "upload";
    let fits = match content_type {
        "application/octet-stream" | "text/plain; charset=dropbox-cors-hack" => true,
        "" | "text/plain" | "text/plain; charset=utf-8" => !upload,
        _ => false,
    };
    if !fits {
        return Err(refuse(&format!(
            "Bad HTTP \"Content-Type\" header: \"{content_type}\"."
        )));
    }
    let document: Option<Value> = serde_json::from_str(header).ok();
    Ok(Arguments {
        document: document.filter(Value::is_object).ok_or_else(|| {
            refuse("HTTP header \"Dropbox-API-Arg\": could not decode input as JSON")
        })?,
        function: function.clone(),
    })
}

fn upload(
    state: &mut State,
    account: &str,
    arguments: &Arguments,
    request: &RecordedRequest,
) -> Result<Reply, Reply> {
    let mode = &arguments.document["mode"];
    let mode = match mode[".tag"].as_str().or(mode.as_str()) {
        Some("add") => WriteMode::Add,
        None if mode.is_null() => WriteMode::Add,
        Some("overwrite") => WriteMode::Overwrite,
        Some("update") => WriteMode::Update(mode["update"].as_str().unwrap_or_default().to_owned()),
        _ => return Err(arguments.malformed("mode: unknown tag")),
    };
    let written = state.tree(account).write(
        arguments.path("path")?,
        request.body.clone(),
        &mode,
        arguments.flag("autorename"),
    );
    let node = written.map_err(|error| tree_error(error, "path", "path"))?;
    Ok(Reply::json(200, &node.metadata(false)))
}

fn thumbnail(state: &Mutex<State>, account: &str, arguments: &Arguments) -> Result<Reply, Reply> {
    let tag = |field: &str, default: &str| {
        let value = &arguments.document[field];
        let tag = value[".tag"].as_str().or(value.as_str());
        tag.unwrap_or(default).to_owned()
    };
    let (size, format) = (tag("size", "w64h64"), tag("format", "jpeg"));
    let size = SIZES.iter().find(|(name, ..)| *name == size);
    let (_, width, height) = size.ok_or_else(|| arguments.malformed("size: unknown tag"))?;
    let (format, content_type) = match format.as_str() {
        "jpeg" => (ImageFormat::Jpeg, "image/jpeg"),
        "png" => (ImageFormat::Png, "image/png"),
        "webp" => (ImageFormat::WebP, "image/webp"),
        _ => return Err(arguments.malformed("format: unknown tag")),
    };
    let resource = Arguments {
        function: arguments.function.clone(),
        document: arguments.document["resource"].clone(),
    };
    let (bytes, metadata) = {
        let mut state = state.lock();
        let found = state.tree(account).file(resource.path("path")?);
        let node = found.map_err(|error| tree_error(error, "path", "path"))?;
        (
            node.bytes().cloned().unwrap_or_default(),
            node.metadata(false),
        )
    };
    if ImageFormat::from_path(metadata["name"].as_str().unwrap_or_default()).is_err() {
        return Err(tagged_error(&["unsupported_extension"]));
    }
    let scaled = scale(&bytes, *width, *height, format)
        .ok_or_else(|| tagged_error(&["unsupported_image"]))?;
    let result = json!({ "file_metadata": metadata });
    Ok(Reply::new(200, content_type, scaled)
        .with_header("dropbox-api-result", header_json(&result)))
}

fn scale(bytes: &Bytes, width: u32, height: u32, format: ImageFormat) -> Option<Bytes> {
    let reader = ImageReader::new(Cursor::new(bytes))
        .with_guessed_format()
        .ok()?;
    let picture = reader.decode().ok()?;
    // Dropbox does not enlarge.
    let (width, height) = (width.min(picture.width()), height.min(picture.height()));
    let mut scaled = Cursor::new(Vec::new());
    let small = picture.thumbnail(width, height).to_rgb8();
    small.write_to(&mut scaled, format).ok()?;
    Some(Bytes::from(scaled.into_inner()))
}

fn content_type(name: &str) -> &'static str {
    match ImageFormat::from_path(name) {
        Ok(format) => format.to_mime_type(),
        Err(_) => "application/octet-stream",
    }
}
