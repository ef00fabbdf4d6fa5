//! Users as rows of a roster or a status.

use signoff_core::{Field, Record, Value};

use crate::model::{Person, TeamName};

/// What every row has; what is not known is null.
pub(crate) fn record(person: &Person) -> Record {
    let team = person.team.as_ref();
    Record {
        id: person.id.clone(),
        attributes: vec![
            field("name", person.name().as_deref()),
            field("state", Some(&person.state.0)),
            field("since", person.since.as_deref()),
            field("pending_state", person.pending_state.as_deref()),
            field("reason", person.reason.as_deref()),
            field("extension", person.extension.as_deref()),
            field("team", team.map(|team| team.id.as_str())),
            field("team_name", team.and_then(|team| team.name.as_deref())),
        ],
    }
}

/// What a User object tells besides.
pub(crate) fn add_whole(record: &mut Record, person: &Person) {
    let texts = |texts: &mut dyn Iterator<Item = &str>| Value::List(texts.map(Value::from).collect());
    let name = |team: &TeamName| Value::from(team.id.as_str());
    record.attributes.extend([
        field("login_name", person.login_name.as_deref()),
        Field::new("roles", texts(&mut person.roles.iter().map(String::as_str))),
        Field::new(
            "supervises",
            Value::List(person.supervises.iter().map(name).collect()),
        ),
    ]);
}

pub(crate) fn field(name: &str, text: Option<&str>) -> Field {
    Field {
        name: name.to_owned(),
        value: text.map_or(Value::Null, Value::from),
    }
}
