//! What a sentence of a lab says: the dialect, sentence by sentence. What asks for something and is not known here is
//! [`Meaning::Unclear`]; nothing is ever guessed.

use super::Meaning;
use super::sentences::Sentence;
use super::values;
use crate::template::Template;
use crate::tutorial::{BodyFormat, Check, Notification};

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
const IMPERATIVES: [&str; 64] = [
    "add",
    "append",
    "apply",
    "assign",
    "change",
    "check",
    "choose",
    "clear",
    "click",
    "close",
    "complete",
    "confirm",
    "connect",
    "construct",
    "copy",
    "create",
    "delete",
    "double-click",
    "drag",
    "edit",
    "ensure",
    "enter",
    "execute",
    "fill",
    "find",
    "go",
    "hit",
    "import",
    "issue",
    "launch",
    "log",
    "make",
    "modify",
    "move",
    "navigate",
    "open",
    "paste",
    "perform",
    "press",
    "push",
    "put",
    "refresh",
    "remove",
    "repeat",
    "replace",
    "restart",
    "right-click",
    "run",
    "save",
    "select",
    "send",
    "set",
    "sign",
    "start",
    "stop",
    "submit",
    "switch",
    "tick",
    "type",
    "update",
    "use",
    "verify",
    "wait",
    "write",
];

/// Ways to say what is to be seen.
const SEES: [&str; 9] = [
    "should see",
    "should receive",
    "should get",
    "should be",
    "should have",
    "should return",
    "you will see",
    "you will also see",
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

/// Ways to ask that something be looked for, at the beginning of a sentence.
const CONFIRMS: [&str; 4] = ["confirm", "verify", "ensure", "make sure"];

/// The program that a sentence names as the one in which something is done, if it does.
pub(super) fn program(sentence: &Sentence) -> Option<Program> {
    let first = sentence.text.split_whitespace().next().unwrap_or_default();
    // Only a request has a status, and only there one is constructed.
    if sentence.says_any(&["http status", "status code"]) || method(sentence).is_some() {
        return Some(Program::Requests);
    }
    if first.eq_ignore_ascii_case("open")
        && !sentence.says_any(&["tab", "window", "menu", "dialog", "console"])
    {
        let name = sentence.bold.last()?;
        return Some(known_program(name).unwrap_or(Program::Other));
    }
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
    Some(known_program(name).unwrap_or(Program::Other))
}

fn known_program(name: &str) -> Option<Program> {
    let name = name.to_lowercase();
    let known = PROGRAMS.iter().find(|(known, _)| name.contains(known));
    known.map(|(_, program)| *program)
}

/// Whether a sentence says what is to be seen.
pub(super) fn is_expectation(sentence: &Sentence) -> bool {
    let sees = sentence.says_any(&SEES) && !sentence.says("where you will see");
    sees || sentence.says_any(&SEES_NOT) || confirms(sentence)
}

/// "Verify that agentA is signed in by confirming the **Available** status."
fn confirms(sentence: &Sentence) -> bool {
    let text = sentence.text.to_lowercase();
    CONFIRMS
        .iter()
        .any(|word| text.strip_prefix(word).is_some_and(|rest| rest.starts_with(' ')))
}

/// "If the status is another one, repeat the steps": what comes after is not done by whoever succeeds.
fn is_otherwise(sentence: &Sentence) -> bool {
    let text = sentence.text.to_lowercase();
    let condition = text.strip_prefix("if ").and_then(|rest| rest.split_once(','));
    condition.is_some_and(|(condition, _)| {
        [" not ", "n't ", " fails"]
            .iter()
            .any(|word| format!("{condition} ").contains(word))
    })
}

/// Whether a sentence is part of what is done or looked for: it is not to be passed over where it cannot be followed. What
/// merely names a method or an address explains.
pub(super) fn is_deed(sentence: &Sentence, meaning: &Meaning) -> bool {
    match meaning {
        Meaning::Method(_) => sentence.says_any(&["construct", "select"]),
        Meaning::Url(_) => sentence.says_any(&["put ", "enter "]),
        Meaning::Send
        | Meaning::Connect
        | Meaning::Disconnect
        | Meaning::Expects(..)
        | Meaning::ListsSubscribed
        | Meaning::Copies { .. } => true,
        _ => false,
    }
}

/// "If you are using a **Windows** workstation:"
pub(super) fn is_alternative(sentence: &Sentence) -> bool {
    sentence.says("if you are using") && sentence.text.ends_with(':')
}

/// What a sentence says, within what it is about.
pub(super) fn understand(sentence: &Sentence, program: Program) -> Meaning {
    let sees = is_expectation(sentence);
    if is_otherwise(sentence) {
        return if sees {
            Meaning::Unclear("it says what should be seen under a condition")
        } else {
            Meaning::Otherwise
        };
    }
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
    if program == Program::Feed && sentence.says("contains") && sentence.says("subscribed to") {
        return Meaning::ListsSubscribed;
    }
    let known = match program {
        // A page that goes back to requests does not always say so.
        Program::Feed => feed(sentence).or_else(|| request(sentence)),
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
    if let Some(method) = method(sentence) {
        return Some(Meaning::Method(method.to_owned()));
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

/// "Construct a REST **PUT** request", "From the request method dropdown menu, select **PUT**".
fn method(sentence: &Sentence) -> Option<&str> {
    let mut words = sentence.bold.iter().chain(&sentence.codes);
    let method = words.find(|word| METHODS.contains(&word.as_str()))?;
    sentence
        .says_any(&["construct", "request method", "method dropdown", "http method"])
        .then_some(method)
}

/// What is said of a feed.
fn feed(sentence: &Sentence) -> Option<Meaning> {
    // "Go to File > Disconnect: agentA > XML Console" opens a window.
    if sentence.says(" > ") && sentence.says("go to") {
        return Some(Meaning::Window);
    }
    if ends_feed(sentence) {
        return Some(Meaning::Disconnect);
    }
    if let Some(meaning) = address(sentence).or_else(|| login(sentence)) {
        return Some(meaning);
    }
    let label = sentence.bold.first().map(|bold| bold.to_lowercase());
    if let Some(label) = label {
        let value = sentence.codes.last().map(|code| Template::new(code.as_str()));
        match (label.trim_end_matches(':'), value) {
            ("domain", Some(value)) => return Some(Meaning::Domain(value)),
            ("server" | "connect server" | "host", Some(value)) => return Some(Meaning::Server(value)),
            ("port" | "connect port", Some(value)) => return Some(Meaning::Port(value)),
            ("resource" | "protocol", _) => return Some(Meaning::Window),
            // The accounts of the program that is replaced.
            ("delete" | "- (minus)" | "+ (plus)" | "xmpp (jabber)", None) => return Some(Meaning::Window),
            _ => {}
        }
    }
    if sentence
        .bold
        .iter()
        .any(|bold| is_one_of(bold, &["add", "save", "connect", "sign in", "ok"]))
    {
        let opens = sentence.says_any(&["window", "dialog", "appear", "account type"]);
        return Some(if opens { Meaning::Window } else { Meaning::Connect });
    }
    if sentence.says_any(&["push enter", "press enter", "hit enter"]) {
        return Some(Meaning::Send);
    }
    if sentence.says("account") && sentence.says_any(&["existing", "select "]) {
        return Some(Meaning::Window);
    }
    if sentence.says("add ") && sentence.says("to the xmpp client") {
        return Some(Meaning::Window);
    }
    sentence
        .says_any(&[
            "xmpp console",
            "xml console",
            "manage accounts",
            "advanced",
            "basic tab",
            "options tab",
            "will pop up",
            "protocol",
            "plugin",
            "encryption",
            "plaintext",
            "plain text",
        ])
        .then_some(Meaning::Window)
        .filter(|_| !sentence.says("following"))
}

/// "Delete the account of agentA", "disconnect": but not "delete any existing accounts", of which there are none here.
fn ends_feed(sentence: &Sentence) -> bool {
    let deletes = sentence.says_any(&["delete the ", "remove the ", "disable the "]);
    let account = sentence.says("account") && !sentence.says("existing");
    sentence.says_any(&["disconnect", "sign out"]) || deletes && account
}

/// An address such as `{{agentA_username}}@abc.inc/any`, which is a user name and a domain; a resource is our own.
fn address(sentence: &Sentence) -> Option<Meaning> {
    let label = sentence.bold.first()?.to_lowercase();
    let labels = ["jabber id", "jid", "xmpp id", "username", "user name"];
    if !labels.contains(&label.trim_end_matches(':')) {
        return None;
    }
    let (username, domain) = sentence.codes.last()?.rsplit_once('@')?;
    let domain = domain.split_once('/').map_or(domain, |(domain, _)| domain);
    Some(Meaning::Jid {
        username: Template::new(username),
        domain: Template::new(domain),
    })
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
    if sentence.text.to_lowercase().starts_with("replace ")
        && let Some(code) = sentence.codes.first()
        && let Some(variable) = Template::new(code.as_str()).variables().next()
        && !variable.given
    {
        return Some(Meaning::FillsIn(variable.name.to_owned()));
    }
    if sentence.text.to_lowercase().starts_with("open ") && program(sentence).is_some() {
        return Some(Meaning::Window);
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
    Some(Meaning::Copies {
        element,
        variable,
        notified: sentence.says("notification"),
    })
}

/// The path of an element that a sentence describes: "the value of the `<id>` tag from within the `<Team>` tag".
pub(super) fn described(sentence: &Sentence) -> Option<String> {
    let path = values::path(sentence).filter(|path| path.contains('/'))?;
    let nested = sentence.says_any(&["within", "inside"]);
    (sentence.says("value of") && nested).then_some(path)
}

/// What is to be seen.
fn expects(sentence: &Sentence, program: Program) -> Meaning {
    let of_feed = program == Program::Feed;
    let is_notification =
        sentence.says_any(&["notification", "xmpp event"]) || of_feed && sentence.says(" event");
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
            values::Seen::Xml => checks.push(Check::BodyFormat(BodyFormat::Xml)),
            values::Seen::Json => checks.push(Check::BodyFormat(BodyFormat::Json)),
            values::Seen::Confirmed if program == Program::Feed => {
                if !checks.contains(&Check::FeedAnswer) {
                    checks.push(Check::FeedAnswer);
                }
            }
            values::Seen::Notification => {}
            values::Seen::Confirmed => unclear.push("a confirmation".to_owned()),
            values::Seen::Unclear(words) if of_feed && words.ends_with(" event") => {}
            values::Seen::Unclear(words) => unclear.push(words),
        }
    }
    let of_answers = |check: &Check| !matches!(check, Check::FeedAnswer);
    if of_feed && !is_notification && (!elements.is_empty() || checks.iter().any(of_answers)) {
        return Meaning::Unclear("it is about the XMPP console, and names no notification and no event");
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
