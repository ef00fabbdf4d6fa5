//! `feed = { credential = "…", address = ["xmpps://HOST:5223"] }` of a connection: who listens to its vendor's
//! notifications, and where.

use std::sync::Arc;

use url::Url;

use super::address::without_query;
use super::document::{Section, did_you_mean};
use super::error::Mistakes;
use super::settings::FeedSettings;
use crate::transport::is_loopback;

/// The schemes of addresses, with their usual ports.
const SCHEMES: [(&str, u16); 4] = [("xmpps", 5223), ("xmpp", 5222), ("wss", 443), ("ws", 80)];

/// Reads the key `feed`. `names` are those of all credentials.
pub(super) fn feed(
    connection: &Section,
    names: &[&str],
    plain: bool,
    mistakes: &mut Mistakes,
) -> FeedSettings {
    let section = connection
        .entry("feed")
        .and_then(|entry| entry.section(&connection.path, mistakes));
    let Some(section) = section else {
        return FeedSettings::default();
    };
    section.only(&["credential", "address"], mistakes);
    let credential = section.text("credential", mistakes);
    if let Some((wanted, span)) = &credential
        && !names.contains(&wanted.as_str())
    {
        mistakes.at(
            span,
            section.key("credential"),
            format!("there is no credential `{wanted}`"),
            did_you_mean(wanted, names, "the credentials are"),
        );
    }
    FeedSettings {
        credential: credential.map(|(name, _)| Arc::from(name)),
        addresses: addresses(&section, plain, mistakes),
    }
}

fn addresses(section: &Section, plain: bool, mistakes: &mut Mistakes) -> Vec<Url> {
    let texts = section
        .entry("address")
        .and_then(|entry| section.texts_of(entry, true, mistakes));
    let mut addresses = Vec::new();
    for (text, span) in texts.unwrap_or_default() {
        match address(&text, plain) {
            Ok(url) => addresses.push(url),
            Err((message, hint)) if text.contains(['@', '?', '#']) => {
                mistakes.hidden(&span, section.key("address"), message, hint);
            }
            Err((message, hint)) => mistakes.at(&span, section.key("address"), message, hint),
        }
    }
    addresses
}

fn address(text: &str, plain: bool) -> Result<Url, (String, &'static str)> {
    const EXAMPLES: &str = "write `xmpps://HOST:5223` or `wss://HOST:8445/ws/`";
    if text.contains('@') {
        let message = "the address holds a user name or a password".to_owned();
        return Err((
            message,
            "write the user under `[credentials.NAME]`, and name that as `credential`",
        ));
    }
    let parsed = Url::parse(text);
    let text = without_query(text);
    let mut url = parsed.map_err(|error| (format!("`{text}` is no address: {error}"), EXAMPLES))?;
    let Some((_, port)) = SCHEMES.iter().find(|(scheme, _)| *scheme == url.scheme()) else {
        return Err((format!("`{text}` is no address of a feed"), EXAMPLES));
    };
    if url.host_str().is_none_or(str::is_empty) || url.query().is_some() || url.fragment().is_some() {
        return Err((format!("`{text}` has no host, or more than a path"), EXAMPLES));
    }
    let stream = matches!(url.scheme(), "xmpps" | "xmpp");
    if stream && !matches!(url.path(), "" | "/") {
        return Err((
            format!("`{text}` has a path, which only a WebSocket has"),
            EXAMPLES,
        ));
    }
    // Schemes that the standard for addresses does not know keep no default of their own.
    if stream && url.port().is_none() {
        let _ = url.set_port(Some(*port));
    }
    if matches!(url.scheme(), "xmpp" | "ws") && !plain && !url.host_str().is_some_and(is_loopback) {
        return Err((
            format!("`{text}` would send a password in clear"),
            "write `xmpps://` or `wss://`; or, knowing the danger, add `danger_plain_xmpp = true`",
        ));
    }
    Ok(url)
}
