//! `plugins.lock`: which plugins may run, and as what.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::error::PluginError;
use super::loader::refuse_writable;
use crate::platform;

/// A plugin as it may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pin {
    /// Of the provider, when it was pinned.
    pub version: String,
    /// Of the library, in hexadecimal.
    pub sha256: String,
}

/// The content of the lock file.
#[derive(Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Lock {
    #[serde(default)]
    plugins: BTreeMap<String, Pin>,
}

impl Lock {
    /// Reads the file; where there is none, nothing is pinned.
    pub(super) fn read(path: &Path) -> Result<Self, PluginError> {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(in_file(path, &error)),
        };
        refuse_writable(&path.canonicalize().map_err(|error| in_file(path, &error))?)?;
        toml::from_str(&text).map_err(|error| PluginError::Content {
            path: path.to_owned(),
            reason: error.to_string(),
        })
    }

    pub(super) fn pin(&self, id: &str) -> Option<&Pin> {
        self.plugins.get(id)
    }

    /// Pins a plugin, in place of an earlier pin.
    pub(super) fn set(&mut self, id: &str, pin: Pin) -> Option<Pin> {
        self.plugins.insert(id.to_owned(), pin)
    }

    /// Replaces the file as a whole, so that a reader sees the old or the new one.
    pub(super) fn write(&self, path: &Path) -> Result<(), PluginError> {
        let content = toml::to_string(self).map_err(|error| PluginError::Content {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        replace(path, &format!("{HEADER}{content}")).map_err(|error| in_file(path, &error))
    }
}

const HEADER: &str = "# Written by `signoff plugin trust`: a plugin runs only as it was then.\n\n";

fn replace(path: &Path, content: &str) -> io::Result<()> {
    let draft = draft_of(path);
    let mut options = OpenOptions::new();
    let result = platform::private_file(options.write(true).create_new(true))
        .open(&draft)
        .and_then(|mut file| {
            file.write_all(content.as_bytes())?;
            file.sync_all()
        })
        .and_then(|()| fs::rename(&draft, path));
    if result.is_err() {
        // What was wrong is what matters, not whether something is left over.
        let _ = fs::remove_file(&draft);
    }
    result
}

/// Beside the file, because only within a folder is a rename sure to be one step.
fn draft_of(path: &Path) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}", std::process::id()));
    path.with_file_name(name)
}

fn in_file(path: &Path, error: &io::Error) -> PluginError {
    PluginError::File {
        path: path.to_owned(),
        reason: error.to_string(),
    }
}
