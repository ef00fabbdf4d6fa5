//! Whether a key is still valid.

use expect_test::expect;
use signoff_core::{FailureKind, Sent};

use super::fixtures::{VALID, error, of, status, unauthorized, v4};
use super::{check, check_with};

#[test]
fn a_valid_key() {
    check(
        &status().attribute("name", "Anna"),
        |drive| {
            drive.respond(200, VALID);
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < 200 Ok
              row anna: name=Anna state=KEY_VALID signed_in=true expires="11/06/2018 04:29:22"
            = done
                code: 200
                message: OK
                request_id: f66f3499-f952-445d-bf19-092474952779
                details: description_link=https://docs.uiza.io/#check-token
        "#]],
    );
}

#[test]
fn a_key_that_is_not() {
    check(
        &status(),
        |drive| {
            drive.respond(401, &unauthorized());
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < 401 Other
              row anna: state=KEY_NOT_VALID signed_in=false
            = done
                code: 401
                message: Unauthorized
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#check-token type=ERROR retryable=false
        "#]],
    );
}

#[test]
fn v4_has_it_under_its_own_path() {
    check_with(
        &v4("app"),
        &status(),
        |drive| {
            drive.respond(200, VALID);
        },
        expect![[r#"
            > POST /api/public/v4/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < 200 Ok
              row anna: state=KEY_VALID signed_in=true expires="11/06/2018 04:29:22"
            = done
                code: 200
                message: OK
                request_id: f66f3499-f952-445d-bf19-092474952779
                details: description_link=https://docs.uiza.io/v4/#check-token
        "#]],
    );
}

#[test]
fn it_cannot_be_told() {
    check(
        &status(),
        |drive| {
            drive.respond(500, &error(500, "ERROR", "null", false, "Internal Server Error"));
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < 500 Other
            = failed
                code: 500
                message: Internal Server Error
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#check-token type=ERROR retryable=false
        "#]],
    );
    check(
        &status(),
        |drive| {
            drive.fail(FailureKind::TimedOut, Sent::MaybeSent);
        },
        expect![[r#"
            > POST /api/public/v3/admin/user/auth/check-token read open secret 7 in Header("Authorization") cap 65536
            < TimedOut MaybeSent
            = failed
                code: timed_out
                message: no answer from https://finesse.example.com:8445
        "#]],
    );
    check(
        &of("status"),
        |_| {},
        expect![[r#"
        = failed
            code: no_key
            message: there is no key of his, and Uiza logs out whoever owns the key that it is shown: give each user his own in a column `key` of a file, as in `--from keys.csv`
    "#]],
    );
}
