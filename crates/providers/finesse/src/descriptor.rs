//! What the provider says of itself.

use std::time::Duration;

use signoff_core::{
    ActsOn, CredentialKind, Descriptor, EndpointSpec, Limits, OperationSpec, Parameter, ParameterKind,
    Target, Yields,
};

/// The description of the Finesse provider.
pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "finesse",
    name: "Cisco Finesse",
    version: env!("CARGO_PKG_VERSION"),
    summary: "agents and supervisors of Cisco contact centres (UCCE, PCCE, UCCX)",
    options: &[Parameter {
        name: "deployment",
        kind: ParameterKind::Text,
        default: Some("auto"),
        required: false,
        choices: &["auto", "UCCE", "UCCX"],
        help: "what Finesse runs on, which decides how agents sign out themselves; `auto` asks Finesse",
    }],
    operations: &[LOGOUT, STATUS, ROSTER, HEALTH],
    endpoints: &[EndpointSpec {
        name: "api",
        required: true,
        help: "the Finesse servers, such as `https://finesse-a.example.com:8445`; the second is the failover node",
    }],
    credentials: &[CredentialKind::Basic, CredentialKind::Bearer],
    logins: &[],
    limits: Limits {
        rate: 20.0,
        concurrency: 8,
    },
    timeout: Duration::from_secs(10),
    settle: Duration::from_secs(10),
    state_can_be_asked: true,
    acts_on: ActsOn::User,
    secret_attributes: &[],
};

const LOGOUT: OperationSpec = OperationSpec {
    name: "logout",
    summary: "log a user out: oneself, or as a supervisor a member of one's teams",
    writes: true,
    target: Target::User,
    yields: Yields::Outcome,
    parameters: &[
        Parameter {
            choices: &["idle", "now"],
            ..text(
                "when",
                Some("idle"),
                "`idle` waits for a call to end, `now` does not",
            )
        },
        Parameter {
            kind: ParameterKind::Duration,
            ..text("wait", Some("15m"), "how long to wait for a call to end")
        },
        Parameter {
            choices: &["accepted", "status", "event", "best"],
            ..text(
                "confirm",
                Some("best"),
                "what proves a logout: Finesse's acceptance, a state that was read, its own notification (`event`), or the best there is",
            )
        },
        Parameter {
            kind: ParameterKind::Duration,
            ..text("confirm_within", Some("30s"), "how long to look for that proof")
        },
        text(
            "reason",
            None,
            "sign-out reason of one's own logout: its label or its database id",
        ),
        Parameter {
            kind: ParameterKind::Boolean,
            ..text("include_self", Some("false"), "log the acting user out too")
        },
        Parameter {
            kind: ParameterKind::Boolean,
            ..text(
                "force_not_ready",
                Some("false"),
                "first set a user who is ready or in wrap-up to NOT_READY",
            )
        },
    ],
};

const STATUS: OperationSpec = OperationSpec {
    name: "status",
    summary: "the state of a user",
    writes: false,
    target: Target::User,
    yields: Yields::Record,
    parameters: &[],
};

const ROSTER: OperationSpec = OperationSpec {
    name: "roster",
    summary: "the users of a team, of every team of the supervisor, or all",
    writes: false,
    target: Target::Connection,
    yields: Yields::Records,
    parameters: &[
        text(
            "team",
            Some(""),
            "id or name of a team; empty: every team of the supervisor",
        ),
        Parameter {
            kind: ParameterKind::Boolean,
            ..text("signed_in", Some("false"), "leave out those who are logged out")
        },
        Parameter {
            choices: &["team", "all"],
            ..text(
                "scope",
                Some("team"),
                "`all` lists every user, which is for administrators",
            )
        },
    ],
};

const HEALTH: OperationSpec = OperationSpec {
    name: "health",
    summary: "whether Finesse is in service",
    writes: false,
    target: Target::Connection,
    yields: Yields::Record,
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
