//! The two traits of a provider, and what it is given.

use std::time::Duration;

use crate::{
    CredentialKind, FeedEvent, FeedPlan, FeedWish, Field, Input, Monotonic, Notification, Now, Response,
    Step, User, Value,
};

/// One vendor's API, with the options of one connection.
///
/// Export it with [`export_provider!`](crate::export_provider).
pub trait Provider: Send + Sync + Sized + 'static {
    /// The state machine of its operations; an enum where there are several.
    type Op: Operation;

    /// A provider with these options of a connection, which the host has checked against the descriptor.
    ///
    /// # Errors
    /// [`Error::Options`] if they do not fit each other.
    fn new(options: Options<'_>) -> Result<Self, Error>;

    /// Begins an operation that the descriptor declares.
    ///
    /// # Errors
    /// For misuse: what happens in the world is an outcome.
    fn start(
        &self,
        operation: &str,
        args: Args<'_>,
        context: Context<'_>,
        now: Now,
    ) -> Result<Self::Op, Error>;

    /// What an answer means for the host: retries, limits and credentials rest on it. Pure; called once for every
    /// answer, before the operation sees it.
    fn classify(&self, response: &Response<'_>) -> Class;

    /// Whether the vendor tells of changes by itself; then there is [`Self::feed`].
    const HAS_FEED: bool = false;

    /// Begins to find out how to listen: an operation that only reads, and once it has finished with
    /// [`Outcome::Done`](crate::Outcome::Done) has a [plan](Operation::feed_plan).
    ///
    /// # Errors
    /// For misuse.
    fn feed(&self, _wish: FeedWish<'_>, _now: Now) -> Result<Self::Op, Error> {
        Err(Error::UnknownOperation("feed".to_owned()))
    }
}

/// One operation under way.
pub trait Operation: Send + 'static {
    /// What it wants next. After every input the host asks until it gets [`Step::Wait`] or [`Step::Finished`].
    fn next(&mut self, now: Now) -> Step;

    /// What happened. An input that was not asked for is ignored.
    fn input(&mut self, now: Now, input: Input<'_>);

    /// How to listen, once a feed has finished well.
    fn feed_plan(&mut self) -> Option<FeedPlan> {
        None
    }

    /// What a notification that arrived says; nothing if it makes no sense.
    fn decode(&mut self, _notification: Notification<'_>) -> Vec<FeedEvent> {
        Vec::new()
    }
}

/// What an answer means for the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// The vendor processed it, and accepts the credential.
    Ok,
    /// Not processed: too many requests. To be repeated, no sooner than after this, if the vendor says.
    Throttled(Option<Duration>),
    /// Not processed: out of service. To be repeated.
    Unavailable,
    /// The token has run out: to be fetched again, and the request repeated once.
    TokenExpired,
    /// The credential is no good. Nothing leaves with it any more.
    CredentialRefused,
    /// The credential may be no good: nothing leaves with it but requests that
    /// [prove it](crate::Request::proves_credential), until one is answered. On such a request it means
    /// [`Class::CredentialRefused`]. The operation that gets such an answer sends the proof.
    CredentialDoubted,
    /// Anything else: the operation knows. A read with such an answer is asked again first, a few times, if its status
    /// is 5xx.
    Other,
}

/// Misuse: the caller, the configuration or the plugin is at fault, never the world.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The options of the connection do not fit each other.
    #[error("{0}")]
    Options(String),
    /// There is no operation of this name.
    #[error("there is no operation `{0}`")]
    UnknownOperation(String),
    /// The arguments do not fit each other.
    #[error("{0}")]
    Arguments(String),
    /// The provider panicked, now or earlier, and is not used again.
    #[error("the provider failed and is not used again: {0}")]
    Poisoned(String),
    /// The library breaks the rules of the interface.
    #[error("the provider breaks the plugin interface: {0}")]
    Contract(String),
}

macro_rules! getters {
    ($self:ident, $name:ident => $lookup:expr) => {
        /// The text of that name; empty if there is none.
        #[must_use]
        pub fn text(&$self, $name: &str) -> &'a str {
            $lookup.and_then(Value::as_text).unwrap_or_default()
        }

        /// The truth value of that name; false if there is none.
        #[must_use]
        pub fn boolean(&$self, $name: &str) -> bool {
            matches!($lookup, Some(Value::Boolean(true)))
        }

        /// The duration of that name; zero if there is none.
        #[must_use]
        pub fn duration(&$self, $name: &str) -> Duration {
            match $lookup {
                Some(Value::Duration(duration)) => *duration,
                _ => Duration::ZERO,
            }
        }

        /// The whole number of that name, if there is one.
        #[must_use]
        pub fn integer(&$self, $name: &str) -> Option<i64> {
            match $lookup {
                Some(Value::Integer(integer)) => Some(*integer),
                _ => None,
            }
        }

        /// The value of that name, whatever its kind.
        #[must_use]
        pub fn value(&$self, $name: &str) -> Option<&'a Value> {
            $lookup
        }
    };
}

/// The options of a connection: what the descriptor declares, of its kinds, defaults filled in.
#[derive(Debug, Clone, Copy)]
pub struct Options<'a> {
    fields: &'a [Field],
}

impl<'a> Options<'a> {
    /// Options made of these.
    #[must_use]
    pub const fn new(fields: &'a [Field]) -> Self {
        Self { fields }
    }

    /// All of them, in the order of the descriptor.
    #[must_use]
    pub const fn fields(&self) -> &'a [Field] {
        self.fields
    }

    getters!(self, name => find(self.fields, name));
}

/// The arguments of an operation: whom it is about, and what the descriptor declares, defaults filled in.
#[derive(Debug, Clone, Copy)]
pub struct Args<'a> {
    user: Option<&'a User>,
    fields: &'a [Field],
}

impl<'a> Args<'a> {
    /// Arguments made of these.
    #[must_use]
    pub const fn new(user: Option<&'a User>, fields: &'a [Field]) -> Self {
        Self { user, fields }
    }

    /// Whom it is about; `None` for operations without a user.
    #[must_use]
    pub const fn user(&self) -> Option<&'a User> {
        self.user
    }

    /// All arguments, in the order of the descriptor.
    #[must_use]
    pub const fn fields(&self) -> &'a [Field] {
        self.fields
    }

    getters!(self, name => find(self.fields, name));
}

fn find<'a>(fields: &'a [Field], name: &str) -> Option<&'a Value> {
    fields
        .iter()
        .find(|field| field.name == name)
        .map(|field| &field.value)
}

/// What the host knows when an operation begins.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The public name of the credential it runs as: a user name, never a secret.
    pub actor: &'a str,
    /// What kind of credential that is.
    pub actor_kind: CredentialKind,
    /// Whether every write will be held back. In a plan nothing waits.
    pub plan: bool,
    /// Unique to this operation, the same on resume; for the vendor's request id.
    pub call: &'a str,
    /// Whether the acting user himself may be acted on: he is the sole target, or it was asked for.
    pub may_act_on_self: bool,
    /// What to do about writes in doubt whose state cannot decide.
    pub in_doubt: InDoubtPolicy,
    /// Writes of this operation that an earlier process sent, and of which no result is known.
    pub earlier: &'a [Earlier<'a>],
    /// Whether this run has logged this user out on this connection before: the last `done` in its journal was with the
    /// same secrets. So a key of his that is not valid any more is one that this run has ended.
    pub logged_out: bool,
}

/// What an operator wants for writes in doubt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum InDoubtPolicy {
    /// Read the state, and act only on what it proves.
    #[default]
    Verify,
    /// Repeat without asking.
    Repeat,
    /// Leave alone and report.
    Skip,
}

/// A write that an earlier process sent, and of which no result is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Earlier<'a> {
    /// Which write of the operation.
    pub part: &'a str,
    /// How often it was sent.
    pub attempts: u32,
    /// The id under which the vendor was told of it; empty if none.
    pub request_id: &'a str,
    /// When its last intent was written, by the vendor's clock, in Unix milliseconds.
    pub sent_unix_ms: i64,
    /// When it can no longer be under way.
    pub settled_at: Monotonic,
    /// How long ago its last intent was written.
    pub age: Duration,
}
