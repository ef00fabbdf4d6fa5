//! Opening a library: read once, hashed, and loaded from the very bytes that were hashed.
#![expect(unsafe_code, reason = "a library is loaded here, and only here")]

use std::error::Error as _;
use std::fs::{self, File};
use std::io::{self, Read};
use std::mem;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use signoff_core::abi::host::Library;
use signoff_core::abi::layout::{ENTRY_POINT, EntryPoint};

use super::error::PluginError;
use super::manifest::Manifest;
use crate::hexadecimal;
use crate::platform::{self, ExecutableCopy};

/// The bytes of a library, read once.
pub(super) struct Image {
    pub(super) path: PathBuf,
    /// In hexadecimal.
    pub(super) sha256: String,
    bytes: Vec<u8>,
}

impl Image {
    /// Reads the library of a manifest, and compares it with what the manifest says.
    pub(super) fn read(manifest: &Manifest) -> Result<Self, PluginError> {
        let (named, stated) = manifest.library()?;
        let in_file = |error: io::Error| PluginError::File {
            path: named.clone(),
            reason: error.to_string(),
        };
        let path = named.canonicalize().map_err(in_file)?;
        refuse_writable(&path)?;
        refuse_writable(path.parent().unwrap_or(Path::new("/")))?;
        let mut bytes = Vec::new();
        let file = File::open(&path).map_err(in_file)?;
        let length = file.take(LARGEST).read_to_end(&mut bytes).map_err(in_file)?;
        if length as u64 == LARGEST {
            return Err(in_file(io::Error::from(io::ErrorKind::FileTooLarge)));
        }
        let sha256 = hexadecimal::encode(&Sha256::digest(&bytes));
        match stated {
            Some(stated) if stated != sha256 => Err(PluginError::NotAsStated {
                library: path,
                manifest: manifest.path.clone(),
                sha256,
                stated: stated.to_owned(),
            }),
            _ => Ok(Self { path, sha256, bytes }),
        }
    }

    /// Loads it into the process, for as long as that lives. Where there is no other way, a copy lies in `scratch` while
    /// it is being loaded.
    pub(super) fn load(&self, scratch: &Path) -> Result<Library, PluginError> {
        let failed = |reason: String| PluginError::Load {
            library: self.path.clone(),
            reason,
        };
        super::elf::check(&self.bytes).map_err(|reason| failed(reason.to_owned()))?;
        let copy = ExecutableCopy::new(&self.bytes, scratch).map_err(|error| failed(error.to_string()))?;
        // SAFETY: loading runs what the library brings along. Somebody has pinned just these bytes as code to run.
        let library = unsafe { open(&copy.path) }.map_err(|error| failed(reason(&error, &copy.path)))?;
        // SAFETY: by the header the symbol is a function of that type; a library that is pinned and lies about it is
        // beyond help.
        let entry_point = unsafe { library.get::<EntryPoint>(ENTRY_POINT.to_bytes_with_nul()) };
        let entry_point = *entry_point.map_err(|_| self.provider("it exports no `signoff_provider_v1`"))?;
        // SAFETY: no other thread uses the library yet.
        let table = unsafe { entry_point() };
        // Nothing is ever unloaded: descriptors are used for ever, and threads of the library may live on.
        mem::forget(library);
        copy.retire();
        // SAFETY: the library keeps to the header, and is not unloaded.
        unsafe { Library::from_table(table) }.map_err(|error| self.provider(error.to_string()))
    }

    pub(super) fn provider(&self, reason: impl Into<String>) -> PluginError {
        PluginError::Provider {
            library: self.path.clone(),
            reason: reason.into(),
        }
    }
}

/// Refuses a file or folder that others than its owner may write to.
pub(super) fn refuse_writable(path: &Path) -> Result<(), PluginError> {
    let metadata = fs::metadata(path).map_err(|error| PluginError::File {
        path: path.to_owned(),
        reason: error.to_string(),
    })?;
    if platform::writable_by_others(&metadata) {
        return Err(PluginError::Insecure {
            path: path.to_owned(),
        });
    }
    Ok(())
}

/// No library is larger; one byte more than may be read.
const LARGEST: u64 = (512 << 20) + 1;

/// Everything is resolved now rather than at the first call, and the library's symbols are its own.
#[cfg(unix)]
unsafe fn open(path: &Path) -> Result<libloading::Library, libloading::Error> {
    use libloading::os::unix;
    // SAFETY: the caller answers for what the library does when it is loaded.
    let library = unsafe { unix::Library::open(Some(path), unix::RTLD_NOW | unix::RTLD_LOCAL) };
    library.map(Into::into)
}

#[cfg(not(unix))]
unsafe fn open(path: &Path) -> Result<libloading::Library, libloading::Error> {
    // SAFETY: the caller answers for what the library does when it is loaded.
    unsafe { libloading::Library::new(path) }
}

/// What the system says of a library, without the name that the copy has.
fn reason(error: &libloading::Error, copy: &Path) -> String {
    let said = error
        .source()
        .map_or_else(|| error.to_string(), ToString::to_string);
    let name = format!("{}: ", copy.display());
    said.strip_prefix(&name).unwrap_or(&said).to_owned()
}
