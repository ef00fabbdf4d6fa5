//! How requests to ZAP look.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use signoff_core::{
    Context, CredentialKind, CredentialUse, Effect, Error, InDoubt, Monotonic, Placement, Request, RequestId,
    SecretHandle, SecretUse,
};

use crate::logout::REPEAT_WITHIN;

/// Everything but what RFC 3986 leaves unreserved.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// Whether the actor's credential is of a kind that becomes a token.
pub(crate) fn check_credential(context: &Context<'_>) -> Result<(), Error> {
    match context.actor_kind {
        CredentialKind::Basic | CredentialKind::Bearer => Ok(()),
        CredentialKind::Key => Err(Error::Arguments(
            "ZAP takes a token, or a user name and a password to log in with: not a key".to_owned(),
        )),
    }
}

/// Whether a request can name the user: an empty segment and the dot segments mean another path. What else an id may be
/// is ZAP's to say.
pub(crate) fn check_id(id: &str) -> Result<(), Error> {
    match id {
        "" => Err(Error::Arguments("the id of the user is empty".to_owned())),
        "." | ".." => Err(Error::Arguments(format!("the id of a user cannot be `{id}`"))),
        _ => Ok(()),
    }
}

/// One of the two logouts ("WebApp Logout User By Id", "LogOut User By Id").
#[derive(Debug)]
pub(crate) struct LogoutRequest<'a> {
    pub(crate) id: RequestId,
    /// The stable name of the write.
    pub(crate) part: &'a str,
    /// The user's id.
    pub(crate) user: &'a str,
    /// The device's token; `None`: the web session.
    pub(crate) device: Option<SecretHandle>,
    /// When it is too late to send it.
    pub(crate) not_after: Monotonic,
}

impl LogoutRequest<'_> {
    pub(crate) fn build(&self) -> Request {
        let path = format!("/v1/users/logout/{}", utf8_percent_encode(self.user, SEGMENT));
        let mut request = read(self.id, path);
        request.effect = Effect::Write {
            part: self.part.to_owned(),
            in_doubt: InDoubt::Repeat(REPEAT_WITHIN),
            request_id: None,
        };
        request.not_after = self.not_after;
        if let Some(handle) = self.device {
            request.method = "PUT".to_owned();
            request.headers = vec![("content-type".to_owned(), "application/json".to_owned())];
            request.body = br#"{"deviceToken":""}"#.to_vec();
            request.secrets = vec![SecretUse {
                handle,
                placement: Placement::JsonPointer("/deviceToken".to_owned()),
            }];
        }
        request
    }
}

/// One page of the list of users, from 1. ZAP calls the size of a page `bodyLimit`, and its number `pageLimit`.
pub(crate) fn users(id: RequestId, page_size: u32, page: u32) -> Request {
    let mut request = read(id, "/v1/users".to_owned());
    request.query = vec![
        ("bodyLimit".to_owned(), page_size.to_string()),
        ("pageLimit".to_owned(), page.to_string()),
    ];
    request
}

fn read(id: RequestId, path: String) -> Request {
    let mut request = Request::read(id, "api", path);
    request.credential = Some(CredentialUse::actor(Placement::Bearer));
    request
}
