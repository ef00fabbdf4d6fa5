//! The rules of conduct: what a provider may ask for, and when. The host holds every provider to them, linked or
//! loaded, so that a mistake is named where it is made and not met as a vendor's odd answer.

use std::collections::HashSet;
use std::fmt;

use super::ids::UsedIds;
use super::reader::Violation;
use crate::{
    Args, CredentialUse, Descriptor, Effect, Field, Input, Monotonic, Now, OperationSpec, Placement, Request,
    RequestId, SecretHandle, SecretUse, Step, Value, Wait, Yields,
};

/// Rows that may come without an input in between.
const RECORDS: u32 = 100_000;

/// Requests, subscriptions and waits for a time that has passed, without an input in between.
const ASKS: u32 = 1_000;

/// Headers that the host writes. A credential may be placed into `Authorization` or `Cookie` all the same.
const HOST_HEADERS: [&str; 13] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "expect",
    "host",
    "keep-alive",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Methods that do not speak to the vendor's API: one opens a tunnel, the other has its headers sent back.
const HOST_METHODS: [&str; 2] = ["CONNECT", "TRACE"];

/// What one operation has done so far, as far as a rule asks.
#[derive(Debug)]
pub(super) struct Conduct {
    descriptor: &'static Descriptor,
    operation: &'static OperationSpec,
    secrets: HashSet<SecretHandle>,
    used: UsedIds,
    outstanding: HashSet<RequestId>,
    asks: u32,
    records: u32,
    has_record: bool,
    cancelled: bool,
    finished: bool,
}

impl Conduct {
    pub(super) fn new(
        descriptor: &'static Descriptor,
        operation: &'static OperationSpec,
        args: Args<'_>,
    ) -> Self {
        let mut secrets = HashSet::new();
        let attributes = args.user().map_or(&[][..], |user| &user.attributes);
        collect_secrets(attributes, &mut secrets);
        collect_secrets(args.fields(), &mut secrets);
        Self {
            descriptor,
            operation,
            secrets,
            used: UsedIds::default(),
            outstanding: HashSet::new(),
            asks: 0,
            records: 0,
            has_record: false,
            cancelled: false,
            finished: false,
        }
    }

    /// Whether it has come to its end: then it is not to be polled.
    pub(super) const fn is_finished(&self) -> bool {
        self.finished
    }

    /// Takes note of what the operation is told.
    pub(super) fn input(&mut self, input: &Input<'_>) {
        // These come at once: whoever asks again for each of them would go on for ever.
        if !matches!(input, Input::Held { .. } | Input::FeedRefused { .. }) {
            self.asks = 0;
            self.records = 0;
        }
        match input {
            Input::Response(response) => _ = self.outstanding.remove(&response.request),
            Input::Failure(failure) => _ = self.outstanding.remove(&failure.request),
            Input::Held { request } => _ = self.outstanding.remove(request),
            Input::FeedRefused { subscription, .. } | Input::FeedLost { subscription } => {
                self.outstanding.remove(subscription);
            }
            Input::Subscribed { subscription } => _ = self.outstanding.insert(*subscription),
            Input::Cancel(_) => self.cancelled = true,
            Input::Event(_) => {}
        }
    }

    /// Judges what the operation asks for.
    pub(super) fn step(&mut self, step: &Step, now: Now) -> Result<(), Violation> {
        match step {
            Step::Request(request) => {
                self.ask(request.id, "REQUEST")?;
                self.request(request)
                    .map_err(|Violation(what)| Violation(format!("request {}: {what}", request.id.0)))
            }
            Step::Subscribe(_) if !self.may_subscribe() => violation(format_args!(
                "SUBSCRIBE from a feed, which only says how to listen"
            )),
            Step::Subscribe(subscribe) => self.ask(subscribe.id, "SUBSCRIBE"),
            Step::Record(_) => self.record(),
            Step::Wait(wait) => self.wait(wait, now),
            Step::Finished(_) => {
                self.finished = true;
                Ok(())
            }
        }
    }

    /// A feed is no operation of the descriptor.
    fn may_subscribe(&self) -> bool {
        let declared = self.descriptor.operations;
        declared.iter().any(|one| std::ptr::eq(one, self.operation))
    }

    fn ask(&mut self, id: RequestId, step: &str) -> Result<(), Violation> {
        if self.cancelled {
            return violation(format_args!("{step} after CANCEL"));
        }
        if !self.used.insert(id) {
            return violation(format_args!("the id {} is used twice in one operation", id.0));
        }
        self.outstanding.insert(id);
        self.count_ask()
    }

    fn count_ask(&mut self) -> Result<(), Violation> {
        self.asks += 1;
        if self.asks > ASKS {
            return violation(format_args!(
                "more than {ASKS} requests and waits without an input in between"
            ));
        }
        Ok(())
    }

    fn record(&mut self) -> Result<(), Violation> {
        match self.operation.yields {
            Yields::Outcome => {
                return violation(format_args!(
                    "RECORD from `{}`, which yields none",
                    self.operation.name
                ));
            }
            Yields::Record if self.has_record => {
                return violation(format_args!(
                    "a second RECORD from `{}`, which yields one",
                    self.operation.name
                ));
            }
            Yields::Record | Yields::Records => {}
        }
        self.has_record = true;
        self.records += 1;
        if self.records > RECORDS {
            return violation(format_args!(
                "more than {RECORDS} records without an input in between"
            ));
        }
        Ok(())
    }

    fn wait(&mut self, wait: &Wait, now: Now) -> Result<(), Violation> {
        if wait.until == Monotonic::NEVER && self.outstanding.is_empty() {
            return violation(format_args!("WAIT for ever with nothing outstanding"));
        }
        if wait.until <= now.monotonic {
            return self.count_ask();
        }
        Ok(())
    }

    fn request(&self, request: &Request) -> Result<(), Violation> {
        if let Effect::Write { part, request_id, .. } = &request.effect {
            if !self.operation.writes {
                return violation(format_args!(
                    "a write from `{}`, which is declared not to write",
                    self.operation.name
                ));
            }
            if part.is_empty() {
                return violation(format_args!("a write without a part name"));
            }
            check_line("part name", part)?;
            check_line("request id", request_id.as_deref().unwrap_or_default())?;
        }
        let declared = self
            .descriptor
            .endpoints
            .iter()
            .any(|endpoint| endpoint.name == request.endpoint);
        if !declared {
            return violation(format_args!(
                "`{}` is not a declared endpoint",
                request.endpoint.escape_debug()
            ));
        }
        check_method(&request.method)?;
        check_path(&request.path)?;
        for (name, value) in &request.query {
            check_line("query", name)?;
            check_line("query", value)?;
        }
        for (name, value) in &request.headers {
            check_header(name)?;
            check_header_value(name, value)?;
        }
        if let Some(CredentialUse { placement, .. }) = &request.credential {
            check_placement(placement)?;
        }
        for SecretUse { handle, placement } in &request.secrets {
            if !self.secrets.contains(handle) {
                return violation(format_args!(
                    "the secret {} did not come with its arguments",
                    handle.0
                ));
            }
            if *placement == Placement::Basic {
                return violation(format_args!(
                    "a secret cannot be placed as BASIC, which takes two values"
                ));
            }
            check_placement(placement)?;
        }
        Ok(())
    }
}

pub(super) fn check_method(method: &str) -> Result<(), Violation> {
    if method.is_empty()
        || !method
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'-')
    {
        return violation(format_args!(
            "the method `{}` is not in upper case",
            method.escape_debug()
        ));
    }
    if HOST_METHODS.contains(&method) {
        return violation(format_args!("the method `{method}` is not a provider's to use"));
    }
    Ok(())
}

/// A path says where it leads: nothing in it may be resolved into another.
pub(super) fn check_path(path: &str) -> Result<(), Violation> {
    if !path.starts_with('/') || path.starts_with("//") {
        return violation(format_args!(
            "the path `{}` does not start with one `/`",
            path.escape_debug()
        ));
    }
    if let Some(byte) = path
        .bytes()
        .find(|byte| !byte.is_ascii_graphic() || matches!(byte, b'?' | b'#' | b'\\'))
    {
        return violation(format_args!(
            "the path `{}` holds {:?}, which must be percent-encoded",
            path.escape_debug(),
            char::from(byte)
        ));
    }
    let climbs = path
        .split('/')
        .map(|segment| segment.to_ascii_lowercase().replace("%2e", "."))
        .any(|segment| segment == "." || segment == "..");
    if climbs {
        return violation(format_args!(
            "the path `{}` has a segment `.` or `..`",
            path.escape_debug()
        ));
    }
    Ok(())
}

fn check_header(name: &str) -> Result<(), Violation> {
    check_header_name(name)?;
    if HOST_HEADERS.iter().any(|owned| name.eq_ignore_ascii_case(owned)) {
        return violation(format_args!("the header `{name}` is the host's to write"));
    }
    Ok(())
}

fn check_header_name(name: &str) -> Result<(), Violation> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_token) {
        return violation(format_args!("`{}` is no name for a header", name.escape_debug()));
    }
    Ok(())
}

fn check_header_value(name: &str, value: &str) -> Result<(), Violation> {
    check_line("header", value)?;
    if value.chars().any(|char| char.is_ascii_control() && char != '\t') {
        return violation(format_args!(
            "the header `{name}` holds a control character: `{}`",
            value.escape_debug()
        ));
    }
    Ok(())
}

fn check_placement(placement: &Placement) -> Result<(), Violation> {
    match placement {
        Placement::Basic | Placement::Bearer => Ok(()),
        Placement::Header(name) => {
            check_header_name(name)?;
            let free = ["authorization", "cookie"]
                .iter()
                .any(|free| name.eq_ignore_ascii_case(free));
            if free { Ok(()) } else { check_header(name) }
        }
        Placement::Query(name) | Placement::Form(name) if name.is_empty() => {
            violation(format_args!("a placement without a name"))
        }
        Placement::Query(name) | Placement::Form(name) => check_line("placement", name),
        Placement::JsonPointer(pointer) if pointer.starts_with('/') => check_line("placement", pointer),
        Placement::JsonPointer(pointer) => violation(format_args!(
            "the JSON pointer `{}` does not start with `/`",
            pointer.escape_debug()
        )),
    }
}

/// Nothing that could end a line of a request.
pub(super) fn check_line(what: &str, text: &str) -> Result<(), Violation> {
    if text.contains(['\r', '\n', '\0']) {
        return violation(format_args!(
            "a {what} holds a line break or a NUL: `{}`",
            text.escape_debug()
        ));
    }
    Ok(())
}

fn collect_secrets(fields: &[Field], into: &mut HashSet<SecretHandle>) {
    fields
        .iter()
        .for_each(|field| collect_secrets_of(&field.value, into));
}

fn collect_secrets_of(value: &Value, into: &mut HashSet<SecretHandle>) {
    match value {
        Value::Secret(handle) => _ = into.insert(*handle),
        Value::List(items) => items.iter().for_each(|item| collect_secrets_of(item, into)),
        Value::Map(fields) => collect_secrets(fields, into),
        _ => {}
    }
}

fn violation(what: fmt::Arguments<'_>) -> Result<(), Violation> {
    Err(Violation(what.to_string()))
}
