//! The values that cross between script, host and provider: arguments, attributes of users, details of outcomes.

use std::time::Duration;

/// A typed value; what a JSON document can hold, with durations and secrets told apart.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Value {
    /// Absent.
    #[default]
    Null,
    /// True or false.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number; finite.
    Number(f64),
    /// A length of time, to the millisecond.
    Duration(Duration),
    /// Text. Ids are always text.
    Text(String),
    /// Several values.
    List(Vec<Self>),
    /// Named values, in order.
    Map(Vec<Field>),
    /// A secret attribute, which the host alone can open.
    Secret(SecretHandle),
}

impl Value {
    /// The text, if it is one.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The secrets in it, in their order: itself, or those of a list.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretHandle> {
        match self {
            Self::Secret(handle) => vec![*handle],
            Self::List(items) => items.iter().flat_map(Self::secrets).collect(),
            _ => Vec::new(),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Self {
        Self::Boolean(boolean)
    }
}

impl From<i64> for Value {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

impl From<Duration> for Value {
    fn from(duration: Duration) -> Self {
        Self::Duration(duration)
    }
}

/// A named value.
#[derive(Debug, Clone, PartialEq)]
pub struct Field {
    /// Lower case with underscores, as scripts and JSON show it.
    pub name: String,
    /// The value.
    pub value: Value,
}

impl Field {
    /// A field of that name and value.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<Value>) -> Self {
        Self {
            name: name.into(),
            value: value.into(),
        }
    }
}

/// Names a secret that the host holds; says nothing about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SecretHandle(pub u32);

/// Who an operation is about.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct User {
    /// The vendor's id for him; always text.
    pub id: String,
    /// What else is known of him: `name`, `state`, `team`, …
    pub attributes: Vec<Field>,
}

impl User {
    /// A user of whom nothing but the id is known.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            attributes: Vec::new(),
        }
    }

    /// The attribute of that name.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&Value> {
        self.attributes
            .iter()
            .find(|field| field.name == name)
            .map(|field| &field.value)
    }
}
