//! What goes back to the client, and the bodies that no decent server would send.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderName, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_PROTOCOL,
    UPGRADE,
};
use http::{HeaderValue, StatusCode};
use hyper::body::{Body, Frame, SizeHint};
use signoff_xmpp::SUBPROTOCOL;

/// An answer before faults touch it.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) body: String,
}

impl Answer {
    /// Whether its body is JSON.
    pub(crate) fn is_json(&self) -> bool {
        let mut headers = self.headers.iter();
        headers
            .any(|(name, value)| *name == CONTENT_TYPE && value.as_bytes().starts_with(b"application/json"))
    }

    pub(crate) fn empty(status: StatusCode) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: String::new(),
        }
    }

    pub(crate) fn xml(status: StatusCode, body: String) -> Self {
        Self::empty(status)
            .with(CONTENT_TYPE, "application/xml;charset=UTF-8")
            .with_body(body)
    }

    pub(crate) fn json(status: StatusCode, body: &serde_json::Value) -> Self {
        Self::empty(status)
            .with(CONTENT_TYPE, "application/json; charset=utf-8")
            .with_body(body.to_string())
    }

    /// A page for browsers, such as Tomcat gives where no application answers.
    pub(crate) fn page(status: StatusCode) -> Self {
        let title = format!("HTTP Status {status}");
        Self::empty(status)
            .with(CONTENT_TYPE, "text/html;charset=utf-8")
            .with_body(format!(
                "<!doctype html><html lang=\"en\"><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
            ))
    }

    /// The consent to speak XMPP over a WebSocket from here on (RFC 6455, 4.2.2).
    pub(crate) fn web_socket(key: &str) -> Self {
        Self::empty(StatusCode::SWITCHING_PROTOCOLS)
            .with(CONNECTION, "Upgrade")
            .with(UPGRADE, "websocket")
            .with(SEC_WEBSOCKET_ACCEPT, key)
            .with(SEC_WEBSOCKET_PROTOCOL, SUBPROTOCOL)
    }

    /// The same with one more header; a value that no header can hold is left out.
    pub(crate) fn with(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.push((name, value));
        }
        self
    }

    pub(crate) fn with_body(mut self, body: String) -> Self {
        self.body = body;
        self
    }

    /// The answer as hyper sends it. `date` is the service's own clock.
    pub(crate) fn into_response(self, date: &str, spoil: Spoil) -> http::Response<Payload> {
        let whole = self.body.len();
        let json = self.is_json();
        let (payload, length) = match spoil {
            Spoil::Not => (Payload::whole(self.body.into()), Some(whole)),
            Spoil::Truncate => (
                Payload::cut(Bytes::from(self.body).slice(..whole / 2)),
                Some(whole),
            ),
            Spoil::Huge(bytes) => (Payload::huge(bytes, if json { &JSON } else { &XML }), None),
        };
        let mut response = http::Response::new(payload);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.extend(self.headers);
        if let Ok(date) = HeaderValue::from_str(date) {
            headers.insert(DATE, date);
        }
        if let Some(length) = length {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        response
    }
}

/// What is done to an answer's body on its way out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spoil {
    Not,
    /// Half of it, then the connection is closed.
    Truncate,
    /// Well-formed XML or JSON of at least so many bytes, made while it is sent.
    Huge(u64),
}

/// A body that is sent in pieces.
#[derive(Debug)]
pub(crate) struct Payload {
    next: Next,
}

#[derive(Debug)]
enum Next {
    Piece {
        bytes: Bytes,
        then_cut: bool,
    },
    /// The first half has been handed over and must be flushed before the connection breaks.
    Flush,
    Cut,
    Opening {
        of: &'static Endless,
        filler: u64,
    },
    Filler {
        of: &'static Endless,
        left: u64,
    },
    Closing {
        of: &'static Endless,
    },
    End,
}

/// What an endless document is made of.
#[derive(Debug)]
struct Endless {
    opening: &'static str,
    filler: &'static str,
    closing: &'static str,
}

static XML: Endless = Endless {
    opening: "<Team><id>1</id><name>large</name><users>",
    filler: "<User><loginId>filler</loginId><state>READY</state><uri>/finesse/api/User/filler</uri></User>",
    closing: "</users></Team>",
};
static JSON: Endless = Endless {
    opening: r#"{"success":true,"code":200,"type":"SUCCESS","data":["#,
    filler: r#"{"id":"filler","name":"filler"},"#,
    closing: r#"{"id":"filler","name":"last"}]}"#,
};
const FILLERS_AT_ONCE: usize = 512;

impl Payload {
    fn whole(bytes: Bytes) -> Self {
        let next = if bytes.is_empty() {
            Next::End
        } else {
            Next::Piece {
                bytes,
                then_cut: false,
            }
        };
        Self { next }
    }

    fn cut(bytes: Bytes) -> Self {
        Self {
            next: Next::Piece {
                bytes,
                then_cut: true,
            },
        }
    }

    fn huge(filler: u64, of: &'static Endless) -> Self {
        Self {
            next: Next::Opening { of, filler },
        }
    }
}

/// Why a body ended early: on purpose.
#[derive(Debug, thiserror::Error)]
#[error("the answer is cut short on purpose")]
pub(crate) struct CutShort;

impl Body for Payload {
    type Data = Bytes;
    type Error = CutShort;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, CutShort>>> {
        let (frame, next) = match std::mem::replace(&mut self.next, Next::End) {
            Next::Piece { bytes, then_cut } => (bytes, if then_cut { Next::Flush } else { Next::End }),
            Next::Flush => {
                self.next = Next::Cut;
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Next::Cut => return Poll::Ready(Some(Err(CutShort))),
            Next::Opening { of, filler } => (
                Bytes::from_static(of.opening.as_bytes()),
                Next::Filler { of, left: filler },
            ),
            Next::Filler { of, left } => {
                let piece = of.filler.repeat(FILLERS_AT_ONCE);
                let left = left.saturating_sub(piece.len() as u64);
                let next = if left == 0 {
                    Next::Closing { of }
                } else {
                    Next::Filler { of, left }
                };
                (piece.into(), next)
            }
            Next::Closing { of } => (Bytes::from_static(of.closing.as_bytes()), Next::End),
            Next::End => return Poll::Ready(None),
        };
        self.next = next;
        Poll::Ready(Some(Ok(Frame::data(frame))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.next, Next::End)
    }

    fn size_hint(&self) -> SizeHint {
        match &self.next {
            Next::Piece {
                bytes,
                then_cut: false,
            } => SizeHint::with_exact(bytes.len() as u64),
            Next::End => SizeHint::with_exact(0),
            _ => SizeHint::default(),
        }
    }
}
