//! Files that are no ledgers, or no whole ones, are refused: none ends the process, and none brings
//! anything that is not so.

use std::{fs, path::Path, sync::LazyLock};

use proptest::prelude::*;
use tempfile::TempDir;

use super::{
    Backstage as _, Hands,
    suite::{attempt, failed, published},
    *,
};

/// A ledger with a few hundred entries.
static LEDGER: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("ledger.db");
    run(async {
        let ledger = SqliteLedger::open(&path, Arc::new(Hands::new()))
            .await
            .unwrap();
        for number in 0..200 {
            let image = format!("image {number}");
            let outcome = if number % 2 == 0 {
                published("1")
            } else {
                failed()
            };
            attempt(&ledger, "alice", &image, &outcome).await;
        }
        ledger.pool().close().await;
    });
    fs::read(&path).unwrap()
});

fn run<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = { runtime }.enable_all().build().unwrap();
    runtime.block_on(future)
}

/// What an import of such a file comes to, and how many of its entries are known then.
fn import(content: &[u8]) -> (Result<ImportSummary, ImportError>, i64) {
    let folder = TempDir::new().unwrap();
    let (file, target) = (folder.path().join("file"), folder.path().join("ledger.db"));
    fs::write(&file, content).unwrap();
    run(async {
        entries(&target).await;
        let settings = LedgerSettings::of_file(&target);
        let imported = import_file(settings, &file, Arc::new(Hands::new())).await;
        assert_eq!(fs::read(&file).unwrap(), content);
        (imported, entries(&target).await)
    })
}

async fn entries(target: &Path) -> i64 {
    let ledger = SqliteLedger::open(target, Arc::new(Hands::new()))
        .await
        .unwrap();
    let count = ledger.number("SELECT count(*) FROM ledger_entries").await;
    ledger.pool().close().await;
    count
}

#[test]
fn what_is_no_ledger_is_refused() {
    for content in [
        &b""[..],
        b"x",
        b"this is no database, and long enough to tell",
    ] {
        let (imported, count) = import(content);
        assert!(
            matches!(imported, Err(ImportError::Unusable { .. })),
            "{imported:?}"
        );
        assert_eq!(count, 0);
    }
    let (imported, count) = import(&LEDGER);
    assert!(imported.is_ok_and(|summary| summary.is_complete()));
    assert_eq!(count, 200);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_ledger_that_is_cut_off_is_refused(length in 0..LEDGER.len()) {
        let (imported, count) = import(&LEDGER[..length]);
        prop_assert!(matches!(imported, Err(ImportError::Unusable { .. })), "{:?}", imported);
        prop_assert_eq!(count, 0);
    }

    #[test]
    fn random_bytes_are_refused(content in prop::collection::vec(any::<u8>(), 0..8192)) {
        let (imported, count) = import(&content);
        prop_assert!(matches!(imported, Err(ImportError::Unusable { .. })), "{:?}", imported);
        prop_assert_eq!(count, 0);
    }

    #[test]
    fn a_ledger_in_which_bytes_are_changed_ends_no_process(
        changes in prop::collection::vec((0..LEDGER.len(), any::<u8>()), 1..16),
    ) {
        let mut content = LEDGER.clone();
        for (at, byte) in changes {
            content[at] = byte;
        }
        let (_, count) = import(&content);
        prop_assert!(count <= 200);
    }
}
