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

use crate::server::{self, Shared};

/// How long to wait for a port that was given up and is not free yet.
const PORT_PAUSE: Duration = Duration::from_millis(20);

/// One node, as it can be told what to do.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) number: usize,
    pub(crate) address: SocketAddr,
    running: watch::Sender<bool>,
    in_service: AtomicBool,
}

impl Node {
    pub(crate) fn new(number: usize, address: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            number,
            address,
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

    /// Where it serves, such as `http://127.0.0.1:43211`.
    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Serves all nodes until it is dropped.
pub(crate) async fn serve(nodes: Vec<(Arc<Node>, TcpListener)>, shared: Arc<Shared>) {
    let mut serving = JoinSet::new();
    for (node, listener) in nodes {
        serving.spawn(live(node, listener, Arc::clone(&shared)));
    }
    while serving.join_next().await.is_some() {}
}

/// Serves one node whenever it is to run.
async fn live(node: Arc<Node>, first: TcpListener, shared: Arc<Shared>) {
    let mut running = node.running.subscribe();
    let mut bound = Some(first);
    loop {
        if let Some(listener) = bound.take() {
            tokio::select! {
                () = server::serve(listener, Arc::clone(&node), Arc::clone(&shared)) => {}
                _ = running.wait_for(|running| !running) => {}
            }
        }
        if running.wait_for(|running| *running).await.is_err() {
            return;
        }
        match TcpListener::bind(node.address).await {
            Ok(listener) => bound = Some(listener),
            Err(_) => tokio::time::sleep(PORT_PAUSE).await,
        }
    }
}
