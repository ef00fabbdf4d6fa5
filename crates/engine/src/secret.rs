//! Secrets: where they come from, how they are kept, and how they are kept out of everything else.

use std::path::PathBuf;

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
}
