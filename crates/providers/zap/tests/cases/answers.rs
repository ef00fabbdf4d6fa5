//! What each answer to a logout means.

use std::fmt::Write as _;
use std::time::Duration;

use expect_test::expect;
use signoff_core::Finished;
use signoff_core::testing::Drive;

use super::check;
use super::fixtures::{OUT, logout};

/// The class of each of these answers to the web logout, how often it is sent if nothing else comes, and the outcome; one a
/// line.
fn outcomes(answers: &[(u16, &str)]) -> String {
    let subject = crate::subject(2);
    let setup = logout().with("via", "web");
    let mut lines = String::new();
    for (status, body) in answers {
        let mut drive = Drive::start(&*subject, &setup);
        let mut sends = 0;
        while drive.finished().is_none() && sends < 9 {
            drive.advance(Duration::from_secs(2)).respond(*status, body);
            sends += 1;
        }
        let class = drive.transcript().lines().find(|line| line.starts_with('<'));
        let class = class.unwrap_or_default();
        let end = drive.finished();
        let outcome = end.map_or("none", |end| end.outcome.name());
        let text =
            |text: fn(&Finished) -> &Option<String>| end.and_then(|end| text(end).as_deref()).unwrap_or("-");
        let (code, message) = (text(|end| &end.code), text(|end| &end.message));
        let _ = writeln!(lines, "{class} {sends}x = {outcome} {code} | {message}");
    }
    lines
}

#[test]
fn success_is_2xx_and_not_denied_in_the_body() {
    expect![[r#"
        < 200 Ok 1x = done - | Logout Successfull
        < 201 Ok 1x = done - | -
        < 200 Ok 1x = done - | -
        < 204 Ok 1x = done - | -
        < 200 Ok 1x = done - | OK
        < 200 Ok 1x = refused unsuccessful | User is not logged in
        < 200 Ok 1x = refused unsuccessful | no such session
        < 200 Ok 1x = refused E42 | no
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
        < 200 Ok 3x = unknown unreadable_answer | the answer is a web page: is this ZAP's API, and is nothing in between?; sent several times, without an answer that tells
        < 200 Ok 3x = unknown unreadable_answer | the answer is not a usable JSON document: EOF while parsing a value at line 1 column 13; sent several times, without an answer that tells
        < 200 Ok 3x = unknown unreadable_answer | the answer is not a usable JSON document: EOF while parsing a list at line 1 column 4; sent several times, without an answer that tells
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
        < 400 Other 1x = failed http_400 | deviceToken is required
        < 401 TokenExpired 1x = denied http_401 | jwt expired
        < 403 Other 1x = denied http_403 | users:write is missing
        < 404 Other 1x = not_found http_404 | User not found
        < 422 Other 1x = refused 1077 | id must be a mongodb id
        < 500 Other 3x = unknown http_500 | An error occured while processing the request; sent several times, without an answer that tells
        < 429 Throttled(None) 1x = failed http_429 | slow down
        < 503 Unavailable 1x = failed http_503 | status 503, and no word of why
        < 409 Other 1x = failed http_409 | {}
        < 304 Other 1x = failed http_304 | status 304, and no word of why
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
        < 500 Other 3x = unknown http_500 | Cannot read properties of undefined (reading 'deviceToken'); sent several times, without an answer that tells
        < 500 Other 3x = unknown http_500 | <html><body><h1>500 Internal Server Error</h1></body></html>; sent several times, without an answer that tells
        < 500 Other 3x = unknown http_500 | status 500, and no word of why; sent several times, without an answer that tells
        < 400 Other 1x = failed http_400 | ["no","never"]
        < 400 Other 1x = failed http_400 | {"success":false,"errors":[{"msg":"odd"}]}
        < 400 Other 1x = failed http_400 | two
        lines [31m
        < 502 Other 3x = unknown http_502 | <html>Bad Gateway</html>; sent several times, without an answer that tells
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
