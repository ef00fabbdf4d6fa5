//! What each answer to a logout means.

use std::fmt::Write as _;

use expect_test::expect;
use signoff_core::testing::Drive;

use super::check;
use super::fixtures::{OUT, logout};

/// The class and the outcome of each of these answers to the web logout, one a line.
fn outcomes(answers: &[(u16, &str)]) -> String {
    let subject = crate::subject(2);
    let setup = logout().with("via", "web");
    let mut lines = String::new();
    for (status, body) in answers {
        let mut drive = Drive::start(&*subject, &setup);
        drive.respond(*status, body);
        let class = drive.transcript().lines().find(|line| line.starts_with('<'));
        let class = class.unwrap_or_default().to_owned();
        let _ = match drive.finished() {
            Some(end) => writeln!(
                lines,
                "{class} = {} {} | {}",
                end.outcome,
                end.code.as_deref().unwrap_or("-"),
                end.message.as_deref().unwrap_or("-")
            ),
            None => writeln!(lines, "{class} and goes on"),
        };
    }
    lines
}

#[test]
fn success_is_2xx_and_not_denied_in_the_body() {
    expect![[r#"
        < 200 Ok = done - | Logout Successfull
        < 201 Ok = done - | -
        < 200 Ok = done - | -
        < 204 Ok = done - | -
        < 200 Ok = done - | OK
        < 200 Ok = refused unsuccessful | User is not logged in
        < 200 Ok = refused unsuccessful | no such session
        < 200 Ok = refused E42 | no
    "#]]
    .assert_eq(&outcomes(&[
        (200, OUT),
        (201, r#"{"success":true,"data":{"id":"1"}}"#),
        (200, "{}"),
        (204, ""),
        (200, "OK"),
        (200, r#"{"success":false,"message":"User is not logged in"}"#),
        (
            200,
            r#"{"success":true,"data":{"success":false,"message":"no such session"}}"#,
        ),
        (200, r#"{"success":false,"error":{"code":"E42","message":"no"}}"#),
    ]));
}

#[test]
fn a_success_that_cannot_be_read_is_none() {
    expect![[r#"
        < 200 Ok and goes on
        < 200 Ok and goes on
        < 200 Ok and goes on
    "#]]
    .assert_eq(&outcomes(&[
        (
            200,
            "<!DOCTYPE html><html><body>Sign in to the Wi-Fi</body></html>",
        ),
        (200, r#"{"success":tr"#),
        (200, "[[[["),
    ]));
    check(
        &logout().with("via", "web"),
        |drive| {
            drive
                .respond(200, r#"{"success":tr"#)
                .wake()
                .respond(200, "<html>")
                .wake()
                .respond(200, r#"{"success":fal"#);
        },
        expect![[r#"
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer
            < 200 Ok
              wait until +500ms before asking ZAP once more
              500ms later
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer by +120s
            < 200 Ok
              wait until +1.5s before asking ZAP once more
              1s later
            > GET /v1/users/logout/63d1b2c00a1b2c3d4e5f6a7b write `web` repeat 120s bearer by +120s
            < 200 Ok
            = unknown
                code: unreadable_answer
                message: the answer is not a usable JSON document: EOF while parsing a value at line 1 column 14; sent several times, without an answer that tells
                details: parts=[{part=web outcome=unknown http_status=200 code=unreadable_answer message="the answer is not a usable JSON document: EOF while parsing a value at line 1 column 14; sent several times, without an answer that tells"}]
        "#]],
    );
}

#[test]
fn every_documented_status() {
    expect![[r#"
        < 400 Other = refused http_400 | deviceToken is required
        < 401 TokenExpired = denied http_401 | jwt expired
        < 403 Other = denied http_403 | users:write is missing
        < 404 Other = not_found http_404 | User not found
        < 422 Other = refused 1077 | id must be a mongodb id
        < 500 Other = failed http_500 | An error occured while processing the request
        < 429 Throttled(None) = failed http_429 | slow down
        < 503 Unavailable = failed http_503 | status 503, and no word of why
        < 409 Other = refused http_409 | {}
        < 304 Other = failed http_304 | status 304, and no word of why
    "#]]
    .assert_eq(&outcomes(&[
        (400, r#"{"success":false,"message":"deviceToken is required"}"#),
        (401, r#"{"success":false,"message":"jwt expired"}"#),
        (403, r#"{"success":false,"data":"users:write is missing"}"#),
        (404, r#"{"success":false,"error":"User not found"}"#),
        (
            422,
            r#"{"success":false,"code":1077,"errors":["id must be a mongodb id","id is short"]}"#,
        ),
        (
            500,
            r#"{"success":false,"message":"An error occured while processing the request"}"#,
        ),
        (429, r#""slow down""#),
        (503, ""),
        (409, "{}"),
        (304, ""),
    ]));
}

#[test]
fn errors_of_other_shapes_keep_their_words() {
    expect![[r#"
        < 500 Other = failed http_500 | Cannot read properties of undefined (reading 'deviceToken')
        < 500 Other = failed http_500 | <html><body><h1>500 Internal Server Error</h1></body></html>
        < 500 Other = failed http_500 | status 500, and no word of why
        < 400 Other = refused http_400 | ["no","never"]
        < 400 Other = refused http_400 | {"success":false,"errors":[{"msg":"odd"}]}
        < 400 Other = refused http_400 | two
        lines [31m
        < 502 Other and goes on
    "#]]
    .assert_eq(&outcomes(&[
        (
            500,
            "Cannot read properties of undefined (reading 'deviceToken')\n",
        ),
        (
            500,
            "<html><body><h1>500 Internal Server Error</h1></body></html>",
        ),
        (500, ""),
        (400, r#"["no","never"]"#),
        (400, r#"{"success":false,"errors":[{"msg":"odd"}]}"#),
        (400, "{\"success\":false,\"message\":\"two\\nlines \\u001b[31m\"}"),
        (502, "<html>Bad Gateway</html>"),
    ]));
}
