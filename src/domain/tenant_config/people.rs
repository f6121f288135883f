//! The block `auth`: which people may log in for a tenant, and get the confirmations of its mail.

use std::collections::HashSet;

use serde_json::{Value, json};

use crate::domain::{
    config_block::{Block, FieldProblem},
    email_address::EmailAddress,
};

type Problems = Vec<FieldProblem>;

const EMAILS: &str = "allowed_emails";

/// The people of a tenant, as its block `auth` names them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum People {
    /// There is no block.
    #[default]
    Unset,
    /// The block is off.
    Off,
    /// These, each once; nobody where there is none, and where the block is bad.
    Listed(Vec<EmailAddress>),
}

impl People {
    /// The recipients of a confirmation; `None` is the sender of the mail.
    #[must_use]
    pub fn confirmed_to(&self) -> Option<&[EmailAddress]> {
        match self {
            Self::Unset | Self::Off => None,
            Self::Listed(people) => Some(people),
        }
    }

    /// The block that says the same.
    pub(super) fn block(&self) -> Option<Value> {
        match self {
            Self::Unset => None,
            Self::Off => Some(json!({ "enabled": false })),
            Self::Listed(people) => {
                let people = people.iter().map(EmailAddress::expose);
                let people: Vec<_> = people.collect();
                Some(json!({ "enabled": true, EMAILS: people }))
            }
        }
    }
}

/// Reads the field `auth` of the document. There is one client of OpenID Connect for all tenants, so that
/// `provider`, `domain`, `client_id` and `audience` are not looked at. A wrong type leaves nobody.
pub(super) fn read(root: &Block<'_>, warnings: &mut Problems) -> People {
    if root.field("auth").is_none() {
        return People::Unset;
    }
    let mut block = root.child("auth");
    let is_on = block.bool("enabled", false);
    let mut ignored = Vec::new();
    let people = people(&mut block, &mut ignored);
    match block.finish(people) {
        Ok(people) => {
            warnings.append(&mut ignored);
            if !is_on {
                return People::Off;
            }
            if people.is_empty() {
                let rule = "names nobody: nobody can log in by it, and no confirmation is sent";
                warnings.push(FieldProblem::advice(format!("auth.{EMAILS}"), rule));
            }
            People::Listed(people)
        }
        Err(problems) => {
            warnings.extend(problems);
            People::Listed(Vec::new())
        }
    }
}

/// The addresses, each once, in any case of ASCII letters. What is text and no address is nobody's, and ignored.
fn people(block: &mut Block<'_>, ignored: &mut Problems) -> Vec<EmailAddress> {
    const RULE: &str = "must be an array of e-mail addresses";
    let texts = match block.field(EMAILS) {
        None => return Vec::new(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => items,
        Some(_) => {
            block.reject(EMAILS, RULE);
            return Vec::new();
        }
    };
    let mut people: Vec<EmailAddress> = Vec::new();
    let mut known = HashSet::new();
    for (index, text) in texts.iter().filter_map(Value::as_str).enumerate() {
        match EmailAddress::parse(text) {
            None => {
                let path = block.path_of(&format!("{EMAILS}[{index}]"));
                let rule = "must be one e-mail address; the entry is ignored";
                ignored.push(FieldProblem::new(path, rule));
            }
            Some(address) => {
                if known.insert(address.expose().to_ascii_lowercase()) {
                    people.push(address);
                }
            }
        }
    }
    people
}
