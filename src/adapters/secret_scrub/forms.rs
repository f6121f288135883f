//! The forms in which an upstream may repeat a secret. What a text escapes (URL encoding, JSON, HTML,
//! quoted-printable) is undone in the text; here are the forms that are not undone, because any text
//! could be one of them.

use base64::{
    Engine as _,
    engine::{
        GeneralPurpose,
        general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
    },
};

use super::view::folded;

/// A shorter encoded form reveals nothing about a secret, and occurs in any text.
const SHORTEST_ENCODED: usize = 3;

/// One form, as it is compared.
pub(super) struct Form {
    /// Without letter case and blanks.
    pub(super) text: Vec<char>,
    /// The first bits of the secret are in the character before.
    pub(super) begins_within: bool,
    /// The last bits are in the character behind.
    pub(super) ends_within: bool,
}

impl Form {
    pub(super) fn plain(text: &str) -> Self {
        Self {
            text: folded(text),
            begins_within: false,
            ends_within: false,
        }
    }
}

/// The forms of a secret in its own characters.
pub(super) fn plain(secret: &str) -> Vec<Form> {
    // Some letters have no capital of their own, and come back as two others; and web forms write a blank as a plus.
    let texts = [
        secret.to_owned(),
        secret.to_uppercase(),
        secret.replace(' ', "+"),
    ];
    texts.iter().map(|text| Form::plain(text)).collect()
}

/// The forms of a secret in other characters.
pub(super) fn encoded(secret: &str) -> Vec<Form> {
    let mut forms = Vec::new();
    let unspaced = secret.split_whitespace().collect();
    let mut variants = vec![
        secret.to_owned(),
        secret.to_lowercase(),
        secret.to_uppercase(),
        unspaced,
    ];
    variants.sort_unstable();
    variants.dedup();
    for variant in &variants {
        let bytes = variant.as_bytes();
        let mut encoded = vec![Form::plain(&hex(bytes))];
        for alphabet in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            encoded.extend((0..3).map(|before| base64(&alphabet, bytes, before)));
        }
        forms.extend(
            encoded
                .into_iter()
                .filter(|form| form.text.len() >= SHORTEST_ENCODED),
        );
    }
    forms
}

pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |number| char::from_digit(u32::from(number), 16);
    let digits = |byte: &u8| [digit(byte >> 4), digit(byte & 15)];
    bytes.iter().flat_map(digits).flatten().collect()
}

/// The characters that hold nothing but these bytes, where so many stand before them in their group of
/// three.
fn base64(alphabet: &GeneralPurpose, bytes: &[u8], before: usize) -> Form {
    let mut whole = vec![0; before];
    whole.extend_from_slice(bytes);
    let encoded = alphabet.encode(&whole);
    let (first_bit, end_bit) = (8 * before, 8 * whole.len());
    let (first, end) = (first_bit.div_ceil(6), end_bit / 6);
    Form {
        text: folded(encoded.get(first..end).unwrap_or_default()),
        begins_within: first_bit % 6 != 0,
        ends_within: end_bit % 6 != 0,
    }
}
