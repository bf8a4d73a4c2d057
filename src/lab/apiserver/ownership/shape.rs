//! How lists and maps merge: which lists have keys, which are sets, which are replaced whole.

use serde_json::Value;

use crate::lab::apiserver::resource::Resource;

/// How a list merges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::lab::apiserver) enum ListShape<'a> {
    /// Replaced whole.
    Atomic,
    /// Items are their own keys.
    Set,
    /// Items are objects that these members identify.
    Map(Vec<&'a str>),
}

/// Knowledge about one place in an object.
#[derive(Debug, Clone, Copy)]
pub(in crate::lab::apiserver) enum Shape<'a> {
    /// A built-in kind; what matters is the name of the field and of the one around it.
    Builtin { parent: &'a str, field: &'a str },
    /// The schema of a custom resource.
    Schema(&'a Value),
    /// Nothing is known: maps merge, lists are replaced.
    Untyped,
}

/// Field, the fields it must lie in (none: anywhere), keys of server-side apply, key of strategic merge.
type Row = (&'static str, &'static [&'static str], &'static [&'static str], &'static str);

const CONTAINERS: &[&str] = &["containers", "initContainers", "ephemeralContainers"];

const KEYED: &[Row] = &[
    ("containers", &[], &["name"], "name"),
    ("initContainers", &[], &["name"], "name"),
    ("ephemeralContainers", &[], &["name"], "name"),
    ("ports", CONTAINERS, &["containerPort", "protocol"], "containerPort"),
    ("ports", &["spec"], &["port", "protocol"], "port"),
    ("env", &[], &["name"], "name"),
    ("volumeMounts", &[], &["mountPath"], "mountPath"),
    ("volumeDevices", &[], &["devicePath"], "devicePath"),
    ("volumes", &[], &["name"], "name"),
    ("imagePullSecrets", &[], &["name"], "name"),
    ("hostAliases", &[], &["ip"], "ip"),
    ("topologySpreadConstraints", &[], &["topologyKey", "whenUnsatisfiable"], "topologyKey"),
    ("conditions", &["status"], &["type"], "type"),
    ("ownerReferences", &["metadata"], &["uid"], "uid"),
    ("addresses", &["status"], &["type"], "type"),
    ("podIPs", &["status"], &["ip"], "ip"),
    ("hostIPs", &["status"], &[], "ip"),
    ("taints", &["spec"], &[], "key"),
    ("secrets", &[""], &["name"], "name"),
    ("schedulingGates", &[], &["name"], "name"),
    ("resourceClaims", &[], &["name"], "name"),
    ("webhooks", &[""], &["name"], "name"),
];

const SETS: &[(&str, &str)] =
    &[("finalizers", "metadata"), ("finalizers", "spec"), ("podCIDRs", "spec")];

const ATOMIC_MAPS: &[&str] = &[
    "selector",
    "nodeSelector",
    "podSelector",
    "namespaceSelector",
    "labelSelector",
    "configMapKeyRef",
    "secretKeyRef",
    "fieldRef",
    "resourceFieldRef",
    "involvedObject",
    "regarding",
    "targetRef",
    "claimRef",
    "roleRef",
];

impl<'a> Shape<'a> {
    /// Returns the shape of a whole object of this kind.
    pub(in crate::lab::apiserver) fn of(resource: &'a Resource) -> Self {
        match &resource.custom {
            None => Self::Builtin { parent: "", field: "" },
            Some(custom) => custom.schema.as_ref().map_or(Self::Untyped, Self::Schema),
        }
    }

    /// Returns the shape of a member.
    pub(in crate::lab::apiserver) fn member(self, name: &'a str) -> Self {
        match self {
            Self::Builtin { field, .. } => Self::Builtin { parent: field, field: name },
            // Metadata of custom resources is that of every object.
            _ if name == "metadata" => Self::Builtin { parent: "", field: "metadata" },
            Self::Schema(schema) => schema
                .get("properties")
                .and_then(|p| p.get(name))
                .or_else(|| schema.get("additionalProperties").filter(|a| a.is_object()))
                .map_or(Self::Untyped, Self::Schema),
            Self::Untyped => Self::Untyped,
        }
    }

    /// Returns the shape of the items of a list.
    pub(in crate::lab::apiserver) fn item(self) -> Self {
        match self {
            Self::Schema(schema) => schema.get("items").map_or(Self::Untyped, Self::Schema),
            other => other,
        }
    }

    fn row(self) -> Option<&'static Row> {
        let Self::Builtin { parent, field } = self else { return None };
        KEYED.iter().find(|(name, parents, ..)| {
            *name == field && (parents.is_empty() || parents.contains(&parent))
        })
    }

    /// Returns how server-side apply merges a list here.
    pub(in crate::lab::apiserver) fn list(self) -> ListShape<'a> {
        match self {
            Self::Builtin { parent, field } if SETS.contains(&(field, parent)) => ListShape::Set,
            Self::Builtin { .. } => match self.row() {
                Some((_, _, keys, _)) if !keys.is_empty() => ListShape::Map(keys.to_vec()),
                _ => ListShape::Atomic,
            },
            Self::Schema(schema) => match schema["x-kubernetes-list-type"].as_str() {
                Some("set") => ListShape::Set,
                Some("map") => ListShape::Map(
                    schema["x-kubernetes-list-map-keys"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter_map(Value::as_str)
                        .collect(),
                ),
                _ => ListShape::Atomic,
            },
            Self::Untyped => ListShape::Atomic,
        }
    }

    /// Tells whether server-side apply replaces a map here whole.
    pub(in crate::lab::apiserver) fn map_is_atomic(self) -> bool {
        match self {
            Self::Builtin { field, .. } => ATOMIC_MAPS.contains(&field),
            Self::Schema(schema) => schema["x-kubernetes-map-type"] == "atomic",
            Self::Untyped => false,
        }
    }

    /// Returns how a strategic merge patch merges a list here.
    pub(in crate::lab::apiserver) fn patch_list(self) -> ListShape<'a> {
        match self {
            Self::Builtin { parent, field } if SETS.contains(&(field, parent)) => ListShape::Set,
            _ => match self.row() {
                Some((.., key)) => ListShape::Map(vec![key]),
                None => ListShape::Atomic,
            },
        }
    }
}
