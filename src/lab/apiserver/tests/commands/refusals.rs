//! What users get wrong, and the words they get for it.

use super::shell::{DEPLOYMENT, POD, Shell};

/// Creates objects made from one that is right by one change each.
async fn all_refused(right: &str, changes: &[(&str, &str, &str)]) {
    let shell = Shell::start().await;
    for (from, to, wanted) in changes {
        assert!(right.contains(from), "{from}");
        let wrong = right.replacen(from, to, 1);
        shell.refuses("create --validate=ignore -f -", &wrong, wanted).await;
    }
    shell.takes("create -f -", right, "created").await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn wrong_pods() {
    let all = "containers: [{name: c, image: \"nginx:1\"}]";
    all_refused(POD, &[
        ("name: p,", "name: Bad_Name,", "a lowercase RFC 1123 subdomain must consist of"),
        ("app: web", "app: \"a b\"", "a valid label must be an empty string or consist of"),
        (all, "containers: []", "spec.containers: Required value"),
        (", image: \"nginx:1\"", "", "spec.containers[0].image: Required value"),
        ("name: c,", "name: C,", "spec.containers[0].name: Invalid value: \"C\""),
        (all, "containers: [{name: c, image: x}, {name: c, image: x}]", "spec.containers[1].name: Duplicate value: \"c\""),
        ("image: \"nginx:1\"", "image: x, ports: [{containerPort: 70000}]", "must be between 1 and 65535, inclusive"),
        ("image: \"nginx:1\"", "image: x, ports: [{containerPort: 1, name: a_long_port_name}]", "must be no more than 15 characters"),
        ("image: \"nginx:1\"", "image: x, ports: [{containerPort: 1, protocol: tcp}]", "Unsupported value: \"tcp\": supported values: \"SCTP\", \"TCP\", \"UDP\""),
        ("image: \"nginx:1\"", "image: x, volumeMounts: [{name: v, mountPath: /v}]", "volumeMounts[0].name: Not found: \"v\""),
        ("image: \"nginx:1\"", "image: x, livenessProbe: {periodSeconds: 1}", "livenessProbe: Required value: must specify a handler type"),
        ("image: \"nginx:1\"", "image: x, resources: {limits: {cpu: lots}}", "quantities must match the regular expression"),
        ("image: \"nginx:1\"", "image: x, resources: {limits: {cpu: 1}, requests: {cpu: 2}}", "must be less than or equal to cpu limit of 1"),
        ("image: \"nginx:1\"", "image: 7", "cannot unmarshal number into Go struct field spec.containers[0].image of type string"),
        ("nodeName: node-1", "restartPolicy: Sometimes", "Unsupported value: \"Sometimes\""),
        ("nodeName: node-1", "serviceAccountName: ghost", "error looking up service account default/ghost: serviceaccount \"ghost\" not found"),
        ("nodeName: node-1", "volumes: [{name: v}]", "volumes[0]: Required value: must specify a volume type"),
        ("nodeName: node-1", "tolerations: [{operator: Equal}]", "operator must be Exists when `key` is empty"),
    ]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn wrong_workloads() {
    all_refused(
        DEPLOYMENT,
        &[
            (
                "matchLabels: {app: web}",
                "matchLabels: {app: other}",
                "`selector` does not match template `labels`",
            ),
            ("  selector: {matchLabels: {app: web}}\n", "", "spec.selector: Required value"),
            (
                "replicas: 2",
                "replicas: -1",
                "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
            ),
            (
                "replicas: 2",
                "replicas: two",
                "cannot unmarshal string into Go struct field spec.replicas of type int32",
            ),
            (
                "replicas: 2",
                "strategy: {type: Recreate, rollingUpdate: {}}",
                "may not be specified when strategy `type` is 'Recreate'",
            ),
            (
                "replicas: 2",
                "strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 0}}",
                "may not be 0 when `maxSurge` is 0",
            ),
            (
                "    spec:\n",
                "    spec:\n      restartPolicy: Never\n",
                "Unsupported value: \"Never\": supported values: \"Always\"",
            ),
        ],
    )
    .await;
    let job = "{apiVersion: batch/v1, kind: Job, metadata: {name: j}, spec: {template: {spec: \
               {restartPolicy: Never, containers: [{name: c, image: x}]}}}}";
    all_refused(
        job,
        &[(
            "restartPolicy: Never, ",
            "",
            "Unsupported value: \"Always\": supported values: \"OnFailure\", \"Never\"",
        )],
    )
    .await;
    let cron = "{apiVersion: batch/v1, kind: CronJob, metadata: {name: j}, spec: {schedule: \"* * * * *\", \
                jobTemplate: {spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: x}]}}}}}}";
    all_refused(cron, &[("* * * * *", "* * * *", "expected exactly 5 fields, found 4")]).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn wrong_services_and_policies() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 80, name: http}]}}";
    all_refused(
        service,
        &[
            ("name: s}", "name: 1.s}", "Invalid value: \"1.s\""),
            ("ports: [{port: 80, name: http}]", "selector: {a: b}", "spec.ports: Required value"),
            ("port: 80", "port: 0", "must be between 1 and 65535, inclusive"),
            (", name: http}]", "}, {port: 81}]", "spec.ports[0].name: Required value"),
            (
                "name: http}]",
                "name: http}, {port: 81, name: http}]",
                "spec.ports[1].name: Duplicate value: \"http\"",
            ),
            ("name: http}]", "name: http}, {port: 80, name: b}]", "spec.ports[1]: Duplicate value"),
            ("ports: [", "type: Nodeport, ports: [", "Unsupported value: \"Nodeport\""),
            (
                "name: http}]",
                "name: http, nodePort: 30000}]",
                "may not be used when `type` is 'ClusterIP'",
            ),
            (
                "ports: [{port: 80, name: http}]",
                "type: NodePort, ports: [{port: 80, nodePort: 80}]",
                "The range of valid ports is 30000-32767",
            ),
        ],
    )
    .await;
    let policy = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: np}, spec: {podSelector: {}, \
                  egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: 80, endPort: 90}]}]}}";
    all_refused(
        policy,
        &[
            ("10.0.0.0/8", "10.0.0.0/99", "must be a valid CIDR value"),
            ("10.1.0.0/16", "11.0.0.0/16", "must be a strict subset of `cidr`"),
            ("endPort: 90", "endPort: 70", "must be greater than or equal to `port`"),
            (
                "{ipBlock: {cidr",
                "{podSelector: {}, ipBlock: {cidr",
                "may not specify both ipBlock and another peer",
            ),
        ],
    )
    .await;
    let ingress = "{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: i}, spec: {rules: [{host: a.example, http: \
                   {paths: [{path: /, pathType: Prefix, backend: {service: {name: s, port: {number: 80}}}}]}}]}}";
    all_refused(
        ingress,
        &[
            (", pathType: Prefix", "", "pathType must be specified"),
            ("path: /,", "path: x,", "must be an absolute path"),
            ("{number: 80}", "{}", "port name or number is required"),
            ("host: a.example", "host: 10.0.0.1", "must be a DNS name, not an IP address"),
        ],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn fields_that_never_change() {
    let shell = Shell::start().await;
    shell.takes("create -f -", DEPLOYMENT, "created").await;
    shell.takes("create -f -", POD, "created").await;
    shell.prints("create job j --image=x", "created").await;
    shell.prints("create rolebinding rb --clusterrole=view --user=a", "created").await;
    let fixed =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: c}, immutable: true, data: {a: b}}";
    shell.takes("create -f -", fixed, "created").await;
    for (line, wanted) in [
        (
            r#"patch deploy web --type=merge -p '{"spec":{"selector":{"matchLabels":{"app":"x"}}}}'"#,
            "field is immutable",
        ),
        (
            r#"patch pod p -p '{"spec":{"hostNetwork":true}}'"#,
            "pod updates may not change fields other than",
        ),
        (r#"patch job j --type=merge -p '{"spec":{"completions":7}}'"#, "field is immutable"),
        (
            r#"patch rolebinding rb --type=merge -p '{"roleRef":{"name":"edit"}}'"#,
            "cannot change roleRef",
        ),
        (
            r#"patch cm c --type=merge -p '{"data":{"a":"c"}}'"#,
            "field is immutable when `immutable` is set",
        ),
    ] {
        shell.refuses(line, "", wanted).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn unknown_fields() {
    let shell = Shell::start().await;
    let junk = POD.replace("name: c,", "name: c, junk: 1,").replace("nodeName: node-1", "more: 2");
    let strict = "strict decoding error: unknown field \"spec.containers[0].junk\", unknown field \"spec.more\"";
    shell.refuses("create --validate=strict -f -", &junk, strict).await;
    shell.refuses("create -f -", &junk, strict).await;
    let warned = "Warning: unknown field \"spec.containers[0].junk\"";
    shell.takes("create --validate=warn -f -", &junk, warned).await;
    shell.takes("replace --validate=ignore --force -f -", &junk, "replaced").await;
    let out = shell.feed("get pod p -o yaml", "").await;
    assert!(!out.contains("junk"), "{out}");
}

/// What people really write is not refused.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs kubectl 1.31 or newer on PATH"]
async fn right_objects() {
    let shell = Shell::start().await;
    let objects = include_str!("right.yaml");
    let kinds = objects.matches("\nkind: ").count();
    let out = shell.feed("create --validate=strict -f -", objects).await;
    assert_eq!(out.matches(" created").count(), kinds, "{out}");
    let out = shell
        .feed(
            "apply --server-side --force-conflicts -f -",
            &objects.replace("generateName: j-", "name: j"),
        )
        .await;
    assert_eq!(out.matches(" serverside-applied").count(), kinds, "{out}");
    shell.prints("get sc", "Immediate").await;
    shell.prints("get pvc", "Pending").await;
}
