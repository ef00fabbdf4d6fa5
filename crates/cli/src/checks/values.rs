//! Where each value comes from: the command line, the environment, the file and its line, or a default.

use std::time::Duration;

use signoff_core::{Field, Value};
use signoff_engine::config::ConnectionSettings;
use signoff_engine::json;
use signoff_engine::parameters::format_duration;

use super::{Checks, Finding};
use crate::arguments::General;
use crate::setup::{Located, Setup};

/// The file, and what holds for every run.
pub(crate) fn configuration(checks: &mut Checks, setup: &Setup, located: &Located, general: &General) {
    checks.about("configuration");
    checks.add(&Finding::ok("file", located.path.display().to_string()).from(located.origin));
    if let Some(act_as) = &general.act_as {
        checks.add(&Finding::ok("credential", act_as.as_str()).from("--as"));
    }
    for folder in &general.plugin_path {
        checks.add(&Finding::ok("plugins", folder.display().to_string()).from("--plugin-path"));
    }
    if let Some(folders) = std::env::var_os("SIGNOFF_PLUGIN_PATH") {
        checks.add(&Finding::ok("plugins", folders.to_string_lossy()).from("$SIGNOFF_PLUGIN_PATH"));
    }
    let limits = &setup.engine.config.limits;
    let duration = |limit: Option<Duration>| limit.map_or_else(|| "none".to_owned(), format_duration);
    let exempt = match limits.exempt.patterns() {
        [] => "nobody".to_owned(),
        patterns => patterns.join(", "),
    };
    let values = [
        ("confirm_above", limits.confirm_above.to_string()),
        ("exempt", exempt),
        ("script_memory", format!("{} MiB", limits.script_memory >> 20)),
        ("script_cpu", duration(Some(limits.script_cpu))),
        ("run_time", duration(limits.run_time)),
    ];
    for (key, value) in values {
        let origin = line(setup, located, &["limits", key]).unwrap_or_else(|| "default".to_owned());
        checks.add(&Finding::ok(key, value).from(origin));
    }
}

/// What a connection is set to.
pub(super) fn connection(
    checks: &mut Checks,
    setup: &Setup,
    located: &Located,
    settings: &ConnectionSettings,
) {
    let Value::Map(fields) = settings.describe().value else {
        return;
    };
    let name = &*settings.name;
    let default = format!("default of {}", settings.descriptor.name);
    for field in fields {
        match (field.name.as_str(), &field.value) {
            // It is part of the provider's line, and follows from `concurrency`.
            ("version" | "window", _) => {}
            ("provider", value) => {
                let text = format!("{} {}", words(value), settings.descriptor.version);
                add(
                    checks,
                    setup,
                    located,
                    &["connections", name, "provider"],
                    text,
                    &default,
                );
            }
            ("credential", value) if setup.engine.act_as.is_some() => {
                checks.add(&Finding::ok("credential", words(value)).from("--as"));
            }
            ("options", Value::Map(options)) => {
                for Field { name: key, value } in options {
                    let path = ["connections", name, "options", key];
                    add(checks, setup, located, &path, words(value), &default);
                }
            }
            (key, _) if !settings.origins(key).is_empty() => {
                let origins = settings.origins(key).iter();
                let origins: Vec<_> = origins.map(|url| url.origin().ascii_serialization()).collect();
                add(
                    checks,
                    setup,
                    located,
                    &["connections", name, key],
                    origins.join(", "),
                    &default,
                );
            }
            ("feed", Value::Map(feed)) => {
                for Field { name: key, value } in feed {
                    let text = format!("{key} {}", words(value));
                    add(
                        checks,
                        setup,
                        located,
                        &["connections", name, "feed"],
                        text,
                        &default,
                    );
                }
            }
            (key, value) => {
                add(
                    checks,
                    setup,
                    located,
                    &["connections", name, key],
                    words(value),
                    &default,
                );
            }
        }
    }
}

/// A value of the file, or a default.
fn add(checks: &mut Checks, setup: &Setup, located: &Located, path: &[&str], text: String, default: &str) {
    let origin = line(setup, located, path).unwrap_or_else(|| default.to_owned());
    let key = path.last().copied().unwrap_or_default();
    checks.add(&Finding::ok(key, text).from(origin));
}

/// `signoff.toml:4`, if the file sets it.
pub(super) fn line(setup: &Setup, located: &Located, path: &[&str]) -> Option<String> {
    let line = setup.engine.config.line(path)?;
    Some(format!("{}:{line}", located.path.display()))
}

fn words(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::List(items) => items.iter().map(words).collect::<Vec<_>>().join(", "),
        other => json::value(other).to_string().trim_matches('"').to_owned(),
    }
}
