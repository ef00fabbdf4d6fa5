//! The values that a sentence states: a status, the text of an element, the path to one.

use super::sentences::Sentence;
use crate::template::Template;

/// One thing that a sentence says is to be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Seen {
    /// An HTTP status.
    Status(u16),
    /// No body.
    BodyEmpty,
    /// The path of an element, and its text.
    Element(String, Template),
    /// That a notification is to be seen at all.
    Notification,
    /// A body of XML.
    Xml,
    /// A body of JSON.
    Json,
    /// That a server has taken what it was asked.
    Confirmed,
    /// Words that could not be understood.
    Unclear(String),
}

/// What a sentence says is to be seen, part by part: what is joined by "and" or a comma is a part of its own, so that no
/// half of a sentence is passed over in silence.
pub(super) fn seen(sentence: &Sentence) -> Vec<Seen> {
    let text = &sentence.text;
    let lower = text.to_lowercase();
    let start = [
        "should",
        "will see",
        "will also see",
        "must be",
        "looking at",
        "by confirming",
    ]
    .iter()
    .filter_map(|word| lower.find(word).map(|at| at + word.len()))
    .min()
    .unwrap_or(0);
    // Lower case may be longer or shorter than what it was made of.
    let rest = text.get(start..).unwrap_or(text);
    let rest = rest.trim().trim_end_matches(['.', '!', ':']);
    // An example of what is in something does not say what must be.
    let rest = rest.split_once(", such as ").map_or(rest, |(rest, _)| rest);
    rest.split(" and ")
        .flat_map(|part| part.split(", "))
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .flat_map(part)
        .collect()
}

/// The path of the elements that a sentence names, the outermost first: "the `<id>` tag of the `<Team>` tag" is `Team/id`.
pub(super) fn path(sentence: &Sentence) -> Option<String> {
    let mut names: Vec<&str> = sentence.codes.iter().filter_map(|code| element(code)).collect();
    names.reverse();
    (!names.is_empty()).then(|| names.join("/"))
}

/// All that one part says; nothing of it is passed over because something else was found in it.
fn part(text: &str) -> Vec<Seen> {
    let Some(mut seen) = elements(text) else {
        return vec![Seen::Unclear(text.to_owned())];
    };
    let lower = text.to_lowercase();
    let words = without_codes(&lower);
    seen.extend(status(&words).map(Seen::Status));
    if ["empty body", "body is empty", "body that is empty"]
        .iter()
        .any(|empty| words.contains(empty))
    {
        seen.push(Seen::BodyEmpty);
    }
    for (format, body) in [("xml", Seen::Xml), ("json", Seen::Json)] {
        if [format!("{format} formatted"), format!("{format} body")]
            .iter()
            .any(|said| words.contains(said))
        {
            seen.push(body);
        }
    }
    if words.contains("notification") || words.contains("xmpp event") {
        seen.push(Seen::Notification);
    }
    let confirmed = ["`result`", "`subscribed`", "available", "signed in"];
    if seen.is_empty() && (confirmed.iter().any(|word| lower.contains(word)) || lists(&lower)) {
        seen.push(Seen::Confirmed);
    }
    if seen.is_empty() {
        seen.push(Seen::Unclear(text.to_owned()));
    }
    seen
}

/// "A list of `<subscription>` tags within the `<subscriptions>` tag".
fn lists(words: &str) -> bool {
    words.contains("list of") && words.contains("subscription")
}

/// The elements with the values that a text states for them; `None` if it names one without a value.
fn elements(text: &str) -> Option<Vec<Seen>> {
    if lists(&text.to_lowercase()) {
        return Some(Vec::new());
    }
    let mut seen = Vec::new();
    let mut at = 0;
    while let Some((start, end)) = code(text, at) {
        at = end;
        if element(&text[start + 1..end - 1]).is_some() {
            let (path, value) = element_value(&text[start..])?;
            seen.push(Seen::Element(path, value));
        }
    }
    Some(seen)
}

fn without_codes(text: &str) -> String {
    text.split('`').step_by(2).collect::<Vec<_>>().join(" ")
}

/// "HTTP status of 202 Accepted", "a status code 200".
fn status(text: &str) -> Option<u16> {
    let (_, rest) = text.split_once("status")?;
    let number = rest
        .split_whitespace()
        .map(|word| word.trim_matches(|letter: char| !letter.is_alphanumeric()))
        .find(|word| {
            !matches!(
                *word,
                "code" | "of" | "is" | "a" | "an" | "the" | "http" | "with" | ""
            )
        })?;
    let status = number.parse().ok()?;
    (100..600).contains(&status).then_some(status)
}

/// "`<state>` tag value of LOGOUT", "the value of the `<state>` tag is LOGOUT".
fn element_value(text: &str) -> Option<(String, Template)> {
    let (start, end) = code(text, 0)?;
    let name = element(&text[start + 1..end - 1])?;
    let rest = &text[end..];
    if let Some((from, to)) = code(rest, 0)
        && element(&rest[from + 1..to - 1]).is_none()
        && is_filler(&rest[..from])
    {
        return Some((name.to_owned(), Template::new(&rest[from + 1..to - 1])));
    }
    let mut words = rest.split_whitespace().peekable();
    let mut stated = false;
    while let Some(word) = words.next_if(|word| is_filler(word)) {
        stated |= word != "tag";
    }
    let value = words
        .next()?
        .trim_matches(|letter| matches!(letter, '"' | '\'' | '.' | ';' | '(' | ')'));
    (stated && !value.is_empty()).then(|| (name.to_owned(), Template::new(value)))
}

fn is_filler(words: &str) -> bool {
    words.split_whitespace().all(|word| {
        matches!(
            word,
            "tag"
                | "element"
                | "value"
                | "of"
                | "for"
                | "is"
                | "with"
                | "a"
                | "the"
                | "set"
                | "to"
                | "equal"
                | "equals"
                | "as"
                | "has"
                | "having"
        )
    })
}

/// Where the next code begins and ends, backticks included.
fn code(text: &str, from: usize) -> Option<(usize, usize)> {
    let start = from + text.get(from..)?.find('`')?;
    let end = start + 1 + text.get(start + 1..)?.find('`')?;
    Some((start, end + 1))
}

/// The name of an element that is written as a tag.
fn element(code: &str) -> Option<&str> {
    let name = code.strip_prefix('<')?.strip_suffix('>')?;
    let name = name.trim_matches('/').trim();
    let plain = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ':');
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<Seen> {
        let codes = text.split('`').skip(1).step_by(2).map(str::to_owned).collect();
        seen(&Sentence {
            text: text.to_owned(),
            codes,
            ..Sentence::default()
        })
    }

    #[test]
    fn every_part_of_a_sentence_is_accounted_for() {
        assert_eq!(
            of("You should see a HTTP status of 202 Accepted and an empty Body textbox."),
            [Seen::Status(202), Seen::BodyEmpty]
        );
        assert_eq!(
            of(
                "You should see a status code of 200 OK, the `<status>` tag value of IN_SERVICE and a pink elephant."
            ),
            [
                Seen::Status(200),
                Seen::Element("status".to_owned(), "IN_SERVICE".into()),
                Seen::Unclear("a pink elephant".to_owned())
            ]
        );
    }

    #[test]
    fn values_of_elements_are_stated_in_several_ways() {
        let state = |value: &str| vec![Seen::Element("state".to_owned(), value.into())];
        for text in [
            "The `<state>` tag value of READY",
            "should be a `<state>` tag with a value of READY.",
            "should see that the value of the `<state>` tag is READY",
            "should see a `<state>` set to `READY`.",
        ] {
            assert_eq!(of(text), state("READY"), "{text}");
        }
        // A tag without a value is not understood.
        assert!(matches!(
            of("should see the `<state>` tag").as_slice(),
            [Seen::Unclear(_)]
        ));
    }

    #[test]
    fn paths_go_from_the_outside_in() {
        let codes = vec!["<id>".to_owned(), "{teamId}".to_owned(), "<Team>".to_owned()];
        let sentence = Sentence {
            codes,
            ..Sentence::default()
        };
        assert_eq!(path(&sentence).as_deref(), Some("Team/id"));
    }
}
