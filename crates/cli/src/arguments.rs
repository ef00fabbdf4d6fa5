//! What was typed: one definition for parsing, help and completions.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use signoff_engine::event::Level;

use crate::exit;

/// Logs people out of the systems they work in, and proves what became of each of them.
#[derive(Debug, Parser)]
#[command(name = "signoff", version, max_term_width = 100, after_help = after_help())]
#[command(
    disable_help_subcommand = true,
    propagate_version = false,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) general: General,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Holds for every command.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Everywhere")]
pub(crate) struct General {
    /// The configuration [default: see `signoff --help`]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Act as this one instead of the connection's own
    #[arg(long = "as", global = true, value_name = "CREDENTIAL")]
    pub(crate) act_as: Option<String>,
    /// Where runs are kept [default: $XDG_STATE_HOME/signoff]
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) state: Option<PathBuf>,
    /// Look for plugins here first; repeatable
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) plugin_path: Vec<PathBuf>,
    /// `human`, or `json`: one JSON object a line
    #[arg(long, global = true, value_name = "FORMAT", value_enum, default_value_t = Format::Human)]
    #[arg(hide_possible_values = true)]
    pub(crate) format: Format,
    /// `auto`, `always` or `never`
    #[arg(long, global = true, value_name = "WHEN", value_enum, default_value_t = Color::Auto)]
    #[arg(hide_possible_values = true)]
    pub(crate) color: Color,
    /// Say more
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    /// Say nothing but results and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
}

/// How results are printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    // No doc comments here and below: clap would spread every help text over pages for them.
    Human,
    Json,
}

/// When to colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run a workflow script
    Run(Run),
    /// Log users of a connection out
    Logout(Logout),
    /// Go on with a run that was stopped or broke off
    Resume(Resume),
    /// List the runs there were, the newest first
    Runs(Runs),
    /// Show what became of a run, or of one person in it
    Show(Show),
    /// List the users of a connection; nothing is changed
    Roster(Roster),
    /// Show the state of users; nothing is changed
    Status(Status),
    /// Show what happens to users, as the vendor tells it; until Ctrl-C
    WatchFeed(WatchFeed),
    /// Write a first configuration, and try it
    Init(Init),
    /// Check the configuration, and what it leads to; nothing is changed
    Doctor,
    /// List the workflows that come with signoff, or copy one
    #[command(subcommand)]
    Scripts(Scripts),
    /// Replay a tutorial step by step, and check every expectation
    Replay(Replay),
    /// Serve simulated vendors on loopback, for trying and teaching
    Sandbox(Sandbox),
    /// List provider plugins, or trust one
    #[command(subcommand)]
    Plugin(Plugin),
    /// Print a completion script for a shell
    Completions {
        /// `bash`, `zsh`, `fish`, `elvish` or `powershell`
        #[arg(value_name = "SHELL", value_enum, hide_possible_values = true)]
        shell: clap_complete::Shell,
    },
    /// Print a manual page, for `man -l -`
    Man {
        /// Of this command [default: of the whole]
        #[arg(value_name = "COMMAND")]
        command: Option<String>,
    },
}

/// Where the work goes.
#[derive(Debug, Clone, Args)]
pub(crate) struct Place {
    /// Work on simulated vendors; no configuration needed
    #[arg(long)]
    pub(crate) sandbox: bool,
}

/// How an effect is guarded.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct Guard {
    /// Show what would be done, and change nothing
    #[arg(long)]
    pub(crate) plan: bool,
    /// Do not ask, however many users there are
    #[arg(long)]
    pub(crate) yes: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// Users from a file.
#[derive(Debug, Args)]
pub(crate) struct FromFile {
    /// Users of a CSV or of JSON lines; `-`: standard input
    #[arg(long = "from", id = "from", value_name = "FILE")]
    pub(crate) path: Option<PathBuf>,
    /// The column with the ids [default: id]
    #[arg(long, value_name = "COLUMN")]
    pub(crate) id_column: Option<String>,
    /// Take an attribute from this column; repeatable
    #[arg(long, value_name = "ATTRIBUTE=COLUMN")]
    pub(crate) map: Vec<String>,
    /// This column holds secrets; repeatable
    #[arg(long = "secret-column", value_name = "COLUMN")]
    pub(crate) secret_columns: Vec<String>,
}

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Run {
    /// A workflow: a `.luau` file, or `@NAME` for one that comes with signoff
    #[arg(value_name = "SCRIPT")]
    pub(crate) script: Option<String>,
    /// Set an argument of the workflow; repeatable
    #[arg(long = "set", value_name = "NAME=VALUE")]
    pub(crate) set: Vec<String>,
    #[command(flatten)]
    pub(crate) guard: Guard,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Print help; with SCRIPT, its arguments
    #[arg(short, long)]
    pub(crate) help: bool,
}

#[derive(Debug, Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Logout {
    /// A connection of the configuration
    #[arg(value_name = "CONNECTION")]
    pub(crate) connection: Option<String>,
    /// Ids of users
    #[arg(value_name = "USER", conflicts_with = "from")]
    pub(crate) users: Vec<String>,
    /// Everybody who is signed in to this team
    #[arg(long, value_name = "TEAM", conflicts_with_all = ["users", "from"])]
    pub(crate) team: Option<String>,
    #[command(flatten)]
    pub(crate) from: FromFile,
    /// Set an option of the operation; repeatable
    #[arg(short = 'o', long = "option", value_name = "NAME=VALUE")]
    pub(crate) options: Vec<String>,
    /// Log out the acting user too, last
    #[arg(long)]
    pub(crate) include_self: bool,
    #[command(flatten)]
    pub(crate) guard: Guard,
    #[command(flatten)]
    pub(crate) place: Place,
    /// Print help; with CONNECTION, its options
    #[arg(short, long)]
    pub(crate) help: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The run: as much of its id as tells it apart, or its last letters [default: the latest unfinished one]
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Where a logout was sent and not answered: `verify` by the user's state, `skip` him, or `repeat` it [default: verify]
    #[arg(long, value_name = "HOW", value_enum, hide_possible_values = true)]
    pub(crate) in_doubt: Option<InDoubt>,
    /// The file of users that the run was given, if it is not where it was; its secrets are in no journal
    #[arg(long, value_name = "FILE")]
    pub(crate) from: Option<PathBuf>,
    /// Go on although something has changed since the run began
    #[arg(long)]
    pub(crate) force: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// Only these: `completed`, `stopped`, `interrupted`, `failed`, `running`, `broken-off`, `unreadable`, or `unfinished`, which `resume` goes on with
    #[arg(long, value_name = "STATUS", value_enum, hide_possible_values = true)]
    pub(crate) status: Option<RunStatus>,
    /// Only those that opened this connection
    #[arg(long, value_name = "CONNECTION")]
    pub(crate) connection: Option<String>,
    /// Only those that began then or later: `2026-11-20`, `2026-11-20T21:32:00Z`, or `48h` ago; days are in UTC
    #[arg(long, value_name = "WHEN")]
    pub(crate) since: Option<String>,
    /// Only those that began then or before; of a day, until its end
    #[arg(long, value_name = "WHEN")]
    pub(crate) until: Option<String>,
    /// Also those that only read: `roster`, `status` and `watch-feed`
    #[arg(long)]
    pub(crate) all: bool,
}

/// How a run stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum RunStatus {
    Completed,
    Stopped,
    Interrupted,
    Failed,
    Running,
    BrokenOff,
    Unreadable,
    Unfinished,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The run: as much of its id as tells it apart, or its last letters [default: the latest that did more than read]
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    /// Everything that was sent and answered about this person
    #[arg(long, value_name = "ID")]
    pub(crate) user: Option<String>,
}

/// What to do about a logout of which nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum InDoubt {
    Verify,
    Skip,
    Repeat,
}

#[derive(Debug, Args)]
pub(crate) struct Roster {
    /// A connection of the configuration
    #[arg(value_name = "CONNECTION")]
    pub(crate) connection: String,
    /// Only this team
    #[arg(long, value_name = "TEAM")]
    pub(crate) team: Option<String>,
    /// Only those who are signed in
    #[arg(long)]
    pub(crate) signed_in: bool,
    /// Set another option of the operation; repeatable
    #[arg(short = 'o', long = "option", value_name = "NAME=VALUE")]
    pub(crate) options: Vec<String>,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct WatchFeed {
    /// A connection of the configuration
    #[arg(value_name = "CONNECTION")]
    pub(crate) connection: String,
    /// Only this team [default: every team of the one who acts]
    #[arg(long, value_name = "TEAM")]
    pub(crate) team: Option<String>,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Status {
    /// A connection of the configuration
    #[arg(value_name = "CONNECTION")]
    pub(crate) connection: String,
    /// Ids of users
    #[arg(
        value_name = "USER",
        required_unless_present = "from",
        conflicts_with = "from"
    )]
    pub(crate) users: Vec<String>,
    #[command(flatten)]
    pub(crate) from: FromFile,
    #[command(flatten)]
    pub(crate) place: Place,
}

#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// A lab text, a folder of its pages, a `.luau` file, or `@NAME` for one that comes with signoff
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Values of its variables: what Postman exports, or an object in JSON or TOML; repeatable
    #[arg(short = 'e', long, value_name = "FILE")]
    pub(crate) environment: Vec<PathBuf>,
    /// The value of one variable; repeatable
    #[arg(long = "var", value_name = "NAME=VALUE")]
    pub(crate) variables: Vec<String>,
    /// Only this step, by number or title; repeatable
    #[arg(long, value_name = "STEP")]
    pub(crate) folder: Vec<String>,
    /// End with the first failure
    #[arg(long)]
    pub(crate) bail: bool,
    /// Show how each sentence is understood, and send nothing
    #[arg(long)]
    pub(crate) explain: bool,
    /// Pass over what only a person can do
    #[arg(long)]
    pub(crate) yes: bool,
    /// Send everything there instead
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// Send what is for one port to another: `8082=8445/https`, `5222=5223/tls`; repeatable
    #[arg(long, value_name = "PORT=PORT/SCHEME")]
    pub(crate) map_port: Vec<String>,
    /// Write a JUnit report there
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
    /// Of one request, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
    /// How long a notification is waited for, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) wait: u64,
    /// Give an answer up that is larger
    #[arg(long, value_name = "SIZE", default_value = "8MiB", value_parser = size)]
    pub(crate) max_response_size: u64,
    /// Trust the certificates in this file too
    #[arg(long, value_name = "FILE")]
    pub(crate) ca_file: Option<PathBuf>,
    /// Trust whoever answers
    #[arg(long)]
    pub(crate) danger_accept_invalid_certificates: bool,
    /// Send passwords over the network in clear
    #[arg(long)]
    pub(crate) danger_plain_http: bool,
    #[command(flatten)]
    pub(crate) place: Place,
}

fn size(text: &str) -> Result<u64, String> {
    signoff_engine::parameters::parse_size(text).map_err(|error| error.to_string())
}

#[derive(Debug, Args)]
pub(crate) struct Sandbox {
    /// Make it misbehave; repeatable
    #[arg(long = "fault", value_name = "NAME=VALUE")]
    pub(crate) faults: Vec<String>,
    /// Listen on this port of 127.0.0.1 [default: any free one]
    #[arg(long, value_name = "PORT")]
    pub(crate) port: Option<u16>,
    /// Serve the users of Cisco's labs, and write the environment of their tutorials there
    #[arg(long, value_name = "FILE")]
    pub(crate) environment: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Init {
    /// Whose API it is: `finesse`, or the id of a plugin
    #[arg(value_name = "PROVIDER")]
    pub(crate) provider: String,
    /// `https://HOST:PORT`; a second one is the failover node
    #[arg(value_name = "URL", required = true)]
    pub(crate) urls: Vec<String>,
    /// What to call the connection [default: as the provider]
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// Whom to sign in as [default: asks]
    #[arg(long, value_name = "NAME")]
    pub(crate) username: Option<String>,
    #[command(flatten)]
    pub(crate) secret: SecretFlags,
}

/// Where the password, token or key is found [default: asks].
#[derive(Debug, Args)]
#[group(multiple = false)]
pub(crate) struct SecretFlags {
    /// The password, token or key is in this environment variable
    #[arg(long, value_name = "VARIABLE")]
    password_env: Option<String>,
    /// It is in this file, which nobody else may read
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// It is what this program prints; no shell takes part
    #[arg(long, value_name = "PROGRAM", num_args = 1..)]
    password_command: Option<Vec<String>>,
    /// It is asked for each time
    #[arg(long)]
    password_prompt: bool,
}

/// Where a secret is found.
#[derive(Debug)]
pub(crate) enum SecretSource {
    Env(String),
    File(PathBuf),
    Command(Vec<String>),
    Prompt,
}

impl SecretFlags {
    /// The one that was given.
    pub(crate) fn source(self) -> Option<SecretSource> {
        self.password_env
            .map(SecretSource::Env)
            .or(self.password_file.map(SecretSource::File))
            .or(self.password_command.map(SecretSource::Command))
            .or(self.password_prompt.then_some(SecretSource::Prompt))
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Plugin {
    /// List the providers there are, and whether they may run
    List,
    /// Pin a plugin as it is now, so that it may run
    Trust {
        /// The id of a plugin, or the folder it is in
        #[arg(value_name = "PLUGIN")]
        plugin: String,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Scripts {
    /// List them
    List,
    /// Copy one, to change it; nothing is overwritten
    Copy {
        /// Its name, with or without `@`
        #[arg(value_name = "NAME")]
        name: String,
        /// Where to [default: the current folder]
        #[arg(value_name = "DIR")]
        folder: Option<PathBuf>,
    },
}

/// What the help of the whole ends with.
fn after_help() -> String {
    format!("{ENVIRONMENT}\n\n{}", exit::TABLE)
}

/// What counts besides the command line.
const ENVIRONMENT: &str = "\
The configuration is the first of these:
  --config FILE
  $SIGNOFF_CONFIG
  ./signoff.toml
  signoff/signoff.toml in the user's configuration folder ($XDG_CONFIG_HOME)

$SIGNOFF_PLUGIN_PATH names more folders with plugins. $NO_COLOR, if set, switches
colours off.";

impl FromFile {
    /// What is said of the columns of a file, if no file is named. Clap's `requires` does not hold beside an argument that
    /// conflicts with `--from`.
    pub(crate) fn without_file(&self) -> Option<&'static str> {
        let given = [
            ("--id-column", self.id_column.is_some()),
            ("--map", !self.map.is_empty()),
            ("--secret-column", !self.secret_columns.is_empty()),
        ];
        let given = given.into_iter().filter(|_| self.path.is_none());
        given
            .into_iter()
            .find_map(|(flag, is_given)| is_given.then_some(flag))
    }
}

impl General {
    /// The least grave log line that is shown.
    pub(crate) fn least_level(&self) -> Level {
        match (self.quiet, self.verbose) {
            (true, _) => Level::Error,
            (false, 0) => Level::Info,
            (false, _) => Level::Debug,
        }
    }
}
