//! The HTTP server. It has its own accept loop and holds the socket, so that a fault can reset a connection.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, UNIX_EPOCH};

use http::header::{HOST, LOCATION, RETRY_AFTER};
use http::{Method, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming as IncomingBody;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::answer::{Answer, Payload, Spoil};
use crate::clock::Clock;
use crate::fault::{After, Before, Body, Decision, Fault, Faults, Kind};
use crate::finesse::{self, Base, Finesse};
use crate::hotdesk::Hotdesk;
use crate::ledger::{End, Ledger, Request, Ticket};
use crate::node::{Door, Node};
use crate::notify::{self, Certificate, CertificateError, Hub, Update};
use crate::service::{Incoming, Service, Trouble, Vendor};
use crate::settings::{Credentials, Settings};
use crate::uiza::{self, Uiza};
use crate::zap::{self, Zap};

/// The largest body that is read from a client.
const LARGEST_BODY: usize = 1 << 20;
/// How deep the JSON is nested that nobody should read.
const NESTED: usize = 100_000;
/// How long a client may take to agree on TLS.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// How long to wait when connections cannot be accepted, as when the process has no file descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) clock: Clock,
    pub(crate) ledger: Ledger,
    pub(crate) credentials: Credentials,
    /// What ending all faults goes back to.
    initial: Behaviours,
    pub(crate) hub: Arc<Hub>,
    /// In PEM.
    pub(crate) certificate: String,
    tls: Arc<ServerConfig>,
    finesse: Mutex<Finesse>,
    hotdesk: Mutex<Hotdesk>,
    zap: Mutex<Zap>,
    uiza: Mutex<Uiza>,
    faults: Arc<Mutex<Faults>>,
}

/// How the vendors behave whose ways can be chosen.
#[derive(Debug)]
struct Behaviours {
    finesse: finesse::Behaviour,
    zap: zap::Behaviour,
    uiza: uiza::Behaviour,
}

impl Shared {
    pub(crate) fn new(settings: Settings, nodes: &[Arc<Node>]) -> Result<Self, CertificateError> {
        let clock = Clock::start();
        let ledger = Ledger::default();
        let seed = settings.seed;
        let certificate = settings
            .certificate
            .clone()
            .map_or_else(Certificate::self_signed, Ok)?;
        let faults = Arc::new(Mutex::new(Faults::new(seed)));
        let hub = Arc::new(Hub::new(clock, ledger.clone(), Arc::clone(&faults), seed));
        let ports = nodes.iter().map(|node| node.ports()).collect();
        let base = Base {
            clock,
            ledger: ledger.clone(),
            seed,
        };
        let shared = Self {
            clock,
            ledger: ledger.clone(),
            credentials: Credentials::of(&settings),
            initial: Behaviours {
                finesse: settings.finesse.behaviour.clone(),
                zap: settings.zap.behaviour.clone(),
                uiza: settings.uiza.behaviour.clone(),
            },
            hotdesk: Mutex::new(Hotdesk::new(settings.hotdesk, clock, ledger.clone())),
            zap: Mutex::new(Zap::new(settings.zap, clock, ledger.clone(), settings.seed)),
            uiza: Mutex::new(Uiza::new(settings.uiza, clock, ledger.clone(), settings.seed)),
            finesse: Mutex::new(Finesse::new(settings.finesse, Arc::clone(&hub), ports, base)),
            hub,
            tls: certificate.server_config()?,
            certificate: certificate.chain,
            faults,
        };
        for fault in settings.faults {
            shared.set_fault(fault);
        }
        Ok(shared)
    }

    pub(crate) fn set_fault(&self, fault: Fault) {
        match fault.kind {
            Kind::Finesse(setting) => {
                self.finesse().behave(|behaviour| behaviour.set(setting));
                self.tell_service();
            }
            Kind::Zap(setting) => self.zap().behaviour.set(setting),
            Kind::Uiza(setting) => self.uiza().behaviour.set(setting),
            _ => self.faults().set(fault),
        }
    }

    pub(crate) fn clear_faults(&self) {
        self.faults().clear();
        let initial = self.initial.finesse.clone();
        self.finesse().behave(|behaviour| *behaviour = initial);
        self.zap().behaviour = self.initial.zap.clone();
        self.uiza().behaviour = self.initial.uiza.clone();
        self.tell_service();
    }

    async fn accept_tls(&self, socket: Socket) -> io::Result<TlsStream<Socket>> {
        let acceptor = TlsAcceptor::from(Arc::clone(&self.tls));
        // Boxed: its state is large, and soon done with.
        tokio::time::timeout(HANDSHAKE, Box::pin(acceptor.accept(socket))).await?
    }

    /// Tells whoever listens whether notifications can be expected.
    fn tell_service(&self) {
        let available = self.finesse().behaviour.service_available;
        self.hub.set_service(available);
    }

    /// Sends an event with whatever text.
    pub(crate) fn publish(&self, node: &str, payload: &str) {
        let space = self.finesse().behaviour.notification.name();
        self.hub.publish(Update {
            node: node.to_owned(),
            payload: payload.to_owned(),
            space,
        });
    }

    pub(crate) fn finesse(&self) -> MutexGuard<'_, Finesse> {
        self.finesse.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn hotdesk(&self) -> MutexGuard<'_, Hotdesk> {
        self.hotdesk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn zap(&self) -> MutexGuard<'_, Zap> {
        self.zap.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn uiza(&self) -> MutexGuard<'_, Uiza> {
        self.uiza.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets happen what is due by now, everywhere.
    pub(crate) fn advance(&self) {
        for vendor in [Vendor::Finesse, Vendor::Hotdesk, Vendor::Zap, Vendor::Uiza] {
            self.with(vendor, |service| service.advance());
        }
    }

    fn with<T>(&self, vendor: Vendor, act: impl FnOnce(&mut dyn Service) -> T) -> T {
        match vendor {
            Vendor::Finesse => act(&mut *self.finesse()),
            Vendor::Hotdesk => act(&mut *self.hotdesk()),
            Vendor::Zap => act(&mut *self.zap()),
            Vendor::Uiza => act(&mut *self.uiza()),
        }
    }

    /// Lets the service act that a request is for.
    fn with_service<T>(&self, request: &Incoming<'_>, act: impl FnOnce(&mut dyn Service) -> T) -> T {
        self.with(Vendor::of(request.parts.uri.path()), act)
    }

    /// An error in the words of that service, for a fault.
    fn refuse(&self, trouble: Trouble, request: &Incoming<'_>) -> Answer {
        self.with_service(request, |service| service.refuse(trouble, request))
    }

    /// What the clock of the services shows after so long.
    fn http_date(&self, from_now: Duration) -> String {
        let unix_ms = self.finesse().unix_ms(self.clock.now() + from_now);
        let since_epoch = Duration::from_millis(u64::try_from(unix_ms).unwrap_or_default());
        httpdate::fmt_http_date(UNIX_EPOCH + since_epoch)
    }

    pub(crate) fn faults(&self) -> MutexGuard<'_, Faults> {
        self.faults.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lets happen what falls due, when it does: somebody may be listening. Of the vendors, Finesse alone tells of itself.
pub(crate) async fn keep_time(shared: Arc<Shared>) {
    let wake = shared.hub.wake();
    loop {
        let due = [shared.finesse().next_due(), shared.hub.next_due()];
        match due.into_iter().flatten().min() {
            Some(at) => {
                // Told in either case: what is due now may not be what was due then.
                let _ = tokio::time::timeout_at(shared.clock.instant(at), wake.notified()).await;
            }
            None => wake.notified().await,
        }
        shared.finesse().advance();
        shared.hub.advance();
    }
}

/// Serves until it is dropped.
pub(crate) async fn serve(listener: TcpListener, door: Door, node: Arc<Node>, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, door, Arc::clone(&node), Arc::clone(&shared)));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
        }
    }
}

async fn serve_connection(stream: TcpStream, door: Door, node: Arc<Node>, shared: Arc<Shared>) {
    // Answers are small: they must not wait for each other.
    let _ = stream.set_nodelay(true);
    let ending = Arc::new(Ending::default());
    let socket = Socket {
        stream,
        ending: Arc::clone(&ending),
    };
    match door {
        Door::Http => serve_http(socket, ending, node, shared).await,
        Door::Xmpp => notify::stream(socket, ending, shared).await,
        // An error is a client that does not trust the certificate.
        Door::Https => {
            if let Ok(socket) = shared.accept_tls(socket).await {
                serve_http(socket, ending, node, shared).await;
            }
        }
        Door::XmppTls => {
            if let Ok(socket) = shared.accept_tls(socket).await {
                notify::stream(socket, ending, shared).await;
            }
        }
    }
}

async fn serve_http<S>(socket: S, ending: Arc<Ending>, node: Arc<Node>, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    shared.ledger.connected();
    let upgrade = Arc::new(Mutex::new(None));
    let service = service_fn(|request| {
        let (shared, node, ending) = (Arc::clone(&shared), Arc::clone(&node), Arc::clone(&ending));
        let upgrade = Arc::clone(&upgrade);
        async move { handle(&shared, &node, &ending, &upgrade, request).await }
    });
    // An error is a client that left or a fault that was asked for.
    let connection = http1::Builder::new()
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let _ = Box::pin(connection).await;
    let upgrade = upgrade.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some(upgrade) = upgrade
        && let Ok(socket) = upgrade.await
    {
        notify::web_socket(TokioIo::new(socket), ending, shared).await;
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum NoAnswer {
    #[error("the connection is reset on purpose")]
    Reset,
    #[error("the request cannot be read")]
    Unreadable,
}

async fn handle(
    shared: &Shared,
    node: &Node,
    ending: &Ending,
    upgrade: &Mutex<Option<OnUpgrade>>,
    mut request: http::Request<IncomingBody>,
) -> Result<Response<Payload>, NoAnswer> {
    let upgraded = is_web_socket(&request).then(|| hyper::upgrade::on(&mut request));
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, LARGEST_BODY)
        .collect()
        .await
        .map_err(|_| NoAnswer::Unreadable)?
        .to_bytes();
    let incoming = Incoming {
        parts: &parts,
        body: &body,
    };
    let now = shared.clock.now();
    let mut ticket = shared.ledger.begin(record(shared, &incoming, node, now));
    let mut decision = shared.faults().decide(&parts.method, parts.uri.path(), now);
    if !node.is_in_service() {
        (decision.before, decision.name) = (Some(Before::Unavailable), Some("out_of_service"));
    }
    if !decision.delay.is_zero() {
        tokio::time::sleep(decision.delay).await;
    }
    if let Some(before) = decision.before {
        return instead(shared, ending, &incoming, before, &decision, ticket).await;
    }
    if let Some(upgraded) = upgraded {
        let answer = match notify::accept_key(&parts.headers) {
            Some(key) => {
                *upgrade.lock().unwrap_or_else(PoisonError::into_inner) = Some(upgraded);
                Answer::web_socket(&key)
            }
            None => Answer::page(StatusCode::BAD_REQUEST),
        };
        return Ok(finish(shared, answer, Spoil::Not, ticket));
    }
    let mut answer = shared.with_service(&incoming, |service| service.answer(&incoming, &decision));
    if let Some(name) = decision
        .name
        .filter(|_| decision.zap.is_some() || decision.uiza.is_some())
    {
        ticket.fault(name);
    }
    let has_body = !answer.body.is_empty();
    let mut spoil = Spoil::Not;
    match decision.after {
        Some(After::Reset) => return reset_connection(ending, ticket, decision.name),
        Some(After::Hang) => return hang(ticket, decision.name).await,
        Some(After::InternalError) => {
            ticket.fault("error_500_after");
            answer = shared.refuse(Trouble::InternalError, &incoming);
        }
        Some(After::Truncate) if has_body => {
            ticket.fault("truncate");
            spoil = Spoil::Truncate;
        }
        Some(After::Close) => {
            ticket.fault("close");
            ending.close.store(true, Ordering::Relaxed);
        }
        Some(After::Truncate) | None => {}
    }
    if let Some(body) = decision.body.filter(|_| has_body) {
        if let Some(name) = decision.name {
            ticket.fault(name);
        }
        match body {
            Body::Huge(bytes) => spoil = Spoil::Huge(bytes),
            Body::BillionLaughs if answer.is_json() => answer.body = "[".repeat(NESTED),
            Body::BillionLaughs => answer.body = billion_laughs(),
            Body::Malformed => {
                let half = answer.body.floor_char_boundary(answer.body.len() / 2);
                answer.body.truncate(half);
            }
            Body::Page => answer = Answer::page(StatusCode::OK),
        }
    }
    Ok(finish(shared, answer, spoil, ticket))
}

/// Whether it is for the notification service (Finesse 12.6: at the port of the REST API).
fn is_web_socket(request: &http::Request<IncomingBody>) -> bool {
    request.method() == Method::GET && matches!(request.uri().path(), "/ws" | "/ws/")
}

/// A fault that keeps the request from the service.
async fn instead(
    shared: &Shared,
    ending: &Ending,
    incoming: &Incoming<'_>,
    before: Before,
    decision: &Decision,
    mut ticket: Ticket,
) -> Result<Response<Payload>, NoAnswer> {
    let answer = match before {
        Before::Reset => return reset_connection(ending, ticket, decision.name),
        Before::Hang => return hang(ticket, decision.name).await,
        Before::Unavailable => {
            let answer = shared.refuse(Trouble::Unavailable, incoming);
            with_retry_after(shared, answer, decision, decision.retry_after)
        }
        Before::Throttled => with_retry_after(
            shared,
            Answer::page(StatusCode::TOO_MANY_REQUESTS),
            decision,
            Some(decision.retry_after.unwrap_or(1)),
        ),
        Before::InternalError => shared.refuse(Trouble::InternalError, incoming),
        Before::Unauthorized => Answer::empty(StatusCode::UNAUTHORIZED),
        Before::Redirect => {
            let host = incoming.headers().get(HOST).and_then(|host| host.to_str().ok());
            let host = host
                .and_then(|host| host.split(':').next())
                .unwrap_or("localhost");
            let target = format!("https://{host}:8445{}", incoming.parts.uri);
            Answer::page(StatusCode::MOVED_PERMANENTLY).with(LOCATION, &target)
        }
        Before::RedirectTo => {
            let origin = decision.redirect_to.as_deref().unwrap_or_default();
            Answer::page(StatusCode::FOUND).with(LOCATION, &format!("{origin}{}", incoming.parts.uri))
        }
    };
    if let Some(name) = decision.name {
        ticket.fault(name);
    }
    Ok(finish(shared, answer, Spoil::Not, ticket))
}

fn with_retry_after(shared: &Shared, answer: Answer, decision: &Decision, seconds: Option<u32>) -> Answer {
    let Some(seconds) = seconds else { return answer };
    let value = if decision.retry_after_date {
        shared.http_date(Duration::from_secs(seconds.into()))
    } else {
        seconds.to_string()
    };
    answer.with(RETRY_AFTER, &value)
}

fn reset_connection(
    ending: &Ending,
    mut ticket: Ticket,
    name: Option<&'static str>,
) -> Result<Response<Payload>, NoAnswer> {
    if let Some(name) = name {
        ticket.fault(name);
    }
    ticket.end(End::Reset);
    ending.reset.store(true, Ordering::Relaxed);
    Err(NoAnswer::Reset)
}

/// Until the client gives up.
async fn hang(mut ticket: Ticket, name: Option<&'static str>) -> Result<Response<Payload>, NoAnswer> {
    if let Some(name) = name {
        ticket.fault(name);
    }
    std::future::pending().await
}

fn finish(shared: &Shared, answer: Answer, spoil: Spoil, ticket: Ticket) -> Response<Payload> {
    ticket.end(End::Answered(answer.status.as_u16()));
    answer.into_response(&shared.http_date(Duration::ZERO), spoil)
}

fn record(shared: &Shared, incoming: &Incoming<'_>, node: &Node, at: Duration) -> Request {
    Request {
        at,
        node: node.number,
        method: incoming.parts.method.clone(),
        path: incoming.parts.uri.path().to_owned(),
        query: incoming.parts.uri.query().map(str::to_owned),
        actor: shared.with_service(incoming, |service| service.actor(incoming)),
        content_type: incoming.content_type().to_owned(),
        request_id: incoming.request_id().map(str::to_owned),
        body: String::from_utf8_lossy(incoming.body).into_owned(),
        end: End::Open,
        fault: None,
    }
}

/// Ten levels of entities, each ten of the one below.
fn billion_laughs() -> String {
    let mut document = String::from("<?xml version=\"1.0\"?><!DOCTYPE Team [<!ENTITY e0 \"ha\">");
    for level in 1..=9 {
        let below = format!("&e{};", level - 1).repeat(10);
        document.push_str(&format!("<!ENTITY e{level} \"{below}\">"));
    }
    document.push_str("]><Team><id>1</id><name>&e9;</name><users></users></Team>");
    document
}

/// How a connection is to end before its time.
#[derive(Debug, Default)]
pub(crate) struct Ending {
    /// In a reset, without an answer.
    pub(crate) reset: AtomicBool,
    /// As soon as the answer is sent.
    close: AtomicBool,
    /// The answer is sent.
    closing: AtomicBool,
}

/// A connection that can be told how to end.
#[derive(Debug)]
struct Socket {
    stream: TcpStream,
    ending: Arc<Ending>,
}

impl Drop for Socket {
    fn drop(&mut self) {
        if self.ending.reset.load(Ordering::Relaxed) {
            // With a linger time of zero, closing sends RST. If it cannot be set, a plain close has to do.
            let _ = self.stream.set_zero_linger();
        }
    }
}

impl AsyncRead for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.ending.closing.load(Ordering::Relaxed) {
            // As if the client had closed: the server closes too.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Socket {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        if flushed.is_ready() && self.ending.close.load(Ordering::Relaxed) {
            self.ending.closing.store(true, Ordering::Relaxed);
            context.waker().wake_by_ref();
        }
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.ending.reset.load(Ordering::Relaxed) {
            // An orderly end would come before the reset.
            return Poll::Ready(Ok(()));
        }
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
