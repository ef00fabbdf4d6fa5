//! From a provider's request to an exchange: where it goes, and what goes with it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use signoff_core::{Request, SecretUse};
use url::Url;

use super::DispatchError;
use super::failover::Departure;
use super::tokens::Token;
use crate::credential::{Credential, PlacementError, place};
use crate::secret::UserSecrets;
use crate::transport::Exchange;

/// Bytes of an answer beyond which it is given up, unless the request says otherwise.
const ANSWER_CAP: u64 = 8 << 20;

/// How long an origin that was left may take over a read: somebody waits for it, and another origin has the answer.
const PROBE_TIME: Duration = Duration::from_secs(2);

/// Where the requests of one connection go.
#[derive(Debug, Clone)]
pub(super) struct Origins {
    connection: Arc<str>,
    endpoints: BTreeMap<String, Vec<Url>>,
    user_secrets: Arc<UserSecrets>,
}

/// Why a request has no exchange.
#[derive(Debug)]
pub(super) enum Incomplete {
    /// It cannot be dispatched at all.
    Error(DispatchError),
    /// A secret of the user is not fit to be sent, which is nobody else's affair; says which and why.
    UserSecret(String),
}

impl<E: Into<DispatchError>> From<E> for Incomplete {
    fn from(error: E) -> Self {
        Self::Error(error.into())
    }
}

impl Origins {
    pub(super) const fn new(
        connection: Arc<str>,
        endpoints: BTreeMap<String, Vec<Url>>,
        user_secrets: Arc<UserSecrets>,
    ) -> Self {
        Self {
            connection,
            endpoints,
            user_secrets,
        }
    }

    /// The origins of all endpoints, as they are called in messages. The number of an endpoint is its place in here.
    pub(super) fn names(&self) -> Vec<Vec<Arc<str>>> {
        let name = |origin: &Url| Arc::from(origin.origin().ascii_serialization());
        let names = |origins: &Vec<Url>| origins.iter().map(name).collect();
        self.endpoints.values().map(names).collect()
    }

    /// The number of an endpoint.
    pub(super) fn endpoint(&self, name: &str) -> Result<usize, DispatchError> {
        let mut endpoints = self.endpoints.iter();
        let found = endpoints.position(|(endpoint, origins)| endpoint == name && !origins.is_empty());
        found.ok_or_else(|| self.no_endpoint(name))
    }

    /// Turns a finished exchange to where it goes.
    pub(super) fn direct(&self, exchange: &mut Exchange, departure: Departure) {
        let mut endpoints = self.endpoints.values();
        let origins = endpoints.nth(departure.endpoint);
        if let Some(origin) = origins.and_then(|origins| origins.get(departure.origin)) {
            let mut url = origin.clone();
            url.set_path(exchange.url.path());
            url.set_query(exchange.url.query());
            exchange.url = url;
        }
        if departure.probe {
            exchange.timeout = exchange.timeout.min(PROBE_TIME);
        }
    }

    /// Makes the exchange of a request, without its secrets, for the first origin of its endpoint.
    pub(super) fn exchange(&self, request: &Request, timeout: Duration) -> Result<Exchange, DispatchError> {
        let origin = self
            .endpoints
            .get(&request.endpoint)
            .and_then(|origins| origins.first())
            .ok_or_else(|| self.no_endpoint(&request.endpoint))?;
        Ok(Exchange {
            method: http::Method::from_bytes(request.method.as_bytes())
                .map_err(|_| self.bad_request(format!("`{}` is no method", request.method)))?,
            url: self.url(origin, request)?,
            headers: self.headers(request)?,
            body: Bytes::copy_from_slice(&request.body),
            timeout: request.timeout.unwrap_or(timeout),
            answer_cap: request.answer_cap.unwrap_or(ANSWER_CAP),
            on_status: None,
        })
    }

    /// The exchange of a request, with its secrets. That of the credential is looked up here, when it is first needed,
    /// unless it has become a token.
    pub(super) async fn complete(
        &self,
        request: &Request,
        timeout: Duration,
        credential: Option<&Arc<Credential>>,
        token: Option<&Token>,
    ) -> Result<Exchange, Incomplete> {
        let mut exchange = self.exchange(request, timeout)?;
        if let Some(wanted) = &request.credential {
            let credential = credential.ok_or_else(|| DispatchError::NoCredential {
                connection: Arc::clone(&self.connection),
            })?;
            if let Some(name) = wanted.name.as_ref().filter(|name| ***name != **credential.name()) {
                let runs_as = credential.name();
                let problem = format!("it wants the credential `{name}` and has `{runs_as}`");
                return Err(self.bad_request(problem).into());
            }
            match token {
                Some(token) => place(&token.secret, &wanted.placement, &mut exchange)
                    .map_err(|problem| credential.unsendable(problem))?,
                None => credential.place(&wanted.placement, &mut exchange).await?,
            }
        }
        for wanted in &request.secrets {
            self.place_user_secret(wanted, &mut exchange)?;
        }
        Ok(exchange)
    }

    fn place_user_secret(&self, wanted: &SecretUse, exchange: &mut Exchange) -> Result<(), Incomplete> {
        // A request that leaves without its secret would be another request.
        let Some((attribute, secret)) = self.user_secrets.open(wanted.handle) else {
            let problem = "it wants a secret attribute of the user, and there is none".to_owned();
            return Err(self.bad_request(problem).into());
        };
        place(&secret, &wanted.placement, exchange).map_err(|problem| {
            if problem == PlacementError::NotForHeader {
                Incomplete::UserSecret(format!("the user's `{attribute}` cannot be sent: {problem}"))
            } else {
                self.bad_request(problem.to_string()).into()
            }
        })
    }

    fn url(&self, origin: &Url, request: &Request) -> Result<Url, DispatchError> {
        let mut url = origin.clone();
        url.set_path(&request.path);
        // A user's id that slipped into a path unencoded (`..`, `?`) must not lead to somebody else's resource.
        if url.path() != request.path {
            return Err(self.bad_request(format!("`{}` is no plain path", request.path)));
        }
        url.set_query(None);
        if !request.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&request.query);
        }
        Ok(url)
    }

    fn headers(&self, request: &Request) -> Result<HeaderMap, DispatchError> {
        let mut headers = HeaderMap::with_capacity(request.headers.len() + 1);
        for (name, value) in &request.headers {
            let parsed = HeaderName::from_bytes(name.as_bytes())
                .ok()
                .filter(|name| !OURS.contains(name))
                .zip(HeaderValue::from_str(value).ok());
            let Some((name, value)) = parsed else {
                return Err(
                    self.bad_request(format!("the header `{name}` is not one that a provider may set"))
                );
            };
            headers.append(name, value);
        }
        Ok(headers)
    }

    fn no_endpoint(&self, name: &str) -> DispatchError {
        DispatchError::NoEndpoint {
            connection: Arc::clone(&self.connection),
            endpoint: name.to_owned(),
        }
    }

    fn bad_request(&self, problem: String) -> DispatchError {
        DispatchError::BadRequest {
            connection: Arc::clone(&self.connection),
            problem,
        }
    }
}

/// Headers that are the host's.
const OURS: [HeaderName; 6] = [
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TRANSFER_ENCODING,
];

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use signoff_core::{Placement, RequestId, SecretHandle, SecretUse};

    use super::*;
    use crate::secret::Secret;

    fn origins() -> Origins {
        let api = vec![
            Url::parse("https://a.example:8445").unwrap(),
            Url::parse("https://b.example").unwrap(),
        ];
        let endpoints = BTreeMap::from([("api".to_owned(), api)]);
        Origins::new("site".into(), endpoints, Arc::default())
    }

    fn build(request: &Request) -> Result<Exchange, String> {
        origins()
            .exchange(request, Duration::from_secs(10))
            .map_err(|error| error.to_string())
    }

    #[test]
    fn goes_to_the_first_origin_with_everything_encoded() {
        let mut request = Request::read(RequestId(1), "api", "/finesse/api/User/O%27Neil%2F1");
        request.query = vec![("name".to_owned(), "a&b c".to_owned())];
        request.headers = vec![("Accept".to_owned(), "application/xml".to_owned())];
        let exchange = build(&request).unwrap();
        assert_eq!(
            exchange.url.as_str(),
            "https://a.example:8445/finesse/api/User/O%27Neil%2F1?name=a%26b+c"
        );
        assert_eq!(exchange.headers["accept"], "application/xml");
        assert_eq!(exchange.answer_cap, 8 << 20);
        assert_eq!(exchange.timeout, Duration::from_secs(10));
    }

    #[test]
    fn a_path_that_leads_elsewhere_is_refused() {
        for path in [
            "/api/User/../Team/1",
            "/api/User/%2e%2e/x",
            "/api/User/1?x=y",
            "/api/User/1#x",
            "api",
            "",
        ] {
            let refused = build(&Request::read(RequestId(1), "api", path)).err();
            assert!(
                refused.is_some_and(|error| error.contains("no plain path")),
                "{path}"
            );
        }
    }

    #[test]
    fn headers_of_the_host_are_refused() {
        for (name, value) in [
            ("Authorization", "x"),
            ("content-length", "3"),
            ("x y", "z"),
            ("x", "a\r\nb: c"),
        ] {
            let mut request = Request::read(RequestId(1), "api", "/");
            request.headers = vec![(name.to_owned(), value.to_owned())];
            assert!(build(&request).is_err(), "{name}");
        }
    }

    async fn completed(user_secrets: UserSecrets, secrets: Vec<SecretUse>) -> Result<Exchange, String> {
        let origins = Origins {
            user_secrets: Arc::new(user_secrets),
            ..origins()
        };
        let request = Request {
            secrets,
            ..Request::read(RequestId(1), "api", "/")
        };
        let completed = origins
            .complete(&request, Duration::from_secs(10), None, None)
            .await;
        completed.map_err(|incomplete| match incomplete {
            Incomplete::Error(error) => error.to_string(),
            Incomplete::UserSecret(words) => words,
        })
    }

    fn authorization(handle: SecretHandle) -> SecretUse {
        let placement = Placement::Header("Authorization".to_owned());
        SecretUse { handle, placement }
    }

    #[tokio::test]
    async fn secrets_of_the_user_go_where_the_provider_says() {
        let secrets = UserSecrets::default();
        let key = secrets.keep("key", Secret::new("uap-1".to_owned()));
        let token = secrets.keep("device_token", Secret::new("a:b".to_owned()));
        let in_query = SecretUse {
            handle: token,
            placement: Placement::Query("token".to_owned()),
        };
        let exchange = completed(secrets, vec![authorization(key), in_query])
            .await
            .unwrap();
        assert_eq!(exchange.headers["authorization"], "uap-1");
        assert!(exchange.headers["authorization"].is_sensitive());
        assert_eq!(exchange.url.query(), Some("token=a%3Ab"));
    }

    #[tokio::test]
    async fn nothing_leaves_without_the_secrets_it_wants() {
        let refused = completed(UserSecrets::default(), vec![authorization(SecretHandle(1))]).await;
        assert!(refused.err().is_some_and(|error| error.contains("there is none")));
    }

    #[tokio::test]
    async fn a_secret_that_no_header_can_carry_is_named_and_not_shown() {
        let secrets = UserSecrets::default();
        let key = secrets.keep("key", Secret::new("uap-\r\nx: y".to_owned()));
        assert_eq!(
            completed(secrets, vec![authorization(key)])
                .await
                .err()
                .as_deref(),
            Some(
                "the user's `key` cannot be sent: it contains a line break or another control character, \
                 which no header can carry"
            )
        );
    }

    #[test]
    fn an_endpoint_that_is_not_configured_is_named() {
        let error = build(&Request::read(RequestId(1), "feed", "/")).err();
        assert_eq!(error.as_deref(), Some("connection `site` has no endpoint `feed`"));
    }
}
