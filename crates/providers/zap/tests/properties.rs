//! Whatever a server answers, in whatever order: an operation ends, and no part is sent again that need not be.

#![expect(clippy::panic, reason = "a test may fail")]

use std::collections::HashMap;
use std::time::Duration;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use signoff_core::testing::{Drive, Setup};
use signoff_core::{
    CancelReason, Effect, FailureKind, InDoubtPolicy, Monotonic, Options, Outcome, Provider, RequestId, Sent,
    json,
};
use signoff_zap::Zap;

#[path = "cases/fixtures.rs"]
mod fixtures;

/// Inputs after which every operation has ended.
const ENOUGH: usize = 60;
/// How often a part may be sent, if it stays in doubt.
const MOST_SENDS: u32 = 3;
/// How long after its first sending.
const REPEAT_WITHIN: Duration = Duration::from_secs(120);

/// What happens next.
#[derive(Debug, Clone)]
enum Act {
    Out,
    Answer(u16, &'static str),
    Garbage(String),
    Page(Vec<u8>, u32),
    Fail(FailureKind, Sent),
    Pass(u64),
    Cancel(CancelReason),
}

fn act() -> impl Strategy<Value = Act> {
    let kind = prop::sample::select(vec![
        FailureKind::Unreachable,
        FailureKind::TimedOut,
        FailureKind::Broken,
        FailureKind::TooLarge,
        FailureKind::Redirected,
    ]);
    let sent = prop::sample::select(vec![Sent::NotSent, Sent::MaybeSent]);
    let status = prop::sample::select(vec![
        200, 201, 204, 302, 400, 401, 403, 404, 422, 429, 500, 502, 503, 504,
    ]);
    let body = prop::sample::select(vec![
        "",
        "{}",
        "Not Found",
        "<html>",
        r#"{"success":false,"message":"no"}"#,
        r#"{"success":true,"data":{"success":false}}"#,
    ]);
    let page = (prop::collection::vec(any::<u8>(), 0..4), 0_u32..6);
    prop_oneof![
        4 => Just(Act::Out),
        6 => (status, body).prop_map(|(status, body)| Act::Answer(status, body)),
        1 => "[{\\[\"a-z,:0-9\\]}]{0,20}".prop_map(Act::Garbage),
        8 => page.prop_map(|(users, count)| Act::Page(users, count)),
        6 => (kind, sent).prop_map(|(kind, sent)| Act::Fail(kind, sent)),
        3 => (0_u64..60_000).prop_map(Act::Pass),
        1 => prop::sample::select(vec![CancelReason::Stopped, CancelReason::CredentialStopped]).prop_map(Act::Cancel),
    ]
}

fn setup() -> impl Strategy<Value = Setup> {
    let via = prop::sample::select(vec!["all", "web", "device"]);
    let policy = prop::sample::select(vec![
        InDoubtPolicy::Verify,
        InDoubtPolicy::Repeat,
        InDoubtPolicy::Skip,
    ]);
    let earlier = prop::option::of((prop::sample::select(vec!["web", "device:1"]), 0_u64..200));
    (
        any::<bool>(),
        via,
        prop::collection::vec(0_u32..3, 0..4),
        policy,
        earlier,
    )
        .prop_map(|(lists, via, devices, policy, earlier)| {
            if lists {
                return fixtures::roster();
            }
            let setup = fixtures::with_devices(&devices).with("via", via).in_doubt(policy);
            match earlier {
                Some((part, age)) => setup.earlier(part, 1, Duration::from_secs(age)),
                None => setup,
            }
        })
}

/// What the test knows of one part.
#[derive(Default)]
struct Sends {
    count: u32,
    /// Since when it is in doubt.
    in_doubt: Option<Monotonic>,
    /// It was answered, or known not to have left.
    settled: bool,
    /// It was answered with a success.
    good: bool,
}

#[derive(Default)]
struct World {
    parts: HashMap<String, Sends>,
    last: Option<RequestId>,
}

impl World {
    /// Looks at what is outstanding before anything happens to it, and gives the part that it writes.
    fn look(&mut self, drive: &Drive<'_>) -> Result<Option<String>, TestCaseError> {
        let Some(request) = drive.request() else {
            return Ok(None);
        };
        let Effect::Write { part, .. } = &request.effect else {
            return Ok(None);
        };
        if self.last != Some(request.id) {
            self.last = Some(request.id);
            let sends = self.parts.entry(part.clone()).or_default();
            sends.count += 1;
            prop_assert!(
                !sends.settled,
                "`{part}` is sent after its end:\n{}",
                drive.transcript()
            );
            prop_assert!(
                sends.count <= MOST_SENDS,
                "`{part}` is sent too often:\n{}",
                drive.transcript()
            );
            let since = sends.in_doubt.map(|since| since + REPEAT_WITHIN);
            prop_assert!(
                since.is_none_or(|until| request.not_after <= until || request.not_after == Monotonic::NEVER),
                "`{part}` may be sent too late:\n{}",
                drive.transcript()
            );
        }
        Ok(Some(part.clone()))
    }

    fn happen(&mut self, drive: &mut Drive<'_>, act: &Act, part: Option<&str>) {
        let doubtful = match act {
            Act::Fail(_, sent) => *sent == Sent::MaybeSent,
            Act::Answer(status, body) => {
                matches!(status, 500 | 502 | 504) || (*status < 300 && body.starts_with('<'))
            }
            Act::Garbage(body) => body.starts_with(['{', '[']) && json::parse(body.as_bytes()).is_err(),
            Act::Out | Act::Page(..) | Act::Pass(_) | Act::Cancel(_) => false,
        };
        let ends = !matches!(act, Act::Pass(_));
        if let Some(sends) = part.and_then(|part| self.parts.get_mut(part)) {
            sends.settled |= ends && !doubtful;
            sends.good = match act {
                Act::Out | Act::Page(..) => true,
                Act::Answer(status, body) => {
                    (200..300).contains(status) && !body.contains("false") && !body.starts_with('<')
                }
                Act::Garbage(_) => true,
                Act::Pass(_) | Act::Fail(..) | Act::Cancel(_) => false,
            };
            if doubtful {
                sends.in_doubt.get_or_insert(drive.now().monotonic);
            }
        }
        match act {
            Act::Pass(milliseconds) => drive.advance(Duration::from_millis(*milliseconds)),
            Act::Cancel(reason) => drive.cancel(*reason),
            _ if drive.request().is_none() => drive.advance(Duration::from_secs(10)),
            Act::Out => drive.respond(200, fixtures::OUT),
            Act::Answer(status, body) => drive.respond(*status, body),
            Act::Garbage(body) => drive.respond(200, body),
            Act::Page(users, count) => {
                let ids: Vec<String> = users.iter().map(u8::to_string).collect();
                let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
                drive.respond(200, &fixtures::page(&ids, 1, *count))
            }
            Act::Fail(kind, sent) => drive.fail(*kind, *sent),
        };
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_operation_ends_and_nothing_is_sent_in_vain(
        setup in setup(),
        acts in prop::collection::vec(act(), ENOUGH),
    ) {
        let Ok(zap) = Zap::new(Options::new(&[])) else {
            panic!("there is no provider");
        };
        let mut drive = Drive::start(&zap, &setup);
        let mut world = World::default();
        for act in &acts {
            if drive.finished().is_some() {
                break;
            }
            let part = world.look(&drive)?;
            world.happen(&mut drive, act, part.as_deref());
        }
        let transcript = drive.transcript();
        let Some(end) = drive.finished() else {
            panic!("it goes on:\n{transcript}");
        };
        prop_assert!(!transcript.lines().any(|line| line.starts_with('!')), "{transcript}");
        if end.outcome == Outcome::Done {
            prop_assert!(world.parts.values().all(|sends| sends.settled && sends.good), "{transcript}");
        }
        prop_assert!(!transcript.contains("a-secret"), "{transcript}");
    }
}

#[test]
fn a_list_of_ever_new_users_is_given_up() {
    let Ok(zap) = Zap::new(Options::new(&[])) else {
        panic!("there is no provider");
    };
    let mut drive = Drive::start(&zap, &fixtures::roster());
    let mut pages = 0;
    while drive.finished().is_none() {
        pages += 1;
        let id = pages.to_string();
        drive.respond(200, &fixtures::page(&[&id], pages, u32::MAX));
    }
    assert_eq!(pages, 10_000);
    let end = drive.finished().and_then(|end| end.code.clone());
    assert_eq!(end.as_deref(), Some("endless_list"));
}
