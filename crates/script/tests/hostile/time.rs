//! Scripts that never come to an end, or let one step take for ever.

use crate::Script::{Run, Whole, WithModule};
use crate::{Hostile, TIME};

const fn run(name: &'static str, body: &'static str, at: &'static str) -> Hostile {
    refused(name, body, TIME, at)
}

const fn refused(name: &'static str, body: &'static str, error: &'static str, at: &'static str) -> Hostile {
    let script = Run(body);
    Hostile {
        name,
        script,
        error,
        at,
    }
}

const fn whole(name: &'static str, text: &'static str, at: &'static str) -> Hostile {
    let script = Whole(text);
    Hostile {
        name,
        script,
        error: TIME,
        at,
    }
}

pub(crate) const SCRIPTS: &[Hostile] = &[
    run("a loop in run", "while true do end", "main.luau:3"),
    run(
        "a loop that calls",
        "while true do (function() end)() end",
        "main.luau:3",
    ),
    run(
        "a loop in an item",
        "signoff.each({ 1, 2 }, function()\n while true do end\nend)",
        "main.luau:4",
    ),
    run(
        "a loop in an item whose neighbours wait",
        r#"
local finesse = signoff.connect("prod")
signoff.each({ "1", "2", "3", "4" }, function(id)
    finesse:logout(id)
    while id == "3" do end
end)
"#,
        "main.luau:6",
    ),
    run(
        "a loop in an iterator of each",
        "signoff.each(function() while true do end end, print)",
        "main.luau:3",
    ),
    run(
        "an iterator of each without end",
        "signoff.each(function() return 1 end, function() end)",
        "main.luau:3",
    ),
    run(
        "a loop in __index",
        "print(setmetatable({}, { __index = function() while true do end end }).x)",
        "main.luau:3",
    ),
    run(
        "a loop in __newindex",
        "setmetatable({}, { __newindex = function() while true do end end }).x = 1",
        "main.luau:3",
    ),
    run(
        "a loop in __eq",
        "local m = { __eq = function() while true do end end }\nprint(setmetatable({}, m) == setmetatable({}, m))",
        "main.luau:3",
    ),
    run(
        "a loop in __lt",
        "local m = { __lt = function() while true do end end }\nprint(setmetatable({}, m) < setmetatable({}, m))",
        "main.luau:3",
    ),
    run(
        "a loop in __le",
        "local m = { __le = function() while true do end end }\nprint(setmetatable({}, m) <= setmetatable({}, m))",
        "main.luau:3",
    ),
    run(
        "a loop in __concat",
        "print(setmetatable({}, { __concat = function() while true do end end }) .. '')",
        "main.luau:3",
    ),
    run(
        "a loop in __call",
        "setmetatable({}, { __call = function() while true do end end })()",
        "main.luau:3",
    ),
    run(
        "a loop in __len",
        "print(#setmetatable({}, { __len = function() while true do end end }))",
        "main.luau:3",
    ),
    run(
        "a loop in __unm",
        "print(-setmetatable({}, { __unm = function() while true do end end }))",
        "main.luau:3",
    ),
    run(
        "a loop in __tostring",
        "print(setmetatable({}, { __tostring = function() while true do end end }))",
        "main.luau:3",
    ),
    run(
        "a loop in __tostring of an error",
        "error(setmetatable({}, { __tostring = function() while true do end end }))",
        "main.luau:3",
    ),
    run(
        "a loop in __iter",
        "for _ in setmetatable({}, { __iter = function() while true do end end }) do end",
        "main.luau:3",
    ),
    run(
        "an iterator of __iter without end",
        "for _ in setmetatable({}, { __iter = function() return function() return 1 end end }) do end",
        "main.luau:3",
    ),
    run(
        "what looks like __gc",
        "setmetatable({}, { __gc = function() error('called') end })\nwhile true do local _ = { 1 } end",
        "main.luau:4",
    ),
    run(
        "a loop in a comparator",
        "table.sort({ 3, 2, 1 }, function() while true do end end)",
        "main.luau:3",
    ),
    run(
        "a comparator that is never content",
        "local t = {}\nfor i = 1, 1e4 do t[i] = i end\nwhile true do\n pcall(table.sort, t, function() return true end)\nend",
        "",
    ),
    run(
        "a loop in a callback of gsub",
        "string.gsub('x', 'x', function() while true do end end)",
        "main.luau:3",
    ),
    run(
        "a loop in a callback of table.foreach",
        "table.foreach({ 1 }, function() while true do end end)",
        "main.luau:3",
    ),
    run(
        "a loop behind pcall",
        "while true do\n pcall(function() while true do end end)\nend",
        "main.luau:4",
    ),
    run(
        "a loop behind pcall behind pcall",
        "local function f() while true do pcall(f) end end\nf()",
        "main.luau:3",
    ),
    run(
        "a loop in the handler of xpcall",
        "xpcall(error, function() while true do end end)",
        "main.luau:3",
    ),
    run(
        "a handler of xpcall that fails for ever",
        "while true do\n xpcall(error, function(e) error(e) end)\nend",
        "",
    ),
    run(
        "a handler that catches the end",
        "local function again() while true do end end\nwhile true do\n xpcall(again, again)\nend",
        "main.luau:3",
    ),
    run(
        "a loop in a coroutine",
        "coroutine.wrap(function() while true do end end)()",
        "main.luau:3",
    ),
    run(
        "a coroutine that yields for ever",
        "local c = coroutine.wrap(function() while true do coroutine.yield() end end)\nwhile true do c() end",
        "",
    ),
    run(
        "coroutines without end",
        "while true do\n coroutine.close(coroutine.create(print))\nend",
        "",
    ),
    run(
        "coroutines that catch the end",
        "while true do\n coroutine.resume(coroutine.create(function() while true do end end))\nend",
        "main.luau:4",
    ),
    run(
        "coroutines within coroutines",
        "local function f() return coroutine.resume(coroutine.create(f)) end\nwhile true do f() end",
        "",
    ),
    whole("a loop at the top level", "while true do end", "main.luau:1"),
    whole(
        "a loop before the workflow",
        "local signoff = require('@signoff')\nlocal function forever() while true do end end\npcall(forever)\nreturn signoff.workflow({ run = forever })",
        "main.luau:2",
    ),
    whole(
        "a loop in a default",
        "local signoff = require('@signoff')\nlocal text = setmetatable({}, { __index = function() while true do end end })\nreturn signoff.workflow({ args = { a = signoff.arg.string({ default = text.x }) } })",
        "main.luau:2",
    ),
    whole(
        "a loop in the settings of an argument",
        "local signoff = require('@signoff')\nlocal forever = { __iter = function() while true do end end }\nsignoff.arg.string(setmetatable({}, forever))",
        "main.luau:2",
    ),
    whole(
        "a loop in the parts of a workflow",
        "local signoff = require('@signoff')\nlocal forever = { __index = function() while true do end end }\nreturn signoff.workflow(setmetatable({}, forever))",
        "main.luau:2",
    ),
    Hostile {
        name: "a loop in a module",
        script: WithModule("require('./module')", "local x = 1\nwhile true do x += 1 end"),
        error: TIME,
        at: "module.luau:2",
    },
    Hostile {
        name: "a loop in a module behind pcall",
        script: WithModule(
            "while true do pcall(require, './module') end",
            "while true do end",
        ),
        error: TIME,
        at: "module.luau:1",
    },
    run(
        "a clock that is asked for ever",
        "while true do signoff.now() end",
        "main.luau:3",
    ),
    run(
        "a sleep of nothing for ever",
        "while true do signoff.sleep('0s') end",
        "main.luau:3",
    ),
    run(
        "a connection that is not there, for ever",
        "while true do pcall(signoff.connect, 'nope') end",
        "main.luau:3",
    ),
    run(
        "a mistake for ever",
        "local finesse = signoff.connect('prod')\nwhile true do pcall(finesse.logout, finesse, 5) end",
        "main.luau:4",
    ),
    run(
        "items without end",
        "local n = 0\nsignoff.each(function() n += 1 return `{n}` end, function() end)",
        "main.luau:4",
    ),
    run(
        "words without end",
        "while true do print('still here') end",
        "main.luau:3",
    ),
    run(
        "tracebacks without end",
        "while true do debug.traceback() end",
        "main.luau:3",
    ),
    run(
        "a list of acting users",
        "signoff.connect('prod')\nlocal list = table.create(4e5, 'sup01')\nwhile true do signoff.each(list, print) end",
        "main.luau:5",
    ),
    run(
        "a pattern that goes back for ever",
        "string.find(string.rep('a', 40), '.-.-.-.-.-.-.-.-.-.-b')",
        "main.luau:3",
    ),
    run(
        "a pattern of many maybes",
        "string.find(string.rep('a', 100), string.rep('a?', 60) .. string.rep('a', 101))",
        "main.luau:3",
    ),
    run(
        "a pattern of many captures",
        "string.match(string.rep('a', 1e3), string.rep('(a?)', 32) .. string.rep('a', 1e3))",
        "main.luau:3",
    ),
    run(
        "a pattern of unbalanced brackets",
        "string.find(string.rep('(', 4e6), '%b()')",
        "main.luau:3",
    ),
    run(
        "a pattern in gmatch",
        "for _ in string.gmatch(string.rep('a', 1e6), '.-b') do end",
        "main.luau:3",
    ),
    run(
        "a pattern in gsub",
        "string.gsub(string.rep('a', 1e6), '.-.-b', '')",
        "main.luau:3",
    ),
    run(
        "a large set",
        "while true do string.find(string.rep('a', 1e6), '[' .. string.rep('b', 200) .. 'a]*c') end",
        "main.luau:3",
    ),
    run(
        "a large copy again and again",
        "local b = buffer.create(6e6)\nwhile true do buffer.fill(b, 0, 1) end",
        "main.luau:4",
    ),
    run(
        "a large sort again and again",
        "local t = {}\nfor i = 1, 5e4 do t[i] = i * 7919 % 50021 end\nwhile true do table.sort(t) table.sort(t, function(a, b) return a > b end) end",
        "",
    ),
    run(
        "nothing, moved again and again",
        "while true do table.move({}, 1, 1e6 - 1, 2) end",
        "main.luau:3",
    ),
    run(
        "an error that is nothing, for ever",
        "while true do pcall(error) end",
        "main.luau:3",
    ),
    refused(
        "a text that is nearly found everywhere",
        "string.find(string.rep('a', 3e6), string.rep('a', 1e6) .. 'b', 1, true)",
        "`string.find` would take too long",
        "main.luau:3",
    ),
    refused(
        "a separator that is nearly found everywhere",
        "string.split(string.rep('a', 3e6), string.rep('a', 1e6) .. 'b')",
        "`string.split` would take too long",
        "main.luau:3",
    ),
    refused(
        "a set as large as the text",
        "string.rep('a', 2e6):match('[' .. string.rep('b', 1e6) .. 'a]*c')",
        "`string.match` would take too long",
        "main.luau:3",
    ),
    refused(
        "nothing, moved far",
        "table.move({}, 1, 2 ^ 31 - 2, 2)",
        "`table.move` would take too long",
        "main.luau:3",
    ),
    refused(
        "a long name, compared to those that exist",
        "print(signoff[string.rep('x', 6e6)])",
        "`signoff` has no `xxxxxxxx",
        "main.luau:3",
    ),
    refused(
        "a long name of an operation",
        "print(signoff.connect('prod')[string.rep('x', 6e6)])",
        "`prod` has no operation `xxxxxxxx",
        "main.luau:3",
    ),
];
