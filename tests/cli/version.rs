use crate::run::Home;

#[test]
fn version_is_for_people_and_for_scripts() {
    let home = Home::new();
    let plain = home.run(&["version"]);
    assert_eq!(plain.code, Some(0), "{plain}");
    assert!(plain.stdout.starts_with("skep    0.1.0\ncommit  "), "{plain}");
    assert_eq!(plain.stderr, "");

    let json = home.run(&["version", "-o", "json"]).json();
    assert_eq!(json["apiVersion"], "cli.skep.io/v1");
    assert_eq!(json["kind"], "Version");
    assert_eq!(json["version"], "0.1.0");
    assert_eq!(json["target"], format!("linux/{}", std::env::consts::ARCH));

    let yaml = home.run(&["version", "-o", "yaml"]);
    assert!(yaml.stdout.starts_with("apiVersion: cli.skep.io/v1\nkind: Version\n"), "{yaml}");
    assert_eq!(home.run(&["version", "-o", "name"]).stdout, "0.1.0\n");
    assert_eq!(home.run(&["--version"]).stdout, "skep 0.1.0\n");
}
