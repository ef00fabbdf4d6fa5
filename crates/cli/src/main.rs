//! The `signoff` binary: the only place that prints, reads the environment and ends the process.

mod arguments;
mod commands;
mod environment;
mod exit;
mod failure;
mod report;
mod setup;
mod text;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches};

use arguments::{Arguments, Color, Command};
use exit::Exit;
use failure::Failure;

fn main() -> ExitCode {
    let arguments = match Arguments::from_arg_matches(&command().get_matches()) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    match arguments.general.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let worker = std::panic::catch_unwind(|| perform(arguments));
    let exit = match worker {
        Ok(Ok(exit)) => exit,
        Ok(Err(failure)) => {
            report::diagnostic(&failure.render());
            failure.exit
        }
        Err(_) => {
            report::diagnostic("error: this is a fault of signoff itself; what was journaled is safe");
            Exit::Bug
        }
    };
    ExitCode::from(exit.code())
}

/// The command line, with what its help takes from other tables.
fn command() -> clap::Command {
    Arguments::command().mut_subcommand("sandbox", |sandbox| {
        sandbox.after_help(commands::sandbox::fault_help())
    })
}

fn perform(arguments: Arguments) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Bug, format!("the runtime cannot start: {error}"), ""))?;
    let general = arguments.general;
    runtime.block_on(async {
        match arguments.command {
            Command::Run(run) => commands::run::run(run, &general).await,
            Command::Logout(logout) => commands::logout::logout(logout, &general).await,
            Command::Roster(roster) => commands::read::roster(roster, &general).await,
            Command::Status(status) => commands::read::status(status, &general).await,
            Command::Sandbox(sandbox) => commands::sandbox::sandbox(sandbox).await,
            Command::Plugin(plugin) => commands::plugin::plugin(plugin, &general),
        }
    })
}
