//! The table of cases.

use std::collections::BTreeSet;

use super::{ccnp, cnp, ids, knp, pod};
use crate::policy::lint::{CODES, Whole};

/// A code, a text that has it, and one that has not.
type Case = (&'static str, String, String);

const ALL: &str = "endpointSelector: {}";
const NODE: &str = "---\napiVersion: v1\nkind: Node\nmetadata: {name: one}\nspec: {podCIDRs: [10.244.0.0/24, 'fd00:10:244::/64']}\nstatus: {addresses: [{type: InternalIP, address: 192.168.7.1}]}\n";
const DNS: &str = "{toEndpoints: [{matchLabels: {k8s:io.kubernetes.pod.namespace: kube-system}}], toPorts: [{ports: [{port: '53', protocol: ANY}], rules: {dns: [{matchPattern: '*.example.com'}]}}]}";

fn service(more: &str) -> String {
    format!(
        "---\napiVersion: v1\nkind: Service\nmetadata: {{name: web, namespace: shop}}\nspec: {{selector: {{app: web}}, clusterIP: 10.96.0.9, {more}}}\n"
    )
}

fn ingress(rule: &str) -> String {
    cnp("p", &format!("{ALL}, ingress: [{rule}]"))
}

fn egress(rule: &str) -> String {
    cnp("p", &format!("{ALL}, egress: [{rule}]"))
}

fn http(rule: &str, port: &str) -> String {
    ingress(&format!(
        "{{fromEndpoints: [{{}}], toPorts: [{{ports: [{{port: '{port}', protocol: TCP}}], rules: {{http: [{rule}]}}}}]}}"
    ))
}

fn ports(ports: &str) -> String {
    ingress(&format!("{{fromEndpoints: [{{}}], toPorts: [{{ports: [{ports}]}}]}}"))
}

fn validity() -> Vec<Case> {
    let web = "{fromEndpoints: [{matchLabels: {app: web}}], toPorts: [{ports: [{port: '80'}]}]}";
    vec![
        ("NP1001", ports("{port: 6581-6586}"), ports("{port: '6581', endPort: 6586}")),
        ("NP1002", cnp("p", &format!("{ALL}, ingres: [{{}}]")), ingress("{}")),
        (
            "NP1003",
            ingress(
                "{fromEndpoints: [{matchLabels: {app: web}, toPorts: [{ports: [{port: '80'}]}]}]}",
            ),
            ingress(web),
        ),
        ("NP1004", cnp("p", ALL), ingress("{}")),
        ("NP1005", ports("{port: '90', endPort: 80}"), ports("{port: '80', endPort: 80}")),
        ("NP1006", ports("{port: '010'}"), ports("{port: '10'}")),
        (
            "NP1007",
            ingress("{fromEndpoints: [{matchLabels: {app: on}}]}"),
            ingress("{fromEndpoints: [{matchLabels: {app: 'on'}}]}"),
        ),
        (
            "NP1008",
            egress(
                "{toEndpoints: [{}], toPorts: [{ports: [{port: '53', protocol: TCP}], rules: {dns: [{matchPattern: '*'}]}}]}, {toEndpoints: [{}], toPorts: [{ports: [{port: '53', protocol: TCP}], rules: {http: [{}]}}]}",
            ),
            egress(
                "{toEndpoints: [{}], toPorts: [{ports: [{port: '53', protocol: TCP}], rules: {dns: [{matchPattern: '*'}]}}]}, {toEndpoints: [{}], toPorts: [{ports: [{port: '54', protocol: TCP}], rules: {http: [{}]}}]}",
            ),
        ),
    ]
}

fn nobody() -> Vec<Case> {
    let with = |pods: &str, policy: String| format!("{pods}{policy}");
    let (web, db) = (pod("web", ", ports: [{name: http, containerPort: 8080}]"), pod("db", ""));
    let other = web.replace("namespace: shop", "namespace: other");
    let from =
        |labels: &str| ingress(&format!("{{fromEndpoints: [{{matchLabels: {{{labels}}}}}]}}"));
    let subject = |labels: &str| {
        cnp("p", &format!("endpointSelector: {{matchLabels: {{{labels}}}}}, ingress: [{{}}]"))
    };
    let deny = |rule: &str| cnp("p", &format!("{ALL}, ingressDeny: [{rule}]"));
    let group = |name: &str| {
        format!(
            "---\napiVersion: cilium.io/v2\nkind: CiliumCIDRGroup\nmetadata: {{name: {name}}}\nspec: {{externalCIDRs: [198.51.100.0/24]}}\n"
        )
    };
    let to_web = |port: &str| {
        egress(&format!(
            "{{toEndpoints: [{{matchLabels: {{app: web}}}}], toPorts: [{{ports: [{{port: '{port}', protocol: TCP}}]}}]}}"
        ))
    };
    let listed = format!("{web}{}", service("ports: [{port: 80, targetPort: 8080}]"));
    vec![
        ("NP2001", with(&web, from("app: wbe")), with(&web, from("app: web"))),
        ("NP2002", subject("pod-template-hash: abc"), subject("app.kubernetes.io/name: abc")),
        (
            "NP2003",
            with(&format!("{other}{db}"), from("app: web")),
            with(&format!("{other}{db}"), from("app: web, k8s:io.kubernetes.pod.namespace: other")),
        ),
        (
            "NP2004",
            subject("k8s:io.kubernetes.pod.namespace: dev"),
            subject("k8s:io.kubernetes.pod.namespace: shop"),
        ),
        (
            "NP2005",
            from("kubernetes.io/metadata.name: shop"),
            from("io.cilium.k8s.namespace.labels.kubernetes.io/metadata.name: shop"),
        ),
        (
            "NP2006",
            with(NODE, egress("{toCIDR: [10.244.0.0/16]}")),
            with(NODE, egress("{toCIDRSet: [{cidr: 10.0.0.0/8, except: [10.244.0.0/16]}]}")),
        ),
        (
            "NP2007",
            with(NODE, egress("{toCIDR: [192.168.7.0/24]}")),
            with(NODE, egress("{toCIDR: [192.168.8.0/24]}")),
        ),
        (
            "NP2008",
            with(&service("ports: []"), egress("{toCIDR: [10.96.0.0/16]}")),
            with(&service("ports: []"), egress("{toCIDR: [10.97.0.0/16]}")),
        ),
        ("NP2009", with(&listed, to_web("80")), with(&listed, to_web("8080"))),
        ("NP2010", with(&web, to_web("htp")), with(&web, to_web("http"))),
        ("NP2011", ingress("{fromEndpoints: []}"), ingress("{fromEndpoints: [{}]}")),
        (
            "NP2012",
            ingress("{fromEndpoints: [{}], toPorts: [{}]}"),
            ingress("{fromEndpoints: [{}], toPorts: []}"),
        ),
        ("NP2013", deny("{}"), deny("{fromEntities: [all]}")),
        (
            "NP2014",
            cnp(
                "p",
                &format!(
                    "{ALL}, ingress: [{{fromEndpoints: [{{matchLabels: {{app: web}}}}]}}], ingressDeny: [{{fromEndpoints: [{{}}]}}]"
                ),
            ),
            cnp(
                "p",
                &format!(
                    "{ALL}, ingress: [{{fromEndpoints: [{{}}]}}], ingressDeny: [{{fromEndpoints: [{{matchLabels: {{app: web}}}}]}}]"
                ),
            ),
        ),
        (
            "NP2015",
            ingress("{fromEndpoints: [{}]}, {fromEndpoints: [{matchLabels: {app: web}}]}"),
            ingress(
                "{fromEndpoints: [{matchLabels: {app: db}}]}, {fromEndpoints: [{matchLabels: {app: web}}]}",
            ),
        ),
        (
            "NP2016",
            with(&group("office"), ingress("{fromCIDRSet: [{cidrGroupRef: offices}]}")),
            with(&group("office"), ingress("{fromCIDRSet: [{cidrGroupRef: office}]}")),
        ),
        ("NP2017", from("'reserved:host': ''"), from("app: host")),
        (
            "NP2018",
            ingress(
                "{fromEndpoints: [{matchLabels: {app: a, io.cilium.k8s.policy.cluster: west}}, {matchLabels: {app: b}}]}",
            ),
            ingress("{fromEndpoints: [{matchLabels: {app: a}}, {matchLabels: {app: b}}]}"),
        ),
    ]
}

fn reach() -> Vec<Case> {
    let name = |name: &str| egress(&format!("{{toFQDNs: [{{matchName: {name}}}]}}, {DNS}"));
    let probed = pod("web", ", readinessProbe: {tcpSocket: {port: 8080}}");
    let deny = |entity: &str| {
        format!(
            "{probed}{}",
            cnp("p", &format!("{ALL}, ingressDeny: [{{fromEntities: [{entity}]}}]"))
        )
    };
    let hook = format!(
        "{}{}---\napiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingWebhookConfiguration\nmetadata: {{name: hook}}\nwebhooks: [{{clientConfig: {{service: {{namespace: shop, name: web}}}}}}]\n",
        pod("web", ""),
        service("ports: [{port: 443, targetPort: 9443}]")
    );
    let scraped = format!("{}{}", pod("web", "").replace("name: web, namespace", "name: web, annotations: {prometheus.io/scrape: 'true', prometheus.io/port: '9090'}, namespace"), pod("prometheus", ""));
    let monitor = |kind: &str, app: &str, ports: &str| {
        format!(
            "---\napiVersion: monitoring.coreos.com/v1\nkind: {kind}\nmetadata: {{name: m, namespace: monitoring}}\nspec: {{namespaceSelector: {{matchNames: [shop]}}, selector: {{matchLabels: {{app: {app}}}}}, {ports}}}\n"
        )
    };
    let pods = format!(
        "{}{}",
        pod("web", ", ports: [{name: m, containerPort: 9100}]"),
        pod("prometheus", "")
    );
    let monitored = format!(
        "{pods}{}{}",
        service("ports: [{name: metrics, port: 80, targetPort: m}]")
            .replace("namespace: shop", "namespace: shop, labels: {app: web}"),
        monitor("ServiceMonitor", "web", "endpoints: [{port: metrics}]")
    );
    let pods_monitored = |app: &str| {
        format!("{pods}{}", monitor("PodMonitor", app, "podMetricsEndpoints: [{port: m}]"))
    };
    let two = |from: &str| {
        format!(
            "{}{}",
            cnp(
                "a",
                "endpointSelector: {matchLabels: {app: web}}, egress: [{toEndpoints: [{matchLabels: {app: db}}], toPorts: [{ports: [{port: '5432'}]}]}]"
            ),
            cnp(
                "b",
                &format!(
                    "endpointSelector: {{matchLabels: {{app: db}}}}, ingress: [{{fromEndpoints: [{{matchLabels: {{app: {from}}}}}]}}]"
                )
            )
        )
    };
    let baseline = |action: &str| {
        format!(
            "{}---\napiVersion: policy.networking.k8s.io/v1alpha2\nkind: ClusterNetworkPolicy\nmetadata: {{name: b}}\nspec: {{tier: Baseline, priority: 1, subject: {{namespaces: {{}}}}, ingress: [{{action: {action}, from: [{{namespaces: {{}}}}]}}]}}\n",
            knp("k", "podSelector: {}, ingress: [{from: [{podSelector: {}}]}]")
        )
    };
    let icmp = "{fromEndpoints: [{}], toPorts: [{ports: [{port: '80'}]}]}";
    vec![
        ("NP3001", egress("{toFQDNs: [{matchName: api.example.com}]}"), name("api.example.com")),
        (
            "NP3002",
            egress("{toEndpoints: [{}]}"),
            egress(&format!("{{toEndpoints: [{{}}]}}, {DNS}")),
        ),
        ("NP3003", name("api.example.org"), name("api.example.com")),
        (
            "NP3004",
            ccnp("p", &format!("{ALL}, egress: [{{toEntities: [cluster]}}]")),
            ccnp(
                "p",
                &format!(
                    "{ALL}, enableDefaultDeny: {{egress: false}}, egress: [{{toEntities: [cluster]}}]"
                ),
            ),
        ),
        ("NP3005", deny("host"), deny("world")),
        (
            "NP3006",
            format!("{hook}{}", ingress("{fromEndpoints: [{}]}")),
            format!("{hook}{}", ingress("{fromEntities: [kube-apiserver, host, remote-node]}")),
        ),
        (
            "NP3007",
            format!("{scraped}{}", ingress("{fromEntities: [host]}")),
            format!("{scraped}{}", ingress("{fromEndpoints: [{}]}")),
        ),
        (
            "NP3007",
            format!("{monitored}{}", ingress("{fromEntities: [host]}")),
            format!("{monitored}{}", ingress("{fromEndpoints: [{}]}")),
        ),
        (
            "NP3007",
            format!("{}{}", pods_monitored("web"), ingress("{fromEntities: [host]}")),
            format!("{}{}", pods_monitored("db"), ingress("{fromEntities: [host]}")),
        ),
        ("NP3008", two("api"), two("web")),
        (
            "NP3009",
            ingress(icmp),
            ingress(&format!(
                "{icmp}, {{icmps: [{{fields: [{{type: 8}}]}}], fromEndpoints: [{{}}]}}"
            )),
        ),
        ("NP3010", ingress("{fromEntities: [world]}"), ingress("{fromEntities: [world, ingress]}")),
        ("NP3011", baseline("Accept"), baseline("Deny")),
    ]
}

fn broad() -> Vec<Case> {
    let pattern =
        |pattern: &str| egress(&format!("{{toFQDNs: [{{matchPattern: '{pattern}'}}]}}, {DNS}"));
    let everybody = |selector: &str| {
        ccnp(
            "p",
            &format!("endpointSelector: {{{selector}}}, ingress: [{{fromEndpoints: [{{}}]}}]"),
        )
    };
    let both = |cidrs: &str| format!("{NODE}{}", egress(&format!("{{toCIDR: [{cidrs}]}}")));
    let off = |off: &str| {
        cnp(
            "p",
            &format!(
                "{ALL}, enableDefaultDeny: {{ingress: {off}}}, ingress: [{{fromEndpoints: [{{}}], toPorts: [{{ports: [{{port: '80', protocol: TCP}}], rules: {{http: [{{path: /a}}]}}}}]}}]"
            ),
        )
    };
    let rest = |port: &str| {
        ingress(&format!(
            "{{fromEndpoints: [{{}}], toPorts: [{{ports: [{{port: '80', protocol: TCP}}], rules: {{http: [{{path: /a}}]}}}}]}}, {{fromEndpoints: [{{}}], toPorts: [{{ports: [{{port: '{port}', protocol: TCP}}]}}]}}"
        ))
    };
    let sni = |name: &str| {
        egress(&format!(
            "{{toFQDNs: [{{matchName: api.example.com}}], toPorts: [{{ports: [{{port: '443', protocol: TCP}}], serverNames: [{name}]}}]}}, {DNS}"
        ))
    };
    let kafka = |rules: &str| {
        ingress(&format!(
            "{{fromEndpoints: [{{}}], toPorts: [{{ports: [{{port: '9092', protocol: TCP}}], rules: {{{rules}}}}}]}}"
        ))
    };
    vec![
        ("NP4001", ingress("{toPorts: [{ports: [{port: '80'}]}]}"), ports("{port: '80'}")),
        (
            "NP4002",
            egress("{toCIDR: [0.0.0.0/0]}"),
            egress(
                "{toCIDRSet: [{cidr: 0.0.0.0/0, except: [10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 169.254.0.0/16]}]}",
            ),
        ),
        ("NP4003", pattern("*.amazonaws.com"), pattern("*.example.com")),
        (
            "NP4004",
            egress("{toEntities: [world]}"),
            egress("{toEntities: [world], toPorts: [{ports: [{port: '443'}]}]}"),
        ),
        ("NP4005", everybody(""), everybody("matchLabels: {app: web}")),
        ("NP4006", both("198.51.100.0/24"), both("198.51.100.0/24, '2001:db8::/32'")),
        ("NP4007", http("{path: '/public/*'}", "80"), http("{path: '/public/.*'}", "80")),
        ("NP5001", http("{path: /a}", "5432"), http("{path: /a}", "8080")),
        ("NP5002", rest("80"), rest("81")),
        ("NP5003", off("false"), off("true")),
        ("NP5004", kafka("kafka: [{topic: a}]"), kafka("http: [{path: /a}]")),
        ("NP5005", sni("www.example.com"), sni("api.example.com")),
    ]
}

fn rest() -> Vec<Case> {
    let nodes = |more: &str| {
        ccnp(
            "p",
            &format!(
                "nodeSelector: {{}}, {more}ingress: [{{fromEntities: [cluster], toPorts: [{{ports: [{{port: '10250', protocol: TCP}}]}}]}}]"
            ),
        )
    };
    let firewall = |on: &str| {
        format!(
            "---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: cilium-config, namespace: kube-system}}\ndata: {{enable-host-firewall: '{on}'}}\n{}",
            nodes("")
        )
    };
    let node_port = |policy: &str| {
        format!(
            "{}{}{}",
            pod("web", ""),
            service(&format!("type: NodePort, externalTrafficPolicy: {policy}, ports: []")),
            ingress("{fromCIDR: [203.0.113.0/24]}")
        )
    };
    let block = |cidr: &str| {
        knp(
            "k",
            &format!("podSelector: {{}}, ingress: [{{from: [{{ipBlock: {{cidr: {cidr}}}}}]}}]"),
        )
    };
    let services = "{toServices: [{k8sService: {serviceName: db}}]";
    let described = |more: &str| cnp("p", &format!("{more}{ALL}, ingress: [{{}}]"));
    vec![
        ("NP6001", nodes(""), nodes("enableDefaultDeny: {ingress: false}, ")),
        ("NP6002", firewall("false"), firewall("true")),
        ("NP6003", node_port("Cluster"), node_port("Local")),
        ("NP7001", egress("{toCIDR: [198.51.100.7]}"), egress("{toCIDR: [198.51.100.7/32]}")),
        (
            "NP7002",
            egress(&format!("{services}, toPorts: [{{ports: [{{port: '5432'}}]}}]}}")),
            egress(&format!("{services}}}")),
        ),
        ("NP7003", block("10.1.0.0/16"), block("203.0.113.0/24")),
        ("NP8001", described(""), described("description: why, ")),
        ("NP8002", format!("{}{}", described(""), described("")), described("")),
        ("NP8003", ports("{port: '443'}, {port: '80'}"), ports("{port: '80'}, {port: '443'}")),
    ]
}

#[test]
fn every_code_is_found_where_it_is_and_not_where_it_nearly_is() {
    let all = [validity(), nobody(), reach(), broad(), rest()].concat();
    let mut wrong = Vec::new();
    for (code, bad, good) in &all {
        let (found, not) = (ids(bad, Whole::Part), ids(good, Whole::Part));
        if !found.contains(code) {
            wrong.push(format!("{code} is not found: {found:?}\n{bad}"));
        }
        if not.contains(code) {
            wrong.push(format!("{code} is found without cause\n{good}"));
        }
        if not.contains(&"NP1001") && *code != "NP1001" {
            wrong.push(format!("the near miss of {code} is rejected\n{good}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    let tried: BTreeSet<&str> = all.iter().map(|(code, ..)| *code).collect();
    let known: BTreeSet<&str> = CODES.iter().map(|code| code.id).collect();
    assert_eq!(tried, known, "every code has a case");
}
