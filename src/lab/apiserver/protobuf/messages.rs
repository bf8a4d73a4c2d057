//! The fields of the messages that kubectl's `create` and `auth` commands send. A table, nothing else.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use Kind::{Bytes, Flag, IntOrText, List, Map, Message, Number, Positive, Quantity, Text};

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Bytes,
    /// Zero counts.
    Number,
    /// Zero means not set.
    Positive,
    Flag,
    Quantity,
    IntOrText,
    Message(&'static str),
    List(&'static Kind),
    Map(&'static Kind),
}

/// Number, JSON name, content.
pub(super) type Field = (u64, &'static str, Kind);

pub(super) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

const TEXTS: Kind = List(&Text);
const META: Field = (1, "metadata", Message("ObjectMeta"));

/// Returns the fields of a message.
pub(super) fn fields(message: &str) -> Option<&'static [Field]> {
    Some(match message {
        "ObjectMeta" => &[
            (1, "name", Text),
            (2, "generateName", Text),
            (3, "namespace", Text),
            (5, "uid", Text),
            (6, "resourceVersion", Text),
            (11, "labels", Map(&Text)),
            (12, "annotations", Map(&Text)),
            (13, "ownerReferences", List(&Message("OwnerReference"))),
            (14, "finalizers", TEXTS),
        ],
        "OwnerReference" => &[
            (1, "kind", Text),
            (3, "name", Text),
            (4, "uid", Text),
            (5, "apiVersion", Text),
            (6, "controller", Flag),
            (7, "blockOwnerDeletion", Flag),
        ],
        "LabelSelector" => &[
            (1, "matchLabels", Map(&Text)),
            (2, "matchExpressions", List(&Message("LabelSelectorRequirement"))),
        ],
        "LabelSelectorRequirement" => {
            &[(1, "key", Text), (2, "operator", Text), (3, "values", TEXTS)]
        }
        "LocalObjectReference" => &[(1, "name", Text)],
        "ObjectReference" => &[
            (1, "kind", Text),
            (2, "namespace", Text),
            (3, "name", Text),
            (4, "uid", Text),
            (5, "apiVersion", Text),
        ],
        "Namespace" => &[
            META,
            (2, "spec", Message("NamespaceSpec")),
            (3, "status", Message("NamespaceStatus")),
        ],
        "NamespaceSpec" => &[(1, "finalizers", TEXTS)],
        "NamespaceStatus" => &[(1, "phase", Text)],
        "ConfigMap" => {
            &[META, (2, "data", Map(&Text)), (3, "binaryData", Map(&Bytes)), (4, "immutable", Flag)]
        }
        "Secret" => &[
            META,
            (2, "data", Map(&Bytes)),
            (3, "type", Text),
            (4, "stringData", Map(&Text)),
            (5, "immutable", Flag),
        ],
        "ServiceAccount" => &[
            META,
            (2, "secrets", List(&Message("ObjectReference"))),
            (3, "imagePullSecrets", List(&Message("LocalObjectReference"))),
        ],
        "Service" => &[META, (2, "spec", Message("ServiceSpec"))],
        "ServiceSpec" => &[
            (1, "ports", List(&Message("ServicePort"))),
            (2, "selector", Map(&Text)),
            (3, "clusterIP", Text),
            (4, "type", Text),
            (5, "externalIPs", TEXTS),
            (7, "sessionAffinity", Text),
            (8, "loadBalancerIP", Text),
            (10, "externalName", Text),
            (11, "externalTrafficPolicy", Text),
        ],
        "ServicePort" => &[
            (1, "name", Text),
            (2, "protocol", Text),
            (3, "port", Number),
            (4, "targetPort", IntOrText),
            (5, "nodePort", Positive),
            (6, "appProtocol", Text),
        ],
        "ResourceQuota" => &[META, (2, "spec", Message("ResourceQuotaSpec"))],
        "ResourceQuotaSpec" => &[(1, "hard", Map(&Quantity)), (2, "scopes", TEXTS)],
        "Pod" => &[META, (2, "spec", Message("PodSpec"))],
        "PodTemplateSpec" => &[META, (2, "spec", Message("PodSpec"))],
        "PodSpec" => &[
            (2, "containers", List(&Message("Container"))),
            (3, "restartPolicy", Text),
            (4, "terminationGracePeriodSeconds", Number),
            (5, "activeDeadlineSeconds", Number),
            (6, "dnsPolicy", Text),
            (7, "nodeSelector", Map(&Text)),
            (8, "serviceAccountName", Text),
            (10, "nodeName", Text),
            (11, "hostNetwork", Flag),
            (20, "initContainers", List(&Message("Container"))),
        ],
        "Container" => &[
            (1, "name", Text),
            (2, "image", Text),
            (3, "command", TEXTS),
            (4, "args", TEXTS),
            (5, "workingDir", Text),
            (6, "ports", List(&Message("ContainerPort"))),
            (7, "env", List(&Message("EnvVar"))),
            (8, "resources", Message("ResourceRequirements")),
            (14, "imagePullPolicy", Text),
        ],
        "ContainerPort" => &[
            (1, "name", Text),
            (2, "hostPort", Positive),
            (3, "containerPort", Number),
            (4, "protocol", Text),
            (5, "hostIP", Text),
        ],
        "EnvVar" => &[(1, "name", Text), (2, "value", Text)],
        "ResourceRequirements" => &[(1, "limits", Map(&Quantity)), (2, "requests", Map(&Quantity))],
        "Deployment" => &[META, (2, "spec", Message("DeploymentSpec"))],
        "DeploymentSpec" => &[
            (1, "replicas", Number),
            (2, "selector", Message("LabelSelector")),
            (3, "template", Message("PodTemplateSpec")),
            (4, "strategy", Message("DeploymentStrategy")),
            (5, "minReadySeconds", Positive),
            (6, "revisionHistoryLimit", Number),
            (7, "paused", Flag),
            (9, "progressDeadlineSeconds", Number),
        ],
        "DeploymentStrategy" => {
            &[(1, "type", Text), (2, "rollingUpdate", Message("RollingUpdateDeployment"))]
        }
        "RollingUpdateDeployment" => {
            &[(1, "maxUnavailable", IntOrText), (2, "maxSurge", IntOrText)]
        }
        "Job" => &[META, (2, "spec", Message("JobSpec"))],
        "JobSpec" => &[
            (1, "parallelism", Number),
            (2, "completions", Number),
            (3, "activeDeadlineSeconds", Number),
            (4, "selector", Message("LabelSelector")),
            (5, "manualSelector", Flag),
            (6, "template", Message("PodTemplateSpec")),
            (7, "backoffLimit", Number),
            (8, "ttlSecondsAfterFinished", Number),
        ],
        "CronJob" => &[META, (2, "spec", Message("CronJobSpec"))],
        "CronJobSpec" => &[
            (1, "schedule", Text),
            (2, "startingDeadlineSeconds", Number),
            (3, "concurrencyPolicy", Text),
            (4, "suspend", Flag),
            (5, "jobTemplate", Message("JobTemplateSpec")),
            (6, "successfulJobsHistoryLimit", Number),
            (7, "failedJobsHistoryLimit", Number),
            (8, "timeZone", Text),
        ],
        "JobTemplateSpec" => &[META, (2, "spec", Message("JobSpec"))],
        "Role" => &[META, (2, "rules", List(&Message("PolicyRule")))],
        "ClusterRole" => &[
            META,
            (2, "rules", List(&Message("PolicyRule"))),
            (3, "aggregationRule", Message("AggregationRule")),
        ],
        "AggregationRule" => &[(1, "clusterRoleSelectors", List(&Message("LabelSelector")))],
        "PolicyRule" => &[
            (1, "verbs", TEXTS),
            (2, "apiGroups", List(&Text)),
            (3, "resources", TEXTS),
            (4, "resourceNames", TEXTS),
            (5, "nonResourceURLs", TEXTS),
        ],
        "RoleBinding" | "ClusterRoleBinding" => {
            &[META, (2, "subjects", List(&Message("Subject"))), (3, "roleRef", Message("RoleRef"))]
        }
        "Subject" => {
            &[(1, "kind", Text), (2, "apiGroup", Text), (3, "name", Text), (4, "namespace", Text)]
        }
        "RoleRef" => &[(1, "apiGroup", Text), (2, "kind", Text), (3, "name", Text)],
        "Ingress" => &[META, (2, "spec", Message("IngressSpec"))],
        "IngressSpec" => &[
            (1, "defaultBackend", Message("IngressBackend")),
            (2, "tls", List(&Message("IngressTLS"))),
            (3, "rules", List(&Message("IngressRule"))),
            (4, "ingressClassName", Text),
        ],
        "IngressTLS" => &[(1, "hosts", TEXTS), (2, "secretName", Text)],
        "IngressRule" => &[(1, "host", Text), (2, "", Message("IngressRuleValue"))],
        "IngressRuleValue" => &[(1, "http", Message("HTTPIngressRuleValue"))],
        "HTTPIngressRuleValue" => &[(1, "paths", List(&Message("HTTPIngressPath")))],
        "HTTPIngressPath" => {
            &[(1, "path", Text), (2, "backend", Message("IngressBackend")), (3, "pathType", Text)]
        }
        "IngressBackend" => &[(4, "service", Message("IngressServiceBackend"))],
        "IngressServiceBackend" => &[(1, "name", Text), (2, "port", Message("ServiceBackendPort"))],
        "ServiceBackendPort" => &[(1, "name", Text), (2, "number", Positive)],
        "PodDisruptionBudget" => &[META, (2, "spec", Message("PodDisruptionBudgetSpec"))],
        "PodDisruptionBudgetSpec" => &[
            (1, "minAvailable", IntOrText),
            (2, "selector", Message("LabelSelector")),
            (3, "maxUnavailable", IntOrText),
        ],
        "HorizontalPodAutoscaler" => &[META, (2, "spec", Message("HorizontalPodAutoscalerSpec"))],
        "HorizontalPodAutoscalerSpec" => &[
            (1, "scaleTargetRef", Message("CrossVersionObjectReference")),
            (2, "minReplicas", Positive),
            (3, "maxReplicas", Number),
            (4, "targetCPUUtilizationPercentage", Positive),
        ],
        "CrossVersionObjectReference" => {
            &[(1, "kind", Text), (2, "name", Text), (3, "apiVersion", Text)]
        }
        "PriorityClass" => &[
            META,
            (2, "value", Number),
            (3, "globalDefault", Flag),
            (4, "description", Text),
            (5, "preemptionPolicy", Text),
        ],
        "Eviction" => &[META, (2, "deleteOptions", Message("DeleteOptions"))],
        "DeleteOptions" => &[(1, "gracePeriodSeconds", Number), (4, "propagationPolicy", Text)],
        "TokenRequest" => &[META, (2, "spec", Message("TokenRequestSpec"))],
        "TokenRequestSpec" => &[(1, "audiences", TEXTS), (4, "expirationSeconds", Number)],
        "TokenReview" => &[META, (2, "spec", Message("TokenReviewSpec"))],
        "TokenReviewSpec" => &[(1, "token", Text), (2, "audiences", TEXTS)],
        "SelfSubjectReview" => &[META],
        "SelfSubjectRulesReview" => &[META, (2, "spec", Message("SelfSubjectRulesReviewSpec"))],
        "SelfSubjectRulesReviewSpec" => &[(1, "namespace", Text)],
        "SelfSubjectAccessReview" => &[META, (2, "spec", Message("AccessReviewSpec"))],
        "SubjectAccessReview" | "LocalSubjectAccessReview" => {
            &[META, (2, "spec", Message("AccessReviewSpec"))]
        }
        "AccessReviewSpec" => &[
            (1, "resourceAttributes", Message("ResourceAttributes")),
            (2, "nonResourceAttributes", Message("NonResourceAttributes")),
            (3, "user", Text),
            (4, "groups", TEXTS),
        ],
        "ResourceAttributes" => &[
            (1, "namespace", Text),
            (2, "verb", Text),
            (3, "group", Text),
            (4, "version", Text),
            (5, "resource", Text),
            (6, "subresource", Text),
            (7, "name", Text),
        ],
        "NonResourceAttributes" => &[(1, "path", Text), (2, "verb", Text)],
        _ => return None,
    })
}
