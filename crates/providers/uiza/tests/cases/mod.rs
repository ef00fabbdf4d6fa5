//! What the provider asks of the host, step by step.
//!
//! The cases say nothing of where the provider comes from. Three test roots include them, each with a `subject()` of
//! its own: linked in, through the C table, and through the loaded library. The transcripts are the same.

use expect_test::Expect;
use signoff_core::Field;
use signoff_core::testing::{Drive, Setup};

mod answers;
mod doubt;
mod fixtures;
mod logout;
mod roster;
mod status;

/// Runs a case on a connection with the default options, and compares what happened.
fn check(setup: &Setup, case: impl FnOnce(&mut Drive<'_>), expected: Expect) {
    check_with(&[], setup, case, expected);
}

/// The same with these options.
#[expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]
fn check_with(options: &[Field], setup: &Setup, case: impl FnOnce(&mut Drive<'_>), expected: Expect) {
    let subject = crate::subject(options);
    let mut drive = Drive::start(&*subject, setup);
    case(&mut drive);
    expected.assert_eq(drive.transcript());
}
