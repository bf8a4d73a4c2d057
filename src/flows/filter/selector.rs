//! Kubernetes label selectors over labels with sources.

/// All requirements must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selector {
    requirements: Vec<Requirement>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Requirement {
    /// None stands for any source.
    source: Option<String>,
    key: String,
    operator: Operator,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Operator {
    Exists,
    Absent,
    In(Vec<String>),
    NotIn(Vec<String>),
}

impl Selector {
    /// What filters are told to have.
    pub(super) const EXPECTED: &'static str = "a label selector";

    /// Reads `a=b,c!=d,e,!f,g in (x,y),h notin (z)`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let parts = split(text)?.into_iter();
        let requirements = parts.map(Requirement::parse).collect::<Option<Vec<_>>>()?;
        (!requirements.is_empty()).then_some(Self { requirements })
    }

    /// Looks at labels written as `source:key=value`.
    pub(super) fn matches(&self, labels: &[String]) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(labels))
    }
}

/// Splits at commas outside of parentheses; none when these do not pair.
fn split(text: &str) -> Option<Vec<&str>> {
    let mut parts = Vec::new();
    let mut start = 0;
    let mut inside = false;
    for (at, c) in text.char_indices() {
        match c {
            '(' if !inside => inside = true,
            ')' if inside => inside = false,
            '(' | ')' => return None,
            ',' if !inside => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    (!inside).then_some(parts)
}

impl Requirement {
    fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Some(key) = text.strip_prefix('!') {
            return Self::new(key, Operator::Absent);
        }
        if let Some(values) = text.strip_suffix(')') {
            let (head, values) = values.split_once('(')?;
            let values = values.split(',').map(|value| value.trim().to_owned()).collect();
            let mut words = head.split_whitespace();
            let (key, operator, rest) = (words.next()?, words.next()?, words.next());
            return match (operator, rest) {
                ("in", None) => Self::new(key, Operator::In(values)),
                ("notin", None) => Self::new(key, Operator::NotIn(values)),
                _ => None,
            };
        }
        let one = |value: &str| vec![value.trim().to_owned()];
        if let Some((key, value)) = text.split_once("!=") {
            return Self::new(key, Operator::NotIn(one(value)));
        }
        if let Some((key, value)) = text.split_once("==").or_else(|| text.split_once('=')) {
            return Self::new(key, Operator::In(one(value)));
        }
        Self::new(text, Operator::Exists)
    }

    fn new(key: &str, operator: Operator) -> Option<Self> {
        let key = key.trim();
        let (source, key) = match key.split_once(':') {
            Some(("any", key)) => (None, key),
            Some((source, key)) => (Some(source.to_owned()), key),
            None => (None, key),
        };
        let valid = !key.is_empty() && !key.contains(|c: char| c.is_whitespace() || c == '=');
        valid.then(|| Self { source, key: key.to_owned(), operator })
    }

    fn matches(&self, labels: &[String]) -> bool {
        let mut values = labels.iter().filter_map(|label| self.value(label));
        match &self.operator {
            Operator::Exists => values.next().is_some(),
            Operator::Absent => values.next().is_none(),
            Operator::In(wanted) => values.any(|value| wanted.iter().any(|w| w == value)),
            // As in Kubernetes, an absent key is not in any set.
            Operator::NotIn(wanted) => !values.any(|value| wanted.iter().any(|w| w == value)),
        }
    }

    /// Returns the value of a label that has the key.
    fn value<'a>(&self, label: &'a str) -> Option<&'a str> {
        let (name, value) = label.split_once('=').unwrap_or((label, ""));
        let (source, key) = name.split_once(':').unwrap_or(("", name));
        let wanted = self.source.as_ref().is_none_or(|wanted| wanted == source);
        (wanted && key == self.key).then_some(value)
    }
}

#[cfg(test)]
mod tests {
    use super::Selector;

    #[test]
    fn selectors_match_as_kubernetes_does() {
        let labels = ["k8s:app=web", "k8s:tier=front", "reserved:world"].map(str::to_owned);
        for (selector, matches) in [
            ("app=web", true),
            ("app==web", true),
            ("any:app=web", true),
            ("k8s:app=web", true),
            ("cidr:app=web", false),
            ("app=db", false),
            ("app!=db", true),
            ("missing!=x", true),
            ("app", true),
            ("!app", false),
            ("!missing", true),
            ("app in (db, web)", true),
            ("app notin (db,web)", false),
            ("app=web,tier=front", true),
            ("app=web,tier=back", false),
            ("app in (db,web),tier", true),
            ("reserved:world", true),
            ("reserved:host", false),
        ] {
            let parsed = Selector::parse(selector).unwrap();
            assert_eq!(parsed.matches(&labels), matches, "{selector}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for selector in ["", ",", "app in web", "app in (web", "app) x", "=web", "a b", "a of (b)"]
        {
            assert!(Selector::parse(selector).is_none(), "{selector}");
        }
    }
}
