//! What `deploy/` has for Prometheus and Grafana, with a real Prometheus that scrapes a lab.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client,
    api::{ApiResource, DynamicObject, GroupVersionKind, PostParams},
};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    documented,
    lab::{Lab, eventually, text},
    services::run,
};

#[path = "../support/deploy.rs"]
mod shipped;

const APP: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/services/web.yaml");

/// Where Prometheus listens, in the network of a node.
const LISTEN: &str = "127.0.0.1:9090";

/// Series that a healthy lab of a few seconds does not have.
const LATER: [&str; 2] = [
    // The lab exports nothing.
    "skep_agent_export_lost_flows_total",
    // Maps have room.
    "skep_agent_map_failures_total",
];

/// Runs one of Prometheus' programs.
fn program(name: &str, args: &[&str]) -> Output {
    Command::new(name).args(args).output().unwrap_or_else(|error| {
        panic!("{name} cannot be run ({error}); `scripts/setup --test` installs package prometheus")
    })
}

/// A Prometheus in the network of node-1, ended when the test ends.
struct Prometheus<'a> {
    lab: &'a Lab,
    process: Child,
    dir: TempDir,
}

impl<'a> Prometheus<'a> {
    /// Starts one that scrapes each second.
    fn start(lab: &'a Lab, relay: &str) -> Self {
        let version = program("prometheus", &["--version"]);
        assert!(version.status.success(), "{}", text(&version));
        let dir = tempfile::tempdir().expect("a temporary directory");
        let config = configure(dir.path(), relay);
        let log = fs::File::create(dir.path().join("log")).expect("a file");
        // `lab exec` becomes the command, in the node's control group: `lab down` would end it, too.
        let process = Command::new(env!("CARGO_BIN_EXE_skep"))
            .args(["lab", "exec", "--name", &lab.name, "node-1", "--", "prometheus"])
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", dir.path().join("data").display()))
            .arg(format!("--web.listen-address={LISTEN}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("skep can be run");
        Self { lab, process, dir }
    }

    /// Asks its API; nothing while it does not answer.
    fn ask(&self, path: &str, query: &str) -> Option<Value> {
        let url = format!("http://{LISTEN}/api/v1/{path}");
        let query = format!("query={query}");
        let command = ["curl", "-s", "-m", "5", "-G", "--data-urlencode", &query, &url];
        let answer = self.lab.exec("node-1", &command);
        serde_json::from_slice(&answer.stdout).ok()
    }

    /// Evaluates an expression now.
    fn query(&self, expr: &str) -> Vec<Value> {
        let answer = self.ask("query", expr).expect("Prometheus answers");
        assert_eq!(answer["status"], "success", "{expr}: {answer}");
        answer["data"]["result"].as_array().expect("a vector").clone()
    }

    /// Returns the alerts that fire.
    fn firing(&self) -> BTreeSet<String> {
        let alerts = self.query(r#"ALERTS{alertstate="firing"}"#);
        let name = |alert: &Value| alert["metric"]["alertname"].as_str().map(str::to_owned);
        alerts.iter().filter_map(name).collect()
    }

    /// Waits until an alert fires; `nudge` makes trouble again and again.
    async fn fires(&self, alert: &str, nudge: impl AsyncFn()) {
        eventually(alert, || async {
            nudge().await;
            self.firing().contains(alert).then_some(())
        })
        .await;
    }
}

impl Drop for Prometheus<'_> {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
        if std::thread::panicking() {
            eprintln!("{}", fs::read_to_string(self.dir.path().join("log")).unwrap_or_default());
        }
    }
}

/// Writes what is shipped, made quick, into a directory: seconds instead of minutes, and a node that
/// is known instead of found, as Debian's Prometheus cannot ask Kubernetes.
fn configure(dir: &Path, relay: &str) -> PathBuf {
    let mut config = shipped::scraping();
    for job in config["scrape_configs"].as_array_mut().expect("jobs") {
        let job = job.as_object_mut().expect("a job");
        let found = job.remove("kubernetes_sd_configs").expect("nodes or pods");
        let labels = if found[0]["role"] == "node" {
            json!({
                "__meta_kubernetes_node_address_InternalIP": "127.0.0.1",
                "__meta_kubernetes_node_name": "node-1",
            })
        } else {
            let name = job["job_name"].as_str().expect("a name");
            let address = if name == "skep-relay" { relay } else { "127.0.0.1" };
            json!({
                "__meta_kubernetes_pod_ip": address,
                "__meta_kubernetes_pod_label_k8s_app": name,
                "__meta_kubernetes_pod_node_name": "node-1",
            })
        };
        let target = json!([{ "targets": ["found:1"], "labels": labels }]);
        job.insert("static_configs".to_owned(), target);
    }
    config["global"] = json!({
        "scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s",
    });
    config["rule_files"] = json!(["rules.yaml"]);
    let rules = [
        (r"(?m)^( *for:) .*$", "$1 1s"),
        (r"\[[0-9]+[mh]\]", "[10s]"),
        // Longer ago than the lab is there.
        (r"offset 1h", "offset 30m"),
    ]
    .into_iter()
    .fold(shipped::rules_text(), |text, (what, with)| {
        let pattern = Regex::new(what).expect("a pattern");
        assert!(pattern.is_match(&text), "no rule has {what}");
        pattern.replace_all(&text, with).into_owned()
    });
    fs::write(dir.join("rules.yaml"), rules).expect("written");
    let file = dir.join("prometheus.yaml");
    // JSON is YAML.
    fs::write(&file, config.to_string()).expect("written");
    file
}

/// Sends datagrams to a pod that is closed.
async fn knock(client: &Client, address: &str) {
    let send = format!("for i in {{1..300}}; do echo hello > /dev/udp/{address}/5353; done");
    assert_eq!(run(client, &["bash", "-c", &send]).await.0, 0);
}

/// Makes a policy in the namespace of the application.
async fn create(client: &Client, (group, version, kind): (&str, &str, &str), spec: Value) {
    let resource = ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind));
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), "default", &resource);
    let policy = DynamicObject::new("of-the-test", &resource).data(json!({ "spec": spec }));
    api.create(&PostParams::default(), &policy).await.expect("the policy is made");
}

/// Closes the pod that nobody else talks to.
async fn close(client: &Client) {
    let spec = json!({
        "podSelector": { "matchLabels": { "app": "lone" } }, "policyTypes": ["Ingress"],
    });
    create(client, ("networking.k8s.io", "v1", "NetworkPolicy"), spec).await;
}

/// Makes a policy that nobody can accept: no port has such a name.
async fn make_nonsense(client: &Client) {
    let port = json!({ "port": "much-too-long-for-the-name-of-a-port", "protocol": "TCP" });
    let spec = json!({
        "endpointSelector": { "matchLabels": { "app": "nobody" } },
        "ingress": [{ "toPorts": [{ "ports": [port] }] }],
    });
    create(client, ("cilium.io", "v2", "CiliumNetworkPolicy"), spec).await;
}

#[tokio::test]
#[ignore = "needs root"]
async fn a_real_prometheus_scrapes_a_lab_and_alerts_fire() {
    let lab = Lab::bare("prometheus", &["--nodes", "1", "-f", APP]);
    let client = lab.client().await;
    let relay = documented::relay(&client).await.ip().to_string();
    let prometheus = Prometheus::start(&lab, &relay);
    eventually("Prometheus listens", || async { prometheus.ask("query", "1") }).await;
    let jobs = ["skep-agent", "skep-flows", "skep-operator", "skep-relay"];
    for job in jobs {
        let up = format!("up{{job={job:?}, cluster=\"default\", node=\"node-1\"}} == 1");
        eventually(&up, || async { (prometheus.query(&up).len() == 1).then_some(()) }).await;
    }
    eventually("a healthy lab fires nothing", || async {
        prometheus.firing().is_empty().then_some(())
    })
    .await;

    // A little of everything, so that every counter has something to count.
    eventually("the server answers", || async {
        let page = run(&client, &["curl", "-s", "-m", "1", "http://web.default.svc/"]).await;
        (page.0 == 0).then_some(())
    })
    .await;
    let address = lone(&client).await;
    let echo = format!("icmp://{address}");
    let probe = [env!("CARGO_BIN_EXE_skep"), "connectivity", "probe", &echo];
    assert_eq!(run(&client, &probe).await.0, 0, "{echo}");
    close(&client).await;
    prometheus.fires("SkepPolicyDenialsSurge", async || knock(&client, &address).await).await;
    make_nonsense(&client).await;
    prometheus.fires("SkepPolicyRejected", async || ()).await;

    everything_is_answered(&prometheus).await;

    let agent = Pid::from_raw(lab.processes(&["skep agent", "--node-name node-1"])[0]);
    kill(agent, Signal::SIGSTOP).expect("it runs");
    prometheus.fires("SkepAgentDown", async || ()).await;
    kill(agent, Signal::SIGCONT).expect("it is there");
    eventually("the agent is well again", || async {
        (!prometheus.firing().contains("SkepAgentDown")).then_some(())
    })
    .await;
    kill(agent, Signal::SIGKILL).expect("it runs");
    let starts = "node:skep_agent_starts:count1h > 0";
    eventually(starts, || async { (!prometheus.query(starts).is_empty()).then_some(()) }).await;
}

/// Returns the address of a pod that nobody else talks to.
async fn lone(client: &Client) -> String {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    let pod = pods.get("lone").await.expect("the pod is there");
    pod.status.and_then(|status| status.pod_ip).expect("it has an address")
}

/// Evaluates every rule and every panel as shipped, and looks for every series that they name.
async fn everything_is_answered(prometheus: &Prometheus<'_>) {
    let rules = shipped::rules().into_iter().map(|rule| rule.expr);
    let panels = shipped::targets().into_iter().map(|target| target.expr);
    let mut series = BTreeSet::new();
    for expr in rules.chain(panels) {
        prometheus.query(&expr);
        series.extend(shipped::series(&expr));
    }
    for name in series.iter().filter(|name| !LATER.contains(&name.as_str())) {
        eventually(name, || async { (!prometheus.query(name).is_empty()).then_some(()) }).await;
    }
    let answer = prometheus.ask("rules", "").expect("Prometheus answers");
    let groups = answer["data"]["groups"].as_array().expect("groups");
    let all = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
    let sick: Vec<&Value> = all.filter(|rule| rule["health"] != "ok").collect();
    assert!(sick.is_empty(), "rules that Prometheus could not evaluate: {sick:?}");
}

#[test]
#[ignore = "needs the package prometheus"]
fn promtool_takes_the_rules_and_each_alert_fires_when_it_should() {
    let rules = shipped::path("prometheus/skep-rules.yaml");
    let checked = program("promtool", &["check", "rules", &rules.to_string_lossy()]);
    assert!(checked.status.success(), "{}", text(&checked));
    let tests = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/prometheus/alerts.yaml");
    let tested = program("promtool", &["test", "rules", tests]);
    assert!(tested.status.success(), "{}", text(&tested));
}
