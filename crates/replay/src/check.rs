//! Whether what came is what was expected.

use signoff_core::xml::{self, Element};
use signoff_engine::feed::Published;
use signoff_engine::transport::Reply;

use crate::event::Verdict;
use crate::tutorial::{BodyFormat, CaptureSource, JsonKind, Notification};

/// An answer, as far as expectations look at it.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) headers: &'a [(String, String)],
    pub(crate) body: &'a [u8],
}

impl<'a> Answer<'a> {
    pub(crate) fn of(reply: &'a Reply) -> Self {
        Self {
            status: reply.status,
            headers: &reply.headers,
            body: &reply.body,
        }
    }

    /// A notification, of which the same things can be copied.
    pub(crate) const fn heard(heard: &'a Published) -> Self {
        Self {
            status: 0,
            headers: &[],
            body: heard.payload.as_bytes(),
        }
    }
}

pub(crate) fn status(answer: &Answer<'_>, expected: u16) -> Verdict {
    if answer.status == expected {
        return Verdict::Held(None);
    }
    failed_with(format!("HTTP status {}", answer.status), answer)
}

pub(crate) fn body_empty(answer: &Answer<'_>) -> Verdict {
    if answer.body.iter().all(u8::is_ascii_whitespace) {
        return Verdict::Held(None);
    }
    failed_with(format!("{} bytes", answer.body.len()), answer)
}

pub(crate) fn body_format(answer: &Answer<'_>, expected: BodyFormat) -> Verdict {
    let problem = match expected {
        BodyFormat::Xml => document(answer.body).err(),
        BodyFormat::Json => json(answer.body).err(),
    };
    problem.map_or(Verdict::Held(None), failed)
}

pub(crate) fn body_contains(answer: &Answer<'_>, expected: &str) -> Verdict {
    let body = text(answer.body);
    if body.contains(expected) {
        return Verdict::Held(None);
    }
    match body.trim() {
        "" => failed("no body"),
        _ => failed_with("a body without it".to_owned(), answer),
    }
}

pub(crate) fn element(answer: &Answer<'_>, path: &str, expected: &str) -> Verdict {
    let found = match texts(answer.body, path) {
        Ok(found) => found,
        Err(problem) => return failed(problem),
    };
    if found.iter().any(|text| text == expected) {
        return Verdict::Held(None);
    }
    failed(match found.as_slice() {
        [] => format!("no <{path}>"),
        [one] => format!("<{path}> is {}", one.trim()),
        several => format!("<{path}> are {}", several.join(", ")),
    })
}

pub(crate) fn pointer(answer: &Answer<'_>, pointer: &str, expected: &str) -> Verdict {
    match member(answer.body, pointer) {
        Ok(got) if got == expected => Verdict::Held(None),
        Ok(got) => failed(format!("{pointer} is {}", got.trim())),
        Err(problem) => failed(problem),
    }
}

pub(crate) fn pointer_kind(answer: &Answer<'_>, pointer: &str, expected: JsonKind) -> Verdict {
    let json = match json(answer.body) {
        Ok(json) => json,
        Err(problem) => return failed(problem),
    };
    match json.pointer(pointer).map(JsonKind::of) {
        Some(kind) if kind == expected => Verdict::Held(None),
        Some(kind) => failed(format!("{pointer} is of the kind {kind}")),
        None => failed(format!("nothing at {pointer}")),
    }
}

pub(crate) fn header_present(answer: &Answer<'_>, name: &str) -> Verdict {
    match values(answer, name).next() {
        Some(value) => Verdict::Held(Some(value.to_owned())),
        None => failed(format!("no header {name}")),
    }
}

pub(crate) fn header(answer: &Answer<'_>, name: &str, expected: &str) -> Verdict {
    let values: Vec<&str> = values(answer, name).collect();
    match values.as_slice() {
        [] => failed(format!("no header {name}")),
        values if values.contains(&expected) => Verdict::Held(None),
        values => failed(format!("header {name} is {}", values.join(", "))),
    }
}

/// The value that a capture asks for.
///
/// # Errors
/// If it is not there, or there are several different ones: nobody can tell which is meant.
pub(crate) fn captured(answer: &Answer<'_>, source: &CaptureSource) -> Result<String, String> {
    match source {
        CaptureSource::Element(path) => {
            let mut found = texts(answer.body, path)?;
            found.dedup();
            match found.as_slice() {
                [] => Err(format!("there is no <{path}>")),
                [one] => Ok(one.clone()),
                several => Err(format!("there are several <{path}>: {}", several.join(", "))),
            }
        }
        CaptureSource::Pointer(pointer) => member(answer.body, pointer),
        CaptureSource::Header(name) => {
            let first = values(answer, name).next().map(str::to_owned);
            first.ok_or_else(|| format!("there is no header {name}"))
        }
        CaptureSource::Notified(path) => captured(answer, &CaptureSource::Element(path.clone())),
    }
}

/// Whether a notification is the one that is waited for.
pub(crate) fn is_wanted(heard: &Published, wanted: &Notification) -> bool {
    let about = wanted.about.as_deref().is_none_or(|about| is_about(heard, about));
    about
        && wanted.elements.iter().all(|(path, expected)| {
            texts(heard.payload.as_bytes(), path)
                .is_ok_and(|found| found.iter().any(|text| text == expected.as_str()))
        })
}

/// What a notification says, for a report: the elements that matter, or where it was published.
pub(crate) fn told(heard: &Published) -> String {
    let Ok(root) = xml::parse(heard.payload.trim().as_bytes()) else {
        return format!("{}: {}", heard.node, heard.payload.trim());
    };
    let mut words = Vec::new();
    for name in [
        "event",
        "source",
        "loginId",
        "state",
        "pendingState",
        "reasonCodeId",
        "errorType",
        "errorData",
        "errorMessage",
    ] {
        let mut found = Vec::new();
        collect(&root, &[name], &mut found);
        if let Some(first) = found.first().filter(|text| !text.is_empty()) {
            words.push(format!("{name} {first}"));
        }
    }
    match words.as_slice() {
        [] => format!("{}: {}", heard.node, heard.payload.trim()),
        words => words.join(", "),
    }
}

pub(crate) fn failed(came: impl Into<String>) -> Verdict {
    Verdict::Failed {
        came: came.into(),
        body: String::new(),
    }
}

fn failed_with(came: String, answer: &Answer<'_>) -> Verdict {
    let body = text(answer.body).trim().to_owned();
    Verdict::Failed { came, body }
}

/// A body as text, for reports.
pub(crate) fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into_owned()
}

/// "A user notification" comes from a resource of users, or is published on a node of theirs.
fn is_about(heard: &Published, about: &str) -> bool {
    let resource = format!("/{about}");
    let names_it = |path: &str| {
        let path = path.to_lowercase();
        path.split('/').any(|part| part == about) || path.ends_with(&resource)
    };
    let sources = texts(heard.payload.as_bytes(), "source").unwrap_or_default();
    match sources.as_slice() {
        [] => names_it(&heard.node),
        sources => sources.iter().any(|source| names_it(source)) || about == "team" && names_it(&heard.node),
    }
}

/// The texts of all elements at a path: the innermost name last, each inside the one before it, however deep.
fn texts(body: &[u8], path: &str) -> Result<Vec<String>, String> {
    let root = document(body)?;
    let names: Vec<&str> = path.split('/').collect();
    let mut found = Vec::new();
    collect(&root, &names, &mut found);
    Ok(found)
}

fn collect(element: &Element, names: &[&str], found: &mut Vec<String>) {
    let (Some(first), rest) = (names.first(), names.get(1..).unwrap_or_default()) else {
        return;
    };
    let remaining = if element.is(first) { rest } else { names };
    if remaining.is_empty() {
        found.push(element.trimmed().to_owned());
        return;
    }
    for child in &element.children {
        collect(child, remaining, found);
    }
}

fn member(body: &[u8], pointer: &str) -> Result<String, String> {
    match json(body)?.pointer(pointer) {
        Some(serde_json::Value::String(text)) => Ok(text.clone()),
        Some(other) => Ok(other.to_string()),
        None => Err(format!("nothing at {pointer}")),
    }
}

fn document(body: &[u8]) -> Result<Element, String> {
    xml::parse(body).map_err(|error| match text(body).trim() {
        "" => "no body".to_owned(),
        body => format!("a body that is no XML ({error}): {body}"),
    })
}

fn json(body: &[u8]) -> Result<serde_json::Value, String> {
    serde_json::from_slice(body)
        .map_err(|error| format!("a body that is no JSON ({error}): {}", text(body).trim()))
}

fn values<'a>(answer: &Answer<'a>, name: &str) -> impl Iterator<Item = &'a str> {
    let headers = answer
        .headers
        .iter()
        .filter(move |(known, _)| known.eq_ignore_ascii_case(name));
    headers.map(|(_, value)| value.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Answer<'_> {
        Answer {
            status,
            headers: &[],
            body: body.as_bytes(),
        }
    }

    fn got(verdict: &Verdict) -> String {
        verdict.came().unwrap_or_else(|| format!("{verdict:?}"))
    }

    const TEAM: &str = "<User><id>u</id><teams><Team><id>7</id></Team></teams><state> READY </state></User>";

    #[test]
    fn what_does_not_hold_says_what_came() {
        assert_eq!(got(&status(&answer(202, ""), 202)), "Held(None)");
        assert_eq!(got(&status(&answer(401, " no "), 202)), "HTTP status 401: no");
        assert_eq!(got(&body_empty(&answer(202, "\r\n"))), "Held(None)");
        assert_eq!(got(&body_empty(&answer(202, "x"))), "1 bytes: x");
        assert_eq!(got(&element(&answer(200, TEAM), "state", "READY")), "Held(None)");
        assert_eq!(
            got(&element(&answer(200, TEAM), "state", "LOGOUT")),
            "<state> is READY"
        );
        assert_eq!(got(&element(&answer(200, TEAM), "id", "9")), "<id> are u, 7");
        assert_eq!(got(&element(&answer(200, ""), "id", "9")), "no body");
        assert!(got(&element(&answer(200, "{}"), "id", "9")).contains("no XML"));
        let json = answer(200, r#"{"data": {"n": 3, "t": "x"}}"#);
        assert_eq!(got(&pointer(&json, "/data/n", "3")), "Held(None)");
        assert_eq!(got(&pointer(&json, "/data/t", "y")), "/data/t is x");
        assert_eq!(got(&pointer(&json, "/data/u", "y")), "nothing at /data/u");
    }

    #[test]
    fn a_value_is_copied_only_where_there_is_one() {
        let copied = |path: &str| captured(&answer(200, TEAM), &CaptureSource::Element(path.to_owned()));
        assert_eq!(copied("Team/id"), Ok("7".to_owned()));
        assert_eq!(copied("id"), Err("there are several <id>: u, 7".to_owned()));
        assert_eq!(copied("dialog"), Err("there is no <dialog>".to_owned()));
    }

    #[test]
    fn notifications_are_told_apart_by_what_they_are_about() {
        let heard = |node: &str, payload: &str| Published {
            node: node.to_owned(),
            payload: payload.to_owned(),
        };
        let update = "<Update><data><user><state>LOGOUT</state></user></data><source>/finesse/api/User/1</source></Update>";
        let wanted = |about: &str, state: &[&str]| Notification {
            about: Some(about.to_owned()),
            elements: state
                .iter()
                .map(|state| ("state".to_owned(), (*state).into()))
                .collect(),
            within: None,
        };
        let user = heard("/finesse/api/User/1", update);
        assert!(is_wanted(&user, &wanted("user", &["LOGOUT"])));
        assert!(!is_wanted(&user, &wanted("user", &["READY"])));
        assert!(!is_wanted(&user, &wanted("team", &[])));
        let team = heard("/finesse/api/Team/7/Users", update);
        assert!(is_wanted(&team, &wanted("team", &["LOGOUT"])));
        assert_eq!(told(&team), "source /finesse/api/User/1, state LOGOUT");
    }
}
