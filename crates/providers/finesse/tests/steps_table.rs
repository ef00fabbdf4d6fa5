//! The same cases through the C table, as signoff calls the provider that is linked in: every step and input goes
//! through the encoding, and every request is held to the rules of the interface.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may fail")]

use expect_test::Expect;
use signoff_core::abi::host::Library;
use signoff_core::testing::{Drive, Setup, Subject};
use signoff_core::{Field, Value};

#[path = "cases/fixtures.rs"]
mod fixtures;

#[path = "cases/doubt.rs"]
mod doubt;
#[path = "cases/errors.rs"]
mod errors;
#[path = "cases/health.rs"]
mod health;
#[path = "cases/own.rs"]
mod own;
#[path = "cases/plan.rs"]
mod plan;
#[path = "cases/roster.rs"]
mod roster;
#[path = "cases/status.rs"]
mod status;
#[path = "cases/team.rs"]
mod team;

/// The provider under test, with this value of its option `deployment`.
pub(crate) fn subject(deployment: &str) -> Box<dyn Subject> {
    let options = [Field::new("deployment", Value::from(deployment))];
    let library = Library::linked::<signoff_finesse::Finesse>(&signoff_finesse::DESCRIPTOR);
    match library.and_then(|library| library.open(&options)) {
        Ok(instance) => Box::new(instance),
        Err(error) => panic!("{error}"),
    }
}

/// Runs a case, and compares what happened.
#[expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]
pub(crate) fn check(setup: &Setup, case: impl FnOnce(&mut Drive<'_>), expected: Expect) {
    let subject = subject("auto");
    let mut drive = Drive::start(&*subject, setup);
    case(&mut drive);
    expected.assert_eq(drive.transcript());
}
