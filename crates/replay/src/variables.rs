//! The values of variables, by who gave them: the nearest wins.

use std::collections::{BTreeMap, BTreeSet};

use signoff_engine::redact::Redactor;
use signoff_engine::secret::Secret;

use crate::template::{Template, Unfilled, Variable};

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
        let scopes = [&self.captured, &self.given, &self.environment, &self.tutorial];
        scopes
            .into_iter()
            .find_map(|values| values.get(name))
            .map(String::as_str)
    }

    /// A text with every variable filled in.
    ///
    /// # Errors
    /// If one has no value. A name in single braces without a value is text.
    pub fn fill(&self, template: &Template) -> Result<String, Unfilled> {
        template.fill(&|variable: Variable<'_>| self.get(variable.name).map(str::to_owned))
    }

    /// The same for an address, in which nothing in braces is text.
    ///
    /// # Errors
    /// If a variable has no value.
    pub fn fill_whole(&self, template: &Template) -> Result<String, Unfilled> {
        let filled = self.fill(template)?;
        match Template::new(filled.as_str()).variables().next() {
            Some(left) if left.given => Err(Unfilled::Unknown(left.name.to_owned())),
            Some(left) => Err(Unfilled::NotCopied(left.name.to_owned())),
            None => Ok(filled),
        }
    }

    /// Teaches a redactor every value that is a secret.
    pub fn teach(&self, redactor: &Redactor) {
        for values in [&self.given, &self.environment, &self.tutorial] {
            for (name, value) in values {
                if self.is_secret(name) {
                    redactor.add(name, &Secret::new(value.clone()));
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
