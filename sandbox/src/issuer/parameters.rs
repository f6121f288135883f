//! What the issuer reads from requests, and how it refuses them. Used by the issuer.

use std::collections::HashMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use url::form_urlencoded;

use crate::{record::RecordedRequest, reply::Reply};

pub(super) fn refusal(status: u16, error: &str) -> Reply {
    Reply::json(
        status,
        &json!({ "error": error, "error_description": "said by the sandbox" }),
    )
}

/// Id and secret of a client in `Authorization: Basic`, each encoded as in a form (RFC 6749, section 2.3.1).
pub(super) fn basic(header: &str) -> Option<(String, String)> {
    let text = STANDARD.decode(header.strip_prefix("Basic ")?).ok()?;
    let text = String::from_utf8(text).ok()?;
    let (id, secret) = text.split_once(':')?;
    let decoded = |text: &str| {
        let text = format!("x={text}");
        let mut pairs = form_urlencoded::parse(text.as_bytes());
        pairs.next().map(|(_, value)| value.into_owned())
    };
    Some((decoded(id)?, decoded(secret)?))
}

/// The parameters of a query or a form.
pub(super) struct Parameters(HashMap<String, String>);

impl Parameters {
    pub(super) fn of_query(request: &RecordedRequest) -> Self {
        let query = request.path_and_query.split_once('?');
        Self::parse(query.map_or("", |(_, query)| query).as_bytes())
    }

    pub(super) fn of_form(request: &RecordedRequest) -> Self {
        Self::parse(&request.body)
    }

    fn parse(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&String> {
        self.0.get(name)
    }
}
