//! What an import of the existing service's database came to, for people. Used by `existing_records.rs`.

use std::{collections::BTreeMap, fmt};

use super::{existing_database::Missing, merge::Counts};
use crate::domain::{
    content_hash::ContentHash, image::ImageName, platform::Platform, tenant::TenantName,
};

/// How many platforms, tenants and records are named, and the most characters of each name.
const NAMED: usize = 20;
const NAME_LENGTH: usize = 40;
/// How many digits of a hash are shown: enough to find the file by.
const DIGITS: usize = 12;

/// The outcome of an import.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct DatabaseSummary {
    pub(super) published: Counts,
    pub(super) unknown: Counts,
    pub(super) failed: u64,
    pub(super) captions: Counts,
    /// Captions that are empty, or too long to be one.
    pub(super) no_captions_in: u64,
    pub(super) no_captions: Option<Missing>,
    pub(super) other_status: u64,
    pub(super) other_platforms: BTreeMap<String, u64>,
    own: Option<String>,
    unreadable: Noted<String>,
    in_doubt: Noted<Doubt>,
    tenants: BTreeMap<String, u64>,
    of_own: u64,
}

/// Some of many, and how many there are.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Noted<T> {
    first: Vec<T>,
    count: usize,
}

impl<T> Default for Noted<T> {
    fn default() -> Self {
        Self {
            first: Vec::new(),
            count: 0,
        }
    }
}

impl<T> Noted<T> {
    fn note(&mut self, make: impl FnOnce() -> T) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(make());
        }
    }

    fn unnamed(&self) -> usize {
        self.count - self.first.len()
    }
}

/// An image that a platform may have, or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Doubt {
    pub(super) tenant: String,
    pub(super) platform: Platform,
    pub(super) image: Option<ImageName>,
    pub(super) hash: ContentHash,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            tenant,
            platform,
            image,
            hash,
        } = self;
        let name = image
            .as_ref()
            .map_or("its name is not known", ImageName::as_str);
        let digits: String = hash.to_string().chars().take(DIGITS).collect();
        let kind = hash.kind().as_str();
        write!(f, "{tenant}, {platform}: {name} ({kind} {digits}…)")
    }
}

impl DatabaseSummary {
    /// Of nothing yet. `own` is the only tenant that is served, if there is only one.
    pub(super) fn of(own: Option<&TenantName>) -> Self {
        Self {
            own: own.map(|own| own.as_str().to_owned()),
            ..Self::default()
        }
    }

    pub(super) fn count_tenant(&mut self, tenant: &str) {
        if self.own.as_deref() == Some(tenant) {
            self.of_own += 1;
        } else {
            count(&mut self.tenants, tenant);
        }
    }

    /// Notes a record that cannot be taken over.
    pub(super) fn note_unreadable(&mut self, record: impl FnOnce() -> String) {
        self.unreadable.note(record);
    }

    /// Notes an image that is in doubt.
    pub(super) fn note_doubt(&mut self, doubt: impl FnOnce() -> Doubt) {
        self.in_doubt.note(doubt);
    }

    /// Whether everything was taken over that has a place here, for tenants that are served.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        let is_served = self.own.is_none() || self.tenants.is_empty();
        self.unreadable.count == 0 && self.no_captions.is_none() && is_served
    }

    /// Says which records are of tenants that are not served.
    fn other_tenants(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(own) = self.own.as_deref() else {
            return Ok(());
        };
        for (tenant, count) in &self.tenants {
            let records = counted(*count, "record is", "records are");
            writeln!(f, "{records} of `{tenant}`, which is not served here")?;
        }
        if self.tenants.is_empty() {
            return Ok(());
        }
        if self.of_own == 0 {
            write!(f, "Nothing is of the tenant `{own}`, which")?;
        } else {
            write!(f, "The tenant `{own}`")?;
        }
        writeln!(
            f,
            " is the only one that is served here, and what is of others does not count for it: set STANDALONE_HOST to a \
             host whose first label is the name of the tenant, or its images may be posted again"
        )
    }

    /// Says which images are in doubt, and what to do about them.
    fn doubts(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for doubt in &self.in_doubt.first {
            writeln!(f, "{:<16} {doubt}", "in doubt")?;
        }
        if self.in_doubt.unnamed() > 0 {
            writeln!(f, "{:<16} {} more", "in doubt", self.in_doubt.unnamed())?;
        }
        if self.in_doubt.count > 0 {
            writeln!(
                f,
                "What is in doubt is not sent by itself. Look at the platform: if the image is not there, `publisher publish \
                 FILE --force --platforms PLATFORM` sends it"
            )?;
        }
        Ok(())
    }

    /// Says which records were not taken over.
    fn not_taken(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for record in &self.unreadable.first {
            writeln!(f, "{:<16} {record}", "no record")?;
        }
        if self.unreadable.unnamed() > 0 {
            writeln!(f, "{:<16} {} more", "no record", self.unreadable.unnamed())?;
        }
        match self.unreadable.count {
            0 => Ok(()),
            1 => writeln!(
                f,
                "1 record has no tenant, no platform or no content_hash that is one, and was not taken over: what it stands for may be \
                 posted again"
            ),
            count => writeln!(
                f,
                "{count} records have no tenant, no platform or no content_hash that is one, and were not taken over: what they stand \
                 for may be posted again"
            ),
        }
    }
}

impl fmt::Display for DatabaseSummary {
    /// For people, in lines.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let own = self.own.iter().map(|own| (own, &self.of_own));
        for (tenant, count) in own.filter(|(_, count)| **count > 0).chain(&self.tenants) {
            let records = counted(*count, "record", "records");
            writeln!(f, "{:<16} {tenant}: {records}", "tenant")?;
        }
        for (kind, counts) in [
            ("published", self.published),
            ("unknown", self.unknown),
            ("captions", self.captions),
        ] {
            let Counts { new, raised, known } = counts;
            writeln!(
                f,
                "{kind:<16} {new} new, {raised} corrected, {known} with nothing new"
            )?;
        }
        writeln!(
            f,
            "{:<16} {} left: the platform does not have these images",
            "failed", self.failed
        )?;
        for (platform, count) in &self.other_platforms {
            let rows = counted(*count, "row", "rows");
            writeln!(
                f,
                "{:<16} {rows} of the platform `{platform}`, which is none here",
                "skipped"
            )?;
        }
        if self.no_captions_in > 0 {
            let captions = counted(self.no_captions_in, "caption that is", "captions that are");
            writeln!(f, "{:<16} {captions} empty or too long", "skipped")?;
        }
        self.doubts(f)?;
        if self.other_status > 0 {
            let records = counted(self.other_status, "record has", "records have");
            writeln!(
                f,
                "{records} a status that is not known here, which is taken for `unknown`"
            )?;
        }
        self.not_taken(f)?;
        self.other_tenants(f)?;
        if let Some(missing) = &self.no_captions {
            writeln!(f, "No captions were taken over: {missing}")?;
        }
        Ok(())
    }
}

/// A name as it is shown.
fn cut(name: &str) -> String {
    name.escape_debug().take(NAME_LENGTH).collect()
}

/// A text of a row as it is shown.
pub(super) fn shown(text: Option<&str>) -> String {
    text.map_or_else(|| "none".to_owned(), |text| format!("`{}`", cut(text)))
}

/// Counts a name: the first ones each, and the others together.
pub(super) fn count(names: &mut BTreeMap<String, u64>, name: &str) {
    let shown = cut(name);
    let is_full = names.len() >= NAMED && !names.contains_key(&shown);
    let shown = if is_full { "others".to_owned() } else { shown };
    *names.entry(shown).or_default() += 1;
}

/// A number with words that agree with it.
pub(super) fn counted(number: u64, one: &str, many: &str) -> String {
    let words = if number == 1 { one } else { many };
    format!("{number} {words}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::storage::HashKind;

    fn of(own: Option<&str>, tenants: &[&str]) -> DatabaseSummary {
        let own = own.map(|own| TenantName::new(own).unwrap());
        let mut summary = DatabaseSummary::of(own.as_ref());
        for tenant in tenants {
            summary.count_tenant(tenant);
        }
        summary
    }

    #[test]
    fn records_of_tenants_that_are_not_served_are_told_and_not_complete() {
        let summary = of(Some("alice"), &["default", "alice", "default", "bob"]);
        let told = summary.to_string();
        assert!(!summary.is_complete());
        for expected in [
            "tenant           alice: 1 record\n",
            "tenant           default: 2 records\n",
            "2 records are of `default`, which is not served here\n",
            "1 record is of `bob`, which is not served here\n",
            "The tenant `alice` is the only one",
        ] {
            assert!(told.contains(expected), "{expected}: {told}");
        }
        let none_of_it = of(Some("alice"), &["default"]);
        let told = none_of_it.to_string();
        assert!(!none_of_it.is_complete());
        assert!(told.contains("Nothing is of the tenant `alice`"), "{told}");
        for summary in [
            of(Some("alice"), &["alice"]),
            of(Some("alice"), &[]),
            of(None, &["alice", "bob"]),
        ] {
            assert!(summary.is_complete(), "{summary}");
            assert!(!summary.to_string().contains("served"), "{summary}");
        }
    }

    #[test]
    fn the_one_tenant_is_found_however_many_others_there_are() {
        let others: Vec<String> = (0..30).map(|number| format!("t{number:02}")).collect();
        let mut tenants: Vec<&str> = others.iter().map(String::as_str).collect();
        tenants.push("alice");
        let told = of(Some("alice"), &tenants).to_string();
        assert!(told.contains("alice: 1 record\n"), "{told}");
        assert!(told.contains("others: 10 records\n"), "{told}");
    }

    #[test]
    fn what_is_in_doubt_or_no_record_is_named_up_to_a_number() {
        let mut summary = DatabaseSummary::default();
        for number in 0..NAMED + 3 {
            summary.note_doubt(|| Doubt {
                tenant: "alice".to_owned(),
                platform: Platform::Telegram,
                image: (number == 0).then(|| ImageName::new("a.jpg").unwrap()),
                hash: ContentHash::new(HashKind::Sha256, &"ab".repeat(32)).unwrap(),
            });
        }
        assert!(summary.is_complete());
        summary.note_unreadable(|| shown(Some("a\nb")));
        assert!(!summary.is_complete());
        let told = summary.to_string();
        for expected in [
            "in doubt         alice, telegram: a.jpg (sha256 abababababab…)\n",
            "in doubt         alice, telegram: its name is not known (sha256 abababababab…)\n",
            "in doubt         3 more\n",
            "no record        `a\\nb`\n",
            "1 record has no tenant",
        ] {
            assert!(told.contains(expected), "{expected}: {told}");
        }
        assert_eq!(told.matches("in doubt  ").count(), NAMED + 1, "{told}");
    }
}
