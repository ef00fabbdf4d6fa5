//! `oauth`, `client_id` and `client_secret` of a credential: tokens from an authorisation server.

use super::address::token_url;
use super::document::{Section, did_you_mean};
use super::error::Mistakes;
use crate::credential::{ClientAuthentication, OAuthSettings};

const KEYS: [&str; 4] = ["token_url", "scope", "audience", "client_authentication"];
const WAYS: [&str; 2] = ["basic", "form"];

/// The client that a credential is, if it is one.
pub(super) fn client(section: &Section, has_secret: bool, mistakes: &mut Mistakes) -> Option<OAuthSettings> {
    let Some(entry) = section.entry("oauth") else {
        for key in ["client_id", "client_secret"] {
            if let Some(entry) = section.entry(key) {
                mistakes.at(
                    &entry.key_span,
                    section.key(key),
                    format!("`{key}` is of no use without `oauth`"),
                    "add `oauth = { token_url = \"https://…\" }`",
                );
            }
        }
        return None;
    };
    let client_id = section.text("client_id", mistakes).map(|(text, _)| text);
    let missing = match (section.entry("client_id"), has_secret) {
        (None, _) => Some("client_id"),
        (_, false) => Some("client_secret"),
        _ => None,
    };
    if let Some(missing) = missing {
        mistakes.at(
            &entry.key_span,
            section.key("oauth"),
            format!("the credential `{}` has `oauth` and no `{missing}`", section.name),
            "an OAuth client has `oauth`, `client_id` and `client_secret`, and no other secret",
        );
    }
    let inner = entry.section(&section.path, mistakes)?;
    inner.only(&KEYS, mistakes);
    if inner.entry("token_url").is_none() {
        mistakes.at(
            &entry.key_span,
            section.key("oauth"),
            "`oauth` does not say where tokens are fetched",
            "add `token_url = \"https://…\"`",
        );
    }
    let address = inner.text("token_url", mistakes);
    let address = address.and_then(|(text, span)| match token_url(&text) {
        Ok(url) => Some(url),
        Err(wrong) => {
            let key = inner.key("token_url");
            if wrong.secret {
                mistakes.hidden(&span, key, wrong.message, "write the address alone");
            } else {
                mistakes.at(&span, key, wrong.message, wrong.hint);
            }
            None
        }
    });
    let mut text = |key: &str| inner.text(key, mistakes).map(|(text, _)| text);
    let (scope, audience) = (text("scope"), text("audience"));
    let authentication = authentication(&inner, mistakes);
    Some(OAuthSettings {
        token_url: address?,
        client_id: client_id?,
        scope,
        audience,
        authentication,
    })
}

fn authentication(section: &Section, mistakes: &mut Mistakes) -> ClientAuthentication {
    const KEY: &str = "client_authentication";
    match section.text(KEY, mistakes) {
        None => ClientAuthentication::Basic,
        Some((way, _)) if way == WAYS[0] => ClientAuthentication::Basic,
        Some((way, _)) if way == WAYS[1] => ClientAuthentication::Form,
        Some((way, span)) => {
            mistakes.at(
                &span,
                section.key(KEY),
                format!("`{KEY}` is no way to say who a client is"),
                did_you_mean(&way, &WAYS, "the ways are"),
            );
            ClientAuthentication::Basic
        }
    }
}
