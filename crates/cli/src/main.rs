//! The `signoff` binary: the only place that prints, reads the environment and ends the process.

mod arguments;
mod bundled;
mod checks;
mod commands;
mod environment;
mod exit;
mod failure;
mod report;
mod setup;
mod text;

use std::fmt::Write as _;
use std::panic::{Location, PanicHookInfo};
use std::process::ExitCode;
use std::sync::LazyLock;

use clap::{CommandFactory, FromArgMatches};

use arguments::{Arguments, Color, Command};
use exit::Exit;
use failure::Failure;

fn main() -> ExitCode {
    signoff_engine::keep_memory_to_itself();
    std::panic::set_hook(Box::new(end_on_panic));
    if std::env::args_os().len() <= 1 {
        report::diagnostic(&command().render_help().ansi().to_string());
        return ExitCode::from(Exit::Usage.code());
    }
    let arguments = match Arguments::from_arg_matches(&command().get_matches()) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    match arguments.general.color {
        Color::Auto => {}
        Color::Always => anstream::ColorChoice::Always.write_global(),
        Color::Never => anstream::ColorChoice::Never.write_global(),
    }
    let exit = match perform(arguments) {
        Ok(exit) => exit,
        Err(failure) => {
            report::diagnostic(&failure.render());
            failure.exit
        }
    };
    ExitCode::from(exit.code())
}

/// The command line, with what its help takes from other tables.
pub(crate) fn command() -> clap::Command {
    Arguments::command()
        .long_version(VERSIONS.as_str())
        .mut_subcommand("sandbox", |sandbox| {
            sandbox.after_help(commands::sandbox::fault_help())
        })
}

/// For `--version`: of signoff, and of the providers that are part of it.
static VERSIONS: LazyLock<String> = LazyLock::new(|| {
    let mut text = format!("{}\nproviders:", env!("CARGO_PKG_VERSION"));
    for provider in setup::LINKED {
        let _ = write!(
            text,
            "\n  {} {} ({})",
            provider.id, provider.version, provider.name
        );
    }
    text
});

fn perform(arguments: Arguments) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Bug, format!("the runtime cannot start: {error}"), ""))?;
    let general = arguments.general;
    let result = runtime.block_on(async {
        match arguments.command {
            Command::Run(run) => commands::run::run(run, &general).await,
            Command::Logout(logout) => commands::logout::logout(logout, &general).await,
            Command::Resume(resume) => commands::resume::resume(resume, &general).await,
            Command::Runs(runs) => commands::runs::runs(&runs, &general),
            Command::Show(show) => commands::show::show(&show, &general),
            Command::Roster(roster) => commands::read::roster(roster, &general).await,
            Command::Status(status) => commands::read::status(status, &general).await,
            Command::WatchFeed(watch) => commands::watch_feed::watch_feed(watch, &general).await,
            Command::Init(init) => commands::init::init(init, &general).await,
            Command::Doctor => commands::doctor::doctor(&general).await,
            Command::Replay(replay) => commands::replay::replay(replay, &general).await,
            Command::Sandbox(sandbox) => commands::sandbox::sandbox(sandbox).await,
            Command::Plugin(plugin) => commands::plugin::plugin(plugin, &general),
            Command::Scripts(scripts) => commands::scripts::scripts(scripts, &general),
            Command::Completions { shell } => Ok(commands::reference::completions(shell)),
            Command::Man { command } => commands::reference::man(command.as_deref()),
        }
    });
    // A thread that still waits for a person or a file must not keep the process.
    runtime.shutdown_background();
    result
}

/// A panic on any thread ends the process: a thread that others wait for would leave them waiting, and the journal
/// makes an end at any moment safe. A loaded plugin has a panic hook of its own and is not concerned.
fn end_on_panic(panic: &PanicHookInfo<'_>) {
    report::diagnostic(&fault(panic.location()).render());
    std::process::exit(i32::from(Exit::Bug.code()));
}

/// Where it happened, and not what was said: a panic may quote what was being worked on, secrets included.
fn fault(at: Option<&Location<'_>>) -> Failure {
    let place = at.map_or_else(String::new, |at| format!(" ({}:{})", at.file(), at.line()));
    Failure::new(
        Exit::Bug,
        format!(
            "a fault of signoff itself, version {}{place}",
            env!("CARGO_PKG_VERSION")
        ),
        "please report this line; what was done until now is in the journal, and nothing more was sent",
    )
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may fail, and one is to panic"
)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_sound() {
        command().debug_assert();
    }

    /// In a process of its own, which a panic ends.
    #[test]
    #[ignore = "the test below runs it"]
    fn panics_with_a_secret_in_hand() {
        std::panic::set_hook(Box::new(end_on_panic));
        let secret = String::from("c4n4ry");
        let thread = std::thread::spawn(move || panic!("cannot go on with {secret}"));
        assert!(thread.join().is_ok());
    }

    #[test]
    fn a_panic_is_told_without_its_words() {
        let ended = std::process::Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "--ignored", "--nocapture"])
            .arg("tests::panics_with_a_secret_in_hand")
            .env("RUST_BACKTRACE", "full")
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(255));
        let text = String::from_utf8([ended.stdout, ended.stderr].concat()).unwrap();
        assert!(
            text.contains("error: a fault of signoff itself, version ") && text.contains("main.rs:"),
            "{text}"
        );
        assert!(!text.contains("c4n4ry"), "{text}");
    }
}
