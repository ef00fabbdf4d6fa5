//! NOT_READY first, where it was asked for.

use std::time::Duration;

use expect_test::expect;

use super::check;
use super::fixtures::{logout, supervisor, team};

#[test]
fn not_ready_first() {
    check(
        &logout("1001")
            .with("force_not_ready", true)
            .with("confirm", "accepted"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .respond(202, "")
                .respond(200, &team(&[("1001", "READY")]))
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
            < 202 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait until +30s for NOT_READY to take effect
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait until +30s for NOT_READY to take effect
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +4.1s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
            < 202 Ok
            = accepted
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=NOT_READY since_after=2025-12-31T23:50:00.000Z team=2 not_ready_set=true
        "#]],
    );
}

#[test]
fn not_ready_does_not_take_effect() {
    check(
        &logout("1001")
            .with("force_not_ready", true)
            .with("confirm_within", Duration::from_millis(1500)),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .respond(202, "")
                .respond(200, &team(&[("1001", "READY")]))
                .wake();
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
            < 202 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait until +1.5s for NOT_READY to take effect
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait until +1.5s for NOT_READY to take effect
              450ms later
            = failed
                code: not_ready_unconfirmed
                message: NOT_READY was accepted and did not take effect; LOGOUT was not sent
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=READY since_after=2025-12-31T23:50:00.000Z team=2 not_ready_set=true
        "#]],
    );
}

#[test]
fn a_call_came_before_not_ready() {
    check(
        &logout("1001").with("force_not_ready", true),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .respond(202, "")
                .respond(200, &team(&[("1001", "RESERVED")]))
                .respond(200, &team(&[("1001", "NOT_READY")]));
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
            < 202 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait until +30s for NOT_READY to take effect
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait until +901.05s for the call to end
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +4.1s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
        "#]],
    );
}
