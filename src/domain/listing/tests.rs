use std::{
    collections::BTreeMap,
    time::{Duration, SystemTime},
};

use proptest::prelude::*;

use super::*;
use crate::domain::content_hash::ContentHash;
use crate::domain::image::StoredImage;

fn image(name: &str, revision: u32) -> StoredImage {
    StoredImage {
        name: ImageName::new(name).unwrap(),
        file_id: format!("id:{name}"),
        revision: revision.to_string(),
        content_hash: ContentHash::of(&revision.to_le_bytes()),
        size: u64::from(revision) << 20,
        last_modified: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(revision.into())),
    }
}

fn found(names: &[&str]) -> Vec<ListingChange> {
    let change = |name: &&str| ListingChange::Found(image(name, 1));
    names.iter().map(change).collect()
}

fn all(listing: &Listing) -> Vec<StoredImage> {
    listing.iter().map(|it| it.to_stored()).collect()
}

/// Few names, of which some differ in the case of letters only.
fn name() -> impl Strategy<Value = String> {
    let letters = prop::sample::select(vec!["a", "A", "b", "É", "é", "夜", "İ", "ß", "Σ", "ς"]);
    (
        letters,
        0_u8..40,
        prop::sample::select(vec![".jpg", ".JPG", ".png"]),
    )
        .prop_map(|(letter, number, ending)| format!("{letter}{number}{ending}"))
}

fn change() -> impl Strategy<Value = ListingChange> {
    (name(), any::<u32>(), any::<bool>()).prop_map(|(name, revision, is_there)| {
        if is_there {
            ListingChange::Found(image(&name, revision))
        } else {
            ListingChange::Gone(name)
        }
    })
}

proptest! {
    #[test]
    fn a_listing_holds_what_a_map_of_names_holds(
        ignores in any::<bool>(),
        batches in prop::collection::vec(prop::collection::vec(change(), 0..60), 1..12),
    ) {
        let letter_case = if ignores { LetterCase::Ignored } else { LetterCase::Counts };
        let key = |name: &str| -> String {
            if ignores { name.chars().flat_map(char::to_lowercase).collect() } else { name.to_owned() }
        };
        let mut model: BTreeMap<String, StoredImage> = BTreeMap::new();
        let mut listing = Listing::new(letter_case);
        for batch in batches {
            let before = (all(&listing), listing.clone());
            listing = listing.with(batch.clone());
            prop_assert_eq!(before.0, all(&before.1));
            for change in batch {
                match change {
                    ListingChange::Gone(name) => drop(model.remove(&key(&name))),
                    ListingChange::Found(image) => {
                        model.insert(key(image.name.as_str()), image);
                    }
                }
            }
            let mut expected: Vec<_> = model.values().cloned().collect();
            expected.sort_by(|a, b| a.name.cmp(&b.name));
            prop_assert_eq!(all(&listing), expected.clone());
            prop_assert_eq!(listing.len(), expected.len());
            prop_assert_eq!(listing.is_empty(), expected.is_empty());
            for (index, image) in expected.iter().enumerate() {
                prop_assert_eq!(listing.find(&image.name).unwrap().to_stored(), image.clone());
                prop_assert_eq!(listing.after(image.name.as_str()).count(), expected.len() - index - 1);
            }
        }
    }
}

#[test]
fn an_image_is_found_under_its_own_name_only() {
    let listing = Listing::default().with(found(&["B.jpg", "a.jpg", "夜.jpg"]));
    let find = |name: &str| listing.find(&ImageName::new(name).unwrap());
    assert_eq!(find("夜.jpg").unwrap().name(), "夜.jpg");
    assert!(find("b.jpg").is_none() && find("c.jpg").is_none());
}

#[test]
fn what_comes_after_a_name_need_not_be_of_a_listed_one() {
    let listing = Listing::default().with(found(&["a.jpg", "c.jpg"]));
    let after = |name| listing.after(name).map(|it| it.name()).collect::<Vec<_>>();
    assert_eq!(after(""), ["a.jpg", "c.jpg"]);
    assert_eq!(after("b"), ["c.jpg"]);
    assert!(after("c.jpg").is_empty() && after("d").is_empty());
}

/// The names of a camera, in the order in which Dropbox and S3 list.
fn hundred_thousand() -> impl Iterator<Item = StoredImage> {
    (0..100_000_u32).map(|number| StoredImage {
        file_id: format!("id:{number:022}"),
        revision: format!("{number:031}"),
        ..image(&format!("IMG_2026-05-04_{number:010}.jpg"), number)
    })
}

#[test]
fn a_hundred_thousand_images_take_less_than_30_mb_and_a_change_copies_little() {
    let images: Vec<_> = hundred_thousand().map(ListingChange::Found).collect();
    let mut listing = Listing::new(LetterCase::Ignored);
    for page in images.chunks(2_000) {
        listing = listing.with(page.to_vec());
    }
    assert_eq!(listing.len(), 100_000);
    assert!(listing.bytes() < 20_000_000, "{}", listing.bytes());
    let gone = "IMG_2026-05-04_0000050000.jpg";
    let later = listing.with(vec![ListingChange::Gone(gone.to_owned())]);
    assert_eq!(later.len(), 99_999);
    let is_shared = |chunk: &&Arc<Chunk>| Arc::strong_count(chunk) == 2;
    let shared = later.chunks.iter().filter(is_shared).count();
    assert_eq!(shared, later.chunks.len() - 1);
}

#[test]
fn chunks_stay_well_filled_however_names_come() {
    let mut listing = Listing::default();
    for number in 0..4_000_u32 {
        let name = format!("{:08x}.jpg", number.wrapping_mul(0x9e37_79b9));
        listing = listing.with(found(&[&name]));
    }
    assert_eq!(listing.len(), 4_000);
    assert!(
        listing.chunks.len() < 4 * 4_000 / CHUNK,
        "{}",
        listing.chunks.len()
    );
}
