//! Label selectors.

use std::collections::BTreeSet;

use super::cursor::{Cursor, Fields};
use crate::policy::rule::{LabelKey, Selector, Test};

/// Longest value and longest name part of a key.
const MAX_PART: usize = 63;
/// Longest prefix of a key.
const MAX_PREFIX: usize = 253;

/// Reads a selector whose keys `key` turns into label keys.
fn selector(cursor: &Cursor<'_>, key: impl Fn(&str) -> LabelKey) -> Selector {
    let Some(fields) = cursor.fields(&["matchLabels", "matchExpressions"]) else {
        return Selector::default();
    };
    let mut selector = Selector::default();
    if let Some(labels) = fields.get("matchLabels").and_then(|labels| labels.any_fields()) {
        for entry in labels.cursor.node.entries() {
            let Some(value) = labels.get(&entry.key) else { continue };
            check_key(&value, &entry.key);
            let Some(text) = value.text() else { continue };
            check_value(&value, text);
            selector = selector.and_is(key(&entry.key), text);
        }
    }
    for item in fields.list("matchExpressions").unwrap_or_default() {
        let Some(fields) = item.fields(&["key", "operator", "values"]) else { continue };
        if let Some((name, test)) = expression(&fields) {
            selector = selector.and(key(name), test);
        }
    }
    selector
}

/// Reads a selector of labels with sources, as in Cilium's policies.
pub(super) fn sourced(cursor: &Cursor<'_>) -> Selector {
    selector(cursor, LabelKey::parse)
}

/// Reads a selector of pod labels, as in Kubernetes' policies.
pub(in crate::policy) fn plain(cursor: &Cursor<'_>) -> Selector {
    selector(cursor, LabelKey::kubernetes)
}

/// Reads a selector of namespace labels.
pub(super) fn namespaces(cursor: &Cursor<'_>) -> Selector {
    let of_namespace =
        |key: &str| LabelKey::kubernetes(&format!("{}{key}", LabelKey::NAMESPACE_LABELS));
    selector(cursor, of_namespace).and(LabelKey::kubernetes(LabelKey::NAMESPACE), Test::Exists)
}

/// Reads a selector of node labels.
pub(super) fn nodes(cursor: &Cursor<'_>) -> Selector {
    selector(cursor, |key| match LabelKey::parse(key) {
        // Node labels have a source of their own, which policies need not name.
        named if named.is_of("k8s") => LabelKey::parse(&named.name),
        any => any,
    })
}

fn expression<'a>(fields: &Fields<'a>) -> Option<(&'a str, Test)> {
    let key = fields.get("key");
    let Some(key) = key else {
        fields.cursor.refuse("key must be given");
        return None;
    };
    let name = key.text()?;
    check_key(&key, name);
    let Some(operator) = fields.get("operator") else {
        fields.cursor.refuse("operator must be given: In, NotIn, Exists or DoesNotExist");
        return None;
    };
    let mut values = BTreeSet::new();
    for value in fields.list("values").unwrap_or_default() {
        let text = value.text()?;
        check_value(&value, text);
        values.insert(text.to_owned());
    }
    let (needs_values, test) = match operator.text()? {
        "In" => (true, Test::In(values.clone())),
        "NotIn" => (true, Test::NotIn(values.clone())),
        "Exists" => (false, Test::Exists),
        "DoesNotExist" => (false, Test::Absent),
        other => {
            let message = format!("{other:?} is none of In, NotIn, Exists, DoesNotExist");
            operator.refuse(message);
            return None;
        }
    };
    if needs_values && values.is_empty() {
        fields.cursor.refuse("values must be given with In and NotIn");
    } else if !needs_values && !values.is_empty() {
        fields.cursor.refuse("values must not be given with Exists and DoesNotExist");
    }
    Some((name, test))
}

fn is_part(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= MAX_PART
        && edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'))
}

/// Keys are those of Kubernetes, after an optional source.
fn check_key(cursor: &Cursor<'_>, key: &str) {
    let name = key.split_once(':').map_or(key, |(_, name)| name);
    let (prefix, name) = match name.rsplit_once('/') {
        Some((prefix, name)) => (Some(prefix), name),
        None => (None, name),
    };
    // Namespace labels are carried under a prefix of their own, which makes two slashes possible.
    let prefix = prefix.map(|p| p.strip_prefix(LabelKey::NAMESPACE_LABELS).unwrap_or(p));
    let is_good = is_part(name)
        && prefix
            .is_none_or(|prefix| prefix.len() <= MAX_PREFIX && prefix.split('/').all(is_domain));
    if !is_good {
        cursor.refuse(format!("{key:?} is no label key"));
    }
}

fn is_domain(text: &str) -> bool {
    let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    edge(text.chars().next())
        && edge(text.chars().next_back())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_'))
}

fn check_value(cursor: &Cursor<'_>, value: &str) {
    if !value.is_empty() && !is_part(value) {
        cursor.refuse(format!("{value:?} is no label value"));
    }
}
