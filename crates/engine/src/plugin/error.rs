//! Why a plugin is not used: what is wrong, where, and what to do about it.

use std::path::PathBuf;

use super::lock::Pin;
use super::manifest::platform;
use super::search::{Tried, show_tried};

/// Why a plugin is not used. [`PluginError::hint`] says what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PluginError {
    /// There is no provider of this name, linked in or found.
    #[error("there is no plugin `{id}`{}", show_tried(.tried))]
    Unknown {
        /// As it was asked for, without `plugin:`.
        id: String,
        /// Where it was looked for, in order.
        tried: Vec<Tried>,
    },
    /// It was found, and nobody has pinned it.
    #[error("plugin `{id}` is not trusted: `{}`, sha256 {sha256}{}", .library.display(), show_tried(.tried))]
    NotTrusted {
        /// Its id.
        id: String,
        /// The library.
        library: PathBuf,
        /// Of the library, in hexadecimal.
        sha256: String,
        /// Where it was looked for, up to where it was found.
        tried: Vec<Tried>,
    },
    /// It is not what was pinned.
    #[error(
        "plugin `{id}` has changed since it was trusted: `{}` has sha256 {sha256}, pinned is {} of version {}{}",
        .library.display(), .pinned.sha256, .pinned.version, show_tried(.tried)
    )]
    Changed {
        /// Its id.
        id: String,
        /// The library.
        library: PathBuf,
        /// Of the library, in hexadecimal.
        sha256: String,
        /// What `plugins.lock` says instead.
        pinned: Box<Pin>,
        /// Where it was looked for, up to where it was found.
        tried: Vec<Tried>,
    },
    /// The library is not the one that its manifest describes.
    #[error("`{}` has sha256 {sha256}, but `{}` says {stated}", .library.display(), .manifest.display())]
    NotAsStated {
        /// The library.
        library: PathBuf,
        /// The manifest.
        manifest: PathBuf,
        /// Of the library, in hexadecimal.
        sha256: String,
        /// What the manifest says instead.
        stated: String,
    },
    /// Others than its owner may write to it, so nobody knows what it will be in a moment.
    #[error("`{}` may be written to by others than its owner", .path.display())]
    Insecure {
        /// A library, a manifest, a lock file or a folder.
        path: PathBuf,
    },
    /// A file cannot be read or written.
    #[error("`{}`: {reason}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// In the system's words.
        reason: String,
    },
    /// A manifest or lock file does not say what it should.
    #[error("`{}`: {reason}", .path.display())]
    Content {
        /// Which one.
        path: PathBuf,
        /// What is wrong, with the line where that is known.
        reason: String,
    },
    /// There is no library for this machine.
    #[error("`{}` has no library for `{}`, only for {}", .manifest.display(), platform(), list(.platforms))]
    NoLibrary {
        /// The manifest.
        manifest: PathBuf,
        /// What it has libraries for.
        platforms: Vec<String>,
    },
    /// The system does not load it.
    #[error("`{}` cannot be loaded: {reason}", .library.display())]
    Load {
        /// The library.
        library: PathBuf,
        /// In the system's words.
        reason: String,
    },
    /// It was loaded, and is not what it should be.
    #[error("`{}`: {reason}", .library.display())]
    Provider {
        /// The library.
        library: PathBuf,
        /// What is wrong.
        reason: String,
    },
}

impl PluginError {
    /// What to do about it, for a person; empty if that is plain.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown { id, .. } => format!(
                "put the plugin's folder into one of these as `{id}`, or name another with --plugin-path"
            ),
            Self::NotTrusted { id, .. } => {
                format!("if you know where it comes from: signoff plugin trust {id}")
            }
            Self::Changed { id, .. } => {
                format!("if you replaced it yourself: signoff plugin trust {id}; if not, find out who did")
            }
            Self::NotAsStated { .. } => "get the plugin again from where it comes from".to_owned(),
            Self::Insecure { path } => {
                format!("chmod go-w '{}', after a look at what is in it", path.display())
            }
            Self::NoLibrary { .. } => {
                "get the plugin for this machine, or build it and add its library to the manifest".to_owned()
            }
            Self::Load { .. } | Self::Provider { .. } => {
                "get a version of the plugin that is made for this signoff and this machine".to_owned()
            }
            Self::File { .. } | Self::Content { .. } => String::new(),
        }
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() {
        return "nothing at all".to_owned();
    }
    let names: Vec<_> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}
