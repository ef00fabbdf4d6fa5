//! Single host calls: what arrives at the host, and what comes back.

use std::sync::Arc;
use std::time::Duration;

use expect_test::expect;
use signoff_core::{Field, Record, SecretHandle, Value};
use signoff_engine::call::Answer;

use crate::support::{Fake, answer, check, transcript};

#[test]
fn a_team_is_logged_out() {
    check(
        r#"
local finesse = signoff.connect("prod")
local agents = finesse:roster({ team = "7", signed_in = true })
local totals = signoff.each(agents, function(agent)
    return finesse:logout(agent, { when = "idle", wait = "15m" })
end)
print(totals.total, totals.out, totals.counts.done, #totals.not_out, totals.stopped)
"#,
        expect![[r#"
            1 test.luau:5 prod:roster  signed_in=true team=7
            enter prod:sup01
            enter prod:1001
            enter prod:1002
            enter prod:O'Neil & Co
            2[1001]1 test.luau:7 prod:logout 1001 wait=15m when=idle
            2[1002]1 test.luau:7 prod:logout 1002 wait=15m when=idle
            2[O'Neil & Co]1 test.luau:7 prod:logout O'Neil & Co wait=15m when=idle
            2[sup01]1 test.luau:7 prod:logout sup01 wait=15m when=idle
            Info: 4	4	4	0	false
        "#]],
    );
}

#[test]
fn an_outcome_has_the_fields_of_its_line() {
    check(
        r#"
local finesse = signoff.connect("prod", { as = "agent" })
local o = finesse:logout("1001")
print(finesse.name, finesse.provider, finesse.actor, tostring(finesse))
print(o.run, o.connection, o.provider, o.operation, o.user, o.name, o.outcome, o.confirmed_by, o.attempts)
print(o.repeated, o.http_status, o.code, o.message, o.request_id, o.started, o.ended, type(o.details))
local s = finesse:status("1002")
print(s.id, s.state, s.name, s.connection)
"#,
        expect![[r#"
            1 test.luau:5 prod as agent:logout 1001
            Info: prod	finesse	agent	connection prod
            Info: run	prod	finesse	logout	1001	nil	done	nil	1
            Info: false	202	nil	nil	nil	2023-11-14T22:13:20.000Z	2023-11-14T22:13:20.250Z	table
            2 test.luau:9 prod as agent:status 1002
            Info: 1002	TALKING	Agent 1002	prod
        "#]],
    );
}

#[test]
fn time_and_log() {
    check(
        r#"
print(signoff.now(), signoff.planning)
signoff.sleep("1m30s")
signoff.log("warn", "look", { count = 3, who = { "a", "b" } })
signoff.skip("1001", "on holiday")
"#,
        expect![[r#"
            1 now
            Info: 1700000000.5	false
            2 sleep 90s
            Warn: look count=3 who=List([Text("a"), Text("b")])
            3 skip 1001 on holiday
        "#]],
    );
    let plan = Fake {
        planning: true,
        ..Fake::default()
    };
    expect![[r#"
        Info: true
    "#]]
    .assert_eq(&transcript(plan, "print(signoff.planning)"));
}

#[test]
fn durations_and_moments_are_computed_with() {
    check(
        r#"
print(signoff.seconds("1m30s"), signoff.seconds("250ms"), `{signoff.seconds("2h") / 4}s`)
print(signoff.time("2023-11-14T22:13:20.250Z"), signoff.time("2023-11-14T23:13:20+01:00"), signoff.time("1969-12-31T23:59:59Z"))
print(signoff.time(nil), signoff.time("yesterday"), signoff.time("2023-11-14T22:13:20"), signoff.time(string.rep("9", 1000)))
print(pcall(signoff.seconds, 5))
print(pcall(signoff.seconds, "5"))
print(pcall(signoff.time, 5))
local agent = signoff.connect("prod"):logout("1001")
print(signoff.now() - signoff.time(agent.ended), pcall(table.sort, { 1, 2 }, function() return signoff.seconds("1s") > 2 end))
"#,
        expect![[r#"
            Info: 90	0.25	1800s
            Info: 1700000000.25	1700000000	-1
            Info: nil	nil	nil	nil
            Info: false	test.luau:7: `signoff.seconds` takes a duration, not the number 5
            hint: write it with its unit, in quotes: signoff.seconds("5m")
            Info: false	test.luau:8: `5` is no duration
            hint: a duration has a unit: `5s` for seconds, `5m` for minutes
            Info: false	test.luau:9: `signoff.time` takes a time as text, not the number 5
            hint: give it a field of a row or an outcome: signoff.time(agent.since)
            1 test.luau:10 prod:logout 1001
            2 now
            Info: 0.25	true	nil
        "#]],
    );
}

#[test]
fn calls_pass_through_pcall_and_coroutines() {
    check(
        r#"
local finesse = signoff.connect("prod")
print(pcall(function() return finesse:logout("1").outcome end))
print(xpcall(function() error("inner") end, function(e) return "handled " .. e end))
print(pcall(function() finesse:logout(1) end))
local produce = coroutine.wrap(function()
    coroutine.yield(finesse:logout("2").user)
    coroutine.yield(pcall(function() return finesse:logout("refused").outcome end))
    local inner = coroutine.create(function() return finesse:logout("3").user end)
    coroutine.yield(coroutine.resume(inner))
    error("the end")
end)
print(produce())
print(produce())
print(produce())
print(pcall(produce))
print(pcall(produce))
"#,
        expect![[r#"
            1 test.luau:5 prod:logout 1
            Info: true	done
            Info: false	handled test.luau:6: inner
            Info: false	test.luau:7: an id is text, not the number 1
            hint: write it in quotes: "1"
            2 test.luau:9 prod:logout 2
            Info: 2
            3 test.luau:10 prod:logout refused
            Info: true	refused
            4 test.luau:11 prod:logout 3
            Info: true	3
            Info: false	test.luau:13: the end
            Info: false	cannot resume dead coroutine
        "#]],
    );
}

#[test]
fn a_coroutine_that_waits_cannot_be_taken_over() {
    check(
        r#"
local finesse = signoff.connect("prod")
local shared = coroutine.create(function()
    finesse:logout("1")
    return "done"
end)
signoff.each({ 1, 2 }, function(number)
    print(number, coroutine.resume(shared))
end)
"#,
        expect![[r#"
            Info: 2	false	this coroutine waits for the host, and only the host can resume it
            1[1]1 test.luau:6 prod:logout 1
            Info: 1	true	done
        "#]],
    );
}

#[test]
fn a_row_comes_back_as_the_user_it_was() {
    let secret = || Field {
        name: "device".to_owned(),
        value: Value::Secret(SecretHandle(3)),
    };
    let fake = Fake {
        behaviour: Box::new(move |call| {
            if let Some(user) = &call.user {
                assert_eq!(user.id, "1001");
                // By name, and a duration as text: so a script sees it.
                let attributes = [
                    secret(),
                    Field::new("extra", true),
                    Field::new("since", "1m30s"),
                    Field::new("state", "READY"),
                ];
                assert_eq!(user.attributes, attributes);
                return answer(call);
            }
            Ok(Answer::Records(Arc::new(vec![Record {
                id: "1001".to_owned(),
                attributes: vec![
                    Field::new("state", "READY"),
                    Field::new("since", Duration::from_secs(90)),
                    secret(),
                ],
            }])))
        }),
        ..Fake::default()
    };
    let body = r#"
local finesse = signoff.connect("prod")
local row = finesse:roster()[1]
row.extra = true
print(row.id, row.connection, row.state, row.since, row.device)
print(finesse:logout(row).outcome)
"#;
    expect![[r#"
        1 test.luau:5 prod:roster
        Info: 1001	prod	READY	1m30s	(secret)
        2 test.luau:8 prod:logout 1001
        Info: done
    "#]]
    .assert_eq(&transcript(fake, body));
}
