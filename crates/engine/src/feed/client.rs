//! One session that is spoken to step by step, for whoever replays a tutorial: it is shared with nobody, nothing is
//! decoded, and when it is lost it stays lost.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use signoff_xmpp::{Event, Limits, Login, Request, Session};
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

use super::address::Address;
use super::open::until_ready;
use super::session::flush;
use super::wire::Wire;
use crate::clock::until;
use crate::secret::Secret;
use crate::transport::{Dialer, TransportSettings};

/// The longest that signing in may take, and an answer.
const PATIENCE: Duration = Duration::from_secs(15);
/// Notifications that wait to be looked at; who does not look loses the session.
const WAITING: usize = 1_024;

/// Where a notification service is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether TLS is spoken from the first byte. Without it the password goes out in clear.
    pub tls: bool,
}

/// As whom to sign in. Deliberately without `Debug`.
pub struct Account {
    /// The XMPP domain, which need not be the host's name.
    pub domain: String,
    /// The login id, without a domain.
    pub user: String,
    /// The password; it is tried once.
    pub password: Secret,
}

/// A session. Dropping it ends it without a farewell.
pub struct Client {
    asks: mpsc::Sender<Ask>,
}

/// What a node had to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The node.
    pub node: String,
    /// The text in the item, unescaped once; untrusted.
    pub payload: String,
}

/// Why a service does not do what it is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ClientError {
    /// What somebody can do something about.
    pub fault: Fault,
    /// In words for a person.
    pub message: String,
}

/// Where it lies that there is no session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nobody can be reached at the address.
    Unreachable,
    /// Whoever answers there has a certificate that is not trusted.
    Untrusted,
    /// The user or his password is refused.
    Login,
    /// The server knows no such domain.
    Domain,
    /// The service ends it, says nothing, or says something else than was asked for.
    Session,
}

impl ClientError {
    fn of_session(message: impl Into<String>) -> Self {
        Self {
            fault: Fault::Session,
            message: message.into(),
        }
    }
}

enum Ask {
    Subscribe(String, Told<()>),
    Unsubscribe(String, Told<()>),
    List(Told<Vec<String>>),
    Close(oneshot::Sender<()>),
}

type Told<T> = oneshot::Sender<Result<T, ClientError>>;

impl Client {
    /// Signs in. What is published from then on comes out of the receiver, which ends with the session.
    ///
    /// # Errors
    /// If the service cannot be reached, or refuses the login.
    pub async fn connect(
        settings: TransportSettings,
        place: &Place,
        account: Account,
    ) -> Result<(Self, mpsc::Receiver<Published>), ClientError> {
        let address = Address {
            host: place.host.clone(),
            port: place.port,
            tls: place.tls,
            path: None,
            may_log_in: true,
        };
        let whole = async {
            let dialer = Dialer::new(settings);
            let wire = Wire::connect(&dialer, &address).await;
            let wire = wire.map_err(|none| ClientError {
                fault: if none.untrusted {
                    Fault::Untrusted
                } else {
                    Fault::Unreachable
                },
                message: none.words,
            })?;
            let login = Login {
                service: format!("pubsub.{}", account.domain),
                domain: account.domain,
                user: account.user,
                password: account.password.expose().to_owned().into(),
                resource: format!("signoff-replay-{:08x}", uuid::Uuid::new_v4().as_fields().0),
                plain: true,
            };
            let began = Instant::now();
            let session = Session::new(login, wire.framing(), Limits::default(), Duration::ZERO);
            let session = session.map_err(|error| ClientError::of_session(error.to_string()))?;
            let (session, wire, jid) = until_ready(session, wire, began, &AtomicBool::new(false))
                .await
                .map_err(|trouble| ClientError {
                    fault: trouble.fault,
                    message: trouble.why.to_string(),
                })?;
            Ok((session, wire, jid, began))
        };
        let (session, wire, jid, began) = timeout(PATIENCE, whole)
            .await
            .unwrap_or_else(|_| Err(ClientError::of_session("nobody answers in time")))
            .map_err(|error| ClientError {
                message: format!("the notification service at `{address}`: {error}"),
                ..error
            })?;
        let (asks, asked) = mpsc::channel(16);
        let (publish, published) = mpsc::channel(WAITING);
        let task = Task {
            session,
            wire,
            jid,
            began,
            asked,
            publish,
            subscribing: HashMap::new(),
            unsubscribing: HashMap::new(),
            listing: Vec::new(),
            closing: None,
        };
        tokio::spawn(task.run());
        Ok((Self { asks }, published))
    }

    /// Listens to a node.
    ///
    /// # Errors
    /// If the service refuses it, or is gone.
    pub async fn subscribe(&self, node: &str) -> Result<(), ClientError> {
        self.ask(|told| Ask::Subscribe(node.to_owned(), told)).await
    }

    /// Listens to it no more.
    ///
    /// # Errors
    /// If the service refuses it, or is gone.
    pub async fn unsubscribe(&self, node: &str) -> Result<(), ClientError> {
        self.ask(|told| Ask::Unsubscribe(node.to_owned(), told)).await
    }

    /// The nodes that are subscribed to.
    ///
    /// # Errors
    /// If the service does not say, or is gone.
    pub async fn subscriptions(&self) -> Result<Vec<String>, ClientError> {
        self.ask(Ask::List).await
    }

    /// Signs out, as politely as the service lets it.
    pub async fn close(self) {
        let (told, closed) = oneshot::channel();
        if self.asks.send(Ask::Close(told)).await.is_ok() {
            // What does not end in time has no more to say.
            let _ = timeout(PATIENCE, closed).await;
        }
    }

    async fn ask<T>(&self, ask: impl FnOnce(Told<T>) -> Ask) -> Result<T, ClientError> {
        let (told, answer) = oneshot::channel();
        let gone = || ClientError::of_session("the session is gone");
        self.asks.send(ask(told)).await.map_err(|_| gone())?;
        match timeout(PATIENCE, answer).await {
            Ok(answered) => answered.unwrap_or_else(|_| Err(gone())),
            Err(_) => Err(ClientError::of_session("the service does not answer")),
        }
    }
}

/// Keeps a session going.
struct Task {
    session: Session,
    wire: Wire,
    /// Our address.
    jid: String,
    began: Instant,
    asked: mpsc::Receiver<Ask>,
    publish: mpsc::Sender<Published>,
    subscribing: HashMap<String, Told<()>>,
    unsubscribing: HashMap<String, Told<()>>,
    listing: Vec<Told<Vec<String>>>,
    closing: Option<oneshot::Sender<()>>,
}

impl Task {
    async fn run(mut self) {
        while self.events() {
            if let Err(why) = flush(&mut self.session, &mut self.wire).await {
                self.session.disconnected(why);
                continue;
            }
            let wake = self.session.wake().map(|wake| self.began + wake);
            let now = self.began.elapsed();
            tokio::select! {
                biased;
                ask = self.asked.recv(), if self.closing.is_none() => match ask {
                    Some(ask) => self.ask(now, ask),
                    // Whoever would have listened is gone.
                    None => return,
                },
                read = self.wire.read() => match read {
                    Ok(Some(bytes)) => self.session.receive(self.began.elapsed(), &bytes),
                    Ok(None) => self.session.disconnected("the server closed it"),
                    Err(why) => self.session.disconnected(why),
                },
                () = until(wake) => self.session.tick(self.began.elapsed()),
            }
        }
        // What is said last; nobody is left to be told of an error.
        let _ = flush(&mut self.session, &mut self.wire).await;
        self.wire.end().await;
        if let Some(closed) = self.closing {
            let _ = closed.send(());
        }
    }

    fn ask(&mut self, now: Duration, ask: Ask) {
        let unasked = |error: &dyn fmt::Display| ClientError::of_session(error.to_string());
        match ask {
            Ask::Subscribe(node, told) => match self.session.subscribe(now, &node) {
                Ok(()) => _ = self.subscribing.insert(node, told),
                Err(error) => _ = told.send(Err(unasked(&error))),
            },
            Ask::Unsubscribe(node, told) => match self.session.unsubscribe(now, &node) {
                Ok(()) => _ = self.unsubscribing.insert(node, told),
                Err(error) => _ = told.send(Err(unasked(&error))),
            },
            Ask::List(told) => match self.session.list(now) {
                Ok(()) => self.listing.push(told),
                Err(error) => _ = told.send(Err(unasked(&error))),
            },
            Ask::Close(closed) => {
                self.closing = Some(closed);
                self.session.close(now);
            }
        }
    }

    /// Takes notice of what the session has to say; `false` at its end.
    fn events(&mut self) -> bool {
        while let Some(event) = self.session.event() {
            match event {
                Event::Subscribed { node } => answer(self.subscribing.remove(&node), Ok(())),
                Event::Unsubscribed { node, .. } => answer(self.unsubscribing.remove(&node), Ok(())),
                Event::Subscriptions(listed) => {
                    let own = |jid: &str| bare(jid) == bare(&self.jid);
                    let nodes: Vec<String> = listed
                        .into_iter()
                        .filter(|one| own(&one.jid))
                        .map(|one| one.node)
                        .collect();
                    for told in self.listing.drain(..) {
                        answer(Some(told), Ok(nodes.clone()));
                    }
                }
                Event::Failed { request, error } => self.failed(&request, &error.condition),
                Event::Notification(published) if !published.delayed => {
                    let published = Published {
                        node: published.node,
                        payload: published.payload,
                    };
                    if self.publish.try_send(published).is_err() {
                        return false;
                    }
                }
                Event::Refused { .. } | Event::Lost { .. } | Event::Closed => return false,
                Event::Notification(_) | Event::Ready { .. } | Event::Service { .. } => {}
            }
        }
        true
    }

    fn failed(&mut self, request: &Request, condition: &str) {
        let refused =
            |what: &str| ClientError::of_session(format!("the service refuses {what}: {condition}"));
        match request {
            Request::Subscribe { node } => {
                answer(
                    self.subscribing.remove(node),
                    Err(refused(&format!("to subscribe to `{node}`"))),
                );
            }
            Request::Unsubscribe { node, .. } => {
                answer(
                    self.unsubscribing.remove(node),
                    Err(refused(&format!("to unsubscribe from `{node}`"))),
                );
            }
            Request::List => {
                for told in self.listing.drain(..) {
                    answer(Some(told), Err(refused("the list of subscriptions")));
                }
            }
        }
    }
}

fn answer<T>(told: Option<Told<T>>, answer: Result<T, ClientError>) {
    if let Some(told) = told {
        // Whoever asked may have lost patience.
        let _ = told.send(answer);
    }
}

/// An address without its resource.
fn bare(jid: &str) -> &str {
    jid.split('/').next().unwrap_or(jid)
}
