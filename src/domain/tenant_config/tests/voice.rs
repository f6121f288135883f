//! The rows of the voice profile and of the ends of models.

use super::*;
use crate::domain::voice::VoiceTags;

/// The settings, and the warnings with their rules, all of which must be advice.
fn advised(document: Value) -> (TenantSettings, Vec<String>) {
    let config = TenantConfig::new(
        TenantName::new("alice").unwrap(),
        ConfigVersion::new("1"),
        ConfigTtl::from_seconds(None),
        SchemaVersion::V2,
        document,
    );
    let config = config.validate(platforms::spec).unwrap();
    let warnings = config.warnings();
    assert!(warnings.iter().all(FieldProblem::is_advice), "{warnings:?}");
    let told = warnings.iter().map(ToString::to_string).collect();
    (config.settings().clone(), told)
}

#[test]
fn examples_beyond_the_budget_are_left_out_with_one_warning_of_counts() {
    // 100 estimated tokens each.
    let example = "secret".repeat(66);
    let (settings, told) = advised(with("/content/voice_profile", json!(vec![&example; 7])));
    let rule = "5 of 7 examples are used: more have over 500 estimated tokens";
    assert_eq!(told, [format!("content.voice_profile: {rule}")]);
    let profile = &settings.content.voice_profile;
    assert_eq!((profile.used().len(), profile.as_slice().len()), (5, 7));
    let (_, told) = advised(with("/content/voice_profile", json!(vec![&example; 5])));
    assert_eq!(told, [""; 0]);
    // One example that nobody could use is as good as none.
    let long = json!(["x".repeat(2_000)]);
    let (settings, told) = advised(with("/content/voice_profile", long));
    assert!(told[0].contains("0 of 1 examples are used"), "{told:?}");
    assert!(!settings.matches_voice(settings.voice_profile(None)));
}

#[test]
fn tags_are_never_an_error_and_their_unknown_keys_are_one_warning() {
    let tags = |of: &[(Platform, &[&str])]| {
        let owned = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect();
        let all = of.iter().map(|(platform, texts)| (*platform, owned(texts)));
        VoiceTags::new(all.collect())
    };
    let many: serde_json::Map<_, _> = (0..12).map(|it| (format!("n{it:02}"), json!([]))).collect();
    let none = VoiceTags::default();
    let of_telegram = tags(&[(Platform::Telegram, &["a", "not in the profile"])]);
    for (sent, expected, told) in [
        (json!({}), none.clone(), None),
        (
            json!({"telegram": [" a", "not in the profile"], "email": null}),
            of_telegram.clone(),
            None,
        ),
        (json!({"email": []}), tags(&[(Platform::Email, &[])]), None),
        (
            json!({"telegram": ["a", "not in the profile"], "fetlife": ["a"], "x\ny": 1}),
            of_telegram,
            Some("`fetlife`, `x\\ny`"),
        ),
        (
            json!({"telegram": "secret", "email": ["secret", 1]}),
            none.clone(),
            Some("`email` (no list of strings), `telegram` (no list of strings)"),
        ),
        (
            json!({"k".repeat(50): ["secret"]}),
            none.clone(),
            Some(&*format!("`{}`", "k".repeat(40))),
        ),
        (
            json!(many),
            none.clone(),
            Some("`n00`, `n01`, `n02`, `n03`, `n04`, `n05`, `n06`, `n07`, `n08`, `n09` and 2 more"),
        ),
    ] {
        let mut document = with("/content/voice_profile_tags", sent.clone());
        set(&mut document, "/content/voice_profile", json!(["a", "b"]));
        let (settings, warnings) = advised(document);
        assert_eq!(settings.content.voice_profile_tags, expected, "{sent}");
        let rule = "content.voice_profile_tags: has keys that are of no platform, and ignored: ";
        let told = told.map(|told| format!("{rule}{told}"));
        assert_eq!(warnings, told.into_iter().collect::<Vec<_>>(), "{sent}");
        assert_eq!(settings.content.voice_profile.as_slice(), ["a", "b"]);
    }
    for sent in [json!(["telegram"]), json!("telegram"), json!(1)] {
        let (settings, warnings) = advised(with("/content/voice_profile_tags", sent.clone()));
        assert_eq!(settings.content.voice_profile_tags, none, "{sent}");
        assert_eq!(warnings.len(), 1, "{sent}");
    }
}

fn lifecycle(key: &str, sent: &Value) -> (Option<ModelLifecycle>, Vec<String>) {
    let (settings, told) = advised(with(&format!("/ai/{key}"), sent.clone()));
    let ai = settings.ai.unwrap();
    let (this, other) = match key {
        "vision_model_lifecycle" => (&ai.vision_model_lifecycle, &ai.caption_model_lifecycle),
        _ => (&ai.caption_model_lifecycle, &ai.vision_model_lifecycle),
    };
    assert_eq!(*other, None);
    let paths = told
        .iter()
        .map(|it| it.split(':').next().unwrap().to_owned());
    (this.clone(), paths.collect())
}

#[test]
fn the_end_of_each_model_is_read_with_what_is_said_of_it() {
    for (key, model) in [
        ("vision_model_lifecycle", "gpt-4o"),
        ("caption_model_lifecycle", "gpt-4o-mini"),
    ] {
        let sent = json!({
            "warning": " It ends soon. ",
            "shutdown_date": "2027-02-28",
            "recommended_replacement": "gpt-5",
            "severity": " Critical ",
            "of_a_later_version": 1,
        });
        let (found, told) = lifecycle(key, &sent);
        let found = found.unwrap();
        assert_eq!(told, [""; 0]);
        assert_eq!(found.severity, LifecycleSeverity::Critical);
        assert_eq!(found.warning.as_deref(), Some("It ends soon."));
        assert_eq!(found.recommended_replacement.as_deref(), Some("gpt-5"));
        assert_eq!(found.shutdown_timestamp(), Some(1_803_772_800));
        let (settings, _) = advised(with(&format!("/ai/{key}"), sent));
        let ai = settings.ai.unwrap();
        let all: Vec<_> = ai
            .lifecycles()
            .map(|(used_for, model, _)| (used_for, model))
            .collect();
        let used_for = key.split('_').next().unwrap();
        assert_eq!(all, [(used_for, model)]);
    }
    let (found, _) = lifecycle("vision_model_lifecycle", &json!({"warning": "x"}));
    let found = found.unwrap();
    assert_eq!(found.severity, LifecycleSeverity::Warning, "the default");
    assert_eq!(found.shutdown_timestamp(), None);
    let long = json!({"warning": "x".repeat(501), "recommended_replacement": "y".repeat(101)});
    let (found, _) = lifecycle("vision_model_lifecycle", &long);
    let found = found.unwrap();
    assert_eq!(found.warning.unwrap().len(), 500);
    assert_eq!(found.recommended_replacement.unwrap().len(), 100);
    for nothing in [json!({}), json!({"warning": " ", "severity": null})] {
        assert_eq!(
            lifecycle("vision_model_lifecycle", &nothing),
            (None, vec![])
        );
    }
}

#[test]
fn a_malformed_end_of_a_model_is_ignored_by_path() {
    for (sent, path) in [
        (json!("soon"), ""),
        (json!([]), ""),
        (json!({"severity": "urgent"}), ".severity"),
        (json!({"severity": 1}), ".severity"),
        (json!({"warning": 1, "severity": "info"}), ".warning"),
        (
            json!({"recommended_replacement": []}),
            ".recommended_replacement",
        ),
        (json!({"shutdown_date": 1_803_772_800}), ".shutdown_date"),
        (json!({"shutdown_date": "28.02.2027"}), ".shutdown_date"),
        (json!({"shutdown_date": "2027-02-29"}), ".shutdown_date"),
        (json!({"shutdown_date": "2027-2-28"}), ".shutdown_date"),
        (
            json!({"shutdown_date": "2027-02-28T00:00:00Z"}),
            ".shutdown_date",
        ),
        (json!({"shutdown_date": "2027-02-28-01"}), ".shutdown_date"),
        (json!({"shutdown_date": "+027-02-28"}), ".shutdown_date"),
    ] {
        for key in ["vision_model_lifecycle", "caption_model_lifecycle"] {
            let expected = vec![format!("ai.{key}{path}")];
            assert_eq!(lifecycle(key, &sent), (None, expected), "{sent}");
        }
    }
}
