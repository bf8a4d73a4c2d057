use std::{fs, os::unix::fs::symlink, process::Stdio};

use insta::assert_snapshot;

use crate::run::Home;

#[test]
fn a_wrong_flag_is_a_usage_error() {
    let home = Home::new();
    assert_snapshot!(home.run(&["endpoint", "list", "--nmespace", "x"]), @r"
code: 2
--- stdout
--- stderr
error: unexpected argument '--nmespace' found

  tip: a similar argument exists: '--namespace'

Usage: skep endpoint list --namespace <NAMESPACE>

For more information, try '--help'.
");
    assert_eq!(home.run(&["endpoint", "list", "-o", "xml"]).code, Some(2));
    assert_eq!(home.run(&["endpoint", "list", "--local", "--node", "n1"]).code, Some(2));
}

#[test]
fn without_an_agent_the_error_says_what_to_do() {
    let home = Home::new();
    assert_snapshot!(home.run(&["endpoint", "list"]), @r"
code: 3
--- stdout
--- stderr
error: cannot reach the skep agent at HOME/agent.sock
caused by: No such file or directory (os error 2)

hint: no agent serves this node: start one with `skep agent`, or a lab with `skep lab up`
hint: to ask a cluster instead, add --kubeconfig FILE
");
    for command in ["node list", "identity list", "bpf ct list", "status", "observe"] {
        let args: Vec<&str> = command.split(' ').collect();
        let outcome = home.run(&args);
        assert_eq!(outcome.code, Some(3), "{command} {outcome}");
        assert_eq!(outcome.stdout, "", "{command}");
        assert!(outcome.stderr.contains("\nhint: "), "{command} {outcome}");
    }
}

#[test]
fn a_stale_socket_is_no_agent() {
    let home = Home::new();
    let socket = home.dir.path().join("agent.sock");
    drop(std::os::unix::net::UnixListener::bind(&socket).expect("a socket"));
    let outcome = home.run(&["status"]);
    assert_eq!(outcome.code, Some(3), "{outcome}");
    assert!(outcome.stderr.contains("caused by: Connection refused"), "{outcome}");
}

#[test]
fn a_kubeconfig_that_is_not_there_is_named() {
    let home = Home::new();
    assert_snapshot!(home.run(&["node", "list", "--kubeconfig", "nowhere.yaml"]), @r#"
code: 3
--- stdout
--- stderr
error: cannot use the kubeconfig nowhere.yaml
caused by: failed to read kubeconfig from '"nowhere.yaml"': No such file or directory (os error 2)

hint: check --kubeconfig, --context and $KUBECONFIG; `skep lab kubeconfig` prints a lab's
"#);
}

#[test]
fn an_api_server_that_is_not_there_is_an_environment_error() {
    let home = Home::new();
    let config = "\
apiVersion: v1
kind: Config
current-context: c
contexts: [{name: c, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: u, user: {}}]
";
    let path = home.dir.path().join("kubeconfig");
    fs::write(&path, config).expect("the file is written");
    for args in [&["status"][..], &["observe", "-f"], &["bpf", "ipcache", "list"]] {
        let mut command = home.command(args);
        command.env("KUBECONFIG", &path);
        let outcome = home.finish(command);
        assert_eq!(outcome.code, Some(3), "{args:?} {outcome}");
        let said = "error: cannot list the agent pods of the cluster\ncaused by: ";
        assert!(outcome.stderr.starts_with(said), "{args:?} {outcome}");
    }
}

#[test]
fn invalid_settings_are_invalid_input() {
    let home = Home::new();
    let outcome = home.run(&["agent", "--routing", "carrier-pigeon", "--vxlan-port", "x"]);
    assert_eq!(outcome.code, Some(4), "{outcome}");
    assert!(
        outcome.stderr.contains("routing") && outcome.stderr.contains("vxlan-port"),
        "{outcome}"
    );
}

#[test]
fn colours_follow_the_flag_and_the_variables() {
    let home = Home::new();
    let red = "\u{1b}[31merror:";
    let with = |variable: Option<(&str, &str)>, args: &[&str]| {
        let mut command = home.command(args);
        command.envs(variable);
        home.finish(command).stderr
    };
    let list = &["node", "list"][..];
    assert!(!with(None, list).contains('\u{1b}'), "a pipe gets no colours");
    assert!(with(Some(("CLICOLOR_FORCE", "1")), list).starts_with(red));
    assert!(!with(Some(("NO_COLOR", "1")), list).contains('\u{1b}'));
    let always = ["--color", "always", "node", "list"];
    assert!(with(Some(("NO_COLOR", "1")), &always).starts_with(red));
    let never = ["--color", "never", "node", "list"];
    assert!(!with(Some(("CLICOLOR_FORCE", "1")), &never).contains('\u{1b}'));
}

#[test]
fn a_closed_pipe_ends_quietly() {
    let home = Home::new();
    for args in [&["completions", "bash"][..], &["version"], &["--help"]] {
        let mut child = home.spawn(args);
        drop(child.stdout.take());
        let stderr = crate::run::rest(child.stderr.take());
        let status = crate::run::end(&mut child, || {});
        assert_eq!((status.code(), stderr.as_str()), (Some(0), ""), "{args:?}");
    }
}

#[test]
fn the_name_of_the_file_chooses_the_cni_plugin() {
    let home = Home::new();
    let plugin = home.dir.path().join("skep-cni");
    symlink(env!("CARGO_BIN_EXE_skep"), &plugin).expect("a link");
    let output = std::process::Command::new(&plugin)
        .env_clear()
        .env("CNI_COMMAND", "VERSION")
        .stdin(Stdio::null())
        .output()
        .expect("the plugin runs");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("cniVersion"), "{stdout}");
}
