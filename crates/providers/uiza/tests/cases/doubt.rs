//! Logouts of which no answer is known: the key itself is asked.

use std::time::Duration;

use expect_test::expect;
use signoff_core::testing::SETTLE;
use signoff_core::{CancelReason, FailureKind, InDoubtPolicy, Sent};

use super::check_briefly;
use super::fixtures::{LOGGED_OUT, LOGGED_OUT_BRIEFLY, VALID, error, logout, unauthorized};

fn server_error(retryable: bool) -> String {
    error(500, "ERROR", "null", retryable, "Internal Server Error")
}

#[test]
fn it_was_applied() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .fail(FailureKind::TimedOut, Sent::MaybeSent)
                .respond(401, &unauthorized());
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < TimedOut MaybeSent
            > check after +20s
            < 401 Other
            = done by status
                code: 401
                message: Unauthorized
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#check-token type=ERROR retryable=false
        "#]],
    );
}

#[test]
fn a_key_that_was_never_valid_is_shown_to_no_logout() {
    check_briefly(
        &logout(),
        |drive| {
            drive
                .fail(FailureKind::Broken, Sent::MaybeSent)
                .respond(401, &unauthorized());
        },
        expect![[r#"
            > check
            < Broken MaybeSent
            > check after +1s
            < 401 Other
            = denied
                code: 401
                message: Unauthorized
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#check-token type=ERROR retryable=false
        "#]],
    );
}

#[test]
fn nothing_is_sent_before_the_key_was_asked_about() {
    check_briefly(
        &logout(),
        |drive| {
            for _ in 0..3 {
                drive.fail(FailureKind::TimedOut, Sent::MaybeSent);
            }
        },
        expect![[r#"
            > check
            < TimedOut MaybeSent
            > check after +1s
            < TimedOut MaybeSent
            > check after +2s
            < TimedOut MaybeSent
            = failed
                code: timed_out
                message: no answer from https://finesse.example.com:8445
        "#]],
    );
    check_briefly(
        &logout(),
        |drive| {
            drive.fail(FailureKind::Unreachable, Sent::NotSent);
        },
        expect![[r#"
            > check
            < Unreachable NotSent
            = failed
                code: unreachable
                message: no answer from https://finesse.example.com:8445
        "#]],
    );
}

#[test]
fn a_key_that_could_not_be_asked_about_may_never_have_been_valid() {
    check_briefly(
        &logout(),
        |drive| {
            drive
                .respond(404, &error(404, "ERROR", "null", false, "Not found"))
                .fail(FailureKind::Broken, Sent::MaybeSent)
                .respond(401, &unauthorized());
        },
        expect![[r#"
            > check
            < 404 Other
            > logout
            < Broken MaybeSent
            > check after +20s
            < 401 Other
            = unknown
                code: key_not_valid
                message: the key is not valid now, and whether this logout ended it cannot be known: it was not seen to be valid before
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#check-token type=ERROR retryable=false
        "#]],
    );
}

#[test]
fn it_was_not_applied_and_is_repeated() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .fail(FailureKind::Broken, Sent::MaybeSent)
                .respond(200, VALID)
                .respond(200, LOGGED_OUT);
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < Broken MaybeSent
            > check after +20s
            < 200 Ok
            > logout
            < 200 Ok
            = done by response
                code: 200
                message: Logout success
                request_id: 187f008e-92ce-4f7b-a7ba-00308ad0c69c
                details: description_link=https://docs.uiza.io/#log-out
        "#]],
    );
}

#[test]
fn a_key_that_proved_valid_and_is_refused_then_was_ended_after_all() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .fail(FailureKind::Broken, Sent::MaybeSent)
                .respond(200, VALID)
                .respond(401, &unauthorized());
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < Broken MaybeSent
            > check after +20s
            < 200 Ok
            > logout
            < 401 Other
            = done by response
                code: 401
                message: Unauthorized
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=ERROR retryable=false
        "#]],
    );
}

#[test]
fn it_is_not_repeated_for_ever() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            for _ in 0..3 {
                drive
                    .fail(FailureKind::TimedOut, Sent::MaybeSent)
                    .respond(200, VALID);
            }
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < TimedOut MaybeSent
            > check after +20s
            < 200 Ok
            > logout
            < TimedOut MaybeSent
            > check after +40s
            < 200 Ok
            > logout
            < TimedOut MaybeSent
            > check after +60s
            < 200 Ok
            = failed
                code: timed_out
                message: no answer from https://finesse.example.com:8445
                details: key_valid=true
        "#]],
    );
}

#[test]
fn the_key_cannot_be_asked_about() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .fail(FailureKind::TimedOut, Sent::MaybeSent)
                .respond(500, &server_error(true))
                .fail(FailureKind::TimedOut, Sent::MaybeSent)
                .respond(404, &error(404, "ERROR", "null", false, "Not found"));
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < TimedOut MaybeSent
            > check after +20s
            < 500 Other
            > check after +21s
            < TimedOut MaybeSent
            > check after +22s
            < 404 Other
            = unknown
                code: timed_out
                message: no answer from https://finesse.example.com:8445; his key could not be checked: Not found
        "#]],
    );
}

#[test]
fn an_error_of_the_server_leaves_it_open() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .respond(500, &server_error(false))
                .respond(401, &unauthorized());
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 500 Other
            > check after +20s
            < 401 Other
            = done by status
                code: 401
                message: Unauthorized
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#check-token type=ERROR retryable=false
        "#]],
    );
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive.respond(500, &server_error(false)).respond(200, VALID);
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 500 Other
            > check after +20s
            < 200 Ok
            = failed
                code: 500
                message: Internal Server Error
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=ERROR retryable=false key_valid=true
        "#]],
    );
}

#[test]
fn what_is_retryable_is_repeated() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .respond(500, &server_error(true))
                .respond(200, VALID)
                .respond(200, LOGGED_OUT_BRIEFLY);
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 500 Other
            > check after +20s
            < 200 Ok
            > logout
            < 200 Ok
            = done by response
                code: 200
                message: Logout success
                details: description_link=https://docs.uiza.io/#log-out
        "#]],
    );
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .respond(422, &error(422, "ERROR", "null", true, "later"))
                .respond(200, VALID)
                .respond(200, LOGGED_OUT_BRIEFLY);
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 422 Other
            > check after +20s
            < 200 Ok
            > logout
            < 200 Ok
            = done by response
                code: 200
                message: Logout success
                details: description_link=https://docs.uiza.io/#log-out
        "#]],
    );
}

#[test]
fn a_gateway_gave_up() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .respond(504, "<html>Gateway Time-out</html>")
                .respond(200, VALID)
                .respond(200, LOGGED_OUT_BRIEFLY);
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 504 Other
            > check after +20s
            < 200 Ok
            > logout
            < 200 Ok
            = done by response
                code: 200
                message: Logout success
                details: description_link=https://docs.uiza.io/#log-out
        "#]],
    );
}

#[test]
fn out_of_service_by_the_body_alone_proves_nothing() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .respond(200, &error(503, "ERROR", "null", true, "Service Unavailable"))
                .respond(401, &unauthorized());
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 200 Other
            > check after +20s
            < 401 Other
            = done by status
                code: 401
                message: Unauthorized
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#check-token type=ERROR retryable=false
        "#]],
    );
}

#[test]
fn a_code_that_nobody_knows() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .respond(200, &error(345, "ERROR", "null", false, "odd"))
                .respond(200, VALID);
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 200 Other
            > check after +20s
            < 200 Ok
            = failed
                code: 345
                message: odd
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=ERROR retryable=false key_valid=true
        "#]],
    );
}

#[test]
fn a_type_that_is_no_success() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .respond(200, &error(200, "BAD_REQUEST", "null", false, "Bad Request"))
                .respond(200, VALID);
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 200 Other
            > check after +20s
            < 200 Ok
            = failed
                code: BAD_REQUEST
                message: Bad Request
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=BAD_REQUEST retryable=false key_valid=true
        "#]],
    );
}

#[test]
fn a_page_that_is_not_from_uiza() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .respond(200, "<html>Sign in to the guest network</html>")
                .respond(200, "<html>Sign in</html>");
            drive.respond(200, "").respond(200, "[]");
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 200 Other
            > check after +20s
            < 200 Other
            > check after +21s
            < 200 Other
            > check after +22s
            < 200 Other
            = unknown
                code: unreadable_answer
                message: status 200 without Uiza's envelope: is this Uiza's API, and is nothing in between?; his key could not be checked: status 200 without Uiza's envelope: is this Uiza's API, and is nothing in between?
                details: description_link=https://docs.uiza.io/#log-out
        "#]],
    );
}

#[test]
fn an_earlier_process_sent_it() {
    let earlier = logout().earlier("logout", 1, Duration::from_secs(5));
    check_briefly(
        &earlier,
        |drive| {
            drive.respond(401, &unauthorized());
        },
        expect![[r#"
            > check after +15s
            < 401 Other
            = done by status
                code: 401
                message: Unauthorized
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#check-token type=ERROR retryable=false
        "#]],
    );
    check_briefly(
        &earlier,
        |drive| {
            drive.respond(200, VALID).respond(200, LOGGED_OUT_BRIEFLY);
        },
        expect![[r#"
            > check after +15s
            < 200 Ok
            > logout
            < 200 Ok
            = done by response
                code: 200
                message: Logout success
                details: description_link=https://docs.uiza.io/#log-out
        "#]],
    );
}

#[test]
fn the_operator_wants_it_repeated() {
    let earlier = logout()
        .earlier("logout", 1, Duration::from_secs(5))
        .in_doubt(InDoubtPolicy::Repeat);
    check_briefly(
        &earlier,
        |drive| {
            drive.respond(401, &unauthorized());
        },
        expect![[r#"
            > logout
            < 401 Other
            = done by response
                code: 401
                message: Unauthorized
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=ERROR retryable=false
        "#]],
    );
    check_briefly(
        &earlier,
        |drive| {
            drive.respond(503, "");
        },
        expect![[r#"
            > logout
            < 503 Unavailable
            = unknown
                code: http_503
                message: status 503, and no word of why; what became of the logout before this one is not known
                details: description_link=https://docs.uiza.io/#log-out
        "#]],
    );
    check_briefly(
        &earlier,
        |drive| {
            for _ in 0..3 {
                drive.fail(FailureKind::TimedOut, Sent::MaybeSent);
            }
            drive.respond(401, &unauthorized());
        },
        expect![[r#"
            > logout
            < TimedOut MaybeSent
            > logout
            < TimedOut MaybeSent
            > logout
            < TimedOut MaybeSent
            > check after +20s
            < 401 Other
            = done by status
                code: 401
                message: Unauthorized
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#check-token type=ERROR retryable=false
        "#]],
    );
}

#[test]
fn the_operator_wants_it_left_alone() {
    let skip = logout().in_doubt(InDoubtPolicy::Skip);
    check_briefly(
        &skip,
        |drive| {
            drive.respond(200, VALID);
            drive.fail(FailureKind::TimedOut, Sent::MaybeSent);
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < TimedOut MaybeSent
            = unknown
                code: timed_out
                message: no answer from https://finesse.example.com:8445; left in doubt, as it was asked
        "#]],
    );
    check_briefly(
        &skip.earlier("logout", 1, SETTLE),
        |_| {},
        expect![[r#"
        = unknown
            code: unanswered
            message: an earlier process sent it, and knew of no answer; left in doubt, as it was asked
    "#]],
    );
}

#[test]
fn the_run_is_stopped_meanwhile() {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive
                .fail(FailureKind::TimedOut, Sent::MaybeSent)
                .cancel(CancelReason::Stopped);
        },
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < TimedOut MaybeSent
            > check after +20s
            < cancel Stopped
            = unknown
                code: timed_out
                message: no answer from https://finesse.example.com:8445; the run was stopped before his key was checked
        "#]],
    );
}
