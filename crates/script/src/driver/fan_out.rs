//! The driver's part in `signoff.each`: which items begin, when the coroutine that called it goes on, and what is
//! dropped after an error.

use std::sync::Arc;

use mlua::{Table, Value as Luau};
use signoff_engine::call::{CallError, Place};

use super::{Asked, DEEPEST, Driver, Resume};
use crate::bridge::{Order, TaskId};
use crate::fanout::{Fanout, Item, Waits};
use crate::request::{Each, FanoutId, Items};
use crate::value;

impl Driver {
    /// A task calls `each`.
    pub(super) fn begin_each(&mut self, parent: TaskId, source: &str, each: Each) -> mlua::Result<()> {
        let depth = self.depth(parent);
        if depth > DEEPEST {
            let message = format!("`signoff.each` within `signoff.each`, more than {DEEPEST} deep");
            let hint = "let the function of one return what the next is to go through";
            self.ready
                .push_back((parent, Resume::Mistake(message, hint.to_owned())));
            return Ok(());
        }
        let place = self.place(parent).to_string();
        let items = each.items.clone();
        let lua = self.machine.lua.clone();
        let budget = Arc::clone(&self.machine.budget);
        let mut fanout = Fanout::new(
            &lua,
            budget,
            parent,
            place.clone(),
            source.to_owned(),
            depth,
            each,
        )?;
        let from_iterator = fanout.is_fed();
        if let Items::List(list) = &items
            && let Some(CallError::Misuse { message, hint }) = self.enter_all(list, &mut fanout)?
        {
            self.ready.push_back((parent, Resume::Mistake(message, hint)));
            return Ok(());
        }
        let items = fanout.items();
        let fanout = FanoutId(self.fanouts.insert(fanout));
        if let Some(task) = self.task_mut(parent) {
            task.open.push(fanout);
        }
        // The host is told before the first item begins: it knows whether these are the items of before.
        let order = Order::Each(parent, Place(place.into()), source.to_owned(), items);
        self.ask(parent, Asked::Each(fanout, from_iterator), order, source);
        Ok(())
    }

    /// What the Luau side makes of a fan-out that begins.
    pub(super) fn begun_each(&self, fanout: FanoutId, from_iterator: bool) -> mlua::Result<Luau> {
        let begun = self.machine.lua.create_table()?;
        begun.raw_set("fanout", fanout.0)?;
        begun.raw_set("from_iterator", from_iterator)?;
        Ok(Luau::Table(begun))
    }

    /// How many fan-outs there are around what a task begins next.
    fn depth(&self, id: TaskId) -> usize {
        let Some(task) = self.task(id) else {
            return 0;
        };
        let around = task.fanout.and_then(|fanout| self.fanouts.get(fanout.0));
        around.map_or(0, Fanout::depth) + task.open.len() + 1
    }

    /// A task has ended: nothing may still be open that it began. Only a coroutine that was never resumed leaves that.
    pub(super) fn leave_open(&mut self, open: &[FanoutId]) -> mlua::Result<()> {
        let mut left = None;
        for id in open {
            if let Some(fanout) = self.fanout_mut(*id) {
                let text = format!(
                    "{}: `signoff.each` was left in a coroutine that did not come to its end\nhint: resume it until it is dead",
                    fanout.source()
                );
                // Its items begin nothing more.
                fanout.error = Some(text.clone());
                left = Some(text);
            }
        }
        left.map_or(Ok(()), |text| Err(mlua::Error::runtime(text)))
    }

    /// An iterator gave an item.
    pub(super) fn item(&mut self, parent: TaskId, id: FanoutId, value: Luau) -> mlua::Result<()> {
        let actors = self.actors();
        let keys = Arc::clone(&self.keys);
        let user = value::user(&value).ok();
        let Some(fanout) = self.opened(parent, id) else {
            return Ok(());
        };
        if fanout.stopped || fanout.error.is_some() {
            fanout.end_input();
            self.ready
                .push_back((parent, Resume::Answer(Luau::Boolean(false))));
            return Ok(());
        }
        let shared = user
            .as_ref()
            .and_then(|(connection, user)| fanout.hold_keys(&keys, connection.as_deref(), user));
        if let Some(CallError::Misuse { message, hint }) = shared {
            fanout.error = Some(format!("{}: {message}\nhint: {hint}", fanout.source()));
            fanout.end_input();
            self.ready
                .push_back((parent, Resume::Answer(Luau::Boolean(false))));
            return Ok(());
        }
        let admitted = fanout.admit(value, |connection, user| actors.is_actor(connection, user));
        let room = fanout.has_room();
        if let Some((connection, user)) = user {
            self.order(Order::Enter(connection, user));
        }
        self.check_limits();
        match admitted {
            Some(item) if !room => {
                if let Some(fanout) = self.fanout_mut(id) {
                    fanout.waits = Waits::Room(item);
                }
                return Ok(());
            }
            Some(item) => self.begin_item(id, item)?,
            None => {}
        }
        self.ready
            .push_back((parent, Resume::Answer(Luau::Boolean(true))));
        Ok(())
    }

    pub(super) fn begin_item(&mut self, id: FanoutId, item: Item) -> mlua::Result<()> {
        let Some(fanout) = self.fanout_mut(id) else {
            return Ok(());
        };
        fanout.running += 1;
        let body = fanout.body.clone();
        let thread = match self.threads.pop() {
            Some(thread) => {
                thread.reset(body)?;
                thread
            }
            None => self.machine.lua.create_thread(body)?,
        };
        let bare = match (&item.value, item.user) {
            (Luau::String(_), Some((None, user))) => Some(user),
            _ => None,
        };
        let task = self.add(thread, Some(id), item.place.into(), bare);
        self.ready.push_back((task, Resume::Begin(item.value)));
        Ok(())
    }

    /// A task has left its fan-out, which may now go on.
    pub(super) fn leave(&mut self, id: FanoutId) -> mlua::Result<()> {
        if let Some(fanout) = self.fanout_mut(id) {
            fanout.running -= 1;
        }
        self.settle(id)
    }

    /// Begins what there is room for, and lets the parent go on when its wait has ended.
    pub(super) fn settle(&mut self, id: FanoutId) -> mlua::Result<()> {
        let Some(fanout) = self.fanout_mut(id) else {
            return Ok(());
        };
        let (parent, running) = (fanout.parent, fanout.running);
        if self.task(parent).is_none() {
            if running == 0 {
                self.fanouts.take(id.0);
            }
            return Ok(());
        }
        if self.is_dropped(parent) {
            return self.drop_task(parent);
        }
        let actors = self.actors();
        loop {
            let Some(fanout) = self.fanout_mut(id) else {
                return Ok(());
            };
            match std::mem::replace(&mut fanout.waits, Waits::Nothing) {
                Waits::Room(item) if fanout.has_room() => {
                    self.begin_item(id, item)?;
                    self.ready
                        .push_back((parent, Resume::Answer(Luau::Boolean(true))));
                    return Ok(());
                }
                Waits::Room(_) if fanout.stopped || fanout.error.is_some() => {
                    fanout.end_input();
                    self.ready
                        .push_back((parent, Resume::Answer(Luau::Boolean(false))));
                    return Ok(());
                }
                waits @ (Waits::Room(_) | Waits::Nothing) => {
                    fanout.waits = waits;
                    return Ok(());
                }
                Waits::End => fanout.waits = Waits::End,
            }
            if fanout.has_room()
                && let Some(item) = fanout.next(|connection, user| actors.is_actor(connection, user))?
            {
                self.begin_item(id, item)?;
                continue;
            }
            if self.machine.budget.exceeded().is_some() {
                self.check_limits();
                return Ok(());
            }
            let Some(fanout) = self.fanout_mut(id) else {
                return Ok(());
            };
            if fanout.is_over() {
                let resume = match fanout.error.take() {
                    Some(text) => Resume::Raise(text),
                    None => {
                        let lua = self.machine.lua.clone();
                        let fanout = self.fanout_mut(id);
                        let result = fanout.map(|fanout| fanout.result(&lua)).transpose()?;
                        Resume::Answer(result.map_or(Luau::Nil, Luau::Table))
                    }
                };
                self.close(id);
                self.ready.push_back((parent, resume));
            }
            return Ok(());
        }
    }

    /// Forgets a fan-out that is over.
    fn close(&mut self, id: FanoutId) {
        if let Some(fanout) = self.fanouts.take(id.0)
            && let Some(task) = self.task_mut(fanout.parent)
        {
            task.open.retain(|open| *open != id);
        }
    }

    /// Whether a task is not to be resumed: an item of a fan-out around it raised an error.
    pub(super) fn is_dropped(&self, id: TaskId) -> bool {
        let mut fanout = self.task(id).and_then(|task| task.fanout);
        while let Some(around) = fanout.and_then(|id| self.fanouts.get(id.0)) {
            if around.error.is_some() {
                return true;
            }
            fanout = self.task(around.parent).and_then(|task| task.fanout);
        }
        false
    }

    /// Forgets a task that is not to be resumed, as soon as nothing of it is under way.
    pub(super) fn drop_task(&mut self, id: TaskId) -> mlua::Result<()> {
        let Some(task) = self.task(id) else {
            return Ok(());
        };
        let busy = |open: &FanoutId| self.fanouts.get(open.0).is_some_and(|open| open.running > 0);
        if task.asked.is_some() || task.open.iter().any(busy) {
            return Ok(());
        }
        for open in task.open.clone() {
            self.close(open);
        }
        let fanout = self.remove(id).and_then(|task| task.fanout);
        fanout.map_or(Ok(()), |fanout| self.leave(fanout))
    }

    /// Every user of a list comes into scope before the first item begins. Gives the mistake if two of them share a key.
    fn enter_all(&mut self, list: &Table, fanout: &mut Fanout) -> mlua::Result<Option<CallError>> {
        let keys = Arc::clone(&self.keys);
        let mut mistake = None;
        let budget = Arc::clone(&self.machine.budget);
        for value in list.sequence_values::<Luau>() {
            budget.enter();
            let value = value?;
            let user = value::user(&value);
            fanout.count_in(&value, user.as_ref().ok().map(|(_, user)| user));
            budget.leave();
            if !budget.allows_rest(fanout.source()) {
                self.check_limits();
                break;
            }
            if let Ok((connection, user)) = user {
                mistake = mistake.or_else(|| fanout.hold_keys(&keys, connection.as_deref(), &user));
                self.order(Order::Enter(connection, user));
            }
        }
        Ok(mistake)
    }
}
