//! `connection:events` and `connection:wait_for`: which host calls they are made of, and what comes of them.

use std::sync::Arc;
use std::sync::Mutex;

use expect_test::{Expect, expect};
use signoff_core::Record;
use signoff_engine::call::Answer;

use crate::support::{Fake, answer, record, transcript};

/// A vendor that tells these events, in this order.
fn telling(events: &[(&str, &str)]) -> Fake {
    let events: Vec<Record> = events.iter().rev().map(|(id, state)| record(id, state)).collect();
    let events = Mutex::new(events);
    Fake {
        behaviour: Box::new(move |call| match call.operation.as_str() {
            "events" => Ok(Answer::Record(record(&call.place.0, "begun"))),
            "next_event" => {
                let event = events.lock().unwrap().pop();
                Ok(Answer::Records(Arc::new(event.into_iter().collect())))
            }
            _ => answer(call),
        }),
        ..Fake::default()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "as expect! gives it")]
fn check(events: &[(&str, &str)], body: &str, expected: Expect) {
    expected.assert_eq(&transcript(telling(events), body));
}

#[test]
fn events_are_iterated() {
    check(
        &[("1001", "READY"), ("1002", "LOGOUT")],
        r#"
local finesse = signoff.connect("prod")
for event in finesse:events({ team = "7", within = "30s" }) do
    print(event.id, event.state, event.connection)
end
"#,
        expect![[r#"
            1 test.luau:5 prod:events  team=7 within=30s
            2 test.luau:5 prod:next_event  of=1 team=7 within=30s
            Info: 1001	READY	prod
            3 test.luau:5 prod:next_event  of=1 team=7 within=30s
            Info: 1002	LOGOUT	prod
            4 test.luau:5 prod:next_event  of=1 team=7 within=30s
        "#]],
    );
}

#[test]
fn a_state_is_waited_for_and_what_happened_before_is_seen() {
    check(
        &[
            ("1001", "LOGOUT"),
            ("1002", "READY"),
            ("1002", "LOGOUT"),
            ("1002", "READY"),
        ],
        r#"
local finesse = signoff.connect("prod")
print(finesse:wait_for({ user = "1002", state = "LOGOUT", within = "5s" }).state)
print(finesse:wait_for({ user = finesse:status("1002"), state = "TALKING" }).state)
print(finesse:wait_for({ user = "1003", state = "LOGOUT", team = "7" }))
"#,
        expect![[r#"
            1 test.luau:5 prod:status 1002
            2 test.luau:5 prod:events  within=5s
            3 test.luau:5 prod:next_event  gaps=true of=2 patience=1100ms within=5s
            4 test.luau:5 prod:next_event  gaps=true of=2 patience=1100ms within=5s
            5 test.luau:5 prod:next_event  gaps=true of=2 patience=1100ms within=5s
            Info: LOGOUT
            6 test.luau:6 prod:status 1002
            7 test.luau:6 prod:status 1002
            Info: TALKING
            8 test.luau:7 prod:status 1003
            9 test.luau:7 prod:events  team=7 within=30s
            10 test.luau:7 prod:next_event  gaps=true of=9 patience=1100ms team=7 within=30s
            11 test.luau:7 prod:next_event  gaps=true of=9 patience=1100ms team=7 within=30s
            12 test.luau:7 prod:status 1003
            13 test.luau:7 prod:next_event  gaps=true of=9 team=7 within=30s
            14 test.luau:7 prod:status 1003
            Info: nil
        "#]],
    );
}

#[test]
fn a_plan_does_not_wait() {
    let host = Fake {
        planning: true,
        ..telling(&[])
    };
    let transcript = transcript(
        host,
        r#"print(signoff.connect("prod"):wait_for({ user = "1002", state = "LOGOUT" }))"#,
    );
    expect![[r#"
        1 test.luau:3 prod:status 1002
        2 test.luau:3 prod:events  within=30s
        3 test.luau:3 prod:next_event  gaps=true of=2 patience=1100ms within=30s
        4 test.luau:3 prod:next_event  gaps=true of=2 within=30s
        Info: nil
    "#]]
    .assert_eq(&transcript);
}

#[test]
fn misuse() {
    for (body, expected) in [
        (
            "finesse.events({})",
            expect![[r#"
            error: `events` was not called on its connection
             --> test.luau:4
              |
            4 | finesse.events({})
              |         ^^^^^^
              = help: write a colon: `prod:events(…)`
        "#]],
        ),
        (
            "finesse:wait_for()",
            expect![[r#"
            error: what `wait_for` takes is a table, not nil
             --> test.luau:4
              |
            4 | finesse:wait_for()
              |         ^^^^^^^^
              = help: write { user = …, state = "LOGOUT", within = "30s" }
        "#]],
        ),
        (
            "finesse:wait_for({ state = \"LOGOUT\" })",
            expect![[r#"
            error: the `user` of `wait_for` is a string, not nil
             --> test.luau:4
              |
            4 | finesse:wait_for({ state = "LOGOUT" })
              |         ^^^^^^^^
              = help: name the user by his id, or give his row
        "#]],
        ),
        (
            "finesse:wait_for({ user = \"1\" })",
            expect![[r#"
            error: the `state` of `wait_for` is a string, not nil
             --> test.luau:4
              |
            4 | finesse:wait_for({ user = "1" })
              |         ^^^^^^^^
              = help: write state = "LOGOUT"
        "#]],
        ),
        (
            "finesse:wait_for({ user = \"1\", state = \"LOGOUT\", timeout = \"3s\" })",
            expect![[r#"
                error: `wait_for` has no option `timeout`
                 --> test.luau:4
                  |
                4 | finesse:wait_for({ user = "1", state = "LOGOUT", timeout = "3s" })
                  |                                                  ^^^^^^^
                  = help: the options are `user`, `state`, `within` and `team`
            "#]],
        ),
        (
            "finesse:events(7)",
            expect![[r#"
            error: the options of `events` are a table, not the number 7
             --> test.luau:4
              |
            4 | finesse:events(7)
              |         ^^^^^^
              = help: write { name = value, … }
        "#]],
        ),
    ] {
        check(
            &[],
            &format!("local finesse = signoff.connect(\"prod\")\n{body}"),
            expected,
        );
    }
}
