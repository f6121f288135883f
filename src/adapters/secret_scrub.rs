//! Takes secrets out of an upstream's words, in whatever form the upstream repeats them.
//!
//! An upstream knows the secrets that a call was made with, and its error texts end up in answers, in
//! the ledger and in the log. [`SecretScrub`] holds the secrets of one call and replaces every run
//! of text that shares enough characters with one of them, or with an encoded form of one, by
//! `***`. Built when a call has failed, so speed does not matter; it is linear in the text all the same.
//!
//! | file | holds |
//! | --- | --- |
//! | `secret_scrub.rs` | the scrub: which runs are marked |
//! | `forms.rs` | the forms that a secret is looked for in |
//! | `view.rs` | a text as it is compared: without blanks, letter case and escapes |
//!
//! Used by the adapters that keep what an upstream says.

mod forms;
mod view;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    hash::{BuildHasher as _, RandomState},
    ops::Range,
};

use self::{
    forms::{Form, encoded, plain},
    view::{View, folded},
};

/// The replacement for a secret.
const MASK: &str = "***";
/// The fewest and the most characters that a text shares with a secret before it is marked: half of the
/// secret, within these bounds.
const FEWEST: usize = 4;
const MOST: usize = 8;
/// A shorter name is marked only where it is a whole word, because it may be a part of any word.
const SHORT_NAME: usize = 5;

/// The secrets of one call. Holds hashes of their parts, so that it keeps no secret itself.
#[derive(Default)]
pub struct SecretScrub {
    /// By length, the hashes of the runs that are marked.
    runs: BTreeMap<usize, HashMap<u64, Run>>,
    hasher: RandomState,
}

/// How a run is marked.
#[derive(Debug, Clone, Copy)]
struct Run {
    /// Only where neither letter nor digit stands around it.
    alone: bool,
    /// The Base64 character before it holds some bits of the secret.
    with_before: bool,
    /// So does the one behind it.
    with_after: bool,
}

impl fmt::Debug for SecretScrub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretScrub(***)")
    }
}

impl SecretScrub {
    /// Adds a secret. A blank one is ignored.
    #[must_use]
    pub fn with(mut self, secret: &str) -> Self {
        self.add_all(secret, &plain(secret));
        self.with_encoded(secret)
    }

    /// Adds a text that is secret only in encoded form: several secrets together, as a login sends
    /// them.
    #[must_use]
    pub fn with_encoded(mut self, secret: &str) -> Self {
        self.add_all(secret, &encoded(secret));
        self
    }

    fn add_all(&mut self, secret: &str, forms: &[Form]) {
        let length = folded(secret).len();
        if length == 0 {
            return;
        }
        let shared = (length / 2).clamp(FEWEST, MOST);
        for form in forms {
            self.add(form, shared, FEWEST);
        }
    }

    /// Adds a name that is no secret by itself and is marked as a whole only.
    #[must_use]
    pub fn with_name(mut self, name: &str) -> Self {
        let form = Form::plain(name);
        let whole = form.text.len();
        self.add(&form, whole, SHORT_NAME);
        self
    }

    /// Marks every run of `shared` characters of a form, or the whole form if it is shorter; what is shorter than
    /// `short` only where it stands alone.
    fn add(&mut self, form: &Form, shared: usize, short: usize) {
        let length = shared.min(form.text.len());
        if length == 0 {
            return;
        }
        let runs = self.runs.entry(length).or_default();
        let last = form.text.len() - length;
        for (at, window) in form.text.windows(length).enumerate() {
            let new = Run {
                alone: length < short,
                with_before: at == 0 && form.begins_within,
                with_after: at == last && form.ends_within,
            };
            let run = runs.entry(self.hasher.hash_one(window)).or_insert(new);
            run.alone &= new.alone;
            run.with_before |= new.with_before;
            run.with_after |= new.with_after;
        }
    }

    /// The text with `***` in the place of every run that shares too much with a secret.
    #[must_use]
    pub fn scrub(&self, text: &str) -> String {
        let marked = self.marked(text);
        let mut clean = String::with_capacity(text.len());
        let mut at = 0;
        for Range { start, end } in marked {
            clean.push_str(text.get(at..start).unwrap_or_default());
            clean.push_str(MASK);
            at = end;
        }
        clean.push_str(text.get(at..).unwrap_or_default());
        clean
    }

    /// Whether a text holds too much of a secret.
    #[must_use]
    pub fn finds_in(&self, text: &str) -> bool {
        !self.marked(text).is_empty()
    }

    /// The ranges of bytes that are marked, in order, none touching the next.
    fn marked(&self, text: &str) -> Vec<Range<usize>> {
        let mut found = Vec::new();
        for view in View::all_of(text) {
            for (length, runs) in &self.runs {
                for (at, window) in view.chars.windows(*length).enumerate() {
                    if let Some(run) = runs.get(&self.hasher.hash_one(window)) {
                        found.extend(run.range(text, &view, at..at + length));
                    }
                }
            }
        }
        found.sort_unstable_by_key(|range| (range.start, range.end));
        let mut merged: Vec<Range<usize>> = Vec::new();
        for range in found {
            match merged.last_mut() {
                Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
                _ => merged.push(range),
            }
        }
        merged
    }
}

impl Run {
    /// The bytes of the text that are marked for characters of a view.
    fn range(self, text: &str, view: &View, chars: Range<usize>) -> Option<Range<usize>> {
        let mut start = view.places.get(chars.start)?.start;
        let mut end = view.places.get(chars.end.checked_sub(1)?)?.end;
        if self.alone {
            let is_part = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
            let before = text.get(..start).and_then(|it| it.chars().next_back());
            let after = text.get(end..).and_then(|it| it.chars().next());
            if is_part(before) || is_part(after) {
                return None;
            }
        }
        // No blank may lie between: what stands behind one is another word.
        if self.with_before
            && let Some(before) = chars.start.checked_sub(1)
            && view.is_base64(before)
            && view.places.get(before)?.end == start
        {
            start = view.places.get(before)?.start;
        }
        if self.with_after {
            let mut at = chars.end;
            if view.is_base64(at) && view.places.get(at)?.start == end {
                end = view.places.get(at)?.end;
                at += 1;
            }
            while view.chars.get(at) == Some(&'=') && view.places.get(at)?.start == end {
                end = view.places.get(at)?.end;
                at += 1;
            }
        }
        Some(start..end)
    }
}

#[cfg(test)]
mod tests;
