//! Options checked against a descriptor's parameter table, and the notations that go with them.
//!
//! Options reach a run from three sides: typed from a script, typed from a configuration, and as text from the
//! command line (`-o wait=15m`). They all pass through [`resolve`], so that an option means the same everywhere
//! and a mistake is told in the same words.

mod notation;

use signoff_core::{Field, Parameter, ParameterKind, Value};

pub use notation::{
    NotationError, format_duration, format_rate, format_size, nearest, parse_duration, parse_rate, parse_size,
};

/// Checks given options against a table and fills in its defaults. The answer is in the order of the table, and
/// holds nothing for a parameter that was neither given nor has a default. A `Null` counts as not given.
///
/// # Errors
/// With the first mistake, in the order in which the options were given.
pub fn resolve(parameters: &'static [Parameter], given: &[Field]) -> Result<Vec<Field>, ParameterError> {
    let (fields, mut mistakes) = check(parameters, given);
    if mistakes.is_empty() {
        Ok(fields)
    } else {
        Err(mistakes.swap_remove(0))
    }
}

/// As [`resolve`], with every mistake.
#[must_use]
pub fn check(parameters: &'static [Parameter], given: &[Field]) -> (Vec<Field>, Vec<ParameterError>) {
    let mut mistakes = Vec::new();
    for (index, field) in given.iter().enumerate() {
        if !parameters.iter().any(|parameter| parameter.name == field.name) {
            mistakes.push(ParameterError::Unknown {
                name: field.name.clone(),
                nearest: nearest(&field.name, parameters.iter().map(|parameter| parameter.name))
                    .map(str::to_owned),
                known: parameters.iter().map(|parameter| parameter.name).collect(),
            });
        } else if given[..index].iter().any(|earlier| earlier.name == field.name) {
            mistakes.push(ParameterError::Repeated {
                name: field.name.clone(),
            });
        }
    }
    let mut fields = Vec::with_capacity(parameters.len());
    for parameter in parameters {
        let value = given
            .iter()
            .find(|field| field.name == parameter.name && field.value != Value::Null)
            .map(|field| field.value.clone())
            .or_else(|| parameter.default.map(Value::from));
        match value.map(|value| convert(parameter, value)) {
            Some(Ok(value)) => fields.push(Field::new(parameter.name, value)),
            Some(Err(mistake)) => mistakes.push(mistake),
            None if parameter.required => mistakes.push(ParameterError::Missing {
                name: parameter.name,
                help: parameter.help,
            }),
            None => {}
        }
    }
    (fields, mistakes)
}

/// An option that does not fit its table.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParameterError {
    /// The table has no such name.
    #[error("there is no option `{name}`")]
    Unknown {
        /// As it was given.
        name: String,
        /// What was probably meant.
        nearest: Option<String>,
        /// Every name of the table.
        known: Vec<&'static str>,
    },
    /// It was given twice.
    #[error("the option `{name}` is given twice")]
    Repeated {
        /// Which.
        name: String,
    },
    /// It must be given.
    #[error("the option `{name}` is missing")]
    Missing {
        /// Which.
        name: &'static str,
        /// What it is for.
        help: &'static str,
    },
    /// It takes something else.
    #[error("the option `{name}` takes {expected}, not {found}")]
    Kind {
        /// Which.
        name: &'static str,
        /// What it takes, in words.
        expected: &'static str,
        /// What was given, in words.
        found: String,
        /// What to write instead.
        hint: String,
    },
    /// It takes one of a few texts, and this is none of them.
    #[error("the option `{name}` does not take `{given}`")]
    Choice {
        /// Which.
        name: &'static str,
        /// What was given.
        given: String,
        /// What it takes.
        choices: &'static [&'static str],
    },
}

impl ParameterError {
    /// The name of the option.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Unknown { name, .. } | Self::Repeated { name } => name,
            Self::Missing { name, .. } | Self::Kind { name, .. } | Self::Choice { name, .. } => name,
        }
    }

    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unknown {
                nearest: Some(nearest),
                ..
            } => format!("did you mean `{nearest}`?"),
            Self::Unknown { known, .. } if known.is_empty() => "there are no options here".to_owned(),
            Self::Unknown { known, .. } => format!("the options are {}", enumerate(known)),
            Self::Repeated { .. } => "give it once".to_owned(),
            Self::Missing { help, .. } => (*help).to_owned(),
            Self::Kind { hint, .. } => hint.clone(),
            Self::Choice { given, choices, .. } => match nearest(given, choices.iter().copied()) {
                Some(nearest) => format!("did you mean `{nearest}`? it takes {}", enumerate(choices)),
                None => format!("it takes {}", enumerate(choices)),
            },
        }
    }
}

/// One value as the kind that its parameter declares.
fn convert(parameter: &'static Parameter, value: Value) -> Result<Value, ParameterError> {
    let wrong = |value: &Value, hint: String| ParameterError::Kind {
        name: parameter.name,
        expected: expectation(parameter.kind),
        found: describe(value),
        hint,
    };
    let value = match (parameter.kind, value) {
        (ParameterKind::Text, Value::Text(text)) => Value::Text(text),
        (ParameterKind::Boolean, Value::Boolean(boolean)) => Value::Boolean(boolean),
        (ParameterKind::Integer, Value::Integer(integer)) => Value::Integer(integer),
        (ParameterKind::Integer, Value::Number(number)) if whole(number).is_some() => {
            Value::Integer(whole(number).unwrap_or_default())
        }
        (ParameterKind::Duration, Value::Duration(duration)) => Value::Duration(duration),
        (ParameterKind::List, Value::List(items)) => match items.iter().find(|item| item.as_text().is_none())
        {
            None => Value::List(items),
            Some(item) => return Err(wrong(item, "every item is a text in quotes".to_owned())),
        },
        (ParameterKind::Boolean, Value::Text(text)) => match text.as_str() {
            "true" => Value::Boolean(true),
            "false" => Value::Boolean(false),
            _ => return Err(wrong(&Value::Text(text), "write `true` or `false`".to_owned())),
        },
        (ParameterKind::Integer, Value::Text(text)) => match text.parse() {
            Ok(integer) => Value::Integer(integer),
            Err(_) => return Err(wrong(&Value::Text(text), "write digits alone".to_owned())),
        },
        (ParameterKind::Duration, Value::Text(text)) => match parse_duration(&text) {
            Ok(duration) => Value::Duration(duration),
            Err(error) => return Err(wrong(&Value::Text(text), error.hint())),
        },
        (ParameterKind::List, Value::Text(text)) => Value::List(
            text.split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(Value::from)
                .collect(),
        ),
        (ParameterKind::Duration, value @ (Value::Integer(_) | Value::Number(_))) => {
            let hint = format!(
                "write a text with a unit, such as `\"{}s\"`",
                plain_number(&value)
            );
            return Err(wrong(&value, hint));
        }
        (ParameterKind::Text, value @ (Value::Integer(_) | Value::Number(_))) => {
            let hint = format!("put it in quotes: `\"{}\"`", plain_number(&value));
            return Err(wrong(&value, hint));
        }
        (_, value) => return Err(wrong(&value, format!("for instance {}", example(parameter)))),
    };
    if let (false, Value::Text(text)) = (parameter.choices.is_empty(), &value)
        && !parameter.choices.contains(&text.as_str())
    {
        return Err(ParameterError::Choice {
            name: parameter.name,
            given: text.clone(),
            choices: parameter.choices,
        });
    }
    Ok(value)
}

const fn expectation(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Text => "a text",
        ParameterKind::Boolean => "`true` or `false`",
        ParameterKind::Integer => "a whole number",
        ParameterKind::Duration => "a duration",
        ParameterKind::List => "a list of texts",
    }
}

fn example(parameter: &Parameter) -> String {
    match (parameter.choices.first(), parameter.kind) {
        (Some(choice), _) => format!("`\"{choice}\"`"),
        (None, ParameterKind::Text) => "`\"text\"`".to_owned(),
        (None, ParameterKind::Boolean) => "`true`".to_owned(),
        (None, ParameterKind::Integer) => "`10`".to_owned(),
        (None, ParameterKind::Duration) => "`\"30s\"`".to_owned(),
        (None, ParameterKind::List) => "a list of texts".to_owned(),
    }
}

/// A value in words for a message; a text is shown, a secret is not.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "nothing".to_owned(),
        Value::Boolean(boolean) => format!("`{boolean}`"),
        Value::Integer(_) | Value::Number(_) => format!("the number {}", plain_number(value)),
        Value::Duration(duration) => format!("the duration `{}`", format_duration(*duration)),
        Value::Text(text) => format!("the text `{text}`"),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "a table".to_owned(),
        Value::Secret(_) => "a secret".to_owned(),
    }
}

fn plain_number(value: &Value) -> String {
    match value {
        Value::Integer(integer) => integer.to_string(),
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    }
}

/// A whole number that a double holds exactly: scripts have no other numbers.
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "whole and within the range that a double holds exactly"
    )]
    (number.fract() == 0.0 && number.abs() <= EXACT).then_some(number as i64)
}

fn enumerate(names: &[&str]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
mod tests {
    use std::time::Duration;

    use expect_test::{Expect, expect};

    use super::*;

    const fn parameter(name: &'static str, kind: ParameterKind, default: Option<&'static str>) -> Parameter {
        Parameter {
            name,
            kind,
            default,
            required: false,
            choices: &[],
            help: "help",
        }
    }

    static TABLE: [Parameter; 6] = [
        Parameter {
            choices: &["idle", "now"],
            ..parameter("when", ParameterKind::Text, Some("idle"))
        },
        parameter("wait", ParameterKind::Duration, Some("15m")),
        parameter("include_self", ParameterKind::Boolean, Some("false")),
        parameter("count", ParameterKind::Integer, None),
        parameter("teams", ParameterKind::List, None),
        Parameter {
            required: true,
            ..parameter("reason", ParameterKind::Text, None)
        },
    ];

    fn text(name: &str, text: &str) -> Field {
        Field::new(name, text)
    }

    /// What is said of one option, beside the one that is required.
    fn check_told(name: &str, value: impl Into<Value>, expected: &Expect) {
        let given = [text("reason", "shift"), Field::new(name, value)];
        let told = match resolve(&TABLE, &given) {
            Ok(fields) => format!("{fields:?}"),
            Err(error) => format!("{error}: {}", error.hint()),
        };
        expected.assert_eq(&told);
    }

    #[test]
    fn defaults_are_filled_in_in_the_order_of_the_table() {
        let fields = resolve(
            &TABLE,
            &[text("reason", "shift"), Field::new("count", Value::Null)],
        )
        .unwrap();
        assert_eq!(
            fields,
            [
                text("when", "idle"),
                Field::new("wait", Duration::from_secs(900)),
                Field::new("include_self", false),
                text("reason", "shift"),
            ]
        );
    }

    #[test]
    fn text_becomes_what_the_table_declares() {
        let given = [
            ("when", "now"),
            ("wait", "1h30m"),
            ("include_self", "true"),
            ("count", "-3"),
            ("teams", "5, 6,"),
            ("reason", "42"),
        ]
        .map(|(name, value)| text(name, value));
        assert_eq!(
            resolve(&TABLE, &given).unwrap(),
            [
                text("when", "now"),
                Field::new("wait", Duration::from_secs(5400)),
                Field::new("include_self", true),
                Field::new("count", -3_i64),
                Field {
                    name: "teams".to_owned(),
                    value: Value::List(vec!["5".into(), "6".into()]),
                },
                text("reason", "42"),
            ]
        );
    }

    #[test]
    fn a_whole_number_of_a_script_is_an_integer() {
        let fields = resolve(
            &TABLE,
            &[
                text("reason", "shift"),
                Field {
                    name: "count".to_owned(),
                    value: Value::Number(3.0),
                },
            ],
        )
        .unwrap();
        assert_eq!(fields[3], Field::new("count", 3_i64));
        check_told(
            "count",
            Value::Number(3.5),
            &expect![["the option `count` takes a whole number, not the number 3.5: for instance `10`"]],
        );
    }

    #[test]
    fn each_mistake_says_what_to_do() {
        check_told(
            "wiat",
            "1m",
            &expect!["there is no option `wiat`: did you mean `wait`?"],
        );
        check_told(
            "colour",
            "1m",
            &expect![
                "there is no option `colour`: the options are `when`, `wait`, `include_self`, `count`, `teams`, `reason`"
            ],
        );
        check_told(
            "when",
            "idel",
            &expect!["the option `when` does not take `idel`: did you mean `idle`? it takes `idle`, `now`"],
        );
        check_told(
            "when",
            "later",
            &expect!["the option `when` does not take `later`: it takes `idle`, `now`"],
        );
        check_told(
            "when",
            true,
            &expect![[r#"the option `when` takes a text, not `true`: for instance `"idle"`"#]],
        );
        check_told(
            "wait",
            30_i64,
            &expect![[
                r#"the option `wait` takes a duration, not the number 30: write a text with a unit, such as `"30s"`"#
            ]],
        );
        check_told(
            "wait",
            "30",
            &expect![
                "the option `wait` takes a duration, not the text `30`: a duration has a unit: `30s` for seconds, `30m` for minutes"
            ],
        );
        check_told(
            "wait",
            "soon",
            &expect![
                "the option `wait` takes a duration, not the text `soon`: write it like `500ms`, `30s`, `15m`, `2h` or `1h30m`"
            ],
        );
        check_told(
            "include_self",
            "yes",
            &expect![
                "the option `include_self` takes `true` or `false`, not the text `yes`: write `true` or `false`"
            ],
        );
        check_told(
            "count",
            "three",
            &expect!["the option `count` takes a whole number, not the text `three`: write digits alone"],
        );
        check_told(
            "teams",
            Value::List(vec![Value::Integer(5)]),
            &expect![
                "the option `teams` takes a list of texts, not the number 5: every item is a text in quotes"
            ],
        );
        check_told(
            "reason",
            "again",
            &expect!["the option `reason` is given twice: give it once"],
        );
        check_told(
            "teams",
            Value::Secret(signoff_core::SecretHandle(7)),
            &expect!["the option `teams` takes a list of texts, not a secret: for instance a list of texts"],
        );
    }

    #[test]
    fn an_id_as_a_number_is_refused_where_text_is_wanted() {
        let told = resolve(&TABLE, &[Field::new("reason", 1001_i64)]).unwrap_err();
        expect![[r#"the option `reason` takes a text, not the number 1001: put it in quotes: `"1001"`"#]]
            .assert_eq(&format!("{told}: {}", told.hint()));
    }

    #[test]
    fn what_is_required_must_be_there() {
        let told = resolve(&TABLE, &[]).unwrap_err();
        expect!["the option `reason` is missing: help"].assert_eq(&format!("{told}: {}", told.hint()));
    }

    #[test]
    fn every_mistake_is_found() {
        let (_, mistakes) = check(&TABLE, &[text("wiat", "1m"), text("count", "x")]);
        let names: Vec<&str> = mistakes.iter().map(ParameterError::name).collect();
        assert_eq!(names, ["wiat", "count", "reason"]);
    }
}
