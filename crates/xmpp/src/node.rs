//! An element of a stream as a small tree, and how it is written.

use std::fmt::{self, Write as _};

use rxml::NcNameStr;

use crate::ns;

/// An element, with its namespace resolved.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Node {
    /// The name of its namespace; empty if it is in none.
    pub ns: Box<str>,
    /// The local name.
    pub name: Box<str>,
    /// Names and values of the attributes that are in no namespace.
    pub attrs: Vec<(Box<str>, String)>,
    /// The elements in it, in order.
    pub children: Vec<Self>,
    /// Its own character data in one piece, not trimmed. Where it stood between the children is not kept.
    pub text: String,
}

/// A text that XML 1.0 cannot carry, or a name that is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unwritable {
    /// A control character, a surrogate's half or U+FFFE and its like.
    #[error("XML cannot carry the character U+{:04X}", u32::from(*.0))]
    Character(char),
    /// Something else than a name stands where one must.
    #[error("an element or attribute has no proper name")]
    Name,
}

impl Node {
    /// An element with nothing in it.
    #[must_use]
    pub fn new(ns: &str, name: &str) -> Self {
        Self {
            ns: ns.into(),
            name: name.into(),
            ..Self::default()
        }
    }

    /// The same with one more attribute.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.attrs.push((name.into(), value.into()));
        self
    }

    /// The same with one more attribute, if there is a value.
    #[must_use]
    pub fn with_some(self, name: &str, value: Option<impl Into<String>>) -> Self {
        match value {
            Some(value) => self.with(name, value),
            None => self,
        }
    }

    /// The same with one more child.
    #[must_use]
    pub fn child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// The same with these children too.
    #[must_use]
    pub fn children(mut self, more: impl IntoIterator<Item = Self>) -> Self {
        self.children.extend(more);
        self
    }

    /// The same with this text.
    #[must_use]
    pub fn text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// Whether it has this name in this namespace.
    #[must_use]
    pub fn is(&self, ns: &str, name: &str) -> bool {
        &*self.ns == ns && &*self.name == name
    }

    /// The first child of this name in this namespace.
    #[must_use]
    pub fn get(&self, ns: &str, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(ns, name))
    }

    /// The value of this attribute.
    #[must_use]
    pub fn attr(&self, name: &str) -> Option<&str> {
        let found = self.attrs.iter().find(|(key, _)| &**key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Writes it behind what is in `out`, where `outer` is the default namespace.
    ///
    /// # Errors
    /// If XML cannot carry a text in it. What was written of it by then stays in `out`.
    pub fn write(&self, outer: &str, out: &mut String) -> Result<(), Unwritable> {
        self.element("", "", outer, out)
    }

    /// As [`Self::write`], with the prefix of the stream's namespace, which is declared around it, or here by `declared`.
    pub(crate) fn write_prefixed(
        &self,
        declared: &str,
        outer: &str,
        out: &mut String,
    ) -> Result<(), Unwritable> {
        self.element("stream:", declared, outer, out)
    }

    /// As [`Self::write`], where nobody knows the default namespace.
    pub(crate) fn write_alone(&self, out: &mut String) -> Result<(), Unwritable> {
        let declared = if self.ns.is_empty() { " xmlns=''" } else { "" };
        self.element("", declared, "", out)
    }

    fn element(&self, prefix: &str, declared: &str, outer: &str, out: &mut String) -> Result<(), Unwritable> {
        let inner = if prefix.is_empty() { &*self.ns } else { outer };
        out.push('<');
        out.push_str(prefix);
        out.push_str(name(&self.name)?);
        out.push_str(declared);
        if inner != outer {
            attribute(out, "xmlns", inner)?;
        }
        for (key, value) in &self.attrs {
            // A namespace is declared by `ns` alone.
            if &**key == "xmlns" {
                return Err(Unwritable::Name);
            }
            attribute(out, name(key)?, value)?;
        }
        if self.text.is_empty() && self.children.is_empty() {
            out.push_str("/>");
            return Ok(());
        }
        out.push('>');
        escape(out, &self.text, false)?;
        for child in &self.children {
            child.write(inner, out)?;
        }
        out.push_str("</");
        out.push_str(prefix);
        out.push_str(&self.name);
        out.push('>');
        Ok(())
    }
}

impl fmt::Debug for Node {
    /// As XML, without what passes between client and server about a login.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = self.clone();
        shown.hide_login();
        let mut out = String::new();
        match shown.write("", &mut out) {
            Ok(()) => f.write_str(&out),
            Err(unwritable) => write!(f, "<{} ({unwritable})>", self.name),
        }
    }
}

impl Node {
    fn hide_login(&mut self) {
        if &*self.ns == ns::SASL && !self.text.is_empty() {
            self.text = "…".to_owned();
        }
        self.children.iter_mut().for_each(Self::hide_login);
    }
}

/// Writes ` name='value'`.
pub(crate) fn attribute(out: &mut String, name: &str, value: &str) -> Result<(), Unwritable> {
    out.push(' ');
    out.push_str(name);
    out.push_str("='");
    escape(out, value, true)?;
    out.push('\'');
    Ok(())
}

/// Writes a text so that a parser reads the same: what it would take for markup, or for another kind of white space, by
/// reference.
pub(crate) fn escape(out: &mut String, text: &str, in_attribute: bool) -> Result<(), Unwritable> {
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\r' => out.push_str("&#xd;"),
            '\t' | '\n' if in_attribute => {
                // Writing to a string cannot fail.
                let _ = write!(out, "&#x{:x};", u32::from(character));
            }
            // XML 1.0, production 2.
            '\t' | '\n' | ' '..='\u{fffd}' | '\u{10000}'.. => out.push(character),
            other => return Err(Unwritable::Character(other)),
        }
    }
    Ok(())
}

fn name(name: &str) -> Result<&str, Unwritable> {
    let proper: Result<&NcNameStr, _> = name.try_into();
    proper.map(|_| name).map_err(|_| Unwritable::Name)
}
