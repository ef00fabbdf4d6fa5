//! `signoff.people`: the users of a file that was given as an argument, one after the other.

use std::sync::Arc;

use mlua::{Lua, Table, UserData, Value as Luau};
use signoff_core::{Field, Value};
use signoff_engine::parameters::nearest;
use signoff_engine::people::{People, PeopleSettings, Users, Words};
use signoff_engine::run::PeopleRequest;

use crate::machine::{Files, too_many_open};
use crate::value::{self, Mistake, describe};

/// A list of users that a script goes through.
pub(crate) struct List {
    users: Users,
    /// The connection whose users they are.
    connection: Option<String>,
    _open: Option<Arc<()>>,
}

impl UserData for List {}

const OPTIONS: [&str; 4] = ["id_column", "map", "secret_columns", "connection"];

/// Reads the arguments of `signoff.people`.
pub(crate) fn request(lua: &Lua, list: &Luau, options: &Luau) -> Result<PeopleRequest, Mistake> {
    let path = match list {
        Luau::String(path) => path.to_string_lossy(),
        Luau::Table(file) => match file.raw_get("path") {
            Ok(Luau::String(path)) => path.to_string_lossy(),
            _ => return Err(no_file(list)),
        },
        _ => return Err(no_file(list)),
    };
    let files = lua.app_data_ref::<Files>();
    let given = files.as_ref().and_then(|files| files.named(&path));
    let Some((path, sha256)) = given else {
        return Err((
            format!("the file `{path}` was not given to this run"),
            "declare it as an argument: people = signoff.arg.file()".to_owned(),
        ));
    };
    let (settings, connection) = settings(options)?;
    drop(files);
    if let Ok(Some(too_many)) = too_many_open(lua) {
        return Err((
            format!("cannot read `{}`: {too_many}", path.display()),
            "go through one list to its end before the next".to_owned(),
        ));
    }
    Ok(PeopleRequest {
        path,
        sha256,
        connection,
        settings,
    })
}

/// What a script goes through the list with.
pub(crate) fn open(lua: &Lua, people: &Arc<People>, connection: Option<String>) -> mlua::Result<Luau> {
    let users = people
        .users()
        .map_err(|error| mlua::Error::runtime(error.to_string()))?;
    // Half-read lists stay open until they are collected, as files do.
    let open = lua.app_data_ref::<Files>().map(|files| files.open_one());
    let list = List {
        users,
        connection,
        _open: open,
    };
    Ok(Luau::UserData(lua.create_userdata(list)?))
}

/// The next user of a list; nil after the last. Or what is wrong, and what to do about it.
pub(crate) fn next(
    lua: &Lua,
    mut list: mlua::userdata::UserDataRefMut<List>,
) -> mlua::Result<(Option<Table>, Option<String>, Option<String>)> {
    let user = match list.users.next() {
        None => return Ok((None, None, None)),
        Some(Ok(user)) => user,
        Some(Err(error)) => return Ok((None, Some(error.to_string()), Some(error.hint()))),
    };
    let table = lua.create_table_with_capacity(0, user.attributes.len() + 2)?;
    for field in &user.attributes {
        // Where it stands, a table is an earlier outcome.
        if field.name != "outcome" {
            table.raw_set(field.name.as_str(), value::to_luau(lua, &field.value)?)?;
        }
    }
    table.raw_set("id", user.id.as_str())?;
    if let Some(connection) = &list.connection {
        table.raw_set("connection", connection.as_str())?;
    }
    Ok((Some(table), None, None))
}

fn no_file(found: &Luau) -> Mistake {
    (
        format!("`signoff.people` takes a file, not {}", describe(found)),
        "give it an argument that was declared as signoff.arg.file()".to_owned(),
    )
}

fn settings(options: &Luau) -> Result<(PeopleSettings, Option<String>), Mistake> {
    let mut settings = PeopleSettings {
        words: Words::Script,
        ..PeopleSettings::default()
    };
    let mut connection = None;
    for Field { name, value } in value::options(options, "the options of `signoff.people`")? {
        match name.as_str() {
            "id_column" => settings.id_column = Some(text("id_column", &value)?),
            "connection" => connection = Some(text("connection", &value)?),
            "secret_columns" => settings.secret_columns = texts("secret_columns", &value)?,
            "map" => settings.map = map(&value)?,
            unknown => {
                return Err((
                    format!("`signoff.people` has no option `{unknown}`"),
                    nearest(unknown, OPTIONS).map_or_else(
                        || format!("the options are `{}`", OPTIONS.join("`, `")),
                        |near| format!("did you mean `{near}`?"),
                    ),
                ));
            }
        }
    }
    Ok((settings, connection))
}

fn text(name: &str, value: &Value) -> Result<String, Mistake> {
    value
        .as_text()
        .map(str::to_owned)
        .ok_or_else(|| (format!("`{name}` is a text"), format!("write {name} = \"NAME\"")))
}

fn texts(name: &str, value: &Value) -> Result<Vec<String>, Mistake> {
    let items = match value {
        Value::List(items) => items.as_slice(),
        one => std::slice::from_ref(one),
    };
    let items = items.iter().map(|item| item.as_text().map(str::to_owned));
    items.collect::<Option<_>>().ok_or_else(|| {
        (
            format!("`{name}` is a list of columns"),
            format!("write {name} = {{ \"NAME\" }}"),
        )
    })
}

fn map(value: &Value) -> Result<Vec<(String, String)>, Mistake> {
    let wrong = || {
        (
            "`map` names the column of each attribute".to_owned(),
            "write map = { device_token = \"fcm\" }".to_owned(),
        )
    };
    match value {
        Value::Map(fields) => fields
            .iter()
            .map(|field| Some((field.name.clone(), field.value.as_text()?.to_owned())))
            .collect::<Option<_>>()
            .ok_or_else(wrong),
        Value::List(items) if items.is_empty() => Ok(Vec::new()),
        _ => Err(wrong()),
    }
}
