//! The client session on real sockets, all four ways.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use signoff_sandbox::Sandbox;
use signoff_xmpp::{Event, Framing, Limits, Login, Request, Session};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// A way to the notification service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Tcp,
    Tls,
    WebSocket,
    WebSocketTls,
}

pub(crate) const WAYS: [Way; 4] = [Way::Tcp, Way::Tls, Way::WebSocket, Way::WebSocketTls];

trait Io: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Io for T {}

enum Pipe {
    Stream(Box<dyn Io>),
    WebSocket(Box<WebSocketStream<Box<dyn Io>>>),
}

/// A session that is driven by being asked for its next event.
pub(crate) struct Client {
    pub(crate) session: Session,
    pipe: Pipe,
    began: Instant,
    events: VecDeque<Event>,
}

impl Client {
    /// Connects, and waits for nothing. `login` is `USER:PASSWORD`.
    pub(crate) async fn begin(sandbox: &Sandbox, way: Way, login: &str, resource: &str) -> Self {
        let (address, framing) = match way {
            Way::Tcp => (sandbox.xmpp_address().to_string(), Framing::Stream),
            Way::Tls => (sandbox.xmpp_tls_address().to_string(), Framing::Stream),
            Way::WebSocket => (sandbox.origin().replace("http://", ""), Framing::WebSocket),
            Way::WebSocketTls => (sandbox.https_origin().replace("https://", ""), Framing::WebSocket),
        };
        let tcp = TcpStream::connect(&address).await.unwrap();
        let io: Box<dyn Io> = match way {
            Way::Tcp | Way::WebSocket => Box::new(tcp),
            Way::Tls | Way::WebSocketTls => Box::new(tls(sandbox, tcp).await),
        };
        let pipe = match framing {
            Framing::Stream => Pipe::Stream(io),
            Framing::WebSocket => {
                let mut request = format!("ws://{address}/ws/").into_client_request().unwrap();
                let headers = request.headers_mut();
                headers.insert("Sec-WebSocket-Protocol", "xmpp".parse().unwrap());
                let config = WebSocketConfig::default()
                    .read_buffer_size(4096)
                    .write_buffer_size(0);
                let (socket, answer) = client_async_with_config(request, io, Some(config)).await.unwrap();
                assert_eq!(answer.headers()["Sec-WebSocket-Protocol"], "xmpp");
                Pipe::WebSocket(Box::new(socket))
            }
        };
        let (user, password) = login.split_once(':').unwrap();
        let login = Login {
            domain: "finesse.sandbox".to_owned(),
            service: "pubsub.finesse.sandbox".to_owned(),
            user: user.to_owned(),
            password: password.to_owned().into(),
            resource: resource.to_owned(),
            plain: true,
        };
        Self {
            session: Session::new(login, framing, Limits::default(), Duration::ZERO).unwrap(),
            pipe,
            began: Instant::now(),
            events: VecDeque::new(),
        }
    }

    /// Connects, and logs in.
    pub(crate) async fn ready(sandbox: &Sandbox, way: Way, login: &str, resource: &str) -> Self {
        let mut client = Self::begin(sandbox, way, login, resource).await;
        let ready = client.next().await;
        assert!(matches!(ready, Event::Ready { .. }), "{ready:?}");
        assert_eq!(client.next().await, Event::Service { available: true });
        client
    }

    pub(crate) async fn subscribe(&mut self, node: &str) -> Event {
        self.does(|session, now| session.subscribe(now, node).unwrap());
        self.next().await
    }

    pub(crate) fn does(&mut self, act: impl FnOnce(&mut Session, Duration)) {
        act(&mut self.session, self.began.elapsed());
    }

    /// The next event, which has to come soon.
    pub(crate) async fn next(&mut self) -> Event {
        let next = timeout(Duration::from_secs(15), self.drive());
        next.await.expect("an event has to come")
    }

    /// Whether nothing comes before the answer to a question.
    pub(crate) async fn is_quiet(&mut self) -> bool {
        self.does(|session, now| session.list(now).unwrap());
        matches!(self.next().await, Event::Subscriptions(_))
    }

    /// The payload of the next event, which has to be a notification, and its node.
    pub(crate) async fn notification(&mut self) -> (String, String) {
        match self.next().await {
            Event::Notification(notification) => (notification.node, notification.payload),
            other => panic!("{other:?} is no notification"),
        }
    }

    /// Says good-bye, and waits for the end. What is told on the way is no matter.
    pub(crate) async fn close(mut self) {
        self.does(Session::close);
        loop {
            match self.next().await {
                Event::Closed => return,
                Event::Failed {
                    request: Request::Unsubscribe { node, .. },
                    error,
                } => panic!("{node}: {error:?}"),
                _ => {}
            }
        }
    }

    /// The next event, however long it takes.
    pub(crate) async fn drive(&mut self) -> Event {
        loop {
            while let Some(transmit) = self.session.transmit() {
                match &mut self.pipe {
                    // A server that has gone is noticed when it is read from.
                    Pipe::Stream(io) => _ = io.write_all(transmit.as_str().as_bytes()).await,
                    Pipe::WebSocket(socket) => _ = socket.send(Message::text(transmit.as_str())).await,
                }
            }
            while let Some(event) = self.session.event() {
                self.events.push_back(event);
            }
            if let Some(event) = self.events.pop_front() {
                return event;
            }
            let wake = self.began + self.session.wake().expect("nothing comes after the end");
            let mut piece = vec![0; 4096];
            let came = async {
                match &mut self.pipe {
                    Pipe::Stream(io) => io.read(&mut piece).await.map(|length| piece[..length].to_vec()),
                    Pipe::WebSocket(socket) => match socket.next().await {
                        Some(Ok(Message::Text(text))) => Ok(text.as_bytes().to_vec()),
                        Some(Ok(_)) | None => Ok(Vec::new()),
                        Some(Err(error)) => Err(std::io::Error::other(error)),
                    },
                }
            };
            let came = tokio::time::timeout_at(wake, came).await;
            let now = self.began.elapsed();
            match came {
                Err(_) => self.session.tick(now),
                Ok(Ok(bytes)) if bytes.is_empty() => self.session.disconnected("EOF"),
                Ok(Ok(bytes)) => self.session.receive(now, &bytes),
                Ok(Err(error)) => self.session.disconnected(error.to_string()),
            }
        }
    }
}

async fn tls(sandbox: &Sandbox, tcp: TcpStream) -> impl Io + use<> {
    let mut roots = RootCertStore::empty();
    let certificate = CertificateDer::from_pem_slice(sandbox.certificate().as_bytes()).unwrap();
    roots.add(certificate).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from("127.0.0.1").unwrap();
    TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await
        .unwrap()
}
