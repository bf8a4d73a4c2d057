use super::{
    layout::{Area, layout},
    map::Map,
};
use crate::{
    flows::edges::Edges,
    hubble::flow::{Endpoint, Flow, Workload},
};

fn pod(namespace: &str, name: &str) -> Option<Endpoint> {
    let workloads = vec![Workload { name: name.into(), kind: "Deployment".into() }];
    Some(Endpoint { namespace: namespace.into(), workloads, ..Endpoint::default() })
}

/// Links as `namespace/name namespace/name`.
fn edges(links: &[&str]) -> Edges {
    let mut edges = Edges::default();
    let end = |text: &str| text.split_once('/').and_then(|(namespace, name)| pod(namespace, name));
    for (from, to) in links.iter().filter_map(|link| link.split_once(' ')) {
        edges.add(&Flow { source: end(from), destination: end(to), ..Flow::default() });
    }
    edges
}

fn names(map: &Map<'_>) -> Vec<String> {
    map.parties.iter().map(|party| party.name().to_owned()).collect()
}

fn pairs(areas: &[Area]) -> impl Iterator<Item = (&Area, &Area)> {
    areas.iter().enumerate().flat_map(|(n, a)| areas[n + 1..].iter().map(move |b| (a, b)))
}

#[test]
fn who_asks_is_left_of_who_answers_even_in_circles() {
    let edges = edges(&["n/web n/api", "n/api n/db", "n/web n/db", "n/db n/api", "n/api n/api"]);
    let map = Map::of(&edges);
    let names = names(&map);
    let at = layout(&map, &names);
    let x = |name: &str| at.boxes[names.iter().position(|n| n == name).unwrap()].x;
    assert!(x("web") < x("api") && x("api") < x("db"), "{at:?}");
}

#[test]
fn nothing_overlaps_and_everything_is_on_its_island() {
    let mut links = Vec::new();
    for namespace in 0..12 {
        for name in 0..9 {
            links.push(format!("n{namespace}/a{name} n{namespace}/b{}", name * 7 % 5));
            links.push(format!("n{namespace}/b{} n{}/a{name}", name % 5, (namespace + 5) % 12));
        }
    }
    let links: Vec<&str> = links.iter().map(String::as_str).collect();
    let edges = edges(&links);
    let map = Map::of(&edges);
    let at = layout(&map, &names(&map));
    assert_eq!(map.islands.len(), 12);
    assert!(pairs(&at.islands).all(|(a, b)| !a.overlaps(b)));
    assert!(pairs(&at.boxes).all(|(a, b)| !a.overlaps(b)));
    for (island, area) in map.islands.iter().zip(&at.islands) {
        for party in &island.parties {
            let Area { x, y, width, height } = at.boxes[*party];
            assert!(x >= area.x && x + width <= area.x + area.width, "{}", island.name);
            assert!(y >= area.y && y + height <= area.y + area.height, "{}", island.name);
        }
    }
}

#[test]
fn the_order_of_flows_does_not_matter() {
    let links = ["a/x a/y", "b/x a/x", "a/y c/z", "c/z b/x", "a/x c/z"];
    let mut turned = links;
    turned.reverse();
    let draw = |links: &[&str]| super::svg::svg(&Map::of(&edges(links)));
    assert_eq!(draw(&links), draw(&turned));
}

#[test]
fn nothing_is_a_picture_too() {
    let edges = Edges::default();
    let map = Map::of(&edges);
    assert!(super::svg::svg(&map).ends_with("</svg>\n"));
    assert_eq!(super::mermaid::mermaid(&map), "flowchart LR\n");
}
