//! What carries a session: a stream, or a WebSocket; frames out, bytes in.

use std::io;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use signoff_xmpp::{Framing, SUBPROTOCOL};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::address::Address;
use crate::transport::{Dialer, Duplex, NoStream};

/// Of one address, until TLS and WebSocket stand.
const CONNECT_TIME: Duration = Duration::from_secs(3);
/// A server that takes nothing for so long is gone.
const WRITE_TIME: Duration = Duration::from_secs(10);
/// The longest message, and the most that waits to be sent.
const MESSAGE_BYTES: usize = 1 << 20;

/// A connection that is up.
pub(super) enum Wire {
    Stream {
        stream: Box<dyn Duplex>,
        buffer: Vec<u8>,
    },
    Web(Box<WebSocketStream<Box<dyn Duplex>>>),
}

impl Wire {
    /// Connects.
    pub(super) async fn connect(dialer: &Dialer, address: &Address) -> Result<Self, NoStream> {
        let connected = async {
            let stream = dialer.connect(&address.host, address.port, address.tls).await?;
            match &address.path {
                None => Ok(Self::Stream {
                    stream,
                    buffer: vec![0; 4096],
                }),
                Some(path) => Ok(upgrade(stream, address, path).await?),
            }
        };
        match timeout(CONNECT_TIME, connected).await {
            Ok(connected) => connected,
            Err(_) => Err("no connection in time".to_owned().into()),
        }
    }

    pub(super) const fn framing(&self) -> Framing {
        match self {
            Self::Stream { .. } => Framing::Stream,
            Self::Web(_) => Framing::WebSocket,
        }
    }

    /// What came: some bytes of a stream, or one message; `None` at the end. Nothing is lost if it is dropped.
    pub(super) async fn read(&mut self) -> Result<Option<Vec<u8>>, String> {
        match self {
            Self::Stream { stream, buffer } => match stream.read(buffer).await {
                Ok(0) => Ok(None),
                Ok(length) => Ok(Some(buffer[..length].to_vec())),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(None),
                Err(error) => Err(error.to_string()),
            },
            Self::Web(web) => loop {
                match web.next().await {
                    Some(Ok(Message::Text(text))) => return Ok(Some(text.as_bytes().to_vec())),
                    Some(Ok(Message::Binary(_))) => return Err("the server sends binary messages".to_owned()),
                    Some(Ok(Message::Close(_))) | None => return Ok(None),
                    Some(Ok(_)) => {}
                    Some(Err(Error::ConnectionClosed | Error::AlreadyClosed)) => return Ok(None),
                    Some(Err(error)) => return Err(error.to_string()),
                }
            },
        }
    }

    pub(super) async fn write(&mut self, frame: &str) -> Result<(), String> {
        let written = async {
            match self {
                Self::Stream { stream, .. } => {
                    stream
                        .write_all(frame.as_bytes())
                        .await
                        .map_err(|error| error.to_string())?;
                    stream.flush().await.map_err(|error| error.to_string())
                }
                Self::Web(web) => web
                    .send(Message::text(frame))
                    .await
                    .map_err(|error| error.to_string()),
            }
        };
        match timeout(WRITE_TIME, written).await {
            Ok(written) => written,
            Err(_) => Err("the server takes nothing".to_owned()),
        }
    }

    /// Ends it; a WebSocket has a farewell of its own, which may be missed.
    pub(super) async fn end(mut self) {
        let ended = async {
            match &mut self {
                Self::Stream { stream, .. } => _ = stream.shutdown().await,
                Self::Web(web) => _ = web.close().await,
            }
        };
        let _ = timeout(Duration::from_secs(1), ended).await;
    }
}

async fn upgrade(stream: Box<dyn Duplex>, address: &Address, path: &str) -> Result<Wire, String> {
    let scheme = if address.tls { "wss" } else { "ws" };
    let url = format!("{scheme}://{}:{}{path}", address.host, address.port);
    let mut request = url.into_client_request().map_err(|error| error.to_string())?;
    let headers = request.headers_mut();
    headers.insert("sec-websocket-protocol", HeaderValue::from_static(SUBPROTOCOL));
    // Its own buffers are made for one connection in a process, and hold a quarter of a megabyte.
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_write_buffer_size(MESSAGE_BYTES)
        .max_message_size(Some(MESSAGE_BYTES))
        .max_frame_size(Some(MESSAGE_BYTES));
    let (web, answer) = client_async_with_config(request, stream, Some(config))
        .await
        .map_err(|error| match error {
            Error::Http(answer) => format!("no WebSocket: status {}", answer.status().as_u16()),
            other => format!("no WebSocket: {other}"),
        })?;
    let chosen = answer.headers().get("sec-websocket-protocol");
    if chosen.is_none_or(|chosen| chosen.as_bytes() != SUBPROTOCOL.as_bytes()) {
        return Err("the server speaks no XMPP on its WebSocket".to_owned());
    }
    Ok(Wire::Web(Box::new(web)))
}
