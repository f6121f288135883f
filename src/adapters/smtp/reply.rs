//! Replies of a mail server (RFC 5321, 4.2): parsed leniently, within bounds. Used by this folder's adapter.

use std::fmt;

use bytes::BytesMut;

/// The longest line, in bytes: RFC 5321 allows 512, and some servers send more.
const MAX_LINE: usize = 4 * 1024;
/// The longest reply, in bytes.
const MAX_REPLY: usize = 64 * 1024;

/// A code with its text.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Reply {
    code: u16,
    lines: Vec<String>,
}

/// Without the text, which may repeat the login.
impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reply({}, …)", self.code)
    }
}

/// The bytes are not a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NoReply;

impl Reply {
    /// Takes the first reply off what has come so far; `None` while it is not whole.
    pub(super) fn take(buffer: &mut BytesMut) -> Result<Option<Self>, NoReply> {
        let (mut at, mut code, mut lines) = (0, None, Vec::new());
        loop {
            let rest = buffer.get(at..).unwrap_or_default();
            let Some(end) = memchr::memchr(b'\n', rest) else {
                let is_bounded = rest.len() <= MAX_LINE && buffer.len() <= MAX_REPLY;
                return if is_bounded { Ok(None) } else { Err(NoReply) };
            };
            if end > MAX_LINE || at + end > MAX_REPLY {
                return Err(NoReply);
            }
            let line = Line::of(&rest[..end]).ok_or(NoReply)?;
            if *code.get_or_insert(line.code) != line.code {
                return Err(NoReply);
            }
            lines.push(line.text);
            at += end + 1;
            if line.is_last {
                let _ = buffer.split_to(at);
                let code = line.code;
                return Ok(Some(Self { code, lines }));
            }
        }
    }

    pub(super) fn code(&self) -> u16 {
        self.code
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// The enhanced code (RFC 3463) that it begins with.
    pub(super) fn enhanced_code(&self) -> Option<&str> {
        let word = self.lines.first()?.split_whitespace().next()?;
        let mut parts = word.split('.');
        let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        let fits = |part: Option<&str>, most: usize| {
            part.is_some_and(|part| (1..=most).contains(&part.len()) && is_number(part))
        };
        let is_code = fits(parts.next(), 1) && fits(parts.next(), 3) && fits(parts.next(), 3);
        (is_code && parts.next().is_none()).then_some(word)
    }

    /// The text; an enhanced code that every line begins with is in it once.
    pub(super) fn text(&self) -> String {
        let repeated = self.enhanced_code().unwrap_or_default();
        let mut lines = self.lines().map(str::trim);
        let mut text = lines.next().unwrap_or_default().to_owned();
        for line in lines {
            let rest = line.strip_prefix(repeated).filter(|_| !repeated.is_empty());
            text.push(' ');
            text.push_str(rest.unwrap_or(line).trim_start());
        }
        text
    }
}

struct Line {
    code: u16,
    is_last: bool,
    text: String,
}

impl Line {
    /// `250 text`, `250-text`, or the bare code.
    fn of(line: &[u8]) -> Option<Self> {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (code, rest) = line.split_at_checked(3)?;
        let code = std::str::from_utf8(code).ok()?;
        let is_code = code.bytes().all(|byte| byte.is_ascii_digit());
        let code = code.parse().ok().filter(|code| (200..600).contains(code))?;
        let (is_last, text) = match rest.split_first() {
            None => (true, rest),
            Some((b' ', text)) => (true, text),
            Some((b'-', text)) => (false, text),
            Some(_) => return None,
        };
        is_code.then(|| Self {
            code,
            is_last,
            text: decoded(text),
        })
    }
}

/// UTF-8, or else Latin-1, in which older servers say things in their language.
fn decoded(text: &[u8]) -> String {
    match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) => text.iter().copied().map(char::from).collect(),
    }
}

/// The extensions in a reply to EHLO, in any letter case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is an offer of its own")]
pub(super) struct Offers {
    pub(super) starttls: bool,
    pub(super) plain: bool,
    pub(super) login: bool,
    pub(super) eight_bit_mime: bool,
    pub(super) smtp_utf8: bool,
    /// SIZE is offered.
    pub(super) size: bool,
    /// The largest message, in bytes, if there is a limit.
    pub(super) max_size: Option<usize>,
}

impl Offers {
    pub(super) fn of(reply: &Reply) -> Self {
        let mut offers = Self::default();
        for line in reply.lines() {
            let line = line.to_ascii_uppercase();
            // `AUTH=LOGIN` is how it was written before RFC 2554, and still is.
            let mut words = line.split([' ', '\t', '=']).filter(|word| !word.is_empty());
            match words.next() {
                Some("STARTTLS") => offers.starttls = true,
                Some("8BITMIME") => offers.eight_bit_mime = true,
                Some("SMTPUTF8") => offers.smtp_utf8 = true,
                Some("AUTH") => words.for_each(|mechanism| match mechanism {
                    "PLAIN" => offers.plain = true,
                    "LOGIN" => offers.login = true,
                    _ => {}
                }),
                Some("SIZE") => {
                    offers.size = true;
                    let size = words.next().and_then(|size| size.parse().ok());
                    // None, and 0, are no limit (RFC 1870).
                    offers.max_size = size.filter(|size| *size > 0);
                }
                _ => {}
            }
        }
        offers
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use proptest::prelude::*;

    use super::*;

    fn take(bytes: &[u8]) -> Result<Option<Reply>, NoReply> {
        Reply::take(&mut BytesMut::from(bytes))
    }

    fn reply(bytes: &[u8]) -> Reply {
        take(bytes).unwrap().unwrap()
    }

    #[test]
    fn replies_are_taken_one_by_one_and_what_follows_stays() {
        let mut buffer = BytesMut::from(&b"250-5.1.1 one\r\n250-5.1.1 two\r\n250\r\n220 next"[..]);
        let first = Reply::take(&mut buffer).unwrap().unwrap();
        assert_eq!(
            (first.code(), first.text().trim_end()),
            (250, "5.1.1 one two")
        );
        assert_eq!(first.enhanced_code(), Some("5.1.1"));
        assert_eq!(Reply::take(&mut buffer), Ok(None));
        buffer.extend_from_slice(b"\n");
        assert_eq!(Reply::take(&mut buffer).unwrap().unwrap().text(), "next");
        assert!(buffer.is_empty());
    }

    #[test]
    fn text_that_is_no_utf8_is_latin_1() {
        assert_eq!(
            reply(b"550 Empf\xE4nger unbekannt\r\n").text(),
            "Empfänger unbekannt"
        );
        assert_eq!(reply("550 Empfänger\r\n".as_bytes()).text(), "Empfänger");
    }

    #[test]
    fn what_is_no_reply_is_refused_as_soon_as_that_is_known() {
        for bytes in [
            &b"this is no reply\r\n"[..],
            b"25\r\n",
            b"+50 x\r\n",
            b"150 x\r\n",
            b"650 x\r\n",
            b"250_x\r\n",
            b"250-a\r\n550 b\r\n",
            "２５０ x\r\n".as_bytes(),
        ] {
            assert_eq!(take(bytes), Err(NoReply), "{bytes:?}");
        }
        assert_eq!(take(&[b'2'; MAX_LINE + 1]), Err(NoReply));
        assert_eq!(take(&b"250-x\r\n".repeat(MAX_REPLY / 7 + 1)), Err(NoReply));
        assert_eq!(take(b""), Ok(None));
        assert_eq!(take(b"250-half\r\n250"), Ok(None));
    }

    #[test]
    fn offers_are_read_in_any_case() {
        let lower = b"250-mx\r\n250-starttls\r\n250-auth login plain\r\n250-8bitmime\r\n\
            250-smtputf8\r\n250 size 1000\r\n";
        let offers = Offers::of(&reply(lower));
        let all = Offers {
            starttls: true,
            plain: true,
            login: true,
            eight_bit_mime: true,
            smtp_utf8: true,
            size: true,
            max_size: Some(1000),
        };
        assert_eq!(offers, all);
        assert_eq!(Offers::of(&reply(&lower.to_ascii_uppercase())), all);
        let old = Offers::of(&reply(b"250-mx\r\n250-Size 0\r\n250 AUTH=Login\r\n"));
        assert!(old.login && !old.plain && old.size && old.max_size.is_none());
        assert_eq!(Offers::of(&reply(b"250 mx\r\n")), Offers::default());
    }

    proptest! {
        #[test]
        fn nothing_that_comes_breaks_the_reader(bytes in any::<Vec<u8>>()) {
            let _ = take(&bytes);
        }

        #[test]
        fn a_reply_reads_the_same_in_whatever_pieces(
            code in 200..600_u16,
            lines in proptest::collection::vec("[ -~]{0,60}", 1..5),
            cut in 0..200_usize,
        ) {
            let (last, rest) = lines.split_last().unwrap();
            let mut bytes = String::new();
            for line in rest {
                let _ = write!(bytes, "{code}-{line}\r\n");
            }
            let _ = write!(bytes, "{code} {last}\r\n");
            let cut = cut.min(bytes.len() - 1);
            let mut buffer = BytesMut::from(&bytes.as_bytes()[..cut]);
            prop_assert_eq!(Reply::take(&mut buffer), Ok(None));
            buffer.extend_from_slice(&bytes.as_bytes()[cut..]);
            prop_assert_eq!(Reply::take(&mut buffer), Ok(Some(Reply { code, lines })));
        }
    }
}
