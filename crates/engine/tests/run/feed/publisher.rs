//! Publishes what Finesse would: an update, escaped as text, on the node of the team and on that of the user.

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::Timestamp;
use signoff_core::xml::Element;
use signoff_xmpp::{Framing, Node, ns, stanza};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::OwnedWriteHalf;
use tokio::sync::Mutex;

use super::prosody::{Prosody, SERVICE};

/// Somebody who may publish.
pub(super) struct Publisher {
    stream: Mutex<OwnedWriteHalf>,
    count: AtomicU64,
}

impl Publisher {
    pub(super) async fn connect(prosody: &Prosody) -> Self {
        let mut client = prosody.client("publisher", "test").await;
        client.flush().await;
        let (mut read, write) = client.stream.into_split();
        // What the server has to say is taken, and of no interest.
        tokio::spawn(async move {
            let mut buffer = vec![0; 4096];
            while read.read(&mut buffer).await.is_ok_and(|length| length > 0) {}
        });
        Self {
            stream: Mutex::new(write),
            count: AtomicU64::new(0),
        }
    }

    /// Has no effect once the server is gone.
    pub(super) async fn publish(&self, user: &str, state: &str, request_id: &str) {
        let text = |name: &str, text: &str| Element::new(name).with_text(text);
        let update = Element::new("Update")
            .with_child(
                Element::new("data").with_child(
                    Element::new("user")
                        .with_child(text("firstName", "O'Neil & \"Co\" 昼休み"))
                        .with_child(text("loginId", user))
                        .with_child(text("state", state))
                        .with_child(text("stateChangeTime", &Timestamp::now().to_string())),
                ),
            )
            .with_child(text("event", "PUT"))
            .with_child(text("requestId", request_id))
            .with_child(text("source", &format!("/finesse/api/User/{user}")))
            .to_string();
        let nodes = [
            "/finesse/api/Team/1/Users".to_owned(),
            format!("/finesse/api/User/{user}"),
        ];
        for node in nodes {
            let number = self.count.fetch_add(1, Ordering::Relaxed);
            let notification = Node::new("urn:xmpp:push:0", "notification").text(update.as_str());
            let item = Node::new(ns::PUBSUB, "item").child(notification);
            let publish = Node::new(ns::PUBSUB, "publish").with("node", node).child(item);
            let pubsub = Node::new(ns::PUBSUB, "pubsub").child(publish);
            let id = format!("publish{number}");
            let iq = stanza::addressed_iq("set", None, Some(SERVICE), &id, Some(pubsub));
            let frame = Framing::Stream.stanza(&iq).unwrap();
            let _ = self.stream.lock().await.write_all(frame.as_bytes()).await;
        }
    }
}
