//! From the vocabulary to C structures.
//!
//! What is encoded points into the values it was made of and into the [`Arena`]: both must outlive its use. Making a
//! pointer is safe; whoever reads it answers for that.

use std::any::Any;
use std::ffi::c_char;
use std::ptr;
use std::time::Duration;

use super::codes::Code;
use super::layout::{self as c, Growable};
use crate::{
    Args, Class, Context, CredentialUse, Descriptor, Effect, Event, Failure, Field, Finished, InDoubt, Input,
    LoginFlow, Monotonic, Now, Parameter, Placement, Record, Request, Response, SecretUse, Step, Value,
};

/// Owns the arrays and structures that C structures point to.
#[derive(Default)]
pub(super) struct Arena {
    kept: Vec<Box<dyn Any>>,
}

impl Arena {
    pub(super) fn step(&mut self, step: &Step) -> *const c::Step {
        let mut encoded = c::Step {
            size: c::Step::SIZE,
            kind: 0,
            request: ptr::null(),
            record: ptr::null(),
            wait: ptr::null(),
            subscribe: ptr::null(),
            finished: ptr::null(),
        };
        match step {
            Step::Request(request) => {
                encoded.kind = c::STEP_REQUEST;
                encoded.request = self.request(request);
            }
            Step::Record(record) => {
                encoded.kind = c::STEP_RECORD;
                encoded.record = self.record(record);
            }
            Step::Wait(wait) => {
                encoded.kind = c::STEP_WAIT;
                encoded.wait = self.keep(c::Wait {
                    size: c::Wait::SIZE,
                    reserved: 0,
                    until: wait.until.0,
                    reason: text(&wait.reason),
                });
            }
            Step::Subscribe(subscribe) => {
                encoded.kind = c::STEP_SUBSCRIBE;
                encoded.subscribe = self.keep(c::Subscribe {
                    size: c::Subscribe::SIZE,
                    reserved: 0,
                    id: subscribe.id.0,
                    node: text(&subscribe.node),
                    user: text(&subscribe.user),
                });
            }
            Step::Finished(finished) => {
                encoded.kind = c::STEP_FINISHED;
                encoded.finished = self.finished(finished);
            }
        }
        self.keep(encoded)
    }

    pub(super) fn input(&mut self, input: &Input<'_>) -> *const c::Input {
        let mut encoded = c::Input {
            size: c::Input::SIZE,
            kind: 0,
            reason: 0,
            reserved: 0,
            id: 0,
            response: ptr::null(),
            failure: ptr::null(),
            event: ptr::null(),
            message: text(""),
        };
        match input {
            Input::Response(response) => {
                encoded.kind = c::INPUT_RESPONSE;
                encoded.response = self.response(response);
            }
            Input::Failure(failure) => {
                encoded.kind = c::INPUT_FAILURE;
                encoded.failure = self.failure(failure);
            }
            Input::Held { request } => {
                encoded.kind = c::INPUT_HELD;
                encoded.id = request.0;
            }
            Input::Subscribed { subscription } => {
                encoded.kind = c::INPUT_SUBSCRIBED;
                encoded.id = subscription.0;
            }
            Input::FeedLost { subscription } => {
                encoded.kind = c::INPUT_FEED_LOST;
                encoded.id = subscription.0;
            }
            Input::FeedRefused {
                subscription,
                message,
            } => {
                encoded.kind = c::INPUT_FEED_REFUSED;
                encoded.id = subscription.0;
                encoded.message = text(message);
            }
            Input::Event(event) => {
                encoded.kind = c::INPUT_EVENT;
                encoded.event = self.event(event);
            }
            Input::Cancel(reason) => {
                encoded.kind = c::INPUT_CANCEL;
                encoded.reason = reason.code();
            }
        }
        self.keep(encoded)
    }

    pub(super) fn response(&mut self, response: &Response<'_>) -> *const c::Response {
        let headers = self.pairs(response.headers);
        self.keep(c::Response {
            size: c::Response::SIZE,
            status: u32::from(response.status),
            request: response.request.0,
            headers,
            body: bytes(response.body),
            sent: response.sent.0,
            sent_unix_ms: response.sent_unix_ms,
            settled_at: response.settled_at.0,
        })
    }

    pub(super) fn args(&mut self, args: Args<'_>) -> *const c::Args {
        let user = args.user().map_or(ptr::null(), |user| {
            let attributes = self.fields(&user.attributes);
            self.keep(c::User {
                size: c::User::SIZE,
                reserved: 0,
                id: text(&user.id),
                attributes,
            })
        });
        let fields = self.fields(args.fields());
        self.keep(c::Args {
            size: c::Args::SIZE,
            reserved: 0,
            user,
            fields,
        })
    }

    pub(super) fn context(&mut self, context: &Context<'_>) -> *const c::Context {
        let earlier = self.keep_each(context.earlier, |_, earlier| c::Earlier {
            size: c::Earlier::SIZE,
            attempts: earlier.attempts,
            part: text(earlier.part),
            request_id: text(earlier.request_id),
            sent_unix_ms: earlier.sent_unix_ms,
            settled_at: earlier.settled_at.0,
            age: nanoseconds(earlier.age),
        });
        self.keep(c::Context {
            size: c::Context::SIZE,
            actor_kind: context.actor_kind.code(),
            plan: u32::from(context.plan),
            may_act_on_self: u32::from(context.may_act_on_self),
            in_doubt: context.in_doubt.code(),
            reserved: 0,
            actor: text(context.actor),
            call: text(context.call),
            earlier,
            earlier_count: context.earlier.len(),
            logged_out: u32::from(context.logged_out),
            reserved2: 0,
        })
    }

    pub(super) fn descriptor(&mut self, descriptor: &Descriptor) -> *const c::Descriptor {
        let options = self.parameters(descriptor.options);
        let operations = self.keep_each(descriptor.operations, |arena, operation| c::Operation {
            size: c::Operation::SIZE,
            writes: u32::from(operation.writes),
            target: operation.target.code(),
            yields: operation.yields.code(),
            name: text(operation.name),
            summary: text(operation.summary),
            parameters: arena.parameters(operation.parameters),
            parameter_count: operation.parameters.len(),
        });
        let endpoints = self.keep_each(descriptor.endpoints, |_, endpoint| c::Endpoint {
            size: c::Endpoint::SIZE,
            required: u32::from(endpoint.required),
            name: text(endpoint.name),
            help: text(endpoint.help),
        });
        let credentials = self.keep_all(descriptor.credentials.iter().map(|kind| kind.code()).collect());
        let logins = self.keep_each(descriptor.logins, Self::login);
        let secret_attributes = self.texts(descriptor.secret_attributes);
        self.keep(c::Descriptor {
            size: c::Descriptor::SIZE,
            acts_on: descriptor.acts_on.code(),
            state_can_be_asked: u32::from(descriptor.state_can_be_asked),
            concurrency: descriptor.limits.concurrency,
            rate: descriptor.limits.rate,
            timeout: nanoseconds(descriptor.timeout),
            settle: nanoseconds(descriptor.settle),
            id: text(descriptor.id),
            name: text(descriptor.name),
            version: text(descriptor.version),
            summary: text(descriptor.summary),
            options,
            option_count: descriptor.options.len(),
            operations,
            operation_count: descriptor.operations.len(),
            endpoints,
            endpoint_count: descriptor.endpoints.len(),
            credentials,
            credential_count: descriptor.credentials.len(),
            logins,
            login_count: descriptor.logins.len(),
            secret_attributes,
        })
    }

    fn login(&mut self, login: &LoginFlow) -> c::Login {
        let refresh = login.refresh.map_or(ptr::null(), |refresh| {
            self.keep(c::Refresh {
                size: c::Refresh::SIZE,
                reserved: 0,
                method: text(refresh.method),
                path: text(refresh.path),
                content_type: text(refresh.content_type),
                body: text(refresh.body),
                token_pointer: text(refresh.token_pointer),
            })
        });
        c::Login {
            size: c::Login::SIZE,
            reserved: 0,
            name: text(login.name),
            endpoint: text(login.endpoint),
            method: text(login.method),
            path: text(login.path),
            content_type: text(login.content_type),
            body: text(login.body),
            token_pointer: text(login.token_pointer),
            expires_pointer: text(login.expires_pointer),
            refresh_pointer: text(login.refresh_pointer),
            refresh,
        }
    }

    pub(super) fn fields(&mut self, fields: &[Field]) -> c::Fields {
        let encoded = fields.iter().map(|field| c::Field {
            name: text(&field.name),
            value: self.value(&field.value),
        });
        let encoded = encoded.collect();
        c::Fields {
            data: self.keep_all(encoded),
            length: fields.len(),
        }
    }

    fn value(&mut self, value: &Value) -> c::Value {
        let (kind, payload) = match value {
            Value::Null => (c::VALUE_NULL, c::Payload { integer: 0 }),
            Value::Boolean(boolean) => (
                c::VALUE_BOOLEAN,
                c::Payload {
                    boolean: u32::from(*boolean),
                },
            ),
            Value::Integer(integer) => (c::VALUE_INTEGER, c::Payload { integer: *integer }),
            Value::Number(number) => (c::VALUE_NUMBER, c::Payload { number: *number }),
            Value::Duration(duration) => (
                c::VALUE_DURATION,
                c::Payload {
                    duration: nanoseconds(*duration),
                },
            ),
            Value::Text(value) => (c::VALUE_TEXT, c::Payload { text: text(value) }),
            Value::List(items) => {
                let encoded = items.iter().map(|item| self.value(item)).collect();
                let list = c::Values {
                    data: self.keep_all(encoded),
                    length: items.len(),
                };
                (c::VALUE_LIST, c::Payload { list })
            }
            Value::Map(fields) => (
                c::VALUE_MAP,
                c::Payload {
                    map: self.fields(fields),
                },
            ),
            Value::Secret(handle) => (c::VALUE_SECRET, c::Payload { secret: handle.0 }),
        };
        c::Value { kind, payload }
    }

    fn request(&mut self, request: &Request) -> *const c::Request {
        let (effect, in_doubt, part, repeat_within, request_id) = match &request.effect {
            Effect::Read => (c::EFFECT_READ, 0, "", Duration::ZERO, None),
            Effect::Write {
                part,
                in_doubt,
                request_id,
            } => {
                let (rule, within) = match in_doubt {
                    InDoubt::Ask => (c::IN_DOUBT_ASK, Duration::ZERO),
                    InDoubt::Repeat(within) => (c::IN_DOUBT_REPEAT, *within),
                    InDoubt::Report => (c::IN_DOUBT_REPORT, Duration::ZERO),
                };
                (
                    c::EFFECT_WRITE,
                    rule,
                    part.as_str(),
                    within,
                    request_id.as_deref(),
                )
            }
        };
        let query = self.pairs(&request.query);
        let headers = self.pairs(&request.headers);
        let credential = request
            .credential
            .as_ref()
            .map_or(ptr::null(), |credential| self.credential(credential));
        let secrets = self.keep_each(&request.secrets, |_, secret| secret_use(secret));
        self.keep(c::Request {
            size: c::Request::SIZE,
            effect,
            in_doubt,
            proves_credential: u32::from(request.proves_credential),
            id: request.id.0,
            method: text(&request.method),
            endpoint: text(&request.endpoint),
            path: text(&request.path),
            query,
            headers,
            body: bytes(&request.body),
            credential,
            secrets,
            secret_count: request.secrets.len(),
            // Zero means "the default" in the header, and is of no use as a limit.
            timeout: request.timeout.map_or(0, |timeout| nanoseconds(timeout).max(1)),
            answer_cap: request.answer_cap.map_or(0, |cap| cap.max(1)),
            max_age: nanoseconds(request.max_age),
            not_before: request.not_before.0,
            not_after: request.not_after.0,
            part: text(part),
            repeat_within: nanoseconds(repeat_within),
            request_id: optional(request_id),
        })
    }

    fn credential(&mut self, credential: &CredentialUse) -> *const c::CredentialUse {
        let (placement, target) = placement(&credential.placement);
        self.keep(c::CredentialUse {
            size: c::CredentialUse::SIZE,
            placement,
            name: optional(credential.name.as_deref()),
            target,
        })
    }

    fn record(&mut self, record: &Record) -> *const c::Record {
        let attributes = self.fields(&record.attributes);
        self.keep(c::Record {
            size: c::Record::SIZE,
            reserved: 0,
            id: text(&record.id),
            attributes,
        })
    }

    fn finished(&mut self, finished: &Finished) -> *const c::Finished {
        let fields = self.fields(&finished.fields);
        self.keep(c::Finished {
            size: c::Finished::SIZE,
            outcome: finished.outcome.code(),
            confirmed_by: finished.confirmed_by.map_or(c::CONFIRMED_BY_NOTHING, Code::code),
            reserved: 0,
            code: optional(finished.code.as_deref()),
            message: optional(finished.message.as_deref()),
            request_id: optional(finished.request_id.as_deref()),
            name: optional(finished.name.as_deref()),
            fields,
        })
    }

    fn failure(&mut self, failure: &Failure<'_>) -> *const c::Failure {
        self.keep(c::Failure {
            size: c::Failure::SIZE,
            kind: failure.kind.code(),
            sent: failure.sent.code(),
            reserved: 0,
            request: failure.request.0,
            message: text(failure.message),
            sent_unix_ms: failure.sent_unix_ms,
            settled_at: failure.settled_at.0,
        })
    }

    pub(super) fn event(&mut self, event: &Event<'_>) -> *const c::Event {
        self.keep(c::Event {
            size: c::Event::SIZE,
            reserved: 0,
            user: text(event.user),
            state: text(event.state),
            pending_state: text(event.pending_state),
            reason: text(event.reason),
            request_id: text(event.request_id),
            error_code: text(event.error_code),
            error_message: text(event.error_message),
            unix_ms: event.unix_ms,
            error_kind: text(event.error_kind),
        })
    }

    fn parameters(&mut self, parameters: &[Parameter]) -> *const *const c::Parameter {
        self.keep_each(parameters, |arena, parameter| c::Parameter {
            size: c::Parameter::SIZE,
            kind: parameter.kind.code(),
            required: u32::from(parameter.required),
            reserved: 0,
            name: text(parameter.name),
            default_value: optional(parameter.default),
            choices: arena.texts(parameter.choices),
            help: text(parameter.help),
        })
    }

    fn pairs(&mut self, pairs: &[(String, String)]) -> c::Pairs {
        let encoded = pairs.iter().map(|(name, value)| c::Pair {
            name: text(name),
            value: text(value),
        });
        c::Pairs {
            data: self.keep_all(encoded.collect()),
            length: pairs.len(),
        }
    }

    pub(super) fn texts(&mut self, texts: &[&str]) -> c::Texts {
        c::Texts {
            data: self.keep_all(texts.iter().map(|one| text(one)).collect()),
            length: texts.len(),
        }
    }

    /// An array of pointers to what `encode` makes of each item.
    pub(super) fn keep_each<I, T: 'static>(
        &mut self,
        items: &[I],
        encode: impl Fn(&mut Self, &I) -> T,
    ) -> *const *const T {
        let mut pointers = Vec::with_capacity(items.len());
        for item in items {
            let encoded = encode(self, item);
            pointers.push(self.keep(encoded));
        }
        self.keep_all(pointers)
    }

    pub(super) fn keep<T: 'static>(&mut self, item: T) -> *const T {
        self.keep_all(vec![item])
    }

    /// Moving a vector leaves its items where they are, so the pointer holds while the arena does.
    pub(super) fn keep_all<T: 'static>(&mut self, items: Vec<T>) -> *const T {
        let pointer = items.as_ptr();
        if !items.is_empty() {
            self.kept.push(Box::new(items));
        }
        pointer
    }
}

pub(super) fn text(text: &str) -> c::Text {
    c::Text {
        data: text.as_ptr().cast::<c_char>(),
        length: text.len(),
    }
}

pub(super) fn now(now: Now) -> c::Now {
    c::Now {
        monotonic: now.monotonic.0,
        unix_ms: now.unix_ms,
    }
}

pub(super) fn class(class: Class) -> c::Class {
    let (kind, after) = match class {
        Class::Ok => (c::CLASS_OK, None),
        Class::Throttled(after) => (c::CLASS_THROTTLED, after),
        Class::Unavailable => (c::CLASS_UNAVAILABLE, None),
        Class::TokenExpired => (c::CLASS_TOKEN_EXPIRED, None),
        Class::CredentialRefused => (c::CLASS_CREDENTIAL_REFUSED, None),
        Class::CredentialDoubted => (c::CLASS_CREDENTIAL_DOUBTED, None),
        Class::Other => (c::CLASS_OTHER, None),
    };
    c::Class {
        size: c::Class::SIZE,
        kind,
        has_after: u32::from(after.is_some()),
        reserved: 0,
        after: after.map_or(0, nanoseconds),
    }
}

fn optional(value: Option<&str>) -> c::Text {
    value.map_or(
        c::Text {
            data: ptr::null(),
            length: 0,
        },
        text,
    )
}

pub(super) fn bytes(bytes: &[u8]) -> c::Bytes {
    c::Bytes {
        data: bytes.as_ptr(),
        length: bytes.len(),
    }
}

fn secret_use(secret: &SecretUse) -> c::SecretUse {
    let (placement, target) = placement(&secret.placement);
    c::SecretUse {
        size: c::SecretUse::SIZE,
        placement,
        handle: secret.handle.0,
        reserved: 0,
        target,
    }
}

fn placement(placement: &Placement) -> (u32, c::Text) {
    match placement {
        Placement::Basic => (c::PLACEMENT_BASIC, text("")),
        Placement::Bearer => (c::PLACEMENT_BEARER, text("")),
        Placement::Header(name) => (c::PLACEMENT_HEADER, text(name)),
        Placement::Query(name) => (c::PLACEMENT_QUERY, text(name)),
        Placement::Form(name) => (c::PLACEMENT_FORM, text(name)),
        Placement::JsonPointer(pointer) => (c::PLACEMENT_JSON_POINTER, text(pointer)),
    }
}

/// 584 years and more are for ever.
pub(super) fn nanoseconds(duration: Duration) -> u64 {
    (Monotonic::ZERO + duration).0
}
