//! Statuses of the Mastodon stand-in: what an instance checks, repeats under one key, and the list. Used by the
//! Mastodon stand-in and, for what was posted, by tests.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    length,
    media::invalid,
    state::{Account, OnRepeat, State, refusal},
};
use crate::{multipart, received_image::ReceivedImage, record::RecordedRequest, reply::Reply};

/// Statuses of a page, unless the caller asks for others.
const PAGE: usize = 20;
/// The most statuses of a page.
const MAX_PAGE: usize = 40;

/// A status as it was posted.
#[derive(Clone, Debug)]
pub struct PostedStatus {
    /// Its id.
    pub id: String,
    /// The name of the account that posted it.
    pub account: String,
    /// The text.
    pub text: String,
    /// The content warning; empty if there is none.
    pub spoiler_text: String,
    /// `public`, `unlisted`, `private` or `direct`.
    pub visibility: String,
    /// Whether the images are covered.
    pub sensitive: bool,
    /// The language that the instance took: one that it does not know is replaced by `en`.
    pub language: String,
    /// The `Idempotency-Key` of the request.
    pub idempotency_key: Option<String>,
    /// The images in the order of the request, also when a later status has taken them over.
    pub images: Vec<PostedImage>,
    /// The page of the status.
    pub url: String,
    account_id: String,
}

/// An image of a status.
#[derive(Clone, Debug)]
pub struct PostedImage {
    /// The id of the upload.
    pub id: String,
    /// The alternative text.
    pub description: Option<String>,
    /// The image as it was uploaded.
    pub image: ReceivedImage,
}

/// `POST /api/v1/statuses`.
pub(super) fn create(state: &mut State, request: &RecordedRequest) -> Result<Reply, Reply> {
    let account = state.authorize(request, "write:statuses")?;
    if let Some(waiting) = &mut state.postponed {
        waiting.push(request.clone());
        return Err(Reply::new(
            504,
            "text/html",
            "<html><body>504 Gateway Time-out</body></html>".into(),
        ));
    }
    let key = request
        .header("idempotency-key")
        .filter(|key| !key.is_empty());
    let key = key.map(|key| (account.id.clone(), key.to_owned()));
    let first = key.as_ref().and_then(|key| state.keys.get(key)).cloned();
    if let Some(first) = &first {
        match state.on_repeat {
            OnRepeat::SameStatus => return show(state, first),
            OnRepeat::PostAgain => {}
            OnRepeat::Fail => return Err(internal_error()),
        }
    }
    let status = status(state, request, &account, first.as_deref())?;
    let id = status.id.clone();
    let attached: Vec<_> = status.images.iter().map(|image| image.id.clone()).collect();
    state.statuses.push(status);
    for media in state
        .media
        .iter_mut()
        .filter(|media| attached.contains(&media.id))
    {
        media.status = Some(id.clone());
    }
    if let Some(key) = key {
        state.keys.insert(key, id.clone());
    }
    show(state, &id)
}

/// `GET /api/v1/accounts/:id/statuses`: the newest first, from `max_id` on, which is not among them.
pub(super) fn list(state: &State, request: &RecordedRequest, id: &str) -> Result<Reply, Reply> {
    // Without a token it shows what everybody may see.
    let reader = match request.header("authorization") {
        Some(_) => Some(state.authorize(request, "read:statuses")?),
        None => None,
    };
    if !state.tokens.values().any(|token| token.account.id == id) {
        return Err(refusal(404, "Record not found"));
    }
    let query = request.path_and_query.split_once('?').map_or("", |it| it.1);
    let query: HashMap<_, _> = form_urlencoded::parse(query.as_bytes())
        .into_owned()
        .collect();
    let number = |name: &str| query.get(name).and_then(|it| it.parse::<u64>().ok());
    let limit = number("limit").map_or(PAGE, |limit| {
        usize::try_from(limit).unwrap_or(MAX_PAGE).min(MAX_PAGE)
    });
    let is_own = reader.is_some_and(|reader| reader.id == id);
    let is_shown = |status: &&PostedStatus| {
        let number = |id: &str| id.parse::<u64>().unwrap_or_default();
        let is_older = |max: u64| number(&status.id) < max;
        status.account_id == id
            && query.get("max_id").is_none_or(|max| is_older(number(max)))
            && (is_own || matches!(status.visibility.as_str(), "public" | "unlisted"))
    };
    let page: Vec<_> = state
        .statuses
        .iter()
        .rev()
        .filter(is_shown)
        .take(limit)
        .collect();
    let mut reply = Reply::json(
        200,
        &page.iter().map(|status| document(state, status)).collect(),
    );
    if let Some(last) = page.last().filter(|_| page.len() == limit) {
        let (base, last) = (&state.base_url, &last.id);
        let next = format!("<{base}/api/v1/accounts/{id}/statuses?limit={limit}&max_id={last}>");
        reply = reply.with_header("link", format!("{next}; rel=\"next\""));
    }
    Ok(reply)
}

/// Checks what an instance checks, in its order.
fn status(
    state: &mut State,
    request: &RecordedRequest,
    account: &Account,
    repeats: Option<&str>,
) -> Result<PostedStatus, Reply> {
    let form = Form::read(request);
    let spoiler_text = form.text("spoiler_text");
    let images = attachments(state, &form, account, repeats)?;
    let visibility = match form.text("visibility") {
        "" => "public",
        known @ ("public" | "unlisted" | "private" | "direct") => known,
        _ => return Err(invalid("Visibility is not included in the list")),
    };
    // A content warning alone becomes the text.
    let (text, spoiler_text) = match form.text("status").trim() {
        "" => (spoiler_text, ""),
        _ => (form.text("status"), spoiler_text),
    };
    if text.trim().is_empty() && images.is_empty() {
        return Err(invalid("Text can't be blank"));
    }
    let limit = state.limit("statuses/max_characters", 500);
    let per_link = state.limit("statuses/characters_reserved_per_url", 23);
    if length::count(spoiler_text, text, per_link) > limit {
        return Err(invalid(&format!(
            "Text character limit of {limit} exceeded"
        )));
    }
    let is_true = |text: &str| !matches!(text, "" | "0" | "f" | "false" | "off");
    let language = form.text("language");
    let language = if is_language(language) {
        language
    } else {
        "en"
    };
    let id = state.next_id();
    Ok(PostedStatus {
        url: format!("{}/@{}/{id}", state.base_url, account.name),
        id,
        account: account.name.clone(),
        text: text.to_owned(),
        visibility: visibility.to_owned(),
        sensitive: is_true(form.text("sensitive")) || !spoiler_text.is_empty(),
        spoiler_text: spoiler_text.to_owned(),
        language: language.to_owned(),
        idempotency_key: request.header("idempotency-key").map(str::to_owned),
        images,
        account_id: account.id.clone(),
    })
}

/// The uploads that the form names: the account's own, not attached yet (or to the status that is `repeated`), and
/// ready.
fn attachments(
    state: &State,
    form: &Form,
    account: &Account,
    repeated: Option<&str>,
) -> Result<Vec<PostedImage>, Reply> {
    let limit = state.limit("statuses/max_media_attachments", 4);
    if form.media_ids.len() > limit {
        return Err(refusal(
            422,
            &format!("Cannot attach more than {limit} files"),
        ));
    }
    let find = |id: &&String| {
        state.media.iter().find(|media| {
            let is_free = media.status.is_none() || media.status.as_deref() == repeated;
            media.id == **id && media.account == account.id && is_free
        })
    };
    let missing: Vec<_> = form
        .media_ids
        .iter()
        .filter(|id| find(id).is_none())
        .cloned()
        .collect();
    if !missing.is_empty() {
        let missing = missing.join(", ");
        let error = format!("Media {missing} not found or already attached to another post");
        return Err(refusal(422, &error));
    }
    let media: Vec<_> = form.media_ids.iter().filter_map(|id| find(&id)).collect();
    if media.iter().any(|media| !media.is_ready()) {
        let error = "Cannot attach files that have not finished processing. Try again in a moment!";
        return Err(refusal(422, error));
    }
    let images = media.iter().map(|media| PostedImage {
        id: media.id.clone(),
        description: media.description.clone(),
        image: media.image.clone(),
    });
    Ok(images.collect())
}

fn show(state: &State, id: &str) -> Result<Reply, Reply> {
    let status = state.statuses.iter().find(|status| status.id == id);
    let status = status.ok_or_else(internal_error)?;
    Ok(Reply::json(200, &document(state, status)))
}

/// The status as the API shows it, with the images that are still its own.
fn document(state: &State, status: &PostedStatus) -> Value {
    let own = state
        .media
        .iter()
        .filter(|media| media.status.as_ref() == Some(&status.id));
    let images: Vec<_> = own.map(|media| media.document(&state.base_url)).collect();
    let account = Account {
        id: status.account_id.clone(),
        name: status.account.clone(),
    };
    let text = status
        .text
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    json!({
        "id": status.id, "created_at": "2026-01-01T00:00:00.000Z",
        "uri": format!("{}/users/{}/statuses/{}", state.base_url, status.account, status.id),
        "url": status.url, "content": format!("<p>{text}</p>"),
        "spoiler_text": status.spoiler_text, "visibility": status.visibility,
        "sensitive": status.sensitive, "language": status.language,
        "in_reply_to_id": null, "in_reply_to_account_id": null, "reblog": null, "poll": null,
        "card": null, "mentions": [], "tags": [], "emojis": [],
        "replies_count": 0, "reblogs_count": 0, "favourites_count": 0,
        "account": state.account(&account), "media_attachments": images,
    })
}

/// The page that Rails shows when something breaks.
fn internal_error() -> Reply {
    Reply::json(
        500,
        &json!({ "status": 500, "error": "Internal Server Error" }),
    )
}

/// ISO 639: two or three letters, perhaps with a region.
fn is_language(text: &str) -> bool {
    let mut parts = text.split('-');
    let is_code = |part: &str| {
        (2..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_lowercase())
    };
    parts.next().is_some_and(is_code) && parts.all(|part| part.len() >= 2)
}

/// The fields of the request, which may be a form of either kind or JSON.
struct Form {
    fields: HashMap<String, String>,
    media_ids: Vec<String>,
}

impl Form {
    fn read(request: &RecordedRequest) -> Self {
        let mut form = Self {
            fields: HashMap::new(),
            media_ids: Vec::new(),
        };
        let content_type = request.header("content-type").unwrap_or_default();
        if content_type.starts_with("application/json") {
            let document = request.json().unwrap_or_default();
            for (name, value) in document.as_object().into_iter().flatten() {
                match value {
                    Value::Array(ids) if name == "media_ids" => {
                        form.media_ids.extend(ids.iter().map(text_of));
                    }
                    Value::Null => {}
                    _ => form.add(name, text_of(value)),
                }
            }
        } else if let Some(parts) = multipart::parse(content_type, &request.body) {
            for part in parts {
                form.add(&part.name, String::from_utf8_lossy(&part.body).into_owned());
            }
        } else {
            for (name, value) in form_urlencoded::parse(&request.body) {
                form.add(&name, value.into_owned());
            }
        }
        form
    }

    fn add(&mut self, name: &str, value: String) {
        if name == "media_ids[]" {
            self.media_ids.push(value);
        } else {
            self.fields.insert(name.to_owned(), value);
        }
    }

    fn text(&self, name: &str) -> &str {
        self.fields
            .get(name)
            .map(String::as_str)
            .unwrap_or_default()
    }
}

/// A string as it is, anything else as JSON.
fn text_of(value: &Value) -> String {
    value
        .as_str()
        .map_or_else(|| value.to_string(), str::to_owned)
}
