//! Values as the journal keeps them: as JSON, from which they come back as they were, so that a script that is executed
//! again sees what it saw. What JSON has no word for stands in an object with one key that begins with `$`.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};
use signoff_core::{Field, Record, Value};

use super::value;

const DURATION: &str = "$duration";
const NUMBER: &str = "$number";
/// A map whose first key begins with `$`.
const MAP: &str = "$map";

/// A value; a secret is `null`.
pub(crate) fn kept(value: &Value) -> Json {
    match value {
        Value::Duration(duration) => json!({ DURATION: [duration.as_secs(), duration.subsec_nanos()] }),
        Value::Number(number) if !number.is_finite() => json!({ NUMBER: number.to_string() }),
        Value::List(items) => Json::Array(items.iter().map(kept).collect()),
        Value::Map(named) => {
            let map = kept_fields(named);
            match named.first() {
                Some(first) if first.name.starts_with('$') => json!({ MAP: map }),
                _ => map,
            }
        }
        other => self::value(other),
    }
}

/// Named values, as an object in their order; of two with the same name the last counts.
pub(crate) fn kept_fields(fields: &[Field]) -> Json {
    let fields = fields
        .iter()
        .map(|field| (field.name.clone(), kept(&field.value)));
    Json::Object(fields.collect::<Map<_, _>>())
}

/// A row of a roster.
pub(crate) fn kept_record(record: &Record) -> Json {
    let mut object = Map::new();
    object.insert("id".to_owned(), Json::String(record.id.clone()));
    for field in &record.attributes {
        object
            .entry(field.name.clone())
            .or_insert_with(|| kept(&field.value));
    }
    Json::Object(object)
}

/// A value that was kept.
pub(crate) fn kept_from(json: &Json) -> Value {
    match json {
        Json::Array(items) => Value::List(items.iter().map(kept_from).collect()),
        Json::Object(object) => marked(object).unwrap_or_else(|| Value::Map(fields_of(object))),
        other => super::value_from(other),
    }
}

/// Named values that were kept; empty for anything else.
pub(crate) fn kept_fields_from(json: &Json) -> Vec<Field> {
    json.as_object().map(fields_of).unwrap_or_default()
}

/// A row of a roster that was kept; `None` if it has no `id` that is a text.
pub(crate) fn kept_record_from(json: &Json) -> Option<Record> {
    let object = json.as_object()?;
    Some(Record {
        id: object.get("id")?.as_str()?.to_owned(),
        attributes: fields_of(object)
            .into_iter()
            .filter(|field| field.name != "id")
            .collect(),
    })
}

fn fields_of(object: &Map<String, Json>) -> Vec<Field> {
    let fields = object.iter().map(|(name, json)| Field {
        name: name.clone(),
        value: kept_from(json),
    });
    fields.collect()
}

/// What stands in an object of its own.
fn marked(object: &Map<String, Json>) -> Option<Value> {
    let (key, inner) = object.iter().next().filter(|_| object.len() == 1)?;
    match key.as_str() {
        DURATION => {
            let (seconds, nanoseconds) = (inner.get(0)?.as_u64()?, inner.get(1)?.as_u64()?);
            let nanoseconds = u32::try_from(nanoseconds).ok()?;
            Some(Value::Duration(Duration::new(seconds, nanoseconds)))
        }
        NUMBER => inner.as_str()?.parse().ok().map(Value::Number),
        MAP => inner.as_object().map(|map| Value::Map(fields_of(map))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>()
                .prop_filter("nothing is equal to it", |number| !number.is_nan())
                .prop_map(Value::Number),
            (any::<u64>(), 0..1_000_000_000_u32)
                .prop_map(|(seconds, rest)| Value::Duration(Duration::new(seconds, rest))),
            ".{0,8}".prop_map(Value::Text),
        ];
        let names = prop_oneof![
            "[a-z]{1,4}",
            Just("$map".to_owned()),
            Just("$duration".to_owned())
        ];
        leaf.prop_recursive(3, 16, 4, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map(names.clone(), inner, 0..4).prop_map(|named| Value::Map(
                    named
                        .into_iter()
                        .map(|(name, value)| Field { name, value })
                        .collect()
                )),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_kept_comes_back_with_its_type(given in values()) {
            let text = kept(&given).to_string();
            let read: Json = serde_json::from_str(&text).unwrap_or_default();
            prop_assert_eq!(kept_from(&read), given);
        }
    }
}
