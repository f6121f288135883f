//! Arguments and answers as they travel. Answers are foreign data: what is missing or of a wrong
//! type is left out where the rest can do without it.

use std::{fmt::Write as _, time::Duration};

use reqwest::header::{HeaderValue, InvalidHeaderValue};
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::{
    failure::Failure,
    tags::{self, Tags},
};
use crate::domain::{
    content_hash::ContentHash,
    image::{ImageName, StoredImage},
    listing::ListingChange,
    secret::Secret,
    storage::HashKind,
};

/// The life of an access token, if Dropbox forgets to say: what it documents. Should that be too
/// long, a 401 ends it earlier.
const USUAL_TOKEN_LIFE: Duration = Duration::from_hours(4);

/// The longest id or revision, in bytes; real ones have thirty.
const MAX_ID: usize = 255;

/// Writes an argument for the header `Dropbox-API-Arg`: JSON, with everything outside printable
/// ASCII as `\uXXXX`.
///
/// # Errors
/// None happens: what is left is printable ASCII.
pub(super) fn header_argument(argument: &Value) -> Result<HeaderValue, InvalidHeaderValue> {
    HeaderValue::from_str(&ascii_json(argument))
}

fn ascii_json(document: &Value) -> String {
    let json = document.to_string();
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if matches!(character, ' '..='~') {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let _ = write!(ascii, "\\u{unit:04x}");
            }
        }
    }
    ascii
}

/// What is said of a file or folder.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    #[serde(rename = ".tag")]
    pub(super) tag: String,
    /// The last part of its path.
    pub(super) name: String,
    /// Stays the same when it is moved.
    pub(super) id: String,
    /// Names its content at this place.
    pub(super) rev: String,
    /// Bytes.
    pub(super) size: Option<u64>,
    pub(super) content_hash: Option<String>,
}

impl Metadata {
    /// The hash of the content, if it is said and sound.
    pub(super) fn content_hash(&self) -> Option<ContentHash> {
        let hash = self.content_hash.as_deref()?;
        ContentHash::new(HashKind::Dropbox, hash)
    }

    /// Whether it is a file; where only files can come, Dropbox may leave the tag out.
    pub(super) fn is_file(&self) -> bool {
        self.tag == "file"
    }

    /// What an entry of a folder says of the image of its name; `None` if no image can have the name. Whatever else
    /// there is in its place (nothing, a folder, a file that is no image), the image is gone.
    pub(super) fn into_change(self) -> Option<ListingChange> {
        let name = ImageName::new(&self.name).ok()?;
        let gone = || ListingChange::Gone(name.as_str().to_owned());
        Some(self.into_image().map_or_else(gone, ListingChange::Found))
    }

    /// What is known of it as an image, if it is one. An id or a revision that is longer than any real one
    /// is not kept, and the image left out.
    pub(super) fn into_image(self) -> Option<StoredImage> {
        if !self.is_file() || self.id.len() > MAX_ID || self.rev.len() > MAX_ID {
            return None;
        }
        let (name, content_hash) = (ImageName::new(&self.name).ok()?, self.content_hash()?);
        let size = self.size?;
        Some(self.into_stored(name, content_hash, size))
    }

    /// The same where the answer is about one image that was asked for: it needs no tag.
    pub(super) fn into_asked(self, asked: &ImageName) -> Option<StoredImage> {
        let name = self.shown_name(asked);
        let (content_hash, size) = (self.content_hash()?, self.size?);
        Some(self.into_stored(name, content_hash, size))
    }

    /// Storage knows names in any letter case; the one that it shows counts.
    pub(super) fn shown_name(&self, asked: &ImageName) -> ImageName {
        ImageName::new(&self.name).unwrap_or_else(|_| asked.clone())
    }

    /// Puts together what storage says of an image with what is known of it by then.
    pub(super) fn into_stored(
        self,
        name: ImageName,
        content_hash: ContentHash,
        size: u64,
    ) -> StoredImage {
        StoredImage {
            name,
            file_id: self.id,
            revision: self.rev,
            content_hash,
            size,
            last_modified: None,
        }
    }
}

/// The answer to a move.
#[derive(Debug, Deserialize)]
pub(super) struct Moved {
    /// The file where it is now.
    pub(super) metadata: Metadata,
}

/// The answer to a request for a link. Has no `Debug`, because the link alone gives access to the
/// file.
#[derive(Deserialize)]
pub(super) struct Linked {
    /// The file that it leads to.
    pub(super) metadata: Metadata,
    link: String,
}

impl Linked {
    /// The file and the link; `None` if that is nothing that a browser should be sent to.
    pub(super) fn into_parts(self) -> Option<(Metadata, Secret)> {
        let url = Url::parse(&self.link).ok()?;
        matches!(url.scheme(), "https" | "http").then(|| (self.metadata, Secret::new(self.link)))
    }
}

/// What is said of a thumbnail.
#[derive(Debug, Deserialize)]
pub(super) struct Previewed {
    /// The file that it was made of.
    pub(super) file_metadata: Metadata,
}

/// The answer to a request for an access token.
#[derive(Deserialize)]
pub(super) struct Grant {
    access_token: String,
    expires_in: Option<f64>,
}

impl Grant {
    /// The token, and how long it lives from when it was asked for.
    pub(super) fn into_parts(self) -> (Secret, Duration) {
        let life = self.expires_in.map_or(USUAL_TOKEN_LIFE, |seconds| {
            Duration::try_from_secs_f64(seconds).unwrap_or_default()
        });
        (Secret::new(self.access_token), life)
    }
}

/// The tags of an error's body; none when it is not what it should be.
pub(super) fn tags(body: &[u8]) -> Tags {
    #[derive(Deserialize)]
    struct Body {
        error_summary: String,
    }
    serde_json::from_slice(body)
        .map(|body: Body| Tags::new(&body.error_summary))
        .unwrap_or_default()
}

/// The permission that an error says is missing: in a field of its own, or in words.
pub(super) fn missing_scope(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let document: Value = serde_json::from_slice(body).unwrap_or_default();
    let is_missing =
        document["error"][".tag"] == "missing_scope" || tags(body).begin_with("missing_scope");
    if is_missing {
        let scope = document["error"]["required_scope"].as_str();
        return Some(tags::scope(scope.unwrap_or_default()));
    }
    let (_, named) = text.split_once("does not have the required scope")?;
    let name = named.trim_start_matches([' ', ':', '\'', '"', '\\']);
    let end = name.find(|c: char| !(c.is_ascii_lowercase() || matches!(c, '_' | '.')));
    Some(tags::scope(&name[..end.unwrap_or(name.len())]))
}

/// The wait in the body of a 429, in seconds.
pub(super) fn retry_after(body: &[u8]) -> Option<Duration> {
    let document: Value = serde_json::from_slice(body).ok()?;
    document["error"]["retry_after"]
        .as_u64()
        .map(Duration::from_secs)
}

/// What the error of a request for a token means: JSON by RFC 6749, or a plain text. `setting` is the one
/// that the refresh token comes from.
pub(super) fn token_failure(status: u16, body: &[u8], setting: Option<&'static str>) -> Failure {
    let answer: Value = serde_json::from_slice(body).unwrap_or_default();
    let error = answer["error"]
        .as_str()
        .map_or_else(|| String::from_utf8_lossy(body), Into::into);
    let code = error.to_ascii_lowercase();
    let description = answer["error_description"].as_str().unwrap_or_default();
    let description = description.to_ascii_lowercase();
    let is_code = |word: &str| code.contains(word);
    let is_told = |word: &str| is_code(word) || description.contains(word);
    if is_code("invalid_grant") || is_told("user_suspended") {
        Failure::DeadCredential { setting }
    } else if ["invalid_client", "unauthorized_client"]
        .into_iter()
        .any(is_code)
        || ["client_id", "client_secret"].into_iter().any(is_told)
    {
        Failure::BadApp { status }
    } else {
        // It says nothing of the tenant's credential, which stays good.
        let tags = Tags::new(&error);
        Failure::Refused { status, tags }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    proptest! {
        #[test]
        fn any_path_travels_as_printable_ascii_and_reads_back(path in any::<String>()) {
            let document = json!({ "path": path });
            let ascii = ascii_json(&document);
            prop_assert!(ascii.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert_eq!(serde_json::from_str::<Value>(&ascii).unwrap(), document.clone());
            prop_assert!(header_argument(&document).is_ok());
        }
    }

    #[test]
    fn characters_beyond_the_basic_plane_travel_as_surrogate_pairs() {
        let ascii = ascii_json(&json!("é夜🌙\u{7f}"));
        assert_eq!(ascii, "\"\\u00e9\\u591c\\ud83c\\udf19\\u007f\"");
    }

    #[test]
    fn a_token_without_a_life_time_has_the_usual_one() {
        let life = |grant: Value| {
            let grant: Grant = serde_json::from_value(grant).unwrap();
            grant.into_parts().1
        };
        assert_eq!(life(json!({ "access_token": "t" })), USUAL_TOKEN_LIFE);
        let short = json!({ "access_token": "t", "expires_in": 60, "token_type": "bearer" });
        assert_eq!(life(short), Duration::from_mins(1));
        let past = json!({ "access_token": "t", "expires_in": -1 });
        assert_eq!(life(past), Duration::ZERO);
    }

    #[test]
    fn a_link_leads_to_the_web_or_nowhere() {
        let parts = |link: &str| {
            let linked: Linked =
                serde_json::from_value(json!({ "metadata": {}, "link": link })).unwrap();
            linked
                .into_parts()
                .map(|(_, link)| link.expose().to_owned())
        };
        let good = "https://uc.dl.dropboxusercontent.com/cd/0/get/x/file";
        assert_eq!(parts(good).as_deref(), Some(good));
        for bad in [
            "",
            "/file",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc",
        ] {
            assert_eq!(parts(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_missing_permission_is_read_out_of_a_field_or_of_words() {
        for (body, scope) in [
            (
                r#"{"error_summary":"missing_scope/..","error":{".tag":"missing_scope","required_scope":"files.content.read"}}"#,
                Some("\"files.content.read\""),
            ),
            (
                "Error in call to API function \"files/upload\": Your app (ID: 1) is not permitted to \
                 access this endpoint because it does not have the required scope \
                 'files.content.write'. The owner of the app can enable the scope.",
                Some("\"files.content.write\""),
            ),
            (
                r#"{"error_summary":"missing_scope/.."}"#,
                Some("that this call takes"),
            ),
            (r#"{"error_summary":"path/not_found/.."}"#, None),
            ("", None),
        ] {
            let found = missing_scope(body.as_bytes());
            assert_eq!(found.as_deref(), scope, "{body}");
        }
    }

    #[test]
    fn an_unreadable_error_has_no_tags() {
        assert_eq!(tags(b"<html>").to_string(), "no tags");
        assert_eq!(
            tags(br#"{"error_summary": "path/not_found/.", "error": {}}"#).to_string(),
            "path/not_found"
        );
    }
}
