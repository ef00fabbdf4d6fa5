//! Kills at random moments: a run is killed, taken up again until it is complete, and judged.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::compare::{inspect, verdict};
use crate::site::{Site, Vendor};

/// What is tried, and how often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    pub(crate) vendor: Vendor,
    /// What `resume` is told to do about doubts.
    pub(crate) policy: &'static str,
    /// What befalls connections.
    pub(crate) faults: &'static [&'static str],
    pub(crate) users: usize,
    pub(crate) rounds: u64,
    /// How many at the same time.
    pub(crate) at_once: usize,
}

/// What came of it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Tally {
    pub(crate) kills: u64,
    pub(crate) users: u64,
    pub(crate) lost: u64,
    pub(crate) failed: u64,
    pub(crate) doubles: u64,
    pub(crate) unlisted: u64,
    pub(crate) listed: u64,
    pub(crate) in_doubt: u64,
    pub(crate) took: Duration,
    /// What should not be, with the round.
    pub(crate) wrong: Vec<String>,
}

/// How a vendor takes its time: an answer comes after 10 ms, and the effect 40 ms after that, whether or not the client
/// still listens.
const PACE: [&str; 2] = ["delay=10ms", "lag=40ms"];
/// By then what was accepted has had its effect.
const LAG: Duration = Duration::from_millis(60);

/// 3 % of connections are cut before the effect, and 3 % after it.
pub(crate) const CUT: &[&str] = &["reset_before=0.03", "reset_after=0.03"];

impl Plan {
    /// Runs all rounds.
    pub(crate) fn perform(&self) -> Tally {
        let began = Instant::now();
        let next = AtomicU64::new(0);
        let total = Mutex::new(Tally::default());
        std::thread::scope(|scope| {
            for _ in 0..self.at_once {
                scope.spawn(|| {
                    loop {
                        let round = next.fetch_add(1, Ordering::Relaxed);
                        if round >= self.rounds {
                            return;
                        }
                        let tally = self.round(round);
                        total.lock().unwrap().add(tally);
                    }
                });
            }
        });
        let mut total = total.into_inner().unwrap();
        total.took = began.elapsed();
        total
    }

    /// One run. Its number fixes the moments and what befalls the connections.
    fn round(&self, number: u64) -> Tally {
        let mut tally = Tally {
            users: self.users as u64,
            ..Tally::default()
        };
        let result = self.attempt(number, &mut tally);
        if let Err(wrong) = result {
            tally.wrong.push(format!("round {number}: {wrong}"));
        }
        tally
    }

    fn attempt(&self, number: u64, tally: &mut Tally) -> Result<(), String> {
        let faults = [&PACE[..], self.faults].concat();
        let site = Site::new(self.vendor, self.users, number, &faults);
        let mut random = Random(number);
        // The second kill, of every third run, hits the process that takes it up again, or begins it anew.
        let kills = if number % 3 == 2 { 2 } else { 1 };
        for kill in 0..=MOST {
            let run = site.run();
            let words = match &run {
                None => site.logout(),
                Some(run) => site.resume(run, self.policy),
            };
            let running = site.begin(&[], &words);
            let ended = if kill < kills {
                let span = if kill == 0 { 600 } else { 2_000 };
                running.kill_after(Duration::from_millis(random.below(span)))
            } else {
                running.wait()
            };
            let in_doubt = inspect(&site, &ended)?;
            match ended.code {
                None if kill < kills => {
                    tally.kills += 1;
                    tally.in_doubt += in_doubt as u64;
                }
                Some(0) => return self.judge(&site, tally),
                // Of whom nothing can be known the vendor cannot be asked.
                Some(1) if !site.can_be_asked() => return self.judge(&site, tally),
                // Whoever had every try cut off has failed, and is told to have.
                Some(1)
                    if ended
                        .outcomes()
                        .all(|(_, outcome)| ["done", "already", "failed"].contains(&outcome)) =>
                {
                    return self.judge(&site, tally);
                }
                // Who is in doubt can be asked about once more.
                Some(5) if site.can_be_asked() => {}
                code => {
                    let left = ended
                        .lines
                        .iter()
                        .filter(|line| !matches!(line["outcome"].as_str(), None | Some("done" | "already")));
                    let left: Vec<String> = left.map(ToString::to_string).collect();
                    let wrong = format!("it ended with {code:?}: {}{}", ended.stderr, left.join("\n"));
                    return Err(wrong);
                }
            }
        }
        Err("it does not come to its end".to_owned())
    }

    fn judge(&self, site: &Site, tally: &mut Tally) -> Result<(), String> {
        let run = site.run().ok_or("the journal is gone")?;
        let before = site.sandbox.ledger().requests().len();
        let again = site.begin(&[], &site.resume(&run, "verify")).wait();
        let told = again.outcomes().count();
        if told != site.users.len() {
            return Err(format!("{told} outcomes are told of {} users", site.users.len()));
        }
        // Asked to verify, it looks once more at those of whom nothing is known.
        let sent = site.sandbox.ledger().requests().len() - before;
        if sent > 0 && site.can_be_asked() {
            return Err(format!("a second resume sent {sent} requests"));
        }
        std::thread::sleep(LAG);
        let verdict = verdict(site, &run);
        tally.lost += verdict.lost.len() as u64;
        tally.failed += verdict.failed.len() as u64;
        tally.doubles += verdict.doubles.len() as u64;
        tally.unlisted += verdict.unlisted.len() as u64;
        tally.listed += verdict.listed.len() as u64;
        if !verdict.lost.is_empty() {
            let told = crate::compare::told(site, &run);
            let lost = verdict
                .lost
                .iter()
                .map(|user| format!("{user}: told {:?}, and {:?}", told.get(user), site.seen(user)));
            tally
                .wrong
                .push(format!("lost: {}", lost.collect::<Vec<_>>().join("; ")));
        }
        Ok(())
    }
}

/// More processes than this no run needs.
const MOST: usize = 4;

impl Tally {
    fn add(&mut self, other: Self) {
        self.kills += other.kills;
        self.users += other.users;
        self.lost += other.lost;
        self.failed += other.failed;
        self.doubles += other.doubles;
        self.unlisted += other.unlisted;
        self.listed += other.listed;
        self.in_doubt += other.in_doubt;
        self.wrong.extend(other.wrong);
    }
}

/// Numbers that look random, and are the same for the same seed (`SplitMix64`).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}
