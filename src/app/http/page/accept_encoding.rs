//! `Accept-Encoding`, as far as it says whether gzip may be sent.

use poem::http::{HeaderMap, header};

/// Whether an answer may be compressed with gzip. Without the header it is sent as it is: a client that decompresses says so.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::ACCEPT_ENCODING).iter();
    let values = values.filter_map(|it| it.to_str().ok());
    let mut by_asterisk = false;
    for item in values.flat_map(|it| it.split(',')) {
        let (coding, parameters) = item.split_once(';').unwrap_or((item, ""));
        match coding.trim().to_ascii_lowercase().as_str() {
            // What names gzip holds, whatever the asterisk says.
            "gzip" | "x-gzip" => return is_wanted(parameters),
            "*" => by_asterisk = is_wanted(parameters),
            _ => {}
        }
    }
    by_asterisk
}

/// Whether a coding with these parameters has another weight than 0.
fn is_wanted(parameters: &str) -> bool {
    let weight = parameters.split(';').find_map(|it| {
        let (name, value) = it.split_once('=')?;
        let is_weight = name.trim().eq_ignore_ascii_case("q");
        is_weight.then_some(value.trim())
    });
    weight.is_none_or(|it| it.parse::<f32>().is_ok_and(|it| it > 0.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accepted(values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::ACCEPT_ENCODING, value.parse().unwrap());
        }
        accepts_gzip(&headers)
    }

    #[test]
    fn gzip_is_sent_to_those_who_accept_it() {
        for values in [
            &["gzip"][..],
            &["gzip, deflate, br, zstd"],
            &["br;q=1.0, GZIP ; q=0.1"],
            &["br", "gzip"],
            &["x-gzip"],
            &["*"],
            &["identity;q=0, *;q=0.5"],
            &["*;q=0, gzip"],
        ] {
            assert!(accepted(values), "{values:?}");
        }
    }

    #[test]
    fn what_is_not_asked_for_is_sent_as_it_is() {
        for values in [
            &[][..],
            &[""],
            &["identity"],
            &["br, zstd"],
            &["gzip;q=0"],
            &["gzip; q=0.000, *"],
            &["*, gzip;q=0"],
            &["*;q=0"],
            &["gzip;q=much"],
            &["gzipped"],
        ] {
            assert!(!accepted(values), "{values:?}");
        }
    }
}
