//! Every documented error, and bodies of every shape: code, words, request id and page of the documentation.

use expect_test::{Expect, expect};

use super::check_briefly;
use super::fixtures::{VALID, error, logout};

#[track_caller]
fn answer(status: u16, body: &str, expected: Expect) {
    check_briefly(
        &logout(),
        |drive| {
            drive.respond(200, VALID).respond(status, body);
        },
        expected,
    );
}

#[test]
fn parameters_that_do_not_fit_keep_their_fields() {
    let data = r#"[{"type":"required","field":"url","message":"The 'url' field is required!"}]"#;
    answer(
        422,
        &error(422, "ERROR", data, false, "Parameters validation error!"),
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 422 Other
            = refused
                code: 422
                message: Parameters validation error!
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=ERROR retryable=false data=[{type=required field=url message="The 'url' field is required!"}]
        "#]],
    );
}

#[test]
fn not_found() {
    answer(
        404,
        &error(404, "ERROR", "null", false, "Not found"),
        expect![[r#"
            > check
            < 200 Ok
            > logout
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
fn a_bad_request_with_a_text() {
    answer(
        400,
        &error(400, "BAD_REQUEST", "\"BAD_REQUEST\"", false, "Bad Request"),
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 400 Other
            = failed
                code: 400
                message: Bad Request
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=BAD_REQUEST retryable=false data=BAD_REQUEST
        "#]],
    );
}

#[test]
fn data_may_be_an_object() {
    answer(
        400,
        &error(400, "ERROR", r#"{"hint":"look"}"#, false, ""),
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 400 Other
            = failed
                code: 400
                message: {"code":400,"type":"ERROR","data":{"hint":"look"},"retryable":false,"message":"","version":3,
                    "datetime":"2019-02-27T14:12:58.770Z","policy":"public","requestId":"5870ad86-d804-496b-af3f-14acc9d8977f",
                    "serviceName":"api"}
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=ERROR retryable=false data={hint=look}
        "#]],
    );
}

#[test]
fn an_error_under_http_200() {
    answer(
        200,
        &error(422, "ERROR", "null", false, "Parameters validation error!"),
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 200 Other
            = refused
                code: 422
                message: Parameters validation error!
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=ERROR retryable=false
        "#]],
    );
}

#[test]
fn the_body_knows_better_than_the_status() {
    answer(
        400,
        &error(404, "ERROR", "null", false, "Not found"),
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 400 Other
            = not_found
                code: 404
                message: Not found
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=ERROR retryable=false
        "#]],
    );
}

#[test]
fn forbidden() {
    answer(
        403,
        r#"{"code":"403","message":"no","description_link":"https://docs.uiza.io/#errors"}"#,
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 403 Other
            = denied
                code: 403
                message: no
                details: description_link=https://docs.uiza.io/#errors
        "#]],
    );
}

#[test]
fn overloaded_or_under_maintenance() {
    answer(
        503,
        &error(503, "ERROR", "null", true, "Service Unavailable"),
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 503 Unavailable
            = failed
                code: 503
                message: Service Unavailable
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=ERROR retryable=true
        "#]],
    );
}

#[test]
fn too_many_requests() {
    answer(
        429,
        &error(429, "ERROR", "null", true, "Too many requests"),
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 429 Throttled(None)
            = failed
                code: 429
                message: Too many requests
                request_id: 5870ad86-d804-496b-af3f-14acc9d8977f
                details: description_link=https://docs.uiza.io/#log-out type=ERROR retryable=true
        "#]],
    );
}

#[test]
fn an_error_without_an_envelope_keeps_its_text() {
    answer(
        404,
        "<html><body>Cannot POST</body></html>",
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 404 Other
            = not_found
                code: http_404
                message: <html><body>Cannot POST</body></html>
                details: description_link=https://docs.uiza.io/#log-out
        "#]],
    );
    answer(
        400,
        "",
        expect![[r#"
            > check
            < 200 Ok
            > logout
            < 400 Other
            = failed
                code: http_400
                message: status 400, and no word of why
                details: description_link=https://docs.uiza.io/#log-out
        "#]],
    );
}
