//! What may be uploaded: names of files, and the formats that they may have under a name.

use unicode_normalization::UnicodeNormalization as _;

use super::image::{ImageFormat, ImageName, InvalidImageName};

/// The longest side of an image that is taken, in pixels.
pub const MAX_SIDE: u32 = 12_000;

/// Why a file is not taken under its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUploadName {
    /// It has no ending of a format that is taken. As `.txt`, it could be taken for a sidecar.
    #[error("must end in .jpg, .jpeg, .png or .webp")]
    Ending,
    /// It breaks another rule.
    #[error(transparent)]
    Rule(#[from] InvalidImageName),
}

/// The name that a file is stored under: the last component of what the client calls it, by either kind of slash, in
/// Unicode's form NFC. A name that would be hidden, or shown otherwise than it is, is refused and not mended: a mended
/// one could be that of another image.
///
/// # Errors
/// [`InvalidUploadName`].
pub fn name_of_upload(file_name: &str) -> Result<ImageName, InvalidUploadName> {
    let last = file_name.rsplit(['/', '\\']).next().unwrap_or_default();
    let name: String = last.nfc().collect();
    if ImageFormat::of_ending(&name).is_none() {
        return Err(InvalidUploadName::Ending);
    }
    if name.starts_with('.') {
        return Err(InvalidImageName("must not begin with a dot").into());
    }
    if name.chars().any(changes_direction_or_line) {
        let rule = "must not hold characters that change the direction of text, or its line";
        return Err(InvalidImageName(rule).into());
    }
    Ok(ImageName::new(&name)?)
}

/// Whether a character is one of Unicode's explicit directional marks, embeddings, overrides and isolates (UAX #9,
/// section 2), or separates lines. With those, `gpj.exe` can be shown as `exe.jpg`.
const fn changes_direction_or_line(character: char) -> bool {
    matches!(
        character,
        '\u{61C}'
            | '\u{200E}'
            | '\u{200F}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{202A}'..='\u{202E}'
            | '\u{2066}'..='\u{2069}'
    )
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn name(file_name: &str) -> Result<String, InvalidUploadName> {
        name_of_upload(file_name).map(|name| name.as_str().to_owned())
    }

    #[test]
    fn a_name_is_the_last_component_in_one_form() {
        for (file_name, expected) in [
            ("a.jpg", "a.jpg"),
            ("A b.JPEG", "A b.JPEG"),
            ("../../etc/a.png", "a.png"),
            (r"C:\fakepath\a.webp", "a.webp"),
            (r"mixed/of\both/a.jpg", "a.jpg"),
            ("cafe\u{301}.jpg", "caf\u{e9}.jpg"),
            ("夜.webp", "夜.webp"),
            ("a.png.jpg", "a.png.jpg"),
            ("👩\u{200D}🚀.jpg", "👩\u{200D}🚀.jpg"),
        ] {
            assert_eq!(name(file_name).as_deref(), Ok(expected), "{file_name:?}");
        }
    }

    #[test]
    fn a_name_without_an_ending_of_an_image_has_no_format() {
        for file_name in [
            "",
            "a",
            "a.txt",
            "a.gif",
            "a.jpg/",
            "a.jpg.txt",
            ".jpg",
            "jpg",
        ] {
            assert_eq!(
                name(file_name),
                Err(InvalidUploadName::Ending),
                "{file_name:?}"
            );
        }
    }

    #[test]
    fn a_name_that_hides_or_misleads_is_refused() {
        let long = format!("{}.jpg", "é".repeat(126));
        for file_name in [
            ".hidden.jpg",
            "a/.hidden.jpg",
            "a\n.jpg",
            "a\0.jpg",
            "a\u{7f}.jpg",
            "a\u{85}.jpg",
            "a\u{2028}.jpg",
            "photo\u{202E}gpj.jpg",
            "a\u{200E}.jpg",
            "a\u{2066}.jpg",
            "a\u{61C}.jpg",
            &long,
        ] {
            let refused = name(file_name);
            assert!(
                matches!(refused, Err(InvalidUploadName::Rule(_))),
                "{file_name:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn every_name_that_is_taken_keeps_all_rules(file_name in "(?s).{0,40}(\\.jpg|\\.PNG|\\.webp|)") {
            if let Ok(name) = name(&file_name) {
                prop_assert!(!name.starts_with('.'));
                prop_assert!(!name.contains(['/', '\\']));
                prop_assert!(!name.chars().any(|it| it.is_control() || changes_direction_or_line(it)));
                let again = name_of_upload(&name).unwrap();
                prop_assert_eq!(again.as_str(), &name, "it is its own name");
            }
        }
    }
}
