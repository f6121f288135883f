//! Secrets that are kept in files, as orchestrating platforms mount them.

use std::{fs, io, path::Path};

use super::env::dot_env::DotEnv;
use crate::domain::secret::Secret;

/// The content of a file without what cannot be seen around it: line breaks, blanks, the mark that
/// some editors put at the head of a file. `None` when nothing is left.
///
/// A file that has the secret as an entry, `NAME=value`, was copied from one of settings: then it is
/// the value.
///
/// # Errors
/// It cannot be read, or is not UTF-8.
pub(super) fn read(path: &Path, name: &str) -> io::Result<Option<Secret>> {
    let whole = Secret::pasted(fs::read_to_string(path)?);
    Ok(whole.and_then(|whole| {
        if !whole.expose().contains(name) {
            return Some(whole);
        }
        let entries = DotEnv::parse(whole.expose()).entries;
        let entry = entries.into_iter().rfind(|entry| entry.name == name);
        match entry {
            Some(entry) => Secret::pasted(entry.value),
            None => Some(whole),
        }
    }))
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    fn content(content: &str) -> Option<String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content.as_bytes()).unwrap();
        let secret = read(file.path(), "BOT_TOKEN").unwrap();
        secret.map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn a_file_is_the_secret_or_an_entry_of_its_name() {
        for (text, secret) in [
            ("123:abc\n", Some("123:abc")),
            ("BOT_TOKEN=123:abc\n", Some("123:abc")),
            ("export BOT_TOKEN=\"123:abc\"\r\n", Some("123:abc")),
            (
                "# settings\nOTHER=1\nBOT_TOKEN = '123:abc'\n",
                Some("123:abc"),
            ),
            ("OTHER=123:abc", Some("OTHER=123:abc")),
            ("my BOT_TOKEN=x", Some("my BOT_TOKEN=x")),
            ("BOT_TOKEN", Some("BOT_TOKEN")),
            ("BOT_TOKEN=", None),
            (" \n", None),
        ] {
            assert_eq!(content(text).as_deref(), secret, "{text:?}");
        }
    }
}
