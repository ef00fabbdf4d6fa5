//! `include/signoff_provider.h`, mirrored: the same structures, members and constants under Rust names.
//!
//! The header is the source of truth and says what everything means. A test compiles it as C and as C++ against the
//! tables that this module makes of itself ([`STRUCTURES`], [`CONSTANTS`]), and reads it for what is missing here.

use std::ffi::{CStr, c_char, c_void};
use std::mem::offset_of;

/// The symbol that a library exports.
pub const ENTRY_POINT: &CStr = c"signoff_provider_v1";

/// The id of the extension for feeds; [`FeedApi`] is what it gives.
pub const FEED_EXTENSION: &str = "signoff.feed/1";

/// The type of the exported function.
pub type EntryPoint = unsafe extern "C" fn() -> *const Api;

/// The provider's own: one connection.
#[repr(C)]
#[derive(Debug)]
pub struct Provider {
    opaque: [u8; 0],
}

/// The provider's own: one operation on one user.
#[repr(C)]
#[derive(Debug)]
pub struct Op {
    opaque: [u8; 0],
}

/// A structure that starts with its size, and may have grown on the other side.
///
/// # Safety
/// It is `repr(C)`, its first member is `size: u32`, and it is valid when all its bytes are zero.
pub(super) unsafe trait Growable: Copy {
    /// What goes into `size` when we write one; a `u32` by the rules of the interface.
    const SIZE: u32;
}

/// One structure or union as this mirror has it.
#[derive(Debug)]
pub struct StructureLayout {
    /// Its name in the header.
    pub c_name: &'static str,
    /// Its name here.
    pub rust_name: &'static str,
    /// In bytes.
    pub size: usize,
    /// In the order of the header.
    pub members: &'static [MemberLayout],
}

/// One member of a structure as this mirror has it.
#[derive(Debug)]
pub struct MemberLayout {
    /// Its name, the same in both.
    pub name: &'static str,
    /// In bytes, from the start of the structure.
    pub offset: usize,
    /// In bytes.
    pub size: usize,
    /// Its type, as it is written here.
    pub rust_type: &'static str,
}

macro_rules! structures {
    ($($c_name:literal => $keyword:tt $name:ident { $($member:ident: $type:ty,)* })*) => {
        $(
            #[repr(C)]
            #[derive(Clone, Copy)]
            #[expect(missing_docs, missing_debug_implementations, reason = "the header says what it is")]
            pub $keyword $name { $(pub $member: $type,)* }
        )*

        /// Every structure, in the order of the header.
        pub const STRUCTURES: &[StructureLayout] = &[$(StructureLayout {
            c_name: $c_name,
            rust_name: stringify!($name),
            size: size_of::<$name>(),
            members: &[$(MemberLayout {
                name: stringify!($member),
                offset: offset_of!($name, $member),
                size: size_of::<$type>(),
                rust_type: stringify!($type),
            },)*],
        },)*];
    };
}

macro_rules! growable {
    ($($name:ident,)*) => {
        $(
            // SAFETY: declared with `repr(C)` and `size: u32` in front below; members are numbers, pointers, slices
            // of these, and optional functions, all of which may be zero.
            unsafe impl Growable for $name {
                const SIZE: u32 = {
                    assert!(offset_of!($name, size) == 0 && size_of::<$name>() <= u32::MAX as usize);
                    size_of::<$name>() as u32
                };
            }
        )*
    };
}

macro_rules! constants {
    ($($c_name:literal => $name:ident: $type:ty = $value:expr,)*) => {
        $(
            #[expect(missing_docs, reason = "the header says what it is")]
            pub const $name: $type = $value;
        )*

        /// Every constant under its name in the header, in the order of the header.
        pub const CONSTANTS: &[(&str, u64)] = &[$(($c_name, $name as u64),)*];
    };
}

structures! {
    "signoff_now" => struct Now {
        monotonic: u64,
        unix_ms: i64,
    }

    "signoff_text" => struct Text {
        data: *const c_char,
        length: usize,
    }

    "signoff_bytes" => struct Bytes {
        data: *const u8,
        length: usize,
    }

    "signoff_texts" => struct Texts {
        data: *const Text,
        length: usize,
    }

    "signoff_pair" => struct Pair {
        name: Text,
        value: Text,
    }

    "signoff_pairs" => struct Pairs {
        data: *const Pair,
        length: usize,
    }

    "signoff_values" => struct Values {
        data: *const Value,
        length: usize,
    }

    "signoff_fields" => struct Fields {
        data: *const Field,
        length: usize,
    }

    "signoff_payload" => union Payload {
        boolean: u32,
        integer: i64,
        number: f64,
        duration: u64,
        text: Text,
        list: Values,
        map: Fields,
        secret: u32,
    }

    "signoff_value" => struct Value {
        kind: u32,
        payload: Payload,
    }

    "signoff_field" => struct Field {
        name: Text,
        value: Value,
    }

    "signoff_parameter" => struct Parameter {
        size: u32,
        kind: u32,
        required: u32,
        reserved: u32,
        name: Text,
        default_value: Text,
        choices: Texts,
        help: Text,
    }

    "signoff_operation" => struct Operation {
        size: u32,
        writes: u32,
        target: u32,
        yields: u32,
        name: Text,
        summary: Text,
        parameters: *const *const Parameter,
        parameter_count: usize,
    }

    "signoff_endpoint" => struct Endpoint {
        size: u32,
        required: u32,
        name: Text,
        help: Text,
    }

    "signoff_refresh" => struct Refresh {
        size: u32,
        reserved: u32,
        method: Text,
        path: Text,
        content_type: Text,
        body: Text,
        token_pointer: Text,
    }

    "signoff_login" => struct Login {
        size: u32,
        reserved: u32,
        name: Text,
        endpoint: Text,
        method: Text,
        path: Text,
        content_type: Text,
        body: Text,
        token_pointer: Text,
        expires_pointer: Text,
        refresh_pointer: Text,
        refresh: *const Refresh,
    }

    "signoff_descriptor" => struct Descriptor {
        size: u32,
        acts_on: u32,
        state_can_be_asked: u32,
        concurrency: u32,
        rate: f64,
        timeout: u64,
        settle: u64,
        id: Text,
        name: Text,
        version: Text,
        summary: Text,
        options: *const *const Parameter,
        option_count: usize,
        operations: *const *const Operation,
        operation_count: usize,
        endpoints: *const *const Endpoint,
        endpoint_count: usize,
        credentials: *const u32,
        credential_count: usize,
        logins: *const *const Login,
        login_count: usize,
        secret_attributes: Texts,
    }

    "signoff_user" => struct User {
        size: u32,
        reserved: u32,
        id: Text,
        attributes: Fields,
    }

    "signoff_args" => struct Args {
        size: u32,
        reserved: u32,
        user: *const User,
        fields: Fields,
    }

    "signoff_earlier" => struct Earlier {
        size: u32,
        attempts: u32,
        part: Text,
        request_id: Text,
        sent_unix_ms: i64,
        settled_at: u64,
        age: u64,
    }

    "signoff_context" => struct Context {
        size: u32,
        actor_kind: u32,
        plan: u32,
        may_act_on_self: u32,
        in_doubt: u32,
        reserved: u32,
        actor: Text,
        call: Text,
        earlier: *const *const Earlier,
        earlier_count: usize,
        logged_out: u32,
        reserved2: u32,
    }

    "signoff_credential_use" => struct CredentialUse {
        size: u32,
        placement: u32,
        name: Text,
        target: Text,
    }

    "signoff_secret_use" => struct SecretUse {
        size: u32,
        placement: u32,
        handle: u32,
        reserved: u32,
        target: Text,
    }

    "signoff_request" => struct Request {
        size: u32,
        effect: u32,
        in_doubt: u32,
        proves_credential: u32,
        id: u64,
        method: Text,
        endpoint: Text,
        path: Text,
        query: Pairs,
        headers: Pairs,
        body: Bytes,
        credential: *const CredentialUse,
        secrets: *const *const SecretUse,
        secret_count: usize,
        timeout: u64,
        answer_cap: u64,
        max_age: u64,
        not_before: u64,
        not_after: u64,
        part: Text,
        repeat_within: u64,
        request_id: Text,
    }

    "signoff_record" => struct Record {
        size: u32,
        reserved: u32,
        id: Text,
        attributes: Fields,
    }

    "signoff_wait" => struct Wait {
        size: u32,
        reserved: u32,
        until: u64,
        reason: Text,
    }

    "signoff_subscribe" => struct Subscribe {
        size: u32,
        reserved: u32,
        id: u64,
        node: Text,
        user: Text,
    }

    "signoff_finished" => struct Finished {
        size: u32,
        outcome: u32,
        confirmed_by: u32,
        reserved: u32,
        code: Text,
        message: Text,
        request_id: Text,
        name: Text,
        fields: Fields,
    }

    "signoff_step" => struct Step {
        size: u32,
        kind: u32,
        request: *const Request,
        record: *const Record,
        wait: *const Wait,
        subscribe: *const Subscribe,
        finished: *const Finished,
    }

    "signoff_response" => struct Response {
        size: u32,
        status: u32,
        request: u64,
        headers: Pairs,
        body: Bytes,
        sent: u64,
        sent_unix_ms: i64,
        settled_at: u64,
    }

    "signoff_failure" => struct Failure {
        size: u32,
        kind: u32,
        sent: u32,
        reserved: u32,
        request: u64,
        message: Text,
        sent_unix_ms: i64,
        settled_at: u64,
    }

    "signoff_event" => struct Event {
        size: u32,
        reserved: u32,
        user: Text,
        state: Text,
        pending_state: Text,
        reason: Text,
        request_id: Text,
        error_code: Text,
        error_message: Text,
        unix_ms: i64,
        error_kind: Text,
    }

    "signoff_input" => struct Input {
        size: u32,
        kind: u32,
        reason: u32,
        reserved: u32,
        id: u64,
        response: *const Response,
        failure: *const Failure,
        event: *const Event,
        message: Text,
    }

    "signoff_class" => struct Class {
        size: u32,
        kind: u32,
        has_after: u32,
        reserved: u32,
        after: u64,
    }

    "signoff_api" => struct Api {
        size: u32,
        reserved: u32,
        describe: Option<unsafe extern "C" fn() -> *const Descriptor>,
        provider_new: Option<unsafe extern "C" fn(Fields, *mut *mut Provider, *mut c_char, usize) -> u32>,
        provider_free: Option<unsafe extern "C" fn(*mut Provider)>,
        op_new: Option<
            unsafe extern "C" fn(
                *mut Provider,
                Text,
                *const Args,
                *const Context,
                Now,
                *mut *mut Op,
                *mut c_char,
                usize,
            ) -> u32,
        >,
        op_poll: Option<unsafe extern "C" fn(*mut Op, Now, *mut *const Step, *mut c_char, usize) -> u32>,
        op_input: Option<unsafe extern "C" fn(*mut Op, Now, *const Input, *mut c_char, usize) -> u32>,
        op_free: Option<unsafe extern "C" fn(*mut Op)>,
        classify: Option<
            unsafe extern "C" fn(*mut Provider, *const Response, *mut Class, *mut c_char, usize) -> u32,
        >,
        extension: Option<unsafe extern "C" fn(Text) -> *const c_void>,
    }

    "signoff_feed_wish" => struct FeedWish {
        size: u32,
        actor_kind: u32,
        named: u32,
        only_nodes: u32,
        actor: Text,
        scope: Text,
    }

    "signoff_feed_way" => struct FeedWay {
        size: u32,
        transport: u32,
        port: u32,
        reserved: u32,
        path: Text,
    }

    "signoff_feed_plan" => struct FeedPlan {
        size: u32,
        protocol: u32,
        keep_alive: u64,
        user: Text,
        domain: Text,
        service: Text,
        endpoint: Text,
        ways: *const *const FeedWay,
        way_count: usize,
        nodes: Texts,
    }

    "signoff_notification" => struct Notification {
        size: u32,
        reserved: u32,
        node: Text,
        payload: Bytes,
    }

    "signoff_events" => struct Events {
        size: u32,
        reserved: u32,
        events: *const *const Event,
        count: usize,
    }

    "signoff_feed_api" => struct FeedApi {
        size: u32,
        reserved: u32,
        feed_new: Option<
            unsafe extern "C" fn(
                *mut Provider,
                *const FeedWish,
                Now,
                *mut *mut Op,
                *mut c_char,
                usize,
            ) -> u32,
        >,
        feed_plan: Option<unsafe extern "C" fn(*mut Op, *mut *const FeedPlan, *mut c_char, usize) -> u32>,
        feed_decode: Option<
            unsafe extern "C" fn(*mut Op, *const Notification, *mut *const Events, *mut c_char, usize) -> u32,
        >,
    }
}

growable! {
    Parameter,
    Operation,
    Endpoint,
    Refresh,
    Login,
    Descriptor,
    User,
    Args,
    Earlier,
    Context,
    CredentialUse,
    SecretUse,
    Request,
    Record,
    Wait,
    Subscribe,
    Finished,
    Step,
    Response,
    Failure,
    Event,
    Input,
    Class,
    Api,
    FeedWish,
    FeedWay,
    FeedPlan,
    Notification,
    Events,
    FeedApi,
}

constants! {
    "SIGNOFF_ABI_MAJOR" => ABI_MAJOR: u32 = 1,
    "SIGNOFF_NEVER" => NEVER: u64 = u64::MAX,
    "SIGNOFF_OK" => OK: u32 = 0,
    "SIGNOFF_ERROR_OPTIONS" => ERROR_OPTIONS: u32 = 1,
    "SIGNOFF_ERROR_UNKNOWN_OPERATION" => ERROR_UNKNOWN_OPERATION: u32 = 2,
    "SIGNOFF_ERROR_ARGUMENTS" => ERROR_ARGUMENTS: u32 = 3,
    "SIGNOFF_ERROR_POISONED" => ERROR_POISONED: u32 = 4,
    "SIGNOFF_ERROR_CONTRACT" => ERROR_CONTRACT: u32 = 5,
    "SIGNOFF_VALUE_NULL" => VALUE_NULL: u32 = 1,
    "SIGNOFF_VALUE_BOOLEAN" => VALUE_BOOLEAN: u32 = 2,
    "SIGNOFF_VALUE_INTEGER" => VALUE_INTEGER: u32 = 3,
    "SIGNOFF_VALUE_NUMBER" => VALUE_NUMBER: u32 = 4,
    "SIGNOFF_VALUE_DURATION" => VALUE_DURATION: u32 = 5,
    "SIGNOFF_VALUE_TEXT" => VALUE_TEXT: u32 = 6,
    "SIGNOFF_VALUE_LIST" => VALUE_LIST: u32 = 7,
    "SIGNOFF_VALUE_MAP" => VALUE_MAP: u32 = 8,
    "SIGNOFF_VALUE_SECRET" => VALUE_SECRET: u32 = 9,
    "SIGNOFF_PARAMETER_TEXT" => PARAMETER_TEXT: u32 = 1,
    "SIGNOFF_PARAMETER_BOOLEAN" => PARAMETER_BOOLEAN: u32 = 2,
    "SIGNOFF_PARAMETER_INTEGER" => PARAMETER_INTEGER: u32 = 3,
    "SIGNOFF_PARAMETER_DURATION" => PARAMETER_DURATION: u32 = 4,
    "SIGNOFF_PARAMETER_LIST" => PARAMETER_LIST: u32 = 5,
    "SIGNOFF_TARGET_USER" => TARGET_USER: u32 = 1,
    "SIGNOFF_TARGET_CONNECTION" => TARGET_CONNECTION: u32 = 2,
    "SIGNOFF_YIELDS_OUTCOME" => YIELDS_OUTCOME: u32 = 1,
    "SIGNOFF_YIELDS_RECORD" => YIELDS_RECORD: u32 = 2,
    "SIGNOFF_YIELDS_RECORDS" => YIELDS_RECORDS: u32 = 3,
    "SIGNOFF_CREDENTIAL_BASIC" => CREDENTIAL_BASIC: u32 = 1,
    "SIGNOFF_CREDENTIAL_BEARER" => CREDENTIAL_BEARER: u32 = 2,
    "SIGNOFF_CREDENTIAL_KEY" => CREDENTIAL_KEY: u32 = 3,
    "SIGNOFF_ACTS_ON_USER" => ACTS_ON_USER: u32 = 1,
    "SIGNOFF_ACTS_ON_CREDENTIAL_OWNER" => ACTS_ON_CREDENTIAL_OWNER: u32 = 2,
    "SIGNOFF_POLICY_VERIFY" => POLICY_VERIFY: u32 = 1,
    "SIGNOFF_POLICY_REPEAT" => POLICY_REPEAT: u32 = 2,
    "SIGNOFF_POLICY_SKIP" => POLICY_SKIP: u32 = 3,
    "SIGNOFF_PLACEMENT_BASIC" => PLACEMENT_BASIC: u32 = 1,
    "SIGNOFF_PLACEMENT_BEARER" => PLACEMENT_BEARER: u32 = 2,
    "SIGNOFF_PLACEMENT_HEADER" => PLACEMENT_HEADER: u32 = 3,
    "SIGNOFF_PLACEMENT_QUERY" => PLACEMENT_QUERY: u32 = 4,
    "SIGNOFF_PLACEMENT_FORM" => PLACEMENT_FORM: u32 = 5,
    "SIGNOFF_PLACEMENT_JSON_POINTER" => PLACEMENT_JSON_POINTER: u32 = 6,
    "SIGNOFF_EFFECT_READ" => EFFECT_READ: u32 = 1,
    "SIGNOFF_EFFECT_WRITE" => EFFECT_WRITE: u32 = 2,
    "SIGNOFF_IN_DOUBT_ASK" => IN_DOUBT_ASK: u32 = 1,
    "SIGNOFF_IN_DOUBT_REPEAT" => IN_DOUBT_REPEAT: u32 = 2,
    "SIGNOFF_IN_DOUBT_REPORT" => IN_DOUBT_REPORT: u32 = 3,
    "SIGNOFF_OUTCOME_DONE" => OUTCOME_DONE: u32 = 1,
    "SIGNOFF_OUTCOME_ALREADY" => OUTCOME_ALREADY: u32 = 2,
    "SIGNOFF_OUTCOME_SKIPPED" => OUTCOME_SKIPPED: u32 = 3,
    "SIGNOFF_OUTCOME_PLANNED" => OUTCOME_PLANNED: u32 = 4,
    "SIGNOFF_OUTCOME_ACCEPTED" => OUTCOME_ACCEPTED: u32 = 5,
    "SIGNOFF_OUTCOME_PENDING" => OUTCOME_PENDING: u32 = 6,
    "SIGNOFF_OUTCOME_BUSY" => OUTCOME_BUSY: u32 = 7,
    "SIGNOFF_OUTCOME_REFUSED" => OUTCOME_REFUSED: u32 = 8,
    "SIGNOFF_OUTCOME_NOT_FOUND" => OUTCOME_NOT_FOUND: u32 = 9,
    "SIGNOFF_OUTCOME_DENIED" => OUTCOME_DENIED: u32 = 10,
    "SIGNOFF_OUTCOME_FAILED" => OUTCOME_FAILED: u32 = 11,
    "SIGNOFF_OUTCOME_UNKNOWN" => OUTCOME_UNKNOWN: u32 = 12,
    "SIGNOFF_OUTCOME_CANCELLED" => OUTCOME_CANCELLED: u32 = 13,
    "SIGNOFF_CONFIRMED_BY_NOTHING" => CONFIRMED_BY_NOTHING: u32 = 1,
    "SIGNOFF_CONFIRMED_BY_RESPONSE" => CONFIRMED_BY_RESPONSE: u32 = 2,
    "SIGNOFF_CONFIRMED_BY_STATUS" => CONFIRMED_BY_STATUS: u32 = 3,
    "SIGNOFF_CONFIRMED_BY_EVENT" => CONFIRMED_BY_EVENT: u32 = 4,
    "SIGNOFF_STEP_REQUEST" => STEP_REQUEST: u32 = 1,
    "SIGNOFF_STEP_RECORD" => STEP_RECORD: u32 = 2,
    "SIGNOFF_STEP_WAIT" => STEP_WAIT: u32 = 3,
    "SIGNOFF_STEP_SUBSCRIBE" => STEP_SUBSCRIBE: u32 = 4,
    "SIGNOFF_STEP_FINISHED" => STEP_FINISHED: u32 = 5,
    "SIGNOFF_SENT_NOT" => SENT_NOT: u32 = 1,
    "SIGNOFF_SENT_MAYBE" => SENT_MAYBE: u32 = 2,
    "SIGNOFF_FAILURE_UNREACHABLE" => FAILURE_UNREACHABLE: u32 = 1,
    "SIGNOFF_FAILURE_TIMED_OUT" => FAILURE_TIMED_OUT: u32 = 2,
    "SIGNOFF_FAILURE_BROKEN" => FAILURE_BROKEN: u32 = 3,
    "SIGNOFF_FAILURE_TOO_LARGE" => FAILURE_TOO_LARGE: u32 = 4,
    "SIGNOFF_FAILURE_REDIRECTED" => FAILURE_REDIRECTED: u32 = 5,
    "SIGNOFF_FAILURE_EXPIRED" => FAILURE_EXPIRED: u32 = 6,
    "SIGNOFF_CANCEL_STOPPED" => CANCEL_STOPPED: u32 = 1,
    "SIGNOFF_CANCEL_CREDENTIAL_STOPPED" => CANCEL_CREDENTIAL_STOPPED: u32 = 2,
    "SIGNOFF_INPUT_RESPONSE" => INPUT_RESPONSE: u32 = 1,
    "SIGNOFF_INPUT_FAILURE" => INPUT_FAILURE: u32 = 2,
    "SIGNOFF_INPUT_HELD" => INPUT_HELD: u32 = 3,
    "SIGNOFF_INPUT_SUBSCRIBED" => INPUT_SUBSCRIBED: u32 = 4,
    "SIGNOFF_INPUT_FEED_LOST" => INPUT_FEED_LOST: u32 = 5,
    "SIGNOFF_INPUT_FEED_REFUSED" => INPUT_FEED_REFUSED: u32 = 6,
    "SIGNOFF_INPUT_EVENT" => INPUT_EVENT: u32 = 7,
    "SIGNOFF_INPUT_CANCEL" => INPUT_CANCEL: u32 = 8,
    "SIGNOFF_CLASS_OK" => CLASS_OK: u32 = 1,
    "SIGNOFF_CLASS_THROTTLED" => CLASS_THROTTLED: u32 = 2,
    "SIGNOFF_CLASS_UNAVAILABLE" => CLASS_UNAVAILABLE: u32 = 3,
    "SIGNOFF_CLASS_TOKEN_EXPIRED" => CLASS_TOKEN_EXPIRED: u32 = 4,
    "SIGNOFF_CLASS_CREDENTIAL_REFUSED" => CLASS_CREDENTIAL_REFUSED: u32 = 5,
    "SIGNOFF_CLASS_CREDENTIAL_DOUBTED" => CLASS_CREDENTIAL_DOUBTED: u32 = 6,
    "SIGNOFF_CLASS_OTHER" => CLASS_OTHER: u32 = 7,
    "SIGNOFF_TRANSPORT_TLS" => TRANSPORT_TLS: u32 = 1,
    "SIGNOFF_TRANSPORT_WEBSOCKET" => TRANSPORT_WEBSOCKET: u32 = 2,
    "SIGNOFF_PROTOCOL_XMPP" => PROTOCOL_XMPP: u32 = 1,
}
