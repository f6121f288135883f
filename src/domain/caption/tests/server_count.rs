//! The length of a text as the server of Mastodon counts it: its expression for links, written again. Links count as 23,
//! mentions without their host.

use std::sync::LazyLock;

use regex::Regex;
use unicode_segmentation::UnicodeSegmentation as _;

/// The top levels of the links in generated texts, and some that end others.
const TOP_LEVELS: &str = "com|co|org|de|info|net|io|app";

static LINK: LazyLock<Regex> = LazyLock::new(|| {
    let general = r"[^\s<>()?]";
    let balanced = format!(r"\((?:{general}+|{general}*\({general}+\){general}*)\)");
    let ending = format!(r#"(?:[^\s()?!*"'「」<>;:=,.$%\[\]~&|@]|{balanced})"#);
    let path = format!(r"(?:{general}*(?:{balanced}{general}*)*{ending}|{general}+/)");
    let unusual = r"\x{A0}-\x{D7FF}\x{F900}-\x{FDCF}\x{FDF0}-\x{FFEF}\x{10000}-\x{EFFFD}";
    let query =
        format!(r"(?:\?[a-z0-9!?*'();:&=+$/%#\[\]\-_.,~|@\^{unusual}]*[a-z0-9_&=#/\-{unusual}])");
    let label = r"[\p{L}\p{N}](?:[\p{L}\p{N}_-]*[\p{L}\p{N}])?";
    let before = r"(?:^|[^A-Za-z0-9@＠$#＃\x{202A}-\x{202E}])";
    let schemes = "(?:https?|dat|dweb|ipfs|ipns|ssb|gopher|gemini)://";
    let link = format!(
        r"(?i)({before})({schemes}(?:{label}\.)+(?:{TOP_LEVELS})(?::\d+)?(?:/{path}*)?{query}?)"
    );
    Regex::new(&link).unwrap()
});
static MENTION: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"(@[a-z0-9_]+(?:[a-z0-9_.-]+[a-z0-9_]+)?)@[\p{L}\p{M}\p{N}_.-]+[\p{L}\p{M}\p{N}_]")
        .unwrap()
});

/// The length of a text.
pub(super) fn length(text: &str) -> usize {
    let text = LINK.replace_all(text, "${1}xxxxxxxxxxxxxxxxxxxxxxx");
    MENTION.replace_all(&text, "$1").graphemes(true).count()
}

#[test]
fn links_and_mentions_are_counted_as_by_the_server() {
    for (text, expected) in [
        ("https://example.com/a/b?c=d#e", 23),
        ("(https://a.co/(b))", 25),
        ("https://a.co…", 24),
        ("https://a.co/…", 23),
        ("1https://a.co", 13),
        ("https://a.invalid", 17),
        ("@user@host.example", 5),
        ("縄https://a.co縄", 25),
    ] {
        assert_eq!(length(text), expected, "{text}");
    }
}
