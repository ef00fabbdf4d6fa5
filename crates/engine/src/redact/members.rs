//! Secrets that nobody has told us: a vendor that shows a user shows his device tokens too. They are known by the name of
//! the member or the element that holds them.

use std::borrow::Cow;

use serde_json::Value;

use super::REDACTED;

/// What the name of a secret ends in, in lower case and without `_` and `-`.
const ENDINGS: [&str; 8] = [
    "token",
    "tokens",
    "key",
    "password",
    "secret",
    "otp",
    "authorization",
    "pin",
];

/// A body without the values of members, of JSON or XML, that are named as a secret is, or as one of `names`. A body of
/// another kind, or broken, stays as it is.
pub(crate) fn without_secret_members<'b>(body: &'b str, names: &[&str]) -> Cow<'b, str> {
    let names: Vec<String> = names.iter().map(|name| plain(name)).collect();
    let is_secret = |name: &str| {
        let name = plain(name);
        names.contains(&name) || ENDINGS.iter().any(|ending| name.ends_with(ending))
    };
    if body.trim_start().starts_with('<') {
        return elements(body, &is_secret);
    }
    let Ok(mut json) = serde_json::from_str::<Value>(body) else {
        return Cow::Borrowed(body);
    };
    if members(&mut json, &is_secret) {
        Cow::Owned(json.to_string())
    } else {
        Cow::Borrowed(body)
    }
}

fn plain(name: &str) -> String {
    let characters = name.chars().filter(|character| !matches!(character, '_' | '-'));
    characters.flat_map(char::to_lowercase).collect()
}

/// Whether anything was replaced.
fn members(json: &mut Value, is_secret: &impl Fn(&str) -> bool) -> bool {
    let mut is_changed = false;
    match json {
        Value::Array(items) => {
            for item in items {
                is_changed |= members(item, is_secret);
            }
        }
        Value::Object(object) => {
            for (name, value) in object {
                is_changed |= if is_secret(name) {
                    hide(value)
                } else {
                    members(value, is_secret)
                };
            }
        }
        _ => {}
    }
    is_changed
}

/// That there is none, or several, is told.
fn hide(value: &mut Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) => false,
        Value::String(text) if text.is_empty() => false,
        Value::Array(items) => items.iter_mut().fold(false, |changed, item| hide(item) | changed),
        Value::Object(object) => {
            let values = object.values_mut();
            values.fold(false, |changed, value| hide(value) | changed)
        }
        _ => {
            *value = Value::String(REDACTED.to_owned());
            true
        }
    }
}

/// The elements that hold text alone. What is broken is no reason to show more, so nothing is parsed.
fn elements<'b>(body: &'b str, is_secret: &impl Fn(&str) -> bool) -> Cow<'b, str> {
    let mut shown = String::new();
    let mut rest = body;
    let mut is_changed = false;
    while let Some(start) = rest.find('<') {
        let Some(end) = rest[start..].find('>').map(|length| start + length + 1) else {
            break;
        };
        let tag = &rest[start + 1..end - 1];
        let name = tag.split([' ', '\t', '\r', '\n', '/']).next().unwrap_or_default();
        let name = name.rsplit(':').next().unwrap_or_default();
        shown.push_str(&rest[..end]);
        rest = &rest[end..];
        if !tag.ends_with('/') && is_secret(name) {
            // CDATA is text too.
            let text = match rest.strip_prefix("<![CDATA[") {
                Some(inner) => inner.find("]]>").map_or(rest.len(), |length| length + 12),
                None => rest.find('<').unwrap_or(rest.len()),
            };
            if !rest[..text].trim().is_empty() {
                shown.push_str(REDACTED);
                is_changed = true;
            }
            rest = &rest[text..];
        }
    }
    if !is_changed {
        return Cow::Borrowed(body);
    }
    shown.push_str(rest);
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_named_like_secrets_are_hidden() {
        for (body, shown) in [
            (
                r#"{"deviceToken":["t1","t2"],"token":"t3","name":"Ann"}"#,
                r#"{"deviceToken":["[redacted]","[redacted]"],"token":"[redacted]","name":"Ann"}"#,
            ),
            (
                r#"[{"data":{"API_KEY":7,"otp":"1","Pass-Word":"x"}}]"#,
                r#"[{"data":{"API_KEY":"[redacted]","otp":"[redacted]","Pass-Word":"[redacted]"}}]"#,
            ),
            (
                r#"{"fcm":"t","secret":{"a":["b"]}}"#,
                r#"{"fcm":"[redacted]","secret":{"a":["[redacted]"]}}"#,
            ),
            (
                "<User><name>Ann</name><ns:Token a='b'> t1 </ns:Token><pin><![CDATA[9]]></pin></User>",
                "<User><name>Ann</name><ns:Token a='b'>[redacted]</ns:Token><pin>[redacted]</pin></User>",
            ),
            ("<User><token>t1", "<User><token>[redacted]"),
        ] {
            assert_eq!(without_secret_members(body, &["f_c_m"]), shown);
        }
    }

    #[test]
    fn everything_else_stays_as_it_is_written() {
        for body in [
            "",
            "{ \"a\": 1.50, \"tokenCount\": 3 }",
            "{\"token\": null, \"key\": \"\", \"hasPassword\": true}",
            "{\"token\": ",
            "<User><token/><key></key><loginId>a</loginId></User>",
            "no token",
        ] {
            assert!(matches!(without_secret_members(body, &[]), Cow::Borrowed(same) if same == body));
        }
    }
}
