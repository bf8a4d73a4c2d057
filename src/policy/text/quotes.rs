//! Where text in quotes ends. The scanner says where the next thing begins, behind blanks and comments.

use super::{lines::Lines, node::Mark};

/// A text that has quotes.
#[derive(Debug)]
pub(super) struct Quotes<'t> {
    text: &'t str,
    lines: Lines<'t>,
}

impl<'t> Quotes<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, lines: Lines::new(text) }
    }

    /// Returns the place behind the closing quote of what begins at a mark; `None` if no quote does.
    pub(super) fn end(&self, start: Mark) -> Option<Mark> {
        let mut chars = self.text[self.lines.offset(start)..].chars();
        let quote = chars.next().filter(|c| matches!(c, '"' | '\''))?;
        let mut end = Mark { column: start.column + 1, ..start };
        let mut chars = chars.peekable();
        while let Some(c) = chars.next() {
            end.column += 1;
            match c {
                '\n' => end = Mark { line: end.line + 1, column: 1 },
                '\\' if quote == '"' && chars.peek() != Some(&'\n') => {
                    chars.next();
                    end.column += 1;
                }
                '\'' if quote == c && chars.peek() == Some(&'\'') => {
                    chars.next();
                    end.column += 1;
                }
                _ if c == quote => return Some(end),
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_end_where_they_close() {
        let end = |text: &str, line, column| {
            Quotes::new(text).end(Mark { line, column }).map(|mark| (mark.line, mark.column))
        };
        assert_eq!(end("a: \"b\"  # c\"\n", 1, 4), Some((1, 7)));
        assert_eq!(end("a: 'it''s' # c\n", 1, 4), Some((1, 11)));
        assert_eq!(end("x: 1\na: \"ö\\\"\\\\\"#\n", 2, 4), Some((2, 11)));
        assert_eq!(end("a: \"b\\\n  c\" # d\n", 1, 4), Some((2, 5)));
        assert_eq!(end("a: b\n", 1, 4), None);
        assert_eq!(end("a: \"b", 1, 4), None);
    }
}
