//! Advice on Telegram's refusals, by their text. Used by this folder's adapter.
//!
//! The words are those of the Bot API server (`td/telegram`, `telegram-bot-api/Client.cpp`), and of
//! the errors of Telegram's own API that it passes on.

/// Telegram's texts for an image that it cannot process, in lower case.
const IMAGE: [&str; 13] = [
    "image_process_failed",
    "photo_invalid_dimensions",
    "photo_save_file_invalid",
    "photo_ext_invalid",
    "photo_content_type_invalid",
    "photo_content_url_empty",
    "photo_crop_size_small",
    "photo_file_missing",
    "photo_invalid",
    "too big for a photo",
    "file must be non-empty",
    "wrong type of the web page content",
    "wrong file identifier",
];
/// Telegram's texts for a post that is not possible, in lower case, with advice.
const ADVICE: [(&[&str], &str); 5] = [
    (
        &[
            "chat not found",
            "chat_id is empty",
            "chat_id_invalid",
            "peer_id_invalid",
        ],
        "check the channel's id or @name, and add the bot to the channel as an administrator",
    ),
    (
        &[
            "bot was kicked",
            "bot is not a member",
            "not a member of",
            "channel_private",
        ],
        "add the bot to the channel again, as an administrator who may post",
    ),
    (
        &[
            "not enough rights",
            "need administrator rights",
            "have no rights to send",
            "chat_write_forbidden",
            "chat_send_photos_forbidden",
            "chat_send_media_forbidden",
            "chat_admin_required",
        ],
        "make the bot an administrator of the channel who may post messages and photos",
    ),
    (
        &[
            "bot was blocked",
            "can't initiate conversation",
            "user is deactivated",
        ],
        "the recipient of the photos has to start the bot first",
    ),
    (
        &["upgraded to a supergroup"],
        "the group has a new id: set it as the channel's id",
    ),
];

/// Whether a refusal is about the image, so that another file of it may be taken.
pub(super) fn is_about_the_image(description: &str) -> bool {
    let description = description.to_lowercase();
    let cannot_parse = description.contains("can't parse") && description.contains("image");
    cannot_parse || IMAGE.iter().any(|words| description.contains(words))
}

/// The advice on a refusal, if it is known.
pub(super) fn advice(description: &str) -> Option<&'static str> {
    let description = description.to_lowercase();
    let known = |words: &&[&str]| words.iter().any(|words| description.contains(words));
    let (_, advice) = ADVICE.iter().find(|(words, _)| known(words))?;
    Some(advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_an_image_is_told_from_what_is_wrong_with_a_chat() {
        for words in [
            "Bad Request: IMAGE_PROCESS_FAILED",
            "Bad Request: PHOTO_INVALID_DIMENSIONS",
            "Bad Request: PHOTO_SAVE_FILE_INVALID",
            "Bad Request: PHOTO_EXT_INVALID",
            "Bad Request: wrong type of the web page content",
            "Bad Request: can't parse image",
            "Bad Request: file of size 11000000 bytes is too big for a photo; the maximum size is \
             10485760 bytes",
        ] {
            assert!(is_about_the_image(words), "{words}");
            assert_eq!(advice(words), None, "{words}");
        }
        for words in [
            "Bad Request: chat not found",
            "Bad Request: message caption is too long",
            "Bad Request: can't parse entities: Unsupported start tag",
            "Forbidden: bot was kicked from the channel chat",
            "",
        ] {
            assert!(!is_about_the_image(words), "{words}");
        }
    }

    #[test]
    fn a_refusal_of_a_chat_says_what_to_do() {
        for (words, advised) in [
            ("Bad Request: chat not found", "check the channel's id"),
            ("Bad Request: PEER_ID_INVALID", "check the channel's id"),
            (
                "Forbidden: bot was kicked from the channel chat",
                "add the bot",
            ),
            (
                "Forbidden: bot is not a member of the channel chat",
                "add the bot",
            ),
            (
                "Bad Request: need administrator rights in the channel chat",
                "administrator",
            ),
            (
                "Bad Request: not enough rights to send photos to the chat",
                "administrator",
            ),
            ("Bad Request: CHAT_WRITE_FORBIDDEN", "administrator"),
            ("Forbidden: bot was blocked by the user", "start the bot"),
            (
                "Bad Request: group chat was upgraded to a supergroup chat",
                "new id",
            ),
        ] {
            assert!(
                advice(words).is_some_and(|it| it.contains(advised)),
                "{words}"
            );
        }
        assert_eq!(advice("Bad Request: message caption is too long"), None);
    }
}
