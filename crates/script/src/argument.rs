//! The arguments that a workflow declares, and what they were set to.

use std::fmt;
use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use signoff_core::Value;
use signoff_engine::hexadecimal;
use signoff_engine::parameters::{nearest, parse_duration};

/// An argument that a workflow declares.
#[derive(Debug, Clone, PartialEq)]
pub struct Argument {
    /// What `--set` calls it.
    pub name: String,
    /// What it takes.
    pub kind: ArgumentKind,
    /// What it is if nothing sets it; `None`: it must be set.
    pub default: Option<ArgumentValue>,
    /// One line; may be empty.
    pub help: String,
}

/// What an argument takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArgumentKind {
    /// Any text.
    String,
    /// A number.
    Number,
    /// `true` or `false`.
    Boolean,
    /// `500ms`, `30s`, `15m`, `2h`.
    Duration,
    /// Texts, separated by commas; set several times, they add up.
    List,
    /// A file that exists.
    File,
    /// The name of a connection of this provider.
    Connection(String),
}

/// What an argument is set to.
#[derive(Debug, Clone, PartialEq)]
pub enum ArgumentValue {
    /// Of a string; of a duration, as it was written; of a connection, its name.
    Text(String),
    /// Of a number.
    Number(f64),
    /// Of a boolean.
    Boolean(bool),
    /// Of a list.
    List(Vec<String>),
    /// Of a file.
    File {
        /// Where it is.
        path: PathBuf,
        /// Of its bytes, in hexadecimal digits.
        sha256: String,
    },
}

/// The arguments of one run: each that is declared, by name.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Arguments(Vec<(String, ArgumentValue)>);

impl Arguments {
    /// Each argument and its value, in the order of the declaration.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ArgumentValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The value of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&ArgumentValue> {
        self.iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// The same arguments as one would set them: checked again, these give the same values.
    #[must_use]
    pub fn settings(&self) -> Vec<(String, String)> {
        self.0
            .iter()
            .flat_map(|(name, value)| match value {
                ArgumentValue::List(items) if !items.is_empty() => {
                    items.iter().map(|item| (name.clone(), item.clone())).collect()
                }
                value => vec![(name.clone(), value.to_string())],
            })
            .collect()
    }
}

/// A mistake in what arguments were set to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ArgumentError {
    /// The argument.
    pub name: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
}

impl fmt::Display for ArgumentKind {
    /// What stands for a value in a help text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("TEXT"),
            Self::Number => f.write_str("NUMBER"),
            Self::Boolean => f.write_str("true|false"),
            Self::Duration => f.write_str("DURATION"),
            Self::List => f.write_str("TEXT,…"),
            Self::File => f.write_str("FILE"),
            Self::Connection(_) => f.write_str("CONNECTION"),
        }
    }
}

impl fmt::Display for ArgumentValue {
    /// As one would set it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::Boolean(boolean) => boolean.fmt(f),
            Self::List(items) => f.write_str(&items.join(",")),
            Self::File { path, .. } => path.display().fmt(f),
        }
    }
}

/// Gives the configured connections of a provider, by name.
pub type ConnectionsOf<'a> = &'a dyn Fn(&str) -> Vec<String>;

/// Reads what was set against what is declared, with every mistake.
pub(crate) fn check(
    declared: &[Argument],
    settings: &[(&str, &str)],
    connections_of: ConnectionsOf<'_>,
) -> Result<Arguments, Vec<ArgumentError>> {
    let mut mistakes = Vec::new();
    for (name, _) in settings {
        if !declared.iter().any(|argument| argument.name == *name) {
            let names = declared.iter().map(|argument| argument.name.as_str());
            let hint = match nearest(name, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if declared.is_empty() => "this script takes no arguments".to_owned(),
                None => format!("the arguments are {}", quoted(names)),
            };
            mistakes.push(mistake(name, format!("there is no argument `{name}`"), hint));
        }
    }
    let mut values = Vec::new();
    for argument in declared {
        let given: Vec<&str> = settings
            .iter()
            .filter(|(name, _)| *name == argument.name)
            .map(|(_, text)| *text)
            .collect();
        let value = match (given.as_slice(), &argument.default) {
            ([], Some(default)) => complete(&argument.name, default.clone()),
            ([], None) => absent(argument, connections_of),
            (texts, _) => set(argument, texts, connections_of),
        };
        match value {
            Ok(value) => values.push((argument.name.clone(), value)),
            Err(error) => mistakes.push(error),
        }
    }
    if mistakes.is_empty() {
        Ok(Arguments(values))
    } else {
        Err(mistakes)
    }
}

/// Reads the default that a script declares.
pub(crate) fn default_of(kind: &ArgumentKind, value: &Value) -> Result<ArgumentValue, (String, String)> {
    let wrong = |expected: &str, example: &str| {
        Err((
            format!("`default` does not fit: it is {expected}"),
            format!("write default = {example}"),
        ))
    };
    match (kind, value) {
        (ArgumentKind::String | ArgumentKind::Connection(_), Value::Text(text)) => {
            Ok(ArgumentValue::Text(text.clone()))
        }
        (ArgumentKind::Duration, Value::Text(text)) => match parse_duration(text) {
            Ok(_) => Ok(ArgumentValue::Text(text.clone())),
            Err(error) => Err((error.to_string(), error.hint())),
        },
        #[expect(clippy::cast_precision_loss, reason = "it came from a double")]
        (ArgumentKind::Number, Value::Integer(number)) => Ok(ArgumentValue::Number(*number as f64)),
        (ArgumentKind::Number, Value::Number(number)) => Ok(ArgumentValue::Number(*number)),
        (ArgumentKind::Boolean, Value::Boolean(boolean)) => Ok(ArgumentValue::Boolean(*boolean)),
        (ArgumentKind::List, Value::List(items)) => items
            .iter()
            .map(|item| item.as_text().map(str::to_owned))
            .collect::<Option<_>>()
            .map_or_else(
                || wrong("a list of texts", "{ \"one\", \"two\" }"),
                |items| Ok(ArgumentValue::List(items)),
            ),
        (ArgumentKind::File, Value::Text(path)) => Ok(ArgumentValue::File {
            path: path.into(),
            sha256: String::new(),
        }),
        (ArgumentKind::String, _) => wrong("a text", "\"…\""),
        (ArgumentKind::Connection(_), _) => wrong("the name of a connection", "\"finesse\""),
        (ArgumentKind::Duration, _) => wrong("a duration in quotes", "\"15m\""),
        (ArgumentKind::Number, _) => wrong("a number", "10"),
        (ArgumentKind::Boolean, _) => wrong("a truth value", "false"),
        (ArgumentKind::List, _) => wrong("a list of texts", "{ \"one\", \"two\" }"),
        (ArgumentKind::File, _) => wrong("a path in quotes", "\"users.csv\""),
    }
}

/// A default is read when it is needed: a file must exist only then. Without a path it is none, and the script gets an
/// empty text.
fn complete(name: &str, value: ArgumentValue) -> Result<ArgumentValue, ArgumentError> {
    match value {
        ArgumentValue::File { path, .. } if path.as_os_str().is_empty() => {
            Ok(ArgumentValue::Text(String::new()))
        }
        ArgumentValue::File { path, .. } => file(name, &path),
        value => Ok(value),
    }
}

/// An argument that nothing sets, and that has no default.
fn absent(argument: &Argument, connections_of: ConnectionsOf<'_>) -> Result<ArgumentValue, ArgumentError> {
    let name = &argument.name;
    let missing = |hint| mistake(name, format!("the argument `{name}` is missing"), hint);
    match &argument.kind {
        ArgumentKind::Connection(provider) => {
            let mut connections = connections_of(provider);
            match connections.as_slice() {
                [_] => Ok(ArgumentValue::Text(connections.remove(0))),
                [] => Err(mistake(
                    name,
                    format!("no connection has the provider `{provider}`"),
                    "add one to signoff.toml, or try `--sandbox`".to_owned(),
                )),
                [first, ..] => Err(missing(format!(
                    "several connections have the provider `{provider}`: {}; write --set {name}={first}",
                    quoted(connections.iter().map(String::as_str)),
                ))),
            }
        }
        kind => Err(missing(format!("write --set {name}={kind}"))),
    }
}

fn set(
    argument: &Argument,
    texts: &[&str],
    connections_of: ConnectionsOf<'_>,
) -> Result<ArgumentValue, ArgumentError> {
    let name = &argument.name;
    if argument.kind == ArgumentKind::List {
        let items = texts
            .iter()
            .flat_map(|text| text.split(','))
            .map(str::trim)
            .filter(|item| !item.is_empty());
        return Ok(ArgumentValue::List(items.map(str::to_owned).collect()));
    }
    let [text] = texts else {
        return Err(mistake(
            name,
            format!("the argument `{name}` is set {} times", texts.len()),
            "set it once".to_owned(),
        ));
    };
    let wrong = |expected: &str| {
        Err(mistake(
            name,
            format!("the argument `{name}` takes {expected}, not `{text}`"),
            format!("write --set {name}={}", argument.kind),
        ))
    };
    match &argument.kind {
        ArgumentKind::String | ArgumentKind::List => Ok(ArgumentValue::Text((*text).to_owned())),
        ArgumentKind::Number => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(ArgumentValue::Number(number)),
            _ => wrong("a number"),
        },
        ArgumentKind::Boolean => match *text {
            "true" => Ok(ArgumentValue::Boolean(true)),
            "false" => Ok(ArgumentValue::Boolean(false)),
            _ => wrong("`true` or `false`"),
        },
        ArgumentKind::Duration => match parse_duration(text) {
            Ok(_) => Ok(ArgumentValue::Text((*text).to_owned())),
            Err(error) => Err(mistake(
                name,
                format!("the argument `{name}` takes a duration, not `{text}`"),
                error.hint(),
            )),
        },
        ArgumentKind::File => match &argument.default {
            // Left out, as when a run is resumed whose argument was.
            Some(default) if text.is_empty() => complete(name, default.clone()),
            _ => file(name, Path::new(text)),
        },
        ArgumentKind::Connection(provider) => {
            let connections = connections_of(provider);
            if connections.iter().any(|known| known == text) {
                return Ok(ArgumentValue::Text((*text).to_owned()));
            }
            let names = connections.iter().map(String::as_str);
            let hint = match nearest(text, names.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None if connections.is_empty() => {
                    format!("no connection has the provider `{provider}`; add one to signoff.toml")
                }
                None => format!("connections of the provider `{provider}`: {}", quoted(names)),
            };
            Err(mistake(
                name,
                format!("there is no connection `{text}` of the provider `{provider}`"),
                hint,
            ))
        }
    }
}

/// Hashes a file, so that a run is known to have read the same when it is executed again.
fn file(name: &str, path: &Path) -> Result<ArgumentValue, ArgumentError> {
    let hash = || -> std::io::Result<String> {
        let mut file = fs::File::open(path)?;
        let mut digest = Sha256::new();
        let mut buffer = vec![0; 64 << 10];
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                return Ok(hexadecimal::encode(&digest.finalize()));
            }
            digest.update(&buffer[..read]);
        }
    };
    match hash() {
        Ok(sha256) => Ok(ArgumentValue::File {
            path: path.to_owned(),
            sha256,
        }),
        Err(error) => Err(mistake(
            name,
            format!(
                "cannot read the file `{}` of the argument `{name}`: {error}",
                path.display()
            ),
            String::new(),
        )),
    }
}

fn quoted<'a>(names: impl Iterator<Item = &'a str>) -> String {
    names
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

fn mistake(name: &str, message: String, hint: String) -> ArgumentError {
    ArgumentError {
        name: name.to_owned(),
        message,
        hint,
    }
}
