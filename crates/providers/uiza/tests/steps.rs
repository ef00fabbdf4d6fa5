//! The step cases with the provider linked in.

#![expect(clippy::panic, reason = "a test may fail")]

use signoff_core::testing::Subject;
use signoff_core::{Field, Options, Provider};

#[path = "cases/mod.rs"]
mod cases;

/// The provider under test, with these options of its connection.
pub(crate) fn subject(options: &[Field]) -> Box<dyn Subject> {
    match signoff_uiza::Uiza::new(Options::new(options)) {
        Ok(uiza) => Box::new(uiza),
        Err(error) => panic!("{error}"),
    }
}
