//! `[credentials.NAME]`: as whom, and where the secret is to be found. A secret itself is refused.

use std::path::PathBuf;
use std::sync::Arc;

use signoff_core::CredentialKind;

use super::document::{Entry, Raw, Section, unknown_key};
use super::error::Mistakes;
use super::oauth;
use crate::credential::{CredentialSettings, LoginMistake, LoginSettings};
use crate::secret::SecretReference;

const KEYS: [&str; 9] = [
    "username",
    "password",
    "token",
    "key",
    "login",
    "login_fields",
    "oauth",
    "client_id",
    "client_secret",
];
const SECRETS: [(&str, CredentialKind); 4] = [
    ("password", CredentialKind::Basic),
    ("token", CredentialKind::Bearer),
    ("key", CredentialKind::Key),
    ("client_secret", CredentialKind::Bearer),
];
const SOURCES: [&str; 5] = ["env", "file", "command", "prompt", "keyring"];
const REFERENCE_HINT: &str = "write `{ env = \"VARIABLE\" }`, `{ file = \"PATH\" }`, `{ command = [\"PROGRAM\"] }` or `{ prompt = true }`";
const COMMAND_HINT: &str = "write the program and its arguments: `[\"pass\", \"show\", \"finesse\"]`";

/// A credential, and where it is written.
#[derive(Debug, Clone)]
pub(super) struct Written {
    pub(super) settings: CredentialSettings,
    section: Section,
}

impl Written {
    /// Notes what of its login does not fit the provider of a connection that uses it.
    pub(super) fn note(&self, mistake: &LoginMistake, mistakes: &mut Mistakes) {
        let section = &self.section;
        let login = section.entry("login");
        let fields = section.entry("login_fields");
        let field = |name: &str| match fields.map(|entry| &entry.item.raw) {
            Some(Raw::Table(entries)) => entries.iter().find(|entry| entry.key == name),
            _ => None,
        };
        let (span, key) = match mistake {
            LoginMistake::NoLogins { .. } => match login.or(fields) {
                Some(entry) => (&entry.key_span, section.key(&entry.key)),
                None => (&section.span, section.path.clone()),
            },
            LoginMistake::UnknownFlow { .. } => match login {
                Some(entry) => (&entry.item.span, section.key("login")),
                None => (&section.span, section.path.clone()),
            },
            LoginMistake::UnknownField { field: name, .. } => (
                field(name).map_or(&section.span, |entry| &entry.key_span),
                format!("{}.{name}", section.key("login_fields")),
            ),
            LoginMistake::MissingField { .. } => (
                fields.or(login).map_or(&section.span, |entry| &entry.key_span),
                section.key("login_fields"),
            ),
        };
        mistakes.at(span, key, mistake.to_string(), mistake.hint());
    }
}

pub(super) fn credential(section: Section, mistakes: &mut Mistakes) -> Option<Written> {
    section.only(&KEYS, mistakes);
    let name = section.name.as_str();
    let username = section.text("username", mistakes).map(|(text, _)| text);
    let (entry, kind) = the_secret(&section, mistakes)?;
    if kind == CredentialKind::Basic && section.entry("username").is_none() {
        mistakes.at(
            &section.span,
            section.path.as_str(),
            format!("the credential `{name}` has a password and no `username`"),
            "add `username = \"…\"`",
        );
    }
    let secret = reference(&section, entry, mistakes);
    let login = login(&section, kind, mistakes);
    let oauth = oauth::client(&section, entry.key == "client_secret", mistakes);
    let settings = CredentialSettings {
        name: Arc::from(name),
        kind,
        actor: username
            .or_else(|| Some(oauth.as_ref()?.client_id.clone()))
            .unwrap_or_else(|| name.to_owned()),
        secret: secret?,
        login,
        oauth,
    };
    Some(Written { settings, section })
}

/// The one secret that it has, and of what kind that makes it.
fn the_secret<'s>(section: &'s Section, mistakes: &mut Mistakes) -> Option<(&'s Entry, CredentialKind)> {
    let name = section.name.as_str();
    let secrets: Vec<(&Entry, CredentialKind)> = SECRETS
        .into_iter()
        .filter_map(|(key, kind)| section.entry(key).map(|entry| (entry, kind)))
        .collect();
    match secrets.as_slice() {
        [one] => return Some(*one),
        [] => mistakes.at(
            &section.span,
            section.path.as_str(),
            format!("the credential `{name}` has no secret"),
            match section.entry("oauth") {
                Some(_) => "add `client_secret = { env = \"VARIABLE\" }`",
                None => "give it `username` and `password`, or `token`, or `key`",
            },
        ),
        [_, (second, _), ..] => mistakes.at(
            &second.key_span,
            section.key(&second.key),
            format!("the credential `{name}` has more than one secret"),
            "keep one of `password`, `token`, `key` and `client_secret`",
        ),
    }
    None
}

fn login(section: &Section, kind: CredentialKind, mistakes: &mut Mistakes) -> LoginSettings {
    if kind != CredentialKind::Basic {
        for entry in ["login", "login_fields"]
            .iter()
            .filter_map(|key| section.entry(key))
        {
            mistakes.at(
                &entry.key_span,
                section.key(&entry.key),
                format!("`{}` goes with `username` and `password`", entry.key),
                "remove it: what is no password is not logged in with",
            );
        }
        return LoginSettings::default();
    }
    let fields = section.entry("login_fields");
    let fields = fields.and_then(|entry| entry.section(&section.path, mistakes));
    let mut given = Vec::new();
    for entry in fields.iter().flat_map(|fields| &fields.entries) {
        let parent = fields.as_ref().unwrap_or(section);
        given.extend(reference(parent, entry, mistakes).map(|secret| (entry.key.clone(), secret)));
    }
    LoginSettings {
        flow: section.text("login", mistakes).map(|(flow, _)| flow),
        fields: given,
    }
}

fn reference(section: &Section, entry: &Entry, mistakes: &mut Mistakes) -> Option<SecretReference> {
    let key = section.key(&entry.key);
    let Raw::Table(_) = &entry.item.raw else {
        mistakes.hidden(
            &entry.item.span,
            key,
            format!("`{}` holds a secret itself", entry.key),
            REFERENCE_HINT,
        );
        return None;
    };
    let inner = entry.section(&section.path, mistakes)?;
    for source in &inner.entries {
        if !SOURCES.contains(&source.key.as_str()) {
            unknown_key(source, &inner.path, &SOURCES, mistakes);
        }
    }
    let source = match inner.entries.as_slice() {
        [one] if SOURCES.contains(&one.key.as_str()) => one,
        [] | [_, _, ..] => {
            mistakes.at(
                &entry.item.span,
                key,
                format!(
                    "`{}` names {} sources of its secret",
                    entry.key,
                    inner.entries.len()
                ),
                REFERENCE_HINT,
            );
            return None;
        }
        [_] => return None,
    };
    match source.key.as_str() {
        "env" => inner
            .text("env", mistakes)
            .map(|(name, _)| SecretReference::Env(name)),
        // As it is written: whoever opens it starts from the folder of the configuration.
        "file" => inner
            .text("file", mistakes)
            .map(|(file, _)| SecretReference::File(PathBuf::from(file))),
        "command" => {
            if let Raw::Text(_) = source.item.raw {
                mistakes.at(
                    &source.item.span,
                    inner.key("command"),
                    "`command` is one text, and no shell will take it apart",
                    COMMAND_HINT,
                );
                return None;
            }
            let words = inner.texts("command", false, mistakes)?;
            if words.first().is_none_or(|(program, _)| program.is_empty()) {
                mistakes.at(
                    &source.item.span,
                    inner.key("command"),
                    "`command` names no program",
                    COMMAND_HINT,
                );
                return None;
            }
            Some(SecretReference::Command(
                words.into_iter().map(|(word, _)| word).collect(),
            ))
        }
        "prompt" => match inner.boolean("prompt", mistakes)? {
            true => Some(SecretReference::Prompt),
            false => {
                mistakes.at(
                    &source.item.span,
                    inner.key("prompt"),
                    "`prompt` is switched off, and there is no other source",
                    REFERENCE_HINT,
                );
                None
            }
        },
        #[cfg(feature = "keyring")]
        _ => inner
            .text("keyring", mistakes)
            .map(|(name, _)| SecretReference::Keyring(name)),
        #[cfg(not(feature = "keyring"))]
        _ => {
            mistakes.at(
                &source.key_span,
                inner.key(&source.key),
                "the keyring is not built in",
                "use `{ command = […] }` with your keyring's own program, such as `secret-tool`",
            );
            None
        }
    }
}
