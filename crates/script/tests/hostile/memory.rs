//! Scripts that want all the memory there is: the machine's, or the host's for what it is handed.

use crate::Script::{Run, Whole};
use crate::{Hostile, MEMORY};

const fn run(name: &'static str, body: &'static str, at: &'static str) -> Hostile {
    refused(name, body, MEMORY, at)
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

const fn whole(name: &'static str, text: &'static str, error: &'static str, at: &'static str) -> Hostile {
    let script = Whole(text);
    Hostile {
        name,
        script,
        error,
        at,
    }
}

const TOO_LARGE: &str = "this table is too large, or holds itself";

pub(crate) const SCRIPTS: &[Hostile] = &[
    run(
        "tables",
        "local t = {}\nwhile true do\n t[#t + 1] = { #t }\nend",
        "main.luau:5",
    ),
    run(
        "a table that doubles",
        "local t = {}\nwhile true do\n t = { t, t }\n t[3] = table.create(1e4, t)\nend",
        "",
    ),
    run(
        "a text that doubles",
        "local s = 'x'\nwhile true do s ..= s end",
        "main.luau:4",
    ),
    run(
        "texts",
        "local t = {}\nwhile true do t[#t + 1] = string.rep('x', 1e5) .. #t end",
        "main.luau:4",
    ),
    run("string.rep", "string.rep('x', 1e9)", "main.luau:3"),
    refused(
        "string.rep beyond all measure",
        "string.rep('x', 2 ^ 31 - 1)",
        "resulting string too large",
        "main.luau:3",
    ),
    run(
        "table.concat",
        "table.concat(table.create(1e5, string.rep('x', 1e5)))",
        "main.luau:3",
    ),
    run("table.create", "table.create(1e6, {})", "main.luau:3"),
    refused(
        "table.create beyond all measure",
        "table.create(2 ^ 30)",
        "table overflow",
        "main.luau:3",
    ),
    refused(
        "table.create of no number",
        "table.create(1e300)",
        "size out of range",
        "main.luau:3",
    ),
    run(
        "buffers",
        "local t = {}\nwhile true do t[#t + 1] = buffer.create(1e6) end",
        "main.luau:4",
    ),
    run("a buffer", "buffer.create(2 ^ 30 - 1)", "main.luau:3"),
    refused(
        "a buffer beyond all measure",
        "buffer.create(2 ^ 31)",
        "invalid argument #1 to 'create'",
        "main.luau:3",
    ),
    run(
        "closures",
        "local t = {}\nwhile true do t[#t + 1] = function() return t end end",
        "main.luau:4",
    ),
    run(
        "coroutines by the million",
        "local t = {}\nfor i = 1, 1e6 do t[i] = coroutine.create(print) end",
        "main.luau:4",
    ),
    run(
        "string.pack",
        "string.pack(string.rep('s', 7000), table.unpack(table.create(7000, string.rep('x', 1e4))))",
        "main.luau:3",
    ),
    run(
        "string.format",
        "local s = string.rep('x', 1e6)\nwhile true do pcall(string.format, '%s%s%s%s%s%s%s%s', s, s, s, s, s, s, s, s) end",
        "",
    ),
    run(
        "gsub",
        "string.gsub(string.rep('x', 1e3), 'x', string.rep('x', 1e5))",
        "main.luau:3",
    ),
    run(
        "string.split",
        "string.split(string.rep(',', 4e6), ',')",
        "main.luau:3",
    ),
    run(
        "a template",
        "local s = string.rep('x', 3e6)\nprint(`{s}{s}{s}`)",
        "main.luau:4",
    ),
    refused(
        "table.unpack",
        "print(table.unpack({}, 1, 1e8))",
        "too many results to unpack",
        "main.luau:3",
    ),
    refused(
        "string.byte",
        "print(string.byte(string.rep('x', 4e6), 1, -1))",
        "string slice too long",
        "main.luau:3",
    ),
    refused(
        "widths of string.format",
        "string.format('%999999999d', 1)",
        "invalid format",
        "main.luau:3",
    ),
    refused(
        "recursion",
        "local function f() return 1 + f() end\nf()",
        "stack overflow",
        "main.luau:3",
    ),
    refused(
        "recursion in __index",
        "local t = setmetatable({}, { __index = function(s, k) return s[k .. 'x'] end })\nprint(t.x)",
        "C stack overflow",
        "main.luau:3",
    ),
    refused(
        "recursion in __tostring",
        "local t t = setmetatable({}, { __tostring = function() return tostring(t) end })\ntostring(t)",
        "C stack overflow",
        "main.luau:3",
    ),
    refused(
        "recursion in gsub",
        "local function f() return (string.gsub('x', 'x', f)) end\nf()",
        "C stack overflow",
        "main.luau:3",
    ),
    refused(
        "recursion in comparators",
        "local function f() table.sort({ 1, 2 }, f) end\nf()",
        "C stack overflow",
        "main.luau:3",
    ),
    refused(
        "recursion in coroutines",
        "local function f() return coroutine.wrap(f)() end\nf()",
        "C stack overflow",
        "main.luau:3",
    ),
    refused(
        "recursion through pcall",
        "local function f() local ok, e = pcall(f) error(e, 0) end\nf()",
        "stack overflow",
        "",
    ),
    refused(
        "recursion of each",
        "local function f() signoff.each({ 'x' }, f) end\nf()",
        "`signoff.each` within `signoff.each`, more than 32 deep",
        "main.luau:3",
    ),
    refused(
        "recursion of each in iterators",
        "local function items()\n return function() signoff.each(items(), print) end\nend\nsignoff.each(items(), print)",
        "`signoff.each` within `signoff.each`, more than 32 deep",
        "main.luau:4",
    ),
    refused(
        "a chain of __call",
        "local t = print\nfor i = 1, 1e3 do t = setmetatable({}, { __call = t }) end\nt()",
        "attempt to call a table value",
        "main.luau:5",
    ),
    run(
        "memory behind pcall",
        "while true do\n pcall(function()\n  local t = {}\n  while true do t[#t + 1] = { t } end\n end)\nend",
        "",
    ),
    run(
        "memory behind xpcall",
        "local t = {}\nxpcall(function() while true do t[#t + 1] = { t } end end, function() while true do t[#t + 1] = { t } end end)",
        "",
    ),
    run(
        "memory in a coroutine",
        "local t = {}\nwhile true do\n coroutine.resume(coroutine.create(function() while true do t[#t + 1] = { t } end end))\nend",
        "",
    ),
    run(
        "memory in an item",
        "signoff.each({ 1 }, function()\n local t = {}\n while true do t[#t + 1] = { t } end\nend)",
        "main.luau:5",
    ),
    run(
        "memory in an iterator",
        "local t = {}\nsignoff.each(function() while true do t[#t + 1] = { t } end end, print)",
        "",
    ),
    whole(
        "memory at the top level",
        "local t = {}\nwhile true do t[#t + 1] = { t } end",
        MEMORY,
        "",
    ),
    refused(
        "an error as large as the memory",
        "error(string.rep('x', 3e5))",
        "xxxxxxxxxx…",
        "main.luau:3",
    ),
    refused(
        "a deep table for the host",
        "local t = {}\nfor i = 1, 1e3 do t = { t = t } end\nsignoff.log('info', 'x', t)",
        TOO_LARGE,
        "main.luau:5",
    ),
    refused(
        "a wide table for the host",
        "signoff.log('info', 'x', { x = table.create(2e5, 1) })",
        TOO_LARGE,
        "main.luau:3",
    ),
    refused(
        "a table that holds itself for the host",
        "local t = {}\nfor i = 1, 30 do t['x' .. i] = t end\nsignoff.log('info', 'x', t)",
        TOO_LARGE,
        "main.luau:5",
    ),
    refused(
        "one text a thousand times for the host",
        "signoff.log('info', 'x', { x = table.create(1e3, string.rep('x', 1e6)) })",
        TOO_LARGE,
        "main.luau:3",
    ),
    refused(
        "an option too large for the host",
        "signoff.connect('prod'):logout('1', { reason = string.rep('x', 1e6) })",
        TOO_LARGE,
        "main.luau:3",
    ),
    refused(
        "an id too large for the host",
        "signoff.connect('prod'):logout(string.rep('x', 1e6))",
        "not a text longer than 1KiB",
        "main.luau:3",
    ),
    refused(
        "a row too large for the host",
        "signoff.connect('prod'):logout({ id = '1', x = string.rep('x', 1e6) })",
        TOO_LARGE,
        "main.luau:3",
    ),
    refused(
        "a reason too large for the host",
        "signoff.skip('1', string.rep('x', 1e6))",
        "longer than 16KiB",
        "main.luau:3",
    ),
    refused(
        "a name too large for the host",
        "signoff.connect(string.rep('x', 1e6))",
        "longer than 16KiB",
        "main.luau:3",
    ),
    refused(
        "a duration too large for the host",
        "signoff.sleep(string.rep('9', 1e6) .. 's')",
        "`signoff.sleep` takes a duration, not the text \"999",
        "main.luau:3",
    ),
    refused(
        "a level too large for the host",
        "signoff.log(string.rep('\\255', 3e6), 'x')",
        "`signoff.log` takes a level first",
        "main.luau:3",
    ),
    refused(
        "rows by the thousand",
        "local row = { id = '1', x = string.rep('x', 2e5) }\nsignoff.each(table.create(1e3, row), print)\nerror('the end')",
        "the end",
        "main.luau:5",
    ),
    refused(
        "words by the thousand",
        "for i = 1, 2e4 do print(string.rep('x', 1e4)) end\nerror('the end')",
        "the end",
        "main.luau:4",
    ),
    run(
        "calls by the thousand",
        r#"
local finesse = signoff.connect("prod")
local reason = string.rep("x", 2e5)
signoff.each(function() return "1" end, function(id)
    finesse:logout(id, { reason = reason })
end, { concurrency = 10000 })
"#,
        "main.luau:6",
    ),
    run(
        "acting users by the thousand",
        "signoff.connect('prod')\nsignoff.each(table.create(1e5, 'sup01'), print)",
        "main.luau:4",
    ),
    whole(
        "a default too large for the host",
        "local signoff = require('@signoff')\nlocal list = table.create(1e4, string.rep('x', 1e6))\nreturn signoff.workflow({ args = { a = signoff.arg.list({ default = list }) } })",
        TOO_LARGE,
        "main.luau:3",
    ),
    whole(
        "arguments by the thousand",
        "local signoff = require('@signoff')\nlocal args = {}\nfor i = 1, 1e3 do args['a' .. i] = signoff.arg.string() end\nreturn signoff.workflow({ args = args, run = print })",
        "a workflow has at most 200 arguments",
        "main.luau:4",
    ),
    whole(
        "help too large for the host",
        "local signoff = require('@signoff')\nsignoff.arg.string({ help = string.rep('x', 1e6) })",
        "`help` is longer than 2000 characters",
        "main.luau:2",
    ),
];
