//! What has changed in a folder since it was listed.

use proptest::{prelude::*, test_runner::TestRunner};

use super::*;
use crate::{
    domain::listing::{LetterCase, Listing},
    ports::{ListingCursor, ListingPage, NextPage},
};

/// A listing that is kept up to date.
struct Mirror {
    listing: Listing,
    cursor: Option<ListingCursor>,
}

impl Mirror {
    fn new() -> Self {
        Self {
            listing: Listing::new(LetterCase::Ignored),
            cursor: None,
        }
    }

    /// Reads what there is to read; false if the cursor is no good any more.
    async fn read(&mut self, tenant: &Tenant) -> bool {
        loop {
            let page = tenant.store.list_page(self.cursor.take()).await.unwrap();
            let Some(ListingPage { changes, next, .. }) = page else {
                *self = Self::new();
                return false;
            };
            self.listing = self.listing.with(changes);
            match next {
                NextPage::More(cursor) => self.cursor = Some(cursor),
                NextPage::Changes(cursor) => {
                    self.cursor = Some(cursor);
                    return true;
                }
                NextPage::None => panic!("Dropbox tells of changes"),
            }
        }
    }
}

/// What people do in a folder.
#[derive(Debug, Clone)]
enum Act {
    Put(String, u8),
    Remove(String),
    Rename(String, String),
    MakeFolder(String),
    Refresh,
}

fn act() -> impl Strategy<Value = Act> {
    // Few names, some of them in another letter case, some of no image, some deeper.
    let names = [
        "a.jpg",
        "A.jpg",
        "b.JPG",
        "b.jpg",
        "É.png",
        "é.png",
        "夜.webp",
        "a.txt",
        "sub/a.jpg",
    ];
    let name = || prop::sample::select(names.to_vec()).prop_map(|name| format!("/Queue/{name}"));
    prop_oneof![
        4 => (name(), any::<u8>()).prop_map(|(name, content)| Act::Put(name, content)),
        2 => name().prop_map(Act::Remove),
        2 => (name(), name()).prop_map(|(from, to)| Act::Rename(from, to)),
        1 => name().prop_map(Act::MakeFolder),
        3 => Just(Act::Refresh),
    ]
}

async fn follow(acts: Vec<Act>, page_size: usize) {
    let tenant = Tenant::new().await;
    let dropbox = tenant.dropbox();
    dropbox.set_page_size(page_size);
    assert!(dropbox.make_folder(ACCOUNT, "/Queue"));
    let mut mirror = Mirror::new();
    for act in acts.into_iter().chain([Act::Refresh]) {
        // What Dropbox does not allow changes nothing.
        match act {
            Act::Put(path, content) => drop(dropbox.put(ACCOUNT, &path, vec![content])),
            Act::Remove(path) => drop(dropbox.remove(ACCOUNT, &path)),
            Act::Rename(from, to) => drop(dropbox.rename(ACCOUNT, &from, &to)),
            Act::MakeFolder(path) => drop(dropbox.make_folder(ACCOUNT, &path)),
            Act::Refresh => {
                assert!(mirror.read(&tenant).await);
                let mirrored: Vec<_> = mirror.listing.iter().map(|it| it.to_stored()).collect();
                assert_eq!(mirrored, tenant.store.list().await.unwrap());
            }
        }
    }
}

#[test]
fn a_listing_that_follows_the_changes_is_what_a_full_one_is() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let config = ProptestConfig::with_cases(24);
    let acts = (prop::collection::vec(act(), 1..40), 1_usize..6);
    TestRunner::new(config)
        .run(&acts, |(acts, page_size)| {
            runtime.block_on(follow(acts, page_size));
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn a_refresh_is_one_small_call_and_an_old_cursor_a_fresh_start() {
    let tenant = Tenant::new().await;
    for name in 0..20 {
        tenant.put(&format!("/Queue/{name}.jpg"), "x");
    }
    let mut mirror = Mirror::new();
    assert!(mirror.read(&tenant).await);
    tenant.put("/Queue/new.jpg", "x");
    assert!(tenant.dropbox().remove(ACCOUNT, "/Queue/0.jpg"));
    assert!(mirror.read(&tenant).await);
    assert_eq!(mirror.listing.len(), 20);
    let calls = || {
        (
            tenant.calls("list_folder"),
            tenant.calls("list_folder/continue"),
        )
    };
    assert_eq!(calls(), (1, 1));

    tenant.dropbox().reset_cursors();
    assert!(!mirror.read(&tenant).await);
    assert!(mirror.read(&tenant).await);
    assert_eq!((mirror.listing.len(), calls()), (20, (2, 2)));

    // The folder itself is gone: a fresh start says so.
    assert!(tenant.dropbox().remove(ACCOUNT, "/Queue"));
    assert!(!mirror.read(&tenant).await);
    let error = tenant.store.list_page(None).await.unwrap_err();
    assert!(matches!(error, ImageStoreError::Misconfigured { .. }));
}
