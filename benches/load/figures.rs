//! Figures of repeated runs.

/// What came out of some runs of the same.
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    /// Of these runs, at least one.
    pub(crate) fn new(mut runs: Vec<f64>) -> Self {
        assert!(!runs.is_empty(), "nothing was measured");
        runs.sort_by(f64::total_cmp);
        Self(runs)
    }

    /// The middle one; of two, the lower.
    pub(crate) fn median(&self) -> f64 {
        self.0[(self.0.len() - 1) / 2]
    }

    /// The share that lies at or below it, as in 0.99; nearest rank.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "there are far fewer runs than a float can count"
    )]
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let rank = (share * self.0.len() as f64).ceil() as usize;
        self.0[rank.clamp(1, self.0.len()) - 1]
    }

    /// The least and the most.
    pub(crate) fn range(&self) -> (f64, f64) {
        (self.0[0], self.0[self.0.len() - 1])
    }
}
