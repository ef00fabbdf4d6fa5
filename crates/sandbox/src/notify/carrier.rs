//! Carries the frames of one client: over a stream, which TLS may protect, or a WebSocket.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::HeaderMap;
use http::header::{CONNECTION, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE};
use signoff_xmpp::{Framing, SUBPROTOCOL};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};

use super::dialog::Dialog;
use super::trouble::{FeedEnd, Moment, Trouble};
use super::{Hub, Out};
use crate::server::{Ending, Shared};

/// How long a client may take to log in, and to read what it is sent.
const PATIENCE: Duration = Duration::from_secs(10);
/// Bytes that are read at once. There may be thousands of sessions.
const PIECE: usize = 2048;
/// The largest WebSocket message.
const LARGEST_MESSAGE: usize = 1 << 20;

/// Serves a client on a stream.
pub(crate) async fn stream<S>(io: S, ending: Arc<Ending>, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let pipe = Pipe::Stream {
        io,
        piece: Box::new([0; PIECE]),
    };
    serve(pipe, &ending, shared).await;
}

/// Serves a client on a WebSocket whose handshake is done.
pub(crate) async fn web_socket<S>(io: S, ending: Arc<Ending>, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    // The defaults are 128 KiB each way, for every session.
    let config = WebSocketConfig::default()
        .read_buffer_size(4096)
        .write_buffer_size(0)
        .max_write_buffer_size(LARGEST_MESSAGE)
        .max_message_size(Some(LARGEST_MESSAGE))
        .max_frame_size(Some(LARGEST_MESSAGE));
    let socket = WebSocketStream::from_raw_socket(io, Role::Server, Some(config)).await;
    serve(Pipe::WebSocket(Box::new(socket)), &ending, shared).await;
}

/// The answer to the key of a WebSocket's handshake; `None` if it is none for XMPP (RFC 6455, 4.2.1; RFC 7395, 3.1).
pub(crate) fn accept_key(headers: &HeaderMap) -> Option<String> {
    let lists = |name, wanted: &str| {
        let values = headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(wanted))
    };
    let fits = lists(UPGRADE, "websocket")
        && lists(CONNECTION, "upgrade")
        && lists(SEC_WEBSOCKET_VERSION, "13")
        && lists(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL);
    let key = headers.get(SEC_WEBSOCKET_KEY).filter(|_| fits)?;
    Some(derive_accept_key(key.as_bytes()))
}

/// What frames go through.
enum Pipe<S> {
    Stream { io: S, piece: Box<[u8; PIECE]> },
    WebSocket(Box<WebSocketStream<S>>),
}

/// What came through it.
enum Came {
    Bytes(usize),
    Message(Vec<u8>),
    /// Something that is no text.
    Binary,
    /// Nothing to be told of.
    Nothing,
    End,
}

async fn serve<S>(mut pipe: Pipe<S>, ending: &Ending, shared: Arc<Shared>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let troubles = shared.faults().feed(Moment::Connect, "");
    if troubles.contains(&Trouble::Off) {
        return ending.reset.store(true, Ordering::Relaxed);
    }
    if troubles.contains(&Trouble::Silent) {
        return pipe.ignore().await;
    }
    let (sender, mut queue) = Hub::queue();
    let mut dialog = Box::new(Dialog::new(shared, pipe.framing(), sender));
    let until = Instant::now() + PATIENCE;
    loop {
        tokio::select! {
            came = pipe.read() => match came {
                Came::Bytes(length) => dialog.receive(pipe.piece(length)),
                Came::Message(message) => dialog.receive(&message),
                Came::Binary => return pipe.refuse().await,
                Came::Nothing => {}
                Came::End => return,
            },
            out = queue.recv() => match out {
                Some(Out::Frame(frame)) => {
                    if pipe.write(&frame).await.is_err() {
                        return;
                    }
                }
                Some(Out::End(how, event)) => return finish(pipe, dialog, how, &event, ending).await,
                None => return,
            },
            () = tokio::time::sleep_until(until), if !dialog.is_up() => dialog.end("connection-timeout"),
        }
        for frame in dialog.take() {
            if pipe.write(&frame).await.is_err() {
                return;
            }
        }
        if dialog.is_over() {
            return pipe.close().await;
        }
    }
}

/// Ends a session in the way that was asked for.
async fn finish<S>(mut pipe: Pipe<S>, mut dialog: Box<Dialog>, how: FeedEnd, event: &str, ending: &Ending)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match how {
        FeedEnd::Close => {}
        FeedEnd::Reset => ending.reset.store(true, Ordering::Relaxed),
        FeedEnd::Half => {
            let stanza = if event.is_empty() {
                "<message><event>"
            } else {
                event
            };
            let half = stanza.floor_char_boundary(stanza.len() / 2);
            // It ends either way.
            let _ = pipe.write(&stanza[..half]).await;
        }
        FeedEnd::Hang => pipe.ignore().await,
        FeedEnd::Shutdown | FeedEnd::Conflict => {
            dialog.end(if how == FeedEnd::Conflict {
                "conflict"
            } else {
                "system-shutdown"
            });
            for frame in dialog.take() {
                if pipe.write(&frame).await.is_err() {
                    return;
                }
            }
            pipe.close().await;
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Pipe<S> {
    fn framing(&self) -> Framing {
        match self {
            Self::Stream { .. } => Framing::Stream,
            Self::WebSocket(_) => Framing::WebSocket,
        }
    }

    /// Waits for something to come. Nothing is lost if the wait is given up.
    async fn read(&mut self) -> Came {
        match self {
            Self::Stream { io, piece } => match io.read(&mut piece[..]).await {
                Ok(0) | Err(_) => Came::End,
                Ok(length) => Came::Bytes(length),
            },
            Self::WebSocket(socket) => match socket.next().await {
                Some(Ok(Message::Text(text))) => Came::Message(text.as_bytes().to_vec()),
                Some(Ok(Message::Binary(_))) => Came::Binary,
                Some(Ok(Message::Close(_)) | Err(_)) | None => Came::End,
                Some(Ok(_)) => Came::Nothing,
            },
        }
    }

    fn piece(&self, length: usize) -> &[u8] {
        match self {
            Self::Stream { piece, .. } => &piece[..length],
            Self::WebSocket(_) => &[],
        }
    }

    async fn write(&mut self, frame: &str) -> io::Result<()> {
        let written = async {
            match self {
                Self::Stream { io, .. } => {
                    io.write_all(frame.as_bytes()).await?;
                    io.flush().await
                }
                Self::WebSocket(socket) => {
                    socket
                        .send(Message::text(frame))
                        .await
                        .map_err(|error| match error {
                            Error::Io(error) => error,
                            other => io::Error::other(other),
                        })
                }
            }
        };
        timeout(PATIENCE, written).await?
    }

    /// Reads on, and says nothing, until the client leaves.
    async fn ignore(&mut self) {
        while !matches!(self.read().await, Came::End) {}
    }

    /// Says that text alone is understood (RFC 6455, 7.4.1).
    async fn refuse(mut self) {
        if let Self::WebSocket(socket) = &mut self {
            let close = CloseFrame {
                code: CloseCode::Unsupported,
                reason: "text alone is understood".into(),
            };
            // It ends either way.
            let _ = timeout(PATIENCE, WebSocketStream::close(socket, Some(close))).await;
        }
    }

    /// Closes when everything is sent, and lets the client be the one to leave, for a while.
    async fn close(mut self) {
        let closed = async {
            match &mut self {
                Self::Stream { io, .. } => io.shutdown().await.is_ok(),
                Self::WebSocket(socket) => WebSocketStream::close(socket, None).await.is_ok(),
            }
        };
        if timeout(PATIENCE, closed).await.is_ok_and(|closed| closed) {
            // It ends either way.
            let _ = timeout(PATIENCE, self.ignore()).await;
        }
    }
}
