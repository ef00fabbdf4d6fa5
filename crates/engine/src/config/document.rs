//! A TOML document as a tree that remembers where everything stands, and the reading of single values from it.

use std::ops::Range;
use std::time::Duration;

use signoff_core::{Field, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Mistakes;
use crate::parameters::{nearest, parse_duration};

/// A value, and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Item {
    pub(super) span: Range<usize>,
    pub(super) raw: Raw,
}

#[derive(Debug, Clone)]
pub(super) enum Raw {
    Text(String),
    Integer(i64),
    Number(f64),
    Boolean(bool),
    List(Vec<Item>),
    Table(Vec<Entry>),
    /// A date, or a number beyond 64 bits: nothing takes these.
    Other(&'static str),
}

/// A key with its value.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) key_span: Range<usize>,
    pub(super) item: Item,
}

/// A table under its path, such as `limits` or `credentials.supervisor`.
#[derive(Debug, Clone)]
pub(super) struct Section {
    /// The last part of the path: the name of a connection or a credential.
    pub(super) name: String,
    pub(super) path: String,
    pub(super) span: Range<usize>,
    pub(super) entries: Vec<Entry>,
}

/// Reads the text as TOML; what is wrong with it goes to the mistakes.
pub(super) fn document(text: &str, mistakes: &mut Mistakes) -> Section {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().trim().replace('\n', ", ");
        let hint = if message.contains("duplicate key") {
            "remove one of the two"
        } else {
            "the file is TOML: `key = \"text\"`, tables as `[connections.NAME]`"
        };
        mistakes.no_toml(&span, message, hint);
    }
    let span = table.span();
    Section {
        name: String::new(),
        path: String::new(),
        span,
        entries: entries(table.get_ref()),
    }
}

fn entries(table: &DeTable<'_>) -> Vec<Entry> {
    let mut entries: Vec<Entry> = table
        .iter()
        .map(|(key, value)| Entry {
            key: key.get_ref().to_string(),
            key_span: key.span(),
            item: item(value),
        })
        .collect();
    entries.sort_by_key(|entry| entry.key_span.start);
    entries
}

fn item(value: &Spanned<DeValue<'_>>) -> Item {
    let raw = match value.get_ref() {
        DeValue::String(text) => Raw::Text(text.to_string()),
        DeValue::Integer(integer) => i64::from_str_radix(integer.as_str(), integer.radix())
            .map_or(Raw::Other("a number beyond 64 bits"), Raw::Integer),
        DeValue::Float(float) => float
            .as_str()
            .parse()
            .map_or(Raw::Other("a number beyond 64 bits"), Raw::Number),
        DeValue::Boolean(boolean) => Raw::Boolean(*boolean),
        DeValue::Datetime(_) => Raw::Other("a date"),
        DeValue::Array(items) => Raw::List(items.iter().map(item).collect()),
        DeValue::Table(table) => Raw::Table(entries(table)),
    };
    Item {
        span: value.span(),
        raw,
    }
}

impl Item {
    /// What it is, in words.
    pub(super) const fn kind(&self) -> &'static str {
        match self.raw {
            Raw::Text(_) => "a text",
            Raw::Integer(_) | Raw::Number(_) => "a number",
            Raw::Boolean(_) => "`true` or `false`",
            Raw::List(_) => "a list",
            Raw::Table(_) => "a table",
            Raw::Other(kind) => kind,
        }
    }

    /// The value as options take it.
    pub(super) fn value(&self) -> Value {
        match &self.raw {
            Raw::Text(text) => Value::Text(text.clone()),
            Raw::Integer(integer) => Value::Integer(*integer),
            Raw::Number(number) => Value::Number(*number),
            Raw::Boolean(boolean) => Value::Boolean(*boolean),
            Raw::List(items) => Value::List(items.iter().map(Self::value).collect()),
            Raw::Table(entries) => Value::Map(
                entries
                    .iter()
                    .map(|entry| Field::new(entry.key.as_str(), entry.item.value()))
                    .collect(),
            ),
            Raw::Other(_) => Value::Map(Vec::new()),
        }
    }
}

impl Entry {
    /// The table that it holds; a mistake if it holds something else.
    pub(super) fn section(&self, parent: &str, mistakes: &mut Mistakes) -> Option<Section> {
        let path = join(parent, &self.key);
        match &self.item.raw {
            Raw::Table(entries) => Some(Section {
                name: self.key.clone(),
                path,
                span: self.key_span.clone(),
                entries: entries.clone(),
            }),
            _ => {
                mistakes.at(
                    &self.item.span,
                    path.as_str(),
                    format!("`{path}` is a table, not {}", self.item.kind()),
                    match path.as_str() {
                        "connections" | "credentials" => format!("write `[{path}.NAME]` and its keys below"),
                        _ => format!("write `[{path}]` and its keys below"),
                    },
                );
                None
            }
        }
    }
}

impl Section {
    /// The path of a key in it.
    pub(super) fn key(&self, key: &str) -> String {
        join(&self.path, key)
    }

    pub(super) fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// Notes every key that is none of these.
    pub(super) fn only(&self, known: &[&str], mistakes: &mut Mistakes) {
        for entry in &self.entries {
            if !known.contains(&entry.key.as_str()) {
                unknown_key(entry, &self.path, known, mistakes);
            }
        }
    }

    pub(super) fn text(&self, key: &str, mistakes: &mut Mistakes) -> Option<(String, Range<usize>)> {
        let entry = self.entry(key)?;
        match &entry.item.raw {
            Raw::Text(text) if !text.trim().is_empty() => Some((text.clone(), entry.item.span.clone())),
            Raw::Text(_) => {
                mistakes.at(
                    &entry.item.span,
                    self.key(key),
                    format!("`{key}` is empty"),
                    "give it a value, or remove the line",
                );
                None
            }
            _ => self.wrong(entry, "a text in quotes", mistakes),
        }
    }

    pub(super) fn boolean(&self, key: &str, mistakes: &mut Mistakes) -> Option<bool> {
        let entry = self.entry(key)?;
        match entry.item.raw {
            Raw::Boolean(boolean) => Some(boolean),
            _ => self.wrong(entry, "`true` or `false`, without quotes", mistakes),
        }
    }

    /// A whole number of at least `least`.
    pub(super) fn count(&self, key: &str, least: u32, mistakes: &mut Mistakes) -> Option<u32> {
        let entry = self.entry(key)?;
        match entry.item.raw {
            Raw::Integer(integer) => match u32::try_from(integer) {
                Ok(count) if count >= least => Some(count),
                _ => {
                    mistakes.at(
                        &entry.item.span,
                        self.key(key),
                        format!("`{key}` is out of range"),
                        format!("it is a whole number from {least} to {}", u32::MAX),
                    );
                    None
                }
            },
            _ => self.wrong(entry, "a whole number, without quotes", mistakes),
        }
    }

    pub(super) fn duration(&self, key: &str, mistakes: &mut Mistakes) -> Option<Duration> {
        let entry = self.entry(key)?;
        match &entry.item.raw {
            Raw::Text(text) => match parse_duration(text) {
                Ok(duration) => Some(duration),
                Err(error) => {
                    mistakes.at(&entry.item.span, self.key(key), error.to_string(), error.hint());
                    None
                }
            },
            _ => self.wrong(entry, "a duration in quotes, such as `\"30s\"`", mistakes),
        }
    }

    /// Texts, each with its place. One text alone counts as a list of one where `single` allows it.
    pub(super) fn texts(
        &self,
        key: &str,
        single: bool,
        mistakes: &mut Mistakes,
    ) -> Option<Vec<(String, Range<usize>)>> {
        let entry = self.entry(key)?;
        self.texts_of(entry, single, mistakes)
    }

    pub(super) fn texts_of(
        &self,
        entry: &Entry,
        single: bool,
        mistakes: &mut Mistakes,
    ) -> Option<Vec<(String, Range<usize>)>> {
        let items = match &entry.item.raw {
            Raw::Text(_) if single => std::slice::from_ref(&entry.item),
            Raw::List(items) => items.as_slice(),
            _ => return self.wrong(entry, "a list of texts in quotes", mistakes),
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.raw {
                Raw::Text(text) => texts.push((text.clone(), item.span.clone())),
                _ => mistakes.at(
                    &item.span,
                    self.key(&entry.key),
                    format!("`{}` holds {}", entry.key, item.kind()),
                    "every item is a text in quotes",
                ),
            }
        }
        (texts.len() == items.len()).then_some(texts)
    }

    /// Notes that a key holds the wrong type.
    pub(super) fn wrong<T>(&self, entry: &Entry, expected: &str, mistakes: &mut Mistakes) -> Option<T> {
        mistakes.at(
            &entry.item.span,
            self.key(&entry.key),
            format!("`{}` is {}", entry.key, entry.item.kind()),
            format!("write {expected}"),
        );
        None
    }
}

/// Notes a key that nothing reads.
pub(super) fn unknown_key(entry: &Entry, parent: &str, known: &[&str], mistakes: &mut Mistakes) {
    let place = if parent.is_empty() {
        String::new()
    } else {
        format!(" in `{parent}`")
    };
    // Under a name that nothing reads there may be anything.
    mistakes.hidden(
        &entry.key_span,
        join(parent, &entry.key),
        format!("there is no key `{}`{place}", entry.key),
        did_you_mean(&entry.key, known, "the keys are"),
    );
}

/// What to do about an unknown name.
pub(super) fn did_you_mean(name: &str, known: &[&str], otherwise: &str) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => String::new(),
        None => {
            let names: Vec<String> = known.iter().map(|name| format!("`{name}`")).collect();
            format!("{otherwise} {}", names.join(", "))
        }
    }
}

fn join(parent: &str, key: &str) -> String {
    if parent.is_empty() {
        key.to_owned()
    } else {
        format!("{parent}.{key}")
    }
}
