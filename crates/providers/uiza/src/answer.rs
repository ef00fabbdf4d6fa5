//! What an answer of Uiza means.
//!
//! The status alone does not tell: the SDKs for Ruby, Node and PHP judge the `code` in the body, and the texts of a success
//! move between `message` and `data.message`. So success is HTTP 2xx and a `code`, if there is one, of 200 to 299 and a
//! `type`, if there is one, of `SUCCESS`. Errors have the same envelope with `data` of any shape, and `retryable`.

use signoff_core::{Field, Finished, Outcome, Response, Value, json};

use crate::api::{Api, Topic};

/// Where the words of an error are.
const WORDS: &[&str] = &["/message", "/data/message", "/data/0/message", "/data"];
/// Where the words of a success are: what the SDK for Ruby gives as `response.message` first.
const WORDS_OF_SUCCESS: &[&str] = &["/data/message", "/message"];

/// An answer, read.
#[derive(Debug)]
pub(crate) struct Answer {
    status: u16,
    /// `None`: it is no JSON object, and so not from Uiza.
    envelope: Option<json::Value>,
    /// What it says, if it is an error.
    words: Option<String>,
    /// `code`, if that is not a success.
    code: Option<String>,
    /// `type`, if that is not a success.
    kind: Option<String>,
}

impl Answer {
    pub(crate) fn read(response: &Response<'_>) -> Self {
        let envelope = json::parse(response.body).ok().filter(json::Value::is_object);
        let member = |name: &str| envelope.as_ref().and_then(|envelope| envelope.get(name));
        let code = member("code")
            .filter(|code| !code.is_null())
            .map(shown)
            .filter(|code| !matches!(code.parse(), Ok(200..=299)));
        let kind = member("type")
            .filter(|kind| !kind.is_null())
            .map(shown)
            .filter(|kind| !kind.eq_ignore_ascii_case("SUCCESS"));
        let mut this = Self {
            status: response.status,
            words: None,
            code,
            kind,
            envelope,
        };
        if !this.is_success() {
            this.words = json::words(response.body, WORDS);
        }
        this
    }

    /// Whether Uiza did what it was asked for. An answer that is not Uiza's envelope says nothing of that: whatever
    /// stands in between answers 200 to anything.
    pub(crate) fn is_success(&self) -> bool {
        self.is_2xx() && self.envelope.is_some() && self.code.is_none() && self.kind.is_none()
    }

    /// Whether it is success by its status, and nothing that Uiza would say.
    pub(crate) fn is_foreign(&self) -> bool {
        self.is_2xx() && self.envelope.is_none()
    }

    /// Whether the key that was shown logs nobody in.
    pub(crate) fn refuses_key(&self) -> bool {
        self.error_code() == Some(401)
    }

    /// The number of the error: the body's, as most SDKs have it, else the status. `None`: there is none, or it is no
    /// number.
    pub(crate) fn error_code(&self) -> Option<u16> {
        match &self.code {
            Some(code) => code.parse().ok(),
            None => (!self.is_2xx()).then_some(self.status),
        }
    }

    /// Whether it leaves open if the request was carried out. The client's errors (4xx) and a 503 (overloaded, under
    /// maintenance) say that it was not; an error that arrives as HTTP 2xx under a number of its own may be anything, and
    /// after the server's other errors nobody knows.
    pub(crate) fn is_doubtful(&self) -> bool {
        let proves_nothing_done = self.status == 503 || matches!(self.error_code(), Some(400..=499));
        !self.is_success() && !proves_nothing_done
    }

    /// `retryable`: that the same request may do better later. It does not say that nothing was done: HTTP's 429 and 503
    /// alone do, which the host repeats by itself.
    pub(crate) fn is_retryable(&self) -> Option<bool> {
        self.envelope.as_ref()?.get("retryable")?.as_bool()
    }

    /// The envelope; null if there is none.
    pub(crate) fn envelope(&self) -> &json::Value {
        self.envelope.as_ref().unwrap_or(&json::Value::Null)
    }

    /// What an error means for the operation whose request was not carried out.
    pub(crate) fn outcome(&self) -> Outcome {
        match self.error_code() {
            Some(401 | 403) => Outcome::Denied,
            Some(404) => Outcome::NotFound,
            Some(422) => Outcome::Refused,
            _ => Outcome::Failed,
        }
    }

    /// The end of an operation with the vendor's code and words, the id under which Uiza's support finds the request, and
    /// what else the SDKs give their callers.
    pub(crate) fn finished(&self, outcome: Outcome, api: &Api, topic: Topic) -> Finished {
        Finished {
            code: self.shown_code(),
            message: self.message(),
            request_id: json::text(self.envelope(), "/requestId").map(str::to_owned),
            fields: self.details(api, topic),
            ..Finished::new(outcome)
        }
    }

    fn shown_code(&self) -> Option<String> {
        if self.is_foreign() {
            return Some("unreadable_answer".to_owned());
        }
        let of_success = || {
            self.envelope()
                .get("code")
                .filter(|code| !code.is_null())
                .map(shown)
        };
        match (&self.code, &self.kind) {
            (Some(code), _) => Some(code.clone()),
            (None, _) if !self.is_2xx() => Some(format!("http_{}", self.status)),
            (None, Some(kind)) => Some(kind.clone()),
            (None, None) => of_success(),
        }
    }

    fn message(&self) -> Option<String> {
        if self.is_success() {
            let words = WORDS_OF_SUCCESS
                .iter()
                .find_map(|pointer| json::text(self.envelope(), pointer));
            return words.map(str::to_owned);
        }
        let status = self.status;
        if self.is_foreign() {
            return Some(format!(
                "status {status} without Uiza's envelope: is this Uiza's API, and is nothing in between?"
            ));
        }
        let words = self.words.clone();
        words.or_else(|| Some(format!("status {status}, and no word of why")))
    }

    fn details(&self, api: &Api, topic: Topic) -> Vec<Field> {
        let envelope = self.envelope();
        let own_link =
            json::text(envelope, "/description_link").or_else(|| json::text(envelope, "/descriptionLink"));
        let link = own_link.map_or_else(|| api.page(topic), str::to_owned);
        let mut details = vec![Field::new("description_link", link)];
        if self.is_success() {
            return details;
        }
        if let Some(kind) = json::text(envelope, "/type") {
            details.push(Field::new("type", kind));
        }
        if let Some(retryable) = self.is_retryable() {
            details.push(Field::new("retryable", retryable));
        }
        if let Some(data) = envelope.get("data").filter(|data| !data.is_null()) {
            let data = json::plain(data);
            if data.as_text() != self.message().as_deref() {
                details.push(Field {
                    name: "data".to_owned(),
                    value: data,
                });
            }
        }
        details
    }

    const fn is_2xx(&self) -> bool {
        matches!(self.status, 200..=299)
    }
}

/// The users of a page, with Uiza's own count of all, where it gives one (v3: `metadata.total`).
#[derive(Debug)]
pub(crate) struct Page<'a> {
    pub(crate) users: &'a [json::Value],
    pub(crate) total: Option<u64>,
}

impl<'a> Page<'a> {
    /// `None` if the answer has no list. Where there is one user alone, some answers have an object.
    pub(crate) fn of(answer: &'a Answer) -> Option<Self> {
        let users = match answer.envelope().get("data")? {
            json::Value::Array(users) => users.as_slice(),
            one @ json::Value::Object(members) if members.contains_key("id") => std::slice::from_ref(one),
            _ => return None,
        };
        let total = answer.envelope().pointer("/metadata/total");
        Some(Self {
            users,
            total: total.and_then(json::Value::as_u64),
        })
    }
}

/// A member as a report shows it; an id is text whatever it was written as.
pub(crate) fn shown(value: &json::Value) -> String {
    match value {
        json::Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

/// A member that may not be there.
pub(crate) fn field(name: &str, value: Option<&json::Value>) -> Field {
    Field {
        name: name.to_owned(),
        value: value.map_or(Value::Null, json::plain),
    }
}
