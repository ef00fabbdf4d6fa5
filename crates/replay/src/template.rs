//! Texts with variables in them, as tutorials and Postman write them: `{{name}}` is a variable of the environment,
//! `{name}` a value that an earlier step has copied.

use std::fmt;

/// A text with variables in it. Printing it gives it as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Template(String);

/// A variable in a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Variable<'a> {
    /// Its name, without braces.
    pub name: &'a str,
    /// Whether it stands in double braces: then an environment gives it; else an earlier step does.
    pub given: bool,
}

/// The value of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// Of whoever replays the tutorial, or of the tutorial itself: it may hold variables.
    Nested(&'a str),
    /// Of a server: it stands for itself, whatever it looks like, so that no answer reads what the asker keeps.
    Literal(&'a str),
}

/// A text in which variables were replaced by their values.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filled {
    /// The text.
    pub text: String,
    /// Names in single braces that have no value: they stay as they are written.
    pub left: Vec<String>,
    /// Names in double braces that have no value.
    pub unknown: Vec<String>,
}

/// How deep values may refer to other variables before it is taken for a circle; as many times as Postman's own
/// runtime substitutes (postman-collection, `lib/superstring/index.js`).
const DEEPEST: usize = 19;

/// Bytes beyond which a text is given up: values that hold one another several times over grow without bounds.
const LARGEST: usize = 16 << 20;

impl Template {
    /// A template of that text.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// As it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The variables in it, in order of appearance.
    pub fn variables(&self) -> impl Iterator<Item = Variable<'_>> {
        Pieces(&self.0).filter_map(|piece| match piece {
            Piece::Variable(variable, _) => Some(variable),
            Piece::Text(_) => None,
        })
    }

    /// The text with every variable replaced.
    ///
    /// # Errors
    /// If a variable is defined by itself, or the text becomes too long.
    pub fn fill<'a>(&self, value: &dyn Fn(Variable<'_>) -> Option<Value<'a>>) -> Result<Filled, Unfilled> {
        let mut growing = Growing::default();
        growing.push(&self.0, false)?;
        for _ in 0..DEEPEST {
            let mut grown = Growing::default();
            let mut filled = Filled::default();
            let mut changed = false;
            for (text, is_literal) in &growing.parts {
                if *is_literal {
                    grown.push(text, true)?;
                    continue;
                }
                for piece in Pieces(text) {
                    let (variable, written) = match piece {
                        Piece::Text(text) => {
                            grown.push(text, false)?;
                            continue;
                        }
                        Piece::Variable(variable, written) => (variable, written),
                    };
                    let value = value(variable);
                    changed |= value.is_some();
                    match value {
                        Some(Value::Nested(value)) => grown.push(value, false)?,
                        Some(Value::Literal(value)) => grown.push(value, true)?,
                        None => {
                            let names = if variable.given {
                                &mut filled.unknown
                            } else {
                                // What merely looks like a copied value: braces in a body, `{id}` in prose.
                                &mut filled.left
                            };
                            names.push(variable.name.to_owned());
                            grown.push(written, false)?;
                        }
                    }
                }
            }
            if !changed {
                filled.text = grown.parts.into_iter().map(|(text, _)| text).collect();
                return Ok(filled);
            }
            growing = grown;
        }
        Err(Unfilled::Circle(self.0.clone()))
    }
}

/// A text that is being filled in: what may hold variables still, and what stands for itself.
#[derive(Default)]
struct Growing {
    parts: Vec<(String, bool)>,
    length: usize,
}

impl Growing {
    fn push(&mut self, text: &str, is_literal: bool) -> Result<(), Unfilled> {
        self.length += text.len();
        if self.length > LARGEST {
            return Err(Unfilled::TooLong);
        }
        match self.parts.last_mut() {
            // A name may be made of several values: `{{host_{{site}}}}`.
            Some((last, was_literal)) if *was_literal == is_literal => last.push_str(text),
            _ => self.parts.push((text.to_owned(), is_literal)),
        }
        Ok(())
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl From<&str> for Template {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

/// Why a template cannot be filled.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unfilled {
    /// A variable has no value.
    #[error("the variable `{{{{{0}}}}}` has no value")]
    Unknown(String),
    /// A value that an earlier step would have copied is not there.
    #[error("no step has copied a value for `{{{0}}}`, and the environment has none")]
    NotCopied(String),
    /// A variable is defined by itself.
    #[error("`{0}` goes in a circle")]
    Circle(String),
    /// Values hold one another so often that the text grows beyond what anybody would send.
    #[error("values that hold other variables make a text of more than {} MiB", LARGEST >> 20)]
    TooLong,
}

/// The pieces of a template, in order.
struct Pieces<'a>(&'a str);

enum Piece<'a> {
    Text(&'a str),
    /// The variable, and how it is written.
    Variable(Variable<'a>, &'a str),
}

impl<'a> Iterator for Pieces<'a> {
    type Item = Piece<'a>;

    fn next(&mut self) -> Option<Piece<'a>> {
        if self.0.is_empty() {
            return None;
        }
        if let Some((variable, length)) = variable_at(self.0) {
            let (written, rest) = self.0.split_at(length);
            self.0 = rest;
            return Some(Piece::Variable(variable, written));
        }
        // A brace that opens nothing is text, and what follows it may open something.
        let end = self.0.char_indices().skip(1).find(|(_, letter)| *letter == '{');
        let (text, rest) = self.0.split_at(end.map_or(self.0.len(), |(at, _)| at));
        self.0 = rest;
        Some(Piece::Text(text))
    }
}

/// The variable at the beginning of a text, and its length with its braces.
fn variable_at(text: &str) -> Option<(Variable<'_>, usize)> {
    if let Some(inner) = text.strip_prefix("{{") {
        let end = inner.find(['{', '}'])?;
        let name = inner[..end].trim();
        return (inner[end..].starts_with("}}") && !name.is_empty())
            .then_some((Variable { name, given: true }, end + 4));
    }
    let inner = text.strip_prefix('{')?;
    let end = inner.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))?;
    (end > 0 && inner[end..].starts_with('}')).then(|| {
        let name = &inner[..end];
        (Variable { name, given: false }, end + 2)
    })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(variable: Variable<'_>) -> Option<Value<'static>> {
        Some(match (variable.name, variable.given) {
            ("host" | "host_lab", true) => Value::Nested("finesse.example"),
            ("url", true) => Value::Nested("http://{{host}}:8082"),
            ("site", true) => Value::Nested("lab"),
            ("me", true) => Value::Nested("{{me}}"),
            ("teamId", false) => Value::Literal("7"),
            ("hostile", false) => Value::Literal("{{host}}{teamId}{hostile}"),
            _ => return None,
        })
    }

    fn filled(text: &str) -> Filled {
        Template::from(text).fill(&value).unwrap()
    }

    #[test]
    fn values_may_hold_variables() {
        assert_eq!(
            filled("{{url}}/Team/{teamId}").text,
            "http://finesse.example:8082/Team/7"
        );
        assert_eq!(filled("{{ host }}").text, "finesse.example");
        assert_eq!(filled("{{host_{{site}}}}").text, "finesse.example");
        let nothing = filled("{x} {} {{}} {\"a\":1}");
        assert_eq!(nothing.text, "{x} {} {{}} {\"a\":1}");
        assert_eq!(nothing.left, ["x"]);
        assert_eq!(filled("{{port}}{{path}}").unknown, ["port", "path"]);
        let circle = Template::from("{{me}}").fill(&value).unwrap_err();
        assert_eq!(circle.to_string(), "`{{me}}` goes in a circle");
    }

    #[test]
    fn what_a_server_says_is_never_read_as_variables() {
        let said = filled("{{url}}/{hostile}");
        assert_eq!(said.text, "http://finesse.example:8082/{{host}}{teamId}{hostile}");
        assert!(said.left.is_empty() && said.unknown.is_empty());
    }

    #[test]
    fn values_that_hold_one_another_do_not_grow_without_bounds() {
        let many = |name: &str| format!("{{{{{name}}}}}").repeat(3_000);
        let (a, b, c) = (many("b"), many("c"), "x".repeat(10_000));
        let value = |variable: Variable<'_>| match variable.name {
            "a" => Some(Value::Nested(a.as_str())),
            "b" => Some(Value::Nested(b.as_str())),
            _ => Some(Value::Nested(c.as_str())),
        };
        assert_eq!(Template::from("{{a}}").fill(&value), Err(Unfilled::TooLong));
    }

    #[test]
    fn variables_are_told_apart() {
        let template = Template::from("{{a b}}{c}{{{d}}}");
        let names: Vec<_> = template
            .variables()
            .map(|variable| (variable.name, variable.given))
            .collect();
        assert_eq!(names, [("a b", true), ("c", false), ("d", true)]);
    }

    proptest! {
        #[test]
        fn without_values_a_text_stays_as_it_is(text in "[{}a \u{e9}]{0,40}") {
            let template = Template::new(text.clone());
            if template.variables().all(|variable| !variable.given) {
                prop_assert_eq!(template.fill(&|_| None).unwrap().text, text);
            }
        }
    }
}
