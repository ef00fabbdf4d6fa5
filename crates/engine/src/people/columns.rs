//! What the columns of a list are to a user: his id, attributes, secrets.

use std::collections::HashMap;

use super::PeopleSettings;
use super::mistake::Problem;
use crate::parameters::nearest;

/// The columns of a list: of a CSV those of its header, of JSON lines the names that have come so far.
pub(super) struct Columns {
    settings: PeopleSettings,
    columns: Vec<Column>,
    by_name: HashMap<String, usize>,
}

/// One column.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// As the list names it.
    pub(super) name: String,
    /// What a user's attribute is called that comes from it.
    pub(super) attribute: String,
    pub(super) role: Role,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Id,
    Plain,
    Secret,
    /// It has no name, or its name means something else here.
    Unused,
}

const ID: &str = "id";
pub(super) const NAME: &str = "name";
/// More names than this are no columns: somebody made keys of his data.
const MOST: usize = 4_096;

impl Columns {
    pub(super) fn new(settings: PeopleSettings) -> Self {
        Self {
            settings,
            columns: Vec::new(),
            by_name: HashMap::new(),
        }
    }

    pub(super) fn get(&self, column: usize) -> &Column {
        &self.columns[column]
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    /// The column of that name, which is added if it is new.
    pub(super) fn intern(&mut self, name: &str) -> Result<usize, Problem> {
        if let Some(column) = self.by_name.get(name) {
            return Ok(*column);
        }
        if self.columns.len() == MOST {
            return Err(Problem::ManyColumns { most: MOST });
        }
        let column = self.resolve(name);
        self.by_name.insert(name.to_owned(), self.columns.len());
        self.columns.push(column);
        Ok(self.columns.len() - 1)
    }

    /// The columns of a header, in its order.
    pub(super) fn header(&mut self, names: &[String]) -> Result<(), Vec<Problem>> {
        if names.len() > MOST {
            return Err(vec![Problem::ManyColumns { most: MOST }]);
        }
        for name in names {
            let column = self.resolve(name);
            self.columns.push(column);
        }
        let mut problems = self.misfits();
        if !self.columns.iter().any(|column| column.role == Role::Id) && problems.is_empty() {
            problems.push(no_id(names));
            return Err(problems);
        }
        for (index, column) in self.columns.iter().enumerate() {
            let same = |other: &&Column| other.role != Role::Unused && other.attribute == column.attribute;
            if let Some(other) = self.columns[..index].iter().find(same)
                && column.role != Role::Unused
            {
                problems.push(Problem::TwoColumns {
                    one: other.name.clone(),
                    other: column.name.clone(),
                    attribute: column.attribute.clone(),
                });
            }
        }
        for key in self.settings.keys.iter().filter(|_| self.settings.needs_keys) {
            if !self.columns.iter().any(|column| column.attribute == *key) && problems.is_empty() {
                problems.push(Problem::NoKeyColumn {
                    attribute: key.clone(),
                });
            }
        }
        if problems.is_empty() {
            Ok(())
        } else {
            Err(problems)
        }
    }

    /// What the settings say that does not fit these columns.
    pub(super) fn misfits(&self) -> Vec<Problem> {
        let mut problems = self.unknown();
        let ids = self.columns.iter().filter(|column| column.role == Role::Id);
        problems.extend(
            ids.filter(|column| self.is_marked(&column.name, &column.attribute))
                .map(|column| Problem::SecretId {
                    column: column.name.clone(),
                }),
        );
        // Where it is not known whose users they are, an attribute may be anything.
        let mapped = self.settings.map.iter().filter(|_| self.settings.needs_keys);
        let unknown = mapped.filter(|(attribute, _)| self.secret_attribute(attribute).is_none());
        problems.extend(unknown.filter_map(|(attribute, _)| {
            let nearest = nearest(attribute, self.without_column())?;
            Some(Problem::NearAttribute {
                attribute: attribute.clone(),
                nearest: nearest.to_owned(),
            })
        }));
        problems
    }

    /// What is told of users' secrets that no column holds, though one may have been meant for it.
    pub(super) fn doubts(&self) -> Vec<String> {
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        let near = |attribute: &str| {
            let nearest = nearest(attribute, names.iter().copied())?;
            Some(format!(
                "no column is called `{attribute}`, so nobody has one; did you mean `{nearest}`?"
            ))
        };
        self.without_column().filter_map(near).collect()
    }

    /// The secret attributes that come from no column.
    fn without_column(&self) -> impl Iterator<Item = &str> {
        let has_column =
            |attribute: &&String| self.columns.iter().any(|column| column.attribute == **attribute);
        let secrets = self.settings.secret_attributes.iter();
        secrets
            .filter(move |attribute| !has_column(attribute))
            .map(String::as_str)
    }

    /// The secret attribute that a name means.
    fn secret_attribute(&self, name: &str) -> Option<&String> {
        let mut secrets = self.settings.secret_attributes.iter();
        secrets.find(|one| same_name(one, name))
    }

    /// Whether the settings say of a column that it holds secrets.
    fn is_marked(&self, name: &str, attribute: &str) -> bool {
        let mut marked = self.settings.secret_columns.iter();
        marked.any(|one| same_name(one, name) || same_name(one, attribute))
    }

    /// The columns that the settings name, and that are not there.
    fn unknown(&self) -> Vec<Problem> {
        let settings = &self.settings;
        let mapped = settings.map.iter().map(|(_, column)| column);
        let wanted = settings.id_column.iter().chain(mapped);
        let is_there = |name: &str| self.columns.iter().any(|column| same_name(&column.name, name));
        let missing = wanted.filter(|name| !is_there(name));
        // A secret may be named by its attribute too.
        let is_secret = |name: &str| {
            let attribute = |column: &Column| same_name(&column.attribute, name);
            is_there(name) || self.columns.iter().any(attribute)
        };
        let secrets = settings.secret_columns.iter().filter(|name| !is_secret(name));
        let missing: Vec<&String> = missing.chain(secrets).collect();
        let names: Vec<&str> = self.columns.iter().map(|column| column.name.as_str()).collect();
        // As above: what stands in the first line may be a key.
        let showable = names.iter().all(|name| is_plausible(name));
        missing
            .into_iter()
            .map(|name| Problem::NoColumn {
                name: name.clone(),
                nearest: showable
                    .then(|| nearest(name, names.iter().copied()))
                    .flatten()
                    .map(str::to_owned),
                known: names
                    .iter()
                    .filter(|_| showable)
                    .map(|name| (*name).to_owned())
                    .collect(),
            })
            .collect()
    }

    fn resolve(&self, name: &str) -> Column {
        let settings = &self.settings;
        let mapped = settings.map.iter().find(|(_, column)| same_name(column, name));
        let attribute = match (mapped, &settings.id_column) {
            (Some((attribute, _)), _) => self.secret_attribute(attribute).unwrap_or(attribute).clone(),
            (None, Some(column)) if same_name(column, name) => ID.to_owned(),
            (None, _) => match self.secret_attribute(name) {
                Some(attribute) => attribute.clone(),
                None => KNOWN
                    .into_iter()
                    .find(|known| same_name(known, name))
                    .unwrap_or(name)
                    .to_owned(),
            },
        };
        let elsewhere =
            || settings.id_column.is_some() || settings.map.iter().any(|(attribute, _)| attribute == ID);
        let is_id_column = mapped.is_some()
            || settings
                .id_column
                .as_ref()
                .is_some_and(|one| same_name(one, name));
        let role = if attribute == ID {
            if is_id_column || !elsewhere() {
                Role::Id
            } else {
                Role::Unused
            }
        } else if attribute.is_empty() {
            Role::Unused
        } else if self.secret_attribute(&attribute).is_some() || self.is_marked(name, &attribute) {
            Role::Secret
        } else {
            Role::Plain
        };
        Column {
            name: name.to_owned(),
            attribute,
            role,
        }
    }
}

/// What is told of users under these names, however a list spells them.
const KNOWN: [&str; 2] = [ID, NAME];

/// Whether two names mean the same: case, and what stands between words, do not count. A column `Device Token` whose
/// secrets were taken for ordinary text because of a blank would be a bad surprise.
fn same_name(one: &str, other: &str) -> bool {
    let letters = |name: &str| -> String {
        name.chars()
            .filter(|character| character.is_alphanumeric())
            .flat_map(char::to_lowercase)
            .collect()
    };
    one == other || (!letters(one).is_empty() && letters(one) == letters(other))
}

/// Why no column of a header holds the ids. What stands there is shown if it can be no data, which may be a key.
fn no_id(names: &[String]) -> Problem {
    let first = names.first().map(String::as_str).unwrap_or_default();
    if first.starts_with("sep=") {
        Problem::SeparatorLine
    } else if first.starts_with('#') {
        Problem::Comment
    } else if names.len() == 1 && first.contains('|') {
        Problem::Separator('|')
    } else if names.iter().all(|name| is_plausible(name)) {
        Problem::NoId {
            known: names.to_vec(),
        }
    } else {
        Problem::NoHeader
    }
}

/// Whether this could be the name of a column, rather than an id, an address, or a key.
fn is_plausible(name: &str) -> bool {
    let ordinary = |character: char| character.is_alphabetic() || matches!(character, ' ' | '_' | '-' | '.');
    name.chars().count() <= 24 && name.chars().all(ordinary)
}
