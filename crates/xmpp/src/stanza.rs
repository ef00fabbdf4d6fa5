//! The stanzas that both ends need: how they are put together, and what is read out of them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::node::{self, Node, Unwritable};
use crate::ns;

/// What is wrong with a request, as its answer says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StanzaError {
    /// The condition of RFC 6120, 8.3.3, such as `item-not-found`.
    pub condition: String,
    /// The condition that the application adds, such as `not-subscribed`; empty if there is none.
    pub detail: String,
    /// What the server says in words; empty if nothing.
    pub text: String,
}

/// One subscription, as a list of them shows it (XEP-0060, 5.6).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscription {
    /// The node.
    pub node: String,
    /// The address that it was made for, which its removal has to name.
    pub jid: String,
    /// `subscribed`, `pending`, `unconfigured` or `none`.
    pub state: String,
    /// The service's name for it, if it gives one.
    pub id: Option<String>,
}

/// An event of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// The node, such as `/finesse/api/Team/2/Users`.
    pub node: String,
    /// The text of the notification, once unescaped, without white space around it. Finesse sends XML in it.
    pub payload: String,
    /// Whether the server had kept it, as some do with the last event of a node until somebody subscribes.
    pub delayed: bool,
}

/// An `iq` of a type, with what it asks or tells.
#[must_use]
pub fn iq(kind: &str, id: &str, content: Option<Node>) -> Node {
    addressed_iq(kind, None, None, id, content)
}

/// An `iq` from one to another.
#[must_use]
pub fn addressed_iq(
    kind: &str,
    from: Option<&str>,
    to: Option<&str>,
    id: &str,
    content: Option<Node>,
) -> Node {
    Node::new(ns::CLIENT, "iq")
        .with("type", kind)
        .with_some("from", from)
        .with_some("to", to)
        .with("id", id)
        .children(content)
}

/// The answer that a request is granted.
#[must_use]
pub fn result(request: &Node, content: Option<Node>) -> Node {
    addressed_iq(
        "result",
        request.attr("to"),
        request.attr("from"),
        request.attr("id").unwrap_or_default(),
        content,
    )
}

/// The answer that a request is refused: the type of the error (RFC 6120, 8.3.2), its condition, and the application's.
#[must_use]
pub fn error(request: &Node, kind: &str, condition: &str, detail: Option<&str>) -> Node {
    let error = Node::new(ns::CLIENT, "error")
        .with("type", kind)
        .child(Node::new(ns::STANZA_ERRORS, condition))
        .children(detail.map(|detail| Node::new(ns::PUBSUB_ERRORS, detail)));
    let mut answer = result(request, Some(error));
    answer.name.clone_from(&request.name);
    for (name, value) in &mut answer.attrs {
        if &**name == "type" {
            "error".clone_into(value);
        }
    }
    answer
}

/// What an `iq` or another stanza of the type `error` says.
#[must_use]
pub fn read_error(answer: &Node) -> StanzaError {
    let Some(error) = answer.get(ns::CLIENT, "error") else {
        return StanzaError::default();
    };
    let (condition, text) = condition(error, ns::STANZA_ERRORS);
    let detail = error
        .children
        .iter()
        .find(|child| &*child.ns != ns::STANZA_ERRORS);
    StanzaError {
        condition,
        detail: detail.map_or_else(String::new, |detail| brief(&detail.name).to_owned()),
        text,
    }
}

/// The condition and the words of an error whose parts are in this namespace.
#[must_use]
pub fn condition(error: &Node, ns: &str) -> (String, String) {
    let mut parts = error.children.iter().filter(|child| &*child.ns == ns);
    let condition = parts.clone().find(|part| &*part.name != "text");
    let text = parts.find(|part| &*part.name == "text");
    (
        condition.map_or_else(
            || "undefined-condition".to_owned(),
            |part| brief(&part.name).to_owned(),
        ),
        text.map_or_else(String::new, |text| brief(text.text.trim()).to_owned()),
    )
}

/// A login by PLAIN (RFC 4616).
#[must_use]
pub fn plain(user: &str, password: &str) -> Node {
    let clear = Zeroizing::new(format!("\0{user}\0{password}"));
    Node::new(ns::SASL, "auth")
        .with("mechanism", "PLAIN")
        .text(STANDARD.encode(clear.as_bytes()))
}

/// The user and the password of a login by PLAIN; `None` if it is none.
#[must_use]
pub fn read_plain(auth: &Node) -> Option<(String, Zeroizing<String>)> {
    if !auth.is(ns::SASL, "auth") || auth.attr("mechanism") != Some("PLAIN") {
        return None;
    }
    let clear = Zeroizing::new(STANDARD.decode(auth.text.trim()).ok()?);
    let mut parts = std::str::from_utf8(&clear).ok()?.splitn(3, '\0').skip(1);
    let (user, password) = (parts.next()?, parts.next()?);
    Some((user.to_owned(), Zeroizing::new(password.to_owned())))
}

/// What a server offers before the login: these mechanisms.
#[must_use]
pub fn mechanisms(names: &[&str]) -> Node {
    let names = names
        .iter()
        .map(|name| Node::new(ns::SASL, "mechanism").text(*name));
    Node::new(ns::STREAMS, "features").child(Node::new(ns::SASL, "mechanisms").children(names))
}

/// What a server offers after the login.
#[must_use]
pub fn bindable() -> Node {
    Node::new(ns::STREAMS, "features")
        .child(Node::new(ns::BIND, "bind"))
        .child(Node::new(ns::SESSION, "session"))
}

/// The refusal of a login.
#[must_use]
pub fn failure(condition: &str) -> Node {
    Node::new(ns::SASL, "failure").child(Node::new(ns::SASL, condition))
}

/// What ends a stream for this reason.
#[must_use]
pub fn stream_error(condition: &str) -> Node {
    Node::new(ns::STREAMS, "error").child(Node::new(ns::STREAM_ERRORS, condition))
}

/// Asks for a resource.
#[must_use]
pub fn bind(id: &str, resource: &str) -> Node {
    let resource = Node::new(ns::BIND, "resource").text(resource);
    iq("set", id, Some(Node::new(ns::BIND, "bind").child(resource)))
}

/// Grants the address to whoever asked for a resource.
#[must_use]
pub fn bound(request: &Node, jid: &str) -> Node {
    let jid = Node::new(ns::BIND, "jid").text(jid);
    result(request, Some(Node::new(ns::BIND, "bind").child(jid)))
}

/// Available for events, with a priority that lets them through.
#[must_use]
pub fn available() -> Node {
    Node::new(ns::CLIENT, "presence").child(Node::new(ns::CLIENT, "priority").text("1"))
}

/// No longer available.
#[must_use]
pub fn unavailable() -> Node {
    Node::new(ns::CLIENT, "presence").with("type", "unavailable")
}

/// Asks a service for the events of a node.
#[must_use]
pub fn subscribe(id: &str, from: &str, service: &str, node: &str, jid: &str) -> Node {
    let subscribe = Node::new(ns::PUBSUB, "subscribe")
        .with("node", node)
        .with("jid", jid);
    pubsub("set", id, from, service, subscribe)
}

/// Asks for no more of them.
#[must_use]
pub fn unsubscribe(
    id: &str,
    from: &str,
    service: &str,
    node: &str,
    jid: &str,
    subscription: Option<&str>,
) -> Node {
    let unsubscribe = Node::new(ns::PUBSUB, "unsubscribe")
        .with("node", node)
        .with("jid", jid)
        .with_some("subid", subscription);
    pubsub("set", id, from, service, unsubscribe)
}

/// Asks for all subscriptions of one's own, those of other sessions among them.
#[must_use]
pub fn subscriptions(id: &str, from: &str, service: &str) -> Node {
    pubsub("get", id, from, service, Node::new(ns::PUBSUB, "subscriptions"))
}

/// Grants a subscription, as Finesse does.
#[must_use]
pub fn subscribed(request: &Node, node: &str, jid: &str) -> Node {
    let options = Node::new(ns::PUBSUB, "subscribe-options");
    let subscription = subscription(node, jid).child(options);
    result(request, Some(Node::new(ns::PUBSUB, "pubsub").child(subscription)))
}

/// Lists subscriptions: nodes, and the addresses that they were made for.
#[must_use]
pub fn listed<'a>(request: &Node, subscriptions: impl IntoIterator<Item = (&'a str, &'a str)>) -> Node {
    let all = subscriptions
        .into_iter()
        .map(|(node, jid)| subscription(node, jid));
    let list = Node::new(ns::PUBSUB, "subscriptions").children(all);
    result(request, Some(Node::new(ns::PUBSUB, "pubsub").child(list)))
}

/// The subscriptions that an answer lists.
pub fn read_listed(answer: &Node) -> impl Iterator<Item = Subscription> {
    let list = answer
        .get(ns::PUBSUB, "pubsub")
        .and_then(|pubsub| pubsub.get(ns::PUBSUB, "subscriptions"));
    list.into_iter()
        .flat_map(|list| &list.children)
        .filter(|child| child.is(ns::PUBSUB, "subscription"))
        .map(|subscription| {
            let attr = |name| subscription.attr(name).unwrap_or_default().to_owned();
            Subscription {
                node: attr("node"),
                jid: attr("jid"),
                state: attr("subscription"),
                id: subscription.attr("subid").map(str::to_owned),
            }
        })
}

/// An event of a node: who sends it to whom, under which ids, and the notification's namespace and text.
#[must_use]
pub fn event(from: &str, to: &str, id: &str, node: &str, item: &str, notification: (&str, &str)) -> Node {
    let (space, payload) = notification;
    let item = Node::new(ns::PUBSUB_EVENT, "item")
        .with("id", item)
        .child(Node::new(space, "notification").text(payload));
    let items = Node::new(ns::PUBSUB_EVENT, "items")
        .with("node", node)
        .child(item);
    Node::new(ns::CLIENT, "message")
        .with("from", from)
        .with("to", to)
        .with("id", id)
        .child(Node::new(ns::PUBSUB_EVENT, "event").child(items))
}

/// The notifications in a message, in whatever namespace they are.
pub fn read_event(message: &Node) -> impl Iterator<Item = Notification> {
    let delayed = message.get(ns::DELAY, "delay").is_some();
    let items = message
        .get(ns::PUBSUB_EVENT, "event")
        .and_then(|event| event.get(ns::PUBSUB_EVENT, "items"));
    items.into_iter().flat_map(move |items| {
        let node = items.attr("node").unwrap_or_default();
        items
            .children
            .iter()
            .filter(|item| item.is(ns::PUBSUB_EVENT, "item"))
            .flat_map(|item| &item.children)
            .filter(|child| &*child.name == "notification")
            .map(move |notification| Notification {
                node: node.to_owned(),
                payload: notification.text.trim().to_owned(),
                delayed,
            })
            .filter(|notification| !notification.payload.is_empty())
    })
}

/// Writes a text as the value of an attribute.
///
/// # Errors
/// If XML cannot carry it. What was written of it by then stays in `out`.
pub fn escape(text: &str, out: &mut String) -> Result<(), Unwritable> {
    node::escape(out, text, true)
}

/// The address without its resource.
#[must_use]
pub fn bare(jid: &str) -> &str {
    jid.split('/').next().unwrap_or_default()
}

/// So much of an untrusted text as belongs into a message. A word that does not fit is left out as a whole: it may be a
/// password that was echoed, which is found by its full length.
pub(crate) fn brief(text: &str) -> &str {
    const LONGEST: usize = 300;
    if text.len() <= LONGEST {
        return text;
    }
    let start = &text[..text.floor_char_boundary(LONGEST)];
    let end = start.rfind(char::is_whitespace).unwrap_or_default();
    start[..end].trim_end()
}

fn pubsub(kind: &str, id: &str, from: &str, service: &str, what: Node) -> Node {
    let content = Node::new(ns::PUBSUB, "pubsub").child(what);
    addressed_iq(kind, Some(from), Some(service), id, Some(content))
}

fn subscription(node: &str, jid: &str) -> Node {
    Node::new(ns::PUBSUB, "subscription")
        .with("node", node)
        .with("jid", jid)
        .with("subscription", "subscribed")
}

#[cfg(test)]
mod tests {
    use super::brief;

    #[test]
    fn long_texts_end_between_words() {
        let before = "x".repeat(290);
        assert_eq!(brief(&format!("{before} the-whole-password")), before);
        assert_eq!(brief(&format!("{before} password")), format!("{before} password"));
        assert_eq!(brief(&"ü".repeat(300)), "");
    }
}
