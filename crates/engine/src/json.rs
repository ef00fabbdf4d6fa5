//! JSON: the lines that `--format json` prints, and what the journal keeps. One place, so that both say the same.
//!
//! A duration is a text such as `15m`, as a script would write it; a secret is `null`, whatever it was.

mod kept;
mod line;

use serde_json::{Map, Number};
use signoff_core::{Field, Record, Value};

use crate::parameters::format_duration;

pub(crate) use kept::{kept, kept_fields, kept_fields_from, kept_from, kept_record, kept_record_from};
pub(crate) use line::{cause_from, cause_name, counts, counts_from, kept_outcome, status_from};
pub use line::{outcome_from, outcome_line, run_line, status_name, summary_line, timestamp};

/// A value.
#[must_use]
pub fn value(value: &Value) -> serde_json::Value {
    match value {
        Value::Null | Value::Secret(_) => serde_json::Value::Null,
        Value::Boolean(boolean) => serde_json::Value::Bool(*boolean),
        Value::Integer(integer) => serde_json::Value::from(*integer),
        Value::Number(number) => {
            Number::from_f64(*number).map_or(serde_json::Value::Null, serde_json::Value::Number)
        }
        Value::Duration(duration) => serde_json::Value::String(format_duration(*duration)),
        Value::Text(text) => serde_json::Value::String(text.clone()),
        Value::List(items) => serde_json::Value::Array(items.iter().map(self::value).collect()),
        Value::Map(named) => fields(named),
    }
}

/// Named values, as an object in their order; of two with the same name the last counts.
#[must_use]
pub fn fields(fields: &[Field]) -> serde_json::Value {
    serde_json::Value::Object(
        fields
            .iter()
            .map(|field| (field.name.clone(), value(&field.value)))
            .collect::<Map<_, _>>(),
    )
}

/// A row of a roster: its `id` first, then its attributes.
#[must_use]
pub fn record(record: &Record) -> serde_json::Value {
    let mut object = Map::new();
    object.insert("id".to_owned(), serde_json::Value::String(record.id.clone()));
    for field in &record.attributes {
        // The id is the id, whatever an attribute of the same name says.
        object
            .entry(field.name.clone())
            .or_insert_with(|| value(&field.value));
    }
    serde_json::Value::Object(object)
}

/// A value from JSON; a duration stays the text that it became.
#[must_use]
pub fn value_from(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(boolean) => Value::Boolean(*boolean),
        serde_json::Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => Value::Integer(integer),
            (None, Some(float)) => Value::Number(float),
            (None, None) => Value::Null,
        },
        serde_json::Value::String(text) => Value::Text(text.clone()),
        serde_json::Value::Array(items) => Value::List(items.iter().map(value_from).collect()),
        serde_json::Value::Object(object) => Value::Map(fields_of(object)),
    }
}

/// Named values from a JSON object; empty for anything else.
#[must_use]
pub fn fields_from(json: &serde_json::Value) -> Vec<Field> {
    json.as_object().map(fields_of).unwrap_or_default()
}

/// A row of a roster from JSON; `None` if it has no `id` that is a text.
#[must_use]
pub fn record_from(json: &serde_json::Value) -> Option<Record> {
    let object = json.as_object()?;
    Some(Record {
        id: object.get("id")?.as_str()?.to_owned(),
        attributes: object
            .iter()
            .filter(|(name, _)| *name != "id")
            .map(|(name, json)| Field::new(name.as_str(), value_from(json)))
            .collect(),
    })
}

fn fields_of(object: &Map<String, serde_json::Value>) -> Vec<Field> {
    object
        .iter()
        .map(|(name, json)| Field::new(name.as_str(), value_from(json)))
        .collect()
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;
    use signoff_core::SecretHandle;

    use super::*;

    #[test]
    fn what_json_has_no_word_for_is_told_in_another() {
        let told = |given: Value| value(&given).to_string();
        assert_eq!(
            told(Value::Duration(Duration::from_millis(90_500))),
            r#""1m30s500ms""#
        );
        assert_eq!(told(Value::Secret(SecretHandle(7))), "null");
        assert_eq!(told(Value::Number(f64::NAN)), "null");
        assert_eq!(
            told(Value::List(vec![Value::Integer(i64::MIN), Value::Null])),
            "[-9223372036854775808,null]"
        );
    }

    #[test]
    fn the_id_of_a_record_is_a_text_and_comes_first() {
        let row = Record {
            id: "1001".to_owned(),
            attributes: vec![Field::new("id", "other"), Field::new("name", "O'Neil & \"Co\"")],
        };
        assert_eq!(
            record(&row).to_string(),
            r#"{"id":"1001","name":"O'Neil & \"Co\""}"#
        );
        assert_eq!(record_from(&serde_json::json!({ "id": 1001 })), None);
    }

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Boolean),
            any::<i64>().prop_map(Value::Integer),
            any::<i32>().prop_map(|number| Value::Number(f64::from(number) + 0.5)),
            ".{0,8}".prop_map(Value::Text),
        ];
        leaf.prop_recursive(3, 16, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
                prop::collection::btree_map("[a-z]{1,4}", inner, 0..4).prop_map(|named| Value::Map(
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
        fn what_is_written_is_read_again(given in values()) {
            let text = value(&given).to_string();
            let read: serde_json::Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(value_from(&read), given);
        }
    }
}
