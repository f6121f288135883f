//! Whether the bot could post to the channel, as far as Telegram shows without a post. Used by this
//! folder's adapter.

use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::{
    Failure, TelegramPublisher, URL_SETTING, read,
    verdict::{Refusal, Verdict, verdict},
};
use crate::{
    adapters::upstream::{Answer, Call, cause, failed_before_sending, retry_after},
    ports::PublishError,
};

/// What the advice about missing rights is found by, among Telegram's own words.
const NO_RIGHTS: &str = "the bot may not post there: not enough rights";
const NO_MEMBER: &str = "the bot is not a member of the chat";

impl TelegramPublisher {
    /// Asks for the bot, for the chat, and for what the bot may do there.
    pub(super) async fn look(&self) -> Result<&'static str, PublishError> {
        let bot = self.ask("getMe", json!({})).await?;
        let chat_id = self.chat_id();
        let chat = self.ask("getChat", json!({ "chat_id": chat_id })).await;
        let chat = chat.map_err(|failure| match failure {
            Failure::Moved(chat) => {
                let chat = self.scrub().scrub(&chat.to_string());
                let rule = "the chat has moved: set its new id as the channel's id";
                PublishError::Rejected(format!("{rule} ({chat})"))
            }
            other => other.into(),
        })?;
        if chat["type"] == "private" {
            return Ok("the bot is known, and so is the chat");
        }
        let question = json!({ "chat_id": chat_id, "user_id": bot["id"] });
        let member = self.ask("getChatMember", question).await?;
        match may_post(&chat, &member) {
            Ok(()) => Ok("the bot is known, and may post to the chat"),
            Err(why) => {
                let refusal = Refusal::Rejected {
                    code: 400,
                    description: why.to_owned(),
                };
                Err(self.refused(refusal).into())
            }
        }
    }

    async fn ask(&self, method: &'static str, question: Value) -> Result<Value, Failure> {
        let call = Call {
            clock: &*self.api.clock,
            upstream: "telegram",
            operation: method,
        };
        let body = question.to_string();
        let attempt = || self.question(method, body.clone());
        call.run(self.api.policy, attempt).await
    }

    async fn question(&self, method: &str, body: String) -> Result<Answer<Value>, Failure> {
        let request = self.api.http.post(self.method_url(method)?);
        let request = request.header(CONTENT_TYPE, "application/json").body(body);
        let response = request.send().await.map_err(|error| {
            let cause = cause(&error, URL_SETTING);
            if failed_before_sending(&error) {
                Failure::NotSent(cause)
            } else {
                Failure::Unanswered {
                    status: None,
                    cause,
                }
            }
        })?;
        let status = response.status().as_u16();
        let hint = retry_after(response.headers(), &*self.api.clock);
        let body = read(response).await;
        match verdict(status, body.as_deref().ok(), hint) {
            Verdict::Taken(value) => Ok(Answer { status, value }),
            Verdict::Refused(refusal) => Err(self.refused(refusal)),
            Verdict::Unknown => Err(Failure::Unanswered {
                status: Some(status),
                cause: match body {
                    Err(error) => cause(&error, URL_SETTING),
                    Ok(_) => "what answers at TELEGRAM_API_URL is no Bot API".into(),
                },
            }),
        }
    }
}

/// Whether a member of a chat may send photos to it, or why not, so that the advice is found.
fn may_post(chat: &Value, member: &Value) -> Result<(), &'static str> {
    let is_channel = chat["type"] == "channel";
    let is_barred =
        |rights: &Value| rights["can_send_photos"] == false || rights["can_send_messages"] == false;
    match member["status"].as_str() {
        Some("administrator") if is_channel && member["can_post_messages"] != true => {
            Err(NO_RIGHTS)
        }
        Some("member") if is_channel || is_barred(&chat["permissions"]) => Err(NO_RIGHTS),
        Some("restricted") if is_barred(member) || member["is_member"] == false => Err(NO_RIGHTS),
        Some("creator" | "administrator" | "member" | "restricted") => Ok(()),
        _ => Err(NO_MEMBER),
    }
}

#[cfg(test)]
mod tests {
    use super::{super::advice, *};

    #[test]
    fn who_may_post_is_told_by_the_kind_of_chat_and_of_member() {
        let channel = json!({ "type": "channel" });
        let group = json!({ "type": "supergroup", "permissions": { "can_send_photos": true } });
        let quiet = json!({ "type": "group", "permissions": { "can_send_photos": false } });
        for (chat, member, expected) in [
            (&channel, json!({ "status": "creator" }), Ok(())),
            (
                &channel,
                json!({ "status": "administrator", "can_post_messages": true }),
                Ok(()),
            ),
            (
                &channel,
                json!({ "status": "administrator" }),
                Err(NO_RIGHTS),
            ),
            (&channel, json!({ "status": "member" }), Err(NO_RIGHTS)),
            (&channel, json!({ "status": "left" }), Err(NO_MEMBER)),
            (&channel, json!({ "status": "kicked" }), Err(NO_MEMBER)),
            (&group, json!({ "status": "member" }), Ok(())),
            (&group, json!({ "status": "administrator" }), Ok(())),
            (
                &group,
                json!({ "status": "restricted", "can_send_photos": false }),
                Err(NO_RIGHTS),
            ),
            (
                &group,
                json!({ "status": "restricted", "can_send_photos": true }),
                Ok(()),
            ),
            (&quiet, json!({ "status": "member" }), Err(NO_RIGHTS)),
            (&quiet, json!({ "status": "administrator" }), Ok(())),
            (&quiet, json!({}), Err(NO_MEMBER)),
        ] {
            assert_eq!(may_post(chat, &member), expected, "{chat} {member}");
        }
        for why in [NO_RIGHTS, NO_MEMBER] {
            assert!(advice::advice(why).is_some(), "{why}");
        }
    }
}
