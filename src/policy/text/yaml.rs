//! YAML as Kubernetes reads it: plain scalars by YAML 1.1 as in sigs.k8s.io/yaml, so `on` and `n` are
//! booleans. JSON is YAML.

use std::{borrow::Cow, collections::HashMap, sync::Arc};

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span as Scanned};

use super::{
    node::{Document, Entry, Mark, Node, Span, Value},
    quotes::Quotes,
};

/// Depth of nesting that is read; a policy needs about twelve.
const MAX_DEPTH: usize = 64;
/// Nodes that the aliases of one text may stand for in all, so that a text of aliases to aliases
/// stays as small as it looks.
const MAX_ALIASED: usize = 100_000;

/// Why a text is not YAML.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{}:{}: {what}", at.line, at.column)]
pub struct TextError {
    /// The file.
    pub file: Arc<str>,
    /// Where.
    pub at: Mark,
    /// What is wrong there.
    pub what: String,
}

/// Reads all documents of a text; empty ones are left out.
///
/// # Errors
/// When the text is not YAML, repeats a key, or is nested or aliased beyond reason.
pub fn parse(file: &str, text: &str) -> Result<Vec<Document>, TextError> {
    let file: Arc<str> = file.into();
    let text = text.trim_start_matches('\u{feff}');
    let quotes = Quotes::new(text);
    let mut reader =
        Reader { file: Arc::clone(&file), quotes, anchors: HashMap::new(), aliased: 0 };
    let mut parser = Parser::new_from_str(text);
    let mut documents = Vec::new();
    while let Some(event) = parser.next() {
        let (event, _) = event.map_err(|error| reader.scan_error(&error))?;
        if matches!(event, Event::DocumentStart(_)) {
            reader.anchors.clear();
            let (first, at) = reader.next(&mut parser)?;
            let root = reader.node(&mut parser, first, at, 0)?;
            if root.value != Value::Null {
                documents.push(Document { file: Arc::clone(&file), root });
            }
        }
    }
    Ok(documents)
}

struct Reader<'t> {
    file: Arc<str>,
    quotes: Quotes<'t>,
    anchors: HashMap<usize, (Node, usize)>,
    aliased: usize,
}

type Source<'a> = Parser<'a, saphyr_parser::StrInput<'a>>;

impl Reader<'_> {
    fn scan_error(&self, error: &ScanError) -> TextError {
        let marker = error.marker();
        let at = Mark { line: number(marker.line()), column: number(marker.col()) + 1 };
        TextError { file: Arc::clone(&self.file), at, what: error.info().to_owned() }
    }

    fn refuse<T>(&self, span: Scanned, what: impl Into<String>) -> Result<T, TextError> {
        Err(TextError { file: Arc::clone(&self.file), at: place(span).start, what: what.into() })
    }

    fn next<'a>(&self, parser: &mut Source<'a>) -> Result<(Event<'a>, Scanned), TextError> {
        match parser.next() {
            Some(Ok(event)) => Ok(event),
            Some(Err(error)) => Err(self.scan_error(&error)),
            None => Ok((Event::StreamEnd, Scanned::default())),
        }
    }

    fn node<'a>(
        &mut self,
        parser: &mut Source<'a>,
        event: Event<'a>,
        span: Scanned,
        depth: usize,
    ) -> Result<Node, TextError> {
        if depth > MAX_DEPTH {
            return self.refuse(span, format!("nested deeper than {MAX_DEPTH} levels"));
        }
        let (anchor, node) = match event {
            Event::Scalar(text, style, anchor, tag) => {
                let is_text = style != ScalarStyle::Plain || tag.is_some_and(|t| t.suffix == "str");
                let value = if is_text { Value::Text(text.into_owned()) } else { plain(text) };
                let is_quoted =
                    matches!(style, ScalarStyle::SingleQuoted | ScalarStyle::DoubleQuoted);
                let span = place(span);
                let end = if is_quoted { self.quotes.end(span.start) } else { None };
                (anchor, Node { value, span: Span { end: end.unwrap_or(span.end), ..span } })
            }
            Event::SequenceStart(anchor, _) => (anchor, self.list(parser, span, depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.map(parser, span, depth)?),
            Event::Alias(anchor) => return self.alias(anchor, span),
            _ => return self.refuse(span, "a value is missing"),
        };
        if anchor != 0 {
            let size = size(&node);
            self.anchors.insert(anchor, (node.clone(), size));
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, span: Scanned) -> Result<Node, TextError> {
        let Some((node, size)) = self.anchors.get(&anchor) else {
            return self.refuse(span, "an alias inside of what it stands for");
        };
        self.aliased += size;
        if self.aliased > MAX_ALIASED {
            return self.refuse(span, format!("aliases stand for more than {MAX_ALIASED} values"));
        }
        Ok(Node { value: node.value.clone(), span: place(span) })
    }

    fn list(
        &mut self,
        parser: &mut Source<'_>,
        start: Scanned,
        depth: usize,
    ) -> Result<Node, TextError> {
        let mut items: Vec<Node> = Vec::new();
        loop {
            let (event, span) = self.next(parser)?;
            if matches!(event, Event::SequenceEnd) {
                let span = whole(start, span, items.last());
                return Ok(Node { value: Value::List(items), span });
            }
            items.push(self.node(parser, event, span, depth + 1)?);
        }
    }

    fn map(
        &mut self,
        parser: &mut Source<'_>,
        start: Scanned,
        depth: usize,
    ) -> Result<Node, TextError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut merged: Vec<Entry> = Vec::new();
        let mut seen = HashMap::new();
        loop {
            let (event, span) = self.next(parser)?;
            let (key, is_plain) = match event {
                Event::MappingEnd => return Ok(close(start, span, entries, merged)),
                Event::Scalar(text, style, ..) => (text.into_owned(), style == ScalarStyle::Plain),
                _ => return self.refuse(span, "keys must be plain text"),
            };
            let (event, value_span) = self.next(parser)?;
            let node = self.node(parser, event, value_span, depth + 1)?;
            if is_plain && key == "<<" {
                merged.extend(node.entries().iter().cloned());
                merged.extend(node.items().iter().flat_map(Node::entries).cloned());
                continue;
            }
            if let Some(line) = seen.insert(key.clone(), place(span).start.line) {
                return self.refuse(span, format!("{key:?} was given before, in line {line}"));
            }
            entries.push(Entry { key, key_span: place(span), node });
        }
    }
}

/// Ends a map: adds what `<<` brought; keys of the map itself win.
fn close(start: Scanned, end: Scanned, mut entries: Vec<Entry>, merged: Vec<Entry>) -> Node {
    for entry in merged {
        if entries.iter().all(|own| own.key != entry.key) {
            entries.push(entry);
        }
    }
    let span = whole(start, end, entries.last().map(|entry| &entry.node));
    Node { value: Value::Map(entries), span }
}

fn size(node: &Node) -> usize {
    1 + match &node.value {
        Value::List(items) => items.iter().map(size).sum(),
        Value::Map(entries) => entries.iter().map(|entry| size(&entry.node)).sum(),
        _ => 0,
    }
}

fn number(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn place(span: Scanned) -> Span {
    let mark = |at: saphyr_parser::Marker| Mark {
        line: number(at.line()),
        column: number(at.col()).saturating_add(1),
    };
    Span { start: mark(span.start), end: mark(span.end) }
}

/// Returns the span of a collection. Block collections end where the next thing starts, which may be
/// lines below, so the last child says where theirs is over.
fn whole(start: Scanned, end: Scanned, last: Option<&Node>) -> Span {
    let (start, end) = (place(start), place(end));
    let last = last.map_or(start.end, |node| node.span.end);
    // A flow collection ends with a bracket of its own.
    let end = if end.end > end.start { end.end } else { last };
    Span { start: start.start, end }
}

/// Reads a plain scalar by the rules of YAML 1.1 that go-yaml v2 follows.
fn plain(text: Cow<'_, str>) -> Value {
    match &*text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Value::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Value::Bool(false);
        }
        _ => {}
    }
    if let Some(whole) = whole_number(&text) {
        return Value::Int(whole);
    }
    let is_decimal = text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'))
        && text.contains(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| matches!(c, '0'..='9' | '.' | 'e' | 'E' | '+' | '-'));
    if is_decimal && let Ok(decimal) = text.parse::<f64>() {
        return Value::Float(decimal);
    }
    Value::Text(text.into_owned())
}

fn whole_number(text: &str) -> Option<i64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (digits, radix) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (&digits[2..], 16),
        [b'0', b'b' | b'B', ..] => (&digits[2..], 2),
        [b'0', b'o' | b'O', ..] => (&digits[2..], 8),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (digits, 10),
    };
    if !digits.starts_with(|c: char| c.is_ascii_hexdigit()) {
        return None;
    }
    let digits = digits.replace('_', "");
    let value = i64::from_str_radix(&digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> Node {
        parse("f.yaml", text).expect("it is YAML").remove(0).root
    }

    fn refusal(text: &str) -> String {
        parse("f.yaml", text).expect_err("it is refused").to_string()
    }

    #[test]
    fn nodes_know_their_places() {
        let root = root("a:\n  b: [1, x]\n  c:\n  - d: 'y'\n\n\nz: 1\n");
        let list = root.at(&["a", "b"]).expect("there");
        assert_eq!(list.span.start, Mark { line: 2, column: 6 });
        assert_eq!(list.span.end, Mark { line: 2, column: 12 });
        let d = &root.at(&["a", "c"]).expect("there").items()[0];
        assert_eq!(d.span.start, Mark { line: 4, column: 5 });
        assert_eq!(d.get("d").expect("there").text(), Some("y"));
        assert_eq!(d.span.end, Mark { line: 4, column: 11 }, "not the blank lines below");
    }

    #[test]
    fn plain_scalars_are_those_of_kubernetes() {
        for (text, value) in [
            ("80", Value::Int(80)),
            ("0x1F", Value::Int(31)),
            ("010", Value::Int(8)),
            ("1.5", Value::Float(1.5)),
            ("n", Value::Bool(false)),
            ("On", Value::Bool(true)),
            ("~", Value::Null),
            ("1.2.3.4", Value::Text("1.2.3.4".into())),
            ("10.0.0.0/8", Value::Text("10.0.0.0/8".into())),
            ("2001:db8::1", Value::Text("2001:db8::1".into())),
            ("-", Value::Text("-".into())),
            ("e10", Value::Text("e10".into())),
            ("'80'", Value::Text("80".into())),
        ] {
            assert_eq!(plain_of(text), value, "{text}");
        }
    }

    fn plain_of(text: &str) -> Value {
        if text == "-" {
            plain(text.into())
        } else {
            root(&format!("k: {text}")).entries()[0].node.value.clone()
        }
    }

    #[test]
    fn documents_aliases_and_merges() {
        let documents =
            parse("f", "---\n---\na: &x {p: 1}\nb: *x\nc:\n  <<: *x\n  q: 2\n---\nd: 1\n")
                .expect("YAML");
        assert_eq!(documents.len(), 2);
        assert_eq!(documents[0].root.at(&["b", "p"]).map(|n| &n.value), Some(&Value::Int(1)));
        assert_eq!(documents[0].root.at(&["c", "p"]).map(|n| &n.value), Some(&Value::Int(1)));
        assert_eq!(parse("f", "").expect("empty").len(), 0);
    }

    #[test]
    fn what_cannot_be_read_is_refused_with_its_place() {
        assert_eq!(refusal("a: 1\nb: 2\na: 3\n"), "f.yaml:3:1: \"a\" was given before, in line 1");
        assert!(refusal("a: [1, 2\nb: 3").starts_with("f.yaml:"));
        assert!(refusal(&"[".repeat(100)).contains("nested deeper than 64"));
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let refs = vec![format!("*a{}", level - 1); 10].join(", ");
            bomb += &format!("a{level}: &a{level} [{refs}]\n");
        }
        assert!(refusal(&bomb).contains("aliases stand for more than"));
    }
}
