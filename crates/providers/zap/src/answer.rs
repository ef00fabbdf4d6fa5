//! What an answer of ZAP means.
//!
//! The status alone does not tell: success is 2xx and a `success` that is not false, on every level of the envelope (the
//! documented answer to a login has two). No sample shows an error, so its words are looked for wherever services of this
//! kind put them, and kept as they came.

use signoff_core::{Class, Failure, Finished, Outcome, Response, json};

/// Where the words may be.
const WORDS: &[&str] = &[
    "/message",
    "/error/message",
    "/error",
    "/data/message",
    "/errors/0/message",
    "/errors/0",
    "/data",
];
/// Where a code may be.
const CODES: &[&str] = &["/code", "/error/code", "/data/code"];
/// What is longer is no code.
const LONGEST_CODE: usize = 100;
/// How deep `success` is looked for.
const LEVELS: usize = 4;

/// What an answer means for the host. ZAP documents neither 429 nor 503; they mean what they mean everywhere. The 401
/// that a token gets when it has run out is not told from others: the host tries a new token once.
pub(crate) fn classify(response: &Response<'_>) -> Class {
    match response.status {
        200..=299 => Class::Ok,
        401 => Class::TokenExpired,
        429 => Class::Throttled(None),
        503 => Class::Unavailable,
        _ => Class::Other,
    }
}

/// What became of a request, in the vendor's words where it has any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    pub(crate) outcome: Outcome,
    /// `None`: there was no answer.
    pub(crate) http_status: Option<u16>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
}

impl Verdict {
    /// Reads an answer to a request that was to do or to give something. What cannot be read is `unknown`.
    pub(crate) fn read(response: &Response<'_>) -> Self {
        let parsed = json::parse(response.body);
        let document = parsed.as_ref().ok();
        let words = json::words(response.body, WORDS);
        let (outcome, own_code, message) = match (response.status, &parsed) {
            (200..=299, Ok(document)) if is_unsuccessful(document) => {
                (Outcome::Refused, Some("unsuccessful".to_owned()), words)
            }
            // It may show the whole user, with much that is nobody's business: only its words are kept.
            (200..=299, Ok(document)) => {
                let said = WORDS.iter().find_map(|pointer| json::text(document, pointer));
                (Outcome::Done, None, said.and(words))
            }
            (200..=299, Err(error)) => match unreadable(response.body, error) {
                Some(why) => (Outcome::Unknown, Some("unreadable_answer".to_owned()), Some(why)),
                None => (Outcome::Done, None, words),
            },
            (status, _) => {
                let message = words.or_else(|| Some(format!("status {status}, and no word of why")));
                (outcome(status), Some(format!("http_{status}")), message)
            }
        };
        Self {
            outcome,
            http_status: Some(response.status),
            code: own_code.map(|own| document.and_then(code).unwrap_or(own)),
            message,
        }
    }

    /// No answer came.
    pub(crate) fn unanswered(outcome: Outcome, failure: &Failure<'_>) -> Self {
        Self::ours(outcome, failure.kind.name(), failure.message)
    }

    /// Nobody answered; we say it.
    pub(crate) fn ours(outcome: Outcome, code: &str, message: impl Into<String>) -> Self {
        Self {
            outcome,
            http_status: None,
            code: Some(code.to_owned()),
            message: Some(message.into()),
        }
    }

    /// The end of an operation that came to this.
    pub(crate) fn finished(&self) -> Finished {
        Finished {
            code: self.code.clone(),
            message: self.message.clone(),
            ..Finished::new(self.outcome)
        }
    }
}

/// Whether it is still open what became of the request. 500 is for an error "while processing the request", at whichever
/// point of it, and 502 and 504 come from something in front of ZAP that had no answer from it; 503 is given before
/// anything is done.
pub(crate) fn is_open(verdict: &Verdict) -> bool {
    let status = verdict.http_status.unwrap_or_default();
    verdict.outcome == Outcome::Unknown || (status >= 500 && status != 503)
}

/// What a status means for an operation whose request was answered with it. By the book 400 is for a request that is
/// malformed, and 422 for one that is understood and cannot be carried out.
const fn outcome(status: u16) -> Outcome {
    match status {
        401 | 403 => Outcome::Denied,
        404 => Outcome::NotFound,
        422 => Outcome::Refused,
        _ => Outcome::Failed,
    }
}

fn is_unsuccessful(document: &json::Value) -> bool {
    std::iter::successors(Some(document), |level| level.get("data"))
        .take(LEVELS)
        .any(|level| level.get("success") == Some(&json::Value::Bool(false)))
}

/// Why a body that is no JSON is no plain text either, if so. A page for people comes from what stands before ZAP; half a
/// document may have been about to say no.
fn unreadable(body: &[u8], error: &json::Error) -> Option<String> {
    match body.trim_ascii_start().first()? {
        b'<' => Some("the answer is a web page: is this ZAP's API, and is nothing in between?".to_owned()),
        b'{' | b'[' => Some(format!("the answer is {error}")),
        _ => None,
    }
}

fn code(document: &json::Value) -> Option<String> {
    CODES.iter().find_map(|pointer| match document.pointer(pointer)? {
        json::Value::Number(number) => Some(number.to_string()),
        _ => json::text(document, pointer)
            .filter(|code| code.len() <= LONGEST_CODE)
            .map(str::to_owned),
    })
}
