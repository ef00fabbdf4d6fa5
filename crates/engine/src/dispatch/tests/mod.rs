//! The dispatcher as a whole, in virtual time, over a vendor who follows a script.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

mod failover;
mod gate;
mod limits;
mod random;
mod reads;
mod shown;
mod tokens;
mod user_secrets;
mod writes;

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use signoff_core::{
    Class, CredentialKind, CredentialUse, Effect, FailureKind, InDoubt, Placement, Request, RequestId,
    Response, Sent,
};
use tokio::time::Instant;
use url::Url;

use super::*;
use crate::credential::{CredentialSettings, LoginSettings};
use crate::redact::Redactor;
use crate::secret::{Environment, Secret, SecretReference};
use crate::transport::{Exchange, Reply, TransportFailure};

/// A dispatcher and its vendor.
struct World {
    clock: Clock,
    vendor: Arc<Vendor>,
    dispatcher: Arc<Dispatcher>,
    credential: Arc<Credential>,
}

/// Follows a script, and remembers what came.
struct Vendor {
    script: Box<dyn Fn(&Call) -> Answer + Send + Sync>,
    calls: Mutex<Vec<Call>>,
    in_flight: AtomicU32,
    most_in_flight: AtomicU32,
}

/// A request as the vendor sees it.
#[derive(Debug, Clone)]
struct Call {
    /// From 0, in the order of their coming.
    number: usize,
    host: String,
    path: String,
    /// As it stands in the header.
    authorization: Option<String>,
    at: Instant,
}

/// What the vendor does about a request.
struct Answer {
    after: Duration,
    result: Result<Reply, TransportFailure>,
}

impl World {
    fn new(script: impl Fn(&Call) -> Answer + Send + Sync + 'static) -> Self {
        Self::with(|_| {}, script)
    }

    fn with(
        change: impl FnOnce(&mut DispatcherSettings),
        script: impl Fn(&Call) -> Answer + Send + Sync + 'static,
    ) -> Self {
        let clock = Clock::start();
        let vendor = Arc::new(Vendor {
            script: Box::new(script),
            calls: Mutex::default(),
            in_flight: AtomicU32::new(0),
            most_in_flight: AtomicU32::new(0),
        });
        let mut settings = DispatcherSettings {
            connection: "site".into(),
            endpoints: BTreeMap::from([(
                "api".to_owned(),
                vec![Url::parse("https://vendor.example").unwrap()],
            )]),
            rate: None,
            concurrency: 8,
            window: 0,
            timeout: Duration::from_secs(10),
            settle: Duration::from_secs(10),
            plan: false,
            logins: &[],
            user_secrets: Arc::default(),
        };
        change(&mut settings);
        let transport: Arc<dyn Transport> = Arc::clone(&vendor) as _;
        Self {
            clock,
            vendor,
            dispatcher: Dispatcher::new(settings, transport, Arc::new(ByStatus), clock),
            credential: credential(SecretReference::Env("PASSWORD".to_owned())),
        }
    }

    /// An operation that may write.
    fn ticket(&self, order: u64) -> Ticket {
        self.dispatcher.ticket(order, Some(Arc::new(Journal::default())))
    }

    async fn send(&self, ticket: &Ticket, request: &Request) -> Delivery {
        self.dispatcher
            .send(ticket, request, Some(&self.credential))
            .await
            .unwrap()
    }

    /// Sends one request for each operation, all at once, and gives what became of them, in order.
    async fn send_all(&self, requests: impl IntoIterator<Item = Request>) -> Vec<Delivery> {
        let sends = requests
            .into_iter()
            .enumerate()
            .map(|(order, request)| async move {
                let ticket = self.ticket(order as u64);
                self.send(&ticket, &request).await
            });
        futures_util::future::join_all(sends).await
    }

    /// Makes the credential one that the vendor has accepted.
    async fn prove(&self) {
        let delivery = self.send(&self.ticket(0), &read("/proof")).await;
        assert_eq!(status(&delivery), 200);
        self.vendor.calls.lock().unwrap().clear();
    }

    /// What came with them, in the order of their coming.
    fn authorizations(&self) -> Vec<String> {
        let calls = self.vendor.calls.lock().unwrap();
        calls
            .iter()
            .filter_map(|call| call.authorization.clone())
            .collect()
    }

    fn paths(&self) -> Vec<String> {
        self.vendor
            .calls
            .lock()
            .unwrap()
            .iter()
            .map(|call| call.path.clone())
            .collect()
    }
}

impl Transport for Vendor {
    fn send(
        &self,
        exchange: Exchange,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, TransportFailure>> + Send + '_>> {
        let call = {
            let mut calls = self.calls.lock().unwrap();
            let call = Call {
                number: calls.len(),
                host: exchange.url.host_str().unwrap_or_default().to_owned(),
                path: exchange.url.path().to_owned(),
                authorization: exchange
                    .headers
                    .get("authorization")
                    .map(|value| value.to_str().unwrap().to_owned()),
                at: Instant::now(),
            };
            calls.push(call.clone());
            call
        };
        let answer = (self.script)(&call);
        let slot = InFlight::begin(self);
        Box::pin(async move {
            let _slot = slot;
            // The head comes half-way.
            tokio::time::sleep(answer.after / 2).await;
            if let (Ok(reply), Some(on_status)) = (&answer.result, &exchange.on_status) {
                on_status(reply.status);
            }
            tokio::time::sleep(answer.after / 2).await;
            answer.result
        })
    }
}

/// Counts a request under way, however it ends.
struct InFlight<'a>(&'a Vendor);

impl<'a> InFlight<'a> {
    fn begin(vendor: &'a Vendor) -> Self {
        let now = vendor.in_flight.fetch_add(1, Ordering::Relaxed) + 1;
        vendor.most_in_flight.fetch_max(now, Ordering::Relaxed);
        Self(vendor)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Classifies as most vendors would. A 401 says in its body what it means.
struct ByStatus;

impl Classify for ByStatus {
    fn classify(&self, response: &Response<'_>) -> Class {
        match (response.status, response.body) {
            (200..300, _) => Class::Ok,
            (429, _) => Class::Throttled(None),
            (503, _) => Class::Unavailable,
            (401, b"doubt") => Class::CredentialDoubted,
            (401, b"expired") => Class::TokenExpired,
            (401, _) => Class::CredentialRefused,
            _ => Class::Other,
        }
    }
}

/// Writes down what it is told, and takes a moment for it, as a disk does.
#[derive(Default)]
struct Journal {
    lines: Mutex<Vec<String>>,
}

impl Journal {
    async fn write(&self, line: String) -> u64 {
        tokio::time::sleep(Duration::from_millis(10)).await;
        let mut lines = self.lines.lock().unwrap();
        lines.push(line);
        lines.len() as u64
    }
}

impl WriteLog for Journal {
    fn intent<'a>(&'a self, intent: Intent<'a>) -> BoxFuture<'a, Result<u64, DispatchError>> {
        let line = format!("{} attempt {}", intent.part, intent.attempt);
        Box::pin(async { Ok(self.write(line).await) })
    }

    fn result(&self, intent: u64, disposition: Disposition) -> BoxFuture<'_, Result<(), DispatchError>> {
        Box::pin(async move {
            self.write(format!("intent {intent}: {disposition:?}")).await;
            Ok(())
        })
    }
}

struct Secrets;

impl Environment for Secrets {
    fn variable(&self, _: &str) -> Option<Secret> {
        Some(Secret::new("open sesame".to_owned()))
    }

    fn prompt(&self, _: &str) -> io::Result<Secret> {
        std::thread::sleep(Duration::from_millis(50));
        Ok(Secret::new("open sesame".to_owned()))
    }
}

fn credential(secret: SecretReference) -> Arc<Credential> {
    let settings = CredentialSettings {
        name: "supervisor".into(),
        kind: CredentialKind::Basic,
        actor: "sup01".to_owned(),
        secret,
        login: LoginSettings::default(),
        oauth: None,
    };
    Arc::new(Credential::new(
        settings,
        Arc::new(Secrets),
        Path::new("."),
        Arc::new(Redactor::new()),
    ))
}

fn read(path: &str) -> Request {
    Request {
        credential: Some(CredentialUse::actor(Placement::Basic)),
        ..Request::read(RequestId(1), "api", path)
    }
}

fn proof(path: &str) -> Request {
    Request {
        proves_credential: true,
        ..read(path)
    }
}

fn write(path: &str) -> Request {
    Request {
        method: "PUT".to_owned(),
        effect: Effect::Write {
            part: "logout".to_owned(),
            in_doubt: InDoubt::Ask,
            request_id: Some("r-1".to_owned()),
        },
        ..read(path)
    }
}

fn writes(count: usize) -> impl Iterator<Item = Request> {
    (0..count).map(|number| write(&format!("/{number}")))
}

/// An answer after 20 ms.
fn answer(status: u16) -> Answer {
    answer_with(status, &[], "")
}

fn answer_with(status: u16, headers: &[(&str, &str)], body: &'static str) -> Answer {
    let headers = headers
        .iter()
        .map(|&(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    Answer {
        after: Duration::from_millis(20),
        result: Ok(Reply {
            status,
            headers,
            body: Bytes::from_static(body.as_bytes()),
        }),
    }
}

/// A failure after 20 ms.
fn fail(kind: FailureKind, sent: Sent) -> Answer {
    let failure = TransportFailure {
        sent,
        kind,
        message: format!("{kind:?}"),
        hint: "look".to_owned(),
        untrusted: false,
    };
    Answer {
        after: Duration::from_millis(20),
        result: Err(failure),
    }
}

fn unreachable() -> Answer {
    fail(FailureKind::Unreachable, Sent::NotSent)
}

fn status(delivery: &Delivery) -> u16 {
    match delivery {
        Delivery::Response(answer) => answer.status,
        other => panic!("no answer: {other:?}"),
    }
}

fn failure(delivery: &Delivery) -> &Failed {
    match delivery {
        Delivery::Failure(failed) => failed,
        other => panic!("no failure: {other:?}"),
    }
}

fn is_credential_stopped(delivery: &Delivery) -> bool {
    matches!(
        delivery,
        Delivery::CredentialStopped {
            code: "credential_stopped",
            ..
        }
    )
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}
