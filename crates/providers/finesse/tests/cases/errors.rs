//! What Finesse refuses, row by row of its tables, and answers that are none.

use expect_test::{Expect, expect};
use signoff_core::testing::Drive;
use signoff_core::{CancelReason, Class, FailureKind, Outcome, Sent};

use super::check;
use super::fixtures::{error, logout, operation, own, supervisor, team};

/// The answer to the LOGOUT of a user who is ready, read again where that follows.
#[expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]
fn check_write(status: u16, body: &str, expected: Expect) {
    let subject = crate::subject("auto");
    let setup = logout("1001");
    let mut drive = Drive::start(&*subject, &setup);
    drive
        .respond(200, &supervisor())
        .respond(200, &team(&[("1001", "READY")]))
        .respond(status, body);
    let mut asked = String::new();
    while drive.finished().is_none() {
        let Some(request) = drive.request() else {
            break;
        };
        let (path, is_team) = (request.path.clone(), request.path.contains("/Team/"));
        asked.push_str(&format!("{} {path}; ", request.method));
        let answer = if is_team {
            team(&[("1001", "READY")])
        } else {
            supervisor()
        };
        drive.respond(200, &answer);
    }
    let finished = drive.finished().expect("it has ended");
    let shown = format!(
        "{asked}{} {:?} {:?}",
        finished.outcome,
        finished.code.as_deref().unwrap_or_default(),
        finished.message.as_deref().unwrap_or_default()
    );
    expected.assert_eq(&shown);
}

#[test]
fn the_table_of_user_errors() {
    check_write(
        400,
        &error("Bad Request", "", "bad"),
        expect![[r#"failed "Bad Request" "bad""#]],
    );
    check_write(
        400,
        &error("Generic Error", "", "generic"),
        expect![[r#"failed "Generic Error" "generic""#]],
    );
    check_write(
        400,
        &error("Invalid Input", "state", "Invalid State specified for user"),
        expect![[r#"GET /finesse/api/Team/2; refused "Invalid Input" "Invalid State specified for user""#]],
    );
    check_write(
        400,
        &error("Invalid State", "", "not allowed"),
        expect![[r#"GET /finesse/api/Team/2; refused "Invalid State" "not allowed""#]],
    );
    check_write(
        400,
        &error("Parameter Missing", "state", "State Parameter missing"),
        expect![[r#"failed "Parameter Missing" "State Parameter missing""#]],
    );
    check_write(
        401,
        &error("Authorization Failure", "sup01", "UNAUTHORIZED"),
        expect![[r#"GET /finesse/api/User/sup01; denied "Authorization Failure" "UNAUTHORIZED""#]],
    );
    check_write(
        401,
        &error("Authentication Failure", "sup01", "UNAUTHORIZED"),
        expect![[r#"GET /finesse/api/User/sup01; denied "Authentication Failure" "UNAUTHORIZED""#]],
    );
    check_write(
        401,
        &error("Invalid Authorization User Specified", "1001", "don't match"),
        expect![[r#"refused "Invalid Authorization User Specified" "don't match""#]],
    );
    check_write(
        401,
        &error("Invalid State", "", "unsupported"),
        expect![[r#"GET /finesse/api/Team/2; refused "Invalid State" "unsupported""#]],
    );
    check_write(
        401,
        &error("Invalid Supervisor", "1001", "not yours"),
        expect![[r#"refused "Invalid Supervisor" "not yours""#]],
    );
    check_write(
        401,
        "",
        expect![[
            r#"GET /finesse/api/User/sup01; denied "http_401" "status 401 without an error that can be read; is this a Finesse server?""#
        ]],
    );
    check_write(
        401,
        "<html><body>Unauthorized</body></html>",
        expect![[
            r#"GET /finesse/api/User/sup01; denied "http_401" "status 401 without an error that can be read; is this a Finesse server?""#
        ]],
    );
    check_write(
        403,
        "",
        expect![[
            r#"denied "http_403" "status 403 without an error that can be read; is this a Finesse server?""#
        ]],
    );
    check_write(
        404,
        &error("Not Found", "", "no such resource"),
        expect![[r#"not_found "Not Found" "no such resource""#]],
    );
    check_write(
        404,
        &error("User Not Found", "1001", "UNKNOWN_USER"),
        expect![[r#"not_found "User Not Found" "UNKNOWN_USER""#]],
    );
    check_write(
        503,
        &error("Service Unavailable", "", "SERVER_OUT_OF_SERVICE"),
        expect![[r#"failed "Service Unavailable" "SERVER_OUT_OF_SERVICE""#]],
    );
    check_write(
        429,
        "",
        expect![[
            r#"failed "http_429" "status 429 without an error that can be read; is this a Finesse server?""#
        ]],
    );
    check_write(
        400,
        "<apiErrors><apiError><errorMessage>CF_INVALID_OBJECT_STATE</errorMessage><errorData>22</errorData>\
         <errorType>Device Busy</errorType></apiError></apiErrors>",
        expect![[r#"refused "Device Busy" "CF_INVALID_OBJECT_STATE""#]],
    );
}

#[test]
fn what_an_answer_says_of_the_credential() {
    let subject = crate::subject("auto");
    let class = |status: u16, headers: &[(String, String)], body: &str| {
        subject.classify(&signoff_core::Response {
            request: signoff_core::RequestId(1),
            status,
            headers,
            body: body.as_bytes(),
            sent: signoff_core::Monotonic::ZERO,
            sent_unix_ms: 0,
            settled_at: signoff_core::Monotonic::ZERO,
        })
    };
    let unauthorized = |kind: &str| class(401, &[], &error(kind, "", ""));
    assert_eq!(class(200, &[], ""), Class::Ok);
    assert_eq!(class(202, &[], ""), Class::Ok);
    assert_eq!(class(400, &[], &error("Invalid State", "", "")), Class::Other);
    assert_eq!(class(404, &[], ""), Class::Other);
    assert_eq!(class(500, &[], ""), Class::Other);
    assert_eq!(class(503, &[], ""), Class::Unavailable);
    assert_eq!(class(429, &[], ""), Class::Throttled(None));
    let seven = [("retry-after".to_owned(), "7".to_owned())];
    assert_eq!(
        class(429, &seven, ""),
        Class::Throttled(Some(std::time::Duration::from_secs(7)))
    );
    for kind in [
        "Authorization Failure",
        "Authentication Failure",
        "authorization failure",
        "Something New",
    ] {
        assert_eq!(unauthorized(kind), Class::CredentialDoubted, "{kind}");
    }
    for kind in [
        "Invalid Supervisor",
        "Invalid State",
        "Invalid Authorization User Specified",
        "Unauthorized",
    ] {
        assert_eq!(unauthorized(kind), Class::Other, "{kind}");
    }
    assert_eq!(class(401, &[], ""), Class::CredentialDoubted);
    assert_eq!(class(401, &[], "<html>"), Class::CredentialDoubted);
}

#[test]
fn a_wrong_password() {
    check(
        &logout("1001"),
        |drive| {
            drive.respond(401, &error("Authorization Failure", "sup01", "UNAUTHORIZED"));
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 401 CredentialDoubted
            = denied
                code: Authorization Failure
                message: UNAUTHORIZED
                details: error_data=sup01
        "#]],
    );
}

#[test]
fn a_later_doubt_is_checked_once() {
    let failure = error("Authorization Failure", "sup01", "UNAUTHORIZED");
    check(
        &logout("1001"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(401, &failure)
                .respond(200, &supervisor());
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 401 CredentialDoubted
            > GET /finesse/api/User/sup01 read basic proof after +0s
            < 200 Ok
            = denied
                code: Authorization Failure
                message: UNAUTHORIZED
                details: error_data=sup01
        "#]],
    );
    check(
        &logout("1001"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(401, &failure)
                .respond(401, &failure);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 401 CredentialDoubted
            > GET /finesse/api/User/sup01 read basic proof after +0s
            < 401 CredentialDoubted
            = denied
                code: Authorization Failure
                message: UNAUTHORIZED
                details: error_data=sup01
        "#]],
    );
    check(
        &logout("1001"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(401, &failure)
                .cancel(CancelReason::CredentialStopped);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 401 CredentialDoubted
            > GET /finesse/api/User/sup01 read basic proof after +0s
            < cancel CredentialStopped
            = denied
                code: Authorization Failure
                message: UNAUTHORIZED
                details: error_data=sup01
        "#]],
    );
}

#[test]
fn a_doubt_after_the_acceptance_takes_nothing_back() {
    check(
        &logout("1001"),
        |drive| {
            drive
                .respond(200, &supervisor())
                .respond(200, &team(&[("1001", "READY")]))
                .respond(202, "")
                .respond(401, "")
                .respond(200, &supervisor());
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
            < 401 CredentialDoubted
            > GET /finesse/api/User/sup01 read basic proof after +1.05s
            < 200 Ok
            = accepted
                code: unconfirmed
                message: Finesse accepted it, and it was not seen to take effect
                name: Pat O'Neil & Co
                details: state_before=READY since_before=2025-12-31T23:50:00.000Z team=2
        "#]],
    );
}

#[test]
fn unauthorized_on_a_list_concerns_the_list() {
    let refusal = error(
        "Unauthorized",
        "",
        "The user is not authorized to perform this operation",
    );
    check(
        &operation("roster").with("scope", "all"),
        |drive| {
            drive.respond(200, &supervisor()).respond(401, &refusal);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Users read basic age 1.05s cap 33554432
            < 401 Other
            = denied
                code: Unauthorized
                message: The user is not authorized to perform this operation
        "#]],
    );
}

#[test]
fn out_of_service() {
    let unavailable = error("Service Unavailable", "", "SERVER_OUT_OF_SERVICE");
    check(
        &logout("1001"),
        |drive| {
            drive.respond(503, &unavailable);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 503 Unavailable
            = failed
                code: Service Unavailable
                message: SERVER_OUT_OF_SERVICE
        "#]],
    );
}

/// It is the host that asks again; what arrives here is the last answer.
#[test]
fn a_server_error_on_a_read_ends_it() {
    let broken = error("Internal Server Error", "", "DB_RUNTIME_EXCEPTION");
    check(
        &logout("1001"),
        |drive| {
            drive.respond(200, &supervisor()).respond(500, &broken);
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            > GET /finesse/api/Team/2?includeLoggedOutAgents=true read basic age 1.05s
            < 500 Other
            = failed
                code: Internal Server Error
                message: DB_RUNTIME_EXCEPTION
        "#]],
    );
}

#[test]
fn no_answer_at_all() {
    for (kind, code) in [
        (FailureKind::Unreachable, "unreachable"),
        (FailureKind::TimedOut, "timed_out"),
        (FailureKind::Broken, "connection_broken"),
        (FailureKind::TooLarge, "answer_too_large"),
        (FailureKind::Redirected, "redirected"),
    ] {
        let subject = crate::subject("auto");
        for answered in 0..3 {
            let setup = logout("1001");
            let mut drive = Drive::start(&*subject, &setup);
            if answered > 0 {
                drive.respond(200, &supervisor());
            }
            if answered > 1 {
                drive.respond(200, &team(&[("1001", "READY")]));
            }
            drive.fail(kind, Sent::NotSent);
            let finished = drive.finished().expect("it has ended");
            assert_eq!(finished.outcome, Outcome::Failed);
            assert_eq!(finished.code.as_deref(), Some(code));
        }
    }
}

#[test]
fn answers_that_are_none() {
    let laughs = "<!DOCTYPE Team [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;\">]><Team>&b;</Team>";
    let whole = team(&[("1001", "READY")]);
    let truncated = &whole[..whole.len() / 2];
    for body in [
        laughs,
        truncated,
        "",
        "<html><body/></html>",
        "<Team><users><User/></users></Team>",
    ] {
        let subject = crate::subject("auto");
        let setup = logout("1001");
        let mut drive = Drive::start(&*subject, &setup);
        drive.respond(200, &supervisor()).respond(200, body);
        let finished = drive.finished().expect("it has ended");
        assert_eq!(finished.outcome, Outcome::Failed, "{body}");
        assert_eq!(finished.code.as_deref(), Some("unreadable_answer"), "{body}");
    }
    check(
        &logout("1001"),
        |drive| {
            drive.respond(200, "<html><p>It works!</p></html>");
        },
        expect![[r#"
            > GET /finesse/api/User/sup01 read basic proof age 60s
            < 200 Ok
            = failed
                code: unreadable_answer
                message: the User object of `sup01`: expected `<User>`, found `<html>`
        "#]],
    );
}

#[test]
fn shapes_do_no_harm() {
    let upside_down = "<x:team xmlns:x='urn:x'>\n <x:users>\n  <x:user>\n   <x:stateChangeTime/>\n   \
        <x:lastName><![CDATA[O'Neil & Co]]></x:lastName>\n   <x:state> ready </x:state>\n   \
        <x:loginId>1001</x:loginId>\n   <x:somethingNew><y/></x:somethingNew>\n  </x:user>\n </x:users>\n</x:team>";
    check(
        &logout("1001").with("confirm", "accepted"),
        |drive| {
            drive
                .respond(
                    200,
                    &own("sup01", "READY", &["AGENT", "SUPERVISOR"], &[("2", "Sales")]),
                )
                .respond(200, upside_down)
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
            < 202 Ok
            = accepted
                name: O'Neil & Co
                details: state_before=ready team=2
        "#]],
    );
}
