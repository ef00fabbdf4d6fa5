//! Setting one member of a JSON document without touching a byte of the rest: numbers keep their digits,
//! objects their order and their duplicates.

use std::ops::Range;

use serde::de::IgnoredAny;
use serde_json::Value;
use zeroize::Zeroizing;

use super::PlacementError;

/// The document with `text` as the string at a pointer (RFC 6901). A member that is missing is added to its
/// object; the object itself must be there.
pub(super) fn with_member(document: &[u8], pointer: &str, text: &str) -> Result<Vec<u8>, PlacementError> {
    let document = str::from_utf8(document).map_err(|_| PlacementError::NotJson)?;
    // From here on the document is known to be well formed, which keeps the search simple.
    serde_json::from_str::<IgnoredAny>(document).map_err(|_| PlacementError::NotJson)?;
    let nowhere = || PlacementError::NoSuchMember(pointer.to_owned());
    let gap = find(document, pointer).ok_or_else(nowhere)?;
    let before = document.get(..gap.span.start).ok_or_else(nowhere)?;
    let after = document.get(gap.span.end..).ok_or_else(nowhere)?;
    let string = Zeroizing::new(Value::from(text).to_string());
    Ok([before, &gap.prefix, &string, after].concat().into_bytes())
}

/// What is to be replaced by a value, and what comes before the value.
struct Gap {
    span: Range<usize>,
    prefix: String,
}

fn find(document: &str, pointer: &str) -> Option<Gap> {
    let mut span = Scanner::new(document, 0).value()?;
    let mut tokens = match pointer {
        "" => {
            return Some(Gap {
                span,
                prefix: String::new(),
            });
        }
        _ => pointer
            .strip_prefix('/')?
            .split('/')
            .map(|token| token.replace("~1", "/").replace("~0", "~")),
    }
    .peekable();
    while let Some(token) = tokens.next() {
        let mut scanner = Scanner::new(document, span.start);
        let found = match scanner.next_byte()? {
            b'{' => {
                let members = scanner.members()?;
                // Of two members of one name most readers take the last.
                let member = members.iter().rev().find(|(name, _)| *name == token);
                if member.is_none() && tokens.peek().is_none() {
                    let end = members.last().map_or(span.start + 1, |(_, value)| value.end);
                    let comma = if members.is_empty() { "" } else { "," };
                    let name = Value::from(token);
                    return Some(Gap {
                        span: end..end,
                        prefix: format!("{comma}{name}:"),
                    });
                }
                member.map(|(_, value)| value.clone())
            }
            b'[' => scanner.elements()?.get(index(&token)?).cloned(),
            _ => None,
        };
        span = found?;
    }
    Some(Gap {
        span,
        prefix: String::new(),
    })
}

/// An array index as RFC 6901, 4 has it: no sign, no leading zero.
fn index(token: &str) -> Option<usize> {
    let number: usize = token.parse().ok()?;
    (number.to_string() == token).then_some(number)
}

/// Walks over a well-formed document.
struct Scanner<'d> {
    document: &'d str,
    at: usize,
}

impl<'d> Scanner<'d> {
    const fn new(document: &'d str, at: usize) -> Self {
        Self { document, at }
    }

    /// The names and values of an object whose brace was taken.
    fn members(&mut self) -> Option<Vec<(String, Range<usize>)>> {
        let mut members = Vec::new();
        while self.peek()? != b'}' {
            let name = self.value()?;
            let name = serde_json::from_str(self.document.get(name)?).ok()?;
            self.next_byte()?; // the colon
            members.push((name, self.value()?));
            self.comma();
        }
        Some(members)
    }

    /// The elements of an array whose bracket was taken.
    fn elements(&mut self) -> Option<Vec<Range<usize>>> {
        let mut elements = Vec::new();
        while self.peek()? != b']' {
            elements.push(self.value()?);
            self.comma();
        }
        Some(elements)
    }

    /// The span of the next value. Nesting is counted, not followed: a document may be as deep as it likes.
    fn value(&mut self) -> Option<Range<usize>> {
        self.peek()?;
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.next_byte()? {
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                b'"' => self.rest_of_string()?,
                b',' | b':' => {}
                _ => self.rest_of_word(),
            }
            if depth == 0 {
                return Some(start..self.at);
            }
        }
    }

    fn rest_of_string(&mut self) -> Option<()> {
        loop {
            match self.byte()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(())
    }

    /// A number, `true`, `false` or `null`.
    fn rest_of_word(&mut self) {
        while self
            .byte()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
        {
            self.at += 1;
        }
    }

    fn comma(&mut self) {
        if self.peek() == Some(b',') {
            self.at += 1;
        }
    }

    fn next_byte(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    fn peek(&mut self) -> Option<u8> {
        while self.byte()?.is_ascii_whitespace() {
            self.at += 1;
        }
        self.byte()
    }

    fn byte(&self) -> Option<u8> {
        self.document.as_bytes().get(self.at).copied()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test that cannot go on is to fail")]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn check(document: &str, pointer: &str, expected: &Expect) {
        let shown = match with_member(document.as_bytes(), pointer, "S\"1") {
            Ok(document) => String::from_utf8(document).unwrap(),
            Err(error) => format!("error: {error}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn sets_one_member() {
        check(
            r#"{"token": null , "n":1.10}"#,
            "/token",
            &expect![[r#"{"token": "S\"1" , "n":1.10}"#]],
        );
        check(
            r#"{ "a" : [1, {"b" : {}}] }"#,
            "/a/1/b",
            &expect![[r#"{ "a" : [1, {"b" : "S\"1"}] }"#]],
        );
        check(
            r#"{"a/b":{"~":"\\\""}}"#,
            "/a~1b/~0",
            &expect![[r#"{"a/b":{"~":"S\"1"}}"#]],
        );
        check(r#"{"a":1,"a":2}"#, "/a", &expect![[r#"{"a":1,"a":"S\"1"}"#]]);
        check(r#"{"\u0061":1e999}"#, "/a", &expect![[r#"{"\u0061":"S\"1"}"#]]);
        check(" 7 ", "", &expect![[r#" "S\"1" "#]]);
    }

    #[test]
    fn adds_one_member() {
        check("{}", "/a", &expect![[r#"{"a":"S\"1"}"#]]);
        check("{ }", "/a\"", &expect![[r#"{"a\"":"S\"1" }"#]]);
        check(
            r#"{"n":10000000000000000000000001 }"#,
            "/",
            &expect![[r#"{"n":10000000000000000000000001,"":"S\"1" }"#]],
        );
    }

    #[test]
    fn refuses_what_has_no_place() {
        check(
            "{}",
            "/a/b",
            &expect!["error: the request's body has no place `/a/b`"],
        );
        check(
            "[1]",
            "/1",
            &expect!["error: the request's body has no place `/1`"],
        );
        check(
            "[1]",
            "/00",
            &expect!["error: the request's body has no place `/00`"],
        );
        check(
            "[1]",
            "/-",
            &expect!["error: the request's body has no place `/-`"],
        );
        check("{}", "a", &expect!["error: the request's body has no place `a`"]);
        check(
            "\"{}\"",
            "/a",
            &expect!["error: the request's body has no place `/a`"],
        );
        check("{", "/a", &expect!["error: the request's body is no JSON"]);
        check("", "/a", &expect!["error: the request's body is no JSON"]);
    }

    proptest! {
        #[test]
        fn agrees_with_serde_json(
            names in prop::collection::vec("[a-c~/\"{}\\[\\]:, ]{0,3}", 1..5),
            secret in ".*",
        ) {
            let mut value = names.iter().rev().fold(Value::from("old"), |inner, name| {
                let mut object = serde_json::Map::new();
                object.insert("[x]".to_owned(), serde_json::json!([{}, [], "}"]));
                object.insert(name.clone(), inner);
                Value::Object(object)
            });
            let tokens = names.iter().map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1")));
            let pointer: String = tokens.collect();
            let edited = with_member(value.to_string().as_bytes(), &pointer, &secret).unwrap();
            *value.pointer_mut(&pointer).unwrap() = Value::from(secret);
            prop_assert_eq!(serde_json::from_slice::<Value>(&edited).unwrap(), value);
        }
    }
}
