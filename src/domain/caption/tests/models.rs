//! Fitting where the platform has the model's hashtags, counts links as one length, or limits bytes.

use super::{
    generated::{BLUESKY, mastodon},
    *,
};

/// As on a server with the usual limit, with nothing before the caption.
const MASTODON: CaptionRules = mastodon(504);

fn tags(tags: &[&str]) -> Vec<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}

#[test]
fn at_most_five_of_the_models_hashtags_follow_the_tenants() {
    let model = tags(&[
        "Rope",
        "black and white",
        "2024",
        "TENANT",
        "rope",
        "knot",
        "light",
        "hemp",
        "skin",
        "too much",
    ]);
    for rules in [MASTODON, BLUESKY] {
        assert_eq!(
            rules.fit_written("A #knot here. #other", "#Tenant", &model),
            "A knot here.\n\n#Tenant #rope #blackandwhite #knot #light #hemp"
        );
        assert_eq!(
            rules.fit_written("A knot.", "", &tags(&["rope"])),
            "A knot.\n\n#rope"
        );
        assert_eq!(rules.fit_written("", "", &tags(&["rope"])), "#rope");
        // A person's caption is whole.
        assert_eq!(
            rules.fit("A #knot here.", "#tenant"),
            "A #knot here.\n\n#tenant"
        );
    }
    for (rules, fitted) in [(TELEGRAM, "A knot.\n\n#tenant"), (EMAIL, "A knot.")] {
        assert_eq!(rules.fit_written("A knot.", "#tenant", &model), fitted);
    }
}

#[test]
fn the_models_hashtags_give_way_first() {
    let model = tags(&["hashtag", "rope"]);
    let rules = mastodon(24);
    // 20 graphemes: the text and the tenant's hashtag take 17.
    assert_eq!(
        rules.fit_written("A knot. Yes", "#aha", &model),
        "A knot. Yes\n\n#aha"
    );
    assert_eq!(
        rules.fit_written("A knot.", "#aha", &model),
        "A knot.\n\n#aha #rope"
    );
    // The text is cut, and some room is left.
    let short = tags(&["ab"]);
    assert_eq!(
        rules.fit_written("A knot, and rathermuchlonger", "#a", &short),
        "A knot, and…\n\n#a"
    );
    // Not even all of the tenant's fit.
    let tenants = "#first #secondhashtag";
    assert_eq!(
        rules.fit_written("A knot.", tenants, &short),
        "A knot.\n\n#first"
    );
}

#[test]
fn what_was_fitted_is_fitted_again_with_its_hashtags() {
    let model = tags(&["rope", "light"]);
    let sent = MASTODON.fit_written("A knot.", "#tenant", &model);
    assert_eq!(MASTODON.fit_with_own_hashtags(&sent, "#tenant"), sent);
    assert_eq!(
        MASTODON.fit_with_own_hashtags(&sent, "#new"),
        "A knot.\n\n#new #tenant #rope #light"
    );
    // Another limit, and a platform that has only the tenant's.
    assert_eq!(
        mastodon(24).fit_with_own_hashtags(&sent, "#aha"),
        "A knot.\n\n#aha #rope"
    );
    assert_eq!(
        TELEGRAM.fit_with_own_hashtags(&sent, "#tenant"),
        "A knot.\n\n#tenant"
    );
    assert_eq!(EMAIL.fit_with_own_hashtags(&sent, "#tenant"), "A knot.");
}

#[test]
fn a_link_is_whole_or_left_out() {
    let link = format!("https://example.com/{}", "a".repeat(600));
    for (text, fitted) in [
        (format!("See {link}"), format!("See {link}")),
        (
            format!("See {link} {}", "word ".repeat(200)),
            format!("See {link} {}word…", "word ".repeat(93)),
        ),
        (
            format!("{}{link}", "word ".repeat(97)),
            format!("{}word…", "word ".repeat(96)),
        ),
    ] {
        let cut = MASTODON.fit(&text, "");
        assert_eq!(cut, fitted, "{text}");
        assert!(MASTODON.length(&cut) <= 500);
    }
    // Where it counts as it is, there is no room for it.
    for rules in [BLUESKY, EMAIL] {
        let fitted = rules.fit(&format!("See {link} there"), "");
        assert!(fitted == "See…" || fitted == "See...", "{fitted}");
        assert_eq!(rules.fit(&link, ""), "");
    }
}

#[test]
fn an_ellipsis_does_not_become_part_of_a_link() {
    let rules = mastodon(54);
    let text = format!("See https://example.com/a {}", "b".repeat(60));
    assert_eq!(rules.fit(&text, ""), "See https://example.com/a …");
    let text = format!(
        "1234567890123456789012345 https://example.com/a {}",
        "b".repeat(60)
    );
    // There is room for the link, but not for what would stand behind it.
    assert_eq!(rules.fit(&text, ""), "1234567890123456789012345…");
    let text = format!("See there https://example.com/a-- {}", "b".repeat(60));
    assert_eq!(rules.fit(&text, ""), "See there https://example.com/a-- …");
}

#[test]
fn bytes_are_limited_beside_graphemes() {
    let family = "👨\u{200d}👩\u{200d}👧\u{200d}👦";
    let fitted = BLUESKY.fit(&family.repeat(200), "#tenant");
    assert!(
        fitted.len() <= 3_000 && fitted.len() > 2_950,
        "{}",
        fitted.len()
    );
    assert!(fitted.ends_with(&format!("{family}…\n\n#tenant")));
    assert!(BLUESKY.takes(&family.repeat(120)) && !BLUESKY.takes(&family.repeat(121)));
    // Half of the bytes are the most for hashtags.
    let many: Vec<String> = (0..40)
        .map(|it| format!("#{}{it}", "縄".repeat(20)))
        .collect();
    let fitted = BLUESKY.fit(&family.repeat(200), &many.join(" "));
    let (body, tags) = fitted.split_once("\n\n").unwrap();
    assert!(
        body.len() > 1_400 && tags.len() > 300,
        "{} {}",
        body.len(),
        tags.len()
    );
}

#[test]
fn a_persons_hashtags_stay_where_there_are_others_than_the_tenants() {
    for rules in [MASTODON, BLUESKY] {
        assert_eq!(
            rules.fit_with_own_hashtags("Sunset over the sea #Sunset #sea", "#tenant"),
            "Sunset over the sea\n\n#tenant #Sunset #sea"
        );
        assert_eq!(
            rules.fit_with_own_hashtags("#sunset #sea", ""),
            "#sunset #sea"
        );
    }
    assert_eq!(
        TELEGRAM.fit_with_own_hashtags("Sunset over the sea #sunset", "#tenant"),
        "Sunset over the sea\n\n#tenant"
    );
}
