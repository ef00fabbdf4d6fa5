//! All providers there are, and whether they may run.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use signoff_core::abi::host::Library;

use super::error::PluginError;
use super::loader::Image;
use super::lock::{Lock, Pin};
use super::manifest::Manifest;
use super::search::{Located, SearchPath};

/// The providers that are linked in, and the plugins that can be found.
#[derive(Debug)]
pub struct Registry {
    linked: Vec<Library>,
    search: SearchPath,
    lock: PathBuf,
    /// By id; a library is loaded once in a process.
    loaded: Mutex<HashMap<String, Loaded>>,
}

#[derive(Debug)]
struct Loaded {
    library: Library,
    /// In hexadecimal.
    sha256: String,
}

/// A line of `plugin list`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The provider's id.
    pub id: String,
    /// What a configuration writes as `provider`: the id, or `plugin:` and the id where a linked provider has it.
    pub provider: String,
    /// Of the provider; empty if its manifest cannot be read.
    pub version: String,
    /// Where it comes from.
    pub kind: Kind,
    /// The library, or else the manifest or folder that is at fault; `None` for a linked provider.
    pub path: Option<PathBuf>,
    /// Of the library, in hexadecimal, if it could be read.
    pub sha256: Option<String>,
    /// Whether it may run.
    pub trust: Trust,
}

/// Where a provider comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// It is part of signoff.
    Linked,
    /// It is loaded when it is needed.
    Plugin,
}

/// Whether a provider may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// It is part of signoff, or pinned as it is.
    Trusted,
    /// Nobody has pinned it.
    NotTrusted,
    /// It is not what was pinned.
    Changed {
        /// What was.
        pinned: Pin,
    },
    /// It cannot be used in any case.
    Unusable(PluginError),
}

impl Registry {
    /// Providers that are linked in, where to look for others, and the lock file that says which of those may run.
    #[must_use]
    pub fn new(linked: Vec<Library>, search: SearchPath, lock: PathBuf) -> Self {
        Self {
            linked,
            search,
            lock,
            loaded: Mutex::default(),
        }
    }

    /// The ids of the providers that are linked in.
    #[must_use]
    pub fn linked_ids(&self) -> Vec<&'static str> {
        self.linked
            .iter()
            .map(|library| library.descriptor().id)
            .collect()
    }

    /// Ids and versions of the providers that are linked in.
    pub fn linked_versions(&self) -> impl Iterator<Item = (String, String)> {
        let descriptors = self.linked.iter().map(Library::descriptor);
        descriptors.map(|descriptor| (descriptor.id.to_owned(), descriptor.version.to_owned()))
    }

    /// The provider that a configuration names: `finesse` is the linked one if there is one, and else the plugin;
    /// `plugin:finesse` is the plugin in any case. A plugin is loaded when it is first asked for.
    ///
    /// # Errors
    /// If there is none, or it may not or cannot be used.
    pub fn provider(&self, name: &str) -> Result<Library, PluginError> {
        let id = match name.strip_prefix(PREFIX) {
            Some(id) => id,
            None => match self.linked(name) {
                Some(library) => return Ok(library),
                None => name,
            },
        };
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = loaded.get(id) {
            return Ok(known.library);
        }
        let new = self.load(id)?;
        let library = new.library;
        loaded.insert(id.to_owned(), new);
        Ok(library)
    }

    /// The SHA-256 of the library of a provider as a configuration names it, in hexadecimal; `None` if it is linked in,
    /// or was not loaded.
    #[must_use]
    pub fn sha256(&self, name: &str) -> Option<String> {
        let id = match name.strip_prefix(PREFIX) {
            Some(id) => id,
            None if self.linked(name).is_some() => return None,
            None => name,
        };
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        loaded.get(id).map(|loaded| loaded.sha256.clone())
    }

    /// All providers: the linked ones, then plugins by id. Runs none of them.
    ///
    /// # Errors
    /// If the lock file cannot be read.
    pub fn list(&self) -> Result<Vec<Row>, PluginError> {
        let lock = Lock::read(&self.lock)?;
        let linked = self.linked.iter().map(|library| {
            let descriptor = library.descriptor();
            Row {
                id: descriptor.id.to_owned(),
                provider: descriptor.id.to_owned(),
                version: descriptor.version.to_owned(),
                kind: Kind::Linked,
                path: None,
                sha256: None,
                trust: Trust::Trusted,
            }
        });
        let plugins = self.search.ids().into_iter().map(|id| self.row(&lock, id));
        Ok(linked.chain(plugins).collect())
    }

    /// Pins a plugin as it is now: one that is found by its id (with or without `plugin:`), or the one in a folder.
    /// Runs nothing of it. Gives its row as it is from now on, and the earlier pin.
    ///
    /// # Errors
    /// If there is none, it cannot be read, or the lock file cannot be written.
    pub fn trust(&self, plugin: &str) -> Result<(Row, Option<Pin>), PluginError> {
        let manifest = if is_path(plugin) {
            Manifest::of(Path::new(plugin))?
        } else {
            self.search
                .find(plugin.strip_prefix(PREFIX).unwrap_or(plugin))?
                .manifest
        };
        let image = Image::read(&manifest)?;
        let mut lock = Lock::read(&self.lock)?;
        let earlier = lock.set(
            &manifest.id,
            Pin {
                version: manifest.version.clone(),
                sha256: image.sha256.clone(),
            },
        );
        lock.write(&self.lock)?;
        let row = Row {
            provider: self.name(&manifest.id),
            id: manifest.id,
            version: manifest.version,
            kind: Kind::Plugin,
            path: Some(image.path),
            sha256: Some(image.sha256),
            trust: Trust::Trusted,
        };
        Ok((row, earlier))
    }

    fn linked(&self, id: &str) -> Option<Library> {
        self.linked
            .iter()
            .find(|library| library.descriptor().id == id)
            .copied()
    }

    fn name(&self, id: &str) -> String {
        match self.linked(id) {
            Some(_) => format!("{PREFIX}{id}"),
            None => id.to_owned(),
        }
    }

    fn load(&self, id: &str) -> Result<Loaded, PluginError> {
        let Located { manifest, tried } = self.search.find(id)?;
        let image = Image::read(&manifest)?;
        match Lock::read(&self.lock)?.pin(id) {
            None => {
                return Err(PluginError::NotTrusted {
                    id: id.to_owned(),
                    library: image.path,
                    sha256: image.sha256,
                    tried,
                });
            }
            Some(pin) if pin.sha256 != image.sha256 => {
                return Err(PluginError::Changed {
                    id: id.to_owned(),
                    library: image.path,
                    sha256: image.sha256,
                    pinned: Box::new(pin.clone()),
                    tried,
                });
            }
            Some(_) => {}
        }
        let library = image.load(self.lock.parent().unwrap_or(Path::new("")))?;
        let descriptor = library.descriptor();
        if (descriptor.id, descriptor.version) != (id, manifest.version.as_str()) {
            return Err(image.provider(format!(
                "it is `{}` {}, but `{}` says `{id}` {}",
                descriptor.id,
                descriptor.version,
                manifest.path.display(),
                manifest.version
            )));
        }
        Ok(Loaded {
            library,
            sha256: image.sha256,
        })
    }

    fn row(&self, lock: &Lock, id: String) -> Row {
        let mut row = Row {
            provider: self.name(&id),
            id,
            version: String::new(),
            kind: Kind::Plugin,
            path: None,
            sha256: None,
            trust: Trust::NotTrusted,
        };
        if let Err(error) = complete(&mut row, &self.search, lock) {
            row.trust = Trust::Unusable(error);
        }
        row
    }
}

const PREFIX: &str = "plugin:";

/// Fills in what can be found out of a plugin.
fn complete(row: &mut Row, search: &SearchPath, lock: &Lock) -> Result<(), PluginError> {
    let manifest = search.find(&row.id)?.manifest;
    row.version.clone_from(&manifest.version);
    row.path = Some(manifest.path.clone());
    let image = Image::read(&manifest)?;
    row.trust = match lock.pin(&row.id) {
        None => Trust::NotTrusted,
        Some(pin) if pin.sha256 == image.sha256 => Trust::Trusted,
        Some(pin) => Trust::Changed { pinned: pin.clone() },
    };
    row.path = Some(image.path);
    row.sha256 = Some(image.sha256);
    Ok(())
}

/// An id has no separator in it, and is no `.`.
fn is_path(plugin: &str) -> bool {
    plugin.contains(std::path::is_separator) || plugin == "." || plugin == ".."
}
