//! What may be written in a `CiliumLocalRedirectPolicy`, with the words of its upstream definition.

use serde_json::{Value, json};

/// The kind.
pub(super) const KIND: &str = "CiliumLocalRedirectPolicy";

/// A number of a port, or the name that a service or a container has for it.
const PORT: &str = "^([0-9]{1,5}|[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?)$";
const PORT_NAME: &str = "^[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?$";

/// Returns the schema of `spec`.
pub(super) fn spec() -> Value {
    json!({
        "type": "object",
        "description": "What is redirected to pods of the node that sends it.",
        "required": ["redirectBackend", "redirectFrontend"],
        "properties": {
            "description": text("What the policy is for."),
            "redirectFrontend": frontend(),
            "redirectBackend": backend(),
            "skipRedirectFromBackend": {
                "type": "boolean",
                "default": false,
                "description": "Whether what the backend itself sends to the frontend is not redirected.",
            },
        },
    })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn frontend() -> Value {
    json!({
        "type": "object",
        "description": "Whose traffic is redirected: that of an address or of a service.",
        "oneOf": [{ "required": ["addressMatcher"] }, { "required": ["serviceMatcher"] }],
        "properties": {
            "addressMatcher": {
                "type": "object",
                "description": "An address that is no node's, no pod's and no service's.",
                "required": ["ip", "toPorts"],
                "properties": { "ip": text("The address."), "toPorts": ports() },
            },
            "serviceMatcher": {
                "type": "object",
                "description": "A service of type ClusterIP, at its cluster IPs.",
                "required": ["serviceName"],
                "properties": {
                    "serviceName": text("Its name."),
                    "namespace": text("Its namespace, which is the policy's."),
                    "toPorts": ports(),
                },
            },
        },
    })
}

fn backend() -> Value {
    json!({
        "type": "object",
        "description": "The pods that get the traffic, on each node its own.",
        "required": ["localEndpointSelector", "toPorts"],
        "properties": {
            "localEndpointSelector": selector(),
            "overrideIP": text("Not supported: a policy with it has no effect."),
            "toPorts": ports(),
        },
    })
}

/// Several ports of one side find those of the other by name.
fn ports() -> Value {
    json!({
        "type": "array",
        "description": "Ports; if there are several, they have names.",
        "items": {
            "type": "object",
            "required": ["port", "protocol"],
            "properties": {
                "port": { "type": "string", "pattern": PORT, "description": "Its number." },
                "protocol": { "type": "string", "enum": ["TCP", "UDP"] },
                "name": { "type": "string", "pattern": PORT_NAME },
            },
        },
    })
}

fn selector() -> Value {
    json!({
        "type": "object",
        "description": "Selects pods of the policy's namespace.",
        "properties": {
            "matchLabels": { "type": "object", "additionalProperties": { "type": "string" } },
            "matchExpressions": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["key", "operator"],
                    "properties": {
                        "key": { "type": "string" },
                        "operator": {
                            "type": "string", "enum": ["In", "NotIn", "Exists", "DoesNotExist"],
                        },
                        "values": { "type": "array", "items": { "type": "string" } },
                    },
                },
            },
        },
    })
}
