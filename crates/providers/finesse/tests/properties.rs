//! Whatever a server answers, in whatever order: an operation ends, and nobody is harmed.

#![expect(clippy::panic, reason = "a test may fail")]

use std::time::Duration;

use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::test_runner::TestCaseError;
use signoff_core::testing::{Drive, Setup};
use signoff_core::{
    CancelReason, CredentialKind, Effect, Event, FailureKind, FeedWish, InDoubtPolicy, Options, Provider,
    Sent, xml,
};
use signoff_finesse::{DESCRIPTOR, Finesse};

#[path = "cases/fixtures.rs"]
#[expect(dead_code, reason = "the cases use the rest")]
mod fixtures;

const STATES: &[&str] = &[
    "LOGOUT",
    "NOT_READY",
    "READY",
    "RESERVED",
    "TALKING",
    "HOLD",
    "WORK",
    "WORK_READY",
    "SOMETHING_NEW",
];
const KINDS: &[&str] = &[
    "Authorization Failure",
    "Invalid State",
    "Invalid Supervisor",
    "User Not Found",
    "Internal Server Error",
    "Unheard Of",
];
const REQUESTS: &[&str] = &["call-1", "call-2", "his-own", ""];
/// Inputs after which every operation has ended; a turn that came too late is not counted.
const ENOUGH: usize = 200;

/// What happens next.
#[derive(Debug, Clone)]
enum Act {
    /// The answer that was asked for, with this state of the user.
    State(usize, Pending),
    /// Another answer.
    Answer(u16, usize),
    Garbage(String),
    Fail(FailureKind, Sent),
    Late,
    Pass(u64),
    /// A notification with this state, of him or of another, new or old.
    Event(usize, Pending, bool, bool),
    /// A notification that a request failed: his, that of another process, or without an id.
    Failed(usize),
    /// What a wish for a feed gets.
    Feed(bool),
    FeedLost,
    Cancel(CancelReason),
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Pending(bool);

fn act() -> impl Strategy<Value = Act> {
    let kind = prop::sample::select(vec![
        FailureKind::Unreachable,
        FailureKind::TimedOut,
        FailureKind::Broken,
        FailureKind::TooLarge,
    ]);
    let sent = prop::sample::select(vec![Sent::NotSent, Sent::MaybeSent]);
    let status = prop::sample::select(vec![200, 202, 400, 401, 404, 429, 500, 502, 503]);
    prop_oneof![
        30 => (0..STATES.len(), any::<bool>()).prop_map(|(state, pending)| Act::State(state, Pending(pending))),
        2 => (status, 0..KINDS.len()).prop_map(|(status, kind)| Act::Answer(status, kind)),
        1 => "<?(Team|User|ApiErrors|&x;|<!DOCTYPE a>)?>?[a-z<>]{0,5}".prop_map(Act::Garbage),
        2 => (kind, sent).prop_map(|(kind, sent)| Act::Fail(kind, sent)),
        1 => Just(Act::Late),
        2 => (0_u64..30_000).prop_map(Act::Pass),
        4 => (0..STATES.len(), any::<bool>(), any::<bool>(), any::<bool>())
            .prop_map(|(state, pending, other, old)| Act::Event(state, Pending(pending), other, old)),
        2 => (0..REQUESTS.len()).prop_map(Act::Failed),
        2 => any::<bool>().prop_map(Act::Feed),
        1 => Just(Act::FeedLost),
        1 => prop::sample::select(vec![CancelReason::Stopped, CancelReason::CredentialStopped]).prop_map(Act::Cancel),
    ]
}

fn setup() -> impl Strategy<Value = Setup> {
    let about = prop::sample::select(vec![
        ("logout", "sup01"),
        ("logout", "1001"),
        ("status", "sup01"),
        ("roster", "sup01"),
        ("health", "sup01"),
    ]);
    let when = prop::sample::select(vec!["idle", "now"]);
    let confirm = prop::sample::select(vec!["accepted", "status", "best", "event"]);
    let policy = prop::sample::select(vec![
        InDoubtPolicy::Verify,
        InDoubtPolicy::Verify,
        InDoubtPolicy::Repeat,
        InDoubtPolicy::Skip,
    ]);
    let flags = any::<(bool, bool, bool)>();
    (about, when, confirm, policy, flags, prop::option::of(0_u64..400)).prop_map(
        |((operation, actor), when, confirm, policy, (force, plan, reason), earlier)| {
            let setup = Setup::new(&DESCRIPTOR, operation, actor)
                .user("1001")
                .on_self()
                .in_doubt(policy);
            if operation != "logout" {
                return setup;
            }
            let setup = setup
                .with("when", when)
                .with("confirm", confirm)
                .with("wait", Duration::from_secs(5))
                .with("confirm_within", Duration::from_secs(5))
                .with("force_not_ready", force);
            let setup = if reason && actor == "1001" {
                setup.with("reason", "1")
            } else {
                setup
            };
            match earlier {
                _ if plan => setup.plan(),
                Some(age) => setup.earlier("logout", 1, Duration::from_secs(age)),
                None => setup,
            }
        },
    )
}

/// What the test knows of the world.
#[derive(Default)]
struct World {
    state: Option<usize>,
    accepted: bool,
    writes: usize,
}

impl World {
    /// Does it, if there is somebody to do it to. True if it counts.
    fn happen(&mut self, drive: &mut Drive<'_>, act: &Act, plan: bool) -> bool {
        match act {
            Act::Event(state, pending, other, old) => {
                drive.event(Event {
                    user: if *other { "1002" } else { "1001" },
                    state: STATES[*state],
                    pending_state: if pending.0 { "LOGOUT" } else { "" },
                    unix_ms: if *old { 1 } else { drive.now().unix_ms },
                    ..Event::default()
                });
                return true;
            }
            Act::Failed(request) => {
                drive.event(Event {
                    user: "1001",
                    request_id: REQUESTS[*request],
                    error_code: "33",
                    error_message: "CF_RESOURCE_BUSY",
                    error_kind: "Invalid State",
                    ..Event::default()
                });
                return true;
            }
            Act::FeedLost => {
                drive.feed_lost();
                return true;
            }
            Act::Feed(granted) if drive.wishes() > 0 => {
                if *granted {
                    drive.subscribed();
                } else {
                    drive.feed_refused("no");
                }
                return true;
            }
            _ => {}
        }
        let Some(request) = drive.request() else {
            drive.advance(Duration::from_secs(1));
            return true;
        };
        let write = request.effect != Effect::Read;
        let logs_out = write && String::from_utf8_lossy(&request.body).contains("LOGOUT");
        let path = request.path.clone();
        match act {
            _ if write && plan && !matches!(act, Act::Cancel(_)) => {
                drive.hold();
            }
            Act::State(..) if write => {
                self.accepted |= logs_out;
                drive.respond(202, "");
            }
            Act::State(state, pending) => {
                if path.contains("/Team/") || path.ends_with("/User/1001") {
                    self.state = Some(*state);
                }
                drive.respond(200, &answer(&path, STATES[*state], *pending));
            }
            Act::Answer(status, kind) => {
                self.accepted |= logs_out && *status < 300;
                drive.respond(*status, &fixtures::error(KINDS[*kind], "", "no"));
            }
            Act::Garbage(body) => {
                self.accepted |= logs_out;
                drive.respond(200, body);
            }
            Act::Fail(kind, sent) => {
                drive.fail(*kind, *sent);
            }
            Act::Late if write => {
                drive
                    .advance(Duration::from_secs(3))
                    .fail(FailureKind::Expired, Sent::NotSent);
                return false;
            }
            Act::Late => {
                drive.advance(Duration::from_millis(10));
            }
            Act::Pass(milliseconds) => {
                drive.advance(Duration::from_millis(*milliseconds));
            }
            Act::Event(..) | Act::Failed(_) | Act::FeedLost | Act::Feed(_) => {
                drive.advance(Duration::from_millis(10));
            }
            Act::Cancel(reason) => {
                drive.cancel(*reason);
            }
        }
        true
    }

    /// What must hold after whatever happened.
    fn check(&mut self, drive: &Drive<'_>, idle: bool, accepted_before: bool) -> Result<(), TestCaseError> {
        let seen = drive.transcript().matches("> PUT").count();
        if seen > self.writes {
            self.writes = seen;
            prop_assert!(
                !accepted_before,
                "written after an acceptance:\n{}",
                drive.transcript()
            );
            let state = self.state.map(|state| STATES[state]);
            let is_idle = matches!(state, Some("NOT_READY" | "READY" | "WORK" | "WORK_READY"));
            prop_assert!(!idle || is_idle, "written in {state:?}:\n{}", drive.transcript());
        }
        Ok(())
    }
}

/// The answer to a read, by its path.
fn answer(path: &str, state: &str, pending: Pending) -> String {
    if path.ends_with("/SystemInfo") {
        fixtures::system_info("UCCE", "IN_SERVICE")
    } else if path.ends_with("/ReasonCodes") {
        "<ReasonCodes><ReasonCode><id>1</id><label>Lunch</label></ReasonCode></ReasonCodes>".to_owned()
    } else if path.ends_with("/sup01") {
        fixtures::supervisor()
    } else if path.contains("/Team/") {
        let next = if pending.0 { "LOGOUT" } else { "" };
        fixtures::team_of(&[("1001", state, next, "2025-12-31T23:58:00.000Z")])
    } else {
        fixtures::agent("1001", state)
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_operation_ends_and_nobody_is_harmed(
        setup in setup(),
        plan in any::<bool>(),
        idle in any::<bool>(),
        acts in prop::collection::vec(act(), 2 * ENOUGH),
    ) {
        let setup = if idle { setup.with("when", "idle") } else { setup };
        let setup = if plan { setup.plan() } else { setup };
        let Ok(finesse) = Finesse::new(Options::new(&[])) else {
            panic!("there is no provider");
        };
        let mut drive = Drive::start(&finesse, &setup);
        let mut world = World::default();
        let mut counted = 0;
        for act in &acts {
            if drive.finished().is_some() {
                break;
            }
            let accepted_before = world.accepted;
            counted += usize::from(world.happen(&mut drive, act, plan));
            world.check(&drive, idle, accepted_before)?;
        }
        prop_assert!(drive.finished().is_some() && counted <= ENOUGH, "it goes on:\n{}", drive.transcript());
        prop_assert!(!drive.transcript().lines().any(|line| line.starts_with('!')), "{}", drive.transcript());
    }
}

/// The host shares one answer among all who wait: half a megabyte, which is not to be parsed a thousand
/// times.
#[test]
fn a_thousand_operations_share_a_team() {
    let members: Vec<(String, &str)> = (0..1_000).map(|n| (format!("agent{n:04}"), "TALKING")).collect();
    let members: Vec<(&str, &str)> = members.iter().map(|(id, state)| (id.as_str(), *state)).collect();
    let team = fixtures::team(&members);
    let Ok(finesse) = Finesse::new(Options::new(&[])) else {
        panic!("there is no provider");
    };
    let began = std::time::Instant::now();
    for (id, _) in &members {
        let setup = Setup::new(&DESCRIPTOR, "logout", "sup01").user(id);
        let mut drive = Drive::start(&finesse, &setup);
        drive.respond(200, &fixtures::supervisor()).respond(200, &team);
        assert!(drive.finished().is_none());
    }
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// What is no notification says nothing, and nothing of it is remembered.
    #[test]
    fn any_payload_is_survived(node in ".{0,40}", payload in prop::collection::vec(any::<u8>(), 0..300)) {
        let mut drive = listening();
        let events = drive.decode(&node, &payload);
        prop_assert!(events.is_empty(), "{events:?}");
    }

    /// Almost a notification: cut, doubled, or with something else in it.
    #[test]
    fn a_broken_notification_is_survived(cut in 0_usize..700, from in 0_usize..700, insert in "<?/?(user|data|&#x41;|&a;|]]>|\\PC{0,4})>?") {
        let whole = fixtures::update("1001", "LOGOUT", "", "2026-01-01T00:00:01.500Z", "call-1");
        let (mut cut, mut from) = (cut.min(whole.len()), from.min(whole.len()));
        while !whole.is_char_boundary(cut) { cut -= 1; }
        while !whole.is_char_boundary(from) { from -= 1; }
        let broken = format!("{}{insert}{}", &whole[..cut], &whole[from..]);
        for event in listening().decode("/finesse/api/User/1001", broken.as_bytes()) {
            prop_assert!(!event.user.is_empty());
        }
    }

    /// Names of any letters survive, and so does everything else that a user may be called.
    #[test]
    fn what_a_notification_says_survives(user in "[^\\p{Cc}\\s]{1,20}", state in "[A-Z_]{1,20}", request in "[^\\p{Cc}\\s]{1,40}") {
        let element = |name: &str, text: &str| xml::Element::new(name).with_text(text);
        let told = xml::Element::new("Update")
            .with_child(xml::Element::new("data").with_child(
                xml::Element::new("user")
                    .with_child(element("loginId", &user))
                    .with_child(element("state", &state)),
            ))
            .with_child(element("requestId", &request));
        let events = listening().decode("/finesse/api/Team/2/Users", told.to_string().as_bytes());
        prop_assert_eq!(events.len(), 1);
        prop_assert_eq!((&events[0].user, &events[0].state, &events[0].request_id), (&user, &state, &request));
    }
}

/// A feed that has found out how to listen.
fn listening() -> Drive<'static> {
    let Ok(finesse) = Finesse::new(Options::new(&[])) else {
        panic!("there is no provider");
    };
    let wish = FeedWish {
        actor: "sup01",
        actor_kind: CredentialKind::Basic,
        named: true,
        only_nodes: false,
        scope: "",
    };
    let mut drive = Drive::feed(Box::leak(Box::new(finesse)), wish);
    drive
        .respond(
            200,
            &fixtures::own("sup01", "LOGOUT", &["Supervisor"], &[("2", "Sales")]),
        )
        .respond(200, &fixtures::system_info("UCCE", "IN_SERVICE"));
    assert!(drive.plan().is_some());
    drive
}
