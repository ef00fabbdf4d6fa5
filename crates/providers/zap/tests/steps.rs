//! The step cases with the provider linked in.

#![expect(clippy::panic, reason = "a test may fail")]

use signoff_core::testing::Subject;
use signoff_core::{Field, Options, Provider};

#[path = "cases/mod.rs"]
mod cases;

/// The provider under test, with pages of this size.
pub(crate) fn subject(page_size: i64) -> Box<dyn Subject> {
    let options = [Field::new("page_size", page_size)];
    match signoff_zap::Zap::new(Options::new(&options)) {
        Ok(zap) => Box::new(zap),
        Err(error) => panic!("{error}"),
    }
}
