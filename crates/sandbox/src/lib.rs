//! Simulated vendor services on loopback, for trying, teaching and testing.
//!
//! [`Sandbox::start`] serves a Cisco Finesse from the facts of its documentation: users and teams in their states, rules of
//! both deployments, asynchronous application, lock-out, every error row, and its notification service ([`notify`]). Beside it, behind the same origin, are a [`zap`] and a [`uiza`], and a
//! [`hotdesk`], an invented vendor for which `plugins/hotdesk` is a provider in C. What the network and a troubled
//! server do to a client is added by name ([`Fault`]), and a [`Ledger`] records what the server saw, so that a test need
//! not believe the client under test.
//!
//! ```
//! use signoff_sandbox::{Population, Sandbox, Settings, State};
//!
//! let settings = Settings::with(Population::team(3)).fault("reset_after=0.1@PUT".parse()?);
//! let sandbox = Sandbox::start_on_thread(settings)?;
//! // Here a client logs agent 10001 out, at `sandbox.origin()`, as `supervisor` with `supervisor-password`.
//! assert_eq!(sandbox.state_of("10001"), Some(State::Ready));
//! assert_eq!(sandbox.ledger().logouts_of("10001").requested, 0);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! *Architecture invariants.* The sandbox shares no code with the providers but the reader of XML, with which it reads
//! request bodies, and none with the engine but the XMPP codec: an error in one must not hide in the other. (The codec is
//! held to captures of real servers, and the sandbox's use of it to slixmpp.) It listens on loopback alone and its passwords protect nothing. Randomness comes from a seed.

mod answer;
mod clock;
pub mod fault;
pub mod finesse;
pub mod hotdesk;
mod lab;
mod ledger;
mod node;
pub mod notify;
mod random;
mod server;
mod service;
mod settings;
pub mod uiza;
pub mod zap;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use fault::{Fault, FaultError, Kind as FaultKind};
pub use finesse::{Behaviour, Population, Setting, State, User};
pub use hotdesk::{DeskState, Person};
pub use ledger::{
    Cause, Effect, End, FeedRecord, KEPT, Ledger, Logouts, Request, Tokens, Unapplied, ZapSessions,
};
pub use settings::{FinesseSettings, HotdeskSettings, Settings, UizaSettings, ZapSettings};

use node::{Door, Listeners, Node};
use notify::{CertificateError, FeedEnd};
use server::Shared;

/// Simulated services that run until this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    nodes: Vec<Arc<Node>>,
    shared: Arc<Shared>,
    server: Server,
}

/// What keeps it running.
#[derive(Debug)]
enum Server {
    Task(JoinHandle<()>),
    /// It ends when the sender is dropped.
    Thread {
        stop: Option<oneshot::Sender<Infallible>>,
        thread: Option<thread::JoinHandle<()>>,
    },
}

/// Why the sandbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It serves plain HTTP and made-up passwords, so it stays on this machine.
    #[error("the sandbox listens on loopback only, not on `{0}`")]
    NotLoopback(SocketAddr),
    /// The address cannot be had.
    #[error("cannot listen on `{address}`: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: std::io::Error,
    },
    /// The certificate is none.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// A thread to serve on cannot be had.
    #[error("cannot start the sandbox's thread: {0}")]
    Thread(#[source] std::io::Error),
}

impl Sandbox {
    /// Starts serving on the current tokio runtime.
    ///
    /// # Errors
    /// If the address is not on loopback or cannot be listened on, or a certificate was given that is none.
    pub async fn start(settings: Settings) -> Result<Self, Error> {
        let listening = listen(&settings).await?;
        let nodes: Vec<Arc<Node>> = listening.iter().map(|(node, _)| Arc::clone(node)).collect();
        let shared = Arc::new(Shared::new(settings, &nodes)?);
        let server = Server::Task(tokio::spawn(node::serve(listening, Arc::clone(&shared))));
        Ok(Self {
            nodes,
            shared,
            server,
        })
    }

    /// Starts serving on a thread of its own, for a host that blocks.
    ///
    /// # Errors
    /// As [`Self::start`], or if the system gives no thread.
    pub fn start_on_thread(settings: Settings) -> Result<Self, Error> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(Error::Thread)?;
        let listening = runtime.block_on(listen(&settings))?;
        let nodes: Vec<Arc<Node>> = listening.iter().map(|(node, _)| Arc::clone(node)).collect();
        let shared = Arc::new(Shared::new(settings, &nodes)?);
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let serve = node::serve(listening, Arc::clone(&shared));
        let thread = thread::Builder::new()
            .name("sandbox".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = serve => {}
                        _ = stopped => {}
                    }
                });
            })
            .map_err(Error::Thread)?;
        let server = Server::Thread {
            stop: Some(stop),
            thread: Some(thread),
        };
        Ok(Self {
            nodes,
            shared,
            server,
        })
    }

    /// Closes every connection and every port.
    pub async fn stop(mut self) {
        if let Server::Task(task) = &mut self.server {
            task.abort();
            // Cancelled is what it was told to be.
            let _ = task.await;
        }
    }

    /// Where it serves, such as `http://127.0.0.1:43211`; of several nodes the first.
    #[must_use]
    pub fn origin(&self) -> String {
        self.nodes.first().map_or_else(String::new, |node| node.origin())
    }

    /// Where each node serves.
    #[must_use]
    pub fn origins(&self) -> Vec<String> {
        self.nodes.iter().map(|node| node.origin()).collect()
    }

    /// Where the first node serves the same in TLS, such as `https://127.0.0.1:43212`.
    #[must_use]
    pub fn https_origin(&self) -> String {
        format!("https://{}", self.address(Door::Https))
    }

    /// Where the first node's notification service takes plain streams. WebSockets are taken at `/ws/` of both origins.
    #[must_use]
    pub fn xmpp_address(&self) -> SocketAddr {
        self.address(Door::Xmpp)
    }

    /// Where it takes streams in TLS.
    #[must_use]
    pub fn xmpp_tls_address(&self) -> SocketAddr {
        self.address(Door::XmppTls)
    }

    /// The certificate of all that is served in TLS, in PEM: what a client has to trust.
    #[must_use]
    pub fn certificate(&self) -> &str {
        &self.shared.certificate
    }

    /// The subscriptions to notifications that clients have made and not taken back: nodes and addresses, in order.
    #[must_use]
    pub fn feed_subscriptions(&self) -> Vec<(String, String)> {
        self.shared.hub.subscriptions()
    }

    /// Ends every session of notifications in this way.
    pub fn end_feeds(&self, how: FeedEnd) {
        self.shared.hub.end_all(how);
    }

    /// Sends an event of a node, with whatever text, to all that listen to it.
    pub fn publish(&self, node: &str, payload: &str) {
        self.shared.publish(node, payload);
    }

    fn address(&self, door: Door) -> SocketAddr {
        self.nodes.first().map_or_else(
            || SocketAddr::from(([127, 0, 0, 1], 0)),
            |node| node.address(door),
        )
    }

    /// Closes the port and all connections of a node, in the middle of whatever they do. The state is that of the others
    /// and lives on.
    pub fn stop_node(&self, node: usize) {
        if let Some(node) = self.nodes.get(node) {
            node.run(false);
        }
    }

    /// Lets a node serve again, where it did before.
    pub fn start_node(&self, node: usize) {
        if let Some(node) = self.nodes.get(node) {
            node.run(true);
        }
    }

    /// Takes a node out of service, so that it answers everything with 503, or puts it back.
    pub fn set_in_service(&self, node: usize, in_service: bool) {
        if let Some(node) = self.nodes.get(node) {
            node.put_in_service(in_service);
        }
    }

    /// A `signoff.toml` for it, with comments, complete to the passwords.
    #[must_use]
    pub fn configuration(&self) -> String {
        self.shared.credentials.configuration(&self.origins())
    }

    /// The user names in the configuration, and their passwords.
    pub fn passwords(&self) -> impl Iterator<Item = (&str, &str)> {
        self.shared.credentials.passwords()
    }

    /// What the server saw. What is due by now has happened in it; what falls due later is recorded with the next request
    /// or call of a method here.
    #[must_use]
    pub fn ledger(&self) -> Ledger {
        self.shared.advance();
        self.shared.ledger.clone()
    }

    /// How long it has been running: the time that the ledger counts in.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.shared.clock.now()
    }

    /// A user's state; `None` if there is no such user.
    #[must_use]
    pub fn state_of(&self, user: &str) -> Option<State> {
        let mut finesse = self.shared.finesse();
        finesse.advance();
        finesse.state_of(user)
    }

    /// The state that he goes to when his call ends, if one is pending.
    #[must_use]
    pub fn pending_state_of(&self, user: &str) -> Option<State> {
        let mut finesse = self.shared.finesse();
        finesse.advance();
        finesse.pending_state_of(user)
    }

    /// Everybody whose state is not LOGOUT, in the order of the population.
    #[must_use]
    pub fn signed_in(&self) -> Vec<String> {
        let mut finesse = self.shared.finesse();
        finesse.advance();
        finesse.signed_in()
    }

    /// Whether wrong passwords have locked this account.
    #[must_use]
    pub fn is_locked(&self, user: &str) -> bool {
        self.shared.finesse().is_locked(user, self.now())
    }

    /// Puts a user into a state, whatever the rules say; a pending state is forgotten. `false` if there is no such user.
    pub fn set_state(&self, user: &str, state: State) -> bool {
        self.shared.finesse().set_state(user, state)
    }

    /// Gives a user a call that ends after so long, or only by [`Self::end_call`]. `false` if there is no such user.
    pub fn begin_call(&self, user: &str, lasts: Option<Duration>) -> bool {
        self.shared.finesse().begin_call(user, lasts)
    }

    /// Ends a user's call, if he is on one. `false` if there is no such user.
    pub fn end_call(&self, user: &str) -> bool {
        self.shared.finesse().end_call(user)
    }

    /// How somebody is at the Hotdesk; `None` if there is no such user.
    #[must_use]
    pub fn desk_state_of(&self, user: &str) -> Option<DeskState> {
        self.shared.advance();
        self.shared.hotdesk().state_of(user)
    }

    /// Puts somebody at the Hotdesk into a state, whatever the rules say. `false` if there is no such user.
    pub fn set_desk_state(&self, user: &str, state: DeskState) -> bool {
        self.shared.hotdesk().set_state(user, state)
    }

    /// Where a ZAP user is signed in, by his id; `None` if there is no such user.
    #[must_use]
    pub fn zap_sessions_of(&self, user: &str) -> Option<zap::Sessions> {
        self.shared.advance();
        self.shared.zap().sessions_of(user)
    }

    /// Signs a ZAP user in or out on the web, whatever the rules say. `false` if there is no such user.
    pub fn set_zap_web(&self, user: &str, signed_in: bool) -> bool {
        self.shared.zap().set_web(user, signed_in)
    }

    /// Expires every token of ZAP that is out; refresh tokens live on.
    pub fn expire_zap_tokens(&self) {
        self.shared.zap().expire_tokens();
    }

    /// How many good keys a Uiza user has, by his id; `None` if there is no such user.
    #[must_use]
    pub fn uiza_keys_of(&self, user: &str) -> Option<usize> {
        self.shared.advance();
        self.shared.uiza().keys_of(user)
    }

    /// Puts a fault into force from the next request on, in place of one with the same name and scope.
    pub fn set_fault(&self, fault: Fault) {
        self.shared.set_fault(fault);
    }

    /// Ends all faults; the service behaves as at the start.
    pub fn clear_faults(&self) {
        self.shared.clear_faults();
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        match &mut self.server {
            Server::Task(task) => task.abort(),
            Server::Thread { stop, thread } => {
                drop(stop.take());
                if let Some(thread) = thread.take() {
                    // It has nothing to say, and if it panicked the test that used it has failed already.
                    let _ = thread.join();
                }
            }
        }
    }
}

/// Listens for each node; the port that is wanted, if one is, belongs to the first.
async fn listen(settings: &Settings) -> Result<Vec<(Arc<Node>, Listeners)>, Error> {
    let mut listening = Vec::new();
    for number in 0..usize::from(settings.nodes.max(1)) {
        let mut wanted = settings.listen;
        if number > 0 {
            wanted.set_port(0);
        }
        let any = SocketAddr::new(wanted.ip(), 0);
        let (http, at_http) = listen_on(wanted).await?;
        let (https, at_https) = listen_on(any).await?;
        let (xmpp, at_xmpp) = listen_on(any).await?;
        let (xmpp_tls, at_xmpp_tls) = listen_on(any).await?;
        let node = Node::new(number, [at_http, at_https, at_xmpp, at_xmpp_tls]);
        listening.push((node, [http, https, xmpp, xmpp_tls]));
    }
    Ok(listening)
}

async fn listen_on(wanted: SocketAddr) -> Result<(TcpListener, SocketAddr), Error> {
    if !wanted.ip().is_loopback() {
        return Err(Error::NotLoopback(wanted));
    }
    let failed = |source| Error::Listen {
        address: wanted,
        source,
    };
    let listener = TcpListener::bind(wanted).await.map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}
