//! Rights and reviews, without kubectl.

use k8s_openapi::api::core::v1::{ConfigMap, Pod};
use kube::api::{Api, ListParams, Patch, PatchParams, PostParams};
use serde_json::{Value, json};

use super::harness::Lab;
use super::protocol::{send, send_as};

async fn post(lab: &Lab, path: &str, body: Value) -> Value {
    let body = body.to_string().into_bytes();
    let (code, answer) = send(lab, "POST", path, "application/json", body).await;
    assert_eq!(code, 201, "{path}: {answer}");
    answer
}

async fn bind(lab: &Lab, role: &str, account: &str) {
    let place = "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings";
    let binding = json!({"metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": "default"}]});
    post(lab, place, binding).await;
}

fn denied(error: kube::Error) -> String {
    match error {
        kube::Error::Api(status) if status.code == 403 => status.message.clone(),
        other => panic!("{other}"),
    }
}

#[tokio::test]
async fn strangers_are_forbidden_what_they_may_not_and_forgers_are_nobody() {
    let lab = Lab::start().await;
    let pods = "/api/v1/namespaces/default/pods";
    let denied = "User \"system:anonymous\" cannot";
    for (path, credential, code, said) in [
        ("/healthz", "", 200, ""),
        ("/version", "", 200, ""),
        ("/api", "", 403, denied),
        ("/openapi/v3", "", 403, denied),
        (pods, "", 403, denied),
        (pods, "Authorization: Bearer wrong\r\n", 401, "Unauthorized"),
        (pods, "Authorization: Basic eDp5\r\n", 401, "Unauthorized"),
        ("/healthz", "Authorization: Bearer wrong\r\n", 401, "Unauthorized"),
    ] {
        let (found, answer) =
            send_as(&lab, credential, ("GET", path), "application/json", vec![]).await;
        assert_eq!(found, code, "{path} {credential}: {answer}");
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(message.contains(said), "{path} {credential}: {answer}");
    }
    // What is bound to strangers is theirs.
    let binding = json!({"metadata": {"name": "all"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "Group", "name": "system:unauthenticated"}]});
    post(&lab, "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding).await;
    let (code, _) = send_as(&lab, "", ("GET", pods), "application/json", vec![]).await;
    assert_eq!(code, 200);
}

#[tokio::test]
async fn an_account_may_do_what_its_bindings_say_and_where() {
    let lab = Lab::start().await;
    post(&lab, "/api/v1/namespaces/default/serviceaccounts", json!({"metadata": {"name": "sa"}}))
        .await;
    let token = lab.server.service_account_token("default", "sa");
    let client = lab.client_with_token(&token).await;
    let pods: Api<Pod> = Api::default_namespaced(client.clone());
    let message = denied(pods.list(&ListParams::default()).await.unwrap_err());
    assert_eq!(
        message,
        "pods is forbidden: User \"system:serviceaccount:default:sa\" cannot list resource \"pods\" in API group \"\" in the namespace \"default\""
    );
    bind(&lab, "view", "sa").await;
    pods.list(&ListParams::default()).await.unwrap();
    denied(Api::<Pod>::all(client.clone()).list(&ListParams::default()).await.unwrap_err());
    let elsewhere: Api<Pod> = Api::namespaced(client.clone(), "kube-system");
    denied(elsewhere.list(&ListParams::default()).await.unwrap_err());
    // Applying an object that is not there creates it, which takes more than patching.
    let maps: Api<ConfigMap> = Api::default_namespaced(client);
    let wish = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}});
    let params = PatchParams::apply("me");
    denied(maps.patch("c", &params, &Patch::Apply(&wish)).await.unwrap_err());
    let exec = pods.exec("p", ["true"], &kube::api::AttachParams::default()).await;
    assert!(exec.is_err(), "viewing pods is not enough to run programs in them");
}

#[tokio::test]
async fn reviews_tell_who_a_token_is_and_what_a_user_may_do() {
    let lab = Lab::start().await;
    let token = lab.server.service_account_token("default", "default");
    let reviews = "/apis/authentication.k8s.io/v1/tokenreviews";
    let review = post(&lab, reviews, json!({"spec": {"token": token}})).await;
    let user = "system:serviceaccount:default:default";
    assert_eq!(review["status"]["user"]["username"], user);
    let other = json!({"spec": {"token": token, "audiences": ["vault"]}});
    assert_eq!(post(&lab, reviews, other).await["status"]["authenticated"], false);
    let forged = json!({"spec": {"token": format!("{token}x")}});
    assert_eq!(post(&lab, reviews, forged).await["status"]["authenticated"], false);

    let asked = "/api/v1/namespaces/default/serviceaccounts/default/token";
    let spec = json!({"spec": {"audiences": ["vault"], "expirationSeconds": 900}});
    let own = post(&lab, asked, spec).await;
    let for_vault = own["status"]["token"].as_str().unwrap();
    let body = json!({"spec": {"token": for_vault, "audiences": ["vault", "x"]}});
    assert_eq!(post(&lab, reviews, body).await["status"]["audiences"], json!(["vault"]));
    let client = lab.client_with_token(for_vault).await;
    assert!(
        client.apiserver_version().await.is_err(),
        "a token for others is none for this server"
    );

    bind(&lab, "view", "default").await;
    let access = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
    for (attributes, allowed) in [
        (json!({"verb": "list", "resource": "pods", "namespace": "default"}), true),
        (json!({"verb": "list", "resource": "pods", "namespace": "kube-system"}), false),
        (json!({"verb": "delete", "resource": "pods", "namespace": "default"}), false),
        (
            json!({"verb": "list", "group": "apps", "resource": "deployments", "namespace": "default"}),
            true,
        ),
    ] {
        let spec = json!({"spec": {"user": user, "resourceAttributes": attributes}});
        let review = post(&lab, access, spec).await;
        assert_eq!(review["status"]["allowed"], allowed, "{attributes}");
    }
    let path = json!({"spec": {"user": "x", "groups": ["system:authenticated"],
        "nonResourceAttributes": {"verb": "get", "path": "/apis/apps"}}});
    assert_eq!(post(&lab, access, path).await["status"]["allowed"], true);
    let local = "/apis/authorization.k8s.io/v1/namespaces/default/localsubjectaccessreviews";
    let spec = json!({"spec": {"user": user, "resourceAttributes": {"verb": "get", "resource": "pods", "namespace": "kube-system"}}});
    let body = spec.to_string().into_bytes();
    assert_eq!(send(&lab, "POST", local, "application/json", body).await.0, 422);
    let rules = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews";
    let all = post(&lab, rules, json!({"spec": {"namespace": "default"}})).await;
    assert_eq!(all["status"]["resourceRules"][0]["verbs"], json!(["*"]));
}

#[tokio::test]
async fn a_binding_to_a_role_that_is_not_there_grants_nothing_until_it_is() {
    let lab = Lab::start().await;
    let token = lab.server.service_account_token("default", "default");
    bind(&lab, "later", "default").await;
    let maps: Api<ConfigMap> = Api::default_namespaced(lab.client_with_token(&token).await);
    denied(maps.list(&ListParams::default()).await.unwrap_err());
    let role = json!({"metadata": {"name": "later"},
        "rules": [{"verbs": ["list"], "apiGroups": [""], "resources": ["configmaps"]}]});
    post(&lab, "/apis/rbac.authorization.k8s.io/v1/clusterroles", role).await;
    maps.list(&ListParams::default()).await.unwrap();
    denied(maps.create(&PostParams::default(), &ConfigMap::default()).await.unwrap_err());
}
