//! What a coroutine asks of the driver. The natives of this module check it and lay it down in [`Shared`]; then the
//! coroutine yields, and the driver takes it up. Natives never raise: they give back a message and a hint, and the
//! Luau side raises these where the script made its mistake.

use std::time::Duration;

use mlua::{Function, Lua, LuaString, MultiValue, Table, Value as Luau};
use signoff_core::{Field, Outcome, Target, User};
use signoff_engine::event::Level;
use signoff_engine::parameters::nearest;
use signoff_engine::run::PeopleRequest;

use crate::connections::Connections;
use crate::people;
use crate::source::Source;
use crate::time;
use crate::value::{self, Mistake, describe};

/// What natives and driver share; kept as app data of the machine.
#[derive(Default)]
pub(crate) struct Shared {
    /// Set from the native call until the driver takes it up.
    pub(crate) pending: Option<(String, Request)>,
    logs: Vec<(Level, String, Vec<Field>)>,
    /// How much text `logs` holds, and how many lines found no room.
    logged: usize,
    unlogged: u64,
    /// Modules that were read since the last time.
    pub(crate) modules: Vec<Source>,
    /// State of `math.random` in the task that runs.
    pub(crate) random: u64,
    /// Whether the script is only being loaded.
    pub(crate) loading: bool,
}

/// One line may be so long, and all lines between two yields together: they are not part of the machine's memory.
const LONGEST_LINE: usize = 16 << 10;
const LONGEST_LOG: usize = 4 << 20;
/// What a line costs beside its text, roughly.
const LINE: usize = 64;

impl Shared {
    /// Of a machine that loads its script.
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            random: seed,
            loading: true,
            ..Self::default()
        }
    }

    /// Keeps a line until the driver takes it.
    pub(crate) fn say(&mut self, level: Level, mut text: String, fields: Vec<Field>) {
        if text.len() > LONGEST_LINE {
            let end = text.floor_char_boundary(LONGEST_LINE);
            text.truncate(end);
            text.push('…');
        }
        let size = text.len() + LINE + value::weight(&fields);
        if self.logged + size > LONGEST_LOG {
            self.unlogged += 1;
        } else {
            self.logged += size;
            self.logs.push((level, text, fields));
        }
    }

    /// What the script said since the last time, in order.
    pub(crate) fn take_logs(&mut self) -> Vec<(Level, String, Vec<Field>)> {
        self.logged = 0;
        let mut logs = std::mem::take(&mut self.logs);
        let unlogged = std::mem::take(&mut self.unlogged);
        if unlogged > 0 {
            let text = format!("the script said too much at once: {unlogged} lines are left out");
            logs.push((Level::Warn, text, Vec::new()));
        }
        logs
    }
}

/// What a coroutine asks for.
pub(crate) enum Request {
    Call {
        connection: usize,
        operation: String,
        user: Option<User>,
        arguments: Vec<Field>,
    },
    Connect {
        name: String,
        credential: Option<String>,
    },
    Skip {
        connection: Option<String>,
        user: User,
        reason: String,
    },
    Sleep(Duration),
    Now,
    People(PeopleRequest),
    /// `signoff.each` begins.
    Each(Each),
    /// Its iterator gave this.
    Item(FanoutId, Luau),
    /// Its iterator raised this.
    ItemsFailed(FanoutId, String),
    /// Its iterator has ended.
    EachEnd(FanoutId),
}

/// Names a fan-out that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FanoutId(pub(crate) usize);

/// The arguments of `signoff.each`.
pub(crate) struct Each {
    pub(crate) items: Items,
    pub(crate) body: Function,
    pub(crate) concurrency: usize,
    pub(crate) stop_on: Vec<Outcome>,
    pub(crate) max_fail: Option<Threshold>,
}

/// Where items come from.
#[derive(Clone)]
pub(crate) enum Items {
    List(Table),
    /// The coroutine that called `each` runs the iterator and hands over one item after the other.
    Iterator,
    /// A read that failed.
    Failed(Table, Outcome),
}

/// How many items may fail.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Threshold {
    Items(u64),
    /// Of the items so far, in percent.
    Percent(f64),
}

/// Begun at once unless a script says otherwise; `signoff.each` is fed item by item beyond that.
const CONCURRENCY: usize = 1_024;
/// The most a script may ask for.
const MOST: usize = 10_000;

/// The natives that lay down a request.
pub(crate) fn install(lua: &Lua, native: &Table) -> mlua::Result<()> {
    submits(lua, native, "call", call)?;
    submits(lua, native, "listen", listen)?;
    submits(lua, native, "connect", |_, arguments| {
        let name = text(arguments, 0, "the name of a connection")?;
        let credential = match take(arguments, 1) {
            Luau::Nil => None,
            options => match value::options(&options, "the options of `signoff.connect`")?.as_slice() {
                [] => None,
                [Field { name, value }] if name == "as" => match value.as_text() {
                    Some(credential) => Some(credential.to_owned()),
                    None => return Err(("`as` is the name of a credential".to_owned(), String::new())),
                },
                fields => {
                    let unknown = fields.iter().find(|field| field.name != "as");
                    let unknown = unknown.map_or("as", |field| field.name.as_str());
                    return Err((
                        format!("`signoff.connect` has no option `{unknown}`"),
                        "the only option is `as`, the name of a credential".to_owned(),
                    ));
                }
            },
        };
        Ok(Request::Connect { name, credential })
    })?;
    submits(lua, native, "skip", |_, arguments| {
        let (connection, user) = value::user(&take(arguments, 0))?;
        let reason = text(arguments, 1, "the reason of `signoff.skip`")?;
        Ok(Request::Skip {
            connection,
            user,
            reason,
        })
    })?;
    submits(lua, native, "sleep", |_, arguments| {
        let duration = time::duration(&take(arguments, 0), "`signoff.sleep`", "signoff.sleep(\"5s\")");
        duration.map(Request::Sleep)
    })?;
    submits(lua, native, "now", |_, _| Ok(Request::Now))?;
    submits(lua, native, "people", |lua, arguments| {
        people::request(lua, &take(arguments, 0), &take(arguments, 1)).map(Request::People)
    })?;
    submits(lua, native, "each", |_, arguments| {
        each(arguments).map(Request::Each)
    })?;
    submits(lua, native, "item", |_, arguments| {
        Ok(Request::Item(fanout(arguments)?, take(arguments, 1)))
    })?;
    submits(lua, native, "items_failed", |_, arguments| {
        let text = match take(arguments, 1) {
            Luau::String(text) => text.to_string_lossy(),
            other => describe(&other),
        };
        Ok(Request::ItemsFailed(fanout(arguments)?, text))
    })?;
    submits(lua, native, "each_end", |_, arguments| {
        Ok(Request::EachEnd(fanout(arguments)?))
    })?;
    Ok(())
}

/// A native that reads its arguments and lays down what comes of them. It is given the place of the call first.
fn submits(
    lua: &Lua,
    native: &Table,
    name: &str,
    read: impl Fn(&Lua, &[Luau]) -> Result<Request, Mistake> + Send + 'static,
) -> mlua::Result<()> {
    let function = lua.create_function(move |lua, arguments: MultiValue| {
        let arguments: Vec<Luau> = arguments.into_iter().collect();
        let place = arguments.first().and_then(Luau::as_string);
        let place = place.map(LuaString::to_string_lossy).unwrap_or_default();
        match read(lua, arguments.get(1..).unwrap_or_default()) {
            Ok(request) => {
                if let Some(mut shared) = lua.app_data_mut::<Shared>() {
                    shared.pending = Some((place, request));
                }
                Ok((true, None, None))
            }
            Err((message, hint)) => Ok((false, Some(message), Some(hint))),
        }
    })?;
    native.raw_set(name, function)
}

/// `call(handle, operation, user, options)`.
fn call(lua: &Lua, arguments: &[Luau]) -> Result<Request, Mistake> {
    let unknown = || ("this is no connection".to_owned(), String::new());
    let handle = handle(arguments).ok_or_else(unknown)?;
    let connections = lua.app_data_ref::<Connections>().ok_or_else(unknown)?;
    let connection = connections.get(handle).ok_or_else(unknown)?;
    let name = text(arguments, 1, "an operation")?;
    let Some(operation) = connection.info.descriptor.operation(&name) else {
        return Err(connection.no_operation(&name));
    };
    let options = take(arguments, 3);
    let user = match operation.target {
        Target::Connection => None,
        Target::User => {
            let whom = take(arguments, 2);
            if whom.is_nil() {
                return Err((
                    format!("`{name}` needs a user"),
                    format!("write {}:{name}(user, {{ … }})", connection.name),
                ));
            }
            let (named, user) = value::user(&whom)?;
            if let Some(named) = named.filter(|named| *named != connection.name) {
                return Err((
                    format!(
                        "`{}` is a user of the connection `{named}`, not of `{}`",
                        user.id, connection.name
                    ),
                    "give the id alone, if it means the same person there".to_owned(),
                ));
            }
            Some(user)
        }
    };
    let arguments = value::options(&options, &format!("the options of `{name}`"))?;
    Ok(Request::Call {
        connection: handle,
        operation: name,
        user,
        arguments,
    })
}

/// `listen(handle, function, options)`: the host's own calls by which a script listens.
fn listen(_lua: &Lua, arguments: &[Luau]) -> Result<Request, Mistake> {
    let connection = handle(arguments).ok_or_else(|| ("this is no connection".to_owned(), String::new()))?;
    Ok(Request::Call {
        connection,
        operation: text(arguments, 1, "a function")?,
        user: None,
        arguments: value::options(&take(arguments, 2), "the options of `events`")?,
    })
}

/// `each(items, body, options)`.
fn each(arguments: &[Luau]) -> Result<Each, Mistake> {
    let given = take(arguments, 0);
    let items = match (&given, value::outcome_of(&given)) {
        (Luau::Table(table), Some(outcome)) => Items::Failed(table.clone(), outcome),
        (Luau::Table(table), None) if table.raw_len() > 0 || table.is_empty() => Items::List(table.clone()),
        (Luau::Function(_), _) => Items::Iterator,
        (Luau::Table(_), _) => {
            return Err((
                "`signoff.each` takes a list, and this table has names instead".to_owned(),
                "write { one, two }, or give an iterator".to_owned(),
            ));
        }
        (other, _) => {
            return Err((
                format!(
                    "`signoff.each` takes a list or an iterator, not {}",
                    describe(other)
                ),
                String::new(),
            ));
        }
    };
    let Luau::Function(body) = take(arguments, 1) else {
        return Err((
            format!(
                "`signoff.each` takes a function for its items, not {}",
                describe(&take(arguments, 1))
            ),
            "write signoff.each(items, function(item) … end)".to_owned(),
        ));
    };
    let mut each = Each {
        items,
        body,
        concurrency: CONCURRENCY,
        stop_on: Vec::new(),
        max_fail: None,
    };
    for Field { name, value } in value::options(&take(arguments, 2), "the options of `signoff.each`")? {
        match name.as_str() {
            "concurrency" => each.concurrency = concurrency(&value)?,
            "stop_on" => each.stop_on = outcomes(&value)?,
            "max_fail" => each.max_fail = Some(threshold(&value)?),
            unknown => {
                let names = ["concurrency", "stop_on", "max_fail"];
                return Err((
                    format!("`signoff.each` has no option `{unknown}`"),
                    nearest(unknown, names).map_or_else(
                        || "the options are `concurrency`, `stop_on` and `max_fail`".to_owned(),
                        |near| format!("did you mean `{near}`?"),
                    ),
                ));
            }
        }
    }
    Ok(each)
}

fn concurrency(value: &signoff_core::Value) -> Result<usize, Mistake> {
    match value {
        signoff_core::Value::Integer(number) => usize::try_from(*number).ok(),
        _ => None,
    }
    .filter(|number| (1..=MOST).contains(number))
    .ok_or_else(|| {
        (
            format!("`concurrency` is a whole number from 1 to {MOST}"),
            "it says how many items are begun at once; how fast a vendor is asked is up to its connection"
                .to_owned(),
        )
    })
}

fn outcomes(value: &signoff_core::Value) -> Result<Vec<Outcome>, Mistake> {
    let one = |value: &signoff_core::Value| -> Result<Outcome, Mistake> {
        let name = value.as_text().unwrap_or_default();
        name.parse().map_err(|_| {
            let names = Outcome::ALL.map(Outcome::name);
            (
                format!("`stop_on` names outcomes, and `{name}` is none"),
                nearest(name, names).map_or_else(
                    || format!("the outcomes are {}", names.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                ),
            )
        })
    };
    match value {
        signoff_core::Value::List(items) => items.iter().map(one).collect(),
        other => Ok(vec![one(other)?]),
    }
}

fn threshold(value: &signoff_core::Value) -> Result<Threshold, Mistake> {
    let found = match value {
        signoff_core::Value::Integer(number) => u64::try_from(*number).ok().map(Threshold::Items),
        signoff_core::Value::Text(text) => text
            .strip_suffix('%')
            .and_then(|number| number.trim().parse::<f64>().ok())
            .filter(|percent| (0.0..=100.0).contains(percent))
            .map(Threshold::Percent),
        _ => None,
    };
    found.ok_or_else(|| {
        (
            "`max_fail` is a number of items, or a share of them".to_owned(),
            "write max_fail = 10, or max_fail = \"5%\"".to_owned(),
        )
    })
}

/// The argument at that index; nil if there is none.
fn take(arguments: &[Luau], index: usize) -> Luau {
    arguments.get(index).cloned().unwrap_or(Luau::Nil)
}

/// A number of ours that the Luau side gives back.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a handle of ours"
)]
fn handle(arguments: &[Luau]) -> Option<usize> {
    match take(arguments, 0) {
        Luau::Integer(handle) => Some(handle as usize),
        Luau::Number(handle) => Some(handle as usize),
        _ => None,
    }
}

fn fanout(arguments: &[Luau]) -> Result<FanoutId, Mistake> {
    let unknown = || ("this is no fan-out".to_owned(), String::new());
    handle(arguments).map(FanoutId).ok_or_else(unknown)
}

fn text(arguments: &[Luau], index: usize, what: &str) -> Result<String, Mistake> {
    match take(arguments, index) {
        Luau::String(text) if text.as_bytes().len() > LONGEST_LINE => {
            Err((format!("{what} is longer than 16KiB"), String::new()))
        }
        Luau::String(text) => Ok(text.to_string_lossy()),
        other => Err((format!("{what} is text, not {}", describe(&other)), String::new())),
    }
}
