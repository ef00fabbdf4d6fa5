//! A tutorial: a script that declares steps instead of running. What it declares is data, and this crate only hands it on.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};

use mlua::Value as Luau;
use signoff_core::Value;

use crate::error::ScriptError;
use crate::limits::Limits;
use crate::machine::{Machine, Setting, Wanted};
use crate::source::{Source, Sources};
use crate::value;

/// What a tutorial's script declares.
#[derive(Debug)]
pub struct Declared {
    /// What was handed to `signoff.tutorial`: a map.
    pub parts: Value,
    /// The texts it is made of: the script, and what it required.
    pub sources: Vec<Source>,
}

impl Declared {
    /// Reads a script. Nothing is sent.
    ///
    /// # Errors
    /// If it cannot be read, does not compile, or returns no tutorial; or what it declares is no data.
    pub fn load(path: &Path, limits: Limits) -> Result<Self, ScriptError> {
        Self::from_sources(Sources::open(path)?, limits)
    }

    /// The same for a script that is no file; `name` stands for it in errors.
    ///
    /// # Errors
    /// As [`Declared::load`].
    pub fn from_text(name: &str, text: &str, limits: Limits) -> Result<Self, ScriptError> {
        Self::from_sources(Sources::embedded(name, text), limits)
    }

    fn from_sources(sources: Sources, limits: Limits) -> Result<Self, ScriptError> {
        let sources = Arc::new(Mutex::new(sources));
        let abandoned = Arc::new(AtomicBool::new(false));
        let machine = Machine::new(Arc::clone(&sources), limits, Setting::default(), abandoned)
            .map_err(|error| ScriptError::new(format!("the script's machine cannot be made: {error}"), ""))?;
        let table = machine.load(Wanted::Tutorial)?;
        let parts: Luau = table.raw_get("parts").map_err(|error| machine.error(&error))?;
        let parts = value::from_luau(&parts).map_err(|(message, hint)| {
            ScriptError::new(format!("what a tutorial declares is data: {message}"), hint)
        })?;
        let sources = machine.sources().all().cloned().collect();
        Ok(Self { parts, sources })
    }
}
