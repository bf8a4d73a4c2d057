use insta::assert_snapshot;
use skep::api::Health;

use crate::{
    agent::{Agent, Facts},
    run::Home,
};

#[test]
fn a_healthy_agent_is_yes() {
    let agent = Agent::start(Facts::default());
    assert_snapshot!(agent.home.run(&["status"]), @r"
code: 0
--- stdout
NODE  HEALTH  VERSION  ROUTING  ENDPOINTS  IPV4   IPV6  CT
n1    ok      0.1.0    vxlan    2/2        2/254  2     5/16384

NODE  COMPONENT   HEALTH  MESSAGE
n1    datapath    ok      6 programs
n1    kubernetes  ok      watching

1 of 1 node well, 2 of 2 endpoints ready
--- stderr
");
    let json = agent.home.run(&["status", "-o", "json"]).json();
    assert_eq!(json["healthy"], true);
    assert_eq!(json["items"][0]["health"], "ok");
    assert_eq!(json["unreachable"], serde_json::json!([]));
}

#[test]
fn an_agent_that_is_not_well_is_no() {
    let agent = Agent::start(Facts { health: Health::Failing, ..Facts::default() });
    assert_snapshot!(agent.home.run(&["status"]), @r"
code: 1
--- stdout
NODE  HEALTH   VERSION  ROUTING  ENDPOINTS  IPV4   IPV6  CT
n1    failing  0.1.0    vxlan    2/2        2/254  2     5/16384

NODE  COMPONENT   HEALTH   MESSAGE
n1    datapath    ok       6 programs
n1    kubernetes  failing  watching

0 of 1 node well, 2 of 2 endpoints ready
--- stderr
");
    let outcome = agent.home.run(&["status", "-o", "json"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert_eq!(outcome.json()["healthy"], false);
}

#[test]
fn waiting_ends_when_all_is_well() {
    let agent = Agent::start(Facts { health: Health::Degraded, ..Facts::default() });
    let outcome = agent.home.run(&["status", "--wait"]);
    assert_eq!(outcome.code, Some(0), "{outcome}");
}

#[test]
fn waiting_in_vain_is_no_and_says_for_what() {
    let agent = Agent::start(Facts { health: Health::Starting, ..Facts::default() });
    let outcome = agent.home.run(&["status", "--wait", "--wait-duration", "0s"]);
    assert_eq!(outcome.code, Some(1), "{outcome}");
    assert_snapshot!(outcome.stderr, @"error: skep is not well after 0s: node n1: kubernetes is starting: watching");

    let nobody = Home::new().run(&["status", "--wait", "--wait-duration", "0"]);
    assert_eq!(nobody.code, Some(1), "{nobody}");
    assert!(nobody.stderr.starts_with("error: cannot reach the skep agent"), "{nobody}");
}
