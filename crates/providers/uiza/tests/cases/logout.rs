//! Logouts whose fate is known from the answer, and those of which nothing is sent.

use expect_test::expect;
use signoff_core::{CancelReason, FailureKind, Sent, Value};

use super::fixtures::{
    LOGGED_OUT, LOGGED_OUT_BRIEFLY, LOGGED_OUT_V4, VALID, error, logout, of, unauthorized, v4,
};
use super::{check, check_with};

#[test]
fn the_documented_logout() {
    check(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive.respond(200, LOGGED_OUT);
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < 200 Ok
            > POST /api/public/v3/admin/user/logout write `logout` ask open secret 7 in Header("Authorization") cap 65536
                Content-Type: application/json
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
fn the_short_answer_of_v3() {
    check(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive.respond(200, LOGGED_OUT_BRIEFLY);
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < 200 Ok
            > POST /api/public/v3/admin/user/logout write `logout` ask open secret 7 in Header("Authorization") cap 65536
                Content-Type: application/json
            < 200 Ok
            = done by response
                code: 200
                message: Logout success
                details: description_link=https://docs.uiza.io/#log-out
        "#]],
    );
}

#[test]
fn v4_takes_an_application() {
    check_with(
        &v4("f\"785bc511967473fbe6048ee5fb7ea59"),
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive.respond(200, LOGGED_OUT_V4);
        },
        expect![[r#"
            > POST /api/public/v4/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < 200 Ok
            > POST /api/public/v4/admin/user/logout write `logout` ask open secret 7 in Header("Authorization") cap 65536
                Content-Type: application/json
                {"appId":"f\"785bc511967473fbe6048ee5fb7ea59"}
            < 200 Ok
            = done by response
                code: 200
                message: success
                request_id: d4fc7333-9c3a-4b3f-9b7d-6c1f3c1f0a11
                details: description_link=https://docs.uiza.io/v4/#log-out
        "#]],
    );
}

#[test]
fn v4_without_an_application_has_no_body() {
    check_with(
        &v4(""),
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive.respond(201, LOGGED_OUT_V4);
        },
        expect![[r#"
            > POST /api/public/v4/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < 200 Ok
            > POST /api/public/v4/admin/user/logout write `logout` ask open secret 7 in Header("Authorization") cap 65536
                Content-Type: application/json
            < 201 Ok
            = done by response
                code: 200
                message: success
                request_id: d4fc7333-9c3a-4b3f-9b7d-6c1f3c1f0a11
                details: description_link=https://docs.uiza.io/v4/#log-out
        "#]],
    );
}

#[test]
fn a_plan_holds_it_back() {
    check(
        &logout().plan(),
        |drive| {
            drive.respond(200, VALID);
            drive.hold();
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < 200 Ok
            > POST /api/public/v3/admin/user/logout write `logout` ask open secret 7 in Header("Authorization") cap 65536
                Content-Type: application/json
            < held
            = planned
        "#]],
    );
}

#[test]
fn a_bad_key_concerns_him_alone() {
    check(
        &logout(),
        |drive| {
            drive.respond(401, &unauthorized());
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
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
fn a_bad_key_under_http_200_is_one_too() {
    check(
        &logout(),
        |drive| {
            drive.respond(200, &unauthorized());
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < 200 Other
            = denied
                code: 401
                message: Unauthorized
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#check-token type=ERROR retryable=false
        "#]],
    );
}

#[test]
fn a_key_that_this_run_has_ended() {
    check(
        &logout().logged_out(),
        |drive| {
            drive.respond(401, &unauthorized());
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/logout write `logout` ask open secret 7 in Header("Authorization") cap 65536
                Content-Type: application/json
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
fn other_errors_about_a_key_that_this_run_has_ended_stay_errors() {
    check(
        &logout().logged_out(),
        |drive| {
            drive.respond(404, &error(404, "ERROR", "null", false, "Not found"));
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/logout write `logout` ask open secret 7 in Header("Authorization") cap 65536
                Content-Type: application/json
            < 404 Other
            = not_found
                code: 404
                message: Not found
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=ERROR retryable=false
        "#]],
    );
}

#[test]
fn a_user_without_a_key() {
    check(
        &of("logout"),
        |_| {},
        expect![[r#"
        = failed
            code: no_key
            message: there is no key of his, and Uiza logs out whoever owns the key that it is shown: give each user his own in a column `key` of a file, as in `--from keys.csv`
    "#]],
    );
}

#[test]
fn a_key_in_clear_is_not_repeated() {
    check(
        &of("logout").attribute("key", "uap-7442d4b99eb349b1bb678614e64cf064-1405ee51"),
        |_| {},
        expect![[r#"
            = failed
                code: key_in_clear
                message: his `key` is not one that signoff keeps as a secret, and Uiza logs out whoever owns the key that it is shown: give each user his own in a column `key` of a file, as in `--from keys.csv`
        "#]],
    );
    check(
        &of("logout").attribute("key", Value::Null),
        |_| {},
        expect![[r#"
        = failed
            code: no_key
            message: there is no key of his, and Uiza logs out whoever owns the key that it is shown: give each user his own in a column `key` of a file, as in `--from keys.csv`
    "#]],
    );
}

#[test]
fn nobody_answers() {
    check(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive.fail(FailureKind::Unreachable, Sent::NotSent);
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < 200 Ok
            > POST /api/public/v3/admin/user/logout write `logout` ask open secret 7 in Header("Authorization") cap 65536
                Content-Type: application/json
            < Unreachable NotSent
            = failed
                code: unreachable
                message: no answer from https://finesse.example.com:8445
        "#]],
    );
}

#[test]
fn the_run_is_stopped_before() {
    check(
        &logout(),
        |drive| {
            drive.respond(200, VALID);
            drive.cancel(CancelReason::Stopped);
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < 200 Ok
            > POST /api/public/v3/admin/user/logout write `logout` ask open secret 7 in Header("Authorization") cap 65536
                Content-Type: application/json
            < cancel Stopped
            = cancelled
        "#]],
    );
}
