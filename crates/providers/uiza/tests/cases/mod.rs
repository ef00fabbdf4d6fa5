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

/// Runs a case on a connection with the default options, and compares what happened, word for word.
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

/// The same as [`check`], with the requests about a key in one word each.
#[expect(
    clippy::needless_pass_by_value,
    reason = "`check_briefly(…, expect![…])` reads best"
)]
fn check_briefly(setup: &Setup, case: impl FnOnce(&mut Drive<'_>), expected: Expect) {
    const LOGOUT: &str = "> POST /api/public/v3/admin/user/logout write `logout` ask open secret 7 in \
                          Header(\"Authorization\") cap 65536\n    Content-Type: application/json\n";
    const CHECK: &str = "> POST /api/public/v3/admin/user/auth/check-token read open secret 7 in \
                         Header(\"Authorization\")";
    const WAIT: &str = "  wait for a request without an answer to settle\n";
    let subject = crate::subject(&[]);
    let mut drive = Drive::start(&*subject, setup);
    case(&mut drive);
    let transcript = drive.transcript().replace(LOGOUT, "> logout\n");
    let transcript = transcript.replace(CHECK, "> check").replace(WAIT, "");
    expected.assert_eq(&transcript.replace(" cap 65536", ""));
}
