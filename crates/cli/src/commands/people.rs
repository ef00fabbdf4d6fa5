//! Users from a file, or from standard input, for a command about one connection.

use std::path::Path;
use std::sync::Arc;

use signoff_core::{Field, Value};
use signoff_engine::people::{Content, People, PeopleSettings};

use super::read;
use crate::arguments::FromFile;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::setup::Setup;

/// What stands for standard input.
const STANDARD_INPUT: &str = "-";

/// A file of users, as the command line names it.
pub(super) struct Listed {
    pub(super) people: Arc<People>,
    arguments: Vec<Field>,
}

impl Listed {
    /// The users of the file that is named, all of them checked; `None` if none is.
    pub(super) async fn read(
        from: &FromFile,
        setup: &Setup,
        connection: &str,
    ) -> Result<Option<Self>, Failure> {
        let Some(path) = from.path.clone() else {
            return Ok(None);
        };
        let map = read::options(&from.map, "--map", "device_token=fcm")?;
        let text = |field: &Field| field.value.as_text().unwrap_or_default().to_owned();
        let mut settings = PeopleSettings {
            id_column: from.id_column.clone(),
            map: map
                .iter()
                .map(|field| (field.name.clone(), text(field)))
                .collect(),
            secret_columns: from.secret_columns.clone(),
            ..PeopleSettings::default()
        };
        let (connection, _) = setup.engine.connection(connection)?;
        settings.mark_target(connection.descriptor);
        let arguments = arguments(&path, from, map);
        let secrets = Arc::clone(&setup.engine.user_secrets);
        let reading = move || {
            let content = if path == Path::new(STANDARD_INPUT) {
                Content::hold(STANDARD_INPUT, std::io::stdin().lock())?
            } else {
                Content::open(&path)?
            };
            People::check(content, settings, &secrets)
        };
        let people = tokio::task::spawn_blocking(reading)
            .await
            .map_err(|error| Failure::new(Exit::Bug, format!("the file could not be read: {error}"), ""))??;
        Ok(Some(Self {
            people: Arc::new(people),
            arguments,
        }))
    }

    /// What the journal says of it: where it is, and how it is read; nothing of what is in it.
    pub(super) fn arguments(&self) -> Vec<Field> {
        self.arguments.clone()
    }
}

fn arguments(path: &Path, from: &FromFile, map: Vec<Field>) -> Vec<Field> {
    let mut arguments = vec![Field::new("from", path.display().to_string())];
    if let Some(column) = &from.id_column {
        arguments.push(Field::new("id_column", column.as_str()));
    }
    let mut push = |name: &str, value: Value| {
        arguments.push(Field {
            name: name.to_owned(),
            value,
        });
    };
    if !map.is_empty() {
        push("map", Value::Map(map));
    }
    if !from.secret_columns.is_empty() {
        let columns = from.secret_columns.iter();
        push(
            "secret_columns",
            Value::List(columns.map(|column| Value::from(column.as_str())).collect()),
        );
    }
    arguments
}
