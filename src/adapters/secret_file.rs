//! Secrets that are kept in files, as orchestrating platforms mount them.

use std::{fs, io, path::Path};

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
    let Some(whole) = Secret::pasted(fs::read_to_string(path)?) else {
        return Ok(None);
    };
    Ok(match value_of(whole.expose(), name) {
        Some(value) => Secret::pasted(value.to_owned()),
        None => Some(whole),
    })
}

/// The value of the last entry of this name, without quotes around it.
fn value_of<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let entry = |line: &'a str| {
        let line = line.trim_start();
        let behind = line.strip_prefix("export ").unwrap_or(line);
        let behind = behind.trim_start().strip_prefix(name)?;
        Some(behind.trim_start().strip_prefix('=')?.trim())
    };
    let value = text.lines().filter_map(entry).next_back()?;
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Some(unquoted.unwrap_or(value))
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
