//! The sandboxed Luau machine: its limits, what scripts find in it, and what they do not.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mlua::chunk::ChunkMode;
use mlua::{Function, Lua, LuaOptions, LuaString, StdLib, Table, Thread, UserData, Value as Luau};
use sha2::{Digest, Sha256};
use signoff_engine::event::Level;
use signoff_engine::hexadecimal;
use signoff_engine::parameters::nearest;

use crate::argument::{ArgumentKind, ArgumentValue, Arguments, default_of};
use crate::connections::Connections;
use crate::error::{INTERNAL, ScriptError, without_traceback};
use crate::functions;
use crate::limits::{self, Budget, Exceeded, Limits};
use crate::people;
use crate::request::{self, Shared};
use crate::source::Sources;
use crate::time;
use crate::value;

const PRELUDE: &str = include_str!("prelude.luau");

/// Standard names that scripts do without: they would show what no record holds, or reach around the sandbox.
const REMOVED: [&str; 9] = [
    "os",
    "collectgarbage",
    "gcinfo",
    "getfenv",
    "setfenv",
    "loadstring",
    "newproxy",
    "require",
    "debug",
];

/// A machine with the script loaded.
pub(crate) struct Machine {
    pub(crate) lua: Lua,
    pub(crate) budget: Arc<Budget>,
    pub(crate) sources: Arc<Mutex<Sources>>,
    limits: Limits,
    prelude: Table,
    /// Memory in use beyond which litter is collected at once.
    tidy_at: usize,
}

/// What a script is to return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Workflow,
    Tutorial,
}

impl Wanted {
    const ALL: [Self; 2] = [Self::Workflow, Self::Tutorial];

    /// The prelude's function that knows one.
    const fn test(self) -> &'static str {
        match self {
            Self::Workflow => "is_workflow",
            Self::Tutorial => "is_tutorial",
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Workflow => "a workflow",
            Self::Tutorial => "a tutorial",
        }
    }

    const fn ending(self) -> &'static str {
        match self {
            Self::Workflow => "end it with `return signoff.workflow({ … })`",
            Self::Tutorial => "end it with `return signoff.tutorial({ … })`",
        }
    }

    const fn command(self) -> &'static str {
        match self {
            Self::Workflow => "a workflow is run: `signoff run SCRIPT`",
            Self::Tutorial => "a tutorial is replayed: `signoff replay SCRIPT`",
        }
    }
}

/// What a run fixes for a machine.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Setting {
    pub(crate) seed: u64,
    pub(crate) planning: bool,
}

impl Machine {
    /// An empty machine.
    pub(crate) fn new(
        sources: Arc<Mutex<Sources>>,
        limits: Limits,
        setting: Setting,
        abandoned: Arc<AtomicBool>,
    ) -> mlua::Result<Self> {
        let libraries = StdLib::COROUTINE
            | StdLib::TABLE
            | StdLib::STRING
            | StdLib::UTF8
            | StdLib::BIT
            | StdLib::MATH
            | StdLib::BUFFER
            | StdLib::VECTOR
            | StdLib::DEBUG;
        let lua = Lua::new_with(libraries, LuaOptions::default())?;
        let budget = Budget::install(&lua, limits, abandoned)?;
        lua.set_app_data(Shared::new(setting.seed));
        lua.set_app_data(Connections::default());
        let native = natives(&lua, &sources, &budget)?;
        let prelude: Table = lua
            .load(PRELUDE)
            .set_name(format!("={INTERNAL}"))
            .set_mode(ChunkMode::Text)
            .call((native, INTERNAL, setting.planning))?;
        let globals = lua.globals();
        for name in REMOVED {
            globals.raw_set(name, Luau::Nil)?;
        }
        for pair in prelude.raw_get::<Table>("globals")?.pairs::<String, Luau>() {
            let (name, value) = pair?;
            globals.raw_set(name, value)?;
        }
        lua.sandbox(true)?;
        budget.watch(&lua);
        Ok(Self {
            lua,
            budget,
            sources,
            limits,
            prelude,
            tidy_at: limits.memory / 2,
        })
    }

    /// Runs the script's top level, and gives what it returns.
    pub(crate) fn load(&self, wanted: Wanted) -> Result<Table, ScriptError> {
        let (entry, text) = {
            let sources = self.sources();
            let entry = sources.entry().to_owned();
            let text = sources.text(&entry).unwrap_or_default();
            (entry, text)
        };
        let body = self.compile(&entry, &text).map_err(|error| self.error(&error))?;
        self.budget.enter();
        let value: Luau = body.call(()).map_err(|error| self.error(&error))?;
        self.budget.leave();
        if let Some(mut shared) = self.lua.app_data_mut::<Shared>() {
            shared.loading = false;
        }
        let returned = Wanted::ALL.into_iter().find_map(|kind| {
            let table = value.as_table()?;
            let is_one: Function = self.prelude.raw_get(kind.test()).ok()?;
            is_one
                .call::<bool>(table)
                .unwrap_or(false)
                .then_some((kind, table))
        });
        let (what, hint) = match returned {
            Some((kind, table)) if kind == wanted => return Ok(table.clone()),
            Some((kind, _)) => (kind.name().to_owned(), kind.command()),
            None => (value::describe(&value), wanted.ending()),
        };
        let last = text.lines().count().max(1);
        Err(ScriptError::at(
            &format!("{entry}:{last}"),
            format!("the script returns {what}, not {}", wanted.name()),
            hint,
            &self.sources(),
        ))
    }

    /// The table that `run` is given.
    pub(crate) fn arguments(&self, arguments: &Arguments) -> mlua::Result<Table> {
        let table = self.lua.create_table()?;
        let file: Function = self.prelude.raw_get("file")?;
        let mut files = Vec::new();
        for (name, value) in arguments.iter() {
            match value {
                ArgumentValue::Text(text) => table.raw_set(name, text.as_str())?,
                ArgumentValue::Number(number) => table.raw_set(name, *number)?,
                ArgumentValue::Boolean(boolean) => table.raw_set(name, *boolean)?,
                ArgumentValue::List(items) => {
                    table.raw_set(
                        name,
                        self.lua.create_sequence_from(items.iter().map(String::as_str))?,
                    )?;
                }
                ArgumentValue::File { path, sha256 } => {
                    let found = self.lua.create_table()?;
                    found.raw_set("path", path.display().to_string())?;
                    found.raw_set("sha256", sha256.as_str())?;
                    found.raw_set("index", files.len())?;
                    files.push((path.clone(), sha256.clone()));
                    table.raw_set(name, file.call::<Table>(found)?)?;
                }
            }
        }
        self.lua.set_app_data(Files {
            given: files,
            open: Arc::default(),
        });
        let seal: Function = self.prelude.raw_get("arguments")?;
        seal.call(table)
    }

    /// Collects litter before it is taken for need: Luau lets the heap grow to a multiple of what lives, and an
    /// allocation beyond the limit fails at once, whatever could have been collected.
    pub(crate) fn tidy(&mut self) -> mlua::Result<()> {
        if self.lua.used_memory() > self.tidy_at {
            self.lua.gc_collect()?;
            let living = self.lua.used_memory();
            // Halfway between what lives and what may: the nearer the limit, the more often.
            self.tidy_at = living + self.limits.memory.saturating_sub(living) / 2;
        }
        Ok(())
    }

    /// What is to be said of an error that nothing in the script caught.
    pub(crate) fn error(&self, error: &mlua::Error) -> ScriptError {
        if let Some(error) = self.exceeded() {
            return error;
        }
        match error {
            mlua::Error::MemoryError(_) => {
                self.budget.out_of_memory(String::new());
                self.exceeded()
                    .unwrap_or_else(|| ScriptError::new("the script ran out of memory", ""))
            }
            mlua::Error::CallbackError { cause, traceback } => {
                let text = format!("{}\nstack traceback:{traceback}", raw_text(cause));
                ScriptError::from_luau(&text, &self.sources())
            }
            other => ScriptError::from_luau(&raw_text(other), &self.sources()),
        }
    }

    /// A coroutine broke off because memory had run out: notes where, while its stack is still there.
    pub(crate) fn out_of_memory(&self, thread: &Thread) {
        let room = self
            .lua
            .set_memory_limit(self.limits.memory.saturating_add(LAST_WORDS));
        // Time has run out as well, perhaps; that is not what is asked.
        self.budget.renew();
        self.budget.enter();
        let place = room.and_then(|_| self.prelude.raw_get::<Function>("place")?.call(thread));
        self.budget.out_of_memory(place.unwrap_or_default());
    }

    /// The limit that the script exceeded, if it did, as an error.
    pub(crate) fn exceeded(&self) -> Option<ScriptError> {
        let message = match self.budget.exceeded()? {
            Exceeded::Cpu => format!(
                "the script computed for more than {} without a host call",
                signoff_engine::parameters::format_duration(self.limits.cpu)
            ),
            Exceeded::Memory => format!(
                "the script needs more memory than {}",
                signoff_engine::parameters::format_size(self.limits.memory as u64)
            ),
            Exceeded::Abandoned => "the script was abandoned".to_owned(),
        };
        let hint = match self.budget.exceeded()? {
            Exceeded::Cpu => "if this is no endless loop, raise `script_cpu` under [limits]",
            Exceeded::Memory => "if it has to keep so much, raise `script_memory` under [limits]",
            Exceeded::Abandoned => "",
        };
        Some(ScriptError::at(
            &self.budget.place(),
            message,
            hint,
            &self.sources(),
        ))
    }

    pub(crate) fn sources(&self) -> MutexGuard<'_, Sources> {
        lock(&self.sources)
    }

    fn compile(&self, name: &str, text: &str) -> mlua::Result<Function> {
        compile(&self.lua, name, text)
    }
}

/// Memory to find out where memory ran out.
const LAST_WORDS: usize = 256 << 10;

/// The message of an error without mlua's own words around it.
pub(crate) fn raw_text(error: &mlua::Error) -> String {
    match error {
        mlua::Error::RuntimeError(text)
        | mlua::Error::MemoryError(text)
        | mlua::Error::SyntaxError { message: text, .. } => text.clone(),
        mlua::Error::CallbackError { cause, .. } => raw_text(cause),
        other => other.to_string(),
    }
}

fn lacked_memory(error: &mlua::Error) -> bool {
    match error {
        mlua::Error::MemoryError(_) => true,
        mlua::Error::CallbackError { cause, .. } | mlua::Error::BadArgument { cause, .. } => {
            lacked_memory(cause)
        }
        _ => false,
    }
}

/// The files that were given as arguments, with their hashes.
pub(crate) struct Files {
    given: Vec<(PathBuf, String)>,
    /// As often as this is shared, beside here, files are open.
    open: Arc<()>,
}

impl Files {
    /// The file that scripts know by this path, with its hash.
    pub(crate) fn named(&self, path: &str) -> Option<(PathBuf, String)> {
        let named = |(given, _): &&(PathBuf, String)| given.display().to_string() == path;
        self.given.iter().find(named).cloned()
    }

    /// One more is open, as long as this lives.
    pub(crate) fn open_one(&self) -> Arc<()> {
        Arc::clone(&self.open)
    }

    fn are_many_open(&self) -> bool {
        Arc::strong_count(&self.open) > MOST_OPEN
    }
}

/// Why no further file can be read, if too many are: those that nobody reads any more are let go first.
pub(crate) fn too_many_open(lua: &Lua) -> mlua::Result<Option<String>> {
    let many = || {
        lua.app_data_ref::<Files>()
            .is_some_and(|files| files.are_many_open())
    };
    if many() {
        lua.gc_collect()?;
    }
    Ok(many().then(|| format!("{MOST_OPEN} files are being read")))
}

/// A script that leaves files half-read keeps them open until they are collected; the process has only so many.
const MOST_OPEN: usize = 16;

/// A file that a script reads line by line.
struct Lines {
    path: PathBuf,
    reader: BufReader<File>,
    digest: Sha256,
    expected: String,
    _open: Arc<()>,
}

impl UserData for Lines {}

/// A line longer than this is none.
const LONGEST_LINE: usize = 1 << 20;

fn compile(lua: &Lua, name: &str, text: &str) -> mlua::Result<Function> {
    lua.load(text)
        .set_name(format!("={name}"))
        .set_mode(ChunkMode::Text)
        .into_function()
}

/// The functions that the Luau side is given.
fn natives(lua: &Lua, sources: &Arc<Mutex<Sources>>, budget: &Arc<Budget>) -> mlua::Result<Table> {
    let native = lua.create_table()?;
    request::install(lua, &native)?;
    time::install(lua, &native)?;
    let watched = Arc::clone(budget);
    native.raw_set(
        "out_of_memory",
        lua.create_function(move |lua, ()| -> mlua::Result<()> {
            watched.out_of_memory(limits::place(lua));
            Err(mlua::Error::runtime("the script ran out of memory"))
        })?,
    )?;
    native.raw_set(
        "lacked_memory",
        lua.create_function(|_, error: Luau| {
            Ok(matches!(error, Luau::Error(error) if lacked_memory(&error)))
        })?,
    )?;
    native.raw_set(
        "loading",
        lua.create_function(|lua, ()| Ok(shared(lua)?.loading))?,
    )?;
    native.raw_set(
        "withdraw",
        lua.create_function(|lua, ()| {
            shared(lua)?.pending = None;
            Ok(())
        })?,
    )?;
    native.raw_set(
        "random",
        lua.create_function(|lua, ()| Ok(next_random(&mut shared(lua)?.random)))?,
    )?;
    native.raw_set(
        "randomseed",
        lua.create_function(|lua, seed: f64| {
            shared(lua)?.random = seed.to_bits();
            Ok(())
        })?,
    )?;
    native.raw_set("log", lua.create_function(log)?)?;
    native.raw_set("check_default", lua.create_function(check_default)?)?;
    native.raw_set(
        "no_operation",
        lua.create_function(|lua, (handle, name): (usize, Luau)| {
            let name = name.to_string().unwrap_or_default();
            let connections = lua.app_data_ref::<Connections>();
            Ok(
                match connections
                    .as_ref()
                    .and_then(|connections| connections.get(handle))
                {
                    Some(connection) => connection.no_operation(&name),
                    None => ("this is no connection".to_owned(), String::new()),
                },
            )
        })?,
    )?;
    native.raw_set(
        "no_function",
        lua.create_function(|_, name: Luau| {
            let name = name.to_string().unwrap_or_default();
            let names = functions::top_level();
            let hint = nearest(&name, names.iter().copied()).map_or_else(
                || format!("it has {}", names.join(", ")),
                |near| format!("did you mean `signoff.{near}`?"),
            );
            Ok((format!("`signoff` has no `{name}`"), hint))
        })?,
    )?;
    let files = Arc::clone(sources);
    native.raw_set(
        "module",
        lua.create_function(move |lua, (wanted, from): (String, String)| {
            let mut sources = lock(&files);
            let from = sources
                .position(&from)
                .map_or(from.clone(), |(position, _)| position.file);
            let known = sources.all().count();
            let found = sources.module(&wanted, &from);
            let name = match found {
                Ok(name) => name,
                Err((message, hint)) => {
                    let hint = Luau::String(lua.create_string(hint)?);
                    return Ok((None, Luau::String(lua.create_string(message)?), hint));
                }
            };
            let text = sources.text(&name).unwrap_or_default();
            if sources.all().count() > known {
                let source = sources.all().find(|source| source.name == name).cloned();
                shared(lua)?.modules.extend(source);
            }
            drop(sources);
            match compile(lua, &name, &text) {
                Ok(body) => Ok((Some(name), Luau::Function(body), Luau::Nil)),
                Err(error) => {
                    let message = Luau::String(lua.create_string(raw_text(&error))?);
                    Ok((None, message, Luau::Boolean(true)))
                }
            }
        })?,
    )?;
    native.raw_set(
        "run_module",
        lua.create_function(|lua, body: Function| match body.call::<Luau>(()) {
            Ok(value) => Ok((true, value)),
            Err(error) => {
                let text = raw_text(&error);
                Ok((false, Luau::String(lua.create_string(without_traceback(&text))?)))
            }
        })?,
    )?;
    native.raw_set("open", lua.create_function(open)?)?;
    native.raw_set("read_line", lua.create_function(read_line)?)?;
    native.raw_set("next_person", lua.create_function(people::next)?)?;
    Ok(native)
}

/// `log(level, text, fields)`.
fn log(
    lua: &Lua,
    (level, text, fields): (Luau, Luau, Luau),
) -> mlua::Result<(bool, Option<String>, Option<String>)> {
    let wrong = |message: String, hint: &str| Ok((false, Some(message), Some(hint.to_owned())));
    let level = match level.as_string().map(LuaString::to_string_lossy).as_deref() {
        Some("debug") => Level::Debug,
        Some("info") => Level::Info,
        Some("warn") => Level::Warn,
        Some("error") => Level::Error,
        _ => {
            return wrong(
                format!(
                    "`signoff.log` takes a level first, not {}",
                    value::describe(&level)
                ),
                "the levels are \"debug\", \"info\", \"warn\" and \"error\": signoff.log(\"info\", text)",
            );
        }
    };
    let Luau::String(text) = text else {
        return wrong(
            format!("`signoff.log` says text, not {}", value::describe(&text)),
            "what belongs to it goes into a table: signoff.log(\"info\", text, { count = 3 })",
        );
    };
    match value::options(&fields, "the fields of `signoff.log`") {
        Ok(fields) => {
            shared(lua)?.say(level, text.to_string_lossy(), fields);
            Ok((true, None, None))
        }
        Err((message, hint)) => wrong(message, &hint),
    }
}

/// What is wrong with the default of an argument that a script declares; nothing, or a message and a hint.
#[expect(clippy::needless_pass_by_value, reason = "natives own their arguments")]
fn check_default(_: &Lua, argument: Table) -> mlua::Result<(Option<String>, Option<String>)> {
    let default: Luau = argument.raw_get("default")?;
    if default.is_nil() {
        return Ok((None, None));
    }
    let kind = argument_kind(&argument)?;
    let checked = value::from_luau(&default).and_then(|default| default_of(&kind, &default));
    Ok(match checked {
        Ok(_) => (None, None),
        Err((message, hint)) => (Some(message), Some(hint)),
    })
}

/// The kind of an argument that a script declares.
pub(crate) fn argument_kind(argument: &Table) -> mlua::Result<ArgumentKind> {
    let kind: String = argument.raw_get("kind")?;
    Ok(match kind.as_str() {
        "number" => ArgumentKind::Number,
        "boolean" => ArgumentKind::Boolean,
        "duration" => ArgumentKind::Duration,
        "list" => ArgumentKind::List,
        "file" => ArgumentKind::File,
        "connection" => ArgumentKind::Connection(argument.raw_get("provider")?),
        _ => ArgumentKind::String,
    })
}

fn open(lua: &Lua, index: usize) -> mlua::Result<(Luau, Option<String>)> {
    let too_many = too_many_open(lua)?;
    let found = lua.app_data_ref::<Files>().and_then(|files| {
        let (path, expected) = files.given.get(index)?;
        Some((path.clone(), expected.clone(), Arc::clone(&files.open)))
    });
    let Some((path, expected, open)) = found else {
        return Ok((Luau::Nil, Some("this file was not given".to_owned())));
    };
    if let Some(too_many) = too_many {
        let message = format!("cannot read `{}`: {too_many}", path.display());
        return Ok((Luau::Nil, Some(message)));
    }
    match File::open(&path) {
        Ok(file) => {
            let lines = Lines {
                path,
                reader: BufReader::new(file),
                digest: Sha256::new(),
                expected,
                _open: open,
            };
            Ok((Luau::UserData(lua.create_userdata(lines)?), None))
        }
        Err(error) => Ok((
            Luau::Nil,
            Some(format!("cannot read `{}`: {error}", path.display())),
        )),
    }
}

/// The next line without its end; nil after the last one, and then the file must have been what it was.
fn read_line(
    lua: &Lua,
    mut lines: mlua::userdata::UserDataRefMut<Lines>,
) -> mlua::Result<(Luau, Option<String>)> {
    let lines = &mut *lines;
    let path = lines.path.display();
    let mut bytes = Vec::new();
    let mut bounded = std::io::Read::take(&mut lines.reader, LONGEST_LINE as u64);
    if let Err(error) = bounded.read_until(b'\n', &mut bytes) {
        return Ok((Luau::Nil, Some(format!("cannot read `{path}`: {error}"))));
    }
    if bytes.len() == LONGEST_LINE {
        return Ok((
            Luau::Nil,
            Some(format!("a line of `{path}` is longer than 1 MiB")),
        ));
    }
    if bytes.is_empty() {
        let unchanged = hexadecimal::encode(&lines.digest.clone().finalize()) == lines.expected;
        let changed = format!("`{path}` was changed since this run began");
        return Ok((Luau::Nil, (!unchanged).then_some(changed)));
    }
    lines.digest.update(&bytes);
    let line = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    Ok((Luau::String(lua.create_string(line)?), None))
}

/// SplitMix64: a number from 0 (included) to 1 (excluded).
fn next_random(state: &mut u64) -> f64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    #[expect(clippy::cast_precision_loss, reason = "53 bits fit")]
    let fraction = (mixed >> 11) as f64 / (1_u64 << 53) as f64;
    fraction
}

fn shared(lua: &Lua) -> mlua::Result<mlua::AppDataRefMut<'_, Shared>> {
    lua.app_data_mut::<Shared>()
        .ok_or_else(|| mlua::Error::runtime("the script has no host"))
}

fn lock(sources: &Mutex<Sources>) -> MutexGuard<'_, Sources> {
    sources.lock().unwrap_or_else(PoisonError::into_inner)
}
