//! What an operation of a step test is begun with.

use std::time::Duration;

use crate::{CredentialKind, Descriptor, Field, InDoubtPolicy, ParameterKind, User, Value};

/// What an operation is begun with; the defaults of its options come from the descriptor.
#[derive(Debug, Clone)]
pub struct Setup {
    pub(super) operation: String,
    pub(super) user: Option<User>,
    pub(super) fields: Vec<Field>,
    pub(super) actor: String,
    pub(super) actor_kind: CredentialKind,
    pub(super) plan: bool,
    pub(super) may_act_on_self: bool,
    pub(super) in_doubt: InDoubtPolicy,
    pub(super) earlier: Vec<(String, u32, Duration)>,
    pub(super) logged_out: bool,
}

impl Setup {
    /// An operation with its defaults, run as the user `actor` with a password.
    #[must_use]
    pub fn new(descriptor: &Descriptor, operation: &str, actor: &str) -> Self {
        let parameters = descriptor
            .operation(operation)
            .map_or(&[][..], |spec| spec.parameters);
        let fields = parameters.iter().filter_map(|parameter| {
            let value = default(parameter.kind, parameter.default?);
            Some(Field::new(parameter.name, value))
        });
        Self {
            operation: operation.to_owned(),
            user: None,
            fields: fields.collect(),
            actor: actor.to_owned(),
            actor_kind: CredentialKind::Basic,
            plan: false,
            may_act_on_self: false,
            in_doubt: InDoubtPolicy::Verify,
            earlier: Vec::new(),
            logged_out: false,
        }
    }

    /// About this user.
    #[must_use]
    pub fn user(mut self, id: &str) -> Self {
        self.user = Some(User::new(id));
        self
    }

    /// The user has this attribute too.
    #[must_use]
    pub fn attribute(mut self, name: &str, value: impl Into<Value>) -> Self {
        if let Some(user) = &mut self.user {
            user.attributes.push(Field::new(name, value));
        }
        self
    }

    /// With this value of an option.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.retain(|field| field.name != name);
        self.fields.push(Field::new(name, value));
        self
    }

    /// With a credential of this kind.
    #[must_use]
    pub fn credential(mut self, kind: CredentialKind) -> Self {
        self.actor_kind = kind;
        self
    }

    /// In a plan.
    #[must_use]
    pub fn plan(mut self) -> Self {
        self.plan = true;
        self
    }

    /// The acting user may be acted on.
    #[must_use]
    pub fn on_self(mut self) -> Self {
        self.may_act_on_self = true;
        self
    }

    /// With this policy for writes in doubt.
    #[must_use]
    pub fn in_doubt(mut self, policy: InDoubtPolicy) -> Self {
        self.in_doubt = policy;
        self
    }

    /// An earlier process sent this part so often, the last time so long ago, and knew of no result.
    #[must_use]
    pub fn earlier(mut self, part: &str, attempts: u32, age: Duration) -> Self {
        self.earlier.push((part.to_owned(), attempts, age));
        self
    }

    /// This run has logged the user out before.
    #[must_use]
    pub fn logged_out(mut self) -> Self {
        self.logged_out = true;
        self
    }
}

fn default(kind: ParameterKind, text: &str) -> Value {
    match kind {
        ParameterKind::Boolean => Value::Boolean(text == "true"),
        ParameterKind::Integer => text.parse().map_or(Value::Null, Value::Integer),
        ParameterKind::Duration => duration(text).map_or(Value::Null, Value::Duration),
        ParameterKind::List => Value::List(text.split_whitespace().map(Value::from).collect()),
        ParameterKind::Text => Value::from(text),
    }
}

fn duration(text: &str) -> Option<Duration> {
    let digits = text.find(|character: char| !character.is_ascii_digit())?;
    let number: u64 = text[..digits].parse().ok()?;
    let milliseconds = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(number * milliseconds))
}
