//! `signoff sandbox`: simulated vendors that another terminal can work on.

use std::fmt::Write as _;

use signoff_sandbox::{Fault, Sandbox, Settings, fault};

use crate::arguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;

/// Serves until it is interrupted.
pub(crate) async fn sandbox(arguments: arguments::Sandbox) -> Result<Exit, Failure> {
    let mut settings = Settings::default();
    for text in &arguments.faults {
        let fault = Fault::parse(text).map_err(|error| Failure::usage(error.to_string(), known_faults()))?;
        settings = settings.fault(fault);
    }
    if let Some(port) = arguments.port {
        settings = settings.port(port);
    }
    let sandbox = Sandbox::start(settings)
        .await
        .map_err(|error| Failure::usage(error.to_string(), ""))?;
    report::data(sandbox.configuration().trim_end());
    report::diagnostic(&format!(
        "serving a simulated Finesse at {}; save the lines above as signoff.toml, Ctrl-C ends it",
        sandbox.origin()
    ));
    let _ = tokio::signal::ctrl_c().await;
    sandbox.stop().await;
    Ok(Exit::Success)
}

/// For `--help`: the faults, one a line.
pub(crate) fn fault_help() -> String {
    let mut text = String::from("Faults:\n");
    let width = fault::known().map(|fault| fault.usage.len()).max().unwrap_or(0);
    for fault in fault::known() {
        let _ = writeln!(text, "  {:width$}  {}", fault.usage, fault.help);
    }
    text
}

fn known_faults() -> String {
    let names: Vec<&str> = fault::known().map(|fault| fault.name).collect();
    format!(
        "the faults are `{}`; more with `signoff sandbox --help`",
        names.join("`, `")
    )
}
