//! The kinds that an installation defines.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{
    Api,
    api::{DynamicObject, PostParams},
    runtime::{conditions, wait::await_condition},
};
use serde_json::{Value, json};

use super::harness::Lab;
use crate::{install, kubernetes::resource};

fn policy(name: &str, frontend: &Value, port: &str) -> DynamicObject {
    let object = json!({
        "apiVersion": "cilium.io/v2", "kind": "CiliumLocalRedirectPolicy",
        "metadata": { "name": name, "namespace": "default" },
        "spec": {
            "redirectFrontend": frontend,
            "redirectBackend": {
                "localEndpointSelector": { "matchLabels": { "app": "near" } },
                "toPorts": [{ "port": port, "protocol": "TCP" }],
            },
        },
    });
    serde_json::from_value(object).unwrap()
}

#[tokio::test]
async fn definitions_are_accepted_and_redirects_are_checked() {
    let lab = Lab::start().await;
    let client = lab.client().await;
    let definitions: Api<CustomResourceDefinition> = Api::all(client.clone());
    for kind in install::kinds() {
        let kind: CustomResourceDefinition = serde_json::from_value(kind).unwrap();
        definitions.create(&PostParams::default(), &kind).await.unwrap();
    }
    let name = "ciliumlocalredirectpolicies.cilium.io";
    let established = conditions::is_crd_established();
    await_condition(definitions, name, established).await.unwrap();
    let (kind, plural) = ("CiliumLocalRedirectPolicy", "ciliumlocalredirectpolicies");
    let policies: Api<DynamicObject> =
        Api::default_namespaced_with(client, &resource("cilium.io", "v2", kind, plural));
    let service = json!({ "serviceMatcher": { "serviceName": "dns" } });
    let address = json!({ "addressMatcher": {
        "ip": "169.254.169.254", "toPorts": [{ "port": "80", "protocol": "TCP" }],
    } });
    for (name, frontend) in [("service", &service), ("address", &address)] {
        let created =
            policies.create(&PostParams::default(), &policy(name, frontend, "8080")).await;
        assert_eq!(created.unwrap().data["spec"]["skipRedirectFromBackend"], false);
    }
    let both = json!({
        "addressMatcher": address["addressMatcher"], "serviceMatcher": service["serviceMatcher"],
    });
    for (frontend, port) in [(&both, "80"), (&json!({}), "80"), (&service, "-1")] {
        let refused = policies.create(&PostParams::default(), &policy("bad", frontend, port)).await;
        let Err(kube::Error::Api(status)) = refused else { panic!("{frontend} {port}") };
        assert_eq!(status.code, 422, "{frontend} {port}");
    }
}
