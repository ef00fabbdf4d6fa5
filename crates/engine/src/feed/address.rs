//! Where a feed is, and how it is reached there.

use std::fmt;

use signoff_core::{FeedPlan, FeedTransport};
use url::Url;

use crate::config::ConnectionSettings;
use crate::transport::is_loopback;

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
                    may_log_in: tls
                        || settings.danger_plain_xmpp
                        || origin.host_str().is_some_and(is_loopback),
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use std::path::Path;
    use std::time::Duration;

    use expect_test::{Expect, expect};
    use signoff_core::{FeedPlan, FeedProtocol, FeedTransport, FeedWay};

    use super::Address;
    use crate::config::Config;

    #[expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]
    fn check(lines: &str, expected: Expect) {
        let text = format!("[connections.a]\nprovider = \"finesse\"\n{lines}");
        let config = Config::parse(&text, Path::new("signoff.toml")).unwrap();
        let settings = config.connections[0]
            .against(&signoff_finesse::DESCRIPTOR)
            .unwrap();
        let web = |port| FeedWay {
            transport: FeedTransport::WebSocket("/ws/".to_owned()),
            port,
        };
        let plan = FeedPlan {
            protocol: FeedProtocol::Xmpp,
            keep_alive: Duration::from_secs(10),
            user: "a".to_owned(),
            domain: "b".to_owned(),
            service: "c".to_owned(),
            endpoint: "api".to_owned(),
            ways: vec![
                FeedWay {
                    transport: FeedTransport::Tls,
                    port: Some(5223),
                },
                web(None),
                web(Some(7443)),
            ],
            nodes: Vec::new(),
        };
        let shown: Vec<String> = Address::of(&settings, &plan)
            .iter()
            .map(|address| format!("{address}{}", if address.may_log_in { "" } else { " (no)" }))
            .collect();
        expected.assert_eq(&shown.join("\n"));
    }

    #[test]
    fn the_hosts_of_the_endpoint_in_their_order() {
        check(
            "api = [\"https://a.example:8445\", \"https://b.example\"]",
            expect![[r#"
                xmpps://a.example:5223
                wss://a.example:8445/ws/
                wss://a.example:7443/ws/
                xmpps://b.example:5223
                wss://b.example:443/ws/
                wss://b.example:7443/ws/"#]],
        );
        check(
            "api = \"http://127.0.0.1:8080\"",
            expect!["ws://127.0.0.1:8080/ws/"],
        );
        check(
            "api = \"https://[2001:db8::7]:8445\"",
            expect![[r#"
            xmpps://[2001:db8::7]:5223
            wss://[2001:db8::7]:8445/ws/
            wss://[2001:db8::7]:7443/ws/"#]],
        );
    }

    #[test]
    fn a_password_in_clear_is_a_danger_that_has_a_name_of_its_own() {
        let api = "api = \"http://a.example\"\ndanger_plain_http = true";
        check(api, expect!["ws://a.example:80/ws/ (no)"]);
        check(
            &format!("{api}\ndanger_plain_xmpp = true"),
            expect!["ws://a.example:80/ws/"],
        );
    }

    #[test]
    fn what_is_configured_counts() {
        check(
            "api = \"https://a.example:8445\"\n\
             feed = { address = [\"xmpps://x.example\", \"wss://y.example:8445/ws/\", \"xmpp://[::1]\", \"ws://localhost/ws\"] }",
            expect![[r#"
                xmpps://x.example:5223
                wss://y.example:8445/ws/
                xmpp://[::1]:5222
                ws://localhost:80/ws"#]],
        );
    }
}
