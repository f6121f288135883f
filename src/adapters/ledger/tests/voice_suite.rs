//! Stored voice profiles, whatever database is behind them.

use super::{Backstage, tenant};
use crate::{
    adapters::ledger::{
        merge::{Batch, Counts},
        voice::VoiceRecord,
    },
    domain::voice::VoiceProfile,
    ports::LedgerError,
};

fn profile(texts: &[&str]) -> VoiceProfile {
    VoiceProfile::new(texts).unwrap()
}

async fn stored(ledger: &impl Backstage, name: &str) -> Option<Vec<String>> {
    let found = ledger.load(&tenant(name)).await.unwrap();
    found.map(|profile| profile.as_slice().to_vec())
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|it| (*it).to_owned()).collect()
}

pub(super) async fn a_profile_is_kept_for_its_tenant_until_it_is_replaced_or_forgotten(
    ledger: &impl Backstage,
) {
    let (alice, bob) = (tenant("alice"), tenant("bob"));
    assert_eq!(stored(ledger, "alice").await, None);
    ledger.forget(&alice).await.unwrap();
    assert_eq!(stored(ledger, "alice").await, None);
    ledger.store(&alice, &profile(&["a", "b"])).await.unwrap();
    ledger.store(&bob, &profile(&["c"])).await.unwrap();
    assert_eq!(stored(ledger, "alice").await, Some(owned(&["a", "b"])));
    ledger.store(&alice, &profile(&[])).await.unwrap();
    assert_eq!(
        stored(ledger, "alice").await,
        Some(owned(&[])),
        "empty is not none"
    );
    ledger.forget(&alice).await.unwrap();
    assert_eq!(stored(ledger, "alice").await, None);
    assert_eq!(stored(ledger, "bob").await, Some(owned(&["c"])));
}

pub(super) async fn every_text_comes_back_as_it_was_stored(ledger: &impl Backstage) {
    let odd = [
        "two\nlines",
        "\"quotes\" \\",
        "夜 🌊",
        "nul\0inside",
        "'; DROP TABLE x; --",
    ];
    ledger
        .store(&tenant("alice"), &profile(&odd))
        .await
        .unwrap();
    assert_eq!(stored(ledger, "alice").await, Some(owned(&odd)));
}

pub(super) async fn a_row_that_makes_no_sense_is_no_profile_until_one_is_stored(
    ledger: &impl Backstage,
) {
    let alice = tenant("alice");
    ledger.store(&alice, &profile(&["a"])).await.unwrap();
    for damaged in ["secret", "{}", "[1]", "[\"secret\", \" \"]"] {
        let update = format!("UPDATE ledger_voice_profile SET examples = '{damaged}'");
        ledger.run(&update).await;
        let error = ledger.load(&alice).await.unwrap_err();
        let LedgerError::Unavailable(cause) = &error else {
            panic!("{error}");
        };
        assert!(!cause.to_string().contains("secret"), "{cause}");
    }
    ledger.store(&alice, &profile(&["b"])).await.unwrap();
    assert_eq!(stored(ledger, "alice").await, Some(owned(&["b"])));
}

pub(super) async fn the_later_profile_wins_whichever_ledger_has_it(ledger: &impl Backstage) {
    let record = |name: &str, examples: Option<&str>, updated_at| VoiceRecord {
        tenant: name.to_owned(),
        examples: examples.map(str::to_owned),
        updated_at,
    };
    for name in ["alice", "bob", "carol"] {
        ledger
            .store(&tenant(name), &profile(&["ours"]))
            .await
            .unwrap();
    }
    ledger.forget(&tenant("carol")).await.unwrap();
    let batch = Batch {
        voices: vec![
            record("alice", Some(r#"["theirs"]"#), 1_000),
            record("bob", Some(r#"["theirs"]"#), i64::MAX),
            // Was forgotten after theirs was stored.
            record("carol", Some(r#"["theirs"]"#), 1_000),
            record("dave", None, 1_000),
            record("eve", Some("[]"), 1_000),
        ],
        ..Batch::default()
    };
    for counts in [(2, 1, 2), (0, 0, 5)] {
        let merged = ledger.merge(&batch).await.unwrap();
        let (new, raised, known) = counts;
        assert_eq!(merged.voices, Counts { new, raised, known });
        assert_eq!(stored(ledger, "alice").await, Some(owned(&["ours"])));
        assert_eq!(stored(ledger, "bob").await, Some(owned(&["theirs"])));
        assert_eq!(stored(ledger, "carol").await, None);
        assert_eq!(stored(ledger, "dave").await, None);
        assert_eq!(stored(ledger, "eve").await, Some(owned(&[])));
    }
}
