//! The step cases with the provider linked in.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may fail")]

use signoff_core::testing::Subject;
use signoff_core::{Field, Options, Provider, Value};

#[path = "cases/mod.rs"]
mod cases;

/// The provider under test, with this value of its option `deployment`.
pub(crate) fn subject(deployment: &str) -> Box<dyn Subject> {
    let options = [Field::new("deployment", Value::from(deployment))];
    match signoff_finesse::Finesse::new(Options::new(&options)) {
        Ok(finesse) => Box::new(finesse),
        Err(error) => panic!("{error}"),
    }
}
