//! The mails of a publication. Pure: time and message ids come in as parameters.

use std::{borrow::Cow, iter::once, slice, time::SystemTime};

use bytes::Bytes;
use lettre::{
    Address, Message,
    address::Envelope,
    message::{
        Mailbox, MultiPart, SinglePart,
        header::{
            ContentDisposition, ContentTransferEncoding, ContentType, Header, HeaderName,
            HeaderValue,
        },
    },
};

use super::attachment;
use super::target::{CaptionTarget, EmailTarget, SubjectMode};
use crate::ports::Post;

/// The subject where the caption does not stand there, or is empty.
const PLAIN_SUBJECT: &str = "Photo upload";

/// A mail, ready to be sent: what lettre writes around the image, and the image that all mails
/// and platforms share.
#[derive(Debug, Clone)]
pub(super) struct Mail {
    /// From whom to whom.
    pub(super) envelope: Envelope,
    /// Up to the image.
    head: Vec<u8>,
    image: Bytes,
    /// From the image on.
    tail: Vec<u8>,
}

impl Mail {
    /// The message as it goes over the wire, before its dots are doubled.
    pub(super) fn pieces(&self) -> impl Iterator<Item = Cow<'_, [u8]>> {
        once(Cow::from(&self.head))
            .chain(attachment::pieces(&self.image).map(Cow::from))
            .chain(once(Cow::from(&self.tail)))
    }

    /// How many bytes the message has, before its dots are doubled.
    pub(super) fn size(&self) -> usize {
        self.head.len() + attachment::length(&self.image) + self.tail.len()
    }

    /// Nothing in it is beyond ASCII.
    pub(super) fn is_ascii(&self) -> bool {
        // Base64 always is.
        self.head.is_ascii() && self.tail.is_ascii()
    }
}

/// A mail cannot be written, for instance because an address is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unwritable(pub(super) &'static str);

/// The mails of one tenant.
#[derive(Debug, Clone)]
pub(super) struct MessageBuilder {
    sender: Address,
    recipient: Address,
    caption_target: CaptionTarget,
    subject_mode: SubjectMode,
}

impl MessageBuilder {
    pub(super) fn new(settings: &EmailTarget) -> Result<Self, Unwritable> {
        let EmailTarget {
            recipient,
            caption_target,
            subject_mode,
            server,
        } = settings;
        Ok(Self {
            sender: address(&server.from_email)
                .ok_or(Unwritable("the sender is no e-mail address"))?,
            recipient: address(recipient)
                .ok_or(Unwritable("the recipient is no e-mail address"))?,
            caption_target: *caption_target,
            subject_mode: *subject_mode,
        })
    }

    /// The sender of all mails.
    pub(super) fn sender(&self) -> &Address {
        &self.sender
    }

    /// A new message id, made from a random word.
    pub(super) fn message_id(&self, word: &str) -> String {
        format!("<{word}@{}>", self.sender.domain())
    }

    /// The mail that publishes.
    pub(super) fn publication(
        &self,
        post: &Post,
        message_id: &str,
        date: SystemTime,
    ) -> Result<Mail, Unwritable> {
        let to = slice::from_ref(&self.recipient);
        self.mail(to, post, &post.caption, message_id, date)
    }

    /// The confirmation mail: the same to other recipients, with a line of at most `tags` tags.
    pub(super) fn confirmation(
        &self,
        post: &Post,
        to: &[Address],
        tags: usize,
        message_id: &str,
        date: SystemTime,
    ) -> Result<Mail, Unwritable> {
        let tags: Vec<String> = post
            .tags
            .iter()
            .take(tags)
            .map(|tag| one_line(tag))
            .collect();
        let mut text = post.caption.clone();
        if !tags.is_empty() {
            if !text.is_empty() {
                text.push_str("\n\n");
            }
            text.push_str("Tags: ");
            text.push_str(&tags.join(", "));
        }
        self.mail(to, post, &text, message_id, date)
    }

    fn mail(
        &self,
        to: &[Address],
        post: &Post,
        text: &str,
        message_id: &str,
        date: SystemTime,
    ) -> Result<Mail, Unwritable> {
        let unwritable = Unwritable("the message cannot be put together");
        let text = SinglePart::plain(format!("{}\n", printable(text)));
        let to = || to.iter().cloned();
        let from = Mailbox::new(None, self.sender.clone());
        let message = to().fold(Message::builder().from(from), |message, recipient| {
            message.to(Mailbox::new(None, recipient))
        });
        let message = message
            .date(date)
            .message_id(Some(message_id.to_owned()))
            .subject(self.subject(&post.caption))
            .multipart(MultiPart::mixed().singlepart(text).singlepart(image(post)?))
            .map_err(|_| unwritable)?;
        let (head, tail) = around_last_body(message.formatted()).ok_or(unwritable)?;
        Ok(Mail {
            envelope: Envelope::new(Some(self.sender.clone()), to().collect())
                .map_err(|_| Unwritable("the message cannot be addressed"))?,
            head,
            image: post.image.bytes().clone(),
            tail,
        })
    }

    fn subject(&self, caption: &str) -> String {
        let prefix = self.subject_mode.prefix();
        let caption = match self.caption_target {
            CaptionTarget::Subject | CaptionTarget::Both => one_line(caption),
            CaptionTarget::Body => String::new(),
        };
        let caption = if caption.is_empty() {
            PLAIN_SUBJECT
        } else {
            &caption
        };
        format!("{prefix}{caption}")
    }
}

/// An address, with its domain as the domain name system has it.
pub(super) fn address(text: &str) -> Option<Address> {
    let (user, domain) = text.trim().rsplit_once('@')?;
    let domain = ascii_domain(domain);
    domain.is_ascii().then_some(())?;
    Address::new(user, &*domain).ok()
}

/// A domain as the domain name system has it: in punycode where it goes beyond ASCII, and as it is
/// where that cannot be.
pub(super) fn ascii_domain(domain: &str) -> Cow<'_, str> {
    if domain.is_ascii() {
        return domain.into();
    }
    match url::Host::parse(domain) {
        Ok(url::Host::Domain(ascii)) => ascii.into(),
        _ => domain.into(),
    }
}

/// Splits a message where the body of its last part belongs, which is empty: behind the empty line
/// that ends that part's head, and before the boundary that ends the message.
fn around_last_body(mut message: Vec<u8>) -> Option<(Vec<u8>, Vec<u8>)> {
    const BOUNDARY: &[u8] = b"\r\n--";
    let at = message
        .windows(BOUNDARY.len())
        .rposition(|window| window == BOUNDARY)?;
    let tail = message.split_off(at);
    message.ends_with(b"\r\n\r\n").then_some((message, tail))
}

/// The image as an attachment whose body is still empty, with its alt text as the description that
/// MIME has a place for. The tenant's file name stays here.
fn image(post: &Post) -> Result<SinglePart, Unwritable> {
    let format = post.image.format();
    let media_type = ContentType::parse(format.media_type())
        .map_err(|_| Unwritable("the image has no media type"))?;
    let name = format!("photo{}", format.ending());
    let mut part = SinglePart::builder()
        .header(ContentDisposition::attachment(&name))
        .header(media_type)
        .header(ContentTransferEncoding::Base64);
    let alt_text = one_line(post.alt_text.as_deref().unwrap_or_default());
    if !alt_text.is_empty() {
        part = part.header(ContentDescription(alt_text));
    }
    Ok(part.body(Vec::new()))
}

/// What a part shows (RFC 2045, section 8).
#[derive(Debug, Clone)]
struct ContentDescription(String);

impl Header for ContentDescription {
    fn name() -> HeaderName {
        HeaderName::new_from_ascii_str("Content-Description")
    }

    fn parse(text: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self(text.to_owned()))
    }

    fn display(&self) -> HeaderValue {
        HeaderValue::new(Self::name(), self.0.clone())
    }
}

/// The text as one line that a header can hold: nothing in it can end the header.
fn one_line(text: &str) -> String {
    let breaks = |c: char| c.is_whitespace() || c.is_control();
    let words = text.split(breaks).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join(" ")
}

/// The text without control characters but line ends.
fn printable(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    text.chars()
        .filter(|c| *c == '\n' || !c.is_control())
        .collect()
}

#[cfg(test)]
mod tests;
