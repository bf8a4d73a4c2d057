//! kubectl's streams into pods, and what pods get from the cluster.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use k8s_openapi::api::core::v1::Pod;
use kube::Api;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    runtime::Runtime,
};

use super::lab::{Lab, eventually, text};

/// Runs kubectl against a lab; tests that need it fail where there is none.
pub(crate) fn kubectl(lab: &Lab, args: &[&str], input: &str) -> Output {
    let mut child = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(lab.dir().join("kubeconfig"))
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("kubectl 1.31 or later is on the PATH");
    let mut stdin = child.stdin.take().expect("a pipe");
    stdin.write_all(input.as_bytes()).ok();
    drop(stdin);
    child.wait_with_output().expect("it ends")
}

fn fine(lab: &Lab, args: &[&str], input: &str) -> String {
    let output = kubectl(lab, args, input);
    assert!(output.status.success(), "{args:?}: {}", text(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

const PODS: &str = r#"
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {a: "1", b: "2"}
---
apiVersion: v1
kind: Pod
metadata:
  name: p
  annotations: {lab.skep.io/command: "trap 'echo bye; exit 0' TERM; echo one; echo two; while :; do sleep 0.1; done"}
spec:
  terminationGracePeriodSeconds: 5
  containers:
  - name: c
    image: none
    resources: {limits: {cpu: 500m}}
    env:
    - {name: A, valueFrom: {configMapKeyRef: {name: settings, key: a}}}
    - {name: CPU, valueFrom: {resourceFieldRef: {resource: limits.cpu, divisor: 1m}}}
    volumeMounts:
    - {name: settings, mountPath: /not-on-the-machine/settings}
    - {name: settings, mountPath: /etc/skep-lab-test.conf, subPath: b}
    - {name: room, mountPath: /also-not/room}
  - name: web
    image: none
    ports: [{containerPort: 80, name: http}]
    readinessProbe: {httpGet: {port: http}}
  volumes:
  - {name: settings, configMap: {name: settings}}
  - {name: room, emptyDir: {}}
"#;

fn up(name: &str) -> Lab {
    let lab = Lab::bare(name, &["--nodes", "1"]);
    fine(&lab, &["apply", "-f", "-"], PODS);
    fine(&lab, &["wait", "--for=condition=ready", "pod/p", "--timeout=30s"], "");
    lab
}

#[test]
#[ignore = "needs root"]
fn volumes_and_variables_come_from_the_cluster_and_leave_the_machine_alone() {
    let lab = up("volumes");
    let run = |script: &str| fine(&lab, &["exec", "p", "-c", "c", "--", "sh", "-c", script], "");
    assert_eq!(
        run("cat /not-on-the-machine/settings/a /etc/skep-lab-test.conf; echo $A $CPU"),
        "121 500\n"
    );
    run("echo x > /also-not/room/file");
    assert_eq!(
        run("ls /var/run/secrets/kubernetes.io/serviceaccount"),
        "ca.crt\nnamespace\ntoken\n"
    );
    let refused = kubectl(
        &lab,
        &["exec", "p", "-c", "c", "--", "touch", "/not-on-the-machine/settings/x"],
        "",
    );
    assert!(!refused.status.success());
    for path in ["/not-on-the-machine", "/also-not", "/etc/skep-lab-test.conf"] {
        assert!(!PathBuf::from(path).exists(), "{path}");
    }
    // A change comes to the pod while it runs.
    fine(&lab, &["patch", "configmap", "settings", "-p", r#"{"data":{"a":"9"}}"#], "");
    Runtime::new().expect("a runtime").block_on(eventually("the new value", || async {
        (run("cat /not-on-the-machine/settings/a") == "9").then_some(())
    }));
}

#[test]
#[ignore = "needs root"]
fn kubectl_execs_attaches_runs_and_reads_logs() {
    let lab = up("streams");
    assert_eq!(fine(&lab, &["exec", "-i", "p", "-c", "c", "--", "cat"], "through"), "through");
    let seven = kubectl(&lab, &["exec", "p", "-c", "c", "--", "sh", "-c", "exit 7"], "");
    assert_eq!(seven.status.code(), Some(7));
    let absent = kubectl(&lab, &["exec", "p", "-c", "c", "--", "no-such-program"], "");
    assert!(text(&absent).contains("executable file not found in $PATH"), "{}", text(&absent));
    let run = ["run", "-i", "--rm", "one-off", "--image=none", "--restart=Never", "--"];
    let said = fine(&lab, &[&run[..], &["sh", "-c", "read word; echo got $word"]].concat(), "it\n");
    assert!(said.contains("got it"), "{said}");
    assert_eq!(fine(&lab, &["logs", "p", "-c", "c"], ""), "one\ntwo\n");
    assert_eq!(fine(&lab, &["logs", "p", "-c", "c", "--tail=1"], ""), "two\n");
    assert_eq!(fine(&lab, &["logs", "p", "-c", "c", "--limit-bytes=5"], ""), "one\nt");
    let stamped = fine(&lab, &["logs", "p", "-c", "c", "--timestamps"], "");
    let time = stamped.split(' ').next().expect("a word");
    assert!(time.parse::<jiff::Timestamp>().is_ok(), "{stamped}");
    assert!(
        fine(&lab, &["logs", "p", "--all-containers", "--prefix"], "").contains("[pod/p/c] one")
    );
    let previous = kubectl(&lab, &["logs", "p", "-c", "c", "--previous"], "");
    assert!(text(&previous).contains("previous terminated container \"c\" in pod \"p\" not found"));
    // A followed log ends with its container, which ends as it is asked to.
    let mut follow = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(lab.dir().join("kubeconfig"))
        .args(["logs", "-f", "p", "-c", "c"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubectl");
    fine(&lab, &["delete", "pod", "p"], "");
    let mut all = String::new();
    let mut out = follow.stdout.take().expect("a pipe");
    std::io::Read::read_to_string(&mut out, &mut all).expect("read");
    follow.wait().expect("it ends");
    assert_eq!(all, "one\ntwo\nbye\n");
}

#[test]
#[ignore = "needs root"]
fn terminals_and_ports_are_forwarded_to_clients_of_the_library() {
    let lab = up("library");
    Runtime::new().expect("a runtime").block_on(async {
        let pods: Api<Pod> = Api::default_namespaced(lab.client().await);
        let params = kube::api::AttachParams::interactive_tty().container("c");
        let script = "stty size; read word; echo \"<$word>\"; exit 3";
        let mut process = pods.exec("p", ["sh", "-c", script], &params).await.expect("started");
        let mut size = process.terminal_size().expect("a terminal");
        let wanted = kube::api::TerminalSize { height: 43, width: 132 };
        futures::SinkExt::send(&mut size, wanted).await.expect("sent");
        process.stdin().expect("input").write_all(b"typed\n").await.expect("sent");
        let mut out = String::new();
        process.stdout().expect("output").read_to_string(&mut out).await.expect("read");
        assert!(out.contains("<typed>"), "{out:?}");
        let status = process.take_status().expect("a status").await.expect("sent");
        let causes = status.details.and_then(|details| details.causes).unwrap_or_default();
        assert_eq!(causes[0].message.as_deref(), Some("3"));
        let mut forward = pods.portforward("p", &[80, 81]).await.expect("forwarded");
        let mut stream = forward.take_stream(80).expect("a stream");
        stream
            .write_all(b"GET / HTTP/1.1\r\nHost: p\r\nConnection: close\r\n\r\n")
            .await
            .expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.expect("read");
        assert!(answer.contains("\"container\":\"web\""), "{answer}");
        let refused = forward.take_error(81).expect("an error channel").await.unwrap_or_default();
        assert!(refused.contains("error forwarding port 81"), "{refused}");
    });
    let mut forward = Command::new("kubectl")
        .arg("--kubeconfig")
        .arg(lab.dir().join("kubeconfig"))
        .args(["port-forward", "pod/p", ":80"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("kubectl");
    let mut lines = std::io::BufReader::new(forward.stdout.take().expect("a pipe"));
    let mut line = String::new();
    std::io::BufRead::read_line(&mut lines, &mut line).expect("it says its port");
    let address = line.split_whitespace().nth(2).expect("an address").to_owned();
    for _ in 0..3 {
        let answer =
            Command::new("curl").args(["-s", "-m", "5", &format!("http://{address}/")]).output();
        let answer = text(&answer.expect("curl"));
        assert!(answer.contains("\"container\":\"web\""), "{line} {answer}");
    }
    forward.kill().expect("it runs");
    forward.wait().expect("it ends");
}

#[test]
#[ignore = "needs root"]
fn rollouts_are_followed_undone_and_remembered() {
    let lab = Lab::bare("rollouts", &["--nodes", "2"]);
    fine(&lab, &["create", "deployment", "web", "--image=one:1", "--replicas=3", "--port=80"], "");
    let follow = |what: &str| fine(&lab, &["rollout", "status", what, "--timeout=40s"], "");
    follow("deployment/web");
    fine(&lab, &["set", "image", "deployment/web", "one=two:1"], "");
    follow("deployment/web");
    let history = fine(&lab, &["rollout", "history", "deployment/web"], "");
    assert!(history.contains("1 ") && history.contains("2 "), "{history}");
    fine(&lab, &["rollout", "undo", "deployment/web"], "");
    follow("deployment/web");
    let image =
        ["get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].image}"];
    assert_eq!(fine(&lab, &image, ""), "one:1");
    fine(&lab, &["rollout", "restart", "deployment/web"], "");
    follow("deployment/web");
    // A rollout is done when the old pods are on their way out.
    Runtime::new().expect("a runtime").block_on(eventually("three pods", || async {
        let pods = fine(&lab, &["get", "pods", "-l", "app=web", "-o", "name"], "");
        (pods.lines().count() == 3).then_some(())
    }));
    fine(&lab, &["create", "job", "sum", "--image=none"], "");
    fine(&lab, &["wait", "--for=condition=complete", "job/sum", "--timeout=30s"], "");
    let endpoints = {
        fine(&lab, &["expose", "deployment", "web", "--type=NodePort", "--port=80"], "");
        let path = "jsonpath={.spec.ports[0].nodePort}";
        Runtime::new().expect("a runtime").block_on(eventually("a node port", || async {
            let port = fine(&lab, &["get", "service", "web", "-o", path], "");
            port.parse::<u16>().ok()
        }))
    };
    assert!((30_000..=32_767).contains(&endpoints));
}
