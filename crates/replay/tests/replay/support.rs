//! A server and a feed that answer as they are told, and a transcript of what a replay tells.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::future::Future;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use signoff_core::{FailureKind, Sent};
use signoff_engine::feed::{ClientError, Fault, Published};
use signoff_engine::json::value_from;
use signoff_engine::redact::Redactor;
use signoff_engine::transport::{Exchange, Reply, Transport, TransportFailure};
use signoff_replay::aim::Aim;
use signoff_replay::event::{Event, Observer, Sending, TaskResult, Verdict};
use signoff_replay::feed::{FeedLogin, FeedSession, Feeds, OpenFeed};
use signoff_replay::lab;
use signoff_replay::runner::{Acted, Person, Seen, Settings, replay};
use signoff_replay::tutorial::Tutorial;
use signoff_replay::variables::{Scope, Variables};
use tokio::sync::mpsc;

/// What a server says: a status, headers, a body; and what the feed says then.
#[derive(Default)]
pub(crate) struct Says {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) body: &'static str,
    pub(crate) published: Vec<(&'static str, &'static str)>,
    /// How long it takes to say it.
    pub(crate) takes: Duration,
}

impl Says {
    pub(crate) fn status(status: u16) -> Self {
        Self {
            status,
            ..Self::default()
        }
    }

    pub(crate) fn body(self, body: &'static str) -> Self {
        Self { body, ..self }
    }

    pub(crate) fn header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn after(self, takes: Duration) -> Self {
        Self { takes, ..self }
    }

    pub(crate) fn publishing(mut self, node: &'static str, payload: &'static str) -> Self {
        self.published.push((node, payload));
        self
    }
}

/// The world of a replay.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) answers: Mutex<VecDeque<Says>>,
    /// What arrived: method, URL, authorization, body.
    pub(crate) arrived: Mutex<Vec<String>>,
    /// The headers that arrived.
    pub(crate) headers: Mutex<Vec<String>>,
    /// What was asked of feeds.
    pub(crate) asked: Mutex<Vec<String>>,
    pub(crate) listener: Mutex<Option<mpsc::Sender<Published>>>,
    pub(crate) nodes: Mutex<Vec<String>>,
    /// How the next exchange fails, if there is no answer to it.
    pub(crate) fails: Option<FailureKind>,
    pub(crate) refuses_feeds: bool,
    pub(crate) loses_feed: bool,
}

impl World {
    pub(crate) fn answering(answers: impl IntoIterator<Item = Says>) -> Self {
        Self {
            answers: Mutex::new(answers.into_iter().collect()),
            ..Self::default()
        }
    }
}

/// In the hands of the runner.
struct Hands(Arc<World>);

impl Transport for Hands {
    fn send(
        &self,
        exchange: Exchange,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, TransportFailure>> + Send + '_>> {
        let authorization = exchange.headers.get("authorization");
        let authorization = authorization.map_or("-", |value| value.to_str().unwrap());
        self.0.arrived.lock().unwrap().push(format!(
            "{} {} {authorization} {}",
            exchange.method,
            exchange.url,
            String::from_utf8_lossy(&exchange.body)
        ));
        let headers = exchange.headers.iter();
        let headers = headers.map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap()));
        self.0.headers.lock().unwrap().push(headers.collect());
        let says = self.0.answers.lock().unwrap().pop_front();
        async move {
            let Some(says) = says else {
                return Err(TransportFailure {
                    sent: Sent::NotSent,
                    kind: self.0.fails.unwrap_or(FailureKind::Unreachable),
                    message: "nobody is there".to_owned(),
                    hint: "look for somebody".to_owned(),
                    untrusted: false,
                });
            };
            tokio::time::sleep(says.takes).await;
            for (node, payload) in says.published {
                let heard = Published {
                    node: node.to_owned(),
                    payload: payload.to_owned(),
                };
                let listener = self.0.listener.lock().unwrap().clone();
                if let Some(listener) = listener {
                    let _ = listener.try_send(heard);
                }
            }
            if self.0.loses_feed {
                self.0.listener.lock().unwrap().take();
            }
            let headers = says.headers.into_iter();
            Ok(Reply {
                status: says.status,
                headers: headers
                    .map(|(name, value)| (name.to_owned(), value.to_owned()))
                    .collect(),
                body: says.body.into(),
            })
        }
        .boxed()
    }
}

impl Feeds for Hands {
    fn open(&self, login: FeedLogin) -> BoxFuture<'_, Result<OpenFeed, ClientError>> {
        async move {
            let address = &login.address;
            self.0.asked.lock().unwrap().push(format!(
                "open {}:{} tls={} {}@{}",
                address.host, address.port, address.tls, login.username, login.domain
            ));
            if self.0.refuses_feeds {
                return Err(ClientError {
                    fault: Fault::Login,
                    message: "not-authorized".to_owned(),
                });
            }
            let (listener, notifications) = mpsc::channel(64);
            *self.0.listener.lock().unwrap() = Some(listener);
            Ok(OpenFeed {
                session: Box::new(Session(Arc::clone(&self.0))),
                notifications,
            })
        }
        .boxed()
    }
}

struct Session(Arc<World>);

impl FeedSession for Session {
    fn subscribe<'a>(&'a mut self, node: &'a str) -> BoxFuture<'a, Result<(), ClientError>> {
        async move {
            self.0.asked.lock().unwrap().push(format!("subscribe {node}"));
            self.0.nodes.lock().unwrap().push(node.to_owned());
            Ok(())
        }
        .boxed()
    }

    fn unsubscribe<'a>(&'a mut self, node: &'a str) -> BoxFuture<'a, Result<(), ClientError>> {
        async move {
            self.0.asked.lock().unwrap().push(format!("unsubscribe {node}"));
            self.0.nodes.lock().unwrap().retain(|known| known != node);
            Ok(())
        }
        .boxed()
    }

    fn subscriptions(&mut self) -> BoxFuture<'_, Result<Vec<String>, ClientError>> {
        async move { Ok(self.0.nodes.lock().unwrap().clone()) }.boxed()
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        async move { self.0.asked.lock().unwrap().push("close".to_owned()) }.boxed()
    }
}

/// A person who always says the same.
pub(crate) struct Says1(pub(crate) Acted, pub(crate) Seen);

impl Person for Says1 {
    fn act(&self, _: &str) -> Acted {
        self.0
    }

    fn sees(&self, _: &str) -> Seen {
        self.1
    }
}

pub(crate) fn page(name: &str) -> Tutorial {
    let pages = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/pages");
    let lab = lab::read(&pages.join(name)).unwrap();
    assert!(lab.problems.is_empty(), "{:?}", lab.problems);
    lab.tutorial
}

pub(crate) fn written(text: &str) -> Tutorial {
    let lab = lab::from_texts("written", &[(PathBuf::from("written.md"), text.to_owned())]);
    assert!(lab.problems.is_empty(), "{:?}", lab.problems);
    lab.tutorial
}

/// What a script declares.
pub(crate) fn declared(tutorial: &serde_json::Value) -> Tutorial {
    let read = signoff_replay::declared::read(&PathBuf::from("t.luau"), "", &value_from(tutorial));
    read.unwrap().tutorial
}

/// Settings for a world, to be changed field by field.
pub(crate) fn settings(world: &Arc<World>) -> Settings {
    let mut variables = Variables::new();
    for (name, value) in [
        ("web-url", "127.0.0.1"),
        ("clerk", "c1"),
        ("clerk_password", "s3cr3t-of-c1"),
        ("supervisor_username", "s1"),
        ("supervisor_password", "s3cr3t-of-s1"),
        ("team", "7"),
        ("xmpp-domain", "abc.inc"),
    ] {
        variables.set(Scope::Environment, name, value);
    }
    Settings {
        variables,
        aim: Aim::default(),
        transport: Arc::new(Hands(Arc::clone(world))),
        feeds: Arc::new(Hands(Arc::clone(world))),
        redactor: Arc::new(Redactor::new()),
        person: Arc::new(Says1(Acted::Skipped, Seen::Skipped)),
        timeout: Duration::from_secs(10),
        max_response_size: 1 << 20,
        notification_time: Duration::from_secs(10),
        absence_time: Duration::from_secs(3),
        bail: false,
        danger_plain_http: false,
    }
}

/// Replays, and gives what was told, line by line.
pub(crate) async fn told(tutorial: Tutorial, settings: Settings) -> String {
    told_until(std::future::pending(), tutorial, settings).await
}

/// The same, until somebody ends it.
pub(crate) async fn told_until(
    stop: impl Future<Output = ()>,
    tutorial: Tutorial,
    settings: Settings,
) -> String {
    let mut transcript = Transcript {
        tutorial: Arc::new(tutorial),
        text: String::new(),
    };
    let tutorial = Arc::clone(&transcript.tutorial);
    let summary = replay(tutorial, settings, stop, &mut transcript).await;
    let mut text = transcript.text;
    let _ = writeln!(
        text,
        "{}: {} of {} held, {} failed, {} skipped, {} not reached, {} broken, {} of {} steps failed, {} not run",
        if summary.passed() { "passed" } else { "failed" },
        summary.held,
        summary.expectations,
        summary.failed,
        summary.skipped,
        summary.not_reached,
        summary.broken,
        summary.failed_steps,
        summary.steps,
        summary.steps_not_run,
    );
    assert!(!text.contains("s3cr3t"), "a secret is told: {text}");
    text
}

struct Transcript {
    tutorial: Arc<Tutorial>,
    text: String,
}

impl Observer for Transcript {
    fn event(&mut self, event: &Event) {
        let text = &mut self.text;
        let _ = match event {
            Event::StepBegun(step) => writeln!(text, "== {}", self.tutorial.steps[*step].title),
            Event::Sent { what, .. } => writeln!(text, "> {}", sent(what)),
            Event::Answered { answer, .. } => match answer.status {
                Some(status) => writeln!(text, "< {status} {}", answer.body),
                None => writeln!(text, "< {}", answer.body),
            },
            Event::Checked {
                expected: check,
                verdict,
                ..
            } => match verdict {
                Verdict::Held(None) => writeln!(text, "  ok {check}"),
                Verdict::Held(Some(seen)) => writeln!(text, "  ok {check} ({seen})"),
                Verdict::Failed { .. } => {
                    let came = verdict.came().unwrap();
                    writeln!(text, "  NO {check}\n     came {came}")
                }
                Verdict::Skipped => writeln!(text, "  skipped {check}"),
                Verdict::NotReached => writeln!(text, "  not reached {check}"),
            },
            Event::Captured { variable, value, .. } => writeln!(text, "  {variable} = {value:?}"),
            Event::TaskEnded {
                result: TaskResult::Broken { message, hint },
                ..
            } => writeln!(text, "  broken: {message}; {hint}"),
            Event::TaskEnded {
                result: TaskResult::NotRun,
                ..
            } => writeln!(text, "  not run"),
            _ => Ok(()),
        };
    }
}

fn sent(what: &Sending) -> String {
    match what {
        Sending::Request {
            method,
            url,
            user,
            headers,
            body,
        } => {
            let user = user.as_deref().unwrap_or("nobody");
            let body = body.as_deref().unwrap_or("-").replace('\n', " ");
            format!("{method} {url} as {user} {headers:?} {body}")
        }
        Sending::Feed(words) => format!("feed: {words}"),
        Sending::FeedBefore(words) => format!("feed first: {words}"),
        Sending::Human(words) => format!("person: {words}"),
        Sending::Redirect(url) => format!("redirected to {url}"),
    }
}
