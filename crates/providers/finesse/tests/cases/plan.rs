//! In a plan every write is held, and nothing waits.

use expect_test::expect;
use signoff_core::CancelReason;

use super::check;
use super::fixtures::{agent, logout, sign_out, supervisor, system_info, team};

#[test]
fn who_would_be_logged_out() {
    check(
        &logout("1001").plan(),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .hold();
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
            < held
            = planned
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn who_is_on_a_call() {
    check(
        &logout("1001").plan(),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "TALKING")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            = planned
                code: on_call
                message: after the current call
                name: Pat O'Neil & Co
                details: state_before=TALKING since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn who_is_out_already() {
    check(
        &logout("1001").plan(),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "LOGOUT")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            = already
                name: Pat O'Neil & Co
                details: state_before=LOGOUT since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn both_changes() {
    check(
        &sign_out().with("force_not_ready", true).plan(),
        |drive| {
            drive
                .respond(200, &agent("1001", "READY"))
                .respond(200, &system_info("UCCE", "IN_SERVICE"))
                .hold()
                .hold();
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/SystemInfo read open age 300s
            < 200 Ok
            > PUT /finesse/api/User/1001 write `not_ready` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>NOT_READY</state></User>
            < held
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +2s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
            < held
            = planned
                name: Jane Doe
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn stopped() {
    check(
        &logout("1001").plan(),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .cancel(CancelReason::Stopped);
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
            < cancel Stopped
            = cancelled
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}
