//! How a credential becomes a token, as data: the host logs in by itself, so that no provider sees a password.

/// How a credential becomes a token: a request, and where its answer holds the token.
///
/// The body is JSON or a form, as the content type says. In it `{username}` and `{password}` stand where these go,
/// and any other `{name}` where a field of that name goes, which the credential must then give. The host encodes
/// each as the content type wants it; in JSON a placeholder stands within quotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoginFlow {
    /// Lower case; how credentials name it.
    pub name: &'static str,
    /// Where it is sent.
    pub endpoint: &'static str,
    /// Upper case.
    pub method: &'static str,
    /// Absolute.
    pub path: &'static str,
    /// `Content-Type` of the body: `application/json` or `application/x-www-form-urlencoded`.
    pub content_type: &'static str,
    /// With placeholders; see above.
    pub body: &'static str,
    /// The JSON pointer to the token in the answer.
    pub token_pointer: &'static str,
    /// The JSON pointer to its life in seconds; empty: it tells by itself, or lasts.
    pub expires_pointer: &'static str,
    /// The JSON pointer to the refresh token in the answer; empty: there is none.
    pub refresh_pointer: &'static str,
    /// How a refresh token becomes a new token; `None`: by logging in again.
    pub refresh: Option<RefreshFlow>,
}

impl LoginFlow {
    /// The names of the placeholders in its body, each once.
    #[must_use]
    pub fn placeholders(&self) -> Vec<&'static str> {
        let mut names = Vec::new();
        for piece in pieces(self.body) {
            if let TemplatePiece::Placeholder(name) = piece
                && !names.contains(&name)
            {
                names.push(name);
            }
        }
        names
    }

    /// The placeholders beside user name and password: what a credential must give as its own fields.
    #[must_use]
    pub fn fields(&self) -> Vec<&'static str> {
        let own = |name: &&str| !matches!(*name, "username" | "password");
        self.placeholders().into_iter().filter(own).collect()
    }
}

/// How a refresh token becomes a new token, at the endpoint of its login. The answer may hold a new refresh token,
/// where the login's answer holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RefreshFlow {
    /// Upper case.
    pub method: &'static str,
    /// Absolute.
    pub path: &'static str,
    /// As that of a login.
    pub content_type: &'static str,
    /// With `{refresh_token}` where it goes.
    pub body: &'static str,
    /// The JSON pointer to the token in the answer.
    pub token_pointer: &'static str,
}

/// A part of a login's body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TemplatePiece<'a> {
    /// As it is.
    Text(&'a str),
    /// `{name}`.
    Placeholder(&'a str),
}

/// A login's body in its parts. A name is of letters, digits and underscores, so that the braces of JSON are text.
pub fn pieces(template: &str) -> impl Iterator<Item = TemplatePiece<'_>> {
    let mut rest = template;
    std::iter::from_fn(move || {
        let next = match placeholder_in(rest) {
            Some((0, name)) => {
                rest = &rest[name.len() + 2..];
                TemplatePiece::Placeholder(name)
            }
            Some((start, _)) => {
                let text;
                (text, rest) = rest.split_at(start);
                TemplatePiece::Text(text)
            }
            None if rest.is_empty() => return None,
            None => TemplatePiece::Text(std::mem::take(&mut rest)),
        };
        Some(next)
    })
}

/// Where the first placeholder starts, and its name.
fn placeholder_in(template: &str) -> Option<(usize, &str)> {
    template.match_indices('{').find_map(|(start, _)| {
        let (name, _) = template[start + 1..].split_once('}')?;
        let is_name = !name.is_empty()
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        is_name.then_some((start, name))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_falls_into_its_pieces() {
        check(
            r#"{"identity":"{username}","password":"{password}"}"#,
            r#"{"identity":"|<username>|","password":"|<password>|"}"#,
        );
        check("{a}{b}x{a}", "<a>|<b>|x|<a>");
        check("", "");
        for text in ["{}", "{", "}{", "{a", "{a b}", r#"{"a":{"b":1}}"#, "{é}", "{{"] {
            check(text, text);
        }
        check("{{a}}", "{|<a>|}");
    }

    #[test]
    fn a_flow_names_what_it_needs() {
        let flow = LoginFlow {
            name: "code",
            endpoint: "api",
            method: "POST",
            path: "/login",
            content_type: "application/json",
            body: r#"{"u":"{username}","c":"{code}","again":"{code}","p":"{password}"}"#,
            token_pointer: "/token",
            expires_pointer: "",
            refresh_pointer: "",
            refresh: None,
        };
        assert_eq!(flow.placeholders(), ["username", "code", "password"]);
        assert_eq!(flow.fields(), ["code"]);
    }

    fn check(template: &str, expected: &str) {
        let shown: Vec<_> = pieces(template)
            .map(|piece| match piece {
                TemplatePiece::Text(text) => text.to_owned(),
                TemplatePiece::Placeholder(name) => format!("<{name}>"),
            })
            .collect();
        assert_eq!(shown.join("|"), expected);
    }
}
