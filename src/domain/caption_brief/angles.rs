//! The angle of a caption: the one that was least recently used.

use crate::domain::caption_history::{Angle, PastCaption};

/// The angle that the past captions of a platform, newest first, have used least recently. One that none of them has
/// comes before all others, in the order of [`Angle::ALL`]: so no angle returns within six captions.
#[must_use]
pub fn least_recent(past: &[PastCaption]) -> Angle {
    let last_used = |angle: Angle| past.iter().position(|it| it.angle == Some(angle));
    let [first, others @ ..] = Angle::ALL;
    others.into_iter().fold(first, |best, angle| {
        match (last_used(best), last_used(angle)) {
            (Some(_), None) => angle,
            (Some(sooner), Some(later)) if later > sooner => angle,
            _ => best,
        }
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn past(angle: Option<Angle>) -> PastCaption {
        PastCaption {
            text: "A knot.".to_owned(),
            angle,
        }
    }

    #[test]
    fn each_angle_has_its_turn_and_none_returns_within_six() {
        let mut history = Vec::new();
        let mut used = Vec::new();
        for _ in 0..24 {
            let angle = least_recent(&history);
            used.push(angle);
            history.insert(0, past(Some(angle)));
        }
        for six in used.windows(Angle::ALL.len()) {
            for angle in Angle::ALL {
                assert!(six.contains(&angle), "{six:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn the_angle_is_not_among_the_last_five(indices in prop::collection::vec(0..7_usize, 0..40)) {
            let history: Vec<_> = indices.iter().map(|it| past(Angle::ALL.get(*it).copied())).collect();
            let angle = least_recent(&history);
            let is_unused = Angle::ALL.into_iter().any(|it| !history.contains(&past(Some(it))));
            let recent = &history[..history.len().min(5)];
            prop_assert!(!recent.contains(&past(Some(angle))));
            prop_assert!(!is_unused || !history.contains(&past(Some(angle))));
        }
    }
}
