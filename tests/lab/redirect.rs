//! Local redirect policies: clients get the pod of their own node, and the service when there is none.

use k8s_openapi::api::{
    apps::v1::DaemonSet,
    core::v1::{Pod, Service},
};
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, ListParams, Patch, PatchParams},
};
use serde_json::{Value, json};
use skep::kubernetes;

use super::lab::{Lab, eventually};

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/services/redirect.yaml");
const ADDRESSES: [&str; 2] = ["169.254.169.254", "[fd00:ec2::254]"];

/// Asks for a page as the client's pod; the pod and the node that answered.
async fn ask(client: &Client, host: &str) -> Option<(String, String)> {
    ask_as(client, "client", host).await
}

async fn ask_as(client: &Client, pod: &str, host: &str) -> Option<(String, String)> {
    let command = ["curl", "-s", "-m", "2", &format!("http://{host}/")].map(str::to_owned);
    let output = kubernetes::exec(client, "default", pod, None, &command).await.expect("runs");
    let page: Value = serde_json::from_slice(&output.stdout).ok()?;
    Some((page["pod"].as_str()?.to_owned(), page["node"].as_str()?.to_owned()))
}

async fn answers_from(client: &Client, host: &str, app: &str) -> String {
    eventually(&format!("{host} leads to {app}"), || async {
        let (pod, node) = ask(client, host).await?;
        pod.starts_with(app).then_some(node)
    })
    .await
}

#[tokio::test]
#[ignore = "needs root"]
async fn clients_get_the_pod_of_their_node_and_the_service_when_there_is_none() {
    let lab = Lab::bare("redirect", &["--nodes", "2", "-f", APP]);
    let client = lab.client().await;
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let home = pods.get("client").await.expect("read").spec.expect("it has one").node_name;
    let services: Api<Service> = Api::namespaced(client.clone(), "default");
    let spec = services.get("cache").await.expect("read").spec.expect("it has one");
    let hosts: Vec<String> = spec
        .cluster_ips
        .expect("it has addresses")
        .into_iter()
        .map(|vip| if vip.contains(':') { format!("[{vip}]") } else { vip })
        .collect();
    assert_eq!(hosts.len(), 2, "both families");
    for host in hosts.iter().map(String::as_str).chain(ADDRESSES) {
        for _ in 0..4 {
            assert_eq!(Some(answers_from(&client, host, "near").await), home, "{host}");
        }
    }
    for host in &hosts {
        // Nodes are clients of their own pods, too, and datagrams go the same way.
        let node = home.as_deref().expect("a node");
        let page = lab.exec(node, &["curl", "-s", "-m", "2", &format!("http://{host}/")]);
        let page: Value = serde_json::from_slice(&page.stdout).expect("a page");
        assert_eq!(page["node"].as_str(), home.as_deref(), "{page}");
        let skep = env!("CARGO_BIN_EXE_skep").to_owned();
        let probe = format!("udp://{host}:53");
        let words = [skep, "connectivity".into(), "probe".into(), probe];
        let output = kubernetes::exec(&client, "default", "client", None, &words).await;
        assert_eq!(output.expect("runs").code, 0, "{host}");
    }
    pass_by(&client, &pods, &hosts).await;
    let sets: Api<DaemonSet> = Api::namespaced(client.clone(), "default");
    let nowhere =
        json!({ "spec": { "template": { "spec": { "nodeSelector": { "no": "where" } } } } });
    sets.patch("near", &PatchParams::default(), &Patch::Merge(&nowhere)).await.expect("patched");
    for host in &hosts {
        answers_from(&client, host, "far").await;
    }
    for host in ADDRESSES {
        eventually("nobody answers for the address any more", || async {
            ask(&client, host).await.is_none().then_some(())
        })
        .await;
    }
}

/// Backends of a policy that spares them find the service; everybody else is still redirected.
async fn pass_by(client: &Client, pods: &Api<Pod>, hosts: &[String]) {
    let list = pods.list(&ListParams::default().labels("app=near")).await.expect("listed");
    let names = list.items.into_iter().filter_map(|pod| pod.metadata.name);
    let near: Vec<String> = names.collect();
    assert_eq!(near.len(), 2);
    for (host, pod) in hosts.iter().flat_map(|host| near.iter().map(move |pod| (host, pod))) {
        let (taker, _) = ask_as(client, pod, host).await.expect("an answer");
        assert!(taker.starts_with("near"), "{pod} is redirected, too, not led to {taker}");
    }
    let kind = GroupVersionKind::gvk("cilium.io", "v2", "CiliumLocalRedirectPolicy");
    let kind = ApiResource::from_gvk_with_plural(&kind, "ciliumlocalredirectpolicies");
    let policies: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &kind);
    let sparing = json!({ "spec": { "skipRedirectFromBackend": true } });
    for name in ["cache", "metadata-v4", "metadata-v6"] {
        let patch = Patch::Merge(&sparing);
        policies.patch(name, &PatchParams::default(), &patch).await.expect("patched");
    }
    for (host, pod) in hosts.iter().flat_map(|host| near.iter().map(move |pod| (host, pod))) {
        eventually(&format!("{pod} finds the service at {host}"), || async {
            let (taker, _) = ask_as(client, pod, host).await?;
            taker.starts_with("far").then_some(())
        })
        .await;
        answers_from(client, host, "near").await;
        // Datagrams are answered by the service, too.
        let skep = env!("CARGO_BIN_EXE_skep").to_owned();
        let words = [skep, "connectivity".into(), "probe".into(), format!("udp://{host}:53")];
        let output = kubernetes::exec(client, "default", pod, None, &words).await;
        assert_eq!(output.expect("runs").code, 0, "{host}");
    }
    for host in ADDRESSES {
        eventually("backends are not led to themselves", || async {
            ask_as(client, &near[0], host).await.is_none().then_some(())
        })
        .await;
        answers_from(client, host, "near").await;
    }
}
