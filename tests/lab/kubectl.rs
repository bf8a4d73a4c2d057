//! What kubectl does with a lab whose controllers, kubelets and agents run.

use std::process::{Command, Output};

use super::lab::{Lab, text};

fn kubectl(lab: &Lab, line: &str) -> Output {
    Command::new("kubectl")
        .args(line.split(' '))
        .env("KUBECONFIG", lab.dir().join("kubeconfig"))
        .env("KUBECACHEDIR", lab.dir().join("kubectl-cache"))
        .output()
        .expect("kubectl 1.31 or newer is on PATH")
}

fn prints(lab: &Lab, line: &str, wanted: &str) {
    let output = kubectl(lab, line);
    let said = text(&output);
    assert!(output.status.success() && said.contains(wanted), "kubectl {line}: {said}");
}

#[test]
#[ignore = "needs root and kubectl 1.31 or newer on PATH"]
fn rollouts_are_followed_undone_and_restarted() {
    let lab = Lab::bare("rollout", &["--nodes", "1"]);
    for (line, wanted) in [
        ("create deployment web --image=one --replicas=2", "created"),
        ("rollout status deploy/web --timeout=60s", "successfully rolled out"),
        ("wait --for=condition=Available deploy/web --timeout=60s", "condition met"),
        ("set image deploy/web one=two", "image updated"),
        ("rollout status deploy/web --timeout=60s", "successfully rolled out"),
        ("rollout history deploy/web", "2"),
        ("rollout undo deploy/web", "rolled back"),
        ("rollout status deploy/web --timeout=60s", "successfully rolled out"),
        ("get deploy web -o wide", "one"),
        ("rollout restart deploy/web", "restarted"),
        ("rollout status deploy/web --timeout=60s", "successfully rolled out"),
        ("scale deploy web --replicas=0", "scaled"),
        ("wait --for=delete pod -l app=web --timeout=60s", ""),
    ] {
        prints(&lab, line, wanted);
    }
}

#[test]
#[ignore = "needs root and kubectl 1.31 or newer on PATH"]
fn agents_and_operator_have_their_own_rights_and_no_others() {
    let lab = Lab::bare("rights", &["--nodes", "1"]);
    for (file, account, can) in [
        ("/run/lab/kubeconfig", "skep", "list pods"),
        ("/run/lab/operator-kubeconfig", "skep-operator", "list skepidentities.skep.io"),
    ] {
        let run = |line: &str| {
            let mut command = vec!["kubectl", "--kubeconfig", file];
            command.extend(line.split(' '));
            text(&lab.exec("node-1", &command))
        };
        let who = run("auth whoami");
        assert!(who.contains(&format!("system:serviceaccount:kube-system:{account}")), "{who}");
        assert_eq!(run(&format!("auth can-i {can} -A")).trim(), "yes");
        for cannot in ["get secrets", "create pods", "delete nodes", "create clusterroles"] {
            let answer = run(&format!("auth can-i {cannot}"));
            assert!(answer.lines().any(|line| line == "no"), "{account} {cannot}: {answer}");
        }
    }
}
