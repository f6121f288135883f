//! A page of a tenant's entries: the statement for each set of filters. Used by `reader.rs`.
//!
//! A page reads about as many rows as it has, however many entries there are. For that, the rows of each filter are one range
//! of an index, in the order of the list. A filter that several ranges belong to, such as a platform in any state, takes the
//! first rows of each, and of those the first. An image's name leads to few entries: the other filters look at all of them.

use crate::domain::{
    ledger::{EntryQuery, EntryState},
    platform::Platform,
};

use super::known::EVERY_PLATFORM;

/// What of the statement is the database's own, or is used elsewhere, too.
pub(super) struct Parts {
    /// The columns of the entry `e`.
    pub(super) columns: &'static str,
    /// Whether the holder of the entry `e` is at work.
    pub(super) held: &'static str,
    /// Whether the lease `l` holds.
    pub(super) live: &'static str,
    /// The passed-over image `p` in the columns of entries.
    pub(super) passed_over: &'static str,
    /// Whether the index is named: without figures, `SQLite` prefers one of more columns to one of fewer rows.
    pub(super) names_indexes: bool,
}

impl Parts {
    fn index(&self, name: &str) -> String {
        if self.names_indexes {
            format!("INDEXED BY {name}")
        } else {
            String::new()
        }
    }
}

/// The place of an entry in the list, and the order of the list.
const PLACE: &str =
    "(e.started_at, e.id) < ($5, $6) ORDER BY e.started_at DESC, e.id DESC LIMIT $4";

/// The statement for a page; `None` if no entry can be in it. Its parameters: the time, the tenant, the image's name, the limit, and
/// the position behind which the page begins, as two numbers. Nothing of a request is in its text.
pub(super) fn statement(query: &EntryQuery, parts: &Parts) -> Option<String> {
    let lists: Vec<_> = [entries(query, parts), passed_over(query, parts)]
        .into_iter()
        .flatten()
        .enumerate()
        .map(|(number, list)| format!("SELECT * FROM ({list}) AS list_{number}"))
        .collect();
    let lists = (!lists.is_empty()).then(|| lists.join(" UNION ALL "))?;
    Some(format!(
        "{lists} ORDER BY started_at DESC, id DESC LIMIT $4"
    ))
}

/// What was sent or was to be: the first of all ranges, and then their other columns.
fn entries(query: &EntryQuery, parts: &Parts) -> Option<String> {
    let ranges: Vec<_> = ranges(query, parts)
        .into_iter()
        .enumerate()
        .map(|(number, range)| {
            format!(
                "SELECT * FROM (SELECT e.started_at, e.id FROM {range} AND {PLACE}) AS range_{number}"
            )
        })
        .collect();
    if ranges.is_empty() {
        return None;
    }
    Some(format!(
        "SELECT '' AS asked, {columns} FROM
            (SELECT id AS listed FROM ({ranges}) AS ranges
                ORDER BY started_at DESC, id DESC LIMIT $4) AS page
            CROSS JOIN ledger_entries e WHERE e.id = page.listed",
        columns = parts.columns,
        ranges = ranges.join(" UNION ALL "),
    ))
}

/// The tables and conditions of each range.
fn ranges(query: &EntryQuery, parts: &Parts) -> Vec<String> {
    let platforms = platforms(query);
    let known = platforms
        .iter()
        .map(|platform| format!("'{platform}'"))
        .collect::<Vec<_>>()
        .join(", ");
    let known = format!("e.tenant = $2 AND e.platform IN ({known})");
    let states = states(query.state, parts);
    let image = if query.image.is_some() {
        " AND e.filename = $3"
    } else {
        ""
    };
    match query.state {
        Some(EntryState::Skipped) => Vec::new(),
        // Few leases hold at a time.
        Some(EntryState::InProgress) => vec![format!(
            "(SELECT DISTINCT l.holder FROM ledger_leases l WHERE l.tenant = $2 AND {live}) AS h
                CROSS JOIN ledger_entries e {index}
                WHERE {known} AND e.holder = h.holder AND e.state = 'intent'{image}",
            live = parts.live,
            index = parts.index("ledger_entries_at_work"),
        )],
        _ if query.image.is_some() => vec![format!(
            "ledger_entries e {index} WHERE {known}{image} AND ({states})",
            index = parts.index("ledger_entries_by_image"),
            states = states.join(" OR "),
        )],
        None if query.platform.is_none() => vec![format!("ledger_entries e WHERE {known}")],
        _ => platforms
            .iter()
            .flat_map(|platform| {
                states.iter().map(move |state| {
                    format!(
                        "ledger_entries e
                            WHERE e.tenant = $2 AND e.platform = '{platform}' AND {state}"
                    )
                })
            })
            .collect(),
    }
}

/// A later version knows more platforms.
fn platforms(query: &EntryQuery) -> Vec<&'static str> {
    if let Some(platform) = query.platform {
        return vec![platform.as_str()];
    }
    let known = Platform::ALL.into_iter().map(Platform::as_str);
    known.chain([EVERY_PLATFORM]).collect()
}

/// The states in the table that the filter stands for, as conditions.
fn states(state: Option<EntryState>, parts: &Parts) -> Vec<String> {
    let intent = "e.state = 'intent'";
    let abandoned = format!("{intent} AND NOT {}", parts.held);
    let stored = |state: &str| format!("e.state = '{state}'");
    match state {
        None => vec![
            stored("published"),
            stored("failed"),
            stored("unknown"),
            intent.to_owned(),
        ],
        Some(EntryState::Published) => vec![stored("published")],
        Some(EntryState::Failed) => vec![stored("failed")],
        Some(EntryState::Unknown) => vec![stored("unknown"), abandoned],
        Some(EntryState::InProgress | EntryState::Skipped) => Vec::new(),
    }
}

/// What was passed over: on no platform, and in one state. Their numbers are negative in the list.
fn passed_over(query: &EntryQuery, parts: &Parts) -> Option<String> {
    let is_asked_for =
        query.platform.is_none() && matches!(query.state, None | Some(EntryState::Skipped));
    let image = if query.image.is_some() {
        " AND p.filename = $3"
    } else {
        ""
    };
    is_asked_for.then(|| {
        format!(
            "SELECT '' AS asked, {columns} FROM ledger_passed_over p
                WHERE p.tenant = $2{image}
                    AND p.noted_at <= $5 AND (p.noted_at < $5 OR -p.id < $6)
                ORDER BY p.noted_at DESC, p.id LIMIT $4",
            columns = parts.passed_over,
        )
    })
}
