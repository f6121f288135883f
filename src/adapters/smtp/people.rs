//! The recipients of a confirmation. Used by this folder's adapter.

use lettre::Address;

use super::message::address;
use crate::domain::{email_address::EmailAddress, tenant_config::People};

/// The most recipients of one mail: every server takes as many (RFC 5321, section 4.5.3.1.8).
const MOST: usize = 100;

/// The tenant's people, or the sender where the tenant names none. What cannot be written to, and what is too much for
/// one mail, is left out, with a warning that names no one.
pub(super) fn recipients(people: &People, sender: &Address) -> Vec<Address> {
    let Some(people) = people.confirmed_to() else {
        return vec![sender.clone()];
    };
    let mut once: Vec<&EmailAddress> = Vec::new();
    let mut left_out = 0;
    for person in people {
        if once.len() == MOST {
            left_out += 1;
        } else if !once.iter().any(|it| it.is_same_mailbox(person)) {
            once.push(person);
        }
    }
    let addresses = once.iter().filter_map(|it| address(it.expose()));
    let addresses: Vec<_> = addresses.collect();
    left_out += once.len() - addresses.len();
    if left_out > 0 {
        tracing::warn!(
            upstream = "smtp",
            left_out,
            "the confirmation does not go to all whom the config names: an address cannot be written to, or \
             there are more than a hundred"
        );
    }
    addresses
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::adapters::sample_tenant::config;

    fn recipients_of(block: &serde_json::Value) -> Vec<String> {
        let config = config(&json!({ "auth": block }));
        let sender = address("me@mail.test").unwrap();
        let to = recipients(&config.settings().people, &sender);
        to.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_block_has_its_recipients() {
        let list = json!([
            "jane@example.org",
            "Joe <joe@bücher.example>",
            "JANE@example.org"
        ]);
        let sender = ["me@mail.test"];
        for (block, to) in [
            (json!(null), &sender[..]),
            (json!({"enabled": false, "allowed_emails": list}), &sender),
            (json!({"allowed_emails": list}), &sender),
            (
                json!({"enabled": true, "allowed_emails": list}),
                &["jane@example.org", "joe@xn--bcher-kva.example"],
            ),
            (json!({"enabled": true}), &[]),
            (json!({"enabled": "yes", "allowed_emails": list}), &[]),
            (
                json!({"enabled": true, "allowed_emails": "jane@example.org"}),
                &[],
            ),
            (json!("jane@example.org"), &[]),
        ] {
            assert_eq!(recipients_of(&block), to, "{block}");
        }
    }

    #[test]
    fn what_cannot_be_written_to_or_is_too_much_for_one_mail_is_left_out() {
        let odd = json!({"enabled": true, "allowed_emails": ["a@-", "b@example.org"]});
        assert_eq!(recipients_of(&odd), ["b@example.org"]);
        let many: Vec<_> = (0..150).map(|it| format!("p{it}@example.org")).collect();
        let to = recipients_of(&json!({"enabled": true, "allowed_emails": many}));
        assert_eq!(to, many[..MOST]);
    }
}
