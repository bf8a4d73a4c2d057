use insta::assert_snapshot;

use crate::run::Home;

/// Commands that stand for themselves, found by walking the help.
fn leaves(home: &Home, path: &[String], found: &mut Vec<Vec<String>>) {
    let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
    args.push("-h");
    let help = home.run(&args);
    assert_eq!(help.code, Some(0), "{help}");
    let commands: Vec<String> = help
        .stdout
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .map(str::to_owned)
        .collect();
    if commands.is_empty() {
        found.push(path.to_vec());
    }
    for command in commands {
        leaves(home, &[path, &[command]].concat(), found);
    }
}

#[test]
fn every_command_has_a_long_help_with_an_example() {
    let home = Home::new();
    let mut found = Vec::new();
    leaves(&home, &[], &mut found);
    assert!(found.len() > 10, "only {found:?}");
    for path in found {
        let mut args: Vec<&str> = path.iter().map(String::as_str).collect();
        args.push("--help");
        let help = home.run(&args);
        let example = format!("  skep {}", path.join(" "));
        assert!(help.stdout.contains("Example"), "{path:?} has no example\n{help}");
        assert!(
            help.stdout.contains(&example),
            "{path:?}: no line starts with {example:?}\n{help}"
        );
    }
}

#[test]
fn the_short_help_of_an_argument_fits_on_a_line() {
    let home = Home::new();
    let help = home.run(&["endpoint", "list", "-h"]);
    assert_snapshot!(help.stdout, @r"
List endpoints

Usage: skep endpoint list [OPTIONS]

Options:
      --color <WHEN>           When to use colours [default: auto] [possible values: auto, always,
                               never]
  -n, --namespace <NAMESPACE>  Show pods of this namespace only
  -o, --output <FORMAT>        Output format [default: table] [possible values: table, wide, json,
                               yaml, name]
  -q, --quiet                  Print answers, warnings and errors only
  -v, --verbose...             Log more; twice for debug, three times for all
  -h, --help                   Print help (see more with '--help')

Whom to ask:
      --local                       Ask the agent of this node, never a cluster
      --run-dir <DIR>               Directory of the agent's sockets [env: SKEP_RUN_DIR] [default:
                                    /run/skep]
      --node <NODE>                 Ask the agent of this node only; may be repeated
      --kubeconfig <FILE>           Kubeconfig file of the cluster to ask
      --context <NAME>              Context in the kubeconfig
      --skep-namespace <NAMESPACE>  Namespace of the agents' pods [env: SKEP_NAMESPACE] [default:
                                    kube-system]
");
}

#[test]
fn no_command_shows_the_help_and_is_a_usage_error() {
    let home = Home::new();
    for args in [&[][..], &["bpf"], &["bpf", "ct"], &["endpoint"]] {
        let outcome = home.run(args);
        assert_eq!(outcome.code, Some(2), "{args:?} {outcome}");
        assert_eq!(outcome.stdout, "", "{args:?}");
        assert!(outcome.stderr.contains("Commands:"), "{args:?} {outcome}");
    }
}
