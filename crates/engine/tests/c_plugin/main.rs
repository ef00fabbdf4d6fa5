//! The provider in C, `plugins/hotdesk`: compiled as its readers are told to, pinned, loaded, and driven step by step;
//! then all of it once more under AddressSanitizer and UndefinedBehaviorSanitizer.

#![cfg(unix)]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::needless_pass_by_value,
    reason = "a test fails by panicking, and `check(…, expect![…])` reads best"
)]

mod library;
mod logout;
mod random;
mod reads;
mod sanitized;
#[path = "../../../core/tests/support/tabled.rs"]
mod tabled;

use expect_test::Expect;
use signoff_core::CredentialKind;
use signoff_core::testing::{Drive, Setup, Subject};

use library::{hotdesk, open};

/// An operation as `reception`, whose token it never sees.
fn setup(operation: &str) -> Setup {
    Setup::new(hotdesk().descriptor(), operation, "reception").credential(CredentialKind::Key)
}

/// Runs a case, and compares what happened.
fn check(setup: &Setup, case: impl FnOnce(&mut Drive<'_>), expected: Expect) {
    let subject: Box<dyn Subject> = Box::new(open());
    let mut drive = Drive::start(&*subject, setup);
    case(&mut drive);
    expected.assert_eq(drive.transcript());
}

/// A line of Hotdesk's answer about Mara, in this state since so many seconds after the start of a drive.
fn mara(state: &str, since: i64) -> String {
    let since = signoff_core::testing::START_UNIX_MS + since * 1_000;
    format!("user=mara\tstate={state}\tdesk=3.01\tfloor=3\tsince={since}\tname=Mara Lind\n")
}
