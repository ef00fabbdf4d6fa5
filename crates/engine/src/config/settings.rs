//! What a configuration means, checked: nothing in here can be wrong any more.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use signoff_core::{Descriptor, Field, Value};
use url::Url;

use crate::parameters::format_rate;
use crate::transport::is_loopback;

/// One connection, checked against its provider's descriptor, whose defaults are filled in.
#[derive(Debug, Clone)]
pub struct ConnectionSettings {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// The provider as it is written: `finesse`, `plugin:finesse`.
    pub provider: String,
    /// What the provider says of itself.
    pub descriptor: &'static Descriptor,
    /// The endpoints that are configured, in the order of the descriptor.
    pub endpoints: Vec<Endpoint>,
    /// The credential that it uses unless a script names another.
    pub credential: Option<Arc<str>>,
    /// Requests a second; `None`: no limit.
    pub rate: Option<f64>,
    /// Requests in flight; at least 1.
    pub concurrency: u32,
    /// How many intents may be journaled and unanswered; as many as requests in flight, as long as intents do not run
    /// ahead.
    pub window: u32,
    /// Of one exchange, from connecting to the last byte.
    pub timeout: Duration,
    /// The longest that the vendor takes to apply a request that it has received.
    pub settle: Duration,
    /// How the vendor's certificate is judged, and ours shown.
    pub tls: TlsSettings,
    /// The HTTP proxy of this connection.
    pub proxy: Option<Url>,
    /// Whether secrets may cross a network in clear.
    pub danger_plain_http: bool,
    /// Who listens to the vendor's notifications, and where.
    pub feed: FeedSettings,
    /// Whether the password of a feed may cross a network in clear.
    pub danger_plain_xmpp: bool,
    /// Options of the provider, in the order of the descriptor, defaults filled in.
    pub options: Vec<Field>,
}

impl ConnectionSettings {
    /// The origins of an endpoint, in the order in which they are tried; empty if it is not configured.
    #[must_use]
    pub fn origins(&self, endpoint: &str) -> &[Url] {
        self.endpoints
            .iter()
            .find(|one| one.name == endpoint)
            .map_or(&[], |one| &one.origins)
    }

    /// All of it as the journal keeps it, under the keys of the configuration; it holds no secret.
    #[must_use]
    pub fn describe(&self) -> Field {
        let text = |key: &str, text: String| Field::new(key, text);
        let mut fields = vec![
            text("provider", self.provider.clone()),
            text("version", self.descriptor.version.to_owned()),
        ];
        for endpoint in &self.endpoints {
            let origins = endpoint.origins.iter().map(|origin| Value::from(origin.as_str()));
            fields.push(Field {
                name: endpoint.name.to_owned(),
                value: Value::List(origins.collect()),
            });
        }
        fields.extend(
            self.credential
                .as_deref()
                .map(|name| Field::new("credential", name)),
        );
        fields.extend([
            text("rate", format_rate(self.rate)),
            Field::new("concurrency", i64::from(self.concurrency)),
            Field::new("window", i64::from(self.window)),
            Field::new("timeout", self.timeout),
            Field::new("settle", self.settle),
        ]);
        let path = |key: &str, path: &PathBuf| Field::new(key, path.display().to_string());
        fields.extend(self.tls.ca_file.as_ref().map(|file| path("ca_file", file)));
        fields.extend(
            self.tls
                .client_certificate
                .as_ref()
                .map(|file| path("client_certificate", file)),
        );
        fields.extend(
            self.proxy
                .as_ref()
                .map(|proxy| Field::new("proxy", proxy.as_str())),
        );
        if self.feed != FeedSettings::default() {
            let credential = self.feed.credential.as_deref();
            let mut feed: Vec<Field> = credential
                .map(|name| Field::new("credential", name))
                .into_iter()
                .collect();
            if !self.feed.addresses.is_empty() {
                let addresses = self
                    .feed
                    .addresses
                    .iter()
                    .map(|address| Value::from(address.as_str()));
                feed.push(Field {
                    name: "address".to_owned(),
                    value: Value::List(addresses.collect()),
                });
            }
            fields.push(Field {
                name: "feed".to_owned(),
                value: Value::Map(feed),
            });
        }
        for (key, danger) in [
            ("danger_plain_http", self.danger_plain_http),
            ("danger_plain_xmpp", self.danger_plain_xmpp),
            (
                "danger_accept_invalid_certificates",
                self.tls.danger_accept_invalid_certificates,
            ),
        ] {
            fields.extend(danger.then(|| Field::new(key, true)));
        }
        if !self.options.is_empty() {
            fields.push(Field {
                name: "options".to_owned(),
                value: Value::Map(self.options.clone()),
            });
        }
        Field {
            name: self.name.to_string(),
            value: Value::Map(fields),
        }
    }
}

impl ConnectionSettings {
    /// What it does that puts secrets at risk, in words; nearly always empty.
    #[must_use]
    pub fn dangers(&self) -> Vec<String> {
        let mut dangers = Vec::new();
        let name = &self.name;
        if self.tls.danger_accept_invalid_certificates {
            dangers.push(format!(
                "connection `{name}` accepts any certificate: whoever stands between can read passwords (`danger_accept_invalid_certificates`)"
            ));
        }
        let origins = self.endpoints.iter().flat_map(|endpoint| &endpoint.origins);
        let elsewhere = |address: &Url| !address.host_str().is_some_and(is_loopback);
        for origin in origins.filter(|origin| origin.scheme() == "http" && elsewhere(origin)) {
            dangers.push(format!(
                "connection `{name}` sends passwords in clear to `{}` (`danger_plain_http`)",
                origin.origin().ascii_serialization()
            ));
        }
        let plain = |address: &&Url| matches!(address.scheme(), "xmpp" | "ws") && elsewhere(address);
        for address in self.feed.addresses.iter().filter(plain) {
            dangers.push(format!(
                "connection `{name}` sends the password of its feed in clear to `{address}` (`danger_plain_xmpp`)"
            ));
        }
        dangers
    }
}

/// Who listens to the vendor's notifications, and where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FeedSettings {
    /// The credential that listens; `None`: the one that acts, where its provider finds that harmless.
    pub credential: Option<Arc<str>>,
    /// In the order in which they are tried, `xmpps://`, `wss://`, `xmpp://` or `ws://`; empty: where the provider says.
    pub addresses: Vec<Url>,
}

/// One endpoint, and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Its key.
    pub name: &'static str,
    /// At least one; scheme, host and port alone. The second is the failover node.
    pub origins: Vec<Url>,
}

/// How the vendor's certificate is judged, and ours shown. Paths start from the folder of the configuration already.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsSettings {
    /// Certificates (PEM) of authorities to trust besides the usual ones.
    pub ca_file: Option<PathBuf>,
    /// Our certificate and its key (PEM, in one file).
    pub client_certificate: Option<PathBuf>,
    /// Whether any certificate is good enough.
    pub danger_accept_invalid_certificates: bool,
}

/// What holds for every run, whatever it connects to.
#[derive(Debug, Clone)]
pub struct RunLimits {
    /// More users than this want a plan first, and a confirmation.
    pub confirm_above: u64,
    /// Who is never to be touched.
    pub exempt: Exempt,
    /// Bytes that a script may use.
    pub script_memory: u64,
    /// Processor time of a script between two host calls.
    pub script_cpu: Duration,
    /// The longest that a run may take; `None`: as long as it needs.
    pub run_time: Option<Duration>,
}

impl Default for RunLimits {
    fn default() -> Self {
        Self {
            confirm_above: 25,
            exempt: Exempt::default(),
            script_memory: 64 << 20,
            script_cpu: Duration::from_secs(10),
            run_time: None,
        }
    }
}

/// The users who are never to be touched: globs over `connection:id`, compared without case.
#[derive(Debug, Clone, Default)]
pub struct Exempt {
    patterns: Vec<String>,
    globs: GlobSet,
}

impl Exempt {
    /// Those whom these patterns match. `*` matches any text, also none; `?` one character; `[ab]` and `{a,b}`
    /// alternatives; `\` takes the next character as it is.
    ///
    /// # Errors
    /// With what is wrong with a pattern.
    pub fn new<'a>(patterns: impl IntoIterator<Item = &'a str>) -> Result<Self, globset::Error> {
        let mut builder = GlobSetBuilder::new();
        let mut kept = Vec::new();
        for pattern in patterns {
            // Ids are no paths: `*` crosses `/`, and `\` escapes on every system.
            builder.add(
                GlobBuilder::new(&pattern.to_lowercase())
                    .literal_separator(false)
                    .backslash_escape(true)
                    .build()?,
            );
            kept.push(pattern.to_owned());
        }
        Ok(Self {
            patterns: kept,
            globs: builder.build()?,
        })
    }

    /// The pattern that exempts this user, if one does.
    #[must_use]
    pub fn pattern(&self, connection: &str, user: &str) -> Option<&str> {
        if self.patterns.is_empty() {
            return None;
        }
        let subject = format!("{connection}:{user}").to_lowercase();
        let first = self.globs.matches(subject).into_iter().next()?;
        self.patterns.get(first).map(String::as_str)
    }

    /// The patterns, as they were written.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }
}
