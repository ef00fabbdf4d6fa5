//! Who is in scope of a run, and how each of them stands: the source of totals, of the summary and of the exit
//! code. A script's own results are not.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use signoff_core::{Outcome, SecretHandle, User, Value};

use super::keys::Keys;
use crate::call::{Cause, OutcomeRow};

/// Everybody in scope, each once by (connection, user), in order of entry.
#[derive(Debug, Default)]
pub(super) struct Scope {
    members: Vec<Member>,
    places: HashMap<(Option<Arc<str>>, Arc<str>), usize>,
    /// On how many connections an id is known, and the first of them.
    connections: HashMap<Arc<str>, (Arc<str>, u32)>,
    gone: u64,
    pub(super) keys: Keys,
}

#[derive(Debug)]
struct Member {
    connection: Option<Arc<str>>,
    user: Arc<str>,
    name: Option<Arc<str>>,
    last: Option<Last>,
    /// What was presented for him when he was last logged out.
    out_with: Option<Box<[SecretHandle]>>,
    gone: bool,
}

#[derive(Debug, Clone, Copy)]
struct Last {
    outcome: Outcome,
    satisfied: bool,
    tried: bool,
    cause: Option<Cause>,
    /// It was stopped on its way.
    cut_off: bool,
}

/// Somebody of whom nothing became.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LeftOver {
    pub(super) connection: Option<Arc<str>>,
    pub(super) user: Arc<str>,
    pub(super) name: Option<Arc<str>>,
}

/// The sums over a scope.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Totals {
    pub(super) total: u64,
    pub(super) counts: BTreeMap<Outcome, u64>,
    pub(super) unsatisfied: u64,
    pub(super) cancelled: u64,
    /// Set when there is somebody, and nobody at all could be tried for a reason that all share.
    pub(super) untried: Option<Cause>,
}

impl Scope {
    /// The connection of this user, if he is known on one alone.
    pub(super) fn connection_of(&self, user: &str) -> Option<Arc<str>> {
        let (connection, count) = self.connections.get(user)?;
        (*count == 1).then(|| Arc::clone(connection))
    }

    /// Puts a user in scope; says whether he is new. A user who was entered without a connection is the same
    /// person when the first operation on him names one; and an id that is known on one connection alone is he.
    pub(super) fn enter(&mut self, connection: Option<&str>, user: &str, name: Option<&str>) -> bool {
        let connection = connection.map(Arc::from).or_else(|| self.connection_of(user));
        let key = (connection.clone(), Arc::from(user));
        if let Some(&place) = self.places.get(&key) {
            self.learn(place, name);
            return false;
        }
        if let Some(connection) = &connection {
            let new = || (Arc::clone(connection), 0);
            let (_, count) = self.connections.entry(Arc::clone(&key.1)).or_insert_with(new);
            *count += 1;
        }
        if let Some(connection) = connection
            && let Some(&place) = self.places.get(&(None, Arc::clone(&key.1)))
            && self.members[place].last.is_none()
        {
            self.places.remove(&(None, Arc::clone(&key.1)));
            self.places.insert(key, place);
            self.members[place].connection = Some(connection);
            self.learn(place, name);
            return false;
        }
        let (connection, user) = key.clone();
        self.places.insert(key, self.members.len());
        self.members.push(Member {
            connection,
            user,
            name: name.map(Arc::from),
            last: None,
            out_with: None,
            gone: false,
        });
        true
    }

    /// Which of all users this is.
    pub(super) fn number(&self, connection: &Arc<str>, user: &str) -> Option<u32> {
        let key = (Some(Arc::clone(connection)), Arc::from(user));
        u32::try_from(*self.places.get(&key)?).ok()
    }

    /// The id of the user of that number.
    pub(super) fn id(&self, number: u32) -> Option<Arc<str>> {
        let member = self.members.get(usize::try_from(number).ok()?)?;
        Some(Arc::clone(&member.user))
    }

    /// Takes back an entry without a connection, if nothing became of it: the text was no user's id. Says whether there
    /// was one.
    pub(super) fn leave(&mut self, user: &str) -> bool {
        let key = (None, Arc::from(user));
        if let Some(&place) = self.places.get(&key)
            && self.members[place].last.is_none()
        {
            self.places.remove(&key);
            self.members[place].gone = true;
            self.gone += 1;
            return true;
        }
        false
    }

    /// Notes what became of a user, who is entered if he was not.
    pub(super) fn note(&mut self, row: &OutcomeRow, satisfied: bool) {
        self.enter(row.connection.as_deref(), &row.user, row.name.as_deref());
        let connection = row.connection.as_deref().map(Arc::from);
        let key = (
            connection.or_else(|| self.connection_of(&row.user)),
            Arc::from(row.user.as_str()),
        );
        if let Some(&place) = self.places.get(&key) {
            let tried = row.cause.is_none() && row.outcome != Outcome::Cancelled;
            self.members[place].last = Some(Last {
                outcome: row.outcome,
                satisfied,
                tried,
                cause: row.cause,
                cut_off: row.outcome == Outcome::Cancelled,
            });
        }
    }

    /// What was noted last of this user was stopped on its way.
    pub(super) fn note_cut_off(&mut self, row: &OutcomeRow) {
        let key = (
            row.connection.as_deref().map(Arc::from),
            Arc::from(row.user.as_str()),
        );
        if let Some(&place) = self.places.get(&key)
            && let Some(last) = &mut self.members[place].last
        {
            last.cut_off = true;
        }
    }

    /// Notes that this user, with the secrets that he has here, was logged out. Wherever [`Scope::note`] is told of a
    /// `done`, this is to be told too.
    pub(super) fn note_out(&mut self, connection: &str, user: &User) {
        let key = (Some(Arc::from(connection)), Arc::from(user.id.as_str()));
        if let Some(&place) = self.places.get(&key) {
            self.members[place].out_with = Some(secrets(user));
        }
    }

    /// Whether he was logged out on this connection with these secrets: another key of the same person is another
    /// matter.
    pub(super) fn is_out(&self, connection: &str, user: &User) -> bool {
        let key = (Some(Arc::from(connection)), Arc::from(user.id.as_str()));
        let place = self.places.get(&key);
        place.is_some_and(|&place| self.members[place].out_with.as_deref() == Some(&*secrets(user)))
    }

    /// Those of whom nothing became, in order of entry.
    pub(super) fn left_over(&self) -> Vec<LeftOver> {
        let open = self
            .members
            .iter()
            .filter(|member| member.last.is_none() && !member.gone);
        open.map(|member| LeftOver {
            connection: member.connection.clone(),
            user: Arc::clone(&member.user),
            name: member.name.clone(),
        })
        .collect()
    }

    pub(super) fn len(&self) -> u64 {
        self.members.len() as u64 - self.gone
    }

    pub(super) fn totals(&self) -> Totals {
        let mut totals = Totals {
            total: self.len(),
            ..Totals::default()
        };
        let mut tried = false;
        let mut cause = None;
        for last in self.members.iter().filter_map(|member| member.last) {
            *totals.counts.entry(last.outcome).or_default() += 1;
            totals.unsatisfied += u64::from(!last.satisfied);
            totals.cancelled += u64::from(last.cut_off);
            tried |= last.tried && last.outcome != Outcome::Skipped;
            cause = cause.or(last.cause);
        }
        totals.untried = cause.filter(|_| !tried);
        totals
    }

    fn learn(&mut self, place: usize, name: Option<&str>) {
        if let (None, Some(name)) = (&self.members[place].name, name) {
            self.members[place].name = Some(Arc::from(name));
        }
    }
}

/// The secrets among what is known of a user, in order.
fn secrets(user: &User) -> Box<[SecretHandle]> {
    let secrets = user.attributes.iter().filter_map(|field| match field.value {
        Value::Secret(handle) => Some(handle),
        _ => None,
    });
    secrets.collect()
}

#[cfg(test)]
mod tests {
    use signoff_core::Field;

    use super::*;

    fn row(connection: &str, user: &str, outcome: Outcome, cause: Option<Cause>) -> OutcomeRow {
        OutcomeRow {
            connection: Some(connection.to_owned()),
            cause,
            ..OutcomeRow::of("r", user, outcome)
        }
    }

    #[test]
    fn a_user_counts_once_by_his_last_outcome() {
        let mut scope = Scope::default();
        assert!(scope.enter(Some("a"), "1", None));
        assert!(!scope.enter(Some("a"), "1", Some("One")));
        scope.note(&row("a", "1", Outcome::Failed, None), false);
        scope.note(&row("a", "1", Outcome::Done, None), true);
        scope.note(&row("b", "1", Outcome::Refused, None), false);
        let totals = scope.totals();
        assert_eq!((totals.total, totals.unsatisfied), (2, 1));
        assert_eq!(
            totals.counts,
            BTreeMap::from([(Outcome::Done, 1), (Outcome::Refused, 1)])
        );
    }

    #[test]
    fn an_id_becomes_the_user_of_the_connection_that_acts_on_it() {
        let mut scope = Scope::default();
        scope.enter(None, "1", None);
        scope.note(&row("a", "1", Outcome::Done, None), true);
        scope.enter(None, "2", None);
        assert_eq!(scope.totals().total, 2);
        scope.enter(None, "team 7", None);
        scope.leave("team 7");
        scope.leave("1");
        assert_eq!(scope.totals().total, 2);
        let left: Vec<_> = scope
            .left_over()
            .into_iter()
            .map(|left| left.user.to_string())
            .collect();
        assert_eq!(left, ["2"]);
    }

    #[test]
    fn an_id_that_one_connection_knows_is_its_user() {
        let mut scope = Scope::default();
        scope.enter(Some("a"), "1", None);
        assert!(!scope.enter(None, "1", None));
        scope.leave("1");
        scope.note(
            &OutcomeRow {
                connection: None,
                ..row("", "1", Outcome::Skipped, None)
            },
            true,
        );
        assert_eq!((scope.totals().total, scope.left_over().len()), (1, 0));
        // On two connections it could be either.
        scope.enter(Some("b"), "1", None);
        assert!(scope.enter(None, "1", None));
        assert_eq!(scope.totals().total, 3);
    }

    #[test]
    fn out_is_who_was_logged_out_with_the_same_secrets() {
        let with = |handle| User {
            attributes: vec![
                Field::new("name", "One"),
                Field::new("key", Value::Secret(SecretHandle(handle))),
            ],
            ..User::new("1")
        };
        let mut scope = Scope::default();
        assert!(!scope.is_out("a", &with(7)));
        scope.note(&row("a", "1", Outcome::Done, None), true);
        scope.note_out("a", &with(7));
        assert!(scope.is_out("a", &with(7)));
        assert!(!scope.is_out("a", &with(8)));
        assert!(!scope.is_out("a", &User::new("1")));
        assert!(!scope.is_out("b", &with(7)));
        // What is tried later in vain does not bring the key back.
        scope.note(&row("a", "1", Outcome::Failed, None), false);
        assert!(scope.is_out("a", &with(7)));
        scope.note_out("a", &with(8));
        assert!(!scope.is_out("a", &with(7)));
    }

    #[test]
    fn untried_only_if_nobody_was_tried() {
        let mut scope = Scope::default();
        scope.note(&row("a", "1", Outcome::Denied, Some(Cause::Credential)), false);
        scope.note(&row("a", "2", Outcome::Cancelled, Some(Cause::Credential)), false);
        scope.note(&row("a", "3", Outcome::Skipped, None), true);
        assert_eq!(scope.totals().untried, Some(Cause::Credential));
        scope.note(&row("a", "4", Outcome::Done, None), true);
        assert_eq!(scope.totals().untried, None);
    }
}
