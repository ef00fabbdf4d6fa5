//! The same cases through the C table, as signoff calls the provider that is linked in: every step and input goes
//! through the encoding, and every request is held to the rules of the interface.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may fail")]

use signoff_core::abi::host::Library;
use signoff_core::testing::Subject;
use signoff_core::{Field, Value};

#[path = "cases/mod.rs"]
mod cases;
#[path = "../../../core/tests/support/tabled.rs"]
mod tabled;

/// The provider under test, with this value of its option `deployment`.
pub(crate) fn subject(deployment: &str) -> Box<dyn Subject> {
    let options = [Field::new("deployment", Value::from(deployment))];
    let library = Library::linked::<signoff_finesse::Finesse>(&signoff_finesse::DESCRIPTOR);
    match library.and_then(|library| library.open(&options)) {
        Ok(instance) => Box::new(tabled::Tabled(instance)),
        Err(error) => panic!("{error}"),
    }
}
