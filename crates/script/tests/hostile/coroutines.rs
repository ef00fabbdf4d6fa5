//! Scripts that play with coroutines, their own and the host's.

use crate::Hostile;
use crate::Script::Run;

const fn run(name: &'static str, body: &'static str, error: &'static str, at: &'static str) -> Hostile {
    let script = Run(body);
    Hostile {
        name,
        script,
        error,
        at,
    }
}

const CANNOT_WAIT: &str = "this call has to wait, and cannot wait here";

pub(crate) const SCRIPTS: &[Hostile] = &[
    run(
        "a call in a comparator",
        "table.sort({ 2, 1 }, function() return signoff.now() end)",
        CANNOT_WAIT,
        "main.luau:3",
    ),
    run(
        "a call in a callback of gsub",
        "string.gsub('x', 'x', function() signoff.now() end)",
        CANNOT_WAIT,
        "main.luau:3",
    ),
    run(
        "a call in __index",
        "print(setmetatable({}, { __index = function() return signoff.now() end }).x)",
        CANNOT_WAIT,
        "main.luau:3",
    ),
    run(
        "a call in __tostring",
        "print(setmetatable({}, { __tostring = function() return `{signoff.now()}` end }))",
        CANNOT_WAIT,
        "main.luau:3",
    ),
    run(
        "a coroutine that calls, resumed in a comparator",
        "local c = coroutine.wrap(function() signoff.now() end)\ntable.sort({ 2, 1 }, function() c() end)",
        "this call has to wait, and its coroutine was resumed where nothing can wait",
        "main.luau:3",
    ),
    run(
        "a yield in run",
        "coroutine.yield(1)",
        "`coroutine.yield` outside a coroutine of your own",
        "main.luau:3",
    ),
    run(
        "odd yields in items",
        "signoff.each({ 1, 2 }, function(n) coroutine.yield(true, { outcome = 'done' }, n) end)",
        "`coroutine.yield` outside a coroutine of your own",
        "main.luau:3",
    ),
    run(
        "a yield in an iterator",
        "signoff.each(function() return coroutine.yield() end, print)",
        "`coroutine.yield` outside a coroutine of your own",
        "main.luau:3",
    ),
    run(
        "an answer forged for another item",
        r#"
local finesse = signoff.connect("prod")
local other
signoff.each({ "1", "2" }, function(id)
    if id == "1" then
        other = coroutine.running()
        assert(finesse:logout(id).outcome == "done")
    else
        local ok, why = coroutine.resume(other, true, { outcome = "forged" })
        assert(not ok)
        error(why)
    end
end)
"#,
        "this coroutine is the host's, and only the host can resume it",
        "main.luau:12",
    ),
    run(
        "another item, closed",
        r#"
local finesse = signoff.connect("prod")
local other
signoff.each({ "1", "2" }, function(id)
    other = other or coroutine.running()
    finesse:logout(id)
    local ok, why = coroutine.close(other)
    assert(not ok)
    error(why)
end)
"#,
        "this coroutine is the host's, and cannot be closed",
        "main.luau:10",
    ),
    run(
        "run, resumed by its items",
        "local me = coroutine.running()\nsignoff.each({ 1 }, function()\n local ok, why = coroutine.resume(me, true, {})\n assert(not ok)\n error(why)\nend)",
        "this coroutine is the host's, and only the host can resume it",
        "main.luau:7",
    ),
    run(
        "run, resumed by itself",
        "local me = coroutine.running()\nlocal ok, why = coroutine.resume(me)\nassert(not ok)\nerror(why)",
        "this coroutine is the host's, and only the host can resume it",
        "main.luau:6",
    ),
    run(
        "an item that has ended, resumed while another runs in its coroutine",
        r#"
local old = {}
signoff.each({ 1, 2 }, function(n)
    old[n] = coroutine.running()
end)
signoff.each({ 1, 2 }, function()
    for _, thread in old do
        assert(not coroutine.resume(thread))
        assert(not coroutine.close(thread))
    end
    signoff.connect("prod"):logout("1")
end)
error("the end")
"#,
        "the end",
        "main.luau:14",
    ),
    run(
        "a coroutine that waits, resumed and closed by another item",
        r#"
local finesse = signoff.connect("prod")
local waits = coroutine.create(function()
    assert(finesse:logout("1").outcome == "done")
end)
signoff.each({ 1, 2 }, function(n)
    if n == 1 then
        assert(coroutine.resume(waits))
    else
        assert(not coroutine.resume(waits, true, { outcome = "forged" }))
        assert(not coroutine.close(waits))
    end
end)
error("the end")
"#,
        "the end",
        "main.luau:15",
    ),
    run(
        "a coroutine that resumes itself",
        "local c\nc = coroutine.wrap(function() c() end)\nc()",
        "cannot resume running coroutine",
        "main.luau:5",
    ),
    run(
        "a coroutine that closes itself",
        "local c\nc = coroutine.create(function() error(select(2, coroutine.close(c)), 0) end)\nerror(select(2, coroutine.resume(c)))",
        "cannot close running coroutine",
        "",
    ),
    run(
        "a coroutine that closes the one around it",
        "local c\nc = coroutine.create(function()\n coroutine.wrap(function() assert(coroutine.close(c)) end)()\nend)\nassert(coroutine.resume(c))",
        "cannot close normal coroutine",
        "",
    ),
    run(
        "host functions as coroutines",
        r#"
local now = coroutine.wrap(signoff.now)
assert(now() == 1700000000.5)
local each = coroutine.wrap(signoff.each)
assert(each({ "1" }, function() end).total == 1)
now()
"#,
        "cannot resume dead coroutine",
        "main.luau:7",
    ),
    run(
        "two fan-outs that take turns",
        r#"
local seen = {}
local function items(name)
    local n = 0
    return function()
        n += 1
        coroutine.yield()
        return if n < 4 then name .. n else nil
    end
end
local function all(name)
    return coroutine.create(function()
        signoff.each(items(name), function(item) table.insert(seen, name .. item) end)
    end)
end
local one, other = all("a"), all("b")
for turn = 1, 5 do
    coroutine.resume(one)
    coroutine.resume(other)
end
table.sort(seen)
error(table.concat(seen, " "))
"#,
        "aa1 aa2 aa3 bb1 bb2 bb3",
        "main.luau:23",
    ),
    run(
        "a fan-out left half-way",
        "local c = coroutine.create(function()\n signoff.each(function() coroutine.yield() end, print)\nend)\ncoroutine.resume(c)",
        "`signoff.each` was left in a coroutine that did not come to its end",
        "main.luau:4",
    ),
    run(
        "a fan-out left half-way by an item",
        r#"
local finesse = signoff.connect("prod")
signoff.each({ 1, 2 }, function()
    local n = 0
    local c = coroutine.create(function()
        signoff.each(function()
            n += 1
            if n == 3 then coroutine.yield() end
            return `{n}`
        end, function(id)
            finesse:logout(id)
            finesse:logout(id)
        end)
    end)
    coroutine.resume(c)
end)
"#,
        "`signoff.each` was left in a coroutine that did not come to its end",
        "main.luau:7",
    ),
    run(
        "calls after the error that ends the run",
        r#"
local finesse = signoff.connect("prod")
signoff.each({ "1", "2", "3" }, function(id)
    if id == "2" then error("stop here") end
    while true do
        pcall(function() finesse:logout(id) end)
    end
end)
"#,
        "stop here",
        "main.luau:5",
    ),
    run(
        "coroutines left behind at the end",
        "local finesse = signoff.connect('prod')\nlocal c = coroutine.create(function() while true do finesse:logout('1') coroutine.yield() end end)\nfor _ = 1, 3 do coroutine.resume(c) end\nerror('the end')",
        "the end",
        "main.luau:6",
    ),
    run(
        "a list that grows while it is gone through",
        "local list = { '1' }\nsignoff.each(list, function(id)\n for n = 1, 100 do list[#list + 1] = id end\n signoff.connect('prod'):logout(id)\n if #list > 500 then error('enough') end\nend, { concurrency = 1 })",
        "enough",
        "main.luau:7",
    ),
];
