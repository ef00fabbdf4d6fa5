//! Who there is.

use expect_test::expect;
use signoff_core::testing::Drive;
use signoff_core::{CancelReason, FailureKind, Sent};

use super::check;
use super::fixtures::{agent, error, operation, other_team, own, supervisor, team};

#[test]
fn every_team_of_the_supervisor() {
    check(
        &operation("roster"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY"), ("0042", "LOGOUT")]))
                .respond(200, &other_team());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
              row sup01: name="Pat O'Neil & Co" state=NOT_READY since=2025-12-31T23:00:00.000Z extension=4002 team=2 team_name=Sales
              row 1001: name="Pat O'Neil & Co" state=READY since=2025-12-31T23:50:00.000Z extension=4002 team=2 team_name=Sales
              row 0042: name="Pat O'Neil & Co" state=LOGOUT since=2025-12-31T23:50:00.000Z extension=4002 team=2 team_name=Sales
            > GET /finesse/api/Team/3?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
              row 1999: name="Pat O'Neil & Co" state=READY since=2025-12-31T23:50:00.000Z extension=4002 team=3 team_name=Support
            = done
        "#]],
    );
}

#[test]
fn those_of_one_team_who_are_signed_in() {
    check(
        &operation("roster").with("team", "3").with("signed_in", true),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY"), ("0042", "LOGOUT")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/3?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
              row sup01: name="Pat O'Neil & Co" state=NOT_READY since=2025-12-31T23:00:00.000Z extension=4002 team=3 team_name=Sales
              row 1001: name="Pat O'Neil & Co" state=READY since=2025-12-31T23:50:00.000Z extension=4002 team=3 team_name=Sales
            = done
        "#]],
    );
}

#[test]
fn a_team_may_be_named() {
    let subject = crate::subject("auto");
    for (team, path) in [
        ("Support", "/finesse/api/Team/3"),
        ("support", "/finesse/api/Team/3"),
        ("R&D/1", "/finesse/api/Team/R%26D%2F1"),
    ] {
        let mut drive = Drive::start(&*subject, &operation("roster").with("team", team));
        drive.respond(200, &supervisor());
        let asked = drive.request().map(|request| request.path.as_str());
        assert_eq!(asked, Some(path));
    }
}

#[test]
fn a_team_that_is_not_there() {
    check(
        &operation("roster").with("team", "77"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(404, &error("Not Found", "77", "no team"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/77?includeLoggedOutAgents=true read basic age 1.05s
            < 404 Other
            = not_found
                code: Not Found
                message: no team; `77` is no team: one is named by its id, or by its name if `sup01` supervises it
                details: error_data=77
        "#]],
    );
}

#[test]
fn nobody_is_supervised() {
    check(
        &operation("roster"),
        |drive| {
            drive.respond(200, &agent("sup01", "READY"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            = refused
                code: no_team
                message: `sup01` supervises no team: name one
        "#]],
    );
}

#[test]
fn all_users_for_an_administrator() {
    let users = format!(
        "<Users>{}{}</Users>",
        own("1001", "READY", &["Agent"], &[]),
        own("1002", "LOGOUT", &["Agent", "Supervisor"], &[("2", "Sales")])
    );
    check(
        &operation("roster").with("scope", "all"),
        |drive| {
            drive
                .respond(404, &error("User Not Found", "sup01", "UNKNOWN_USER"))
                .respond(200, &users);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 404 Other
            > GET /finesse/api/Users read basic age 1.05s cap 33554432
            < 200 Ok
              row 1001: name="Jane Doe" state=READY since=2025-12-31T23:50:00.000Z extension=4001 team=2 team_name=Sales login_name=name-1001 roles=[Agent] supervises=[]
              row 1002: name="Jane Doe" state=LOGOUT since=2025-12-31T23:50:00.000Z extension=4001 team=2 team_name=Sales login_name=name-1002 roles=[Agent, Supervisor] supervises=[2]
            = done
        "#]],
    );
    check(
        &operation("roster").with("scope", "all").with("team", "2"),
        |_| {},
        expect![[r#"
            error: `scope = "all"` lists everybody: leave out `team = "2"`
        "#]],
    );
}

#[test]
fn interrupted() {
    check(
        &operation("roster"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .fail(FailureKind::Broken, Sent::MaybeSent);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < Broken MaybeSent
            = failed
                code: connection_broken
                message: no answer from https://finesse.example.com:8445
        "#]],
    );
    check(
        &operation("roster"),
        |drive| {
            drive.respond(200, &supervisor()).cancel(CancelReason::Stopped);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < cancel Stopped
            = cancelled
        "#]],
    );
}
