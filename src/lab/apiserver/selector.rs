//! Label and field selectors, as they stand in queries and in objects.

use serde_json::Value;

use super::fields;
use super::refusal::Refusal;
use super::resource::Resource;
use super::store::Object;

/// One requirement of a label selector.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Test {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
    Greater(i64),
    Less(i64),
}

impl Test {
    fn holds(&self, value: Option<&str>) -> bool {
        match self {
            Self::Exists => value.is_some(),
            Self::Absent => value.is_none(),
            Self::In(values) => value.is_some_and(|v| values.iter().any(|w| w == v)),
            Self::NotIn(values) => value.is_none_or(|v| values.iter().all(|w| w != v)),
            Self::Greater(bound) => {
                value.and_then(|v| v.parse::<i64>().ok()).is_some_and(|v| v > *bound)
            }
            Self::Less(bound) => {
                value.and_then(|v| v.parse::<i64>().ok()).is_some_and(|v| v < *bound)
            }
        }
    }
}

/// A condition on labels; the default matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Parses the query form: `a=b,c!=d,e in (f,g),!h`.
    pub(super) fn parse(text: &str) -> Result<Self, Refusal> {
        let mut requirements = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            let requirement = requirement(part).filter(|r| is_label_key(&r.key));
            requirements.push(requirement.ok_or_else(|| {
                Refusal::BadRequest(format!("unable to parse requirement: {part:?}"))
            })?);
        }
        Ok(Self(requirements))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn matches<'a>(&self, label: impl Fn(&str) -> Option<&'a str>) -> bool {
        self.0.iter().all(|requirement| requirement.test.holds(label(&requirement.key)))
    }

    pub(super) fn matches_object(&self, object: &Object) -> bool {
        self.matches(|key| object.labels.iter().find(|(k, _)| **k == *key).map(|(_, v)| &**v))
    }
}

/// Returns the query form of a LabelSelector object, or of a plain map of labels.
pub(super) fn query_form(selector: &Value) -> String {
    let mut parts = Vec::new();
    let labels = selector
        .get("matchLabels")
        .or_else(|| selector.get("matchExpressions").is_none().then_some(selector));
    for (key, value) in labels.and_then(Value::as_object).into_iter().flatten() {
        parts.push(format!("{key}={}", value.as_str().unwrap_or_default()));
    }
    for expression in selector["matchExpressions"].as_array().into_iter().flatten() {
        let key = expression["key"].as_str().unwrap_or_default();
        let values: Vec<&str> = expression["values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        parts.push(match expression["operator"].as_str() {
            Some("In") => format!("{key} in ({})", values.join(",")),
            Some("NotIn") => format!("{key} notin ({})", values.join(",")),
            Some("DoesNotExist") => format!("!{key}"),
            _ => key.to_owned(),
        });
    }
    parts.join(",")
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut start) = (Vec::new(), 0_usize, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn requirement(part: &str) -> Option<Requirement> {
    let made = |key: &str, test| Some(Requirement { key: key.trim().to_owned(), test });
    if let Some(key) = part.strip_prefix('!') {
        return made(key, Test::Absent);
    }
    if let Some((key, value)) = part.split_once("!=") {
        return made(key, Test::NotIn(vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return made(key, Test::In(vec![value.trim().to_owned()]));
    }
    if let Some((key, value)) = part.split_once('>') {
        return made(key, Test::Greater(value.trim().parse().ok()?));
    }
    if let Some((key, value)) = part.split_once('<') {
        return made(key, Test::Less(value.trim().parse().ok()?));
    }
    if let Some((left, list)) = part.split_once('(') {
        let values = list.strip_suffix(')')?.split(',').map(|v| v.trim().to_owned()).collect();
        let (key, operator) = left.trim().rsplit_once(char::is_whitespace)?;
        return match operator {
            "in" => made(key, Test::In(values)),
            "notin" => made(key, Test::NotIn(values)),
            _ => None,
        };
    }
    made(part, Test::Exists)
}

fn is_label_key(key: &str) -> bool {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    !key.is_empty() && key.len() <= 317 && key.chars().all(allowed)
}

/// A condition on fields; the default matches everything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldSelector(Vec<(String, bool, String)>);

impl FieldSelector {
    /// Parses `metadata.name=x,status.phase!=Failed` for a kind.
    pub(super) fn parse(resource: &Resource, text: &str) -> Result<Self, Refusal> {
        let mut terms = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (field, equal, value) = part
                .split_once("!=")
                .map(|(field, value)| (field, false, value))
                .or_else(|| part.split_once("==").map(|(field, value)| (field, true, value)))
                .or_else(|| part.split_once('=').map(|(field, value)| (field, true, value)))
                .ok_or_else(|| {
                    Refusal::BadRequest(format!("invalid selector: {part:?}; can't understand"))
                })?;
            let field = field.trim();
            if !matches!(field, "metadata.name" | "metadata.namespace")
                && !fields::is_known(resource, field)
            {
                return Err(Refusal::BadRequest(format!("field label not supported: {field}")));
            }
            terms.push((field.to_owned(), equal, value.to_owned()));
        }
        Ok(Self(terms))
    }

    pub(super) fn matches_object(&self, object: &Object) -> bool {
        self.0.iter().all(|(field, equal, wanted)| {
            let value = match field.as_str() {
                "metadata.name" => &*object.key.name,
                "metadata.namespace" => &*object.key.namespace,
                _ => object
                    .fields
                    .iter()
                    .find(|(name, _)| **name == **field)
                    .map_or("", |(_, value)| &**value),
            };
            (value == wanted) == *equal
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_selectors_match_as_kubectl_users_expect() {
        let labels = [("app", "web"), ("tier", "2")];
        let label = |key: &str| labels.iter().find(|(k, _)| *k == key).map(|(_, v)| *v);
        for (text, expected) in [
            ("", true),
            ("app", true),
            ("!app", false),
            ("app=web", true),
            ("app==web,tier!=3", true),
            ("app!=web", false),
            ("app in (api, web)", true),
            ("app notin (api,web)", false),
            ("none notin (a)", true),
            ("tier>1", true),
            ("tier<1", false),
            ("app in (web),!none,tier", true),
        ] {
            assert_eq!(LabelSelector::parse(text).unwrap().matches(label), expected, "{text}");
        }
        for bad in ["a in b", "a b", "=x", "a in (b"] {
            assert!(LabelSelector::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn selector_objects_become_queries() {
        let selector = serde_json::json!({"matchLabels": {"a": "b"},
            "matchExpressions": [{"key": "c", "operator": "In", "values": ["d", "e"]},
                {"key": "f", "operator": "DoesNotExist"}]});
        assert_eq!(query_form(&selector), "a=b,c in (d,e),!f");
        assert_eq!(query_form(&serde_json::json!({"a": "b"})), "a=b");
    }
}
