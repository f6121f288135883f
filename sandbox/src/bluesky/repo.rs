//! Blobs and records of the Bluesky stand-in. Used by the Bluesky stand-in.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    identifiers::{self, DAG_CBOR, RAW},
    post::{self, ImageRef, POST},
    state::{Blob, LargeBlobs, Record, State, input, invalid, refusal},
};
use crate::{received_image::ReceivedImage, record::RecordedRequest, reply::Reply};

/// The time of the first record that has no key of its own, in microseconds: 2026-01-01.
const FIRST_TID: u64 = 1_767_225_600_000_000;

/// `com.atproto.repo.uploadBlob`: the type is that of the content, or else the one that the request names.
pub(super) fn upload(state: &mut State, request: &RecordedRequest) -> Result<Reply, Reply> {
    let did = state.authorize(request)?;
    let named = request
        .header("content-type")
        .ok_or_else(|| invalid("Request encoding (Content-Type) required but not provided"))?;
    let size = request.body.len();
    match state.blob_limit {
        (limit, LargeBlobs::AtUpload) if size > limit => return Err(too_large(size, limit)),
        (limit, LargeBlobs::AtUploadAsPayload) if size > limit => {
            return Err(refusal(413, "PayloadTooLarge", "request entity too large"));
        }
        _ => {}
    }
    let image = ReceivedImage::read(request.body.clone());
    let blob = Blob {
        mime_type: image
            .as_ref()
            .map_or_else(|| named.to_owned(), |it| it.mime_type.clone()),
        size,
        image,
    };
    let cid = identifiers::cid(RAW, &request.body);
    let document = json!({
        "$type": "blob", "ref": { "$link": cid }, "mimeType": blob.mime_type, "size": size,
    });
    state.blobs.insert((did, cid), blob);
    Ok(Reply::json(200, &json!({ "blob": document })))
}

/// `com.atproto.repo.createRecord`.
pub(super) fn create(state: &mut State, request: &RecordedRequest) -> Result<Reply, Reply> {
    let did = state.authorize(request)?;
    let body = input(request)?;
    let text = |name: &str| {
        body[name]
            .as_str()
            .ok_or_else(|| invalid(&format!("Input must have the property \"{name}\"")))
    };
    if state
        .account(text("repo")?)
        .is_none_or(|account| account.did != did)
    {
        return Err(refusal(
            401,
            "AuthenticationRequired",
            "Authentication Required",
        ));
    }
    let collection = text("collection")?;
    if collection != POST {
        return Err(invalid(&format!("Unknown lexicon type: {collection}")));
    }
    let mut record = body["record"].clone();
    if !record.is_object() {
        return Err(invalid("Input/record must be an object"));
    }
    match record["$type"].as_str() {
        Some(POST) => {}
        None => record["$type"] = POST.into(),
        Some(other) => {
            return Err(invalid(&format!(
                "Invalid $type: expected {POST}, got {other}"
            )));
        }
    }
    let rkey = match &body["rkey"] {
        Value::Null => identifiers::tid(next_tid(state)),
        rkey => rkey.as_str().unwrap_or_default().to_owned(),
    };
    post::check_key(&rkey).map_err(|message| invalid(&message))?;
    let images = post::check(&record)
        .map_err(|message| invalid(&format!("Invalid {POST} record: {message}")))?;
    for (index, image) in images.iter().enumerate() {
        check_blob(state, &did, image, index)?;
    }
    let uri = format!("at://{did}/{POST}/{rkey}");
    if state.records.iter().any(|it| it.uri == uri) {
        // The tree of the repository throws, and the server hides why.
        return Err(refusal(500, "InternalServerError", "Internal Server Error"));
    }
    let cid = identifiers::cid(DAG_CBOR, record.to_string().as_bytes());
    let commit = identifiers::cid(DAG_CBOR, format!("{uri}{cid}").as_bytes());
    let rev = identifiers::tid(next_tid(state));
    let document = json!({
        "uri": uri, "cid": cid, "commit": { "cid": commit, "rev": rev },
        "validationStatus": "valid",
    });
    state.records.push(Record {
        uri,
        cid,
        did,
        rkey,
        value: record,
    });
    Ok(Reply::json(200, &document))
}

/// `com.atproto.repo.getRecord`, which takes no token.
pub(super) fn get(state: &State, request: &RecordedRequest) -> Result<Reply, Reply> {
    let query = request.path_and_query.split_once('?').map_or("", |it| it.1);
    let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let parameter = |name: &str| {
        let error = || invalid(&format!("Params must have the property \"{name}\""));
        query
            .get(name)
            .filter(|it| !it.is_empty())
            .ok_or_else(error)
    };
    let (repo, collection) = (parameter("repo")?, parameter("collection")?);
    let rkey = parameter("rkey")?;
    let Some(account) = state.account(repo) else {
        return Err(invalid("Could not locate record"));
    };
    let uri = format!("at://{}/{collection}/{rkey}", account.did);
    let record = state.records.iter().find(|it| it.uri == uri);
    let record = record.ok_or_else(|| {
        refusal(
            400,
            "RecordNotFound",
            &format!("Could not locate record: {uri}"),
        )
    })?;
    Ok(Reply::json(
        200,
        &json!({ "uri": uri, "cid": record.cid, "value": record.value }),
    ))
}

/// A reference must be to an upload of the account, and say of it what is so.
fn check_blob(state: &State, did: &str, image: &ImageRef, index: usize) -> Result<(), Reply> {
    let cid = &image.cid;
    match state.blob_limit {
        (limit, LargeBlobs::AtRecord) if image.size > limit => {
            return Err(too_large(image.size, limit));
        }
        (limit, LargeBlobs::AtRecordBySchema) if image.size > limit => {
            let size = image.size;
            let place = format!("$.record.embed.images[{index}].image");
            return Err(invalid(&format!(
                "Invalid {POST} record: blob too big (maximum {limit}, got {size}) at {place}"
            )));
        }
        _ => {}
    }
    let blob = state.blobs.get(&(did.to_owned(), cid.clone()));
    let blob =
        blob.ok_or_else(|| refusal(400, "BlobNotFound", &format!("Could not find blob: {cid}")))?;
    let (mime_type, size) = (&blob.mime_type, blob.size);
    if *mime_type != image.mime_type {
        let named = &image.mime_type;
        let message = format!(
            "Referenced Mimetype does not match stored blob. Expected: {mime_type}, Got: {named}"
        );
        return Err(refusal(400, "InvalidMimeType", &message));
    }
    if size != image.size {
        let named = image.size;
        let message =
            format!("Referenced Size does not match stored blob. Expected: {size}, Got: {named}");
        return Err(refusal(400, "InvalidSize", &message));
    }
    Ok(())
}

fn too_large(size: usize, limit: usize) -> Reply {
    let message = format!(
        "This file is too large. It is {size} bytes but the maximum size is {limit} bytes."
    );
    refusal(400, "BlobTooLarge", &message)
}

fn next_tid(state: &State) -> u64 {
    FIRST_TID + u64::try_from(state.records.len()).unwrap_or_default()
}
