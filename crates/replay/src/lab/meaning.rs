//! What a sentence of a lab can say, and how that is told to whoever asks.

use std::fmt;

use crate::template::Template;
use crate::tutorial::Check;

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
    /// The user name and the domain of the feed, as one address.
    Jid {
        /// Without the domain.
        username: Template,
        /// Without a resource.
        domain: Template,
    },
    /// The domain of the feed.
    Domain(Template),
    /// The server of the feed.
    Server(Template),
    /// The port of the feed.
    Port(Template),
    /// The type of the body.
    ContentType(String),
    /// The body, or the stanza, is what stands between the next fences.
    BodyFollows,
    /// What stands between fences is the body, or the stanza.
    Body,
    /// What stands between fences illustrates what is said.
    Illustrates,
    /// A value that an earlier step has copied is filled in, which happens by itself.
    FillsIn(String),
    /// The request, or the stanza, is sent.
    Send,
    /// The feed is signed in to.
    Connect,
    /// The feed is signed out of.
    Disconnect,
    /// This is to be seen; and what of the sentence could not be understood.
    Expects(Vec<Check>, Vec<String>),
    /// What was subscribed to before is to be seen in the list of subscriptions.
    ListsSubscribed,
    /// A value is kept for later; `None`: the text does not say under which name.
    Copies {
        /// The path of the element.
        element: String,
        /// The variable.
        variable: Option<String>,
        /// Whether it stands in the notification, and not in the answer.
        notified: bool,
    },
    /// Items of this step are repeated, with the body that follows.
    Repeats {
        /// The first.
        from: u32,
        /// The last.
        to: u32,
    },
    /// What to do if something is not as it should be; then the replay fails instead.
    Otherwise,
    /// What follows is for one kind of computer; the first kind is followed.
    Alternative,
    /// It is for another kind of computer than what was followed.
    PassedOver,
    /// Only a person can do it.
    Person,
    /// Only a person can see it.
    PersonSees,
    /// It asks for something, and is not understood; why.
    Unclear(&'static str),
}

/// Whoever replays a lab of old knows the domain better than its text.
const UNLESS: &str = ", unless the environment has `xmpp-domain`";

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
            Self::Jid { username, domain } => {
                write!(f, "user name: {username}, domain: {domain}{UNLESS}")
            }
            Self::Domain(domain) => write!(f, "domain: {domain}{UNLESS}"),
            Self::Server(server) => write!(f, "server: {server}"),
            Self::Port(port) => write!(f, "port: {port}"),
            Self::ContentType(content_type) => write!(f, "content type: {content_type}"),
            Self::BodyFollows => f.write_str("what is sent follows"),
            Self::Body => f.write_str("what is sent"),
            Self::Illustrates => f.write_str("an illustration"),
            Self::FillsIn(name) => write!(f, "fills in {{{name}}}, which happens by itself"),
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
            Self::ListsSubscribed => f.write_str("expects: what was subscribed to before is in the list"),
            Self::Copies {
                element,
                variable,
                notified,
            } => {
                let from = if *notified { " of the notification" } else { "" };
                write!(f, "keeps <{element}>{from}")?;
                match variable {
                    Some(variable) => write!(f, " as {{{variable}}}"),
                    None => Ok(()),
                }
            }
            Self::Repeats { from, to } => write!(f, "repeats items {from} to {to} with another body"),
            Self::Otherwise => f.write_str("what to do if it is not so: a replay fails instead"),
            Self::Alternative => f.write_str("for one kind of computer; the first kind is followed"),
            Self::PassedOver => f.write_str("for another kind of computer: passed over"),
            Self::Person => f.write_str("only a person can do it"),
            Self::PersonSees => f.write_str("only a person can see it"),
            Self::Unclear(why) => write!(f, "NOT UNDERSTOOD: {why}"),
        }
    }
}
