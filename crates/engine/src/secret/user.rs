//! Secret attributes of users: device tokens, personal keys. Files of people may bring a million of them; everything
//! but the request that needs one knows a handle in its place.

use std::collections::HashMap;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, PoisonError, RwLock};

use signoff_core::SecretHandle;

use super::Secret;
use crate::redact::Redactor;

/// The secrets of users, by handle. One for each process: a handle means the same in all its runs.
#[derive(Default)]
pub struct UserSecrets {
    redactor: Arc<Redactor>,
    kept: RwLock<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The names of attributes, of which there are few.
    attributes: Vec<Arc<str>>,
    /// By handle, from 1.
    secrets: Vec<Entry>,
    handles: HashMap<Entry, SecretHandle>,
}

/// A secret. Equal to another if its text is, whatever the attribute: a script may hand one on as another.
#[derive(Clone)]
struct Entry {
    /// The place of the name of the attribute that it first was.
    attribute: usize,
    secret: Secret,
}

impl UserSecrets {
    /// One that keeps nothing yet; `redactor` learns whatever is kept.
    #[must_use]
    pub fn new(redactor: Arc<Redactor>) -> Self {
        Self {
            redactor,
            kept: RwLock::default(),
        }
    }

    /// Takes the value of an attribute in, and gives the handle that stands for it. Equal secrets have one handle: two
    /// users on one key are seen by comparing theirs.
    pub fn keep(&self, attribute: &str, secret: Secret) -> SecretHandle {
        let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        let known = kept.attributes.iter().position(|known| **known == *attribute);
        let attribute = known.unwrap_or_else(|| {
            kept.attributes.push(attribute.into());
            kept.attributes.len() - 1
        });
        let entry = Entry { attribute, secret };
        if let Some(handle) = kept.handles.get(&entry) {
            return *handle;
        }
        if let Some(name) = kept.attributes.get(attribute) {
            self.redactor.add(name, &entry.secret);
        }
        kept.secrets.push(entry.clone());
        // Four thousand million secrets would have filled any memory before.
        let handle = SecretHandle(u32::try_from(kept.secrets.len()).unwrap_or(u32::MAX));
        kept.handles.insert(entry, handle);
        handle
    }

    /// What a handle stands for: the name of the attribute that it first was, and the secret; `None` for one that was not given here.
    pub(crate) fn open(&self, handle: SecretHandle) -> Option<(Arc<str>, Secret)> {
        let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
        let number = usize::try_from(handle.0).ok()?.checked_sub(1)?;
        let entry = kept.secrets.get(number)?;
        let attribute = kept.attributes.get(entry.attribute)?;
        Some((Arc::clone(attribute), entry.secret.clone()))
    }
}

impl fmt::Debug for UserSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UserSecrets").finish_non_exhaustive()
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.secret.expose() == other.secret.expose()
    }
}

impl Eq for Entry {}

impl Hash for Entry {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.secret.expose().hash(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn equal_secrets_have_one_handle() {
        let secrets = UserSecrets::default();
        let first = secrets.keep("device_token", secret("fcm-1111"));
        assert_eq!(first, SecretHandle(1));
        assert_eq!(secrets.keep("device_token", secret("fcm-1111")), first);
        assert_ne!(secrets.keep("device_token", secret("fcm-2222")), first);
        assert_eq!(secrets.keep("key", secret("fcm-1111")), first);
    }

    #[test]
    fn a_handle_opens_what_was_kept() {
        let secrets = UserSecrets::default();
        let handle = secrets.keep("key", secret("uap-1"));
        let opened = secrets.open(handle);
        assert!(opened.is_some_and(|(name, key)| *name == *"key" && key.expose() == "uap-1"));
        assert!(secrets.open(SecretHandle(0)).is_none());
        assert!(secrets.open(SecretHandle(2)).is_none());
    }

    #[test]
    fn what_is_kept_is_redacted_and_never_shown() {
        let redactor = Arc::new(Redactor::new());
        let secrets = UserSecrets::new(Arc::clone(&redactor));
        secrets.keep("key", secret("uap-c4n4ry"));
        assert_eq!(redactor.redact("key uap-c4n4ry!"), "key [redacted]!");
        assert_eq!(format!("{secrets:?}"), "UserSecrets { .. }");
    }
}
