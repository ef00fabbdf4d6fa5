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
        if let Some(flag) = from.without_file() {
            return Err(Failure::usage(
                format!("`{flag}` is about the columns of a file, and none is named"),
                "name it with --from FILE",
            ));
        }
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

    /// The file that a run was begun with, or the one that is named in its place; `given` is what the journal says of it,
    /// and what remains are the options of the operation.
    pub(super) async fn again(
        given: &[Field],
        in_place: Option<&Path>,
        setup: &Setup,
        connection: &str,
    ) -> Result<(Self, Vec<Field>), Failure> {
        let mut from = FromFile {
            path: in_place.map(Path::to_owned),
            id_column: None,
            map: Vec::new(),
            secret_columns: Vec::new(),
        };
        let mut recorded = Vec::new();
        let mut options = Vec::new();
        for field in given {
            match (field.name.as_str(), &field.value) {
                // It is the first; an option of that name comes later.
                ("from", Value::Text(path)) if recorded.is_empty() => {
                    if in_place.is_none() && path == STANDARD_INPUT {
                        return Err(Failure::usage(
                            "the run took its users from standard input, which is not there any more",
                            "give them again with --from FILE",
                        ));
                    }
                    from.path.get_or_insert_with(|| path.into());
                }
                ("id_column", Value::Text(column)) => from.id_column = Some(column.clone()),
                ("map", Value::Map(map)) => from.map = map.iter().map(typed).collect(),
                ("secret_columns", Value::List(columns)) => {
                    from.secret_columns = columns
                        .iter()
                        .filter_map(|column| column.as_text().map(str::to_owned))
                        .collect();
                }
                _ => {
                    options.push(field.clone());
                    continue;
                }
            }
            recorded.push(field.clone());
        }
        let Some(listed) = Self::read(&from, setup, connection).await? else {
            return Err(Failure::configuration("the run names no file of users", ""));
        };
        let arguments = recorded;
        Ok((Self { arguments, ..listed }, options))
    }

    /// What the journal says of it: where it is, and how it is read; nothing of what is in it.
    pub(super) fn arguments(&self) -> Vec<Field> {
        self.arguments.clone()
    }
}

fn typed(field: &Field) -> String {
    format!("{}={}", field.name, field.value.as_text().unwrap_or_default())
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
