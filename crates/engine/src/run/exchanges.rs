//! What was sent and answered about one person, for whoever looks at it afterwards. No run goes by it: that is what intents,
//! results and answers are for.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

use signoff_core::{FeedEvent, Request};
use url::form_urlencoded;

use crate::clock::Clock;
use crate::credential::with_member_redacted;
use crate::dispatch::Delivery;
use crate::engine::Engine;
use crate::journal::{CallId, ExchangeRecord, Journal};
use crate::operation::Witness;
use crate::redact::without_secret_members;

/// Journals the exchanges of one call, without the secrets that are known, and those that a vendor shows by their names.
pub(super) struct CallExchanges {
    pub(super) journal: Journal,
    pub(super) call: CallId,
    pub(super) clock: Clock,
    pub(super) engine: Arc<Engine>,
    /// The attributes of a user that hold secrets at this vendor.
    pub(super) secret_attributes: &'static [&'static str],
}

/// Bytes up to which a body is kept. A longer one is a list of many people, and of it only its length is.
const KEPT: usize = 2 << 10;

impl CallExchanges {
    fn kept(&self, body: &[u8]) -> String {
        if body.len() > KEPT {
            return format!("({} bytes)", body.len());
        }
        let body = String::from_utf8_lossy(body);
        self.without_secrets(&without_secret_members(&body, self.secret_attributes))
    }

    fn without_secrets(&self, text: &str) -> String {
        match self.engine.redactor.redact(text) {
            // No more than one copy of what is nearly always clean.
            Cow::Borrowed(clean) => clean.to_owned(),
            Cow::Owned(redacted) => redacted,
        }
    }
}

impl Witness for CallExchanges {
    fn exchanged(&self, request: &Request, delivery: &Delivery) {
        let (sent_ms, http_status, answer) = match delivery {
            Delivery::Response(answer) => {
                let sent_ms = self.clock.unix_ms(answer.sent);
                (Some(sent_ms), Some(answer.status), self.kept(&answer.body))
            }
            Delivery::Failure(failed) => (None, None, self.without_secrets(&failed.message)),
            Delivery::Held | Delivery::CredentialStopped { .. } | Delivery::Stopped => return,
        };
        self.journal.exchange(ExchangeRecord {
            call: self.call,
            at_ms: self.clock.now().unix_ms,
            sent_ms,
            request: Some(self.without_secrets(&line(request))),
            body: self.kept(&with_places_of_secrets(request)),
            http_status,
            answer,
        });
    }

    fn heard(&self, event: &FeedEvent) {
        self.journal.exchange(ExchangeRecord {
            call: self.call,
            at_ms: self.clock.now().unix_ms,
            sent_ms: None,
            request: None,
            body: String::new(),
            http_status: None,
            answer: self.without_secrets(&said(event)),
        });
    }
}

/// `PUT /finesse/api/User/1001`.
fn line(request: &Request) -> String {
    let mut line = format!("{} {}", request.method, request.path);
    if !request.query.is_empty() {
        let query = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(&request.query)
            .finish();
        let _ = write!(line, "?{query}");
    }
    line
}

/// The body, with words where the secrets go: the host puts them there as it leaves.
fn with_places_of_secrets(request: &Request) -> Cow<'_, [u8]> {
    let whole = Cow::Borrowed(&request.body[..]);
    request.secrets.iter().fold(whole, |body, secret| {
        match with_member_redacted(&body, &secret.placement) {
            Some(redacted) => Cow::Owned(redacted),
            None => body,
        }
    })
}

/// What a notification says, in the words of the vendor.
fn said(event: &FeedEvent) -> String {
    let parts = [
        ("state", &event.state),
        ("pending_state", &event.pending_state),
        ("reason", &event.reason),
        ("request_id", &event.request_id),
        ("error", &event.error_code),
        ("error_kind", &event.error_kind),
        ("message", &event.error_message),
    ];
    let said = parts.into_iter().filter(|(_, value)| !value.is_empty());
    said.map(|(name, value)| format!("{name} {value}"))
        .collect::<Vec<_>>()
        .join(", ")
}
