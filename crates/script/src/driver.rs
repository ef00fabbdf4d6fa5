//! The scheduler of a script: resumes its coroutines, takes up what they ask for, and begins the items of
//! `signoff.each`.
//!
//! Each task (the workflow's `run`, and each item) is a Luau thread that is resumed by hand: a host call is a plain
//! yield, so every call has its place by construction. A turn takes all completions that are there, resumes their
//! tasks, begins new items, and hands over the new orders in one batch.

mod fan_out;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use mlua::{AppDataRef, IntoLuaMulti as _, MultiValue, Table, Thread, Value as Luau};
use signoff_core::User;
use signoff_engine::call::{Answer, Call, CallError, OutcomeRow, Place};
use tokio::sync::mpsc::Sender;

use crate::bridge::{Completion, Order, Reply, TaskId};
use crate::connections::{Actors, Connection, Connections};
use crate::error::{ScriptError, opaque, without_traceback};
use crate::fanout::{Fanout, KeysOf, Waits};
use crate::host::Skip;
use crate::limits::Exceeded;
use crate::machine::{Machine, Setting, raw_text};
use crate::people;
use crate::request::{FanoutId, Request, Shared};
use crate::slots::Slots;
use crate::value;
use crate::workflow::{Ending, RunError};

/// Runs a workflow to its end.
pub(crate) struct Driver {
    machine: Machine,
    setting: Setting,
    tasks: Slots<Task>,
    /// How many tasks there ever were.
    serial: u64,
    fanouts: Slots<Fanout>,
    ready: VecDeque<(TaskId, Resume)>,
    /// Threads that can be used again.
    threads: Vec<Thread>,
    orders: Vec<Order>,
    /// What those weigh.
    weight: usize,
    outbox: Sender<Vec<Order>>,
    inbox: Receiver<Vec<Completion>>,
    /// Orders handed over, or about to be, that are not yet answered.
    outstanding: usize,
    /// The text of the last error that left an item, with its stack: `each` raises the text alone.
    trace: Option<(String, ScriptError)>,
    limited: bool,
    /// Where no two users may share a key.
    keys: Arc<[KeysOf]>,
    end: Option<Result<Ending, RunError>>,
}

/// A coroutine that the driver resumes.
struct Task {
    serial: u64,
    thread: Thread,
    /// The fan-out whose item it is; `None` for the workflow itself.
    fanout: Option<FanoutId>,
    /// What the places of its calls begin with.
    place: Arc<str>,
    /// How many calls it made.
    calls: u64,
    /// What it waits for, if it waits for the host.
    asked: Option<Asked>,
    /// What its order holds outside the machine, in bytes.
    held: usize,
    /// What it had computed before its order.
    spent: u64,
    /// The fan-outs that it began: an iterator, or another coroutine of the script, may call `each` itself.
    open: Vec<FanoutId>,
    /// The last outcome of an operation of its own.
    last: Option<Arc<OutcomeRow>>,
    /// State of `math.random`.
    random: u64,
    /// The item is a text that may be an id.
    bare: Option<User>,
}

/// What a task waits for.
enum Asked {
    Call(usize),
    Connect(String, Option<String>),
    /// To begin with the items of this one, which come from an iterator or not.
    Each(FanoutId, bool),
    Other,
}

/// How a task goes on.
enum Resume {
    Begin(Luau),
    Answer(Luau),
    Reply(Reply, Option<Asked>),
    /// A mistake of the call it made: the message, and the hint.
    Mistake(String, String),
    /// An error that already names its place.
    Raise(String),
}

/// Orders are handed over before there are more than so many, so that requests leave while the script goes on.
const ORDERS: usize = 128;
/// The same by their weight, in bytes.
const HEAVY: usize = 256 << 10;
/// Fan-outs within fan-outs: places grow with each.
const DEEPEST: usize = 32;
/// A shorter sleep is none: a loop around it is one without end.
const SHORTEST_SLEEP: Duration = Duration::from_millis(1);
/// Threads kept for further items: as many as one `each` may begin, since those that are dropped are litter.
const THREADS: usize = 10_000;

impl Driver {
    /// A driver of a machine that has its script loaded.
    pub(crate) fn new(
        machine: Machine,
        setting: Setting,
        keys: Vec<KeysOf>,
        outbox: Sender<Vec<Order>>,
        inbox: Receiver<Vec<Completion>>,
    ) -> Self {
        Self {
            machine,
            setting,
            tasks: Slots::new(),
            serial: 0,
            fanouts: Slots::new(),
            ready: VecDeque::new(),
            threads: Vec::new(),
            orders: Vec::new(),
            weight: 0,
            outbox,
            inbox,
            outstanding: 0,
            trace: None,
            limited: false,
            keys: keys.into(),
            end: None,
        }
    }

    /// Runs the workflow's `run` with these arguments. Returns when nothing is under way any more.
    pub(crate) fn run(mut self, workflow: &Table, arguments: Table) -> Result<Ending, RunError> {
        if let Err(error) = self.begin(workflow, arguments) {
            self.fail(&error);
        }
        loop {
            while self.end.is_none()
                && let Some((task, resume)) = self.ready.pop_front()
            {
                if let Err(error) = self.resume(task, resume) {
                    self.fail(&error);
                }
            }
            self.hand_over();
            if self.outstanding == 0 {
                return self.end.unwrap_or_else(|| {
                    Err(RunError::Fault(
                        "the script waits, and nothing is under way".to_owned(),
                    ))
                });
            }
            let Ok(batch) = self.inbox.recv() else {
                return Err(RunError::Fault("the run is gone".to_owned()));
            };
            for completion in batch {
                self.complete(completion);
            }
            while let Ok(batch) = self.inbox.try_recv() {
                for completion in batch {
                    self.complete(completion);
                }
            }
        }
    }

    fn begin(&mut self, workflow: &Table, arguments: Table) -> mlua::Result<()> {
        let thread = self.machine.lua.create_thread(workflow.raw_get("run")?)?;
        let task = self.add(thread, None, "".into(), None);
        self.ready
            .push_back((task, Resume::Begin(Luau::Table(arguments))));
        Ok(())
    }

    fn add(
        &mut self,
        thread: Thread,
        fanout: Option<FanoutId>,
        place: Arc<str>,
        bare: Option<User>,
    ) -> TaskId {
        let random = place
            .bytes()
            .fold(self.setting.seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        self.serial += 1;
        let serial = self.serial;
        let task = Task {
            serial,
            thread,
            fanout,
            place,
            calls: 0,
            asked: None,
            held: 0,
            spent: 0,
            open: Vec::new(),
            last: None,
            random,
            bare,
        };
        let index = self.tasks.insert(task);
        TaskId { index, serial }
    }

    /// Resumes a task until it asks for something or ends.
    fn resume(&mut self, id: TaskId, resume: Resume) -> mlua::Result<()> {
        if self.is_dropped(id) {
            return self.drop_task(id);
        }
        let Some(task) = self.task(id) else {
            return Ok(());
        };
        let thread = task.thread.clone();
        let random = task.random;
        if let Some(mut shared) = self.machine.lua.app_data_mut::<Shared>() {
            shared.random = random;
        }
        let lua = self.machine.lua.clone();
        let values = match resume {
            Resume::Begin(item) => item.into_lua_multi(&lua),
            Resume::Answer(value) => (true, value).into_lua_multi(&lua),
            Resume::Reply(reply, asked) => (true, self.reply(id, reply, asked)?).into_lua_multi(&lua),
            Resume::Mistake(message, hint) => (false, message, hint).into_lua_multi(&lua),
            Resume::Raise(text) => (false, text, true).into_lua_multi(&lua),
        }?;
        self.machine.budget.enter();
        let result = thread.resume::<MultiValue>(values);
        self.machine.budget.leave();
        self.machine.tidy()?;
        let pending = self.take_shared(id);
        if self.machine.budget.exceeded() == Some(Exceeded::Abandoned) {
            self.finish(Err(RunError::Fault("the run is gone".to_owned())));
        } else if let Some(error) = self.machine.exceeded() {
            self.finish(Err(RunError::Script(Box::new(error))));
        } else {
            match (result, pending) {
                (Ok(_), Some((source, request))) => self.take_up(id, &source, request)?,
                (Ok(values), None) => {
                    if self.threads.len() < THREADS {
                        self.threads.push(thread);
                    }
                    let value = values.into_iter().next().unwrap_or(Luau::Nil);
                    self.ended(id, Ok(value))?;
                }
                (Err(error @ mlua::Error::MemoryError(_)), _) => {
                    self.machine.out_of_memory(&thread);
                    self.fail(&error);
                }
                (Err(error), _) => self.ended(id, Err(error))?,
            }
        }
        Ok(())
    }

    /// What the task left for the driver.
    fn take_shared(&mut self, id: TaskId) -> Option<(String, Request)> {
        let lua = self.machine.lua.clone();
        let mut shared = lua.app_data_mut::<Shared>()?;
        if let Some(task) = self.task_mut(id) {
            task.random = shared.random;
        }
        for source in std::mem::take(&mut shared.modules) {
            self.order(Order::Source(source));
        }
        for (level, text, fields) in shared.take_logs() {
            self.order(Order::Log(level, text, fields));
        }
        shared.pending.take()
    }

    /// Takes up what a task asks for.
    fn take_up(&mut self, id: TaskId, source: &str, request: Request) -> mlua::Result<()> {
        match request {
            Request::Call {
                connection,
                operation,
                user,
                arguments,
            } => {
                let place = self.place(id);
                let in_fan_out = self.task(id).is_some_and(|task| task.fanout.is_some());
                let Some(Connection { name, credential, .. }) = self.connection(connection) else {
                    return Ok(());
                };
                let call = Call {
                    place,
                    source: source.to_owned(),
                    connection: name,
                    credential,
                    operation,
                    user,
                    arguments,
                    in_fan_out,
                };
                self.ask(id, Asked::Call(connection), Order::Call(id, call), source);
            }
            Request::Connect { name, credential } => match self.known(&name, credential.as_deref()) {
                Some(handle) => {
                    let table = self.connection_table(handle)?;
                    self.ready.push_back((id, Resume::Answer(table)));
                }
                None => {
                    let order = Order::Connect(id, name.clone(), credential.clone());
                    self.ask(id, Asked::Connect(name, credential), order, source);
                }
            },
            Request::Skip {
                connection,
                user,
                reason,
            } => {
                let skip = Skip {
                    place: self.place(id),
                    source: source.to_owned(),
                    connection,
                    user,
                    reason,
                };
                self.ask(id, Asked::Other, Order::Skip(id, skip), source);
            }
            Request::Sleep(duration) => {
                let place = self.place(id);
                self.ask(
                    id,
                    Asked::Other,
                    Order::Sleep(id, place, source.to_owned(), duration),
                    source,
                );
            }
            Request::Now => {
                let place = self.place(id);
                self.ask(id, Asked::Other, Order::Now(id, place, source.to_owned()), source);
            }
            Request::People(request) => self.ask(id, Asked::Other, Order::People(id, request), source),
            Request::Each(each) => self.begin_each(id, source, each)?,
            Request::Item(fanout, value) => self.item(id, fanout, value)?,
            Request::ItemsFailed(fanout, text) => {
                if let Some(fanout) = self.opened(id, fanout) {
                    fanout.error.get_or_insert(text);
                    fanout.end_input();
                }
                self.ready.push_back((id, Resume::Answer(Luau::Nil)));
            }
            Request::EachEnd(fanout) => {
                if let Some(known) = self.opened(id, fanout) {
                    if known.is_fed() {
                        known.end_input();
                    }
                    known.waits = Waits::End;
                    self.settle(fanout)?;
                }
            }
        }
        Ok(())
    }

    /// Orders something, and lets the task wait for it.
    fn ask(&mut self, id: TaskId, asked: Asked, order: Order, source: &str) {
        let held = order.weight();
        self.machine.budget.hold(held, source);
        // What is answered at once, without the world taking part, does not keep an endless loop alive.
        let spent = match &order {
            Order::Call(..) | Order::Skip(..) => self.machine.budget.renew(),
            Order::Sleep(_, _, _, duration) if *duration >= SHORTEST_SLEEP && !self.setting.planning => {
                self.machine.budget.renew()
            }
            _ => 0,
        };
        if let Some(task) = self.task_mut(id) {
            task.asked = Some(asked);
            task.held = held;
            task.spent = spent;
        }
        self.outstanding += 1;
        self.order(order);
        self.check_limits();
    }

    fn order(&mut self, order: Order) {
        self.weight += order.weight();
        self.orders.push(order);
        if self.orders.len() >= ORDERS || self.weight >= HEAVY {
            self.hand_over();
        }
    }

    /// Ends a script that exceeded a limit where no interrupt notices.
    fn check_limits(&mut self) {
        if let Some(error) = self.machine.exceeded() {
            self.finish(Err(RunError::Script(Box::new(error))));
        }
    }

    /// A task has returned or raised an error.
    fn ended(&mut self, id: TaskId, result: Result<Luau, mlua::Error>) -> mlua::Result<()> {
        let Some(task) = self.remove(id) else {
            return Ok(());
        };
        let result = result.and_then(|value| self.leave_open(&task.open).map(|()| value));
        let Some(fanout) = task.fanout else {
            let end = match result {
                Ok(_) if self.limited => Ok(Ending::Limited),
                Ok(_) => Ok(Ending::Completed),
                Err(error) => Err(RunError::Script(Box::new(self.explain(&error)))),
            };
            self.finish(end);
            return Ok(());
        };
        match result {
            Ok(value) => {
                // Of an item that broke off nobody knows what it was meant to be: it stays in scope.
                if let Some(user) = task.bare {
                    self.order(Order::Leave(user));
                }
                let outcome = match (value::outcome_of(&value), &task.last) {
                    (Some(outcome), _) => value.as_table().map(|row| (outcome, row.clone())),
                    (None, Some(row)) => Some((row.outcome, value::outcome(&self.machine.lua, row)?)),
                    (None, None) => None,
                };
                if let Some(fanout) = self.fanout_mut(fanout) {
                    let before = fanout.stopped;
                    fanout.tally(outcome)?;
                    if fanout.stopped && !before {
                        self.limited = true;
                    }
                }
            }
            Err(error) => {
                let explained = self.explain(&error);
                let text = opaque(without_traceback(&raw_text(&error))).to_owned();
                if let Some(fanout) = self.fanout_mut(fanout)
                    && fanout.error.is_none()
                {
                    fanout.error = Some(text.clone());
                    self.trace = Some((text, explained));
                }
            }
        }
        self.leave(fanout)
    }

    /// An order has been carried out.
    fn complete(&mut self, (id, result): Completion) {
        self.outstanding -= 1;
        if self.end.is_some() {
            return;
        }
        let mut asked = None;
        let (mut held, mut spent) = (0, 0);
        if let Some(task) = self.task_mut(id) {
            asked = task.asked.take();
            held = std::mem::take(&mut task.held);
            spent = task.spent;
        }
        self.machine.budget.release(held);
        let resume = match result {
            // Not made a table of before its turn: thousands of completions may come at once.
            Ok(reply) => Resume::Reply(reply, asked),
            Err(CallError::Misuse { message, hint }) => {
                self.machine.budget.spend(spent);
                Resume::Mistake(message, hint)
            }
            Err(CallError::Stopped) => {
                self.finish(Ok(Ending::Stopped));
                return;
            }
            Err(CallError::Journal(error)) => {
                self.finish(Err(RunError::Journal(error)));
                return;
            }
            Err(CallError::Fault(message)) => {
                self.finish(Err(RunError::Fault(message)));
                return;
            }
        };
        if self.is_dropped(id) {
            // Calls end, and no more begin: the task is not resumed.
            if let Err(error) = self.drop_task(id) {
                self.fail(&error);
            }
        } else {
            self.ready.push_back((id, resume));
        }
    }

    /// What a reply is to the script.
    fn reply(&mut self, id: TaskId, reply: Reply, asked: Option<Asked>) -> mlua::Result<Luau> {
        let lua = self.machine.lua.clone();
        Ok(match reply {
            Reply::Answer(answer) => {
                let name = match asked {
                    Some(Asked::Call(connection)) => {
                        self.connection(connection).map(|connection| connection.name)
                    }
                    _ => None,
                };
                let table = value::answer(&lua, &answer, &name.unwrap_or_default())?;
                if let (Answer::Outcome(row), Some(task)) = (answer, self.task_mut(id)) {
                    task.last = Some(row);
                }
                Luau::Table(table)
            }
            Reply::Row(row) => {
                let table = value::outcome(&lua, &row)?;
                if let Some(task) = self.task_mut(id) {
                    task.last = Some(row);
                }
                Luau::Table(table)
            }
            Reply::Connection(info) => {
                let Some(Asked::Connect(name, credential)) = asked else {
                    return Ok(Luau::Nil);
                };
                let connection = Connection {
                    name,
                    credential,
                    info,
                };
                let connections = lua.app_data_mut::<Connections>();
                let handle = connections.map(|mut connections| connections.add(connection));
                self.connection_table(handle.unwrap_or_default())?
            }
            #[expect(clippy::cast_precision_loss, reason = "milliseconds of this age fit")]
            Reply::Now(unix_ms) => Luau::Number(unix_ms as f64 / 1_000.0),
            Reply::Slept => Luau::Nil,
            Reply::Begun => match asked {
                Some(Asked::Each(fanout, from_iterator)) => self.begun_each(fanout, from_iterator)?,
                _ => Luau::Nil,
            },
            Reply::People(list, connection) => people::open(&lua, &list, connection)?,
        })
    }

    fn remove(&mut self, id: TaskId) -> Option<Task> {
        self.task(id)?;
        self.tasks.take(id.index)
    }

    /// The error that ends a script, with the stack of the item in which it began.
    fn explain(&mut self, error: &mlua::Error) -> ScriptError {
        let text = raw_text(error);
        match self.trace.take() {
            Some((known, explained)) if known == without_traceback(&text) => explained,
            _ => self.machine.error(error),
        }
    }

    /// The machine itself failed: memory, or a fault of ours.
    fn fail(&mut self, error: &mlua::Error) {
        let error = self.machine.error(error);
        self.finish(Err(RunError::Script(Box::new(error))));
    }

    /// The script is over; what is under way is awaited, what is not yet handed over is not begun.
    fn finish(&mut self, end: Result<Ending, RunError>) {
        if self.end.is_none() {
            self.end = Some(end);
            self.ready.clear();
            self.outstanding -= self.orders.iter().filter(|order| order.is_answered()).count();
            self.orders.retain(|order| !order.is_answered());
        }
    }

    fn hand_over(&mut self) {
        if !self.orders.is_empty() {
            self.weight = 0;
            // If nobody is there to take them, the inbox tells.
            let _ = self.outbox.blocking_send(std::mem::take(&mut self.orders));
        }
    }

    /// The place of the next call of a task.
    fn place(&mut self, id: TaskId) -> Place {
        let place = self.task_mut(id).map(|task| {
            task.calls += 1;
            format!("{}{}", task.place, task.calls)
        });
        Place(place.unwrap_or_default().into())
    }

    fn task(&self, id: TaskId) -> Option<&Task> {
        let task = self.tasks.get(id.index)?;
        (task.serial == id.serial).then_some(task)
    }

    fn task_mut(&mut self, id: TaskId) -> Option<&mut Task> {
        let task = self.tasks.get_mut(id.index)?;
        (task.serial == id.serial).then_some(task)
    }

    fn fanout_mut(&mut self, id: FanoutId) -> Option<&mut Fanout> {
        self.fanouts.get_mut(id.0)
    }

    /// A fan-out that the task began.
    fn opened(&mut self, id: TaskId, fanout: FanoutId) -> Option<&mut Fanout> {
        let open = self.task(id).is_some_and(|task| task.open.contains(&fanout));
        open.then(|| self.fanout_mut(fanout)).flatten()
    }

    fn connection(&self, handle: usize) -> Option<Connection> {
        self.connections()?.get(handle).cloned()
    }

    /// What the Luau side makes a connection of.
    fn connection_table(&self, handle: usize) -> mlua::Result<Luau> {
        let table = self
            .connections()
            .map(|connections| connections.table(&self.machine.lua, handle));
        Ok(table.transpose()?.map_or(Luau::Nil, Luau::Table))
    }

    fn known(&self, name: &str, credential: Option<&str>) -> Option<usize> {
        self.connections()?.find(name, credential)
    }

    fn actors(&self) -> Arc<Actors> {
        self.connections()
            .map_or_else(Arc::default, |connections| connections.actors())
    }

    fn connections(&self) -> Option<AppDataRef<'_, Connections>> {
        self.machine.lua.app_data_ref::<Connections>()
    }
}
