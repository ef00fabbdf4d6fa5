//! `signoff init`: a first configuration, written for whoever reads it next, and tried at once. It never holds a secret,
//! and never replaces a file.

use std::fmt::Write as _;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use signoff_core::{ActsOn, CredentialKind, Descriptor};
use signoff_engine::config::Config;
use signoff_engine::parameters::{format_duration, format_rate, nearest};
use signoff_engine::plugin::{PluginError, Registry};

use super::question;
use crate::arguments::{General, Init, SecretSource};
use crate::checks::{self, Checks, key};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;
use crate::setup::{self, Setup};

/// Writes it, and tries it.
pub(crate) async fn init(arguments: Init, general: &General) -> Result<Exit, Failure> {
    let path = setup::named_configuration(general).unwrap_or_else(|| PathBuf::from("signoff.toml"));
    if path.exists() {
        return Err(is_there(&path));
    }
    let registry = setup::registry(general, &setup::folder_of(&path))?;
    let provider = registry.provider(&arguments.provider);
    let descriptor = provider
        .map_err(|error| no_provider(&registry, &arguments.provider, error))?
        .descriptor();
    let draft = Draft::complete(arguments, descriptor).await?;
    let text = draft.text();
    check(&text, &path, descriptor)?;
    Config::create(&path, &text).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => is_there(&path),
        ErrorKind::NotFound => Failure::configuration(
            format!("there is no folder `{}`", setup::folder_of(&path).display()),
            "make it first, or name another file with --config FILE",
        ),
        _ => Failure::configuration(
            format!("`{}` cannot be written: {error}", path.display()),
            "name another file with --config FILE",
        ),
    })?;
    if !general.quiet {
        report::diagnostic(&format!("wrote `{}`; now it is tried", path.display()));
    }
    let general = General {
        config: Some(path.clone()),
        act_as: None,
        ..general.clone()
    };
    let exit = tried(&general).await?;
    if !general.quiet {
        report::diagnostic(&next(&draft, &path, exit));
    }
    Ok(exit)
}

fn is_there(path: &Path) -> Failure {
    Failure::configuration(
        format!("`{}` is there already, and is left as it is", path.display()),
        "add to it by hand: `signoff init … --config NEW.toml` writes what to add; `signoff doctor` checks it",
    )
}

fn no_provider(registry: &Registry, name: &str, error: PluginError) -> Failure {
    let mut failure = Failure::from(error);
    if let Some(nearest) = nearest(name, registry.linked_ids()) {
        failure.hint = format!("did you mean `{nearest}`? else {}", failure.hint);
    }
    failure
}

/// The mistakes of what was typed, before they become those of a file.
fn check(text: &str, path: &Path, descriptor: &'static Descriptor) -> Result<(), Failure> {
    let checked = Config::parse(text, path).and_then(|config| {
        let connections = config.connections.iter();
        connections
            .map(|connection| connection.against(descriptor))
            .collect::<Result<Vec<_>, _>>()
    });
    checked.map(|_| ()).map_err(|errors| {
        let mistakes = errors.errors().iter();
        let mistakes: Vec<String> = mistakes
            .map(|error| Failure::usage(error.message.as_str(), error.hint.as_str()).render())
            .collect();
        Failure::usage(mistakes.join("\n"), "")
    })
}

async fn tried(general: &General) -> Result<Exit, Failure> {
    let located = setup::locate(general)?;
    let setup = Setup::configured(general)?;
    let mut checks = Checks::new(&setup, general);
    for credential in &setup.engine.config.credentials {
        checks::credential(&mut checks, &setup, &located, credential).await?;
    }
    for connection in &setup.engine.config.connections {
        checks::connection(&mut checks, &setup, &located, connection).await?;
    }
    Ok(checks.end())
}

/// What goes into the file.
struct Draft {
    descriptor: &'static Descriptor,
    provider: String,
    urls: Vec<String>,
    name: String,
    credential: Option<DraftCredential>,
}

struct DraftCredential {
    name: String,
    username: Option<String>,
    kind: CredentialKind,
    secret: SecretSource,
}

impl Draft {
    /// Asks for what was not given.
    async fn complete(arguments: Init, descriptor: &'static Descriptor) -> Result<Self, Failure> {
        let name = arguments.name.unwrap_or_else(|| descriptor.id.to_owned());
        let source = arguments.secret.source();
        let credential = match descriptor.credentials.first() {
            None => None,
            // Everybody shows his own.
            Some(_)
                if descriptor.acts_on == ActsOn::CredentialOwner
                    && arguments.username.is_none()
                    && source.is_none() =>
            {
                None
            }
            Some(first) => {
                // With a login a password does; a token would have to be fetched by hand.
                let logs_in =
                    !descriptor.logins.is_empty() && descriptor.credentials.contains(&CredentialKind::Basic);
                let kind = if logs_in { &CredentialKind::Basic } else { first };
                let username = match (arguments.username, kind) {
                    (None, CredentialKind::Basic) => Some(ask_username(descriptor).await?),
                    (given, _) => given,
                };
                let secret = match source {
                    Some(source) => source,
                    None => ask_secret(*kind).await?,
                };
                Some(DraftCredential {
                    name: credential_name(username.as_deref().unwrap_or(&name)),
                    username,
                    kind: *kind,
                    secret,
                })
            }
        };
        Ok(Self {
            descriptor,
            provider: arguments.provider,
            urls: arguments.urls,
            name,
            credential,
        })
    }

    fn text(&self) -> String {
        let Self { descriptor, name, .. } = self;
        let mut text = format!(
            "# Which systems signoff works on, and as whom; written by `signoff init`, to be changed by hand.\n\
             # No secret stands in here, only where it is found. `signoff doctor` checks it.\n\n\
             [connections.{}]\nprovider = {}\n",
            quoted_key(name),
            quoted(&self.provider)
        );
        let urls: Vec<String> = self.urls.iter().map(|url| quoted(url)).collect();
        let mut wanted = Some(urls.join(", "));
        for endpoint in descriptor.endpoints {
            match wanted.take_if(|_| endpoint.required || descriptor.endpoints.len() == 1) {
                Some(urls) => line(&mut text, &format!("{} = [{urls}]", endpoint.name), endpoint.help),
                None => line(
                    &mut text,
                    &format!("# {} = [\"https://HOST:PORT\"]", endpoint.name),
                    endpoint.help,
                ),
            }
        }
        if let Some(credential) = &self.credential {
            let _ = writeln!(text, "credential = {}", quoted(&credential.name));
        }
        let rate = Some(descriptor.limits.rate).filter(|rate| *rate > 0.0);
        let defaults = [
            (
                format!("rate = {}", quoted(&format_rate(rate))),
                "requests at most; \"none\" switches the limit off",
            ),
            (
                format!("concurrency = {}", descriptor.limits.concurrency),
                "requests under way at once",
            ),
            (
                format!("timeout = {}", quoted(&format_duration(descriptor.timeout))),
                "of one exchange",
            ),
            (
                format!("settle = {}", quoted(&format_duration(descriptor.settle))),
                "the longest that the vendor takes to apply what it has received",
            ),
            (
                "ca_file = \"ca.pem\"".to_owned(),
                "certificates of your own authority, if the system does not know it",
            ),
        ];
        for (setting, help) in defaults {
            line(&mut text, &format!("# {setting}"), help);
        }
        if let Some(credential) = &self.credential {
            let _ = writeln!(text, "\n[credentials.{}]", quoted_key(&credential.name));
            if let Some(username) = &credential.username {
                let _ = writeln!(text, "username = {}", quoted(username));
            }
            let _ = writeln!(
                text,
                "{} = {}",
                key(credential.kind),
                reference(&credential.secret)
            );
            if credential.kind == CredentialKind::Basic {
                text.push_str(&logins(descriptor));
            }
        }
        text.push_str("\n[limits]\n");
        line(
            &mut text,
            "confirm_above = 25",
            "more users than this want a plan first, and a yes",
        );
        line(
            &mut text,
            "exempt = []",
            &format!("never touched, such as \"{}:sup*\"", name.escape_debug()),
        );
        text
    }
}

/// How user name and password become a token, if they do: by the first login, and by which others they could.
fn logins(descriptor: &Descriptor) -> String {
    let mut text = String::new();
    let Some((first, others)) = descriptor.logins.split_first() else {
        return text;
    };
    let others: Vec<String> = others.iter().map(|login| quoted(login.name)).collect();
    let help = match others.as_slice() {
        [] => "how they become a token".to_owned(),
        others => format!("how they become a token; or by {}", others.join(", ")),
    };
    let setting = format!("login = {}", quoted(first.name));
    line(&mut text, &setting, &help);
    let fields = first.fields();
    if !fields.is_empty() {
        let asked = fields
            .iter()
            .map(|field| format!("{field} = {{ prompt = true }}"));
        let asked = asked.collect::<Vec<_>>().join(", ");
        let _ = writeln!(text, "login_fields = {{ {asked} }}");
    }
    text
}

/// A setting, and beside it what it means.
fn line(text: &mut String, setting: &str, help: &str) {
    let _ = writeln!(text, "{setting:29} # {help}");
}

async fn ask_username(descriptor: &Descriptor) -> Result<String, Failure> {
    let missing = || {
        Failure::usage(
            "no user name is given to sign in with",
            "add --username NAME: who may log the others out",
        )
    };
    if !report::can_ask() {
        return Err(missing());
    }
    let question = format!("user name at {}: ", descriptor.name);
    let username = question::ask(&question, NOTHING_WRITTEN).await?;
    if username.is_empty() {
        Err(missing())
    } else {
        Ok(username)
    }
}

async fn ask_secret(kind: CredentialKind) -> Result<SecretSource, Failure> {
    let key = key(kind);
    if !report::can_ask() {
        return Err(Failure::usage(
            format!("it is not said where the {key} is found"),
            "add --password-env VARIABLE, --password-file FILE, --password-command PROGRAM … or --password-prompt",
        ));
    }
    let question = format!("environment variable with the {key} (empty: ask for it each time): ");
    let variable = question::ask(&question, NOTHING_WRITTEN).await?;
    Ok(if variable.is_empty() {
        SecretSource::Prompt
    } else {
        SecretSource::Env(variable.trim_start_matches('$').to_owned())
    })
}

const NOTHING_WRITTEN: &str = "nothing was written";

/// The name of a credential: that of its user, as far as it can be one.
fn credential_name(username: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '.');
    username
        .chars()
        .map(|character| if plain(character) { character } else { '-' })
        .collect()
}

fn reference(secret: &SecretSource) -> String {
    match secret {
        SecretSource::Env(variable) => format!("{{ env = {} }}", quoted(variable)),
        SecretSource::File(file) => format!("{{ file = {} }}", quoted(&file.to_string_lossy())),
        SecretSource::Command(words) => {
            let words: Vec<String> = words.iter().map(|word| quoted(word)).collect();
            format!("{{ command = [{}] }}", words.join(", "))
        }
        SecretSource::Prompt => "{ prompt = true }".to_owned(),
    }
}

/// A text as TOML writes it: as JSON does, which leaves one control character as it is.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text)
        .to_string()
        .replace('\u{7f}', "\\u007f")
}

fn quoted_key(key: &str) -> String {
    let bare = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        quoted(key)
    }
}

/// What to type next.
fn next(draft: &Draft, path: &Path, exit: Exit) -> String {
    let config = if path == Path::new("signoff.toml") {
        String::new()
    } else {
        format!(" --config {}", path.display())
    };
    if exit != Exit::Success {
        return format!(
            "next: mend what is said above (`{}` is yours to change), then: signoff doctor{config}",
            path.display()
        );
    }
    let name = &draft.name;
    let mut steps = vec![(format!("signoff doctor{config}"), "checks it again")];
    let can_list = draft.credential.is_some() || draft.descriptor.credentials.is_empty();
    if can_list && draft.descriptor.operation("roster").is_some() {
        steps.push((
            format!("signoff roster {name}{config}"),
            "who is there; changes nothing",
        ));
    }
    let what = if draft.descriptor.id == "finesse" {
        "run @supervisor_logs_out_team".to_owned()
    } else if draft.descriptor.acts_on == ActsOn::CredentialOwner {
        format!("logout {name} --from keys.csv")
    } else {
        format!("logout {name} USER")
    };
    steps.push((
        format!("signoff {what}{config} --plan"),
        "what would be done; changes nothing",
    ));
    steps.push((format!("signoff {what}{config}"), "does it"));
    let width = steps.iter().map(|(step, _)| step.len()).max().unwrap_or(0);
    let mut text = "next:".to_owned();
    for (step, meaning) in steps {
        let _ = write!(text, "\n  {step:width$}  {meaning}");
    }
    text
}
