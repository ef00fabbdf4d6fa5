//! The driver's part in `signoff.each`: which items begin, when the coroutine that called it goes on, and what is
//! dropped after an error.

use mlua::{Table, Value as Luau};

use super::{Driver, FanoutId, Resume};
use crate::bridge::{Order, TaskId};
use crate::fanout::{Item, Waits};
use crate::value;

impl Driver {
    /// An iterator gave an item.
    pub(super) fn item(&mut self, parent: TaskId, value: Luau) -> mlua::Result<()> {
        let Some(id) = self.innermost(parent) else {
            return Ok(());
        };
        let actors = self.actors();
        let Some(fanout) = self.fanout_mut(id) else {
            return Ok(());
        };
        if fanout.stopped || fanout.error.is_some() {
            fanout.end_input();
            self.ready
                .push_back((parent, Resume::Answer(Luau::Boolean(false))));
            return Ok(());
        }
        let user = value::user(&value).ok();
        let admitted = fanout.admit(value, |connection, user| actors.is_actor(connection, user));
        let room = fanout.has_room();
        if let Some((connection, user)) = user {
            self.orders.push(Order::Enter(connection, user));
        }
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
        let parent = fanout.parent;
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

    /// Every user of a list comes into scope before the first item begins.
    pub(super) fn enter_all(&mut self, list: &Table) -> mlua::Result<()> {
        for value in list.sequence_values::<Luau>() {
            if let Ok((connection, user)) = value::user(&value?) {
                self.orders.push(Order::Enter(connection, user));
            }
        }
        Ok(())
    }
}
