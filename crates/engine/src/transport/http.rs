//! The transport over HTTP: one pool of connections for each connection's settings.
//!
//! The client's own cleverness is switched off: no redirects, no retries, no cookies, no decompression, no
//! proxy from the environment. Each of them would send something that the journal knows nothing of, or make a
//! bound worthless.

mod failure;

use std::future::Future;
use std::pin::Pin;
use std::sync::OnceLock;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::CONTENT_LENGTH;
use http::{HeaderValue, Method};

use super::connections::CountConnections;
use super::tls::{self, Material};
use super::{Exchange, Reply, SettingsError, Transport, TransportFailure, TransportSettings};
pub(super) use failure::handshake;

/// Enough for a handshake across the world; a host that is down answers no sooner for being waited for.
const CONNECT_TIME: Duration = Duration::from_secs(5);

/// Shorter than the keep-alive of the servers one meets (Apache 5 s, Tomcat 20 s, nginx 75 s): a request that
/// is written into a connection as the server closes it is one that nobody knows the fate of.
const IDLE_TIME: Duration = Duration::from_secs(4);

/// Sends exchanges over HTTP/1.1 and HTTP/2.
pub struct HttpTransport {
    settings: TransportSettings,
    material: Material,
    /// For `http://`; works where the system has no certificates at all.
    plain: reqwest::Client,
    secure: OnceLock<Result<reqwest::Client, SettingsError>>,
    connections: CountConnections,
}

impl HttpTransport {
    /// A transport with these settings, and a pool of its own. Reads the files that they name; sends nothing.
    ///
    /// # Errors
    /// A file or the proxy is not what it should be.
    pub fn new(settings: TransportSettings) -> Result<Self, SettingsError> {
        let material = Material::read(&settings)?;
        let connections = CountConnections::default();
        let plain = client(&settings, tls::no_trust(), &connections)?;
        Ok(Self {
            settings,
            material,
            plain,
            secure: OnceLock::new(),
            connections,
        })
    }

    fn client_for(&self, url: &url::Url) -> Result<&reqwest::Client, SettingsError> {
        let proxy = self.settings.proxy_for(url)?;
        let through_tls = proxy.is_some_and(|proxy| proxy.scheme() == "https");
        if url.scheme() == "http" && !through_tls {
            return Ok(&self.plain);
        }
        let secure = self
            .secure
            .get_or_init(|| client(&self.settings, self.material.configuration(), &self.connections));
        secure.as_ref().map_err(Clone::clone)
    }

    async fn exchange(&self, exchange: Exchange) -> Result<Reply, TransportFailure> {
        let origin = exchange.url.origin().ascii_serialization();
        let client = self
            .client_for(&exchange.url)
            .map_err(|error| failure::no_client(&origin, &error))?;
        let proxy = self.settings.proxy_for(&exchange.url).ok().flatten();
        let (timeout, cap) = (exchange.timeout, exchange.answer_cap);
        let on_status = exchange.on_status;
        let mut headers = exchange.headers;
        // RFC 9110, 8.6: who sends nothing where a body would be meant says so; some servers answer 411 otherwise.
        if exchange.body.is_empty() && matches!(exchange.method, Method::POST | Method::PUT | Method::PATCH) {
            headers
                .entry(CONTENT_LENGTH)
                .or_insert(HeaderValue::from_static("0"));
        }
        let whole = async {
            let response = client
                .request(exchange.method, exchange.url.clone())
                .headers(headers)
                .body(exchange.body)
                .send()
                .await
                .map_err(|error| failure::of_sending(&origin, &error, proxy, &self.settings))?;
            if !self.settings.hands_over_redirects
                && let Some(redirected) = failure::redirect(&exchange.url, &response)
            {
                return Err(redirected);
            }
            if let Some(on_status) = &on_status {
                on_status(response.status().as_u16());
            }
            receive(response, &origin, cap).await
        };
        tokio::time::timeout(timeout, whole)
            .await
            .unwrap_or_else(|_| Err(failure::timed_out(&origin, timeout)))
    }
}

impl Transport for HttpTransport {
    fn send(
        &self,
        exchange: Exchange,
    ) -> Pin<Box<dyn Future<Output = Result<Reply, TransportFailure>> + Send + '_>> {
        Box::pin(self.exchange(exchange))
    }

    fn connections_opened(&self) -> u64 {
        self.connections.opened()
    }
}

fn client(
    settings: &TransportSettings,
    configuration: Result<rustls::ClientConfig, rustls::Error>,
    connections: &CountConnections,
) -> Result<reqwest::Client, SettingsError> {
    let configuration = configuration.map_err(|error| SettingsError::Client(error.to_string()))?;
    let builder = reqwest::Client::builder()
        .tls_backend_preconfigured(configuration)
        .user_agent(concat!("signoff/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .referer(false)
        .no_proxy()
        .tcp_nodelay(true)
        .connect_timeout(CONNECT_TIME.min(settings.timeout / 5 * 4))
        .pool_idle_timeout(IDLE_TIME)
        .connector_layer(connections.clone());
    let variables = settings.proxy_variables.clone();
    let proxy = match &settings.proxy {
        Some(proxy) => all_through(proxy)?,
        // What is wrong with the variables was found out before the client is asked for anything.
        None => reqwest::Proxy::custom(move |url| variables.proxy_for(url).ok().flatten().cloned()),
    };
    let builder = builder.proxy(proxy);
    builder
        .build()
        .map_err(|error| SettingsError::Client(failure::innermost(&error)))
}

fn all_through(proxy: &url::Url) -> Result<reqwest::Proxy, SettingsError> {
    let refused = || SettingsError::Proxy {
        address: format!("{}://{}", proxy.scheme(), proxy.host_str().unwrap_or_default()),
    };
    if !matches!(proxy.scheme(), "http" | "https") {
        return Err(refused());
    }
    reqwest::Proxy::all(proxy.clone()).map_err(|_| refused())
}

/// Reads a whole answer, and no more of it than the cap.
async fn receive(mut response: reqwest::Response, origin: &str, cap: u64) -> Result<Reply, TransportFailure> {
    let declared = response.content_length();
    if declared.is_some_and(|length| length > cap) {
        return Err(failure::too_large(origin, cap));
    }
    let status = response.status().as_u16();
    let headers = response
        .headers()
        .iter()
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .collect();
    let mut body = BytesMut::new();
    loop {
        let chunk = response
            .chunk()
            .await
            .map_err(|error| failure::of_receiving(origin, &error))?;
        let Some(chunk) = chunk else {
            break;
        };
        if body.len() as u64 + chunk.len() as u64 > cap {
            return Err(failure::too_large(origin, cap));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply {
        status,
        headers,
        body: Bytes::from(body),
    })
}

#[cfg(test)]
mod tests;
