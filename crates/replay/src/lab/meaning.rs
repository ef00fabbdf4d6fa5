//! What a sentence of a lab says: the dialect, sentence by sentence. What asks for something and is not known here is
//! [`Meaning::Unclear`]; nothing is ever guessed.

use std::fmt;

use super::sentences::Sentence;
use super::values;
use crate::template::Template;
use crate::tutorial::{Check, Notification};

/// What a sentence was understood to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Meaning {
    /// It explains: there is nothing to do and nothing to check.
    Explains,
    /// It is about the windows of the program that a person would use; nothing follows from it here.
    Window,
    /// What was entered before is forgotten.
    Reset,
    /// The method of the request.
    Method(String),
    /// The URL of the request.
    Url(Template),
    /// The request has Basic authentication; who, and with which password, is said elsewhere.
    Basic,
    /// The request has no authentication.
    NoAuthentication,
    /// The user name, of the request or of the feed.
    Username(Template),
    /// The password, of the request or of the feed.
    Password(Template),
    /// The domain of the feed.
    Domain(Template),
    /// The server of the feed.
    Server(Template),
    /// The type of the body.
    ContentType(String),
    /// The body, or the stanza, is what stands between the next fences.
    BodyFollows,
    /// What stands between fences is the body, or the stanza.
    Body,
    /// What stands between fences illustrates what is said.
    Illustrates,
    /// The request, or the stanza, is sent.
    Send,
    /// The feed is signed in to.
    Connect,
    /// The feed is signed out of.
    Disconnect,
    /// This is to be seen; and what of the sentence could not be understood.
    Expects(Vec<Check>, Vec<String>),
    /// A value is kept for later; `None`: the text does not say under which name.
    Copies {
        /// The path of the element.
        element: String,
        /// The variable.
        variable: Option<String>,
    },
    /// Items of this step are repeated, with the body that follows.
    Repeats {
        /// The first.
        from: u32,
        /// The last.
        to: u32,
    },
    /// Only a person can do it.
    Person,
    /// Only a person can see it.
    PersonSees,
    /// It asks for something, and is not understood; why.
    Unclear(&'static str),
}

/// Which program a sentence is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Program {
    /// What sends requests: Postman.
    Requests,
    /// What shows notifications: an XMPP client.
    Feed,
    /// Anything else, which only a person can use.
    Other,
}

/// Names of the programs that are replaced; the misspelt one stands in a lab.
const PROGRAMS: [(&str, Program); 6] = [
    ("postman", Program::Requests),
    ("pidgin", Program::Feed),
    ("pidigin", Program::Feed),
    ("adium", Program::Feed),
    ("xmpp", Program::Feed),
    ("console", Program::Feed),
];

const METHODS: [&str; 7] = ["GET", "PUT", "POST", "DELETE", "PATCH", "HEAD", "OPTIONS"];

/// Words with which a sentence tells somebody to do something.
const IMPERATIVES: [&str; 33] = [
    "add",
    "assign",
    "change",
    "check",
    "choose",
    "clear",
    "click",
    "close",
    "complete",
    "construct",
    "copy",
    "create",
    "delete",
    "double-click",
    "enter",
    "fill",
    "go",
    "launch",
    "log",
    "make",
    "open",
    "paste",
    "press",
    "put",
    "remove",
    "repeat",
    "right-click",
    "select",
    "send",
    "set",
    "sign",
    "type",
    "verify",
];

/// Ways to say what is to be seen.
const SEES: [&str; 8] = [
    "should see",
    "should receive",
    "should get",
    "should be",
    "should have",
    "should return",
    "you will see",
    "must be",
];
const SEES_NOT: [&str; 6] = [
    "should not see",
    "should not receive",
    "should not get",
    "should not be",
    "should see no ",
    "will not see",
];

/// The program that a sentence names as the one in which something is done, if it does.
pub(super) fn program(sentence: &Sentence) -> Option<Program> {
    let first = sentence.text.split_whitespace().next().unwrap_or_default();
    let names_one = first.eq_ignore_ascii_case("in") || first.eq_ignore_ascii_case("using");
    let name = sentence.bold.first().filter(|_| names_one)?;
    // "In **Postman**": what is in bold must follow at once, else it is something that stands in a window.
    let after = sentence.text.get(first.len()..)?.trim_start();
    let after = ["your ", "the "]
        .iter()
        .find_map(|word| after.strip_prefix(word))
        .unwrap_or(after);
    if !after.starts_with(name.as_str()) {
        return None;
    }
    let name = name.to_lowercase();
    let known = PROGRAMS.iter().find(|(known, _)| name.contains(known));
    Some(known.map_or(Program::Other, |(_, program)| *program))
}

/// Whether a sentence says what is to be seen.
pub(super) fn is_expectation(sentence: &Sentence) -> bool {
    sentence.says_any(&SEES) || sentence.says_any(&SEES_NOT)
}

/// What a sentence says, within what it is about.
pub(super) fn understand(sentence: &Sentence, program: Program) -> Meaning {
    let sees = is_expectation(sentence);
    if program == Program::Other {
        return if sees {
            Meaning::PersonSees
        } else {
            Meaning::Person
        };
    }
    if let Some(meaning) = repeats(sentence).or_else(|| copies(sentence)) {
        return meaning;
    }
    if sees {
        return expects(sentence, program);
    }
    let known = match program {
        Program::Feed => feed(sentence),
        Program::Requests | Program::Other => request(sentence),
    };
    known
        .or_else(|| common(sentence))
        .unwrap_or_else(|| unknown(sentence))
}

/// What is said of requests.
fn request(sentence: &Sentence) -> Option<Meaning> {
    if let Some(url) = sentence.codes.iter().find(|code| code.contains("://")) {
        let asks = sentence.says("url");
        return Some(if asks {
            Meaning::Url(Template::new(url.as_str()))
        } else {
            Meaning::Unclear("it has a URL, and does not say that this is to be entered")
        });
    }
    if sentence.says_any(&["put the url", "enter the url", "enter request url"]) {
        return Some(Meaning::Unclear("it asks for a URL, and has none in backticks"));
    }
    let method = sentence
        .bold
        .iter()
        .chain(&sentence.codes)
        .find(|bold| METHODS.contains(&bold.as_str()));
    if let Some(method) = method
        && sentence.says_any(&["construct", "request method", "method dropdown", "http method"])
    {
        return Some(Meaning::Method(method.clone()));
    }
    if sentence.says("basic auth") && sentence.says("value") {
        return Some(login(sentence).unwrap_or(Meaning::Unclear(
            "it asks for a user name or a password, and has none in backticks",
        )));
    }
    if sentence.says("authorization") && sentence.says("tab") {
        return Some(
            match sentence.bold.last().map(|bold| bold.to_lowercase()).as_deref() {
                Some("basic auth") => Meaning::Basic,
                Some("no auth") => Meaning::NoAuthentication,
                _ => Meaning::Unclear("of the kinds of authorization it knows Basic Auth and No Auth"),
            },
        );
    }
    if let Some(content_type) = content_type(sentence) {
        return Some(Meaning::ContentType(content_type));
    }
    if sentence.bold.iter().any(|bold| bold.eq_ignore_ascii_case("body")) {
        let raw = sentence.bold.iter().any(|bold| bold.eq_ignore_ascii_case("raw"));
        return Some(if raw {
            Meaning::Window
        } else {
            Meaning::Unclear("of the kinds of body it knows `raw`")
        });
    }
    if sentence.says_any(&["update request", "authorization header"]) {
        return Some(Meaning::Window);
    }
    sentence
        .says_any(&["reset button", "open a new tab", "new request tab"])
        .then_some(Meaning::Reset)
}

/// What is said of a feed.
fn feed(sentence: &Sentence) -> Option<Meaning> {
    if sentence.says_any(&[
        "disconnect",
        "delete the account",
        "remove the account",
        "disable the account",
        "sign out",
    ]) {
        return Some(Meaning::Disconnect);
    }
    if let Some(meaning) = login(sentence) {
        return Some(meaning);
    }
    let label = sentence.bold.first().map(|bold| bold.to_lowercase());
    if let (Some(label), Some(code)) = (label, sentence.codes.last()) {
        let value = Template::new(code.as_str());
        match label.trim_end_matches(':') {
            "domain" => return Some(Meaning::Domain(value)),
            "server" | "connect server" | "host" => return Some(Meaning::Server(value)),
            "port" | "connect port" | "resource" | "protocol" => return Some(Meaning::Window),
            _ => {}
        }
    }
    if sentence
        .bold
        .iter()
        .any(|bold| is_one_of(bold, &["add", "save", "connect", "sign in"]))
    {
        let opens = sentence.says_any(&["window", "dialog", "appear", "account type"]);
        return Some(if opens { Meaning::Window } else { Meaning::Connect });
    }
    sentence
        .says_any(&[
            "xmpp console",
            "xml console",
            "manage accounts",
            "advanced",
            "basic tab",
            "protocol",
            "plugin",
            "encryption",
            "plaintext",
            "plain text",
        ])
        .then_some(Meaning::Window)
        .filter(|_| !sentence.says("following"))
}

/// What is said of requests and of feeds in the same words.
fn common(sentence: &Sentence) -> Option<Meaning> {
    if sentence.says_any(&[
        "put the following",
        "enter the following",
        "paste the following",
        "type the following",
    ]) {
        return Some(Meaning::BodyFollows);
    }
    let clicks = sentence.says("click");
    if clicks && sentence.bold.iter().any(|bold| bold.eq_ignore_ascii_case("send")) {
        return Some(Meaning::Send);
    }
    // What a window does by itself.
    sentence
        .says_any(&[" appear.", " appears.", " appear ", " appears ", "is displayed"])
        .then_some(Meaning::Window)
}

fn unknown(sentence: &Sentence) -> Meaning {
    let first: String = sentence
        .text
        .split_whitespace()
        .next()
        .unwrap_or_default()
        .trim_matches(|letter: char| !letter.is_alphanumeric() && letter != '-')
        .to_lowercase();
    if is_one_of(&first, &IMPERATIVES) {
        return Meaning::Unclear("it tells to do something that is not known");
    }
    if sentence.says(" should ") || sentence.says(" must ") {
        return Meaning::Unclear("it says how something should be, in words that are not known");
    }
    if sentence.text.split_once(", ").is_some_and(|(_, rest)| {
        let second = rest.split_whitespace().next().unwrap_or_default().to_lowercase();
        is_one_of(&second, &IMPERATIVES)
    }) {
        return Meaning::Unclear("it tells to do something that is not known");
    }
    Meaning::Explains
}

fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// A user name or a password, with its value.
fn login(sentence: &Sentence) -> Option<Meaning> {
    let value = Template::new(sentence.codes.last()?.as_str());
    let label = sentence.bold.iter().find(|bold| {
        let bold = bold.trim_end_matches(':');
        is_one_of(bold, &["username", "user name", "password"])
    })?;
    Some(if label.to_lowercase().starts_with("password") {
        Meaning::Password(value)
    } else {
        Meaning::Username(value)
    })
}

/// `XML (application/xml)`, selected as the type of the body.
fn content_type(sentence: &Sentence) -> Option<String> {
    if !sentence.says("select") {
        return None;
    }
    let inside = |text: &str| {
        let (_, rest) = text.split_once('(')?;
        let (inside, _) = rest.split_once(')')?;
        (inside.contains('/') && !inside.contains(' ')).then(|| inside.to_owned())
    };
    sentence.bold.iter().find_map(|bold| inside(bold))
}

/// "Repeat steps 1-5 in this section with the following XML".
fn repeats(sentence: &Sentence) -> Option<Meaning> {
    let text = sentence.text.to_lowercase();
    let (_, rest) = text.split_once("repeat step")?;
    let numbers: Vec<u32> = rest
        .trim_start_matches('s')
        .split(|letter: char| !letter.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .map_while(|digits| digits.parse().ok())
        .take(2)
        .collect();
    Some(match *numbers.as_slice() {
        [from, to] if from <= to => Meaning::Repeats { from, to },
        [only] => Meaning::Repeats { from: only, to: only },
        _ => Meaning::Unclear("it says to repeat steps, and not which"),
    })
}

/// "Copy the value of the `<id>` tag".
fn copies(sentence: &Sentence) -> Option<Meaning> {
    let asks = sentence.says_any(&[
        "copy the value",
        "copy the text",
        "note the value",
        "write down the value",
        "make a note of the value",
        "save the value",
    ]);
    if !asks {
        return None;
    }
    let Some(element) = values::path(sentence) else {
        return Some(Meaning::Unclear(
            "it says to copy a value, and not of which element",
        ));
    };
    let text = Template::new(sentence.text.as_str());
    let variable = text.variables().next().map(|variable| variable.name.to_owned());
    Some(Meaning::Copies { element, variable })
}

/// What is to be seen.
fn expects(sentence: &Sentence, program: Program) -> Meaning {
    let is_notification = sentence.says_any(&["notification", "xmpp event"]);
    if sentence.says_any(&SEES_NOT) {
        return if is_notification {
            Meaning::Expects(vec![Check::NoNotification { within: None }], Vec::new())
        } else {
            Meaning::Unclear("of what is not to be seen it knows notifications")
        };
    }
    let seen = values::seen(sentence);
    let mut checks = Vec::new();
    let mut unclear = Vec::new();
    let mut elements = Vec::new();
    for part in seen {
        match part {
            values::Seen::Status(status) => checks.push(Check::Status(status)),
            values::Seen::BodyEmpty => checks.push(Check::BodyEmpty),
            values::Seen::Element(path, equals) => elements.push((path, equals)),
            values::Seen::Confirmed if program == Program::Feed => checks.push(Check::FeedAnswer),
            values::Seen::Notification => {}
            values::Seen::Confirmed => unclear.push("a confirmation".to_owned()),
            values::Seen::Unclear(words) => unclear.push(words),
        }
    }
    if is_notification {
        let about = ["user", "team", "dialog"].into_iter().find(|about| {
            sentence.says(&format!("{about} notification")) || sentence.says(&format!("{about} event"))
        });
        checks.push(Check::Notification(Notification {
            about: about.map(str::to_owned),
            elements,
            within: None,
        }));
    } else {
        checks.extend(
            elements
                .into_iter()
                .map(|(path, equals)| Check::Element { path, equals }),
        );
    }
    if checks.is_empty() {
        return Meaning::Unclear("it says what should be seen, in words that are not known");
    }
    Meaning::Expects(checks, unclear)
}

impl fmt::Display for Meaning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Explains => f.write_str("explains"),
            Self::Window => f.write_str("about a window: nothing to do"),
            Self::Reset => f.write_str("begins a new request"),
            Self::Method(method) => write!(f, "method: {method}"),
            Self::Url(url) => write!(f, "URL: {url}"),
            Self::Basic => f.write_str("authentication: Basic"),
            Self::NoAuthentication => f.write_str("authentication: none"),
            Self::Username(username) => write!(f, "user name: {username}"),
            // In nearly every text it is a variable; where it is not, it is still a password.
            Self::Password(password) if password.variables().next().is_none() => {
                f.write_str("password: [redacted]")
            }
            Self::Password(password) => write!(f, "password: {password}"),
            Self::Domain(domain) => write!(f, "domain: {domain}"),
            Self::Server(server) => write!(f, "server: {server}"),
            Self::ContentType(content_type) => write!(f, "content type: {content_type}"),
            Self::BodyFollows => f.write_str("what is sent follows"),
            Self::Body => f.write_str("what is sent"),
            Self::Illustrates => f.write_str("an illustration"),
            Self::Send => f.write_str("sends"),
            Self::Connect => f.write_str("signs in to the feed"),
            Self::Disconnect => f.write_str("signs out of the feed"),
            Self::Expects(checks, unclear) => {
                f.write_str("expects: ")?;
                for (number, check) in checks.iter().enumerate() {
                    write!(f, "{}{check}", if number > 0 { ", " } else { "" })?;
                }
                match unclear.as_slice() {
                    [] => Ok(()),
                    unclear => write!(f, "; NOT UNDERSTOOD: {}", unclear.join(", ")),
                }
            }
            Self::Copies {
                element,
                variable: Some(variable),
            } => write!(f, "keeps <{element}> as {{{variable}}}"),
            Self::Copies {
                element,
                variable: None,
            } => write!(f, "keeps <{element}>"),
            Self::Repeats { from, to } => write!(f, "repeats items {from} to {to} with another body"),
            Self::Person => f.write_str("only a person can do it"),
            Self::PersonSees => f.write_str("only a person can see it"),
            Self::Unclear(why) => write!(f, "NOT UNDERSTOOD: {why}"),
        }
    }
}
