//! The fields of a config that are e-mail addresses.

use crate::domain::{config_block::Block, email_address::plain_address};

/// The address in a field, which must be there.
pub(super) fn address(block: &mut Block<'_>, key: &str) -> Option<String> {
    let address = plain_address(block.required_text(key)?);
    if address.is_none() {
        block.reject(key, "must be one e-mail address");
    }
    address.map(str::to_owned)
}
