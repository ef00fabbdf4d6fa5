//! The same cases through the C table, as signoff calls the provider that is linked in: every step and input goes
//! through the encoding, and every request is held to the rules of the interface.

#![expect(clippy::panic, reason = "a test may fail")]

use signoff_core::Field;
use signoff_core::abi::host::Library;
use signoff_core::testing::Subject;

#[path = "cases/mod.rs"]
mod cases;
#[path = "../../../core/tests/support/tabled.rs"]
mod tabled;

/// The provider under test, with these options of its connection.
pub(crate) fn subject(options: &[Field]) -> Box<dyn Subject> {
    let library = Library::linked::<signoff_uiza::Uiza>(&signoff_uiza::DESCRIPTOR);
    match library.and_then(|library| library.open(options)) {
        Ok(instance) => Box::new(tabled::Tabled(instance)),
        Err(error) => panic!("{error}"),
    }
}
