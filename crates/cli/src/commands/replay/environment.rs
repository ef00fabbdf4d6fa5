//! The values of a tutorial's variables: environments as Postman exports them, flat files, and the command line.

use std::path::Path;

use serde_json::Value;
use signoff_replay::variables::{Scope, Variables};

use crate::failure::Failure;

/// Reads a file: an environment or globals as Postman exports them (also wrapped, as its API gives them), or one object of
/// names and values, in JSON or TOML.
pub(super) fn read(path: &Path, variables: &mut Variables) -> Result<(), Failure> {
    let text = std::fs::read_to_string(path).map_err(|error| {
        Failure::usage(
            format!("{}: {error}", path.display()),
            "name a file with an environment",
        )
    })?;
    // The value of a secret may stand beside a mistake, so no line of the file is quoted.
    let document = if path
        .extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
    {
        toml::from_str::<Value>(&text).map_err(|error| error.message().to_owned())
    } else {
        serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map_err(|error| format!("no JSON (line {}, column {})", error.line(), error.column()))
    };
    let document = document.map_err(|problem| no_environment(path, &problem))?;
    let document = document
        .get("environment")
        .filter(|inner| inner.is_object())
        .unwrap_or(&document);
    if let Some(values) = document.get("values").and_then(Value::as_array) {
        for value in values {
            let key = value.get("key").and_then(Value::as_str);
            let Some(key) = key else {
                return Err(no_environment(path, "one of its `values` has no `key`"));
            };
            let enabled = value
                .get("enabled")
                .is_none_or(|enabled| enabled != &Value::Bool(false));
            if value.get("type").is_some_and(|kind| kind == "secret") {
                variables.mark_secret(key);
            }
            if enabled {
                variables.set(
                    Scope::Environment,
                    key,
                    text_of(value.get("value").unwrap_or(&Value::Null)),
                );
            }
        }
        return Ok(());
    }
    let Some(values) = document.as_object() else {
        return Err(no_environment(path, "it holds no names and values"));
    };
    for (name, value) in values {
        if value.is_object() || value.is_array() {
            return Err(no_environment(path, &format!("`{name}` is no plain value")));
        }
        variables.set(Scope::Environment, name.as_str(), text_of(value));
    }
    Ok(())
}

/// `--var NAME=VALUE`; gives the names of those that are secrets, which everybody on the machine has now seen.
pub(super) fn given(texts: &[String], variables: &mut Variables) -> Result<Vec<String>, Failure> {
    let mut seen = Vec::new();
    for text in texts {
        let Some((name, value)) = text.split_once('=').filter(|(name, _)| !name.is_empty()) else {
            return Err(Failure::usage(
                "`--var` takes a name and a value",
                "write it as `--var web-url=finesse.example.com`",
            ));
        };
        variables.set(Scope::Given, name, value);
        if variables.is_secret(name) {
            seen.push(name.to_owned());
        }
    }
    Ok(seen)
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn no_environment(path: &Path, problem: &str) -> Failure {
    Failure::usage(
        format!("{} is no environment: {problem}", path.display()),
        "an environment is what Postman exports, or an object of names and values: `{\"web-url\": \"finesse.example.com\"}`",
    )
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    fn read_text(name: &str, text: &str) -> Result<Variables, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let mut variables = Variables::new();
        match read(&path, &mut variables) {
            Ok(()) => Ok(variables),
            Err(failure) => Err(failure.message.replace(&folder.path().display().to_string(), "")),
        }
    }

    #[test]
    fn environments_come_in_several_shapes() {
        for (name, text) in [
            (
                "e.json",
                r#"{"name":"lab","values":[{"key":"a","value":"1"},{"key":"a","value":"2","enabled":false},{"key":"b","value":7}]}"#,
            ),
            (
                "e.json",
                r#"{"environment":{"values":[{"key":"a","value":"1"},{"key":"b","value":"7"}]}}"#,
            ),
            ("e.json", "\u{feff}{\"a\":\"1\",\"b\":7}"),
            ("e.toml", "a = '1'\nb = 7"),
        ] {
            let variables = read_text(name, text).unwrap();
            assert_eq!(variables.get("a"), Some("1"), "{text}");
            assert_eq!(variables.get("b"), Some("7"), "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_without_the_values() {
        for (name, text) in [
            ("e.json", r#"{"password": "s3cr3t"#),
            ("e.toml", "password = s3cr3t"),
            ("e.json", r#"["s3cr3t"]"#),
            ("e.json", r#"{"values":[{"value":"s3cr3t"}]}"#),
            ("e.json", r#"{"password":{"value":"s3cr3t"}}"#),
        ] {
            let message = read_text(name, text).unwrap_err();
            assert!(message.contains("is no environment"), "{message}");
            assert!(!message.contains("s3cr3t"), "{message}");
        }
    }
}
