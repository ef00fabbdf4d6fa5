//! When a request is sent again, and how long it waits before that. One policy for all: the vendor's own wish is a floor
//! for the whole connection, on top of it each request waits at random (full jitter), and a budget keeps retries from
//! becoming the load that they answer to.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signoff_core::{Class, FailureKind, Monotonic, Sent};

use crate::random::Random;

/// How often a request is sent at most.
pub(super) const ATTEMPTS: u32 = 8;

/// How often where nobody was ever reached: enough for a packet that was lost.
pub(super) const ATTEMPTS_UNREACHED: u32 = 3;

const BASE: Duration = Duration::from_millis(200);
const CAP: Duration = Duration::from_secs(10);

/// How often a read, or a login, is sent whose answers say nothing, or a login that gets none at all. A server's error is
/// often gone a second later; and vendors lock accounts after five wrong passwords, which a login without an answer may
/// have been counted as.
pub(super) const ATTEMPTS_INCONCLUSIVE: u32 = 3;

/// The longest pause that a vendor may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(5 * 60);

/// What came of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    /// The vendor answered.
    Answered(Class),
    /// He did not.
    Failed(FailureKind, Sent),
}

impl Attempt {
    /// Whether the host may send the request again by itself. A write only if it is certain that it was not processed.
    pub(super) const fn may_repeat(self, write: bool) -> bool {
        match self {
            Self::Answered(class) => matches!(class, Class::Throttled(_) | Class::Unavailable),
            Self::Failed(FailureKind::TooLarge | FailureKind::Redirected | FailureKind::Expired, _) => false,
            Self::Failed(_, Sent::NotSent) => true,
            Self::Failed(_, Sent::MaybeSent) => !write,
        }
    }

    /// Whether it shows that the vendor has too much to do.
    pub(super) const fn is_overload(self) -> bool {
        matches!(
            self,
            Self::Answered(Class::Throttled(_) | Class::Unavailable) | Self::Failed(FailureKind::TimedOut, _)
        )
    }
}

/// Whether an answer is as good as none: its server broke down over it, and its provider reads nothing else from it. A
/// read is then sent again; a write is not, for it may have been carried out.
pub(super) const fn is_breakdown(class: Class, status: u16) -> bool {
    matches!(class, Class::Other) && status >= 500
}

/// The pause before the attempt after this one: anything up to a limit that doubles each time.
pub(super) fn backoff(attempt: u32, random: &mut Random) -> Duration {
    let doublings = attempt.saturating_sub(1).min(16);
    let limit = BASE.saturating_mul(1 << doublings).min(CAP);
    limit.mul_f64(random.unit())
}

/// The pause that an answer asks for (RFC 9110, section 10.2.3: seconds, or a date by the vendor's clock), or that the
/// provider read from it.
pub(super) fn pause_asked(
    class: Class,
    headers: &[(String, String)],
    vendor_unix_ms: i64,
) -> Option<Duration> {
    let from_provider = match class {
        Class::Throttled(after) => after,
        Class::Unavailable => None,
        _ => return None,
    };
    let header = headers.iter().find(|(name, _)| name == "retry-after");
    let from_header = header.and_then(|(_, value)| parse_retry_after(value.trim(), vendor_unix_ms));
    from_provider
        .max(from_header)
        .map(|pause| pause.min(LONGEST_PAUSE))
}

fn parse_retry_after(value: &str, vendor_unix_ms: i64) -> Option<Duration> {
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(value.parse().map_or(LONGEST_PAUSE, Duration::from_secs));
    }
    let date = httpdate::parse_http_date(value).ok()?;
    let vendor_now = UNIX_EPOCH + Duration::from_millis(u64::try_from(vendor_unix_ms).ok()?);
    Some(SystemTime::duration_since(&date, vendor_now).unwrap_or_default())
}

/// How many retries a connection may afford: a bucket of tokens, one for each. Retries wait for a token, they do not fail
/// for want of one.
#[derive(Debug)]
pub(super) struct Budget {
    tokens: f64,
    filled_at: Monotonic,
}

impl Budget {
    const START: f64 = 10.0;
    const A_SECOND: f64 = 1.0;
    const A_SUCCESS: f64 = 0.2;
    /// What a quiet hour may save up.
    const MOST: f64 = 50.0;

    pub(super) const fn new(now: Monotonic) -> Self {
        Self {
            tokens: Self::START,
            filled_at: now,
        }
    }

    /// Whether there is a token; if not, when there will be one if nothing succeeds until then.
    pub(super) fn has_token(&mut self, now: Monotonic) -> Result<(), Monotonic> {
        let earned = now.since(self.filled_at).as_secs_f64() * Self::A_SECOND;
        self.tokens = (self.tokens + earned).min(Self::MOST);
        self.filled_at = now;
        // A hair's breadth is forgiven: sums of fractions seldom meet the whole number.
        if self.tokens >= 1.0 - 1e-6 {
            return Ok(());
        }
        Err(now + Duration::from_secs_f64((1.0 - self.tokens) / Self::A_SECOND))
    }

    /// Takes the token that is there.
    pub(super) const fn spend(&mut self) {
        self.tokens -= 1.0;
    }

    /// A request succeeded.
    pub(super) const fn earn(&mut self) {
        self.tokens = (self.tokens + Self::A_SUCCESS).min(Self::MOST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_write_is_repeated_only_if_it_was_not_processed() {
        use FailureKind::{Broken, Redirected, TimedOut, TooLarge, Unreachable};
        let cases = [
            (Attempt::Answered(Class::Ok), false, false),
            (Attempt::Answered(Class::Other), false, false),
            (Attempt::Answered(Class::CredentialRefused), false, false),
            (Attempt::Answered(Class::Throttled(None)), true, true),
            (Attempt::Answered(Class::Unavailable), true, true),
            (Attempt::Failed(Unreachable, Sent::NotSent), true, true),
            (Attempt::Failed(Broken, Sent::NotSent), true, true),
            (Attempt::Failed(Broken, Sent::MaybeSent), true, false),
            (Attempt::Failed(TimedOut, Sent::MaybeSent), true, false),
            (Attempt::Failed(TooLarge, Sent::MaybeSent), false, false),
            (Attempt::Failed(Redirected, Sent::NotSent), false, false),
        ];
        for (attempt, read, write) in cases {
            assert_eq!(attempt.may_repeat(false), read, "{attempt:?}");
            assert_eq!(attempt.may_repeat(true), write, "{attempt:?}");
        }
    }

    #[test]
    fn the_pause_doubles_up_to_a_limit_and_is_spread_evenly() {
        let mut random = Random::of(1);
        for (attempt, limit) in [
            (1, 0.2),
            (2, 0.4),
            (3, 0.8),
            (6, 6.4),
            (7, 10.0),
            (8, 10.0),
            (u32::MAX, 10.0),
        ] {
            let pauses: Vec<f64> = (0..1000)
                .map(|_| backoff(attempt, &mut random).as_secs_f64())
                .collect();
            let mean = pauses.iter().sum::<f64>() / 1000.0;
            assert!(pauses.iter().all(|&pause| pause < limit), "{attempt}");
            assert!((mean - limit / 2.0).abs() < limit / 20.0, "{attempt}: {mean}");
        }
    }

    #[test]
    fn the_vendors_wish_is_understood() {
        // Sun, 06 Nov 1994 08:49:37 GMT
        const NOW: i64 = 784_111_777_000;
        let asked = |class, value: &str| {
            pause_asked(class, &[("retry-after".to_owned(), value.to_owned())], NOW)
                .map(|pause| pause.as_secs())
        };
        let throttled = Class::Throttled(None);
        assert_eq!(asked(throttled, "7"), Some(7));
        assert_eq!(asked(Class::Unavailable, " 7 "), Some(7));
        assert_eq!(asked(throttled, "Sun, 06 Nov 1994 08:50:07 GMT"), Some(30));
        assert_eq!(
            asked(throttled, "Sun, 06 Nov 1994 08:49:07 GMT"),
            Some(0),
            "long ago"
        );
        assert_eq!(asked(throttled, "86400"), Some(300));
        assert_eq!(asked(throttled, "99999999999999999999999"), Some(300));
        assert_eq!(asked(throttled, "Fri, 31 Dec 9999 23:59:59 GMT"), Some(300));
        assert_eq!(asked(throttled, "soon"), None);
        assert_eq!(asked(throttled, "-5"), None);
        assert_eq!(
            asked(Class::Throttled(Some(Duration::from_secs(9))), "7"),
            Some(9)
        );
        assert_eq!(asked(Class::Ok, "7"), None);
    }

    #[test]
    fn retries_wait_for_the_budget() {
        let start = Monotonic(1_000_000_000);
        let mut budget = Budget::new(start);
        let take_all = |budget: &mut Budget, now| {
            let mut taken = 0;
            while budget.has_token(now).is_ok() {
                budget.spend();
                taken += 1;
            }
            taken
        };
        assert_eq!(take_all(&mut budget, start), 10);
        assert_eq!(budget.has_token(start), Err(start + Duration::from_secs(1)));
        for _ in 0..5 {
            budget.earn();
        }
        assert_eq!(take_all(&mut budget, start), 1);
        assert_eq!(take_all(&mut budget, start + Duration::from_secs(3)), 3);
        assert_eq!(take_all(&mut budget, start + Duration::from_secs(3600)), 50);
    }
}
