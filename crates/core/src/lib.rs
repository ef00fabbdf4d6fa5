//! What a signoff provider is: the vocabulary, the two traits, and the C interface between provider and host.
//!
//! A provider knows one vendor's API and nothing else. It is a state machine without I/O: the host turns the
//! crank ([`Operation::next`]), sends the requests it is given, owns time, and feeds back what happened
//! ([`Operation::input`]). So a provider can be tested with a list of inputs, runs the same whether it is
//! linked in or loaded from a shared library, and never sees a secret.
//!
//! *Architecture invariants.* Nothing here does I/O, spawns anything or reads a clock. `unsafe` lives in
//! [`abi`] alone, and in what [`export_provider!`] expands to. No type here can hold a secret: a secret is a
//! [`SecretHandle`] that only the host can open.

pub mod abi;
mod descriptor;
mod feed;
mod input;
pub mod json;
mod login;
mod outcome;
mod provider;
mod step;
pub mod testing;
mod time;
mod value;
pub mod xml;

pub use descriptor::{
    ActsOn, CredentialKind, Descriptor, EndpointSpec, Limits, OperationSpec, Parameter, ParameterKind,
    Target, Yields,
};
pub use feed::{FeedEvent, FeedPlan, FeedProtocol, FeedTransport, FeedWay, FeedWish, Notification};
pub use input::{CancelReason, Event, Failure, FailureKind, Input, Response, Sent};
pub use login::{LoginFlow, RefreshFlow, TemplatePiece, pieces};
pub use outcome::{ConfirmedBy, Outcome, UnknownName};
pub use provider::{Args, Class, Context, Earlier, Error, InDoubtPolicy, Operation, Options, Provider};
pub use step::{
    CredentialUse, Effect, Finished, InDoubt, Placement, Record, Request, RequestId, SecretUse, Step,
    Subscribe, Wait,
};
pub use time::{Monotonic, Now};
pub use value::{Field, SecretHandle, User, Value};
