//! The columns of every kind.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{admin, age, custom, pods, workloads};
use crate::lab::apiserver::resource::Resource;
use crate::lab::apiserver::selector::query_form;

type Cell = Box<dyn Fn(&Value, Timestamp) -> Value>;

/// One column.
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) format: &'static str,
    /// 0 is always shown, 1 with `-o wide`.
    pub(super) priority: i64,
    pub(super) description: String,
    pub(super) cell: Cell,
}

impl Column {
    pub(super) fn new(name: &str, cell: impl Fn(&Value, Timestamp) -> Value + 'static) -> Self {
        Self {
            name: name.to_owned(),
            kind: "string".to_owned(),
            format: "",
            priority: 0,
            description: String::new(),
            cell: Box::new(cell),
        }
    }

    /// A column with the text of an object.
    pub(super) fn text(name: &str, cell: impl Fn(&Value) -> String + 'static) -> Self {
        Self::new(name, move |object, _| cell(object).into())
    }

    /// A column with a number at a JSON pointer, 0 if absent.
    pub(super) fn number(name: &str, pointer: &'static str) -> Self {
        let mut column = Self::new(name, move |object, _| {
            object.pointer(pointer).filter(|v| v.is_number()).cloned().unwrap_or(json!(0))
        });
        "integer".clone_into(&mut column.kind);
        column
    }

    pub(super) fn kind(mut self, kind: &str) -> Self {
        kind.clone_into(&mut self.kind);
        self
    }

    pub(super) fn wide(mut self) -> Self {
        self.priority = 1;
        self
    }

    pub(super) fn definition(&self) -> Value {
        json!({"name": self.name, "type": self.kind, "format": self.format,
            "description": self.description, "priority": self.priority})
    }
}

/// Returns the text at a JSON pointer, or what kubectl shows for nothing.
pub(super) fn text_at(object: &Value, pointer: &str) -> String {
    match object.pointer(pointer) {
        Some(Value::String(text)) if !text.is_empty() => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        Some(Value::Bool(flag)) => flag.to_string(),
        _ => "<none>".to_owned(),
    }
}

/// Returns the texts of a list joined by commas, or `<none>`.
pub(super) fn joined<'a>(items: impl IntoIterator<Item = &'a str>) -> String {
    let all: Vec<&str> = items.into_iter().filter(|item| !item.is_empty()).collect();
    if all.is_empty() { "<none>".to_owned() } else { all.join(",") }
}

pub(super) fn name() -> Column {
    let mut column = Column::new("Name", |object, _| object["metadata"]["name"].clone());
    column.format = "name";
    column
}

pub(super) fn age() -> Column {
    Column::new("Age", |object, now| {
        age::since(&object["metadata"]["creationTimestamp"], now).into()
    })
}

pub(super) fn at(name: &str, pointer: &'static str) -> Column {
    Column::text(name, move |object| text_at(object, pointer))
}

pub(super) fn items<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a Value> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten()
}

fn count(name: &str, members: &'static [&'static str]) -> Column {
    Column::new(name, move |object, _| {
        members
            .iter()
            .filter_map(|m| object[*m].as_object())
            .map(serde_json::Map::len)
            .sum::<usize>()
            .into()
    })
}

/// Returns the columns of a kind.
pub(super) fn of(resource: &Resource) -> Vec<Column> {
    if let Some(custom) = &resource.custom {
        return custom::columns(&custom.columns);
    }
    if let Some(columns) = admin::of(&resource.group, &resource.kind) {
        return columns;
    }
    match (resource.group.as_str(), resource.kind.as_str()) {
        ("", "Pod") => pods::pod(),
        ("", "Node") => pods::node(),
        ("", "Namespace") => vec![name(), at("Status", "/status/phase"), age()],
        ("", "Service") => pods::service(),
        ("", "Endpoints") => vec![name(), Column::text("Endpoints", pods::endpoints), age()],
        ("", "ConfigMap") => vec![name(), count("Data", &["data", "binaryData"]), age()],
        ("", "Secret") => vec![name(), at("Type", "/type"), count("Data", &["data"]), age()],
        ("", "Event") | ("events.k8s.io", "Event") => pods::event(),
        ("discovery.k8s.io", _) => vec![
            name(),
            at("AddressType", "/addressType"),
            Column::text("Ports", pods::slice_ports),
            Column::text("Endpoints", pods::slice_endpoints),
            age(),
        ],
        ("apps" | "batch", _) => workloads::of(&resource.kind),
        ("networking.k8s.io", "NetworkPolicy") => vec![
            name(),
            Column::text("Pod-Selector", |o| {
                let query = query_form(&o["spec"]["podSelector"]);
                if query.is_empty() { "<none>".to_owned() } else { query }
            }),
            age(),
        ],
        ("networking.k8s.io", "Ingress") => pods::ingress(),
        ("networking.k8s.io", "ServiceCIDR") => vec![
            name(),
            Column::text("CIDRs", |o| joined(items(o, "/spec/cidrs").filter_map(Value::as_str))),
            age(),
        ],
        ("policy", _) => vec![
            name(),
            at("Min Available", "/spec/minAvailable"),
            at("Max Unavailable", "/spec/maxUnavailable"),
            Column::number("Allowed Disruptions", "/status/disruptionsAllowed"),
            age(),
        ],
        ("coordination.k8s.io", _) => vec![name(), at("Holder", "/spec/holderIdentity"), age()],
        ("scheduling.k8s.io", _) => vec![
            name(),
            Column::number("Value", "/value"),
            Column::new("Global-Default", |o, _| (o["globalDefault"] == true).into())
                .kind("boolean"),
            age(),
            at("PreemptionPolicy", "/preemptionPolicy"),
        ],
        ("apiextensions.k8s.io", _) | ("rbac.authorization.k8s.io", "ClusterRole" | "Role") => {
            vec![
                name(),
                Column::new("Created At", |o, _| o["metadata"]["creationTimestamp"].clone())
                    .kind("date"),
            ]
        }
        ("rbac.authorization.k8s.io", _) => pods::binding(),
        _ => vec![name(), age()],
    }
}
