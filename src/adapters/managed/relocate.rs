//! Moving objects, which a store does not know: a copy on the condition that its name is free, then a
//! deletion. A crash in between leaves both, and the next move finds its own copy and deletes the original.

use super::{
    bucket::Bucket,
    failure::Failure,
    keys::{Key, Prefix},
    objects::Written,
    wire::Stat,
};
use crate::{
    domain::{
        image::{ImageName, MAX_IMAGE_BYTES, StoredImage},
        sidecar::SidecarName,
    },
    ports::{Cause, IfTaken, ImageStoreError},
};

/// The names that are tried where one is taken.
const MAX_NAMES: u32 = 100;

impl Bucket {
    /// Moves an image and returns its new name, which differs if the old one was taken.
    pub(super) async fn move_image(
        &self,
        image: &StoredImage,
        from: &Prefix,
        to: &Prefix,
        if_taken: IfTaken,
    ) -> Result<ImageName, ImageStoreError> {
        let source = from.image(&image.name);
        let there = self.head(&source).await?;
        // Another image may have its name now.
        let there = there.filter(|there| there.revision() == image.revision);
        let there = there.ok_or(ImageStoreError::NotFound)?;
        let names = (0..MAX_NAMES).filter_map(|number| numbered(&image.name, number));
        for name in names {
            if self.transfer(&source, &there, &to.image(&name)).await? {
                return Ok(name);
            }
            if if_taken == IfTaken::Refuse {
                return Err(ImageStoreError::NameTaken);
            }
        }
        Err(no_free_name())
    }

    /// Moves a sidecar, if there is one. Where its new name is taken, by the sidecar of another image, it
    /// goes to the one that is this image's alone; should both be taken, by texts of images that are gone,
    /// it gets another and is no sidecar any more; nothing is lost.
    pub(super) async fn move_sidecar(
        &self,
        (from, image): (&Prefix, &ImageName),
        (to, new_name): (&Prefix, &ImageName),
        which: SidecarName,
    ) -> Result<(), ImageStoreError> {
        let Some(source) = from.sidecar(image, which) else {
            return Ok(());
        };
        let Some(there) = self.head(&source).await? else {
            return Ok(());
        };
        let names = [which, SidecarName::Full].map(|which| to.sidecar(new_name, which));
        let spare = (1..MAX_NAMES).map(|number| to.spare_text(new_name, number));
        for target in names.into_iter().flatten().chain(spare) {
            if self.transfer(&source, &there, &target).await? {
                return Ok(());
            }
        }
        Err(no_free_name())
    }

    /// Moves an object, if the new key is free; false if another object has it, and then nothing has
    /// happened. An object there with the same content counts as a copy that an earlier call made: whoever
    /// put it there, nothing is lost.
    async fn transfer(
        &self,
        source: &Key,
        there: &Stat,
        target: &Key,
    ) -> Result<bool, ImageStoreError> {
        // It is no copy of itself: the original would be deleted.
        if source == target {
            return Ok(false);
        }
        match self.head(target).await.map_err(Failure::undecided)? {
            Some(taken) if self.is_copy(source, there, target, &taken).await? => {}
            Some(_) => return Ok(false),
            None => {
                let copied = self.copy(source, there, target).await;
                match copied.map_err(Failure::of_one_object)? {
                    Written::Done => {}
                    // It has been taken meanwhile, or the original was replaced.
                    Written::Refused => match self.head(target).await? {
                        Some(taken) if taken.is_same_content(there) => {}
                        Some(_) => return Ok(false),
                        None => return Err(replaced()),
                    },
                }
            }
        }
        // What was written under the old name since stays.
        if self.head(source).await?.as_ref().map(Stat::revision) == Some(there.revision()) {
            self.delete(source).await?;
        }
        Ok(true)
    }

    /// Whether an object is a copy of another. A copy of one that was put in several parts has another `ETag`,
    /// so that these are compared by their content.
    async fn is_copy(
        &self,
        source: &Key,
        there: &Stat,
        target: &Key,
        taken: &Stat,
    ) -> Result<bool, ImageStoreError> {
        if there.is_same_content(taken) {
            return Ok(true);
        }
        let is_open = there.size == taken.size
            && there.size <= MAX_IMAGE_BYTES
            && (there.is_in_parts() || taken.is_in_parts());
        if !is_open {
            return Ok(false);
        }
        let digests = (self.digest(source).await?, self.digest(target).await?);
        Ok(matches!(digests, (Some(one), Some(other)) if one == other))
    }
}

/// The name for another attempt: `a.jpg`, `a (1).jpg`, `a (2).jpg`; the stem gives way where that is too long.
fn numbered(name: &ImageName, number: u32) -> Option<ImageName> {
    if number == 0 {
        return Some(name.clone());
    }
    let (mut stem, ending) = (name.stem(), name.as_str().strip_prefix(name.stem())?);
    loop {
        match ImageName::new(&format!("{stem} ({number}){ending}")) {
            Ok(name) => return Some(name),
            Err(_) => stem = &stem[..stem.char_indices().next_back()?.0],
        }
    }
}

fn no_free_name() -> ImageStoreError {
    let cause = Cause::from("a hundred names like this one are taken in the folder");
    ImageStoreError::Unavailable(cause)
}

fn replaced() -> ImageStoreError {
    let cause = Cause::from("the object was replaced while it was to be moved");
    ImageStoreError::Unavailable(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_name_gets_a_number_and_stays_a_name() {
        let numbered = |name: &str, number| {
            let name = numbered(&ImageName::new(name).unwrap(), number).unwrap();
            name.as_str().to_owned()
        };
        assert_eq!(numbered("a.jpg", 0), "a.jpg");
        assert_eq!(numbered("a.b.JPG", 1), "a.b (1).JPG");
        let long = format!("{}.jpg", "é".repeat(125));
        let name = numbered(&long, 12);
        assert!(name.len() <= 255 && name.ends_with("é (12).jpg"), "{name}");
    }
}
