//! Values on their way between Luau and the host: rows, outcomes, users and options.

use jiff::Timestamp;
use mlua::{Lua, LuaString, Table, UserData, UserDataMethods, Value as Luau};
use signoff_core::{Field, Outcome, Record, SecretHandle, User, Value};
use signoff_engine::call::{Answer, OutcomeRow};
use signoff_engine::parameters::format_duration;

/// A mistake in a value: the message, and the hint.
pub(crate) type Mistake = (String, String);

/// Deeper or larger tables are no data; a table that holds itself is both. In bytes, roughly: a list of one text a
/// thousand times weighs a thousand texts, because the host has to copy it.
const DEEPEST: usize = 16;
const LARGEST: usize = 256 << 10;
/// What a value weighs beside its text.
const WEIGHT: usize = 32;
/// Longer ids and names are none.
const LONGEST_ID: usize = 1_024;
const LONGEST_NAME: usize = 256;

/// A secret attribute of a user, as a script may hold it: it says nothing, and can only be handed on.
struct Secret(SecretHandle);

impl UserData for Secret {
    fn add_methods<M: UserDataMethods<Self>>(methods: &mut M) {
        methods.add_meta_method("__tostring", |_, _, ()| Ok("(secret)"));
        methods.add_meta_function("__eq", |_, (one, other): (Luau, Luau)| {
            let handle = |value: &Luau| Some(value.as_userdata()?.borrow::<Self>().ok()?.0);
            Ok(handle(&one).is_some_and(|one| Some(one) == handle(&other)))
        });
    }
}

/// What an operation gives, as a script sees it. `connection` is the name that rows carry.
pub(crate) fn answer(lua: &Lua, answer: &Answer, connection: &str) -> mlua::Result<Table> {
    match answer {
        Answer::Outcome(row) => outcome(lua, row),
        Answer::Record(record) => row(lua, record, connection),
        Answer::Records(records) => {
            let list = lua.create_table_with_capacity(records.len(), 0)?;
            for record in records.iter() {
                list.raw_push(row(lua, record, connection)?)?;
            }
            Ok(list)
        }
    }
}

/// An outcome, with the fields of its line in JSON; what is absent is nil.
pub(crate) fn outcome(lua: &Lua, row: &OutcomeRow) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(0, 16)?;
    table.raw_set("run", row.run.as_str())?;
    table.raw_set("user", row.user.as_str())?;
    table.raw_set("outcome", row.outcome.name())?;
    table.raw_set("attempts", row.attempts)?;
    table.raw_set("repeated", row.repeated)?;
    table.raw_set("started", rfc3339(row.started_ms))?;
    table.raw_set("ended", rfc3339(row.ended_ms))?;
    let texts = [
        ("connection", &row.connection),
        ("provider", &row.provider),
        ("operation", &row.operation),
        ("name", &row.name),
        ("code", &row.code),
        ("message", &row.message),
        ("request_id", &row.request_id),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            table.raw_set(name, text.as_str())?;
        }
    }
    if let Some(confirmed_by) = row.confirmed_by {
        table.raw_set("confirmed_by", confirmed_by.name())?;
    }
    if let Some(status) = row.http_status {
        table.raw_set("http_status", status)?;
    }
    table.raw_set("details", fields(lua, &row.details)?)?;
    Ok(table)
}

/// The outcome that a script's value is, if it is one.
pub(crate) fn outcome_of(value: &Luau) -> Option<Outcome> {
    let name: LuaString = value.as_table()?.raw_get("outcome").ok()?;
    name.to_str().ok()?.parse().ok()
}

/// A typed value, as a script sees it.
pub(crate) fn to_luau(lua: &Lua, value: &Value) -> mlua::Result<Luau> {
    Ok(match value {
        Value::Null => Luau::Nil,
        Value::Boolean(boolean) => Luau::Boolean(*boolean),
        #[expect(clippy::cast_precision_loss, reason = "Luau's numbers are doubles")]
        Value::Integer(integer) => Luau::Number(*integer as f64),
        Value::Number(number) => Luau::Number(*number),
        Value::Duration(duration) => Luau::String(lua.create_string(format_duration(*duration))?),
        Value::Text(text) => Luau::String(lua.create_string(text)?),
        Value::List(items) => {
            let list = lua.create_table_with_capacity(items.len(), 0)?;
            for item in items {
                list.raw_push(to_luau(lua, item)?)?;
            }
            Luau::Table(list)
        }
        Value::Map(entries) => Luau::Table(fields(lua, entries)?),
        Value::Secret(handle) => Luau::UserData(lua.create_userdata(Secret(*handle))?),
    })
}

/// What these weigh outside the machine, in bytes.
pub(crate) fn weight(fields: &[Field]) -> usize {
    fields
        .iter()
        .map(|field| field.name.len() + weight_of(&field.value))
        .sum()
}

/// The same for a user.
pub(crate) fn weight_of_user(user: &User) -> usize {
    user.id.len() + weight(&user.attributes)
}

fn weight_of(value: &Value) -> usize {
    WEIGHT
        + match value {
            Value::Text(text) => text.len(),
            Value::List(items) => items.iter().map(weight_of).sum(),
            Value::Map(entries) => weight(entries),
            _ => 0,
        }
}

/// A script's value, typed.
pub(crate) fn from_luau(value: &Luau) -> Result<Value, Mistake> {
    convert(value, 0, &mut 0)
}

/// A table of options, by name.
pub(crate) fn options(value: &Luau, what: &str) -> Result<Vec<Field>, Mistake> {
    match value {
        Luau::Nil => Ok(Vec::new()),
        Luau::Table(table) => {
            entries(table, 0, &mut 0).map_err(|(message, hint)| (format!("{what}: {message}"), hint))
        }
        other => Err((
            format!("{what} are a table, not {}", describe(other)),
            "write { name = value, … }".to_owned(),
        )),
    }
}

/// Whom a call is about: an id, a row of a roster, or an earlier outcome; with the connection that it names.
pub(crate) fn user(value: &Luau) -> Result<(Option<String>, User), Mistake> {
    let Luau::Table(table) = value else {
        return Ok((None, User::new(id(value)?)));
    };
    let member = |name: &str| table.raw_get::<Luau>(name).unwrap_or(Luau::Nil);
    let connection = member("connection").as_string().map(LuaString::to_string_lossy);
    if outcome_of(value).is_some() {
        // An outcome names its user, so that those who are not out can be tried again.
        return Ok((connection, User::new(id(&member("user"))?)));
    }
    let id = match member("id") {
        Luau::Nil => return Err(no_user("a table without `id`")),
        found => id(&found)?,
    };
    let mut attributes = entries(table, 0, &mut 0)?;
    attributes.retain(|field| field.name != "id" && field.name != "connection");
    Ok((connection, User { id, attributes }))
}

/// An id: text, and never a number, which might lose its leading zeros on the way.
fn id(value: &Luau) -> Result<String, Mistake> {
    match value {
        Luau::String(text) => match text.to_str() {
            Ok(text) if text.is_empty() => Err(no_user("an empty text")),
            Ok(text) if text.len() > LONGEST_ID => Err(no_user("a text longer than 1KiB")),
            Ok(text) => Ok(text.to_owned()),
            Err(_) => Err(no_user("bytes that are no UTF-8 text")),
        },
        Luau::Integer(_) | Luau::Number(_) => Err((
            format!("an id is text, not {}", describe(value)),
            format!(
                "write it in quotes: \"{}\"",
                value.to_string().unwrap_or_default()
            ),
        )),
        other => Err(no_user(&describe(other))),
    }
}

fn no_user(found: &str) -> Mistake {
    (
        format!("a user is an id or a row of a roster, not {found}"),
        String::new(),
    )
}

/// What a value is, in a person's words.
pub(crate) fn describe(value: &Luau) -> String {
    match value {
        Luau::Nil => "nothing (nil)".to_owned(),
        Luau::Boolean(boolean) => format!("`{boolean}`"),
        Luau::Integer(_) | Luau::Number(_) => {
            format!("the number {}", value.to_string().unwrap_or_default())
        }
        Luau::String(text) => {
            let bytes = text.as_bytes();
            let (start, dots) = match bytes.get(..LONGEST_NAME) {
                Some(start) => (start, "…"),
                None => (&*bytes, ""),
            };
            format!("the text \"{}{dots}\"", String::from_utf8_lossy(start))
        }
        Luau::Table(_) => "a table".to_owned(),
        other => format!("a {}", other.type_name()),
    }
}

fn row(lua: &Lua, record: &Record, connection: &str) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(0, record.attributes.len() + 2)?;
    for field in &record.attributes {
        table.raw_set(field.name.as_str(), to_luau(lua, &field.value)?)?;
    }
    table.raw_set("id", record.id.as_str())?;
    table.raw_set("connection", connection)?;
    Ok(table)
}

fn fields(lua: &Lua, fields: &[Field]) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(0, fields.len())?;
    for field in fields {
        table.raw_set(field.name.as_str(), to_luau(lua, &field.value)?)?;
    }
    Ok(table)
}

/// The named members of a table, by name: the order of a table is an accident, and digests are made of this.
fn entries(table: &Table, depth: usize, seen: &mut usize) -> Result<Vec<Field>, Mistake> {
    let mut found = Vec::new();
    for pair in table.pairs::<Luau, Luau>() {
        let (key, value) = pair.map_err(|error| (error.to_string(), String::new()))?;
        let Luau::String(name) = &key else {
            return Err((
                format!("a name is text, not {}", describe(&key)),
                "write { name = value, … }".to_owned(),
            ));
        };
        if name.as_bytes().len() > LONGEST_NAME {
            return Err((
                format!("a name is shorter than {}", describe(&key)),
                String::new(),
            ));
        }
        *seen += name.as_bytes().len();
        found.push(Field {
            name: name.to_string_lossy(),
            value: convert(&value, depth + 1, seen)?,
        });
    }
    found.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(found)
}

fn convert(value: &Luau, depth: usize, seen: &mut usize) -> Result<Value, Mistake> {
    *seen += WEIGHT + value.as_string().map_or(0, |text| text.as_bytes().len());
    if depth > DEEPEST || *seen > LARGEST {
        return Err((
            "this table is too large, or holds itself".to_owned(),
            "what is handed over at once is at most 256KiB".to_owned(),
        ));
    }
    match value {
        Luau::Nil => Ok(Value::Null),
        Luau::Boolean(boolean) => Ok(Value::Boolean(*boolean)),
        Luau::Integer(integer) => Ok(Value::Integer(*integer)),
        #[expect(clippy::cast_possible_truncation, reason = "whole, and within 2^53")]
        Luau::Number(number) if number.fract() == 0.0 && number.abs() <= 9_007_199_254_740_992.0 => {
            Ok(Value::Integer(*number as i64))
        }
        Luau::Number(number) if number.is_finite() => Ok(Value::Number(*number)),
        Luau::Number(number) => Err((format!("{number} is no number to work with"), String::new())),
        Luau::String(text) => text
            .to_str()
            .map(|text| Value::Text(text.to_owned()))
            .map_err(|_| ("a text is not UTF-8".to_owned(), String::new())),
        Luau::Table(table) if table.raw_len() > 0 => table
            .sequence_values::<Luau>()
            .map(|item| {
                let item = item.map_err(|error| (error.to_string(), String::new()))?;
                convert(&item, depth + 1, seen)
            })
            .collect::<Result<_, _>>()
            .map(Value::List),
        // An empty table is an empty list: no option is an empty map.
        Luau::Table(table) if table.is_empty() => Ok(Value::List(Vec::new())),
        Luau::Table(table) => entries(table, depth, seen).map(Value::Map),
        Luau::UserData(data) => match data.borrow::<Secret>() {
            Ok(secret) => Ok(Value::Secret(secret.0)),
            Err(_) => Err(("a userdata is no value for this".to_owned(), String::new())),
        },
        other => Err((
            format!("a {} is no value for this", other.type_name()),
            String::new(),
        )),
    }
}

fn rfc3339(unix_ms: i64) -> String {
    Timestamp::from_millisecond(unix_ms).map_or_else(
        |_| unix_ms.to_string(),
        |time| time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string(),
    )
}
