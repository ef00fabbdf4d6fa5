//! What this installation calls itself to notification services, so that it finds again what its runs left behind.
//!
//! Subscriptions outlive sessions, and a run that is killed takes none of its own back. Another installation may listen
//! as the same user, and its subscriptions are not ours to remove.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::hexadecimal;
use crate::platform::private_file;

/// The name of an installation.
#[derive(Debug)]
pub(crate) struct Installation {
    prefix: String,
}

impl Installation {
    /// That of a state folder: a file in it holds the name, which is made up when there is none.
    pub(crate) fn of(state: &Path) -> Self {
        let path = state.join("installation");
        let name = read(&path).unwrap_or_else(|| {
            let made_up = made_up();
            let mut options = OpenOptions::new();
            let file = private_file(options.write(true).create_new(true)).open(&path);
            let written = file.and_then(|mut file| writeln!(file, "{made_up}"));
            match written {
                Ok(()) => made_up,
                // Another process was faster, or nothing can be written: then the folder itself is the name.
                Err(_) => read(&path).unwrap_or_else(|| of_path(state)),
            }
        });
        Self {
            prefix: format!("signoff-{name}-"),
        }
    }

    /// One for this once, which nothing is ever found by.
    pub(crate) fn nameless() -> Self {
        Self {
            prefix: format!("signoff-{}-", made_up()),
        }
    }

    /// What the resources of its sessions begin with.
    pub(super) fn prefix(&self) -> &str {
        &self.prefix
    }
}

fn read(path: &Path) -> Option<String> {
    let text = fs::read_to_string(path).ok()?;
    let name = text.trim();
    let is_name = (8..=32).contains(&name.len()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    is_name.then(|| name.to_owned())
}

fn made_up() -> String {
    uuid::Uuid::new_v4().simple().to_string()[..8].to_owned()
}

fn of_path(state: &Path) -> String {
    let digest = Sha256::digest(state.as_os_str().as_encoded_bytes());
    hexadecimal::encode(&digest[..4])
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use super::Installation;

    #[test]
    fn it_keeps_its_name() {
        let folder = tempfile::tempdir().unwrap();
        let first = Installation::of(folder.path());
        assert_eq!(first.prefix(), Installation::of(folder.path()).prefix());
        let other = tempfile::tempdir().unwrap();
        assert_ne!(first.prefix(), Installation::of(other.path()).prefix());
        std::fs::write(folder.path().join("installation"), "a/b").unwrap();
        let third = Installation::of(folder.path());
        assert_eq!(third.prefix(), Installation::of(folder.path()).prefix());
    }
}
