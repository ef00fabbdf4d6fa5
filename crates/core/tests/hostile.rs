//! Tables and structures that a careless or hostile library might give: each is refused with its reason, and none is
//! believed. (That memory is where a pointer says it is, nobody can check.)

#![expect(unsafe_code, reason = "bad tables are made here")]
#![expect(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "it is a test")]

mod support;

use std::ffi::c_char;
use std::ptr;
use std::sync::Mutex;

use expect_test::{Expect, expect};
use signoff_core::abi::host::Library;
use signoff_core::abi::layout as c;
use signoff_core::abi::table;
use signoff_core::{Args, Error};
use support::{DESCRIPTOR, NOW, Player, context, lock};

#[test]
fn a_table_is_whole() {
    check_table(
        None,
        expect!["the provider breaks the plugin interface: `table` is NULL"],
    );
    check_table(Some(api(|_| {})), expect!["fine"]);
    check_table(
        Some(api(|api| api.op_poll = None)),
        expect!["the provider breaks the plugin interface: the table lacks `op_poll`"],
    );
    check_table(
        Some(api(|api| api.size = 0)),
        expect!["the provider breaks the plugin interface: `table` states a size of 0"],
    );
    // As an older library would have it: what is beyond its size is not looked at.
    check_table(
        Some(api(|api| api.size -= 8)),
        expect!["the provider breaks the plugin interface: the table lacks `extension`"],
    );
    check_table(Some(api(|api| api.size += 800)), expect!["fine"]);
}

#[test]
fn a_descriptor_is_whole() {
    check_descriptor(|_| {}, expect!["fine"]);
    check_descriptor(
        |it| it.id = text("Player 1"),
        expect!["`descriptor.id` must be of lower-case letters, digits, `-` and `_`"],
    );
    check_descriptor(
        |it| it.id = bytes(b"pl\xff"),
        expect!["`descriptor.id` is not UTF-8"],
    );
    check_descriptor(
        |it| {
            it.id = c::Text {
                data: ptr::null(),
                length: 3,
            }
        },
        expect!["`descriptor.id` is NULL"],
    );
    check_descriptor(
        |it| it.version = text(""),
        expect!["`descriptor.version` is empty"],
    );
    check_descriptor(
        |it| it.acts_on = 9,
        expect!["`descriptor.acts_on` is of the unknown kind 9"],
    );
    check_descriptor(
        |it| it.acts_on = 0,
        expect!["`descriptor.acts_on` is of the unknown kind 0"],
    );
    check_descriptor(
        |it| it.state_can_be_asked = 2,
        expect!["`descriptor.state_can_be_asked` is 2, which is neither 0 nor 1"],
    );
    check_descriptor(
        |it| it.rate = f64::NAN,
        expect!["`descriptor.rate` is NaN, which is not a finite number"],
    );
    check_descriptor(|it| it.rate = -1.0, expect!["`descriptor.rate` is negative"]);
    check_descriptor(|it| it.concurrency = 0, expect!["`descriptor.concurrency` is 0"]);
    check_descriptor(
        |it| it.operation_count = 0,
        expect!["`descriptor.operations` is empty"],
    );
    check_descriptor(
        |it| it.operation_count = usize::MAX,
        expect!["`descriptor.operations`: more than 1000000 values at once"],
    );
    check_descriptor(
        |it| it.operations = ptr::without_provenance(1),
        expect!["`descriptor.operations` is not aligned"],
    );
    check_descriptor(
        |it| it.endpoint_count = 0,
        expect!["login `token` is sent to `api`, which is not a declared endpoint"],
    );
    // Cut off before the operations, as another version might have it.
    check_descriptor(|it| it.size = 120, expect!["`descriptor.operations` is empty"]);
}

#[test]
fn a_login_can_be_sent_as_it_is() {
    check_login(|_| {}, expect!["fine"]);
    // As a library built before it would have it: no refresh token.
    check_login(
        |it| it.size = u32::try_from(std::mem::offset_of!(c::Login, refresh_pointer)).unwrap(),
        expect!["fine"],
    );
    check_login(
        |it| it.name = text("Token"),
        expect![
            "descriptor.logins: the name `Token` must be of lower-case letters, digits and underscores, a letter first"
        ],
    );
    check_login(
        |it| it.method = text("post"),
        expect!["login `token` is no request: the method `post` is not in upper case"],
    );
    check_login(
        |it| it.path = text("https://elsewhere.example/"),
        expect![
            "login `token` is no request: the path `https://elsewhere.example/` does not start with one `/`"
        ],
    );
    check_login(
        |it| it.content_type = text("text/xml"),
        expect![
            "login `token` has a body of `text/xml`, which is neither `application/json` nor `application/x-www-form-urlencoded`"
        ],
    );
    check_login(
        |it| it.body = text("{\"user\":{username}}"),
        expect!["login `token` has `{username}` in its JSON body outside quotes"],
    );
    check_login(
        |it| it.body = text("{\"a\\\\\":\"b\\\"{username}\"}"),
        expect!["fine"],
    );
    check_login(
        |it| it.token_pointer = text("token"),
        expect!["login `token` has for `token_pointer` what does not start with `/`: `token`"],
    );
    check_login(
        |it| it.token_pointer = text(""),
        expect!["login `token` has for `token_pointer` what does not start with `/`: ``"],
    );
    check_login(
        |it| it.expires_pointer = text("expires"),
        expect!["login `token` has for `expires_pointer` what does not start with `/`: `expires`"],
    );
    check_login(
        |it| it.refresh_pointer = text(""),
        expect!["login `token` has a `refresh`, and no `refresh_pointer` to a token for it"],
    );
    check_login(
        |it| it.refresh = ptr::null(),
        expect!["login `token` has a `refresh_pointer`, and no `refresh` that would use it"],
    );
    check_login(
        |it| it.refresh = ptr::without_provenance(1),
        expect!["`descriptor.logins.refresh` is not aligned"],
    );
    check_refresh(|_| {}, expect!["fine"]);
    check_refresh(
        |it| it.path = text(""),
        expect!["the refresh of login `token` is no request: the path `` does not start with one `/`"],
    );
    check_refresh(
        |it| it.body = text("token={password}"),
        expect![
            "the refresh of login `token` must have `{refresh_token}` in its body, once, and no other placeholder"
        ],
    );
    check_refresh(
        |it| it.body = text("{refresh_token}{refresh_token}"),
        expect![
            "the refresh of login `token` must have `{refresh_token}` in its body, once, and no other placeholder"
        ],
    );
    check_refresh(
        |it| it.token_pointer = text(""),
        expect!["the refresh of login `token` has for `token_pointer` what does not start with `/`: ``"],
    );
}

#[test]
fn a_step_is_whole() {
    check_step(|it| it.kind = 0, expect!["`step`: it is of the unknown kind 0"]);
    check_step(|it| it.kind = 6, expect!["`step`: it is of the unknown kind 6"]);
    check_step(|it| it.size = 4, expect!["`step` states a size of 4"]);
    check_step(|it| it.finished = ptr::null(), expect!["`finished` is NULL"]);
    check_step(|it| it.kind = c::STEP_WAIT, expect!["`wait` is NULL"]);
    check_step(|_| {}, expect!["fine"]);
    // Cut off before `finished`.
    check_step(|it| it.size -= 8, expect!["`finished` is NULL"]);
}

#[test]
fn an_outcome_is_a_known_one() {
    check_finished(
        |it| it.outcome = 14,
        expect!["`finished.outcome` is of the unknown kind 14"],
    );
    check_finished(
        |it| it.confirmed_by = 0,
        expect!["`finished.confirmed_by` is of the unknown kind 0"],
    );
    check_finished(
        |it| it.message = bytes(b"\xc3"),
        expect!["`finished.message` is not UTF-8"],
    );
    check_finished(|it| it.message.length = 5, expect!["`finished.message` is NULL"]);
    check_finished(
        |it| {
            it.message = c::Text {
                length: isize::MAX as usize,
                ..text("x")
            }
        },
        expect!["`finished.message`: too long, with 9223372036854775807 members"],
    );
}

#[test]
fn a_value_that_holds_itself_ends() {
    static mut LOOP: c::Field = c::Field {
        name: c::Text {
            data: ptr::null(),
            length: 0,
        },
        value: c::Value {
            kind: c::VALUE_MAP,
            payload: c::Payload { integer: 0 },
        },
    };
    let itself = c::Fields {
        data: &raw const LOOP,
        length: 1,
    };
    let value = c::Value {
        kind: c::VALUE_MAP,
        payload: c::Payload { map: itself },
    };
    // SAFETY: no other thread uses it.
    unsafe { LOOP.value = value };
    check_finished(
        |it| it.fields = itself,
        expect!["`finished.fields` nests deeper than 16"],
    );
}

#[test]
fn a_result_code_is_a_known_one() {
    let library = load(&api(|api| api.provider_new = Some(gives_99))).unwrap();
    expect![
        "the provider breaks the plugin interface: `player`: the unknown result code 99, with the text `no NUL at the end`"
    ]
    .assert_eq(&library.open(&[]).unwrap_err().to_string());

    let library = load(&api(|api| api.provider_new = Some(says_too_much))).unwrap();
    expect![
        "the provider breaks the plugin interface: `player`: an error text is longer than the buffer for it"
    ]
    .assert_eq(&library.open(&[]).unwrap_err().to_string());

    let library = load(&api(|api| api.provider_new = Some(gives_nothing))).unwrap();
    expect!["the provider breaks the plugin interface: `player`: provider_new gave NULL"]
        .assert_eq(&library.open(&[]).unwrap_err().to_string());
}

#[test]
fn the_sdk_refuses_what_a_careless_host_gives() {
    let api = table::<Player>(&DESCRIPTOR);
    let mut error = [0; 64];
    let mut op = ptr::null_mut();
    let now = c::Now {
        monotonic: 0,
        unix_ms: 0,
    };
    // SAFETY: NULL is refused, and the rest is valid.
    let code = unsafe {
        (api.op_new.unwrap())(
            ptr::null_mut(),
            text("logout"),
            ptr::null(),
            ptr::null(),
            now,
            &raw mut op,
            error.as_mut_ptr(),
            error.len(),
        )
    };
    assert_eq!(
        (code, said(&error)),
        (c::ERROR_CONTRACT, "`provider` is NULL".to_owned())
    );

    // SAFETY: NULL does nothing.
    unsafe { (api.op_free.unwrap())(ptr::null_mut()) };
    // SAFETY: NULL does nothing.
    unsafe { (api.provider_free.unwrap())(ptr::null_mut()) };

    let mut provider = ptr::null_mut();
    let none = c::Fields {
        data: ptr::null(),
        length: 0,
    };
    // SAFETY: all arguments are valid; a buffer of no bytes is not written to.
    let code = unsafe { (api.provider_new.unwrap())(none, &raw mut provider, ptr::null_mut(), 0) };
    assert_eq!(code, c::OK);

    // SAFETY: the provider lives, NULL is refused, and a small buffer is not overrun.
    let code = unsafe {
        (api.op_new.unwrap())(
            provider,
            text("logout"),
            ptr::null(),
            ptr::null(),
            now,
            &raw mut op,
            error.as_mut_ptr(),
            8,
        )
    };
    assert_eq!((code, said(&error)), (c::ERROR_CONTRACT, "`args` ".to_owned()));

    let response = c::Response {
        size: u32::try_from(size_of::<c::Response>()).unwrap(),
        status: 200,
        request: 1,
        headers: c::Pairs {
            data: ptr::null(),
            length: 0,
        },
        body: c::Bytes {
            data: ptr::null(),
            length: 0,
        },
        sent: 0,
        sent_unix_ms: 0,
        settled_at: 0,
    };
    // A host that is older, and knows of nothing behind the kind: no more than it has room for is written.
    let mut class = c::Class {
        size: 8,
        kind: 0,
        has_after: 77,
        reserved: 0,
        after: 77,
    };
    // SAFETY: all arguments are valid.
    let code = unsafe {
        (api.classify.unwrap())(
            provider,
            &raw const response,
            &raw mut class,
            error.as_mut_ptr(),
            error.len(),
        )
    };
    assert_eq!((code, class.size, class.kind), (c::OK, 8, c::CLASS_OK));
    assert_eq!((class.has_after, class.after), (77, 77));
    // SAFETY: it is freed once, and has no operations.
    unsafe { (api.provider_free.unwrap())(provider) };
}

/// The table of [`Player`] with one change.
fn api(change: impl FnOnce(&mut c::Api)) -> c::Api {
    let mut api = *table::<Player>(&DESCRIPTOR);
    change(&mut api);
    api
}

fn load(api: &c::Api) -> Result<Library, Error> {
    // A larger size than ours is what a newer library states; there must be memory for what we read of it.
    // SAFETY: the table is never freed, and its functions keep to the header's rules of memory.
    unsafe { Library::from_table(Box::leak(Box::new(*api))) }
}

fn check_table(api: Option<c::Api>, expected: Expect) {
    let loaded = match api {
        Some(api) => load(&api),
        // SAFETY: NULL is allowed.
        None => unsafe { Library::from_table(ptr::null()) },
    };
    expected.assert_eq(&loaded.map_or_else(|error| error.to_string(), |_| "fine".to_owned()));
}

/// What [`describe`] gives; a test holds it while it uses it.
static DESCRIBED: Mutex<usize> = Mutex::new(0);

unsafe extern "C" fn describe() -> *const c::Descriptor {
    ptr::with_exposed_provenance(*lock(&DESCRIBED))
}

fn check_descriptor(change: impl FnOnce(&mut c::Descriptor), expected: Expect) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = lock(&TURN);
    // SAFETY: the function is ours.
    let original = unsafe { (table::<Player>(&DESCRIPTOR).describe.unwrap())() };
    // SAFETY: it is never changed or freed.
    let mut descriptor = unsafe { *original };
    change(&mut descriptor);
    *lock(&DESCRIBED) = ptr::from_mut(Box::leak(Box::new(descriptor))).expose_provenance();
    expected.assert_eq(&rule(load(&api(|api| api.describe = Some(describe)))));
}

fn check_login(change: impl FnOnce(&mut c::Login), expected: Expect) {
    check_descriptor(
        |descriptor| {
            // SAFETY: it is a sound descriptor with one login.
            let login = unsafe { *descriptor.logins };
            // SAFETY: it is sound, and never freed.
            let mut login = unsafe { *login };
            change(&mut login);
            let login: *const c::Login = Box::leak(Box::new(login));
            descriptor.logins = Box::leak(Box::new(login));
        },
        expected,
    );
}

fn check_refresh(change: impl FnOnce(&mut c::Refresh), expected: Expect) {
    check_login(
        |login| {
            // SAFETY: it is a sound login with a refresh, which is never freed.
            let mut refresh = unsafe { *login.refresh };
            change(&mut refresh);
            login.refresh = Box::leak(Box::new(refresh));
        },
        expected,
    );
}

/// What [`poll`] gives.
static POLLED: Mutex<usize> = Mutex::new(0);

unsafe extern "C" fn poll(
    _op: *mut c::Op,
    _now: c::Now,
    step: *mut *const c::Step,
    _error: *mut c_char,
    _capacity: usize,
) -> u32 {
    // SAFETY: the host gives a place for the step.
    unsafe { step.write(ptr::with_exposed_provenance(*lock(&POLLED))) };
    c::OK
}

fn check_finished(change: impl FnOnce(&mut c::Finished), expected: Expect) {
    let nothing = c::Text {
        data: ptr::null(),
        length: 0,
    };
    let mut finished = c::Finished {
        size: u32::try_from(size_of::<c::Finished>()).unwrap(),
        outcome: c::OUTCOME_DONE,
        confirmed_by: c::CONFIRMED_BY_NOTHING,
        reserved: 0,
        code: nothing,
        message: nothing,
        request_id: nothing,
        name: nothing,
        fields: c::Fields {
            data: ptr::null(),
            length: 0,
        },
    };
    change(&mut finished);
    let finished: *const _ = Box::leak(Box::new(finished));
    check_step_with(finished, |_| {}, expected);
}

fn check_step(change: impl FnOnce(&mut c::Step), expected: Expect) {
    let nothing = c::Text {
        data: ptr::null(),
        length: 0,
    };
    let finished: *const _ = Box::leak(Box::new(c::Finished {
        size: u32::try_from(size_of::<c::Finished>()).unwrap(),
        outcome: c::OUTCOME_DONE,
        confirmed_by: c::CONFIRMED_BY_NOTHING,
        reserved: 0,
        code: nothing,
        message: nothing,
        request_id: nothing,
        name: nothing,
        fields: c::Fields {
            data: ptr::null(),
            length: 0,
        },
    }));
    check_step_with(finished, change, expected);
}

fn check_step_with(finished: *const c::Finished, change: impl FnOnce(&mut c::Step), expected: Expect) {
    static TURN: Mutex<()> = Mutex::new(());
    let _turn = lock(&TURN);
    let mut step = c::Step {
        size: u32::try_from(size_of::<c::Step>()).unwrap(),
        kind: c::STEP_FINISHED,
        request: ptr::null(),
        record: ptr::null(),
        wait: ptr::null(),
        subscribe: ptr::null(),
        finished,
    };
    change(&mut step);
    *lock(&POLLED) = ptr::from_mut(Box::leak(Box::new(step))).expose_provenance();
    let library = load(&api(|api| api.op_poll = Some(poll))).unwrap();
    let instance = library.open(&[]).unwrap();
    let mut op = instance
        .start("logout", Args::new(None, &[]), context(), NOW)
        .unwrap();
    expected.assert_eq(&rule(op.next(NOW)));
}

unsafe extern "C" fn gives_99(
    _options: c::Fields,
    _provider: *mut *mut c::Provider,
    error: *mut c_char,
    capacity: usize,
) -> u32 {
    let text = b"no NUL at the end";
    assert!(capacity > text.len());
    // SAFETY: the host's buffer is that large.
    unsafe { ptr::copy_nonoverlapping(text.as_ptr(), error.cast(), text.len()) };
    99
}

unsafe extern "C" fn says_too_much(
    _options: c::Fields,
    _provider: *mut *mut c::Provider,
    error: *mut c_char,
    capacity: usize,
) -> u32 {
    // SAFETY: the host's buffer is not that large, and the host leaves room behind it for just this mistake.
    unsafe { ptr::write_bytes(error, b'x', capacity + 1) };
    c::ERROR_OPTIONS
}

unsafe extern "C" fn gives_nothing(
    _options: c::Fields,
    _provider: *mut *mut c::Provider,
    _error: *mut c_char,
    _capacity: usize,
) -> u32 {
    c::OK
}

fn rule<T>(result: Result<T, Error>) -> String {
    match result {
        Ok(_) => "fine".to_owned(),
        Err(Error::Contract(rule)) => rule.trim_start_matches("`player`: ").to_owned(),
        Err(other) => format!("{other:?}"),
    }
}

fn said(error: &[c_char]) -> String {
    let bytes = error.iter().take_while(|byte| **byte != 0);
    String::from_utf8(bytes.map(|byte| byte.cast_unsigned()).collect()).unwrap()
}

fn text(text: &'static str) -> c::Text {
    bytes(text.as_bytes())
}

fn bytes(bytes: &'static [u8]) -> c::Text {
    c::Text {
        data: bytes.as_ptr().cast(),
        length: bytes.len(),
    }
}
