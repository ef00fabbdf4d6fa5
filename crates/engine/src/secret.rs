//! Secrets: where they come from, how they are kept, and how they are kept out of everything else.
//!
//! A secret is looked up late, when something is first sent with it, so that a plan or a roster of another
//! connection asks for no password that it does not need. It lives in memory only, and is wiped when dropped.

mod resolve;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod user;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

pub use user::UserSecrets;

/// A password, token or key. Cloning shares it; the last clone to go wipes it.
#[derive(Clone)]
pub struct Secret(Arc<SecretString>);

impl Secret {
    /// Takes the text over, and wipes what it came in.
    #[must_use]
    pub fn new(text: String) -> Self {
        // A string with room to spare would be moved on its way into the box, and leave its old place as it
        // was.
        let text = Zeroizing::new(text);
        Self(Arc::new(SecretString::from(text.as_str())))
    }

    /// The text, for the moment of its use.
    pub(crate) fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret([redacted])")
    }
}

/// What the engine needs from the process around it to find secrets; handed in by the binary, since the
/// engine reads no environment and knows no terminal.
pub trait Environment: Send + Sync + 'static {
    /// An environment variable; `None` if unset or not Unicode.
    fn variable(&self, name: &str) -> Option<Secret>;

    /// Asks the person at the terminal, without echo. Blocks; called on a thread of its own.
    ///
    /// # Errors
    /// There is no terminal, or the person declined.
    fn prompt(&self, label: &str) -> io::Result<Secret>;
}

/// Where a secret is to be found; what a configuration holds instead of the secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretReference {
    /// An environment variable.
    Env(String),
    /// A file that nobody else may read; its trailing line break is dropped.
    File(PathBuf),
    /// A command whose standard output it is; an argument vector, never a shell line.
    Command(Vec<String>),
    /// A question to the person at the terminal.
    Prompt,
    /// An entry of the desktop's keyring, under the service `signoff` and this name.
    #[cfg(feature = "keyring")]
    Keyring(String),
}

impl SecretReference {
    /// Looks the secret up, for the credential of that name. Paths are relative to `folder`, the
    /// configuration's.
    ///
    /// # Errors
    /// It is not there, or not fit to be used; says where it was looked for, never what was found.
    pub async fn resolve(
        &self,
        credential: &str,
        environment: &Arc<dyn Environment>,
        folder: &Path,
    ) -> Result<Secret, SecretError> {
        let found = match self {
            Self::Env(name) => resolve::from_variable(environment.as_ref(), name),
            Self::File(path) => resolve::from_file(folder.join(path)).await,
            Self::Command(arguments) => resolve::from_command(arguments, folder, resolve::COMMAND_TIME).await,
            Self::Prompt => resolve::from_prompt(environment, credential).await,
            #[cfg(feature = "keyring")]
            Self::Keyring(name) => resolve::from_keyring(name.clone()).await,
        };
        found.map_err(|problem| SecretError {
            credential: credential.to_owned(),
            reference: self.to_string(),
            problem,
        })
    }
}

impl fmt::Display for SecretReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable `{name}`"),
            Self::File(path) => write!(f, "file `{}`", path.display()),
            // Its arguments may be nobody else's business.
            Self::Command(arguments) => {
                write!(f, "command `{}`", arguments.first().map_or("", String::as_str))
            }
            Self::Prompt => f.write_str("the prompt"),
            #[cfg(feature = "keyring")]
            Self::Keyring(name) => write!(f, "keyring entry `{name}`"),
        }
    }
}

/// A secret that could not be had.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no secret for credential `{credential}` from {reference}: {problem}")]
pub struct SecretError {
    /// The credential's name.
    pub credential: String,
    /// Where it was looked for.
    pub reference: String,
    /// What is wrong there.
    pub problem: SecretProblem,
}

impl SecretError {
    /// What to do about it; may be empty.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self.problem {
            SecretProblem::Unset => "set the variable before signoff is started",
            SecretProblem::Unreadable(_) => {
                "name a file that is there, and that you may read; a path starts at the folder of the configuration"
            }
            SecretProblem::Empty => "put the secret there, on one line",
            #[cfg(feature = "keyring")]
            SecretProblem::NotGiven(_) => {
                "a keyring is there in a desktop's session, unlocked; elsewhere take the secret from `env`, `file` or `command`"
            }
            #[cfg(feature = "keyring")]
            SecretProblem::NotInKeyring => {
                "its service is `signoff`: on Linux `secret-tool store --label=signoff service signoff username ENTRY`"
            }
            SecretProblem::CommandFailed { .. } | SecretProblem::CommandTimedOut { .. } => {
                "run the command by hand, to see what it wants"
            }
            SecretProblem::ReadableByOthers => "take the others' rights away: `chmod 600 FILE`",
            SecretProblem::NotStarted(_) => {
                "the command is an argument vector, run without a shell: `[\"pass\", \"show\", \"NAME\"]`"
            }
            SecretProblem::NotAsked(_) => {
                "run it at a terminal, or take the secret from `env`, `file` or `command`"
            }
            _ => "",
        }
    }
}

/// What is wrong with the place where a secret should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SecretProblem {
    /// An environment variable that does not exist.
    #[error("it is not set")]
    Unset,
    /// There is nothing in it.
    #[error("it is empty")]
    Empty,
    /// It is no text.
    #[error("it is not UTF-8")]
    NotText,
    /// More than a secret can be.
    #[error("it is longer than {limit} bytes")]
    TooLong {
        /// In bytes.
        limit: u64,
    },
    /// A file that cannot be read; the system's words.
    #[error("{0}")]
    Unreadable(String),
    /// A file that others on this machine may read.
    #[error("others on this machine may read it")]
    ReadableByOthers,
    /// A keyring that cannot be opened, or gives no secret; in its words.
    #[cfg(feature = "keyring")]
    #[error("the keyring gives none: {0}")]
    NotGiven(String),
    /// The keyring has no such entry.
    #[cfg(feature = "keyring")]
    #[error("the keyring has no such entry")]
    NotInKeyring,
    /// A command that could not be started; the system's words.
    #[error("it could not be started: {0}")]
    NotStarted(String),
    /// A command that failed.
    #[error("it failed ({status}){}{words}", if words.is_empty() { "" } else { ": " })]
    CommandFailed {
        /// `exit status: 1`.
        status: String,
        /// The end of what it wrote to its standard error, in one line; may be empty.
        words: String,
    },
    /// A command that took too long.
    #[error("it did not end within {seconds} s")]
    CommandTimedOut {
        /// How long it was given.
        seconds: u64,
    },
    /// The person was not asked, or did not answer; the system's words.
    #[error("{0}")]
    NotAsked(String),
}
