//! The stand-in for Telegram's Bot API. Used by the sandbox and by tests.

use std::collections::{HashMap, HashSet};
use std::io::{self, Cursor};
use std::sync::Arc;

use bytes::Bytes;
use image::ImageReader;
use parking_lot::Mutex;
use serde_json::{Value, json};

use super::{
    fault::Fault,
    multipart,
    record::RecordedRequest,
    reply::Reply,
    secrets::Issued,
    server::{HttpServer, StandIn},
    switches::Switches,
};

/// UTF-16 units in a caption.
const MAX_CAPTION: usize = 1024;
/// Bytes of a photo.
const MAX_PHOTO: usize = 10 * 1024 * 1024;
/// Width and height of a photo together, in pixels.
const MAX_SIDES: u32 = 10_000;
/// The longer side over the shorter one.
const MAX_RATIO: u32 = 20;

/// Telegram. Operations: `sendPhoto`, `getMe`, `getChat`, `getChatMember`.
pub struct Telegram {
    server: HttpServer,
    state: Arc<Mutex<State>>,
}

/// A photo as it was posted.
#[derive(Clone, Debug)]
pub struct SentPhoto {
    /// The bot that posted it.
    pub bot_token: String,
    /// Where to.
    pub chat_id: String,
    /// The caption, if there was one.
    pub caption: Option<String>,
    /// The file.
    pub photo: Bytes,
    /// Its width in pixels.
    pub width: u32,
    /// Its height in pixels.
    pub height: u32,
    /// The id that was answered.
    pub message_id: i64,
}

impl Telegram {
    /// Starts without bots.
    pub(super) async fn start() -> io::Result<Self> {
        let state = Arc::new(Mutex::new(State::default()));
        let server = HttpServer::start(Arc::new(Door(Arc::clone(&state)))).await?;
        Ok(Self { server, state })
    }

    /// Its address, and how to stop it.
    #[must_use]
    pub fn server(&self) -> &HttpServer {
        &self.server
    }

    /// Faults, latency, holds and call counts.
    #[must_use]
    pub fn switches(&self) -> &Switches {
        self.server.switches()
    }

    /// Adds a bot that may post anywhere.
    pub fn add_bot(&self, token: &str) {
        let mut state = self.state.lock();
        state.issued.note(token);
        state.bots.entry(token.to_owned()).or_default();
    }

    /// From now on this token is answered with 401.
    pub fn revoke_bot(&self, token: &str) {
        self.state.lock().bots.remove(token);
    }

    /// Limits a bot to these chats; to any other it gets "chat not found".
    pub fn restrict_bot(&self, token: &str, chats: &[&str]) {
        let chats = chats.iter().map(|chat| (*chat).to_owned()).collect();
        self.state.lock().bots.insert(token.to_owned(), Some(chats));
    }

    /// From now on this bot is an administrator of its chats who may not post.
    pub fn demote_bot(&self, token: &str) {
        self.state.lock().demoted.insert(token.to_owned());
    }

    /// From now on this chat has another id, as a group that becomes a supergroup does.
    pub fn move_chat(&self, from: &str, to: i64) {
        self.state.lock().moved.insert(from.to_owned(), to);
    }

    /// All photos in the order of their posting.
    #[must_use]
    pub fn photos(&self) -> Vec<SentPhoto> {
        self.state.lock().photos.clone()
    }

    /// The photos of one bot.
    #[must_use]
    pub fn photos_of(&self, bot_token: &str) -> Vec<SentPhoto> {
        let mut photos = self.photos();
        photos.retain(|photo| photo.bot_token == bot_token);
        photos
    }

    /// Bot tokens handed out so far.
    #[must_use]
    pub fn secrets(&self) -> Vec<String> {
        self.state.lock().issued.list()
    }

    /// The answer to too many requests.
    #[must_use]
    pub fn rate_limited(retry_after_seconds: u64) -> Fault {
        let body = json!({
            "ok": false, "error_code": 429,
            "description": format!("Too Many Requests: retry after {retry_after_seconds}"),
            "parameters": { "retry_after": retry_after_seconds },
        });
        Fault::json(429, &body)
    }

    /// An answer that says why not, as Telegram words it.
    #[must_use]
    pub fn refusal(status: u16, description: &str) -> Fault {
        Fault::json(status, &failure(status, description))
    }
}

#[derive(Default)]
struct State {
    /// The chats of each bot; `None` is any.
    bots: HashMap<String, Option<Vec<String>>>,
    photos: Vec<SentPhoto>,
    /// Bots that may not post.
    demoted: HashSet<String>,
    /// The ids of chats that have moved.
    moved: HashMap<String, i64>,
    issued: Issued,
}

struct Door(Arc<Mutex<State>>);

impl StandIn for Door {
    fn operation(&self, head: &RecordedRequest) -> String {
        let method = bot_path(head).map(|(_, method)| method.to_lowercase());
        let name = match method.as_deref() {
            Some("sendphoto") => "sendPhoto",
            Some("getme") => "getMe",
            Some("getchat") => "getChat",
            Some("getchatmember") => "getChatMember",
            _ => "unknown",
        };
        name.to_owned()
    }

    fn is_heavy(&self, operation: &str) -> bool {
        operation == "sendPhoto"
    }

    fn answer(&self, request: &RecordedRequest) -> Reply {
        let Some((token, _)) = bot_path(request) else {
            return refuse(404, "Not Found");
        };
        if !self.0.lock().bots.contains_key(token) {
            return if is_token(token) {
                refuse(401, "Unauthorized")
            } else {
                refuse(404, "Not Found")
            };
        }
        match request.operation.as_str() {
            "sendPhoto" => match photo(token, request) {
                Ok(photo) => self.0.lock().post(photo),
                Err(description) => refuse(400, &format!("Bad Request: {description}")),
            },
            "getMe" => success(&json!({
                "id": bot_id(token), "is_bot": true, "first_name": "Sandbox",
                "username": "publisher_sandbox_bot",
            })),
            "getChat" | "getChatMember" => {
                let question = request.json().unwrap_or_default();
                self.0.lock().tell(token, &request.operation, &question)
            }
            _ => refuse(404, "Not Found"),
        }
    }
}

impl State {
    /// Why a bot cannot do anything in a chat.
    fn no_chat(&self, token: &str, chat_id: &str) -> Option<Reply> {
        let chats = self.bots.get(token).and_then(Option::as_ref);
        if chats.is_some_and(|chats| !chats.iter().any(|it| it == chat_id)) {
            return Some(refuse(400, "Bad Request: chat not found"));
        }
        let to = self.moved.get(chat_id)?;
        let mut answer = failure(
            400,
            "Bad Request: group chat was upgraded to a supergroup chat",
        );
        answer["parameters"] = json!({ "migrate_to_chat_id": to });
        Some(Reply::json(400, &answer))
    }

    /// What a bot is told of a chat, or of itself there.
    fn tell(&self, token: &str, operation: &str, question: &Value) -> Reply {
        let chat_id = question["chat_id"].as_str().unwrap_or_default();
        if let Some(refusal) = self.no_chat(token, chat_id) {
            return refusal;
        }
        if operation == "getChat" {
            return success(&chat(chat_id));
        }
        if question["user_id"].as_u64() != Some(bot_id(token)) {
            return refuse(400, "Bad Request: user not found");
        }
        success(&json!({
            "status": "administrator",
            "user": { "id": bot_id(token), "is_bot": true, "first_name": "Sandbox" },
            "can_post_messages": !self.demoted.contains(token),
        }))
    }

    fn post(&mut self, mut photo: SentPhoto) -> Reply {
        if let Some(refusal) = self.no_chat(&photo.bot_token, &photo.chat_id) {
            return refusal;
        }
        if self.demoted.contains(&photo.bot_token) {
            return refuse(
                400,
                "Bad Request: not enough rights to send photos to the chat",
            );
        }
        photo.message_id = i64::try_from(self.photos.len()).unwrap_or(i64::MAX - 1) + 1;
        let mut message = json!({
            "message_id": photo.message_id,
            "date": 1_767_225_600,
            "chat": chat(&photo.chat_id),
            "photo": [{
                "file_id": format!("sandbox-photo-{}", photo.message_id),
                "file_unique_id": format!("sandbox-{}", photo.message_id),
                "file_size": photo.photo.len(),
                "width": photo.width,
                "height": photo.height,
            }],
        });
        if let Some(caption) = &photo.caption {
            message["caption"] = caption.as_str().into();
        }
        self.photos.push(photo);
        success(&message)
    }
}

/// Checks the form as Telegram would.
fn photo(token: &str, request: &RecordedRequest) -> Result<SentPhoto, String> {
    let content_type = request.header("content-type").unwrap_or_default();
    let parts = multipart::parse(content_type, &request.body).unwrap_or_default();
    let part = |name: &str| parts.iter().find(|part| part.name == name);
    let text = |name: &str| {
        let part = part(name).filter(|part| part.file_name.is_none())?;
        String::from_utf8(part.body.to_vec()).ok()
    };
    let chat_id = text("chat_id").filter(|chat| !chat.trim().is_empty());
    let chat_id = chat_id.ok_or("chat_id is empty")?;
    let file = part("photo").filter(|part| part.file_name.is_some() && !part.body.is_empty());
    let photo = file.ok_or("there is no photo in the request")?.body.clone();
    let caption = text("caption").filter(|caption| !caption.is_empty());
    if caption
        .as_deref()
        .unwrap_or_default()
        .encode_utf16()
        .count()
        > MAX_CAPTION
    {
        return Err("message caption is too long".to_owned());
    }
    if photo.len() > MAX_PHOTO {
        return Err(format!(
            "file of size {} bytes is too big for a photo; the maximum size is {MAX_PHOTO} bytes",
            photo.len()
        ));
    }
    let (width, height) = ImageReader::new(Cursor::new(&photo))
        .with_guessed_format()
        .ok()
        .and_then(|reader| reader.into_dimensions().ok())
        .ok_or("IMAGE_PROCESS_FAILED")?;
    let (longer, shorter) = (width.max(height), width.min(height));
    if width.saturating_add(height) > MAX_SIDES || longer > shorter.saturating_mul(MAX_RATIO) {
        return Err("PHOTO_INVALID_DIMENSIONS".to_owned());
    }
    Ok(SentPhoto {
        bot_token: token.to_owned(),
        chat_id,
        caption,
        photo,
        width,
        height,
        message_id: 0,
    })
}

/// Token and method of `/bot<token>/<method>`.
fn bot_path(request: &RecordedRequest) -> Option<(&str, &str)> {
    request.path().strip_prefix("/bot")?.split_once('/')
}

/// Could this be a token? Telegram knows no method of a bot that has none.
fn is_token(token: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    token.split_once(':').is_some_and(|(id, secret)| {
        id.parse::<u64>().is_ok() && !secret.is_empty() && secret.chars().all(is_word)
    })
}

fn bot_id(token: &str) -> u64 {
    let id = token.split_once(':').and_then(|(id, _)| id.parse().ok());
    id.unwrap_or_default()
}

fn chat(chat_id: &str) -> Value {
    match (chat_id.strip_prefix('@'), chat_id.parse::<i64>()) {
        (Some(name), _) => json!({ "id": -1_000_000_000_001_i64, "type": "channel",
            "title": name, "username": name }),
        (None, Ok(id)) => json!({ "id": id, "type": "channel", "title": "sandbox" }),
        (None, Err(_)) => json!({ "id": 0, "type": "channel", "title": chat_id }),
    }
}

fn success(result: &Value) -> Reply {
    Reply::json(200, &json!({ "ok": true, "result": result }))
}

fn refuse(status: u16, description: &str) -> Reply {
    Reply::json(status, &failure(status, description))
}

fn failure(status: u16, description: &str) -> Value {
    json!({ "ok": false, "error_code": status, "description": description })
}
