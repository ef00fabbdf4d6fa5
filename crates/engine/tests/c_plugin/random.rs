//! Whatever a vendor or a network does, the provider breaks no rule and comes to an end.

use std::time::Duration;

use proptest::prelude::*;
use signoff_core::testing::{Drive, Setup};
use signoff_core::{CancelReason, FailureKind, Input, Monotonic, Now, RequestId, Response, Sent};

use crate::library::{hotdesk, open};
use crate::{mara, setup};

/// What happens to an operation next.
#[derive(Debug, Clone)]
enum Happening {
    Answer(u16, String),
    Fails(FailureKind, Sent),
    Held,
    Later(u64),
    Cancel,
}

fn happening() -> impl Strategy<Value = Happening> {
    let status = prop_oneof![Just(200u16), Just(202), 200u16..600];
    let body = prop_oneof![
        Just(mara("in", -60)),
        Just(mara("in", 5)),
        Just(mara("call", -60)),
        Just(mara("out", 1)),
        "[a-z=\t\n\u{e9}\u{1f600}]{0,40}",
    ];
    let failure = prop_oneof![
        Just((FailureKind::Expired, Sent::NotSent)),
        Just((FailureKind::Unreachable, Sent::NotSent)),
        Just((FailureKind::Broken, Sent::MaybeSent)),
        Just((FailureKind::TooLarge, Sent::MaybeSent)),
    ];
    prop_oneof![
        8 => (status, body).prop_map(|(status, body)| Happening::Answer(status, body)),
        3 => failure.prop_map(|(kind, sent)| Happening::Fails(kind, sent)),
        1 => Just(Happening::Held),
        2 => (1u64..90).prop_map(Happening::Later),
        1 => Just(Happening::Cancel),
    ]
}

fn any_setup() -> impl Strategy<Value = Setup> {
    prop_oneof![
        Just(setup("roster").with("signed_in", true)),
        Just(setup("status").user("mara")),
        Just(setup("logout").user("mara")),
        Just(
            setup("logout")
                .user("mara")
                .earlier("logout", 2, Duration::from_secs(200))
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn it_keeps_to_the_rules(setup in any_setup(), happenings in prop::collection::vec(happening(), 1..40)) {
        let subject = open();
        let mut drive = Drive::start(&subject, &setup);
        for happening in happenings {
            if drive.finished().is_some() {
                break;
            }
            match happening {
                Happening::Later(seconds) => drive.advance(Duration::from_secs(seconds)),
                Happening::Cancel => drive.cancel(CancelReason::Stopped),
                _ if drive.request().is_none() => continue,
                Happening::Answer(status, body) => drive.respond(status, &body),
                Happening::Fails(kind, sent) => drive.fail(kind, sent),
                Happening::Held => drive.hold(),
            };
        }
        if drive.finished().is_none() {
            drive.cancel(CancelReason::Stopped);
        }
        prop_assert!(drive.finished().is_some(), "{}", drive.transcript());
        prop_assert!(!drive.transcript().contains("\n!"), "{}", drive.transcript());
    }
}

/// The reader of UTF-8 in it agrees with Rust's, for every sequence of bytes next to which a rule changes: what is no
/// text counts as empty, and reaches nobody.
#[test]
fn bytes_of_any_kind_are_read_or_refused() {
    let edges = [
        0x41, 0x7F, 0x80, 0x8F, 0x90, 0x9F, 0xA0, 0xBF, 0xC1, 0xC2, 0xDF, 0xE0, 0xE1, 0xED, 0xEE, 0xEF, 0xF0,
        0xF1, 0xF4, 0xF5,
    ];
    let mut names: Vec<Vec<u8>> = vec![Vec::new()];
    for length in 1..=4 {
        let longer = names
            .iter()
            .filter(|name| name.len() == length - 1)
            .flat_map(|name| {
                // Four bytes are of interest after one that announces them.
                let worth_it = length < 4 || name[0] >= 0xF0;
                let edges = edges.iter().filter(move |_| worth_it);
                edges.map(|edge| [name.as_slice(), &[*edge]].concat())
            });
        let longer: Vec<Vec<u8>> = longer.collect();
        names.extend(longer);
    }
    assert!(names.len() > 40_000, "{}", names.len());
    for name in names {
        let body = [b"user=mara\tname=", name.as_slice()].concat();
        let expected: Vec<String> = String::from_utf8(name).into_iter().collect();
        assert_eq!(rows_of(&body), expected, "{body:x?}");
    }
}

/// The names in the roster that these bytes make.
fn rows_of(body: &[u8]) -> Vec<String> {
    use signoff_core::testing::Subject;
    use signoff_core::{Args, Context, InDoubtPolicy, Step};
    let now = Now {
        monotonic: Monotonic(1),
        unix_ms: 0,
    };
    let context = Context {
        actor: "reception",
        actor_kind: hotdesk().descriptor().credentials[0],
        plan: false,
        call: "call",
        may_act_on_self: false,
        in_doubt: InDoubtPolicy::Verify,
        earlier: &[],
        logged_out: false,
    };
    let subject = open();
    let mut operation = Subject::start(&subject, "roster", Args::new(None, &[]), context, now).unwrap();
    assert!(matches!(operation.next(now), Step::Request(_)));
    operation.input(
        now,
        Input::Response(Response {
            request: RequestId(1),
            status: 200,
            headers: &[],
            body,
            sent: now.monotonic,
            sent_unix_ms: 0,
            settled_at: now.monotonic,
        }),
    );
    let mut names = Vec::new();
    while let Step::Record(record) = operation.next(now) {
        names.push(
            record.attributes[0]
                .value
                .as_text()
                .unwrap_or_default()
                .to_owned(),
        );
    }
    names
}
