//! Resources that are another view of the same objects: events of `events.k8s.io` and of the core group.

use serde_json::{Map, Value, json};

use super::resource::Resource;

/// How a view differs from the objects behind it.
#[derive(Debug)]
pub(super) struct Alias {
    /// The resource whose objects these are, by `plural.group`.
    pub(super) of: &'static str,
    /// Members by their name in the view, and by their name in the objects.
    members: &'static [(&'static str, &'static str)],
    /// What else changes on the way in and on the way out.
    inward: fn(&mut Value),
    outward: fn(&mut Value),
}

/// Autoscalers of the older version, which know one metric.
pub(super) static AUTOSCALERS: Alias = Alias {
    of: "horizontalpodautoscalers.autoscaling",
    members: &[],
    inward: |value| {
        let Some(spec) = value.get_mut("spec").and_then(Value::as_object_mut) else { return };
        if let Some(target) = spec.shift_remove("targetCPUUtilizationPercentage") {
            let target = json!({"type": "Utilization", "averageUtilization": target});
            let metric =
                json!([{"type": "Resource", "resource": {"name": "cpu", "target": target}}]);
            spec.insert("metrics".to_owned(), metric);
        }
    },
    outward: |value| {
        let cpu = |list: &Value, path: &str| {
            let mut metrics = list.as_array().into_iter().flatten();
            let found = metrics.find(|metric| metric["resource"]["name"] == "cpu");
            found.and_then(|metric| metric["resource"].pointer(path).cloned())
        };
        let target = cpu(&value["spec"]["metrics"], "/target/averageUtilization");
        let current = cpu(&value["status"]["currentMetrics"], "/current/averageUtilization");
        for (part, found, name, gone) in [
            ("spec", target, "targetCPUUtilizationPercentage", &["metrics", "behavior"]),
            (
                "status",
                current,
                "currentCPUUtilizationPercentage",
                &["currentMetrics", "conditions"],
            ),
        ] {
            let Some(members) = value.get_mut(part).and_then(Value::as_object_mut) else {
                continue;
            };
            members.retain(|member, _| !gone.contains(&member.as_str()));
            if let Some(found) = found {
                members.insert(name.to_owned(), found);
            }
        }
    },
};

/// Events: the newer names of the same members.
pub(super) static EVENTS: Alias = Alias {
    of: "events",
    members: &[
        ("regarding", "involvedObject"),
        ("note", "message"),
        ("reportingController", "reportingComponent"),
        ("deprecatedSource", "source"),
        ("deprecatedFirstTimestamp", "firstTimestamp"),
        ("deprecatedLastTimestamp", "lastTimestamp"),
        ("deprecatedCount", "count"),
    ],
    inward: |_| {},
    outward: |_| {},
};

impl PartialEq for Alias {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

fn rename(value: &mut Value, name: impl Fn(&str) -> Option<&'static str>) {
    let Value::Object(members) = value else { return };
    let old = std::mem::take(members);
    *members = old
        .into_iter()
        .map(|(member, value)| {
            let renamed = name(&member).map(str::to_owned);
            (renamed.unwrap_or(member), value)
        })
        .collect::<Map<String, Value>>();
}

impl Alias {
    fn to_inner(&self, member: &str) -> Option<&'static str> {
        self.members.iter().find(|(outer, _)| *outer == member).map(|(_, inner)| *inner)
    }

    fn to_outer(&self, member: &str) -> Option<&'static str> {
        self.members.iter().find(|(_, inner)| *inner == member).map(|(outer, _)| *outer)
    }

    /// Turns an object or a merge patch of the view into one of the objects behind it.
    pub(super) fn inward(&self, value: &mut Value, inner: &Resource) {
        if let Value::Array(operations) = value {
            for operation in operations {
                for member in ["path", "from"] {
                    if let Some(path) = operation[member].as_str() {
                        operation[member] = self.inner_path(path, '/').into();
                    }
                }
            }
            return;
        }
        rename(value, |member| self.to_inner(member));
        (self.inward)(value);
        if !value["apiVersion"].is_null() {
            value["apiVersion"] = inner.api_version().into();
        }
    }

    /// Turns an object into the view of it.
    pub(super) fn outward(&self, value: &mut Value, outer: &Resource) {
        rename(value, |member| self.to_outer(member));
        (self.outward)(value);
        value["apiVersion"] = outer.api_version().into();
    }

    /// Renames the first member of a path such as `regarding.name` or `/regarding/name`.
    fn inner_path(&self, path: &str, separator: char) -> String {
        let (lead, rest) = match path.strip_prefix(separator) {
            Some(rest) => (&path[..1], rest),
            None => ("", path),
        };
        let (first, rest) = match rest.find(separator) {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        format!("{lead}{}{rest}", self.to_inner(first).unwrap_or(first))
    }

    /// Renames the fields of a field selector.
    pub(super) fn selector(&self, text: &str) -> String {
        let parts: Vec<String> = text.split(',').map(|part| self.inner_path(part, '.')).collect();
        parts.join(",")
    }
}

#[cfg(test)]
mod tests {
    use super::super::builtin;
    use super::*;

    #[test]
    fn autoscalers_have_two_versions() {
        let find = |version: &str| {
            let mut all = builtin::resources();
            all.find(|r| r.kind == "HorizontalPodAutoscaler" && r.version == version).unwrap()
        };
        let old = json!({"apiVersion": "autoscaling/v1", "spec": {"maxReplicas": 3, "targetCPUUtilizationPercentage": 80}});
        let mut value = old.clone();
        AUTOSCALERS.inward(&mut value, &find("v2"));
        assert_eq!(value["spec"]["metrics"][0]["resource"]["target"]["averageUtilization"], 80);
        AUTOSCALERS.outward(&mut value, &find("v1"));
        assert_eq!(value, old);
    }

    #[test]
    fn events_have_two_views() {
        let find = |group: &str| {
            builtin::resources().find(|r| r.group == group && r.kind == "Event").unwrap()
        };
        let (outer, inner) = (find("events.k8s.io"), find(""));
        let new = json!({"apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": {},
            "regarding": {"name": "p"}, "note": "hello", "reason": "R"});
        let mut value = new.clone();
        EVENTS.inward(&mut value, &inner);
        assert_eq!(
            value,
            json!({"apiVersion": "v1", "kind": "Event", "metadata": {},
            "involvedObject": {"name": "p"}, "message": "hello", "reason": "R"})
        );
        EVENTS.outward(&mut value, &outer);
        assert_eq!(value, new);
        let mut patch = json!([{"op": "replace", "path": "/note", "value": "x"}]);
        EVENTS.inward(&mut patch, &inner);
        assert_eq!(patch[0]["path"], "/message");
        assert_eq!(
            EVENTS.selector("regarding.name=p,reason!=x"),
            "involvedObject.name=p,reason!=x"
        );
    }
}
