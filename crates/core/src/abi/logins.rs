//! Reading and checking the login flows of a descriptor: what the host will send by itself, with somebody's password.

use super::conduct::{check_line, check_method, check_path};
use super::description::check_names;
use super::layout as c;
use super::reader::{Reader, Violation};
use crate::{Descriptor, LoginFlow, RefreshFlow, TemplatePiece, pieces};

const JSON: &str = "application/json";

/// What the host can encode values for.
const CONTENT_TYPES: [&str; 2] = [JSON, "application/x-www-form-urlencoded"];

impl Reader<'static> {
    /// The login flows, not yet checked.
    pub(super) fn logins(&mut self, raw: &c::Descriptor) -> Result<&'static [LoginFlow], Violation> {
        const WHAT: &str = "descriptor.logins";
        let logins = self.structures(raw.logins, raw.login_count, WHAT)?;
        let logins = logins.into_iter().map(|login| {
            Ok(LoginFlow {
                name: self.text(login.name, WHAT)?,
                endpoint: self.text(login.endpoint, WHAT)?,
                method: self.text(login.method, WHAT)?,
                path: self.text(login.path, WHAT)?,
                content_type: self.text(login.content_type, WHAT)?,
                body: self.text(login.body, WHAT)?,
                token_pointer: self.text(login.token_pointer, WHAT)?,
                expires_pointer: self.text(login.expires_pointer, WHAT)?,
                refresh_pointer: self.text(login.refresh_pointer, WHAT)?,
                refresh: self.refresh(login.refresh)?,
            })
        });
        Ok(logins.collect::<Result<Vec<_>, _>>()?.leak())
    }

    fn refresh(&mut self, refresh: *const c::Refresh) -> Result<Option<RefreshFlow>, Violation> {
        const WHAT: &str = "descriptor.logins.refresh";
        if refresh.is_null() {
            return Ok(None);
        }
        let refresh = self.structure(refresh, WHAT)?;
        Ok(Some(RefreshFlow {
            method: self.text(refresh.method, WHAT)?,
            path: self.text(refresh.path, WHAT)?,
            content_type: self.text(refresh.content_type, WHAT)?,
            body: self.text(refresh.body, WHAT)?,
            token_pointer: self.text(refresh.token_pointer, WHAT)?,
        }))
    }
}

/// What the types cannot say of login flows.
pub(super) fn check_logins(descriptor: &Descriptor) -> Result<(), Violation> {
    check_names(
        "descriptor.logins",
        descriptor.logins.iter().map(|login| login.name),
    )?;
    for login in descriptor.logins {
        let name = login.name;
        let blame = |whose: &str, Violation(what)| Violation(format!("{whose}login `{name}` {what}"));
        check_login(descriptor, login).map_err(|what| blame("", what))?;
        if let Some(refresh) = &login.refresh {
            check_refresh(refresh).map_err(|what| blame("the refresh of ", what))?;
        }
    }
    Ok(())
}

fn check_login(descriptor: &Descriptor, login: &LoginFlow) -> Result<(), Violation> {
    let declared = descriptor
        .endpoints
        .iter()
        .any(|endpoint| endpoint.name == login.endpoint);
    if !declared {
        return Err(Violation(format!(
            "is sent to `{}`, which is not a declared endpoint",
            login.endpoint.escape_debug()
        )));
    }
    check_exchange(login.method, login.path, login.content_type, login.body)?;
    check_pointer("token_pointer", login.token_pointer)?;
    for (what, pointer) in [
        ("expires_pointer", login.expires_pointer),
        ("refresh_pointer", login.refresh_pointer),
    ] {
        if !pointer.is_empty() {
            check_pointer(what, pointer)?;
        }
    }
    match (login.refresh_pointer.is_empty(), login.refresh.is_none()) {
        (true, false) => violation("has a `refresh`, and no `refresh_pointer` to a token for it"),
        (false, true) => violation("has a `refresh_pointer`, and no `refresh` that would use it"),
        _ => Ok(()),
    }
}

fn check_refresh(refresh: &RefreshFlow) -> Result<(), Violation> {
    check_exchange(refresh.method, refresh.path, refresh.content_type, refresh.body)?;
    check_pointer("token_pointer", refresh.token_pointer)?;
    let mut names = pieces(refresh.body).filter_map(|piece| match piece {
        TemplatePiece::Placeholder(name) => Some(name),
        TemplatePiece::Text(_) => None,
    });
    if names.next() != Some("refresh_token") || names.next().is_some() {
        return violation("must have `{refresh_token}` in its body, once, and no other placeholder");
    }
    Ok(())
}

fn check_exchange(method: &str, path: &str, content_type: &str, body: &str) -> Result<(), Violation> {
    let in_request = |Violation(what)| Violation(format!("is no request: {what}"));
    check_method(method).map_err(in_request)?;
    check_path(path).map_err(in_request)?;
    if !CONTENT_TYPES.contains(&content_type) {
        return Err(Violation(format!(
            "has a body of `{}`, which is neither `{}` nor `{}`",
            content_type.escape_debug(),
            CONTENT_TYPES[0],
            CONTENT_TYPES[1],
        )));
    }
    if content_type == JSON {
        check_quotes(body)?;
    }
    Ok(())
}

/// Within a JSON string a value can be escaped; elsewhere it could be anything, and no escape would hold it.
fn check_quotes(body: &str) -> Result<(), Violation> {
    let mut quoted = false;
    let mut escaped = false;
    for piece in pieces(body) {
        match piece {
            TemplatePiece::Text(text) => {
                for byte in text.bytes() {
                    match byte {
                        _ if escaped => escaped = false,
                        b'\\' => escaped = quoted,
                        b'"' => quoted = !quoted,
                        _ => {}
                    }
                }
            }
            TemplatePiece::Placeholder(name) if !quoted || escaped => {
                return Err(Violation(format!(
                    "has `{{{name}}}` in its JSON body outside quotes"
                )));
            }
            TemplatePiece::Placeholder(_) => {}
        }
    }
    Ok(())
}

fn check_pointer(what: &str, pointer: &str) -> Result<(), Violation> {
    check_line(what, pointer)?;
    if !pointer.starts_with('/') {
        return Err(Violation(format!(
            "has for `{what}` what does not start with `/`: `{}`",
            pointer.escape_debug()
        )));
    }
    Ok(())
}

fn violation(what: &str) -> Result<(), Violation> {
    Err(Violation(what.to_owned()))
}
