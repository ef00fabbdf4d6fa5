//! Writing a secret into an exchange, wherever a provider may ask for it. Secret attributes of a user go the
//! same way as credentials.

mod json;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use signoff_core::Placement;
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::redact::REDACTED;
use crate::secret::Secret;
use crate::transport::Exchange;

/// Why a secret cannot be written into a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlacementError {
    /// Basic takes two values.
    #[error("the provider sends a user name and a password, and it has no user name")]
    NoUsername,
    /// Bearer takes a token.
    #[error("the provider sends a token, and it is a user name and a password")]
    NoToken,
    /// RFC 7617, 2: the first colon ends the user name; control characters are in neither part.
    #[error("its user name or password contains a character that HTTP's Basic scheme cannot carry")]
    NotForBasic,
    /// A line break would begin another header.
    #[error("it contains a line break or another control character, which no header can carry")]
    NotForHeader,
    /// The provider's mistake.
    #[error("`{0}` is no header name")]
    HeaderName(String),
    /// The provider's mistake.
    #[error("the request's body is no form")]
    NotForm,
    /// The provider's mistake.
    #[error("the request's body is no JSON")]
    NotJson,
    /// The provider's mistake.
    #[error("the request's body has no place `{0}`")]
    NoSuchMember(String),
}

impl PlacementError {
    /// What to do about it; may be empty.
    pub(crate) const fn hint(&self) -> &'static str {
        match self {
            Self::NoUsername => "give it a `username` and a `password`",
            Self::NoToken => "give it a `token` in place of `username` and `password`",
            Self::NotForBasic => "a colon in `username` and control characters are not possible",
            Self::NotForHeader => "look for more than one line where the secret comes from",
            Self::HeaderName(_) | Self::NotForm | Self::NotJson | Self::NoSuchMember(_) => "",
        }
    }
}

/// `Authorization: Basic …`; UTF-8, as RFC 7617 has it.
pub(super) fn place_basic(
    username: &str,
    password: &Secret,
    exchange: &mut Exchange,
) -> Result<(), PlacementError> {
    let password = password.expose();
    if username.contains(':') || username.chars().chain(password.chars()).any(char::is_control) {
        return Err(PlacementError::NotForBasic);
    }
    let pair = Zeroizing::new(format!("{username}:{password}"));
    let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
    set_header(
        exchange,
        AUTHORIZATION,
        &Zeroizing::new(format!("Basic {}", *encoded)),
    )
}

/// Anywhere but [`Placement::Basic`], which takes a user name as well.
pub(crate) fn place(
    secret: &Secret,
    placement: &Placement,
    exchange: &mut Exchange,
) -> Result<(), PlacementError> {
    let text = secret.expose();
    match placement {
        Placement::Basic => Err(PlacementError::NoUsername),
        Placement::Bearer => set_header(exchange, AUTHORIZATION, &Zeroizing::new(format!("Bearer {text}"))),
        Placement::Header(name) => {
            let header = HeaderName::from_bytes(name.as_bytes())
                .map_err(|_| PlacementError::HeaderName(name.clone()))?;
            set_header(exchange, header, text)
        }
        Placement::Query(name) => {
            exchange.url.query_pairs_mut().append_pair(name, text);
            Ok(())
        }
        Placement::Form(name) => add_field(exchange, name, text),
        Placement::JsonPointer(pointer) => {
            expect_type(exchange, "application/json", PlacementError::NotJson)?;
            exchange.body = json::with_member(&exchange.body, pointer, text)?.into();
            Ok(())
        }
    }
}

/// A JSON body as it may be shown, where a secret goes into it.
pub(crate) fn with_member_redacted(body: &[u8], placement: &Placement) -> Option<Vec<u8>> {
    match placement {
        Placement::JsonPointer(pointer) => json::with_member(body, pointer, REDACTED).ok(),
        _ => None,
    }
}

fn set_header(exchange: &mut Exchange, name: HeaderName, value: &str) -> Result<(), PlacementError> {
    let mut value = HeaderValue::from_bytes(value.as_bytes()).map_err(|_| PlacementError::NotForHeader)?;
    value.set_sensitive(true);
    exchange.headers.insert(name, value);
    Ok(())
}

fn add_field(exchange: &mut Exchange, name: &str, text: &str) -> Result<(), PlacementError> {
    const FORM: &str = "application/x-www-form-urlencoded";
    expect_type(exchange, FORM, PlacementError::NotForm)?;
    let body = str::from_utf8(&exchange.body).map_err(|_| PlacementError::NotForm)?;
    let mut form = form_urlencoded::Serializer::for_suffix(body.to_owned(), 0);
    form.append_pair(name, text);
    exchange.body = Bytes::from(form.finish());
    Ok(())
}

/// Refuses a body of another type; a body that does not say is said to be of this one.
fn expect_type(
    exchange: &mut Exchange,
    media_type: &'static str,
    otherwise: PlacementError,
) -> Result<(), PlacementError> {
    let Some(declared) = exchange.headers.get(CONTENT_TYPE) else {
        exchange
            .headers
            .insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
        return Ok(());
    };
    let essence = declared
        .to_str()
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim();
    // `application/problem+json` and its like are JSON too.
    let is_kin = media_type.ends_with("/json") && essence.to_ascii_lowercase().ends_with("+json");
    if essence.eq_ignore_ascii_case(media_type) || is_kin {
        Ok(())
    } else {
        Err(otherwise)
    }
}
