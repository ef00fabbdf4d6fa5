//! Whatever a vendor does, and whoever loses patience: limits hold, every request comes to an end, nothing leaks.

use proptest::prelude::*;

use super::*;

/// What a vendor does about one request.
#[derive(Debug, Clone, Copy)]
enum Whim {
    Answer(u16),
    Doubt,
    RetryAfter(u8),
    Fail(FailureKind, Sent),
}

/// Someone who asks for something.
#[derive(Debug, Clone)]
struct Asker {
    path: u8,
    writes: bool,
    max_age_ms: u64,
    starts_after_ms: u64,
    patience_ms: Option<u64>,
    not_after_ms: Option<u64>,
}

fn whim() -> impl Strategy<Value = Whim> {
    use FailureKind::{Broken, TimedOut, TooLarge, Unreachable};
    prop_oneof![
        10 => Just(Whim::Answer(200)),
        2 => prop_oneof![Just(Whim::Answer(404)), Just(Whim::Answer(500)), Just(Whim::Answer(503))],
        1 => (1..5_u8).prop_map(Whim::RetryAfter),
        1 => prop_oneof![
            Just(Whim::Fail(Unreachable, Sent::NotSent)),
            Just(Whim::Fail(Broken, Sent::NotSent)),
            Just(Whim::Fail(Broken, Sent::MaybeSent)),
            Just(Whim::Fail(TimedOut, Sent::MaybeSent)),
            Just(Whim::Fail(TooLarge, Sent::MaybeSent)),
        ],
        1 => prop_oneof![10 => Just(Whim::Doubt), 1 => Just(Whim::Answer(401))],
    ]
}

fn asker() -> impl Strategy<Value = Asker> {
    let times = (
        0..3000_u64,
        proptest::option::weighted(0.2, 0..2000_u64),
        proptest::option::weighted(0.2, 0..2000_u64),
    );
    (
        0..6_u8,
        any::<bool>(),
        prop_oneof![Just(0_u64), 1..2000_u64],
        times,
    )
        .prop_map(
            |(path, writes, max_age_ms, (starts_after_ms, patience_ms, not_after_ms))| Asker {
                path,
                writes,
                max_age_ms,
                starts_after_ms,
                patience_ms,
                not_after_ms,
            },
        )
}

impl Asker {
    /// Sends one request, and a proof if the answer spoke against the credential.
    async fn run(&self, world: &World, order: u64) {
        pass(Duration::from_millis(self.starts_after_ms)).await;
        let path = format!("/{}", self.path);
        let not_after = self.not_after_ms.map_or(Monotonic::NEVER, |ms| {
            world.clock.now().monotonic + Duration::from_millis(ms)
        });
        let base = if self.writes { write(&path) } else { read(&path) };
        let request = Request {
            max_age: Duration::from_millis(self.max_age_ms),
            not_after,
            ..base
        };
        let ticket = world.ticket(order);
        let send = async {
            let delivery = world.send(&ticket, &request).await;
            if matches!(&delivery, Delivery::Response(answer) if answer.class == Class::CredentialDoubted) {
                world.send(&ticket, &proof("/me")).await;
            }
        };
        match self.patience_ms {
            Some(ms) => drop(tokio::time::timeout(Duration::from_millis(ms), send).await),
            None => send.await,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn limits_hold_and_everyone_is_answered(
        whims in proptest::collection::vec(whim(), 1..40),
        askers in proptest::collection::vec(asker(), 1..60),
        concurrency in 1..6_u32,
        rate in proptest::option::of(5.0..100.0_f64),
        nodes in 1..4_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build()?;
        let world = runtime.block_on(async {
            let world = World::with(
                |settings| {
                    (settings.concurrency, settings.rate) = (concurrency, rate);
                    let origins = ["https://a", "https://b", "https://c"].map(|origin| Url::parse(origin).unwrap());
                    settings.endpoints = BTreeMap::from([("api".to_owned(), origins[..nodes].to_vec())]);
                },
                move |call| match whims[call.number % whims.len()] {
                    Whim::Answer(status) => answer(status),
                    Whim::Doubt => answer_with(401, &[], "doubt"),
                    Whim::RetryAfter(1) => answer_with(429, &[("retry-after", "1")], ""),
                    Whim::RetryAfter(_) => answer_with(429, &[("retry-after", "4")], ""),
                    Whim::Fail(kind, sent) => fail(kind, sent),
                },
            );
            let all = askers.iter().enumerate().map(|(order, asker)| asker.run(&world, order as u64));
            let all = futures_util::future::join_all(all);
            // Eight attempts for each, one after the other, with the longest pauses: nothing takes longer than that.
            let in_time = tokio::time::timeout(Duration::from_secs(3600), all).await;
            assert!(in_time.is_ok(), "somebody waits for ever: {:?}", world.dispatcher.status());
            tokio::task::yield_now().await;
            world
        });
        prop_assert!(world.vendor.most_in_flight.load(Ordering::Relaxed) <= concurrency);
        prop_assert_eq!(world.vendor.in_flight.load(Ordering::Relaxed), 0);
        let status = world.dispatcher.status();
        prop_assert_eq!((status.in_flight, status.waiting), (0, 0));
        prop_assert_eq!(status.sent, world.vendor.calls.lock().unwrap().len() as u64);
        if let Some(rate) = rate {
            let calls = world.vendor.calls.lock().unwrap();
            let most = rate.ceil() + (rate / 10.0).floor().max(1.0);
            for (index, first) in calls.iter().enumerate() {
                let within = calls[index..].iter().take_while(|call| call.at < first.at + Duration::from_secs(1));
                prop_assert!(within.count() as f64 <= most);
            }
        }
    }
}
