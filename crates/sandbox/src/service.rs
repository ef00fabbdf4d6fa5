//! The simulated services as the server sees them, and what a request to one is: a service is known by its paths, so
//! that all of them stand behind one origin.

use std::borrow::Cow;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName};
use percent_encoding::percent_decode_str;

use crate::answer::Answer;
use crate::fault::Decision;
use crate::{hotdesk, uiza, zap};

/// The header that names a request; Finesse echoes it in what comes of it.
pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("requestid");

/// One simulated vendor.
pub(crate) trait Service {
    /// Lets happen what is due by now.
    fn advance(&mut self);

    /// Answers one request.
    fn answer(&mut self, request: &Incoming<'_>, decision: &Decision) -> Answer;

    /// What it says when something is wrong with itself, for a fault.
    fn refuse(&mut self, trouble: Trouble, request: &Incoming<'_>) -> Answer;

    /// Whose credentials a request carries, in words that are no secret, whether or not they are right.
    fn actor(&self, request: &Incoming<'_>) -> Option<String>;
}

/// Which of the vendors it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    Finesse,
    Hotdesk,
    Zap,
    Uiza,
}

impl Vendor {
    /// Whom a request with this path is for. Finesse answers for what is nobody's, as the server that the others are
    /// guests of.
    pub(crate) fn of(path: &str) -> Self {
        if hotdesk::serves(path) {
            Self::Hotdesk
        } else if zap::serves(path) {
            Self::Zap
        } else if uiza::serves(path) {
            Self::Uiza
        } else {
            Self::Finesse
        }
    }
}

/// What can be wrong with any service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trouble {
    /// Something broke.
    InternalError,
    /// Out of service.
    Unavailable,
}

/// A request, read whole.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Incoming<'a> {
    pub(crate) parts: &'a http::request::Parts,
    pub(crate) body: &'a [u8],
}

impl<'a> Incoming<'a> {
    pub(crate) fn headers(&self) -> &'a HeaderMap {
        &self.parts.headers
    }

    pub(crate) fn request_id(&self) -> Option<&'a str> {
        self.headers().get(REQUEST_ID)?.to_str().ok()
    }

    /// What the body is said to be, without parameters such as a charset.
    pub(crate) fn content_type(&self) -> &'a str {
        let value = self.headers().get(CONTENT_TYPE);
        let value = value.and_then(|value| value.to_str().ok()).unwrap_or_default();
        value.split(';').next().unwrap_or_default().trim()
    }

    pub(crate) fn authorization(&self) -> Option<&'a str> {
        self.headers().get(AUTHORIZATION)?.to_str().ok()
    }

    /// The user name and password of its Basic credentials.
    pub(crate) fn basic(&self) -> Option<(String, String)> {
        self.pair_after("basic")
    }

    /// The same of a token under single sign-on, which simulated vendors make of user name and password in that way too.
    pub(crate) fn signed_on(&self) -> Option<(String, String)> {
        self.pair_after("bearer")
    }

    fn pair_after(&self, scheme: &str) -> Option<(String, String)> {
        let (given, encoded) = self.authorization()?.split_once(' ')?;
        if !given.eq_ignore_ascii_case(scheme) {
            return None;
        }
        let decoded = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some((user.to_owned(), password.to_owned()))
    }

    /// The segments of its path, decoded; those that are empty are left out.
    pub(crate) fn segments(&self) -> Vec<Cow<'a, str>> {
        let segments = self.parts.uri.path().split('/');
        segments
            .filter(|segment| !segment.is_empty())
            .map(|segment| percent_decode_str(segment).decode_utf8_lossy())
            .collect()
    }

    /// The value of this query parameter, decoded.
    pub(crate) fn query(&self, name: &str) -> Option<Cow<'a, str>> {
        let pairs = self.parts.uri.query()?.split('&');
        pairs
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| percent_decode_str(value).decode_utf8_lossy())
    }
}

/// What was accepted and falls due later, each at its time since the start.
#[derive(Debug)]
pub(crate) struct Later<T>(Vec<(Duration, T)>);

impl<T> Default for Later<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T> Later<T> {
    pub(crate) fn add(&mut self, at: Duration, what: T) {
        self.0.push((at, what));
    }

    /// When the first of it falls due.
    pub(crate) fn next_due(&self) -> Option<Duration> {
        self.0.iter().map(|(at, _)| *at).min()
    }

    /// Takes out what is due by now, in the order of acceptance.
    pub(crate) fn take_due(&mut self, now: Duration) -> Vec<(Duration, T)> {
        let all = std::mem::take(&mut self.0);
        let (due, later) = all.into_iter().partition(|(at, _)| *at <= now);
        self.0 = later;
        due
    }
}
