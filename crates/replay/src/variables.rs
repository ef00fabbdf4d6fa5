//! The values of variables, by who gave them: the nearest wins.

use std::collections::{BTreeMap, BTreeSet};

use signoff_engine::redact::Redactor;
use signoff_engine::secret::Secret;

use crate::template::{Filled, Template, Unfilled, Value, Variable};

/// Values, in the order in which they are looked up.
#[derive(Debug, Clone, Default)]
pub struct Variables {
    /// Copied from answers while the tutorial runs.
    captured: BTreeMap<String, String>,
    /// Given by hand.
    given: BTreeMap<String, String>,
    /// Of the environment.
    environment: BTreeMap<String, String>,
    /// Of the tutorial itself.
    tutorial: BTreeMap<String, String>,
    /// Names of those that were said to be secret.
    secrets: BTreeSet<String>,
}

/// Whose a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Given by hand: `--var NAME=VALUE`.
    Given,
    /// Of the environment: `-e FILE`.
    Environment,
    /// Of the tutorial itself.
    Tutorial,
}

impl Variables {
    /// None at all.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Gives one a value; the last one given counts.
    pub fn set(&mut self, scope: Scope, name: impl Into<String>, value: impl Into<String>) {
        let values = match scope {
            Scope::Given => &mut self.given,
            Scope::Environment => &mut self.environment,
            Scope::Tutorial => &mut self.tutorial,
        };
        values.insert(name.into(), value.into());
    }

    /// Says that the value of a variable is a secret, whatever its name.
    pub fn mark_secret(&mut self, name: impl Into<String>) {
        self.secrets.insert(name.into());
    }

    /// Whether the value of a variable is a secret: it was said to be, or its name says so.
    #[must_use]
    pub fn is_secret(&self, name: &str) -> bool {
        self.secrets.contains(name) || is_secret(name)
    }

    /// Keeps a value that was copied from an answer.
    pub fn capture(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.captured.insert(name.into(), value.into());
    }

    /// The value of a variable, as it was given.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.value(name).map(|value| match value {
            Value::Nested(text) | Value::Literal(text) => text,
        })
    }

    /// A text with every variable filled in.
    ///
    /// # Errors
    /// If one has no value. A name in single braces without a value is text.
    pub fn fill(&self, template: &Template) -> Result<String, Unfilled> {
        self.known(template).map(|filled| filled.text)
    }

    /// The same for an address, in which nothing in braces is text, unless a server said it.
    ///
    /// # Errors
    /// If a variable has no value.
    pub fn fill_whole(&self, template: &Template) -> Result<String, Unfilled> {
        let filled = self.known(template)?;
        match filled.left.into_iter().next() {
            Some(left) => Err(Unfilled::NotCopied(left)),
            None => Ok(filled.text),
        }
    }

    /// A text with what has a value filled in, and the names of what has none.
    ///
    /// # Errors
    /// If a variable is defined by itself, or the text becomes too long.
    pub fn filled(&self, template: &Template) -> Result<Filled, Unfilled> {
        template.fill(&|variable: Variable<'_>| self.value(variable.name))
    }

    fn known(&self, template: &Template) -> Result<Filled, Unfilled> {
        let filled = self.filled(template)?;
        match filled.unknown.first() {
            Some(unknown) => Err(Unfilled::Unknown(unknown.clone())),
            None => Ok(filled),
        }
    }

    fn value(&self, name: &str) -> Option<Value<'_>> {
        let own = [&self.given, &self.environment, &self.tutorial];
        let captured = self.captured.get(name).map(|value| Value::Literal(value));
        captured.or_else(|| {
            let value = own.into_iter().find_map(|values| values.get(name));
            value.map(|value| Value::Nested(value))
        })
    }

    /// Teaches a redactor every value that is a secret.
    pub fn teach(&self, redactor: &Redactor) {
        for values in [&self.given, &self.environment, &self.tutorial] {
            for (name, value) in values {
                if !self.is_secret(name) {
                    continue;
                }
                redactor.add(name, &Secret::new(value.clone()));
                // It may be made of variables whose names say nothing.
                if let Ok(filled) = self.fill(&Template::new(value)) {
                    redactor.add(name, &Secret::new(filled));
                }
            }
        }
    }
}

/// Whether a variable of this name holds a secret; a name is all that a tutorial tells of it.
#[must_use]
pub fn is_secret(name: &str) -> bool {
    let name = name.to_lowercase();
    [
        "password", "passwd", "secret", "token", "apikey", "api_key", "api-key", "pwd",
    ]
    .iter()
    .any(|word| name.contains(word))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_value_wins() {
        let mut variables = Variables::new();
        let name = Template::from("{{x}}{x}");
        assert_eq!(variables.fill(&name), Err(Unfilled::Unknown("x".to_owned())));
        for (scope, value) in [
            (Scope::Tutorial, "tutorial"),
            (Scope::Environment, "environment"),
            (Scope::Given, "given"),
        ] {
            variables.set(scope, "x", value);
            assert_eq!(variables.fill(&name).unwrap(), format!("{value}{value}"));
        }
        variables.capture("x", "captured");
        assert_eq!(variables.fill(&name).unwrap(), "capturedcaptured");
    }

    #[test]
    fn what_was_copied_reads_nothing() {
        let mut variables = Variables::new();
        variables.set(Scope::Environment, "agent_password", "hunter2hunter2");
        variables.set(Scope::Environment, "path", "/User/{id}");
        variables.capture("id", "{{agent_password}}");
        let address = variables.fill_whole(&"{{path}}".into()).unwrap();
        assert_eq!(address, "/User/{{agent_password}}");
    }

    #[test]
    fn a_secret_that_is_made_of_others_is_one() {
        let mut variables = Variables::new();
        variables.set(Scope::Environment, "agent_password", "{{of_the_agent}}");
        variables.set(Scope::Environment, "of_the_agent", "hunter2hunter2");
        let redactor = Redactor::new();
        variables.teach(&redactor);
        assert_eq!(redactor.redact("it is hunter2hunter2"), "it is [redacted]");
    }

    #[test]
    fn an_address_has_no_braces_left() {
        let variables = Variables::new();
        assert_eq!(
            variables.fill(&"/Team/{teamId}".into()).unwrap(),
            "/Team/{teamId}"
        );
        let left = variables.fill_whole(&"/Team/{teamId}".into());
        assert_eq!(left, Err(Unfilled::NotCopied("teamId".to_owned())));
    }
}
