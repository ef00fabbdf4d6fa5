//! A supervisor logs members of his teams out.

use std::time::Duration;

use expect_test::expect;
use signoff_core::testing::Drive;
use signoff_core::{CancelReason, CredentialKind, FailureKind, Outcome, Sent};

use super::check;
use super::fixtures::{error, logout, other_team, own, supervisor, team, team_of};

#[test]
fn the_usual_course() {
    check(
        &logout("1001"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .respond(202, "")
                .respond(200, &team(&[("1001", "READY")]))
                .respond(
                    200,
                    &team_of(&[("1001", "LOGOUT", "", "2026-01-01T00:00:01.500Z")]),
                );
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
              wait until +30s for the logout to take effect
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1.05s
              wait until +30s for the logout to take effect
            < 200 Ok
            = done by status
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=LOGOUT since_after=2026-01-01T00:00:01.500Z team=2
        "#]],
    );
}

#[test]
fn a_member_of_the_second_team() {
    check(
        &logout("1999").with("confirm", "accepted"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .respond(200, &other_team())
                .respond(200, "");
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > GET /finesse/api/Team/3?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > PUT /finesse/api/User/1999 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 200 Ok
            = accepted
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=3
        "#]],
    );
}

#[test]
fn a_row_of_a_roster_names_its_team() {
    check(
        &logout("1999").attribute("team", "3"),
        |drive| {
            drive.respond(200, &supervisor()).respond(200, &other_team());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/3?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > PUT /finesse/api/User/1999 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
        "#]],
    );
}

#[test]
fn somebody_else() {
    check(
        &logout("1998"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .respond(200, &other_team());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > GET /finesse/api/Team/3?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            = refused
                code: not_in_team
                message: `1998` is in no team of `sup01`; read: 2 (Sales), 3 (Support)
        "#]],
    );
}

#[test]
fn a_team_that_is_gone_has_no_members() {
    check(
        &logout("1999").with("confirm", "accepted"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(404, &error("Not Found", "2", ""))
                .respond(200, &other_team());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 404 Other
            > GET /finesse/api/Team/3?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > PUT /finesse/api/User/1999 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
        "#]],
    );
}

#[test]
fn a_supervisor_without_teams() {
    check(
        &logout("1001"),
        |drive| {
            drive.respond(200, &own("sup01", "READY", &["Agent", "Supervisor"], &[]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            = refused
                code: not_in_team
                message: `sup01` supervises no team, so not that of `1001` either
        "#]],
    );
}

#[test]
fn logged_out_already() {
    check(
        &logout("1001"),
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
fn he_changed_his_state_between_the_read_and_the_write() {
    let refused = error("Invalid State", "", "Invalid state");
    check(
        &logout("1001"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .respond(400, &refused)
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
            < 400 Other
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
            < 200 Ok
            = already
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=LOGOUT since_after=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn the_acting_user_stays() {
    for user in ["sup01", "SUP01", "name-sup01"] {
        let subject = crate::subject("auto");
        let setup = logout(user);
        let mut drive = Drive::start(&*subject, &setup);
        drive.respond(200, &supervisor());
        let finished = drive.finished().expect("it has ended");
        assert_eq!(finished.outcome, Outcome::Skipped, "{user}");
        assert_eq!(finished.code.as_deref(), Some("acting_user"));
    }
}

#[test]
fn too_late_in_the_queue() {
    check(
        &logout("1001").with("confirm", "accepted"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .advance(Duration::from_secs(3))
                .fail(FailureKind::Expired, Sent::NotSent)
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
              3s later
            < Expired NotSent
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +1ms
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +5s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
            = accepted
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn accepted_and_never_applied() {
    check(
        &logout("1001").with("confirm_within", Duration::from_millis(1500)),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .respond(202, "")
                .respond(200, "<Team><users>")
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
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +2.1s
              wait until +1.5s for the logout to take effect
              450ms later
            = accepted
                code: unconfirmed
                message: Finesse accepted it, and it was not seen to take effect
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn an_administrator_reads_the_user() {
    check(
        &logout("1001").with("confirm", "accepted"),
        |drive| {
            drive
                .respond(404, &error("User Not Found", "sup01", "UNKNOWN_USER"))
                .respond(200, &own("1001", "READY", &["Agent"], &[]))
                .respond(401, &error("Invalid Supervisor", "1001", "not your team"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 404 Other
            > GET /finesse/api/User/1001 read basic age 1.05s
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 401 Other
            = refused
                code: Invalid Supervisor
                message: not your team
                name: Jane Doe
                details: error_data=1001 state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn letter_case_and_strange_ids() {
    check(
        &logout("AGENT/01 ü"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("agent/01 ü", "READY")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > PUT /finesse/api/User/agent%2F01%20%C3%BC write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
        "#]],
    );
}

#[test]
fn a_token_goes_as_bearer() {
    check(
        &logout("1001").credential(CredentialKind::Bearer),
        |_| {},
        expect![[r#"
            > GET /finesse/api/User/sup01 read bearer proof age 60s
        "#]],
    );
}

#[test]
fn misuse() {
    check(
        &logout(""),
        |_| {},
        expect![[r#"
        error: the id of the user is empty
    "#]],
    );
    check(
        &logout(".."),
        |_| {},
        expect![[r#"
        error: the id of the user cannot be `..`
    "#]],
    );
    check(
        &logout("1").with("when", "later"),
        |_| {},
        expect![[r#"
        error: `when` takes `idle` and `now`, not `later`
    "#]],
    );
    check(
        &logout("1").credential(CredentialKind::Key),
        |_| {},
        expect![[r#"
            error: Finesse takes a user name and a password, or a token: not a key
        "#]],
    );
    check(
        &super::fixtures::operation("reboot"),
        |_| {},
        expect![[r#"
        error: there is no operation `reboot`
    "#]],
    );
    check(
        &logout("1001").with("reason", "End of Shift"),
        |drive| {
            drive.respond(200, &supervisor());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            = refused
                code: reason_of_another
                message: Finesse takes a sign-out reason for one's own logout only
        "#]],
    );
}

#[test]
fn stopped_at_any_time() {
    check(
        &logout("1001"),
        |drive| {
            drive.cancel(CancelReason::Stopped);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < cancel Stopped
            = cancelled
        "#]],
    );
    check(
        &logout("1001"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .cancel(CancelReason::CredentialStopped);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < cancel CredentialStopped
            = cancelled
                code: credential_stopped
                message: Finesse refuses the credential, so nothing more is sent with it
        "#]],
    );
    check(
        &logout("1001"),
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
    check(
        &logout("1001"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .respond(202, "")
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
            < 202 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s after +0s
              wait until +30s for the logout to take effect
            < cancel Stopped
            = accepted
                code: unconfirmed
                message: Finesse accepted it, and it was not seen to take effect
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn a_supervisor_who_is_an_administrator_too() {
    let both = own(
        "sup01",
        "READY",
        &["Supervisor", "Administrator"],
        &[("2", "Sales")],
    );
    check(
        &logout("1998").with("confirm", "accepted"),
        |drive| {
            drive
                .respond(200, &both)
                .respond(200, &team(&[]))
                .respond(200, &own("1998", "READY", &["Agent"], &[]))
                .respond(202, "");
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
            > GET /finesse/api/User/1998 read basic age 1.05s
            < 200 Ok
            > PUT /finesse/api/User/1998 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
            = accepted
                name: Jane Doe
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}
