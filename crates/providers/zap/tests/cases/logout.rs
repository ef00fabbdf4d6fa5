//! The writes of a logout, and what becomes of them together.

use expect_test::expect;
use signoff_core::{CancelReason, CredentialKind, FailureKind, SecretHandle, Sent, Value};

use super::check;
use super::fixtures::{OUT, logout, with_devices};

#[test]
fn web_and_every_device() {
    check(
        &with_devices(&[7, 9]),
        |drive| {
            drive.respond(200, OUT).respond(200, OUT).respond(200, OUT);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 200 Ok
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 7 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < 200 Ok
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:2` repeat 120s bearer secret 9 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < 200 Ok
            = done by response
                message: Logout Successfull
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}, {part=device:1 outcome=done http_status=200 message="Logout Successfull"}, {part=device:2 outcome=done http_status=200 message="Logout Successfull"}]
        "#]],
    );
}

#[test]
fn one_token_is_no_list() {
    check(
        &logout()
            .attribute("device_token", Value::Secret(SecretHandle(3)))
            .credential(CredentialKind::Bearer),
        |drive| {
            drive.respond(200, OUT).respond(200, OUT);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 200 Ok
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 3 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < 200 Ok
            = done by response
                message: Logout Successfull
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}, {part=device:1 outcome=done http_status=200 message="Logout Successfull"}]
        "#]],
    );
}

#[test]
fn a_token_that_is_given_twice_is_sent_once() {
    check(
        &with_devices(&[7, 7, 9]).with("via", "device"),
        |drive| {
            drive.respond(200, OUT).respond(200, OUT);
        },
        expect![[r#"
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 7 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < 200 Ok
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:2` repeat 120s bearer secret 9 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < 200 Ok
            = done by response
                message: Logout Successfull
                details: parts=[{part=device:1 outcome=done http_status=200 message="Logout Successfull"}, {part=device:2 outcome=done http_status=200 message="Logout Successfull"}]
        "#]],
    );
}

#[test]
fn no_token_is_known() {
    check(
        &logout(),
        |drive| {
            drive.respond(200, OUT);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 200 Ok
            = done by response
                message: Logout Successfull
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}] note="no device was logged out, since no `device_token` of his is known"
        "#]],
    );
    check(
        &logout().attribute("device_token", "").with("via", "web"),
        |drive| {
            drive.respond(200, OUT);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 200 Ok
            = done by response
                message: Logout Successfull
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}]
        "#]],
    );
    check(
        &with_devices(&[]).with("via", "device"),
        |_| {},
        expect![[r#"
            = failed
                code: no_device_token
                message: no device token of `63d1b2c00a1b2c3d4e5f6a7b` is known, so nothing was sent: give it as the user's `device_token`, in a column of that name in a file of people, or use `via = "web"`
        "#]],
    );
}

#[test]
fn a_part_that_fails_does_not_keep_the_others_back() {
    check(
        &with_devices(&[1, 2]),
        |drive| {
            drive
                .respond(200, OUT)
                .respond(400, r#"{"success":false,"message":"no such device"}"#)
                .respond(200, OUT);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 200 Ok
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 1 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < 400 Other
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:2` repeat 120s bearer secret 2 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < 200 Ok
            = failed
                code: http_400
                message: no such device
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}, {part=device:1 outcome=failed http_status=400 code=http_400 message="no such device"}, {part=device:2 outcome=done http_status=200 message="Logout Successfull"}]
        "#]],
    );
    check(
        &with_devices(&[1]),
        |drive| {
            drive
                .fail(FailureKind::Unreachable, Sent::NotSent)
                .respond(403, "Forbidden");
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < Unreachable NotSent
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 1 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < 403 Other
            = failed
                code: unreachable
                message: no answer from https://finesse.example.com:8445
                details: parts=[{part=web outcome=failed code=unreachable message="no answer from https://finesse.example.com:8445"}, {part=device:1 outcome=denied http_status=403 code=http_403 message=Forbidden}]
        "#]],
    );
}

#[test]
fn any_id_is_sent_as_it_is() {
    check(
        &logout().user("a/b?c d#é").with("via", "web"),
        |drive| {
            drive.respond(400, r#"{"success":false,"error":"Cast to ObjectId failed"}"#);
        },
        expect![[r#"
            > GET /v1/users/logout/a%2Fb%3Fc%20d%23%C3%A9 write `web` repeat 120s bearer
            < 400 Other
            = failed
                code: http_400
                message: Cast to ObjectId failed
                details: parts=[{part=web outcome=failed http_status=400 code=http_400 message="Cast to ObjectId failed"}]
        "#]],
    );
    check(
        &logout().user(""),
        |_| {},
        expect![[r#"
        error: the id of the user is empty
    "#]],
    );
    check(
        &logout().user(".."),
        |_| {},
        expect![[r#"
        error: the id of a user cannot be `..`
    "#]],
    );
}

#[test]
fn a_plan_holds_every_part() {
    check(
        &with_devices(&[1]).plan(),
        |drive| {
            drive.hold().hold();
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < held
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 1 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < held
            = planned
                details: parts=[{part=web outcome=planned}, {part=device:1 outcome=planned}]
        "#]],
    );
}

#[test]
fn the_acting_user_stays() {
    let actor = logout().attribute("email", "Admin@zap.example");
    check(
        &actor,
        |_| {},
        expect![[r#"
        = skipped
            code: acting_user
            message: he is the one who logs the others out; `include_self` logs him out too
    "#]],
    );
    check(
        &actor.with("include_self", true),
        |drive| {
            drive.respond(200, OUT);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 200 Ok
            = done by response
                message: Logout Successfull
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}] note="no device was logged out, since no `device_token` of his is known"
        "#]],
    );
    check(
        &logout().user("admin@zap.example").on_self(),
        |drive| {
            drive.respond(200, OUT);
        },
        expect![[r#"
            > GET /v1/users/logout/admin%40zap.example write `web` repeat 120s bearer
            < 200 Ok
            = done by response
                message: Logout Successfull
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}] note="no device was logged out, since no `device_token` of his is known"
        "#]],
    );
}

#[test]
fn a_stop_ends_it_between_two_parts() {
    check(
        &with_devices(&[1]),
        |drive| {
            drive.respond(200, OUT).cancel(CancelReason::Stopped);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 200 Ok
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 1 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < cancel Stopped
            = cancelled
                code: stopped
                message: the run was stopped before it was sent
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}, {part=device:1 outcome=cancelled code=stopped message="the run was stopped before it was sent"}]
        "#]],
    );
    check(
        &with_devices(&[1]),
        |drive| {
            drive.cancel(CancelReason::Stopped);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < cancel Stopped
            = cancelled
        "#]],
    );
    check(
        &with_devices(&[1]),
        |drive| {
            drive.cancel(CancelReason::CredentialStopped);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < cancel CredentialStopped
            = cancelled
                code: credential_stopped
                message: ZAP refuses the credential, so nothing more is sent with it
        "#]],
    );
}

#[test]
fn a_refused_credential_ends_it() {
    check(
        &with_devices(&[1]),
        |drive| {
            drive
                .respond(401, r#"{"success":false,"message":"jwt malformed"}"#)
                .cancel(CancelReason::CredentialStopped);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 401 TokenExpired
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 1 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < cancel CredentialStopped
            = denied
                code: http_401
                message: jwt malformed
                details: parts=[{part=web outcome=denied http_status=401 code=http_401 message="jwt malformed"}, {part=device:1 outcome=denied code=credential_stopped message="ZAP refuses the credential, so nothing more is sent with it"}]
        "#]],
    );
    check(
        &with_devices(&[1]),
        |drive| {
            drive.respond(200, OUT).cancel(CancelReason::CredentialStopped);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 200 Ok
            > PUT /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `device:1` repeat 120s bearer secret 1 in JsonPointer("/deviceToken")
                content-type: application/json
                {"deviceToken":""}
            < cancel CredentialStopped
            = cancelled
                code: credential_stopped
                message: ZAP refuses the credential, so nothing more is sent with it
                details: parts=[{part=web outcome=done http_status=200 message="Logout Successfull"}, {part=device:1 outcome=cancelled code=credential_stopped message="ZAP refuses the credential, so nothing more is sent with it"}]
        "#]],
    );
}

#[test]
fn what_cannot_be_begun() {
    check(
        &logout().attribute("device_token", "in-clear"),
        |_| {},
        expect![[r#"
            error: `device_token` of `63d1b2c00a1b2c3d4e5f6a7b` is no secret and no list of secrets: take it from the column of that name in a file of people
        "#]],
    );
    check(
        &logout().credential(CredentialKind::Key),
        |_| {},
        expect![[r#"
        error: ZAP takes a token, or a user name and a password to log in with: not a key
    "#]],
    );
}
