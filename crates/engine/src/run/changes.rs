//! What is not as it was when a run began: its script, what it was given, and whom it talks to. Exemptions, limits and
//! secrets may change.

use signoff_core::{Field, Value};

use crate::config::ConnectionSettings;
use crate::engine::Engine;
use crate::journal::{InputFile, JournalError, JournalReader, RunHeader, SourceText};
use crate::json;

/// What has changed since a run began, each in a few words; `before` is what its journal says, `today` what a new run
/// would write. If anything has, [`super::Run::resume`] refuses to go on.
///
/// # Errors
/// If the journal cannot be read.
pub fn changes(
    engine: &Engine,
    reader: &JournalReader,
    before: &RunHeader,
    today: &RunHeader,
) -> Result<Vec<String>, JournalError> {
    let mut changes = Vec::new();
    sources(&before.sources, &today.sources, &mut changes);
    arguments(&before.arguments, &today.arguments, &mut changes);
    inputs(&before.inputs, &today.inputs, &mut changes);
    let version = |header: &RunHeader| {
        let mut versions = header.versions.iter();
        let signoff = versions.find(|(name, _)| name == "signoff");
        signoff.map_or_else(String::new, |(_, version)| version.clone())
    };
    differs(
        "signoff",
        Some(&version(before)),
        Some(&version(today)),
        &mut changes,
    );
    for before in reader.connections()? {
        connection(engine, &before, &mut changes);
    }
    Ok(changes)
}

/// A connection as it is recorded when it is opened.
pub(super) fn settings(engine: &Engine, settings: &ConnectionSettings) -> Field {
    let mut field = settings.describe();
    if let (Value::Map(fields), Some(sha256)) = (&mut field.value, engine.registry.sha256(&settings.provider))
    {
        fields.push(Field::new(PLUGIN, sha256.as_str()));
    }
    field
}

/// Under which the hash of a plugin is kept.
const PLUGIN: &str = "plugin_sha256";

fn sources(before: &[SourceText], today: &[SourceText], changes: &mut Vec<String>) {
    for source in before {
        match today.iter().find(|other| other.name == source.name) {
            None => changes.push(format!("the script `{}` is not there any more", source.name)),
            Some(other) if other.text != source.text => {
                changes.push(format!("the script `{}` was changed", source.name));
            }
            Some(_) => {}
        }
    }
    for source in today {
        if !before.iter().any(|other| other.name == source.name) {
            changes.push(format!("the script `{}` was added", source.name));
        }
    }
}

fn arguments(before: &[Field], today: &[Field], changes: &mut Vec<String>) {
    let values = |fields: &[Field], name: &str| {
        let values = fields.iter().filter(|field| field.name == name);
        let values: Vec<String> = values
            .map(|field| json::value(&field.value).to_string())
            .collect();
        (!values.is_empty()).then(|| values.join(", "))
    };
    let mut names: Vec<&str> = before
        .iter()
        .chain(today)
        .map(|field| field.name.as_str())
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let what = format!("the argument `{name}`");
        differs(
            &what,
            values(before, name).as_deref(),
            values(today, name).as_deref(),
            changes,
        );
    }
}

fn inputs(before: &[InputFile], today: &[InputFile], changes: &mut Vec<String>) {
    for input in before {
        // Where a file lies does not matter.
        if today.iter().any(|other| other.sha256 == input.sha256) {
            continue;
        }
        changes.push(if today.iter().any(|other| other.path == input.path) {
            format!("the file `{}` was changed", input.path)
        } else {
            format!("the file `{}` is not read any more", input.path)
        });
    }
}

fn connection(engine: &Engine, before: &Field, changes: &mut Vec<String>) {
    let name = &before.name;
    let today = match engine.connection(name) {
        Ok((today, _)) => today,
        Err(error) => {
            changes.push(error.to_string());
            return;
        }
    };
    let mut keys = vec![
        ("provider", "the provider"),
        ("version", "the version of the provider"),
        (PLUGIN, "the SHA-256 of the plugin"),
        ("credential", "the credential"),
    ];
    keys.extend(
        today
            .descriptor
            .endpoints
            .iter()
            .map(|endpoint| (endpoint.name, "the address")),
    );
    let today = settings(engine, &today);
    let value = |field: &Field, key: &str| match &field.value {
        Value::Map(fields) => fields
            .iter()
            .find(|field| field.name == key)
            .map(|field| told(&field.value)),
        _ => None,
    };
    for (key, words) in keys {
        let what = match words {
            "the address" => format!("`{key}` of connection `{name}`"),
            _ => format!("{words} of connection `{name}`"),
        };
        let (before, today) = (value(before, key), value(&today, key));
        differs(&what, before.as_deref(), today.as_deref(), changes);
    }
}

fn told(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::List(items) => items.iter().map(told).collect::<Vec<_>>().join(", "),
        other => json::value(other).to_string(),
    }
}

fn differs(what: &str, before: Option<&str>, today: Option<&str>, changes: &mut Vec<String>) {
    if before != today {
        let before = before.map_or("nothing".to_owned(), |before| format!("`{before}`"));
        let today = today.map_or("nothing".to_owned(), |today| format!("`{today}`"));
        changes.push(format!("{what} is {today}, and was {before}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, text: &str) -> SourceText {
        SourceText {
            name: name.to_owned(),
            text: text.to_owned(),
        }
    }

    #[test]
    fn each_change_is_told() {
        let mut told = Vec::new();
        sources(
            &[source("a", "1"), source("b", "1"), source("gone", "")],
            &[source("a", "1"), source("b", "2"), source("new", "")],
            &mut told,
        );
        arguments(
            &[
                Field::new("team", "5"),
                Field::new("list", "a"),
                Field::new("list", "b"),
            ],
            &[Field::new("list", "a"), Field::new("wait", "1m")],
            &mut told,
        );
        let input = |path: &str, sha256: &str| InputFile {
            path: path.to_owned(),
            sha256: sha256.to_owned(),
            rows: None,
        };
        inputs(
            &[input("u.csv", "1"), input("v.csv", "3"), input("w.csv", "4")],
            &[input("u.csv", "2"), input("elsewhere.csv", "3")],
            &mut told,
        );
        assert_eq!(
            told,
            [
                "the script `b` was changed",
                "the script `gone` is not there any more",
                "the script `new` was added",
                "the argument `list` is `\"a\"`, and was `\"a\", \"b\"`",
                "the argument `team` is nothing, and was `\"5\"`",
                "the argument `wait` is `\"1m\"`, and was nothing",
                "the file `u.csv` was changed",
                "the file `w.csv` is not read any more",
            ]
        );
    }
}
