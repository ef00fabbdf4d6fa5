//! How frames travel: in one XML document over TCP (RFC 6120), or a message each over WebSocket (RFC 7395).

use crate::decoder::{Decoder, Limits};
use crate::node::{Node, Unwritable, attribute};
use crate::ns;

/// The WebSocket subprotocol that both sides must name (RFC 7395, 3.1).
pub const SUBPROTOCOL: &str = "xmpp";

/// How frames travel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Framing {
    /// One document a direction, over TCP or TLS.
    Stream,
    /// A text message for each frame.
    WebSocket,
}

impl Framing {
    /// Reads what comes in this framing.
    #[must_use]
    pub fn decoder(self, limits: Limits) -> Decoder {
        Decoder::new(self, limits)
    }

    /// The header, with these attributes, such as `to`.
    ///
    /// # Errors
    /// If XML cannot carry a value.
    pub fn header(self, attributes: &[(&str, &str)]) -> Result<String, Unwritable> {
        let mut out = String::from(match self {
            Self::Stream => "<stream:stream",
            Self::WebSocket => "<open",
        });
        if self == Self::WebSocket {
            attribute(&mut out, "xmlns", ns::FRAMING)?;
        }
        for (name, value) in attributes {
            attribute(&mut out, name, value)?;
        }
        if self == Self::Stream {
            attribute(&mut out, "xmlns", ns::CLIENT)?;
            attribute(&mut out, "xmlns:stream", ns::STREAMS)?;
        }
        attribute(&mut out, "version", "1.0")?;
        out.push_str(match self {
            Self::Stream => ">",
            Self::WebSocket => "/>",
        });
        Ok(out)
    }

    /// A whole element below the root.
    ///
    /// # Errors
    /// If XML cannot carry a text in it.
    pub fn stanza(self, stanza: &Node) -> Result<String, Unwritable> {
        let mut out = String::new();
        match (self, &*stanza.ns == ns::STREAMS) {
            (Self::Stream, true) => stanza.write_prefixed("", ns::CLIENT, &mut out)?,
            (Self::Stream, false) => stanza.write(ns::CLIENT, &mut out)?,
            // A message stands for itself: nothing is declared around it.
            (Self::WebSocket, true) => {
                let declared = format!(" xmlns='{}' xmlns:stream='{}'", ns::CLIENT, ns::STREAMS);
                stanza.write_prefixed(&declared, ns::CLIENT, &mut out)?;
            }
            (Self::WebSocket, false) => stanza.write_alone(&mut out)?,
        }
        Ok(out)
    }

    /// The footer.
    #[must_use]
    pub fn footer(self) -> String {
        match self {
            Self::Stream => "</stream:stream>".to_owned(),
            Self::WebSocket => format!("<close xmlns='{}'/>", ns::FRAMING),
        }
    }
}
