//! `[credentials.NAME]`: as whom, and where the secret is to be found. A secret itself is refused.

use std::path::PathBuf;
use std::sync::Arc;

use signoff_core::CredentialKind;

use super::document::{Entry, Raw, Section, unknown_key};
use super::error::Mistakes;
use crate::credential::{CredentialSettings, LoginSettings};
use crate::secret::SecretReference;

const KEYS: [&str; 4] = ["username", "password", "token", "key"];
const SOURCES: [&str; 5] = ["env", "file", "command", "prompt", "keyring"];
const REFERENCE_HINT: &str = "write `{ env = \"VARIABLE\" }`, `{ file = \"PATH\" }`, `{ command = [\"PROGRAM\"] }` or `{ prompt = true }`";
const COMMAND_HINT: &str = "write the program and its arguments: `[\"pass\", \"show\", \"finesse\"]`";

pub(super) fn credential(section: &Section, mistakes: &mut Mistakes) -> Option<CredentialSettings> {
    section.only(&KEYS, mistakes);
    let name = section.name.as_str();
    let username = section.text("username", mistakes).map(|(text, _)| text);
    let secrets: Vec<(&Entry, CredentialKind)> = [
        ("password", CredentialKind::Basic),
        ("token", CredentialKind::Bearer),
        ("key", CredentialKind::Key),
    ]
    .into_iter()
    .filter_map(|(key, kind)| section.entry(key).map(|entry| (entry, kind)))
    .collect();
    let (entry, kind) = match secrets.as_slice() {
        [one] => *one,
        [] => {
            mistakes.at(
                &section.span,
                section.path.as_str(),
                format!("the credential `{name}` has no secret"),
                "give it `username` and `password`, or `token`, or `key`",
            );
            return None;
        }
        [_, (second, _), ..] => {
            mistakes.at(
                &second.key_span,
                section.key(&second.key),
                format!("the credential `{name}` has more than one secret"),
                "keep one of `password`, `token` and `key`",
            );
            return None;
        }
    };
    if kind == CredentialKind::Basic && section.entry("username").is_none() {
        mistakes.at(
            &section.span,
            section.path.as_str(),
            format!("the credential `{name}` has a password and no `username`"),
            "add `username = \"…\"`",
        );
    }
    let secret = reference(section, entry, mistakes)?;
    Some(CredentialSettings {
        name: Arc::from(name),
        kind,
        actor: username.unwrap_or_else(|| name.to_owned()),
        secret,
        login: LoginSettings::default(),
        oauth: None,
    })
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
