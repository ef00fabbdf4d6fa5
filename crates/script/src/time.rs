//! Lengths of time and moments as scripts compute with them. Nothing here reads a clock: the same text is the same
//! number on every execution.

use std::time::Duration;

use jiff::Timestamp;
use mlua::{Lua, Table, Value as Luau};
use signoff_engine::parameters::parse_duration;

use crate::value::{Mistake, describe};

/// A longer text is neither.
const LONGEST: usize = 100;

/// The natives behind `signoff.seconds` and `signoff.time`: a number, or a message and a hint.
pub(crate) fn install(lua: &Lua, native: &Table) -> mlua::Result<()> {
    native.raw_set(
        "seconds",
        lua.create_function(|_, value: Luau| {
            Ok(
                match duration(&value, "`signoff.seconds`", "signoff.seconds(\"5m\")") {
                    Ok(duration) => (Some(duration.as_secs_f64()), None, None),
                    Err((message, hint)) => (None, Some(message), Some(hint)),
                },
            )
        })?,
    )?;
    native.raw_set(
        "time",
        lua.create_function(|_, value: Luau| {
            Ok(match time(&value) {
                Ok(seconds) => (seconds, None, None),
                Err((message, hint)) => (None, Some(message), Some(hint)),
            })
        })?,
    )
}

/// A duration that a script wrote; `what` takes it, as in `example`.
pub(crate) fn duration(value: &Luau, what: &str, example: &str) -> Result<Duration, Mistake> {
    match value {
        Luau::String(text) if text.as_bytes().len() <= LONGEST => {
            parse_duration(&text.to_string_lossy()).map_err(|error| (error.to_string(), error.hint()))
        }
        other => Err((
            format!("{what} takes a duration, not {}", describe(other)),
            format!("write it with its unit, in quotes: {example}"),
        )),
    }
}

/// Seconds since 1970. A vendor may leave a time out, or write it as nobody knows it: that is no mistake of the script.
fn time(value: &Luau) -> Result<Option<f64>, Mistake> {
    match value {
        Luau::Nil => Ok(None),
        Luau::String(text) if text.as_bytes().len() <= LONGEST => {
            let time = text.to_string_lossy().trim().parse::<Timestamp>();
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of any date fit")]
            Ok(time.ok().map(|time| time.as_millisecond() as f64 / 1e3))
        }
        Luau::String(_) => Ok(None),
        other => Err((
            format!("`signoff.time` takes a time as text, not {}", describe(other)),
            "give it a field of a row or an outcome: signoff.time(agent.since)".to_owned(),
        )),
    }
}
