//! How many retries an upstream is worth, so that an outage is not multiplied by those who meet
//! it.

use parking_lot::Mutex;

/// What a first attempt adds: a fifth of a retry, so that a storm of retries adds at most 20 % to
/// the first attempts (the contract's number).
const DEPOSIT: u32 = 1;
/// What a retry costs, in deposits.
const COST: u32 = 5;
/// The reserve, at the start and at most: ten retries. It lets five failures that come one by
/// one be retried in full, and is small beside the load of any outage worth the name.
const RESERVE: u32 = 10 * COST;

/// A token bucket that all calls to one upstream share. It fills with first attempts, whether
/// they succeed or not, and never with time: an upstream that is not called needs no retries.
#[derive(Debug)]
pub(super) struct RetryBudget {
    /// In deposits. The lock is held for one addition.
    left: Mutex<u32>,
}

impl RetryBudget {
    /// A budget with its reserve.
    pub(super) fn new() -> Self {
        Self {
            left: Mutex::new(RESERVE),
        }
    }

    /// A call begins that may have to be retried.
    pub(super) fn deposit(&self) {
        let mut left = self.left.lock();
        *left = left.saturating_add(DEPOSIT).min(RESERVE);
    }

    /// Takes one retry; false when there is none left, and the failure at hand has to do.
    pub(super) fn withdraw(&self) -> bool {
        let mut left = self.left.lock();
        let rest = left.checked_sub(COST);
        *left = rest.unwrap_or(*left);
        rest.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries_of(budget: &RetryBudget, calls: usize, wanted_by_each: usize) -> usize {
        let of_one = || {
            budget.deposit();
            (0..wanted_by_each).filter(|_| budget.withdraw()).count()
        };
        (0..calls).map(|_| of_one()).sum()
    }

    #[test]
    fn a_lonely_failure_is_retried_in_full() {
        let budget = RetryBudget::new();
        assert_eq!(retries_of(&budget, 1, 2), 2);
        assert_eq!(retries_of(&budget, 4, 2), 8, "and so are the next four");
    }

    #[test]
    fn an_outage_adds_a_fifth_of_its_calls_and_the_reserve() {
        let budget = RetryBudget::new();
        assert_eq!(retries_of(&budget, 200, 2), 200 / 5 + 10 - 1);
        // The last calls may have left something that is less than one retry.
        let later = retries_of(&budget, 1_000, 2);
        assert!((200..=201).contains(&later), "{later}");
    }

    #[test]
    fn quiet_times_do_not_add_up_beyond_the_reserve() {
        let budget = RetryBudget::new();
        assert_eq!(retries_of(&budget, 10_000, 0), 0);
        let at_once = (0..100).filter(|_| budget.withdraw()).count();
        assert_eq!(at_once, 10);
    }

    #[test]
    fn five_calls_earn_a_retry_back() {
        let budget = RetryBudget::new();
        while budget.withdraw() {}
        assert_eq!(retries_of(&budget, 4, 1), 0);
        assert_eq!(retries_of(&budget, 1, 1), 1);
    }
}
