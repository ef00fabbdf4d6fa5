//! Where a feed is, and how it is reached there.

use std::fmt;

use signoff_core::{FeedPlan, FeedTransport};
use url::Url;

use crate::config::{ConnectionSettings, is_loopback_host};

/// One place to connect to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Address {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) tls: bool,
    /// Of a WebSocket.
    pub(super) path: Option<String>,
    /// Whether a password may be sent there: in TLS, on this machine, or because the configuration accepts the danger.
    pub(super) may_log_in: bool,
}

impl Address {
    /// The addresses of the configuration, else those that the provider knows on the hosts of its endpoint; in the order
    /// in which they are tried.
    pub(super) fn of(settings: &ConnectionSettings, plan: &FeedPlan) -> Vec<Self> {
        if !settings.feed.addresses.is_empty() {
            return settings.feed.addresses.iter().map(Self::configured).collect();
        }
        let mut addresses = Vec::new();
        for origin in settings.origins(&plan.endpoint) {
            let own_port = origin.port_or_known_default().unwrap_or(443);
            let tls = origin.scheme() == "https";
            // Where no TLS is spoken, nothing is known but the endpoint's own port.
            for way in plan.ways.iter().filter(|way| tls || way.port.is_none()) {
                addresses.push(Self {
                    host: origin.host_str().unwrap_or_default().to_owned(),
                    port: way.port.unwrap_or(own_port),
                    tls,
                    path: match &way.transport {
                        FeedTransport::Tls => None,
                        FeedTransport::WebSocket(path) => Some(path.clone()),
                    },
                    may_log_in: tls || is_loopback_host(origin),
                });
            }
        }
        addresses
    }

    fn configured(url: &Url) -> Self {
        let tls = matches!(url.scheme(), "xmpps" | "wss");
        let web = matches!(url.scheme(), "ws" | "wss");
        Self {
            host: url.host_str().unwrap_or_default().to_owned(),
            port: url
                .port_or_known_default()
                .unwrap_or(if tls { 5223 } else { 5222 }),
            tls,
            path: web.then(|| url.path().to_owned()),
            // The configuration was refused if it asks for a danger that it does not name.
            may_log_in: true,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match (&self.path, self.tls) {
            (None, true) => "xmpps",
            (None, false) => "xmpp",
            (Some(_), true) => "wss",
            (Some(_), false) => "ws",
        };
        let path = self.path.as_deref().unwrap_or_default();
        write!(f, "{scheme}://{}:{}{path}", self.host, self.port)
    }
}
