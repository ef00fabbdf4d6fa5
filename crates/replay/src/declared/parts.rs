//! The parts of a declaration, with the path to each for messages.

use signoff_core::{Field, Value};
use signoff_engine::parameters::nearest;

use super::Mistake;

/// A value, and where it stands.
pub(super) struct Part<'a> {
    pub(super) path: String,
    value: &'a Value,
}

impl<'a> Part<'a> {
    pub(super) fn root(value: &'a Value) -> Self {
        Self {
            path: "tutorial".to_owned(),
            value,
        }
    }
}

/// The parts of a table.
pub(super) struct Parts<'a> {
    path: String,
    fields: &'a [Field],
}

type Mistakes = Vec<Mistake>;

impl<'a> Parts<'a> {
    /// Those of a table, which may have these alone.
    pub(super) fn of(part: Part<'a>, known: &[&str], mistakes: &mut Mistakes) -> Self {
        let fields: &[Field] = match part.value {
            Value::Map(fields) => fields,
            // An empty table is an empty list too.
            Value::List(items) if items.is_empty() => &[],
            other => {
                wrong(&part.path, &format!("is {}, not a table", kind(other)), mistakes);
                &[]
            }
        };
        for field in fields {
            if !known.contains(&field.name.as_str()) {
                let hint = match nearest(&field.name, known.iter().copied()) {
                    Some(nearest) => format!("did you mean `{nearest}`?"),
                    None => format!("it takes `{}`", known.join("`, `")),
                };
                let path = join(&part.path, &field.name);
                wrong(&path, &format!("is no part of it; {hint}"), mistakes);
            }
        }
        Self {
            path: part.path,
            fields,
        }
    }

    pub(super) fn path_of(&self, name: &str) -> String {
        join(&self.path, name)
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    pub(super) fn is_text(&self, name: &str) -> bool {
        matches!(self.get(name), Some(Value::Text(_)))
    }

    pub(super) fn text(&self, name: &str, mistakes: &mut Mistakes) -> Option<String> {
        match self.get(name)? {
            Value::Text(text) => Some(text.clone()),
            other => self.is_no(name, other, "a text", mistakes),
        }
    }

    pub(super) fn required(&self, name: &str, mistakes: &mut Mistakes) -> Option<String> {
        if !self.has(name) {
            wrong(&self.path, &format!("has no `{name}`"), mistakes);
        }
        self.text(name, mistakes)
    }

    pub(super) fn number(&self, name: &str, mistakes: &mut Mistakes) -> Option<i64> {
        match self.get(name)? {
            Value::Integer(number) => Some(*number),
            other => self.is_no(name, other, "a whole number", mistakes),
        }
    }

    pub(super) fn flag(&self, name: &str, mistakes: &mut Mistakes) -> bool {
        match self.get(name) {
            None => false,
            Some(Value::Boolean(flag)) => *flag,
            Some(other) => self
                .is_no(name, other, "true or false", mistakes)
                .unwrap_or(false),
        }
    }

    pub(super) fn table(&self, name: &str, mistakes: &mut Mistakes) -> Option<Part<'a>> {
        match self.get(name)? {
            value @ (Value::Map(_) | Value::List(_)) => Some(Part {
                path: self.path_of(name),
                value,
            }),
            other => self.is_no(name, other, "a table", mistakes),
        }
    }

    pub(super) fn list(&self, name: &str, mistakes: &mut Mistakes) -> Vec<Part<'a>> {
        match self.get(name) {
            None => Vec::new(),
            Some(Value::List(items)) => {
                let items = items.iter().enumerate();
                items
                    .map(|(number, value)| Part {
                        path: format!("{}[{}]", self.path_of(name), number + 1),
                        value,
                    })
                    .collect()
            }
            Some(other) => self.is_no(name, other, "a list", mistakes).unwrap_or_default(),
        }
    }

    /// Names and texts; numbers are texts here.
    pub(super) fn texts(&self, name: &str, mistakes: &mut Mistakes) -> Vec<(String, String)> {
        let fields = match self.get(name) {
            None => return Vec::new(),
            Some(Value::Map(fields)) => fields,
            Some(Value::List(items)) if items.is_empty() => return Vec::new(),
            Some(other) => {
                return self
                    .is_no(name, other, "a table of names and texts", mistakes)
                    .unwrap_or_default();
            }
        };
        let mut texts = Vec::new();
        for field in fields {
            match &field.value {
                Value::Text(text) => texts.push((field.name.clone(), text.clone())),
                Value::Integer(number) => texts.push((field.name.clone(), number.to_string())),
                other => {
                    let path = join(&self.path_of(name), &field.name);
                    wrong(&path, &format!("is {}, not a text", kind(other)), mistakes);
                }
            }
        }
        // The order of a Luau table is an accident.
        texts.sort();
        texts
    }

    fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields
            .iter()
            .find(|field| field.name == name && field.value != Value::Null)
            .map(|field| &field.value)
    }

    fn is_no<T>(&self, name: &str, value: &Value, wanted: &str, mistakes: &mut Mistakes) -> Option<T> {
        wrong(
            &self.path_of(name),
            &format!("is {}, not {wanted}", kind(value)),
            mistakes,
        );
        None
    }
}

fn wrong(path: &str, problem: &str, mistakes: &mut Mistakes) {
    mistakes.push(Mistake {
        path: path.to_owned(),
        problem: problem.to_owned(),
    });
}

fn join(path: &str, name: &str) -> String {
    format!("{path}.{name}")
}

const fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Boolean(_) => "true or false",
        Value::Integer(_) | Value::Number(_) => "a number",
        Value::Duration(_) => "a duration",
        Value::Text(_) => "a text",
        Value::List(_) => "a list",
        Value::Map(_) => "a table",
        Value::Secret(_) => "a secret",
    }
}
