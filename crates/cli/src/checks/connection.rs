//! Whether a connection can be used: its plugin, each of its nodes, and its credential, shown once.

use std::sync::Arc;
use std::time::Duration;

use signoff_core::{ActsOn, Class, CredentialKind, Finished, Outcome, Record, Target, User, Value};
use signoff_engine::call::Cause;
use signoff_engine::checkup::{Checkup, Found, Question, Seen};
use signoff_engine::config::{Connection, ConnectionSettings, Endpoint};
use signoff_engine::credential::Credential;
use signoff_engine::plugin::PluginError;
use signoff_engine::transport::ServerClock;
use url::Url;

use super::feed::feed;
use super::{Checks, Finding, Level, one_line, values};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;
use crate::setup::{Located, Setup};

/// A connection of the configuration.
pub(crate) async fn connection(
    checks: &mut Checks,
    setup: &Setup,
    located: &Located,
    connection: &Connection,
) -> Result<(), Failure> {
    checks.about(format!("connection `{}`", connection.name));
    if let Err(error) = setup.engine.registry.provider(&connection.provider) {
        checks.add(&no_provider(setup, connection, &error));
        return Ok(());
    }
    let checkup = match Checkup::of(&setup.engine, &connection.name) {
        Ok(checkup) => checkup,
        Err(error) => {
            let failure = Failure::from(error);
            let level = Level::Problem(Exit::Configuration);
            checks.add(&Finding::new(level, "settings", one_line(&failure)).hint(failure.hint));
            return Ok(());
        }
    };
    checks.usable += 1;
    let settings = checkup.settings();
    values::connection(checks, setup, located, settings);
    if let Some(sha256) = setup.engine.registry.sha256(&connection.provider) {
        checks.add(&Finding::ok(
            "plugin",
            format!("as it was pinned, sha256 {sha256}"),
        ));
    }
    for danger in settings.dangers() {
        checks
            .add(&Finding::notice("danger", danger).hint("remove the line, unless you know why it is there"));
    }
    proxy(checks, setup, settings);
    let Some(endpoint) = settings.endpoints.first() else {
        return Ok(());
    };
    let actor = match &settings.credential {
        Some(name) => Some(setup.engine.credential(name)?),
        None => None,
    };
    let (asked, answers) = nodes(checks, &checkup, endpoint, actor.as_ref()).await;
    if !asked && actor.is_none() {
        reached(checks, &checkup, endpoint).await;
    }
    match &actor {
        Some(actor) => credential(checks, &checkup, endpoint, actor, asked.then_some(answers)).await,
        None if settings.descriptor.credentials.is_empty() => {}
        None if settings.descriptor.acts_on == ActsOn::CredentialOwner => checks.add(&Finding::ok(
            "credential",
            "none: each user shows his own; `roster` alone needs one",
        )),
        None => checks.add(
            &Finding::notice("credential", "the connection names none").hint("add `credential = \"NAME\"`"),
        ),
    }
    feed(checks, setup, &checkup, answers.is_some()).await
}

/// A plugin that is not there, or that nobody has agreed to, may be for another machine or another day.
fn no_provider(setup: &Setup, connection: &Connection, error: &PluginError) -> Finding {
    let provider = &connection.provider;
    match error {
        PluginError::Unknown { .. } => {
            let known = setup.engine.registry.linked_ids();
            let nearest = signoff_engine::parameters::nearest(provider, known);
            let mistyped =
                nearest.map_or_else(String::new, |nearest| format!("did you mean `{nearest}`? else "));
            Finding::notice(
                "provider",
                format!("there is no provider `{provider}`, built in or as a plugin"),
            )
            .hint(format!(
                "{mistyped}put the plugin into a folder, and name that with --plugin-path"
            ))
        }
        PluginError::NotTrusted { id, sha256, .. } => Finding::notice(
            "provider",
            format!("the plugin `{id}` is not trusted, sha256 {sha256}"),
        )
        .hint(error.hint()),
        _ => {
            let failure = Failure::configuration(error.to_string(), error.hint());
            let level = Level::Problem(Exit::Configuration);
            Finding::new(level, "provider", one_line(&failure)).hint(failure.hint)
        }
    }
}

/// What lies between, if the environment says so; the file's own is among the values.
fn proxy(checks: &mut Checks, setup: &Setup, settings: &ConnectionSettings) {
    let transport = setup.engine.transport(settings);
    let origins = settings.endpoints.iter().flat_map(|endpoint| &endpoint.origins);
    for origin in origins.filter(|_| settings.proxy.is_none()) {
        match transport.proxy_for(origin) {
            Ok(None) => {}
            Ok(Some(proxy)) => {
                let address = proxy.origin().ascii_serialization();
                return checks.add(&Finding::ok("proxy", address).from("environment"));
            }
            Err(error) => {
                let level = Level::Problem(Exit::Configuration);
                return checks.add(
                    &Finding::new(level, "proxy", error.to_string())
                        .hint("correct the variable, or set `proxy` for the connection"),
                );
            }
        }
    }
}

/// Asks each node how it is, without any credential. Gives whether that could be asked at all, and the first node that
/// answers.
async fn nodes(
    checks: &mut Checks,
    checkup: &Checkup,
    endpoint: &Endpoint,
    actor: Option<&Arc<Credential>>,
) -> (bool, Option<usize>) {
    let has_health = checkup.settings().descriptor.operation("health").is_some();
    if !has_health {
        checks.add(&Finding::notice("health", "the provider cannot ask for it"));
        return (false, None);
    }
    let mut seen = Vec::new();
    for origin in &endpoint.origins {
        seen.push(health(checkup, endpoint, origin, actor).await);
    }
    let first = seen.iter().position(|seen| is_well(&seen.found));
    // One node that works is enough to work with.
    let bad = match first {
        Some(_) => Level::Notice,
        None => Level::Problem(Exit::Untried),
    };
    for (origin, seen) in endpoint.origins.iter().zip(&seen) {
        let address = origin.origin().ascii_serialization();
        node(checks, &address, seen, bad);
        if answered(&seen.found) {
            let lasts = match checkup.later(CERTIFICATE_LASTS) {
                Ok(later) if origin.scheme() == "https" => {
                    answered(&health(&later, endpoint, origin, actor).await.found)
                }
                _ => true,
            };
            certificate(checks, checkup.settings(), origin.scheme(), lasts);
            clock(checks, &seen.clock);
        }
    }
    (true, first)
}

/// Looks whether a server answers at each node, where there is nothing to ask and nobody to ask as.
async fn reached(checks: &mut Checks, checkup: &Checkup, endpoint: &Endpoint) {
    let mut tries = Vec::new();
    for origin in &endpoint.origins {
        tries.push((origin, checkup.reach(origin).await));
    }
    let bad = if tries.iter().any(|(_, reached)| reached.is_ok()) {
        Level::Notice
    } else {
        Level::Problem(Exit::Untried)
    };
    for (origin, reached) in tries {
        match reached {
            Ok(took) => {
                let address = origin.origin().ascii_serialization();
                let text = format!("{address} answers, in {} ms", took.as_millis());
                checks.add(&Finding::ok("node", text));
                certificate(checks, checkup.settings(), origin.scheme(), true);
            }
            Err(failure) => {
                checks.add(&Finding::new(bad, "node", failure.message).hint(failure.hint));
            }
        }
    }
}

/// A certificate that lasts less long is worth a word.
const CERTIFICATE_LASTS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// As nobody: the actor's secret stays where it is.
async fn health(
    checkup: &Checkup,
    endpoint: &Endpoint,
    origin: &Url,
    actor: Option<&Arc<Credential>>,
) -> Seen {
    let question = Question {
        operation: "health",
        user: None,
        actor,
        show: false,
    };
    checkup.ask(endpoint.name, origin, question).await
}

fn is_well(found: &Found) -> bool {
    matches!(found, Found::Ended { finished, .. } if finished.outcome == Outcome::Done)
}

fn answered(found: &Found) -> bool {
    !matches!(found, Found::Unanswered(_) | Found::NotAsked(_))
}

fn node(checks: &mut Checks, address: &str, seen: &Seen, bad: Level) {
    let took = seen.took.as_millis();
    let reached = || Finding::ok("node", format!("{address} answers, in {took} ms"));
    match &seen.found {
        Found::Unanswered(failure) => {
            checks.add(&Finding::new(bad, "node", failure.message.as_str()).hint(failure.hint.as_str()));
        }
        Found::NotAsked(error) => {
            let level = Level::Problem(Exit::Configuration);
            checks.add(&Finding::new(level, "node", error.to_string()).hint(error.hint()));
        }
        Found::Accepted | Found::NoToken { .. } => checks.add(&reached()),
        Found::TurnedAway { status, .. } => {
            checks.add(&reached());
            checks.add(
                &Finding::new(bad, "health", format!("{address} answers with status {status}"))
                    .hint("wait until it is in service, or look why it is not"),
            );
        }
        Found::Ended { finished, records } => {
            checks.add(&reached());
            if finished.outcome == Outcome::Done {
                let state = records.first().map(|record| attribute(record, "status"));
                let state = state.filter(|state| !state.is_empty());
                checks.add(&Finding::ok(
                    "health",
                    state.unwrap_or_else(|| "in service".to_owned()),
                ));
            } else {
                let hint = match finished.code.as_deref() {
                    Some("unreadable_answer") => "check that the address is that of the API",
                    _ => "wait until it is in service, or look why it is not",
                };
                checks.add(&Finding::new(bad, "health", told(finished)).hint(hint));
            }
        }
    }
}

/// An answer over `https://` came only because the certificate was good; `lasts` says whether it is for a while.
fn certificate(checks: &mut Checks, settings: &ConnectionSettings, scheme: &str, lasts: bool) {
    checks.add(&if scheme != "https" && settings.danger_plain_http {
        Finding::notice("certificate", "none: `http://` is not encrypted").hint("use `https://`")
    } else if scheme != "https" {
        Finding::ok("certificate", "none: nothing leaves this machine")
    } else if settings.tls.danger_accept_invalid_certificates {
        Finding::notice("certificate", "not looked at").hint("set `ca_file` instead")
    } else if !lasts {
        Finding::notice("certificate", "valid, but not for another 30 days")
            .hint("have it renewed before it expires: from then on nobody can be logged out")
    } else if settings.tls.ca_file.is_some() {
        Finding::ok(
            "certificate",
            "valid for this name, by the system's authorities or `ca_file`",
        )
    } else {
        Finding::ok("certificate", "valid for this name, by the system's authorities")
    });
}

/// States are judged by the vendor's clock, so a difference does no harm; one of the two is wrong all the same.
fn clock(checks: &mut Checks, clock: &ServerClock) {
    const FAR: i64 = 60_000;
    let Some(uncertainty) = clock.uncertainty_ms() else {
        return checks.add(
            &Finding::notice("clock", "it tells no time (no `Date` header)")
                .hint("nothing to do; after a crash, what is in doubt may take longer to settle"),
        );
    };
    let offset = clock.offset_ms();
    let at_least = offset.abs() - uncertainty;
    checks.add(&if at_least > FAR {
        let direction = if offset > 0 { "ahead of" } else { "behind" };
        Finding::notice(
            "clock",
            format!("{} s {direction} this machine's", offset.abs() / 1000),
        )
        .hint("have both machines keep time (NTP); signoff reckons with the difference")
    } else if at_least > 1000 {
        Finding::ok("clock", format!("{} s from this machine's", offset.abs() / 1000))
    } else {
        Finding::ok("clock", "agrees with this machine's")
    });
}

/// Shows the credential once, by the smallest read there is. `answers` is the node to ask; `None` if nobody knows
/// whether one answers.
async fn credential(
    checks: &mut Checks,
    checkup: &Checkup,
    endpoint: &Endpoint,
    credential: &Arc<Credential>,
    answers: Option<Option<usize>>,
) {
    let settings = checkup.settings();
    let name = credential.name();
    if checks.spent.contains(name) {
        checks.add(&Finding::notice(
            "credential use",
            format!("`{name}` is not tried: see above"),
        ));
        return;
    }
    let node = match answers {
        Some(None) => {
            checks.add(&Finding::notice(
                "credential use",
                format!("`{name}` is not tried: no node is well"),
            ));
            return;
        }
        Some(Some(node)) => node,
        None => 0,
    };
    let Some((origin, question)) = endpoint.origins.get(node).zip(smallest(settings, credential)) else {
        checks.add(&Finding::notice(
            "credential use",
            "the provider has nothing to try it with",
        ));
        return;
    };
    let operation = question.operation.to_owned();
    let seen = checkup.ask(endpoint.name, origin, question).await;
    let finding = used(name, &operation, &seen.found);
    if finding.level != Level::Ok {
        checks.spent.insert(Arc::clone(name));
    }
    if answers.is_none() && answered(&seen.found) {
        certificate(checks, settings, origin.scheme(), true);
        clock(checks, &seen.clock);
    }
    checks.add(&finding);
}

/// One's own state; without a name of one's own, the list of users, of which only the first request is sent.
fn smallest<'a>(settings: &ConnectionSettings, credential: &'a Arc<Credential>) -> Option<Question<'a>> {
    let descriptor = settings.descriptor;
    let named = credential.kind() == CredentialKind::Basic || credential.actor() != &**credential.name();
    // Where everybody shows a key of his own, his state is no question for the connection's.
    let named = named && descriptor.acts_on == ActsOn::User;
    let status = descriptor.operation("status").filter(|_| named);
    let roster = descriptor
        .operation("roster")
        .filter(|roster| roster.target == Target::Connection);
    let operation = status.or(roster)?;
    Some(Question {
        operation: operation.name,
        user: (operation.target == Target::User).then(|| User::new(credential.actor())),
        actor: Some(credential),
        show: true,
    })
}

/// After a refusal.
pub(super) const CORRECT: &str =
    "correct user name or secret before you try again: vendors lock accounts after a few refusals";

fn used(name: &str, operation: &str, found: &Found) -> Finding {
    let bad = |text: String| Finding::new(Level::Problem(Exit::Untried), "credential use", text);
    match found {
        Found::Accepted => Finding::ok("credential use", format!("`{name}` is accepted")),
        Found::Ended { finished, records } => match finished.outcome {
            Outcome::Done => Finding::ok(
                "credential use",
                format!("`{name}` is accepted{}", whose(records)),
            ),
            Outcome::Refused => Finding::notice(
                "credential use",
                format!("`{name}` is accepted, and yet: {}", told(finished)),
            )
            .hint("what it may do decides whom it can log out"),
            _ => bad(format!(
                "asking for `{operation}` as `{name}` failed: {}",
                told(finished)
            ))
            .hint("check its user name and its rights at the vendor"),
        },
        Found::TurnedAway {
            status,
            class: Class::CredentialRefused | Class::CredentialDoubted | Class::TokenExpired,
        } => bad(format!("`{name}` is refused, status {status}; it was shown once")).hint(CORRECT),
        Found::NoToken {
            reason,
            refused: true,
        } => bad(format!("{reason}; it was shown once")).hint(CORRECT),
        Found::NoToken { reason, .. } => bad(reason.to_string()).hint(report::advice_for_all(Cause::Login)),
        Found::TurnedAway { status, .. } => bad(format!("`{name}` cannot be tried: status {status}"))
            .hint("wait until the vendor is in service"),
        Found::Unanswered(failure) => bad(failure.message.clone()).hint(failure.hint.as_str()),
        Found::NotAsked(error) => Finding::new(
            Level::Problem(Exit::Configuration),
            "credential use",
            error.to_string(),
        )
        .hint(error.hint()),
    }
}

/// `: Sunita Rao`
fn whose(records: &[Record]) -> String {
    let name = match records {
        [one] => attribute(one, "name"),
        _ => String::new(),
    };
    if name.is_empty() {
        name
    } else {
        format!(": {name}")
    }
}

fn attribute(record: &Record, name: &str) -> String {
    let field = record.attributes.iter().find(|field| field.name == name);
    let text = field.and_then(|field| match &field.value {
        Value::Text(text) => Some(text.clone()),
        _ => None,
    });
    text.unwrap_or_default()
}

/// The vendor's code and words.
fn told(finished: &Finished) -> String {
    let parts = [&finished.code, &finished.message];
    let told: Vec<&str> = parts.into_iter().flatten().map(String::as_str).collect();
    if told.is_empty() {
        finished.outcome.to_string()
    } else {
        told.join(": ")
    }
}
