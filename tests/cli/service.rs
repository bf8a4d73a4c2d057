use insta::assert_snapshot;
use skep::api::{
    Backend, BackendState, BalanceVerdict, Explained, ExplainedEndpoint, Fate, Frontend,
    FrontendKind, Hook, PolicyAnswer, PolicyVerdict, Scope, Sees, Service, ServiceClient,
    ServiceExplanation, ServiceQuestion, ServiceType, Topology, TrafficPolicy, WhenEmpty,
};

use crate::{
    agent::{Agent, Facts},
    run::Home,
};

fn backend(id: u32, state: BackendState, takes_connections: bool) -> Backend {
    Backend {
        id,
        address: format!("10.244.1.{id}").parse().expect("an address"),
        port: 8080,
        state,
        takes_connections,
        node: Some("n1".into()),
        zone: (id == 1).then(|| "z1".into()),
    }
}

fn frontend(id: u32, address: &str, port: u16, kind: FrontendKind, scope: Scope) -> Frontend {
    Frontend {
        id,
        address: address.parse().expect("an address"),
        port,
        protocol: "TCP".into(),
        port_name: "http".into(),
        redirect: (kind == FrontendKind::LocalRedirect).then(|| "shop/near".into()),
        kind,
        scope,
        policy: TrafficPolicy::Cluster,
        affinity_seconds: None,
        source_ranges: None,
        when_empty: WhenEmpty::Reject,
        backends: vec![
            backend(1, BackendState::Active, true),
            backend(2, BackendState::Terminating, false),
        ],
    }
}

fn web() -> Service {
    let port = FrontendKind::NodePort;
    Service {
        namespace: "shop".into(),
        name: "web".into(),
        kind: ServiceType::NodePort,
        frontends: vec![
            frontend(1, "0.0.0.0", 30080, port, Scope::Internal),
            Frontend {
                affinity_seconds: Some(10_800),
                ..frontend(2, "10.96.0.1", 80, FrontendKind::ClusterIp, Scope::Internal)
            },
            Frontend {
                policy: TrafficPolicy::Local,
                when_empty: WhenEmpty::Drop,
                backends: vec![],
                ..frontend(3, "172.31.0.11", 30080, port, Scope::External)
            },
        ],
        findings: vec!["external IP 10.244.1.7 is in a prefix of pods".into()],
    }
}

fn agent() -> Agent {
    let other = Service {
        namespace: "bank".into(),
        name: "db".into(),
        kind: ServiceType::ClusterIp,
        frontends: vec![],
        findings: vec![],
    };
    Agent::start(Facts { services: vec![other, web()], ..Facts::default() })
}

#[test]
fn services_are_listed_with_their_backends() {
    let agent = agent();
    assert_snapshot!(agent.home.run(&["service", "list"]), @r"
code: 0
--- stdout
NAMESPACE  NAME  TYPE       FRONTENDS                                           ACTIVE  TERMINATING  TAKING  PROBLEMS
bank       db    ClusterIP  -                                                   0       0            0       0
shop       web   NodePort   *:30080/TCP,10.96.0.1:80/TCP,172.31.0.11:30080/TCP  1       1            1       1
--- stderr
");
    assert_snapshot!(agent.home.run(&["service", "list", "-n", "shop", "-o", "wide"]), @r"
code: 0
--- stdout
NAMESPACE  NAME  TYPE      FRONTENDS                                                                                                     ACTIVE  TERMINATING  TAKING  PROBLEMS  FINDINGS
shop       web   NodePort  *:30080/TCP node-port internal,10.96.0.1:80/TCP cluster-ip internal,172.31.0.11:30080/TCP node-port external  1       1            1       1         external IP 10.244.1.7 is in a prefix of pods
--- stderr
");
    let names = agent.home.run(&["service", "list", "-n", "shop", "-o", "name"]);
    assert_eq!(names.stdout, "shop/web\n");
}

#[test]
fn scripts_see_every_frontend_and_backend() {
    let json = agent().home.run(&["service", "list", "-n", "shop", "-o", "json"]).json();
    assert_eq!(json["kind"], "ServiceList");
    let service = &json["items"][0];
    assert_eq!((&service["nodeName"], &service["type"]), (&"n1".into(), &"NodePort".into()));
    let frontend = &service["frontends"][1];
    assert_eq!(frontend["affinitySeconds"], 10_800);
    assert_eq!((&frontend["policy"], &frontend["scope"]), (&"Cluster".into(), &"internal".into()));
    assert_eq!(frontend["backends"][0]["takesConnections"], true);
    assert_eq!(frontend["backends"][1]["state"], "terminating");
}

#[test]
fn one_service_is_shown_in_full() {
    let agent = agent();
    assert_snapshot!(agent.home.run(&["service", "get", "shop/web"]), @r"
code: 0
--- stdout
NODE  NAMESPACE  NAME  TYPE      PROBLEMS
n1    shop       web   NodePort  1

NODE  NUMBER  FRONTEND               FAMILY  KIND        SCOPE     POLICY   AFFINITY  TAKING
n1    1       *:30080/TCP            IPv4    node-port   internal  Cluster  -         1
n1    2       10.96.0.1:80/TCP       IPv4    cluster-ip  internal  Cluster  10800s    1
n1    3       172.31.0.11:30080/TCP  IPv4    node-port   external  Local    -         0

NODE  BACKEND  ADDRESS          STATE        TAKES  ON NODE  IN ZONE  OF FRONTENDS
n1    1        10.244.1.1:8080  active       yes    n1       z1       1,2
n1    2        10.244.1.2:8080  terminating  no     n1       -        1,2

NODE  WITHOUT EFFECT
n1    external IP 10.244.1.7 is in a prefix of pods
--- stderr
");
    let json = agent.home.run(&["service", "get", "shop/web", "-o", "json"]).json();
    assert_eq!((&json["kind"], &json["items"][0]["name"]), (&"ServiceList".into(), &"web".into()));
}

#[test]
fn a_service_that_is_not_there_is_no() {
    let agent = agent();
    assert_snapshot!(agent.home.run(&["service", "get", "shop/db"]), @r"
code: 1
--- stdout
--- stderr
error: there is no service shop/db

hint: `skep service list` shows the services there are
");
    let json = agent.home.run(&["service", "get", "shop/db", "-o", "json"]);
    assert_eq!(json.code, Some(1), "{json}");
    assert_eq!(json.json()["items"], serde_json::json!([]));
}

#[test]
fn names_and_ports_that_make_no_sense_are_usage_errors() {
    let home = Home::new();
    for args in [
        &["service", "get"][..],
        &["service", "get", "web"],
        &["service", "get", "shop/web/x"],
        &["service", "explain", "shop/web"],
        &["service", "explain", "shop/web", "--from", "client"],
        &["service", "explain", "shop/web", "--from", "ip:shop/client"],
        &["service", "explain", "shop/web", "--from", "shop/client", "--port", "80/icmp"],
        &["service", "explain", "shop/web", "--from", "shop/client", "--to", "web"],
        &["bpf", "lb", "list", "--backends", "--affinity"],
        &["bpf", "lb", "list", "--affinity", "--maglev"],
        &["bpf", "lb", "list", "--maglev", "--revnat"],
    ] {
        let outcome = home.run(args);
        assert_eq!(outcome.code, Some(2), "{args:?} {outcome}");
    }
}

#[test]
fn without_an_agent_nothing_is_known_of_services() {
    let home = Home::new();
    for args in [
        &["service", "list"][..],
        &["service", "get", "shop/web"],
        &["service", "explain", "shop/web", "--from", "shop/client"],
        &["bpf", "lb", "list"],
    ] {
        let outcome = home.run(args);
        assert_eq!(outcome.code, Some(3), "{args:?} {outcome}");
        assert!(outcome.stderr.contains("\nhint: "), "{args:?} {outcome}");
    }
}

fn endpoint(host: u8, fate: Fate) -> ExplainedEndpoint {
    ExplainedEndpoint {
        address: [10, 244, 1, host].into(),
        port: 8080,
        node: Some("n1".into()),
        zone: None,
        takes_connections: fate == Fate::Chosen,
        fate,
        sees: Sees::Client,
        network_policy: None,
    }
}

fn explanation(question: &ServiceQuestion) -> ServiceExplanation {
    ServiceExplanation {
        service: question.service.clone(),
        from: question.from.clone(),
        client: Some(ServiceClient {
            addresses: vec![[10, 244, 1, 9].into()],
            scope: Scope::Internal,
            node: Some("n1".into()),
            zone: Some("z1".into()),
        }),
        reason: None,
        connections: vec![Explained {
            id: 2,
            address: [10, 96, 0, 1].into(),
            port: 80,
            protocol: "TCP".into(),
            kind: FrontendKind::ClusterIp,
            redirect: None,
            policy: TrafficPolicy::Cluster,
            verdict: BalanceVerdict::Balanced,
            hook: Hook::Connect,
            unbalanced: None,
            topology: Topology::IncompleteHints,
            distribution: None,
            affinity_seconds: Some(10_800),
            endpoints: vec![endpoint(1, Fate::Chosen), endpoint(2, Fate::Draining)],
        }],
        findings: vec![],
    }
}

const EXPLAIN: [&str; 5] = ["service", "explain", "shop/web", "--from", "shop/client"];

#[test]
fn a_connection_that_a_backend_takes_is_yes() {
    let agent = Agent::start(Facts { explain: explanation, ..Facts::default() });
    assert_snapshot!(agent.home.run(&EXPLAIN), @r"
code: 0
--- stdout
CLIENT       ADDRESSES   SCOPE     ON NODE  IN ZONE
shop/client  10.244.1.9  internal  n1       z1

NODE  NUMBER  FRONTEND          FAMILY  KIND        POLICY   HOOK     AFFINITY  ENDPOINTS USED           VERDICT
n1    2       10.96.0.1:80/TCP  IPv4    cluster-ip  Cluster  connect  10800s    all: not all have hints  a backend takes it

NODE  ENDPOINT         ON NODE  IN ZONE  SEES    TAKES  WHY                              ALLOWED  OF FRONTENDS
n1    10.244.1.1:8080  n1       -        client  yes    ready                            -        2
n1    10.244.1.2:8080  n1       -        client  no     about to end: keeps what it has  -        2
--- stderr
");
}

fn denied(question: &ServiceQuestion) -> ServiceExplanation {
    let mut explained = explanation(question);
    let [chosen, draining] = &mut explained.connections[0].endpoints[..] else { unreachable!() };
    let answer = |verdict, reason: &str| Some(PolicyAnswer { verdict, reason: reason.to_owned() });
    let reason = "ingress: isolated by NetworkPolicy shop/web";
    chosen.network_policy = answer(PolicyVerdict::Denied, reason);
    draining.network_policy = answer(PolicyVerdict::Allowed, "");
    explained
}

#[test]
fn a_connection_that_policies_deny_is_no() {
    let agent = Agent::start(Facts { explain: denied, ..Facts::default() });
    assert_snapshot!(agent.home.run(&EXPLAIN), @r"
code: 1
--- stdout
CLIENT       ADDRESSES   SCOPE     ON NODE  IN ZONE
shop/client  10.244.1.9  internal  n1       z1

NODE  NUMBER  FRONTEND          FAMILY  KIND        POLICY   HOOK     AFFINITY  ENDPOINTS USED           VERDICT
n1    2       10.96.0.1:80/TCP  IPv4    cluster-ip  Cluster  connect  10800s    all: not all have hints  a backend gets it, but policies deny some

NODE  ENDPOINT         ON NODE  IN ZONE  SEES    TAKES  WHY                              ALLOWED                                          OF FRONTENDS
n1    10.244.1.1:8080  n1       -        client  yes    ready                            no: ingress: isolated by NetworkPolicy shop/web  2
n1    10.244.1.2:8080  n1       -        client  no     about to end: keeps what it has  yes                                              2
--- stderr
");
}

fn refused(question: &ServiceQuestion) -> ServiceExplanation {
    let mut explained = explanation(question);
    explained.connections[0].verdict = BalanceVerdict::NoBackend;
    explained
}

fn unbalanced(question: &ServiceQuestion) -> ServiceExplanation {
    let mut explained = explanation(question);
    explained.connections[0].unbalanced = Some("UDP is not balanced yet".into());
    explained
}

#[test]
fn a_connection_that_nobody_takes_is_no() {
    let unsaid = "UDP is not balanced yet; by the tables, a backend takes it";
    for (explain, said) in [
        (refused as fn(&ServiceQuestion) -> ServiceExplanation, "refused: there is no backend"),
        (unbalanced, unsaid),
    ] {
        let agent = Agent::start(Facts { explain, ..Facts::default() });
        let outcome = agent.home.run(&EXPLAIN);
        assert_eq!(outcome.code, Some(1), "{outcome}");
        assert!(outcome.stdout.contains(said), "{outcome}");
    }
}

fn question() -> ServiceQuestion {
    ServiceQuestion {
        service: "shop/web".parse().expect("a name"),
        from: "ip:2001:db8::1".parse().expect("a client"),
        port: Some(53),
        protocol: Some("UDP".into()),
        to: Some("fd00::1".parse().expect("an address")),
    }
}

#[test]
fn the_agent_is_asked_what_was_asked() {
    let agent = Agent::start(Facts::default());
    let client = ["--from", "ip:2001:db8::1", "--port", "53/udp", "--to", "fd00::1"];
    let args: Vec<&str> = ["service", "explain", "shop/web"].into_iter().chain(client).collect();
    let outcome = agent.home.run(&args);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert_eq!(outcome.stderr, format!("error: {:?}\n", question()));
    let json: Vec<&str> = args.into_iter().chain(["-o", "json"]).collect();
    let outcome = agent.home.run(&json);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert_eq!(outcome.json()["kind"], "ServiceExplanationList");
    assert_eq!(outcome.json()["items"][0]["reason"], format!("{:?}", question()));
}

#[test]
fn the_maps_of_services_are_listed() {
    let agent = Agent::start(Facts::default());
    assert_snapshot!(agent.home.run(&["bpf", "lb", "list", "-o", "wide"]), @r"
code: 0
--- stdout
FRONTEND                   FAMILY  SCOPE     NUMBER  BACKENDS  AFFINITY  FLAGS          NUMBERS
*:30080/TCP                IPv4    internal  7       2         60s       -              1,2
[fd00:10:96::1]:30080/TCP  IPv6    external  8       1/2       -         drop-if-empty  2
--- stderr
");
    assert_snapshot!(agent.home.run(&["bpf", "lb", "list", "--backends"]), @r"
code: 0
--- stdout
NUMBER  ADDRESS     PORT  PROTOCOL
1       10.244.1.1  8080  TCP
--- stderr
");
    assert_snapshot!(agent.home.run(&["bpf", "lb", "list", "--affinity"]).stdout, @r"
CLIENT      FRONTEND  BACKEND  AGE
netns:4242  7         1        0s
");
    assert_snapshot!(agent.home.run(&["bpf", "lb", "list", "--maglev"]).stdout, @r"
TABLE  FRONTEND            FAMILY  SCOPE     NUMBER  ENTRIES  BACKENDS  SHARES
14     203.0.113.1:80/TCP  IPv4    external  7       250/251  2         1:125 (49.8%),2:125 (49.8%)
");
    assert_snapshot!(agent.home.run(&["bpf", "lb", "list", "--revnat"]).stdout, @r"
FRONTEND             FAMILY  NUMBERS  CONNECTIONS
[fd00:96::a]:53/UDP  IPv6    7,9      3
");
}
