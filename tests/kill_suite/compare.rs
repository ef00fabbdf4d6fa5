//! The verdict on a run: the vendor's ledger beside the journal, and never signoff's own counters.

use std::collections::{BTreeMap, BTreeSet};

use rusqlite::{Connection, OpenFlags};
use signoff_core::Outcome;

use crate::site::{Ended, IN_FLIGHT, Site};

/// What the vendor knows of a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// How many logouts reached it. All have an effect unless an earlier one had it: each beyond the first is a double.
    pub(crate) requests: u32,
    /// Whether he is signed in.
    pub(crate) is_in: bool,
}

/// What the journal says of a user in the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) outcome: Outcome,
    pub(crate) repeated: bool,
}

/// What is wrong, by user; nothing, where a run kept its promises.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// Told of not at all or several times, or told to be what he is not.
    pub(crate) lost: Vec<String>,
    /// Told to be signed in still, and so they are: no try came through.
    pub(crate) failed: Vec<String>,
    /// Logged out more than once.
    pub(crate) doubles: Vec<String>,
    /// Those of them of whom the journal does not say that it may be so.
    pub(crate) unlisted: Vec<String>,
    /// Of whom it says that it may be so.
    pub(crate) listed: BTreeSet<String>,
}

/// Compares what is told with what was seen.
pub(crate) fn compare(
    users: &[String],
    told: &BTreeMap<String, Vec<Told>>,
    seen: impl Fn(&str) -> Seen,
    can_be_asked: bool,
) -> Verdict {
    let mut verdict = Verdict::default();
    for user in users {
        let seen = seen(user);
        let told = told.get(user).map(Vec::as_slice).unwrap_or_default();
        let is_true = match told {
            [one] if one.outcome.is_out() => !seen.is_in,
            // Cut off at each try, and known not to be out.
            [one] if one.outcome == Outcome::Failed => seen.is_in,
            // Where nobody can be asked it is no less true to say so.
            [one] => one.outcome == Outcome::Unknown && !can_be_asked,
            _ => false,
        };
        if !is_true {
            verdict.lost.push(user.clone());
        }
        if is_true && told.iter().any(|one| one.outcome == Outcome::Failed) {
            verdict.failed.push(user.clone());
        }
        let is_listed = told
            .iter()
            .any(|one| one.repeated || one.outcome == Outcome::Unknown);
        if is_listed {
            verdict.listed.insert(user.clone());
        }
        if seen.requests > 1 {
            verdict.doubles.push(user.clone());
            if !is_listed {
                verdict.unlisted.push(user.clone());
            }
        }
    }
    verdict
}

/// What the journal of a run says of everybody.
pub(crate) fn told(site: &Site, run: &str) -> BTreeMap<String, Vec<Told>> {
    let mut told: BTreeMap<String, Vec<Told>> = BTreeMap::new();
    let reader = site.reader(run).expect("a journal");
    reader
        .standing(|row| {
            told.entry(row.user.clone()).or_default().push(Told {
                outcome: row.outcome,
                repeated: row.repeated,
            });
        })
        .unwrap();
    told
}

/// The verdict on a run that has come to its end.
pub(crate) fn verdict(site: &Site, run: &str) -> Verdict {
    compare(
        &site.users,
        &told(site, run),
        |user| site.seen(user),
        site.can_be_asked(),
    )
}

/// What must hold at every moment, also when a process has just been killed: the file is whole, what was told is in it,
/// and no more is in doubt than was on its way. Gives how much that is, or what does not hold.
pub(crate) fn inspect(site: &Site, ended: &Ended) -> Result<usize, String> {
    let Some(run) = site.run() else {
        return match (site.logouts(), ended.outcomes().count()) {
            (0, 0) => Ok(0),
            (sent, told) => Err(format!(
                "{sent} logouts were sent and {told} outcomes told without a journal"
            )),
        };
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let file = Connection::open_with_flags(site.journal(&run), flags).map_err(|error| error.to_string())?;
    let integrity: String = file
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .map_err(|error| error.to_string())?;
    if integrity != "ok" {
        return Err(format!("the journal is damaged: {integrity}"));
    }
    let reader = site.reader(&run).ok_or("the journal cannot be read")?;
    let mut on_disk = BTreeSet::new();
    reader
        .outcomes(|row| {
            on_disk.insert((row.user.clone(), row.outcome.name()));
        })
        .map_err(|error| error.to_string())?;
    for (user, outcome) in ended.outcomes() {
        if !on_disk
            .iter()
            .any(|(other, name)| other == user && *name == outcome)
        {
            return Err(format!(
                "{user} was told to be {outcome}, and that is not on disk"
            ));
        }
    }
    let in_doubt = reader.open_intents().map_err(|error| error.to_string())?;
    // Of the others it is recorded that no answer came, and they are waiting for the doubt to settle.
    let on_their_way = in_doubt.iter().filter(|open| !open.sent).count();
    let processes = reader.sessions().map_err(|error| error.to_string())?.len();
    if on_their_way > IN_FLIGHT * processes {
        return Err(format!(
            "{on_their_way} logouts have no result, and {IN_FLIGHT} may have been on their way for each of {processes} processes"
        ));
    }
    Ok(in_doubt.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(outcome: Outcome, repeated: bool, requests: u32, is_in: bool, can_be_asked: bool) -> String {
        let told = BTreeMap::from([("ann".to_owned(), vec![Told { outcome, repeated }])]);
        words(&compare(
            &["ann".to_owned()],
            &told,
            |_| Seen { requests, is_in },
            can_be_asked,
        ))
    }

    fn words(verdict: &Verdict) -> String {
        let counts = [
            ("lost", verdict.lost.len()),
            ("failed", verdict.failed.len()),
            ("double", verdict.doubles.len()),
            ("unlisted", verdict.unlisted.len()),
            ("listed", verdict.listed.len()),
        ];
        let found: Vec<&str> = counts
            .into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(word, _)| word)
            .collect();
        found.join(" ")
    }

    #[test]
    fn losses_and_doubles_are_found() {
        use Outcome::{Already, Cancelled, Done, Failed, Unknown};
        assert_eq!(one(Done, false, 1, false, true), "");
        assert_eq!(one(Already, false, 1, false, true), "");
        assert_eq!(one(Done, false, 0, true, true), "lost");
        assert_eq!(one(Cancelled, false, 0, true, true), "lost");
        assert_eq!(one(Failed, true, 0, true, true), "failed listed");
        assert_eq!(one(Failed, true, 1, false, true), "lost listed");
        assert_eq!(one(Unknown, false, 1, false, true), "lost listed");
        assert_eq!(one(Unknown, false, 1, false, false), "listed");
        assert_eq!(one(Done, true, 2, false, true), "double listed");
        assert_eq!(one(Done, false, 2, false, true), "double unlisted");
    }

    #[test]
    fn everybody_is_told_of_once() {
        let seen = |_: &str| Seen {
            requests: 1,
            is_in: false,
        };
        let users = ["ann".to_owned()];
        let done = Told {
            outcome: Outcome::Done,
            repeated: false,
        };
        let nobody = BTreeMap::new();
        assert_eq!(words(&compare(&users, &nobody, seen, true)), "lost");
        let twice = BTreeMap::from([("ann".to_owned(), vec![done, done])]);
        assert_eq!(words(&compare(&users, &twice, seen, true)), "lost");
    }
}
