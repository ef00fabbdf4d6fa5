//! A credential at work: resolved when it is first needed, and placed into exchanges.

use std::sync::Arc;

use signoff_core::CredentialKind;

use crate::secret::SecretReference;

/// A named credential, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CredentialSettings {
    /// Its name in the configuration.
    pub name: Arc<str>,
    /// What kind it is.
    pub kind: CredentialKind,
    /// Its public name: the user name, or the credential's own name where it has none.
    pub actor: String,
    /// Where the password, token or key is to be found.
    pub secret: SecretReference,
}
