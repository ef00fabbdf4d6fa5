//! A provider behind the C table: what it gives and what it is given survive the way, and panics do not cross.

#![expect(clippy::unwrap_used, clippy::panic, reason = "it is a test")]

mod support;

use std::borrow::Cow;
use std::time::Duration;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use signoff_core::abi::host::{Instance, Op};
use signoff_core::abi::table;
use signoff_core::{
    Args, CancelReason, Class, ConfirmedBy, Context, CredentialKind, CredentialUse, Earlier, Effect, Error,
    Event, Failure, FailureKind, Field, Finished, InDoubt, InDoubtPolicy, Input, Monotonic, Outcome,
    Placement, Record, Request, RequestId, Response, SecretHandle, SecretUse, Sent, Step, Subscribe, User,
    Value, Wait,
};
use support::{CLASS, DESCRIPTOR, NOW, Player, STAGE, STEPS, context, heard, library, lock, open, play};

#[test]
fn a_linked_provider_has_one_table_and_its_descriptor_survives() {
    assert!(std::ptr::eq(
        table::<Player>(&DESCRIPTOR),
        table::<Player>(&DESCRIPTOR)
    ));
    assert_eq!(*library().descriptor(), DESCRIPTOR);
    assert_eq!(library().extension("signoff.feed/1"), None);
}

#[test]
fn what_is_given_may_be_used_by_several_threads() {
    fn is_send_and_sync<T: Send + Sync>() {}
    fn is_send<T: Send>() {}
    is_send_and_sync::<Instance>();
    is_send::<Op>();
}

#[test]
fn one_provider_serves_several_threads_at_once() {
    let _stage = lock(&STAGE);
    *lock(&CLASS) = Class::Other;
    let instance = open("kind");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..100 {
                    assert_eq!(instance.classify(&RESPONSE), Ok(Class::Other));
                    let mut op = start(&instance, "logout").unwrap();
                    op.input(NOW, Input::Cancel(CancelReason::Stopped)).unwrap();
                }
            });
        }
    });
}

#[test]
fn an_operation_moves_between_threads_and_outlives_the_handle_of_its_provider() {
    let _stage = lock(&STAGE);
    let mut op = play("logout", vec![Step::Finished(Finished::new(Outcome::Already))]);
    let step = std::thread::spawn(move || op.next(NOW)).join().unwrap();
    assert_eq!(step, Ok(Step::Finished(Finished::new(Outcome::Already))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn every_step_survives(step in step()) {
        let _stage = lock(&STAGE);
        *lock(&STEPS) = vec![step.clone()];
        let secret = Field::new("all", Value::List((0..4).map(|it| Value::Secret(SecretHandle(it))).collect()));
        let user = User { id: "1".to_owned(), attributes: vec![secret] };
        let operation = if matches!(step, Step::Record(_)) { "roster" } else { "logout" };
        let mut op = open("kind").start(operation, Args::new(Some(&user), &[]), context(), NOW).unwrap();
        prop_assert_eq!(op.next(NOW).unwrap(), step);
    }

    #[test]
    fn every_input_survives(
        kind in 0..8,
        id in any::<u64>(),
        texts in vec(text(), 8),
        headers in vec((text(), text()), 0..4),
        body in vec(any::<u8>(), 0..100),
        status in any::<u16>(),
        unix_ms in any::<i64>(),
        times in any::<(u64, u64)>(),
        sent in prop::sample::select(vec![Sent::NotSent, Sent::MaybeSent]),
        failure in prop::sample::select(FAILURES.to_vec()),
        reason in prop::sample::select(vec![CancelReason::Stopped, CancelReason::CredentialStopped]),
    ) {
        let id = RequestId(id);
        let input = match kind {
            0 => Input::Response(Response {
                request: id,
                status,
                headers: &headers,
                body: &body,
                sent: Monotonic(times.0),
                sent_unix_ms: unix_ms,
                settled_at: Monotonic(times.1),
            }),
            1 => Input::Failure(Failure {
                request: id,
                sent,
                kind: failure,
                message: &texts[0],
                sent_unix_ms: unix_ms,
                settled_at: Monotonic(times.0),
            }),
            2 => Input::Held { request: id },
            3 => Input::Subscribed { subscription: id },
            4 => Input::FeedLost { subscription: id },
            5 => Input::FeedRefused { subscription: id, message: &texts[0] },
            6 => Input::Event(Event {
                user: &texts[0],
                state: &texts[1],
                pending_state: &texts[2],
                reason: &texts[3],
                request_id: &texts[4],
                error_code: &texts[5],
                error_message: &texts[6],
                unix_ms,
                error_kind: &texts[7],
            }),
            _ => Input::Cancel(reason),
        };
        let _stage = lock(&STAGE);
        let mut op = play("logout", Vec::new());
        heard();
        op.input(NOW, input.clone()).unwrap();
        prop_assert_eq!(heard(), [format!("{NOW:?} {input:?}")]);
    }

    #[test]
    fn options_arguments_and_context_survive(
        fields in fields(),
        user in option::of((text(), fields())),
        texts in vec(text(), 4),
        flags in any::<(bool, bool, bool)>(),
        kind in prop::sample::select(vec![CredentialKind::Basic, CredentialKind::Bearer, CredentialKind::Key]),
        policy in prop::sample::select(vec![InDoubtPolicy::Verify, InDoubtPolicy::Repeat, InDoubtPolicy::Skip]),
        attempts in any::<u32>(),
        unix_ms in any::<i64>(),
        times in any::<(u64, u64)>(),
    ) {
        let user = user.map(|(id, attributes)| User { id, attributes });
        let earlier = [Earlier {
            part: &texts[2],
            attempts,
            request_id: &texts[3],
            sent_unix_ms: unix_ms,
            settled_at: Monotonic(times.0),
            age: Duration::from_nanos(times.1),
        }];
        let context = Context {
            actor: &texts[0],
            actor_kind: kind,
            plan: flags.0,
            call: &texts[1],
            may_act_on_self: flags.1,
            in_doubt: policy,
            earlier: &earlier[..usize::from(flags.0)],
            logged_out: flags.2,
        };
        let args = Args::new(user.as_ref(), &fields);
        let _stage = lock(&STAGE);
        heard();
        library().open(&fields).unwrap().start("logout", args, context, NOW).unwrap();
        prop_assert_eq!(heard(), [format!("{fields:?}"), format!("logout {args:?} {context:?} {NOW:?}")]);
    }

    #[test]
    fn every_class_survives(class in class()) {
        let _stage = lock(&STAGE);
        *lock(&CLASS) = class;
        prop_assert_eq!(open("kind").classify(&RESPONSE).unwrap(), class);
    }
}

#[test]
fn errors_keep_their_kind_and_text() {
    let _stage = lock(&STAGE);
    let options = [Field::new("tone", "refused")];
    let error = library().open(&options).unwrap_err();
    assert_eq!(error, Error::Options("`tone` is not a tone".to_owned()));

    let error = start(&open("start refused"), "logout").unwrap_err();
    assert_eq!(error, Error::Arguments("`wait` is too long".to_owned()));

    let error = start(&open("kind"), "dance").unwrap_err();
    assert_eq!(error, Error::UnknownOperation("dance".to_owned()));
}

#[test]
fn a_panic_does_not_cross_and_poisons_the_provider_with_its_operations() {
    let _stage = lock(&STAGE);
    let error = library().open(&[Field::new("tone", "panics")]).unwrap_err();
    assert_eq!(error, Error::Poisoned("`player`: no tone".to_owned()));

    let instance = open("classify panics");
    let mut op = start(&instance, "logout").unwrap();
    let poisoned = Error::Poisoned("`player`: no class".to_owned());
    assert_eq!(instance.classify(&RESPONSE), Err(poisoned.clone()));
    assert_eq!(instance.classify(&RESPONSE), Err(poisoned.clone()));
    assert_eq!(start(&instance, "logout").unwrap_err(), poisoned);
    assert_eq!(op.next(NOW), Err(poisoned.clone()));
    assert_eq!(op.input(NOW, Input::Cancel(CancelReason::Stopped)), Err(poisoned));

    // Another connection of the same provider goes on.
    assert!(start(&open("kind"), "logout").is_ok());
}

#[test]
fn a_panic_in_an_operation_poisons_the_others() {
    let _stage = lock(&STAGE);
    let instance = open("kind");
    let mut other = start(&instance, "logout").unwrap();
    let mut op = start(&instance, "logout").unwrap();
    let poisoned = Error::Poisoned("`player`: there is a step".to_owned());
    assert_eq!(op.next(NOW), Err(poisoned.clone()));
    assert_eq!(other.next(NOW), Err(poisoned));
}

#[test]
fn a_panic_on_the_way_out_does_not_cross() {
    let _stage = lock(&STAGE);
    drop(start(&open("drop panics"), "logout").unwrap());
}

#[test]
fn an_error_text_is_cut_at_a_character() {
    let _stage = lock(&STAGE);
    let Err(Error::Arguments(text)) = start(&open("start talks"), "logout") else {
        panic!("it does not start");
    };
    // 1,024 bytes less the NUL, and half a character.
    assert_eq!(text, "é".repeat(511));
}

fn start(instance: &Instance, operation: &str) -> Result<Op, Error> {
    instance.start(operation, Args::new(None, &[]), context(), NOW)
}

const RESPONSE: Response<'_> = Response {
    request: RequestId(1),
    status: 200,
    headers: &[],
    body: b"",
    sent: Monotonic::ZERO,
    sent_unix_ms: 0,
    settled_at: Monotonic::ZERO,
};

const FAILURES: [FailureKind; 6] = [
    FailureKind::Unreachable,
    FailureKind::TimedOut,
    FailureKind::Broken,
    FailureKind::TooLarge,
    FailureKind::Redirected,
    FailureKind::Expired,
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[a-zéß漢🦀\0\n]{1,12}"]
}

fn line() -> impl Strategy<Value = String> {
    "[a-zéß漢 ]{0,12}"
}

fn name() -> impl Strategy<Value = String> {
    "x-[a-z]{1,8}"
}

fn duration() -> impl Strategy<Value = Duration> {
    any::<u64>().prop_map(Duration::from_nanos)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Boolean),
        any::<i64>().prop_map(Value::Integer),
        (-1e300..1e300).prop_map(Value::Number),
        duration().prop_map(Value::Duration),
        text().prop_map(Value::Text),
        any::<u32>().prop_map(|handle| Value::Secret(SecretHandle(handle))),
    ];
    leaf.prop_recursive(5, 30, 5, |inner| {
        let field = (text(), inner.clone()).prop_map(|(name, value)| Field { name, value });
        prop_oneof![
            vec(inner, 0..5).prop_map(Value::List),
            vec(field, 0..5).prop_map(Value::Map)
        ]
    })
}

fn fields() -> impl Strategy<Value = Vec<Field>> {
    vec(
        (text(), value()).prop_map(|(name, value)| Field { name, value }),
        0..5,
    )
}

fn placement() -> impl Strategy<Value = Placement> {
    prop_oneof![
        Just(Placement::Bearer),
        name().prop_map(Placement::Header),
        name().prop_map(Placement::Query),
        name().prop_map(Placement::Form),
        "/[a-z]{1,8}".prop_map(Placement::JsonPointer),
    ]
}

fn effect() -> impl Strategy<Value = Effect> {
    let rule = prop_oneof![
        Just(InDoubt::Ask),
        duration().prop_map(InDoubt::Repeat),
        Just(InDoubt::Report)
    ];
    let write =
        ("[a-z:]{1,9}", rule, option::of("[^\r\n\0]{0,9}")).prop_map(|(part, in_doubt, request_id)| {
            Effect::Write {
                part,
                in_doubt,
                request_id,
            }
        });
    prop_oneof![Just(Effect::Read), write]
}

fn request() -> impl Strategy<Value = Request> {
    let credential = (
        option::of(text()),
        prop_oneof![Just(Placement::Basic), placement()],
    )
        .prop_map(|(name, placement)| CredentialUse { name, placement });
    let secret = (0..4_u32, placement()).prop_map(|(handle, placement)| SecretUse {
        handle: SecretHandle(handle),
        placement,
    });
    let message = (
        "[A-Z]{1,7}",
        "(/[a-z0-9%]{1,8}){1,3}",
        vec((line(), line()), 0..4),
        vec((name(), line()), 0..4),
        vec(any::<u8>(), 0..64),
    );
    let limits = (
        option::of(1..u64::MAX),
        option::of(1..u64::MAX),
        any::<(u64, u64, u64)>(),
    );
    let rest = (
        any::<u64>(),
        effect(),
        option::of(credential),
        vec(secret, 0..3),
        any::<bool>(),
    );
    (message, limits, rest).prop_map(
        |((method, path, query, headers, body), (timeout, answer_cap, times), rest)| Request {
            id: RequestId(rest.0),
            method,
            effect: rest.1,
            endpoint: "api".to_owned(),
            path,
            query,
            headers,
            body,
            credential: rest.2,
            secrets: rest.3,
            timeout: timeout.map(Duration::from_nanos),
            answer_cap,
            max_age: Duration::from_nanos(times.0),
            not_before: Monotonic(times.1),
            not_after: Monotonic(times.2),
            proves_credential: rest.4,
        },
    )
}

fn finished() -> impl Strategy<Value = Finished> {
    let confirmed_by = option::of(prop::sample::select(ConfirmedBy::ALL.to_vec()));
    let texts = (
        option::of(text()),
        option::of(text()),
        option::of(text()),
        option::of(text()),
    );
    (
        prop::sample::select(Outcome::ALL.to_vec()),
        confirmed_by,
        texts,
        fields(),
    )
        .prop_map(
            |(outcome, confirmed_by, (code, message, request_id, name), fields)| Finished {
                outcome,
                confirmed_by,
                code,
                message,
                request_id,
                name,
                fields,
            },
        )
}

fn step() -> impl Strategy<Value = Step> {
    let subscribe = (any::<u64>(), text(), text()).prop_map(|(id, node, user)| Subscribe {
        id: RequestId(id),
        node,
        user,
    });
    prop_oneof![
        4 => request().prop_map(Step::Request),
        1 => (text(), fields()).prop_map(|(id, attributes)| Step::Record(Record { id, attributes })),
        1 => (0..u64::MAX, text()).prop_map(|(until, reason)| Step::Wait(Wait {
            until: Monotonic(until),
            reason: Cow::Owned(reason),
        })),
        1 => subscribe.prop_map(Step::Subscribe),
        1 => finished().prop_map(Step::Finished),
    ]
}

fn class() -> impl Strategy<Value = Class> {
    prop_oneof![
        Just(Class::Ok),
        option::of(duration()).prop_map(Class::Throttled),
        Just(Class::Unavailable),
        Just(Class::TokenExpired),
        Just(Class::CredentialRefused),
        Just(Class::CredentialDoubted),
        Just(Class::Other),
    ]
}
