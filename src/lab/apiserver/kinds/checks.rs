//! What the rules of several kinds have in common: names, numbers, quantities, words.

use serde_json::Value;

use crate::lab::apiserver::metadata::is_label;
use crate::lab::apiserver::refusal::Cause;

/// What a name that becomes a DNS label has to look like.
pub(super) const LABEL: &str = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";
const SUBDOMAIN: &str = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const PORT: &str = "must be between 1 and 65535, inclusive";

/// Returns the items of a list member with their places.
pub(super) fn items<'a>(
    value: &'a Value,
    member: &str,
    path: &str,
) -> impl Iterator<Item = (String, &'a Value)> {
    let at = format!("{path}.{member}");
    let items = value[member].as_array().into_iter().flatten().enumerate();
    items.map(move |(index, item)| (format!("{at}[{index}]"), item))
}

/// Returns the text of a member, empty if absent.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// Checks that a text member is there.
pub(super) fn require(causes: &mut Vec<Cause>, value: &Value, member: &str, path: &str) {
    if text(value, member).is_empty() {
        causes.push(Cause::required(format!("{path}.{member}"), ""));
    }
}

/// Checks a name that becomes a DNS label.
pub(super) fn label(causes: &mut Vec<Cause>, name: &str, field: String) {
    if name.is_empty() {
        causes.push(Cause::required(field, ""));
    } else if name.len() > 63 {
        causes.push(Cause::invalid(field, &name.into(), "must be no more than 63 bytes"));
    } else if !is_label(name) {
        causes.push(Cause::invalid(field, &name.into(), LABEL));
    }
}

/// Checks a name that becomes a DNS name.
pub(super) fn subdomain(causes: &mut Vec<Cause>, name: &str, field: String) {
    if name.is_empty() {
        causes.push(Cause::required(field, ""));
    } else if name.len() > 253 || !name.split('.').all(is_label) {
        causes.push(Cause::invalid(field, &name.into(), SUBDOMAIN));
    }
}

/// Checks that a word, if there is one, is one of those that exist.
pub(super) fn word(
    causes: &mut Vec<Cause>,
    value: &Value,
    member: &str,
    path: &str,
    known: &[&str],
) {
    let found = &value[member];
    if found.as_str().is_some_and(|word| !known.contains(&word)) {
        causes.push(Cause::unsupported(format!("{path}.{member}"), found, known));
    }
}

/// Checks that a number, if there is one, is not negative.
pub(super) fn not_negative(causes: &mut Vec<Cause>, value: &Value, member: &str, path: &str) {
    let found = &value[member];
    if found.as_i64().is_some_and(|number| number < 0) {
        let detail = "must be greater than or equal to 0";
        causes.push(Cause::invalid(format!("{path}.{member}"), found, detail));
    }
}

/// Checks that a number, if there is one, is at least 1.
pub(super) fn positive(causes: &mut Vec<Cause>, value: &Value, member: &str, path: &str) {
    let found = &value[member];
    if found.as_i64().is_some_and(|number| number < 1) {
        let detail = "must be greater than 0";
        causes.push(Cause::invalid(format!("{path}.{member}"), found, detail));
    }
}

/// Checks a port number.
pub(super) fn port(causes: &mut Vec<Cause>, value: &Value, field: String) {
    if !value.as_i64().is_some_and(|number| (1..=65535).contains(&number)) {
        causes.push(Cause::invalid(field, value, PORT));
    }
}

/// Checks the name of a port: a service name as IANA has them.
pub(super) fn port_name(causes: &mut Vec<Cause>, name: &str, field: String) {
    let invalid = |detail: &str| Cause::invalid(field.clone(), &name.into(), detail);
    if name.len() > 15 {
        causes.push(invalid("must be no more than 15 characters"));
    }
    if !name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-') {
        causes.push(invalid(
            "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
        ));
    }
    if !name.bytes().any(|b| b.is_ascii_lowercase()) {
        causes.push(invalid("must contain at least one letter (a-z)"));
    }
    if name.contains("--") {
        causes.push(invalid("must not contain consecutive hyphens"));
    }
    if name.starts_with('-') || name.ends_with('-') {
        causes.push(invalid("must not begin or end with a hyphen"));
    }
}

/// Checks a port that is a number or a name.
pub(super) fn port_or_name(causes: &mut Vec<Cause>, value: &Value, field: String) {
    match value {
        Value::String(name) => port_name(causes, name, field),
        Value::Null => {}
        number => port(causes, number, field),
    }
}

/// Parses a quantity such as `100m`, `1.5`, `2Gi` or `1e3`; `None` if it is none.
pub(super) fn quantity(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => crate::lab::quantity::parse(text),
        _ => None,
    }
}

/// Checks that a number or percentage, if there is one, is neither negative nor malformed.
pub(super) fn share(causes: &mut Vec<Cause>, value: &Value, member: &str, path: &str) {
    let found = &value[member];
    let field = || format!("{path}.{member}");
    match found {
        Value::String(text) => {
            let number = text.strip_suffix('%').and_then(|number| number.parse::<u32>().ok());
            if number.is_none() {
                let detail = "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')";
                causes.push(Cause::invalid(field(), found, detail));
            }
        }
        _ => not_negative(causes, value, member, path),
    }
}

/// Checks the keys and values of a map that is used as labels.
pub(super) fn labels(causes: &mut Vec<Cause>, map: &Value, field: &str) {
    for (key, value) in map.as_object().into_iter().flatten() {
        causes.extend(crate::lab::apiserver::metadata::label_key(field, key));
        causes.extend(crate::lab::apiserver::metadata::label_value(field, value));
    }
}

/// Checks a label selector.
pub(super) fn selector(causes: &mut Vec<Cause>, selector: &Value, path: &str) {
    labels(causes, &selector["matchLabels"], &format!("{path}.matchLabels"));
    for (at, expression) in items(selector, "matchExpressions", path) {
        let empty = expression["values"].as_array().is_none_or(Vec::is_empty);
        match text(expression, "operator") {
            "In" | "NotIn" if empty => {
                let detail = "must be specified when `operator` is 'In' or 'NotIn'";
                causes.push(Cause::required(format!("{at}.values"), detail));
            }
            "Exists" | "DoesNotExist" if !empty => {
                let detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                causes.push(Cause::forbidden(format!("{at}.values"), detail));
            }
            "In" | "NotIn" | "Exists" | "DoesNotExist" => {}
            _ => causes.push(Cause::invalid(
                format!("{at}.operator"),
                &expression["operator"],
                "not a valid selector operator",
            )),
        }
        causes.extend(crate::lab::apiserver::metadata::label_key(
            &format!("{at}.key"),
            text(expression, "key"),
        ));
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn quantities_are_read_as_kubernetes_writes_them() {
        for (text, wanted) in [
            ("100m", Some(0.1)),
            ("1.5", Some(1.5)),
            ("2Gi", Some(2_147_483_648.0)),
            ("1e3", Some(1000.0)),
            ("3k", Some(3000.0)),
            ("abc", None),
            ("1 Gi", None),
            ("", None),
            ("1GiB", None),
        ] {
            assert_eq!(quantity(&json!(text)), wanted, "{text}");
        }
        assert_eq!(quantity(&json!(2)), Some(2.0));
    }
}
