//! How a folder is listed page by page, and what has changed in it since.

use crate::domain::listing::{LetterCase, ListingChange};

/// A page of a listing, or of what has changed since.
#[derive(Debug)]
pub struct ListingPage {
    /// What it says, in the order in which it counts.
    pub changes: Vec<ListingChange>,
    /// How many entries were read for it, of whatever kind.
    pub entries: usize,
    /// What comes after it.
    pub next: NextPage,
}

impl ListingPage {
    /// The only page of a listing.
    #[must_use]
    pub fn only(changes: Vec<ListingChange>) -> Self {
        Self {
            entries: changes.len(),
            changes,
            next: NextPage::None,
        }
    }
}

/// What comes after a page.
#[derive(Debug)]
pub enum NextPage {
    /// More of what there is now.
    More(ListingCursor),
    /// Nothing now. Later, what will have changed.
    Changes(ListingCursor),
    /// Nothing: the folder is to be listed anew.
    None,
}

/// Storage's name of a place in a listing. It is good with the credential with which it was got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListingCursor(pub Box<str>);

/// How the listings of a kind of storage are read and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ListingRules {
    /// Whether the case of letters counts in names.
    pub letter_case: LetterCase,
    /// What it costs to bring a listing up to date.
    pub refresh: RefreshCost,
}

/// What it costs to bring a listing up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum RefreshCost {
    /// Little, however large the folder is; callers wait for it.
    #[default]
    Low,
    /// A call for every so many images: it is done behind the listing that is shown, and seldom.
    High,
}
