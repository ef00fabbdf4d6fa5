//! Whether a vendor can be reached and serves at all. One request finds that out; the others need not.

use std::time::Duration;

use signoff_core::{FailureKind, Monotonic};

use super::retry::{ATTEMPTS, ATTEMPTS_UNREACHED, Attempt};

/// How long a vendor may serve nobody before retries are pointless.
const LONGEST_OUTAGE: Duration = Duration::from_secs(60);

/// What the answers of a connection tell of its vendor.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Somebody answered, once.
    reached: bool,
    /// A request was given up without anybody ever having been reached.
    dead: bool,
    /// Since when every attempt was in vain.
    trouble_since: Option<Monotonic>,
    /// A request was given up after a long time in which every attempt was in vain.
    given_up: bool,
}

impl Health {
    /// Whether nobody was ever reached, and it has been tried for long enough: then one request at a time finds out
    /// whether that has changed.
    pub(super) const fn is_dead(&self) -> bool {
        self.dead
    }

    /// Whether it has been tried, and nobody was ever reached.
    pub(super) const fn is_unreached(&self) -> bool {
        !self.reached && self.trouble_since.is_some()
    }

    /// Whether nothing is sent a second time until something succeeds.
    pub(super) const fn has_given_up(&self) -> bool {
        self.given_up
    }

    /// How often a request is tried that comes to this end, where there are so many origins to try.
    pub(super) const fn attempts(&self, attempt: Attempt, origins: u32) -> u32 {
        if self.dead || self.given_up {
            origins
        } else if !self.reached && matches!(attempt, Attempt::Failed(FailureKind::Unreachable, _)) {
            ATTEMPTS_UNREACHED.saturating_mul(origins)
        } else {
            ATTEMPTS
        }
    }

    /// An attempt came to an end. `may_repeat` says that it was in vain.
    pub(super) fn attempted(&mut self, attempt: Attempt, may_repeat: bool, now: Monotonic) {
        if !matches!(attempt, Attempt::Failed(FailureKind::Unreachable, _)) {
            self.reached = true;
            self.dead = false;
        }
        if may_repeat {
            self.trouble_since.get_or_insert(now);
        } else if matches!(attempt, Attempt::Answered(_)) {
            self.trouble_since = None;
            self.given_up = false;
        }
    }

    /// A request has had all its attempts, and all were in vain.
    pub(super) fn exhausted(&mut self, attempt: Attempt, now: Monotonic) {
        if !self.reached && matches!(attempt, Attempt::Failed(FailureKind::Unreachable, _)) {
            self.dead = true;
        }
        if self
            .trouble_since
            .is_some_and(|since| now.since(since) >= LONGEST_OUTAGE)
        {
            self.given_up = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use signoff_core::{Class, Sent};

    use super::*;

    const UNREACHABLE: Attempt = Attempt::Failed(FailureKind::Unreachable, Sent::NotSent);
    const UNAVAILABLE: Attempt = Attempt::Answered(Class::Unavailable);
    const OK: Attempt = Attempt::Answered(Class::Ok);

    fn at(seconds: u64) -> Monotonic {
        Monotonic::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn dead_is_only_who_was_never_reached() {
        let mut health = Health::default();
        assert_eq!(health.attempts(UNREACHABLE, 1), 3);
        health.attempted(UNREACHABLE, true, at(1));
        health.exhausted(UNREACHABLE, at(1));
        assert!(health.is_dead() && health.is_unreached());
        assert_eq!(health.attempts(UNREACHABLE, 1), 1);
        assert_eq!(health.attempts(UNREACHABLE, 2), 2, "each origin has its try");

        health.attempted(OK, false, at(2));
        assert!(!health.is_dead() && !health.is_unreached());
        assert_eq!(health.attempts(UNREACHABLE, 1), 8);
        health.attempted(UNREACHABLE, true, at(3));
        health.exhausted(UNREACHABLE, at(3));
        assert!(!health.is_dead());
    }

    #[test]
    fn a_long_outage_ends_retries_until_something_succeeds() {
        let mut health = Health::default();
        health.attempted(UNAVAILABLE, true, at(1));
        health.exhausted(UNAVAILABLE, at(20));
        assert_eq!(health.attempts(UNAVAILABLE, 1), 8);
        health.exhausted(UNAVAILABLE, at(61));
        assert!(health.has_given_up());
        assert_eq!(health.attempts(UNAVAILABLE, 1), 1);
        health.attempted(OK, false, at(62));
        assert!(!health.has_given_up());
        health.attempted(UNAVAILABLE, true, at(63));
        health.exhausted(UNAVAILABLE, at(70));
        assert_eq!(health.attempts(UNAVAILABLE, 1), 8);
    }
}
