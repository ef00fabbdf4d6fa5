//! Whether a connection is told of changes by its vendor, and whether that can do any harm.
//!
//! A session may do something to its own user: Finesse logs out whoever is signed in when his session ends. So it is tried
//! only as a credential that the configuration names for it.

use std::sync::Arc;

use signoff_engine::call::Cause;
use signoff_engine::checkup::Checkup;

use super::connection::CORRECT;
use super::{Checks, Finding, Level};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::setup::Setup;

/// Tries to listen, where that is configured, or says what stands in the way.
pub(super) async fn feed(
    checks: &mut Checks,
    setup: &Setup,
    checkup: &Checkup,
    answers: bool,
) -> Result<(), Failure> {
    let settings = checkup.settings();
    if !checkup.has_feed() {
        return Ok(());
    }
    let Some(name) = &settings.feed.credential else {
        let text =
            "not listened to while the one who acts is signed in: logouts are confirmed by reading states";
        checks.add(&Finding::notice("notifications", text).hint(
            "add `feed = { credential = \"NAME\" }` with a user who is never signed in: the end of a session logs out whoever is",
        ));
        return Ok(());
    };
    if !answers || checks.spent.contains(name) {
        return Ok(());
    }
    let credential = setup.engine.credential(name)?;
    let actor = credential.actor();
    let no_feed = match checkup.listen(&credential).await {
        Ok(address) => {
            let text = format!("`{actor}` can listen at `{address}`");
            checks.add(&Finding::ok("notifications", text));
            return Ok(());
        }
        Err(no_feed) => no_feed,
    };
    // Somebody wants them, or would not have named a credential for them.
    let problem = |exit, more: &str| {
        let text = format!("`{actor}` cannot listen: {no_feed}{more}");
        Finding::new(Level::Problem(exit), "notifications", text)
    };
    let finding = match no_feed.cause {
        Some(Cause::Credential) => {
            checks.spent.insert(Arc::clone(credential.name()));
            problem(Exit::Untried, "; it was shown once").hint(CORRECT)
        }
        Some(_) => problem(Exit::Untried, "").hint(INSTEAD),
        None => {
            let hint = no_feed.cure.as_deref().unwrap_or(INSTEAD);
            problem(Exit::Configuration, "").hint(hint)
        }
    };
    checks.add(&finding);
    Ok(())
}

const INSTEAD: &str =
    "until that is mended logouts are confirmed by reading states, and `confirm = \"event\"` is refused";
