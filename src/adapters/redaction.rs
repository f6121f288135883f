//! The last redaction of a line of the log before it is written: what has the shape of a secret is
//! masked, whichever crate wrote it. Used by the binary's log, and by its fuzz target.
//!
//! This is defence in depth. Secrets live in types that cannot be printed
//! (docs/decisions/0006), so that nothing should ever be found here; a new version of a library,
//! or a new line of ours, may think otherwise.
//!
//! | masked | |
//! | --- | --- |
//! | `Bearer …`, `Basic …` | what follows, but for plain words |
//! | `password=…`, `"api_key": "…"` | the value of each name that ends in one of [`NAMES`] |
//! | `sk-…`, `sl.…` | keys of OpenAI's, access tokens of Dropbox's |
//! | `bot123:…`, `123456789:…` | Telegram's bot tokens |
//! | `https://user:…@host/path?…` | user and query of a URL |
//!
//! However often the text was escaped on its way (JSON, `Debug`, URL encoding), it is read as what
//! it says. A line that is a JSON object stays one: no mask reaches over the end of a string. The
//! time is linear in the length of the line.
//!
//! | file | holds |
//! | --- | --- |
//! | `prefilter.rs` | whether a line has to be scanned at all |
//! | `units.rs` | reading a line through its escapes |
//! | `scan.rs` | going over it once |
//! | `values.rs` | what stands after a name or a scheme |

mod prefilter;
mod scan;
mod units;
mod values;

use std::borrow::Cow;

use self::{
    prefilter::may_contain_secret,
    scan::{Mask, Scan},
};

/// The ends of names, in lower case and with `_` for `-`, whose values are secret.
const NAMES: [&[u8]; 14] = [
    b"api_key",
    b"apikey",
    b"auth_pass",
    b"authorization",
    b"cookie",
    b"credentials_ref",
    b"passphrase",
    b"passwd",
    b"password",
    b"password_ref",
    b"pv2_admin",
    b"pv2_device",
    b"secret",
    b"token",
];

/// The line with a mask over each secret; borrowed where there is none.
#[must_use]
pub fn redact(line: &[u8]) -> Cow<'_, [u8]> {
    if !may_contain_secret(line) {
        return Cow::Borrowed(line);
    }
    let units = units::read(line);
    let masks = Scan::new(&units, line.trim_ascii_start().starts_with(b"{")).run();
    if masks.is_empty() {
        return Cow::Borrowed(line);
    }
    Cow::Owned(masked(line, masks))
}

fn masked(line: &[u8], mut masks: Vec<Mask>) -> Vec<u8> {
    masks.sort_by_key(|mask| mask.range.start);
    let mut written = Vec::with_capacity(line.len());
    let mut at = 0;
    for Mask { range, with } in masks {
        // One that begins within another continues it.
        if range.start >= at {
            written.extend_from_slice(line.get(at..range.start).unwrap_or_default());
            written.extend_from_slice(with);
        }
        at = at.max(range.end);
    }
    written.extend_from_slice(line.get(at..).unwrap_or_default());
    written
}

#[cfg(test)]
mod tests;
