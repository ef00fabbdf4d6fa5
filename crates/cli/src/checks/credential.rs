//! Whether the secret of a credential can be had. It is looked up, and never shown.

use signoff_core::CredentialKind;
use signoff_engine::credential::CredentialSettings;
use signoff_engine::secret::SecretReference;

use super::values::line;
use super::{Checks, Finding, Level};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;
use crate::setup::{Located, Setup};

/// A credential of the configuration.
pub(crate) async fn credential(
    checks: &mut Checks,
    setup: &Setup,
    located: &Located,
    settings: &CredentialSettings,
) -> Result<(), Failure> {
    let name = &*settings.name;
    checks.about(format!("credential `{name}`"));
    let origin = |key: &str| line(setup, located, &["credentials", name, key]).unwrap_or_default();
    if !origin("username").is_empty() {
        checks.add(&Finding::ok("username", settings.actor.as_str()).from(origin("username")));
    }
    let key = key(settings.kind);
    checks.add(&Finding::ok(key, settings.secret.to_string()).from(origin(key)));
    if settings.secret == SecretReference::Prompt && !report::can_ask() {
        checks.spent.insert(settings.name.clone());
        checks.add(
            &Finding::notice("secret", "not asked for: there is no terminal")
                .hint("take it from `env`, `file` or `command` if signoff is to run without anybody there"),
        );
        return Ok(());
    }
    match setup.engine.credential(name)?.resolve().await {
        Ok(()) => checks.add(&Finding::ok("secret", "found")),
        Err(error) => {
            checks.spent.insert(settings.name.clone());
            let level = Level::Problem(Exit::Configuration);
            checks.add(&Finding::new(level, "secret", error.to_string()).hint(error.hint()));
        }
    }
    Ok(())
}

/// Under which key its secret stands.
pub(crate) const fn key(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Basic => "password",
        CredentialKind::Bearer => "token",
        CredentialKind::Key => "key",
    }
}
