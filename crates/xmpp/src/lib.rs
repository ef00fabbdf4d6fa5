//! XMPP as a notification service needs it, for both ends: a codec with hard limits, and the client's session.
//!
//! A [`Decoder`] turns bytes into [`Frame`]s, a [`Framing`] writes them, over TCP or WebSocket. A [`Session`] logs in,
//! subscribes and tells what comes. [`stanza`] has what client and server must agree on.
//!
//! *Architecture invariants.* Nothing here does I/O or reads a clock: bytes and times come in, bytes and events go out.
//! There is no XEP that Finesse does not use, no choice of mechanisms, and no reconnecting: when to try again is the host's to say.

mod decoder;
mod framing;
mod node;
pub mod ns;
mod session;
pub mod stanza;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests;

pub use decoder::{Decoder, Frame, Limits, Malformed};
pub use framing::{Framing, SUBPROTOCOL};
pub use node::{Node, Unwritable};
pub use session::{DEADLINE, Event, FAREWELL, Login, PING, Reason, Request, Session, Transmit, Unasked};
