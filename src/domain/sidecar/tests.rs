//! What is a sidecar, whose it is, and how it is written.

use super::*;
use crate::domain::{
    content_hash::{ContentHash, ContentHashKind, hex},
    image::{ImageName, StoredImage},
};
use proptest::prelude::*;

#[test]
fn a_sidecar_has_the_caption_first_and_then_its_keys() {
    let mut sidecar = Sidecar::default();
    sidecar.set_caption("a knot,\nclose up");
    sidecar.set("image_file", "a.jpg");
    sidecar.set_list("tags", &["rope".to_owned(), "\"knot\"".to_owned()]);
    sidecar.set("artist_alias", "");
    let expected =
        "a knot, close up\n\n# ---\n# image_file: a.jpg\n# tags: [\"rope\",\"\\\"knot\\\"\"]\n";
    assert_eq!(sidecar.render(), expected);
}

#[test]
fn foreign_keys_survive_an_update() {
    let mut sidecar =
        Sidecar::parse(b"old\r\n\r\n# ---\r\n# rating: 5: good\r\n# caption: x\r\n#junk").unwrap();
    sidecar.set("caption", "y");
    assert_eq!(
        sidecar.render(),
        "old\n\n# ---\n# rating: 5: good\n# caption: y\n#junk\n"
    );
}

#[test]
fn what_a_person_has_added_survives_an_update() {
    let text = "sd\n\n# ---\n# image_file: a.jpg\nUncle Bob,  left\n# by hand\n# empty:\n# ---\n  # odd\n\
                # spaced: a   b\n# marked: !json [1,  2]\n# none: !json \"\"\n\u{feff}last\n";
    let mut sidecar = Sidecar::recognize(text.as_bytes()).unwrap();
    assert_eq!(sidecar.caption(), "sd");
    sidecar.set("caption", "y");
    let expected = "sd\n\n# ---\n# image_file: a.jpg\n# spaced: a   b\n# marked: !json [1,  2]\n\
                    # caption: y\nUncle Bob,  left\n# by hand\n# empty:\n# ---\n  # odd\n\
                    # none: !json \"\"\n\u{feff}last\n";
    assert_eq!(sidecar.render(), expected);
    assert_eq!(Sidecar::recognize(expected.as_bytes()), Some(sidecar));
}

#[test]
fn the_first_line_is_a_caption_and_a_stable_diffusion_one_where_the_file_says_so() {
    let captions = |text: &str| {
        let sidecar = Sidecar::parse(text.as_bytes()).unwrap();
        let owned = |caption: Option<&str>| caption.map(str::to_owned);
        (owned(sidecar.known_caption()), owned(sidecar.sd_caption()))
    };
    let some = |caption: &str| Some(caption.to_owned());
    assert_eq!(captions("first\n"), (some("first"), None));
    assert_eq!(
        captions("first\n\n# caption: second\n# sd_caption_version: 1\n"),
        (some("second"), some("first"))
    );
    assert_eq!(captions("# sd_caption_version: 1\n"), (None, None));
}

#[test]
fn a_hash_counts_for_the_revision_that_it_is_of_and_if_it_is_one() {
    let hash = &*hex(&[0xab; 32]);
    for (rev, known, asked, expected) in [
        ("7", hash, "7", Some(hash)),
        ("7", hash, "8", None),
        ("7", "unknown", "7", None),
        ("", hash, "", None),
    ] {
        let text = format!("# dropbox_rev: {rev}\n# sha256: {known}\n");
        let sidecar = Sidecar::parse(text.as_bytes()).unwrap();
        assert_eq!(sidecar.sha256_of(asked), expected);
    }
}

const HASHES: ContentHashKind = ContentHashKind::SAMPLE;
fn image(name: &str) -> StoredImage {
    StoredImage {
        name: ImageName::new(name).unwrap(),
        file_id: "id:1".to_owned(),
        revision: "7".to_owned(),
        content_hash: ContentHash::of(b""),
        // Of several blocks: no content hash follows from its SHA-256.
        size: 5 * 1024 * 1024,
        last_modified: None,
    }
}

#[test]
fn only_what_has_the_fence_and_names_an_image_behind_it_is_ours() {
    for ours in [
        "\n\n# ---\n# image_file: a.jpg\n",
        "sd words\r\n\r\n# ---\r\n# image_file: a.jpg\r\n# caption: x\r\n",
        "\u{feff}sd words\n\n# ---\n# sha256: 0\n#image_file:a.jpg",
        "first\n\n# ---\n# dropbox_rev: 1\n# image_file: a.jpg\n# rating: 5",
        "\u{feff}# ---\n# image_file: a.jpg",
        "sd\n\n# ---\n# image_file: a.jpg\n# caption: x # --- y",
        "sd\n\n# ---\n# image_file: a.jpg\nadded by a person",
    ] {
        assert!(Sidecar::recognize(ours.as_bytes()).is_some(), "{ours:?}");
    }
    for foreign in [
        "",
        "A caption for training",
        "1girl, rope, knot\n",
        "Notes\n\n# ---\nand more notes",
        "# image_file: a.jpg\n# caption: of another tool",
        "# image_file: a.jpg\n# ---\n# rating: 5",
        "# ---\nimage_file: a.jpg",
        "# Heading\n# ----\n# image_file: a.jpg",
        "#---\n# image_file: a.jpg",
        "How a sidecar looks:\n\nfirst the caption,\n\n# ---\n# image_file: a.jpg",
        "# Heading\n# ---\n# image_file: a.jpg",
        "sd\n# sha256: 1\n# ---\n# image_file: a.jpg",
        "sd\n\n# ---\n# image_file:",
        "sd\r\r# ---\r# image_file: a.jpg\r",
    ] {
        assert_eq!(Sidecar::recognize(foreign.as_bytes()), None, "{foreign:?}");
    }
    let ours = b"\n\n# ---\n# image_file: a.jpg\n";
    let latin_1 = [&ours[..], b"# note: caf\xe9"].concat();
    let utf_16: Vec<u8> = "# ---\n# image_file: a.jpg"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let long = [&ours[..], &vec![b'x'; MAX_SIDECAR_BYTES]].concat();
    for bytes in [latin_1, utf_16, long] {
        assert_eq!(Sidecar::recognize(&bytes), None);
    }
}

#[test]
fn a_sidecar_is_believed_for_the_image_and_the_content_that_it_is_of() {
    use Belonging::{Fits, OtherImage, Outdated};
    let hash = |digit: &str| digit.repeat(64);
    let (one, two) = (hash("1"), hash("2"));
    for (keys, sha256, expected) in [
        ("image_file: a.jpg", None, Fits),
        ("image_file: A.JPG", None, Fits),
        ("image_file: a.png", None, OtherImage),
        (
            "image_file: a.png\n# dropbox_file_id: id:2",
            None,
            OtherImage,
        ),
        // Renamed, by its id.
        (
            "image_file: before.jpg\n# dropbox_file_id: id:1",
            None,
            Fits,
        ),
        ("image_file: a.jpg\n# dropbox_file_id: id:2", None, Outdated),
        ("image_file: a.jpg\n# sha256: unknown", None, Fits),
        ("image_file: a.jpg\n# dropbox_rev: 7", None, Fits),
        ("image_file: a.jpg\n# dropbox_rev: 6", None, Outdated),
        // Uploaded again: another file, and the same picture.
        (
            &format!(
                "image_file: a.jpg\n# dropbox_file_id: id:2\n# dropbox_rev: 6\n# sha256: {one}"
            ),
            Some(&one),
            Fits,
        ),
        (
            &format!("image_file: a.jpg\n# dropbox_rev: 7\n# sha256: {two}"),
            Some(&one),
            Outdated,
        ),
        (
            &format!("image_file: a.jpg\n# dropbox_rev: 7\n# sha256: {two}"),
            None,
            Fits,
        ),
        (
            &format!("image_file: a.jpg\n# dropbox_rev: 6\n# sha256: {two}"),
            None,
            Outdated,
        ),
        (
            &format!("image_file: a.jpg\n# sha256: {two}"),
            None,
            Outdated,
        ),
        (
            &format!("image_file: a.jpg\n# sha256: {}", one.to_uppercase()),
            Some(&one),
            Fits,
        ),
    ] {
        let text = format!("\n\n# ---\n# {keys}\n");
        let sidecar = Sidecar::recognize(text.as_bytes()).unwrap();
        let belongs = sidecar.belonging_to(&image("a.jpg"), HASHES, sha256.map(String::as_str));
        assert_eq!(belongs, expected, "{keys} {sha256:?}");
    }
}

#[test]
fn a_sha256_is_compared_with_the_content_hash_where_that_can_be_told_from_it() {
    let bytes = [7; 100];
    let image = StoredImage {
        content_hash: ContentHash::of(&bytes),
        size: 100,
        ..image("a.jpg")
    };
    let of = |hash: &str, rev: &str| {
        let text = format!("# ---\n# image_file: a.jpg\n# sha256: {hash}\n# dropbox_rev: {rev}\n");
        let sidecar = Sidecar::recognize(text.as_bytes()).unwrap();
        sidecar.belonging_to(&image, HASHES, None)
    };
    let encoded = hex(&<sha2::Sha256 as sha2::Digest>::digest(bytes));
    // It was moved to and fro: another revision, and the same picture.
    assert_eq!(of(&encoded, "6"), Belonging::Fits);
    assert_eq!(of(&"1".repeat(64), "7"), Belonging::Outdated);
}

#[test]
fn a_name_is_the_same_in_any_letter_case_and_normalization() {
    for (named, name) in [
        ("IMG_1.jpg", "img_1.JPG"),
        ("caf\u{e9}.jpg", "CAFE\u{301}.jpg"),
        ("\u{130}.jpg", "i\u{307}.jpg"),
    ] {
        let text = format!("# ---\n# image_file: {named}\n");
        let sidecar = Sidecar::recognize(text.as_bytes()).unwrap();
        let belonging = sidecar.belonging_to(&image(name), HASHES, None);
        assert_eq!(belonging, Belonging::Fits, "{name}");
    }
    let sidecar = Sidecar::recognize(b"# ---\n# image_file: a.jpg\n").unwrap();
    for other in ["a.jpg.jpg", "a.jpeg", "\u{e1}.jpg"] {
        let belonging = sidecar.belonging_to(&image(other), HASHES, None);
        assert_eq!(belonging, Belonging::OtherImage, "{other}");
    }
}

#[test]
fn a_sidecar_has_two_names_and_none_that_is_too_long() {
    let names = |image: &str| SidecarName::ALL.map(|name| name.beside(image));
    let some = |name: &str| Some(name.to_owned());
    assert_eq!(
        names("IMG_1.jpg"),
        [some("IMG_1.jpg.txt"), some("IMG_1.txt")]
    );
    assert_eq!(names("a.b.webp"), [some("a.b.webp.txt"), some("a.b.txt")]);
    assert_eq!(
        names("a.txt.jpg"),
        [some("a.txt.jpg.txt"), some("a.txt.txt")]
    );
    let long = format!("{}.jpg", "x".repeat(251));
    assert_eq!(
        names(&long),
        [None, Some(format!("{}.txt", "x".repeat(251)))]
    );
}

#[test]
fn values_of_several_lines_are_written_as_json() {
    let mut sidecar = Sidecar::default();
    sidecar.set("image_file", "a.jpg");
    sidecar.set_lines("caption", "one\r\n\ttwo\n\n# ---\n");
    sidecar.set("note", "!json \"x\"");
    let text = sidecar.render();
    assert!(
        text.contains("# caption: !json \"one\\ntwo\\n\\n# ---\"\n"),
        "{text}"
    );
    let read = Sidecar::recognize(text.as_bytes()).unwrap();
    assert_eq!(read.get("caption"), Some("one\ntwo\n\n# ---"));
    assert_eq!(read.get("note"), Some("!json \"x\""));
    let odd = Sidecar::parse(b"# a: !json {\n# b: !json 7").unwrap();
    assert_eq!(
        (odd.get("a"), odd.get("b")),
        (Some("!json {"), Some("!json 7"))
    );
}

#[test]
fn an_analysis_is_added_to_what_is_there() {
    let mut sidecar = Sidecar::parse(b"# ---\n# mood: by me\n# nsfw: true\n").unwrap();
    let mut analysis = Analysis::default();
    (analysis.mood, analysis.description) = ("calm".to_owned(), "A knot.".to_owned());
    sidecar.add_analysis(&analysis);
    let expected = "\n\n# ---\n# mood: by me\n# nsfw: true\n# description: A knot.\n";
    assert_eq!(sidecar.render(), expected);
}

#[test]
fn what_is_known_is_read_leniently() {
    let read = |text: &str| Sidecar::parse(text.as_bytes()).unwrap();
    let ours = read("sd words\n# sd_caption_version: 1\n# caption: A knot.\n# tags: [\"a, b\", 3]");
    assert_eq!(ours.known_caption(), Some("A knot."));
    assert_eq!(ours.sd_caption(), Some("sd words"));
    assert_eq!(ours.list("tags"), ["a, b", "3"]);
    let foreign = read("by hand\n# tags: rope, knot,\n# nsfw: Yes\n# mood: [");
    assert_eq!(foreign.known_caption(), Some("by hand"));
    assert_eq!(foreign.sd_caption(), None);
    assert_eq!(foreign.list("tags"), ["rope", "knot"]);
    assert_eq!(
        (foreign.flag("nsfw"), foreign.flag("mood")),
        (Some(true), None)
    );
    let empty = read("# sd_caption_version: 1\n# caption:");
    assert_eq!((empty.known_caption(), empty.sd_caption()), (None, None));
    assert!(empty.list("tags").is_empty());
}

#[test]
fn an_analysis_can_be_told_again() {
    let analysis = Analysis {
        description: "A knot.".to_owned(),
        mood: "calm".to_owned(),
        tags: vec!["rope".to_owned()],
        alt_text: Some("A knot in a rope".to_owned()),
        ..Analysis::default()
    };
    let mut sidecar = Sidecar::default();
    sidecar.set_analysis(&analysis);
    let read = Sidecar::parse(sidecar.render().as_bytes()).unwrap();
    assert_eq!(read.get("description"), Some("A knot."));
    assert_eq!(read.get("mood"), Some("calm"));
    assert_eq!(read.get("alt_text"), Some("A knot in a rope"));
    assert_eq!(read.flag("nsfw"), Some(false));
    assert_eq!(read.list("tags"), ["rope"]);
}

#[test]
fn no_caption_becomes_a_key_even_behind_a_byte_order_mark() {
    for caption in ["# a: b", "\u{feff}# a: b", "#\u{feff} # a: b", "\n#a: b"] {
        let mut sidecar = Sidecar::default();
        sidecar.set_caption(caption);
        assert_eq!(sidecar.caption(), "a: b");
        assert_eq!(Sidecar::parse(sidecar.render().as_bytes()), Some(sidecar));
    }
    let read = Sidecar::parse("\u{feff}\u{feff}# a: b".as_bytes()).unwrap();
    assert_eq!((read.caption(), read.get("a")), ("a: b", None));
}

#[test]
fn too_large_or_foreign_files_are_no_sidecars() {
    assert_eq!(Sidecar::parse(&vec![b'a'; MAX_SIDECAR_BYTES + 1]), None);
    assert_eq!(Sidecar::parse(b"\xff\xfe"), None);
    assert_eq!(Sidecar::parse(b""), Some(Sidecar::default()));
}

proptest! {
    #[test]
    fn what_this_service_writes_is_ours_and_reads_the_same(caption in "\\PC{0,40}", value in "(\\PC|\n){0,60}") {
        let mut sidecar = Sidecar::default();
        sidecar.set_caption(&caption);
        sidecar.set("image_file", "a.jpg");
        sidecar.set_lines("caption", &value);
        prop_assert_eq!(Sidecar::recognize(sidecar.render().as_bytes()), Some(sidecar));
    }

    #[test]
    fn no_text_without_a_fence_is_ours(text in "(# ?)?(image_file: a.jpg|sha256: 1|---x|\\PC{0,30}|\n){0,8}") {
        prop_assume!(!text.lines().any(|line| line.trim() == FENCE));
        prop_assert_eq!(Sidecar::recognize(text.as_bytes()), None);
    }

    #[test]
    fn what_is_written_is_read_back(caption in "\\PC{0,60}", key in "[a-z_]{1,10}", value in "\\PC{0,60}") {
        let mut sidecar = Sidecar::default();
        sidecar.set_caption(&caption);
        sidecar.set(&key, &value);
        prop_assert_eq!(Sidecar::parse(sidecar.render().as_bytes()), Some(sidecar));
    }

    #[test]
    fn two_lines_of_text_before_the_fence_are_never_ours(
        story in "[a-z]{1,9}\n{1,2}[a-z]{1,9}\n",
        rest in "(# ---\n|# image_file: a.jpg\n|[a-z]{0,9}\n){0,6}",
    ) {
        prop_assert_eq!(Sidecar::recognize(format!("{story}{rest}").as_bytes()), None);
    }

    #[test]
    fn no_line_behind_the_fence_is_lost(
        lines in prop::collection::vec("(# ?)?(note|x:|rating: |# ---|\\PC{0,20})", 0..8),
    ) {
        let text = format!("sd\n\n# ---\n# image_file: a.jpg\n{}\n", lines.join("\n"));
        let mut sidecar = Sidecar::recognize(text.as_bytes()).unwrap();
        sidecar.set("caption", "c");
        let read = Sidecar::recognize(sidecar.render().as_bytes()).unwrap();
        prop_assert_eq!(&read, &sidecar);
        for line in lines.iter().filter(|line| !line.trim().is_empty()) {
            let is_there = match key_and_value(line.trim()) {
                Some((key, _)) => read.get(key).is_some(),
                None => read.render().lines().any(|it| it == line.trim_end()),
            };
            prop_assert!(is_there, "{line:?}");
        }
    }

    #[test]
    fn no_file_breaks_the_reader(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Sidecar::parse(&bytes);
    }
}
