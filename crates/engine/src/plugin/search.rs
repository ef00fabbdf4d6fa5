//! Where plugins are looked for, and what was found there.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::error::PluginError;
use super::loader::refuse_writable;
use super::manifest::{FILE_NAME, Manifest};

/// The folders that may hold plugins, each a folder of its own below; the first that has one of the wanted id wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchPath {
    /// By `--plugin-path`.
    pub command_line: Vec<PathBuf>,
    /// By `SIGNOFF_PLUGIN_PATH`.
    pub environment: Vec<PathBuf>,
    /// The user's data folder.
    pub user: Option<PathBuf>,
    /// The system's data folders.
    pub system: Vec<PathBuf>,
}

/// Who named a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// `--plugin-path`.
    CommandLine,
    /// `SIGNOFF_PLUGIN_PATH`.
    Environment,
    /// The user's data folder.
    User,
    /// A data folder of the system.
    System,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CommandLine => "--plugin-path",
            Self::Environment => "SIGNOFF_PLUGIN_PATH",
            Self::User => "the user's plugins",
            Self::System => "the system's plugins",
        })
    }
}

/// A folder that was looked into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Which one.
    pub folder: PathBuf,
    /// Who named it.
    pub origin: Origin,
    /// What was there.
    pub finding: Finding,
}

/// What was found in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Finding {
    /// There is no such folder.
    NoFolder,
    /// It cannot be read, for this reason.
    Unreadable(String),
    /// Other plugins than the wanted one; perhaps none.
    Others(Vec<String>),
    /// The wanted plugin.
    Found,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({}): ", self.folder.display(), self.origin)?;
        match &self.finding {
            Finding::NoFolder => f.write_str("there is no such folder"),
            Finding::Unreadable(reason) => f.write_str(reason),
            Finding::Others(others) if others.is_empty() => f.write_str("no plugins"),
            Finding::Others(others) => write!(f, "only `{}`", others.join("`, `")),
            Finding::Found => f.write_str("found"),
        }
    }
}

/// The places of a refusal, a line each.
pub(super) fn show_tried(tried: &[Tried]) -> String {
    if tried.is_empty() {
        return "\n  no folder to look in".to_owned();
    }
    tried.iter().map(|tried| format!("\n  tried {tried}")).collect()
}

/// A plugin that was found.
#[derive(Debug)]
pub(super) struct Located {
    pub(super) manifest: Manifest,
    /// Where it was looked for, the last place being its own.
    pub(super) tried: Vec<Tried>,
}

impl SearchPath {
    /// The plugin of that id.
    pub(super) fn find(&self, id: &str) -> Result<Located, PluginError> {
        let mut tried = Vec::new();
        for (folder, origin) in self.folders() {
            let finding = look_for(id, folder);
            let found = finding == Finding::Found;
            tried.push(Tried {
                folder: folder.to_owned(),
                origin,
                finding,
            });
            if found {
                refuse_writable_folder(folder)?;
                let manifest = Manifest::read(&folder.join(id))?;
                return Ok(Located { manifest, tried });
            }
        }
        Err(PluginError::Unknown {
            id: id.to_owned(),
            tried,
        })
    }

    /// The ids of all plugins, each as it would be found, in alphabetical order.
    pub(super) fn ids(&self) -> Vec<String> {
        let mut ids = BTreeSet::new();
        for (folder, _) in self.folders() {
            ids.extend(plugins_in(folder).unwrap_or_default());
        }
        ids.into_iter().collect()
    }

    fn folders(&self) -> impl Iterator<Item = (&Path, Origin)> {
        let command_line = self
            .command_line
            .iter()
            .map(|folder| (folder, Origin::CommandLine));
        let environment = self
            .environment
            .iter()
            .map(|folder| (folder, Origin::Environment));
        let user = self.user.iter().map(|folder| (folder, Origin::User));
        let system = self.system.iter().map(|folder| (folder, Origin::System));
        command_line
            .chain(environment)
            .chain(user)
            .chain(system)
            .map(|(folder, origin)| (folder.as_path(), origin))
    }
}

fn look_for(id: &str, folder: &Path) -> Finding {
    match plugins_in(folder) {
        Ok(ids) if ids.iter().any(|found| found == id) => Finding::Found,
        Ok(ids) => Finding::Others(ids),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Finding::NoFolder,
        Err(error) => Finding::Unreadable(error.to_string()),
    }
}

/// The ids of the plugins in a folder: its folders with a manifest.
fn plugins_in(folder: &Path) -> io::Result<Vec<String>> {
    let mut ids = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.path().join(FILE_NAME).exists()
            && let Ok(id) = entry.file_name().into_string()
        {
            ids.push(id);
        }
    }
    ids.sort();
    Ok(ids)
}

fn refuse_writable_folder(folder: &Path) -> Result<(), PluginError> {
    let resolved = folder.canonicalize().map_err(|error| PluginError::File {
        path: folder.to_owned(),
        reason: error.to_string(),
    })?;
    refuse_writable(&resolved)
}
