//! The page on which people choose an account. Used by the issuer.

use bytes::Bytes;
use url::form_urlencoded::byte_serialize;

use super::IssuerAccount;
use crate::reply::Reply;

/// A link for each account, and one that denies, to the same address with the choice.
pub(super) fn accounts(accounts: &[IssuerAccount], path_and_query: &str) -> Reply {
    let target = escape(path_and_query);
    let link = |value: &str, text: &str| {
        let value: String = byte_serialize(value.as_bytes()).collect();
        format!(
            "<li><a href=\"{target}&amp;account={value}\">{}</a></li>\n",
            escape(text)
        )
    };
    let links: String = accounts
        .iter()
        .map(|account| {
            let email = account.email.as_deref().unwrap_or("no e-mail address");
            let is_verified = account.email_verified == Some(true) || account.email.is_none();
            let note = if is_verified { "" } else { ", not verified" };
            link(&account.name, &format!("{} ({email}{note})", account.name))
        })
        .collect();
    let deny = link("", "Deny");
    let page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>Sandbox accounts</title>\n</head>\n<body>\n\
         <h1>Log in as</h1>\n<ul>\n{links}{deny}</ul>\n</body>\n</html>\n"
    );
    Reply::new(200, "text/html; charset=utf-8", Bytes::from(page))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
