//! The nodes of a simulated cluster: several listeners before one and the same state, each of which can fail by itself.
//!
//! A node that is stopped closes its port and its connections in the middle of whatever they do, as a process does that
//! is killed. A node out of service answers everything with 503, as Finesse does when it has lost its CTI server.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::finesse::Ports;
use crate::server::{self, Shared};

/// How long to wait for a port that was given up and is not free yet.
const PORT_PAUSE: Duration = Duration::from_millis(20);

/// What is spoken at a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    /// The REST APIs, and notifications over WebSocket.
    Http,
    /// The same in TLS.
    Https,
    /// Notifications.
    Xmpp,
    /// The same in TLS.
    XmppTls,
}

/// The doors of every node.
pub(crate) const DOORS: [Door; 4] = [Door::Http, Door::Https, Door::Xmpp, Door::XmppTls];

/// One node, as it can be told what to do.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) number: usize,
    addresses: [SocketAddr; DOORS.len()],
    running: watch::Sender<bool>,
    in_service: AtomicBool,
}

/// What a node listens on, a listener a door.
pub(crate) type Listeners = [TcpListener; DOORS.len()];

impl Node {
    /// One that listens at these addresses, one a door.
    pub(crate) fn new(number: usize, addresses: [SocketAddr; DOORS.len()]) -> Arc<Self> {
        Arc::new(Self {
            number,
            addresses,
            running: watch::Sender::new(true),
            in_service: AtomicBool::new(true),
        })
    }

    pub(crate) fn run(&self, running: bool) {
        self.running.send_replace(running);
    }

    pub(crate) fn put_in_service(&self, in_service: bool) {
        self.in_service.store(in_service, Ordering::Relaxed);
    }

    pub(crate) fn is_in_service(&self) -> bool {
        self.in_service.load(Ordering::Relaxed)
    }

    pub(crate) fn address(&self, door: Door) -> SocketAddr {
        self.addresses[door as usize]
    }

    /// Where it serves, such as `http://127.0.0.1:43211`.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address(Door::Http))
    }

    pub(crate) fn ports(&self) -> Ports {
        let [http, https, xmpp, xmpp_tls] = self.addresses.map(|address| address.port());
        Ports {
            http,
            https,
            xmpp,
            xmpp_tls,
        }
    }
}

/// Serves all nodes until it is dropped.
pub(crate) async fn serve(nodes: Vec<(Arc<Node>, Listeners)>, shared: Arc<Shared>) {
    let mut serving = JoinSet::new();
    for (node, listeners) in nodes {
        serving.spawn(live(node, listeners, Arc::clone(&shared)));
    }
    serving.spawn(server::keep_time(shared));
    while serving.join_next().await.is_some() {}
}

/// Serves one node whenever it is to run.
async fn live(node: Arc<Node>, first: Listeners, shared: Arc<Shared>) {
    let mut running = node.running.subscribe();
    let mut bound = Some(first);
    loop {
        if let Some(listeners) = bound.take() {
            let mut doors = JoinSet::new();
            for (door, listener) in DOORS.into_iter().zip(listeners) {
                doors.spawn(server::serve(
                    listener,
                    door,
                    Arc::clone(&node),
                    Arc::clone(&shared),
                ));
            }
            tokio::select! {
                _ = doors.join_next() => {}
                _ = running.wait_for(|running| !running) => {}
            }
            doors.shutdown().await;
        }
        if running.wait_for(|running| *running).await.is_err() {
            return;
        }
        match listen_again(&node).await {
            Ok(listeners) => bound = Some(listeners),
            Err(_) => tokio::time::sleep(PORT_PAUSE).await,
        }
    }
}

async fn listen_again(node: &Node) -> std::io::Result<Listeners> {
    let [http, https, xmpp, xmpp_tls] = node.addresses;
    Ok([
        TcpListener::bind(http).await?,
        TcpListener::bind(https).await?,
        TcpListener::bind(xmpp).await?,
        TcpListener::bind(xmpp_tls).await?,
    ])
}
