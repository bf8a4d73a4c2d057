//! Text of unknown origin, made safe to show.

use std::{borrow::Cow, fmt::Write};

/// Writes control characters, and characters that reorder or hide text, as escapes.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_unsafe) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_unsafe(c) {
            write!(safe, "{}", c.escape_default()).expect("a string takes any text");
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

/// Bidirectional controls and zero-width characters can make one name look like another
/// (Unicode TR36).
fn is_unsafe(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::escape;

    #[test]
    fn what_moves_the_cursor_or_reorders_text_is_escaped() {
        for (text, shown) in [
            ("plain/name-1", "plain/name-1"),
            ("a\u{1b}[31mb", "a\\u{1b}[31mb"),
            ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
            ("a\u{202e}b\u{200b}", "a\\u{202e}b\\u{200b}"),
            ("\u{9b}2J", "\\u{9b}2J"),
            ("größe", "größe"),
        ] {
            assert_eq!(escape(text), shown);
        }
    }
}
