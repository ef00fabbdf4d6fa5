//! Memory and time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use expect_test::{Expect, expect};

use crate::support::{Fake, check, connections_of, limits, run_on, script, transcript};
use signoff_script::{Limits, Workflow};

#[test]
fn an_endless_loop_ends() {
    check(
        "local n = 0\nwhile true do\n n += 1\nend",
        expect![[r#"
        error: the script computed for more than 150ms without a host call
         --> test.luau:4
          |
        4 | while true do
          | ^^^^^^^^^^^^^
          = help: if this is no endless loop, raise `script_cpu` under [limits]
    "#]],
    );
}

#[test]
fn an_endless_loop_in_an_item_ends() {
    check(
        r#"
local finesse = signoff.connect("prod")
signoff.each({ "1", "2" }, function(id)
    finesse:logout(id)
    while true do end
end)
"#,
        expect![[r#"
            enter ?:1
            enter ?:2
            1[1]1 test.luau:6 prod:logout 1
            1[2]1 test.luau:6 prod:logout 2
            error: the script computed for more than 150ms without a host call
             --> test.luau:7
              |
            7 |     while true do end
              |     ^^^^^^^^^^^^^^^^^
              = help: if this is no endless loop, raise `script_cpu` under [limits]
        "#]],
    );
}

#[test]
fn no_pcall_catches_the_end() {
    let body = r#"
local function endless() while true do end end
local co = coroutine.wrap(function() while true do pcall(endless) end end)
while true do
    pcall(endless)
    xpcall(endless, function() pcall(endless) end)
    pcall(co)
    pcall(function() signoff.connect("prod"):logout("1") end)
end
"#;
    let began = Instant::now();
    expect![[r#"
        error: the script computed for more than 150ms without a host call
         --> test.luau:4
          |
        4 | local function endless() while true do end end
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: if this is no endless loop, raise `script_cpu` under [limits]
    "#]]
    .assert_eq(&transcript(Fake::default(), body));
    assert!(began.elapsed() < Duration::from_secs(5));
}

#[test]
fn a_pattern_that_backtracks_for_ever_ends() {
    check(
        r#"local s = string.rep("a", 40)
print(string.find(s, ".-.-.-.-.-.-.-.-.-.-b"))"#,
        expect![[r#"
            error: the script computed for more than 150ms without a host call
             --> test.luau:4
              |
            4 | print(string.find(s, ".-.-.-.-.-.-.-.-.-.-b"))
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: if this is no endless loop, raise `script_cpu` under [limits]
        "#]],
    );
}

#[test]
fn items_without_host_calls_use_up_one_budget() {
    check(
        "signoff.each(function() return 1 end, function() end)",
        expect![[r#"
        error: the script computed for more than 150ms without a host call
         --> test.luau:3
          |
        3 | signoff.each(function() return 1 end, function() end)
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: if this is no endless loop, raise `script_cpu` under [limits]
    "#]],
    );
}

/// Thirty times a tenth of the budget, or less. On a busy machine a script may stand still for the whole of it, but not
/// each time.
#[test]
fn host_calls_renew_the_budget() {
    let host = Arc::new(Fake::default());
    let script = script(
        r#"
local finesse = signoff.connect("prod")
for turn = 1, 30 do
    local n = 0
    for i = 1, 100000 do n += i % 7 end
    finesse:logout("1")
end
"#,
    );
    assert!((0..5).any(|_| run_on(&host, &script).is_ok()));
}

#[expect(clippy::needless_pass_by_value, reason = "as expect! gives it")]
fn check_memory(body: &str, expected: Expect) {
    let patient = Fake {
        limits: Limits {
            cpu: Duration::from_secs(60),
            ..limits()
        },
        ..Fake::default()
    };
    expected.assert_eq(&transcript(patient, body));
}

#[test]
fn a_memory_bomb_is_defused() {
    check_memory(
        "local t = {}\nwhile true do\n t[#t + 1] = { #t }\nend",
        expect![[r#"
            error: the script needs more memory than 16MiB
             --> test.luau:5
              |
            5 |  t[#t + 1] = { #t }
              |  ^^^^^^^^^^^^^^^^^^
              = help: if it has to keep so much, raise `script_memory` under [limits]
        "#]],
    );
    check_memory(
        "local s = 'x'\nwhile true do s ..= s end",
        expect![[r#"
            error: the script needs more memory than 16MiB
             --> test.luau:4
              |
            4 | while true do s ..= s end
              | ^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: if it has to keep so much, raise `script_memory` under [limits]
        "#]],
    );
}

#[test]
fn memory_that_ran_out_is_not_caught() {
    let bomb = "local t = {}\n    while true do t[#t + 1] = { #t } end";
    check_memory(
        &format!("print('never', pcall(function()\n    {bomb}\nend))"),
        expect![[r#"
            error: the script needs more memory than 16MiB
             --> test.luau:3
              |
            3 | print('never', pcall(function()
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: if it has to keep so much, raise `script_memory` under [limits]
        "#]],
    );
    check_memory(
        &format!("while true do\n  pcall(function()\n    {bomb}\n  end)\nend"),
        expect![[r#"
            error: the script needs more memory than 16MiB
             --> test.luau:4
              |
            4 |   pcall(function()
              |   ^^^^^^^^^^^^^^^^
              = help: if it has to keep so much, raise `script_memory` under [limits]
        "#]],
    );
    check_memory(
        &format!("print('never', coroutine.resume(coroutine.create(function()\n    {bomb}\nend)))"),
        expect![[r#"
            error: the script needs more memory than 16MiB
             --> test.luau:3
              |
            3 | print('never', coroutine.resume(coroutine.create(function()
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: if it has to keep so much, raise `script_memory` under [limits]
        "#]],
    );
}

#[test]
fn loading_is_limited_too() {
    let error = Workflow::from_text("loop.luau", "while true do end", limits()).unwrap_err();
    expect![[r#"
        error: the script computed for more than 150ms without a host call
         --> loop.luau:1
          |
        1 | while true do end
          | ^^^^^^^^^^^^^^^^^
          = help: if this is no endless loop, raise `script_cpu` under [limits]"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn an_abandoned_script_ends() {
    let slow = Limits {
        cpu: Duration::from_secs(3_600),
        ..limits()
    };
    let text = script("print('computing') while true do end");
    let workflow = Workflow::from_text("test.luau", &text, slow).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let host = Arc::new(Fake::default());
    runtime.block_on(async {
        let arguments = workflow.check_arguments(&[], &connections_of).unwrap();
        let run = workflow.run(Arc::clone(&host), &arguments);
        assert!(
            tokio::time::timeout(Duration::from_millis(100), run)
                .await
                .is_err()
        );
    });
    // The script's thread holds the texts as long as it lives.
    let began = Instant::now();
    while workflow.is_running() {
        assert!(began.elapsed() < Duration::from_secs(5));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn what_is_too_large_is_cut_or_refused() {
    let text = transcript(Fake::default(), "error(string.rep('x', 3000))");
    assert!(
        text.starts_with(&format!("error: {}…\n", "x".repeat(2_000))),
        "{text}"
    );
    let text = transcript(Fake::default(), "print(string.rep('é', 20000))");
    assert_eq!(text, format!("Info: {}…\n", "é".repeat(8_192)));
    check(
        "local t = {} for i = 1, 20 do t['k' .. i] = t end\nsignoff.log('info', 'x', t)",
        expect![[r#"
            error: the fields of `signoff.log`: this table is too large, or holds itself
             --> test.luau:4
              |
            4 | signoff.log('info', 'x', t)
              | ^^^^^^^^^^^
              = help: what is handed over at once is at most 256KiB
        "#]],
    );
    check(
        "print(#string.rep('x', 1e9))",
        expect![[r#"
            error: the script needs more memory than 16MiB
             --> test.luau:3
              |
            3 | print(#string.rep('x', 1e9))
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: if it has to keep so much, raise `script_memory` under [limits]
        "#]],
    );
}

#[test]
fn a_script_that_never_stops_talking_is_cut_short() {
    let patient = Fake {
        limits: Limits {
            cpu: Duration::from_secs(60),
            ..limits()
        },
        ..Fake::default()
    };
    let text = transcript(patient, "for i = 1, 100000 do print('line', i) end");
    let last = text.lines().last().unwrap();
    assert!(
        last.starts_with("Warn: the script said too much at once: "),
        "{last}"
    );
    assert!(text.lines().count() < 80_000);
}

#[test]
fn recursion_without_end_ends() {
    check(
        "local function f() return 1 + f() end\nf()",
        expect![[r#"
        error: stack overflow
         --> test.luau:3
          |
        3 | local function f() return 1 + f() end
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = called from test.luau:3, in `f` (19997 times)
          = called from test.luau:4, in `run`
    "#]],
    );
    check(
        "local t = setmetatable({}, {\n __index = function(s, k) return s[k .. 'x'] end,\n})\nprint(t.x)",
        expect![[r#"
            error: C stack overflow
             --> test.luau:4
              |
            4 |  __index = function(s, k) return s[k .. 'x'] end,
              |  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = called from test.luau:4, in `__index` (197 times)
              = called from test.luau:6, in `run`
        "#]],
    );
    check(
        "local function f() return coroutine.wrap(f)() end\nf()",
        expect![[r#"
            error: C stack overflow
             --> test.luau:3
              |
            3 | local function f() return coroutine.wrap(f)() end
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = called from test.luau:4, in `run`
        "#]],
    );
}
