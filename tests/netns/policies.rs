//! Policies that change under packets.

use skep::bench::edit_under_probes;

#[test]
#[ignore = "needs root"]
fn packets_meet_the_old_or_the_new_version_of_a_policy_and_nothing_else() {
    let found = edit_under_probes((40, 200), 40).expect("a node can be made and probed");
    println!("{} verdicts, {:.0} rounds a second", found.verdicts, found.rate);
    assert_eq!(found.edit.len(), 40);
    assert_eq!(found.wrong, 0, "of {} verdicts", found.verdicts);
}
