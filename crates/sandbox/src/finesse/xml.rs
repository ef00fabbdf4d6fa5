//! Writes the answers, in as many ways as servers have been seen to, or might: a client has to read them all.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::behaviour::{Empty, NameSpace, Order, RootCase, TextForm, Writing};
use crate::random::Random;

const NAMESPACE: &str = "http://www.cisco.com/finesse/sandbox";

/// An element of an answer.
#[derive(Debug, Clone)]
pub(crate) struct Element {
    name: &'static str,
    attribute: Option<(&'static str, String)>,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Text(Cow<'static, str>),
    Children(Vec<Element>),
}

impl Element {
    pub(super) fn new(name: &'static str) -> Self {
        Self {
            name,
            attribute: None,
            content: Content::Children(Vec::new()),
        }
    }

    /// The same under another name.
    pub(super) fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    pub(super) fn attribute(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attribute = Some((name, value.into()));
        self
    }

    pub(super) fn child(mut self, child: Self) -> Self {
        if let Content::Children(children) = &mut self.content {
            children.push(child);
        }
        self
    }

    pub(super) fn children(mut self, more: impl IntoIterator<Item = Self>) -> Self {
        if let Content::Children(children) = &mut self.content {
            children.extend(more);
        }
        self
    }

    /// One more child, with this text.
    pub(super) fn text(self, name: &'static str, text: impl Into<Cow<'static, str>>) -> Self {
        self.child(Self {
            name,
            attribute: None,
            content: Content::Text(text.into()),
        })
    }

    /// The document with this root.
    pub(crate) fn document(self, writing: &Writing, random: &mut Random) -> String {
        let mut writer = Writer {
            writing,
            random,
            out: String::new(),
        };
        if writing.pretty {
            writer
                .out
                .push_str("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
        }
        writer.element(self, 0);
        writer.out
    }
}

struct Writer<'a> {
    writing: &'a Writing,
    random: &'a mut Random,
    out: String,
}

impl Writer<'_> {
    fn element(&mut self, element: Element, depth: usize) {
        let root = depth == 0;
        if !root && self.writing.omit.iter().any(|name| name == element.name) {
            return;
        }
        let empty = match &element.content {
            Content::Text(text) => text.is_empty(),
            Content::Children(children) => children.is_empty(),
        };
        if empty && !root && self.writing.empty == Empty::Omitted {
            return;
        }
        let name = self.name(element.name, root);
        self.out.push('<');
        self.out.push_str(&name);
        if root {
            match self.writing.name_space {
                NameSpace::None => {}
                NameSpace::Default => self.pair("xmlns", NAMESPACE),
                NameSpace::Prefix => self.pair("xmlns:f", NAMESPACE),
            }
        }
        if let Some((key, value)) = &element.attribute {
            self.pair(key, value);
        }
        if empty && self.writing.empty == Empty::SelfClosing {
            self.out.push_str("/>");
            return;
        }
        self.out.push('>');
        match element.content {
            Content::Text(text) => self.text(&text),
            Content::Children(mut children) => {
                match self.writing.order {
                    Order::Captured => {}
                    Order::Reversed => children.reverse(),
                    Order::Shuffled => self.random.shuffle(&mut children),
                }
                for child in children {
                    self.new_line(depth + 1);
                    self.element(child, depth + 1);
                }
                if !empty {
                    self.new_line(depth);
                }
            }
        }
        self.out.push_str("</");
        self.out.push_str(&name);
        self.out.push('>');
    }

    fn new_line(&mut self, depth: usize) {
        if self.writing.pretty {
            self.out.push('\n');
            self.out.push_str(&"  ".repeat(depth));
        }
    }

    fn name(&self, name: &'static str, root: bool) -> Cow<'static, str> {
        let cased = match self.writing.root_case {
            RootCase::Lower if root => Cow::Owned(name.to_ascii_lowercase()),
            RootCase::Upper if root => Cow::Owned(name.to_ascii_uppercase()),
            _ => Cow::Borrowed(name),
        };
        if self.writing.name_space == NameSpace::Prefix {
            Cow::Owned(format!("f:{cased}"))
        } else {
            cased
        }
    }

    fn pair(&mut self, key: &str, value: &str) {
        self.out.push(' ');
        self.out.push_str(key);
        self.out.push_str("=\"");
        self.escaped(value);
        self.out.push('"');
    }

    fn text(&mut self, text: &str) {
        match self.writing.text {
            TextForm::Escaped => self.escaped(text),
            TextForm::Cdata if text.is_empty() => {}
            TextForm::Cdata => {
                self.out.push_str("<![CDATA[");
                self.out.push_str(&text.replace("]]>", "]]]]><![CDATA[>"));
                self.out.push_str("]]>");
            }
            TextForm::Numeric => {
                for character in text.chars() {
                    if character.is_ascii_alphanumeric() {
                        self.out.push(character);
                    } else {
                        // Writing to a string cannot fail.
                        let _ = write!(self.out, "&#{};", u32::from(character));
                    }
                }
            }
        }
    }

    fn escaped(&mut self, text: &str) {
        for character in text.chars() {
            match character {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' => self.out.push_str("&quot;"),
                '\'' => self.out.push_str("&apos;"),
                other => self.out.push(other),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::Element;
    use crate::finesse::behaviour::{Empty, NameSpace, Order, RootCase, TextForm, Writing};
    use crate::random::Random;

    fn check(writing: &Writing, expected: &Expect) {
        let document = Element::new("User")
            .attribute("kind", "a \"b\"")
            .text("lastName", "O'Neil & <Co>")
            .text("extension", "")
            .child(Element::new("roles").text("role", "Agent"));
        expected.assert_eq(&document.document(writing, &mut Random::new(3)));
    }

    #[test]
    fn writes_in_every_way() {
        check(
            &Writing::default(),
            &expect![[
                r#"<User kind="a &quot;b&quot;"><lastName>O&apos;Neil &amp; &lt;Co&gt;</lastName><extension></extension><roles><role>Agent</role></roles></User>"#
            ]],
        );
        check(
            &Writing {
                order: Order::Reversed,
                root_case: RootCase::Lower,
                name_space: NameSpace::Default,
                text: TextForm::Cdata,
                empty: Empty::SelfClosing,
                pretty: true,
                omit: Vec::new(),
            },
            &expect![[r#"
                <?xml version="1.0" encoding="UTF-8"?>
                <user xmlns="http://www.cisco.com/finesse/sandbox" kind="a &quot;b&quot;">
                  <roles>
                    <role><![CDATA[Agent]]></role>
                  </roles>
                  <extension/>
                  <lastName><![CDATA[O'Neil & <Co>]]></lastName>
                </user>"#]],
        );
        check(
            &Writing {
                order: Order::Shuffled,
                root_case: RootCase::Upper,
                name_space: NameSpace::Prefix,
                text: TextForm::Numeric,
                empty: Empty::Omitted,
                pretty: false,
                omit: vec!["role".to_owned()],
            },
            &expect![[
                r#"<f:USER xmlns:f="http://www.cisco.com/finesse/sandbox" kind="a &quot;b&quot;"><f:roles></f:roles><f:lastName>O&#39;Neil&#32;&#38;&#32;&#60;Co&#62;</f:lastName></f:USER>"#
            ]],
        );
    }
}
