//! Tutorials as data: what comes of them, and what is said of their mistakes.

use std::fmt::Write as _;
use std::path::Path;

use expect_test::{Expect, expect};
use serde_json::json;
use signoff_engine::json::value_from;
use signoff_replay::declared::read;

fn check(declared: &serde_json::Value, expected: &Expect) {
    let text = "-- The script\n  title = \"Second\"\n";
    let mut shown = String::new();
    match read(Path::new("t.luau"), text, &value_from(declared)) {
        Ok(read) => {
            let _ = writeln!(shown, "{} {:?}", read.tutorial.title, read.variables);
            for step in &read.tutorial.steps {
                let _ = writeln!(
                    shown,
                    "{} {} {} {:?}",
                    step.number, step.title, step.place, step.prose
                );
                for task in &step.tasks {
                    let _ = writeln!(shown, "  {:?}", task.action);
                    for expectation in &task.expectations {
                        let _ = writeln!(shown, "  ? {}", expectation.check);
                    }
                    for capture in &task.captures {
                        let _ = writeln!(shown, "  {} = {:?}", capture.variable, capture.source);
                    }
                }
            }
        }
        Err(mistakes) => {
            for mistake in mistakes {
                let _ = writeln!(shown, "{mistake}");
            }
        }
    }
    expected.assert_eq(&shown);
}

#[test]
fn everything_that_can_be_declared() {
    check(
        &json!({
            "title": "All of it",
            "variables": {"b": "2", "a": 1},
            "steps": [
                {
                    "title": "First", "text": "Words.",
                    "request": {
                        "method": "PUT", "url": "http://{{h}}/x", "basic": {"username": "u", "password": "{{p}}"},
                        "headers": {"Accept": "text/xml"}, "xml": " <a/>\n",
                    },
                    "expect": {
                        "status": 202, "body": "empty", "element": {"a/b": "1", "c": 2}, "pointer": {"/a": "x"},
                        "header": {"Server": "S"}, "within": "500ms",
                        "notification": {"about": "user", "element": {"state": "LOGOUT"}, "within": "2s"},
                    },
                    "copy": {"id": "User/id", "token": "/data/token", "tag": "header: ETag", "team": "notification: Team/id"},
                },
                {
                    "title": "Third", "request": {"method": "GET", "url": "http://{{h}}/y", "bearer": "{token}"},
                    "expect": {"body": "json", "contains": "x", "kind": {"/a": "number"}, "has_header": "ETag"},
                },
                {"title": "Second", "tasks": [
                    {"feed": {"connect": {"username": "u", "password": "p", "domain": "d", "server": "s:1"}}, "expect": {"confirmed": true}},
                    {"feed": {"subscribe": "/n"}}, {"feed": {"list": true}, "expect": {"subscribed": "/n", "not_subscribed": "/m"}},
                    {"feed": {"unsubscribe": "/n"}, "expect": {"no_notification": "3s"}},
                    {"feed": {"disconnect": true}},
                    {"person": "Look.", "expect": {"seen": "A light"}},
                ]},
            ],
        }),
        &expect![[r#"
            All of it [("a", "1"), ("b", "2")]
            1 First t.luau:1 ["Words."]
              Request(Request { method: "PUT", url: Template("http://{{h}}/x"), headers: [("Content-Type", Template("application/xml")), ("Accept", Template("text/xml"))], auth: Some(Basic(Login { username: Template("u"), .. })), body: Some(Template("<a/>")) })
              ? HTTP status 202
              ? an empty body
              ? <a/b> is 1
              ? <c> is 2
              ? /a is x
              ? header Server is S
              ? an answer within 500 ms
              ? a user notification with <state> LOGOUT
              id = Element("User/id")
              tag = Header("ETag")
              team = Notified("Team/id")
              token = Pointer("/data/token")
            2 Third t.luau:1 []
              Request(Request { method: "GET", url: Template("http://{{h}}/y"), headers: [], auth: Some(Bearer(..)), body: None })
              ? a body of JSON
              ? a body with x in it
              ? /a is of the kind number
              ? a header ETag
            3 Second t.luau:2 []
              Feed(Connect(FeedLogin { server: Some(Template("s:1")), domain: Some(Template("d")), login: Login { username: Template("u"), .. } }))
              ? the feed's confirmation
              Feed(Subscribe(Template("/n")))
              Feed(ListSubscriptions)
              ? a subscription to /n
              ? no subscription to /m
              Feed(Unsubscribe(Template("/n")))
              ? no notification
              Feed(Disconnect)
              Human("Look.")
              ? a person sees: A light
        "#]],
    );
}

#[test]
fn every_mistake_is_named_with_its_path() {
    check(
        &json!({
            "titel": "x", "variables": ["a"],
            "steps": [
                {"request": {"method": "put", "url": 7, "xml": "<a/>", "json": "{}"}, "expect": {"status": 42, "body": "full", "within": "soon", "kind": {"/a": "text"}}},
                {"title": "t", "request": {"method": "GET", "url": "u", "bearer": "b", "basic": {"username": "u", "password": "p"}}},
                {"title": "a", "request": {"method": "GET"}, "feed": {"list": true}},
                {"title": "b", "feed": {"list": true, "disconnect": true}, "tasks": [{"person": "x"}]},
                {"title": "c", "tasks": [{}, 3]},
                "d",
            ],
        }),
        &expect![[r#"
            `tutorial.titel` is no part of it; did you mean `title`?
            `tutorial.variables` is a list, not a table of names and texts
            `tutorial.steps[1]` has no `title`
            `tutorial.steps[1].request.url` is a number, not a text
            `tutorial.steps[1].request` has more than one of `xml`, `json` and `body`
            `tutorial.steps[1].request.method` is no method: write `GET`, `PUT`, …
            `tutorial.steps[1].expect.status` is no HTTP status
            `tutorial.steps[1].expect.body` is none of "empty", "xml" and "json"
            `tutorial.steps[1].expect.kind` has `text`, which is no kind of a JSON value
            `tutorial.steps[1].expect.within` is no duration: `soon` is no duration
            `tutorial.steps[2].request` has both `basic` and `bearer`
            `tutorial.steps[3]` does not have exactly one of `request`, `feed` and `person`
            `tutorial.steps[4]` has a task of its own and `tasks` beside it
            `tutorial.steps[5].tasks[1]` does not have exactly one of `request`, `feed` and `person`
            `tutorial.steps[5].tasks[2]` is a number, not a table
            `tutorial.steps[5].tasks[2]` does not have exactly one of `request`, `feed` and `person`
            `tutorial.steps[6]` is a text, not a table
            `tutorial.steps[6]` has no `title`
        "#]],
    );
    check(
        &json!({}),
        &expect![[r#"
            `tutorial.steps` has nothing to replay
        "#]],
    );
    check(
        &json!("text"),
        &expect![[r#"
            `tutorial` is a text, not a table
            `tutorial.steps` has nothing to replay
        "#]],
    );
}
