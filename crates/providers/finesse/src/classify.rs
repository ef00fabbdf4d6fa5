//! What an answer means for the host: whether to repeat the request, and whether the credential is any good.

use std::time::Duration;

use signoff_core::{Class, Response};

use crate::errors::VendorError;

/// Finesse answers 401 in two senses. These types concern one target or one list; every other 401, also one
/// without a body or with a page of the servlet container, may mean that the credential is refused, and five
/// of those lock the account ("User—Sign In to Finesse").
const ABOUT_THE_TARGET: &[&str] = &[
    "Invalid Authorization User Specified",
    "Invalid Input",
    "Invalid State",
    "Invalid Supervisor",
    "Unauthorized",
];

pub(crate) fn classify(response: &Response<'_>) -> Class {
    match response.status {
        200..=299 => Class::Ok,
        401 => {
            let error = VendorError::read(response);
            if ABOUT_THE_TARGET.iter().any(|kind| error.is(kind)) {
                Class::Other
            } else {
                Class::CredentialDoubted
            }
        }
        429 => Class::Throttled(retry_after(response)),
        503 => Class::Unavailable,
        _ => Class::Other,
    }
}

fn retry_after(response: &Response<'_>) -> Option<Duration> {
    let seconds = response.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
