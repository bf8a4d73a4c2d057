//! The table of built-in kinds.

use super::alias;
use super::resource::{ALL_VERBS, Resource, ScalePaths, Subresource};

/// One row: group, version, kind, plural, scope, short names, categories, subresources.
struct Row {
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    scope: Scope,
    short: &'static [&'static str],
    categories: &'static [&'static str],
    extras: &'static [Extra],
}

#[derive(Clone, Copy, PartialEq)]
enum Scope {
    Cluster,
    Namespaced,
}
use Scope::{Cluster, Namespaced};

#[derive(Clone, Copy, PartialEq)]
enum Extra {
    Status,
    Scale,
    /// Everything only pods have.
    Pod,
    /// Only `finalize`, of namespaces.
    Finalize,
    /// Only `token`, of service accounts.
    Token,
    /// A kind that is only posted and answered, never stored.
    Review,
}
use Extra::{Finalize, Pod, Review, Scale, Status, Token};

const fn row(
    group: &'static str,
    version: &'static str,
    kind: &'static str,
    plural: &'static str,
    scope: Scope,
) -> Row {
    Row { group, version, kind, plural, scope, short: &[], categories: &[], extras: &[] }
}

impl Row {
    const fn short(mut self, short: &'static [&'static str]) -> Self {
        self.short = short;
        self
    }
    const fn all(mut self) -> Self {
        self.categories = &["all"];
        self
    }
    const fn with(mut self, extras: &'static [Extra]) -> Self {
        self.extras = extras;
        self
    }
}

const CORE: &str = "";
const APPS: &str = "apps";
const BATCH: &str = "batch";
const NET: &str = "networking.k8s.io";
const RBAC: &str = "rbac.authorization.k8s.io";
const AUTHN: &str = "authentication.k8s.io";
const AUTHZ: &str = "authorization.k8s.io";
const STORAGE: &str = "storage.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

/// Group order is discovery order.
const TABLE: &[Row] = &[
    row(CORE, "v1", "ConfigMap", "configmaps", Namespaced).short(&["cm"]),
    row(CORE, "v1", "Endpoints", "endpoints", Namespaced).short(&["ep"]),
    row(CORE, "v1", "Event", "events", Namespaced).short(&["ev"]),
    row(CORE, "v1", "LimitRange", "limitranges", Namespaced).short(&["limits"]),
    row(CORE, "v1", "Namespace", "namespaces", Cluster).short(&["ns"]).with(&[Status, Finalize]),
    row(CORE, "v1", "Node", "nodes", Cluster).short(&["no"]).with(&[Status]),
    row(CORE, "v1", "PersistentVolumeClaim", "persistentvolumeclaims", Namespaced)
        .short(&["pvc"])
        .with(&[Status]),
    row(CORE, "v1", "PersistentVolume", "persistentvolumes", Cluster)
        .short(&["pv"])
        .with(&[Status]),
    row(CORE, "v1", "Pod", "pods", Namespaced).short(&["po"]).all().with(&[Pod, Status]),
    row(CORE, "v1", "PodTemplate", "podtemplates", Namespaced),
    row(CORE, "v1", "ReplicationController", "replicationcontrollers", Namespaced)
        .short(&["rc"])
        .all()
        .with(&[Scale, Status]),
    row(CORE, "v1", "ResourceQuota", "resourcequotas", Namespaced)
        .short(&["quota"])
        .with(&[Status]),
    row(CORE, "v1", "Secret", "secrets", Namespaced),
    row(CORE, "v1", "ServiceAccount", "serviceaccounts", Namespaced).short(&["sa"]).with(&[Token]),
    row(CORE, "v1", "Service", "services", Namespaced).short(&["svc"]).all().with(&[Status]),
    row("events.k8s.io", "v1", "Event", "events", Namespaced).short(&["ev"]),
    row(AUTHN, "v1", "TokenReview", "tokenreviews", Cluster).with(&[Review]),
    row(AUTHN, "v1", "SelfSubjectReview", "selfsubjectreviews", Cluster).with(&[Review]),
    row(AUTHZ, "v1", "LocalSubjectAccessReview", "localsubjectaccessreviews", Namespaced)
        .with(&[Review]),
    row(AUTHZ, "v1", "SelfSubjectAccessReview", "selfsubjectaccessreviews", Cluster)
        .with(&[Review]),
    row(AUTHZ, "v1", "SelfSubjectRulesReview", "selfsubjectrulesreviews", Cluster).with(&[Review]),
    row(AUTHZ, "v1", "SubjectAccessReview", "subjectaccessreviews", Cluster).with(&[Review]),
    row("autoscaling", "v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", Namespaced)
        .short(&["hpa"])
        .all()
        .with(&[Status]),
    row("autoscaling", "v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", Namespaced)
        .short(&["hpa"])
        .all()
        .with(&[Status]),
    row(BATCH, "v1", "CronJob", "cronjobs", Namespaced).short(&["cj"]).all().with(&[Status]),
    row(BATCH, "v1", "Job", "jobs", Namespaced).all().with(&[Status]),
    row(APPS, "v1", "ControllerRevision", "controllerrevisions", Namespaced),
    row(APPS, "v1", "DaemonSet", "daemonsets", Namespaced).short(&["ds"]).all().with(&[Status]),
    row(APPS, "v1", "Deployment", "deployments", Namespaced)
        .short(&["deploy"])
        .all()
        .with(&[Scale, Status]),
    row(APPS, "v1", "ReplicaSet", "replicasets", Namespaced)
        .short(&["rs"])
        .all()
        .with(&[Scale, Status]),
    row(APPS, "v1", "StatefulSet", "statefulsets", Namespaced)
        .short(&["sts"])
        .all()
        .with(&[Scale, Status]),
    row(
        "certificates.k8s.io",
        "v1",
        "CertificateSigningRequest",
        "certificatesigningrequests",
        Cluster,
    )
    .short(&["csr"])
    .with(&[Status]),
    row("coordination.k8s.io", "v1", "Lease", "leases", Namespaced),
    row("discovery.k8s.io", "v1", "EndpointSlice", "endpointslices", Namespaced),
    row(NET, "v1", "Ingress", "ingresses", Namespaced).short(&["ing"]).with(&[Status]),
    row(NET, "v1", "IngressClass", "ingressclasses", Cluster),
    row(NET, "v1", "NetworkPolicy", "networkpolicies", Namespaced).short(&["netpol"]),
    row(NET, "v1", "IPAddress", "ipaddresses", Cluster).short(&["ip"]),
    row(NET, "v1", "ServiceCIDR", "servicecidrs", Cluster).with(&[Status]),
    row("policy", "v1", "PodDisruptionBudget", "poddisruptionbudgets", Namespaced)
        .short(&["pdb"])
        .with(&[Status]),
    row(RBAC, "v1", "ClusterRoleBinding", "clusterrolebindings", Cluster),
    row(RBAC, "v1", "ClusterRole", "clusterroles", Cluster),
    row(RBAC, "v1", "RoleBinding", "rolebindings", Namespaced),
    row(RBAC, "v1", "Role", "roles", Namespaced),
    row(STORAGE, "v1", "CSIDriver", "csidrivers", Cluster),
    row(STORAGE, "v1", "CSINode", "csinodes", Cluster),
    row(STORAGE, "v1", "StorageClass", "storageclasses", Cluster).short(&["sc"]),
    row(STORAGE, "v1", "VolumeAttachment", "volumeattachments", Cluster).with(&[Status]),
    row(ADMISSION, "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", Cluster),
    row(
        ADMISSION,
        "v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        Cluster,
    ),
    row(ADMISSION, "v1", "ValidatingAdmissionPolicy", "validatingadmissionpolicies", Cluster)
        .with(&[Status]),
    row(
        ADMISSION,
        "v1",
        "ValidatingAdmissionPolicyBinding",
        "validatingadmissionpolicybindings",
        Cluster,
    ),
    row(
        "apiextensions.k8s.io",
        "v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        Cluster,
    )
    .short(&["crd", "crds"])
    .with(&[Status]),
    row("apiregistration.k8s.io", "v1", "APIService", "apiservices", Cluster).with(&[Status]),
    row("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", Cluster).short(&["pc"]),
    row("node.k8s.io", "v1", "RuntimeClass", "runtimeclasses", Cluster),
];

const READ_WRITE: &[&str] = &["get", "patch", "update"];
const CONNECT: &[&str] = &["create", "get"];
const POST: &[&str] = &["create"];

const fn sub(
    name: &'static str,
    kind: &'static str,
    verbs: &'static [&'static str],
) -> Subresource {
    Subresource { name, kind: ("", "", kind), verbs }
}

fn subresources(row: &Row) -> Vec<Subresource> {
    let mut out = Vec::new();
    for extra in row.extras {
        match extra {
            Status => out.push(Subresource {
                name: "status",
                kind: ("", "", row.kind),
                verbs: READ_WRITE,
            }),
            Scale => out.push(Subresource {
                name: "scale",
                kind: ("autoscaling", "v1", "Scale"),
                verbs: READ_WRITE,
            }),
            Finalize => out.push(sub("finalize", "Namespace", &["update"])),
            Token => out.push(Subresource {
                name: "token",
                kind: (AUTHN, "v1", "TokenRequest"),
                verbs: POST,
            }),
            Review => {}
            Pod => out.extend([
                sub("attach", "PodAttachOptions", CONNECT),
                sub("binding", "Binding", POST),
                sub("ephemeralcontainers", "Pod", READ_WRITE),
                Subresource { name: "eviction", kind: ("policy", "v1", "Eviction"), verbs: POST },
                sub("exec", "PodExecOptions", CONNECT),
                sub("log", "Pod", &["get"]),
                sub("portforward", "PodPortForwardOptions", CONNECT),
                sub("resize", "Pod", READ_WRITE),
            ]),
        }
    }
    out
}

/// Returns every built-in resource, in discovery order.
pub(super) fn resources() -> impl Iterator<Item = Resource> {
    TABLE.iter().map(|row| {
        let id = match row.group {
            "" => row.plural.to_owned(),
            group => format!("{}.{group}", row.plural),
        };
        Resource {
            id: id.into(),
            group: row.group.to_owned(),
            version: row.version.to_owned(),
            kind: row.kind.to_owned(),
            list_kind: format!("{}List", row.kind),
            plural: row.plural.to_owned(),
            singular: row.kind.to_lowercase(),
            namespaced: row.scope == Namespaced,
            short_names: row.short.iter().map(|&s| s.to_owned()).collect(),
            categories: row.categories.iter().map(|&s| s.to_owned()).collect(),
            verbs: if row.extras.contains(&Review) { POST } else { ALL_VERBS },
            subresources: subresources(row),
            scale: row.extras.contains(&Scale).then(|| ScalePaths {
                spec_replicas: ".spec.replicas".to_owned(),
                status_replicas: ".status.replicas".to_owned(),
                selector: None,
            }),
            custom: None,
            alias: match (row.group, row.version) {
                ("events.k8s.io", _) => Some(&alias::EVENTS),
                ("autoscaling", "v1") => Some(&alias::AUTOSCALERS),
                _ => None,
            },
        }
    })
}
