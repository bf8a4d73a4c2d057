//! Tables without borders.

use comfy_table::{Color, ContentArrangement, presets::NOTHING};

/// How much a table shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The usual columns.
    Normal,
    /// All columns.
    Wide,
}

impl Detail {
    /// Tells whether all columns are shown.
    pub(crate) const fn is_wide(self) -> bool {
        matches!(self, Self::Wide)
    }
}

/// The mood of a cell; a hint to the eye, never the only carrier of meaning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// No colour.
    #[default]
    Plain,
    /// Green.
    Good,
    /// Yellow.
    Warn,
    /// Red.
    Bad,
}

/// One cell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cell {
    text: String,
    tone: Tone,
}

impl Cell {
    /// Returns a cell with a tone.
    pub(crate) fn toned(text: impl ToString, tone: Tone) -> Self {
        Self { text: text.to_string(), tone }
    }

    /// Returns a cell for something that may be absent.
    pub(crate) fn optional(value: Option<impl ToString>) -> Self {
        value.map(|value| value.to_string()).unwrap_or_default().into()
    }
}

impl<T: ToString> From<T> for Cell {
    fn from(text: T) -> Self {
        Self::toned(text, Tone::Plain)
    }
}

/// Headings and rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
}

impl Table {
    /// Starts a table; no headings means that none are shown.
    pub(crate) fn new(headings: impl IntoIterator<Item = &'static str>) -> Self {
        Self { headings: headings.into_iter().collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Tells whether there are no rows.
    pub(crate) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Lays the table out: two spaces between columns, nothing at the end of a line.
    pub(super) fn layout(&self, color: bool) -> String {
        let mut table = comfy_table::Table::new();
        table.load_preset(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        if color {
            table.enforce_styling();
        } else {
            table.force_no_tty();
        }
        if !self.headings.is_empty() {
            table.set_header(&self.headings);
        }
        for row in &self.rows {
            table.add_row(row.iter().map(|cell| cell.layout(color)));
        }
        for column in table.column_iter_mut() {
            column.set_padding((0, 2));
        }
        let mut text = String::new();
        for line in table.to_string().lines() {
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }
}

impl Cell {
    fn layout(&self, color: bool) -> comfy_table::Cell {
        // An absent value is written, so that columns can be told apart by `awk`.
        let text = if self.text.is_empty() { "-" } else { &self.text };
        let cell = comfy_table::Cell::new(super::escape(text));
        match self.tone {
            Tone::Good if color => cell.fg(Color::Green),
            Tone::Warn if color => cell.fg(Color::Yellow),
            Tone::Bad if color => cell.fg(Color::Red),
            _ => cell,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Table, Tone};

    #[test]
    fn columns_are_two_spaces_apart_and_lines_have_no_tail() {
        let mut table = Table::new(["NAME", "STATE"]);
        table.row(["a-long-name".into(), Cell::toned("ready", Tone::Good)]);
        table.row(["b".into(), Cell::default()]);
        assert_eq!(table.layout(false), "NAME         STATE\na-long-name  ready\nb            -\n");
    }

    #[test]
    fn control_characters_do_not_reach_the_terminal() {
        let mut table = Table::new([]);
        table.row(["evil\u{1b}[2J\nname".into()]);
        assert_eq!(table.layout(false), "evil\\u{1b}[2J\\nname\n");
    }
}
