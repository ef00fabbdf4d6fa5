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

/// How deep values may refer to other variables before it is taken for a circle; as many times as Postman's own
/// runtime substitutes (postman-collection, `lib/superstring/index.js`).
const DEEPEST: usize = 19;

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

    /// The text with every variable replaced; a value may hold variables itself.
    ///
    /// # Errors
    /// With the first variable that has no value, or that is defined by itself.
    pub fn fill(&self, value: &dyn Fn(Variable<'_>) -> Option<String>) -> Result<String, Unfilled> {
        let mut text = self.0.clone();
        for _ in 0..DEEPEST {
            let mut filled = String::with_capacity(text.len());
            let mut changed = false;
            for piece in Pieces(&text) {
                match piece {
                    Piece::Text(text) => filled.push_str(text),
                    Piece::Variable(variable, written) => match value(variable) {
                        Some(value) => {
                            changed = true;
                            filled.push_str(&value);
                        }
                        // What merely looks like a copied value: braces in a body, `{id}` in prose.
                        None if !variable.given => filled.push_str(written),
                        None => return Err(Unfilled::Unknown(variable.name.to_owned())),
                    },
                }
            }
            if !changed {
                return Ok(filled);
            }
            text = filled;
        }
        Err(Unfilled::Circle(self.0.clone()))
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

    fn value(variable: Variable<'_>) -> Option<String> {
        let value = match (variable.name, variable.given) {
            ("host", true) => "finesse.example",
            ("url", true) => "http://{{host}}:8082",
            ("me", true) => "{{me}}",
            ("teamId", false) => "7",
            _ => return None,
        };
        Some(value.to_owned())
    }

    #[test]
    fn values_may_hold_variables() {
        let filled = |text: &str| {
            Template::from(text)
                .fill(&value)
                .map_err(|error| error.to_string())
        };
        assert_eq!(
            filled("{{url}}/Team/{teamId}").unwrap(),
            "http://finesse.example:8082/Team/7"
        );
        assert_eq!(filled("{{ host }}").unwrap(), "finesse.example");
        assert_eq!(filled("{x} {} {{}} {\"a\":1}").unwrap(), "{x} {} {{}} {\"a\":1}");
        assert_eq!(
            filled("{{port}}").unwrap_err(),
            "the variable `{{port}}` has no value"
        );
        assert_eq!(filled("{{me}}").unwrap_err(), "`{{me}}` goes in a circle");
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
                prop_assert_eq!(template.fill(&|_| None).unwrap(), text);
            }
        }
    }
}
