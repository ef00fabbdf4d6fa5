//! The host's side of `signoff.feed/1`.
//!
//! What a plan says is where a password goes and what a person is told; what is decoded decides about outcomes. Both are
//! checked and bounded as everything else that a provider gives.

use std::ffi::c_char;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::time::Duration;

use super::{Instance, Library, Op};
use crate::abi::codes::Code;
use crate::abi::conduct::{Conduct, check_path};
use crate::abi::encode;
use crate::abi::layout::{self as c, Growable};
use crate::abi::reader::{Reader, Violation, unknown};
use crate::{
    Args, Error, FeedEvent, FeedPlan, FeedProtocol, FeedTransport, FeedWay, FeedWish, Notification, Now,
    OperationSpec, Target, Yields,
};

/// Ways to one host.
const WAYS: usize = 16;

/// Nodes that a scope may come to, and events of one notification.
const MANY: usize = 10_000;

/// Bytes of an address or a node.
const NAME_BYTES: usize = 3_071;

/// What a plan and the events of one notification may hold.
const FEED_BYTES: usize = 16 << 20;

/// What the rules of conduct know a feed by; no descriptor declares it.
static FEED: OperationSpec = OperationSpec {
    name: "feed",
    summary: "how to listen",
    writes: false,
    target: Target::Connection,
    yields: Yields::Outcome,
    parameters: &[],
};

impl Instance {
    /// Whether its vendor tells of changes by itself.
    #[must_use]
    pub fn has_feed(&self) -> bool {
        self.opened.library.extension(c::FEED_EXTENSION).is_some()
    }

    /// Begins to find out how to listen: an operation that, once it has finished with
    /// [`Outcome::Done`](crate::Outcome::Done), has a [plan](Op::feed_plan).
    ///
    /// # Errors
    /// [`Error::UnknownOperation`] if there is no feed, [`Error::Arguments`] if the provider does not take the wish;
    /// [`Error::Contract`], [`Error::Poisoned`].
    pub fn feed(&self, wish: FeedWish<'_>, now: Now) -> Result<Op, Error> {
        let library = self.opened.library;
        let table = Table::of(&library)?;
        let encoded = c::FeedWish {
            size: c::FeedWish::SIZE,
            actor_kind: wish.actor_kind.code(),
            named: u32::from(wish.named),
            only_nodes: u32::from(wish.only_nodes),
            actor: encode::text(wish.actor),
            scope: encode::text(wish.scope),
        };
        let mut op = ptr::null_mut();
        library.call(|error, capacity| {
            // SAFETY: the provider lives, all arguments are valid during the call, and the function keeps to the
            // header.
            unsafe {
                (table.feed_new)(
                    self.opened.provider.as_ptr(),
                    &raw const encoded,
                    encode::now(now),
                    &raw mut op,
                    error,
                    capacity,
                )
            }
        })?;
        let op = NonNull::new(op).ok_or_else(|| library.contract("feed_new gave NULL"))?;
        Ok(Op {
            op,
            conduct: Conduct::new(library.descriptor, &FEED, Args::new(None, &[])),
            broken: None,
            opened: Arc::clone(&self.opened),
        })
    }
}

impl Op {
    /// How to listen; of a feed that has finished with [`Outcome::Done`](crate::Outcome::Done).
    ///
    /// # Errors
    /// [`Error::Contract`], [`Error::Poisoned`].
    pub fn feed_plan(&mut self) -> Result<FeedPlan, Error> {
        let table = self.listening()?;
        let library = self.opened.library;
        let mut plan = ptr::null();
        let given = library.call(|error, capacity| {
            // SAFETY: the operation lives and nobody else uses it, all arguments are valid during the call, and the
            // function keeps to the header.
            unsafe { (table.feed_plan)(self.op.as_ptr(), &raw mut plan, error, capacity) }
        });
        let read = given.and_then(|()| {
            // SAFETY: by the header the plan is valid until the next call on this operation; it is copied here.
            let mut reader = unsafe { Reader::new(FEED_BYTES) };
            let plan = reader.feed_plan(plan).and_then(|plan| {
                check_plan(&plan, &library)?;
                Ok(plan)
            });
            plan.map_err(|rule| library.violation(rule))
        });
        self.note(read)
    }

    /// What a notification says; of a feed whose plan was asked for.
    ///
    /// # Errors
    /// [`Error::Contract`], [`Error::Poisoned`].
    pub fn decode(&mut self, notification: Notification<'_>) -> Result<Vec<FeedEvent>, Error> {
        let table = self.listening()?;
        let library = self.opened.library;
        let encoded = c::Notification {
            size: c::Notification::SIZE,
            reserved: 0,
            node: encode::text(notification.node),
            payload: encode::bytes(notification.payload),
        };
        let mut events = ptr::null();
        let given = library.call(|error, capacity| {
            // SAFETY: the operation lives and nobody else uses it, all arguments are valid during the call, and the
            // function keeps to the header.
            unsafe {
                (table.feed_decode)(
                    self.op.as_ptr(),
                    &raw const encoded,
                    &raw mut events,
                    error,
                    capacity,
                )
            }
        });
        let read = given.and_then(|()| {
            // SAFETY: by the header the events are valid until the next call on this operation; they are copied here.
            let mut reader = unsafe { Reader::new(FEED_BYTES) };
            reader.events(events).map_err(|rule| library.violation(rule))
        });
        self.note(read)
    }

    fn listening(&self) -> Result<Table, Error> {
        if let Some(error) = &self.broken {
            return Err(error.clone());
        }
        if !self.conduct.is_finished() {
            return Err(self
                .opened
                .library
                .contract("asked for a feed before FINISHED, by the host"));
        }
        Table::of(&self.opened.library)
    }
}

impl Reader<'_> {
    fn feed_plan(&mut self, plan: *const c::FeedPlan) -> Result<FeedPlan, Violation> {
        let plan = self.structure(plan, "plan")?;
        let ways = self.structures(plan.ways, plan.way_count, "plan.ways")?;
        let nodes = self.texts(plan.nodes, "plan.nodes")?;
        Ok(FeedPlan {
            protocol: match plan.protocol {
                c::PROTOCOL_XMPP => FeedProtocol::Xmpp,
                kind => return Err(unknown(kind, "it", "plan.protocol")),
            },
            keep_alive: Duration::from_nanos(plan.keep_alive),
            user: self.owned(plan.user, "plan.user")?,
            domain: self.owned(plan.domain, "plan.domain")?,
            service: self.owned(plan.service, "plan.service")?,
            endpoint: self.owned(plan.endpoint, "plan.endpoint")?,
            ways: ways
                .into_iter()
                .map(|way| self.feed_way(way))
                .collect::<Result<_, _>>()?,
            nodes: nodes.into_iter().map(str::to_owned).collect(),
        })
    }

    fn feed_way(&mut self, way: c::FeedWay) -> Result<FeedWay, Violation> {
        let port =
            u16::try_from(way.port).map_err(|_| Violation(format!("`plan.ways.port` is {}", way.port)))?;
        Ok(FeedWay {
            transport: match way.transport {
                c::TRANSPORT_TLS => FeedTransport::Tls,
                c::TRANSPORT_WEBSOCKET => FeedTransport::WebSocket(self.owned(way.path, "plan.ways.path")?),
                kind => return Err(unknown(kind, "it", "plan.ways.transport")),
            },
            port: (port != 0).then_some(port),
        })
    }

    fn events(&mut self, events: *const c::Events) -> Result<Vec<FeedEvent>, Violation> {
        let events = self.structure(events, "events")?;
        if events.count > MANY {
            return Err(Violation(format!(
                "`events`: more than {MANY} of one notification"
            )));
        }
        let pointers = self.slice(events.events, events.count, "events.events")?;
        pointers
            .iter()
            .map(|event| self.event(*event).map(FeedEvent::from))
            .collect()
    }
}

fn check_plan(plan: &FeedPlan, library: &Library) -> Result<(), Violation> {
    let endpoints = library.descriptor.endpoints;
    if !endpoints.iter().any(|endpoint| endpoint.name == plan.endpoint) {
        return Err(Violation(format!(
            "`plan.endpoint`: `{}` is not a declared endpoint",
            plan.endpoint.escape_debug()
        )));
    }
    if plan.keep_alive < Duration::from_secs(1) {
        return Err(Violation(format!("`plan.keep_alive` is {:?}", plan.keep_alive)));
    }
    if plan.ways.is_empty() || plan.ways.len() > WAYS {
        return Err(Violation(format!("`plan.ways` has {} members", plan.ways.len())));
    }
    for way in &plan.ways {
        if let FeedTransport::WebSocket(path) = &way.transport {
            check_path(path)?;
        }
    }
    if plan.nodes.len() > MANY {
        return Err(Violation(format!("`plan.nodes` has more than {MANY} members")));
    }
    let names = [
        ("plan.user", &plan.user),
        ("plan.domain", &plan.domain),
        ("plan.service", &plan.service),
    ];
    let nodes = plan.nodes.iter().map(|node| ("plan.nodes", node));
    for (what, name) in names.into_iter().chain(nodes) {
        if name.is_empty() || name.len() > NAME_BYTES || name.chars().any(char::is_control) {
            return Err(Violation(format!(
                "`{what}` is empty, too long, or holds a control character"
            )));
        }
    }
    Ok(())
}

/// The functions of the extension.
#[derive(Clone, Copy)]
struct Table {
    feed_new: unsafe extern "C" fn(
        *mut c::Provider,
        *const c::FeedWish,
        c::Now,
        *mut *mut c::Op,
        *mut c_char,
        usize,
    ) -> u32,
    feed_plan: unsafe extern "C" fn(*mut c::Op, *mut *const c::FeedPlan, *mut c_char, usize) -> u32,
    feed_decode: unsafe extern "C" fn(
        *mut c::Op,
        *const c::Notification,
        *mut *const c::Events,
        *mut c_char,
        usize,
    ) -> u32,
}

impl Table {
    fn of(library: &Library) -> Result<Self, Error> {
        let extension = library
            .extension(c::FEED_EXTENSION)
            .ok_or_else(|| Error::UnknownOperation("feed".to_owned()))?;
        // SAFETY: by the header this id gives that structure, and it lives as long as the process.
        let reader = unsafe { Reader::<'static>::new(FEED_BYTES) };
        let api = reader
            .structure(
                extension.cast::<c::FeedApi>().as_ptr().cast_const(),
                "signoff.feed/1",
            )
            .map_err(|rule| library.violation(rule))?;
        let lacks = |name: &str| library.contract(format!("`signoff.feed/1` lacks `{name}`"));
        Ok(Self {
            feed_new: api.feed_new.ok_or_else(|| lacks("feed_new"))?,
            feed_plan: api.feed_plan.ok_or_else(|| lacks("feed_plan"))?,
            feed_decode: api.feed_decode.ok_or_else(|| lacks("feed_decode"))?,
        })
    }
}
