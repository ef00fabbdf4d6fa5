//! Members of a team in every state: live calls are waited for or left alone.

use std::time::Duration;

use expect_test::expect;
use signoff_core::testing::Drive;

use super::check;
use super::fixtures::{logout, supervisor, team, team_of};

#[test]
fn every_state() {
    // The nine states from which a supervisor may log out, and two that nobody knows; with `now` and `idle`.
    for (state, idle) in [
        ("READY", true),
        ("NOT_READY", true),
        ("WORK", true),
        ("WORK_READY", true),
        ("TALKING", false),
        ("HOLD", false),
        ("RESERVED", false),
        ("RESERVED_OUTBOUND", false),
        ("RESERVED_OUTBOUND_PREVIEW", false),
        ("UNKNOWN", false),
        ("PAUSED", false),
    ] {
        let subject = crate::subject("auto");
        for (when, written) in [("now", true), ("idle", idle)] {
            let setup = logout("1001").with("when", when);
            let mut drive = Drive::start(&*subject, &setup);
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", state)]));
            let method = drive.request().map(|request| request.method.as_str());
            assert_eq!(
                method,
                Some(if written { "PUT" } else { "GET" }),
                "{state} {when}"
            );
        }
    }
}

#[test]
fn on_a_call_until_it_ends() {
    check(
        &logout("1001").with("confirm", "accepted"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "TALKING")]))
                .respond(200, &team(&[("1001", "HOLD")]))
                .respond(200, &team(&[("1001", "WORK")]))
                .respond(202, "");
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait until +900s for the call to end
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait until +900s for the call to end
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +4.1s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
            = accepted
                name: Pat O'Neil & Co
                details: state_before=WORK since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn on_a_call_for_too_long() {
    check(
        &logout("1001").with("wait", Duration::from_millis(1500)),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "TALKING")]))
                .respond(200, &team(&[("1001", "TALKING")]))
                .wake();
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait until +1.5s for the call to end
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait until +1.5s for the call to end
              450ms later
            = busy
                code: on_call
                message: still on a call (TALKING) after 1500ms; left alone
                name: Pat O'Neil & Co
                details: state_before=TALKING since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn on_a_call_and_not_to_be_waited_for() {
    check(
        &logout("1001").with("wait", Duration::ZERO),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "RESERVED")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            = busy
                code: on_call
                message: on a call (RESERVED), and not to be waited for; left alone
                name: Pat O'Neil & Co
                details: state_before=RESERVED since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn a_call_outside_of_the_queues_shows_in_the_media_state() {
    let busy = team(&[("1001", "NOT_READY")]).replace(
        "<state>NOT_READY</state>",
        "<mediaState>BUSY</mediaState><state>NOT_READY</state>",
    );
    check(
        &logout("1001").with("wait", Duration::ZERO),
        |drive| {
            drive.respond(200, &supervisor()).respond(200, &busy);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            = busy
                code: on_call
                message: on a call (NOT_READY), and not to be waited for; left alone
                name: Pat O'Neil & Co
                details: state_before=NOT_READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn pending_until_the_call_ends() {
    let pending = team_of(&[("1001", "TALKING", "LOGOUT", "2025-12-31T23:50:00.000Z")]);
    check(
        &logout("1001")
            .with("when", "now")
            .with("confirm_within", Duration::from_millis(1500)),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "TALKING")]))
                .respond(202, "")
                .respond(200, &pending)
                .wake();
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait until +1.5s for the logout to take effect
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait until +1.5s for the logout to take effect
              450ms later
            = pending
                code: pending_logout
                message: Finesse logs him out when his call ends
                name: Pat O'Neil & Co
                details: state_before=TALKING since_before=2025-12-31T23:50:00.000Z state_after=TALKING since_after=2025-12-31T23:50:00.000Z pending_state=LOGOUT team=2
        "#]],
    );
}
