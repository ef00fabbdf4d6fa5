//! What scripts find, and what they do not.

use std::fs;

use expect_test::expect;
use signoff_script::{FUNCTIONS, Workflow, editor_types};

use crate::support::{check, limits};

#[test]
fn what_no_record_holds_is_removed() {
    check(
        r#"
for _, name in { "os", "io", "collectgarbage", "gcinfo", "getfenv", "setfenv", "loadstring", "load", "dofile", "newproxy", "package" } do
    assert(_G[name] == nil, name)
end
for name in debug do assert(name == "traceback", name) end
"#,
        expect![""],
    );
}

#[test]
fn addresses_are_hidden() {
    check(
        r#"
print({}, print, coroutine.create(print), buffer.create(1))
print(tostring({}), tostring(print), `{ {} }`, string.format("%s", {}), ("%s %5d"):format(print, 3))
print(setmetatable({}, { __tostring = function() return "mine" end }))
print(select(2, pcall(error, {})) ~= nil, tostring(5), tostring("x"), tostring(nil))
local _, e = pcall(signoff.each, { 1 }, function() error({}) end)
print(e)
"#,
        expect![[r#"
            Info: table	function	thread	buffer
            Info: table	function	table	table	function     3
            Info: mine
            Info: true	5	x	nil
            Info: the script raised a value that is no text
        "#]],
    );
}

#[test]
fn the_globals_cannot_be_changed() {
    check(
        "string.format = nil",
        expect![[r#"
        error: attempt to modify a readonly table
         --> test.luau:3
          |
        3 | string.format = nil
          | ^^^^^^^^^^^^^^^^^^^
    "#]],
    );
    check(
        "signoff.each = nil",
        expect![[r#"
        error: attempt to modify a readonly table
         --> test.luau:3
          |
        3 | signoff.each = nil
          | ^^^^^^^^^^^^^^^^^^
    "#]],
    );
    check(
        "getmetatable('').__index = nil",
        expect![[r#"
        error: attempt to modify a readonly table
         --> test.luau:3
          |
        3 | getmetatable('').__index = nil
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#]],
    );
    check(
        "setmetatable(signoff, {})",
        expect![[r#"
        error: cannot change a protected metatable
         --> test.luau:3
          |
        3 | setmetatable(signoff, {})
          | ^^^^^^^^^^^^^^^^^^^^^^^^^
    "#]],
    );
    check(
        "local f = signoff.connect('prod') f.actor = 'x'",
        expect![[r#"
        error: attempt to modify a readonly table
         --> test.luau:3
          |
        3 | local f = signoff.connect('prod') f.actor = 'x'
          | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    "#]],
    );
    check(
        "print(getmetatable(signoff), getmetatable(signoff.connect('prod')))",
        expect![[r#"
        Info: signoff	a connection
    "#]],
    );
}

#[test]
fn chance_is_the_same_every_time() {
    let body = "print(math.random(1, 1000), math.random(6), math.random() < 1)\nmath.randomseed(1)\nprint(math.random(100))";
    check(
        body,
        expect![[r#"
        Info: 138	3	true
        Info: 54
    "#]],
    );
}

#[test]
fn a_traceback_shows_no_frame_of_ours() {
    check(
        "signoff.each({ 1 }, function()\n pcall(function() print(debug.traceback('here')) end)\nend)",
        expect![[r#"
            Info: here
            test.luau:4
            test.luau:4
        "#]],
    );
}

#[test]
fn the_table_of_functions_is_what_a_script_finds() {
    let mut names: Vec<&str> = FUNCTIONS.iter().map(|entry| entry.name).collect();
    names.sort_unstable();
    let listed = names.join(" ");
    let body = format!(
        r#"
local found = {{}}
local function walk(prefix, t)
    for name, value in t do
        if type(value) == "table" then walk(prefix .. name .. ".", value) else table.insert(found, prefix .. name) end
    end
end
walk("", signoff)
table.sort(found)
assert(table.concat(found, " ") == "{listed}", table.concat(found, " "))
"#
    );
    check(&body, expect![""]);
}

#[test]
fn editor_types_are_current_and_compile() {
    expect_test::expect_file!["../../../../scripts/types/signoff.luau"].assert_eq(&editor_types());
    // It is a module, not a workflow; that it gets so far shows that it compiles and runs.
    let error = Workflow::from_text("types.luau", &editor_types(), limits()).unwrap_err();
    assert!(error.message.contains("not a workflow"), "{error}");
}

fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

/// What becomes of a script in a folder of modules; the folder's own path is left out.
fn load(files: &[(&str, &str)]) -> String {
    let folder = folder(files);
    let loaded = Workflow::load(&folder.path().join("scripts/main.luau"), limits());
    let text = match loaded {
        Ok(workflow) => {
            let names = workflow.sources().into_iter().map(|source| source.name);
            format!("{}: {}", workflow.summary(), names.collect::<Vec<_>>().join(" "))
        }
        Err(error) => error.to_string(),
    };
    text.replace(&format!("{}/", folder.path().display()), "")
}

const END: &str = "return require('@signoff').workflow({ summary = summary, run = function() end })";

#[test]
fn require_reaches_the_scripts_own_folder() {
    let text = load(&[
        (
            "scripts/main.luau",
            &format!("local summary = require('./lib/a').name\n{END}"),
        ),
        (
            "scripts/lib/a.luau",
            "return { name = 'a' .. select(2, pcall(require, './b')) .. require('../c') }",
        ),
        ("scripts/lib/b.lua", "return 'b'"),
        ("scripts/c/init.luau", "return 'c'"),
    ]);
    expect!["abc: scripts/c/init.luau scripts/lib/a.luau scripts/lib/b.lua scripts/main.luau"]
        .assert_eq(&text);
}

#[test]
fn require_reaches_nothing_else() {
    let main = |wanted: &str| format!("local summary = require('{wanted}')\n{END}");
    let text = load(&[
        ("scripts/main.luau", &main("../outside")),
        ("outside.luau", "return 'x'"),
    ]);
    expect![[r#"
        error: `../outside` lies outside the script's own folder
         --> scripts/main.luau:1
          |
        1 | local summary = require('../outside')
          |                          ^^^^^^^^^^
          = help: modules live in `scripts` and below"#]]
    .assert_eq(&text);
    expect![[r#"
        error: there is no module `/etc/passwd`
         --> scripts/main.luau:1
          |
        1 | local summary = require('/etc/passwd')
          |                          ^^^^^^^^^^^
          = help: write `./name` for a file beside the script, or `@signoff`"#]]
    .assert_eq(&load(&[("scripts/main.luau", &main("/etc/passwd"))]));
    expect![[r#"
        error: there is no module `./a`
         --> scripts/main.luau:1
          |
        1 | local summary = require('./a')
          |                          ^^^
          = help: no file `a.luau` in `scripts`"#]]
    .assert_eq(&load(&[("scripts/main.luau", &main("./a"))]));
    let text = load(&[
        ("scripts/main.luau", &main("./a")),
        ("scripts/a.luau", "return require('./b')"),
        ("scripts/b.luau", "return require('./a')"),
    ]);
    expect![[r#"
        error: the module `./a` requires itself
         --> scripts/b.luau:1
          |
        1 | return require('./a')
          |                 ^^^
          = called from scripts/main.luau:1
          = help: let both require a third"#]]
    .assert_eq(&text);
    let text = load(&[
        ("scripts/main.luau", &main("./a")),
        ("scripts/a.luau", "local x = 1\nreturn x.y.z"),
    ]);
    expect![[r#"
        error: attempt to index number with 'y'
         --> scripts/a.luau:2
          |
        2 | return x.y.z
          |          ^
          = called from scripts/main.luau:1"#]]
    .assert_eq(&text);
    let text = load(&[
        ("scripts/main.luau", &main("./a")),
        ("scripts/a.luau", "local x = ="),
    ]);
    expect![[r#"
        error: expected identifier when parsing expression, got '='
         --> scripts/a.luau:1
          |
        1 | local x = =
          | ^^^^^^^^^^^
          = called from scripts/main.luau:1"#]]
    .assert_eq(&text);
}

#[test]
fn a_module_returns_something_once() {
    let text = load(&[
        (
            "scripts/main.luau",
            "local ok, err = pcall(require, './a')\nassert(not ok)\nlocal _, again = pcall(require, './a')\nerror(again, 0)",
        ),
        ("scripts/a.luau", "local x = 1"),
    ]);
    expect![[r#"
        error: the module `./a` returns nothing
         --> scripts/main.luau:3
          |
        3 | local _, again = pcall(require, './a')
          |                                  ^^^
          = called from scripts/main.luau:4
          = help: end it with `return`"#]]
    .assert_eq(&text);
    let shared = load(&[
        (
            "scripts/main.luau",
            &format!("local summary = tostring(require('./a') == require('./lib/../a'))\n{END}"),
        ),
        ("scripts/a.luau", "return {}"),
        ("scripts/lib/b.luau", "return {}"),
    ]);
    expect!["true: scripts/a.luau scripts/main.luau"].assert_eq(&shared);
}

#[cfg(unix)]
#[test]
fn require_follows_no_link_out_of_the_folder() {
    let folder = folder(&[
        (
            "scripts/main.luau",
            &format!("local summary = require('./a')\n{END}"),
        ),
        ("outside.luau", "return 'x'"),
    ]);
    std::os::unix::fs::symlink(
        folder.path().join("outside.luau"),
        folder.path().join("scripts/a.luau"),
    )
    .unwrap();
    let error = Workflow::load(&folder.path().join("scripts/main.luau"), limits()).unwrap_err();
    assert_eq!(error.message, "`./a` lies outside the script's own folder");
}
