//! Outcomes and times in the words of those who read them.

use std::collections::BTreeMap;
use std::time::Duration;

use signoff_core::{ActsOn, Descriptor, Outcome};
use signoff_engine::call::Cause;

/// What became of so many users.
pub(super) const fn happened(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Done => "logged out",
        Outcome::Already => "already out",
        Outcome::Skipped => "skipped",
        Outcome::Planned => "planned",
        Outcome::Accepted => "accepted, not confirmed",
        Outcome::Pending => "out when the call ends",
        Outcome::Busy => "left on a call",
        Outcome::Refused => "refused",
        Outcome::NotFound => "not found",
        Outcome::Denied => "denied",
        Outcome::Failed => "failed",
        Outcome::Unknown => "unknown",
        Outcome::Cancelled => "not tried",
    }
}

/// What would become of them.
pub(super) const fn would(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Planned => "would be logged out",
        other => happened(other),
    }
}

/// So many of each, those who were logged out first.
pub(super) fn counted(counts: &BTreeMap<Outcome, u64>, words: fn(Outcome) -> &'static str) -> String {
    let (first, second): (Vec<_>, Vec<_>) = counts
        .iter()
        .partition(|(outcome, _)| matches!(outcome, Outcome::Done | Outcome::Planned));
    let counts: Vec<String> = first
        .into_iter()
        .chain(second)
        .map(|(outcome, count)| format!("{count} {}", words(*outcome)))
        .collect();
    counts.join(", ")
}

/// What to do about somebody who is not out; empty for those who are. `provider` is `None` where it is not known what its
/// vendor can be asked.
pub(super) fn advice(outcome: Outcome, code: Option<&str>, provider: Option<&Descriptor>) -> &'static str {
    let has_keys = provider.is_some_and(|provider| !provider.secret_attributes.is_empty());
    let by_key = provider.is_some_and(|provider| provider.acts_on == ActsOn::CredentialOwner);
    let has_status = provider.map(|provider| provider.operation("status").is_some());
    let can_be_asked = provider.map(|provider| provider.state_can_be_asked);
    match outcome {
        Outcome::Done | Outcome::Already | Outcome::Skipped | Outcome::Planned => "",
        Outcome::Accepted => "not confirmed is not out: look with `signoff status CONNECTION USER`",
        Outcome::Pending => "when the calls have ended, look with `signoff status CONNECTION USER`",
        Outcome::Busy => "who was on a call is still in: run it again later, or with a longer `wait`",
        Outcome::Refused | Outcome::NotFound | Outcome::Denied => {
            "deal with the reason given for each before you run it again"
        }
        Outcome::Failed if code.is_some_and(is_missing) => {
            if has_keys {
                "give what is missing in a file, as in `--from FILE`, before you run it again"
            } else {
                "deal with the reason given for each before you run it again"
            }
        }
        Outcome::Unknown => match has_status {
            Some(true) if by_key => {
                "whoever is unknown may be in: look with `signoff status CONNECTION --from FILE`; \
                 `signoff resume RUN --in-doubt repeat` logs him out all the same"
            }
            Some(true) => {
                "whoever is unknown may be in: look with `signoff status CONNECTION USER`; \
                 `signoff resume RUN --in-doubt repeat` logs him out all the same"
            }
            Some(false) => {
                "whoever is unknown may be in, and the vendor cannot be asked: \
                 `signoff resume RUN --in-doubt repeat` sends it once more for him"
            }
            None => "whoever is unknown may be in: `signoff resume RUN --in-doubt verify|repeat` settles it",
        },
        Outcome::Failed | Outcome::Cancelled => match can_be_asked {
            Some(true) => "run it again for the rest: whoever is out already is not touched",
            Some(false) => {
                "run it again, for the rest alone: who is out already would be logged out once more"
            }
            None => "run it again for the rest",
        },
    }
}

/// Whether a code says that something was not given, which is missing the next time too.
fn is_missing(code: &str) -> bool {
    code.starts_with("no_") || code == "key_in_clear"
}

/// What to do when nobody could be tried.
pub(crate) const fn advice_for_all(cause: Cause) -> &'static str {
    match cause {
        Cause::Credential => "correct the credential first: the vendor locks an account after a few refusals",
        Cause::Login => {
            "no token could be had, though nothing was refused: deal with the reason given, or run it again when \
             the login answers"
        }
        Cause::Unreachable => "nobody was tried; run it again when the vendor can be reached",
        Cause::Unreadable => "nobody was tried, since it is not known who is there",
    }
}

/// How long a run took.
pub(super) fn elapsed(elapsed: Duration) -> String {
    let seconds = elapsed.as_secs();
    match seconds {
        0..=59 => format!("{:.1} s", elapsed.as_secs_f64()),
        60..=3599 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// How long something has lasted, in two units at most.
pub(crate) fn lasted(lasted: Duration) -> String {
    let seconds = lasted.as_secs();
    match seconds {
        0..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{} min", seconds / 60),
        3_600..=86_399 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3_600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn advice_fits_what_a_vendor_goes_by() {
        let uiza = |outcome, code| advice(outcome, code, Some(&signoff_uiza::DESCRIPTOR));
        let finesse = |outcome, code| advice(outcome, code, Some(&signoff_finesse::DESCRIPTOR));
        assert!(uiza(Outcome::Unknown, None).contains("status CONNECTION --from FILE"));
        assert!(finesse(Outcome::Unknown, None).contains("status CONNECTION USER"));
        assert!(uiza(Outcome::Failed, Some("no_key")).contains("--from FILE"));
        assert!(uiza(Outcome::Failed, Some("key_in_clear")).contains("--from FILE"));
        assert!(finesse(Outcome::Failed, Some("no_feed")).starts_with("deal with the reason"));
        assert!(uiza(Outcome::Failed, Some("500")).starts_with("run it again"));
    }

    #[test]
    fn times_are_short() {
        let of = |seconds| lasted(Duration::from_secs(seconds));
        assert_eq!(of(59), "59 s");
        assert_eq!(of(3_599), "59 min");
        assert_eq!(of(86_399), "23 h 59 min");
        assert_eq!(of(90_000), "1 d 1 h");
        assert_eq!(elapsed(Duration::from_millis(61_900)), "1 min 1 s");
    }
}
