//! A stream to a vendor that is no HTTP exchange: the same trust, the same client certificate, the same proxies.

use std::io;
use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;
use zeroize::Zeroizing;

use super::http::handshake;
use super::tls::Material;
use super::{SettingsError, TransportSettings};

/// Both directions of a connection.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

/// Why there is no stream.
#[derive(Debug)]
pub(crate) struct NoStream {
    /// For a person.
    pub(crate) words: String,
    /// What to change before there can be one, if that is known.
    pub(crate) cure: Option<String>,
    /// Whether somebody answers whose certificate is not trusted.
    pub(crate) untrusted: bool,
}

impl From<String> for NoStream {
    fn from(words: String) -> Self {
        Self {
            words,
            cure: None,
            untrusted: false,
        }
    }
}

/// Opens streams with the settings of one connection.
pub(crate) struct Dialer {
    settings: TransportSettings,
    secure: OnceLock<Result<Arc<ClientConfig>, SettingsError>>,
}

impl Dialer {
    /// Reads nothing yet.
    pub(crate) const fn new(settings: TransportSettings) -> Self {
        Self {
            settings,
            secure: OnceLock::new(),
        }
    }

    /// Connects, through the proxy if there is one, and in TLS if that is asked for; the certificate has to be for this
    /// host. Takes as long as it takes.
    pub(crate) async fn connect(
        &self,
        host: &str,
        port: u16,
        tls: bool,
    ) -> Result<Box<dyn Duplex>, NoStream> {
        let scheme = if tls { "https" } else { "http" };
        let origin =
            Url::parse(&format!("{scheme}://{host}:{port}")).map_err(|error| format!("`{host}`: {error}"))?;
        let proxy = self
            .settings
            .proxy_for(&origin)
            .map_err(|error| error.to_string())?;
        let stream = match proxy {
            None => Box::new(tcp(host, port).await?) as Box<dyn Duplex>,
            Some(proxy) => self.through(proxy, host, port).await?,
        };
        if tls {
            self.encrypt(stream, host).await
        } else {
            Ok(stream)
        }
    }

    async fn through(&self, proxy: &Url, host: &str, port: u16) -> Result<Box<dyn Duplex>, NoStream> {
        let name = proxy.host_str().unwrap_or_default();
        let stream = tcp(name, proxy.port_or_known_default().unwrap_or(80)).await;
        let stream = stream.map_err(|error| format!("proxy `{name}`: {error}"))?;
        let mut stream = Box::new(stream) as Box<dyn Duplex>;
        if proxy.scheme() == "https" {
            stream = self.encrypt(stream, name).await?;
        }
        let mut request = Zeroizing::new(format!(
            "CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        ));
        if let Some(password) = proxy.password() {
            let part = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
            let pair = Zeroizing::new(format!("{}:{}", part(proxy.username()), part(password)));
            let encoded = Zeroizing::new(STANDARD.encode(pair.as_bytes()));
            request.push_str(&format!("Proxy-Authorization: Basic {}\r\n", *encoded));
        }
        request.push_str("\r\n");
        let opened = async {
            stream.write_all(request.as_bytes()).await?;
            stream.flush().await?;
            answer_of_proxy(&mut stream).await
        };
        match opened.await {
            Ok(status) if status.starts_with('2') => Ok(stream),
            Ok(status) => Err(format!("proxy `{name}` answers {status}").into()),
            Err(error) => Err(format!("proxy `{name}`: {}", words(&error)).into()),
        }
    }

    async fn encrypt(&self, stream: Box<dyn Duplex>, host: &str) -> Result<Box<dyn Duplex>, NoStream> {
        let secure = self.secure.get_or_init(|| {
            let configuration = Material::read(&self.settings)?.configuration();
            let mut configuration =
                configuration.map_err(|error| SettingsError::Client(error.to_string()))?;
            // What is spoken here has no name there, but for HTTP/1.1, which is what everybody speaks who has none.
            configuration.alpn_protocols.clear();
            Ok(Arc::new(configuration))
        });
        let configuration = secure.as_ref().map_err(ToString::to_string)?;
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = match bare.parse::<IpAddr>() {
            Ok(address) => ServerName::from(address),
            Err(_) => ServerName::try_from(bare.to_owned()).map_err(|error| error.to_string())?,
        };
        let encrypted = TlsConnector::from(Arc::clone(configuration))
            .connect(name, stream)
            .await
            .map_err(|error| self.no_tls(&error))?;
        Ok(Box::new(encrypted))
    }

    fn no_tls(&self, error: &io::Error) -> NoStream {
        let of_tls = error.get_ref().and_then(|inner| inner.downcast_ref());
        let Some(of_tls) = of_tls else {
            return NoStream::from(format!("no TLS: {}", words(error)));
        };
        let (words, hint) = handshake(of_tls, &self.settings, "`xmpp://` or `ws://`");
        NoStream {
            untrusted: matches!(of_tls, rustls::Error::InvalidCertificate(_)),
            words,
            cure: Some(hint).filter(|hint| !hint.is_empty()),
        }
    }
}

async fn tcp(host: &str, port: u16) -> Result<TcpStream, String> {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let stream = TcpStream::connect((bare, port))
        .await
        .map_err(|error| words(&error))?;
    // Only a matter of speed.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// The status of the answer, with its words; nothing behind the answer is read.
async fn answer_of_proxy(stream: &mut Box<dyn Duplex>) -> io::Result<String> {
    const LONGEST: usize = 8 << 10;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        if answer.len() >= LONGEST {
            return Err(io::Error::other("its answer has no end"));
        }
        answer.push(stream.read_u8().await?);
    }
    let line = String::from_utf8_lossy(answer.split(|byte| *byte == b'\r').next().unwrap_or_default());
    let status = line.split_once(' ').map_or("", |(_, status)| status);
    Ok(status.trim().escape_debug().to_string())
}

/// What the system says, without its number.
fn words(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "connection refused".to_owned(),
        io::ErrorKind::UnexpectedEof => "the connection was closed".to_owned(),
        _ => {
            let text = error.to_string();
            text.split(" (os error").next().unwrap_or_default().to_owned()
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use expect_test::{Expect, expect};
    use tokio::net::TcpListener;

    use super::*;

    /// Asks a proxy that answers in these words; gives what it was asked, and what comes behind its answer.
    async fn asked(answer: &'static str) -> (String, Result<String, String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = format!("http://me:s%C3%A9cret@{}", listener.local_addr().unwrap());
        let proxied = async {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            while !asked.ends_with(b"\r\n\r\n") {
                asked.push(stream.read_u8().await.unwrap());
            }
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8(asked).unwrap()
        };
        let dialer = Dialer::new(TransportSettings {
            proxy: Some(proxy.parse().unwrap()),
            ..TransportSettings::default()
        });
        let behind = async {
            let connected = dialer.connect("finesse.invalid", 5222, false).await;
            let mut stream = connected.map_err(|none| none.words)?;
            let mut behind = String::new();
            stream.read_to_string(&mut behind).await.unwrap();
            Ok(behind)
        };
        tokio::join!(proxied, behind)
    }

    async fn check(answer: &'static str, expected: Expect) {
        let (_, behind) = asked(answer).await;
        expected.assert_eq(&behind.map_or_else(|words| words, |behind| format!("open: {behind:?}")));
    }

    #[tokio::test]
    async fn a_proxy_is_asked_with_its_password() {
        let (request, _) = asked("HTTP/1.1 200 OK\r\n\r\n").await;
        expect![[r#"
            CONNECT finesse.invalid:5222 HTTP/1.1
            Host: finesse.invalid:5222
            Proxy-Authorization: Basic bWU6c8OpY3JldA==

        "#]]
        .assert_eq(&request.replace("\r\n", "\n"));
    }

    #[tokio::test]
    async fn what_a_proxy_answers_is_told() {
        check(
            "HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n<stream>",
            expect![[r#"open: "<stream>""#]],
        )
        .await;
        check(
            "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n",
            expect!["proxy `127.0.0.1` answers 407 Proxy Authentication Required"],
        )
        .await;
        check(
            "HTTP/1.1 200 OK\r\n",
            expect!["proxy `127.0.0.1`: the connection was closed"],
        )
        .await;
    }
}
