//! Listing: what is in a listing, in which order, and what is left out.

use std::{collections::BTreeMap, sync::Arc};

use publisher::ports::{Folder, ImageStoreError};

use crate::fixture::{Fixture, awkward_names, image};

crate::expectations! {
    an_empty_folder_has_no_images,
    a_root_that_does_not_exist_is_empty_or_a_mistake_in_the_config,
    another_folder_that_does_not_exist_is_empty,
    images_are_listed_by_name_and_nothing_else_is,
    names_that_no_image_can_have_are_left_out,
    awkward_names_are_listed_as_they_are,
    twins_in_letter_case_are_two_images_where_storage_tells_them_apart,
    names_in_another_unicode_normalization_are_other_names,
    a_listing_has_more_images_than_a_page,
    a_listing_says_what_a_look_says,
    each_folder_lists_its_own_images,
    opening_a_folder_asks_nothing_of_storage,
}

async fn an_empty_folder_has_no_images(fixture: Arc<dyn Fixture>) {
    fixture.make_folder("queue").await;
    assert_eq!(fixture.names().await, [""; 0]);
}

async fn a_root_that_does_not_exist_is_empty_or_a_mistake_in_the_config(fixture: Arc<dyn Fixture>) {
    let listed = fixture.store().list().await;
    if fixture.traits().has_folders {
        let is_mistake = matches!(listed, Err(ImageStoreError::Misconfigured { .. }));
        assert!(is_mistake, "{listed:?}");
    } else {
        assert_eq!(listed.unwrap(), []);
    }
}

async fn another_folder_that_does_not_exist_is_empty(fixture: Arc<dyn Fixture>) {
    fixture.make_folder("queue").await;
    for folder in [Folder::Archive, Folder::Keep, Folder::Remove] {
        let listed = fixture.store().in_folder(folder).list().await;
        assert_eq!(listed.unwrap(), [], "{folder:?}");
    }
}

async fn images_are_listed_by_name_and_nothing_else_is(fixture: Arc<dyn Fixture>) {
    fixture
        .write_all(&[
            "queue/b.jpg",
            "queue/a.png",
            "queue/夜.webp",
            "queue/Z.JPG",
            "queue/ä.jpeg",
            "queue/a.txt",
            "queue/a.png.txt",
            "queue/notes.md",
            "queue/a.gif",
            "queue/no ending",
            "queue/sub/c.jpg",
            "queue/archive/d.jpg",
            "queues/e.jpg",
            "queue.jpg",
            "f.jpg",
        ])
        .await;
    fixture.make_folder("queue/folder.jpg").await;
    let names = fixture.names().await;
    assert_eq!(names, ["Z.JPG", "a.png", "b.jpg", "ä.jpeg", "夜.webp"]);
}

async fn names_that_no_image_can_have_are_left_out(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg"]).await;
    for bad in [
        "a\\b.jpg",
        "a\nb.jpg",
        "a\tb.jpg",
        "a\u{7f}b.jpg",
        "a\u{85}b.jpg",
        ".jpg",
    ] {
        // Not every kind can have a file of that name: that is as good.
        fixture.write(&format!("queue/{bad}"), image(bad)).await;
    }
    assert_eq!(fixture.names().await, ["a.jpg"]);
}

async fn awkward_names_are_listed_as_they_are(fixture: Arc<dyn Fixture>) {
    let mut names = awkward_names();
    for name in &names {
        fixture.write_all(&[&format!("queue/{name}")]).await;
    }
    names.sort_unstable();
    assert_eq!(fixture.names().await, names);
}

async fn twins_in_letter_case_are_two_images_where_storage_tells_them_apart(
    fixture: Arc<dyn Fixture>,
) {
    fixture.write_all(&["queue/a.jpg", "queue/A.jpg"]).await;
    let store = fixture.store();
    let listed = store.list().await.unwrap();
    let expected = if fixture.traits().tells_letter_case {
        2
    } else {
        1
    };
    assert_eq!(listed.len(), expected, "{listed:?}");
    for it in listed {
        let bytes = store.fetch(&it.name).await.unwrap().bytes;
        let latest = if expected == 1 {
            "A.jpg"
        } else {
            it.name.as_str()
        };
        assert_eq!(bytes, image(&format!("queue/{latest}")));
    }
}

async fn names_in_another_unicode_normalization_are_other_names(fixture: Arc<dyn Fixture>) {
    let names = ["cafe\u{301}.jpg", "caf\u{e9}.jpg"];
    let paths = names.map(|name| format!("queue/{name}"));
    fixture.write_all(&[&paths[0], &paths[1]]).await;
    assert_eq!(fixture.names().await, names);
    for (name, path) in names.iter().zip(&paths) {
        let fetched = fixture.store().fetch(&crate::fixture::name(name)).await;
        assert_eq!(fetched.unwrap().bytes, image(path), "{path}");
    }
}

async fn a_listing_has_more_images_than_a_page(fixture: Arc<dyn Fixture>) {
    const MANY: usize = 1_003;
    let names: Vec<_> = (0..MANY).map(|it| format!("{it:04}.jpg")).collect();
    for name in &names {
        assert!(fixture.write(&format!("queue/{name}"), image("")).await);
    }
    assert_eq!(fixture.names().await, names);
}

async fn a_listing_says_what_a_look_says(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg", "queue/b.jpg"]).await;
    let store = fixture.store();
    for listed in store.list().await.unwrap() {
        let path = format!("queue/{}", listed.name);
        let bytes = image(&path);
        assert_eq!(listed.content_hash, (fixture.traits().hash.of)(&bytes));
        assert_eq!(listed.size, bytes.len() as u64);
        assert_eq!(listed.last_modified.is_some(), fixture.traits().has_times);
        assert_eq!(store.find(&listed.name).await.unwrap(), listed);
        assert_eq!(store.fetch(&listed.name).await.unwrap().stored, listed);
    }
}

async fn each_folder_lists_its_own_images(fixture: Arc<dyn Fixture>) {
    let places = BTreeMap::from([
        ("queue/root.jpg", Folder::Root),
        ("queue/archive/archived.jpg", Folder::Archive),
        ("queue/keep/kept.jpg", Folder::Keep),
        ("queue/reject/removed.jpg", Folder::Remove),
    ]);
    for path in places.keys() {
        fixture.write_all(&[path]).await;
    }
    for (path, folder) in places {
        // From whichever folder another one is opened.
        for from in [Folder::Root, Folder::Archive] {
            let store = fixture.store().in_folder(from).in_folder(folder);
            let listed = store.list().await.unwrap();
            let names: Vec<_> = listed.iter().map(|it| it.name.as_str()).collect();
            assert_eq!(names, [path.rsplit('/').next().unwrap()], "{folder:?}");
            let fetched = store.fetch(&listed[0].name).await.unwrap();
            assert_eq!(fetched.bytes, image(path));
        }
    }
}

async fn opening_a_folder_asks_nothing_of_storage(fixture: Arc<dyn Fixture>) {
    fixture.write_all(&["queue/a.jpg"]).await;
    let before = fixture.calls();
    let archive = fixture.store().in_folder(Folder::Archive);
    assert_eq!(fixture.calls(), before);
    let found = archive.find(&crate::fixture::name("a.jpg")).await;
    assert!(matches!(found, Err(ImageStoreError::NotFound)), "{found:?}");
}
