//! What is wrong with a configuration, where, and what to do about it.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

/// Everything that is wrong with a configuration, in the order of the file; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors {
    errors: Vec<ConfigError>,
}

/// One mistake in a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// The file; the path as it was given.
    pub path: PathBuf,
    /// From 1; 0 where the file as a whole is at fault.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// `connections.finesse-prod.rate`; empty where no key is at fault.
    pub key: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it; may be empty.
    pub hint: String,
    excerpt: Option<Excerpt>,
}

/// The line at fault.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Excerpt {
    line: String,
    /// How many characters to underline; at least 1.
    length: usize,
}

impl ConfigErrors {
    /// The mistakes, in the order of the file.
    #[must_use]
    pub fn errors(&self) -> &[ConfigError] {
        &self.errors
    }

    /// The full text for a person: each mistake with its line, underlined, and what to do. No colours, and no line
    /// break at the end.
    #[must_use]
    pub fn render(&self) -> String {
        self.to_string()
    }

    /// All of these as one; `None` if there are none.
    pub(super) fn merge(all: Vec<Self>) -> Option<Self> {
        let mut errors: Vec<ConfigError> = Vec::new();
        // Two connections may stumble over one credential.
        for error in all.into_iter().flat_map(|one| one.errors) {
            if !errors.contains(&error) {
                errors.push(error);
            }
        }
        (!errors.is_empty()).then_some(Self { errors })
    }

    /// A file that could not be read.
    pub(super) fn unreadable(path: PathBuf, message: String, hint: String) -> Self {
        Self {
            errors: vec![ConfigError {
                path,
                line: 0,
                column: 0,
                key: String::new(),
                message,
                hint,
                excerpt: None,
            }],
        }
    }
}

impl std::error::Error for ConfigErrors {}

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.errors.iter().enumerate() {
            if index > 0 {
                f.write_str("\n\n")?;
            }
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "error: {}", self.message)?;
        let margin = " ".repeat(self.line.to_string().len());
        if let Some(excerpt) = &self.excerpt {
            let before: String = excerpt
                .line
                .chars()
                .take(self.column - 1)
                // A tab keeps its width, so that the underline stays beneath what it means.
                .map(|character| if character == '\t' { '\t' } else { ' ' })
                .collect();
            write!(
                f,
                "\n{margin}--> {}:{}:{}\n{margin} |\n{} | {}\n{margin} | {before}{}",
                self.path.display(),
                self.line,
                self.column,
                self.line,
                excerpt.line,
                "^".repeat(excerpt.length),
            )?;
        } else if self.line > 0 {
            write!(
                f,
                "\n{margin}--> {}:{}:{}",
                self.path.display(),
                self.line,
                self.column
            )?;
        } else {
            write!(f, "\n --> {}", self.path.display())?;
        }
        if !self.key.is_empty() {
            write!(f, "\n{margin} = key: `{}`", self.key)?;
        }
        if !self.hint.is_empty() {
            write!(f, "\n{margin} = help: {}", self.hint)?;
        }
        Ok(())
    }
}

/// The text of a configuration, for pointing into it.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) text: String,
}

/// Collects mistakes, so that all of them are reported at once.
#[derive(Debug)]
pub(super) struct Mistakes {
    source: Arc<Source>,
    found: Vec<(usize, ConfigError)>,
}

impl Mistakes {
    pub(super) fn new(source: &Arc<Source>) -> Self {
        Self {
            source: Arc::clone(source),
            found: Vec::new(),
        }
    }

    /// Notes a mistake at a place of the text.
    pub(super) fn at(
        &mut self,
        span: &Range<usize>,
        key: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        let text = &self.source.text;
        let start = floor(text, span.start);
        let line_start = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let line_end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        let line = text[line_start..line_end].trim_end_matches('\r');
        let end = floor(text, span.end).clamp(start, start.max(line_start + line.len()));
        self.found.push((
            start,
            ConfigError {
                path: self.source.path.clone(),
                line: text[..start].matches('\n').count() + 1,
                column: text[line_start..start].chars().count() + 1,
                key: key.into(),
                message: message.into(),
                hint: hint.into(),
                excerpt: (!may_hold_secret(line)).then(|| Excerpt {
                    line: line.to_owned(),
                    length: text[start..end].chars().count().max(1),
                }),
            },
        ));
    }

    /// Notes a mistake in a line that may hold a secret: the line is not shown.
    pub(super) fn hidden(
        &mut self,
        span: &Range<usize>,
        key: impl Into<String>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) {
        self.at(span, key, message, hint);
        if let Some((_, error)) = self.found.last_mut() {
            error.excerpt = None;
        }
    }

    /// Notes a mistake of the file as a whole.
    pub(super) fn whole(&mut self, message: impl Into<String>, hint: impl Into<String>) {
        self.found.push((
            0,
            ConfigError {
                path: self.source.path.clone(),
                line: 0,
                column: 0,
                key: String::new(),
                message: message.into(),
                hint: hint.into(),
                excerpt: None,
            },
        ));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// What was made of the text, unless something is wrong with it.
    pub(super) fn or<T>(self, made: T) -> Result<T, ConfigErrors> {
        if self.found.is_empty() {
            Ok(made)
        } else {
            Err(self.into_errors())
        }
    }

    /// The mistakes, in the order of the file.
    pub(super) fn into_errors(mut self) -> ConfigErrors {
        self.found.sort_by_key(|(start, _)| *start);
        ConfigErrors {
            errors: self.found.into_iter().map(|(_, error)| error).collect(),
        }
    }
}

/// Whether a line gives a text where a secret's reference belongs: a mistake elsewhere in it must not show it.
fn may_hold_secret(line: &str) -> bool {
    let gives_text = ["password", "token", "key", "secret"].iter().any(|name| {
        line.match_indices(name).any(|(at, _)| {
            let rest = line[at + name.len()..].trim_start_matches(['"', '\'', ' ', '\t']);
            rest.strip_prefix('=')
                .is_some_and(|value| !value.trim_start().starts_with('{'))
        })
    });
    // The names of login fields are the vendor's.
    gives_text || line.contains("login_fields") && line.contains(['"', '\''])
}

/// The nearest place at or before this one that is no middle of a character.
fn floor(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}
