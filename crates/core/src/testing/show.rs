//! How a transcript shows what a provider says.

use std::fmt::Write as _;
use std::time::Duration;

use crate::{Field, Finished, Placement, Value};

pub(super) fn show_duration(duration: Duration) -> String {
    if duration.is_zero() {
        "0s".to_owned()
    } else {
        format!("{duration:?}")
    }
}

pub(super) fn show_placement(placement: &Placement) -> String {
    match placement {
        Placement::Basic => "basic".to_owned(),
        Placement::Bearer => "bearer".to_owned(),
        other => format!("{other:?}"),
    }
}

pub(super) fn show_finished(finished: &Finished) -> String {
    let mut shown = format!("= {}", finished.outcome);
    if let Some(by) = finished.confirmed_by {
        let _ = write!(shown, " by {by}");
    }
    let texts = [
        ("code", &finished.code),
        ("message", &finished.message),
        ("request_id", &finished.request_id),
        ("name", &finished.name),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            let _ = write!(shown, "\n    {name}: {text}");
        }
    }
    if !finished.fields.is_empty() {
        let _ = write!(shown, "\n    details: {}", show_fields(&finished.fields));
    }
    shown
}

pub(super) fn show_fields(fields: &[Field]) -> String {
    let shown: Vec<String> = fields
        .iter()
        .filter(|field| field.value != Value::Null)
        .map(|field| format!("{}={}", field.name, show_value(&field.value)))
        .collect();
    shown.join(" ")
}

pub(super) fn show_value(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(boolean) => boolean.to_string(),
        Value::Integer(integer) => integer.to_string(),
        Value::Number(number) => number.to_string(),
        Value::Duration(duration) => show_duration(*duration),
        Value::Text(text) if text.contains(char::is_whitespace) || text.is_empty() => format!("{text:?}"),
        Value::Text(text) => text.clone(),
        Value::List(values) => {
            let shown: Vec<String> = values.iter().map(show_value).collect();
            format!("[{}]", shown.join(", "))
        }
        Value::Map(fields) => format!("{{{}}}", show_fields(fields)),
        Value::Secret(handle) => format!("secret {}", handle.0),
    }
}
