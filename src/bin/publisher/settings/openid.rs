//! The operator's client at an identity provider, and who is let in by it, as the environment sets it.

use publisher::{
    adapters::{env::Environment, openid::OpenIdSettings},
    domain::{email_address::EmailAddress, identity::LoginRules, service_url::ServiceUrl},
};

use url::Url;

use super::source::Chosen;

/// Our name and that of the existing service, of which one is set.
type Names = (&'static str, &'static str);

/// The provider: its address, or its domain.
pub(super) const ISSUER: Names = ("OIDC_ISSUER_URL", "AUTH0_DOMAIN");
pub(super) const CLIENT_ID: Names = ("OIDC_CLIENT_ID", "AUTH0_CLIENT_ID");
pub(super) const CLIENT_SECRET: Names = ("OIDC_CLIENT_SECRET", "AUTH0_CLIENT_SECRET");
const ADMINS: &str = "ADMIN_LOGIN_EMAILS";
const REQUIRES_VERIFIED: &str = "OIDC_REQUIRE_VERIFIED_EMAIL";

/// The login of people with accounts of their own.
#[derive(Debug)]
pub(crate) struct AccountSettings {
    /// The client.
    pub(crate) client: OpenIdSettings,
    /// Who is let in.
    pub(crate) rules: LoginRules,
}

/// Reads all of it; `None` where there is none, and where something is bad, which the environment knows.
pub(super) fn read(
    environment: &mut Environment,
    chosen: Option<Chosen>,
) -> Option<AccountSettings> {
    let is_meant = [ISSUER, CLIENT_ID, CLIENT_SECRET]
        .into_iter()
        .any(|(name, other)| {
            [name, other]
                .iter()
                .any(|name| environment.is_set(name) || environment.is_set(&format!("{name}_FILE")))
        });
    let issuer = issuer(environment, is_meant);
    let client_id = client_id(environment, is_meant);
    let client_secret = one_of(environment, CLIENT_SECRET, is_meant, Environment::secret);
    let requires_verified_email = environment.boolean(REQUIRES_VERIFIED, true);
    let operators_list = admins(environment, chosen, is_meant);
    if !is_meant && environment.is_set(REQUIRES_VERIFIED) {
        environment.warn(
            REQUIRES_VERIFIED,
            format!("has no effect without {}", ISSUER.0),
        );
    }
    let (issuer, issuer_text) = issuer?;
    Some(AccountSettings {
        client: OpenIdSettings {
            issuer,
            issuer_text,
            client_id: client_id?,
            client_secret: client_secret?,
        },
        rules: LoginRules {
            operators_list,
            requires_verified_email,
        },
    })
}

/// The value of whichever of two names is set; both are one too many.
fn one_of<T>(
    environment: &mut Environment,
    (name, other): Names,
    is_required: bool,
    read: impl Fn(&mut Environment, &str) -> Option<T>,
) -> Option<T> {
    let problems_before = environment.problem_count();
    let values = [read(environment, name), read(environment, other)];
    if environment.problem_count() > problems_before {
        return None;
    }
    match values {
        [Some(_), Some(_)] => {
            let set = environment.set_name(name);
            environment.reject(
                set,
                format!(
                    "must not be set beside {}: they are two names of one",
                    environment.set_name(other)
                ),
            );
            None
        }
        [None, None] if is_required => {
            let rule = format!("is required for a login by OpenID Connect (or {other})");
            environment.reject(name, rule);
            None
        }
        [value, other] => value.or(other),
    }
}

/// The client's id, which stands in addresses and headers (RFC 6749, appendix A.1).
fn client_id(environment: &mut Environment, is_meant: bool) -> Option<String> {
    let id = one_of(environment, CLIENT_ID, is_meant, Environment::text)?;
    if id.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Some(id);
    }
    let (name, other) = CLIENT_ID;
    let name = if environment.is_set(name) {
        name
    } else {
        other
    };
    environment.reject(name, "must be visible ASCII");
    None
}

/// The issuer, and its text as the provider writes it: the standard compares it letter by letter.
fn issuer(environment: &mut Environment, is_meant: bool) -> Option<(ServiceUrl, String)> {
    let (url_name, domain_name) = ISSUER;
    let is_domain = environment.is_set(domain_name);
    let text = one_of(environment, ISSUER, is_meant, Environment::text)?;
    let (name, text) = if is_domain {
        // As people paste it.
        let domain = text.strip_prefix("https://").unwrap_or(&text);
        let domain = domain.trim_end_matches('/');
        if !is_domain_name(domain) {
            environment.reject(
                domain_name,
                "must be a domain name, such as example.eu.auth0.com",
            );
            return None;
        }
        (domain_name, format!("https://{domain}/"))
    } else {
        (url_name, text)
    };
    match ServiceUrl::parse(&text) {
        Ok(url) => Some((url, text)),
        Err(problem) => {
            environment.reject(name, problem.to_string());
            None
        }
    }
}

/// Whether it is the name of a host, and nothing else of an address.
fn is_domain_name(text: &str) -> bool {
    let url = Url::parse(&format!("https://{text}/"));
    url.is_ok_and(|url| url.domain().is_some_and(|it| it.eq_ignore_ascii_case(text)))
}

/// The admins of every tenant whose config does not say who its people are. For one tenant from the environment they are
/// its people, which its own settings read.
fn admins(
    environment: &mut Environment,
    chosen: Option<Chosen>,
    is_meant: bool,
) -> Vec<EmailAddress> {
    if chosen != Some(Chosen::Orchestrator) {
        let list = environment.text(ADMINS).unwrap_or_default();
        if is_meant && list.split(',').all(|it| it.trim().is_empty()) {
            let rule = "names nobody: nobody is let in by OpenID Connect";
            environment.warn(ADMINS, rule);
        }
        return Vec::new();
    }
    let Some(list) = environment.text(ADMINS) else {
        return Vec::new();
    };
    if !is_meant {
        let rule = format!(
            "has no effect with an orchestrator and without {}: confirmations go to those whom a tenant's config names",
            ISSUER.0
        );
        environment.warn_only(ADMINS, rule);
        return Vec::new();
    }
    let mut admins = Vec::new();
    let texts = list.split(',').map(str::trim).filter(|it| !it.is_empty());
    for (index, text) in texts.enumerate() {
        match EmailAddress::parse(text) {
            Some(address) => admins.push(address),
            None => environment.warn(
                format!("{ADMINS}[{index}]"),
                "must be one e-mail address; the entry is ignored",
            ),
        }
    }
    if !admins.is_empty() {
        let rule = "whoever is on it is an admin of every tenant whose config has no `auth`";
        environment.warn(environment.set_name(ADMINS), rule);
    }
    admins
}

#[cfg(test)]
mod tests;
