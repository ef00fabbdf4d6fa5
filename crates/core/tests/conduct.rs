//! The rules that the host holds a provider to: each broken one is named, with the provider that broke it.

#![expect(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "it is a test")]

mod support;

use std::time::Duration;

use expect_test::{Expect, expect};
use proptest::prelude::*;
use signoff_core::{
    Args, CancelReason, CredentialUse, Effect, Error, Failure, FailureKind, Field, Finished, InDoubt, Input,
    Monotonic, Outcome, Placement, Record, Request, RequestId, SecretHandle, SecretUse, Sent, Step,
    Subscribe, User, Value, Wait,
};
use support::{NOW, STAGE, STEPS, context, lock, open, play};

#[test]
fn a_request_stays_within_what_was_declared() {
    check_request(|_| {}, expect!["fine"]);
    check_request(
        |request| request.endpoint = "elsewhere".to_owned(),
        expect!["`player`: request 1: `elsewhere` is not a declared endpoint"],
    );
    check_request(
        |request| request.effect = write("logout"),
        expect!["`player`: request 1: a write from `status`, which is declared not to write"],
    );
    check_steps(
        "logout",
        vec![Step::Request(Request {
            effect: write(""),
            ..request(1)
        })],
        expect!["`player`: request 1: a write without a part name"],
    );
}

#[test]
fn a_method_is_a_word_in_upper_case() {
    check_request(|request| request.method = "PATCH".to_owned(), expect!["fine"]);
    for (method, expected) in [
        (
            "",
            expect!["`player`: request 1: the method `` is not in upper case"],
        ),
        (
            "get",
            expect!["`player`: request 1: the method `get` is not in upper case"],
        ),
        (
            "CONNECT",
            expect!["`player`: request 1: the method `CONNECT` is not a provider's to use"],
        ),
        (
            "GET / HTTP/1.1\r\n",
            expect![[r"`player`: request 1: the method `GET / HTTP/1.1\r\n` is not in upper case"]],
        ),
    ] {
        check_request(|request| request.method = method.to_owned(), expected);
    }
}

#[test]
fn a_path_leads_where_it_says() {
    check_request(
        |request| request.path = "/a/b%20c/..d".to_owned(),
        expect!["fine"],
    );
    for (path, expected) in [
        (
            "",
            expect!["`player`: request 1: the path `` does not start with one `/`"],
        ),
        (
            "a",
            expect!["`player`: request 1: the path `a` does not start with one `/`"],
        ),
        (
            "//evil.example/a",
            expect!["`player`: request 1: the path `//evil.example/a` does not start with one `/`"],
        ),
        (
            "/a b",
            expect!["`player`: request 1: the path `/a b` holds ' ', which must be percent-encoded"],
        ),
        (
            "/a\r\nHost: b",
            expect![[
                r"`player`: request 1: the path `/a\r\nHost: b` holds '\r', which must be percent-encoded"
            ]],
        ),
        (
            "/a?b",
            expect!["`player`: request 1: the path `/a?b` holds '?', which must be percent-encoded"],
        ),
        (
            "/a/../b",
            expect!["`player`: request 1: the path `/a/../b` has a segment `.` or `..`"],
        ),
        (
            "/a/%2E%2e",
            expect!["`player`: request 1: the path `/a/%2E%2e` has a segment `.` or `..`"],
        ),
    ] {
        check_request(|request| request.path = path.to_owned(), expected);
    }
}

#[test]
fn no_line_of_a_request_can_be_broken() {
    let hostile = || vec![("a".to_owned(), "b\r\nX-Admin: 1".to_owned())];
    check_request(
        |request| request.headers = hostile(),
        expect![[r"`player`: request 1: a header holds a line break or a NUL: `b\r\nX-Admin: 1`"]],
    );
    check_request(
        |request| request.query = hostile(),
        expect![[r"`player`: request 1: a query holds a line break or a NUL: `b\r\nX-Admin: 1`"]],
    );
    check_request(
        |request| request.headers = vec![("a: b".to_owned(), String::new())],
        expect!["`player`: request 1: `a: b` is no name for a header"],
    );
    check_request(
        |request| request.headers = vec![("a".to_owned(), "b\tc\u{7f}".to_owned())],
        expect![[r"`player`: request 1: the header `a` holds a control character: `b\tc\u{7f}`"]],
    );
    check_request(
        |request| request.headers = vec![("a".to_owned(), "b\tcé".to_owned())],
        expect!["fine"],
    );
}

proptest! {
    #[test]
    fn whatever_one_part_is_made_of(part in 0..6, text in "/?[A-Za-z/.%?2eé \r\n\0]{0,6}") {
        let mut request = request(1);
        let other = "x-other".to_owned();
        match part {
            0 => request.method.clone_from(&text),
            1 => request.path.clone_from(&text),
            2 => request.query = vec![(text.clone(), other)],
            3 => request.headers = vec![(text.clone(), other)],
            4 => request.headers = vec![(other, text.clone())],
            _ => request.credential = Some(CredentialUse::actor(Placement::Header(text.clone()))),
        }
        if outcome("status", vec![Step::Request(request)]).is_ok() {
            prop_assert!(!text.contains(['\r', '\n', '\0']));
            prop_assert!(part != 1 || text.starts_with('/') && !text.contains(['?', ' ', 'é']));
        }
    }
}

#[test]
fn some_headers_are_the_hosts() {
    for header in [
        "Host",
        "authorization",
        "Content-Length",
        "TRANSFER-ENCODING",
        "connection",
        "Cookie",
    ] {
        let error = outcome(
            "status",
            vec![Step::Request(Request {
                headers: vec![(header.to_owned(), "x".to_owned())],
                ..request(1)
            })],
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            format!(
                "the provider breaks the plugin interface: `player`: request 1: the header `{header}` is the \
                     host's to write"
            )
        );
    }
    let placed = |name: &str| CredentialUse::actor(Placement::Header(name.to_owned()));
    check_request(
        |request| request.credential = Some(placed("Authorization")),
        expect!["fine"],
    );
    check_request(
        |request| request.credential = Some(placed("Host")),
        expect!["`player`: request 1: the header `Host` is the host's to write"],
    );
}

#[test]
fn a_secret_is_one_that_came_with_the_arguments() {
    let secret = |handle, placement| SecretUse {
        handle: SecretHandle(handle),
        placement,
    };
    check_request(
        |request| request.secrets = vec![secret(7, Placement::Bearer)],
        expect!["fine"],
    );
    check_request(
        |request| request.secrets = vec![secret(8, Placement::Bearer)],
        expect!["`player`: request 1: the secret 8 did not come with its arguments"],
    );
    check_request(
        |request| request.secrets = vec![secret(7, Placement::Basic)],
        expect!["`player`: request 1: a secret cannot be placed as BASIC, which takes two values"],
    );
    check_request(
        |request| request.secrets = vec![secret(7, Placement::JsonPointer("token".to_owned()))],
        expect!["`player`: request 1: the JSON pointer `token` does not start with `/`"],
    );
    check_request(
        |request| request.secrets = vec![secret(7, Placement::Form(String::new()))],
        expect!["`player`: request 1: a placement without a name"],
    );
}

#[test]
fn an_id_is_used_once() {
    check_steps(
        "status",
        vec![Step::Request(request(1)), Step::Request(request(1))],
        expect!["`player`: the id 1 is used twice in one operation"],
    );
    check_steps(
        "status",
        vec![Step::Request(request(1)), subscribe(1)],
        expect!["`player`: the id 1 is used twice in one operation"],
    );
    check_steps(
        "status",
        vec![Step::Request(request(1)), subscribe(2), wait(Monotonic::NEVER)],
        expect!["fine"],
    );
}

#[test]
fn nothing_waits_for_nothing() {
    check_steps(
        "status",
        vec![wait(Monotonic::NEVER)],
        expect!["`player`: WAIT for ever with nothing outstanding"],
    );

    let _stage = lock(&STAGE);
    let mut op = play(
        "status",
        vec![subscribe(1), wait(Monotonic::NEVER), wait(Monotonic::NEVER)],
    );
    op.next(NOW).unwrap();
    op.next(NOW).unwrap();
    op.input(
        NOW,
        Input::FeedRefused {
            subscription: RequestId(1),
            message: "no feed",
        },
    )
    .unwrap();
    assert!(op.next(NOW).is_err());
}

#[test]
fn what_is_answered_is_outstanding_no_more() {
    let _stage = lock(&STAGE);
    let mut op = play(
        "status",
        vec![
            Step::Request(request(1)),
            wait(Monotonic::NEVER),
            wait(Monotonic::NEVER),
        ],
    );
    op.next(NOW).unwrap();
    op.next(NOW).unwrap();
    let failure = Failure {
        request: RequestId(1),
        sent: Sent::NotSent,
        kind: FailureKind::Unreachable,
        message: "nobody there",
        sent_unix_ms: 0,
        settled_at: Monotonic::ZERO,
    };
    op.input(NOW, Input::Failure(failure)).unwrap();
    assert!(op.next(NOW).is_err());
}

#[test]
fn nothing_is_sent_after_cancel() {
    let _stage = lock(&STAGE);
    let mut op = play("status", vec![Step::Request(request(1))]);
    op.input(NOW, Input::Cancel(CancelReason::Stopped)).unwrap();
    let error = op.next(NOW).unwrap_err();
    assert_eq!(
        error,
        Error::Contract("`player`: REQUEST after CANCEL".to_owned())
    );
    assert_eq!(op.next(NOW), Err(error), "a broken operation stays broken");
}

#[test]
fn nothing_is_asked_after_the_end() {
    let _stage = lock(&STAGE);
    let mut op = play("status", vec![Step::Finished(Finished::new(Outcome::Done))]);
    op.next(NOW).unwrap();
    let used = Error::Contract("`player`: used after FINISHED, by the host".to_owned());
    assert_eq!(op.next(NOW), Err(used.clone()));
    assert_eq!(op.input(NOW, Input::Cancel(CancelReason::Stopped)), Err(used));
}

#[test]
fn records_are_as_declared() {
    let record = || Step::Record(Record::default());
    check_steps(
        "logout",
        vec![record()],
        expect!["`player`: RECORD from `logout`, which yields none"],
    );
    check_steps("status", vec![record()], expect!["fine"]);
    check_steps(
        "status",
        vec![record(), record()],
        expect!["`player`: a second RECORD from `status`, which yields one"],
    );
    check_steps("roster", vec![record(), record()], expect!["fine"]);
}

#[test]
fn nobody_goes_on_for_ever() {
    check_steps(
        "roster",
        vec![Step::Record(Record::default()); 100_001],
        expect!["`player`: more than 100000 records without an input in between"],
    );
    check_steps(
        "roster",
        (0..1_001).map(|id| Step::Request(request(id))).collect(),
        expect!["`player`: more than 1000 requests and waits without an input in between"],
    );
    check_steps(
        "roster",
        vec![wait(NOW.monotonic); 1_001],
        expect!["`player`: more than 1000 requests and waits without an input in between"],
    );
    let later = NOW.monotonic + Duration::from_secs(1);
    check_steps("roster", vec![wait(later); 2_000], expect!["fine"]);
    // To have waited is no input.
    check_steps(
        "roster",
        (0..1_001)
            .flat_map(|id| [Step::Request(request(id)), wait(later)])
            .collect(),
        expect!["`player`: more than 1000 requests and waits without an input in between"],
    );
}

#[test]
fn values_are_bounded() {
    let nested = |depth| (0..depth).fold(Value::Null, |value, _| Value::List(vec![value]));
    let finished = |value| {
        vec![Step::Finished(Finished {
            fields: vec![Field::new("it", value)],
            ..Finished::new(Outcome::Done)
        })]
    };
    check_steps("logout", finished(nested(16)), expect!["fine"]);
    check_steps(
        "logout",
        finished(nested(17)),
        expect!["`player`: `finished.fields` nests deeper than 16"],
    );
    check_steps(
        "logout",
        finished(Value::Number(f64::NAN)),
        expect!["`player`: `finished.fields` is NaN, which is not a finite number"],
    );
    check_steps(
        "logout",
        finished(Value::List(vec![Value::Null; 1_000_001])),
        expect!["`player`: `finished.fields`: more than 1000000 values at once"],
    );
}

/// A request with one change, from `status`, which reads.
fn check_request(change: impl FnOnce(&mut Request), expected: Expect) {
    let mut request = request(1);
    change(&mut request);
    check_steps("status", vec![Step::Request(request)], expected);
}

fn check_steps(operation: &str, steps: Vec<Step>, expected: Expect) {
    let actual = match outcome(operation, steps) {
        Ok(()) => "fine".to_owned(),
        Err(Error::Contract(rule)) => rule,
        Err(other) => format!("{other:?}"),
    };
    expected.assert_eq(&actual);
}

/// Polls until every step has come.
fn outcome(operation: &str, steps: Vec<Step>) -> Result<(), Error> {
    let _stage = lock(&STAGE);
    let count = steps.len();
    *lock(&STEPS) = steps;
    let user = User {
        id: "1001".to_owned(),
        attributes: vec![Field::new("device_token", Value::Secret(SecretHandle(7)))],
    };
    let mut op = open("kind").start(operation, Args::new(Some(&user), &[]), context(), NOW)?;
    (0..count).try_for_each(|_| op.next(NOW).map(drop))
}

fn request(id: u64) -> Request {
    Request::read(RequestId(id), "api", "/users")
}

fn write(part: &str) -> Effect {
    Effect::Write {
        part: part.to_owned(),
        in_doubt: InDoubt::Ask,
        request_id: None,
    }
}

fn wait(until: Monotonic) -> Step {
    Step::Wait(Wait {
        until,
        reason: "".into(),
    })
}

fn subscribe(id: u64) -> Step {
    Step::Subscribe(Subscribe {
        id: RequestId(id),
        node: "node".to_owned(),
        user: "1001".to_owned(),
    })
}
