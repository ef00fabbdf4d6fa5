//! Reading and checking a descriptor, once for each library.

use std::time::Duration;

use super::layout as c;
use super::logins::check_logins;
use super::reader::{Reader, Violation, code, finite, truth};
use crate::{CredentialKind, Descriptor, EndpointSpec, Limits, OperationSpec, Parameter};

impl Reader<'static> {
    /// What it makes is never freed, as libraries are never unloaded.
    pub(super) fn descriptor(
        &mut self,
        descriptor: *const c::Descriptor,
    ) -> Result<&'static Descriptor, Violation> {
        let raw = self.structure(descriptor, "descriptor")?;
        let credentials = self.slice(raw.credentials, raw.credential_count, "descriptor.credentials")?;
        let credentials = credentials
            .iter()
            .map(|kind| code::<CredentialKind>(*kind, "descriptor.credentials"))
            .collect::<Result<Vec<_>, _>>()?;
        let descriptor = Descriptor {
            id: self.text(raw.id, "descriptor.id")?,
            name: self.text(raw.name, "descriptor.name")?,
            version: self.text(raw.version, "descriptor.version")?,
            summary: self.text(raw.summary, "descriptor.summary")?,
            options: self.parameters(raw.options, raw.option_count, "descriptor.options")?,
            operations: self.operations(&raw)?,
            endpoints: self.endpoints(&raw)?,
            credentials: credentials.leak(),
            logins: self.logins(&raw)?,
            limits: Limits {
                rate: finite(raw.rate, "descriptor.rate")?,
                concurrency: raw.concurrency,
            },
            timeout: Duration::from_nanos(raw.timeout),
            settle: Duration::from_nanos(raw.settle),
            state_can_be_asked: truth(raw.state_can_be_asked, "descriptor.state_can_be_asked")?,
            acts_on: code(raw.acts_on, "descriptor.acts_on")?,
            secret_attributes: self
                .texts(raw.secret_attributes, "descriptor.secret_attributes")?
                .leak(),
        };
        check(&descriptor)?;
        Ok(Box::leak(Box::new(descriptor)))
    }

    fn parameters(
        &mut self,
        data: *const *const c::Parameter,
        count: usize,
        what: &str,
    ) -> Result<&'static [Parameter], Violation> {
        let parameters = self.structures(data, count, what)?;
        let parameters = parameters.into_iter().map(|parameter| {
            Ok(Parameter {
                name: self.text(parameter.name, what)?,
                kind: code(parameter.kind, what)?,
                default: self.optional(parameter.default_value, what)?,
                required: truth(parameter.required, what)?,
                choices: self.texts(parameter.choices, what)?.leak(),
                help: self.text(parameter.help, what)?,
            })
        });
        Ok(parameters.collect::<Result<Vec<_>, _>>()?.leak())
    }

    fn operations(&mut self, raw: &c::Descriptor) -> Result<&'static [OperationSpec], Violation> {
        const WHAT: &str = "descriptor.operations";
        let operations = self.structures(raw.operations, raw.operation_count, WHAT)?;
        let operations = operations.into_iter().map(|operation| {
            Ok(OperationSpec {
                name: self.text(operation.name, WHAT)?,
                summary: self.text(operation.summary, WHAT)?,
                writes: truth(operation.writes, WHAT)?,
                target: code(operation.target, WHAT)?,
                yields: code(operation.yields, WHAT)?,
                parameters: self.parameters(operation.parameters, operation.parameter_count, WHAT)?,
            })
        });
        Ok(operations.collect::<Result<Vec<_>, _>>()?.leak())
    }

    fn endpoints(&mut self, raw: &c::Descriptor) -> Result<&'static [EndpointSpec], Violation> {
        const WHAT: &str = "descriptor.endpoints";
        let endpoints = self.structures(raw.endpoints, raw.endpoint_count, WHAT)?;
        let endpoints = endpoints.into_iter().map(|endpoint| {
            Ok(EndpointSpec {
                name: self.text(endpoint.name, WHAT)?,
                required: truth(endpoint.required, WHAT)?,
                help: self.text(endpoint.help, WHAT)?,
            })
        });
        Ok(endpoints.collect::<Result<Vec<_>, _>>()?.leak())
    }
}

/// What the types cannot say.
fn check(descriptor: &Descriptor) -> Result<(), Violation> {
    let id_is_good = !descriptor.id.is_empty()
        && descriptor
            .id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-' || byte == b'_');
    if !id_is_good {
        return violation("`descriptor.id` must be of lower-case letters, digits, `-` and `_`");
    }
    if descriptor.version.is_empty() {
        return violation("`descriptor.version` is empty");
    }
    if descriptor.limits.rate < 0.0 {
        return violation("`descriptor.rate` is negative");
    }
    if descriptor.limits.concurrency == 0 {
        return violation("`descriptor.concurrency` is 0");
    }
    if descriptor.timeout.is_zero() {
        return violation("`descriptor.timeout` is 0");
    }
    if descriptor.operations.is_empty() {
        return violation("`descriptor.operations` is empty");
    }
    check_names(
        "descriptor.options",
        descriptor.options.iter().map(|option| option.name),
    )?;
    check_names(
        "descriptor.operations",
        descriptor.operations.iter().map(|operation| operation.name),
    )?;
    check_names(
        "descriptor.endpoints",
        descriptor.endpoints.iter().map(|endpoint| endpoint.name),
    )?;
    for operation in descriptor.operations {
        let what = format!("the parameters of operation `{}`", operation.name);
        check_names(&what, operation.parameters.iter().map(|parameter| parameter.name))?;
    }
    check_logins(descriptor)
}

/// Names are what scripts and configuration files can write without quotes, and each occurs once.
pub(super) fn check_names(what: &str, names: impl Iterator<Item = &'static str>) -> Result<(), Violation> {
    let mut seen = Vec::new();
    for name in names {
        let good = name.starts_with(|first: char| first.is_ascii_lowercase())
            && name
                .bytes()
                .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !good {
            return Err(Violation(format!(
                "{what}: the name `{}` must be of lower-case letters, digits and underscores, a letter first",
                name.escape_debug()
            )));
        }
        if seen.contains(&name) {
            return Err(Violation(format!("{what}: the name `{name}` occurs twice")));
        }
        seen.push(name);
    }
    Ok(())
}

fn violation(what: &str) -> Result<(), Violation> {
    Err(Violation(what.to_owned()))
}
