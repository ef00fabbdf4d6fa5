//! A bounded reader of XML documents from services that are not trusted, and a writer of small ones.
//!
//! Vendors differ in child order, letter case, prefixes and white space, and a broken or hostile server may
//! send anything. So a document becomes a small tree that is searched by local name; there is no DOCTYPE and
//! hence no entity to expand, and depth, attributes and elements are bounded. The host bounds the bytes.

use std::fmt;

use quick_xml::XmlVersion;
use quick_xml::escape::escape;
use quick_xml::events::{BytesRef, BytesStart, Event};

/// How deep elements may nest.
pub const MAX_DEPTH: usize = 64;
/// How many attributes an element may have.
pub const MAX_ATTRIBUTES: usize = 256;
/// How many elements a document may have.
pub const MAX_ELEMENTS: usize = 500_000;

/// Reads a whole document.
///
/// # Errors
/// If it is not well-formed UTF-8 XML, has a DOCTYPE, or exceeds a bound.
pub fn parse(document: &[u8]) -> Result<Element, Error> {
    let text = std::str::from_utf8(document).map_err(|error| Error {
        at: error.valid_up_to() as u64,
        problem: Problem::NotUtf8,
    })?;
    let mut reader = quick_xml::Reader::from_str(text);
    let mut builder = Builder::default();
    loop {
        let at = reader.buffer_position();
        let event = reader.read_event().map_err(|error| Error {
            at: reader.error_position().max(at.min(reader.buffer_position())),
            problem: Problem::NotWellFormed(brief(&error.to_string())),
        })?;
        if matches!(event, Event::Eof) {
            return builder.finish().map_err(|problem| Error { at, problem });
        }
        builder.event(event).map_err(|problem| Error { at, problem })?;
    }
}

/// An element: its name without prefix, its own text, and what it holds.
///
/// Printing it (`to_string`) writes it as XML, everything escaped, for request bodies.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Element {
    /// The local name, in the letter case of the document.
    pub name: String,
    /// Local names and values, in order; namespace declarations are left out.
    pub attributes: Vec<(String, String)>,
    /// Its own character data, CDATA and references resolved, in one piece; not trimmed.
    pub text: String,
    /// In order.
    pub children: Vec<Self>,
}

impl Element {
    /// An element with nothing in it.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// The same with this text.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = text.into();
        self
    }

    /// The same with one more child.
    #[must_use]
    pub fn with_child(mut self, child: Self) -> Self {
        self.children.push(child);
        self
    }

    /// Whether it has this name, in whatever letter case.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// The first child of this name, in whatever letter case.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.is(name))
    }

    /// All children of this name, in whatever letter case.
    pub fn children_named<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(name))
    }

    /// Its text without white space around it.
    #[must_use]
    pub fn trimmed(&self) -> &str {
        self.text.trim()
    }

    /// The trimmed text of the first child of this name; `None` if there is no such child, or nothing in it.
    #[must_use]
    pub fn child_text(&self, name: &str) -> Option<&str> {
        self.child(name)
            .map(Self::trimmed)
            .filter(|text| !text.is_empty())
    }

    /// The value of the attribute of this name, in whatever letter case.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }
}

impl fmt::Display for Element {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<{}", self.name)?;
        for (name, value) in &self.attributes {
            write!(f, " {name}=\"{}\"", escape(value.as_str()))?;
        }
        if self.text.is_empty() && self.children.is_empty() {
            return f.write_str("/>");
        }
        write!(f, ">{}", escape(self.text.as_str()))?;
        for child in &self.children {
            child.fmt(f)?;
        }
        write!(f, "</{}>", self.name)
    }
}

/// Why a document could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a usable XML document at byte {at}: {problem}")]
pub struct Error {
    /// Where, in bytes from the start.
    pub at: u64,
    /// What is wrong there.
    pub problem: Problem,
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// No element at all.
    #[error("it is empty")]
    Empty,
    /// Bytes that are no UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// Not XML, in the words of the parser.
    #[error("{0}")]
    NotWellFormed(String),
    /// It ends within an element.
    #[error("it ends before `</{0}>`")]
    Truncated(String),
    /// Something other than white space before or after the root element.
    #[error("there is something outside of the root element")]
    OutsideRoot,
    /// A document type definition, which could define entities.
    #[error("it has a DOCTYPE, which is not accepted")]
    DocumentType,
    /// A reference to an entity that XML does not predefine.
    #[error("entity `&{0};` is not accepted")]
    Entity(String),
    /// Elements nest beyond [`MAX_DEPTH`].
    #[error("elements nest deeper than {MAX_DEPTH}")]
    Depth,
    /// An element has more than [`MAX_ATTRIBUTES`].
    #[error("an element has more than {MAX_ATTRIBUTES} attributes")]
    Attributes,
    /// It has more than [`MAX_ELEMENTS`].
    #[error("it has more than {MAX_ELEMENTS} elements")]
    Elements,
}

/// Puts events together to a tree, without recursion.
#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Builder {
    fn event(&mut self, event: Event<'_>) -> Result<(), Problem> {
        match event {
            Event::Start(start) => {
                let element = self.element(&start)?;
                if self.open.len() >= MAX_DEPTH {
                    return Err(Problem::Depth);
                }
                self.open.push(element);
            }
            Event::Empty(start) => {
                let element = self.element(&start)?;
                self.close(element);
            }
            Event::End(_) => {
                // The reader has checked that it matches.
                if let Some(element) = self.open.pop() {
                    self.close(element);
                }
            }
            Event::Text(text) => self.text(&text.xml10_content())?,
            Event::CData(data) => self.text(&data.xml10_content())?,
            Event::GeneralRef(reference) => {
                let character = resolve(&reference)?;
                self.text(character.encode_utf8(&mut [0; 4]))?;
            }
            Event::DocType(_) => return Err(Problem::DocumentType),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::Eof => {}
        }
        Ok(())
    }

    fn element(&mut self, start: &BytesStart<'_>) -> Result<Element, Problem> {
        if self.open.is_empty() && self.root.is_some() {
            return Err(Problem::OutsideRoot);
        }
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(Problem::Elements);
        }
        let name = start.local_name();
        if name.as_ref().is_empty() {
            return Err(Problem::NotWellFormed("an element has no name".to_owned()));
        }
        let mut element = Element::new(name.as_ref());
        // Duplicates are looked for below, where the number is bounded: the reader's own check is quadratic.
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| Problem::NotWellFormed(brief(&error.to_string())))?;
            if attribute.key.as_namespace_binding().is_some() {
                continue;
            }
            if element.attributes.len() >= MAX_ATTRIBUTES {
                return Err(Problem::Attributes);
            }
            let value = attribute
                .normalized_value(XmlVersion::Implicit1_0)
                .map_err(|error| Problem::NotWellFormed(brief(&error.to_string())))?;
            let key = attribute.key.local_name();
            element
                .attributes
                .push((key.as_ref().to_owned(), value.into_owned()));
        }
        Ok(element)
    }

    fn text(&mut self, text: &str) -> Result<(), Problem> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(Problem::OutsideRoot),
        }
        Ok(())
    }

    fn close(&mut self, mut element: Element) {
        // What indents children is no text of anybody's.
        if !element.children.is_empty() && element.text.trim().is_empty() {
            element.text = String::new();
        }
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
    }

    fn finish(self) -> Result<Element, Problem> {
        match (self.open.last(), self.root) {
            (Some(open), _) => Err(Problem::Truncated(brief(&open.name))),
            (None, Some(root)) => Ok(root),
            (None, None) => Err(Problem::Empty),
        }
    }
}

/// The character that a reference stands for: by number, or one of the five that XML predefines.
fn resolve(reference: &BytesRef<'_>) -> Result<char, Problem> {
    let refused = || Problem::Entity(brief(reference));
    match &**reference {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => match reference.resolve_char_ref() {
            Ok(Some(character)) if is_xml(character) => Ok(character),
            _ => Err(refused()),
        },
    }
}

/// XML 1.0, production 2 (`Char`).
const fn is_xml(character: char) -> bool {
    matches!(character, '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'..)
}

/// So much of an untrusted text as belongs into a message.
fn brief(text: &str) -> String {
    const LONGEST: usize = 120;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may fail")]
mod tests {
    use std::fmt::Write as _;
    use std::time::{Duration, Instant};

    use expect_test::{Expect, expect};
    use proptest::prelude::{any, proptest};

    use super::{Element, MAX_ATTRIBUTES, MAX_DEPTH, MAX_ELEMENTS, parse};

    #[expect(clippy::needless_pass_by_value, reason = "`check(…, expect![…])` reads best")]
    fn check(document: &str, expected: Expect) {
        let shown = match parse(document.as_bytes()) {
            Ok(root) => root.to_string(),
            Err(error) => format!("error: {error}"),
        };
        expected.assert_eq(&shown);
    }

    #[test]
    fn reads_what_vendors_send() {
        check(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<p:User xmlns:p=\"urn:x\" a='1 &amp; 2'>\n <name>O&apos;Neil &amp; Co</name>\
             <!-- a comment -->\n <empty/><none></none>\n</p:User>\n",
            expect![[r#"<User a="1 &amp; 2"><name>O&apos;Neil &amp; Co</name><empty/><none/></User>"#]],
        );
        check(
            "\u{feff}<a>x<![CDATA[<&>]]>y&#65;&#x42;<b/>z</a>",
            expect!["<a>x&lt;&amp;&gt;yABz<b/></a>"],
        );
        check(
            "<a>1\r\n2</a>",
            expect![[r#"
            <a>1
            2</a>"#]],
        );
    }

    #[test]
    fn is_searched_in_any_letter_case() {
        let root =
            parse(b"<ApiErrors><apiError code='7'><errorType> Invalid State </errorType><errorData/></apiError></ApiErrors>")
                .unwrap();
        let error = root.child("ApiError").unwrap();
        assert!(root.is("apierrors"));
        assert_eq!(error.attribute("CODE"), Some("7"));
        assert_eq!(error.child_text("ErrorType"), Some("Invalid State"));
        assert_eq!(error.child_text("ErrorData"), None);
        assert_eq!(error.child_text("ErrorMessage"), None);
        assert_eq!(root.children_named("APIERROR").count(), 1);
    }

    #[test]
    fn refuses_what_is_no_xml() {
        check(
            "",
            expect!["error: not a usable XML document at byte 0: it is empty"],
        );
        check(
            "  \n",
            expect!["error: not a usable XML document at byte 3: it is empty"],
        );
        check(
            "not found",
            expect![
                "error: not a usable XML document at byte 0: there is something outside of the root element"
            ],
        );
        check(
            "<a></a><b/>",
            expect![
                "error: not a usable XML document at byte 7: there is something outside of the root element"
            ],
        );
        check(
            "<a><b></a>",
            expect![
                "error: not a usable XML document at byte 6: ill-formed document: expected `</b>`, but `</a>` was found"
            ],
        );
        check(
            "<a><b>",
            expect!["error: not a usable XML document at byte 6: it ends before `</b>`"],
        );
        check(
            "<a>1 & 2</a>",
            expect![
                "error: not a usable XML document at byte 5: ill-formed document: entity or character reference not closed: `;` not found before end of input"
            ],
        );
        check(
            "<a>&nbsp;</a>",
            expect!["error: not a usable XML document at byte 3: entity `&nbsp;` is not accepted"],
        );
        check(
            "<a>&#0;&#1;</a>",
            expect!["error: not a usable XML document at byte 3: entity `&#0;` is not accepted"],
        );
        check(
            "<a>&#1;</a>",
            expect!["error: not a usable XML document at byte 3: entity `&#1;` is not accepted"],
        );
        check(
            "<a b='&x;'/>",
            expect!["error: not a usable XML document at byte 0: at 1..2: unrecognized entity `x`"],
        );
        assert_eq!(
            parse(b"<a>\xff</a>").unwrap_err().to_string(),
            "not a usable XML document at byte 3: it is not UTF-8"
        );
    }

    #[test]
    fn refuses_a_billion_laughs() {
        let mut document = String::from("<?xml version=\"1.0\"?><!DOCTYPE lolz [<!ENTITY lol \"lol\">");
        for n in 1..10 {
            write!(
                document,
                "<!ENTITY lol{n} \"{}\">",
                format!("&lol{};", n - 1).repeat(10)
            )
            .unwrap();
        }
        document.push_str("]><lolz>&lol9;</lolz>");
        check(
            &document,
            expect!["error: not a usable XML document at byte 21: it has a DOCTYPE, which is not accepted"],
        );
    }

    #[test]
    fn bounds_depth_attributes_and_elements() {
        let nested = |depth: usize| format!("{}{}", "<a>".repeat(depth), "</a>".repeat(depth));
        assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
        check(
            &nested(MAX_DEPTH + 1),
            expect!["error: not a usable XML document at byte 192: elements nest deeper than 64"],
        );
        let with_attributes = |count: usize| {
            let attributes: String = (0..count).map(|n| format!(" a{n}='1'")).collect();
            format!("<a{attributes}/>")
        };
        assert!(parse(with_attributes(MAX_ATTRIBUTES).as_bytes()).is_ok());
        check(
            &with_attributes(MAX_ATTRIBUTES + 1),
            expect!["error: not a usable XML document at byte 0: an element has more than 256 attributes"],
        );
        check(
            &format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS)),
            expect!["error: not a usable XML document at byte 1999999: it has more than 500000 elements"],
        );
    }

    #[test]
    fn refuses_every_truncation() {
        let whole = "<?xml version='1.0'?><Team a='1'><id>2</id><name>R&amp;D &#228;</name><![CDATA[x]]><users/></Team>";
        assert!(parse(whole.as_bytes()).is_ok());
        for end in 0..whole.len() {
            assert!(parse(&whole.as_bytes()[..end]).is_err(), "{}", &whole[..end]);
        }
    }

    #[test]
    fn a_large_document_takes_linear_time() {
        let began = Instant::now();
        let many = format!("<a>{}</a>", "&amp;<![CDATA[x]]> ".repeat(200_000));
        assert_eq!(parse(many.as_bytes()).unwrap().text.len(), 600_000);
        let siblings = format!("<a>{}</a>", "<b c='d'>e</b>\n".repeat(100_000));
        assert_eq!(parse(siblings.as_bytes()).unwrap().children.len(), 100_000);
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }

    proptest! {
        #[test]
        fn never_panics(bytes in any::<Vec<u8>>(), text in "[<>/!&;a-c'= \\[\\]?#x0-9-]{0,60}") {
            let _ = parse(&bytes);
            let _ = parse(text.as_bytes());
        }

        #[test]
        fn what_is_written_is_read_again(text in "[ -~äß€\u{1f600}]{0,40}") {
            let written = Element::new("User").with_child(Element::new("state").with_text(text.clone()));
            let read = parse(written.to_string().as_bytes()).unwrap();
            assert_eq!(read.child("state").unwrap().text, text);
        }
    }
}
