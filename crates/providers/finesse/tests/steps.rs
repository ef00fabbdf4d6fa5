//! What the provider asks of the host, step by step, when it is linked in.
//!
//! The cases say nothing of where the provider comes from: another test root includes them by path and runs
//! them against the loaded library. Such a root has `subject()` and `check()` as here.

#![expect(clippy::expect_used, clippy::panic, reason = "a test may fail")]

use expect_test::Expect;
use signoff_core::testing::{Drive, Setup, Subject};
use signoff_core::{Field, Options, Provider, Value};

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
    match signoff_finesse::Finesse::new(Options::new(&options)) {
        Ok(finesse) => Box::new(finesse),
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
