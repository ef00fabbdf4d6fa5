//! Foreign text on a terminal: names, messages and ids come from vendors, scripts and files, and none of them may
//! move the cursor, colour the screen or draw a prompt of its own.

use std::borrow::Cow;

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The text with everything that a terminal would act on, or that would change the order or the look of what
/// stands beside it, replaced by `\u{fffd}`. A line break becomes a space: one text never makes two lines.
pub(crate) fn safe(text: &str) -> Cow<'_, str> {
    if text.chars().any(|character| replacement(character).is_some()) {
        Cow::Owned(
            text.chars()
                .map(|character| replacement(character).unwrap_or(character))
                .collect(),
        )
    } else {
        Cow::Borrowed(text)
    }
}

/// The same for a text of several lines, which keep their breaks.
pub(crate) fn safe_lines(text: &str) -> String {
    text.lines().map(safe).collect::<Vec<_>>().join("\n")
}

/// The text cut to so many columns, padded to them if shorter.
pub(crate) fn column(text: &str, width: usize) -> String {
    let text = safe(text);
    let mut cell = String::new();
    if text.width() <= width {
        cell.push_str(&text);
    } else {
        let mut used = 0;
        for character in text.chars() {
            used += character.width().unwrap_or(0);
            if used + 1 > width {
                break;
            }
            cell.push(character);
        }
        cell.push('…');
    }
    let padding = width.saturating_sub(cell.width());
    cell.extend(std::iter::repeat_n(' ', padding));
    cell
}

/// The Unix time of `2026-11-20T21:32:21.123Z`, in whole seconds; none for other notations and before 1970.
pub(crate) fn unix_seconds(text: &str) -> Option<u64> {
    let moment = text.parse::<Timestamp>().ok()?;
    u64::try_from(moment.as_second()).ok()
}

fn replacement(character: char) -> Option<char> {
    match character {
        '\n' | '\r' | '\t' => Some(' '),
        // C0, DEL and C1; bidirectional controls and isolates; zero-width and other invisible format characters.
        '\0'..='\u{1f}'
        | '\u{7f}'..='\u{9f}'
        | '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => Some('\u{fffd}'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_acts_on_is_replaced() {
        assert_eq!(safe("O'Neil & Co, Жанна 李"), "O'Neil & Co, Жанна 李");
        assert_eq!(
            safe("\u{1b}[2Jboo\r\nyes? \u{9b}1m"),
            "\u{fffd}[2Jboo  yes? \u{fffd}1m"
        );
        assert_eq!(safe("a\u{202e}b\u{200b}c"), "a\u{fffd}b\u{fffd}c");
        assert_eq!(safe_lines("a\u{7}\nb\n"), "a\u{fffd}\nb");
    }

    #[test]
    fn times_are_read() {
        assert_eq!(unix_seconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(unix_seconds("2026-11-20T21:32:21.123Z"), Some(1_795_210_341));
        assert_eq!(unix_seconds("2024-02-29T23:59:59Z"), Some(1_709_251_199));
        for text in [
            "",
            "soon",
            "2026-11-20",
            "2026-11-20T21:32:00",
            "2026-13-20T21:32:00Z",
            "2026-02-31T21:32:00Z",
            "1969-12-31T23:59:59Z",
            "2026-11-20T18446744073709551615:00:00Z",
        ] {
            assert_eq!(unix_seconds(text), None, "{text}");
        }
    }

    #[test]
    fn a_column_is_as_wide_as_asked() {
        assert_eq!(column("abc", 5), "abc  ");
        assert_eq!(column("abcdef", 5), "abcd…");
        assert_eq!(column("李李李", 5), "李李…");
        assert_eq!(column("李李李", 4).width(), 4);
    }
}
