//! The people of the standalone tenant.

use serde_json::{Value, json};

use super::publishers::{PUBLISHERS, Publishers};
use crate::adapters::env::Environment;

pub(super) const ADMIN_LOGIN_EMAILS: &str = "ADMIN_LOGIN_EMAILS";
/// The names of an identity provider, by which its accounts log in.
const PROVIDERS: [&str; 2] = ["OIDC_ISSUER_URL", "AUTH0_DOMAIN"];

/// Their e-mail addresses, separated by commas, as the block `auth`; `None` where none is set.
pub(super) fn block(environment: &mut Environment, publishers: &Publishers) -> Option<Value> {
    let list = environment.text(ADMIN_LOGIN_EMAILS)?;
    let people = list.split(',').map(str::trim).filter(|it| !it.is_empty());
    let people: Vec<&str> = people.collect();
    if people.is_empty() {
        return None;
    }
    warn_if_of_no_use(environment, publishers);
    Some(json!({ "enabled": true, "allowed_emails": people }))
}

fn warn_if_of_no_use(environment: &mut Environment, publishers: &Publishers) {
    if PROVIDERS.iter().any(|name| environment.is_set(name)) {
        return;
    }
    let confirms = publishers.specs().find(|spec| {
        let block = spec.block.iter();
        block
            .flat_map(|it| it.settings)
            .any(|it| *it == ADMIN_LOGIN_EMAILS)
    });
    if let Some(spec) = confirms.filter(|spec| publishers.is_known && !publishers.has(spec)) {
        let rule = format!(
            "has no effect: {PUBLISHERS} has no {} entry, and there is no login by OpenID Connect",
            spec.platform
        );
        environment.warn(ADMIN_LOGIN_EMAILS, rule);
    }
}

/// Where a field of the block is in the variable: `[1]` for `.allowed_emails[1]`.
pub(super) fn place(field: &str) -> String {
    field.replace(".allowed_emails", "")
}
