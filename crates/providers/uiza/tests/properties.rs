//! Whatever a server answers, in whatever order: an operation ends, and a key that was ended is not shown again.

#![expect(clippy::panic, reason = "a test may fail")]

use std::time::Duration;

use proptest::prelude::{Just, ProptestConfig, Strategy, any, prop, prop_assert, prop_oneof, proptest};
use proptest::test_runner::TestCaseError;
use signoff_core::testing::{Drive, Setup};
use signoff_core::{
    CancelReason, CredentialKind, Effect, FailureKind, InDoubtPolicy, Options, Outcome, Provider,
    SecretHandle, Sent, Value,
};
use signoff_uiza::{DESCRIPTOR, Uiza};

#[path = "cases/fixtures.rs"]
#[expect(dead_code, reason = "the cases use the rest")]
mod fixtures;

/// Inputs after which every operation has ended.
const ENOUGH: usize = 40;

/// What happens next.
#[derive(Debug, Clone)]
enum Act {
    /// What was asked for is done.
    Success,
    /// The key is not valid.
    Unauthorized(u16),
    Error(u16, i64, &'static str, bool),
    Users(Vec<u8>, Option<u64>),
    Garbage(u16, String),
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
    let status = prop::sample::select(vec![200, 201, 400, 401, 404, 422, 429, 500, 502, 503]);
    let code = prop::sample::select(vec![0, 200, 345, 400, 401, 404, 422, 429, 500, 503, 70_000]);
    let envelope = prop::sample::select(vec!["SUCCESS", "ERROR", "BAD_REQUEST"]);
    let users = prop::collection::vec(any::<u8>(), 0..4);
    prop_oneof![
        4 => Just(Act::Success),
        2 => prop::sample::select(vec![200, 401]).prop_map(Act::Unauthorized),
        6 => (status.clone(), code, envelope, any::<bool>())
            .prop_map(|(status, code, kind, retryable)| Act::Error(status, code, kind, retryable)),
        6 => (users, prop::option::of(0_u64..9)).prop_map(|(users, total)| Act::Users(users, total)),
        3 => (status, r#"\{?("code"|"data"|:|[0-9]|\[|null|<p>){0,4}\}?"#)
            .prop_map(|(status, body)| Act::Garbage(status, body)),
        6 => (kind, sent).prop_map(|(kind, sent)| Act::Fail(kind, sent)),
        2 => (0_u64..30_000).prop_map(Act::Pass),
        1 => prop::sample::select(vec![CancelReason::Stopped, CancelReason::CredentialStopped]).prop_map(Act::Cancel),
    ]
}

/// An operation, and whether its key was ended or sent before.
fn setup() -> impl Strategy<Value = (Setup, bool)> {
    let operation = prop::sample::select(vec!["logout", "logout", "logout", "status", "roster"]);
    let policy = prop::sample::select(vec![
        InDoubtPolicy::Verify,
        InDoubtPolicy::Verify,
        InDoubtPolicy::Repeat,
        InDoubtPolicy::Skip,
    ]);
    let flags = any::<(bool, bool)>();
    (operation, policy, flags, prop::option::of(0_u64..400)).prop_map(
        |(operation, policy, (has_key, logged_out), earlier)| {
            let setup = Setup::new(&DESCRIPTOR, operation, "admin").in_doubt(policy);
            if operation == "roster" {
                return (setup.credential(CredentialKind::Key), false);
            }
            let mut setup = setup.user("anna");
            if has_key {
                setup = setup.attribute("key", Value::Secret(SecretHandle(3)));
            }
            if logged_out {
                setup = setup.logged_out();
            }
            match earlier {
                Some(age) if operation == "logout" => {
                    (setup.earlier("logout", 1, Duration::from_secs(age)), true)
                }
                _ => (setup, logged_out),
            }
        },
    )
}

/// What the test knows of the world.
#[derive(Default)]
struct World {
    /// A logout was accepted.
    accepted: bool,
    /// An answer said that the key is not valid.
    invalid: bool,
    /// An answer said that it is, before a logout was accepted.
    valid: bool,
    writes: usize,
}

impl World {
    fn happen(&mut self, drive: &mut Drive<'_>, act: &Act) {
        let Some(request) = drive.request() else {
            drive.advance(Duration::from_secs(1));
            return;
        };
        let write = request.effect != Effect::Read;
        match act {
            Act::Success => {
                self.accepted |= write;
                self.valid |= !write;
                drive.respond(
                    200,
                    if write {
                        fixtures::LOGGED_OUT
                    } else {
                        fixtures::VALID
                    },
                );
            }
            Act::Unauthorized(status) => {
                self.invalid = true;
                drive.respond(*status, &fixtures::unauthorized());
            }
            Act::Error(status, code, kind, retryable) => {
                let is_success = *status < 300 && *code == 200 && *kind == "SUCCESS";
                self.accepted |= write && is_success;
                self.valid |= !write && is_success;
                self.invalid |= *code == 401 || (*code == 200 && *status == 401);
                drive.respond(*status, &fixtures::error(*code, kind, "null", *retryable, "no"));
            }
            Act::Users(ids, total) => {
                self.accepted |= write;
                self.valid |= !write;
                let users: Vec<String> = ids.iter().map(|id| format!(r#"{{"id":{id}}}"#)).collect();
                let total = total.map_or("null".to_owned(), |total| total.to_string());
                let list = users.join(",");
                drive.respond(
                    200,
                    &format!(r#"{{"data":[{list}],"metadata":{{"total":{total}}}}}"#),
                );
            }
            Act::Garbage(status, body) => {
                // Some of it is JSON: `{}` and `{"code":200}` are successes by the rule.
                let is_object = signoff_core::json::parse(body.as_bytes()).is_ok_and(|json| json.is_object());
                self.accepted |= write && *status < 300 && is_object;
                self.valid |= !write && *status < 300 && is_object;
                self.invalid |= *status == 401 || is_object;
                drive.respond(*status, body);
            }
            Act::Fail(kind, sent) => {
                drive.fail(*kind, *sent);
            }
            Act::Pass(milliseconds) => {
                drive.advance(Duration::from_millis(*milliseconds));
            }
            Act::Cancel(reason) => {
                drive.cancel(*reason);
            }
        }
    }

    /// What must hold after whatever happened.
    fn check(&mut self, drive: &Drive<'_>, accepted_before: bool) -> Result<(), TestCaseError> {
        let writes = drive.transcript().matches(" write `logout` ").count();
        if writes > self.writes {
            self.writes = writes;
            prop_assert!(
                !accepted_before,
                "sent after an acceptance:\n{}",
                drive.transcript()
            );
        }
        prop_assert!(writes <= 4, "sent too often:\n{}", drive.transcript());
        Ok(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_operation_ends_and_an_ended_key_is_not_shown_again(
        (setup, was_sent_before) in setup(),
        acts in prop::collection::vec(act(), ENOUGH),
    ) {
        let Ok(uiza) = Uiza::new(Options::new(&[])) else {
            panic!("there is no provider");
        };
        let mut drive = Drive::start(&uiza, &setup);
        let mut world = World::default();
        for act in &acts {
            if drive.finished().is_some() {
                break;
            }
            let accepted_before = world.accepted;
            world.happen(&mut drive, act);
            world.check(&drive, accepted_before)?;
        }
        let transcript = drive.transcript();
        let Some(finished) = drive.finished() else {
            panic!("it goes on:\n{transcript}");
        };
        let was_valid = world.valid || was_sent_before;
        if finished.outcome == Outcome::Done && finished.confirmed_by.is_some() {
            prop_assert!(
                world.accepted || world.invalid && was_valid,
                "done without proof:\n{transcript}"
            );
        }
        prop_assert!(
            !world.accepted || world.writes == 0 || finished.outcome == Outcome::Done,
            "accepted, and not done:\n{transcript}"
        );
        prop_assert!(!transcript.lines().any(|line| line.starts_with('!')), "{transcript}");
    }
}
