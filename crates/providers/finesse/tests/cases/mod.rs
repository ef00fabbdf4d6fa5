//! What the provider asks of the host, step by step.
//!
//! The cases say nothing of where the provider comes from. Three test roots include them, each with a `subject()` of
//! its own: linked in, through the C table, and through the loaded library. The transcripts are the same.

use expect_test::Expect;
use signoff_core::FeedWish;
use signoff_core::testing::{Drive, Setup};

mod calls;
mod doubt;
mod errors;
mod event;
mod event_failures;
mod event_missing;
mod feed;
mod fixtures;
mod health;
mod not_ready;
mod notices;
mod own;
mod plan;
mod roster;
mod status;
mod team;

/// Runs a case, and compares what happened.
#[expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]
fn check(setup: &Setup, case: impl FnOnce(&mut Drive<'_>), expected: Expect) {
    let subject = crate::subject("auto");
    let mut drive = Drive::start(&*subject, setup);
    case(&mut drive);
    expected.assert_eq(drive.transcript());
}

/// Runs a case of finding out how to listen, and compares what happened.
#[expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]
fn check_feed(wish: FeedWish<'_>, case: impl FnOnce(&mut Drive<'_>), expected: Expect) {
    let subject = crate::subject("auto");
    let mut drive = Drive::feed(&*subject, wish);
    case(&mut drive);
    let mut shown = drive.transcript().to_owned();
    if shown.contains("= done") {
        shown.push_str(&format!("{:#?}\n", drive.plan()));
    }
    expected.assert_eq(&shown);
}
