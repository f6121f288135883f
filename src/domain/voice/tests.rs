use proptest::prelude::*;

use super::*;
use crate::domain::platform::Platform::{Email, Telegram};

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|it| format!("example {it}")).collect()
}

fn profile(texts: &[&str]) -> VoiceProfile {
    VoiceProfile::new(texts).unwrap()
}

fn tags(of: &[(Platform, &[&str])]) -> VoiceTags {
    let owned = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect();
    let entries = of.iter().map(|(platform, texts)| (*platform, owned(texts)));
    VoiceTags::new(entries.collect())
}

#[test]
fn a_profile_has_up_to_20_examples_without_blanks_around_them() {
    assert_eq!(profile(&[" a b\n", "\tc"]).as_slice(), ["a b", "c"]);
    assert_eq!(
        VoiceProfile::new(&numbered(20)).unwrap().as_slice(),
        numbered(20)
    );
    let mut many = numbered(21);
    assert_eq!(VoiceProfile::new(&many), Err(vec![BadExample::TooMany]));
    many[3] = " \n".to_owned();
    assert_eq!(
        VoiceProfile::new(&many),
        Err(vec![BadExample::TooMany, BadExample::Blank(3)])
    );
    assert_eq!(
        VoiceProfile::new(&["a", "", "b", " ", "\u{feff}", "\u{a0}\u{3000}"]),
        Err([1, 3, 4, 5].map(BadExample::Blank).to_vec())
    );
}

#[test]
fn tokens_are_a_quarter_of_the_characters_and_one() {
    for (text, tokens) in [
        ("", 1),
        ("abc", 1),
        ("abcd", 2),
        ("ääää", 2),
        ("夜夜夜夜夜夜夜", 2),
    ] {
        assert_eq!(estimated_tokens(text), tokens, "{text}");
    }
}

#[test]
fn examples_are_used_in_order_while_their_tokens_stay_within_500() {
    // 396 characters are 100 tokens.
    let (hundred, more) = ("ä".repeat(396), "ä".repeat(400));
    let five = vec![&*hundred; 5];
    assert_eq!(profile(&five).used().len(), 5);
    let last_is_longer = [&five[..4], &[&more, "x"]].concat();
    assert_eq!(
        profile(&last_is_longer).used().len(),
        4,
        "nothing behind it"
    );
    let one_more = [&five[..], &["x"]].concat();
    assert_eq!(profile(&one_more).used().len(), 5);
    assert_eq!(profile(&one_more).as_slice().len(), 6);
    let longest = "x".repeat(MAX_EXAMPLE_CHARS);
    assert_eq!(profile(&[&longest]).used().len(), 1);
    assert_eq!(profile(&[&format!("{longest}x")]).used().len(), 0);
}

#[test]
fn a_few_examples_are_sampled_by_the_image_in_the_order_of_the_profile() {
    let all = VoiceProfile::new(&numbered(20)).unwrap();
    let none = VoiceTags::default();
    let of_image = |image: &str| all.sample(&none, [Telegram, Email], image);
    let mut seen = BTreeSet::new();
    let mut counts = BTreeSet::new();
    for image in 0..60 {
        let sample = of_image(&image.to_string());
        assert_eq!(sample, of_image(&image.to_string()));
        assert_eq!((sample.of(Telegram), sample.of(Email)), (None, None));
        let indices: Vec<_> = sample.texts().iter().map(|it| &it[8..]).collect();
        let indices: Vec<usize> = indices.iter().map(|it| it.parse().unwrap()).collect();
        assert!(indices.is_sorted());
        counts.insert(indices.len());
        seen.extend(indices);
    }
    assert_eq!(counts, [4, 5, 6].into());
    assert_eq!(seen.len(), 20, "each has its turn");
    let few = VoiceProfile::new(&numbered(4)).unwrap();
    let sample = few.sample(&none, [Telegram], "image");
    assert_eq!(sample.texts(), numbered(4));
}

#[test]
fn tags_choose_the_examples_of_a_platform() {
    let profile = profile(&["a", "b", "c"]);
    let sample = |tags: &VoiceTags| profile.sample(tags, [Telegram, Email], "image");
    for (of_telegram, texts, telegram, email) in [
        (
            &["b", "elsewhere"][..],
            &["a", "b", "c"][..],
            Some(&[1][..]),
            None,
        ),
        (&[], &["a", "b", "c"], Some(&[]), None),
        // After a change of the profile.
        (&["elsewhere"], &["a", "b", "c"], None, None),
        (&["c", "a", "b"], &["a", "b", "c"], None, None),
    ] {
        let sample = sample(&tags(&[(Telegram, of_telegram)]));
        assert_eq!(sample.texts(), texts, "{of_telegram:?}");
        assert_eq!(
            (sample.of(Telegram), sample.of(Email)),
            (telegram, email),
            "{of_telegram:?}"
        );
    }
    // What is for no platform of the request is not in it.
    let both = tags(&[(Telegram, &["c"]), (Email, &["a", "c"])]);
    let sample = sample(&both);
    assert_eq!(sample.texts(), ["a", "c"]);
    assert_eq!(
        (sample.of(Telegram), sample.of(Email)),
        (Some(&[1][..]), None)
    );
    assert_eq!(profile.sample(&both, [Telegram], "image").texts(), ["c"]);
    assert!(profile.sample(&both, [], "image").texts().is_empty());
}

#[test]
fn no_text_is_in_what_is_logged() {
    let profile = profile(&["secret"]);
    let tags = tags(&[(Telegram, &["secret"])]);
    let sample = profile.sample(&tags, [Telegram], "image");
    let logged = format!("{profile:?} {tags:?} {sample:?}");
    assert!(!logged.contains("secret"), "{logged}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_used_and_sampled_keeps_the_budget(
        texts in prop::collection::vec("\\PC{0,900}", 0..22),
        tagged in prop::collection::vec(any::<prop::sample::Index>(), 0..4),
        image in "[a-f0-9]{0,64}",
    ) {
        let Ok(profile) = VoiceProfile::new(&texts) else {
            let is_bad = texts.len() > MAX_EXAMPLES || texts.iter().any(|it| it.trim().is_empty());
            prop_assert!(is_bad);
            return Ok(());
        };
        let tokens = |texts: &[String]| texts.iter().map(|it| estimated_tokens(it)).sum::<usize>();
        prop_assert!(tokens(profile.used()) <= MAX_TOKENS);
        let next = profile.as_slice().get(profile.used().len());
        prop_assert!(next.is_none_or(|it| tokens(profile.used()) + estimated_tokens(it) > MAX_TOKENS));
        let named = tagged.iter().filter(|_| !texts.is_empty());
        let named = named.map(|it| texts[it.index(texts.len())].trim().to_owned());
        let tags = VoiceTags::new([(Telegram, named.collect())].into());
        let sample = profile.sample(&tags, Platform::ALL, &image);
        prop_assert!(tokens(sample.texts()) <= MAX_TOKENS);
        for platform in Platform::ALL {
            let count = sample.of(platform).map_or(sample.texts().len(), <[_]>::len);
            prop_assert!(count <= SAMPLED.1);
            prop_assert!(sample.of(platform).is_none_or(|it| it.iter().all(|at| *at < sample.texts().len())));
        }
    }
}
