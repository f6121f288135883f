//! Drawing images at random, each once before any is drawn again.

use std::collections::HashSet;

use super::image::ImageName;

/// The images that have been drawn in this round. It holds no names that the last draw did not have.
#[derive(Debug, Default)]
pub struct ShuffleBag {
    drawn: HashSet<ImageName>,
    last: Option<ImageName>,
}

impl ShuffleBag {
    /// One of `images`, chosen by `random`; `None` if there are none.
    ///
    /// New images join the round, and missing ones leave it. When all have been drawn, a new round begins, with another
    /// image than the last one if there are others.
    pub fn draw<'a>(
        &mut self,
        images: impl Iterator<Item = &'a str> + Clone,
        random: u64,
    ) -> Option<ImageName> {
        let drawn = images.clone().filter(|name| self.drawn.contains(*name));
        let (count, drawn_count) = (images.clone().count(), drawn.clone().count());
        if drawn_count < self.drawn.len() {
            let there: HashSet<&str> = drawn.collect();
            self.drawn.retain(|name| there.contains(name.as_str()));
        }
        let begins_anew = drawn_count == count;
        if begins_anew {
            self.drawn.clear();
        }
        let must_wait = self.last.as_ref().filter(|_| begins_anew && count > 1);
        let must_wait = must_wait.map(ImageName::as_str);
        let can_be_drawn = |name: &&str| !self.drawn.contains(*name) && Some(*name) != must_wait;
        let left = images.filter(can_be_drawn);
        let index = random.checked_rem(left.clone().count() as u64)?;
        let mut left = left.skip(usize::try_from(index).ok()?);
        let name = ImageName::of_listed(left.next()?);
        self.drawn.insert(name.clone());
        self.last = Some(name.clone());
        Some(name)
    }

    /// Puts back an image that was drawn and could not be shown.
    pub fn put_back(&mut self, name: &ImageName) {
        self.drawn.remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn names(count: usize) -> Vec<ImageName> {
        let name = |index| ImageName::new(&format!("{index}.jpg")).unwrap();
        (0..count).map(name).collect()
    }

    fn draw(bag: &mut ShuffleBag, images: &[ImageName], random: u64) -> ImageName {
        bag.draw(images.iter().map(ImageName::as_str), random)
            .unwrap()
    }

    proptest! {
        #[test]
        fn no_image_comes_again_before_all_have_come(
            count in 1_usize..12,
            randoms in prop::collection::vec(any::<u64>(), 60),
        ) {
            let (images, mut bag) = (names(count), ShuffleBag::default());
            let drawn: Vec<_> = randoms.iter().map(|it| draw(&mut bag, &images, *it)).collect();
            for round in drawn.chunks_exact(count) {
                let different: HashSet<_> = round.iter().collect();
                prop_assert_eq!(different.len(), count);
            }
            if count > 1 {
                prop_assert!(drawn.windows(2).all(|two| two[0] != two[1]));
            }
        }

        #[test]
        fn images_may_come_and_go(
            steps in prop::collection::vec((1_usize..20, any::<u64>()), 60),
        ) {
            let (all, mut bag) = (names(20), ShuffleBag::default());
            for (count, random) in steps {
                let name = draw(&mut bag, &all[..count], random);
                prop_assert!(all[..count].contains(&name));
                prop_assert!(bag.drawn.len() <= count);
            }
        }
    }

    #[test]
    fn every_image_can_be_the_first() {
        let images = names(5);
        let first = |random| draw(&mut ShuffleBag::default(), &images, random);
        let firsts: HashSet<_> = (0..5).map(first).collect();
        assert_eq!(firsts.len(), 5);
    }

    #[test]
    fn a_new_image_joins_the_round_and_a_vanished_one_leaves_it() {
        let (images, mut bag) = (names(4), ShuffleBag::default());
        draw(&mut bag, &images[..3], 0);
        draw(&mut bag, &images[..3], 0);
        // The third is gone, so that only the new one is left of the round.
        let rest = [images[0].clone(), images[1].clone(), images[3].clone()];
        assert_eq!(draw(&mut bag, &rest, 7), images[3]);
    }

    #[test]
    fn an_image_that_was_put_back_comes_in_the_same_round() {
        let (images, mut bag) = (names(2), ShuffleBag::default());
        let first = draw(&mut bag, &images, 0);
        let second = draw(&mut bag, &images, 0);
        bag.put_back(&second);
        assert_eq!(draw(&mut bag, &images, 0), second);
        assert_eq!(draw(&mut bag, &images, 0), first);
    }

    #[test]
    fn of_nothing_nothing_is_drawn_and_one_image_comes_again_and_again() {
        let mut bag = ShuffleBag::default();
        assert_eq!(bag.draw([].into_iter(), 1), None);
        let images = names(1);
        for random in 0..3 {
            assert_eq!(draw(&mut bag, &images, random), images[0]);
        }
    }
}
