//! The one net that keeps secrets out of logs, errors, the journal and reports: it knows every secret that
//! was resolved, in the forms in which secrets travel, and replaces them in text.
//!
//! It is a net, not the rule: types that hold secrets cannot be shown in the first place. But vendors echo
//! what they were sent, and commands and libraries quote what they were given.
//!
//! Files of people bring a million secrets, so what is known is an index: a text costs what it is long, however many
//! there are.

mod index;
mod members;

use std::borrow::Cow;
use std::sync::{PoisonError, RwLock};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use self::index::{Index, SHORTEST};
use crate::secret::Secret;

pub(crate) use self::members::without_secret_members;

/// What stands where a secret stood.
pub const REDACTED: &str = "[redacted]";

/// Knows the secrets of a process, and takes them out of text. Grows as secrets are resolved.
#[derive(Default)]
pub struct Redactor {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    plain: Index,
    /// In base64 a neighbour's bits share letters with the secret's: what surrounds it goes as well.
    base64: Index,
    too_short: Vec<String>,
}

/// What a secret looks like in one encoding.
struct Form {
    text: Zeroizing<String>,
    base64: bool,
}

impl Redactor {
    /// One that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Learns a secret and its encodings. `name` is that of its credential, for
    /// [`too_short`](Self::too_short).
    pub fn add(&self, name: &str, secret: &Secret) {
        let text = secret.expose();
        if text.len() < SHORTEST {
            let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
            if !known.too_short.iter().any(|known| known == name) {
                known.too_short.push(name.to_owned());
            }
            return;
        }
        self.learn(encodings(text));
    }

    /// Learns the value that HTTP's Basic scheme makes of a user name and a password.
    pub fn add_basic(&self, username: &str, password: &Secret) {
        let pair = Zeroizing::new(format!("{username}:{}", password.expose()));
        if pair.len() >= SHORTEST {
            self.learn(vec![Form {
                text: Zeroizing::new(STANDARD.encode(pair.as_bytes())),
                base64: true,
            }]);
        }
    }

    /// The text without the secrets in it; borrowed if there are none.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let mut spans = known.plain.spans(text);
        let encoded = known.base64.spans(text).into_iter();
        spans.extend(encoded.map(|(start, end)| widened(text, start, end)));
        drop(known);
        if spans.is_empty() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(without(text, spans))
    }

    /// The names of the credentials whose secret is too short to be taken out of text, for a warning.
    #[must_use]
    pub fn too_short(&self) -> Vec<String> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .too_short
            .clone()
    }

    fn learn(&self, forms: Vec<Form>) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        for form in forms {
            let index = if form.base64 {
                &mut known.base64
            } else {
                &mut known.plain
            };
            index.add(&form.text);
        }
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Redactor").finish_non_exhaustive()
    }
}

/// Extends a span over the letters of base64 on both sides.
fn widened(text: &str, start: usize, end: usize) -> (usize, usize) {
    let letter = |byte: &&u8| byte.is_ascii_alphanumeric() || b"+/-_=".contains(byte);
    let bytes = text.as_bytes();
    let before = bytes
        .get(..start)
        .unwrap_or_default()
        .iter()
        .rev()
        .take_while(letter)
        .count();
    let after = bytes
        .get(end..)
        .unwrap_or_default()
        .iter()
        .take_while(letter)
        .count();
    (start - before, end + after)
}

/// The text with each run of overlapping spans replaced once.
fn without(text: &str, mut spans: Vec<(usize, usize)>) -> String {
    spans.sort_unstable();
    let mut clean = String::with_capacity(text.len());
    let mut position = 0;
    let mut covered = None;
    for (start, end) in spans {
        if covered.is_none_or(|until| start >= until) {
            clean.push_str(text.get(position..start).unwrap_or_default());
            clean.push_str(REDACTED);
        }
        position = position.max(end);
        covered = Some(position);
    }
    clean.push_str(text.get(position..).unwrap_or_default());
    clean
}

/// The secret itself, and what it becomes in a URL, a form, JSON, XML, a debug print and base64.
fn encodings(secret: &str) -> Vec<Form> {
    /// RFC 3986, 2.3: what need not be encoded.
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC
        .remove(b'-')
        .remove(b'.')
        .remove(b'_')
        .remove(b'~');
    /// What browsers and the `url` crate leave alone in a query as well.
    const QUERY: &AsciiSet = &percent_encoding::CONTROLS
        .add(b' ')
        .add(b'"')
        .add(b'#')
        .add(b'<')
        .add(b'>')
        .add(b'\'');

    // Files of people bring a million tokens, and most are of letters that no encoding changes.
    let mut texts = vec![Zeroizing::new(secret.to_owned())];
    if !secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        let percent_encoded = [NON_ALPHANUMERIC, RESERVED, QUERY]
            .into_iter()
            .map(|set| utf8_percent_encode(secret, set).to_string())
            .chain([url::form_urlencoded::byte_serialize(secret.as_bytes()).collect()])
            .map(Zeroizing::new);
        texts.extend(
            percent_encoded.flat_map(|encoded| [Zeroizing::new(with_lower_case_hex(&encoded)), encoded]),
        );
    }
    let is_escaped = |byte: u8| !byte.is_ascii_graphic() || b"\"\\/&<>'".contains(&byte);
    if secret.bytes().any(is_escaped) {
        texts.extend(escaped(secret).map(Zeroizing::new));
    }
    let plain = texts.into_iter().map(|text| Form { text, base64: false });
    let base64 = (0..3).flat_map(|offset| {
        let (drop, keep) = base64_letters(offset, secret.len());
        let mut shifted = Zeroizing::new(Vec::with_capacity(offset + secret.len()));
        shifted.resize(offset, 0);
        shifted.extend_from_slice(secret.as_bytes());
        [&STANDARD, &URL_SAFE].map(|alphabet| {
            let encoded = Zeroizing::new(alphabet.encode(shifted.as_slice()));
            Form {
                text: Zeroizing::new(encoded.get(drop..keep).unwrap_or_default().to_owned()),
                base64: true,
            }
        })
    });
    plain.chain(base64).collect()
}

/// What a secret becomes in JSON, XML and a debug print.
fn escaped(secret: &str) -> [String; 9] {
    let json = serde_json::to_string(secret)
        .map(Zeroizing::new)
        .unwrap_or_default();
    let json = without_quotes(&json);
    let markup = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let quoted = markup.replace('"', "&quot;");
    [
        json.to_owned(),
        json.replace('/', "\\/"),
        in_ascii(json),
        secret.escape_debug().to_string(),
        quoted.replace('\'', "&apos;"),
        quoted.replace('\'', "&#39;"),
        quoted.replace('\'', "&#x27;"),
        quoted,
        markup,
    ]
}

/// Which letters of its base64 depend on the secret alone, when `offset` bytes stand before it.
const fn base64_letters(offset: usize, length: usize) -> (usize, usize) {
    ((offset * 8).div_ceil(6), (offset + length) * 8 / 6)
}

/// `%2F` as `%2f`.
fn with_lower_case_hex(encoded: &str) -> String {
    let mut hex = 0;
    let lower = encoded.chars().map(|character| {
        let lowered = if hex > 0 {
            character.to_ascii_lowercase()
        } else {
            character
        };
        hex = if character == '%' {
            2
        } else {
            usize::saturating_sub(hex, 1)
        };
        lowered
    });
    lower.collect()
}

/// What stands between the quotes of a JSON string.
fn without_quotes(json: &str) -> &str {
    let inner = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.unwrap_or(json)
}

/// JSON text with everything beyond ASCII as `\u….`
fn in_ascii(json: &str) -> String {
    let mut ascii = String::with_capacity(json.len());
    for character in json.chars() {
        if character.is_ascii() {
            ascii.push(character);
        } else {
            for unit in character.encode_utf16(&mut [0; 2]) {
                ascii.push_str(&format!("\\u{unit:04x}"));
            }
        }
    }
    ascii
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn knowing(secret: &str) -> Redactor {
        let redactor = Redactor::new();
        redactor.add("supervisor", &Secret::new(secret.to_owned()));
        redactor
    }

    fn check(secret: &str, text: &str, expected: &Expect) {
        expected.assert_eq(&knowing(secret).redact(text));
    }

    #[test]
    fn a_secret_is_replaced_wherever_it_stands() {
        check(
            "hunter2",
            "password hunter2, again: hunter2hunter2!",
            &expect!["password [redacted], again: [redacted][redacted]!"],
        );
        check("aXaXa", "aXaXaXa", &expect!["[redacted]"]);
        check("hunter2", "hunter3", &expect!["hunter3"]);
        check("größe", "die größe", &expect!["die [redacted]"]);
    }

    #[test]
    fn a_secret_is_replaced_in_other_clothes() {
        let secret = "p&ss /w\u{f6}rd\"'";
        check(
            secret,
            "?a=p%26ss+%2Fw%C3%B6rd%22%27&b=1",
            &expect!["?a=[redacted]&b=1"],
        );
        check(
            secret,
            "?a=p%26ss%20%2Fw%C3%B6rd%22%27",
            &expect!["?a=[redacted]"],
        );
        check(
            secret,
            "?a=p%26ss%20%2fw%c3%b6rd%22%27",
            &expect!["?a=[redacted]"],
        );
        check(secret, "?a=p&ss%20/w%C3%B6rd%22%27", &expect!["?a=[redacted]"]);
        check(
            secret,
            r#"{"a":"p&ss /wörd\"'"}"#,
            &expect![[r#"{"a":"[redacted]"}"#]],
        );
        check(
            secret,
            r#"{"a":"p&ss \/wörd\"'"}"#,
            &expect![[r#"{"a":"[redacted]"}"#]],
        );
        check(
            secret,
            r#"{"a":"p&ss /w\u00f6rd\"'"}"#,
            &expect![[r#"{"a":"[redacted]"}"#]],
        );
        check(
            secret,
            r#"<a>p&amp;ss /wörd"'</a>"#,
            &expect!["<a>[redacted]</a>"],
        );
        check(
            secret,
            "<a>p&amp;ss /wörd&quot;&apos;</a>",
            &expect!["<a>[redacted]</a>"],
        );
        check(
            secret,
            "<a>p&amp;ss /wörd&quot;&#39;</a>",
            &expect!["<a>[redacted]</a>"],
        );
        check(
            secret,
            &format!("{:?}", Some(secret)),
            &expect![[r#"Some("[redacted]")"#]],
        );
    }

    #[test]
    fn a_secret_in_quotes_is_replaced_with_them() {
        check(
            "\"quoted\"",
            r#"{"a":"\"quoted\""}"#,
            &expect![[r#"{"a":"[redacted]"}"#]],
        );
        check(
            "\"\"\"\"",
            r#"{"a":"\"\"\"\"","b":""}"#,
            &expect![[r#"{"a":"[redacted]","b":""}"#]],
        );
    }

    #[test]
    fn basic_is_replaced_whole() {
        let redactor = Redactor::new();
        redactor.add_basic("a", &Secret::new("bcd".to_owned()));
        assert_eq!(
            redactor.redact("authorization: Basic YTpiY2Q="),
            "authorization: Basic [redacted]"
        );
        assert_eq!(redactor.redact("bcd"), "bcd");
    }

    #[test]
    fn a_short_secret_is_reported() {
        let redactor = Redactor::new();
        redactor.add("test", &Secret::new("abc".to_owned()));
        redactor.add("test", &Secret::new("abc".to_owned()));
        assert_eq!(redactor.redact("abc"), "abc");
        assert_eq!(redactor.too_short(), ["test"]);
    }

    #[test]
    fn nothing_to_replace_costs_no_copy() {
        assert!(matches!(
            knowing("hunter2").redact("all is well"),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn it_shows_nothing_of_what_it_knows() {
        assert_eq!(format!("{:?}", knowing("hunter2")), "Redactor { .. }");
    }

    /// What is to come of it, found in the simplest way.
    fn naively(secrets: &[String], text: &str) -> String {
        let mut spans = Vec::new();
        for form in secrets.iter().flat_map(|secret| encodings(secret)) {
            if form.text.len() < SHORTEST {
                continue;
            }
            for start in text.char_indices().map(|(start, _)| start) {
                if text[start..].starts_with(form.text.as_str()) {
                    let end = start + form.text.len();
                    spans.push(if form.base64 {
                        widened(text, start, end)
                    } else {
                        (start, end)
                    });
                }
            }
        }
        without(text, spans)
    }

    /// Seconds that a thousand lines take.
    fn took(redactor: &Redactor) -> f64 {
        let line = "PUT https://finesse.example.com:8445/finesse/api/User/100231 gave 202; token00000000000 was not it";
        let begun = std::time::Instant::now();
        for _ in 0..1_000 {
            assert!(matches!(
                redactor.redact(std::hint::black_box(line)),
                Cow::Borrowed(_)
            ));
        }
        begun.elapsed().as_secs_f64()
    }

    #[test]
    fn a_hundred_thousand_secrets_cost_little_more_than_a_few() {
        let knowing = |count: u32| {
            let redactor = Redactor::new();
            for number in 0..count {
                redactor.add(
                    "key",
                    &Secret::new(format!("token{:011}", u64::from(number) * 7_919 + 1)),
                );
            }
            redactor
        };
        let (few, many) = (knowing(10), knowing(100_000));
        // The best of several: what else the machine does is no part of the comparison.
        let best = |redactor| (0..5).map(|_| took(redactor)).fold(f64::INFINITY, f64::min);
        let factor = best(&many) / best(&few);
        assert!(factor < 25.0, "{factor}");
        assert_eq!(many.redact("it is token00000000001!"), "it is [redacted]!");
    }

    proptest! {
        #[test]
        fn the_index_finds_what_is_found_one_by_one(
            secrets in prop::collection::vec("[ab/\"\\\\ü:]{4,7}", 1..6),
            pieces in prop::collection::vec(("[ab/\"\\\\ü: ]{0,4}", any::<prop::sample::Index>(), any::<prop::sample::Index>()), 0..6),
        ) {
            let redactor = Redactor::new();
            for secret in &secrets {
                redactor.add("one", &Secret::new(secret.clone()));
            }
            let mut text = String::new();
            for (between, which, form) in &pieces {
                text.push_str(between);
                let secret: &String = which.get(secrets.as_slice());
                let forms = encodings(secret);
                text.push_str(&form.get(forms.as_slice()).text);
            }
            prop_assert_eq!(redactor.redact(&text).into_owned(), naively(&secrets, &text));
        }

        #[test]
        fn base64_is_replaced_at_every_offset(
            before in prop::collection::vec(any::<u8>(), 0..7),
            secret in "[ -~]{4,40}",
            after in prop::collection::vec(any::<u8>(), 0..7),
        ) {
            let whole = [before.as_slice(), secret.as_bytes(), &after].concat();
            for alphabet in [&STANDARD, &URL_SAFE] {
                let text = format!("value: {};", alphabet.encode(&whole));
                prop_assert_eq!(knowing(&secret).redact(&text), "value: [redacted];");
            }
        }

        #[test]
        fn nothing_of_a_secret_remains(secret in "\\PC{4,20}", before in "\\PC{0,9}", after in "\\PC{0,9}") {
            prop_assume!(secret.len() >= SHORTEST && !REDACTED.contains(&secret));
            let redactor = knowing(&secret);
            let json = serde_json::to_string(&secret).unwrap_or_default();
            for text in [secret.clone(), without_quotes(&json).to_owned()] {
                let clean = redactor.redact(&format!("{before}{text}{after}")).into_owned();
                prop_assert!(clean.contains(REDACTED));
                prop_assert!(!clean.replace(REDACTED, "\n").contains(&text));
            }
        }
    }
}
