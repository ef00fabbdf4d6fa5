//! How a credential becomes a token: which way, what is sent, and what the answer holds. Nothing here sends or waits.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signoff_core::json::{self, Value};
use signoff_core::{CredentialKind, LoginFlow, RefreshFlow, Request, RequestId, TemplatePiece, pieces};
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::placement::{self, PlacementError};
use super::{CredentialSettings, SecretReference};
use crate::parameters::nearest;
use crate::secret::Secret;
use crate::transport::Exchange;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Where vendors put what they say of a refused login.
const WORDS: [&str; 9] = [
    "/error_description",
    "/message",
    "/error/message",
    "/error/description",
    "/errors/0/message",
    "/data/message",
    "/detail",
    "/title",
    "/error",
];

/// How a user name and a password become a token, as far as the configuration says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LoginSettings {
    /// The name of a flow of the provider; `None`: its first.
    pub flow: Option<String>,
    /// What the flow wants beside user name and password.
    pub fields: Vec<(String, SecretReference)>,
}

/// A client of an OAuth 2 authorisation server (RFC 6749, 4.4: client credentials).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OAuthSettings {
    /// Where tokens are fetched; `https`, or on loopback.
    pub token_url: Url,
    /// The client's public name.
    pub client_id: String,
    /// What the token is to be good for; `None`: what the server gives.
    pub scope: Option<String>,
    /// For whom it is meant, where the server asks.
    pub audience: Option<String>,
    /// How the client proves who it is.
    pub authentication: ClientAuthentication,
}

/// How an OAuth client proves who it is (RFC 6749, 2.3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientAuthentication {
    /// By HTTP's Basic scheme.
    Basic,
    /// By `client_id` and `client_secret` in the body.
    Form,
}

/// What of a credential's login does not fit the provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoginMistake {
    /// The provider has no login flow at all.
    #[error("{provider} has no login: it takes a user name and a password as they are")]
    NoLogins {
        /// For people.
        provider: &'static str,
    },
    /// It has none of that name.
    #[error("{provider} has no login `{flow}`")]
    UnknownFlow {
        /// For people.
        provider: &'static str,
        /// As it is written.
        flow: String,
        /// What to do.
        hint: String,
    },
    /// The flow wants a field that is not given.
    #[error("the login `{flow}` wants the field `{field}`")]
    MissingField {
        /// Its name.
        flow: &'static str,
        /// The field's.
        field: &'static str,
    },
    /// The flow knows no such field.
    #[error("the login `{flow}` has no field `{field}`")]
    UnknownField {
        /// Its name.
        flow: &'static str,
        /// As it is written.
        field: String,
        /// What to do.
        hint: String,
    },
}

impl LoginMistake {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoLogins { .. } => "remove the line".to_owned(),
            Self::UnknownFlow { hint, .. } | Self::UnknownField { hint, .. } => hint.clone(),
            Self::MissingField { field, .. } => {
                format!("add `login_fields = {{ {field} = {{ prompt = true }} }}`")
            }
        }
    }
}

/// How a credential becomes a token.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Recipe<'a> {
    /// By a login of the provider's vendor.
    Flow(&'static LoginFlow),
    /// As a client of an authorisation server.
    OAuth(&'a OAuthSettings),
}

impl CredentialSettings {
    /// How it becomes a token with a provider that has these flows; `None` where it is used as it is. The first mistake
    /// is given.
    pub(crate) fn recipe(
        &self,
        provider: &'static str,
        logins: &'static [LoginFlow],
    ) -> Result<Option<Recipe<'_>>, LoginMistake> {
        if let Some(oauth) = &self.oauth {
            return Ok(Some(Recipe::OAuth(oauth)));
        }
        if self.kind != CredentialKind::Basic {
            return Ok(None);
        }
        let LoginSettings { flow, fields } = &self.login;
        let Some(first) = logins.first() else {
            let is_plain = flow.is_none() && fields.is_empty();
            return if is_plain {
                Ok(None)
            } else {
                Err(LoginMistake::NoLogins { provider })
            };
        };
        let wanted = flow.as_deref().unwrap_or(first.name);
        let names = || logins.iter().map(|login| login.name);
        let Some(flow) = logins.iter().find(|login| login.name == wanted) else {
            return Err(LoginMistake::UnknownFlow {
                provider,
                flow: wanted.to_owned(),
                hint: suggest(wanted, &names().collect::<Vec<_>>(), "its logins are"),
            });
        };
        let known = flow.fields();
        for (field, _) in fields {
            if !known.contains(&field.as_str()) {
                return Err(LoginMistake::UnknownField {
                    flow: flow.name,
                    field: field.clone(),
                    hint: suggest(field, &known, "its fields are"),
                });
            }
        }
        let is_given = |wanted: &&str| fields.iter().any(|(field, _)| field == wanted);
        match known.into_iter().find(|field| !is_given(field)) {
            Some(field) => Err(LoginMistake::MissingField {
                flow: flow.name,
                field,
            }),
            None => Ok(Some(Recipe::Flow(flow))),
        }
    }
}

fn suggest(name: &str, known: &[&str], otherwise: &str) -> String {
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "it has none: remove the line".to_owned(),
        None => format!("{otherwise} `{}`", known.join("`, `")),
    }
}

/// A request for a token. Its body and its client's secret are put in at the last moment.
pub(crate) struct TokenRequest {
    /// Without body.
    pub(crate) request: Request,
    body: Zeroizing<String>,
    /// Client and secret, for HTTP's Basic scheme.
    client: Option<(String, Secret)>,
}

impl TokenRequest {
    /// A login: `value` gives what stands for each placeholder.
    pub(super) fn login<'s>(flow: &LoginFlow, value: impl Fn(&str) -> &'s str) -> Self {
        Self {
            request: request(flow.endpoint, flow.method, flow.path, flow.content_type),
            body: filled(flow.body, flow.content_type, value),
            client: None,
        }
    }

    /// The renewal of a token.
    pub(crate) fn refresh(endpoint: &str, flow: &RefreshFlow, token: &Secret) -> Self {
        Self {
            request: request(endpoint, flow.method, flow.path, flow.content_type),
            body: filled(flow.body, flow.content_type, |_| token.expose()),
            client: None,
        }
    }

    /// A client's request for a token (RFC 6749, 4.4.2).
    pub(super) fn oauth(credential: &str, settings: &OAuthSettings, secret: &Secret) -> Self {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        let optional = [("scope", &settings.scope), ("audience", &settings.audience)];
        for (name, value) in optional {
            if let Some(value) = value {
                form.append_pair(name, value);
            }
        }
        let client = match settings.authentication {
            ClientAuthentication::Basic => Some((
                form_encoded(&settings.client_id),
                Secret::new(form_encoded(secret.expose())),
            )),
            ClientAuthentication::Form => {
                form.append_pair("client_id", &settings.client_id);
                form.append_pair("client_secret", secret.expose());
                None
            }
        };
        Self {
            request: request(
                &oauth_endpoint(credential),
                "POST",
                settings.token_url.path(),
                FORM,
            ),
            body: Zeroizing::new(form.finish()),
            client,
        }
    }

    /// Whether it goes to an authorisation server.
    pub(crate) fn is_oauth(&self) -> bool {
        self.request.endpoint.starts_with(OAUTH)
    }

    /// Puts into the exchange of [`request`](Self::request) what nobody else is to see.
    pub(crate) fn complete(&self, exchange: &mut Exchange) -> Result<(), PlacementError> {
        exchange.body = bytes::Bytes::copy_from_slice(self.body.as_bytes());
        match &self.client {
            Some((client, secret)) => placement::place_basic(client, secret, exchange),
            None => Ok(()),
        }
    }
}

/// The endpoint under which a connection reaches the authorisation server of a credential. No provider can declare such a
/// name.
pub(crate) fn oauth_endpoint(credential: &str) -> String {
    format!("{OAUTH}{credential}")
}

const OAUTH: &str = "oauth:";

/// What HTTP's Basic scheme is given for an OAuth client (RFC 6749, 2.3.1 and appendix B).
pub(super) fn form_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn request(endpoint: &str, method: &str, path: &str, content_type: &str) -> Request {
    let header = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Request {
        method: method.to_owned(),
        headers: vec![header("Content-Type", content_type), header("Accept", JSON)],
        // An origin that was left is not asked: a login is no question of whether it is well again.
        proves_credential: true,
        ..Request::read(RequestId(0), endpoint, path)
    }
}

fn filled<'s>(template: &str, content_type: &str, value: impl Fn(&str) -> &'s str) -> Zeroizing<String> {
    let mut body = Zeroizing::new(String::new());
    for piece in pieces(template) {
        match piece {
            TemplatePiece::Text(text) => body.push_str(text),
            TemplatePiece::Placeholder(name) if content_type == JSON => {
                let quoted = serde_json::to_string(value(name))
                    .map(Zeroizing::new)
                    .unwrap_or_default();
                let bare = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
                body.push_str(bare.unwrap_or_default());
            }
            TemplatePiece::Placeholder(name) => body.push_str(&Zeroizing::new(form_encoded(value(name)))),
        }
    }
    body
}

/// What a vendor gives for a login.
pub(crate) struct Grant {
    pub(crate) token: Secret,
    pub(crate) refresh: Option<Secret>,
    pub(crate) life: Life,
}

/// How long a token lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    /// Nobody knows: until it is refused.
    Unknown,
    /// From when it was asked for.
    For(Duration),
    /// By the vendor's clock, in Unix milliseconds.
    Until(i64),
}

/// Where an answer holds what.
struct Pointers<'a> {
    token: &'a str,
    expires: &'a str,
    refresh: &'a str,
}

impl Grant {
    /// What the answer to a login holds, or to a refresh; `None` if there is no token in it.
    pub(crate) fn read(recipe: Recipe<'_>, is_refresh: bool, body: &[u8]) -> Option<Self> {
        let pointers = match recipe {
            Recipe::Flow(flow) => Pointers {
                token: flow
                    .refresh
                    .as_ref()
                    .filter(|_| is_refresh)
                    .map_or(flow.token_pointer, |refresh| refresh.token_pointer),
                expires: flow.expires_pointer,
                refresh: flow.refresh_pointer,
            },
            // A client that can ask again at any time gets no refresh token (RFC 6749, 4.4.3).
            Recipe::OAuth(_) => Pointers {
                token: "/access_token",
                expires: "/expires_in",
                refresh: "",
            },
        };
        let document = json::parse(body).ok()?;
        let token = secret_at(&document, pointers.token)?;
        let life = seconds_at(&document, pointers.expires)
            .map(Life::For)
            .or_else(|| expiry_of_jwt(token.expose()))
            .unwrap_or(Life::Unknown);
        Some(Self {
            refresh: secret_at(&document, pointers.refresh),
            token,
            life,
        })
    }
}

/// What a vendor says in an answer that gives no token, in full length: a secret is found in it only as a whole, so it is
/// to be taken out before the rest is cut. Of an answer that might hold a token after all, elsewhere than we looked, only
/// what is said for people.
pub(crate) fn words(body: &[u8], may_hold_token: bool) -> Option<String> {
    if !may_hold_token {
        return json::whole_words(body, &WORDS);
    }
    let document = json::parse(body).ok()?;
    let said = WORDS.iter().find_map(|pointer| json::text(&document, pointer));
    said.map(str::to_owned)
}

/// A text that can be sent in a header.
fn secret_at(document: &Value, pointer: &str) -> Option<Secret> {
    let text = json::text(document, pointer).filter(|_| !pointer.is_empty())?;
    (!text.chars().any(char::is_control)).then(|| Secret::new(text.to_owned()))
}

fn seconds_at(document: &Value, pointer: &str) -> Option<Duration> {
    if pointer.is_empty() {
        return None;
    }
    let value = document.pointer(pointer)?;
    let seconds = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The `exp` of a JSON Web Token (RFC 7519, 4.1.4). It is not verified: that is its vendor's affair.
fn expiry_of_jwt(token: &str) -> Option<Life> {
    let mut parts = token.split('.');
    let (_, claims, _, None) = (parts.next()?, parts.next()?, parts.next()?, parts.next()) else {
        return None;
    };
    let claims = URL_SAFE_NO_PAD
        .decode(claims.trim_end_matches('='))
        .map(Zeroizing::new)
        .ok()?;
    let seconds = json::parse(&claims).ok()?.pointer("/exp")?.as_f64()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a float beyond the range becomes the end of the range"
    )]
    let unix_ms = (seconds * 1000.0) as i64;
    Some(Life::Until(unix_ms))
}

#[cfg(test)]
mod tests;
