//! The contact centre that most tests visit.

use signoff_sandbox::{Fault, FaultKind, Population, Sandbox, Setting, Settings, State, User};

pub(crate) const SUPERVISOR: &str = "sup:sup-password";
pub(crate) const AGENT: &str = "100:100-password";
pub(crate) const ADMINISTRATOR: &str = "admin:admin-password";

/// Two teams; `sup` supervises the first, of which 100 is READY and 101 NOT_READY.
pub(crate) fn population() -> Population {
    Population::new()
        .with_team("1", "One & Only")
        .with_team("2", "Two")
        .with(User::supervisor("sup", &["1"]).extension("2001"))
        .with(User::supervisor("other-sup", &["2", "1"]))
        .with(User::administrator("admin"))
        .with(
            User::agent("100", "1")
                .named("Ann", "O'Neil & <Co>")
                .extension("1100"),
        )
        .with(User::agent("101", "1").state(State::NotReady))
        .with(User::agent("102", "1").state(State::Logout))
        .with(User::agent("200", "2"))
        .with_reason(55, 222, "LOGOUT", "End of Shift")
        .with_reason(61, 301, "NOT_READY", "Lunch")
}

/// It serves them.
pub(crate) async fn sandbox() -> Sandbox {
    Sandbox::start(Settings::with(population())).await.unwrap()
}

/// Changes one way in which it behaves.
pub(crate) fn set(sandbox: &Sandbox, setting: Setting) {
    sandbox.set_fault(Fault::new(FaultKind::Finesse(setting)));
}
