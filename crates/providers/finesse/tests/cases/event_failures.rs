//! A notification says that a logout failed, and what the switch says of it.

use std::time::Duration;

use expect_test::expect;
use signoff_core::{FailureKind, Sent};

use super::check;
use super::fixtures::{team, team_of};
use super::notices::{begun, best, failed, gone, out};

#[test]
fn the_switch_refuses() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "");
            drive.event(failed("33", "CF_RESOURCE_BUSY", "call-1"));
            drive.respond(200, &team(&[("1001", "TALKING")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
            < event 1001  33
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
            < 200 Ok
            = refused
                code: 33
                message: CF_RESOURCE_BUSY
                name: Pat O'Neil & Co
                details: error_type="Invalid State" state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=TALKING since_after=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn the_switch_refuses_without_naming_the_request() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "");
            drive.event(failed("33", "CF_RESOURCE_BUSY", ""));
            drive.respond(200, &team(&[("1001", "TALKING")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
            < event 1001  33
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
            < 200 Ok
            = refused
                code: 33
                message: CF_RESOURCE_BUSY
                name: Pat O'Neil & Co
                details: error_type="Invalid State" state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=TALKING since_after=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

/// He left between the look and the request: nobody logged him out.
#[test]
fn the_switch_says_that_he_is_out() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.event(failed("22", "CF_INVALID_OBJECT_STATE", "call-1"));
            drive.respond(202, "").respond(200, &gone());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < event 1001  22
            < 202 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
            < 200 Ok
            = already
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=LOGOUT since_after=2026-01-01T00:00:01.500Z team=2
        "#]],
    );
}

/// The first request may have done it.
#[test]
fn the_switch_says_so_after_a_request_without_an_answer() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.fail(FailureKind::TimedOut, Sent::MaybeSent);
            drive.respond(200, &team(&[("1001", "READY")]));
            drive.advance(Duration::from_secs(20));
            drive.respond(200, &team(&[("1001", "READY")]));
            let newer = team_of(&[("1001", "READY", "", "2026-01-01T00:00:05.000Z")]);
            drive.respond(200, &newer).respond(202, "");
            drive.event(failed("22", "CF_INVALID_OBJECT_STATE", "call-2"));
            drive.respond(200, &gone());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < TimedOut MaybeSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait for a request without an answer to settle
              20s later
              wait for a request without an answer to settle
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +2.101s
              wait for a request without an answer to settle
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +23.05s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +51.05s for the logout to take effect
            < event 1001  22
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +21.05s
            < 200 Ok
            = done by status
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2026-01-01T00:00:05.000Z state_after=LOGOUT since_after=2026-01-01T00:00:01.500Z team=2
        "#]],
    );
}

#[test]
fn the_failure_of_another_request() {
    check(
        &best("1001"),
        |drive| {
            begun(drive).subscribed().subscribed();
            drive.respond(202, "");
            drive.event(failed("257", "CF_INVALID_PASSWORD_SPECIFIED", "his-own"));
            drive.event(out("1001"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
            < subscribed
              wait until +30s for notifications
            < subscribed
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
              wait until +30s for the logout to take effect
            < event 1001  257
              wait until +30s for the logout to take effect
            < event 1001 LOGOUT
            = done by event
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2 state_after=LOGOUT event_after=0s
        "#]],
    );
}
