//! `signoff sandbox`: simulated vendors that another terminal can work on.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::Path;

use signoff_engine::parameters::nearest;
use signoff_sandbox::fault::FaultError;
use signoff_sandbox::{Fault, Sandbox, Settings, fault};

use super::signal;
use crate::arguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;

/// Serves until it is interrupted.
pub(crate) async fn sandbox(arguments: arguments::Sandbox) -> Result<Exit, Failure> {
    let mut settings = match arguments.environment {
        Some(_) => Settings::lab(),
        None => Settings::default(),
    };
    for text in &arguments.faults {
        let fault = Fault::parse(text).map_err(|error| no_fault(&error))?;
        settings = settings.fault(fault);
    }
    if let Some(port) = arguments.port {
        settings = settings.port(port);
    }
    let sandbox = Sandbox::start(settings).await.map_err(|error| {
        Failure::usage(
            format!("the sandbox cannot listen: {error}"),
            "choose another --port, or leave it out for any free one",
        )
    })?;
    report::data(sandbox.configuration().trim_end());
    let origin = sandbox.origin();
    let serving = format!(
        "simulating Finesse, ZAP and Uiza at {origin}, and Finesse's notifications at xmpp://{} and {}/ws/",
        sandbox.xmpp_address(),
        origin.replacen("http", "ws", 1)
    );
    report::diagnostic(&if std::io::stdout().is_terminal() {
        format!(
            "{serving}: save the lines above as `signoff.toml`, then try \
             `signoff roster finesse` in another terminal; Ctrl-C ends it"
        )
    } else {
        format!("{serving}; Ctrl-C ends it")
    });
    if let Some(path) = &arguments.environment {
        write_environment(path, &sandbox)?;
    }
    signal::received().await;
    sandbox.stop().await;
    Ok(Exit::Success)
}

/// The variables of the labs, as Postman would export them; and how to replay a lab with them.
fn write_environment(path: &Path, sandbox: &Sandbox) -> Result<(), Failure> {
    let values: Vec<serde_json::Value> = sandbox
        .lab_variables()
        .into_iter()
        .map(|(key, value)| {
            let kind = if key.ends_with("_password") {
                "secret"
            } else {
                "default"
            };
            serde_json::json!({"key": key, "value": value, "type": kind, "enabled": true})
        })
        .collect();
    let environment = serde_json::json!({"name": "signoff sandbox", "values": values});
    std::fs::write(path, format!("{environment:#}\n")).map_err(|error| {
        Failure::usage(
            format!("the environment cannot be written to {}: {error}", path.display()),
            "name a file in a folder that you may write to",
        )
    })?;
    let ports: Vec<String> = sandbox
        .lab_ports()
        .iter()
        .map(|map| format!(" --map-port {map}"))
        .collect();
    report::diagnostic(&format!(
        "a lab is replayed on it by `signoff replay FILE -e {}{}`\nwhom it signs out stays out until the sandbox is begun anew",
        path.display(),
        ports.concat()
    ));
    Ok(())
}

/// For `--help`: the faults, one a line, group by group.
pub(crate) fn fault_help() -> String {
    let mut text = String::new();
    let width = fault::known().map(|fault| fault.usage.len()).max().unwrap_or(0);
    let mut group = "";
    for fault in fault::known() {
        if fault.of != group {
            let gap = if group.is_empty() { "" } else { "\n" };
            group = fault.of;
            let _ = writeln!(text, "{gap}Faults of {group}:");
        }
        let _ = writeln!(text, "  {:width$}  {}", fault.usage, fault.help);
    }
    text
}

fn no_fault(error: &FaultError) -> Failure {
    let listed = "`signoff sandbox --help` lists the faults";
    match error {
        FaultError::Unknown { name, .. } => {
            let hint = nearest(name, fault::known().map(|fault| fault.name)).map_or_else(
                || listed.to_owned(),
                |nearest| format!("did you mean `{nearest}`? {listed}"),
            );
            Failure::usage(format!("there is no fault `{name}`"), hint)
        }
        other => Failure::usage(other.to_string(), listed),
    }
}
