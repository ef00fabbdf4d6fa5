//! People from a file: users in a CSV or in JSON lines, with their attributes and secrets.
//!
//! A list is read twice. The first time it is checked as a whole ([`People::check`]): its mistakes are found before
//! anything is sent, it is hashed, and what several rows say of one user is brought together. Then its users are read
//! one after the other ([`People::users`]); no more than a row of it is ever in memory, except for what came by a
//! pipe. Text stays text: no cell becomes a number, a date, or loses a zero.

mod check;
mod columns;
mod content;
mod csv;
mod lines;
mod mistake;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};
use signoff_core::{ActsOn, Descriptor, Field, User, Value};

use crate::journal::InputFile;
use crate::secret::{Secret, UserSecrets};
use columns::{Columns, NAME, Role};
use csv::CsvRows;
use lines::JsonRows;
use mistake::{Mistake, Problem};

pub use content::Content;
pub use mistake::PeopleError;

/// What the columns of a list mean. Their names are compared without case, and without what stands between words.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeopleSettings {
    /// The column that holds the ids; `None`: `id`.
    pub id_column: Option<String>,
    /// Attributes, each with the column that it comes from. Other columns are attributes under their own names.
    pub map: Vec<(String, String)>,
    /// Columns whose cells are secrets.
    pub secret_columns: Vec<String>,
    /// Attributes that are secrets, whatever their column.
    pub secret_attributes: Vec<String>,
    /// Secret attributes that no two users may share: who is logged out is their owner.
    pub keys: Vec<String>,
    /// Whether every user needs these.
    pub needs_keys: bool,
    /// How advice names these settings.
    pub words: Words,
}

impl PeopleSettings {
    /// Marks what a provider says of its users' attributes: which are secrets, and, where a logout ends the sessions of a
    /// key's owner, that no two users may share one.
    pub fn mark(&mut self, descriptor: &Descriptor) {
        let add = |list: &mut Vec<String>| {
            for attribute in descriptor.secret_attributes {
                if !list.iter().any(|known| known == attribute) {
                    list.push((*attribute).to_owned());
                }
            }
        };
        add(&mut self.secret_attributes);
        if descriptor.acts_on == ActsOn::CredentialOwner {
            add(&mut self.keys);
        }
    }

    /// As [`PeopleSettings::mark`], for users who are to be acted on there: then each needs a key of his own.
    pub fn mark_target(&mut self, descriptor: &Descriptor) {
        self.mark(descriptor);
        self.needs_keys = true;
    }
}

/// Whose words advice is given in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Words {
    /// `--id-column NAME`
    #[default]
    CommandLine,
    /// `id_column = "NAME"`
    Script,
}

impl Words {
    fn id_column(self) -> &'static str {
        match self {
            Self::CommandLine => "--id-column NAME",
            Self::Script => "{ id_column = \"NAME\" }",
        }
    }

    fn secret_column(self) -> &'static str {
        match self {
            Self::CommandLine => "--secret-column NAME",
            Self::Script => "{ secret_columns = { \"NAME\" } }",
        }
    }

    fn map(self, attribute: &str) -> String {
        match self {
            Self::CommandLine => format!("--map {attribute}=COLUMN"),
            Self::Script => format!("{{ map = {{ {attribute} = \"COLUMN\" }} }}"),
        }
    }
}

/// A list of users without mistakes.
pub struct People {
    content: Content,
    settings: PeopleSettings,
    secrets: Arc<UserSecrets>,
    input: InputFile,
    count: u64,
    notes: Vec<String>,
    has_secrets: bool,
    /// The users who have several rows.
    repeated: HashMap<IdHash, Repeated>,
}

/// Stands for an id where many are kept.
type IdHash = [u8; 16];

/// What several rows say of one user.
struct Repeated {
    /// The row that counts, from 1.
    row: u64,
    line: u64,
    plain: Vec<Field>,
    secrets: Vec<Field>,
}

impl People {
    /// Reads a list through, and checks it.
    ///
    /// # Errors
    /// With all its mistakes.
    pub fn check(
        content: Content,
        settings: PeopleSettings,
        secrets: &Arc<UserSecrets>,
    ) -> Result<Self, PeopleError> {
        check::check(content, settings, secrets)
    }

    /// Its name, hash and rows, for the journal.
    #[must_use]
    pub fn input(&self) -> &InputFile {
        &self.input
    }

    /// How many users it names, each counted once.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// What is odd about it, though no mistake: one line each.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Whether it is a file with secrets which others than its owner may read.
    #[must_use]
    pub fn secrets_lie_open(&self) -> bool {
        self.has_secrets && self.content.readable_by_others()
    }

    /// Its users, each once, in the order of their first rows.
    ///
    /// # Errors
    /// If it cannot be read any more. The iterator ends with an error if the list is no longer the one that was checked.
    pub fn users(self: &Arc<Self>) -> Result<Users, PeopleError> {
        let rows = Rows::open(&self.content, self.settings.clone());
        let rows = rows.map_err(|mistakes| self.failed(mistakes))?;
        Ok(Users {
            people: Arc::clone(self),
            rows: Some(rows),
        })
    }

    fn failed(&self, mistakes: Vec<Mistake>) -> PeopleError {
        let mut error = PeopleError::new(self.content.name(), self.settings.words);
        mistakes.into_iter().for_each(|mistake| error.add(mistake));
        error
    }
}

/// The users of a list, one after the other.
pub struct Users {
    people: Arc<People>,
    rows: Option<Rows>,
}

impl Iterator for Users {
    type Item = Result<User, PeopleError>;

    fn next(&mut self) -> Option<Self::Item> {
        while let Some(rows) = &mut self.rows {
            let next = rows.next(&self.people.secrets);
            let (row, mut user) = match next {
                Some(Ok(found)) => found,
                Some(Err(mistake)) => return Some(Err(self.end(mistake))),
                None => {
                    let sha256 = self.rows.take().map(Rows::sha256)?;
                    return match sha256 {
                        Ok(sha256) if sha256 == self.people.input.sha256 => None,
                        Ok(_) => Some(Err(self.end(Mistake::of(Problem::Changed)))),
                        Err(mistake) => Some(Err(self.end(mistake))),
                    };
                }
            };
            match self.people.repeated.get(&hash(&user.id)) {
                Some(repeated) if repeated.row != row.number => {}
                Some(repeated) => {
                    user.attributes.retain(|field| field.value.secrets().is_empty());
                    user.attributes.extend(repeated.secrets.iter().cloned());
                    return Some(Ok(user));
                }
                None => return Some(Ok(user)),
            }
        }
        None
    }
}

impl Users {
    fn end(&mut self, mistake: Mistake) -> PeopleError {
        self.rows = None;
        self.people.failed(vec![mistake])
    }
}

/// A row is at most so long.
const LONGEST_ROW: u64 = 1 << 20;
/// A longer id is none.
const LONGEST_ID: usize = 1_024;

/// A row of a list.
struct Row {
    /// From 1, the header not counted.
    number: u64,
    /// Where it begins, from 1.
    line: u64,
    cells: Vec<Cell>,
}

/// Where a row stands.
#[derive(Debug, Clone, Copy)]
struct Place {
    number: u64,
    line: u64,
}

struct Cell {
    column: usize,
    /// In the file, from 0.
    offset: u64,
    value: Value,
}

/// The rows of a list, as users.
struct Rows {
    columns: Columns,
    format: Format,
}

enum Format {
    Csv(Box<CsvRows>),
    Json(Box<JsonRows>),
}

impl Rows {
    fn open(content: &Content, settings: PeopleSettings) -> Result<Self, Vec<Mistake>> {
        let bytes = content.bytes().map_err(|mistake| vec![mistake])?;
        let mut columns = Columns::new(settings);
        let first = bytes.head().iter().find(|byte| !byte.is_ascii_whitespace());
        let name = content.name();
        let is_json = match first {
            Some(b'[') => return Err(vec![Mistake::of(Problem::JsonArray)]),
            Some(byte) => *byte == b'{',
            None => name.ends_with(".jsonl") || name.ends_with(".ndjson"),
        };
        let format = if is_json {
            Format::Json(Box::new(JsonRows::new(bytes)))
        } else {
            Format::Csv(Box::new(CsvRows::new(bytes, &mut columns)?))
        };
        Ok(Self { columns, format })
    }

    fn next(&mut self, secrets: &UserSecrets) -> Option<Result<(Place, User), Mistake>> {
        let row = match &mut self.format {
            Format::Csv(rows) => rows.next(&self.columns)?,
            Format::Json(rows) => rows.next(&mut self.columns)?,
        };
        Some(row.and_then(|row| {
            let place = Place {
                number: row.number,
                line: row.line,
            };
            let user = user(&self.columns, row, secrets);
            let user = user.map_err(|mistake| mistake.at_line(place.line).in_row(place.number))?;
            Ok((place, user))
        }))
    }

    /// Of the whole list.
    fn sha256(self) -> Result<String, Mistake> {
        match self.format {
            Format::Csv(rows) => rows.bytes.sha256(),
            Format::Json(rows) => rows.bytes.sha256(),
        }
    }
}

/// The user that a row is about.
fn user(columns: &Columns, row: Row, secrets: &UserSecrets) -> Result<User, Mistake> {
    let mut user = User::default();
    for cell in row.cells {
        let column = columns.get(cell.column);
        let at = |problem| {
            let mistake = Mistake::of(problem).in_column(&column.name);
            mistake.at_byte(cell.offset)
        };
        let value = match column.role {
            Role::Id => {
                user.id = id(cell.value).map_err(at)?;
                continue;
            }
            Role::Secret => keep(&column.attribute, cell.value, secrets).map_err(at)?,
            Role::Plain => plain(&column.attribute, cell.value).map_err(at)?,
            Role::Unused => continue,
        };
        if value != Value::Null {
            user.attributes.push(Field::new(column.attribute.as_str(), value));
        }
    }
    if user.id.is_empty() {
        return Err(Mistake::of(Problem::NoIdGiven));
    }
    Ok(user)
}

fn id(value: Value) -> Result<String, Problem> {
    let id = match value {
        Value::Text(text) => text,
        other => return Err(not_text("id", &other)),
    };
    if id.trim().is_empty() {
        return Err(Problem::NoIdGiven);
    }
    if id.len() > LONGEST_ID {
        return Err(Problem::LongId { limit: LONGEST_ID });
    }
    clean("id", &id)?;
    Ok(id)
}

/// What is told of a user, as it stands there.
fn plain(attribute: &str, value: Value) -> Result<Value, Problem> {
    match value {
        Value::Text(text) if text.contains('\0') => Err(Problem::Nul),
        Value::Text(_) | Value::Null => Ok(value),
        other if attribute == NAME => Err(not_text("name", &other)),
        other => Ok(other),
    }
}

/// Takes secrets in, and gives what stands for them.
fn keep(attribute: &str, value: Value, secrets: &UserSecrets) -> Result<Value, Problem> {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Text(text) if text.is_empty() => Ok(Value::Null),
        Value::Text(text) => {
            // HTTP strips blanks around a header's value: what is two keys here would be one at the vendor's.
            let fit = clean("secret", &text);
            // Wipes the text, fit or not.
            let secret = Secret::new(text);
            fit.map(|()| Value::Secret(secrets.keep(attribute, secret)))
        }
        Value::List(items) => {
            let kept = items.into_iter().map(|item| match item {
                Value::Text(_) | Value::Null => keep(attribute, item, secrets),
                _ => Err(Problem::SecretNotText),
            });
            let kept: Vec<Value> = kept.collect::<Result<_, _>>()?;
            let kept: Vec<Value> = kept.into_iter().filter(|one| *one != Value::Null).collect();
            Ok(if kept.is_empty() {
                Value::Null
            } else {
                Value::List(kept)
            })
        }
        _ => Err(Problem::SecretNotText),
    }
}

/// Whether this can be sent as it stands, wherever a provider puts it: no header carries a control character.
fn clean(what: &'static str, text: &str) -> Result<(), Problem> {
    if text.chars().any(char::is_control) {
        return Err(Problem::ControlIn(what));
    }
    if text.trim() != text {
        return Err(Problem::BlanksAround(what));
    }
    Ok(())
}

fn not_text(what: &'static str, found: &Value) -> Problem {
    let found = match found {
        Value::Boolean(_) => "true or false",
        Value::List(_) => "a list",
        _ => "an object",
    };
    Problem::NotText { what, found }
}

/// So long that no two ids of any list meet by accident.
fn hash(id: &str) -> IdHash {
    let mut hash = IdHash::default();
    for (byte, hashed) in hash.iter_mut().zip(Sha256::digest(id.as_bytes())) {
        *byte = hashed;
    }
    hash
}
