//! `signoff.people`: users of a file as a script meets them, and what it can do with their secrets, which is little.

use std::io::Write as _;
use std::sync::Arc;

use expect_test::{Expect, expect};
use signoff_core::Value;
use signoff_script::{Limits, Workflow};

use crate::support::{Fake, answer, connections_of, limits, run_workflow};

const LIST: &str = "id,name,key\n00123,Ann,k-of-ann\n1002,Bob,k-of-bob\n00123,Ann,k-of-ann\n1003,Cy,\n";

#[test]
fn users_come_one_after_the_other() {
    check(
        LIST,
        r#"
        local prod = signoff.connect("prod")
        for person in signoff.people(args.list) do
            signoff.log("info", `{person.id} {person.name} {tostring(person.key)} {person.connection}`)
        end
        signoff.each(signoff.people(args.list.path, { connection = prod }), function(person)
            return prod:logout(person)
        end)
        "#,
        expect![[r#"
            Info: 00123 Ann (secret) nil
            Info: 1002 Bob (secret) nil
            Info: 1003 Cy nil nil
            enter prod:00123
            enter prod:1002
            enter prod:1003
            1[00123]1 test.luau:9 prod:logout 00123
            1[1002]1 test.luau:9 prod:logout 1002
            1[1003]1 test.luau:9 prod:logout 1003
        "#]],
    );
}

#[test]
fn columns_are_named_by_options() {
    check(
        "mail,pin,who\na@x,77,Ann\n",
        r#"
        local options = { id_column = "mail", map = { name = "who" }, secret_columns = "pin" }
        for person in signoff.people(args.list, options) do
            print(person.id, person.name, person.pin, person.mail)
        end
        "#,
        expect![[r#"
            Info: a@x	Ann	(secret)	nil
        "#]],
    );
}

#[test]
fn secrets_say_nothing() {
    check(
        "id,key\n1,k-of-ann\n2,k-of-bob\n3,k-of-ann\n",
        r#"
        local keys = {}
        for person in signoff.people(args.list) do
            keys[#keys + 1] = person.key
        end
        local one, other, same = keys[1], keys[2], keys[3]
        print(one == other, one == same, one ~= same, type(one), tostring(one), string.format("%s", one))
        print(`{one}`, getmetatable(one))
        signoff.log("info", "logged", { key = one, keys = keys })
        local tries = {
            concat = function() return "" .. one end,
            order = function() return one < other end,
            sort = function() return table.sort(keys) end,
            length = function() return #one end,
            index = function() return one.secret end,
            assign = function() one.secret = 1 end,
            call = function() return one() end,
            add = function() return one + 1 end,
            rep = function() return string.rep(one, 2) end,
            find = function() return string.find(one, "k") end,
            number = function() return tonumber(one) end,
            joined = function() return table.concat(keys) end,
            iterate = function() for _ in one do end end,
            raw = function() return rawget(one, 1) end,
            buffer = function() return buffer.fromstring(one) end,
            metatable = function() return setmetatable(one, {}) end,
            id = function() return signoff.connect("prod"):logout(one) end,
            option = function() return signoff.connect("prod"):logout("1", { reason = one }) end,
            reason = function() return signoff.skip("1", one) end,
        }
        local names = {}
        for name in tries do
            names[#names + 1] = name
        end
        table.sort(names)
        for _, name in names do
            print(name, pcall(tries[name]))
        end
        "#,
        expect![[r#"
            Info: false	true	false	userdata	(secret)	(secret)
            Info: (secret)	false
            Info: logged key=Secret(SecretHandle(1)) keys=List([Secret(SecretHandle(1)), Secret(SecretHandle(2)), Secret(SecretHandle(1))])
            Info: add	false	test.luau:20: attempt to perform arithmetic (add) on Secret and number
            Info: assign	false	test.luau:18: attempt to index Secret with 'secret'
            Info: buffer	false	test.luau:27: invalid argument #1 to 'fromstring' (string expected, got Secret)
            Info: call	false	test.luau:19: attempt to call a Secret value
            Info: concat	false	test.luau:13: attempt to concatenate string with Secret
            Info: find	false	invalid argument #1 to 'find' (string expected, got Secret)
            Info: id	false	test.luau:29: a user is an id or a row of a roster, not a userdata
            Info: index	false	test.luau:17: attempt to index Secret with 'secret'
            Info: iterate	false	test.luau:25: attempt to iterate over a Secret value
            Info: joined	false	test.luau:24: invalid value (Secret) at index 1 in table for 'concat'
            Info: length	false	test.luau:16: attempt to get length of a Secret value
            Info: metatable	false	test.luau:28: invalid argument #1 to 'setmetatable' (table expected, got Secret)
            Info: number	true	nil
            1 test.luau:30 prod:logout 1 reason=Secret(SecretHandle(1))
            Info: option	false	test.luau:30: `logout`: the option `reason` takes a text, not a secret
            hint: for instance `"text"`
            Info: order	false	test.luau:14: attempt to compare Secret < Secret
            Info: raw	false	test.luau:26: invalid argument #1 to 'rawget' (table expected, got Secret)
            Info: reason	false	test.luau:31: the reason of `signoff.skip` is text, not a userdata
            Info: rep	false	test.luau:21: invalid argument #1 to 'rep' (string expected, got Secret)
            Info: sort	false	attempt to compare Secret < Secret
        "#]],
    );
}

#[test]
fn a_key_is_handed_on() {
    let host = Fake {
        behaviour: Box::new(|call| {
            let user = call.user.as_ref().unwrap();
            assert!(
                matches!(user.attribute("key"), Some(Value::Secret(_))),
                "{user:?}"
            );
            answer(call)
        }),
        ..Fake::default()
    };
    check_on(
        host,
        "id,key\n1,k-of-ann\n",
        r#"
        local prod = signoff.connect("prod")
        for person in signoff.people(args.list) do
            prod:logout({ id = "x" .. person.id, key = person.key })
        end
        "#,
        expect![[r#"
            1 test.luau:6 prod:logout x1
        "#]],
    );
}

#[test]
fn two_users_on_one_key_are_misuse_before_the_first_begins() {
    let list = "id,key\n1,k-of-ann\n2,k-of-bob\n3,k-of-ann\n";
    check(
        list,
        r#"
        local people = {}
        for person in signoff.people(args.list) do
            table.insert(people, person)
        end
        signoff.each(people, function(person)
            signoff.log("info", "begun")
        end)
        "#,
        expect![[r#"
            enter ?:1
            enter ?:2
            enter ?:3
            error: `3` has the same `key` as `1`, and a logout ends the sessions of whoever owns it: one of the two is not who would be logged out
             --> test.luau:8
              |
            8 |         signoff.each(people, function(person)
              |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: give each user the key that is his own
        "#]],
    );
    check(
        list,
        r#"
        local people = signoff.people(args.list)
        signoff.each(people, function(person)
            signoff.log("info", `begun {person.id}`)
        end)
        "#,
        expect![[r#"
            enter ?:1
            Info: begun 1
            enter ?:2
            Info: begun 2
            error: `3` has the same `key` as `1`, and a logout ends the sessions of whoever owns it: one of the two is not who would be logged out
             --> test.luau:5
              |
            5 |         signoff.each(people, function(person)
              |         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: give each user the key that is his own
        "#]],
    );
    // Of another connection, keys are nobody's concern.
    check(
        list,
        r#"
        local people = signoff.people(args.list, { connection = "lab" })
        signoff.each(people, function(person) end)
        "#,
        expect![[r#"
            enter lab:1
            enter lab:2
            enter lab:3
        "#]],
    );
}

#[test]
fn mistakes_are_told_where_they_were_made() {
    for (body, expected) in [
        (
            "signoff.people()",
            expect![[r#"
            error: `signoff.people` takes a file, not nothing (nil)
             --> test.luau:3
              |
            3 | signoff.people()
              | ^^^^^^^^^^^^^^
              = help: give it an argument that was declared as signoff.arg.file()
        "#]],
        ),
        (
            "signoff.people(\"/etc/passwd\")",
            expect![[r#"
            error: the file `/etc/passwd` was not given to this run
             --> test.luau:3
              |
            3 | signoff.people("/etc/passwd")
              |                 ^^^^^^^^^^^
              = help: declare it as an argument: people = signoff.arg.file()
        "#]],
        ),
        (
            "signoff.people({ path = \"/etc/passwd\" })",
            expect![[r#"
            error: the file `/etc/passwd` was not given to this run
             --> test.luau:3
              |
            3 | signoff.people({ path = "/etc/passwd" })
              |                          ^^^^^^^^^^^
              = help: declare it as an argument: people = signoff.arg.file()
        "#]],
        ),
        (
            "signoff.people(args.list, { id_colum = \"x\" })",
            expect![[r#"
                error: `signoff.people` has no option `id_colum`
                 --> test.luau:3
                  |
                3 | signoff.people(args.list, { id_colum = "x" })
                  |                             ^^^^^^^^
                  = help: did you mean `id_column`?
            "#]],
        ),
        (
            "signoff.people(args.list, { id_column = \"nam\" })",
            expect![[r#"
                error: LIST:1: there is no column `nam`; the columns are `id`, `name`
                 --> test.luau:3
                  |
                3 | signoff.people(args.list, { id_column = "nam" })
                  |                                          ^^^
                  = help: did you mean `name`?
            "#]],
        ),
        (
            "signoff.people(args.list, { map = \"name\" })",
            expect![[r#"
            error: `map` names the column of each attribute
             --> test.luau:3
              |
            3 | signoff.people(args.list, { map = "name" })
              |                             ^^^
              = help: write map = { device_token = "fcm" }
        "#]],
        ),
        (
            "signoff.people(args.list, { connection = 7 })",
            expect![[r#"
            error: `connection` is a text
             --> test.luau:3
              |
            3 | signoff.people(args.list, { connection = 7 })
              |                             ^^^^^^^^^^
              = help: write connection = "NAME"
        "#]],
        ),
    ] {
        check("id,name\n1,Ann\n", body, expected);
    }
    check(
        "id,name\n1\n2,x,y\n",
        "signoff.people(args.list)",
        expect![[r#"
            error: LIST:2: row 1: 1 cell where the header has 2
            LIST:3: row 2: 3 cells where the header has 2
             --> test.luau:3
              |
            3 | signoff.people(args.list)
              | ^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: a cell that holds a comma or a line break stands in quotes
        "#]],
    );
    check(
        "id\n1\n",
        "local open = {}\nfor n = 1, 20 do open[n] = signoff.people(args.list); open[n]() end",
        expect![[r#"
            error: cannot read `LIST`: 16 files are being read
             --> test.luau:4
              |
            4 | for n = 1, 20 do open[n] = signoff.people(args.list); open[n]() end
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
              = help: go through one list to its end before the next
        "#]],
    );
}

fn check(list: &str, body: &str, expected: Expect) {
    check_on(Fake::default(), list, body, expected);
}

#[expect(clippy::needless_pass_by_value, reason = "as expect! gives it")]
fn check_on(host: Fake, list: &str, body: &str, expected: Expect) {
    let mut file = tempfile::Builder::new().suffix(".csv").tempfile().unwrap();
    file.write_all(list.as_bytes()).unwrap();
    let path = file.path().to_string_lossy().into_owned();
    let text = format!(
        "local signoff = require(\"@signoff\")\nreturn signoff.workflow({{ args = {{ list = signoff.arg.file() }}, run = \
         function(args)\n{body}\nend }})\n"
    );
    let host = Arc::new(Fake {
        limits: Limits {
            // Debug builds hash slowly.
            cpu: std::time::Duration::from_secs(5),
            ..limits()
        },
        ..host
    });
    let workflow = Workflow::from_text("test.luau", &text, host.limits).unwrap();
    let arguments = workflow
        .check_arguments(&[("list", &path)], &connections_of)
        .unwrap();
    let ended = run_workflow(&host, &workflow, &arguments);
    let mut lines = host.notes();
    if let Err(error) = ended {
        lines.push(error.to_string());
    }
    let text: String = lines
        .iter()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect();
    assert!(!text.contains("k-of"), "{text}");
    expected.assert_eq(&text.replace(&path, "LIST"));
}
