//! Whose keys the users in scope hold. Where a logout ends the sessions of whoever owns a key, two users with one key
//! would be one person logged out, and two reported.

use std::collections::HashMap;
use std::sync::Arc;

use signoff_core::{ActsOn, Descriptor, SecretHandle, User, Value};

use super::Run;
use super::links::Link;
use crate::call::CallError;

/// Who holds which key, by connection. Users are numbered by their places in the scope: a million of them are not a
/// million texts here.
#[derive(Debug, Default)]
pub(super) struct Keys {
    connections: Vec<Arc<str>>,
    holders: HashMap<(usize, SecretHandle), Holder>,
}

#[derive(Debug, Clone, Copy)]
struct Holder {
    first: u32,
    /// Another one, if there is one.
    other: Option<u32>,
}

impl Keys {
    /// A user holds a key; gives another user who holds it too.
    fn hold(&mut self, connection: &str, key: SecretHandle, user: u32) -> Option<u32> {
        let known = self.connections.iter().position(|known| **known == *connection);
        let connection = known.unwrap_or_else(|| {
            self.connections.push(Arc::from(connection));
            self.connections.len() - 1
        });
        let new = Holder {
            first: user,
            other: None,
        };
        let holder = self.holders.entry((connection, key)).or_insert(new);
        if holder.first == user {
            return holder.other;
        }
        holder.other.get_or_insert(user);
        Some(holder.first)
    }
}

impl Run {
    /// Notes the keys of a user in scope.
    ///
    /// # Errors
    /// [`CallError::Misuse`], naming both, if another user holds one of them.
    pub(super) fn hold_keys(&self, link: &Link, user: &User) -> Result<(), CallError> {
        let connection = &link.settings.name;
        for (attribute, key) in keys_of(link.settings.descriptor, user) {
            let mut scope = self.scope();
            let Some(number) = scope.number(connection, &user.id) else {
                continue;
            };
            let other = scope.keys.hold(connection, key, number);
            if let Some(other) = other.and_then(|other| scope.id(other)) {
                return Err(CallError::shared_key(&user.id, attribute, &other));
            }
        }
        Ok(())
    }
}

/// The keys of a user by which his logout works, each with its attribute; none where a logout goes by his id.
fn keys_of(descriptor: &'static Descriptor, user: &User) -> Vec<(&'static str, SecretHandle)> {
    if descriptor.acts_on != ActsOn::CredentialOwner {
        return Vec::new();
    }
    let attributes = descriptor.secret_attributes.iter().copied();
    attributes
        .flat_map(|attribute| {
            let keys = user.attribute(attribute).map(Value::secrets).unwrap_or_default();
            keys.into_iter().map(move |key| (attribute, key))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_of_two_is_refused_to_both() {
        let mut keys = Keys::default();
        let key = SecretHandle(7);
        assert_eq!(keys.hold("a", key, 1), None);
        assert_eq!(keys.hold("a", key, 1), None);
        assert_eq!(keys.hold("a", SecretHandle(8), 2), None);
        assert_eq!(keys.hold("b", key, 2), None);
        assert_eq!(keys.hold("a", key, 2), Some(1));
        assert_eq!(keys.hold("a", key, 1), Some(2));
    }
}
