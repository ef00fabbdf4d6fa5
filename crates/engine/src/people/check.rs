//! The first reading of a list: its mistakes, its hash, and the users of whom several rows tell.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use signoff_core::{Field, SecretHandle, User, Value};

use super::mistake::{Mistake, Problem};
use super::{Content, IdHash, People, PeopleError, PeopleSettings, Place, Repeated, Rows, hash};
use crate::journal::InputFile;
use crate::secret::UserSecrets;

/// Reads a list through. Ids are kept as hashes, and only until it is done.
pub(super) fn check(
    content: Content,
    settings: PeopleSettings,
    secrets: &Arc<UserSecrets>,
) -> Result<People, PeopleError> {
    let mut error = PeopleError::new(content.name(), settings.words);
    let mut rows = match Rows::open(&content, settings.clone()) {
        Ok(rows) => rows,
        Err(mistakes) => {
            mistakes.into_iter().for_each(|mistake| error.add(mistake));
            return Err(error);
        }
    };
    let mut first = FirstReading {
        keys: &settings.keys,
        needed: settings.needs_keys,
        ..FirstReading::default()
    };
    let mut count_of_rows = 0;
    while let Some(next) = rows.next(secrets) {
        match next {
            Ok((place, user)) => {
                count_of_rows = place.number;
                first.take(place, &user, &mut error);
            }
            Err(mistake) => {
                let ends = mistake.ends_reading();
                error.add(mistake);
                if ends {
                    return Err(error);
                }
            }
        }
    }
    for problem in rows.columns.misfits() {
        if count_of_rows > 0 {
            error.add(Mistake::of(problem));
        }
    }
    let mut notes = Vec::new();
    if settings.needs_keys && count_of_rows > 0 {
        notes = rows.columns.doubts();
    }
    let sha256 = rows.sha256().map_err(|mistake| with(&error, mistake))?;
    let FirstReading {
        seen,
        repeated,
        shared,
        has_secrets,
        ..
    } = first;
    let mut people = People {
        content,
        secrets: Arc::clone(secrets),
        input: InputFile {
            path: String::new(),
            sha256,
            rows: Some(count_of_rows),
        },
        count: seen.len() as u64,
        notes,
        has_secrets,
        repeated: HashMap::new(),
        settings,
    };
    drop(seen);
    people.input.path = people.content.name().to_owned();
    if !repeated.is_empty() || !shared.is_empty() {
        second(&mut people, &repeated, &shared, &mut error)?;
    }
    if error.is_empty() { Ok(people) } else { Err(error) }
}

/// What is gathered while a list is read for the first time.
#[derive(Default)]
struct FirstReading<'a> {
    keys: &'a [String],
    needed: bool,
    seen: HashSet<IdHash>,
    repeated: HashSet<IdHash>,
    /// Whose a key is, and where that stands.
    owners: HashMap<SecretHandle, (IdHash, u64)>,
    shared: Vec<Shared>,
    has_secrets: bool,
}

/// Two rows with one key. The id of the first is found when the list is read again.
struct Shared {
    attribute: String,
    user: String,
    place: Place,
    first_line: u64,
}

impl FirstReading<'_> {
    fn take(&mut self, place: Place, user: &User, error: &mut PeopleError) {
        let (hash, needed) = (hash(&user.id), self.needed);
        if !self.seen.insert(hash) {
            self.repeated.insert(hash);
        }
        let is_secret = |field: &Field| !field.value.secrets().is_empty();
        self.has_secrets = self.has_secrets || user.attributes.iter().any(is_secret);
        for key in self.keys {
            let handles = user.attribute(key).map(Value::secrets).unwrap_or_default();
            if handles.is_empty() && needed {
                let problem = Problem::NoKey {
                    user: user.id.clone(),
                    attribute: key.clone(),
                };
                error.add(Mistake::of(problem).at_line(place.line).in_row(place.number));
            }
            for handle in handles {
                let (owner, first_line) = *self.owners.entry(handle).or_insert((hash, place.line));
                if owner != hash {
                    self.shared.push(Shared {
                        attribute: key.clone(),
                        user: user.id.clone(),
                        place,
                        first_line,
                    });
                }
            }
        }
    }
}

/// Reads the list again for what several rows say of one user, and who else has a key.
fn second(
    people: &mut People,
    repeated: &HashSet<IdHash>,
    shared: &[Shared],
    error: &mut PeopleError,
) -> Result<(), PeopleError> {
    let wanted: HashSet<u64> = shared.iter().map(|shared| shared.first_line).collect();
    let mut ids: HashMap<u64, String> = HashMap::new();
    let mut notes = Notes::default();
    let mut rows =
        Rows::open(&people.content, people.settings.clone()).map_err(|mistakes| people.failed(mistakes))?;
    while let Some(next) = rows.next(&people.secrets) {
        // Its mistakes are known.
        let Ok((place, user)) = next else { continue };
        if wanted.contains(&place.line) {
            ids.insert(place.line, user.id.clone());
        }
        let hash = hash(&user.id);
        if repeated.contains(&hash) {
            match people.repeated.entry(hash) {
                Entry::Vacant(entry) => {
                    entry.insert(Repeated::new(place, user));
                }
                Entry::Occupied(mut entry) => {
                    let mistake = entry
                        .get_mut()
                        .add(place, user, &people.settings.keys, &mut notes);
                    if let Some(mistake) = mistake {
                        error.add(mistake);
                    }
                }
            }
        }
    }
    let sha256 = rows.sha256().map_err(|mistake| with(error, mistake))?;
    if sha256 != people.input.sha256 {
        return Err(people.failed(vec![Mistake::of(Problem::Changed)]));
    }
    for Shared {
        attribute,
        user,
        place,
        first_line,
    } in shared
    {
        let problem = Problem::SharedKey {
            user: user.clone(),
            attribute: attribute.clone(),
            other: ids.get(first_line).cloned().unwrap_or_default(),
            line: *first_line,
        };
        error.add(Mistake::of(problem).at_line(place.line).in_row(place.number));
    }
    people.notes.extend(notes.into_lines());
    Ok(())
}

impl Repeated {
    fn new(place: Place, user: User) -> Self {
        let (secrets, plain) = user
            .attributes
            .into_iter()
            .partition(|field| !field.value.secrets().is_empty());
        Self {
            row: place.number,
            line: place.line,
            plain,
            secrets,
        }
    }

    /// Another row of the same user: secrets add up, and of everything else the first row counts.
    fn add(&mut self, place: Place, user: User, keys: &[String], notes: &mut Notes) -> Option<Mistake> {
        let mut mistake = None;
        let id = user.id.clone();
        let other = Self::new(place, user);
        for field in other.secrets {
            let Some(known) = self.secrets.iter_mut().find(|known| known.name == field.name) else {
                self.secrets.push(field);
                continue;
            };
            let mut all = known.value.secrets();
            for handle in field.value.secrets() {
                if all.contains(&handle) {
                    continue;
                }
                all.push(handle);
                if keys.contains(&field.name) {
                    let problem = Problem::TwoKeys {
                        user: id.clone(),
                        attribute: field.name.clone(),
                        line: self.line,
                    };
                    mistake = Some(Mistake::of(problem).at_line(place.line).in_row(place.number));
                }
            }
            known.value = match all.as_slice() {
                [one] => Value::Secret(*one),
                _ => Value::List(all.into_iter().map(Value::Secret).collect()),
            };
        }
        let differing = differing(&self.plain, &other.plain);
        if !differing.is_empty() {
            notes.add(format!(
                "`{id}` is there more than once, and line {} has another `{}` than line {}, which counts",
                place.line,
                differing.join("`, `"),
                self.line
            ));
        }
        mistake
    }
}

/// The names of what one has otherwise than the other.
fn differing<'a>(one: &'a [Field], other: &'a [Field]) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    for (here, there) in [(one, other), (other, one)] {
        let missing = here.iter().filter(|field| !there.contains(field));
        for field in missing {
            if !names.contains(&field.name.as_str()) {
                names.push(&field.name);
            }
        }
    }
    names
}

/// So many notes are given in full.
const NOTES: usize = 10;

#[derive(Default)]
struct Notes {
    lines: Vec<String>,
    count: usize,
}

impl Notes {
    fn add(&mut self, line: String) {
        self.count += 1;
        if self.lines.len() < NOTES {
            self.lines.push(line);
        }
    }

    fn into_lines(mut self) -> Vec<String> {
        if self.count > self.lines.len() {
            let more = self.count - self.lines.len();
            self.lines.push(format!("and {more} more rows differ so"));
        }
        self.lines
    }
}

fn with(error: &PeopleError, mistake: Mistake) -> PeopleError {
    let mut error = error.clone();
    error.add(mistake);
    error
}
