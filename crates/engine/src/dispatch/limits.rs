//! The limits of one connection: how often requests leave, how many are under way, and whether the vendor asked for a
//! pause.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::Clock as GovernorClock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use signoff_core::Monotonic;

use crate::clock::Clock;

/// So many times the best time, and the number of requests under way grows no further.
const SLOWER: u32 = 3;

/// Below this, differences in time mean nothing.
const UNREMARKABLE: Duration = Duration::from_millis(100);

/// What protects a vendor from too much at once.
#[derive(Debug)]
pub(super) struct Limits {
    clock: Clock,
    rate: Option<RateLimiter<NotKeyed, InMemoryState, RateClock, NoOpMiddleware<Nanos>>>,
    /// Additive increase, multiplicative decrease; between 1 and the cap.
    allowed: u32,
    cap: u32,
    /// Requests under way at most.
    concurrency: u32,
    in_flight: u32,
    /// Since the number allowed last changed.
    successes: u32,
    /// The longest that one of them took.
    slowest: Duration,
    /// The shortest such time so far.
    best: Option<Duration>,
    shrunk_at: Monotonic,
    held_until: Monotonic,
}

impl Limits {
    /// `rate` in requests a second; `None`: no limit.
    pub(super) fn new(rate: Option<f64>, concurrency: u32, clock: Clock) -> Self {
        let cap = concurrency.max(1);
        Self {
            clock,
            rate: rate
                .and_then(quota)
                .map(|quota| RateLimiter::direct_with_clock(quota, RateClock(clock))),
            allowed: cap,
            cap,
            concurrency: cap,
            in_flight: 0,
            successes: 0,
            slowest: Duration::ZERO,
            best: None,
            shrunk_at: Monotonic::ZERO,
            held_until: Monotonic::ZERO,
        }
    }

    /// Lets so many writes be intended at once, of which only as many as before are under way.
    pub(super) const fn with_window(mut self, window: u32) -> Self {
        if window > self.cap {
            self.cap = window;
            self.allowed = window;
        }
        self
    }

    pub(super) const fn in_flight(&self) -> u32 {
        self.in_flight
    }

    pub(super) const fn allowed(&self) -> u32 {
        self.allowed
    }

    pub(super) const fn is_shrunk(&self) -> bool {
        self.allowed < self.concurrency
    }

    pub(super) const fn has_slot(&self) -> bool {
        self.in_flight < self.allowed
    }

    /// Until when the vendor asked for a pause, if that lies ahead.
    pub(super) fn held_until(&self, now: Monotonic) -> Option<Monotonic> {
        (self.held_until > now).then_some(self.held_until)
    }

    /// Uses up one request of the rate, or says when there will be one.
    pub(super) fn take(&self) -> Result<(), Monotonic> {
        let Some(rate) = &self.rate else {
            return Ok(());
        };
        rate.check().map_err(|not_yet| {
            let now = self.clock.now().monotonic;
            now + not_yet.wait_time_from(Nanos::new(now.0))
        })
    }

    pub(super) const fn enter(&mut self) {
        self.in_flight += 1;
    }

    pub(super) const fn leave(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    /// The vendor processed a request, and took so long for it. Where the slowest of a window takes several times as long
    /// as it used to, requests queue up at his side, and more of them would only make the queue longer.
    pub(super) fn succeeded(&mut self, took: Duration) {
        self.successes += 1;
        self.slowest = self.slowest.max(took);
        if self.successes < self.allowed {
            return;
        }
        let slowest = std::mem::take(&mut self.slowest);
        let best = self.best.map_or(slowest, |best| best.min(slowest));
        self.best = Some(best);
        self.successes = 0;
        if slowest <= (best * SLOWER).max(UNREMARKABLE) {
            self.allowed = self.cap.min(self.allowed + 1);
        }
    }

    /// The vendor has too much to do, as a request that left at `sent` showed. Requests that left before the last such
    /// lesson teach nothing new.
    pub(super) fn overloaded(&mut self, sent: Monotonic, now: Monotonic) {
        self.successes = 0;
        self.slowest = Duration::ZERO;
        if sent >= self.shrunk_at {
            self.shrunk_at = now;
            // What is merely intended does not burden the vendor.
            self.allowed = (self.allowed.min(self.concurrency) / 2).max(1);
        }
    }

    /// The vendor asked that nothing be sent before then.
    pub(super) fn hold(&mut self, until: Monotonic) {
        self.held_until = self.held_until.max(until);
    }
}

/// At most a tenth of a second's worth at once, so that no second sees much more than the rate.
fn quota(rate: f64) -> Option<Quota> {
    if !(rate.is_finite() && rate > 0.0) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "`as` saturates, as is wanted"
    )]
    let burst = NonZeroU32::new((rate / 10.0) as u32).unwrap_or(NonZeroU32::MIN);
    // A rate that has no period in whole nanoseconds is no limit.
    let period = Duration::try_from_secs_f64(1.0 / rate).ok()?;
    Some(Quota::with_period(period)?.allow_burst(burst))
}

/// The engine's clock, as governor reads it.
#[derive(Debug, Clone)]
struct RateClock(Clock);

impl GovernorClock for RateClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        Nanos::new(self.0.now().monotonic.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn shrinks_by_half_once_a_round_and_grows_by_one_a_window() {
        let clock = Clock::start();
        let mut limits = Limits::new(None, 8, clock);
        let first = clock.now().monotonic;
        tokio::time::advance(Duration::from_millis(10)).await;
        for _ in 0..8 {
            limits.overloaded(first, clock.now().monotonic);
        }
        assert_eq!(limits.allowed(), 4);
        tokio::time::advance(Duration::from_millis(10)).await;
        for expected in [2, 1, 1] {
            let now = clock.now().monotonic;
            limits.overloaded(now, now);
            assert_eq!(limits.allowed(), expected);
        }
        // 1 + 2 + … + 7 successes lead back to 8, and never beyond.
        for _ in 0..27 {
            limits.succeeded(Duration::from_millis(20));
        }
        assert_eq!(limits.allowed(), 7);
        assert!(limits.is_shrunk());
        for _ in 0..100 {
            limits.succeeded(Duration::from_millis(20));
        }
        assert_eq!(limits.allowed(), 8);
        assert!(!limits.is_shrunk());
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_grow_while_the_vendor_is_slow() {
        let clock = Clock::start();
        let mut limits = Limits::new(None, 8, clock);
        let grown_by = |limits: &mut Limits, took: u64| {
            let before = limits.allowed();
            for _ in 0..before {
                limits.succeeded(Duration::from_millis(took));
            }
            limits.allowed() - before
        };
        grown_by(&mut limits, 200);
        let now = clock.now().monotonic;
        limits.overloaded(now, now);
        assert_eq!(limits.allowed(), 4);
        assert_eq!(grown_by(&mut limits, 601), 0);
        assert_eq!(grown_by(&mut limits, 600), 1);
        assert_eq!(grown_by(&mut limits, 5), 1);
        assert_eq!(grown_by(&mut limits, 100), 1, "what is fast is never too slow");
        assert_eq!(grown_by(&mut limits, 101), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_longer_pause_holds() {
        let clock = Clock::start();
        let mut limits = Limits::new(None, 8, clock);
        let now = clock.now().monotonic;
        limits.hold(now + Duration::from_secs(5));
        limits.hold(now + Duration::from_secs(2));
        assert_eq!(limits.held_until(now), Some(now + Duration::from_secs(5)));
        assert_eq!(limits.held_until(now + Duration::from_secs(5)), None);
    }

    proptest! {
        #[test]
        fn no_second_sees_more_than_rate_and_burst(rate in 0.5_f64..500.0) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
            let sent = runtime.block_on(async {
                let limits = Limits::new(Some(rate), 8, Clock::start());
                let mut sent = Vec::new();
                while sent.len() < 300 {
                    match limits.take() {
                        Ok(()) => sent.push(limits.clock.now().monotonic),
                        Err(at) => {
                            let wait = at.since(limits.clock.now().monotonic);
                            tokio::time::advance(wait).await;
                        }
                    }
                }
                sent
            });
            let burst = (rate / 10.0).floor().max(1.0);
            for (index, &begin) in sent.iter().enumerate() {
                let end = begin + Duration::from_secs(1);
                let within = sent[index..].iter().take_while(|&&at| at < end).count();
                prop_assert!(within as f64 <= rate.ceil() + burst, "{within} within a second at {rate}/s");
            }
        }
    }
}
