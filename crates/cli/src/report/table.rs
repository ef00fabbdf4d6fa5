//! Rows for people: aligned, without frames, and with the columns that somebody looks for.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use comfy_table::{Table, presets};
use signoff_core::{Field, Record, Value};
use signoff_engine::json;

use super::words::lasted;
use crate::text::{column, safe, unix_seconds};

/// Lines up rows under headings, two spaces apart.
pub(crate) fn table(headings: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(headings);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.trim_fmt()
}

/// Users as they were read: one in full, several in a table. JSON has every field of all of them.
pub(crate) fn users(records: &[Record], in_full: bool) -> String {
    match records {
        [one] if in_full => whole(one),
        _ => list(records),
    }
}

/// What is asked of many, in this order; other attributes are shown if a provider gives none of these.
const COLUMNS: [&str; 7] = [
    "name",
    "state",
    "since",
    "pending_state",
    "reason",
    "extension",
    "team",
];

/// Names of people and teams are cut here in a table.
const WIDEST: usize = 24;

fn list(records: &[Record]) -> String {
    let given = |name: &str| records.iter().any(|record| !cell(record, name).is_empty());
    let mut columns: Vec<&str> = COLUMNS.into_iter().filter(|name| given(name)).collect();
    if columns.is_empty() {
        for field in records.iter().flat_map(|record| &record.attributes) {
            if !columns.contains(&field.name.as_str()) && given(&field.name) {
                columns.push(&field.name);
            }
        }
    }
    let now = now();
    let rows = records.iter().map(|record| {
        let id = safe(&record.id).into_owned();
        let cells = columns.iter().map(|name| match *name {
            "since" => since(&cell(record, name), now),
            "team" => short(&team(record)),
            name => short(&cell(record, name)),
        });
        std::iter::once(id).chain(cells).collect()
    });
    let headings: Vec<String> = std::iter::once("id")
        .chain(
            columns
                .iter()
                .map(|name| if *name == "since" { "for" } else { name }),
        )
        .map(|name| name.replace('_', " "))
        .collect();
    let headings: Vec<&str> = headings.iter().map(String::as_str).collect();
    let mut text = String::new();
    if !records.is_empty() {
        let _ = writeln!(text, "{}\n", table(&headings, rows.collect::<Vec<_>>()));
    }
    let _ = write!(text, "{}", count(records));
    text
}

/// `14 users: 2 LOGOUT, 12 READY`
fn count(records: &[Record]) -> String {
    let people = if records.len() == 1 { "user" } else { "users" };
    let mut states: BTreeMap<String, u64> = BTreeMap::new();
    for state in records.iter().map(|record| cell(record, "state")) {
        if !state.is_empty() {
            *states.entry(safe(&state).into_owned()).or_default() += 1;
        }
    }
    let states: Vec<String> = states
        .into_iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    let colon = if states.is_empty() { "" } else { ": " };
    format!("{} {people}{colon}{}", records.len(), states.join(", "))
}

/// Everything that is known of one user, one attribute a line.
fn whole(record: &Record) -> String {
    let now = now();
    let mut text = safe(&record.id).into_owned();
    let known = |field: &&Field| !words(&field.value).is_empty();
    let fields: Vec<&Field> = record.attributes.iter().filter(known).collect();
    let width = fields.iter().map(|field| field.name.len()).max().unwrap_or(0);
    for field in fields {
        let mut value = words(&field.value);
        if field.name == "since" {
            let _ = write!(value, " ({})", since(&value, now));
        }
        let name = safe(&field.name).replace('_', " ");
        let _ = write!(text, "\n  {name:width$}  {}", safe(&value));
    }
    text
}

fn team(record: &Record) -> String {
    let (id, name) = (cell(record, "team"), cell(record, "team_name"));
    format!("{id} {name}").trim().to_owned()
}

fn cell(record: &Record, name: &str) -> String {
    let field = record.attributes.iter().find(|field| field.name == name);
    field.map(|field| words(&field.value)).unwrap_or_default()
}

fn words(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text.clone(),
        Value::List(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        Value::Map(fields) => fields
            .iter()
            .filter(|field| !words(&field.value).is_empty())
            .map(|field| format!("{} {}", field.name.replace('_', " "), words(&field.value)))
            .collect::<Vec<_>>()
            .join(", "),
        other => json::value(other).to_string(),
    }
}

fn short(text: &str) -> String {
    column(text, WIDEST).trim_end().to_owned()
}

/// How long ago a time was; the text itself if it is no time.
fn since(text: &str, now: Duration) -> String {
    match unix_seconds(text) {
        Some(seconds) => lasted(now.saturating_sub(Duration::from_secs(seconds))),
        None => safe(text).into_owned(),
    }
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
