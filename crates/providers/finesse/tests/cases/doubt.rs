//! Changes that were sent and not answered.

use std::time::Duration;

use expect_test::expect;
use signoff_core::testing::Drive;
use signoff_core::{CancelReason, FailureKind, InDoubtPolicy, Sent};

use super::check;
use super::fixtures::{agent, error, logout, sign_out, supervisor, team, team_of};

/// Up to the write, and no answer to it.
fn lose_the_answer(drive: &mut Drive<'_>) {
    drive
        .respond(200, &supervisor())
        .respond(200, &team(&[("1001", "READY")]))
        .fail(FailureKind::Broken, Sent::MaybeSent);
}

#[test]
fn it_was_applied() {
    check(
        &logout("1001"),
        |drive| {
            lose_the_answer(drive);
            drive
                .respond(200, &team(&[("1001", "READY")]))
                .respond(200, &team(&[("1001", "LOGOUT")]));
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
            < Broken MaybeSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait for a request without an answer to settle
            < 200 Ok
            = done by status
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=LOGOUT since_after=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn it_was_not_applied() {
    check(
        &logout("1001").with("confirm", "accepted"),
        |drive| {
            lose_the_answer(drive);
            drive
                .respond(200, &team(&[("1001", "READY")]))
                .advance(Duration::from_secs(25))
                .respond(200, &team(&[("1001", "READY")]))
                .respond(200, &team(&[("1001", "READY")]))
                .respond(202, "");
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
            < Broken MaybeSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait for a request without an answer to settle
              25s later
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +2.101s
              wait for a request without an answer to settle
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +28.05s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
            < 202 Ok
            = accepted
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn it_was_received_and_pends() {
    let pending = team_of(&[("1001", "TALKING", "LOGOUT", "2026-01-01T00:00:01.000Z")]);
    check(
        &logout("1001")
            .with("when", "now")
            .with("confirm_within", Duration::from_secs(1)),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "TALKING")]))
                .fail(FailureKind::TimedOut, Sent::MaybeSent)
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
            < TimedOut MaybeSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait until +2.05s for the logout to take effect
              1s later
            = pending
                code: pending_logout
                message: Finesse logs him out when his call ends
                name: Pat O'Neil & Co
                details: state_before=TALKING since_before=2025-12-31T23:50:00.000Z state_after=TALKING since_after=2026-01-01T00:00:01.000Z pending_state=LOGOUT team=2
        "#]],
    );
}

#[test]
fn a_server_error_is_no_answer() {
    for status in [500, 502, 504] {
        let subject = crate::subject("auto");
        let setup = logout("1001");
        let mut drive = Drive::start(&*subject, &setup);
        drive
            .respond(200, &supervisor())
            .respond(200, &team(&[("1001", "READY")]))
            .respond(status, &error("Internal Server Error", "", "RUNTIME_EXCEPTION"));
        assert!(drive.finished().is_none(), "{status}");
        let method = drive.request().map(|request| request.method.as_str());
        assert_eq!(method, Some("GET"), "{status}");
    }
}

#[test]
fn never_answered() {
    check(
        &logout("1001"),
        |drive| {
            drive.respond(200, &supervisor());
            for _ in 0..3 {
                drive
                    .respond(200, &team(&[("1001", "READY")]))
                    .respond(500, &error("Internal Server Error", "", "RUNTIME_EXCEPTION"))
                    .advance(Duration::from_secs(30))
                    .respond(200, &team(&[("1001", "READY")]));
            }
            drive.respond(200, &team(&[("1001", "READY")]));
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
            < 500 Other
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait for a request without an answer to settle
              30s later
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.051s
              wait for a request without an answer to settle
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +32s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
            < 500 Other
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +30s
              wait for a request without an answer to settle
              30s later
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +31.051s
              wait for a request without an answer to settle
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-3 basic by +62s
                content-type: application/xml
                requestId: call-3
                <User><state>LOGOUT</state></User>
            < 500 Other
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +60s
              wait for a request without an answer to settle
              30s later
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +61.051s
              wait for a request without an answer to settle
            < 200 Ok
            = unknown
                code: Internal Server Error
                message: RUNTIME_EXCEPTION; sent several times, and never answered
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=READY since_after=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn he_changed_his_state_meanwhile() {
    let newer = team_of(&[("1001", "NOT_READY", "", "2026-01-01T00:00:10.000Z")]);
    check(
        &logout("1001"),
        |drive| {
            lose_the_answer(drive);
            drive
                .advance(Duration::from_secs(30))
                .respond(200, &newer)
                .respond(200, &newer);
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
            < Broken MaybeSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait for a request without an answer to settle
              30s later
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.051s
              wait for a request without an answer to settle
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +32s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
        "#]],
    );
}

#[test]
fn a_call_began_meanwhile() {
    check(
        &logout("1001").with("wait", Duration::ZERO),
        |drive| {
            lose_the_answer(drive);
            drive
                .advance(Duration::from_secs(30))
                .respond(200, &team(&[("1001", "TALKING")]))
                .respond(200, &team(&[("1001", "TALKING")]));
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
            < Broken MaybeSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait for a request without an answer to settle
              30s later
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.051s
              wait for a request without an answer to settle
            < 200 Ok
            = busy
                code: on_call
                message: on a call (TALKING), and not to be waited for; left alone
                name: Pat O'Neil & Co
                details: state_before=TALKING since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn the_state_cannot_be_read() {
    check(
        &logout("1001"),
        |drive| {
            lose_the_answer(drive);
            drive
                .fail(FailureKind::Unreachable, Sent::NotSent)
                .fail(FailureKind::Unreachable, Sent::NotSent);
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
            < Broken MaybeSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait for a request without an answer to settle
            < Unreachable NotSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +20s
              wait for a request without an answer to settle
            < Unreachable NotSent
            = unknown
                code: connection_broken
                message: no answer from https://finesse.example.com:8445; his state could not be read: no answer from https://finesse.example.com:8445
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn not_ready_in_doubt() {
    check(
        &logout("1001")
            .with("force_not_ready", true)
            .with("confirm", "accepted"),
        |drive| {
            lose_the_answer(drive);
            drive
                .advance(Duration::from_secs(30))
                .respond(200, &team(&[("1001", "NOT_READY")]))
                .respond(200, &team(&[("1001", "NOT_READY")]))
                .respond(202, "");
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > PUT /finesse/api/User/1001 write `not_ready` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>NOT_READY</state></User>
            < Broken MaybeSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait for a request without an answer to settle
              30s later
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.051s
              wait for a request without an answer to settle
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +32s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
            < 202 Ok
            = accepted
                name: Pat O'Neil & Co
                details: state_before=NOT_READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn resumed_and_out() {
    check(
        &logout("1001").earlier("logout", 1, Duration::from_secs(3600)),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "LOGOUT")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
              wait for a request without an answer to settle
            < 200 Ok
            = done by status
                name: Pat O'Neil & Co
                details: state_after=LOGOUT since_after=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn resumed_with_a_reason() {
    check(
        &sign_out()
            .with("reason", "1")
            .earlier("logout", 1, Duration::from_secs(300)),
        |drive| {
            drive
                .respond(200, &agent("1001", "NOT_READY"))
                .respond(
                    200,
                    "<ReasonCodes><ReasonCode><id>1</id><label>Lunch</label></ReasonCode></ReasonCodes>",
                )
                .respond(200, &agent("1001", "NOT_READY"));
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/User/1001/ReasonCodes?category=LOGOUT read basic age 300s
            < 200 Ok
            > GET /finesse/api/User/1001 read basic proof age 1.05s
              wait for a request without an answer to settle
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +2s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state><reasonCodeId>1</reasonCodeId></User>
        "#]],
    );
}

#[test]
fn resumed_and_not_applied() {
    check(
        &logout("1001")
            .earlier("logout", 2, Duration::from_secs(300))
            .with("confirm", "accepted"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .respond(202, "");
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
              wait for a request without an answer to settle
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-3 basic by +2s
                content-type: application/xml
                requestId: call-3
                <User><state>LOGOUT</state></User>
            < 202 Ok
            = accepted
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn resumed_before_it_has_settled() {
    check(
        &logout("1001").earlier("logout", 1, Duration::from_secs(5)),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .advance(Duration::from_secs(15))
                .respond(200, &team(&[("1001", "READY")]))
                .respond(200, &team(&[("1001", "READY")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait for a request without an answer to settle
              15s later
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.051s
              wait for a request without an answer to settle
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +17s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
        "#]],
    );
}

#[test]
fn resumed_and_maybe_signed_in_again() {
    let newer = team_of(&[("1001", "READY", "", "2025-12-31T23:59:00.000Z")]);
    check(
        &logout("1001").earlier("logout", 1, Duration::from_secs(300)),
        |drive| {
            drive.respond(200, &supervisor()).respond(200, &newer);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
              wait for a request without an answer to settle
            < 200 Ok
            = unknown
                code: maybe_signed_in_again
                message: his state is newer than a logout of which no answer is known: he may have signed in again
                name: Pat O'Neil & Co
                details: state_after=READY since_after=2025-12-31T23:59:00.000Z team=2
        "#]],
    );
    // Soon after, nobody can have signed in again.
    let newer = team_of(&[("1001", "READY", "", "2025-12-31T23:59:50.000Z")]);
    check(
        &logout("1001").earlier("logout", 1, Duration::from_secs(30)),
        |drive| {
            drive.respond(200, &supervisor()).respond(200, &newer);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
              wait for a request without an answer to settle
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +2s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
        "#]],
    );
}

#[test]
fn resumed_as_the_operator_says() {
    let newer = team_of(&[("1001", "READY", "", "2025-12-31T23:59:00.000Z")]);
    check(
        &logout("1001")
            .earlier("logout", 1, Duration::from_secs(300))
            .in_doubt(InDoubtPolicy::Repeat),
        |drive| {
            drive.respond(200, &supervisor()).respond(200, &newer);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +2s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
        "#]],
    );
    check(
        &logout("1001")
            .earlier("logout", 1, Duration::from_secs(300))
            .in_doubt(InDoubtPolicy::Skip),
        |drive| {
            drive.respond(200, &supervisor());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            = unknown
                code: interrupted
                message: an earlier process sent it, and ended before the answer; left in doubt, as it was asked
        "#]],
    );
}

#[test]
fn stopped_in_doubt() {
    check(
        &logout("1001"),
        |drive| {
            lose_the_answer(drive);
            drive.cancel(CancelReason::Stopped);
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
            < Broken MaybeSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait for a request without an answer to settle
            < cancel Stopped
            = unknown
                code: connection_broken
                message: no answer from https://finesse.example.com:8445; the run was stopped before it settled
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}
