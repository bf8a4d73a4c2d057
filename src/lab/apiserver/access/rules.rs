//! One rule of a role.

use serde::{Deserialize, Serialize};

use super::attributes::{Attributes, Subject, Wanted};

/// Verbs on resources or on paths that are no resources.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(in crate::lab::apiserver) struct Rule {
    pub(in crate::lab::apiserver) verbs: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::lab::apiserver) api_groups: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::lab::apiserver) resources: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(in crate::lab::apiserver) resource_names: Vec<String>,
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    pub(in crate::lab::apiserver) paths: Vec<String>,
}

fn has(list: &[String], wanted: &str) -> bool {
    list.iter().any(|entry| entry == "*" || entry == wanted)
}

impl Rule {
    /// Returns the rules that allow everything.
    pub(super) fn everything() -> [Self; 2] {
        let all = || vec!["*".to_owned()];
        [
            Self { verbs: all(), api_groups: all(), resources: all(), ..Self::default() },
            Self { verbs: all(), paths: all(), ..Self::default() },
        ]
    }

    pub(super) fn allows(&self, wanted: &Attributes<'_>) -> bool {
        has(&self.verbs, wanted.verb)
            && match wanted.subject {
                Subject::Path(path) => self.allows_path(path),
                Subject::Resource(wanted) => self.allows_resource(&wanted),
            }
    }

    fn allows_path(&self, path: &str) -> bool {
        self.paths.iter().any(|pattern| match pattern.strip_suffix('*') {
            Some(prefix) => path.starts_with(prefix),
            None => pattern == path,
        })
    }

    fn allows_resource(&self, wanted: &Wanted<'_>) -> bool {
        let path = wanted.path();
        let of_any = |entry: &str| {
            // `*/scale` is the subresource of every resource.
            entry.strip_prefix("*/").is_some_and(|sub| sub == wanted.subresource)
        };
        has(&self.api_groups, wanted.group)
            && (has(&self.resources, &path) || self.resources.iter().any(|entry| of_any(entry)))
            && (self.resource_names.is_empty()
                || self.resource_names.iter().any(|name| name == wanted.name))
    }

    /// Splits the rule into rules of one verb, group, resource and name each.
    pub(super) fn atoms(&self) -> Vec<Self> {
        let one = |text: &String| vec![text.clone()];
        let mut atoms = Vec::new();
        let names: Vec<Vec<String>> = match self.resource_names.as_slice() {
            [] => vec![Vec::new()],
            names => names.iter().map(one).collect(),
        };
        for verb in &self.verbs {
            for path in &self.paths {
                atoms.push(Self { verbs: one(verb), paths: one(path), ..Self::default() });
            }
            for group in &self.api_groups {
                for resource in &self.resources {
                    atoms.extend(names.iter().map(|names| Self {
                        verbs: one(verb),
                        api_groups: one(group),
                        resources: one(resource),
                        resource_names: names.clone(),
                        paths: Vec::new(),
                    }));
                }
            }
        }
        atoms
    }

    /// Tells whether this rule allows all that an atom does.
    pub(super) fn covers(&self, atom: &Self) -> bool {
        let verb = atom.verbs.iter().all(|verb| has(&self.verbs, verb));
        let paths = atom.paths.iter().all(|path| {
            self.paths.iter().any(|own| match own.strip_suffix('*') {
                Some(prefix) => path.starts_with(prefix),
                None => own == path,
            })
        });
        let resources = atom.resources.iter().all(|resource| {
            let sub = resource.split_once('/').map_or("", |(_, sub)| sub);
            has(&self.resources, resource)
                || (!sub.is_empty() && self.resources.iter().any(|own| *own == format!("*/{sub}")))
        });
        let names = self.resource_names.is_empty()
            || (!atom.resource_names.is_empty()
                && atom.resource_names.iter().all(|name| self.resource_names.contains(name)));
        verb && paths
            && resources
            && names
            && atom.api_groups.iter().all(|group| has(&self.api_groups, group))
    }

    /// Writes the rule as refusals show it.
    pub(super) fn shown(&self) -> String {
        let members = [
            ("APIGroups", &self.api_groups),
            ("Resources", &self.resources),
            ("ResourceNames", &self.resource_names),
            ("NonResourceURLs", &self.paths),
            ("Verbs", &self.verbs),
        ];
        let shown: Vec<String> = members
            .iter()
            .filter(|(_, list)| !list.is_empty())
            .map(|(name, list)| format!("{name}:{list:?}"))
            .collect();
        format!("{{{}}}", shown.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(value: serde_json::Value) -> Rule {
        serde_json::from_value(value).unwrap()
    }

    fn wants<'a>(verb: &'a str, group: &'a str, path: &'a str, name: &'a str) -> Attributes<'a> {
        let (resource, subresource) = path.split_once('/').unwrap_or((path, ""));
        let wanted = Wanted { group, resource, subresource, namespace: "a", name };
        Attributes { verb, subject: Subject::Resource(wanted) }
    }

    #[test]
    fn rules_allow_what_they_name_and_no_more() {
        let pods = rule(json!({"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}));
        assert!(pods.allows(&wants("get", "", "pods", "x")));
        for (verb, group, path) in
            [("list", "", "pods"), ("get", "apps", "pods"), ("get", "", "pods/log")]
        {
            assert!(!pods.allows(&wants(verb, group, path, "x")), "{verb} {group} {path}");
        }
        let scale = rule(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*/scale"]}));
        assert!(scale.allows(&wants("patch", "apps", "deployments/scale", "x")));
        assert!(!scale.allows(&wants("patch", "apps", "deployments", "x")));
        let named = rule(json!({"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"],
            "resourceNames": ["one"]}));
        assert!(named.allows(&wants("get", "", "secrets", "one")));
        assert!(!named.allows(&wants("get", "", "secrets", "two")));
        assert!(!named.allows(&wants("get", "", "secrets", "")));
        let paths = rule(json!({"verbs": ["get"], "nonResourceURLs": ["/api", "/apis/*"]}));
        for (path, allowed) in [("/api", true), ("/apis/apps", true), ("/metrics", false)] {
            let wanted = Attributes { verb: "get", subject: Subject::Path(path) };
            assert_eq!(paths.allows(&wanted), allowed, "{path}");
        }
    }

    #[test]
    fn a_grant_is_covered_only_as_a_whole() {
        let held =
            rule(json!({"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods"]}));
        let wide =
            rule(json!({"verbs": ["get", "delete"], "apiGroups": [""], "resources": ["pods"]}));
        let open: Vec<Rule> = wide.atoms().into_iter().filter(|atom| !held.covers(atom)).collect();
        assert_eq!(open.len(), 1);
        assert_eq!(open[0].shown(), r#"{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}"#);
        let all = rule(json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}));
        assert!(Rule::everything()[0].covers(&all) && !held.covers(&all));
    }
}
