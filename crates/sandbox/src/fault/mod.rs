//! Faults by name: what a network, a proxy or a troubled vendor does to its clients, and the ways in which releases
//! of one vendor differ. Written as `NAME[=VALUE][@[METHOD][PATH]][#TIMES]`, for example `delay=50ms`,
//! `reset_after=0.05@PUT`, `unavailable@GET/finesse/api/Team#3`.

use std::collections::VecDeque;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use http::Method;

use crate::finesse::{AsyncError, Setting};
use crate::notify::{Moment, Trouble};
use crate::random::Random;
use crate::service::Vendor;
use crate::{uiza, zap};

mod table;

pub use table::{Description, known};

/// A fault and where it strikes.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// What happens.
    pub kind: Kind,
    /// To which requests.
    pub scope: Scope,
    /// How often at most; `None`: without end.
    pub times: Option<u32>,
}

/// What happens. A rate is the share of requests that it happens to, from 0 to 1.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// Every request waits so long before anything is done.
    Delay(Duration),
    /// A change that was accepted is applied so much later.
    Lag(Duration),
    /// The connection is reset before the service sees the request.
    ResetBefore(f64),
    /// The connection is reset after the service has acted, instead of its answer.
    ResetAfter(f64),
    /// No answer ever comes, and the service does not see the request.
    HangBefore(f64),
    /// No answer ever comes, but the service has acted.
    HangAfter(f64),
    /// Half of the body, then the connection is closed.
    Truncate(f64),
    /// The connection is closed after the answer without having said so, as idle ones are by servers and proxies.
    Close(f64),
    /// 503 `Service Unavailable`, nothing done.
    Unavailable(f64),
    /// 503 for everything, for a spell that begins with the first request, and again every so often.
    UnavailableFor {
        /// How long a spell lasts.
        spell: Duration,
        /// From the beginning of one to that of the next; `None`: there is but one.
        every: Option<Duration>,
    },
    /// 429, nothing done.
    Throttle(f64),
    /// 429 for what exceeds so many requests within any second.
    RateLimit(u32),
    /// What `Retry-After` says in 429, and in 503 if it is set, in seconds.
    RetryAfter(u32),
    /// Whether it says it as a date, by the service's clock.
    RetryAfterDate(bool),
    /// 500, nothing done.
    Error500(f64),
    /// 500 although the service has acted.
    Error500After(f64),
    /// 401 without a body, as a proxy gives it.
    Plain401(f64),
    /// 301 to port 8445, as Finesse 12.6 answers plain HTTP.
    Redirect(f64),
    /// 302 to the same path at this origin.
    RedirectTo(String),
    /// Answers with a body have at least so many bytes of XML, or of JSON.
    HugeBody(u64),
    /// Answers with a body are a document of entities that would expand to gigabytes, or of JSON nested too deep to read.
    BillionLaughs(f64),
    /// Answers with a body are cut off XML or JSON in an otherwise complete HTTP message.
    Malformed(f64),
    /// Answers with a body are a page for browsers, with status 200.
    Page(f64),
    /// Changes are accepted and never applied.
    NeverApply(f64),
    /// Changes are accepted and fail with this error on the feed.
    CtiError(AsyncError),
    /// A way in which the simulated Finesse behaves.
    Finesse(Setting),
    /// A way in which the simulated ZAP behaves.
    Zap(zap::Setting),
    /// What goes wrong at ZAP, and for which share of its requests.
    ZapTrouble(zap::Trouble, f64),
    /// A way in which the simulated Uiza behaves.
    Uiza(uiza::Setting),
    /// What goes wrong at Uiza.
    UizaTrouble(uiza::Trouble),
    /// What goes wrong with Finesse's notifications, and with which share of them.
    Feed(Trouble, f64),
}

/// Which requests a fault strikes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope {
    /// Those with this method.
    pub method: Option<Method>,
    /// Those whose path starts like this.
    pub path: Option<String>,
}

/// Why a text names no fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    /// No such name.
    #[error("no fault is named `{name}`; known: {known}")]
    Unknown {
        /// The name.
        name: String,
        /// Those that exist.
        known: String,
    },
    /// The value does not fit.
    #[error("a fault is written `{usage}`, not with `{value}`{hint}")]
    Value {
        /// The name and what it takes.
        usage: &'static str,
        /// What it got.
        value: String,
        /// What a placeholder in `usage` stands for.
        hint: &'static str,
    },
    /// There is no value, and it needs one.
    #[error("a fault is written `{usage}`, not without a value{hint}")]
    NoValue {
        /// The name and what it takes.
        usage: &'static str,
        /// What a placeholder in `usage` stands for.
        hint: &'static str,
    },
    /// What follows `@` or `#` cannot be read.
    #[error(
        "`{text}` is no place or number of times: write `@PUT`, `@/finesse/api/Team`, `@GET/finesse/api/User`, `#3`"
    )]
    Scope {
        /// What follows.
        text: String,
    },
}

impl Fault {
    /// Everywhere, without end.
    #[must_use]
    pub fn new(kind: Kind) -> Self {
        Self {
            kind,
            scope: Scope::default(),
            times: None,
        }
    }

    /// Reads `NAME[=VALUE][@[METHOD][PATH]][#TIMES]`.
    ///
    /// # Errors
    /// If there is no such fault, or its value, place or number of times does not fit.
    pub fn parse(text: &str) -> Result<Self, FaultError> {
        let (rest, times) = match text.rsplit_once('#') {
            Some((rest, times)) => (rest, Some(times.parse().map_err(|_| scope_error(times))?)),
            None => (text, None),
        };
        let (rest, scope) = match rest.split_once('@') {
            Some((rest, scope)) => (rest, scope.parse()?),
            None => (rest, Scope::default()),
        };
        let (name, value) = match rest.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim())),
            None => (rest.trim(), None),
        };
        let kind = table::kind(name, value)?;
        Ok(Self { kind, scope, times })
    }

    /// The same for requests with this method only.
    #[must_use]
    pub fn on(mut self, method: Method) -> Self {
        self.scope.method = Some(method);
        self
    }

    /// The same for paths only that start like this.
    #[must_use]
    pub fn under(mut self, path: impl Into<String>) -> Self {
        self.scope.path = Some(path.into());
        self
    }

    /// The same, so often at most.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Its name, as in the text form and in the ledger.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.kind.name()
    }
}

impl FromStr for Fault {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        Self::parse(text)
    }
}

impl fmt::Display for Fault {
    /// The name and the place, without the value.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        if self.scope != Scope::default() {
            let method = self.scope.method.as_ref().map_or("", Method::as_str);
            write!(f, "@{method}{}", self.scope.path.as_deref().unwrap_or_default())?;
        }
        self.times.map_or(Ok(()), |times| write!(f, "#{times}"))
    }
}

impl Scope {
    fn includes(&self, method: &Method, path: &str) -> bool {
        self.method.as_ref().is_none_or(|wanted| wanted == method)
            && self.path.as_deref().is_none_or(|prefix| path.starts_with(prefix))
    }
}

impl FromStr for Scope {
    type Err = FaultError;

    fn from_str(text: &str) -> Result<Self, FaultError> {
        let (method, path) = text.split_at(text.find('/').unwrap_or(text.len()));
        if text.is_empty() || !method.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            return Err(scope_error(text));
        }
        let method = match method {
            "" => None,
            name => Some(
                Method::from_bytes(name.to_ascii_uppercase().as_bytes()).map_err(|_| scope_error(text))?,
            ),
        };
        Ok(Self {
            method,
            path: (!path.is_empty()).then(|| path.to_owned()),
        })
    }
}

fn scope_error(text: &str) -> FaultError {
    FaultError::Scope {
        text: text.to_owned(),
    }
}

/// The faults in force.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<Rule>,
    random: Random,
}

#[derive(Debug)]
struct Rule {
    fault: Fault,
    /// When the first request came that is in its scope.
    since: Option<Duration>,
    left: Option<u32>,
    /// For logins: how many there were.
    logins: u32,
    /// For a rate limit: when the requests of the last second came.
    recent: VecDeque<Duration>,
}

/// What happens to one request.
#[derive(Debug, Default)]
pub(crate) struct Decision {
    pub(crate) delay: Duration,
    pub(crate) before: Option<Before>,
    pub(crate) after: Option<After>,
    pub(crate) body: Option<Body>,
    pub(crate) lag: Option<Duration>,
    pub(crate) never_apply: bool,
    pub(crate) cti_error: Option<AsyncError>,
    pub(crate) retry_after: Option<u32>,
    pub(crate) retry_after_date: bool,
    pub(crate) redirect_to: Option<String>,
    pub(crate) zap: Option<zap::Trouble>,
    pub(crate) uiza: Option<uiza::Trouble>,
    /// The first fault that decides about the answer, for the ledger.
    pub(crate) name: Option<&'static str>,
}

/// Instead of asking the service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Before {
    Reset,
    Hang,
    Unavailable,
    Throttled,
    InternalError,
    Unauthorized,
    Redirect,
    RedirectTo,
}

/// Instead of the service's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum After {
    Reset,
    Hang,
    InternalError,
    Truncate,
    Close,
}

/// Instead of the answer's body, if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Huge(u64),
    BillionLaughs,
    Malformed,
    Page,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            random: Random::new(seed),
        }
    }

    /// Puts a fault into force, in place of one with the same name and scope.
    pub(crate) fn set(&mut self, fault: Fault) {
        self.rules
            .retain(|rule| rule.fault.name() != fault.name() || rule.fault.scope != fault.scope);
        self.rules.push(Rule {
            left: fault.times,
            fault,
            since: None,
            logins: 0,
            recent: VecDeque::new(),
        });
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    /// Throws the dice for one request.
    pub(crate) fn decide(&mut self, method: &Method, path: &str, now: Duration) -> Decision {
        let mut decision = Decision::default();
        for rule in &mut self.rules {
            let concerns = |vendor| vendor == Vendor::of(path);
            if rule.left == Some(0)
                || matches!(rule.fault.kind, Kind::Feed(..))
                || !rule.fault.scope.includes(method, path)
                || !rule.fault.kind.vendor().is_none_or(concerns)
            {
                continue;
            }
            if rule.strikes(&mut self.random, now) {
                rule.left = rule.left.map(|left| left - 1);
                decision.add(&rule.fault.kind);
            }
        }
        decision
    }
}

impl Faults {
    /// Throws the dice for one moment in the life of a session of notifications; for an event with the name of its node.
    pub(crate) fn feed(&mut self, moment: Moment, node: &str) -> Vec<Trouble> {
        let mut troubles = Vec::new();
        for rule in &mut self.rules {
            let Kind::Feed(trouble, rate) = rule.fault.kind else {
                continue;
            };
            let path = rule.fault.scope.path.as_deref();
            if rule.left == Some(0)
                || trouble.moment() != moment
                || !path.is_none_or(|path| node.starts_with(path))
            {
                continue;
            }
            rule.logins = rule.logins.saturating_add(1);
            if let Trouble::NotAuthorized(fine) = trouble
                && rule.logins <= fine
            {
                continue;
            }
            if self.random.chance(rate) {
                rule.left = rule.left.map(|left| left - 1);
                troubles.push(trouble);
            }
        }
        troubles
    }
}

impl Rule {
    fn strikes(&mut self, random: &mut Random, now: Duration) -> bool {
        let since = *self.since.get_or_insert(now);
        match self.fault.kind {
            Kind::UnavailableFor { spell, every } => {
                let passed = now.saturating_sub(since);
                let of_this_period = match every {
                    Some(every) if !every.is_zero() => passed.as_nanos() % every.as_nanos(),
                    _ => passed.as_nanos(),
                };
                of_this_period < spell.as_nanos()
            }
            Kind::RateLimit(limit) => {
                let second_ago = now.saturating_sub(Duration::from_secs(1));
                while self.recent.front().is_some_and(|&at| at < second_ago) {
                    self.recent.pop_front();
                }
                let exceeded = self.recent.len() >= usize::try_from(limit).unwrap_or(usize::MAX);
                if !exceeded {
                    self.recent.push_back(now);
                }
                exceeded
            }
            ref kind => kind.rate().is_none_or(|rate| random.chance(rate)),
        }
    }
}

impl Kind {
    /// The share of requests, for faults that have one.
    fn rate(&self) -> Option<f64> {
        match *self {
            Self::ResetBefore(rate)
            | Self::ResetAfter(rate)
            | Self::HangBefore(rate)
            | Self::HangAfter(rate)
            | Self::Truncate(rate)
            | Self::Close(rate)
            | Self::Unavailable(rate)
            | Self::Throttle(rate)
            | Self::Error500(rate)
            | Self::Error500After(rate)
            | Self::Plain401(rate)
            | Self::Redirect(rate)
            | Self::BillionLaughs(rate)
            | Self::Malformed(rate)
            | Self::Page(rate)
            | Self::NeverApply(rate)
            | Self::ZapTrouble(_, rate) => Some(rate),
            _ => None,
        }
    }

    /// Whose requests alone it strikes.
    fn vendor(&self) -> Option<Vendor> {
        match self {
            Self::ZapTrouble(..) => Some(Vendor::Zap),
            Self::UizaTrouble(_) => Some(Vendor::Uiza),
            _ => None,
        }
    }
}

impl Decision {
    fn add(&mut self, kind: &Kind) {
        let name = kind.name();
        match *kind {
            Kind::Delay(delay) => self.delay = delay,
            Kind::Lag(lag) => self.lag = Some(lag),
            Kind::RetryAfter(seconds) => self.retry_after = Some(seconds),
            Kind::RetryAfterDate(date) => self.retry_after_date = date,
            Kind::NeverApply(_) => self.never_apply = true,
            Kind::CtiError(ref error) => self.cti_error = Some(error.clone()),
            Kind::ResetBefore(_) => self.instead(Before::Reset, name),
            Kind::HangBefore(_) => self.instead(Before::Hang, name),
            Kind::Unavailable(_) | Kind::UnavailableFor { .. } => self.instead(Before::Unavailable, name),
            Kind::Throttle(_) | Kind::RateLimit(_) => self.instead(Before::Throttled, name),
            Kind::Error500(_) => self.instead(Before::InternalError, name),
            Kind::Plain401(_) => self.instead(Before::Unauthorized, name),
            Kind::Redirect(_) => self.instead(Before::Redirect, name),
            Kind::RedirectTo(ref origin) => {
                self.redirect_to = Some(origin.clone());
                self.instead(Before::RedirectTo, name);
            }
            Kind::ResetAfter(_) => self.afterwards(After::Reset, name),
            Kind::HangAfter(_) => self.afterwards(After::Hang, name),
            Kind::Error500After(_) => self.afterwards(After::InternalError, name),
            Kind::Close(_) => self.afterwards(After::Close, name),
            Kind::Truncate(_) => self.afterwards(After::Truncate, name),
            Kind::HugeBody(bytes) => self.spoil(Body::Huge(bytes), name),
            Kind::BillionLaughs(_) => self.spoil(Body::BillionLaughs, name),
            Kind::Malformed(_) => self.spoil(Body::Malformed, name),
            Kind::Page(_) => self.spoil(Body::Page, name),
            Kind::ZapTrouble(trouble, _) => {
                self.zap = self.zap.or(Some(trouble));
                self.name = self.name.or(Some(name));
            }
            Kind::UizaTrouble(trouble) => {
                self.uiza = self.uiza.or(Some(trouble));
                self.name = self.name.or(Some(name));
            }
            Kind::Finesse(_) | Kind::Zap(_) | Kind::Uiza(_) | Kind::Feed(..) => {}
        }
    }

    fn instead(&mut self, before: Before, name: &'static str) {
        if self.before.is_none() {
            self.before = Some(before);
            // It hides whatever would have happened to the answer.
            self.name = Some(name);
        }
    }

    fn afterwards(&mut self, after: After, name: &'static str) {
        if self.after.is_none() {
            self.after = Some(after);
            self.name = self.name.or(Some(name));
        }
    }

    fn spoil(&mut self, body: Body, name: &'static str) {
        if self.body.is_none() {
            self.body = Some(body);
            self.name = self.name.or(Some(name));
        }
    }
}
