//! Feeds that a careless or hostile library might give: each is refused with its reason, and none is believed.

#![expect(unsafe_code, reason = "bad tables are made here")]
#![expect(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "it is a test")]

mod support;

use std::ffi::{c_char, c_void};
use std::ptr;
use std::sync::Mutex;

use expect_test::{Expect, expect};
use signoff_core::abi::host::{Library, Op};
use signoff_core::abi::layout as c;
use signoff_core::abi::table;
use signoff_core::{CredentialKind, Error, FeedWish, Finished, Notification, Outcome, Step};
use support::{DESCRIPTOR, NOW, Player, STEPS, context, lock};

#[test]
fn a_table_of_a_feed_is_whole() {
    check(|_| {}, |_, _| {}, expect!["fine"]);
    check(
        |api| api.feed_new = None,
        |_, _| {},
        expect!["`signoff.feed/1` lacks `feed_new`"],
    );
    check(
        |api| api.feed_plan = None,
        |_, _| {},
        expect!["`signoff.feed/1` lacks `feed_plan`"],
    );
    // As an older library would have it: what is beyond its size is not looked at.
    check(
        |api| api.size -= 8,
        |_, _| {},
        expect!["`signoff.feed/1` lacks `feed_decode`"],
    );
    check(
        |api| api.size = 0,
        |_, _| {},
        expect!["`signoff.feed/1` states a size of 0"],
    );
}

#[test]
fn a_plan_is_whole() {
    check(
        |_| {},
        |plan, _| plan.protocol = 7,
        expect!["`plan.protocol`: it is of the unknown kind 7"],
    );
    check(
        |_| {},
        |plan, _| plan.size = 4,
        expect!["`plan` states a size of 4"],
    );
    check(
        |_| {},
        |plan, _| plan.ways = ptr::null(),
        expect!["`plan.ways` is NULL"],
    );
    check(
        |_| {},
        |plan, _| plan.way_count = usize::MAX,
        expect!["`plan.ways`: more than 1000000 values at once"],
    );
    check(
        |_| {},
        |plan, _| plan.domain = bytes(b"\xff"),
        expect!["`plan.domain` is not UTF-8"],
    );
    check(
        |_| {},
        |plan, _| plan.domain = bytes(b"example.com\n"),
        expect!["`plan.domain` is empty, too long, or holds a control character"],
    );
    check(
        |_| {},
        |_, way| way.transport = 0,
        expect!["`plan.ways.transport`: it is of the unknown kind 0"],
    );
    check(
        |_| {},
        |_, way| way.port = 65_536,
        expect!["`plan.ways.port` is 65536"],
    );
}

#[test]
fn events_are_whole() {
    for (events, expected) in [
        (ptr::null(), expect!["`events` is NULL"]),
        (
            leak(c::Events {
                size: size_of::<c::Events>() as u32,
                reserved: 0,
                events: ptr::null(),
                count: 3,
            }),
            expect!["`events.events` is NULL"],
        ),
        (
            leak(c::Events {
                size: size_of::<c::Events>() as u32,
                reserved: 0,
                events: ptr::null(),
                count: 10_001,
            }),
            expect!["`events`: more than 10000 of one notification"],
        ),
    ] {
        let _stage = lock(&STAGE);
        lock(&GIVEN).events = events as usize;
        let mut op = finished(&FEED).unwrap();
        let notification = Notification {
            node: "/node",
            payload: b"",
        };
        expected.assert_eq(&rule(op.decode(notification)));
        // Whoever gave one such answer is not asked again.
        assert!(op.decode(notification).is_err());
    }
}

/// Held by a test while it uses the rest.
static STAGE: Mutex<()> = Mutex::new(());

/// Addresses of what the functions below give.
struct Given {
    api: usize,
    plan: usize,
    events: usize,
}

static GIVEN: Mutex<Given> = Mutex::new(Given {
    api: 0,
    plan: 0,
    events: 0,
});

static FEED: c::FeedApi = c::FeedApi {
    size: size_of::<c::FeedApi>() as u32,
    reserved: 0,
    feed_new: Some(feed_new),
    feed_plan: Some(feed_plan),
    feed_decode: Some(feed_decode),
};

fn check(
    change: impl FnOnce(&mut c::FeedApi),
    change_plan: impl FnOnce(&mut c::FeedPlan, &mut c::FeedWay),
    expected: Expect,
) {
    let _stage = lock(&STAGE);
    let mut api = FEED;
    change(&mut api);
    let mut way = c::FeedWay {
        size: size_of::<c::FeedWay>() as u32,
        transport: c::TRANSPORT_TLS,
        port: 5223,
        reserved: 0,
        path: bytes(b""),
    };
    let mut plan = c::FeedPlan {
        size: size_of::<c::FeedPlan>() as u32,
        protocol: c::PROTOCOL_XMPP,
        keep_alive: 10_000_000_000,
        user: bytes(b"sup01"),
        domain: bytes(b"example.com"),
        service: bytes(b"pubsub.example.com"),
        endpoint: bytes(b"api"),
        ways: ptr::null(),
        way_count: 1,
        nodes: c::Texts {
            data: ptr::null(),
            length: 0,
        },
    };
    // Where a test takes the ways away, they stay away.
    plan.ways = leak(ptr::null());
    let before = plan.ways;
    change_plan(&mut plan, &mut way);
    if plan.ways == before {
        plan.ways = leak(leak(way));
    }
    lock(&GIVEN).plan = leak(plan) as usize;
    let planned = finished(&api).and_then(|mut op| op.feed_plan());
    expected.assert_eq(&rule(planned));
}

/// A feed of a provider with this table that has finished.
fn finished(feed: &c::FeedApi) -> Result<Op, Error> {
    lock(&GIVEN).api = leak(*feed) as usize;
    let mut api = *table::<Player>(&DESCRIPTOR);
    api.extension = Some(extension);
    // SAFETY: the table is never freed, and its functions keep to the header's rules of memory.
    let library = unsafe { Library::from_table(leak(api)) }?;
    let wish = FeedWish {
        actor: "sup01",
        actor_kind: CredentialKind::Basic,
        named: false,
        only_nodes: false,
        scope: "",
    };
    *lock(&STEPS) = vec![Step::Finished(Finished::new(Outcome::Done))];
    let mut op = library.open(&[])?.feed(wish, NOW)?;
    op.next(NOW)?;
    Ok(op)
}

unsafe extern "C" fn extension(_id: c::Text) -> *const c_void {
    ptr::with_exposed_provenance(lock(&GIVEN).api)
}

unsafe extern "C" fn feed_new(
    provider: *mut c::Provider,
    _wish: *const c::FeedWish,
    now: c::Now,
    op: *mut *mut c::Op,
    error: *mut c_char,
    capacity: usize,
) -> u32 {
    // An operation of the player serves as well.
    let api = *table::<Player>(&DESCRIPTOR);
    let args = c::Args {
        size: size_of::<c::Args>() as u32,
        reserved: 0,
        user: ptr::null(),
        fields: c::Fields {
            data: ptr::null(),
            length: 0,
        },
    };
    let _ = context();
    let mut context = c::Context {
        size: 0,
        actor_kind: c::CREDENTIAL_BASIC,
        plan: 0,
        may_act_on_self: 0,
        in_doubt: c::POLICY_VERIFY,
        ..zeroed()
    };
    context.size = size_of::<c::Context>() as u32;
    // SAFETY: all arguments are valid, and the function keeps to the header.
    unsafe {
        (api.op_new.unwrap())(
            provider,
            bytes(b"logout"),
            &raw const args,
            &raw const context,
            now,
            op,
            error,
            capacity,
        )
    }
}

unsafe extern "C" fn feed_plan(
    _op: *mut c::Op,
    plan: *mut *const c::FeedPlan,
    _error: *mut c_char,
    _capacity: usize,
) -> u32 {
    // SAFETY: the host's pointer.
    unsafe { plan.write(ptr::with_exposed_provenance(lock(&GIVEN).plan)) };
    c::OK
}

unsafe extern "C" fn feed_decode(
    _op: *mut c::Op,
    _notification: *const c::Notification,
    events: *mut *const c::Events,
    _error: *mut c_char,
    _capacity: usize,
) -> u32 {
    // SAFETY: the host's pointer.
    unsafe { events.write(ptr::with_exposed_provenance(lock(&GIVEN).events)) };
    c::OK
}

fn zeroed() -> c::Context {
    // SAFETY: all its members may be zero.
    unsafe { std::mem::zeroed() }
}

fn leak<T>(item: T) -> *const T {
    Box::leak(Box::new(item))
}

fn bytes(bytes: &'static [u8]) -> c::Text {
    c::Text {
        data: bytes.as_ptr().cast(),
        length: bytes.len(),
    }
}

fn rule<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "fine".to_owned(),
        Err(Error::Contract(rule)) => rule.trim_start_matches("`player`: ").to_owned(),
        Err(other) => format!("{other:?}"),
    }
}
