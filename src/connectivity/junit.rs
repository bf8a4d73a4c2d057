//! The report as JUnit XML, which CI systems read.

use std::fmt::Write as _;

use super::report::{CheckResult, Report, ScenarioReport, Status};

/// Returns the report: a suite for each test, a case for each scenario. `flags` are those that a
/// command to repeat a scenario needs.
pub fn junit(report: &Report, flags: &str) -> String {
    let mut tests: Vec<(&str, Vec<&ScenarioReport>)> = Vec::new();
    for scenario in &report.scenarios {
        match tests.iter_mut().find(|(test, _)| *test == scenario.scenario.test) {
            Some((_, scenarios)) => scenarios.push(scenario),
            None => tests.push((scenario.scenario.test, vec![scenario])),
        }
    }
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let all: Vec<&ScenarioReport> = report.scenarios.iter().collect();
    let _ = writeln!(
        xml,
        "<testsuites name=\"skep connectivity test\" {} time=\"{:.3}\">",
        counts(&all),
        report.duration.as_secs_f64()
    );
    for (test, scenarios) in tests {
        let time: f64 = scenarios.iter().map(|one| one.duration.as_secs_f64()).sum();
        let _ = writeln!(
            xml,
            "  <testsuite name=\"{test}\" {} time=\"{time:.3}\" timestamp=\"{}\">",
            counts(&scenarios),
            report.started
        );
        for scenario in scenarios {
            case(&mut xml, scenario, flags);
        }
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn counts(scenarios: &[&ScenarioReport]) -> String {
    let count = |status| scenarios.iter().filter(|one| one.status() == status).count();
    format!(
        "tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\"",
        scenarios.len(),
        count(Status::Failed),
        count(Status::Skipped)
    )
}

fn case(xml: &mut String, report: &ScenarioReport, flags: &str) {
    let _ = write!(
        xml,
        "    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3}\"",
        report.scenario.test,
        report.scenario.name,
        report.duration.as_secs_f64()
    );
    match report.status() {
        Status::Passed => xml.push_str("/>\n"),
        Status::Skipped => {
            let reasons = escape(&report.reasons().join("; "));
            let _ = writeln!(xml, ">\n      <skipped message=\"{reasons}\"/>\n    </testcase>");
        }
        Status::Failed => {
            let (failed, tried) = (report.failures().count(), report.tried());
            let mut text = String::new();
            for check in report.failures() {
                describe(&mut text, check);
            }
            let _ = writeln!(text, "repeat: {}", report.repeat(flags));
            let text = escape(&text);
            let _ = writeln!(
                xml,
                ">\n      <failure message=\"{failed} of {tried} checks failed\">{text}</failure>\n    </testcase>"
            );
        }
    }
}

fn describe(text: &mut String, result: &CheckResult) {
    let CheckResult { check, flows, .. } = result;
    let got = result.got();
    let probe = result.command().unwrap_or_default();
    let _ = writeln!(
        text,
        "{} ({}) to {} ({}): expected {}, got {got}  {probe}",
        check.from.name,
        check.from.node,
        check.to.name,
        check.to.place(),
        check.expectation
    );
    for flow in flows {
        let _ = writeln!(text, "  {flow}");
    }
}

/// Writes text so that it is text in XML 1.0, which has no place for most control characters.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' | '\t' => out.push(c),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::connectivity::{
        Profile, Scenario, Topology, expect::Verdict, plan, probe::Outcome, topology::FAMILIES,
    };

    fn report() -> Report {
        let topology = Topology::example(Profile::Smoke, 1, &FAMILIES[..1]);
        let wanted = ["client-to-client", "pod-to-host", "dns-world"];
        let scenarios: Vec<_> =
            Scenario::ALL.iter().filter(|one| wanted.contains(&one.name)).collect();
        let fails = |name: &str| name == "pod-to-host";
        let scenarios = plan(&scenarios, &topology).into_iter().map(|one| ScenarioReport {
            scenario: one.scenario,
            checks: one
                .planned
                .checks
                .into_iter()
                .map(|check| {
                    let failed = fails(one.scenario.name);
                    let (outcome, verdict) = if failed {
                        (Outcome::Failed { reason: "<\"a\" & \u{1b}b>".into() }, Verdict::Fail)
                    } else {
                        (Outcome::Refused { by: None }, Verdict::Pass)
                    };
                    let flows = if failed { vec!["a -> b DROPPED".into()] } else { Vec::new() };
                    CheckResult { check, outcome, verdict, flows, account: None }
                })
                .collect(),
            gaps: one.planned.gaps,
            duration: Duration::from_millis(1500),
        });
        Report {
            profile: Profile::Smoke,
            namespace: "n".into(),
            nodes: vec!["node-1".into()],
            families: vec![FAMILIES[0]],
            started: "2026-11-24T12:00:00Z".parse().unwrap(),
            duration: Duration::from_secs(2),
            scenarios: scenarios.collect(),
        }
    }

    #[test]
    fn suites_cases_failures_and_skips_have_their_places() {
        insta::assert_snapshot!(junit(&report(), " --profile smoke"), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="skep connectivity test" tests="3" failures="1" errors="0" skipped="1" time="2.000">
      <testsuite name="no-policies" tests="2" failures="1" errors="0" skipped="0" time="3.000" timestamp="2026-11-24T12:00:00Z">
        <testcase classname="no-policies" name="client-to-client" time="1.500"/>
        <testcase classname="no-policies" name="pod-to-host" time="1.500">
          <failure message="2 of 2 checks failed">client-1 (node-1) to host-1 (node-1): expected an answer, got &lt;&quot;a&quot; &amp; �b&gt;  skep connectivity probe 'http://10.4.1.1:24240'
      a -&gt; b DROPPED
    client-1b (node-1) to host-1 (node-1): expected an answer, got &lt;&quot;a&quot; &amp; �b&gt;  skep connectivity probe 'http://10.4.1.1:24240'
      a -&gt; b DROPPED
    repeat: skep connectivity test --test '^no-policies$/^pod-to-host$' --profile smoke
    </failure>
        </testcase>
      </testsuite>
      <testsuite name="dns" tests="1" failures="0" errors="0" skipped="1" time="1.500" timestamp="2026-11-24T12:00:00Z">
        <testcase classname="dns" name="dns-world" time="1.500">
          <skipped message="no external target is given by name"/>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
    }
}
