//! `signoff replay`: a tutorial, step by step, with every expectation checked.

mod environment;
mod person;
mod source;

use std::sync::Arc;
use std::time::Duration;

use signoff_engine::redact::Redactor;
use signoff_engine::transport::{HttpTransport, ProxyVariables, SettingsError, TransportSettings};
use signoff_replay::aim::{Aim, PortMap};
use signoff_replay::lab::Problem;
use signoff_replay::readiness;
use signoff_replay::runner::{self, Settings};
use signoff_replay::tutorial::{Action, Tutorial};
use signoff_replay::variables::{Scope, Variables};
use signoff_replay::xmpp::XmppFeeds;
use signoff_sandbox::Sandbox;
use url::Url;

use self::person::{AtTerminal, Nobody};
pub(crate) use self::source::Read;
use super::signal;
use crate::arguments::{self, General};
use crate::bundled::Bundled;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;
use crate::text::safe;

/// How long the absence of one is waited for.
const ABSENCE_TIME: Duration = Duration::from_secs(3);

/// Replays it, or explains how it is understood.
pub(crate) async fn replay(arguments: arguments::Replay, general: &General) -> Result<Exit, Failure> {
    let read = source::read(&arguments.file)?;
    if arguments.explain {
        report::replay::explain(&read, general.format);
        read.check(&arguments.file)?;
        return Ok(if read.problems().is_empty() {
            Exit::Success
        } else {
            Exit::Configuration
        });
    }
    read.check(&arguments.file)?;
    if let Some(failure) = problems(read.problems()) {
        return Err(failure);
    }
    let (tutorial, own_variables) = read.into_parts();
    let tutorial = chosen(tutorial, &arguments)?;
    if tutorial.steps.iter().all(|step| step.tasks.is_empty()) {
        return Err(Failure::configuration(
            format!(
                "{}: there is nothing to do in it but to read",
                arguments.file.display()
            ),
            "`--explain` shows how it is understood",
        ));
    }
    if needs_a_person(&tutorial) && !arguments.yes && !report::can_ask() {
        return Err(Failure::usage(
            "some steps can only be done by a person, and there is no terminal to ask at",
            "`--yes` passes over them, as skipped",
        ));
    }
    let mut variables = Variables::new();
    for (name, value) in own_variables {
        variables.set(Scope::Tutorial, name, value);
    }
    let mut aim = aim(&arguments)?;
    let sandbox = if arguments.place.sandbox {
        let sandbox = Sandbox::start(signoff_sandbox::Settings::lab()).await;
        let sandbox = sandbox
            .map_err(|error| Failure::configuration(format!("the sandbox cannot start: {error}"), ""))?;
        sandbox_environment(&sandbox, &mut variables, &mut aim)?;
        Some(sandbox)
    } else {
        None
    };
    for file in &arguments.environment {
        environment::read(file, &mut variables)?;
    }
    for name in environment::given(&arguments.variables, &mut variables)? {
        report::diagnostic(&format!(
            "warning: everybody on this machine can read the value of `{}` in the list of processes: give it in a file, with `-e`",
            safe(&name)
        ));
    }
    if let Some(failure) = without_value(&tutorial, &variables) {
        return Err(failure);
    }
    warn_of_what_matches_nothing(&tutorial, &variables, &arguments);
    let settings = settings(&arguments, variables, aim)?;
    let mut observer = report::replay::reporter(general, arguments.junit.as_deref())?;
    let summary = runner::replay(Arc::new(tutorial), settings, signal::received(), &mut observer).await;
    observer.finish()?;
    drop(sandbox);
    if summary.interrupted {
        return Err(super::question::interrupted(
            "what was sent was sent; nothing is kept of a replay",
        ));
    }
    Ok(if summary.passed() {
        Exit::Success
    } else {
        Exit::NotOut
    })
}

fn settings(arguments: &arguments::Replay, variables: Variables, aim: Aim) -> Result<Settings, Failure> {
    let timeout = Duration::from_secs(arguments.timeout);
    let transport = TransportSettings {
        ca_file: arguments.ca_file.clone(),
        danger_accept_invalid_certificates: arguments.danger_accept_invalid_certificates,
        proxy_variables: ProxyVariables::read(|name| std::env::var(name).ok()),
        timeout,
        hands_over_redirects: true,
        ..TransportSettings::default()
    };
    let unusable = |error: SettingsError| Failure::configuration(error.to_string(), "");
    let feeds = XmppFeeds::new(transport.clone());
    Ok(Settings {
        variables,
        aim,
        transport: Arc::new(HttpTransport::new(transport).map_err(unusable)?),
        feeds: Arc::new(feeds),
        redactor: Arc::new(Redactor::new()),
        person: if arguments.yes {
            Arc::new(Nobody)
        } else {
            Arc::new(AtTerminal)
        },
        timeout,
        max_response_size: arguments.max_response_size,
        notification_time: Duration::from_secs(arguments.wait),
        absence_time: ABSENCE_TIME,
        bail: arguments.bail,
        danger_plain_http: arguments.danger_plain_http,
    })
}

fn aim(arguments: &arguments::Replay) -> Result<Aim, Failure> {
    let base = match &arguments.base_url {
        Some(text) => {
            let url = Url::parse(text)
                .ok()
                .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
            Some(url.ok_or_else(|| {
                Failure::usage(
                    format!("`--base-url {text}` is no URL of the web"),
                    "write it as `https://HOST:PORT`",
                )
            })?)
        }
        None => None,
    };
    let mut ports = Vec::new();
    for text in &arguments.map_port {
        let map: Result<PortMap, _> = text.parse();
        ports.push(map.map_err(|error| Failure::usage(format!("`--map-port`: {error}"), ""))?);
    }
    Ok(Aim { base, ports })
}

/// What the labs call things, in the sandbox; what was said by hand comes first.
fn sandbox_environment(sandbox: &Sandbox, variables: &mut Variables, aim: &mut Aim) -> Result<(), Failure> {
    for (name, value) in sandbox.lab_variables() {
        variables.set(Scope::Environment, name, value);
    }
    for map in sandbox.lab_ports() {
        let map: Result<PortMap, _> = map.parse();
        aim.ports.push(map.map_err(|error| {
            Failure::new(
                Exit::Bug,
                format!("the sandbox's ports: {error}"),
                "please report this line",
            )
        })?);
    }
    Ok(())
}

/// The steps that were asked for.
fn chosen(mut tutorial: Tutorial, arguments: &arguments::Replay) -> Result<Tutorial, Failure> {
    if arguments.folder.is_empty() {
        return Ok(tutorial);
    }
    let names = |step: &signoff_replay::tutorial::Step, wanted: &str| {
        step.number == wanted || step.title.eq_ignore_ascii_case(wanted)
    };
    for wanted in &arguments.folder {
        if !tutorial.steps.iter().any(|step| names(step, wanted)) {
            let known: Vec<String> = tutorial
                .steps
                .iter()
                .map(|step| format!("`{}` ({})", step.number, step.title))
                .collect();
            return Err(Failure::usage(
                format!("there is no step `{wanted}`"),
                format!("the steps are {}", known.join(", ")),
            ));
        }
    }
    tutorial
        .steps
        .retain(|step| arguments.folder.iter().any(|wanted| names(step, wanted)));
    Ok(tutorial)
}

fn needs_a_person(tutorial: &Tutorial) -> bool {
    let tasks = tutorial.steps.iter().flat_map(|step| &step.tasks);
    tasks
        .into_iter()
        .any(|task| matches!(task.action, Action::Human(_)))
}

/// All that keeps a tutorial from being replayed, with its places; nothing has been sent.
fn problems(problems: &[Problem]) -> Option<Failure> {
    let first = problems.first()?;
    let lines: Vec<String> = problems
        .iter()
        .map(|problem| format!("error: {}: {}", problem.place, problem.message))
        .collect();
    Some(Failure::configuration(lines.join("\n"), first.hint.clone()))
}

/// The variables without which it would end in its middle; nothing has been sent.
fn without_value(tutorial: &Tutorial, variables: &Variables) -> Option<Failure> {
    if let Some(name) = readiness::not_a_host(tutorial, variables) {
        return Some(Failure::configuration(
            format!(
                "the variable `{{{{{name}}}}}` holds a whole address, and stands where a host alone belongs"
            ),
            "give it the host; `--base-url URL` sends all requests to another address",
        ));
    }
    let missing = readiness::missing(tutorial, variables);
    let lines: Vec<String> = missing
        .iter()
        .map(|one| {
            let (place, name) = (&one.place, &one.name);
            if one.copied {
                format!("error: {place}: no step before this one copies a value for `{{{name}}}`")
            } else {
                format!("error: {place}: the variable `{{{{{name}}}}}` has no value")
            }
        })
        .collect();
    (!lines.is_empty()).then(|| {
        Failure::configuration(
            lines.join("\n"),
            "give it a value: `--var NAME=VALUE`, or `-e FILE` with an environment; nothing was sent",
        )
    })
}

/// What was given by hand and changes nothing is most likely a slip.
fn warn_of_what_matches_nothing(tutorial: &Tutorial, variables: &Variables, arguments: &arguments::Replay) {
    let given = arguments.variables.iter().filter_map(|text| text.split_once('='));
    for name in readiness::unused(given.map(|(name, _)| name), tutorial, variables) {
        report::diagnostic(&format!("warning: no step uses the variable `{}`", safe(name)));
    }
    let Some(ports) = readiness::ports(tutorial, variables) else {
        return;
    };
    let maps = arguments
        .map_port
        .iter()
        .filter_map(|text| text.parse::<PortMap>().ok());
    let from: Vec<u16> = maps.map(|map| map.from).collect();
    if !from.is_empty() && !from.iter().any(|port| ports.contains(port)) {
        let ports: Vec<String> = ports.iter().map(ToString::to_string).collect();
        report::diagnostic(&format!(
            "warning: no `--map-port` is for a port that the tutorial names: {}",
            ports.join(", ")
        ));
    }
}

/// What a tutorial that comes with signoff calls itself.
pub(super) fn title(name: &str, tutorial: Bundled) -> Result<String, Failure> {
    let (tutorial, _) = source::bundled(name, tutorial)?.into_parts();
    Ok(tutorial.title)
}
