//! Whether a connection is told of changes by its vendor, and whether that can do any harm.
//!
//! A session may do something to its own user: Finesse logs out whoever is signed in when his session ends. So it is tried
//! only as a credential that the configuration names for it.

use signoff_engine::checkup::Checkup;

use super::{Checks, Finding};
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
    checks.add(&match checkup.listen(&credential).await {
        Ok(address) => Finding::ok("notifications", format!("`{actor}` can listen at `{address}`")),
        Err(why) => Finding::notice("notifications", format!("`{actor}` cannot listen: {why}"))
            .hint("logouts are confirmed by reading states, and `confirm = \"event\"` is refused"),
    });
    Ok(())
}
