//! What an answer means for the host: whether to repeat the request, and whether the credential is any good.

use std::time::Duration;

use signoff_core::{Class, Response};

use crate::errors::VendorError;
use crate::model::SystemInfo;

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
        200..=299 if says_out_of_service(response.body) => Class::Unavailable,
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

/// A node that has lost its CTI connection goes on to answer for itself, with 200 and the truth in the body
/// ("System Information", `status`); everything else it answers with 503. To the host both mean the same: ask
/// again, or the other node.
fn says_out_of_service(body: &[u8]) -> bool {
    // The object is small and names itself first: the list of a large team is not read for this.
    let start = &body[..body.len().min(512)];
    start
        .windows(NAME.len())
        .any(|name| name.eq_ignore_ascii_case(NAME))
        && SystemInfo::parse(body).is_ok_and(|info| !info.in_service())
}

const NAME: &[u8] = b"SystemInfo";

fn retry_after(response: &Response<'_>) -> Option<Duration> {
    let seconds = response.header("retry-after")?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use signoff_core::{Monotonic, RequestId};

    use super::*;

    fn class(status: u16, body: &str) -> Class {
        classify(&Response {
            request: RequestId(1),
            status,
            headers: &[],
            body: body.as_bytes(),
            sent: Monotonic::ZERO,
            sent_unix_ms: 0,
            settled_at: Monotonic::ZERO,
        })
    }

    #[test]
    fn a_node_that_says_it_is_out_of_service_is() {
        let info = |status: &str| format!("<SystemInfo><status>{status}</status></SystemInfo>");
        assert_eq!(class(200, &info("IN_SERVICE")), Class::Ok);
        assert_eq!(class(200, &info("OUT_OF_SERVICE")), Class::Unavailable);
        assert_eq!(class(200, &info("PARTIAL_SERVICE")), Class::Unavailable);
        assert_eq!(
            class(200, "<User><lastName>SystemInfo</lastName></User>"),
            Class::Ok
        );
        assert_eq!(class(202, ""), Class::Ok);
    }
}
