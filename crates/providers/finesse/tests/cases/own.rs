//! An agent signs himself out.

use expect_test::expect;
use signoff_core::testing::{Drive, Setup};
use signoff_core::{FailureKind, Outcome, Sent};

use super::check;
use super::fixtures::{agent, error, sign_out, system_info};

const REASONS: &str = "<ReasonCodes category=\"LOGOUT\">\
    <ReasonCode><uri>/finesse/api/ReasonCode/55</uri><id>55</id><category>LOGOUT</category><code>222</code>\
    <label>End of Shift</label><forAll>true</forAll></ReasonCode>\
    <ReasonCode><uri>/finesse/api/ReasonCode/56</uri><code>1</code><label>Lunch</label></ReasonCode></ReasonCodes>";

#[test]
fn from_not_ready() {
    check(
        &sign_out(),
        |drive| {
            drive
                .respond(200, &agent("1001", "NOT_READY"))
                .respond(202, "")
                .respond(200, &agent("1001", "LOGOUT"));
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
            > GET /finesse/api/User/1001 read basic proof age 1.05s after +0s
              wait until +30s for the logout to take effect
            < 200 Ok
            = done by status
                name: Jane Doe
                details: state_before=NOT_READY since_before=2025-12-31T23:50:00.000Z state_after=LOGOUT since_after=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn ready_on_ucce() {
    check(
        &sign_out(),
        |drive| {
            drive
                .respond(200, &agent("1001", "READY"))
                .respond(200, &system_info("UCCE", "IN_SERVICE"));
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/SystemInfo read open age 300s
            < 200 Ok
            = refused
                code: not_ready_first
                message: an agent signs out from NOT_READY only, and `1001` is in READY: change the state first, or use `force_not_ready`
                name: Jane Doe
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn ready_on_ucce_with_force() {
    check(
        &sign_out()
            .with("force_not_ready", true)
            .with("confirm", "accepted"),
        |drive| {
            drive
                .respond(200, &agent("1001", "READY"))
                .respond(200, &system_info("UCCE", "IN_SERVICE"))
                .respond(202, "")
                .respond(200, &agent("1001", "NOT_READY"))
                .respond(202, "");
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
            < 202 Ok
            > GET /finesse/api/User/1001 read basic proof age 1.05s after +0s
              wait until +30s for NOT_READY to take effect
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-2 basic by +2s
                content-type: application/xml
                requestId: call-2
                <User><state>LOGOUT</state></User>
            < 202 Ok
            = accepted
                name: Jane Doe
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=NOT_READY since_after=2025-12-31T23:50:00.000Z team=2 not_ready_set=true
        "#]],
    );
}

#[test]
fn ready_on_uccx() {
    check(
        &sign_out()
            .with("force_not_ready", true)
            .with("confirm", "accepted"),
        |drive| {
            drive
                .respond(200, &agent("1001", "READY"))
                .respond(200, &system_info("UCCX", "IN_SERVICE"))
                .respond(202, "");
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/SystemInfo read open age 300s
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
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

#[test]
fn ready_where_nobody_knows_the_deployment() {
    check(
        &sign_out(),
        |drive| {
            drive
                .respond(200, &agent("1001", "READY"))
                .fail(FailureKind::TimedOut, Sent::MaybeSent)
                .respond(
                    400,
                    &error("Invalid Input", "state", "Invalid State specified for user"),
                )
                .respond(200, &agent("1001", "READY"));
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/SystemInfo read open age 300s
            < TimedOut MaybeSent
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 400 Other
            > GET /finesse/api/User/1001 read basic proof age 1.05s after +0s
            < 200 Ok
            = refused
                code: Invalid Input
                message: Invalid State specified for user
                name: Jane Doe
                details: error_data=state state_before=READY since_before=2025-12-31T23:50:00.000Z state_after=READY since_after=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn the_deployment_may_be_configured() {
    for (deployment, state, method) in [
        ("UCCE", "NOT_READY", Some("PUT")),
        ("UCCE", "READY", None),
        ("UCCX", "READY", Some("PUT")),
        ("UCCX", "WORK", None),
    ] {
        let subject = crate::subject(deployment);
        let mut drive = Drive::start(&*subject, &sign_out());
        drive.respond(200, &agent("1001", state));
        let asked = drive.request().map(|request| request.method.as_str());
        assert_eq!(asked, method, "{deployment} {state}");
        let outcome = drive.finished().map(|finished| finished.outcome);
        let expected = method.is_none().then_some(Outcome::Refused);
        assert_eq!(outcome, expected, "{deployment} {state}");
    }
}

#[test]
fn on_a_call() {
    check(
        &sign_out().with("confirm", "accepted"),
        |drive| {
            drive
                .respond(200, &agent("1001", "TALKING"))
                .respond(200, &agent("1001", "NOT_READY"))
                .respond(202, "");
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/User/1001 read basic proof age 1.05s
              wait until +900s for the call to end
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state></User>
            < 202 Ok
            = accepted
                name: Jane Doe
                details: state_before=NOT_READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn with_a_reason() {
    check(
        &sign_out()
            .with("reason", "end of shift")
            .with("confirm", "accepted"),
        |drive| {
            drive
                .respond(200, &agent("1001", "NOT_READY"))
                .respond(200, REASONS)
                .respond(200, &agent("1001", "NOT_READY"))
                .respond_with(202, &[("requestid", "from-finesse")], "");
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/User/1001/ReasonCodes?category=LOGOUT read basic age 300s
            < 200 Ok
            > GET /finesse/api/User/1001 read basic proof age 1.05s
            < 200 Ok
            > PUT /finesse/api/User/1001 write `logout` ask as call-1 basic by +2s
                content-type: application/xml
                requestId: call-1
                <User><state>LOGOUT</state><reasonCodeId>55</reasonCodeId></User>
            < 202 Ok
            = accepted
                request_id: from-finesse
                name: Jane Doe
                details: state_before=NOT_READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn with_the_database_id_of_a_reason() {
    let subject = crate::subject("auto");
    let mut drive = Drive::start(&*subject, &sign_out().with("reason", "56"));
    drive
        .respond(200, &agent("1001", "NOT_READY"))
        .respond(200, REASONS)
        .respond(200, &agent("1001", "NOT_READY"));
    let body = drive
        .request()
        .map(|request| String::from_utf8_lossy(&request.body).into_owned());
    expect!["<User><state>LOGOUT</state><reasonCodeId>56</reasonCodeId></User>"]
        .assert_eq(&body.unwrap_or_default());
}

#[test]
fn with_a_reason_that_is_not_there() {
    check(
        &sign_out().with("reason", "222"),
        |drive| {
            drive
                .respond(200, &agent("1001", "NOT_READY"))
                .respond(200, REASONS);
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/User/1001/ReasonCodes?category=LOGOUT read basic age 300s
            < 200 Ok
            = refused
                code: unknown_reason
                message: there is no sign-out reason `222`, only: End of Shift, Lunch
        "#]],
    );
    check(
        &sign_out().with("reason", "Lunch"),
        |drive| {
            drive
                .respond(200, &agent("1001", "NOT_READY"))
                .respond(200, "<ReasonCodes category='LOGOUT'/>");
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/User/1001/ReasonCodes?category=LOGOUT read basic age 300s
            < 200 Ok
            = refused
                code: unknown_reason
                message: there is no sign-out reason `Lunch`, nor any other
        "#]],
    );
}

#[test]
fn under_another_name() {
    check(
        &Setup::new(&signoff_finesse::DESCRIPTOR, "logout", "1001")
            .user("NAME-1001")
            .with("include_self", true),
        |drive| {
            drive.respond(200, &agent("1001", "NOT_READY"));
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > subscribe /finesse/api/Team/2/Users for 1001
            > subscribe /finesse/api/User/1001 for 1001
              wait until +30s for notifications
        "#]],
    );
}

#[test]
fn an_agent_and_another_agent() {
    let refusal = error(
        "Invalid Authorization User Specified",
        "1002",
        "The user specified in the authentication credentials and the uri don't match",
    );
    check(
        &Setup::new(&signoff_finesse::DESCRIPTOR, "logout", "1001").user("1002"),
        |drive| {
            drive.respond(200, &agent("1001", "READY")).respond(401, &refusal);
        },
        expect![[r#"
            > GET /finesse/api/User/1001 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/User/1002 read basic age 1.05s
            < 401 Other
            = refused
                code: Invalid Authorization User Specified
                message: The user specified in the authentication credentials and the uri don't match
                details: error_data=1002
        "#]],
    );
}
