//! What a provider says of itself: the one table from which option checks, help, editor types and limits come.

use std::time::Duration;

use crate::LoginFlow;

/// The static description of a provider.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Descriptor {
    /// Lower case; how configurations name it.
    pub id: &'static str,
    /// The vendor's product, as people call it.
    pub name: &'static str,
    /// Of the provider, `major.minor.patch`.
    pub version: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Options of a connection.
    pub options: &'static [Parameter],
    /// What it can do.
    pub operations: &'static [OperationSpec],
    /// Where it sends requests.
    pub endpoints: &'static [EndpointSpec],
    /// Which credentials its vendor takes.
    pub credentials: &'static [CredentialKind],
    /// How a credential becomes a token; empty where it is used as it is.
    pub logins: &'static [LoginFlow],
    /// What is kind to the vendor, unless the configuration says otherwise.
    pub limits: Limits,
    /// Of one exchange, unless the configuration says otherwise.
    pub timeout: Duration,
    /// The longest that the vendor takes to apply a request that it has received.
    pub settle: Duration,
    /// Whether a user's state can be read.
    pub state_can_be_asked: bool,
    /// Whom a logout concerns.
    pub acts_on: ActsOn,
    /// Names of user attributes that are secrets.
    pub secret_attributes: &'static [&'static str],
}

impl Descriptor {
    /// The operation of that name.
    #[must_use]
    pub fn operation(&self, name: &str) -> Option<&'static OperationSpec> {
        self.operations.iter().find(|operation| operation.name == name)
    }
}

/// One operation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct OperationSpec {
    /// Lower case with underscores: a script calls it as a method.
    pub name: &'static str,
    /// One line.
    pub summary: &'static str,
    /// Whether it may write. A request beyond this is refused by the host.
    pub writes: bool,
    /// Whom it is about.
    pub target: Target,
    /// What it gives.
    pub yields: Yields,
    /// Its options.
    pub parameters: &'static [Parameter],
}

/// Whom an operation is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// One user.
    User,
    /// The connection as a whole; it has no user.
    Connection,
}

/// What an operation gives when it succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Yields {
    /// Its outcome.
    Outcome,
    /// One record.
    Record,
    /// Any number of records.
    Records,
}

/// One option of a connection or of an operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameter {
    /// Lower case with underscores.
    pub name: &'static str,
    /// What it takes.
    pub kind: ParameterKind,
    /// In the notation of configuration files; `None`: absent unless given.
    pub default: Option<&'static str>,
    /// Whether it must be given.
    pub required: bool,
    /// The only texts it takes; empty: any.
    pub choices: &'static [&'static str],
    /// One line.
    pub help: &'static str,
}

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParameterKind {
    /// Any text.
    Text,
    /// `true` or `false`.
    Boolean,
    /// A whole number.
    Integer,
    /// `500ms`, `30s`, `15m`, `2h`.
    Duration,
    /// Several texts.
    List,
}

/// One endpoint: an ordered list of origins in the configuration, under this key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndpointSpec {
    /// The key in the configuration.
    pub name: &'static str,
    /// Whether a connection must have it.
    pub required: bool,
    /// One line.
    pub help: &'static str,
}

/// A kind of credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// A user name and a password.
    Basic,
    /// A token that goes with `Bearer`.
    Bearer,
    /// A key that goes into a header, a query or a body as it is.
    Key,
}

/// What is kind to a vendor.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Requests a second; 0: no limit.
    pub rate: f64,
    /// Requests in flight; at least 1.
    pub concurrency: u32,
}

/// Whom a logout concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ActsOn {
    /// The user it names.
    User,
    /// Whoever owns the credential.
    CredentialOwner,
}
