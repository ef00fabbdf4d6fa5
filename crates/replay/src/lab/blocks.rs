//! From the lines of a lab page to blocks: headings, items, paragraphs, fences.
//!
//! No Markdown library does for this: the labs open a fence inside a block quote and close it outside, and to CommonMark
//! that closing fence opens another one, which then swallows the steps. So lines are read here, by what they look like,
//! as whoever wrote them saw them. What stands within a line is read by a Markdown library, in [`super::sentences`].

/// A piece of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Block {
    /// Of its first line, from 1.
    pub(super) line: usize,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    /// `## Step 7: …`
    Heading(String),
    /// Of a list; `number` where it is numbered. Its text goes on over the lines that continue it.
    Item { number: Option<u32>, text: Text },
    /// Anything that stands by itself.
    Paragraph(Text),
    /// What a block quote says.
    Quote(Text),
    /// What stands between two fences.
    Fence(Fence),
}

/// Lines of prose, each with its number, Markdown still in them.
pub(super) type Text = Vec<(usize, String)>;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fence {
    /// What follows the opening fence: `xml`, `http`.
    pub(super) language: String,
    /// As it stands, each line ended.
    pub(super) text: String,
    /// Of its deepest line, in columns: the labs indent what is to be sent more than what illustrates it.
    pub(super) depth: usize,
    /// Whether it was opened in a block quote: then it illustrates what the quote says.
    pub(super) quoted: bool,
}

/// Reads a page. A fence that is never closed goes on to the end.
pub(super) fn blocks(page: &str) -> Vec<Block> {
    let mut scanner = Scanner::default();
    for (number, line) in page.lines().enumerate() {
        scanner.line(number + 1, line.trim_end());
    }
    scanner.fence_ends();
    scanner.blocks
}

#[derive(Default)]
struct Scanner {
    blocks: Vec<Block>,
    fence: Option<(usize, Fence)>,
    /// How far that fence is indented.
    margin: usize,
    /// Whether the next line of prose goes on with the last block.
    open: bool,
}

impl Scanner {
    fn line(&mut self, number: usize, line: &str) {
        let (quoted, content) = unquoted(line);
        let indent = columns(content);
        let content = content.trim_start();
        if let Some(language) = content.strip_prefix("```").filter(|rest| !rest.contains('`')) {
            return self.fence_line(number, language.trim(), (indent, quoted));
        }
        if let Some((_, fence)) = &mut self.fence {
            fence.depth = fence.depth.max(indent);
            // White space is part of a body, but for what the fence itself is indented by.
            let body = if quoted { content } else { line };
            let margin = body.len() - body.trim_start_matches(' ').len();
            fence.text.push_str(&body[margin.min(self.margin)..]);
            fence.text.push('\n');
            return;
        }
        if content.is_empty() {
            self.open = false;
        } else if let Some(heading) = heading(content) {
            self.push(number, Kind::Heading(heading.to_owned()), false);
        } else if quoted {
            self.prose(
                number,
                content,
                |kind| matches!(kind, Kind::Quote(_)),
                Kind::Quote,
            );
        } else if let Some((item, text)) = item(content) {
            let text = vec![(number, text.to_owned())];
            self.push(number, Kind::Item { number: item, text }, true);
        } else {
            let follows = |kind: &Kind| matches!(kind, Kind::Item { .. } | Kind::Paragraph(_));
            self.prose(number, content, follows, Kind::Paragraph);
        }
    }

    fn fence_line(&mut self, number: usize, language: &str, (indent, quoted): (usize, bool)) {
        if language.is_empty() && self.fence.is_some() {
            return self.fence_ends();
        }
        // One that opens while another is open: the other was never closed.
        self.fence_ends();
        let fence = Fence {
            language: language.to_owned(),
            text: String::new(),
            depth: 0,
            quoted,
        };
        self.margin = indent;
        self.fence = Some((number, fence));
    }

    fn fence_ends(&mut self) {
        if let Some((line, fence)) = self.fence.take() {
            self.push(line, Kind::Fence(fence), false);
        }
    }

    fn prose(
        &mut self,
        number: usize,
        content: &str,
        follows: impl Fn(&Kind) -> bool,
        new: impl Fn(Text) -> Kind,
    ) {
        if self.open
            && let Some(last) = self.blocks.last_mut()
            && follows(&last.kind)
            && let Kind::Item { text, .. } | Kind::Paragraph(text) | Kind::Quote(text) = &mut last.kind
        {
            text.push((number, content.to_owned()));
            return;
        }
        self.push(number, new(vec![(number, content.to_owned())]), true);
    }

    fn push(&mut self, line: usize, kind: Kind, open: bool) {
        self.blocks.push(Block { line, kind });
        self.open = open;
    }
}

/// Whether a line stands in a block quote, and what it says.
fn unquoted(line: &str) -> (bool, &str) {
    match line.trim_start().strip_prefix('>') {
        Some(rest) => (true, rest),
        None => (false, line),
    }
}

fn columns(line: &str) -> usize {
    line.chars()
        .take_while(|letter| letter.is_whitespace())
        .map(|letter| if letter == '\t' { 4 } else { 1 })
        .sum()
}

fn heading(content: &str) -> Option<&str> {
    let text = content.trim_start_matches('#');
    let level = content.len() - text.len();
    ((1..=6).contains(&level) && text.starts_with(' ')).then(|| text.trim().trim_end_matches('#').trim_end())
}

/// The number of an item, if it has one, and its text.
fn item(content: &str) -> Option<(Option<u32>, &str)> {
    for bullet in ["* ", "- ", "+ "] {
        if let Some(text) = content.strip_prefix(bullet) {
            return Some((None, text.trim_start()));
        }
    }
    let digits = content.find(|letter: char| !letter.is_ascii_digit())?;
    let (number, rest) = content.split_at(digits);
    let text = rest.strip_prefix(". ").or_else(|| rest.strip_prefix(") "))?;
    Some((Some(number.parse().ok()?), text.trim_start()))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use std::fmt::Write as _;

    use super::*;

    fn check(page: &str, expected: &Expect) {
        let mut shown = String::new();
        for block in blocks(page) {
            let _ = writeln!(shown, "{} {:?}", block.line, block.kind);
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn a_fence_opened_in_a_quote_is_closed_outside_it() {
        check(
            "> The resource\n>  ```http\nhttp://<host>/x\n```\n> More.\n\n1. Do it.\n",
            &expect![[r#"
                1 Quote([(1, "The resource")])
                2 Fence(Fence { language: "http", text: "http://<host>/x\n", depth: 0, quoted: true })
                5 Quote([(5, "More.")])
                7 Item { number: Some(1), text: [(7, "Do it.")] }
            "#]],
        );
    }

    #[test]
    fn items_go_on_over_lines_and_fences_keep_their_depth() {
        check(
            "## Step 1: A ##\ntext\n 2) First\n   goes on\n * second:\n ```xml\n    <a>\n ```\n\nlast",
            &expect![[r#"
                1 Heading("Step 1: A")
                2 Paragraph([(2, "text")])
                3 Item { number: Some(2), text: [(3, "First"), (4, "goes on")] }
                5 Item { number: None, text: [(5, "second:")] }
                6 Fence(Fence { language: "xml", text: "   <a>\n", depth: 4, quoted: false })
                10 Paragraph([(10, "last")])
            "#]],
        );
    }

    #[test]
    fn a_fence_that_is_never_closed_ends_where_the_next_opens_or_the_page_ends() {
        check(
            "```xml\n<a/>\n```http\nx",
            &expect![[r#"
                1 Fence(Fence { language: "xml", text: "<a/>\n", depth: 0, quoted: false })
                3 Fence(Fence { language: "http", text: "x\n", depth: 0, quoted: false })
            "#]],
        );
    }
}
