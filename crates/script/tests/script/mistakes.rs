//! What a person reads who made a mistake.

use expect_test::{Expect, expect};
use signoff_script::{RunError, Workflow};

use crate::support::{check, limits};

#[expect(clippy::needless_pass_by_value, reason = "as expect! gives it")]
fn check_load(text: &str, expected: Expect) {
    let error = Workflow::from_text("scripts/a.luau", text, limits()).unwrap_err();
    expected.assert_eq(&format!("{error}\n"));
}

#[test]
fn syntax() {
    check_load(
        "local x = 1\nlocal y = = 2\n",
        expect![[r#"
        error: expected identifier when parsing expression, got '='
         --> scripts/a.luau:2
          |
        2 | local y = = 2
          | ^^^^^^^^^^^^^
    "#]],
    );
    check_load(
        "return signoff.workflow({\n",
        expect![[r#"
        error: expected identifier when parsing expression, got <eof>
         --> scripts/a.luau:2
    "#]],
    );
}

#[test]
fn no_workflow() {
    check_load(
        "local x = 1\n",
        expect![[r#"
        error: the script returns nothing (nil), not a workflow
         --> scripts/a.luau:1
          |
        1 | local x = 1
          | ^^^^^^^^^^^
          = help: end it with `return signoff.workflow({ … })`
    "#]],
    );
    check_load(
        "return { run = function() end }\n",
        expect![[r#"
        error: the script returns a table, not a workflow
         --> scripts/a.luau:1
          |
        1 | return { run = function() end }
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: end it with `return signoff.workflow({ … })`
    "#]],
    );
    check_load(
        "return require('@signoff').workflow({ run = 1 })\n",
        expect![[r#"
        error: `run` of a workflow is a function, not number
         --> scripts/a.luau:1
          |
        1 | return require('@signoff').workflow({ run = 1 })
          |                                       ^^^
          = help: write run = function(args) … end
    "#]],
    );
    check_load(
        "return require('@signoff').workflow({ runs = function() end })\n",
        expect![[r#"
        error: a workflow has no part `runs`
         --> scripts/a.luau:1
          |
        1 | return require('@signoff').workflow({ runs = function() end })
          |                                       ^^^^
          = help: the parts are `summary`, `args` and `run`
    "#]],
    );
    check_load(
        "local s = require('@signoff')\nreturn s.workflow({\n  args = { n = 5 },\n  run = function() end })\n",
        expect![[r#"
            error: the argument `n` has no type
             --> scripts/a.luau:2
              |
            2 | return s.workflow({
              | ^^^^^^^^^^^^^^^^^^^
              = help: write n = signoff.arg.string({ … }), or another of its kind
        "#]],
    );
    check_load(
        "local s = require('@signoff')\nlocal a = s.arg.duration({ default = 15 })\n",
        expect![[r#"
            error: `default` does not fit: it is a duration in quotes
             --> scripts/a.luau:2
              |
            2 | local a = s.arg.duration({ default = 15 })
              |                            ^^^^^^^
              = help: write default = "15m"
        "#]],
    );
    check_load(
        "local s = require('@signoff')\ns.connect('prod')\n",
        expect![[r#"
        error: a script reaches the world only while it runs
         --> scripts/a.luau:2
          |
        2 | s.connect('prod')
          | ^^^^^^^^^^^^^^^^^
          = help: move this call into `run`
    "#]],
    );
}

#[test]
fn a_missing_file() {
    let error = Workflow::load("no/such.luau".as_ref(), limits()).unwrap_err();
    expect![[r#"
        error: cannot read the script `no/such.luau`: there is no such file
          = help: a path is taken from the current folder"#]]
    .assert_eq(&error.to_string());
}

#[test]
fn unknown_names() {
    check(
        "signoff.conect('prod')",
        expect![[r#"
        error: `signoff` has no `conect`
         --> test.luau:3
          |
        3 | signoff.conect('prod')
          |         ^^^^^^
          = help: did you mean `signoff.connect`?
    "#]],
    );
    check(
        "signoff.connect('prot')",
        expect![[r#"
        error: there is no connection `prot`
         --> test.luau:3
          |
        3 | signoff.connect('prot')
          |                  ^^^^
          = help: did you mean `prod`?
    "#]],
    );
    check(
        "signoff.connect('prod'):logot('1')",
        expect![[r#"
        error: `prod` has no operation `logot`
         --> test.luau:3
          |
        3 | signoff.connect('prod'):logot('1')
          |                         ^^^^^
          = help: did you mean `logout`?
    "#]],
    );
    check(
        "signoff.connect('prod'):fetch()",
        expect![[r#"
        error: `prod` has no operation `fetch`
         --> test.luau:3
          |
        3 | signoff.connect('prod'):fetch()
          |                         ^^^^^
          = help: the operations of `finesse` are `logout`, `status`, `roster`
    "#]],
    );
    check(
        "signoff.connect('prod'):logout('1', { wiat = '1m' })",
        expect![[r#"
            1 test.luau:3 prod:logout 1 wiat=1m
            error: `logout`: there is no option `wiat`
             --> test.luau:3
              |
            3 | signoff.connect('prod'):logout('1', { wiat = '1m' })
              |                                       ^^^^
              = help: did you mean `wait`?
        "#]],
    );
    check(
        "signoff.connect('prod'):logout('1', { when = 'later' })",
        expect![[r#"
            1 test.luau:3 prod:logout 1 when=later
            error: `logout`: the option `when` does not take `later`
             --> test.luau:3
              |
            3 | signoff.connect('prod'):logout('1', { when = 'later' })
              |                                               ^^^^^
              = help: it takes `idle`, `now`
        "#]],
    );
    check(
        "signoff.connect('prod'):logout('1', { wait = 15 })",
        expect![[r#"
            1 test.luau:3 prod:logout 1 wait=15
            error: `logout`: the option `wait` takes a duration, not the number 15
             --> test.luau:3
              |
            3 | signoff.connect('prod'):logout('1', { wait = 15 })
              |                                       ^^^^
              = help: write a text with a unit, such as `"15s"`
        "#]],
    );
    check(
        "signoff.connect('prod', { with = 'x' })",
        expect![[r#"
        error: `signoff.connect` has no option `with`
         --> test.luau:3
          |
        3 | signoff.connect('prod', { with = 'x' })
          |                           ^^^^
          = help: the only option is `as`, the name of a credential
    "#]],
    );
    check(
        "signoff.each({}, print, { concurency = 5 })",
        expect![[r#"
        error: `signoff.each` has no option `concurency`
         --> test.luau:3
          |
        3 | signoff.each({}, print, { concurency = 5 })
          |                           ^^^^^^^^^^
          = help: did you mean `concurrency`?
    "#]],
    );
    check(
        "signoff.each({}, print, { concurrency = 50000 })",
        expect![[r#"
        error: `concurrency` is a whole number from 1 to 10000
         --> test.luau:3
          |
        3 | signoff.each({}, print, { concurrency = 50000 })
          |                           ^^^^^^^^^^^
          = help: it says how many items are begun at once; how fast a vendor is asked is up to its connection
    "#]],
    );
    check(
        "signoff.each({}, print, { stop_on = 'don' })",
        expect![[r#"
        error: `stop_on` names outcomes, and `don` is none
         --> test.luau:3
          |
        3 | signoff.each({}, print, { stop_on = 'don' })
          |                                      ^^^
          = help: did you mean `done`?
    "#]],
    );
    check(
        "signoff.each({}, print, { max_fail = 'many' })",
        expect![[r#"
        error: `max_fail` is a number of items, or a share of them
         --> test.luau:3
          |
        3 | signoff.each({}, print, { max_fail = 'many' })
          |                           ^^^^^^^^
          = help: write max_fail = 10, or max_fail = "5%"
    "#]],
    );
    check(
        "signoff.log('loud', 'x')",
        expect![[r#"
        error: `signoff.log` takes a level first, not the text "loud"
         --> test.luau:3
          |
        3 | signoff.log('loud', 'x')
          | ^^^^^^^^^^^
          = help: the levels are "debug", "info", "warn" and "error": signoff.log("info", text)
    "#]],
    );
}

#[test]
fn wrong_values() {
    check(
        "signoff.connect('prod'):logout(1001)",
        expect![[r#"
        error: an id is text, not the number 1001
         --> test.luau:3
          |
        3 | signoff.connect('prod'):logout(1001)
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: write it in quotes: "1001"
    "#]],
    );
    check(
        "signoff.connect('prod'):logout({ id = 1001 })",
        expect![[r#"
        error: an id is text, not the number 1001
         --> test.luau:3
          |
        3 | signoff.connect('prod'):logout({ id = 1001 })
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = help: write it in quotes: "1001"
    "#]],
    );
    check(
        "signoff.connect('prod'):logout()",
        expect![[r#"
        error: `logout` needs a user
         --> test.luau:3
          |
        3 | signoff.connect('prod'):logout()
          |                         ^^^^^^
          = help: write prod:logout(user, { … })
    "#]],
    );
    check(
        "signoff.connect('prod').logout('1')",
        expect![[r#"
        error: `logout` was not called on its connection
         --> test.luau:3
          |
        3 | signoff.connect('prod').logout('1')
          |                         ^^^^^^
          = help: write a colon: `prod:logout(…)`
    "#]],
    );
    check(
        "signoff.connect('prod'):logout('1', {}, 3)",
        expect![[r#"
        error: `logout` takes a user and a table of options, nothing more
         --> test.luau:3
          |
        3 | signoff.connect('prod'):logout('1', {}, 3)
          |                         ^^^^^^
    "#]],
    );
    check(
        "signoff.connect('prod'):roster('7')",
        expect![[r#"
        error: the options of `roster` are a table, not the text "7"
         --> test.luau:3
          |
        3 | signoff.connect('prod'):roster('7')
          |                         ^^^^^^
          = help: write { name = value, … }
    "#]],
    );
    check(
        "signoff.connect('prod'):logout({ id = '1', connection = 'lab' })",
        expect![[r#"
        error: `1` is a user of the connection `lab`, not of `prod`
         --> test.luau:3
          |
        3 | signoff.connect('prod'):logout({ id = '1', connection = 'lab' })
          |                  ^^^^
          = help: give the id alone, if it means the same person there
    "#]],
    );
    check(
        "signoff.connect('prod'):logout('1', { reason = print })",
        expect![[r#"
        error: the options of `logout`: a function is no value for this
         --> test.luau:3
          |
        3 | signoff.connect('prod'):logout('1', { reason = print })
          |                         ^^^^^^
    "#]],
    );
    check(
        "signoff.each({ a = 1 }, print)",
        expect![[r#"
        error: `signoff.each` takes a list, and this table has names instead
         --> test.luau:3
          |
        3 | signoff.each({ a = 1 }, print)
          | ^^^^^^^^^^^^
          = help: write { one, two }, or give an iterator
    "#]],
    );
    check(
        "signoff.each('1001', print)",
        expect![[r#"
        error: `signoff.each` takes a list or an iterator, not the text "1001"
         --> test.luau:3
          |
        3 | signoff.each('1001', print)
          | ^^^^^^^^^^^^
    "#]],
    );
    check(
        "signoff.each({})",
        expect![[r#"
        error: `signoff.each` takes a function for its items, not nothing (nil)
         --> test.luau:3
          |
        3 | signoff.each({})
          | ^^^^^^^^^^^^
          = help: write signoff.each(items, function(item) … end)
    "#]],
    );
    check(
        "signoff.sleep(5)",
        expect![[r#"
        error: `signoff.sleep` takes a duration, not the number 5
         --> test.luau:3
          |
        3 | signoff.sleep(5)
          | ^^^^^^^^^^^^^
          = help: write it with its unit, in quotes: signoff.sleep("5s")
    "#]],
    );
    check(
        "signoff.sleep('5 parsecs')",
        expect![[r#"
        error: `5 parsecs` is no duration
         --> test.luau:3
          |
        3 | signoff.sleep('5 parsecs')
          |                ^^^^^^^^^
          = help: write it like `500ms`, `30s`, `15m`, `2h` or `1h30m`
    "#]],
    );
    check(
        "signoff.skip('1')",
        expect![[r#"
        error: the reason of `signoff.skip` is text, not nothing (nil)
         --> test.luau:3
          |
        3 | signoff.skip('1')
          | ^^^^^^^^^^^^
    "#]],
    );
}

#[test]
fn runtime_errors_name_the_line_and_the_way() {
    check(
        "local function inner(x)\n    return x.y.z\nend\nlocal function outer() inner({}) end\nouter()",
        expect![[r#"
            error: attempt to index nil with 'z'
             --> test.luau:4
              |
            4 |     return x.y.z
              |                ^
              = called from test.luau:6, in `outer`
              = called from test.luau:7, in `run`
        "#]],
    );
    check(
        "error({ code = 5 })",
        expect![[r#"
        error: the script raised a value that is no text
         --> test.luau:3
          |
        3 | error({ code = 5 })
          | ^^^^^^^^^^^^^^^^^^^
    "#]],
    );
    check(
        "error('plain', 0)",
        expect![[r#"
        error: plain
         --> test.luau:3
          |
        3 | error('plain', 0)
          | ^^^^^^^^^^^^^^^^^
    "#]],
    );
    check(
        "string.format('%d', 'x')",
        expect![[r#"
        error: invalid argument #2 to 'format' (number expected, got string)
         --> test.luau:3
          |
        3 | string.format('%d', 'x')
          |        ^^^^^^
    "#]],
    );
    check(
        "local t = os.time()",
        expect![[r#"
        error: attempt to index nil with 'time'
         --> test.luau:3
          |
        3 | local t = os.time()
          |              ^^^^
          = help: `os` is not available to scripts; for the time use `signoff.now()`
    "#]],
    );
}

#[test]
fn host_calls_where_nothing_can_wait() {
    let sort =
        "local f = signoff.connect('prod')\ntable.sort({ 'a', 'b' }, function() return f:logout('1').ok end)";
    check(
        sort,
        expect![[r#"
        error: this call has to wait, and cannot wait here
         --> test.luau:4
          |
        4 | table.sort({ 'a', 'b' }, function() return f:logout('1').ok end)
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = called from test.luau:4, in `run`
          = help: not in a metamethod, a sort comparator, a gsub callback or the top level of a module
    "#]],
    );
    let index = "local f = signoff.connect('prod')\nlocal t = setmetatable({}, { __index = function(_, k) return f:logout(k) end })\nprint(t.x)";
    check(
        index,
        expect![[r#"
        error: this call has to wait, and cannot wait here
         --> test.luau:4
          |
        4 | local t = setmetatable({}, { __index = function(_, k) return f:logout(k) end })
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          = called from test.luau:5, in `run`
          = help: not in a metamethod, a sort comparator, a gsub callback or the top level of a module
    "#]],
    );
    let iterator =
        "local f = signoff.connect('prod')\nfor x in coroutine.wrap(function() f:logout('1') end) do end";
    check(
        iterator,
        expect![[r#"
        1 test.luau:4 prod:logout 1
    "#]],
    );
    check(
        "coroutine.yield(1)",
        expect![[r#"
        error: `coroutine.yield` outside a coroutine of your own
         --> test.luau:3
          |
        3 | coroutine.yield(1)
          | ^^^^^^^^^^^^^^^
          = help: calls to a connection wait by themselves; to wait for a time use `signoff.sleep`
    "#]],
    );
}

#[test]
fn users() {
    check(
        "signoff.connect('prod'):logout('')",
        expect![[r#"
        error: a user is an id or a row of a roster, not an empty text
         --> test.luau:3
          |
        3 | signoff.connect('prod'):logout('')
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#]],
    );
    check(
        "signoff.connect('prod'):logout({ name = 'Ann' })",
        expect![[r#"
        error: a user is an id or a row of a roster, not a table without `id`
         --> test.luau:3
          |
        3 | signoff.connect('prod'):logout({ name = 'Ann' })
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#]],
    );
    check(
        "signoff.connect('prod'):logout(true)",
        expect![[r#"
        error: a user is an id or a row of a roster, not `true`
         --> test.luau:3
          |
        3 | signoff.connect('prod'):logout(true)
          |                                ^^^^
    "#]],
    );
    check(
        "signoff.connect('prod'):logout('\\xff')",
        expect![[r#"
        error: a user is an id or a row of a roster, not bytes that are no UTF-8 text
         --> test.luau:3
          |
        3 | signoff.connect('prod'):logout('\xff')
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#]],
    );
}

#[test]
fn a_text_that_is_nested_too_deeply() {
    let text = format!("return {}1{}", "(".repeat(5_000), ")".repeat(5_000));
    let error = Workflow::from_text("deep.luau", &text, limits()).unwrap_err();
    assert!(error.message.contains("recursion depth"), "{}", error.message);
}

#[test]
fn names_of_arguments() {
    check(
        "print(args.team)",
        expect![[r#"
        error: there is no argument `team`
         --> test.luau:3
          |
        3 | print(args.team)
          |            ^^^^
          = help: declare it under `args`
    "#]],
    );
    let bad = "local s = require('@signoff')\nreturn s.workflow({ args = { ['a b'] = s.arg.string() }, run = print })\n";
    check_load(
        bad,
        expect![[r#"
        error: `a b` is no name for an argument
         --> scripts/a.luau:2
          |
        2 | return s.workflow({ args = { ['a b'] = s.arg.string() }, run = print })
          |                                ^^^
          = help: write it in lower case with underscores: `{ team_id = … }`
    "#]],
    );
}

#[test]
fn host_calls_in_callbacks() {
    check(
        "local f = signoff.connect('prod')\nprint(string.gsub('ab', '%w', function(c) return f:logout(c).user end))",
        expect![[r#"
            error: this call has to wait, and cannot wait here
             --> test.luau:4
              |
            4 | print(string.gsub('ab', '%w', function(c) return f:logout(c).user end))
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = called from test.luau:4, in `run`
              = help: not in a metamethod, a sort comparator, a gsub callback or the top level of a module
        "#]],
    );
    check(
        "local f = signoff.connect('prod')\nprint(xpcall(error, function() return f:logout('1').user end))",
        expect![[r#"
            Info: false	test.luau:4: this call has to wait, and cannot wait here
            hint: not in a metamethod, a sort comparator, a gsub callback or the top level of a module
        "#]],
    );
}

#[test]
fn positions_can_be_read_by_programs() {
    let host = std::sync::Arc::new(crate::support::Fake::default());
    let error = crate::support::run_on(&host, &crate::support::script("\n\nerror('x')")).unwrap_err();
    let RunError::Script(error) = error else {
        panic!("{error}")
    };
    let position = error.position.unwrap();
    assert_eq!((position.file.as_str(), position.line), ("test.luau", 5));
    assert_eq!(error.message, "x");
}
