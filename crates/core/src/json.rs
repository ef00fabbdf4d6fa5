//! A bounded reader of JSON documents from services that are not trusted, and what providers whose vendor speaks JSON
//! have in common.
//!
//! The host bounds the bytes of an answer; here its values are bounded, since two bytes of JSON can cost a hundred of
//! memory. Nesting is bounded by the parser, at 128. What a vendor says to people is found in answers of any shape: error
//! pages and plain texts come from whatever stands in front of a service.

pub use serde_json::Value;

use crate::Field;

/// How many values a document may have, those of objects and arrays included.
pub const MAX_VALUES: usize = 500_000;
/// How many characters of a vendor's words are kept.
pub const MAX_WORDS: usize = 1_000;

/// Reads a whole document; a byte order mark before it does no harm.
///
/// # Errors
/// If it is not UTF-8 JSON, nests too deep, or has too many values.
pub fn parse(document: &[u8]) -> Result<Value, Error> {
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    if count(document) > MAX_VALUES {
        return Err(Error::Values);
    }
    serde_json::from_slice(document).map_err(|error| Error::NotJson(error.to_string()))
}

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not JSON, in the words of the parser, which say where.
    #[error("not a usable JSON document: {0}")]
    NotJson(String),
    /// It has more than [`MAX_VALUES`].
    #[error("not a usable JSON document: it has more than {MAX_VALUES} values")]
    Values,
}

/// The text at a JSON pointer (RFC 6901), without the white space around it; `None` if there is none, or nothing in it.
#[must_use]
pub fn text<'d>(document: &'d Value, pointer: &str) -> Option<&'d str> {
    let text = document.pointer(pointer)?.as_str()?.trim();
    (!text.is_empty()).then_some(text)
}

/// What an answer of any shape says to people: the first text at one of these pointers; the document itself if that is a
/// text; else the body as it came. [Bounded](bounded); `None` if there is nothing.
#[must_use]
pub fn words(body: &[u8], pointers: &[&str]) -> Option<String> {
    // More than is kept, and not the eight megabytes that there may be.
    let start = &body[..body.len().min(8 * MAX_WORDS)];
    let said = said(body, pointers).or_else(|| raw(start))?;
    Some(bounded(&said))
}

/// The same in full length, for who takes the secrets out of it before it is [bounded].
#[must_use]
pub fn whole_words(body: &[u8], pointers: &[&str]) -> Option<String> {
    said(body, pointers).or_else(|| raw(body))
}

/// The same value, as reports and scripts show it. A whole number that is too large for them stays exact, as text.
#[must_use]
pub fn plain(value: &Value) -> crate::Value {
    match value {
        Value::Null => crate::Value::Null,
        Value::Bool(boolean) => crate::Value::Boolean(*boolean),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => crate::Value::Integer(integer),
            (None, Some(float)) if !number.is_u64() => crate::Value::Number(float),
            (None, _) => crate::Value::Text(number.to_string()),
        },
        Value::String(text) => crate::Value::Text(text.clone()),
        Value::Array(items) => crate::Value::List(items.iter().map(plain).collect()),
        Value::Object(members) => crate::Value::Map(
            members
                .iter()
                .map(|(name, value)| Field::new(name.as_str(), plain(value)))
                .collect(),
        ),
    }
}

/// At least as many as the document has values: every value but the outermost follows one of these characters.
fn count(document: &[u8]) -> usize {
    let mut values = 1;
    let mut in_text = false;
    let mut escaped = false;
    for byte in document {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            b'[' | b'{' | b',' | b':' if !in_text => values += 1,
            _ => {}
        }
    }
    values
}

fn said(body: &[u8], pointers: &[&str]) -> Option<String> {
    let document = parse(body).ok()?;
    let mut pointers = pointers.iter().chain(&[""]);
    let said = pointers.find_map(|pointer| text(&document, pointer));
    said.map(str::to_owned)
}

fn raw(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

/// The words, up to [a bound](MAX_WORDS). What does not fit is left out as a whole, up to a space, a quotation mark or a
/// bracket: it may be a secret that was echoed, and the host finds secrets by their full length.
#[must_use]
pub fn bounded(text: &str) -> String {
    let Some((end, _)) = text.char_indices().nth(MAX_WORDS) else {
        return text.to_owned();
    };
    let is_gap = |character: char| character.is_whitespace() || "\"'`<>(){}[],;".contains(character);
    let start = text[..end].rfind(is_gap).unwrap_or_default();
    format!("{}…", text[..start].trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn says(body: &str, words: Option<&str>) {
        let pointers = ["/message", "/error/message", "/data"];
        assert_eq!(
            super::words(body.as_bytes(), &pointers).as_deref(),
            words,
            "{body}"
        );
    }

    #[test]
    fn words_are_found_in_every_shape() {
        says(
            r#"{"success":false,"message":" no such user "}"#,
            Some("no such user"),
        );
        says(r#"{"error":{"message":"no"},"data":"later"}"#, Some("no"));
        says(
            r#"{"message":"","data":"Logout Successfull"}"#,
            Some("Logout Successfull"),
        );
        says(
            r#"{"message":{"text":"deeper"}}"#,
            Some(r#"{"message":{"text":"deeper"}}"#),
        );
        says("\u{feff}\"a text\\n\"", Some("a text"));
        says("42", Some("42"));
        says(
            "<html><body>Bad Gateway</body></html>\n",
            Some("<html><body>Bad Gateway</body></html>"),
        );
        says("  \n", None);
        says("", None);
        says("\"\"", Some("\"\""));
        assert_eq!(
            words(b"not \xff UTF-8", &[]).as_deref(),
            Some("not \u{fffd} UTF-8")
        );
    }

    #[test]
    fn long_words_end_between_words() {
        let long = format!("{} tail-of-a-secret:{}", "a".repeat(990), "x".repeat(500));
        assert_eq!(bounded(&long), format!("{}…", "a".repeat(990)));
        assert_eq!(bounded(&"y".repeat(MAX_WORDS + 1)), "…");
        assert_eq!(bounded(&"ü".repeat(MAX_WORDS)), "ü".repeat(MAX_WORDS));
    }

    #[test]
    fn values_are_bounded_and_counted_outside_of_texts() {
        let list = |items: usize| format!("[{}0]", "0,".repeat(items - 1));
        assert!(parse(list(MAX_VALUES - 1).as_bytes()).is_ok());
        assert_eq!(parse(list(MAX_VALUES).as_bytes()), Err(Error::Values));
        let text = format!("\"{}\\\",\"", ",".repeat(MAX_VALUES));
        assert!(parse(text.as_bytes()).is_ok());
        assert!(matches!(
            parse("[".repeat(200).as_bytes()),
            Err(Error::NotJson(_))
        ));
        let error = parse(b"<html>").map_err(|error| error.to_string());
        assert_eq!(
            error,
            Err("not a usable JSON document: expected value at line 1 column 1".to_owned())
        );
    }

    #[test]
    fn numbers_stay_exact() {
        let document = parse(br#"{"a":[-7,18446744073709551615,1.5,null,true,"x"]}"#);
        let shown = document.map(|document| plain(&document));
        let list = vec![
            crate::Value::Integer(-7),
            crate::Value::from("18446744073709551615"),
            crate::Value::Number(1.5),
            crate::Value::Null,
            crate::Value::Boolean(true),
            crate::Value::from("x"),
        ];
        let map = crate::Value::Map(vec![Field {
            name: "a".to_owned(),
            value: crate::Value::List(list),
        }]);
        assert_eq!(shown, Ok(map));
    }
}
