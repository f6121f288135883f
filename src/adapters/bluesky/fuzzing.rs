//! A door for the fuzz targets (`fuzz/`) to the reading of a server's answers. Not there without the feature `fuzzing`;
//! nothing of the service uses it.

use super::{
    answer::{CREATE_RECORD, CREATE_SESSION, GET_RECORD, REFRESH_SESSION, UPLOAD_BLOB, read},
    session::Session,
};
use crate::{adapters::platform_call::PlatformAnswer, domain::service_url::ServiceUrl};

/// Reads an answer to each call; the names of those that succeed by it.
#[must_use]
pub fn read_answer(status: u16, body: &[u8]) -> Vec<&'static str> {
    let answer = PlatformAnswer {
        status,
        wait: None,
        body: body.to_vec().into(),
    };
    let mut methods = vec![
        CREATE_SESSION,
        REFRESH_SESSION,
        UPLOAD_BLOB,
        CREATE_RECORD,
        GET_RECORD,
    ];
    methods.retain(|method| read(method, &answer, str::to_owned).is_ok());
    methods
}

/// Reads a session that `https://bsky.social` has granted; what is printed of the account's id, and the address of its
/// data.
#[must_use]
pub fn read_session(body: &[u8]) -> Option<(String, String)> {
    let asked = ServiceUrl::parse("https://bsky.social").ok()?;
    let session = Session::read(&serde_json::from_slice(body).ok()?, &asked).ok()?;
    let server = session.server.expose().to_string();
    Some((session.did.0, server))
}
