//! Nothing outside the four folders of a tenant is read, written, moved or deleted, whatever the name of an image is.

use std::{collections::BTreeSet, sync::Arc};

use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};
use publisher::{
    domain::{image::ImageName, sidecar::SidecarName},
    ports::{Folder, FoundFile, IfTaken, PutMode},
};

use crate::fixture::{Fixture, encoded};

crate::expectations! {
    no_name_leads_out_of_the_folders,
}

/// How many names are tried.
const NAMES: usize = 48;
/// Names made of what paths, URLs, shells and encodings give a meaning to.
const HOSTILE: &str =
    r"([./~%:*?<>|&;$!'` \u{202e}\u{feff}\u{2215}é-]|\.\.|%2[eEfF]|%00|queue|other|a){1,12}\.jpg";

/// Files of others, in places that a name might lead to.
const OF_OTHERS: [&str; 6] = [
    "a.jpg",
    "other/a.jpg",
    "queues/a.jpg",
    "queue.jpg",
    "queue/sub/a.jpg",
    "queue/archives/a.jpg",
];

async fn no_name_leads_out_of_the_folders(fixture: Arc<dyn Fixture>) {
    fixture.make_folder("queue").await;
    fixture.write_all(&OF_OTHERS).await;
    let before = fixture.files().await;
    let mut runner = TestRunner::deterministic();
    let strategy = proptest::string::string_regex(HOSTILE).unwrap();
    let (mut tried, mut sidecars) = (0, BTreeSet::new());
    while tried < NAMES {
        let text = strategy.new_tree(&mut runner).unwrap().current();
        // What is no name of an image cannot be asked for.
        let Ok(name) = ImageName::new(&text) else {
            continue;
        };
        tried += 1;
        let store = fixture.store();
        // Some kinds refuse some names; none takes them for another path.
        let _ = store.find(&name).await;
        let _ = store.fetch(&name).await;
        for which in SidecarName::ALL {
            let written = store.write_sidecar(&name, which, b"ours", &FoundFile::Nothing);
            let _ = written.await;
            let sidecar = format!("queue/{}", which.beside(&text).unwrap());
            sidecars.insert(sidecar.to_lowercase());
        }
        if store
            .put(&name, &encoded(&text), PutMode::New)
            .await
            .is_ok()
        {
            let there = fixture.read(&format!("queue/{text}")).await;
            assert_eq!(there.as_ref(), Some(encoded(&text).bytes()), "{text:?}");
            let found = store.find(&name).await.unwrap();
            let moved = store.move_to(&found, &[], Folder::Keep, IfTaken::Refuse);
            let moved = moved.await.unwrap();
            let there = fixture.read(&format!("queue/keep/{}", moved.name)).await;
            assert_eq!(there.as_ref(), Some(encoded(&text).bytes()), "{text:?}");
            let keep = store.in_folder(Folder::Keep);
            keep.delete(&name, &[]).await.unwrap();
        }
        let mut after = fixture.files().await;
        after.retain(|path, _| !sidecars.contains(&path.to_lowercase()));
        assert_eq!(after, before, "{text:?}");
    }
}
