//! `signoff.each`.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use expect_test::expect;
use signoff_core::Outcome;
use signoff_engine::call::{Answer, CallError};
use signoff_script::{Ending, Limits, RunError};

use crate::support::{Fake, answer, check, row, run_on, script, transcript};

#[test]
fn places_follow_the_keys_of_items() {
    check(
        r#"
local finesse = signoff.connect("prod")
signoff.now()
signoff.each({ "a", "b", "a", "a~2", "x[1]", 5, true, { n = 1 } }, function(item)
    finesse:logout("first")
    signoff.each({ "u" }, function(id) return finesse:logout(id) end)
    finesse:logout("second")
end, { concurrency = 1 })
signoff.now()
"#,
        expect![[r#"
            1 now
            enter ?:a
            enter ?:b
            enter ?:a
            enter ?:a~2
            enter ?:x[1]
            2[a]1 test.luau:7 prod:logout first
            enter ?:u
            2[a]2[u]1 test.luau:8 prod:logout u
            leave u
            2[a]3 test.luau:9 prod:logout second
            leave a
            2[b]1 test.luau:7 prod:logout first
            enter ?:u
            2[b]2[u]1 test.luau:8 prod:logout u
            leave u
            2[b]3 test.luau:9 prod:logout second
            leave b
            2[a~2]1 test.luau:7 prod:logout first
            enter ?:u
            2[a~2]2[u]1 test.luau:8 prod:logout u
            leave u
            2[a~2]3 test.luau:9 prod:logout second
            leave a
            2[a%7e2]1 test.luau:7 prod:logout first
            enter ?:u
            2[a%7e2]2[u]1 test.luau:8 prod:logout u
            leave u
            2[a%7e2]3 test.luau:9 prod:logout second
            leave a~2
            2[x%5b1%5d]1 test.luau:7 prod:logout first
            enter ?:u
            2[x%5b1%5d]2[u]1 test.luau:8 prod:logout u
            leave u
            2[x%5b1%5d]3 test.luau:9 prod:logout second
            leave x[1]
            2[5]1 test.luau:7 prod:logout first
            enter ?:u
            2[5]2[u]1 test.luau:8 prod:logout u
            leave u
            2[5]3 test.luau:9 prod:logout second
            2[true]1 test.luau:7 prod:logout first
            enter ?:u
            2[true]2[u]1 test.luau:8 prod:logout u
            leave u
            2[true]3 test.luau:9 prod:logout second
            2[#8]1 test.luau:7 prod:logout first
            enter ?:u
            2[#8]2[u]1 test.luau:8 prod:logout u
            leave u
            2[#8]3 test.luau:9 prod:logout second
            3 now
        "#]],
    );
}

#[test]
fn two_runs_take_the_same_places() {
    let body = r#"
local finesse = signoff.connect("prod")
local teams = {}
for team = 1, 5 do teams[team] = `team{team}` end
signoff.each(teams, function(team)
    signoff.each(finesse:roster({ team = team }), function(agent)
        finesse:status(agent)
        if math.random() < 0.5 then
            signoff.sleep(`{math.random(1, 50)}s`)
        end
        return finesse:logout(agent)
    end)
end)
"#;
    let run = |shuffled| {
        let fake = Fake {
            shuffled,
            ..Fake::default()
        };
        let text = transcript(fake, body);
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let (one, other) = (run(false), run(true));
    assert!(one.iter().any(|line| line.contains("sleep")), "{one:?}");
    assert_eq!(one, other);
}

#[test]
fn the_acting_user_comes_last() {
    check(
        r#"
local finesse = signoff.connect("prod")
signoff.each({ "1001", "SUP01", "1002" }, function(id) return finesse:logout(id) end)
"#,
        expect![[r#"
            enter ?:1001
            enter ?:SUP01
            enter ?:1002
            1[1001]1 test.luau:5 prod:logout 1001
            1[1002]1 test.luau:5 prod:logout 1002
            leave 1001
            leave 1002
            1[SUP01]1 test.luau:5 prod:logout SUP01
            leave SUP01
        "#]],
    );
}

#[test]
fn an_iterator_is_fed_item_by_item_and_may_wait() {
    check(
        r#"
local finesse = signoff.connect("prod")
local n = 0
local totals = signoff.each(function()
    n += 1
    if n > 4 then return nil end
    signoff.sleep("1s")
    return `u{n}`
end, function(id) return finesse:logout(id) end, { concurrency = 2 })
print(totals.total, totals.out)
"#,
        expect![[r#"
            2 sleep 1s
            enter ?:u1
            1[u1]1 test.luau:11 prod:logout u1
            3 sleep 1s
            leave u1
            enter ?:u2
            1[u2]1 test.luau:11 prod:logout u2
            4 sleep 1s
            leave u2
            enter ?:u3
            1[u3]1 test.luau:11 prod:logout u3
            5 sleep 1s
            leave u3
            enter ?:u4
            1[u4]1 test.luau:11 prod:logout u4
            leave u4
            Info: 4	4
        "#]],
    );
}

#[test]
fn items_count_by_what_they_return_or_did_last() {
    check(
        r#"
local finesse = signoff.connect("prod")
local totals = signoff.each({ "done", "busy", "refused", "unknown", "pending", "-", "already" }, function(id)
    if id == "-" then return signoff.skip("none", "no reason") end
    local o = finesse:logout(id)
    if id == "busy" then return nil end
    return o
end)
local names = {}
for name, n in totals.counts do table.insert(names, name .. "=" .. n) end
table.sort(names)
print(totals.total, totals.out, table.concat(names, " "))
for _, o in totals.not_out do print(o.user, o.outcome) end
-- Those who are not out can be tried again.
signoff.each(totals.not_out, function(o) return finesse:logout(o, { when = "now" }) end, { concurrency = 1 })
"#,
        expect![[r#"
            enter ?:done
            enter ?:busy
            enter ?:refused
            enter ?:unknown
            enter ?:pending
            enter ?:-
            enter ?:already
            1[done]1 test.luau:7 prod:logout done
            1[busy]1 test.luau:7 prod:logout busy
            1[refused]1 test.luau:7 prod:logout refused
            1[unknown]1 test.luau:7 prod:logout unknown
            1[pending]1 test.luau:7 prod:logout pending
            1[-]1 skip none no reason
            1[already]1 test.luau:7 prod:logout already
            leave done
            leave busy
            leave refused
            leave unknown
            leave pending
            leave -
            leave already
            Info: 7	2	already=1 busy=1 done=1 pending=1 refused=1 skipped=1 unknown=1
            Info: busy	busy
            Info: refused	refused
            Info: unknown	unknown
            Info: pending	pending
            enter prod:busy
            enter prod:refused
            enter prod:unknown
            enter prod:pending
            2[busy]1 test.luau:17 prod:logout busy when=now
            2[refused]1 test.luau:17 prod:logout refused when=now
            2[unknown]1 test.luau:17 prod:logout unknown when=now
            2[pending]1 test.luau:17 prod:logout pending when=now
        "#]],
    );
}

#[test]
fn a_read_that_failed_is_nobody_to_go_through() {
    let fake = Fake {
        behaviour: Box::new(|_| Ok(Answer::Outcome(Arc::new(row("", Outcome::Denied))))),
        ..Fake::default()
    };
    let body = r#"
local agents = signoff.connect("prod"):roster()
local totals = signoff.each(agents, function(agent) error("never") end)
print(totals.total, totals.out, totals.counts.denied, totals.not_out[1].outcome)
"#;
    expect![[r#"
        1 test.luau:4 prod:roster
        Info: 0	0	1	denied
    "#]]
    .assert_eq(&transcript(fake, body));
}

#[test]
fn stop_on_and_max_fail_begin_no_more() {
    check(
        r#"
local finesse = signoff.connect("prod")
local function go(items, options)
    local totals = signoff.each(items, function(id) return finesse:logout(id) end, options)
    print(totals.total, totals.stopped, #totals.not_out)
end
go({ "a", "refused", "b" }, { concurrency = 1, stop_on = "refused" })
go({ "failed", "unknown", "c", "d" }, { concurrency = 1, max_fail = 1 })
go({ "e", "busy", "failed", "f" }, { concurrency = 1, max_fail = "50%" })
go({}, {})
"#,
        expect![[r#"
            enter ?:a
            enter ?:refused
            enter ?:b
            1[a]1 test.luau:6 prod:logout a
            leave a
            1[refused]1 test.luau:6 prod:logout refused
            leave refused
            Info: 2	true	1
            enter ?:failed
            enter ?:unknown
            enter ?:c
            enter ?:d
            2[failed]1 test.luau:6 prod:logout failed
            leave failed
            2[unknown]1 test.luau:6 prod:logout unknown
            leave unknown
            Info: 2	true	2
            enter ?:e
            enter ?:busy
            enter ?:failed
            enter ?:f
            3[e]1 test.luau:6 prod:logout e
            leave e
            3[busy]1 test.luau:6 prod:logout busy
            leave busy
            3[failed]1 test.luau:6 prod:logout failed
            leave failed
            3[f]1 test.luau:6 prod:logout f
            leave f
            Info: 4	false	2
            Info: 0	false	0
            Limited
        "#]],
    );
}

#[test]
fn an_error_begins_no_more_lets_calls_end_and_is_raised() {
    check(
        r#"
local finesse = signoff.connect("prod")
local ok, err = pcall(signoff.each, { "1", "2", "3", "4", "5" }, function(id)
    if id == "2" then
        local nothing = nil
        return nothing.field
    end
    finesse:logout(id)
    finesse:logout("after " .. id)
end, { concurrency = 3 })
print(ok, err)
print(finesse:logout("next").outcome)
"#,
        expect![[r#"
            enter ?:1
            enter ?:2
            enter ?:3
            enter ?:4
            enter ?:5
            1[1]1 test.luau:10 prod:logout 1
            Info: false	test.luau:8: attempt to index nil with 'field'
            2 test.luau:14 prod:logout next
            Info: done
        "#]],
    );
}

#[test]
fn an_error_in_a_nested_each_shows_where_it_was_made() {
    check(
        r#"
local finesse = signoff.connect("prod")
local function deep(id)
    local o = finesse:logout(id)
    error("no good: " .. o.user)
end
signoff.each({ "a", "b" }, function(team)
    signoff.each({ "1", "2" }, function(id)
        deep(id)
    end)
end, { concurrency = 1 })
"#,
        expect![[r#"
            enter ?:a
            enter ?:b
            enter ?:1
            enter ?:2
            1[a]1[1]1 test.luau:6 prod:logout 1
            1[a]1[2]1 test.luau:6 prod:logout 2
            error: no good: 1
             --> test.luau:7
              |
            7 |     error("no good: " .. o.user)
              |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = called from test.luau:11
        "#]],
    );
}

#[test]
fn an_error_of_an_iterator_is_raised_when_items_have_ended() {
    check(
        r#"
local finesse = signoff.connect("prod")
local n = 0
signoff.each(function()
    n += 1
    if n == 2 then error("the list broke") end
    return "u" .. n
end, function(id) return finesse:logout(id) end)
"#,
        expect![[r#"
            enter ?:u1
            1[u1]1 test.luau:10 prod:logout u1
            error: the list broke
             --> test.luau:8
              |
            8 |     if n == 2 then error("the list broke") end
              |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = called from test.luau:6, in `run`
        "#]],
    );
}

#[test]
fn a_stop_unwinds_without_a_word() {
    let fake = Fake {
        behaviour: Box::new(|call| {
            if call.user.as_ref().is_some_and(|user| user.id == "2") {
                Err(CallError::Stopped)
            } else {
                answer(call)
            }
        }),
        ..Fake::default()
    };
    let body = r#"
local finesse = signoff.connect("prod")
pcall(function()
    signoff.each({ "1", "2", "3" }, function(id) pcall(function() finesse:logout(id) end) end, { concurrency = 1 })
end)
print("never")
"#;
    expect![[r#"
        enter ?:1
        enter ?:2
        enter ?:3
        1[1]1 test.luau:6 prod:logout 1
        leave 1
        1[2]1 test.luau:6 prod:logout 2
        Stopped
    "#]]
    .assert_eq(&transcript(fake, body));
}

#[test]
fn a_fault_ends_the_script() {
    let fake = Fake {
        behaviour: Box::new(|_| Err(CallError::Fault("the journal cannot be written".to_owned()))),
        ..Fake::default()
    };
    let ended = run_on(
        &Arc::new(fake),
        &script("pcall(function() signoff.connect('prod'):logout('1') end) print('never')"),
    );
    assert!(matches!(ended, Err(RunError::Fault(message)) if message == "the journal cannot be written"));
}

#[test]
fn ten_thousand_items_pass_quickly() {
    let host = Arc::new(Fake {
        quiet: true,
        shuffled: true,
        limits: Limits::default(),
        ..Fake::default()
    });
    let began = Instant::now();
    let ended = run_on(
        &host,
        &script(
            r#"
local finesse = signoff.connect("prod")
local n = 0
local totals = signoff.each(function()
    n += 1
    return if n <= 10000 then `user{n}` else nil
end, function(id) return finesse:logout(id, { wait = "1m" }) end)
assert(totals.total == 10000 and totals.out == 10000)
local ids = table.create(10000)
for i = 1, 10000 do ids[i] = `user{i}` end
totals = signoff.each(ids, function(id) return finesse:logout(id) end, { concurrency = 10000 })
assert(totals.out == 10000)
"#,
        ),
    );
    assert!(matches!(ended, Ok(Ending::Completed)), "{ended:?}");
    assert_eq!(host.calls.load(Ordering::Relaxed), 20_000);
    assert!(host.most_under_way.load(Ordering::Relaxed) > 100);
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn whatever_breaks_off_nothing_hangs() {
    // An error deep inside, while iterators wait, nested items run and a coroutine carries its own calls.
    let body = r#"
local finesse = signoff.connect("prod")
local function feed(prefix, count)
    local n = 0
    return function()
        n += 1
        if n > count then return nil end
        signoff.sleep("1s")
        return `{prefix}{n}`
    end
end
local ok, err = pcall(signoff.each, feed("t", 6), function(team)
    local carried = coroutine.wrap(function()
        signoff.each(feed("u", 5), function(id)
            finesse:status(id)
            signoff.each({ "x", "y", "z" }, function(inner)
                if team == "t4" and id == "u2" and inner == "y" then error("deep") end
                finesse:logout(inner)
                finesse:logout(inner)
            end)
        end, { concurrency = 2 })
        return "end"
    end)
    assert(carried() == "end")
end, { concurrency = 3 })
print(ok, err)
print(finesse:logout("after").outcome)
"#;
    for shuffled in [false, true] {
        let fake = Fake {
            shuffled,
            ..Fake::default()
        };
        let text = transcript(fake, body);
        let end: Vec<&str> = text.lines().rev().take(3).collect();
        assert_eq!(end[0], "Info: done", "{text}");
        assert_eq!(end[2], "Info: false\ttest.luau:19: deep", "{text}");
    }
}

#[test]
fn an_iterator_stops_being_asked_when_an_item_fails() {
    check(
        r#"
local finesse = signoff.connect("prod")
local asked = 0
print(pcall(signoff.each, function()
    asked += 1
    return "u" .. asked
end, function(id)
    finesse:logout(id)
    if id == "u3" then error("enough") end
end, { concurrency = 2 }))
print(asked < 10)
"#,
        expect![[r#"
            enter ?:u1
            enter ?:u2
            enter ?:u3
            1[u1]1 test.luau:10 prod:logout u1
            1[u2]1 test.luau:10 prod:logout u2
            leave u1
            leave u2
            enter ?:u4
            enter ?:u5
            1[u3]1 test.luau:10 prod:logout u3
            1[u4]1 test.luau:10 prod:logout u4
            Info: false	test.luau:11: enough
            Info: true
        "#]],
    );
}
