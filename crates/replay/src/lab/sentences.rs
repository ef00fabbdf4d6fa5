//! From the prose of a block to sentences, with what is written as code and in bold told apart: the labs write what is
//! to be typed as code, and what is to be clicked in bold.

use pulldown_cmark::{Event, Parser, Tag, TagEnd};

use super::blocks::Text;

/// A sentence.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Sentence {
    /// Of its beginning, from 1.
    pub(super) line: usize,
    /// As plain text; code in backticks.
    pub(super) text: String,
    /// What stands in it as code, in order.
    pub(super) codes: Vec<String>,
    /// What stands in it in bold, in order.
    pub(super) bold: Vec<String>,
}

impl Sentence {
    /// Whether it holds this phrase, in whatever letter case.
    pub(super) fn says(&self, phrase: &str) -> bool {
        self.text.to_lowercase().contains(phrase)
    }

    /// Whether it holds one of these phrases.
    pub(super) fn says_any(&self, phrases: &[&str]) -> bool {
        let text = self.text.to_lowercase();
        phrases.iter().any(|phrase| text.contains(phrase))
    }
}

/// The sentences of a text. One ends with a full stop, a question or exclamation mark that white space or the end
/// follows, and with the text.
pub(super) fn sentences(text: &Text) -> Vec<Sentence> {
    let joined = text
        .iter()
        .map(|(_, line)| line.trim())
        .collect::<Vec<_>>()
        .join("\n");
    let mut collector = Collector {
        first_line: text.first().map_or(0, |(line, _)| *line),
        ..Collector::default()
    };
    let mut hidden = 0_u32;
    let mut counted = 0;
    for (event, range) in Parser::new(&joined).into_offset_iter() {
        // Events come in order; those that end something begin where it began.
        if let Some(more) = joined.get(counted..range.start) {
            collector.at += more.matches('\n').count();
            counted = range.start;
        }
        match event {
            Event::Start(Tag::Image { .. }) => hidden += 1,
            Event::End(TagEnd::Image) => hidden = hidden.saturating_sub(1),
            _ if hidden > 0 => {}
            Event::Start(Tag::Strong) => collector.bold = Some(String::new()),
            Event::End(TagEnd::Strong) => collector.bold_ends(),
            Event::Code(code) => collector.code(&code),
            Event::Text(text) => collector.text(&text),
            Event::SoftBreak | Event::HardBreak => collector.text(" "),
            _ => {}
        }
    }
    collector.sentence_ends();
    collector.sentences
}

#[derive(Default)]
struct Collector {
    sentences: Vec<Sentence>,
    current: Sentence,
    bold: Option<String>,
    first_line: usize,
    /// How many lines after the first.
    at: usize,
    /// Whether the last letter would end a sentence, if white space follows.
    stopped: bool,
}

impl Collector {
    fn text(&mut self, text: &str) {
        if let Some(bold) = &mut self.bold {
            bold.push_str(text);
        }
        for letter in text.chars() {
            if letter.is_whitespace() && self.stopped && self.bold.is_none() {
                self.sentence_ends();
            }
            self.letter(letter);
            self.stopped = matches!(letter, '.' | '?' | '!');
        }
    }

    fn code(&mut self, code: &str) {
        self.stopped = false;
        self.letter('`');
        self.current.text.push_str(code.trim());
        self.current.text.push('`');
        self.current.codes.push(code.trim().to_owned());
    }

    fn bold_ends(&mut self) {
        if let Some(bold) = self.bold.take() {
            self.current.bold.push(bold.trim().to_owned());
        }
    }

    fn letter(&mut self, letter: char) {
        if self.current.text.is_empty() {
            if letter.is_whitespace() {
                return;
            }
            self.current.line = self.first_line + self.at;
        }
        let doubled = letter.is_whitespace() && self.current.text.ends_with(' ');
        if !doubled {
            let letter = if letter.is_whitespace() { ' ' } else { letter };
            self.current.text.push(letter);
        }
    }

    fn sentence_ends(&mut self) {
        self.stopped = false;
        let mut sentence = std::mem::take(&mut self.current);
        let length = sentence.text.trim_end().len();
        sentence.text.truncate(length);
        if !sentence.text.is_empty() {
            self.sentences.push(sentence);
        }
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use std::fmt::Write as _;

    use super::*;

    fn check(text: &str, expected: &Expect) {
        let lines: Text = text
            .lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line.to_owned()))
            .collect();
        let mut shown = String::new();
        for sentence in sentences(&lines) {
            let _ = writeln!(
                shown,
                "{} {} | {:?} | {:?}",
                sentence.line, sentence.text, sentence.codes, sentence.bold
            );
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn code_and_bold_are_told_apart_and_stops_within_them_end_nothing() {
        check(
            "In **Postman**, put ``http://{{web-url}}:8082/x.y`` there. Then\nclick **Send. Now**. See `<state>`!",
            &expect![[r#"
                1 In Postman, put `http://{{web-url}}:8082/x.y` there. | ["http://{{web-url}}:8082/x.y"] | ["Postman"]
                1 Then click Send. Now. | [] | ["Send. Now"]
                2 See `<state>`! | ["<state>"] | []
            "#]],
        );
    }

    #[test]
    fn links_keep_their_words_and_images_none() {
        check(
            "See <a href=\"https://x.example/a.html\" target=\"_blank\">User - Sign Out</a>.\n![a. b](c.jpg)",
            &expect![[r#"
                1 See User - Sign Out. | [] | []
            "#]],
        );
    }
}
