//! Driving a provider by hand: for step tests, which run unchanged on a linked provider and on a loaded one.
//!
//! A [`Drive`] plays the host: it owns the clock, polls until there is nothing left to do, and writes down
//! every step and every input. A test feeds it answers and compares the transcript with what it expects.

mod setup;
mod show;

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt::Write as _;
use std::time::Duration;

use crate::{
    Args, CancelReason, Class, Context, Earlier, Effect, Error, Event, Failure, FailureKind, FeedEvent,
    FeedPlan, FeedWish, Finished, InDoubt, Input, Monotonic, Notification, Now, Operation, Provider, Record,
    Request, RequestId, Response, Sent, Step, Wait,
};
pub use setup::Setup;
use show::{show_duration, show_fields, show_finished, show_placement};

/// A provider under test, however it was come by.
pub trait Subject {
    /// As [`Provider::start`].
    ///
    /// # Errors
    /// As there.
    fn start(
        &self,
        operation: &str,
        args: Args<'_>,
        context: Context<'_>,
        now: Now,
    ) -> Result<Box<dyn Operation>, Error>;

    /// As [`Provider::classify`].
    fn classify(&self, response: &Response<'_>) -> Class;

    /// As [`Provider::feed`].
    ///
    /// # Errors
    /// As there.
    fn feed(&self, wish: FeedWish<'_>, now: Now) -> Result<Box<dyn Operation>, Error>;
}

impl<P: Provider> Subject for P {
    fn start(
        &self,
        operation: &str,
        args: Args<'_>,
        context: Context<'_>,
        now: Now,
    ) -> Result<Box<dyn Operation>, Error> {
        Ok(Box::new(Provider::start(self, operation, args, context, now)?))
    }

    fn classify(&self, response: &Response<'_>) -> Class {
        Provider::classify(self, response)
    }

    fn feed(&self, wish: FeedWish<'_>, now: Now) -> Result<Box<dyn Operation>, Error> {
        Ok(Box::new(Provider::feed(self, wish, now)?))
    }
}

/// When a [`Drive`] begins, by its wall clock: 2026-01-01T00:00:00Z in Unix milliseconds.
pub const START_UNIX_MS: i64 = 1_767_225_600_000;

/// Time-out and settle time of the connection that a [`Drive`] plays.
pub const SETTLE: Duration = Duration::from_secs(20);

/// Plays the host to one operation.
///
/// Answers go to the oldest request that waits for one. The clock moves only when it is told to, and to the
/// moment at which a host would have sent a read that it has to hold back (`not_before`, `max_age`).
pub struct Drive<'a> {
    subject: &'a dyn Subject,
    operation: Option<Box<dyn Operation>>,
    now: Now,
    outstanding: VecDeque<(Request, Monotonic)>,
    subscriptions: VecDeque<RequestId>,
    listening: Vec<RequestId>,
    seen: HashSet<RequestId>,
    last_read: HashMap<String, Monotonic>,
    wait: Option<Wait>,
    records: Vec<Record>,
    finished: Option<Finished>,
    transcript: String,
}

impl<'a> Drive<'a> {
    /// Begins an operation, and polls it.
    #[must_use]
    pub fn start(subject: &'a dyn Subject, setup: &Setup) -> Self {
        let now = beginning();
        let earlier: Vec<Earlier<'_>> = setup
            .earlier
            .iter()
            .map(|(part, attempts, age)| Earlier {
                part,
                attempts: *attempts,
                request_id: "earlier",
                sent_unix_ms: now.unix_ms - milliseconds(*age),
                settled_at: now.monotonic - *age + SETTLE,
                age: *age,
            })
            .collect();
        let context = Context {
            actor: &setup.actor,
            actor_kind: setup.actor_kind,
            plan: setup.plan,
            call: "call",
            may_act_on_self: setup.may_act_on_self,
            in_doubt: setup.in_doubt,
            earlier: &earlier,
            logged_out: setup.logged_out,
        };
        let args = Args::new(setup.user.as_ref(), &setup.fields);
        Self::begin(subject, now, subject.start(&setup.operation, args, context, now))
    }

    /// Begins to find out how to listen, and polls it.
    #[must_use]
    pub fn feed(subject: &'a dyn Subject, wish: FeedWish<'_>) -> Self {
        let now = beginning();
        Self::begin(subject, now, subject.feed(wish, now))
    }

    fn begin(subject: &'a dyn Subject, now: Now, begun: Result<Box<dyn Operation>, Error>) -> Self {
        let mut drive = Self {
            subject,
            operation: None,
            now,
            outstanding: VecDeque::new(),
            subscriptions: VecDeque::new(),
            listening: Vec::new(),
            seen: HashSet::new(),
            last_read: HashMap::new(),
            wait: None,
            records: Vec::new(),
            finished: None,
            transcript: String::new(),
        };
        match begun {
            Ok(operation) => {
                drive.operation = Some(operation);
                drive.poll();
            }
            Err(error) => drive.line(&format!("error: {error}")),
        }
        drive
    }

    /// Answers the oldest request.
    pub fn respond(&mut self, status: u16, body: &str) -> &mut Self {
        self.respond_with(status, &[], body)
    }

    /// Answers the oldest request, with headers (names in lower case).
    pub fn respond_with(&mut self, status: u16, headers: &[(&str, &str)], body: &str) -> &mut Self {
        let Some((request, sent)) = self.send() else {
            return self;
        };
        let headers: Vec<(String, String)> = headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let response = Response {
            request,
            status,
            headers: &headers,
            body: body.as_bytes(),
            sent,
            sent_unix_ms: self.unix_ms(sent),
            settled_at: sent + SETTLE,
        };
        let class = self.subject.classify(&response);
        self.line(&format!("< {status} {class:?}"));
        self.input(Input::Response(response))
    }

    /// Fails the oldest request.
    pub fn fail(&mut self, kind: FailureKind, sent: Sent) -> &mut Self {
        let Some((request, left)) = self.send() else {
            return self;
        };
        self.line(&format!("< {kind:?} {sent:?}"));
        let failure = Failure {
            request,
            sent,
            kind,
            message: "no answer from https://finesse.example.com:8445",
            sent_unix_ms: self.unix_ms(left),
            settled_at: left + SETTLE,
        };
        self.input(Input::Failure(failure))
    }

    /// Holds the oldest request back, as in a plan.
    pub fn hold(&mut self) -> &mut Self {
        let Some((request, _)) = self.send() else {
            return self;
        };
        self.line("< held");
        self.input(Input::Held { request })
    }

    /// Asks for an end.
    pub fn cancel(&mut self, reason: CancelReason) -> &mut Self {
        self.line(&format!("< cancel {reason:?}"));
        self.input(Input::Cancel(reason))
    }

    /// Brings a notification.
    pub fn event(&mut self, event: Event<'_>) -> &mut Self {
        self.line(&format!(
            "< event {} {} {}",
            event.user, event.state, event.error_code
        ));
        self.input(Input::Event(event))
    }

    /// Says that the oldest wish for a feed is granted.
    pub fn subscribed(&mut self) -> &mut Self {
        let Some(subscription) = self.subscriptions.pop_front() else {
            self.line("! nothing waits for a feed");
            return self;
        };
        self.listening.push(subscription);
        self.line("< subscribed");
        self.input(Input::Subscribed { subscription })
    }

    /// Says that the oldest wish for a feed is not granted.
    pub fn feed_refused(&mut self, message: &str) -> &mut Self {
        let Some(subscription) = self.subscriptions.pop_front() else {
            self.line("! nothing waits for a feed");
            return self;
        };
        self.line(&format!("< feed refused: {message}"));
        self.input(Input::FeedRefused {
            subscription,
            message,
        })
    }

    /// Says that the feeds that listened are gone.
    pub fn feed_lost(&mut self) -> &mut Self {
        self.line("< feed lost");
        for subscription in std::mem::take(&mut self.listening) {
            self.input(Input::FeedLost { subscription });
        }
        self
    }

    /// How many wishes for a feed wait for an answer.
    #[must_use]
    pub fn wishes(&self) -> usize {
        self.subscriptions.len()
    }

    /// How to listen, if it is a feed that finished well.
    #[must_use]
    pub fn plan(&mut self) -> Option<FeedPlan> {
        self.operation.as_mut()?.feed_plan()
    }

    /// What a notification says, if it is a feed that finished well.
    pub fn decode(&mut self, node: &str, payload: &[u8]) -> Vec<FeedEvent> {
        let operation = self.operation.as_mut();
        operation.map_or_else(Vec::new, |operation| {
            operation.decode(Notification { node, payload })
        })
    }

    /// Lets time pass, and polls.
    pub fn advance(&mut self, time: Duration) -> &mut Self {
        self.line(&format!("  {} later", show_duration(time)));
        self.move_to(self.now.monotonic + time);
        self.poll();
        self
    }

    /// Lets time pass until the operation wants to be polled.
    pub fn wake(&mut self) -> &mut Self {
        match self.wait {
            Some(Wait { until, .. }) if until != Monotonic::NEVER => {
                self.advance(until.since(self.now.monotonic))
            }
            _ => {
                self.line("! it waits for no time");
                self
            }
        }
    }

    /// The oldest request that waits for an answer.
    #[must_use]
    pub fn request(&self) -> Option<&Request> {
        self.outstanding.front().map(|(request, _)| request)
    }

    /// What it waits for.
    #[must_use]
    pub fn waits(&self) -> Option<&Wait> {
        self.wait.as_ref()
    }

    /// The rows so far.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// How it ended, if it did.
    #[must_use]
    pub fn finished(&self) -> Option<&Finished> {
        self.finished.as_ref()
    }

    /// The clock.
    #[must_use]
    pub fn now(&self) -> Now {
        self.now
    }

    /// Every step and every input, one or a few lines each. A line that begins with `!` is a broken rule.
    #[must_use]
    pub fn transcript(&self) -> &str {
        &self.transcript
    }

    fn input(&mut self, input: Input<'_>) -> &mut Self {
        if let Some(operation) = &mut self.operation {
            operation.input(self.now, input);
        }
        self.poll();
        self
    }

    /// Polls until there is nothing to do, as a host does.
    fn poll(&mut self) {
        const MOST_STEPS: usize = 100_000;
        self.wait = None;
        for _ in 0..MOST_STEPS {
            let (None, Some(operation)) = (&self.finished, &mut self.operation) else {
                return;
            };
            match operation.next(self.now) {
                Step::Request(request) => self.take(request),
                Step::Record(record) => {
                    self.line(&format!(
                        "  row {}: {}",
                        record.id,
                        show_fields(&record.attributes)
                    ));
                    self.records.push(record);
                }
                Step::Subscribe(subscribe) => {
                    self.line(&format!("> subscribe {} for {}", subscribe.node, subscribe.user));
                    self.subscriptions.push_back(subscribe.id);
                }
                Step::Wait(wait) => {
                    if wait.until == Monotonic::NEVER
                        && self.outstanding.is_empty()
                        && self.subscriptions.is_empty()
                        && self.listening.is_empty()
                    {
                        self.line("! it waits forever");
                    }
                    let until = match wait.until {
                        Monotonic::NEVER => String::new(),
                        until => format!(" until {}", self.show_time(until)),
                    };
                    if !(until.is_empty() && wait.reason.is_empty()) {
                        self.line(&format!("  wait{until} {}", wait.reason));
                    }
                    self.wait = Some(wait);
                    return;
                }
                Step::Finished(finished) => {
                    self.line(&show_finished(&finished));
                    self.finished = Some(finished);
                    return;
                }
            }
        }
        self.line("! it does not come to rest");
    }

    fn take(&mut self, request: Request) {
        if !self.seen.insert(request.id) {
            self.line(&format!("! request id {} is used twice", request.id.0));
        }
        let shown = self.show_request(&request);
        self.line(&shown);
        self.outstanding.push_back((request, self.now.monotonic));
    }

    /// Takes the oldest request, and moves the clock to when a host would have sent it.
    fn send(&mut self) -> Option<(RequestId, Monotonic)> {
        let Some((request, made)) = self.outstanding.pop_front() else {
            self.line("! nothing waits for an answer");
            return None;
        };
        let mut sent = made.max(request.not_before);
        if request.effect == Effect::Read {
            let key = format!("{} {:?} {:?}", request.path, request.query, request.max_age);
            if let Some(last) = self.last_read.get(&key) {
                sent = sent.max(*last + request.max_age);
            }
            self.last_read.insert(key, sent);
        }
        self.move_to(sent);
        Some((request.id, sent))
    }

    fn move_to(&mut self, moment: Monotonic) {
        if moment > self.now.monotonic {
            self.now.unix_ms += milliseconds(moment.since(self.now.monotonic));
            self.now.monotonic = moment;
        }
    }

    fn unix_ms(&self, moment: Monotonic) -> i64 {
        self.now.unix_ms - milliseconds(self.now.monotonic.since(moment))
    }

    fn line(&mut self, text: &str) {
        self.transcript.push_str(text.trim_end());
        self.transcript.push('\n');
    }

    fn show_request(&self, request: &Request) -> String {
        let mut shown = format!("> {} {}", request.method, request.path);
        for (n, (name, value)) in request.query.iter().enumerate() {
            let _ = write!(shown, "{}{name}={value}", if n == 0 { '?' } else { '&' });
        }
        if request.endpoint != "api" {
            let _ = write!(shown, " at {}", request.endpoint);
        }
        match &request.effect {
            Effect::Read => shown.push_str(" read"),
            Effect::Write {
                part,
                in_doubt,
                request_id,
            } => {
                let rule = match in_doubt {
                    InDoubt::Ask => "ask".to_owned(),
                    InDoubt::Repeat(limit) => format!("repeat {}", show_duration(*limit)),
                    InDoubt::Report => "report".to_owned(),
                };
                let _ = write!(shown, " write `{part}` {rule}");
                if let Some(id) = request_id {
                    let _ = write!(shown, " as {id}");
                }
            }
        }
        match &request.credential {
            None => shown.push_str(" open"),
            Some(credential) => {
                let name = credential.name.as_deref().unwrap_or_default();
                let _ = write!(shown, " {}{name}", show_placement(&credential.placement));
            }
        }
        for secret in &request.secrets {
            let _ = write!(
                shown,
                " secret {} in {}",
                secret.handle.0,
                show_placement(&secret.placement)
            );
        }
        if request.proves_credential {
            shown.push_str(" proof");
        }
        if !request.max_age.is_zero() {
            let _ = write!(shown, " age {}", show_duration(request.max_age));
        }
        if request.not_before != Monotonic::ZERO {
            let _ = write!(shown, " after {}", self.show_time(request.not_before));
        }
        if request.not_after != Monotonic::NEVER {
            let _ = write!(shown, " by {}", self.show_time(request.not_after));
        }
        if let Some(timeout) = request.timeout {
            let _ = write!(shown, " timeout {}", show_duration(timeout));
        }
        if let Some(cap) = request.answer_cap {
            let _ = write!(shown, " cap {cap}");
        }
        for (name, value) in &request.headers {
            let _ = write!(shown, "\n    {name}: {value}");
        }
        if !request.body.is_empty() {
            let _ = write!(shown, "\n    {}", String::from_utf8_lossy(&request.body));
        }
        shown
    }

    /// A moment, from the start of the drive.
    fn show_time(&self, moment: Monotonic) -> String {
        let elapsed = self.now.unix_ms - START_UNIX_MS;
        let ahead = milliseconds(moment.since(self.now.monotonic));
        let behind = milliseconds(self.now.monotonic.since(moment));
        let total = elapsed + ahead - behind;
        let sign = if total < 0 { '-' } else { '+' };
        format!(
            "{sign}{}",
            show_duration(Duration::from_millis(total.unsigned_abs()))
        )
    }
}

fn beginning() -> Now {
    Now {
        monotonic: Monotonic::ZERO + Duration::from_secs(1_000_000),
        unix_ms: START_UNIX_MS,
    }
}

fn milliseconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
