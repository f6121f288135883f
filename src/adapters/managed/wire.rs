//! Answers as they travel: XML with a few elements that count. Answers are foreign data: an entry of a
//! listing that cannot be read is left out, and the others stay.

use std::time::SystemTime;

use quick_xml::{
    Reader,
    escape::unescape,
    events::{BytesStart, Event},
};
use reqwest::header::{CONTENT_LENGTH, ETAG, HeaderMap, LAST_MODIFIED};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::{code::Code, failure::Failure};
use crate::domain::{
    content_hash::ContentHash,
    image::{ImageName, StoredImage},
    storage::HashKind,
};

/// The deepest element that is read: `ListBucketResult/Contents/Key`, and nothing of a hostile depth.
const MAX_DEPTH: usize = 16;

/// A page of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) objects: Vec<Object>,
    /// Entries of any kind.
    pub(super) entries: usize,
    /// Where the next page begins; `None` on the last one.
    pub(super) next: Option<String>,
}

/// An object of a listing.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Object {
    pub(super) key: String,
    etag: String,
    size: Option<u64>,
    last_modified: Option<SystemTime>,
}

impl Object {
    /// What is known of it; `None` where something is missing that every object has.
    pub(super) fn stat(&self) -> Option<Stat> {
        Stat::new(&self.etag, self.size?, self.last_modified)
    }

    fn read(&mut self, field: &str, text: &str) {
        match field {
            "Key" => text.clone_into(&mut self.key),
            "ETag" => text.clone_into(&mut self.etag),
            "Size" => self.size = text.trim().parse().ok(),
            "LastModified" => {
                let time = OffsetDateTime::parse(text.trim(), &Rfc3339).ok();
                // Whole seconds, as the answer to HEAD has.
                let time = time.and_then(|it| it.replace_nanosecond(0).ok());
                self.last_modified = time.map(SystemTime::from);
            }
            _ => {}
        }
    }
}

/// What the store says of an object beside its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stat {
    hash: ContentHash,
    /// The `ETag` without its quotes.
    etag: String,
    /// In bytes.
    pub(super) size: u64,
    last_modified: Option<SystemTime>,
}

impl Stat {
    fn new(etag: &str, size: u64, last_modified: Option<SystemTime>) -> Option<Self> {
        let etag = etag.trim();
        Some(Self {
            hash: ContentHash::new(HashKind::Etag, etag)?,
            etag: etag.trim_start_matches("W/").trim_matches('"').to_owned(),
            size,
            last_modified,
        })
    }

    /// From the head of an answer.
    ///
    /// # Errors
    /// Something is missing that every object has.
    pub(super) fn of(headers: &HeaderMap) -> Result<Self, Failure> {
        let text = |header| headers.get(header).and_then(|it| it.to_str().ok());
        let size = text(CONTENT_LENGTH).and_then(|size| size.parse().ok());
        let last_modified = text(LAST_MODIFIED).and_then(|it| httpdate::parse_http_date(it).ok());
        size.and_then(|size| Self::new(text(ETAG).unwrap_or_default(), size, last_modified))
            .ok_or(Failure::Malformed(
                "an object without what every object has",
            ))
    }

    /// The name of this content at its key: the `ETag` without its quotes.
    pub(super) fn revision(&self) -> &str {
        &self.etag
    }

    /// Whether both are surely the same content.
    pub(super) fn is_same_content(&self, other: &Self) -> bool {
        self.hash == other.hash && self.size == other.size
    }

    /// Whether it was put in several parts: then its `ETag` ends in their number, and is no MD5.
    pub(super) fn is_in_parts(&self) -> bool {
        self.etag.contains('-')
    }

    /// The hash of its content.
    pub(super) fn hash(&self) -> &ContentHash {
        &self.hash
    }

    /// Whether it has this hash.
    pub(super) fn has(&self, hash: &ContentHash) -> bool {
        self.hash == *hash
    }

    /// The image that it is, by this name. A store has no id that stays with a file. What comes closest is its
    /// content: a copy has the same, in whichever folder and under whichever name.
    pub(super) fn into_image(self, name: ImageName) -> StoredImage {
        StoredImage {
            name,
            file_id: self.etag.clone(),
            revision: self.etag,
            content_hash: self.hash,
            size: self.size,
            last_modified: self.last_modified,
        }
    }
}

/// The code of an error; `None` if it is no error, or none that can be read.
pub(super) fn error_code(body: &[u8]) -> Option<Code> {
    let mut code = None;
    each_text(body, |path, text| {
        if path == ["Error", "Code"] {
            code = Some(Code::new(text.unwrap_or_default().trim()));
        }
    });
    code
}

/// Whether an answer to a copy says that it was made: the status 200 comes before the copy does.
pub(super) fn is_copied(body: &[u8]) -> bool {
    let mut is_copied = false;
    let is_whole = each_text(body, |path, _| {
        is_copied |= path.first().is_some_and(|root| *root == "CopyObjectResult");
    });
    is_copied && is_whole
}

/// A page of a listing.
///
/// # Errors
/// It is no such page, or not a whole one.
pub(super) fn page(body: &[u8]) -> Result<Page, Failure> {
    let (mut page, mut is_truncated, mut next) = (Page::default(), false, None);
    let mut object = Some(Object::default());
    let mut is_listing = false;
    let is_whole = each_text(body, |path, text| {
        is_listing |= path.first().is_some_and(|root| *root == "ListBucketResult");
        match path {
            // A key that cannot be read ends this object only.
            [_, "Contents", "Key"] if text.is_none() => object = None,
            [_, "Contents", field] => {
                if let (Some(text), Some(object)) = (text, object.as_mut()) {
                    object.read(field, text);
                }
            }
            [_, "Contents"] => {
                page.entries += 1;
                let ended = object.replace(Object::default());
                page.objects.extend(ended.filter(|it| !it.key.is_empty()));
            }
            [_, "CommonPrefixes"] => page.entries += 1,
            [_, "IsTruncated"] => is_truncated = text.is_some_and(|text| text.trim() == "true"),
            [_, "NextContinuationToken"] => next = text.map(str::to_owned),
            _ => {}
        }
    });
    if !is_whole || !is_listing {
        return Err(Failure::Malformed("a listing that cannot be read"));
    }
    if is_truncated {
        let next = next.filter(|it| !it.is_empty());
        page.next = Some(next.ok_or(Failure::Malformed(
            "a listing that does not say where it goes on",
        ))?);
    }
    Ok(page)
}

/// Calls `read` at the end of each element, with the names from the root to it and its text; with `None` for
/// a text that cannot be read. False where the document is not whole.
fn each_text(body: &[u8], mut read: impl FnMut(&[&str], Option<&str>)) -> bool {
    let mut reader = Reader::from_reader(body);
    // What is not well-formed is noticed at the end of an element.
    reader.config_mut().check_end_names = true;
    let (mut names, mut text): (Vec<String>, Option<String>) = (Vec::new(), None);
    let mut has_root = false;
    loop {
        match reader.read_event() {
            Ok(Event::Start(start)) if names.len() < MAX_DEPTH => {
                names.push(local_name(&start));
                has_root = true;
                text = Some(String::new());
            }
            Ok(Event::Empty(empty)) => {
                names.push(local_name(&empty));
                has_root = true;
                call(&names, Some(""), &mut read);
                names.pop();
                text = None;
            }
            Ok(Event::End(_)) => {
                call(&names, text.as_deref(), &mut read);
                names.pop();
                text = None;
            }
            Ok(Event::Text(piece)) => append(&mut text, piece.decode().ok().as_deref()),
            Ok(Event::CData(piece)) => append(&mut text, piece.decode().ok().as_deref()),
            Ok(Event::GeneralRef(reference)) => {
                let name = reference.decode().ok();
                let name = name.map(|name| format!("&{name};"));
                let unescaped = name.as_deref().and_then(|name| unescape(name).ok());
                append(&mut text, unescaped.as_deref());
            }
            Ok(Event::Eof) => return has_root && names.is_empty(),
            Ok(Event::Decl(_) | Event::Comment(_) | Event::PI(_)) => {}
            // A document type could define entities.
            Ok(Event::DocType(_) | Event::Start(_)) | Err(_) => return false,
        }
    }
}

fn append(text: &mut Option<String>, piece: Option<&str>) {
    match (text.as_mut(), piece) {
        (Some(text), Some(piece)) => text.push_str(piece),
        (_, None) => *text = None,
        (None, Some(_)) => {}
    }
}

fn call(names: &[String], text: Option<&str>, read: &mut impl FnMut(&[&str], Option<&str>)) {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    read(&names, text);
}

fn local_name(start: &BytesStart<'_>) -> String {
    String::from_utf8_lossy(start.local_name().as_ref()).into_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_answer_is_a_panic(body in any::<Vec<u8>>(), text in "[<>/&;!\\[\\]a-zA-Z\"= ]{0,200}") {
            for body in [&body[..], text.as_bytes()] {
                let _ = (page(body).is_ok(), error_code(body), is_copied(body));
            }
        }

        #[test]
        fn a_key_reads_back(key in "\\PC{1,40}") {
            let escaped = quick_xml::escape::escape(&key);
            let body = format!(
                "<ListBucketResult><Contents><Key>{escaped}</Key><Size>1</Size><ETag>e</ETag>\
                 </Contents></ListBucketResult>"
            );
            let page = page(body.as_bytes()).unwrap();
            prop_assert_eq!(&page.objects[0].key, &key);
        }
    }

    #[test]
    fn an_entry_that_cannot_be_read_is_left_out_alone() {
        let body = "<?xml version=\"1.0\"?>\n<s:ListBucketResult xmlns:s=\"x\">\n<IsTruncated>false</IsTruncated>\
                    <Contents><Key>a&#0;.jpg</Key><Size>1</Size></Contents>\
                    <Contents><Key><![CDATA[b&.jpg]]></Key><Owner><ID>1</ID></Owner><Size>2</Size>\
                    <ETag>&quot;e&quot;</ETag></Contents>\
                    <CommonPrefixes><Prefix>c/</Prefix></CommonPrefixes></s:ListBucketResult>";
        let page = page(body.as_bytes()).unwrap();
        let keys: Vec<_> = page.objects.iter().map(|it| it.key.as_str()).collect();
        assert_eq!(keys, ["b&.jpg"]);
        assert_eq!(page.entries, 3);
        let stat = page.objects[0].stat().unwrap();
        assert_eq!((stat.size, stat.revision()), (2, "e"));
    }

    #[test]
    fn half_a_listing_is_none() {
        for body in [
            "",
            "{}",
            "<ListBucketResult>",
            "<ListBucketResult></Other>",
            "<Error><Code>NoSuchBucket</Code></Error>",
            "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "<!DOCTYPE a><ListBucketResult/>",
            &"<a>".repeat(100_000),
        ] {
            assert!(page(body.as_bytes()).is_err(), "{body:.60}");
        }
    }

    #[test]
    fn the_code_of_an_error_is_read_and_nothing_else() {
        let body = b"<Error><Code> NoSuchKey </Code><Key>secret/a.jpg</Key></Error>";
        assert_eq!(error_code(body), Some(Code::new("NoSuchKey")));
        for body in [&b"<CopyObjectResult/>"[..], b"<html>", b"", b"\xff"] {
            assert_eq!(error_code(body), None);
        }
        assert!(is_copied(
            b"<CopyObjectResult><ETag>e</ETag></CopyObjectResult>"
        ));
        assert!(!is_copied(b"<CopyObjectResult><ETag>e</ETag>"));
    }
}
