//! `signoff doctor`: what is wrong with a configuration, and with what it leads to. Nothing is changed.

use signoff_core::ActsOn;

use crate::arguments::{Format, General};
use crate::checks::{self, Checks, Finding, Level};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::report;
use crate::setup::{self, Setup};

/// Looks at everything.
pub(crate) async fn doctor(general: &General) -> Result<Exit, Failure> {
    let located = setup::locate(general)?;
    let setup = Setup::configured(general)?;
    let mut checks = Checks::new(&setup, general);
    checks::configuration(&mut checks, &setup, &located, general);
    let config = &setup.engine.config;
    for credential in &config.credentials {
        checks::credential(&mut checks, &setup, &located, credential).await?;
    }
    for connection in &config.connections {
        checks::connection(&mut checks, &setup, &located, connection).await?;
    }
    if checks.usable == 0 && checks.are_well() {
        let level = Level::Problem(Exit::Configuration);
        checks.add(
            &Finding::new(
                level,
                "connections",
                "none of them has a provider that can be used",
            )
            .hint("see the notices above"),
        );
    }
    checks::state(&mut checks, &setup, general);
    let exit = checks.end();
    if exit == Exit::Success
        && general.format == Format::Human
        && !general.quiet
        && let Some(connection) = config.connections.first()
    {
        let name = &connection.name;
        // The list of users alone would need a credential of the connection's.
        let has_keys = connection.credential.is_none()
            && setup
                .engine
                .registry
                .provider(&connection.provider)
                .is_ok_and(|library| library.descriptor().acts_on == ActsOn::CredentialOwner);
        report::diagnostic(&if has_keys {
            format!("next: signoff logout {name} --from keys.csv --plan")
        } else {
            format!("next: signoff roster {name}")
        });
    }
    Ok(exit)
}
