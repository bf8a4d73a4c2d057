//! DNS names and patterns.

use regex::Regex;

use super::cursor::{Cursor, Fields, Reading};
use crate::policy::{rule::Names, text::Node};

const MAX_NAME: usize = 255;

/// Reads a `toFQDNs` item. With neither field it means no name at all.
pub(super) fn names(cursor: &Cursor<'_>) -> Option<Names> {
    let fields = cursor.fields(&["matchName", "matchPattern"])?;
    let (name, pattern) = (fields.get("matchName"), fields.get("matchPattern"));
    match (name, pattern) {
        (Some(_), Some(_)) => {
            cursor.refuse("takes either matchName or matchPattern");
            None
        }
        (Some(name), None) => exact(&name),
        (None, Some(pattern)) => wild(&pattern),
        (None, None) => None,
    }
}

/// Reads a `toFQDNs` item, or one of `dns` rules, that may be wrong.
pub(in crate::policy) fn names_of(node: &Node) -> Option<Names> {
    let reading = Reading::default();
    names(&Cursor::root(node, &reading))
}

fn exact(cursor: &Cursor<'_>) -> Option<Names> {
    let written = checked(cursor, "-_.")?;
    let pattern = anchored(&regex::escape(&written))?;
    Some(Names { written, pattern })
}

fn wild(cursor: &Cursor<'_>) -> Option<Names> {
    let written = checked(cursor, "-_.*")?;
    let pattern = anchored(&expression(&written))?;
    Some(Names { written, pattern })
}

/// Reads the `domainNames` of a `ClusterNetworkPolicy`: `*.` in front stands for labels of any number.
pub(super) fn domain(cursor: &Cursor<'_>) -> Option<Names> {
    let written = checked(cursor, "-_.*")?;
    let (any_depth, rest) = match written.strip_prefix("*.") {
        Some(rest) => (true, rest),
        None => (false, written.as_str()),
    };
    if rest.contains('*') || rest.is_empty() {
        cursor.refuse(format!("{written:?} may have a * only as its first label"));
        return None;
    }
    let front = if any_depth { "(?:[-a-z0-9_]+\\.)+" } else { "" };
    let pattern = anchored(&format!("{front}{}", regex::escape(rest)))?;
    Some(Names { written, pattern })
}

fn checked(cursor: &Cursor<'_>, others: &str) -> Option<String> {
    let text = cursor.text()?;
    if text.len() > MAX_NAME {
        cursor.refuse(format!("is {} characters long; {MAX_NAME} are the most", text.len()));
        return None;
    }
    if let Some(wrong) = text.chars().find(|c| !c.is_ascii_alphanumeric() && !others.contains(*c)) {
        cursor.refuse(format!("{text:?} must not contain {wrong:?}"));
        return None;
    }
    let text = text.to_ascii_lowercase();
    Some(match text.strip_suffix('.') {
        Some(rest) if !rest.is_empty() => rest.to_owned(),
        _ => text,
    })
}

/// Translates a pattern: `*` stays within a label, a leading `**.` is one or more labels, and a
/// pattern of nothing else is everything.
fn expression(pattern: &str) -> String {
    if matches!(pattern, "*" | "**" | "*.") {
        return ".*".to_owned();
    }
    let (front, rest) = match pattern.strip_prefix("**.") {
        Some(rest) => ("(?:[-a-z0-9_]+\\.)+", rest),
        None => ("", pattern),
    };
    let rest = regex::escape(rest).replace(r"\*", "[-a-z0-9_]*");
    format!("{front}{rest}")
}

fn anchored(inner: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{inner})$")).ok()
}

/// Checks a list of names a client may ask a TLS server for.
pub(super) fn server_names(fields: &Fields<'_>) -> bool {
    let Some(list) = fields.list("serverNames") else { return false };
    for name in &list {
        if name.text().is_some_and(str::is_empty) {
            name.refuse("must not be empty");
        }
    }
    !list.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*.example.com", "api.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
            ("**.example.com", "a.b.example.com", true),
            ("**.example.com", "example.com", false),
            ("*x.y", "x.y", true),
            ("*x.y", "abx.y", true),
            ("a*.com", "abc.com", true),
            ("*", "anything.at.all", true),
            ("*.", "root", true),
            ("a.com", "axcom", false),
        ] {
            let regex = anchored(&expression(pattern)).expect("it compiles");
            assert_eq!(regex.is_match(name), expected, "{pattern} {name}");
        }
    }
}
