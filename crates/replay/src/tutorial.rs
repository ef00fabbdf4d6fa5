//! The model of a tutorial: what any front end reads into, what the runner replays, and what reports speak of.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use signoff_engine::redact::Redactor;
use signoff_engine::secret::Secret;

use crate::template::Template;

/// A tutorial: steps in the order in which a person would follow them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Tutorial {
    /// What it calls itself; the name of its file where it does not.
    pub title: String,
    /// Its steps.
    pub steps: Vec<Step>,
}

/// One step: a title, and tasks.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Step {
    /// As the tutorial numbers it: `7`; empty where it does not.
    pub number: String,
    /// One line.
    pub title: String,
    /// Where it begins.
    pub place: Place,
    /// What it explains before there is anything to do, as plain text.
    pub prose: Vec<String>,
    /// What there is to do, in order. None: there is nothing to do but to read.
    pub tasks: Vec<Task>,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}

/// One thing to do, and what is to be seen then.
#[derive(Debug, Clone, PartialEq)]
pub struct Task {
    /// Where it stands.
    pub place: Place,
    /// What to do.
    pub action: Action,
    /// What is to be seen, in the order of the text.
    pub expectations: Vec<Expectation>,
    /// What is to be kept for later steps.
    pub captures: Vec<Capture>,
}

/// What to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Send a request.
    Request(Request),
    /// Do something with a notification feed.
    Feed(FeedAction),
    /// Something that only a person can do, in the tutorial's words.
    Human(String),
}

/// A request, with variables still in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Request {
    /// Upper case.
    pub method: String,
    /// The whole URL.
    pub url: Template,
    /// Names and values, in order.
    pub headers: Vec<(String, Template)>,
    /// As whom it is sent; `None`: as nobody.
    pub auth: Option<Auth>,
    /// `None`: without one.
    pub body: Option<Template>,
}

impl Action {
    /// The password that it is done with, or the token.
    #[must_use]
    pub const fn secret(&self) -> Option<&Template> {
        match self {
            Self::Request(Request {
                auth: Some(Auth::Basic(login)),
                ..
            })
            | Self::Feed(FeedAction::Connect(FeedLogin { login, .. })) => Some(&login.password),
            Self::Request(Request {
                auth: Some(Auth::Bearer(token)),
                ..
            }) => Some(token),
            _ => None,
        }
    }
}

impl Tutorial {
    /// Teaches a redactor the passwords and tokens that stand in it in clear. In nearly every tutorial they are variables.
    pub fn teach(&self, redactor: &Redactor) {
        let tasks = self.steps.iter().flat_map(|step| &step.tasks);
        for secret in tasks.filter_map(|task| task.action.secret()) {
            if secret.variables().next().is_none() {
                redactor.add(
                    "a password in the tutorial",
                    &Secret::new(secret.as_str().to_owned()),
                );
            }
        }
    }
}

/// How a request says who sends it.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// With a user name and a password (RFC 7617).
    Basic(Login),
    /// With a token (RFC 6750).
    Bearer(Template),
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Basic(login) => f.debug_tuple("Basic").field(login).finish(),
            Self::Bearer(_) => f.debug_tuple("Bearer").finish_non_exhaustive(),
        }
    }
}

impl Request {
    /// The user name and the password that it is sent with.
    #[must_use]
    pub const fn basic(&self) -> Option<&Login> {
        match &self.auth {
            Some(Auth::Basic(login)) => Some(login),
            _ => None,
        }
    }
}

/// A user name and a password.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Login {
    /// The user name.
    pub username: Template,
    /// The password: nearly always a variable, so that no tutorial holds it.
    pub password: Template,
}

impl fmt::Debug for Login {
    /// In nearly every text the password is a variable; where it is not, it is still a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login")
            .field("username", &self.username)
            .finish_non_exhaustive()
    }
}

/// Something to do with a notification feed (XMPP publish-subscribe).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FeedAction {
    /// Sign in to it.
    Connect(FeedLogin),
    /// Sign out of it.
    Disconnect,
    /// Listen to a node.
    Subscribe(Template),
    /// Listen to it no more.
    Unsubscribe(Template),
    /// Ask for the list of what is listened to.
    ListSubscriptions,
}

/// Where and as whom to sign in to a feed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedLogin {
    /// Host or `host:port`; `None`: where the requests of the tutorial go.
    pub server: Option<Template>,
    /// The XMPP domain, unless the environment has one in `xmpp-domain`; `None`: the server's name.
    pub domain: Option<Template>,
    /// As whom.
    pub login: Login,
}

/// What is to be seen after an action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expectation {
    /// Where it is stated.
    pub place: Place,
    /// What exactly.
    pub check: Check,
}

/// What can be checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Check {
    /// The HTTP status.
    Status(u16),
    /// The answer has no body.
    BodyEmpty,
    /// The body is a document of this format.
    BodyFormat(BodyFormat),
    /// The body has this text in it.
    BodyContains(Template),
    /// An element of an XML answer has this text. The path is made of element names, the innermost last: `state`,
    /// `Team/id`.
    Element {
        /// Which element.
        path: String,
        /// Its text.
        equals: Template,
    },
    /// The member of a JSON answer at this pointer (RFC 6901) has this value, as text.
    Pointer {
        /// Which member.
        pointer: String,
        /// Its value.
        equals: Template,
    },
    /// The member of a JSON answer at this pointer is of this kind.
    PointerKind {
        /// Which member.
        pointer: String,
        /// Its kind.
        kind: JsonKind,
    },
    /// The answer has this header, whatever its value.
    HeaderPresent(String),
    /// A header of the answer has this value.
    Header {
        /// Its name.
        name: String,
        /// Its value.
        equals: Template,
    },
    /// The answer comes within this time.
    Within(Duration),
    /// A notification comes in which all these elements have these texts.
    Notification(Notification),
    /// No notification comes.
    NoNotification {
        /// How long that is waited for; `None`: as long as the runner holds right.
        within: Option<Duration>,
    },
    /// The server confirms what was asked of the feed.
    FeedAnswer,
    /// The list of subscriptions holds this node.
    Subscribed(Template),
    /// The list of subscriptions does not hold this node.
    NotSubscribed(Template),
    /// Only a person can see it; in the tutorial's words.
    Seen(String),
    /// The tutorial says something that was not understood; in its words. It never holds.
    Unclear(String),
}

impl Check {
    /// The same with its texts filled in.
    #[must_use]
    pub fn filled(&self, fill: &dyn Fn(&Template) -> Template) -> Self {
        match self {
            Self::Element { path, equals } => Self::Element {
                path: path.clone(),
                equals: fill(equals),
            },
            Self::BodyContains(text) => Self::BodyContains(fill(text)),
            Self::Pointer { pointer, equals } => Self::Pointer {
                pointer: pointer.clone(),
                equals: fill(equals),
            },
            Self::Header { name, equals } => Self::Header {
                name: name.clone(),
                equals: fill(equals),
            },
            Self::Notification(notification) => {
                let elements = notification.elements.iter();
                Self::Notification(Notification {
                    elements: elements
                        .map(|(path, equals)| (path.clone(), fill(equals)))
                        .collect(),
                    ..notification.clone()
                })
            }
            Self::Subscribed(node) => Self::Subscribed(fill(node)),
            Self::NotSubscribed(node) => Self::NotSubscribed(fill(node)),
            other => other.clone(),
        }
    }
}

/// What a body is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFormat {
    /// XML.
    Xml,
    /// JSON.
    Json,
}

impl fmt::Display for BodyFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Xml => "XML",
            Self::Json => "JSON",
        })
    }
}

/// The kind of a JSON value, in the words of JSON Schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonKind {
    /// `null`
    Null,
    /// `true`, `false`
    Boolean,
    /// `1.5`
    Number,
    /// `"text"`
    String,
    /// `[…]`
    Array,
    /// `{…}`
    Object,
}

impl JsonKind {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::Null,
        Self::Boolean,
        Self::Number,
        Self::String,
        Self::Array,
        Self::Object,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::String => "string",
            Self::Array => "array",
            Self::Object => "object",
        }
    }

    /// That of a value.
    #[must_use]
    pub const fn of(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(_) => Self::Boolean,
            serde_json::Value::Number(_) => Self::Number,
            serde_json::Value::String(_) => Self::String,
            serde_json::Value::Array(_) => Self::Array,
            serde_json::Value::Object(_) => Self::Object,
        }
    }
}

impl fmt::Display for JsonKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A notification that is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Notification {
    /// What it is about: `user`, `team`; `None`: anything.
    pub about: Option<String>,
    /// Paths of elements, and their texts.
    pub elements: Vec<(String, Template)>,
    /// How long it is waited for; `None`: as long as the runner holds right.
    pub within: Option<Duration>,
}

/// A value of an answer that later steps use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Capture {
    /// Where that is stated.
    pub place: Place,
    /// The variable that gets it.
    pub variable: String,
    /// Where it comes from.
    pub source: CaptureSource,
}

/// Where a captured value comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CaptureSource {
    /// The text of an element of an XML answer or notification; the path as in [`Check::Element`].
    Element(String),
    /// The member of a JSON answer at this pointer.
    Pointer(String),
    /// A header.
    Header(String),
    /// The text of an element of the notification that was expected and came; the path as in [`Check::Element`].
    Notified(String),
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Request(request) => {
                write!(f, "{} {}", request.method, request.url)?;
                match &request.auth {
                    Some(Auth::Basic(login)) => write!(f, " as {}", login.username),
                    Some(Auth::Bearer(_)) => f.write_str(" with a token"),
                    None => Ok(()),
                }
            }
            Self::Feed(action) => action.fmt(f),
            Self::Human(words) => write!(f, "a person: {words}"),
        }
    }
}

impl fmt::Display for FeedAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Connect(feed) => write!(f, "sign in to the feed as {}", feed.login.username),
            Self::Disconnect => f.write_str("sign out of the feed"),
            Self::Subscribe(node) => write!(f, "subscribe to {node}"),
            Self::Unsubscribe(node) => write!(f, "unsubscribe from {node}"),
            Self::ListSubscriptions => f.write_str("list the subscriptions"),
        }
    }
}

impl fmt::Display for CaptureSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Element(path) => write!(f, "<{path}>"),
            Self::Pointer(pointer) => f.write_str(pointer),
            Self::Header(name) => write!(f, "header {name}"),
            Self::Notified(path) => write!(f, "<{path}> of the notification"),
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => write!(f, "HTTP status {status}"),
            Self::BodyEmpty => f.write_str("an empty body"),
            Self::BodyFormat(format) => write!(f, "a body of {format}"),
            Self::BodyContains(text) => write!(f, "a body with {text} in it"),
            Self::Element { path, equals } => write!(f, "<{path}> is {equals}"),
            Self::Pointer { pointer, equals } => write!(f, "{pointer} is {equals}"),
            Self::PointerKind { pointer, kind } => write!(f, "{pointer} is of the kind {kind}"),
            Self::HeaderPresent(name) => write!(f, "a header {name}"),
            Self::Header { name, equals } => write!(f, "header {name} is {equals}"),
            Self::Within(time) => write!(f, "an answer within {} ms", time.as_millis()),
            Self::Notification(notification) => {
                let about = notification.about.as_deref();
                write!(
                    f,
                    "a {}{}notification",
                    about.unwrap_or_default(),
                    if about.is_some() { " " } else { "" }
                )?;
                for (number, (path, equals)) in notification.elements.iter().enumerate() {
                    write!(
                        f,
                        "{} <{path}> {equals}",
                        if number > 0 { " and" } else { " with" }
                    )?;
                }
                Ok(())
            }
            Self::NoNotification { .. } => f.write_str("no notification"),
            Self::FeedAnswer => f.write_str("the feed's confirmation"),
            Self::Subscribed(node) => write!(f, "a subscription to {node}"),
            Self::NotSubscribed(node) => write!(f, "no subscription to {node}"),
            Self::Seen(words) => write!(f, "a person sees: {words}"),
            Self::Unclear(words) => write!(f, "NOT UNDERSTOOD: {words}"),
        }
    }
}
