//! The lab's API server is killed and started again.

use std::{
    fs::File,
    process::{Child, Command, Stdio},
};

use k8s_openapi::api::core::v1::{ConfigMap, Node};
use kube::api::{Api, ListParams, PostParams};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::lab::{Lab, eventually, text};

/// A server that ends with the test.
struct Server(Child);

impl Server {
    fn start(lab: &Lab) -> Self {
        let log = File::options().append(true).open(lab.dir().join("logs/lab.log")).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_skep"));
        command.args(["lab", "serve", "--name", &lab.name]).stdin(Stdio::null());
        Self(command.stdout(log.try_clone().unwrap()).stderr(log).spawn().unwrap())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

#[tokio::test]
#[ignore = "needs root"]
async fn an_api_server_that_was_killed_goes_on_with_its_objects() {
    let lab = Lab::bare("revived", &["--nodes", "1"]);
    let client = lab.client().await;
    let maps: Api<ConfigMap> = Api::default_namespaced(client.clone());
    let mut map = ConfigMap::default();
    map.metadata.name = Some("kept".to_owned());
    let before = maps.create(&PostParams::default(), &map).await.unwrap();
    for pid in lab.processes(&["lab serve"]) {
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }
    eventually("the server is gone", || async { maps.get("kept").await.err() }).await;
    let server = Server::start(&lab);
    // The same client, address, authority and certificate.
    let after = eventually("the server is back", || async { maps.get("kept").await.ok() }).await;
    assert_eq!(after, before);
    let nodes: Api<Node> = Api::all(client);
    assert_eq!(nodes.list(&ListParams::default()).await.unwrap().items.len(), 1);
    // The token that the agent has had all along is still good.
    let file = std::fs::read_to_string(lab.dir().join("node-1/run/lab/kubeconfig")).unwrap();
    assert!(file.contains("token:"), "{file}");
    let script = "curl -sk -H \"Authorization: Bearer $(sed -n 's/.*token: //p' /run/lab/kubeconfig)\" \
                  $(sed -n 's/.*server: //p' /run/lab/kubeconfig)/api/v1/nodes";
    let said = text(&lab.exec("node-1", &["sh", "-c", script]));
    assert!(said.contains("NodeList"), "{said}");
    drop(server);
}
