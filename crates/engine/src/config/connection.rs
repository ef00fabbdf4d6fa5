//! `[connections.NAME]`: a vendor's service, and how to be kind to it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use signoff_core::{CredentialKind, Descriptor, Field};
use url::Url;

use super::address::origin;
use super::credential::Written;
use super::document::{Entry, Section, did_you_mean, unknown_key};
use super::error::{ConfigErrors, Mistakes, Source};
use super::feed;
use super::settings::{ConnectionSettings, Endpoint, FeedSettings, TlsSettings};
use crate::parameters::{self, parse_rate};

/// The keys that every connection takes; endpoints come on top, under the names that the provider gives them.
const KEYS: [&str; 15] = [
    "provider",
    "credential",
    "rate",
    "concurrency",
    "window",
    "timeout",
    "settle",
    "ca_file",
    "client_certificate",
    "proxy",
    "feed",
    "danger_plain_http",
    "danger_plain_xmpp",
    "danger_accept_invalid_certificates",
    "options",
];

/// One connection, checked as far as that is possible without its provider.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its name.
    pub name: Arc<str>,
    /// The provider as it is written: `finesse`, `plugin:finesse`.
    pub provider: String,
    /// The credential that it uses unless a script names another.
    pub credential: Option<Arc<str>>,
    section: Section,
    source: Arc<Source>,
    provider_span: Range<usize>,
    used: Option<Used>,
    common: Common,
}

/// The credential that it uses, where that is sound.
#[derive(Debug, Clone)]
struct Used {
    credential: Written,
    /// Where the connection names it.
    span: Range<usize>,
}

/// What every connection takes; `None`: the provider's default.
#[derive(Debug, Clone)]
struct Common {
    rate: Option<Option<f64>>,
    concurrency: Option<u32>,
    window: Option<u32>,
    timeout: Option<Duration>,
    settle: Option<Duration>,
    tls: TlsSettings,
    proxy: Option<Url>,
    danger_plain_http: bool,
    feed: FeedSettings,
    danger_plain_xmpp: bool,
}

/// Checks a connection as far as that is possible without its provider. `names` are those of all credentials,
/// `credentials` those that are sound.
pub(super) fn connection(
    section: Section,
    source: &Arc<Source>,
    names: &[&str],
    credentials: &[Written],
    mistakes: &mut Mistakes,
) -> Option<Connection> {
    let name: Arc<str> = Arc::from(section.name.as_str());
    if section.entry("provider").is_none() {
        mistakes.at(
            &section.span,
            section.path.as_str(),
            format!("the connection `{name}` names no provider"),
            "add `provider = \"finesse\"`",
        );
    }
    let provider = section.text("provider", mistakes);
    let credential = section.text("credential", mistakes);
    if let Some((wanted, span)) = &credential
        && !names.contains(&wanted.as_str())
    {
        let hint = if names.is_empty() {
            format!("add `[credentials.{wanted}]` with `username` and `password`")
        } else {
            did_you_mean(wanted, names, "the credentials are")
        };
        mistakes.at(
            span,
            section.key("credential"),
            format!("there is no credential `{wanted}`"),
            hint,
        );
    }
    let used = credential.as_ref().and_then(|(wanted, span)| {
        let mut sound = credentials.iter();
        let credential = sound.find(|one| one.settings.name.as_ref() == wanted)?.clone();
        let span = span.clone();
        Some(Used { credential, span })
    });
    let mut common = common(&section, &source.path, mistakes);
    common.feed = feed::feed(&section, names, common.danger_plain_xmpp, mistakes);
    let (provider, provider_span) = provider?;
    Some(Connection {
        name,
        provider,
        credential: credential.map(|(name, _)| Arc::from(name)),
        section,
        source: Arc::clone(source),
        provider_span,
        used,
        common,
    })
}

fn common(section: &Section, path: &Path, mistakes: &mut Mistakes) -> Common {
    let rate = section.text("rate", mistakes).and_then(|(text, span)| {
        parse_rate(&text)
            .map_err(|error| mistakes.at(&span, section.key("rate"), error.to_string(), error.hint()))
            .ok()
    });
    let concurrency = section.count("concurrency", 1, mistakes);
    let file = |key: &str, mistakes: &mut Mistakes| -> Option<PathBuf> {
        section.text(key, mistakes).map(|(file, _)| relative(path, &file))
    };
    Common {
        rate,
        concurrency,
        window: section.count("window", 1, mistakes),
        timeout: positive(section, "timeout", mistakes),
        settle: section.duration("settle", mistakes),
        tls: TlsSettings {
            ca_file: file("ca_file", mistakes),
            client_certificate: file("client_certificate", mistakes),
            danger_accept_invalid_certificates: section
                .boolean("danger_accept_invalid_certificates", mistakes)
                .unwrap_or(false),
        },
        proxy: proxy(section, mistakes),
        danger_plain_http: section.boolean("danger_plain_http", mistakes).unwrap_or(false),
        feed: FeedSettings::default(),
        danger_plain_xmpp: section.boolean("danger_plain_xmpp", mistakes).unwrap_or(false),
    }
}

fn positive(section: &Section, key: &str, mistakes: &mut Mistakes) -> Option<Duration> {
    let duration = section.duration(key, mistakes)?;
    if duration.is_zero()
        && let Some(entry) = section.entry(key)
    {
        mistakes.at(
            &entry.item.span,
            section.key(key),
            format!("`{key}` is zero"),
            "write at least `1ms`, or remove the line for the provider's default",
        );
        return None;
    }
    Some(duration)
}

impl Connection {
    /// Checks it against its provider, whose defaults it takes where it says nothing.
    ///
    /// # Errors
    /// With every mistake in it.
    pub fn against(&self, descriptor: &'static Descriptor) -> Result<ConnectionSettings, ConfigErrors> {
        let mut mistakes = Mistakes::new(&self.source);
        self.unknown_keys(descriptor, &mut mistakes);
        let endpoints = self.endpoints(descriptor, &mut mistakes);
        let options = self.options(descriptor, &mut mistakes);
        self.check_credential(descriptor, &mut mistakes);
        let common = &self.common;
        let rate = common
            .rate
            .unwrap_or((descriptor.limits.rate > 0.0).then_some(descriptor.limits.rate));
        let concurrency = common.concurrency.unwrap_or(descriptor.limits.concurrency).max(1);
        self.check_window(concurrency, rate, &mut mistakes);
        mistakes.or(ConnectionSettings {
            name: Arc::clone(&self.name),
            provider: self.provider.clone(),
            descriptor,
            endpoints,
            credential: self.credential.clone(),
            rate,
            concurrency,
            window: common.window.unwrap_or(concurrency),
            timeout: common.timeout.unwrap_or(descriptor.timeout),
            settle: common.settle.unwrap_or(descriptor.settle),
            tls: common.tls.clone(),
            proxy: common.proxy.clone(),
            danger_plain_http: common.danger_plain_http,
            feed: common.feed.clone(),
            danger_plain_xmpp: common.danger_plain_xmpp,
            options,
        })
    }

    /// That its provider is none of those known.
    #[must_use]
    pub fn unknown_provider(&self, known: &[&str]) -> ConfigErrors {
        let mut mistakes = Mistakes::new(&self.source);
        mistakes.at(
            &self.provider_span,
            self.section.key("provider"),
            format!("there is no provider `{}`", self.provider),
            did_you_mean(&self.provider, known, "the providers are"),
        );
        mistakes.into_errors()
    }

    fn unknown_keys(&self, descriptor: &'static Descriptor, mistakes: &mut Mistakes) {
        let endpoints = descriptor.endpoints.iter().map(|endpoint| endpoint.name);
        let known: Vec<&str> = KEYS.into_iter().chain(endpoints).collect();
        for entry in &self.section.entries {
            if known.contains(&entry.key.as_str()) {
                continue;
            }
            if let Some(option) = descriptor.options.iter().find(|option| option.name == entry.key) {
                mistakes.at(
                    &entry.key_span,
                    self.section.key(&entry.key),
                    format!("`{}` is an option of the provider", option.name),
                    format!("write `options = {{ {} = … }}`", option.name),
                );
            } else {
                unknown_key(entry, &self.section.path, &known, mistakes);
            }
        }
    }

    fn endpoints(&self, descriptor: &'static Descriptor, mistakes: &mut Mistakes) -> Vec<Endpoint> {
        let mut endpoints = Vec::new();
        for spec in descriptor.endpoints {
            let Some(entry) = self.section.entry(spec.name) else {
                if spec.required {
                    mistakes.at(
                        &self.section.span,
                        self.section.path.as_str(),
                        format!("the connection `{}` has no `{}`", self.name, spec.name),
                        format!("add `{} = [\"https://HOST:PORT\"]`: {}", spec.name, spec.help),
                    );
                }
                continue;
            };
            let origins = self.origins(entry, mistakes);
            endpoints.push(Endpoint {
                name: spec.name,
                origins,
            });
        }
        endpoints
    }

    fn origins(&self, entry: &Entry, mistakes: &mut Mistakes) -> Vec<Url> {
        let Some(texts) = self.section.texts_of(entry, true, mistakes) else {
            return Vec::new();
        };
        let key = self.section.key(&entry.key);
        if texts.is_empty() {
            mistakes.at(
                &entry.item.span,
                key.as_str(),
                format!("`{}` is empty", entry.key),
                "name at least one origin: `[\"https://HOST:PORT\"]`",
            );
        }
        let mut origins: Vec<Url> = Vec::new();
        for (text, span) in texts {
            match origin(&text, self.common.danger_plain_http) {
                Ok(url) if origins.contains(&url) => mistakes.at(
                    &span,
                    key.as_str(),
                    format!("`{text}` is named twice"),
                    "name each node once",
                ),
                Ok(url) => origins.push(url),
                Err(wrong) if wrong.secret => mistakes.hidden(&span, key.as_str(), wrong.message, wrong.hint),
                Err(wrong) => mistakes.at(&span, key.as_str(), wrong.message, wrong.hint),
            }
        }
        origins
    }

    fn options(&self, descriptor: &'static Descriptor, mistakes: &mut Mistakes) -> Vec<Field> {
        let section = self
            .section
            .entry("options")
            .and_then(|entry| entry.section(&self.section.path, mistakes));
        let given: Vec<Field> = section
            .iter()
            .flat_map(|section| &section.entries)
            .map(|entry| Field::new(entry.key.as_str(), entry.item.value()))
            .collect();
        let (fields, wrong) = parameters::check(descriptor.options, &given);
        for error in wrong {
            let entry = section.as_ref().and_then(|section| section.entry(error.name()));
            let span = match (&error, entry) {
                (parameters::ParameterError::Unknown { .. }, Some(entry)) => &entry.key_span,
                (_, Some(entry)) => &entry.item.span,
                (_, None) => &self.section.span,
            };
            let key = format!("{}.options.{}", self.section.path, error.name());
            mistakes.at(span, key, error.to_string(), error.hint());
        }
        fields
    }

    fn check_credential(&self, descriptor: &'static Descriptor, mistakes: &mut Mistakes) {
        let Some(Used { credential, span }) = &self.used else {
            return;
        };
        let settings = &credential.settings;
        if descriptor.credentials.contains(&settings.kind) {
            if let Err(mistake) = settings.recipe(descriptor.name, descriptor.logins) {
                credential.note(&mistake, mistakes);
            }
            return;
        }
        let has = match settings.oauth {
            Some(_) => "`oauth`",
            None => keys_of(settings.kind),
        };
        let wanted: Vec<&str> = descriptor.credentials.iter().copied().map(keys_of).collect();
        mistakes.at(
            span,
            self.section.key("credential"),
            format!("{} does not take a credential with {has}", descriptor.name),
            format!("it takes {}", wanted.join(", or ")),
        );
    }

    fn check_window(&self, concurrency: u32, rate: Option<f64>, mistakes: &mut Mistakes) {
        let (Some(window), Some(entry)) = (self.common.window, self.section.entry("window")) else {
            return;
        };
        let (message, hint) = if window < concurrency {
            (
                format!("`window` is less than the concurrency of {concurrency}"),
                format!("write at least {concurrency}, or remove the line"),
            )
        } else if window > concurrency && rate.is_some() {
            (
                "intents run ahead of requests only where nothing limits their rate".to_owned(),
                format!("remove the line, write {concurrency}, or add `rate = \"none\"`"),
            )
        } else {
            return;
        };
        mistakes.at(&entry.item.span, self.section.key("window"), message, hint);
    }
}

/// What a credential of a kind is written with.
pub(crate) const fn keys_of(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Basic => "`username` and `password`",
        CredentialKind::Bearer => "`token`",
        CredentialKind::Key => "`key`",
    }
}

fn proxy(section: &Section, mistakes: &mut Mistakes) -> Option<Url> {
    let (text, span) = section.text("proxy", mistakes)?;
    match origin(&text, true) {
        Ok(url) => Some(url),
        Err(wrong) if wrong.secret => {
            mistakes.hidden(
                &span,
                section.key("proxy"),
                wrong.message,
                "write `http://HOST:PORT`",
            );
            None
        }
        Err(wrong) => {
            mistakes.at(
                &span,
                section.key("proxy"),
                wrong.message,
                "write `http://HOST:PORT`",
            );
            None
        }
    }
}

/// A path as it is meant: relative to the folder of the configuration.
fn relative(config: &Path, path: &str) -> PathBuf {
    config.parent().unwrap_or(Path::new("")).join(path)
}
