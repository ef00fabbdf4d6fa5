//! A Finesse with one supervisor and one team, whose answers a test can replace.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// What the vendor does with a request, before anything else.
#[derive(Debug, Clone)]
pub(crate) enum Reaction {
    /// What it always does.
    Usual,
    /// It answers with this status and body, and does nothing.
    Answer(u16, &'static str),
    /// It breaks the connection, having done nothing.
    ResetBefore,
    /// It does it, and breaks the connection.
    ResetAfter,
    /// It does it, and answers after so long.
    Late(Duration),
}

type React = dyn FnMut(&str) -> Reaction + Send;

/// The vendor.
#[derive(Clone)]
pub(crate) struct Vendor {
    pub(crate) address: SocketAddr,
    world: Arc<Mutex<World>>,
}

struct World {
    states: BTreeMap<String, String>,
    /// `METHOD PATH`, in the order of arrival.
    seen: Vec<String>,
    react: Box<React>,
    first_name: String,
    date: Option<&'static str>,
    /// Who is told of changes.
    changes: Option<mpsc::UnboundedSender<Change>>,
}

/// A change of state that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub(crate) user: String,
    pub(crate) state: String,
    pub(crate) request_id: String,
}

impl Vendor {
    /// A team of agents who are ready.
    pub(crate) async fn start(agents: &[&str]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let states = agents.iter().map(|id| ((*id).to_owned(), "READY".to_owned()));
        let vendor = Self {
            address: listener.local_addr().unwrap(),
            world: Arc::new(Mutex::new(World {
                states: states.collect(),
                seen: Vec::new(),
                react: Box::new(|_| Reaction::Usual),
                first_name: "Ann".to_owned(),
                date: None,
                changes: None,
            })),
        };
        let serving = vendor.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let vendor = serving.clone();
                let service = service_fn(move |request| vendor.clone().answer(request));
                tokio::spawn(
                    hyper::server::conn::http1::Builder::new()
                        .serve_connection(TokioIo::new(stream), service),
                );
            }
        });
        vendor
    }

    /// Decides what it does with each `METHOD PATH`.
    pub(crate) fn reacts(&self, react: impl FnMut(&str) -> Reaction + Send + 'static) {
        self.world.lock().unwrap().react = Box::new(react);
    }

    /// The first `METHOD` requests get these reactions.
    pub(crate) fn reacts_to(&self, method: &'static str, reactions: Vec<Reaction>) {
        let mut reactions = reactions.into_iter();
        self.reacts(move |request| {
            if request.starts_with(method) {
                reactions.next().unwrap_or(Reaction::Usual)
            } else {
                Reaction::Usual
            }
        });
    }

    pub(crate) fn set_state(&self, user: &str, state: &str) {
        let mut world = self.world.lock().unwrap();
        world.states.insert(user.to_owned(), state.to_owned());
    }

    pub(crate) fn set_first_name(&self, name: &str) {
        self.world.lock().unwrap().first_name = name.to_owned();
    }

    /// Its clock stands still, at this.
    pub(crate) fn set_date(&self, date: &'static str) {
        self.world.lock().unwrap().date = Some(date);
    }

    /// What is asked for from now on.
    pub(crate) fn changes(&self) -> mpsc::UnboundedReceiver<Change> {
        let (changes, told) = mpsc::unbounded_channel();
        self.world.lock().unwrap().changes = Some(changes);
        told
    }

    /// How many requests began like this.
    pub(crate) fn count(&self, prefix: &str) -> usize {
        let world = self.world.lock().unwrap();
        world.seen.iter().filter(|seen| seen.starts_with(prefix)).count()
    }

    /// Waits until a request that begins like this has arrived.
    pub(crate) async fn arrival(&self, prefix: &str) {
        while self.count(prefix) == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }

    async fn answer(
        self,
        request: hyper::Request<Incoming>,
    ) -> Result<hyper::Response<Full<Bytes>>, io::Error> {
        let line = format!("{} {}", request.method(), request.uri().path());
        let request_id = request.headers().get("requestid");
        let request_id = request_id
            .and_then(|id| id.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        let body = request.into_body().collect().await.map_err(io::Error::other)?;
        let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
        let (reaction, usual, date) = {
            let mut world = self.world.lock().unwrap();
            world.seen.push(line.clone());
            let reaction = (world.react)(&line);
            let usual = match reaction {
                Reaction::Answer(status, body) => (status, body.to_owned()),
                Reaction::ResetBefore => (0, String::new()),
                Reaction::Usual | Reaction::ResetAfter | Reaction::Late(_) => {
                    world.usual(&line, &body, &request_id)
                }
            };
            (reaction, usual, world.date)
        };
        match reaction {
            Reaction::ResetBefore | Reaction::ResetAfter => return Err(io::Error::other("reset")),
            Reaction::Late(by) => tokio::time::sleep(by).await,
            Reaction::Usual | Reaction::Answer(..) => {}
        }
        let mut response = hyper::Response::builder().status(usual.0);
        if let Some(date) = date {
            response = response.header("date", date);
        }
        response.body(Full::from(usual.1)).map_err(io::Error::other)
    }
}

impl World {
    fn usual(&mut self, line: &str, body: &str, request_id: &str) -> (u16, String) {
        let path = line.split_once(' ').unwrap_or_default().1;
        let id = path.rsplit('/').next().unwrap_or_default().to_owned();
        if line.starts_with("PUT ") {
            let state = body
                .split("<state>")
                .nth(1)
                .and_then(|rest| rest.split('<').next())
                .unwrap_or_default();
            self.states.insert(id.clone(), state.to_owned());
            if let Some(changes) = &self.changes {
                let _ = changes.send(Change {
                    user: id,
                    state: state.to_owned(),
                    request_id: request_id.to_owned(),
                });
            }
            return (202, String::new());
        }
        if path.starts_with("/finesse/api/Team/") {
            let users: String = self
                .states
                .iter()
                .map(|(id, state)| self.person(id, state, ""))
                .collect();
            return (
                200,
                format!(
                    "<Team><uri>/finesse/api/Team/1</uri><id>1</id><name>One</name><users>{users}</users></Team>"
                ),
            );
        }
        if path.ends_with("/SystemInfo") {
            let info = "<SystemInfo><status>IN_SERVICE</status><deploymentType>UCCE</deploymentType>\
                        <xmppDomain>example.test</xmppDomain>\
                        <xmppPubSubDomain>pubsub.example.test</xmppPubSubDomain></SystemInfo>";
            return (200, info.to_owned());
        }
        if id == "watcher" {
            return (200, self.person("watcher", "LOGOUT", ""));
        }
        if id == "sup" {
            let teams = "<roles><role>Agent</role><role>Supervisor</role></roles>\
                         <teams><Team><id>1</id><name>One</name><uri>/finesse/api/Team/1</uri></Team></teams>";
            return (200, self.person("sup", "READY", teams));
        }
        (
            404,
            "<ApiErrors><ApiError><ErrorType>User Not Found</ErrorType></ApiError></ApiErrors>".to_owned(),
        )
    }

    fn person(&self, id: &str, state: &str, more: &str) -> String {
        let name = &self.first_name;
        format!(
            "<User><uri>/finesse/api/User/{id}</uri><loginId>{id}</loginId><firstName>{name}</firstName>\
             <lastName>Lee</lastName><pendingState></pendingState><state>{state}</state>\
             <stateChangeTime>2020-01-01T00:00:00.000Z</stateChangeTime>{more}</User>"
        )
    }
}

/// An answer that speaks against the password.
pub(crate) const REFUSED: Reaction = Reaction::Answer(
    401,
    "<ApiErrors><ApiError><ErrorType>Authorization Failure</ErrorType></ApiError></ApiErrors>",
);
