//! `signoff.toml`: which vendors, as whom, and within which limits.
//!
//! A configuration is read in two stages, since the keys of a connection depend on its provider. [`Config::parse`]
//! checks all that can be checked without one; [`Connection::against`] checks a connection against its provider's
//! descriptor and gives [`ConnectionSettings`], in which nothing can be wrong any more. Both report every mistake
//! at once, with its place. Nothing here reads the environment or opens a secret.

mod address;
mod connection;
mod credential;
mod document;
mod error;
mod feed;
mod limits;
mod oauth;
mod settings;
#[cfg(test)]
mod tests;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use signoff_core::Descriptor;

use crate::credential::CredentialSettings;
use crate::platform::private_file;
use document::{Raw, Section};
use error::{Mistakes, Source};

pub use connection::Connection;
pub(crate) use connection::keys_of;
pub use error::{ConfigError, ConfigErrors};
pub use settings::{ConnectionSettings, Endpoint, Exempt, FeedSettings, RunLimits, TlsSettings};

/// A configuration, checked as far as that is possible without the providers.
#[derive(Debug, Clone)]
pub struct Config {
    /// In the order of the file; at least one.
    pub connections: Vec<Connection>,
    /// In the order of the file.
    pub credentials: Vec<CredentialSettings>,
    /// What holds for every run.
    pub limits: RunLimits,
    /// All of it as it is written; `None` if it is at fault.
    written: Option<Arc<Written>>,
}

/// A configuration as it is written, for telling where a value comes from.
#[derive(Debug)]
struct Written {
    document: Section,
    source: Arc<Source>,
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// If it cannot be read, or with every mistake in it.
    pub fn read(path: &Path) -> Result<Self, ConfigErrors> {
        let bytes = std::fs::read(path).map_err(|error| unreadable(path, &error))?;
        let text = String::from_utf8(bytes).map_err(|_| {
            ConfigErrors::unreadable(
                path.to_owned(),
                "the configuration is not UTF-8".to_owned(),
                "save it as UTF-8 text".to_owned(),
            )
        })?;
        Self::parse(&text, path)
    }

    /// Reads a text. The path is for messages, and its folder is what relative paths are relative to.
    ///
    /// # Errors
    /// With every mistake in it.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigErrors> {
        let source = Arc::new(Source {
            path: path.to_owned(),
            text: text.strip_prefix('\u{feff}').unwrap_or(text).to_owned(),
        });
        let mut mistakes = Mistakes::new(&source);
        let document = document::document(&source.text, &mut mistakes);
        // A text that is no TOML would only give misleading mistakes beyond the first.
        if !mistakes.is_empty() {
            return mistakes.or(Self {
                connections: Vec::new(),
                credentials: Vec::new(),
                limits: RunLimits::default(),
                written: None,
            });
        }
        document.only(&["connections", "credentials", "limits"], &mut mistakes);
        let credentials: Vec<credential::Written> = sections(&document, "credentials", &mut mistakes)
            .into_iter()
            .filter_map(|section| credential::credential(section, &mut mistakes))
            .collect();
        // A credential that is itself at fault is still known by its name.
        let names: Vec<&str> = names(&document, "credentials");
        let connections: Vec<Connection> = sections(&document, "connections", &mut mistakes)
            .into_iter()
            .filter_map(|section| {
                connection::connection(section, &source, &names, &credentials, &mut mistakes)
            })
            .collect();
        let limits = match document.entry("limits") {
            Some(entry) => entry
                .section("", &mut mistakes)
                .map(|section| limits::limits(&section, &mut mistakes))
                .unwrap_or_default(),
            None => RunLimits::default(),
        };
        if names_of_none(&document) && mistakes.is_empty() {
            mistakes.whole(
                "the configuration has no connection",
                "add `[connections.NAME]` with `provider` and where it is; `signoff sandbox` prints an example",
            );
        }
        mistakes.or(Self {
            connections,
            credentials: credentials.into_iter().map(|one| one.settings).collect(),
            limits,
            written: Some(Arc::new(Written { document, source })),
        })
    }

    /// Writes a new file, for its owner alone. One that is there is left as it is.
    ///
    /// # Errors
    /// If there is one, or it cannot be written.
    pub fn create(path: &Path, text: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = private_file(options.write(true).create_new(true)).open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    }

    /// The line that sets a value, from 1, such as that of `["connections", "finesse", "rate"]`; `None` if none does, and
    /// a default holds.
    #[must_use]
    pub fn line(&self, path: &[&str]) -> Option<usize> {
        let written = self.written.as_ref()?;
        let (first, rest) = path.split_first()?;
        let mut entry = written.document.entry(first)?;
        for key in rest {
            let Raw::Table(entries) = &entry.item.raw else {
                return None;
            };
            entry = entries.iter().find(|entry| entry.key == *key)?;
        }
        let before = written.source.text.get(..entry.key_span.start)?;
        Some(before.matches('\n').count() + 1)
    }

    /// The connection of that name.
    #[must_use]
    pub fn connection(&self, name: &str) -> Option<&Connection> {
        self.connections
            .iter()
            .find(|connection| connection.name.as_ref() == name)
    }

    /// The credential of that name.
    #[must_use]
    pub fn credential(&self, name: &str) -> Option<&CredentialSettings> {
        self.credentials
            .iter()
            .find(|credential| credential.name.as_ref() == name)
    }

    /// Checks every connection against its provider, which `find` looks up as it is written (`finesse`,
    /// `plugin:finesse`); `known` are the names to suggest.
    ///
    /// # Errors
    /// With every mistake in all of them.
    pub fn resolve(
        &self,
        find: impl Fn(&str) -> Option<&'static Descriptor>,
        known: &[&str],
    ) -> Result<Vec<ConnectionSettings>, ConfigErrors> {
        let mut settings = Vec::new();
        let mut errors = Vec::new();
        for connection in &self.connections {
            let checked = match find(&connection.provider) {
                Some(descriptor) => connection.against(descriptor),
                None => Err(connection.unknown_provider(known)),
            };
            match checked {
                Ok(checked) => settings.push(checked),
                Err(more) => errors.push(more),
            }
        }
        ConfigErrors::merge(errors).map_or(Ok(settings), Err)
    }
}

/// The tables under a key, each with its path.
fn sections(document: &Section, key: &str, mistakes: &mut Mistakes) -> Vec<Section> {
    let Some(outer) = document.entry(key).and_then(|entry| entry.section("", mistakes)) else {
        return Vec::new();
    };
    for entry in &outer.entries {
        // Names stand in `connection:user` patterns, in reports and on the command line.
        let plain = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '.');
        if entry.key.is_empty() || !entry.key.chars().all(plain) {
            mistakes.at(
                &entry.key_span,
                key,
                format!("`{}` cannot be a name", entry.key.escape_debug()),
                "use letters, digits, `-`, `_` and `.`",
            );
        }
    }
    outer
        .entries
        .iter()
        .filter_map(|entry| entry.section(key, mistakes))
        .collect()
}

fn names<'a>(document: &'a Section, key: &str) -> Vec<&'a str> {
    match document.entry(key).map(|entry| &entry.item.raw) {
        Some(Raw::Table(entries)) => entries.iter().map(|entry| entry.key.as_str()).collect(),
        _ => Vec::new(),
    }
}

fn names_of_none(document: &Section) -> bool {
    names(document, "connections").is_empty()
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigErrors {
    let (message, hint) = match error.kind() {
        io::ErrorKind::NotFound => (
            "there is no such configuration file".to_owned(),
            "name one with `--config FILE`, or try `--sandbox`".to_owned(),
        ),
        io::ErrorKind::PermissionDenied => (
            "the configuration file may not be read".to_owned(),
            "give yourself the right to read it".to_owned(),
        ),
        io::ErrorKind::IsADirectory => (
            "the configuration file is a folder".to_owned(),
            "name the file in it".to_owned(),
        ),
        _ => (
            format!("the configuration file cannot be read: {error}"),
            String::new(),
        ),
    };
    ConfigErrors::unreadable(path.to_owned(), message, hint)
}
