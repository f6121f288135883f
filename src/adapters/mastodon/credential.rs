//! The account that a tenant's images are posted by. Used by this folder's adapter.
//!
//! The address of the instance is part of the credential: an access token is good at one instance only, and which one
//! a tenant uses is the tenant's secret.

use crate::domain::{
    credential::provider_credential,
    secret::{Secret, SecretProblem},
    service_url::ServiceUrl,
};

provider_credential! {
    /// What Mastodon is published to with.
    pub struct MastodonCredential of "mastodon" {
        /// The address of the instance: never shown.
        instance_url: "MASTODON_INSTANCE_URL" (instance_url, instance_url_problem),
        /// The token of the account.
        access_token: "MASTODON_ACCESS_TOKEN" (access_token, access_token_problem),
    }
}

/// The origin of an address that was copied from a browser, or of a bare name of a host.
fn instance_url(text: &str) -> Option<Secret> {
    let is_name = |text: &str| {
        let is_part = |it: char| it.is_alphanumeric() || matches!(it, '.' | '-');
        text.contains('.') && text.trim_end_matches('/').chars().all(is_part)
    };
    let url = match text.contains("://") {
        true => ServiceUrl::parse(text),
        false if is_name(text) => ServiceUrl::parse(&format!("https://{text}")),
        false => return None,
    };
    let origin = url.ok()?.expose().origin().ascii_serialization();
    Some(Secret::new(origin))
}

fn instance_url_problem(text: &str) -> Option<SecretProblem> {
    let problem = ServiceUrl::parse(text).err()?;
    Some(SecretProblem::Unusable(problem.0))
}

/// The token behind the scheme of a header.
fn access_token(text: &str) -> Option<Secret> {
    let (scheme, token) = text.split_once(char::is_whitespace)?;
    let token = token.trim();
    let is_certain = scheme.trim_end_matches(':').eq_ignore_ascii_case("bearer")
        && access_token_problem(token).is_none()
        && !token.is_empty();
    is_certain.then(|| Secret::new(token.to_owned()))
}

/// What a header cannot carry, or no token has.
fn access_token_problem(text: &str) -> Option<SecretProblem> {
    (!text.bytes().all(|byte| byte.is_ascii_graphic())).then_some(SecretProblem::Unusable(
        "must have no blanks and no letters beyond ASCII: copy the access token again",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::credential::ProviderCredential as _;

    fn problem(field: &str, text: &str) -> Option<SecretProblem> {
        let fields = MastodonCredential::PROVIDER.fields();
        let field = fields.iter().find(|it| it.name == field).unwrap();
        let secret = field.tidied(Secret::new(text.to_owned()));
        (field.check)(secret.expose())
    }

    #[test]
    fn an_address_is_taken_as_it_is_copied() {
        for (pasted, address) in [
            ("https://mastodon.example", "https://mastodon.example"),
            ("https://mastodon.example/", "https://mastodon.example"),
            (
                "https://mastodon.example/@alice",
                "https://mastodon.example",
            ),
            ("mastodon.example", "https://mastodon.example"),
            ("mastodon.example/", "https://mastodon.example"),
            (
                "HTTPS://Mastodon.Example:8443/home",
                "https://mastodon.example:8443",
            ),
            ("http://127.0.0.1:3000/", "http://127.0.0.1:3000"),
            ("http://[::1]:3000", "http://[::1]:3000"),
        ] {
            assert_eq!(instance_url(pasted).unwrap().expose(), address, "{pasted}");
            assert_eq!(problem("instance_url", pasted), None, "{pasted}");
        }
    }

    #[test]
    fn an_address_that_leads_elsewhere_is_refused() {
        for pasted in [
            "http://mastodon.example",
            "ftp://mastodon.example",
            "file:///etc/passwd",
            "https://user:secret@mastodon.example",
            "https://mastodon.example?x=1",
            "https://mastodon.example#x",
            "https://",
            "@alice@mastodon.example",
            "mastodon example",
            "localhost",
        ] {
            let found = problem("instance_url", pasted);
            assert!(
                matches!(found, Some(SecretProblem::Unusable(_))),
                "{pasted}"
            );
        }
    }

    #[test]
    fn a_token_is_taken_from_behind_its_scheme() {
        assert_eq!(access_token("Bearer: abc-_1").unwrap().expose(), "abc-_1");
        for good in ["abc-_1", "bearer abc-_1"] {
            assert_eq!(problem("access_token", good), None);
        }
        for bad in ["a b", "a\u{7}b", "tokén", "Bearer a b"] {
            assert!(problem("access_token", bad).is_some(), "{bad}");
        }
    }
}
