//! A look at a connection outside of any run: one read of its provider, through one origin, each request sent once.
//!
//! Where a run waits and tries again, a checkup says at once what it met. It shows a credential once and no more,
//! since vendors count wrong passwords and lock accounts.

use std::collections::BTreeMap;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use signoff_core::abi::host::Instance;
use signoff_core::{
    Args, Class, Context, CredentialKind, FailureKind, Finished, InDoubtPolicy, Monotonic, Now, Record,
    RequestId, Response, User,
};
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;
use url::Url;

use crate::clock::Clock;
use crate::config::ConnectionSettings;
use crate::credential::Credential;
use crate::dispatch::{Classify, DispatchError, Dispatcher, DispatcherSettings, classify_login};
use crate::engine::{Engine, EngineError};
use crate::feed::{Base, Feeds, NoFeed};
use crate::operation::{self, Setting, Waits};
use crate::parameters;
use crate::transport::{
    Exchange, HttpTransport, Reply, ServerClock, SettingsError, Transport, TransportFailure,
    TransportSettings,
};

/// A connection, ready to be looked at.
pub struct Checkup {
    settings: ConnectionSettings,
    endpoints: BTreeMap<String, Vec<Url>>,
    /// The paths under which tokens are fetched.
    token_paths: Arc<[String]>,
    provider: Arc<Instance>,
    reach: TransportSettings,
    transport: Arc<HttpTransport>,
}

/// What is read.
pub struct Question<'a> {
    /// An operation that does not write.
    pub operation: &'a str,
    /// Whom it is about.
    pub user: Option<User>,
    /// Whom it is asked as.
    pub actor: Option<&'a Arc<Credential>>,
    /// Whether the actor's secret may be shown, if the provider wants that.
    pub show: bool,
}

/// What came of a question.
pub struct Seen {
    /// The answer.
    pub found: Found,
    /// The vendor's clock, as far as the answers told.
    pub clock: ServerClock,
    /// From the question to its end.
    pub took: Duration,
}

/// How a question ended.
pub enum Found {
    /// The provider came to its end, in whatever way.
    Ended {
        /// How.
        finished: Finished,
        /// What it read.
        records: Vec<Record>,
    },
    /// The credential was accepted, and the provider wanted to show it again.
    Accepted,
    /// The vendor gave no token for the credential.
    NoToken {
        /// Why.
        reason: Arc<str>,
        /// Whether it refused the credential, rather than being unable to give one.
        refused: bool,
    },
    /// The vendor turned the request away.
    TurnedAway {
        /// The HTTP status.
        status: u16,
        /// What that means, by the provider.
        class: Class,
    },
    /// No usable answer came.
    Unanswered(TransportFailure),
    /// It could not even be asked: the secret, the configuration or the provider is at fault.
    NotAsked(DispatchError),
}

impl Checkup {
    /// Opens a connection as a run does, and sends nothing.
    ///
    /// # Errors
    /// If the connection cannot be used.
    pub fn of(engine: &Engine, connection: &str) -> Result<Self, EngineError> {
        let (settings, library) = engine.connection(connection)?;
        let provider = library
            .open(&settings.options)
            .map_err(|error| EngineError::Provider {
                connection: connection.to_owned(),
                error,
            })?;
        let reach = engine.transport(&settings);
        let transport = HttpTransport::new(reach.clone()).map_err(|error| EngineError::Transport {
            connection: connection.to_owned(),
            error,
        })?;
        Ok(Self {
            endpoints: engine.endpoints(&settings),
            token_paths: token_paths(engine, &settings),
            settings,
            provider: Arc::new(provider),
            reach,
            transport: Arc::new(transport),
        })
    }

    /// The same connection, for which it is so much later when certificates are judged.
    ///
    /// # Errors
    /// If the files that its settings name have changed meanwhile.
    pub fn later(&self, ahead: Duration) -> Result<Self, SettingsError> {
        let reach = TransportSettings {
            clock_ahead: ahead,
            ..self.reach.clone()
        };
        Ok(Self {
            settings: self.settings.clone(),
            endpoints: self.endpoints.clone(),
            token_paths: Arc::clone(&self.token_paths),
            provider: Arc::clone(&self.provider),
            transport: Arc::new(HttpTransport::new(reach.clone())?),
            reach,
        })
    }

    /// The connection.
    #[must_use]
    pub const fn settings(&self) -> &ConnectionSettings {
        &self.settings
    }

    /// Asks one origin of an endpoint. Must be awaited within a tokio runtime.
    pub async fn ask(&self, endpoint: &str, origin: &Url, question: Question<'_>) -> Seen {
        let clock = Clock::start();
        let began = Instant::now();
        let watched = Arc::new(Watched {
            inner: Arc::clone(&self.transport),
            provider: Arc::clone(&self.provider),
            token_paths: Arc::clone(&self.token_paths),
            clock,
            met: Mutex::default(),
            decided: Notify::new(),
        });
        let found = tokio::select! {
            biased;
            () = watched.decided.notified() => None,
            found = self.drive(endpoint, origin, question, clock, Arc::clone(&watched)) => Some(found),
        };
        let mut met = watched.met();
        let found = met.verdict.take().or(found).unwrap_or(Found::Accepted);
        Seen {
            found,
            clock: met.clock,
            took: began.elapsed(),
        }
    }

    /// Whether a server answers at an origin, whatever it says: for providers that have nothing to ask without a secret.
    /// Gives how long it took.
    ///
    /// # Errors
    /// Why none does.
    pub async fn reach(&self, origin: &Url) -> Result<Duration, TransportFailure> {
        let began = Instant::now();
        let exchange = Exchange {
            method: http::Method::HEAD,
            url: origin.clone(),
            headers: http::HeaderMap::new(),
            body: Bytes::new(),
            timeout: self.settings.timeout,
            answer_cap: 64 << 10,
            on_status: None,
        };
        match self.transport.send(exchange).await {
            // What stands at the root of an API is often a redirect to a page for people.
            Err(failure) if failure.kind != FailureKind::Redirected => Err(failure),
            _ => Ok(began.elapsed()),
        }
    }

    /// Whether its vendor tells of changes by itself.
    #[must_use]
    pub fn has_feed(&self) -> bool {
        self.provider.has_feed()
    }

    /// Opens a session of notifications with this credential, which the configuration names for that, and ends it
    /// again. Gives where it was. Must be awaited within a tokio runtime.
    ///
    /// # Errors
    /// Why there is none.
    pub async fn listen(&self, credential: &Arc<Credential>) -> Result<String, NoFeed> {
        let clock = Clock::start();
        let settings = self.dispatcher_settings(self.endpoints.clone());
        let transport = Arc::clone(&self.transport) as Arc<dyn Transport>;
        let classifier = Arc::new(Classifier(Arc::clone(&self.provider)));
        let dispatcher = Dispatcher::new(settings, transport, classifier, clock);
        let base = Base {
            settings: &self.settings,
            provider: &self.provider,
            dispatcher: &dispatcher,
            reach: self.reach.clone(),
            credential: Arc::clone(credential),
            actor: None,
            named: true,
        };
        Feeds::try_out(base, clock).await
    }

    async fn drive(
        &self,
        endpoint: &str,
        origin: &Url,
        question: Question<'_>,
        clock: Clock,
        watched: Arc<Watched>,
    ) -> Found {
        let fault = |message: String| Found::NotAsked(DispatchError::Fault(message.into()));
        let Question {
            operation,
            user,
            actor,
            show,
        } = question;
        let Some(spec) = self.settings.descriptor.operation(operation) else {
            return fault(format!("the provider has no `{operation}`"));
        };
        let arguments = match parameters::resolve(spec.parameters, &[]) {
            Ok(arguments) => arguments,
            Err(error) => return fault(error.to_string()),
        };
        let context = Context {
            actor: actor.map_or("", |actor| actor.actor()),
            actor_kind: actor.map_or(CredentialKind::Basic, |actor| actor.kind()),
            plan: true,
            call: "checkup",
            may_act_on_self: false,
            in_doubt: InDoubtPolicy::Verify,
            earlier: &[],
            logged_out: false,
        };
        let args = Args::new(user.as_ref(), &arguments);
        let mut op = match self.provider.start(spec.name, args, context, clock.now()) {
            Ok(op) => op,
            Err(error) => return fault(error.to_string()),
        };
        let dispatcher = self.dispatcher(endpoint, origin, watched, clock);
        let ticket = dispatcher.ticket(0, None);
        let (_stop, stopped) = watch::channel(false);
        let (_caller, left) = oneshot::channel();
        let setting = Setting {
            clock,
            dispatcher: &dispatcher,
            ticket: &ticket,
            credential: actor.filter(|_| show),
            stopped,
            writing: None,
            waits: &Waits::default(),
            feed: None,
            witness: None,
        };
        let limit = self.settings.timeout * 3;
        match tokio::time::timeout(limit, operation::drive(&mut op, setting, left)).await {
            Ok(Ok(ended)) => match ended.stopped_because {
                Some(reason) => Found::NoToken {
                    reason,
                    refused: !ended.is_unanswered,
                },
                None => Found::Ended {
                    finished: ended.finished,
                    records: ended.records,
                },
            },
            Ok(Err(error)) => Found::NotAsked(error),
            Err(_) => fault(format!("`{operation}` did not end within {} s", limit.as_secs())),
        }
    }

    /// A dispatcher that knows this origin alone, and sends no write.
    fn dispatcher(
        &self,
        endpoint: &str,
        origin: &Url,
        watched: Arc<Watched>,
        clock: Clock,
    ) -> Arc<Dispatcher> {
        let mut endpoints = self.endpoints.clone();
        endpoints.values_mut().for_each(|origins| origins.truncate(1));
        endpoints.insert(endpoint.to_owned(), vec![origin.clone()]);
        let settings = self.dispatcher_settings(endpoints);
        let classifier = Arc::new(Classifier(Arc::clone(&self.provider)));
        Dispatcher::new(settings, watched, classifier, clock)
    }

    fn dispatcher_settings(&self, endpoints: BTreeMap<String, Vec<Url>>) -> DispatcherSettings {
        DispatcherSettings {
            connection: Arc::clone(&self.settings.name),
            endpoints,
            rate: self.settings.rate,
            concurrency: 1,
            window: 0,
            timeout: self.settings.timeout,
            settle: self.settings.settle,
            plan: true,
            logins: self.settings.descriptor.logins,
            user_secrets: Arc::default(),
        }
    }
}

fn token_paths(engine: &Engine, settings: &ConnectionSettings) -> Arc<[String]> {
    let logins = settings.descriptor.logins.iter().map(|login| login.path);
    let servers = engine
        .config
        .credentials
        .iter()
        .filter_map(|one| one.oauth.as_ref());
    let servers = servers.map(|server| server.token_url.path());
    logins.chain(servers).map(str::to_owned).collect()
}

/// Passes requests on, and ends the question with the first thing that a run would wait for and try again.
struct Watched {
    inner: Arc<HttpTransport>,
    provider: Arc<Instance>,
    token_paths: Arc<[String]>,
    clock: Clock,
    met: Mutex<Met>,
    decided: Notify,
}

/// What was met so far.
#[derive(Default)]
struct Met {
    clock: ServerClock,
    verdict: Option<Found>,
    /// The answer to the request that showed the credential.
    shown: Option<(u16, Class)>,
}

impl Watched {
    fn met(&self) -> MutexGuard<'_, Met> {
        self.met.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn pass(&self, exchange: Exchange) -> Result<Reply, TransportFailure> {
        let shows = exchange.headers.values().any(http::HeaderValue::is_sensitive);
        if let Some((status, class)) = self.met().shown.filter(|_| shows) {
            self.decide(match class {
                Class::Ok => Found::Accepted,
                class => Found::TurnedAway { status, class },
            });
        }
        if self.met().verdict.is_some() {
            return pending().await;
        }
        let sent = self.clock.now();
        let for_token = self.token_paths.iter().any(|path| path == exchange.url.path());
        let result = self.inner.send(exchange).await;
        match &result {
            Ok(reply) => self.answered(reply, sent, shows && !for_token, for_token),
            // Where the login leads to, and what to do about it, is told at its end.
            Err(failure) if for_token && failure.kind == FailureKind::Redirected => {}
            Err(failure) => self.decide(Found::Unanswered(failure.clone())),
        }
        result
    }

    fn answered(&self, reply: &Reply, sent: Now, shows: bool, for_token: bool) {
        let date = reply.headers.iter().find(|(name, _)| name == "date");
        if let Some((_, date)) = date {
            let received_ms = self.clock.now().unix_ms;
            self.met().clock.observe(date, sent.unix_ms, received_ms);
        }
        let response = Response {
            request: RequestId(0),
            status: reply.status,
            headers: &reply.headers,
            body: &reply.body,
            sent: sent.monotonic,
            sent_unix_ms: sent.unix_ms,
            settled_at: Monotonic::ZERO,
        };
        let status = reply.status;
        let class = if for_token {
            classify_login(status)
        } else {
            class_of(&self.provider, &response)
        };
        if shows {
            self.met().shown = Some((status, class));
        }
        if !matches!(class, Class::Ok | Class::Other) {
            self.decide(Found::TurnedAway { status, class });
        }
    }

    fn decide(&self, verdict: Found) {
        self.met().verdict.get_or_insert(verdict);
        self.decided.notify_one();
    }
}

impl Transport for Watched {
    fn send(
        &self,
        exchange: Exchange,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, TransportFailure>> + Send + '_>> {
        Box::pin(self.pass(exchange))
    }
}

struct Classifier(Arc<Instance>);

impl Classify for Classifier {
    fn classify(&self, response: &Response<'_>) -> Class {
        class_of(&self.0, response)
    }
}

/// A run waits until a vendor is in service again; here, one that says in a proper answer that it is not has answered
/// the question.
fn class_of(provider: &Instance, response: &Response<'_>) -> Class {
    match provider.classify(response) {
        Ok(Class::Unavailable) if matches!(response.status, 200..=299) => Class::Other,
        Ok(class) => class,
        Err(_) => Class::Other,
    }
}
