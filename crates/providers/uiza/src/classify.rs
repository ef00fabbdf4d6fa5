//! What an answer means for the host: whether to repeat the request, and whether the connection's credential is any good.
//!
//! A user's own key is no credential of the host's. Whatever is wrong with it concerns him alone: the answer is
//! [`Class::Other`], and nothing of anybody else's stops.

use signoff_core::{Class, Response};

use crate::answer::Answer;
use crate::api::is_personal;

pub(crate) fn classify(response: &Response<'_>) -> Class {
    let answer = Answer::read(response);
    if answer.is_success() {
        return Class::Ok;
    }
    let is_personal = is_personal(response.request);
    match (response.status, answer.error_code()) {
        // The status proves that nothing was done. A body that says the same under HTTP 200 comes from further inside:
        // a read may be repeated on its word, a logout asks for the state first.
        (429, _) => Class::Throttled(None),
        (503, _) => Class::Unavailable,
        (_, Some(429)) if !is_personal => Class::Throttled(None),
        (_, Some(503)) if !is_personal => Class::Unavailable,
        // "401: no valid API key provided".
        (_, Some(401)) if !is_personal => Class::CredentialRefused,
        _ => Class::Other,
    }
}
