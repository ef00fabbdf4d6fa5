//! Addresses that secrets are sent to.

use url::Url;

use crate::transport::is_loopback;

/// Scheme, host and port, and nothing else: paths are the provider's, secrets the credential's.
pub(super) fn origin(text: &str, plain_http: bool) -> Result<Url, NoAddress> {
    let url = address(text)?;
    let text = without_query(text);
    if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
        return Err(NoAddress {
            message: format!("`{text}` has more than scheme, host and port"),
            hint: format!(
                "write `{}`: the provider knows the paths",
                url.origin().ascii_serialization()
            ),
            secret: url.query().is_some() || url.fragment().is_some(),
        });
    }
    if url.scheme() == "http" && !plain_http && !url.host_str().is_some_and(is_loopback) {
        return Err(no(
            format!("`{text}` would send passwords in clear"),
            "write `https://`; or, knowing the danger, add `danger_plain_http = true`".to_owned(),
        ));
    }
    Ok(url)
}

/// Where tokens are fetched: an origin and a path.
pub(super) fn token_url(text: &str) -> Result<Url, NoAddress> {
    let url = address(text)?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(NoAddress {
            message: format!("`{}` has more than an origin and a path", without_query(text)),
            hint: "leave out what follows `?` or `#`".to_owned(),
            secret: true,
        });
    }
    if url.scheme() == "http" && !url.host_str().is_some_and(is_loopback) {
        return Err(no(
            format!("`{text}` would send the client's secret in clear"),
            "write `https://`".to_owned(),
        ));
    }
    Ok(url)
}

/// Why a text is no address that we send to.
pub(super) struct NoAddress {
    pub(super) message: String,
    pub(super) hint: String,
    /// Whether the line may hold a secret, and must not be shown.
    pub(super) secret: bool,
}

/// An address as messages show it: a query may hold a secret.
pub(super) fn without_query(text: &str) -> &str {
    text.split(['?', '#']).next().unwrap_or_default()
}

fn no(message: String, hint: String) -> NoAddress {
    NoAddress {
        message,
        hint,
        secret: false,
    }
}

fn address(text: &str) -> Result<Url, NoAddress> {
    if text.contains('@') {
        return Err(NoAddress {
            message: "the address holds a user name or a password".to_owned(),
            hint: "write `https://HOST:PORT`, and the user under `[credentials.NAME]`".to_owned(),
            secret: true,
        });
    }
    let shown = without_query(text);
    let no = |message: String, hint: String| NoAddress {
        message,
        hint,
        secret: shown != text,
    };
    if !shown.contains("://") {
        return Err(no(
            format!("`{shown}` has no scheme"),
            format!("write `https://{shown}`"),
        ));
    }
    let url = Url::parse(text).map_err(|error| {
        no(
            format!("`{shown}` is no address: {error}"),
            "write `https://HOST:PORT`".to_owned(),
        )
    })?;
    if !matches!(url.scheme(), "https" | "http") || !url.has_host() {
        return Err(no(
            format!("`{shown}` is no HTTP address"),
            "write `https://HOST:PORT`".to_owned(),
        ));
    }
    Ok(url)
}
