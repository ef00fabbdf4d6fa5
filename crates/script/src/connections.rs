//! The connections that a script has, and whom they act as.

use std::sync::Arc;

use mlua::{Lua, Table};
use signoff_core::{Target, User, Value};
use signoff_engine::parameters::nearest;

use crate::host::ConnectionInfo;
use crate::value::Mistake;

/// Every connection that a script has; their handles are their indexes.
#[derive(Default)]
pub(crate) struct Connections {
    all: Vec<Connection>,
    actors: Arc<Actors>,
}

/// A connection as a script has it.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) name: String,
    pub(crate) credential: Option<String>,
    pub(crate) info: ConnectionInfo,
}

/// Whom the connections act as, each with the name of the connection.
#[derive(Clone, Default)]
pub(crate) struct Actors(Vec<(String, String)>);

impl Connections {
    /// The connection of that handle.
    pub(crate) fn get(&self, handle: usize) -> Option<&Connection> {
        self.all.get(handle)
    }

    /// The handle of a connection that the script already has.
    pub(crate) fn find(&self, name: &str, credential: Option<&str>) -> Option<usize> {
        self.all
            .iter()
            .position(|known| known.name == name && known.credential.as_deref() == credential)
    }

    /// Takes in a connection, unless another task was quicker, and gives its handle.
    pub(crate) fn add(&mut self, connection: Connection) -> usize {
        if let Some(handle) = self.find(&connection.name, connection.credential.as_deref()) {
            return handle;
        }
        if let Some(actor) = connection.info.actor.clone() {
            let actors = Arc::make_mut(&mut self.actors);
            actors.0.push((connection.name.clone(), actor));
        }
        self.all.push(connection);
        self.all.len() - 1
    }

    pub(crate) fn actors(&self) -> Arc<Actors> {
        Arc::clone(&self.actors)
    }

    /// What the Luau side makes a connection of.
    pub(crate) fn table(&self, lua: &Lua, handle: usize) -> mlua::Result<Table> {
        let table = lua.create_table()?;
        let Some(connection) = self.get(handle) else {
            return Ok(table);
        };
        let operations = lua.create_table()?;
        for operation in connection.info.descriptor.operations {
            let entry = lua.create_table()?;
            entry.raw_set("name", operation.name)?;
            entry.raw_set("on_user", operation.target == Target::User)?;
            operations.raw_push(entry)?;
        }
        table.raw_set("handle", handle)?;
        table.raw_set("name", connection.name.as_str())?;
        table.raw_set("actor", connection.info.actor.as_deref())?;
        table.raw_set("provider", connection.info.descriptor.id)?;
        table.raw_set("operations", operations)?;
        Ok(table)
    }
}

impl Connection {
    /// What to say of an operation that it does not have.
    pub(crate) fn no_operation(&self, name: &str) -> Mistake {
        let provider = self.info.descriptor;
        let names = || provider.operations.iter().map(|operation| operation.name);
        (
            format!("`{}` has no operation `{name}`", self.name),
            nearest(name, names()).map_or_else(
                || {
                    let known: Vec<String> = names().map(|name| format!("`{name}`")).collect();
                    format!("the operations of `{}` are {}", provider.id, known.join(", "))
                },
                |near| format!("did you mean `{near}`?"),
            ),
        )
    }
}

impl Actors {
    /// Whether a user is one of these: ids of people are compared without case.
    pub(crate) fn is_actor(&self, connection: Option<&str>, user: &User) -> bool {
        let login = user.attribute("login_name").and_then(Value::as_text);
        self.0.iter().any(|(name, actor)| {
            connection.is_none_or(|connection| connection == name)
                && (actor.eq_ignore_ascii_case(&user.id)
                    || login.is_some_and(|login| actor.eq_ignore_ascii_case(login)))
        })
    }
}
