//! Finding a secret, for each kind of reference. What is read goes through buffers that are wiped, and every
//! source is bounded in size and time, since anything can stand at the end of a path or a command.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use zeroize::Zeroizing;

use super::{Environment, Secret, SecretProblem};
use crate::platform;
use crate::redact::Redactor;

/// A private key in PEM fits many times.
const LIMIT: u64 = 64 * 1024;

/// How long a command may take: long enough for a touch on a hardware token.
pub(super) const COMMAND_TIME: Duration = Duration::from_secs(30);

/// How much of what a failed command says is shown, in characters.
const WORDS_SHOWN: usize = 200;

/// How much of it is kept in bytes, so that a secret in it is not cut before it is recognised.
const WORDS_KEPT: usize = 64 * 1024;

pub(super) fn from_variable(environment: &dyn Environment, name: &str) -> Result<Secret, SecretProblem> {
    let secret = environment.variable(name).ok_or(SecretProblem::Unset)?;
    not_empty(secret)
}

pub(super) async fn from_file(path: PathBuf) -> Result<Secret, SecretProblem> {
    let read = tokio::task::spawn_blocking(move || read_file(&path)).await;
    read.unwrap_or_else(|stopped| Err(SecretProblem::Unreadable(stopped.to_string())))
}

pub(super) async fn from_prompt(
    environment: &Arc<dyn Environment>,
    credential: &str,
) -> Result<Secret, SecretProblem> {
    let environment = Arc::clone(environment);
    let label = credential.to_owned();
    let answer = tokio::task::spawn_blocking(move || environment.prompt(&label)).await;
    let secret = answer
        .map_err(io::Error::other)
        .flatten()
        .map_err(|error| SecretProblem::NotAsked(error.to_string()))?;
    not_empty(secret)
}

/// The keyring may have to be unlocked first, by a person.
#[cfg(feature = "keyring")]
pub(super) async fn from_keyring(name: String) -> Result<Secret, SecretProblem> {
    use keyring::Error;
    let not_given = |words: String| SecretProblem::NotGiven(words);
    let read = tokio::task::spawn_blocking(move || {
        let entry = keyring::Entry::new("signoff", &name)?;
        entry.get_password().map(Secret::new)
    });
    let read = tokio::time::timeout(COMMAND_TIME, read).await;
    let read = read.map_err(|_| not_given(format!("it did not open within {} s", COMMAND_TIME.as_secs())))?;
    let secret = read.map_err(|stopped| not_given(stopped.to_string()))?;
    not_empty(secret.map_err(|error| match error {
        Error::NoEntry => SecretProblem::NotInKeyring,
        Error::BadEncoding(_) => SecretProblem::NotText,
        Error::NoDefaultStore => not_given("there is none in this session".to_owned()),
        Error::Ambiguous(entries) => not_given(format!("{} entries are called so", entries.len())),
        other => not_given(other.to_string()),
    })?)
}

pub(super) async fn from_command(
    arguments: &[String],
    folder: &Path,
    time: Duration,
) -> Result<Secret, SecretProblem> {
    let not_started = |error: io::Error| SecretProblem::NotStarted(error.to_string());
    let Some((program, arguments)) = arguments.split_first() else {
        return Err(SecretProblem::NotStarted("it has no words".to_owned()));
    };
    let folder = std::path::absolute(folder).map_err(not_started)?;
    // A bare name is searched for in `PATH`; a relative path starts where the configuration is.
    let program = if Path::new(program).components().count() > 1 {
        folder.join(program)
    } else {
        PathBuf::from(program)
    };
    let mut child = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(not_started)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let whole = async {
        let (output, words) = tokio::join!(read_bounded(stdout), read_tail(stderr));
        let output = output?;
        let status = child.wait().await.map_err(not_started)?;
        Ok((output, words, status))
    };
    let (output, words, status) =
        tokio::time::timeout(time, whole)
            .await
            .map_err(|_| SecretProblem::CommandTimedOut {
                seconds: time.as_secs(),
            })??;
    if !status.success() {
        return Err(SecretProblem::CommandFailed {
            status: status.to_string(),
            words: one_line(&without(&output, &words)),
        });
    }
    to_secret(&output)
}

fn read_file(path: &Path) -> Result<Secret, SecretProblem> {
    let unreadable = |error: io::Error| SecretProblem::Unreadable(error.to_string());
    let file = File::open(path).map_err(unreadable)?;
    // Asked of what was opened, not of the path, which could meanwhile mean another file.
    let metadata = file.metadata().map_err(unreadable)?;
    if platform::readable_by_others(&metadata) {
        return Err(SecretProblem::ReadableByOthers);
    }
    let mut bytes = buffer();
    file.take(LIMIT + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    to_secret(&bytes)
}

/// Large enough from the start: growing it would leave copies behind that nobody wipes.
fn buffer() -> Zeroizing<Vec<u8>> {
    Zeroizing::new(Vec::with_capacity(
        usize::try_from(LIMIT).unwrap_or(usize::MAX).saturating_add(64),
    ))
}

async fn read_bounded(stream: Option<impl AsyncRead + Unpin>) -> Result<Zeroizing<Vec<u8>>, SecretProblem> {
    let mut bytes = buffer();
    if let Some(stream) = stream {
        let read = stream.take(LIMIT + 1).read_to_end(&mut bytes).await;
        read.map_err(|error| SecretProblem::Unreadable(error.to_string()))?;
    }
    if bytes.len() as u64 > LIMIT {
        return Err(SecretProblem::TooLong { limit: LIMIT });
    }
    Ok(bytes)
}

/// The end of a stream. Reads it whole, so that its writer never blocks.
async fn read_tail(stream: Option<impl AsyncRead + Unpin>) -> String {
    let mut tail = Vec::new();
    if let Some(mut stream) = stream {
        let mut chunk = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut chunk).await {
            tail.extend_from_slice(chunk.get(..count).unwrap_or_default());
            let surplus = tail.len().saturating_sub(WORDS_KEPT);
            tail.drain(..surplus);
        }
    }
    String::from_utf8_lossy(&tail).into_owned()
}

/// What a command said, without what it gave: it failed, and yet that may be the secret.
fn without(output: &[u8], words: &str) -> String {
    let redactor = Redactor::new();
    let output = Zeroizing::new(String::from_utf8_lossy(output).into_owned());
    for line in output.lines() {
        redactor.add("", &Secret::new(line.trim().to_owned()));
    }
    redactor.redact(words).into_owned()
}

/// The end of a text, in one line without control characters.
fn one_line(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let skipped = line.chars().count().saturating_sub(WORDS_SHOWN);
    line.chars()
        .skip(skipped)
        .filter(|character| !character.is_control())
        .collect()
}

fn to_secret(bytes: &[u8]) -> Result<Secret, SecretProblem> {
    if bytes.len() as u64 > LIMIT {
        return Err(SecretProblem::TooLong { limit: LIMIT });
    }
    let text = str::from_utf8(bytes).map_err(|_| SecretProblem::NotText)?;
    let text = text
        .strip_suffix('\n')
        .map_or(text, |line| line.strip_suffix('\r').unwrap_or(line));
    not_empty(Secret::new(text.to_owned()))
}

fn not_empty(secret: Secret) -> Result<Secret, SecretProblem> {
    if secret.expose().is_empty() {
        return Err(SecretProblem::Empty);
    }
    Ok(secret)
}
