//! What the cases of notifications share: how they begin, and what the vendor says.

use signoff_core::Event;
use signoff_core::testing::{Drive, START_UNIX_MS, Setup};

use super::fixtures::{logout, supervisor, team, team_of};

pub(super) fn best(user: &str) -> Setup {
    logout(user).with("confirm", "best")
}

/// Up to where he may be logged out.
pub(super) fn begun<'a, 'b>(drive: &'a mut Drive<'b>) -> &'a mut Drive<'b> {
    drive
        .respond(200, &supervisor())
        .respond(200, &team(&[("1001", "READY")]))
}

pub(super) fn gone() -> String {
    team_of(&[("1001", "LOGOUT", "", "2026-01-01T00:00:01.500Z")])
}

pub(super) fn out(user: &str) -> Event<'_> {
    Event {
        user,
        state: "LOGOUT",
        unix_ms: START_UNIX_MS + 200,
        ..Event::default()
    }
}

pub(super) fn failed<'a>(code: &'a str, message: &'a str, request: &'a str) -> Event<'a> {
    Event {
        user: "1001",
        request_id: request,
        error_code: code,
        error_message: message,
        error_kind: "Invalid State",
        ..Event::default()
    }
}
