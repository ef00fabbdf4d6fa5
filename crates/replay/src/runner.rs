//! Replays a tutorial: one task after another, as a person would.

mod feeds;
mod person;
mod request;

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use signoff_engine::feed::{ClientError, Published};
use signoff_engine::redact::Redactor;
use signoff_engine::secret::Secret;
use signoff_engine::transport::{Reply, Transport};
use tokio::time::Instant;

use crate::aim::Aim;
use crate::check::{self, Answer};
use crate::event::{Answered, Event, Observer, Sending, Summary, TaskResult, Verdict};
use crate::feed::{Feeds, Listening};
use crate::template::{Template, Unfilled};
use crate::tutorial::{self, Action, Capture, CaptureSource, Check, Request, Task, Tutorial};
use crate::variables::Variables;

/// What a replay goes by.
pub struct Settings {
    /// The values of variables.
    pub variables: Variables,
    /// Where requests really go.
    pub aim: Aim,
    /// Sends requests; must hand redirects over.
    pub transport: Arc<dyn Transport>,
    /// Opens feeds.
    pub feeds: Arc<dyn Feeds>,
    /// Takes secrets out of whatever is told.
    pub redactor: Arc<Redactor>,
    /// Does what only a person can do.
    pub person: Arc<dyn Person>,
    /// Of one request.
    pub timeout: Duration,
    /// Bytes of an answer beyond which it is given up.
    pub max_response_size: u64,
    /// How long a notification is waited for.
    pub notification_time: Duration,
    /// How long the absence of one is waited for.
    pub absence_time: Duration,
    /// Whether the first failure ends the replay.
    pub bail: bool,
    /// Whether passwords may go over a network in clear.
    pub danger_plain_http: bool,
}

/// Does what only a person can do. Called on a thread that may block.
pub trait Person: Send + Sync + 'static {
    /// Asks for something to be done; whether it was.
    fn act(&self, words: &str) -> Acted;

    /// Asks whether something is to be seen.
    fn sees(&self, words: &str) -> Seen;
}

/// Whether a person did what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acted {
    /// It was done.
    Done,
    /// It was passed over.
    Skipped,
}

/// Whether a person saw what was to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It was seen.
    Yes,
    /// Something else was.
    No,
    /// Nobody looked.
    Skipped,
}

/// What to do about a certificate whose issuer is not known here.
const UNTRUSTED: &str = "save the issuer's certificate as PEM, and name it: `--ca-file FILE`; or, knowing the danger, \
                         trust whoever answers: `--danger-accept-invalid-certificates`";

/// Characters of what came that a report shows.
const SHOWN: usize = 400;

/// How long all feeds together have to be signed out of.
const FAREWELL: Duration = Duration::from_secs(5);

/// Replays it until `stop` is ready. What happens is told to the observer; nothing is an error. However it ends, feeds are
/// unsubscribed from and signed out of: what a session leaves behind stays with the vendor.
pub async fn replay(
    tutorial: Arc<Tutorial>,
    settings: Settings,
    stop: impl Future<Output = ()>,
    observer: &mut dyn Observer,
) -> Summary {
    settings.variables.teach(&settings.redactor);
    tutorial.teach(&settings.redactor);
    let begun = Instant::now();
    let mut runner = Runner {
        settings,
        observer,
        feeds: Vec::new(),
        summary: Summary {
            steps: tutorial.steps.len(),
            ..Summary::default()
        },
        at: (0, 0),
        copies: Vec::new(),
        heard: None,
        next: 0,
        copied: copied(&tutorial),
    };
    runner.tell(&Event::Begun(Arc::clone(&tutorial)));
    let interrupted = tokio::select! {
        biased;
        () = stop => true,
        () = runner.steps(&tutorial.steps) => false,
    };
    if interrupted {
        runner.interrupted(&tutorial.steps);
    }
    let feeds = std::mem::take(&mut runner.feeds).into_iter();
    // A server that does not take leave keeps nobody.
    let _ = tokio::time::timeout(FAREWELL, join_all(feeds.map(|feed| feed.session.close()))).await;
    runner.summary.elapsed = begun.elapsed();
    let summary = runner.summary;
    runner.tell(&Event::Finished(summary));
    summary
}

struct Runner<'a> {
    settings: Settings,
    observer: &'a mut dyn Observer,
    feeds: Vec<Listening>,
    summary: Summary,
    /// The step and the task that are being done.
    at: (usize, usize),
    /// What the task keeps for later ones.
    copies: Vec<Capture>,
    /// The notification that came as the task expects.
    heard: Option<Published>,
    /// How many expectations of the task have been checked.
    next: usize,
    /// The variables that get their values from answers.
    copied: HashSet<String>,
}

/// Something that cannot be done at all.
struct Broken {
    message: String,
    hint: String,
}

impl Broken {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: String::new(),
        }
    }

    fn with_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            hint: hint.into(),
        }
    }
}

impl From<ClientError> for Broken {
    fn from(error: ClientError) -> Self {
        Self::new(error.message)
    }
}

/// What a task gave that expectations look at.
#[derive(Default)]
struct Given {
    answer: Option<Reply>,
    elapsed: Duration,
    subscriptions: Option<Vec<String>>,
    confirmed: bool,
    /// Who sent the request.
    user: Option<String>,
}

impl Runner<'_> {
    async fn steps(&mut self, steps: &[tutorial::Step]) {
        let mut stopped = false;
        for (number, step) in steps.iter().enumerate() {
            if stopped {
                self.not_run(number, step);
                continue;
            }
            let passed = self.step(number, step).await;
            stopped = !passed && self.settings.bail;
        }
    }

    /// Accounts for what is left of the step that was being done, and of those after it.
    fn interrupted(&mut self, steps: &[tutorial::Step]) {
        self.summary.interrupted = true;
        let ((number, task), next) = (self.at, self.next);
        let tasks = steps.get(number).map_or(&[][..], |step| &step.tasks);
        for (index, one) in tasks.iter().enumerate().skip(task) {
            self.at = (number, index);
            self.not_reached(one, if index == task { next } else { 0 });
        }
        self.summary.failed_steps += 1;
        self.tell(&Event::StepEnded {
            step: number,
            passed: false,
            elapsed: Duration::ZERO,
        });
        for (number, step) in steps.iter().enumerate().skip(number + 1) {
            self.not_run(number, step);
        }
    }

    async fn step(&mut self, number: usize, step: &tutorial::Step) -> bool {
        let begun = Instant::now();
        self.tell(&Event::StepBegun(number));
        let mut passed = true;
        for (index, task) in step.tasks.iter().enumerate() {
            self.at = (number, index);
            self.next = 0;
            self.heard = None;
            self.copies.clone_from(&task.captures);
            let task_begun = Instant::now();
            let result = if !passed && self.settings.bail {
                self.not_reached(task, 0);
                TaskResult::NotRun
            } else {
                self.task(task).await
            };
            passed &= matches!(result, TaskResult::Passed | TaskResult::Skipped);
            self.summary.broken += usize::from(matches!(result, TaskResult::Broken { .. }));
            let event = Event::TaskEnded {
                step: number,
                task: index,
                result,
                elapsed: task_begun.elapsed(),
            };
            self.tell(&event);
        }
        self.summary.failed_steps += usize::from(!passed);
        self.tell(&Event::StepEnded {
            step: number,
            passed,
            elapsed: begun.elapsed(),
        });
        passed
    }

    fn not_run(&mut self, number: usize, step: &tutorial::Step) {
        self.summary.steps_not_run += 1;
        self.tell(&Event::StepNotRun(number));
        for (index, task) in step.tasks.iter().enumerate() {
            self.at = (number, index);
            self.not_reached(task, 0);
        }
    }

    async fn task(&mut self, task: &Task) -> TaskResult {
        if let Action::Human(words) = &task.action {
            return self.by_a_person(words, task).await;
        }
        if let Err(broken) = self.prepare(task).await {
            return self.broken(task, &broken);
        }
        for feed in &mut self.feeds {
            feed.forget();
        }
        let given = match &task.action {
            Action::Request(request) => self.request(request).await,
            Action::Feed(action) => self.feed(action).await,
            Action::Human(_) => Ok(Given::default()),
        };
        let given = match given {
            Ok(given) => given,
            Err(broken) => return self.broken(task, &broken),
        };
        let of_notification = |capture: &&Capture| matches!(capture.source, CaptureSource::Notified(_));
        let (notified, answered): (Vec<_>, Vec<_>) = task.captures.iter().partition(of_notification);
        let mut passed = true;
        for capture in answered {
            passed &= self.capture(capture, &given);
        }
        for (index, expectation) in task.expectations.iter().enumerate() {
            let (check, verdict) = self.check(&expectation.check, &given).await;
            passed &= verdict.passes();
            self.checked(index, &check, verdict);
        }
        for capture in notified {
            passed &= self.capture(capture, &given);
        }
        if passed {
            TaskResult::Passed
        } else {
            TaskResult::Failed
        }
    }

    async fn request(&mut self, request: &Request) -> Result<Given, Broken> {
        let user = match request.basic() {
            Some(login) => Some(self.fill(&login.username)?),
            None => None,
        };
        let (step, task) = self.at;
        let observer = &mut *self.observer;
        // It is told before it leaves: who ends the replay while it is under way is to know of it.
        let mut told = |what| observer.event(&Event::Sent { step, task, what });
        let begun = Instant::now();
        let (reply, elapsed) = request::send(&self.settings, request, &mut told).await?;
        self.learn(&Answer::of(&reply));
        let answered = Answered {
            status: Some(reply.status),
            headers: self.redacted_headers(&reply.headers),
            body: self.redacted(&check::text(&reply.body)),
            elapsed,
        };
        self.tell_answered(answered);
        Ok(Given {
            answer: Some(reply),
            elapsed: begun.elapsed(),
            user,
            ..Given::default()
        })
    }

    /// Checks an expectation; gives it with the values of its variables, too.
    async fn check(&mut self, check: &Check, given: &Given) -> (Check, Verdict) {
        let variables = &self.settings.variables;
        let is_open = Cell::new(false);
        let check = check.filled(&|template| match variables.filled(template) {
            Ok(filled) if filled.unknown.is_empty() => {
                let open = filled.left.iter().any(|name| self.copied.contains(name));
                is_open.set(is_open.get() || open);
                Template::new(filled.text)
            }
            _ => {
                is_open.set(true);
                template.clone()
            }
        });
        // What an earlier step was to copy, and has not, cannot be compared with anything.
        let verdict = if is_open.get() {
            Verdict::NotReached
        } else {
            self.verdict(&check, given).await
        };
        (check, verdict)
    }

    async fn verdict(&mut self, check: &Check, given: &Given) -> Verdict {
        let answer = given.answer.as_ref().map(Answer::of);
        let of_answer = |verdict: &dyn Fn(&Answer<'_>) -> Verdict| match &answer {
            Some(answer) => verdict(answer),
            None => Verdict::NotReached,
        };
        match check {
            Check::Status(expected) => of_answer(&|answer| check::status(answer, *expected)),
            Check::BodyEmpty => of_answer(&check::body_empty),
            Check::BodyFormat(format) => of_answer(&|answer| check::body_format(answer, *format)),
            Check::BodyContains(text) => of_answer(&|answer| check::body_contains(answer, text.as_str())),
            Check::Element { path, equals } => {
                of_answer(&|answer| check::element(answer, path, equals.as_str()))
            }
            Check::Pointer { pointer, equals } => {
                of_answer(&|answer| check::pointer(answer, pointer, equals.as_str()))
            }
            Check::PointerKind { pointer, kind } => {
                of_answer(&|answer| check::pointer_kind(answer, pointer, *kind))
            }
            Check::HeaderPresent(name) => of_answer(&|answer| check::header_present(answer, name)),
            Check::Header { name, equals } => {
                of_answer(&|answer| check::header(answer, name, equals.as_str()))
            }
            Check::Within(time) if given.elapsed <= *time => Verdict::Held(None),
            Check::Within(_) => check::failed(format!("one after {} ms", given.elapsed.as_millis())),
            Check::Notification(wanted) => self.notification(wanted, given).await,
            Check::NoNotification { within } => {
                let within = within.unwrap_or(self.settings.absence_time);
                self.no_notification(within, given).await
            }
            Check::FeedAnswer if given.confirmed => Verdict::Held(None),
            Check::FeedAnswer => Verdict::NotReached,
            Check::Subscribed(node) => feeds::subscribed(given, node.as_str(), true),
            Check::NotSubscribed(node) => feeds::subscribed(given, node.as_str(), false),
            Check::Seen(_) => check::failed("nothing that a program can see"),
            Check::Unclear(_) => check::failed("this was not understood"),
        }
    }

    /// Learns the secrets that are going to be copied, before anything of where they stand is told.
    fn learn(&self, from: &Answer<'_>) {
        for capture in &self.copies {
            if self.settings.variables.is_secret(&capture.variable)
                && let Ok(value) = check::captured(from, &capture.source)
            {
                self.settings.redactor.add(&capture.variable, &Secret::new(value));
            }
        }
    }

    /// Keeps a value for later steps; whether it is there.
    fn capture(&mut self, capture: &Capture, given: &Given) -> bool {
        let value = match (&capture.source, &self.heard, &given.answer) {
            (CaptureSource::Notified(_), Some(heard), _) => {
                check::captured(&Answer::heard(heard), &capture.source)
            }
            (CaptureSource::Notified(_), None, _) => Err("no notification came".to_owned()),
            (_, _, Some(answer)) => check::captured(&Answer::of(answer), &capture.source),
            (_, _, None) => Err("there is no answer".to_owned()),
        };
        if let Ok(value) = &value {
            self.settings
                .variables
                .capture(capture.variable.as_str(), value.as_str());
        }
        let (step, task) = self.at;
        let is_there = value.is_ok();
        let value = match value {
            Ok(value) => Ok(self.excerpt(&value)),
            Err(problem) => Err(self.excerpt(&problem)),
        };
        self.tell(&Event::Captured {
            step,
            task,
            variable: capture.variable.clone(),
            value,
        });
        is_there
    }

    fn broken(&mut self, task: &Task, broken: &Broken) -> TaskResult {
        self.not_reached(task, 0);
        TaskResult::Broken {
            message: self.redacted(&broken.message),
            hint: self.redacted(&broken.hint),
        }
    }

    fn not_reached(&mut self, task: &Task, from: usize) {
        for (index, expectation) in task.expectations.iter().enumerate().skip(from) {
            self.checked(index, &expectation.check, Verdict::NotReached);
        }
    }

    fn checked(&mut self, expectation: usize, check: &Check, verdict: Verdict) {
        self.summary.expectations += 1;
        self.next = expectation + 1;
        match &verdict {
            Verdict::Held(_) => self.summary.held += 1,
            Verdict::Failed { .. } => self.summary.failed += 1,
            Verdict::Skipped => self.summary.skipped += 1,
            Verdict::NotReached => self.summary.not_reached += 1,
        }
        let verdict = match verdict {
            Verdict::Failed { came, body } => Verdict::Failed {
                came: self.excerpt(&came),
                body: self.excerpt(&body),
            },
            Verdict::Held(seen) => Verdict::Held(seen.map(|seen| self.excerpt(&seen))),
            other => other,
        };
        let (step, task) = self.at;
        self.tell(&Event::Checked {
            step,
            task,
            expectation,
            expected: self.redacted(&check.to_string()),
            verdict,
        });
    }

    fn fill(&self, template: &Template) -> Result<String, Broken> {
        self.settings.variables.fill(template).map_err(unfilled)
    }

    fn fill_whole(&self, template: &Template) -> Result<String, Broken> {
        self.settings.variables.fill_whole(template).map_err(unfilled)
    }

    fn tell_sent(&mut self, what: Sending) {
        let (step, task) = self.at;
        let what = match what {
            Sending::Feed(words) => Sending::Feed(self.redacted(&words)),
            Sending::FeedBefore(words) => Sending::FeedBefore(self.redacted(&words)),
            Sending::Human(words) => Sending::Human(self.redacted(&words)),
            // Redacted where it is made.
            what @ (Sending::Request { .. } | Sending::Redirect(_)) => what,
        };
        self.tell(&Event::Sent { step, task, what });
    }

    fn tell_answered(&mut self, answer: Answered) {
        let (step, task) = self.at;
        self.tell(&Event::Answered { step, task, answer });
    }

    fn tell(&mut self, event: &Event) {
        self.observer.event(event);
    }

    /// What is told of a body or of a value: its beginning, which is cut only after secrets are out of it.
    fn excerpt(&self, text: &str) -> String {
        let text = self.redacted(text);
        match text.char_indices().nth(SHOWN) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }

    fn redacted(&self, text: &str) -> String {
        self.settings.redactor.redact(text).into_owned()
    }

    fn redacted_headers(&self, headers: &[(String, String)]) -> Vec<(String, String)> {
        headers
            .iter()
            .map(|(name, value)| {
                // Whoever has the cookie has the session.
                let value = match (name.as_str(), value.split_once('=')) {
                    ("set-cookie", Some((cookie, _))) => format!("{cookie}=[redacted]"),
                    _ => self.redacted(value),
                };
                (name.clone(), value)
            })
            .collect()
    }
}

/// The variables that a tutorial copies from answers.
fn copied(tutorial: &Tutorial) -> HashSet<String> {
    let tasks = tutorial.steps.iter().flat_map(|step| &step.tasks);
    let captures = tasks.flat_map(|task| &task.captures);
    captures.map(|capture| capture.variable.clone()).collect()
}

#[expect(clippy::needless_pass_by_value, reason = "it is handed over by `map_err`")]
fn unfilled(error: Unfilled) -> Broken {
    Broken::with_hint(
        error.to_string(),
        "give it a value: `--var NAME=VALUE`, or `-e FILE` with an environment",
    )
}
