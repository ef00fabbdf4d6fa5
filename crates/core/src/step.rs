//! What a provider asks of the host: the steps of an operation.

use std::borrow::Cow;
use std::time::Duration;

use crate::{ConfirmedBy, Field, Monotonic, Outcome, SecretHandle};

/// What an operation wants next.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a step lives for a moment, and most are requests: a box would cost an allocation and gain nothing"
)]
pub enum Step {
    /// Send this, and answer with [`Input::Response`](crate::Input::Response),
    /// [`Failure`](crate::Input::Failure) or [`Held`](crate::Input::Held). The host polls again at once, so
    /// several requests may be outstanding.
    Request(Request),
    /// One row of a roster or status. The host polls again at once.
    Record(Record),
    /// Nothing to do until a time or an input.
    Wait(Wait),
    /// Listen to the vendor's notifications about a user. The host polls again at once.
    Subscribe(Subscribe),
    /// The end; nothing is polled after it.
    Finished(Finished),
}

/// Names a request within its operation; its answer repeats it. Never reused within an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// One HTTP request, without origin and secrets, which are the host's.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    /// Repeated by the answer.
    pub id: RequestId,
    /// Upper case: `GET`, `PUT`, …
    pub method: String,
    /// What it does to the vendor; declared, never guessed from the method.
    pub effect: Effect,
    /// The name of an endpoint that the descriptor declares.
    pub endpoint: String,
    /// Absolute, percent-encoded: `/finesse/api/User/1001`.
    pub path: String,
    /// Names and values in clear; the host encodes them.
    pub query: Vec<(String, String)>,
    /// `Host`, `Authorization`, `Content-Length` and the like are the host's.
    pub headers: Vec<(String, String)>,
    /// Empty for none.
    pub body: Vec<u8>,
    /// Whose credential goes with it, and where.
    pub credential: Option<CredentialUse>,
    /// Secret attributes of the user, and where they go.
    pub secrets: Vec<SecretUse>,
    /// Of the whole exchange; `None`: the connection's.
    pub timeout: Option<Duration>,
    /// Bytes of body beyond which the answer is given up; `None`: 8 MiB.
    pub answer_cap: Option<u64>,
    /// An identical answer younger than this may be reused. Identical reads that share an age are never *sent*
    /// more often than once in that time: a read that comes too early is sent when the age has passed, once for
    /// all who then wait for it. Reads only.
    pub max_age: Duration,
    /// An answer counts only if it was sent after this moment. Reads only.
    pub not_before: Monotonic,
    /// Not to be sent after this moment: the host then gives back [`FailureKind::Expired`](crate::FailureKind),
    /// and the operation keeps its place in the queue. For a write that rests on a state that was read.
    pub not_after: Monotonic,
    /// Its answer tells whether the credential is any good; see [`Class::CredentialDoubted`](crate::Class).
    pub proves_credential: bool,
}

impl Request {
    /// A read with the defaults, to be completed field by field.
    #[must_use]
    pub fn read(id: RequestId, endpoint: impl Into<String>, path: impl Into<String>) -> Self {
        Self {
            id,
            method: "GET".to_owned(),
            effect: Effect::Read,
            endpoint: endpoint.into(),
            path: path.into(),
            query: Vec::new(),
            headers: Vec::new(),
            body: Vec::new(),
            credential: None,
            secrets: Vec::new(),
            timeout: None,
            answer_cap: None,
            max_age: Duration::ZERO,
            not_before: Monotonic::ZERO,
            not_after: Monotonic::NEVER,
            proves_credential: false,
        }
    }
}

/// What a request does to the vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Changes nothing: sent in a plan, may be repeated and shared.
    Read,
    /// Changes something: held in a plan, journaled before it leaves.
    Write {
        /// Names the write within its operation, the same on every run: `logout`, `device:2`.
        part: String,
        /// What holds when it may have been sent, and nothing came back.
        in_doubt: InDoubt,
        /// The id under which the vendor is told of it, if it takes one.
        request_id: Option<String>,
    },
}

/// What holds for a write that may have been sent, and was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InDoubt {
    /// Settle, then read the state.
    Ask,
    /// Harmless to repeat while younger than this.
    Repeat(Duration),
    /// Cannot be known: `unknown`.
    Report,
}

/// A credential, and where the host puts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialUse {
    /// The name of a credential; `None`: the actor's.
    pub name: Option<String>,
    /// Where it goes.
    pub placement: Placement,
}

impl CredentialUse {
    /// The actor's credential, placed there.
    #[must_use]
    pub const fn actor(placement: Placement) -> Self {
        Self {
            name: None,
            placement,
        }
    }
}

/// Where a secret goes in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Placement {
    /// `Authorization: Basic …`, from user name and password.
    Basic,
    /// `Authorization: Bearer …`.
    Bearer,
    /// The bare value in a header of this name.
    Header(String),
    /// A query parameter of this name.
    Query(String),
    /// A field of this name in a form body.
    Form(String),
    /// The member at this JSON pointer (RFC 6901) in a JSON body.
    JsonPointer(String),
}

/// A secret attribute of the user, and where the host puts it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretUse {
    /// Which secret.
    pub handle: SecretHandle,
    /// Where it goes; not [`Placement::Basic`], which takes two values.
    pub placement: Placement,
}

/// One row of a roster or status.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Record {
    /// The vendor's id for the user; always text.
    pub id: String,
    /// `name`, `state`, …
    pub attributes: Vec<Field>,
}

/// Until when there is nothing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wait {
    /// An input ends it sooner. With [`Monotonic::NEVER`] something must be outstanding.
    pub until: Monotonic,
    /// What it waits for, in a few words for the progress display; empty: nothing worth showing.
    pub reason: Cow<'static, str>,
}

/// A wish for the vendor's notifications about a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribe {
    /// Repeated by `Subscribed`, `FeedLost` and `FeedRefused`.
    pub id: RequestId,
    /// The vendor's name for the stream of events.
    pub node: String,
    /// Only events about this user are wanted.
    pub user: String,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// What became of it.
    pub outcome: Outcome,
    /// How a `done` is known.
    pub confirmed_by: Option<ConfirmedBy>,
    /// The vendor's code for it, in the vendor's words; or ours where the vendor said nothing.
    pub code: Option<String>,
    /// The vendor's message, untouched.
    pub message: Option<String>,
    /// The vendor's id of the request, where it gives one.
    pub request_id: Option<String>,
    /// The user's display name, where it was learnt.
    pub name: Option<String>,
    /// What else the provider knows: `details` in reports.
    pub fields: Vec<Field>,
}

impl Finished {
    /// An end with nothing but its outcome.
    #[must_use]
    pub const fn new(outcome: Outcome) -> Self {
        Self {
            outcome,
            confirmed_by: None,
            code: None,
            message: None,
            request_id: None,
            name: None,
            fields: Vec::new(),
        }
    }

    /// An end with a code and a message of ours.
    #[must_use]
    pub fn with(outcome: Outcome, code: &str, message: impl Into<String>) -> Self {
        Self {
            code: Some(code.to_owned()),
            message: Some(message.into()),
            ..Self::new(outcome)
        }
    }
}
