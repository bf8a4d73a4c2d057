//! A node with its path, and where problems with it go.

use std::{cell::RefCell, sync::Arc};

use super::problem::{Problem, ProblemCode};
use crate::policy::text::{Node, Span, Value};

/// The problems found while an object is read.
#[derive(Debug, Default)]
pub(in crate::policy) struct Reading {
    file: Arc<str>,
    problems: RefCell<Vec<Problem>>,
}

impl Reading {
    /// Starts to read something from a file.
    pub(in crate::policy) fn new(file: Arc<str>) -> Self {
        Self { file, problems: RefCell::default() }
    }

    /// Returns what was found, in the order of the text.
    pub(in crate::policy) fn finish(self) -> Vec<Problem> {
        let mut problems = self.problems.into_inner();
        problems.sort_by_key(|problem| problem.span);
        problems
    }
}

/// A node, its path and its reading.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Cursor<'a> {
    /// The node.
    pub(in crate::policy) node: &'a Node,
    /// Its path.
    pub(in crate::policy) path: String,
    reading: &'a Reading,
}

impl<'a> Cursor<'a> {
    /// Stands at the root of an object.
    pub(in crate::policy) fn root(node: &'a Node, reading: &'a Reading) -> Self {
        Self { node, path: String::new(), reading }
    }

    /// Notes that the object breaks a rule here.
    pub(in crate::policy) fn refuse(&self, message: impl Into<String>) {
        self.note(ProblemCode::Rejected, message);
    }

    /// Notes a problem here.
    pub(in crate::policy) fn note(&self, code: ProblemCode, message: impl Into<String>) {
        self.note_at(code, self.node.span, message, None);
    }

    fn note_at(
        &self,
        code: ProblemCode,
        span: Span,
        message: impl Into<String>,
        rename: Option<String>,
    ) {
        self.reading.problems.borrow_mut().push(Problem {
            code,
            message: message.into(),
            path: self.path.clone(),
            file: Arc::clone(&self.reading.file),
            span,
            rename,
        });
    }

    /// Reads text.
    pub(in crate::policy) fn text(&self) -> Option<&'a str> {
        match &self.node.value {
            Value::Text(text) => Some(text),
            Value::Bool(is) => {
                let message =
                    format!("must be a string, but YAML reads it as {is}: put it in quotes");
                self.note(ProblemCode::YamlBoolean, message);
                None
            }
            other => {
                let hint = match other {
                    Value::Int(_) | Value::Float(_) => ": put it in quotes",
                    _ => "",
                };
                self.refuse(format!("must be a string, not {}{hint}", other.kind()));
                None
            }
        }
    }

    /// Reads a whole number from `first` to `last`.
    pub(in crate::policy) fn number(&self, first: i64, last: i64) -> Option<i64> {
        match self.node.value {
            Value::Int(number) if (first..=last).contains(&number) => Some(number),
            Value::Int(number) => {
                self.refuse(format!("must be from {first} to {last}, not {number}"));
                None
            }
            ref other => {
                self.refuse(format!("must be a whole number, not {}", other.kind()));
                None
            }
        }
    }

    /// Reads a boolean.
    pub(in crate::policy) fn boolean(&self) -> Option<bool> {
        match &self.node.value {
            Value::Bool(is) => Some(*is),
            other => {
                self.refuse(format!("must be true or false, not {}", other.kind()));
                None
            }
        }
    }

    /// Reads a list.
    pub(in crate::policy) fn list(&self) -> Vec<Cursor<'a>> {
        let Value::List(items) = &self.node.value else {
            self.refuse(format!("must be a list, not {}", self.node.value.kind()));
            return Vec::new();
        };
        let item =
            |(n, node)| Cursor { node, path: format!("{}[{n}]", self.path), reading: self.reading };
        items.iter().enumerate().map(item).collect()
    }

    /// Reads a map that may have these fields; others are noted.
    pub(in crate::policy) fn fields(&self, known: &[&str]) -> Option<Fields<'a>> {
        let fields = self.any_fields()?;
        for entry in self.node.entries() {
            if !known.contains(&entry.key.as_str()) {
                self.unknown(&entry.key, entry.key_span, known);
            }
        }
        Some(fields)
    }

    /// Reads a map that may have any fields.
    pub(in crate::policy) fn any_fields(&self) -> Option<Fields<'a>> {
        if !matches!(self.node.value, Value::Map(_)) {
            self.refuse(format!("must be a map, not {}", self.node.value.kind()));
            return None;
        }
        Some(Fields { cursor: self.clone() })
    }

    fn unknown(&self, key: &str, span: Span, known: &[&str]) {
        let rename = nearest(key, known);
        let hint = rename.map_or_else(String::new, |name| format!("; did you mean {name:?}?"));
        let message = format!("has no field {key:?}{hint}");
        self.note_at(ProblemCode::UnknownField, span, message, rename.map(str::to_owned));
    }
}

/// Returns the name that was probably meant.
fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    let close = |name: &&str| strsim::damerau_levenshtein(key, name);
    let best = known.iter().copied().min_by_key(close)?;
    (close(&best) <= 2.min(key.len() / 3 + 1)).then_some(best)
}

/// The fields of a map.
#[derive(Clone, Debug)]
pub(in crate::policy) struct Fields<'a> {
    /// The map itself.
    pub(in crate::policy) cursor: Cursor<'a>,
}

impl<'a> Fields<'a> {
    /// Returns a field that is there and not null.
    pub(in crate::policy) fn get(&self, key: &str) -> Option<Cursor<'a>> {
        let node = self.cursor.node.get(key)?;
        let path = &self.cursor.path;
        let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        Some(Cursor { node, path, reading: self.cursor.reading })
    }

    /// Returns the items of a list, if it is there.
    pub(in crate::policy) fn list(&self, key: &str) -> Option<Vec<Cursor<'a>>> {
        self.get(key).map(|cursor| cursor.list())
    }

    /// Returns a text, if it is there.
    pub(in crate::policy) fn text(&self, key: &str) -> Option<&'a str> {
        self.get(key)?.text()
    }

    /// Returns which of `keys` are there.
    pub(in crate::policy) fn present<'k>(&self, keys: &[&'k str]) -> Vec<&'k str> {
        keys.iter().copied().filter(|key| self.cursor.node.get(key).is_some()).collect()
    }

    /// Returns the one of `keys` that is there; any other number of them is refused.
    pub(in crate::policy) fn one_of<'k>(&self, keys: &[&'k str]) -> Option<&'k str> {
        match self.present(keys)[..] {
            [key] => Some(key),
            [] => {
                self.cursor.refuse(format!("needs one of {}", keys.join(", ")));
                None
            }
            ref several => {
                self.cursor.refuse(format!("takes only one of {}", several.join(", ")));
                None
            }
        }
    }
}
