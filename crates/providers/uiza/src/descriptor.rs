//! What the provider says of itself.

use std::time::Duration;

use signoff_core::{
    ActsOn, CredentialKind, Descriptor, EndpointSpec, Limits, OperationSpec, Parameter, ParameterKind,
    Target, Yields,
};

/// The attribute of a user that holds his own key.
pub(crate) const KEY: &str = "key";

/// The description of the Uiza provider.
///
/// Uiza documents no limits, in neither version and in no SDK: rate and concurrency are a guess at what does no harm. The
/// time-out lies between what people wait for and the 80 s of the Go and Java SDKs; how long a logout takes to apply is
/// not documented either.
pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "uiza",
    name: "Uiza",
    version: env!("CARGO_PKG_VERSION"),
    summary: "users of the Uiza video platform, each logged out with his own key",
    options: &[
        Parameter {
            choices: &["v3", "v4"],
            ..text("api_version", Some("v3"), "the version of Uiza's API")
        },
        text("app_id", None, "the application id, which v4 takes with a logout"),
        Parameter {
            kind: ParameterKind::Integer,
            ..text(
                "page_size",
                Some("20"),
                "users on one page of the list, 1 to 1000; Uiza documents 20 and no maximum",
            )
        },
    ],
    operations: &[LOGOUT, STATUS, ROSTER],
    endpoints: &[EndpointSpec {
        name: "api",
        required: true,
        help: "the API server: v3 `https://YOURCOMPANY.uiza.co`, v4 `https://ap-southeast-1-api.uiza.co`",
    }],
    credentials: &[CredentialKind::Key],
    logins: &[],
    limits: Limits {
        rate: 5.0,
        concurrency: 4,
    },
    timeout: Duration::from_secs(30),
    settle: Duration::from_secs(10),
    state_can_be_asked: true,
    acts_on: ActsOn::CredentialOwner,
    secret_attributes: &[KEY],
};

const LOGOUT: OperationSpec = OperationSpec {
    name: "logout",
    summary: "end a user's own key, which logs its owner out",
    writes: true,
    target: Target::User,
    yields: Yields::Outcome,
    parameters: &[],
};

const STATUS: OperationSpec = OperationSpec {
    name: "status",
    summary: "whether a user's own key is still valid",
    writes: false,
    target: Target::User,
    yields: Yields::Record,
    parameters: &[],
};

const ROSTER: OperationSpec = OperationSpec {
    name: "roster",
    summary: "the users that the connection's key may see; their keys are not among what Uiza tells",
    writes: false,
    target: Target::Connection,
    yields: Yields::Records,
    parameters: &[],
};

const fn text(name: &'static str, default: Option<&'static str>, help: &'static str) -> Parameter {
    Parameter {
        name,
        kind: ParameterKind::Text,
        default,
        required: false,
        choices: &[],
        help,
    }
}
