//! What the provider says of itself.

use std::time::Duration;

use signoff_core::{
    ActsOn, CredentialKind, Descriptor, EndpointSpec, Limits, LoginFlow, OperationSpec, Parameter,
    ParameterKind, RefreshFlow, Target, Yields,
};

/// The attribute of a user that holds the tokens of his devices.
pub(crate) const DEVICE_TOKEN: &str = "device_token";

/// The description of the ZAP provider.
///
/// ZAP documents no limits. These are a guess at what does no harm: a tenth of a second between two requests is little
/// beside the seconds that a person takes to look at a result.
pub const DESCRIPTOR: Descriptor = Descriptor {
    id: "zap",
    name: "ZAP",
    version: env!("CARGO_PKG_VERSION"),
    summary: "users of the ZAP platform (Zap Africa), on the web and on their devices",
    options: &[Parameter {
        name: "page_size",
        kind: ParameterKind::Integer,
        default: Some("100"),
        required: false,
        choices: &[],
        help: "users on one page of the list, 1 to 1000",
    }],
    operations: &[LOGOUT, ROSTER],
    endpoints: &[EndpointSpec {
        name: "api",
        required: true,
        help: "the API server: `https://api.zap.africa`, or for development `https://test-api.zap.africa`",
    }],
    credentials: &[CredentialKind::Basic, CredentialKind::Bearer],
    logins: &[
        login("email", r#"{"email":"{username}","password":"{password}"}"#),
        login("identity", r#"{"identity":"{username}","password":"{password}"}"#),
        login(
            "app",
            r#"{"identity":"{username}","password":"{password}","deviceToken":"{device_token}","isApp":"true"}"#,
        ),
        login(
            "two_factor",
            r#"{"email":"{username}","password":"{password}","twoFaToken":"{code}"}"#,
        ),
    ],
    limits: Limits {
        rate: 10.0,
        concurrency: 4,
    },
    timeout: Duration::from_secs(10),
    settle: Duration::from_secs(10),
    state_can_be_asked: false,
    acts_on: ActsOn::User,
    secret_attributes: &[DEVICE_TOKEN],
};

/// A login in one of its documented bodies ("Authentication", "Log In User"). The token is a JWT, which says itself when
/// it ends. It stands in the same place in every documented answer; a refresh token stands beside it in some.
const fn login(name: &'static str, body: &'static str) -> LoginFlow {
    LoginFlow {
        name,
        endpoint: "api",
        method: "POST",
        path: "/v1/login",
        content_type: "application/json",
        body,
        token_pointer: "/data/token",
        expires_pointer: "",
        refresh_pointer: "/data/refreshToken",
        refresh: Some(RefreshFlow {
            method: "POST",
            path: "/v1/refresh",
            content_type: "application/json",
            body: r#"{"refreshToken":"{refresh_token}"}"#,
            token_pointer: "/data/token",
        }),
    }
}

const LOGOUT: OperationSpec = OperationSpec {
    name: "logout",
    summary: "log a user out: of the web platform, and of the app on each device whose token is known",
    writes: true,
    target: Target::User,
    yields: Yields::Outcome,
    parameters: &[
        Parameter {
            name: "via",
            kind: ParameterKind::Text,
            default: Some("all"),
            required: false,
            choices: &["all", "web", "device"],
            help: "`web` ends the web session, `device` logs out each device whose token is known, `all` does both",
        },
        Parameter {
            name: "include_self",
            kind: ParameterKind::Boolean,
            default: Some("false"),
            required: false,
            choices: &[],
            help: "log the acting user out too",
        },
    ],
};

const ROSTER: OperationSpec = OperationSpec {
    name: "roster",
    summary: "every user of the platform; ZAP does not tell who is signed in",
    writes: false,
    target: Target::Connection,
    yields: Yields::Records,
    parameters: &[],
};
