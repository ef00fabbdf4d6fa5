//! Providers: those that are linked in, and those that are loaded from shared libraries.
//!
//! A plugin is a folder with a manifest (`finesse/provider.toml`) and a library. It runs only when the library's hash
//! is pinned in `plugins.lock`, which a person does with `signoff plugin trust`; nothing else here writes that file.
//! Listing and pinning never run a library.
//!
//! *Architecture invariants.* Where to look is handed in, never read from the environment. The bytes that are hashed
//! are the bytes that are opened. A library is never unloaded. `unsafe` is in the loader alone.

mod elf;
mod error;
mod loader;
mod lock;
mod manifest;
mod registry;
mod search;

pub use error::PluginError;
pub use lock::Pin;
pub use manifest::Manifest;
pub use registry::{Kind, Registry, Row, Trust};
pub use search::{Finding, Origin, SearchPath, Tried};
