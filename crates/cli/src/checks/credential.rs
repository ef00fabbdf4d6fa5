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
    if let Some(oauth) = &settings.oauth {
        checks.add(&Finding::ok("token_url", oauth.token_url.as_str()).from(origin("oauth")));
        checks.add(&Finding::ok("client_id", oauth.client_id.as_str()).from(origin("client_id")));
    }
    let key = match settings.oauth {
        Some(_) => "client_secret",
        None => key(settings.kind),
    };
    checks.add(&Finding::ok(key, settings.secret.to_string()).from(origin(key)));
    if let Some(flow) = &settings.login.flow {
        checks.add(&Finding::ok("login", flow.as_str()).from(origin("login")));
    }
    for (field, secret) in &settings.login.fields {
        let place = line(setup, located, &["credentials", name, "login_fields", field]);
        checks.add(&Finding::ok(field, secret.to_string()).from(place.unwrap_or_default()));
    }
    let mut secrets = settings.login.fields.iter().map(|(_, secret)| secret);
    let asks = secrets.any(|secret| *secret == SecretReference::Prompt);
    if (asks || settings.secret == SecretReference::Prompt) && !report::can_ask() {
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
