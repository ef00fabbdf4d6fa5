//! Reads a stream as it arrives: its header, each whole stanza, its footer.
//!
//! A peer may send anything, for as long as it likes. So what one stanza may amount to is bounded while it is read, and
//! an error is final. DOCTYPE, processing instructions and entities of one's own do not exist in XMPP, and are errors.

use std::fmt;

use rxml::error::EndOrError;
use rxml::parser::{CommentMode, Options};
use rxml::{AttrMap, Event, Namespace, Parse as _, Parser, WithOptions as _};

use crate::framing::Framing;
use crate::node::Node;
use crate::ns;

/// The longest name or attribute value, in bytes. Text may be longer: it comes in pieces.
const LONGEST_TOKEN: usize = 8192;

/// What one stanza may amount to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How deep its elements may nest, itself included.
    pub depth: usize,
    /// Its length in bytes; at least 16 KiB, so that a name or value that is too long is told apart.
    pub bytes: usize,
    /// How many elements and attributes it may have.
    pub nodes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 32,
            bytes: 1 << 20,
            nodes: 20_000,
        }
    }
}

/// A part of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// The header, or `<open/>`: an element without its children.
    Open(Node),
    /// A whole element below the root.
    Stanza(Node),
    /// The footer, or `<close/>`.
    Close,
}

/// Why what came is no stream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not XML as XMPP allows it, in the words of the parser.
    #[error("it is not XML: {0}")]
    Xml(String),
    /// There is text outside of stanzas, as from a server of another protocol.
    #[error("there is text where an element should begin")]
    TextBetween,
    /// Elements nest beyond [`Limits::depth`].
    #[error("elements nest deeper than {0}")]
    Depth(usize),
    /// A stanza exceeds [`Limits::bytes`].
    #[error("a stanza is longer than {0} bytes")]
    Bytes(usize),
    /// A stanza exceeds [`Limits::nodes`].
    #[error("a stanza has more than {0} elements and attributes")]
    Nodes(usize),
    /// A WebSocket message ends within a stanza.
    #[error("a message is not a whole stanza")]
    Partial,
    /// A WebSocket message closes an element that none opened.
    #[error("a message closes what it has not opened")]
    Unopened,
}

/// Turns bytes into frames. A stream that begins anew, as it does after authentication, needs a new one.
pub struct Decoder {
    parser: Parser,
    framing: Framing,
    limits: Limits,
    stack: Vec<Node>,
    rooted: bool,
    closed: bool,
    /// Bytes since the last frame, or since white space between stanzas.
    bytes: usize,
    /// Whether all of those are white space.
    blank: bool,
    nodes: usize,
    failed: Option<Malformed>,
}

impl Decoder {
    /// One for what comes in this framing.
    #[must_use]
    pub fn new(framing: Framing, limits: Limits) -> Self {
        let mut decoder = Self {
            parser: Parser::with_options(Options {
                max_token_length: LONGEST_TOKEN,
                context: None,
                comments: CommentMode::Discard,
            }),
            framing,
            limits,
            stack: Vec::new(),
            rooted: false,
            closed: false,
            bytes: 0,
            blank: true,
            nodes: 0,
            failed: None,
        };
        if framing == Framing::WebSocket {
            // Messages have no common root (RFC 7395), so they get one, which also declares what some servers forget to.
            let root = format!(
                "<stream:stream xmlns='{}' xmlns:stream='{}'>",
                ns::CLIENT,
                ns::STREAMS
            );
            let mut bytes = root.as_bytes();
            // It is well-formed, and its frame is nobody's.
            let _ = decoder.next(&mut bytes);
        }
        decoder
    }

    /// The next frame in `input`, which is moved forward to what follows it; `None` if more is needed. Over WebSocket the
    /// input is a message, after which [`Self::end_of_message`] is asked.
    ///
    /// # Errors
    /// If it is no stream, or exceeds a limit; then and ever after.
    pub fn next(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Malformed> {
        if let Some(failed) = &self.failed {
            return Err(failed.clone());
        }
        let frame = self.read(input);
        if let Err(malformed) = &frame {
            self.failed = Some(malformed.clone());
        }
        frame
    }

    /// Says that a WebSocket message has been read to its end.
    ///
    /// # Errors
    /// If it ended within a stanza.
    pub fn end_of_message(&mut self) -> Result<(), Malformed> {
        if self.failed.is_none() && !self.closed && !(self.stack.is_empty() && self.blank) {
            self.failed = Some(Malformed::Partial);
        }
        self.failed.clone().map_or(Ok(()), Err)
    }

    fn read(&mut self, input: &mut &[u8]) -> Result<Option<Frame>, Malformed> {
        loop {
            if self.closed {
                // Nothing counts behind the footer.
                *input = &[];
                return Ok(None);
            }
            let budget = self.limits.bytes.saturating_sub(self.bytes).saturating_add(1);
            let mut piece = &input[..input.len().min(budget)];
            let before = piece;
            let parsed = self.parser.parse(&mut piece, false);
            let consumed = before.len() - piece.len();
            self.count(&before[..consumed])?;
            *input = &input[consumed..];
            let event = match parsed {
                Ok(Some(event)) => event,
                Ok(None) => return Ok(None),
                Err(EndOrError::NeedMoreData) => {
                    within(self.bytes, self.limits.bytes, Malformed::Bytes)?;
                    if input.is_empty() {
                        self.parser.release_temporaries();
                        return Ok(None);
                    }
                    continue;
                }
                Err(EndOrError::Error(error)) => return Err(Malformed::Xml(error.to_string())),
            };
            within(self.bytes, self.limits.bytes, Malformed::Bytes)?;
            if let Some(frame) = self.event(event)? {
                self.begin_anew();
                return Ok(Some(frame));
            }
        }
    }

    fn event(&mut self, event: Event) -> Result<Option<Frame>, Malformed> {
        match event {
            Event::XmlDeclaration(..) => Ok(None),
            Event::StartElement(_, (ns, name), attributes) => {
                let node = self.element(&ns, &name, attributes)?;
                if !self.rooted {
                    self.rooted = true;
                    return Ok(Some(Frame::Open(node)));
                }
                within(self.stack.len() + 1, self.limits.depth, Malformed::Depth)?;
                self.stack.push(node);
                Ok(None)
            }
            Event::Text(_, text) => {
                match self.stack.last_mut() {
                    Some(element) => element.text.push_str(&text),
                    // The parser may have read the `<` behind it already: `blank` stays as it is.
                    None if text.trim_ascii().is_empty() => self.bytes = 0,
                    None => return Err(Malformed::TextBetween),
                }
                Ok(None)
            }
            Event::EndElement(_) => match (self.stack.pop(), self.stack.last_mut()) {
                (Some(element), Some(parent)) => {
                    parent.children.push(element);
                    Ok(None)
                }
                (Some(element), None) => Ok(Some(self.framed(element))),
                (None, _) if self.framing == Framing::WebSocket => Err(Malformed::Unopened),
                (None, _) => {
                    self.closed = true;
                    Ok(Some(Frame::Close))
                }
            },
        }
    }

    fn element(&mut self, ns: &str, name: &str, mut attributes: AttrMap) -> Result<Node, Malformed> {
        self.nodes += 1 + attributes.len();
        within(self.nodes, self.limits.nodes, Malformed::Nodes)?;
        let mut node = Node::new(ns, name);
        // An attribute in a namespace is another one, even if it is called `type`.
        attributes.retain(|ns, _, _| *ns == Namespace::NONE);
        node.attrs = attributes
            .into_iter()
            .map(|((_, name), value)| (name.as_str().into(), value))
            .collect();
        Ok(node)
    }

    /// What a whole element is in this framing.
    fn framed(&mut self, element: Node) -> Frame {
        if self.framing == Framing::WebSocket && &*element.ns == ns::FRAMING {
            match &*element.name {
                "open" => return Frame::Open(element),
                "close" => {
                    self.closed = true;
                    return Frame::Close;
                }
                _ => {}
            }
        }
        Frame::Stanza(element)
    }

    /// White space between stanzas is a sign of life, and costs nothing.
    fn count(&mut self, consumed: &[u8]) -> Result<(), Malformed> {
        if self.blank {
            let first = consumed.iter().find(|byte| !byte.is_ascii_whitespace());
            self.blank = first.is_none();
            // The parser would wait for the end of the text, which a server of another protocol never sends.
            if self.stack.is_empty() && first.is_some_and(|&byte| byte != b'<') {
                return Err(Malformed::TextBetween);
            }
        }
        if !self.rooted || !self.stack.is_empty() || !self.blank {
            self.bytes += consumed.len();
        }
        Ok(())
    }

    fn begin_anew(&mut self) {
        self.bytes = 0;
        self.nodes = 0;
        self.blank = true;
    }
}

fn within(count: usize, limit: usize, exceeded: fn(usize) -> Malformed) -> Result<(), Malformed> {
    if count > limit {
        Err(exceeded(limit))
    } else {
        Ok(())
    }
}

impl fmt::Debug for Decoder {
    /// Without what has been read: it may be somebody's password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Decoder")
            .field("framing", &self.framing)
            .field("depth", &self.stack.len())
            .field("failed", &self.failed)
            .finish_non_exhaustive()
    }
}
