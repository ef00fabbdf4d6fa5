//! Names of namespaces.

/// RFC 6120: the stream's own elements.
pub const STREAMS: &str = "http://etherx.jabber.org/streams";
/// RFC 6120: stanzas between a client and its server.
pub const CLIENT: &str = "jabber:client";
/// RFC 6120: what is wrong with a stream.
pub const STREAM_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-streams";
/// RFC 6120: what is wrong with a stanza.
pub const STANZA_ERRORS: &str = "urn:ietf:params:xml:ns:xmpp-stanzas";
/// RFC 6120: authentication.
pub const SASL: &str = "urn:ietf:params:xml:ns:xmpp-sasl";
/// RFC 6120: the resource of a session.
pub const BIND: &str = "urn:ietf:params:xml:ns:xmpp-bind";
/// RFC 3921: a step of old servers, done when it is offered.
pub const SESSION: &str = "urn:ietf:params:xml:ns:xmpp-session";
/// RFC 7395: what stands for the stream's header and footer over WebSocket.
pub const FRAMING: &str = "urn:ietf:params:xml:ns:xmpp-framing";
/// RFC 6121: the contact list.
pub const ROSTER: &str = "jabber:iq:roster";
/// XEP-0199.
pub const PING: &str = "urn:xmpp:ping";
/// XEP-0030: what an entity is.
pub const DISCO_INFO: &str = "http://jabber.org/protocol/disco#info";
/// XEP-0030: what belongs to an entity.
pub const DISCO_ITEMS: &str = "http://jabber.org/protocol/disco#items";
/// XEP-0060: subscriptions. Finesse 11.x uses it for its notifications too.
pub const PUBSUB: &str = "http://jabber.org/protocol/pubsub";
/// XEP-0060: events.
pub const PUBSUB_EVENT: &str = "http://jabber.org/protocol/pubsub#event";
/// XEP-0060: what is wrong with a request.
pub const PUBSUB_ERRORS: &str = "http://jabber.org/protocol/pubsub#errors";
/// XEP-0203: when a stanza that was kept was sent.
pub const DELAY: &str = "urn:xmpp:delay";
/// XEP-0357, in which Finesse 12.5 wraps its notifications.
pub const PUSH: &str = "urn:xmpp:push:0";
