//! Many captions, made of what breaks naive cutting, for the rules of every platform, and of servers that set their own
//! limit. The generator has a seed of its own: a failure comes again, and names its case.

use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation as _};

use super::{dice::Dice, server_count, *};

#[test]
fn two_thousand_captions_fit_whole() {
    captions_fit_whole(2_000);
}

#[test]
#[ignore = "takes long without optimization: cargo test --release --lib -- --ignored hundred_thousand"]
fn a_hundred_thousand_captions_fit_whole() {
    captions_fit_whole(100_000);
}

fn captions_fit_whole(cases: u64) {
    let mut all = Counts::default();
    for seed in 0..cases {
        all.add(&check(seed));
    }
    println!("{cases} captions checked for each set of rules: {all:?}");
    let Counts {
        cut,
        heavy,
        linked,
        tagged,
    } = all;
    assert!(cut > cases * 15 / 1_000, "too few are long");
    assert!(heavy > cases / 1_000, "too few have many bytes");
    assert!(
        linked > cases / 10 && tagged > cases / 10,
        "too few have links or hashtags"
    );
}

/// How many captions were of some kind.
#[derive(Debug, Default)]
struct Counts {
    /// Were cut.
    cut: u64,
    /// Have more than nine tenths of the bytes that they may have.
    heavy: u64,
    /// Have a link.
    linked: u64,
    /// Have a model's hashtag.
    tagged: u64,
}

impl Counts {
    fn add(&mut self, other: &Self) {
        self.cut += other.cut;
        self.heavy += other.heavy;
        self.linked += other.linked;
        self.tagged += other.tagged;
    }
}

/// As on a server of Mastodon with this limit, less what is put before the caption.
pub(super) const fn mastodon(limit: usize) -> CaptionRules {
    CaptionRules {
        limit: limit - "NSFW".len(),
        unit: CaptionUnit::Grapheme,
        max_bytes: None,
        link_length: Some(23),
        hashtags: HashtagPolicy::TenantAndModel,
        plain_ascii_line: false,
        words: None,
    }
}

pub(super) const BLUESKY: CaptionRules = CaptionRules {
    limit: 300,
    unit: CaptionUnit::Grapheme,
    max_bytes: Some(3_000),
    link_length: None,
    hashtags: HashtagPolicy::TenantAndModel,
    plain_ascii_line: false,
    words: None,
};

/// The limits of servers; each case has one of them.
const LIMITS: [usize; 8] = [50, 64, 140, 280, 1_000, 5_000, 11_000, 20_000];

/// Checks one case for all rules.
fn check(seed: u64) -> Counts {
    let mut dice = Dice::of(seed);
    let (text, tenants, tags) = (dice.text(), dice.tenant_hashtags(), dice.tags());
    let limit = LIMITS[dice.below(LIMITS.len())];
    let platforms = Platform::ALL.map(|platform| spec(platform).caption);
    let others = [mastodon(500), mastodon(limit), BLUESKY];
    let mut counts = Counts::default();
    let rules = platforms.into_iter().chain(others);
    for (rules, at_sentence) in rules.flat_map(|rules| [(rules, false), (rules, true)]) {
        let caption = Fitted::new(rules, &text, &tenants, &tags, at_sentence);
        caption.check(&|| format!("case {seed}, {rules:?}: {text:?} {tenants:?} {tags:?}"));
        let bytes = rules.max_bytes.unwrap_or(usize::MAX);
        counts.add(&Counts {
            cut: caption.is_cut().into(),
            heavy: (caption.whole.len() > bytes / 10 * 9).into(),
            linked: (!links::links(&caption.whole).is_empty()).into(),
            tagged: (!caption.split_hashtags().1.is_empty()).into(),
        });
    }
    counts
}

/// A caption that was made to fit, taken apart again.
struct Fitted<'a> {
    rules: CaptionRules,
    text: &'a str,
    tenants: &'a str,
    models: Vec<String>,
    cleaned: String,
    whole: String,
}

impl<'a> Fitted<'a> {
    fn new(
        rules: CaptionRules,
        text: &'a str,
        tenants: &'a str,
        tags: &[String],
        at_sentence: bool,
    ) -> Self {
        let cleaned = rules.clean(text);
        let models: Vec<String> = model_hashtags(tags).collect();
        Self {
            rules,
            text,
            tenants,
            whole: rules
                .fit_clean(&cleaned, tenants, models.iter().cloned(), |text, room| {
                    if at_sentence {
                        rules.cut_at_sentence(text, room)
                    } else {
                        rules.cut(text, room)
                    }
                })
                .caption,
            models,
            cleaned,
        }
    }

    fn ellipsis(&self) -> &'static str {
        if self.rules.hashtags == HashtagPolicy::None {
            "..."
        } else {
            "…"
        }
    }

    /// The body and the hashtags behind it. They are in the last paragraph, if it has no other
    /// words.
    fn parts(&self) -> (&str, Vec<&str>) {
        let (body, last) = match self.whole.rsplit_once("\n\n") {
            Some((body, last)) => (body, last),
            None => (&self.whole[..0], self.whole.as_str()),
        };
        let words: Vec<&str> = last.split(' ').collect();
        let is_tag = |word: &&str| hashtags(word).first().is_some_and(|it| it.text == *word);
        if self.rules.hashtags != HashtagPolicy::None && words.iter().all(is_tag) {
            (body, words)
        } else {
            (&self.whole, Vec::new())
        }
    }

    /// It stands so in the text or among the tenant's, and nothing goes on behind it.
    fn knows_tag(&self, tag: &str) -> bool {
        let is_whole = |text: &str| {
            text.match_indices(tag).any(|(at, _)| {
                let next = text[at + tag.len()..].graphemes(true).next();
                // A letter that has taken in a space does not go on with the word.
                let goes_on = |it: &str| it.starts_with(char::is_alphanumeric) || it == "_";
                !next.is_some_and(|it| {
                    goes_on(it) && !it.contains(|c: char| c == '#' || c.is_whitespace())
                })
            })
        };
        is_whole(&self.cleaned)
            || is_whole(self.tenants)
            || self.models.iter().any(|known| known == tag)
    }

    /// The tenant's hashtags at the end, and the model's behind them.
    fn split_hashtags(&self) -> (Vec<&str>, Vec<&str>) {
        let (_, mut tenants) = self.parts();
        let known: HashSet<String> = hashtags(self.tenants).iter().map(Hashtag::key).collect();
        let of_tenant = tenants
            .iter()
            .take_while(|tag| known.contains(&tag.to_lowercase()));
        let models = tenants.split_off(of_tenant.count());
        (tenants, models)
    }

    fn is_cut(&self) -> bool {
        let (body, _) = self.parts();
        !(self.cleaned.starts_with(body) && is_border(&self.cleaned, body.len()))
    }

    fn check(&self, case: &dyn Fn() -> String) {
        let length = match self.rules.unit {
            CaptionUnit::Utf16 => self.whole.encode_utf16().count(),
            CaptionUnit::Char => self.whole.chars().count(),
            CaptionUnit::Grapheme if self.rules.link_length.is_some() => {
                server_count::length(&self.whole)
            }
            CaptionUnit::Grapheme => self.whole.graphemes(true).count(),
        };
        assert!(length <= self.rules.limit, "{length} in {}", case());
        let bytes = self.whole.len();
        assert!(
            self.rules.max_bytes.is_none_or(|most| bytes <= most),
            "{bytes} in {}",
            case()
        );
        self.check_cleaned(case);
        self.check_body(case);
        self.check_hashtags(case);
        self.check_links(case);
        self.check_facets(case);
        let (tenants, _) = self.split_hashtags();
        assert_eq!(
            self.rules
                .fit_with_own_hashtags(&self.whole, &tenants.join(" ")),
            self.whole,
            "again: {}",
            case()
        );
        if self.rules.plain_ascii_line {
            let typographic = |c| cleaning::ascii_sign(c).is_some() || c.is_control();
            assert!(
                !self.whole.contains(typographic),
                "{:?} in {}",
                self.whole,
                case()
            );
            let graphemes: Vec<&str> = self.whole.graphemes(true).collect();
            let twice = graphemes.windows(2).any(|pair| pair == [" ", " "]);
            assert!(!twice, "{:?} in {}", self.whole, case());
        }
    }

    /// Cleaning takes away white space, unseen characters, hashtags, and all but one of a row of dashes only.
    fn check_cleaned(&self, case: &dyn Fn() -> String) {
        let has_signs = self.rules.hashtags != HashtagPolicy::None;
        let kept =
            move |c: &char| !c.is_whitespace() && !c.is_control() && (has_signs || *c != '#');
        let mut cleaned = self.cleaned.chars().filter(kept);
        let text = without_unseen(self.text);
        let mut last = None;
        let in_row = |c: &char| {
            let is_dash = cleaning::is_dash(*c) && self.rules.plain_ascii_line;
            let goes_on = is_dash && last == Some(true);
            if !cleaning::is_blank(*c) {
                last = Some(is_dash);
            }
            !goes_on
        };
        for c in text.chars().filter(in_row).filter(kept) {
            let sign = cleaning::ascii_sign(c).filter(|_| self.rules.plain_ascii_line);
            let mut rest = sign.unwrap_or_default().chars();
            let goes_on = match cleaned.next() {
                // Without hashtags, those at the end are not there.
                None if !has_signs => return,
                next => {
                    next == rest.next().or(Some(c)) && rest.all(|it| cleaned.next() == Some(it))
                }
            };
            assert!(goes_on, "{c:?} of {:?} in {}", self.cleaned, case());
        }
        assert_eq!(cleaned.next(), None, "{:?} in {}", self.cleaned, case());
    }

    /// The part of the body that is from the text: all but the ellipsis.
    fn kept(&self, case: &dyn Fn() -> String) -> &str {
        let (body, _) = self.parts();
        if !self.is_cut() {
            return body;
        }
        let kept = body.strip_suffix(self.ellipsis());
        let kept = kept.unwrap_or_else(|| panic!("no ellipsis: {body:?} in {}", case()));
        // Behind a link, the ellipsis stands by itself.
        let link = links::links(kept).pop().map(|link| link.place.end);
        let linked = kept
            .strip_suffix(' ')
            .filter(|kept| link == Some(kept.len()));
        linked.unwrap_or(kept)
    }

    /// The body is a prefix of the cleaned text that ends where a grapheme does, and every
    /// grapheme of the caption was one before.
    fn check_body(&self, case: &dyn Fn() -> String) {
        let ((body, tags), kept) = (self.parts(), self.kept(case));
        assert!(self.cleaned.starts_with(kept), "{kept:?} in {}", case());
        assert!(
            is_border(&self.cleaned, kept.len()),
            "{kept:?} in {}",
            case()
        );
        // So its graphemes are those of the text; those of the hashtags are, if they are whole;
        // and so all are, if nothing was joined where they were put together.
        for part in [kept, body].into_iter().chain(tags) {
            let start = part.as_ptr().addr() - self.whole.as_ptr().addr();
            for at in [start, start + part.len()] {
                assert!(
                    is_border(&self.whole, at),
                    "{at} of {:?} in {}",
                    self.whole,
                    case()
                );
            }
        }
    }

    /// The links of the body are those of the text: none is cut, and none has grown.
    fn check_links(&self, case: &dyn Fn() -> String) {
        let (body, _) = self.parts();
        let all = links::links(&self.cleaned);
        for (index, link) in links::links(body).into_iter().enumerate() {
            assert_eq!(Some(&link), all.get(index), "{body:?} in {}", case());
        }
        let end = self.kept(case).len();
        let is_cut = |link: &links::Link| link.place.start < end && end < link.place.end;
        assert!(!all.iter().any(is_cut), "a link of {body:?} in {}", case());
    }

    /// The bytes of a facet are a hashtag or a link of the caption.
    fn check_facets(&self, case: &dyn Fn() -> String) {
        let tags = hashtags(&self.whole);
        for Facet {
            start,
            end,
            feature,
        } in facets(&self.whole)
        {
            let part = &self.whole[start..end];
            match feature {
                FacetFeature::Tag(name) => {
                    assert_eq!(part, format!("#{name}"), "{}", case());
                    let is_known = tags.iter().any(|it| it.text == part && it.place.end == end);
                    assert!(is_known, "{part:?} in {}", case());
                }
                FacetFeature::Link(url) => {
                    assert_eq!(url::Url::parse(part), Ok(url), "{}", case());
                    assert!(self.cleaned.contains(part), "{part:?} in {}", case());
                }
            }
        }
    }

    /// Hashtags are at the end, whole and once, or nowhere. At most five are a model's, where the platform has those.
    fn check_hashtags(&self, case: &dyn Fn() -> String) {
        let (body, tags) = self.parts();
        if self.rules.hashtags == HashtagPolicy::None {
            assert_eq!(hashtags(&self.whole), [], "{:?} in {}", self.whole, case());
            return;
        }
        let (_, models) = self.split_hashtags();
        let most = match self.rules.hashtags {
            HashtagPolicy::TenantAndModel => MAX_HASHTAGS,
            HashtagPolicy::Tenant | HashtagPolicy::None => 0,
        };
        assert!(models.len() <= most, "{models:?} in {}", case());
        assert!(
            models
                .iter()
                .all(|tag| self.models.iter().any(|it| it == tag)),
            "{models:?} in {}",
            case()
        );
        let mut seen = HashSet::new();
        for tag in &tags {
            assert!(self.knows_tag(tag), "{tag:?} in {}", case());
            assert!(
                seen.insert(tag.to_lowercase()),
                "{tag:?} twice in {}",
                case()
            );
        }
        for tag in hashtags(body) {
            assert!(self.knows_tag(tag.text), "{tag:?} was cut in {}", case());
            assert!(!seen.contains(&tag.key()), "{tag:?} twice in {}", case());
        }
    }
}

/// A grapheme ends here, and another begins.
fn is_border(text: &str, at: usize) -> bool {
    GraphemeCursor::new(at, text.len(), true).is_boundary(text, 0) == Ok(true)
}
