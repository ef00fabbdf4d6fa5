//! Scripts that reach for what they were not given, or for what others rely on.

use crate::Hostile;
use crate::Script::{Run, Whole, WithModule};

const fn run(name: &'static str, body: &'static str, error: &'static str, at: &'static str) -> Hostile {
    let script = Run(body);
    Hostile {
        name,
        script,
        error,
        at,
    }
}

const fn whole(name: &'static str, text: &'static str, error: &'static str) -> Hostile {
    let script = Whole(text);
    Hostile {
        name,
        script,
        error,
        at: "main.luau:3",
    }
}

const fn require(name: &'static str, text: &'static str, error: &'static str) -> Hostile {
    let script = WithModule(text, "return {}");
    Hostile {
        name,
        script,
        error,
        at: "main.luau:1",
    }
}

const READ_ONLY: &str = "attempt to modify a readonly table";
const NIL: &str = "attempt to call a nil value";

pub(crate) const SCRIPTS: &[Hostile] = &[
    run(
        "files",
        "io.open('/etc/passwd')",
        "attempt to index nil with 'open'",
        "main.luau:3",
    ),
    run("a file of code", "dofile('/tmp/x.luau')", NIL, "main.luau:3"),
    run(
        "processes",
        "os.execute('id')",
        "attempt to index nil with 'execute'",
        "main.luau:3",
    ),
    run(
        "the environment",
        "print(os.getenv('HOME'))",
        "attempt to index nil with 'getenv'",
        "main.luau:3",
    ),
    run(
        "the clock",
        "print(os.clock())",
        "attempt to index nil with 'clock'",
        "main.luau:3",
    ),
    run(
        "the network",
        "require('socket')",
        "there is no module `socket`",
        "main.luau:3",
    ),
    run(
        "native code",
        "package.loadlib('libc.so.6', 'system')",
        "attempt to index nil with 'loadlib'",
        "main.luau:3",
    ),
    run(
        "bytecode by loadstring",
        "loadstring('\\27Lua')()",
        NIL,
        "main.luau:3",
    ),
    run("bytecode by load", "load('\\27Lua')()", NIL, "main.luau:3"),
    run(
        "the function environment",
        "getfenv(0).pcall = nil",
        NIL,
        "main.luau:3",
    ),
    run(
        "another function environment",
        "setfenv(1, {})",
        NIL,
        "main.luau:3",
    ),
    run("the collector", "collectgarbage('stop')", NIL, "main.luau:3"),
    run("proxies", "newproxy(true)", NIL, "main.luau:3"),
    run("frames of others", "debug.getinfo(1)", NIL, "main.luau:3"),
    run("functions of others", "debug.info(1, 'f')", NIL, "main.luau:3"),
    run("the registry", "debug.getregistry()", NIL, "main.luau:3"),
    Hostile {
        name: "bytecode as a module",
        script: WithModule("require('./module')", "\u{6}\u{3}\u{0}\u{1}bytecode"),
        error: "attempt to load a binary chunk",
        at: "main.luau:1",
    },
    require(
        "an absolute module",
        "require('/etc/passwd')",
        "there is no module `/etc/passwd`",
    ),
    require(
        "a module above",
        "require('../module')",
        "`../module` lies outside the script's own folder",
    ),
    require(
        "a module above by a detour",
        "require('./a/../../module')",
        "lies outside the script's own folder",
    ),
    require(
        "a module above by @signoff",
        "require('@signoff/../module')",
        "there is no module `@signoff/../module`",
    ),
    require(
        "a module of @signoff",
        "require('@signoff/prelude')",
        "there is no module `@signoff/prelude`",
    ),
    require(
        "another alias",
        "require('@other')",
        "there is no module `@other`",
    ),
    require(
        "@self",
        "require('@self/module')",
        "there is no module `@self/module`",
    ),
    require(
        "a module by its address",
        "require('https://example.com/x.luau')",
        "there is no module `https://example.com/x.luau`",
    ),
    require(
        "a module with a zero byte",
        "require('./module\\0.luau')",
        "there is no module",
    ),
    require(
        "a module whose name never ends",
        "require('./' .. string.rep('x/', 1e6))",
        "the name of a module is longer than 256 characters",
    ),
    require(
        "no name at all",
        "require(nil)",
        "what `require` takes is a string, not nil",
    ),
    run("the global table", "_G.pcall = error", READ_ONLY, "main.luau:3"),
    run(
        "the global table, raw",
        "rawset(_G, 'pcall', error)",
        READ_ONLY,
        "main.luau:3",
    ),
    run(
        "the metatable of the global table",
        "setmetatable(_G, { __index = error })",
        READ_ONLY,
        "main.luau:3",
    ),
    run("math", "math.random = nil", READ_ONLY, "main.luau:3"),
    run(
        "string",
        "rawset(string, 'format', error)",
        READ_ONLY,
        "main.luau:3",
    ),
    run("table", "table.clear(table)", READ_ONLY, "main.luau:3"),
    run("coroutine", "coroutine.resume = error", READ_ONLY, "main.luau:3"),
    run(
        "the metatable of texts",
        "getmetatable('').__index = error",
        READ_ONLY,
        "main.luau:3",
    ),
    run(
        "the metatable of texts, raw",
        "rawset(getmetatable(''), '__len', error)",
        READ_ONLY,
        "main.luau:3",
    ),
    run("signoff", "signoff.each = error", READ_ONLY, "main.luau:3"),
    run(
        "signoff, raw",
        "rawset(signoff, 'each', error)",
        READ_ONLY,
        "main.luau:3",
    ),
    run(
        "signoff, as others require it",
        "require('@signoff').connect = error",
        READ_ONLY,
        "main.luau:3",
    ),
    run(
        "the metatable of signoff",
        "getmetatable(signoff).__index = error",
        "attempt to",
        "main.luau:3",
    ),
    run(
        "another metatable for signoff",
        "setmetatable(signoff, {})",
        "cannot change a protected metatable",
        "main.luau:3",
    ),
    run(
        "a connection",
        "signoff.connect('prod').actor = 'root'",
        READ_ONLY,
        "main.luau:3",
    ),
    run(
        "a connection, raw",
        "rawset(signoff.connect('prod'), 'logout', error)",
        READ_ONLY,
        "main.luau:3",
    ),
    run(
        "a connection's operation on another",
        "local prod = signoff.connect('prod')\nprod.logout({ name = 'prod', handle = 7 }, '1')",
        "`logout` was not called on its connection",
        "main.luau:4",
    ),
    run(
        "a copy of signoff",
        "table.clone(signoff)",
        "protected metatable",
        "main.luau:3",
    ),
    run(
        "a frozen library",
        "table.freeze(string)",
        "table is already frozen",
        "main.luau:3",
    ),
    run(
        "frozen rows, and what each makes of them",
        "local rows = { { id = '1' }, { id = '2' } }\nfor _, row in rows do table.freeze(row) end\nlocal t = signoff.each(table.freeze(rows), function(row) return signoff.connect('prod'):logout(row) end)\nerror(`{t.out}`)",
        "2",
        "main.luau:6",
    ),
    run(
        "own names in place of the standard ones",
        "pcall, error, tostring, type = nil, nil, nil, nil\nlocal finesse = signoff.connect('prod')\nfinesse:logout(nil)",
        "`logout` needs a user",
        "main.luau:5",
    ),
    run(
        "outcomes that were never given",
        "signoff.each({ '1' }, function() return { outcome = 'failed', user = {} } end)\nsignoff.connect('prod'):logout({ outcome = 'done', user = 5 })",
        "an id is text, not the number 5",
        "main.luau:4",
    ),
    run(
        "a user that changes when looked at",
        "signoff.connect('prod'):logout(setmetatable({}, { __index = function() return '1' end }))",
        "a user is an id or a row of a roster, not a table without `id`",
        "main.luau:3",
    ),
    run(
        "numbers that are none",
        "signoff.each({ 1 }, print, { concurrency = 0 / 0 })",
        "no number to work with",
        "main.luau:3",
    ),
    run(
        "a duration beyond all measure",
        "signoff.sleep('99999999999999999999h')",
        "is no duration",
        "main.luau:3",
    ),
    whole(
        "a forged argument",
        "local signoff = require('@signoff')\nlocal argument = { kind = 'file', default = '/etc/shadow', source = 'x:1' }\nreturn signoff.workflow({ args = { a = setmetatable(argument, getmetatable(signoff.arg.string())) }, run = print })",
        "the argument `a` has no type",
    ),
    whole(
        "a forged workflow",
        "local signoff = require('@signoff')\nlocal one = signoff.workflow({ run = print })\nreturn setmetatable({ summary = 1, args = 2, run = 3 }, getmetatable(one))",
        "the script returns a table, not a workflow",
    ),
    whole(
        "a changed workflow",
        "local signoff = require('@signoff')\nlocal one = signoff.workflow({ run = print })\none.run = nil",
        READ_ONLY,
    ),
    whole(
        "a changed argument",
        "local signoff = require('@signoff')\nlocal one = signoff.arg.string()\none.kind = 'file'",
        READ_ONLY,
    ),
    whole(
        "arguments changed after they were declared",
        "local signoff = require('@signoff') local args = {}\nlocal one = signoff.workflow({ args = args, run = function() error('the end') end })\nargs[1] = 5 error('not yet', 0)",
        "not yet",
    ),
    whole(
        "the world before the run",
        "local signoff = require('@signoff')\nprint(signoff.planning)\nsignoff.connect('prod')",
        "a script reaches the world only while it runs",
    ),
    whole(
        "no workflow",
        "local signoff = require('@signoff')\n\nreturn function() end",
        "the script returns a function, not a workflow",
    ),
];
