//! How somebody is.

use expect_test::expect;
use signoff_core::testing::Setup;
use signoff_finesse::DESCRIPTOR;

use super::check;
use super::fixtures::{agent, error, operation, other_team, own, supervisor, team};

#[test]
fn of_a_member() {
    check(
        &operation("status").user("1001"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 200 Ok
              row 1001: name="Pat O'Neil & Co" state=READY since=2025-12-31T23:50:00.000Z extension=4002 team=2 team_name=Sales
            = done
                name: Pat O'Neil & Co
        "#]],
    );
}

#[test]
fn of_somebody_in_no_team() {
    check(
        &operation("status").user("1998"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[]))
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
fn of_oneself_as_a_mobile_agent() {
    let mobile = agent("1001", "READY").replace(
        "<mediaType>",
        "<mobileAgent><mode>NAILED_CONNECTION</mode><dialNumber>5551234</dialNumber></mobileAgent><mediaType>",
    );
    check(
        &Setup::new(&DESCRIPTOR, "status", "1001").user("1001"),
        |drive| {
            drive.respond(200, &mobile);
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
              row 1001: name="Jane Doe" state=READY since=2025-12-31T23:50:00.000Z extension=4001 team=2 team_name=Sales login_name=name-1001 roles=[Agent] supervises=[] mobile_agent={mode=NAILED_CONNECTION dial_number=5551234} mobile_agent_caveat="only the Finesse node that a mobile agent signed in to knows his telephone, and a failover of any kind loses it: without these fields he may be a mobile agent all the same"
            = done
                name: Jane Doe
        "#]],
    );
}

#[test]
fn of_anybody_for_an_administrator() {
    check(
        &operation("status").user("1001"),
        |drive| {
            drive
                .respond(200, &own("sup01", "LOGOUT", &["Administrator"], &[]))
                .respond(200, &agent("1001", "NOT_READY"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/User/1001 read basic age 1.05s
            < 200 Ok
              row 1001: name="Jane Doe" state=NOT_READY since=2025-12-31T23:50:00.000Z extension=4001 team=2 team_name=Sales login_name=name-1001 roles=[Agent] supervises=[] mobile_agent_caveat="only the Finesse node that a mobile agent signed in to knows his telephone, and a failover of any kind loses it: without these fields he may be a mobile agent all the same"
            = done
                name: Jane Doe
        "#]],
    );
    check(
        &operation("status").user("1001"),
        |drive| {
            drive
                .respond(404, &error("User Not Found", "sup01", "UNKNOWN_USER"))
                .respond(404, &error("User Not Found", "1001", "UNKNOWN_USER"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 404 Other
            > GET /finesse/api/User/1001 read basic age 1.05s
            < 404 Other
            = not_found
                code: User Not Found
                message: UNKNOWN_USER
                details: error_data=1001
        "#]],
    );
}
