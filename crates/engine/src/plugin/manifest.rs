//! `provider.toml`: what a plugin's folder says of itself.

use std::collections::BTreeMap;
use std::env::consts::{ARCH, OS};
use std::fs;
use std::path::{Component, Path, PathBuf};

use serde::Deserialize;
use signoff_core::abi::layout::ABI_MAJOR;

use super::error::PluginError;
use super::loader::refuse_writable;

/// The file's name.
pub(super) const FILE_NAME: &str = "provider.toml";

/// The key of this machine in `[library]`: `linux-x86_64`, `macos-aarch64`, `windows-x86_64`, …
pub(super) fn platform() -> String {
    format!("{OS}-{ARCH}")
}

/// A checked manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    /// The plugin's id, which is its folder's name too.
    pub id: String,
    /// Of the provider.
    pub version: String,
    /// Where the manifest is, symbolic links resolved.
    pub path: PathBuf,
    library: BTreeMap<String, LibraryFile>,
}

/// What the file holds, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    version: String,
    abi: u32,
    #[serde(default)]
    library: BTreeMap<String, LibraryFile>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct LibraryFile {
    file: PathBuf,
    /// Absent in a source tree, where the library is built anew.
    sha256: Option<String>,
}

impl Manifest {
    /// The manifest at a path that a person gave: of the folder, or of the file in it.
    pub(super) fn of(path: &Path) -> Result<Self, PluginError> {
        let folder = if path.ends_with(FILE_NAME) {
            path.parent().unwrap_or(Path::new(""))
        } else {
            path
        };
        let folder = folder.canonicalize().map_err(|error| PluginError::File {
            path: path.to_owned(),
            reason: error.to_string(),
        })?;
        Self::read(&folder)
    }

    /// Reads the manifest of a plugin's folder. The folder and the file must be its owner's alone to write.
    pub(super) fn read(folder: &Path) -> Result<Self, PluginError> {
        let path = folder.join(FILE_NAME);
        let in_file = |error: std::io::Error| PluginError::File {
            path: path.clone(),
            reason: error.to_string(),
        };
        let resolved = path.canonicalize().map_err(in_file)?;
        refuse_writable(&folder.canonicalize().map_err(in_file)?)?;
        refuse_writable(&resolved)?;
        let text = fs::read_to_string(&resolved).map_err(in_file)?;
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        Self::parse(&text, resolved, &name)
    }

    fn parse(text: &str, path: PathBuf, folder: &str) -> Result<Self, PluginError> {
        let written = toml::from_str::<Written>(text).map_err(|error| error.to_string());
        let checked = written.and_then(|written| check(&written, folder).map(|()| written));
        match checked {
            Ok(written) => Ok(Self {
                id: written.id,
                version: written.version,
                path,
                library: written.library,
            }),
            Err(reason) => Err(PluginError::Content { path, reason }),
        }
    }

    /// The library for this machine, as the manifest names it, and its stated hash.
    pub(super) fn library(&self) -> Result<(PathBuf, Option<&str>), PluginError> {
        let library = self
            .library
            .get(&platform())
            .ok_or_else(|| PluginError::NoLibrary {
                manifest: self.path.clone(),
                platforms: self.library.keys().cloned().collect(),
            })?;
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        Ok((folder.join(&library.file), library.sha256.as_deref()))
    }
}

fn check(written: &Written, folder: &str) -> Result<(), String> {
    let Written {
        id,
        version,
        abi,
        library,
    } = written;
    if id != folder {
        return Err(format!(
            "`id` is `{id}`, but the folder is `{folder}`; they must be the same"
        ));
    }
    if version.is_empty() {
        return Err("`version` is empty".to_owned());
    }
    if *abi != ABI_MAJOR {
        return Err(format!(
            "`abi` is {abi}, but this signoff has version {ABI_MAJOR} of the plugin interface"
        ));
    }
    for (platform, LibraryFile { file, sha256 }) in library {
        let within = file.components().all(|part| matches!(part, Component::Normal(_)));
        if !within || file.as_os_str().is_empty() {
            return Err(format!(
                "library `{platform}`: `file` must lie in the plugin's folder, and is `{}`",
                file.display()
            ));
        }
        if let Some(sha256) = sha256
            && (sha256.len() != 64
                || !sha256
                    .bytes()
                    .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
        {
            return Err(format!(
                "library `{platform}`: `sha256` must be 64 digits of 0-9 and a-f"
            ));
        }
    }
    Ok(())
}
