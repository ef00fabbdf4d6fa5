//! The provider's side of `signoff.feed/1`.

use std::ffi::c_char;
use std::sync::Arc;

use super::{CALL_BYTES, Instance, Poison, Running, finish, give, guarded, null};
use crate::abi::encode::{self, Arena};
use crate::abi::inputs;
use crate::abi::layout::{self as c, Growable};
use crate::abi::reader::{Reader, code, truth};
use crate::{Error, FeedEvent, FeedPlan, FeedProtocol, FeedTransport, FeedWish, Notification, Provider};

/// What a feed gave last; what is encoded points into it.
#[derive(Default)]
pub(super) struct Given {
    plan: Option<FeedPlan>,
    events: Vec<FeedEvent>,
}

pub(super) fn table<P: Provider>() -> c::FeedApi {
    c::FeedApi {
        size: c::FeedApi::SIZE,
        reserved: 0,
        feed_new: Some(feed_new::<P>),
        feed_plan: Some(feed_plan::<P>),
        feed_decode: Some(feed_decode::<P>),
    }
}

unsafe extern "C" fn feed_new<P: Provider>(
    provider: *mut c::Provider,
    wish: *const c::FeedWish,
    now: c::Now,
    op: *mut *mut c::Op,
    error: *mut c_char,
    capacity: usize,
) -> u32 {
    // SAFETY: by the header NULL or from `provider_new` of this table; other threads do no more than read it.
    let Some(instance) = (unsafe { provider.cast::<Instance<P>>().as_ref() }) else {
        // SAFETY: the caller keeps to the header.
        return unsafe { finish(Err(null("provider")), error, capacity) };
    };
    let made = guarded(&instance.poison, || {
        // SAFETY: the caller keeps to the header.
        let mut reader = unsafe { Reader::new(CALL_BYTES) };
        let wish = reader.structure(wish, "wish")?;
        let wish = FeedWish {
            actor: reader.text(wish.actor, "wish.actor")?,
            actor_kind: code(wish.actor_kind, "wish.actor_kind")?,
            named: truth(wish.named, "wish.named")?,
            only_nodes: truth(wish.only_nodes, "wish.only_nodes")?,
            scope: reader.text(wish.scope, "wish.scope")?,
        };
        let operation = instance.provider.feed(wish, inputs::now(now))?;
        let running = Running {
            operation,
            step: None,
            given: Given::default(),
            arena: Arena::default(),
            poison: Arc::clone(&instance.poison),
        };
        // SAFETY: the caller keeps to the header.
        unsafe { give(op, || Box::into_raw(Box::new(running)).cast(), "op") }
    });
    // SAFETY: the caller keeps to the header.
    unsafe { finish(made, error, capacity) }
}

unsafe extern "C" fn feed_plan<P: Provider>(
    op: *mut c::Op,
    plan: *mut *const c::FeedPlan,
    error: *mut c_char,
    capacity: usize,
) -> u32 {
    // SAFETY: by the header NULL or from `feed_new` of this table, and no other thread uses it now.
    let Some(running) = (unsafe { op.cast::<Running<P::Op>>().as_mut() }) else {
        // SAFETY: the caller keeps to the header.
        return unsafe { finish(Err(null("op")), error, capacity) };
    };
    let planned = answer(running, |operation: &mut P::Op, given, arena| {
        let found = crate::Operation::feed_plan(operation);
        let found =
            found.ok_or_else(|| Error::Contract("`feed_plan` before FINISHED with DONE".to_owned()))?;
        let encoded = arena.feed_plan(given.plan.insert(found));
        // SAFETY: the caller keeps to the header.
        unsafe { give(plan, || encoded, "plan") }
    });
    // SAFETY: the caller keeps to the header.
    unsafe { finish(planned, error, capacity) }
}

unsafe extern "C" fn feed_decode<P: Provider>(
    op: *mut c::Op,
    notification: *const c::Notification,
    events: *mut *const c::Events,
    error: *mut c_char,
    capacity: usize,
) -> u32 {
    // SAFETY: by the header NULL or from `feed_new` of this table, and no other thread uses it now.
    let Some(running) = (unsafe { op.cast::<Running<P::Op>>().as_mut() }) else {
        // SAFETY: the caller keeps to the header.
        return unsafe { finish(Err(null("op")), error, capacity) };
    };
    let decoded = answer(running, |operation: &mut P::Op, given, arena| {
        // SAFETY: the caller keeps to the header.
        let mut reader = unsafe { Reader::new(CALL_BYTES) };
        let notification = reader.structure(notification, "notification")?;
        given.events = crate::Operation::decode(
            operation,
            Notification {
                node: reader.text(notification.node, "notification.node")?,
                payload: reader.bytes(notification.payload, "notification.payload")?,
            },
        );
        let encoded = arena.events(&given.events);
        // SAFETY: the caller keeps to the header.
        unsafe { give(events, || encoded, "events") }
    });
    // SAFETY: the caller keeps to the header.
    unsafe { finish(decoded, error, capacity) }
}

fn answer<O>(
    running: &mut Running<O>,
    body: impl FnOnce(&mut O, &mut Given, &mut Arena) -> Result<(), Error>,
) -> Result<(), Error> {
    let Running {
        operation,
        given,
        arena,
        poison,
        ..
    } = running;
    let poison: &Poison = poison;
    guarded(poison, || {
        *arena = Arena::default();
        body(operation, given, arena)
    })
}

impl Arena {
    fn feed_plan(&mut self, plan: &FeedPlan) -> *const c::FeedPlan {
        let ways = self.keep_each(&plan.ways, |_, way| {
            let (transport, path) = match &way.transport {
                FeedTransport::Tls => (c::TRANSPORT_TLS, ""),
                FeedTransport::WebSocket(path) => (c::TRANSPORT_WEBSOCKET, path.as_str()),
            };
            c::FeedWay {
                size: c::FeedWay::SIZE,
                transport,
                port: way.port.map_or(0, u32::from),
                reserved: 0,
                path: encode::text(path),
            }
        });
        let nodes: Vec<&str> = plan.nodes.iter().map(String::as_str).collect();
        let nodes = self.texts(&nodes);
        self.keep(c::FeedPlan {
            size: c::FeedPlan::SIZE,
            protocol: match plan.protocol {
                FeedProtocol::Xmpp => c::PROTOCOL_XMPP,
            },
            keep_alive: encode::nanoseconds(plan.keep_alive),
            user: encode::text(&plan.user),
            domain: encode::text(&plan.domain),
            service: encode::text(&plan.service),
            endpoint: encode::text(&plan.endpoint),
            ways,
            way_count: plan.ways.len(),
            nodes,
        })
    }

    fn events(&mut self, events: &[FeedEvent]) -> *const c::Events {
        let mut pointers = Vec::with_capacity(events.len());
        for event in events {
            pointers.push(self.event(&event.as_event()));
        }
        let pointers = self.keep_all(pointers);
        self.keep(c::Events {
            size: c::Events::SIZE,
            reserved: 0,
            events: pointers,
            count: events.len(),
        })
    }
}
