//! One request of a tutorial on its way, redirects included.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use signoff_core::FailureKind;
use signoff_engine::secret::Secret;
use signoff_engine::transport::{Exchange, Reply, TransportFailure, is_loopback};
use tokio::time::Instant;
use url::Url;

use super::{Broken, Settings, UNTRUSTED, unfilled};
use crate::event::Sending;
use crate::tutorial::{Auth, Request};
use crate::variables::is_secret;

/// How many redirects are followed, as Postman does (postman-runtime, `maxRedirects`).
const REDIRECTS: usize = 10;

/// Headers whose value is a secret, whatever it looks like.
const CREDENTIALS: [&str; 4] = ["authorization", "proxy-authorization", "cookie", "x-api-key"];

/// Sends it; follows redirects as Postman does: 301, 302 and 303 become a GET without a body, 307 and 308 keep both. No
/// secret goes to another host than the one that the tutorial names, nor to another of its ports in clear.
pub(super) async fn send(
    settings: &Settings,
    request: &Request,
    sending: &mut (dyn FnMut(Sending) + Send),
) -> Result<(Reply, Duration), Broken> {
    let variables = &settings.variables;
    let redacted = |text: &str| settings.redactor.redact(text).into_owned();
    let url = variables.fill_whole(&request.url).map_err(unfilled)?;
    let url = settings
        .aim
        .request(&url)
        .map_err(|error| Broken::new(error.to_string()))?;
    let mut headers = HeaderMap::new();
    for (name, value) in &request.headers {
        let value = variables.fill(value).map_err(unfilled)?;
        if is_credential(name) {
            settings.redactor.add(name, &Secret::new(value.clone()));
        }
        let parsed = HeaderName::from_bytes(name.as_bytes())
            .ok()
            .zip(HeaderValue::from_str(&value).ok());
        let (name, value) =
            parsed.ok_or_else(|| Broken::new(format!("`{name}` is no header that can be sent")))?;
        headers.append(name, value);
    }
    let user = authorize(settings, request, &mut headers)?;
    let body = request
        .body
        .as_ref()
        .map(|body| variables.fill(body))
        .transpose()
        .map_err(unfilled)?;
    let method = http::Method::from_bytes(request.method.as_bytes())
        .map_err(|_| Broken::new(format!("`{}` is no method", request.method)))?;
    let shown = request.headers.iter().map(|(name, _)| {
        let value = headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        (name.clone(), redacted(value))
    });
    let what = Sending::Request {
        method: method.to_string(),
        url: redacted(url.as_str()),
        user,
        headers: shown.collect(),
        body: body.as_deref().map(redacted),
    };
    let exchange = exchange(
        settings,
        method,
        url,
        headers,
        Bytes::from(body.unwrap_or_default()),
    );
    follow(settings, exchange, what, sending).await
}

/// A plain GET, of what a tutorial does not ask for itself.
pub(super) async fn get(settings: &Settings, url: Url) -> Result<Reply, Broken> {
    let what = Sending::Redirect(url.to_string());
    let exchange = exchange(settings, http::Method::GET, url, HeaderMap::new(), Bytes::new());
    let (reply, _) = follow(settings, exchange, what, &mut |_| {}).await?;
    Ok(reply)
}

fn exchange(
    settings: &Settings,
    method: http::Method,
    url: Url,
    headers: HeaderMap,
    body: Bytes,
) -> Exchange {
    Exchange {
        method,
        url,
        headers,
        body,
        timeout: settings.timeout,
        answer_cap: settings.max_response_size,
        on_status: None,
    }
}

/// Sends it to where it is redirected in the end; `what` is told just before it leaves, and so is each redirect.
async fn follow(
    settings: &Settings,
    first: Exchange,
    mut what: Sending,
    sending: &mut (dyn FnMut(Sending) + Send),
) -> Result<(Reply, Duration), Broken> {
    let Exchange {
        mut method,
        mut url,
        mut headers,
        mut body,
        ..
    } = first;
    for _ in 0..=REDIRECTS {
        protect(settings, &url, &headers, &body)?;
        sending(what);
        let begun = Instant::now();
        let exchange = exchange(
            settings,
            method.clone(),
            url.clone(),
            headers.clone(),
            body.clone(),
        );
        let sent = settings.transport.send(exchange).await;
        let reply = sent.map_err(broken)?;
        let elapsed = begun.elapsed();
        let Some(next) = redirect(&url, &reply) else {
            return Ok((reply, elapsed));
        };
        if !matches!(reply.status, 307 | 308) {
            if method != http::Method::HEAD {
                method = http::Method::GET;
            }
            body = Bytes::new();
            headers.remove(CONTENT_TYPE);
            headers.remove(CONTENT_LENGTH);
        }
        if !may_have_the_same(&url, &next) {
            headers = for_anybody(settings, &headers);
            if holds_secret(settings, &body) {
                return Err(Broken::with_hint(
                    format!(
                        "it is redirected to `{}`, and what is sent holds a secret, which goes to nobody but whom the tutorial names",
                        next.origin().ascii_serialization()
                    ),
                    "if that is where it belongs, send it there at once: `--base-url URL`",
                ));
            }
        }
        what = Sending::Redirect(settings.redactor.redact(next.as_str()).into_owned());
        url = next;
    }
    Err(Broken::new(format!(
        "it is redirected more than {REDIRECTS} times"
    )))
}

fn broken(failure: TransportFailure) -> Broken {
    let hint = match failure.kind {
        _ if failure.untrusted => UNTRUSTED.to_owned(),
        FailureKind::TimedOut => "`--timeout SECONDS` gives it longer".to_owned(),
        FailureKind::TooLarge => "`--max-response-size SIZE` takes a larger one".to_owned(),
        _ => failure.hint,
    };
    Broken::with_hint(failure.message, hint)
}

/// Whether a secret for one address may go on to another: within an origin, and from a port in clear to one of the same
/// host whose certificate vouches for it, as Finesse 12.6 redirects.
fn may_have_the_same(asked: &Url, next: &Url) -> bool {
    next.origin() == asked.origin() || (next.scheme() == "https" && next.host() == asked.host())
}

/// Headers without those that are for one server alone.
fn for_anybody(settings: &Settings, headers: &HeaderMap) -> HeaderMap {
    let own = |name: &HeaderName, value: &HeaderValue| {
        is_credential(name.as_str()) || holds_secret(settings, value.as_bytes())
    };
    let others = headers.iter().filter(|(name, value)| !own(name, value));
    others
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

fn is_credential(name: &str) -> bool {
    CREDENTIALS.iter().any(|one| name.eq_ignore_ascii_case(one)) || is_secret(name)
}

fn holds_secret(settings: &Settings, text: &[u8]) -> bool {
    let text = String::from_utf8_lossy(text);
    settings.redactor.redact(&text) != text
}

/// Puts who sends it into the headers; gives the user name.
fn authorize(
    settings: &Settings,
    request: &Request,
    headers: &mut HeaderMap,
) -> Result<Option<String>, Broken> {
    let login = match &request.auth {
        Some(Auth::Basic(login)) => login,
        Some(Auth::Bearer(token)) => {
            let token_text = settings.variables.fill(token).map_err(unfilled)?;
            settings
                .redactor
                .add(token.as_str(), &Secret::new(token_text.clone()));
            headers.insert(AUTHORIZATION, secret_header(&format!("Bearer {token_text}"))?);
            return Ok(None);
        }
        None => return Ok(None),
    };
    let username = settings.variables.fill(&login.username).map_err(unfilled)?;
    let password = Secret::new(settings.variables.fill(&login.password).map_err(unfilled)?);
    settings.redactor.add(login.password.as_str(), &password);
    settings.redactor.add_basic(&username, &password);
    let pair = settings.variables.fill(&login.password).map_err(unfilled)?;
    let value = format!("Basic {}", STANDARD.encode(format!("{username}:{pair}")));
    headers.insert(AUTHORIZATION, secret_header(&value)?);
    Ok(Some(username))
}

fn secret_header(value: &str) -> Result<HeaderValue, Broken> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| Broken::new("the credentials have a character that no header can carry"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// No password goes over a network in clear, unless somebody says so: neither as authentication, nor in whatever else of
/// the request.
fn protect(settings: &Settings, url: &Url, headers: &HeaderMap, body: &[u8]) -> Result<(), Broken> {
    if url.scheme() != "http" {
        return Ok(());
    }
    let exposed = headers.contains_key(AUTHORIZATION)
        || holds_secret(settings, url.as_str().as_bytes())
        || headers
            .values()
            .any(|value| holds_secret(settings, value.as_bytes()))
        || holds_secret(settings, body);
    if exposed && !settings.danger_plain_http && !url.host_str().is_some_and(is_loopback) {
        return Err(Broken::with_hint(
            format!(
                "the password would go to `{}` in clear",
                url.origin().ascii_serialization()
            ),
            "map the port to one with TLS, such as `--map-port 8082=8445/https`; or give `--danger-plain-http`",
        ));
    }
    Ok(())
}

fn redirect(asked: &Url, reply: &Reply) -> Option<Url> {
    if !matches!(reply.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let (_, location) = reply.headers.iter().find(|(name, _)| name == "location")?;
    let next = asked.join(location).ok()?;
    matches!(next.scheme(), "http" | "https").then_some(next)
}
