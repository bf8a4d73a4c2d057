//! Runs kubectl.

use std::process::{Output, Stdio};

use crate::lab::apiserver::Limits;
use crate::lab::apiserver::tests::harness::Lab;

/// A server and the kubectl that talks to it.
pub(super) struct Shell {
    pub(super) lab: Lab,
}

pub(super) const DEPLOYMENT: &str = r#"
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, labels: {app: web}}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: "nginx:1", ports: [{containerPort: 80}]}
"#;

pub(super) const POD: &str = r#"
apiVersion: v1
kind: Pod
metadata: {name: p, labels: {app: web}}
spec: {nodeName: node-1, containers: [{name: c, image: "nginx:1"}]}
"#;

impl Shell {
    pub(super) async fn start() -> Self {
        Self { lab: Lab::with(Limits::default()).await }
    }

    /// Runs kubectl with arguments separated by blanks, `'...'` around those that have some.
    pub(super) async fn run(&self, line: &str, stdin: &str) -> Output {
        let config = self.lab.kubeconfig_file();
        // kubectl takes what starts with a brace for JSON.
        let stdin = if stdin.starts_with('{') { format!("---\n{stdin}") } else { stdin.to_owned() };
        let mut child = tokio::process::Command::new("kubectl")
            .args(words(line))
            .env("KUBECONFIG", &config)
            .env("HOME", self.lab.path("."))
            .env("KUBECACHEDIR", self.lab.path("cache"))
            .env("KUBE_EDITOR", "sed -i s/nginx:1/nginx:2/")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("kubectl 1.31 or newer is on PATH");
        let mut input = child.stdin.take().unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut input, stdin.as_bytes()).await.unwrap();
        drop(input);
        let ended =
            tokio::time::timeout(std::time::Duration::from_secs(60), child.wait_with_output());
        ended.await.expect("kubectl ends").unwrap()
    }

    /// Runs a command that works and returns what it printed.
    pub(super) async fn feed(&self, line: &str, stdin: &str) -> String {
        let output = self.run(line, stdin).await;
        let (out, err) =
            (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "kubectl {line}: {out}{err}");
        format!("{out}{err}")
    }

    /// Runs a command that works and prints something.
    pub(super) async fn prints(&self, line: &str, wanted: &str) {
        let out = self.feed(line, "").await;
        assert!(out.contains(wanted), "kubectl {line}: expected {wanted:?} in\n{out}");
    }

    /// Runs a command with an object on stdin that works and prints something.
    pub(super) async fn takes(&self, line: &str, stdin: &str, wanted: &str) {
        let out = self.feed(line, stdin).await;
        assert!(out.contains(wanted), "kubectl {line}: expected {wanted:?} in\n{out}");
    }

    /// Runs a command that is refused with some words.
    pub(super) async fn refuses(&self, line: &str, stdin: &str, wanted: &str) {
        let output = self.run(line, stdin).await;
        let text = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(!output.status.success(), "kubectl {line} works: {text}");
        assert!(text.contains(wanted), "kubectl {line}: expected {wanted:?} in\n{text}");
    }
}

fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for c in line.chars() {
        match c {
            '\'' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}
